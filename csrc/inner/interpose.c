/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Why each group is here (all were seen with iptables 1.8.9 and glibc 2.36):
 *  - the malloc family: a second libc has a second malloc, which leaks an arena with each thread
 *    that dies and deadlocks a child forked while a thread is in it;
 *  - strdup: extensions copy a value, and leave by exit_err() with the copy in hand;
 *  - exit and abort: libxtables has about 25 direct calls of exit(1), and _exit(111);
 *  - the resolver: host options look names up inside libxtables, a packet filter must not.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "guard.h"
#include "interpose.h"

static struct pyiptc_host host;
static int resolve;

/* Memory for the few blocks that libc's start asks for before the host's allocator is known.
 * They are never given back: free() just knows them. */
static _Alignas(16) unsigned char early[65536];
static size_t early_used;

struct early_block {
	_Alignas(16) size_t size;
	unsigned char data[];
};

static int is_early(const void *block)
{
	const unsigned char *p = block;

	return p >= early && p < early + sizeof(early);
}

static void *early_alloc(size_t size)
{
	size_t total = sizeof(struct early_block) + ((size + 15) & ~(size_t)15);
	struct early_block *block;

	if (size > sizeof(early) || total > sizeof(early) - early_used) {
		errno = ENOMEM;
		return NULL;
	}
	block = (struct early_block *)(early + early_used);
	early_used += total;
	block->size = size;
	return block->data;
}

/* Copies of strings that the extension which is being called has not freed. There is one call at a
 * time, and it has one option to copy: more than these are not expected, and would only leak. */
static void *copies[16];
static size_t copy_count;
static int copies_are_kept;

static void remember_copy(void *copy)
{
	if (copies_are_kept && guard_is_active() && copy_count < sizeof(copies) / sizeof(*copies))
		copies[copy_count++] = copy;
}

static void forget_copy(const void *block)
{
	for (size_t i = 0; i < copy_count; i++) {
		if (copies[i] != block)
			continue;
		copies[i] = copies[--copy_count];
		return;
	}
}

void interpose_keep_copies(void)
{
	copies_are_kept = 1;
}

void interpose_forget_copies(void)
{
	copies_are_kept = 0;
	copy_count = 0;
}

static void give_back(void *block)
{
	if (block != NULL && !is_early(block) && host.free != NULL)
		host.free(block);
}

/* Not by free(): the compiler takes that for a function that knows nothing of the copies. */
void interpose_free_copies(void)
{
	copies_are_kept = 0;
	while (copy_count > 0)
		give_back(copies[--copy_count]);
}

void interpose_use_host(const struct pyiptc_host *from)
{
	host = *from;
}

void *malloc(size_t size)
{
	return host.malloc != NULL ? host.malloc(size) : early_alloc(size);
}

void *calloc(size_t count, size_t size)
{
	size_t total;

	if (host.calloc != NULL)
		return host.calloc(count, size);
	if (__builtin_mul_overflow(count, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	return early_alloc(total); /* static memory is zero */
}

void free(void *block)
{
	if (copy_count > 0)
		forget_copy(block);
	give_back(block);
}

void *realloc(void *block, size_t size)
{
	struct early_block *old;
	void *new;

	if (block == NULL)
		return malloc(size);
	if (!is_early(block)) {
		forget_copy(block);
		return host.realloc(block, size);
	}
	old = (struct early_block *)((unsigned char *)block - offsetof(struct early_block, data));
	new = malloc(size);
	if (new != NULL)
		memcpy(new, block, size < old->size ? size : old->size);
	return new;
}

void *reallocarray(void *block, size_t count, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(count, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	return realloc(block, total);
}

void *memalign(size_t alignment, size_t size)
{
	if (host.memalign != NULL)
		return host.memalign(alignment, size);
	return alignment <= 16 ? early_alloc(size) : NULL;
}

/* Name services ask for it (libnss_systemd); the other libc would look for a header of its own. */
size_t malloc_usable_size(void *block)
{
	const struct early_block *early_one;

	if (block == NULL)
		return 0;
	if (!is_early(block))
		return host.usable_size(block);
	early_one = (const void *)((unsigned char *)block - offsetof(struct early_block, data));
	return early_one->size;
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return memalign(alignment, size);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
	void *new = memalign(alignment, size);

	if (new == NULL)
		return ENOMEM;
	*block = new;
	return 0;
}

static char *copy_of(const char *string, size_t length)
{
	char *copy = malloc(length + 1);

	if (copy == NULL)
		return NULL;
	memcpy(copy, string, length);
	copy[length] = '\0';
	remember_copy(copy);
	return copy;
}

char *strndup(const char *string, size_t length)
{
	return copy_of(string, strnlen(string, length));
}

/* The other name is what compilers and older headers make of it. */
char *strdup(const char *string)
{
	return copy_of(string, strlen(string));
}

char *__strdup(const char *string)
{
	return copy_of(string, strlen(string));
}

/* Outside a guarded call nothing of ours is running: do what was asked. */
static _Noreturn void leave(const char *name, int status)
{
	void (*real)(int);

	if (guard_is_active())
		guard_fail("the library called %s(%d)", name, status);
	*(void **)&real = dlsym(RTLD_NEXT, name);
	real(status);
	__builtin_unreachable();
}

void exit(int status)
{
	leave("exit", status);
}

void _exit(int status)
{
	leave("_exit", status);
}

void _Exit(int status)
{
	leave("_Exit", status);
}

void abort(void)
{
	void (*real)(void);

	if (guard_is_active())
		guard_fail("the library called abort()");
	*(void **)&real = dlsym(RTLD_NEXT, "abort");
	real();
	__builtin_unreachable();
}

void __assert_fail(const char *assertion, const char *file, unsigned int line, const char *function)
{
	if (guard_is_active())
		guard_fail("%s:%u: %s: assertion `%s' failed", file, line,
			   function != NULL ? function : "?", assertion);
	abort();
}

void interpose_resolve(int on)
{
	resolve = on;
}

int getaddrinfo(const char *restrict node, const char *restrict service,
		const struct addrinfo *restrict hints, struct addrinfo **restrict result)
{
	static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	struct addrinfo numeric = { 0 };

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (hints != NULL)
		numeric = *hints;
	if (!resolve)
		numeric.ai_flags |= AI_NUMERICHOST;
	return real(node, service, &numeric, result);
}

int getnameinfo(const struct sockaddr *restrict address, socklen_t length, char *restrict name,
		socklen_t name_size, char *restrict service, socklen_t service_size, int flags)
{
	static int (*real)(const struct sockaddr *, socklen_t, char *, socklen_t, char *, socklen_t,
			   int);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "getnameinfo");
	if (!resolve)
		flags |= NI_NUMERICHOST;
	return real(address, length, name, name_size, service, service_size, flags);
}

struct hostent *gethostbyname(const char *name)
{
	static struct hostent *(*real)(const char *);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "gethostbyname");
	if (resolve)
		return real(name);
	h_errno = HOST_NOT_FOUND;
	return NULL;
}

struct hostent *gethostbyaddr(const void *address, socklen_t length, int type)
{
	static struct hostent *(*real)(const void *, socklen_t, int);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "gethostbyaddr");
	if (resolve)
		return real(address, length, type);
	h_errno = HOST_NOT_FOUND;
	return NULL;
}

/* Where nsswitch.conf says so, networks are asked of the DNS too. */
struct netent *getnetbyname(const char *name)
{
	static struct netent *(*real)(const char *);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "getnetbyname");
	return resolve ? real(name) : NULL;
}
