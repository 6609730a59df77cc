/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What plain C needs for the work that is measured: through libiptc, and with the bare system calls.
 *
 *     ipt insert  FAMILY KIND FIRST COUNT ADDRESSES   COUNT times: lock, init, insert, commit, free, unlock
 *     ipt delete  FAMILY KIND FIRST COUNT ADDRESSES   the same, and what is timed is that it is deleted again
 *     ipt append  FAMILY KIND FIRST COUNT ADDRESSES   once: lock, init, COUNT times append, commit, free, unlock
 *     ipt replace FAMILY KIND FIRST COUNT ADDRESSES   lay COUNT rules out, IPT_SO_SET_REPLACE; 5 times
 *     ipt get     FAMILY COUNT                  COUNT times IPT_SO_GET_ENTRIES
 *
 * FAMILY is 4 or 6, KIND simple or complex, FIRST the number of the first rule, ADDRESSES a file of
 * packed addresses. Works in table filter of the network namespace that it is started in; the chain is INPUT. Prints a line for each
 * time: nanoseconds of the clock, of the processor in user space, of the processor in the kernel.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <limits.h>
#include <netinet/in.h>

#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#define TABLE         "filter"
#define CHAIN         "INPUT"
#define REPLACES      5
#define LARGEST_ENTRY 1024
#define PORTS         65535

static int is_ipv6;
static int is_complex;
static unsigned int count, first;
static unsigned char *addresses;

static void die(const char *what)
{
	fprintf(stderr, "ipt: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* -- the clock --------------------------------------------------------------------------------- */

struct moment {
	int64_t wall, user, system;
};

static int64_t of_timeval(const struct timeval *time)
{
	return (int64_t)time->tv_sec * 1000000000 + (int64_t)time->tv_usec * 1000;
}

static struct moment now(void)
{
	struct timespec clock;
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	clock_gettime(CLOCK_MONOTONIC, &clock);
	return (struct moment){ (int64_t)clock.tv_sec * 1000000000 + clock.tv_nsec,
				of_timeval(&usage.ru_utime), of_timeval(&usage.ru_stime) };
}

static void print_since(const struct moment *start)
{
	struct moment end = now();

	printf("%lld %lld %lld\n", (long long)(end.wall - start->wall),
	       (long long)(end.user - start->user), (long long)(end.system - start->system));
}

/* -- entries ------------------------------------------------------------------------------------- */

static size_t address_size(void)
{
	return is_ipv6 ? 16 : 4;
}

static size_t head_size(void)
{
	return is_ipv6 ? sizeof(struct ip6t_entry) : sizeof(struct ipt_entry);
}

/* A match or target of @size bytes of data at @at; returns where the next begins. */
static unsigned char *put_payload(unsigned char *at, const char *name, uint8_t revision,
				  const void *data, size_t size)
{
	struct xt_entry_match *match = (struct xt_entry_match *)at;

	match->u.user.match_size = (uint16_t)(sizeof(*match) + XT_ALIGN(size));
	strcpy(match->u.user.name, name);
	match->u.user.revision = revision;
	memcpy(match->data, data, size);
	return at + match->u.user.match_size;
}

static unsigned char *put_matches(unsigned char *at, unsigned int number)
{
	struct xt_tcp tcp = { .spts = { 0, 65535 } };
	struct xt_conntrack_mtinfo3 conntrack = { .match_flags = XT_CONNTRACK_STATE,
						  .state_mask = XT_CONNTRACK_STATE_BIT(IP_CT_NEW) };
	struct xt_comment_info comment = { .comment = "" };

	number += first;
	tcp.dpts[0] = tcp.dpts[1] = (uint16_t)(number % PORTS + 1);
	snprintf(comment.comment, sizeof(comment.comment), "rule %u", number);
	at = put_payload(at, "tcp", 0, &tcp, sizeof(tcp));
	at = put_payload(at, "conntrack", 3, &conntrack, sizeof(conntrack));
	return put_payload(at, "comment", 0, &comment, sizeof(comment));
}

static void put_header(unsigned char *at, unsigned int number)
{
	const unsigned char *address = addresses + (size_t)number * address_size();

	if (is_ipv6) {
		struct ip6t_entry *entry = (struct ip6t_entry *)at;

		memcpy(&entry->ipv6.src, address, 16);
		memset(&entry->ipv6.smsk, 0xFF, 16);
		if (is_complex) {
			strcpy(entry->ipv6.iniface, "eth0");
			memset(entry->ipv6.iniface_mask, 0xFF, sizeof("eth0"));
			entry->ipv6.proto = IPPROTO_TCP;
			entry->ipv6.flags = IP6T_F_PROTO;
		}
	} else {
		struct ipt_entry *entry = (struct ipt_entry *)at;

		memcpy(&entry->ip.src, address, 4);
		memset(&entry->ip.smsk, 0xFF, 4);
		if (is_complex) {
			strcpy(entry->ip.iniface, "eth0");
			memset(entry->ip.iniface_mask, 0xFF, sizeof("eth0"));
			entry->ip.proto = IPPROTO_TCP;
		}
	}
}

static void put_offsets(unsigned char *at, size_t target_offset, size_t next_offset)
{
	if (is_ipv6) {
		((struct ip6t_entry *)at)->target_offset = (uint16_t)target_offset;
		((struct ip6t_entry *)at)->next_offset = (uint16_t)next_offset;
	} else {
		((struct ipt_entry *)at)->target_offset = (uint16_t)target_offset;
		((struct ipt_entry *)at)->next_offset = (uint16_t)next_offset;
	}
}

/* Zeroed memory at @at becomes a rule; libiptc wants the verdict's @name, the kernel "". */
static size_t put_rule(unsigned char *at, unsigned int number, int is_named)
{
	unsigned char *target = at + head_size();
	int verdict = is_complex ? -NF_ACCEPT - 1 : -NF_DROP - 1;
	const char *name = is_complex ? "ACCEPT" : "DROP";

	put_header(at, number);
	if (is_complex)
		target = put_matches(target, number);
	put_offsets(
		at, (size_t)(target - at),
		(size_t)(put_payload(target, is_named ? name : "", 0, &verdict, sizeof(verdict)) -
			 at));
	return is_ipv6 ? ((struct ip6t_entry *)at)->next_offset
		       : ((struct ipt_entry *)at)->next_offset;
}

static size_t put_policy(unsigned char *at)
{
	unsigned char *target = at + head_size();
	int verdict = -NF_ACCEPT - 1;
	size_t size = (size_t)(put_payload(target, "", 0, &verdict, sizeof(verdict)) - at);

	put_offsets(at, head_size(), size);
	return size;
}

static size_t put_end(unsigned char *at)
{
	char name[XT_FUNCTION_MAXNAMELEN] = "ERROR";
	size_t size = (size_t)(put_payload(at + head_size(), "ERROR", 0, name, sizeof(name)) - at);

	put_offsets(at, head_size(), size);
	return size;
}

/* -- libiptc ------------------------------------------------------------------------------------- */

/* Handles and entries are of either family; the two libraries differ in names only. */
static struct {
	void *(*init)(const char *table);
	int (*insert)(const char *chain, const void *entry, unsigned int index, void *handle);
	int (*append)(const char *chain, const void *entry, void *handle);
	int (*delete_num)(const char *chain, unsigned int index, void *handle);
	int (*commit)(void *handle);
	void (*free)(void *handle);
} library;

static void *symbol(void *handle, const char *name)
{
	char full[64];
	void *found;

	snprintf(full, sizeof(full), "%s_%s", is_ipv6 ? "ip6tc" : "iptc", name);
	found = dlsym(handle, full);
	if (found == NULL) {
		fprintf(stderr, "ipt: %s\n", dlerror());
		exit(1);
	}
	return found;
}

static void open_library(void)
{
	void *handle = dlopen(is_ipv6 ? "libip6tc.so.2" : "libip4tc.so.2", RTLD_NOW);

	if (handle == NULL) {
		fprintf(stderr, "ipt: %s\n", dlerror());
		exit(1);
	}
	*(void **)&library.init = symbol(handle, "init");
	*(void **)&library.insert = symbol(handle, "insert_entry");
	*(void **)&library.append = symbol(handle, "append_entry");
	*(void **)&library.delete_num = symbol(handle, "delete_num_entry");
	*(void **)&library.commit = symbol(handle, "commit");
	*(void **)&library.free = symbol(handle, "free");
}

static int lock(void)
{
	const char *path = getenv("XTABLES_LOCKFILE");
	int fd = open(path != NULL ? path : "/run/xtables.lock", O_CREAT, 0600);

	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		die("lock");
	return fd;
}

static void *open_table(void)
{
	void *handle = library.init(TABLE);

	if (handle == NULL)
		die("init");
	return handle;
}

static void send_table(void *handle)
{
	if (!library.commit(handle))
		die("commit");
	library.free(handle);
}

static void delete_first(void)
{
	int fd = lock();
	void *handle = open_table();

	if (!library.delete_num(CHAIN, 0, handle))
		die("delete");
	send_table(handle);
	close(fd);
}

/* Each rule is deleted before the next one comes: the table stays as large as it is. */
static void insert_and_delete(int is_delete_timed)
{
	unsigned int number;

	for (number = 0; number < count; number++) {
		uint64_t buffer[LARGEST_ENTRY / 8] = { 0 };
		struct moment start;
		void *handle;
		int fd;

		put_rule((unsigned char *)buffer, number, 1);
		start = now();
		fd = lock();
		handle = open_table();
		if (!library.insert(CHAIN, buffer, 0, handle))
			die("insert");
		send_table(handle);
		close(fd);
		if (!is_delete_timed)
			print_since(&start);
		start = now();
		delete_first();
		if (is_delete_timed)
			print_since(&start);
	}
}

static void append(void)
{
	struct moment start = now();
	int fd = lock();
	void *handle = open_table();
	unsigned int number;

	for (number = 0; number < count; number++) {
		uint64_t buffer[LARGEST_ENTRY / 8] = { 0 };

		put_rule((unsigned char *)buffer, number, 1);
		if (!library.append(CHAIN, buffer, handle))
			die("append");
	}
	send_table(handle);
	close(fd);
	print_since(&start);
}

/* -- bare system calls ----------------------------------------------------------------------------- */

static int level(void)
{
	return is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP;
}

static int open_socket(void)
{
	int fd = socket(is_ipv6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);

	if (fd < 0)
		die("socket");
	return fd;
}

static struct ipt_getinfo get_info(int fd)
{
	struct ipt_getinfo info = { .name = TABLE };
	socklen_t size = sizeof(info);

	if (getsockopt(fd, level(), IPT_SO_GET_INFO, &info, &size) < 0)
		die("IPT_SO_GET_INFO");
	return info;
}

static void get(void)
{
	int fd = open_socket();
	struct ipt_getinfo info = get_info(fd);
	size_t size = sizeof(struct ipt_get_entries) + info.size;
	struct ipt_get_entries *entries = calloc(1, size);
	unsigned int i;

	if (entries == NULL)
		die("calloc");
	for (i = 0; i < count; i++) {
		struct moment start = now();
		socklen_t length = (socklen_t)size;

		strcpy(entries->name, TABLE);
		entries->size = info.size;
		if (getsockopt(fd, level(), IPT_SO_GET_ENTRIES, entries, &length) < 0)
			die("IPT_SO_GET_ENTRIES");
		print_since(&start);
	}
}

/* Table filter with the rules in INPUT and nothing else. */
static struct ipt_replace *lay_out(unsigned int old_count, size_t *total)
{
	size_t rule_size = head_size() + (is_complex ? 3 * 32 + 16 + 168 + 256 : 0) + 40;
	size_t room = (size_t)(count + 4) * (rule_size + 64);
	struct ipt_replace *replace = calloc(1, sizeof(*replace) + room);
	unsigned char *entries, *at;
	unsigned int number;

	if (replace == NULL)
		die("calloc");
	at = entries = (unsigned char *)replace->entries;
	strcpy(replace->name, TABLE);
	replace->valid_hooks =
		1U << NF_INET_LOCAL_IN | 1U << NF_INET_FORWARD | 1U << NF_INET_LOCAL_OUT;
	replace->num_entries = count + 4;
	replace->num_counters = old_count;
	replace->counters = calloc(old_count, sizeof(*replace->counters));
	for (number = 0; number < count; number++)
		at += put_rule(at, number, 0);
	replace->underflow[NF_INET_LOCAL_IN] = (unsigned int)(at - entries);
	at += put_policy(at);
	replace->hook_entry[NF_INET_FORWARD] = replace->underflow[NF_INET_FORWARD] =
		(unsigned int)(at - entries);
	at += put_policy(at);
	replace->hook_entry[NF_INET_LOCAL_OUT] = replace->underflow[NF_INET_LOCAL_OUT] =
		(unsigned int)(at - entries);
	at += put_policy(at);
	at += put_end(at);
	replace->size = (unsigned int)(at - entries);
	*total = sizeof(*replace) + replace->size;
	return replace;
}

static void replace_once(int fd, int is_timed)
{
	struct moment start = now();
	struct ipt_getinfo info = get_info(fd);
	size_t total;
	struct ipt_replace *replace = lay_out(info.num_entries, &total);

	if (setsockopt(fd, level(), IPT_SO_SET_REPLACE, replace, (socklen_t)total) < 0)
		die("IPT_SO_SET_REPLACE");
	free(replace->counters);
	free(replace);
	if (is_timed)
		print_since(&start);
}

/* The table is empty before each time, and full after the last. */
static void replace(void)
{
	int fd = open_socket();
	unsigned int full = count, i;

	for (i = 0; i < REPLACES; i++) {
		count = 0;
		replace_once(fd, 0);
		count = full;
		replace_once(fd, 1);
	}
}

static void read_addresses(const char *path)
{
	size_t size = count * address_size();
	FILE *file = fopen(path, "rb");

	addresses = malloc(size + 1);
	if (file == NULL || addresses == NULL || fread(addresses, 1, size, file) != size)
		die(path);
	fclose(file);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	int is_get = strcmp(what, "get") == 0;

	if (argc != (is_get ? 4 : 7)) {
		fprintf(stderr, "usage: ipt insert|delete|append|replace 4|6 simple|complex FIRST "
				"COUNT FILE\n"
				"       ipt get 4|6 COUNT\n");
		return 2;
	}
	is_ipv6 = strcmp(argv[2], "6") == 0;
	is_complex = strcmp(argv[3], "complex") == 0;
	count = (unsigned int)strtoul(argv[is_get ? 3 : 5], NULL, 10);
	if (is_get) {
		get();
		return 0;
	}
	first = (unsigned int)strtoul(argv[4], NULL, 10);
	read_addresses(argv[6]);
	if (strcmp(what, "replace") == 0) {
		replace();
		return 0;
	}
	open_library();
	if (strcmp(what, "append") == 0)
		append();
	else
		insert_and_delete(strcmp(what, "delete") == 0);
	return 0;
}
