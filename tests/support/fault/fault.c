/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded into a Python process: calls that fail on demand, and a kernel out of bytes.
 *
 * The process steers it by ctypes through the fault_* functions; tests/support/faults.py is the
 * other side. What runs inside libxtables' own link namespace sees none of this but malloc, which
 * the shim hands in.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The order of faults.Call. */
enum call {
	CALL_SOCKET,
	CALL_GETSOCKOPT,
	CALL_SETSOCKOPT,
	CALL_OPEN,
	CALL_FLOCK,
	CALL_SETNS,
	CALL_MALLOC,
	CALL_BIND,
	CALL_SENDTO,
	CALL_RECVFROM,
	CALL_MESSAGE,
	CALL_TEAR,
	CALL_COUNT,
};

#define ANY         (-1)
#define NETLINK     16 /* AF_NETLINK */
#define PLANS       16
#define OPTIONS     128 /* larger ones are counted as one */
#define GET_INFO    64  /* and SET_REPLACE */
#define GET_ENTRIES 65  /* and SET_ADD_COUNTERS */
#define NAME_SIZE   32  /* XT_TABLE_MAXNAMELEN */
#define HEADER_SIZE 40  /* of struct ipt_get_entries */
#define RANGES      256
/* Offsets in struct ipt_replace. */
#define REPLACE_NUM_COUNTERS 84
#define REPLACE_COUNTERS     88

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *block, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);

struct plan {
	enum call call;
	int option; /* of a socket call, or ANY */
	int error;
	long skip, times; /* times: ANY for ever */
	char path[256];   /* open: of this file only; others: until this file exists */
};

static struct plan plans[PLANS];
static size_t plan_count;
static long counts[CALL_COUNT][OPTIONS];
static __thread bool is_watching; /* allocations of this thread */
static struct {
	uintptr_t from, to;
} spared[RANGES]; /* code whose allocations never fail: the interpreter's */
static size_t spared_count;

static int refused_fd = -1; /* an answer out of bytes is what is received next from it */
static int torn_fd = -1;    /* a dump that is being read from it is torn */

static const void *info; /* what the kernel out of bytes answers, or NULL */
static const unsigned char *entries;
static size_t info_size, entries_size;
static unsigned char *sent[2]; /* what it was sent: REPLACE, ADD_COUNTERS */
static size_t sent_size[2];

/* ---- plans ---------------------------------------------------------------------------------- */

static bool file_exists(const char *path)
{
	return syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
}

/* The errno to fail with, or 0. */
static int failure(enum call call, int option, const char *path)
{
	int at = option < 0 || option >= OPTIONS ? OPTIONS - 1 : option;

	counts[call][at]++;
	for (size_t i = 0; i < plan_count; i++) {
		struct plan *plan = &plans[i];

		if (plan->call != call || (plan->option != ANY && plan->option != option))
			continue;
		if (call == CALL_OPEN && strcmp(plan->path, path) != 0)
			continue;
		if (call != CALL_OPEN && plan->path[0] != '\0' && file_exists(plan->path))
			continue;
		if (plan->skip > 0) {
			plan->skip--;
			continue;
		}
		if (plan->times == 0)
			continue;
		if (plan->times > 0)
			plan->times--;
		return plan->error;
	}
	return 0;
}

static int note_range(struct dl_phdr_info *object, size_t size, void *unused)
{
	const char *name = strrchr(object->dlpi_name, '/');

	(void)size, (void)unused;
	name = name != NULL ? name + 1 : object->dlpi_name;
	/* The program has no name here. */
	if (*name != '\0' && strncmp(name, "libpython", 9) != 0 &&
	    strncmp(name, "libffi", 6) != 0 && strstr(object->dlpi_name, "lib-dynload") == NULL)
		return 0;
	for (int i = 0; i < object->dlpi_phnum && spared_count < RANGES; i++) {
		const ElfW(Phdr) *header = &object->dlpi_phdr[i];

		if (header->p_type != PT_LOAD || !(header->p_flags & PF_X))
			continue;
		spared[spared_count].from = object->dlpi_addr + header->p_vaddr;
		spared[spared_count].to = spared[spared_count].from + header->p_memsz;
		spared_count++;
	}
	return 0;
}

static bool is_spared(const void *caller)
{
	for (size_t i = 0; i < spared_count; i++)
		if ((uintptr_t)caller >= spared[i].from && (uintptr_t)caller < spared[i].to)
			return true;
	return false;
}

void fault_plan(int call, int option, const char *path, int error, long skip, long times)
{
	struct plan *plan = &plans[plan_count];

	if (plan_count == PLANS || strlen(path) >= sizeof(plan->path))
		abort();
	*plan = (struct plan){ .option = option, .error = error, .skip = skip, .times = times };
	plan->call = (enum call)call;
	strcpy(plan->path, path);
	plan_count++;
	spared_count = 0;
	dl_iterate_phdr(note_range, NULL);
	if (plan->call == CALL_MALLOC)
		is_watching = true;
}

/* Nothing fails any more; what was counted stays. */
void fault_stop(void)
{
	is_watching = false;
	plan_count = 0;
	refused_fd = torn_fd = -1;
}

void fault_clear(void)
{
	fault_stop();
	memset(counts, 0, sizeof(counts));
}

long fault_count(int call, int option)
{
	long sum = 0;

	if (option != ANY)
		return counts[call][option];
	for (int i = 0; i < OPTIONS; i++)
		sum += counts[call][i];
	return sum;
}

/* ---- a kernel out of bytes -------------------------------------------------------------------- */

/* From now on sockets of IPv4 and IPv6 are none, and one table is in the kernel: these bytes, the caller's. */
void fault_kernel(const void *from_info, size_t from_info_size, const void *from, size_t size)
{
	info = from_info;
	info_size = from_info_size;
	entries = from;
	entries_size = size;
}

/* What was sent last. @which: 0 replace, 1 counters. Return: its size. */
size_t fault_sent(int which, const void **data)
{
	*data = sent[which];
	return sent_size[which];
}

static int answer(int option, unsigned char *value, socklen_t *size)
{
	uint32_t wanted;

	if (option == GET_INFO) {
		memcpy(value, info, info_size < *size ? info_size : *size);
		return 0;
	}
	if (option != GET_ENTRIES)
		return 0; /* every revision is known */
	memcpy(&wanted, value + NAME_SIZE, sizeof(wanted));
	if (wanted != entries_size || *size < HEADER_SIZE + entries_size) {
		errno = EAGAIN;
		return -1;
	}
	memcpy(value + HEADER_SIZE, entries, entries_size);
	return 0;
}

/* The replaced entries counted 1000, 1001, … packets and 2000, 2001, … bytes. */
static void give_counters(const unsigned char *replace)
{
	uint32_t number;
	uint64_t (*counters)[2];

	memcpy(&number, replace + REPLACE_NUM_COUNTERS, sizeof(number));
	memcpy(&counters, replace + REPLACE_COUNTERS, sizeof(counters));
	for (uint32_t i = 0; i < number; i++) {
		counters[i][0] = 1000 + i;
		counters[i][1] = 2000 + i;
	}
}

static int keep(int option, const void *value, socklen_t size)
{
	int which = option - GET_INFO;
	unsigned char *copy = __libc_realloc(sent[which], size);

	if (option == GET_INFO)
		give_counters(value);

	if (copy == NULL)
		abort();
	memcpy(copy, value, size);
	sent[which] = copy;
	sent_size[which] = size;
	return 0;
}

/* ---- the calls ---------------------------------------------------------------------------------- */

static int fail(int error)
{
	errno = error;
	return -1;
}

int socket(int domain, int type, int protocol)
{
	int error = failure(CALL_SOCKET, domain, "");

	if (error != 0)
		return fail(error);
	if (info != NULL && (domain == AF_INET || domain == AF_INET6))
		return (int)syscall(SYS_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return (int)syscall(SYS_socket, domain, type, protocol);
}

int getsockopt(int fd, int level, int option, void *restrict value, socklen_t *restrict size)
{
	int error = failure(CALL_GETSOCKOPT, option, "");

	if (error != 0)
		return fail(error);
	if (info != NULL && level != SOL_SOCKET)
		return answer(option, value, size);
	return (int)syscall(SYS_getsockopt, fd, level, option, value, size);
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
	int error = failure(CALL_SETSOCKOPT, option, "");

	if (error != 0)
		return fail(error);
	if (info != NULL && level != SOL_SOCKET)
		return keep(option, value, size);
	return (int)syscall(SYS_setsockopt, fd, level, option, value, size);
}

static int do_open(const char *path, int flags, mode_t mode)
{
	int error = failure(CALL_OPEN, ANY, path);

	if (error != 0)
		return fail(error);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
	va_end(args);
	return do_open(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
	va_end(args);
	return do_open(path, flags, mode);
}

int flock(int fd, int operation)
{
	int error = failure(CALL_FLOCK, ANY, "");

	return error != 0 ? fail(error) : (int)syscall(SYS_flock, fd, operation);
}

int setns(int fd, int type)
{
	int error = failure(CALL_SETNS, ANY, "");

	return error != 0 ? fail(error) : (int)syscall(SYS_setns, fd, type);
}

/* ---- netlink ------------------------------------------------------------------------------------- */

static struct {
	struct nlmsghdr header;
	struct nlmsgerr error;
} refusal; /* what is received next from refused_fd */

/* As in faults.Message. */
static int kind_of(const struct nlmsghdr *message, size_t size)
{
	size_t step = NLMSG_ALIGN(message->nlmsg_len);

	if (message->nlmsg_type == NFNL_MSG_BATCH_BEGIN) {
		const struct nlmsghdr *next = (const void *)((const char *)message + step);

		return size - step >= sizeof(*next) && next->nlmsg_type == NFNL_MSG_BATCH_END ? 66
											      : 64;
	}
	if (NFNL_SUBSYS_ID(message->nlmsg_type) == NFNL_SUBSYS_NFT_COMPAT)
		return 65;
	return NFNL_SUBSYS_ID(message->nlmsg_type) == NFNL_SUBSYS_NFTABLES
		       ? NFNL_MSG_TYPE(message->nlmsg_type)
		       : OPTIONS - 2;
}

/* Whether one of the messages is refused, so that none of them gets to the kernel. */
static bool is_refused_by_kernel(int fd, const unsigned char *data, size_t size)
{
	while (size >= sizeof(struct nlmsghdr)) {
		const struct nlmsghdr *message = (const struct nlmsghdr *)data;
		size_t step = NLMSG_ALIGN(message->nlmsg_len);
		int error = failure(CALL_MESSAGE, kind_of(message, size), "");

		if (error != 0) {
			memset(&refusal, 0, sizeof(refusal));
			refusal.header.nlmsg_len = sizeof(refusal);
			refusal.header.nlmsg_type = NLMSG_ERROR;
			refusal.header.nlmsg_seq = message->nlmsg_seq;
			refusal.error.error = -error;
			refusal.error.msg = *message;
			refused_fd = fd;
			return true;
		}
		if ((message->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP &&
		    failure(CALL_TEAR, kind_of(message, size), "") != 0)
			torn_fd = fd;
		if (step >= size)
			return false;
		data += step;
		size -= step;
	}
	return false;
}

static void tear(int fd, unsigned char *data, size_t size)
{
	while (fd == torn_fd && size >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr *message = (struct nlmsghdr *)data;
		size_t step = NLMSG_ALIGN(message->nlmsg_len);

		message->nlmsg_flags |= NLM_F_DUMP_INTR;
		if (message->nlmsg_type == NLMSG_DONE)
			torn_fd = -1;
		if (step >= size)
			return;
		data += step;
		size -= step;
	}
}

int bind(int fd, const struct sockaddr *address, socklen_t size)
{
	int error = is_spared(__builtin_return_address(0)) ? 0 : failure(CALL_BIND, ANY, "");

	return error != 0 ? fail(error) : (int)syscall(SYS_bind, fd, address, size);
}

ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *to,
	       socklen_t to_size)
{
	if (to != NULL && to->sa_family == NETLINK && !is_spared(__builtin_return_address(0))) {
		int error = failure(CALL_SENDTO, ANY, "");

		if (error != 0)
			return fail(error);
		if (is_refused_by_kernel(fd, data, size))
			return (ssize_t)size;
	}
	return syscall(SYS_sendto, fd, data, size, flags, to, to_size);
}

ssize_t recvfrom(int fd, void *restrict data, size_t size, int flags,
		 struct sockaddr *restrict from, socklen_t *restrict from_size)
{
	ssize_t received;
	int error = 0;

	if (from != NULL && *from_size == sizeof(struct sockaddr_nl) &&
	    !is_spared(__builtin_return_address(0)))
		error = failure(CALL_RECVFROM, ANY, "");
	if (error != 0 && error != EMSGSIZE)
		return fail(error);
	if (fd == refused_fd) {
		refused_fd = -1;
		memset(from, 0, *from_size);
		memcpy(data, &refusal, sizeof(refusal));
		return sizeof(refusal);
	}
	received = syscall(SYS_recvfrom, fd, data, size, flags, from, from_size);
	if (received > 0)
		tear(fd, data, (size_t)received);
	return received > 0 && error == EMSGSIZE ? (ssize_t)size + 1 : received;
}

/* ---- memory --------------------------------------------------------------------------------------- */

static bool is_refused(const void *caller)
{
	return is_watching && !is_spared(caller) && failure(CALL_MALLOC, ANY, "") != 0;
}

static void *refuse(void)
{
	errno = ENOMEM;
	return NULL;
}

void *malloc(size_t size)
{
	return is_refused(__builtin_return_address(0)) ? refuse() : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return is_refused(__builtin_return_address(0)) ? refuse() : __libc_calloc(count, size);
}

void *realloc(void *block, size_t size)
{
	return is_refused(__builtin_return_address(0)) ? refuse() : __libc_realloc(block, size);
}

void *memalign(size_t alignment, size_t size)
{
	return is_refused(__builtin_return_address(0)) ? refuse()
						       : __libc_memalign(alignment, size);
}
