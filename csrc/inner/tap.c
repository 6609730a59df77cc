/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

#include "tap.h"

/* As often as the legacy handle tries; libiptc would try for ever. */
#define READ_TRIES 100

struct tap tap;

int socket(int domain, int type, int protocol)
{
	static int (*real)(int, int, int);

	if (tap.is_on)
		return fcntl(tap.fd, F_DUPFD_CLOEXEC, 0);
	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "socket");
	return real(domain, type, protocol);
}

static int real_getsockopt(int fd, int level, int option, void *value, socklen_t *size)
{
	static int (*real)(int, int, int, void *, socklen_t *);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "getsockopt");
	return real(fd, level, option, value, size);
}

static int real_setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
	static int (*real)(int, int, int, const void *, socklen_t);

	if (real == NULL)
		*(void **)&real = dlsym(RTLD_NEXT, "setsockopt");
	return real(fd, level, option, value, size);
}

/* The entries may be those of another table of the same size: libiptc does not look. */
static int check_info(int fd, int level)
{
	struct ipt_getinfo now = { 0 };
	socklen_t size = sizeof(now);

	memcpy(now.name, tap.info.name, sizeof(now.name));
	if (real_getsockopt(fd, level, IPT_SO_GET_INFO, &now, &size) < 0)
		return -1;
	if (memcmp(&now, &tap.info, sizeof(now)) == 0)
		return 0;
	errno = EAGAIN;
	return -1;
}

static int get_entries(int fd, int level, struct ipt_get_entries *entries, socklen_t *size)
{
	/* The kernel leaves the tail of names as it finds it; libiptc does not clear them. */
	memset(entries->entrytable, 0, entries->size);
	if (real_getsockopt(fd, level, IPT_SO_GET_ENTRIES, entries, size) < 0 ||
	    check_info(fd, level) < 0) {
		/* After EAGAIN libiptc starts again; nothing else says EBUSY. */
		if (errno == EAGAIN && ++tap.tries >= READ_TRIES)
			errno = EBUSY;
		return -1;
	}
	tap.entries = entries;
	/* It fails without an errno where it cannot parse, and an old EAGAIN would let it loop. */
	errno = 0;
	return 0;
}

int getsockopt(int fd, int level, int option, void *restrict value, socklen_t *restrict size)
{
	int rc;

	if (!tap.is_on || option != IPT_SO_GET_ENTRIES) {
		rc = real_getsockopt(fd, level, option, value, size);
		if (tap.is_on && rc == 0 && option == IPT_SO_GET_INFO)
			memcpy(&tap.info, value, sizeof(tap.info));
		return rc;
	}
	return get_entries(fd, level, value, size);
}

static bool is_expected(const struct ipt_replace *replace)
{
	const struct ipt_replace *expected = tap.edit != NULL ? tap.edit->after : NULL;
	const unsigned char *a, *b;

	if (expected == NULL || replace->size != expected->size ||
	    replace->num_entries != expected->num_entries ||
	    replace->valid_hooks != expected->valid_hooks ||
	    memcmp(replace->hook_entry, expected->hook_entry, sizeof(replace->hook_entry)) != 0 ||
	    memcmp(replace->underflow, expected->underflow, sizeof(replace->underflow)) != 0)
		return false;
	a = (const unsigned char *)expected->entries;
	b = (const unsigned char *)replace->entries;
	for (uint32_t i = 0; i < expected->num_entries; i++) {
		uint32_t size = entry_size(tap.layout, a);

		if (!entry_is_same(tap.layout, a, b))
			return false;
		a += size;
		b += size;
	}
	return true;
}

static int set_replace(int fd, int level, const struct ipt_replace *replace, socklen_t size)
{
	int rc;

	if (!is_expected(replace)) {
		tap.is_refused = 1;
		errno = EPROTO;
		return -1;
	}
	rc = real_setsockopt(fd, level, IPT_SO_SET_REPLACE, replace, size);
	if (rc == 0) {
		tap.is_replaced = 1;
		tap.old = replace->counters;
	}
	return rc;
}

static int add_counters(int fd, int level, const struct xt_counters_info *info, socklen_t size)
{
	memcpy(tap.sent, info, size);
	for (size_t i = 0; i < tap.edit->carry_count; i++) {
		const struct pyiptc_carry *carry = &tap.edit->carries[i];
		struct xt_counters *to = &tap.sent->counters[carry->to];

		*to = tap.old[tap.kernel_index[carry->from]];
		to->pcnt -= carry->less_packets;
		to->bcnt -= carry->less_bytes;
	}
	return real_setsockopt(fd, level, IPT_SO_SET_ADD_COUNTERS, tap.sent, size);
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t size)
{
	if (tap.is_on && option == IPT_SO_SET_REPLACE)
		return set_replace(fd, level, value, size);
	if (tap.is_on && option == IPT_SO_SET_ADD_COUNTERS)
		return add_counters(fd, level, value, size);
	return real_setsockopt(fd, level, option, value, size);
}
