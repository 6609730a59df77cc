/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "guard.h"
#include "library.h"
#include "sane.h"

/* After library.h: these headers leave out what it includes before them. */
#include <linux/netfilter/xt_connmark.h>
#include <linux/netfilter/xt_dccp.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_policy.h>
#include <linux/netfilter/xt_sctp.h>
#include <linux/netfilter/xt_string.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter/xt_u32.h>
#include <linux/netfilter_ipv4/ipt_REJECT.h>
#include <linux/netfilter_ipv6/ip6t_REJECT.h>
#include <linux/netfilter_ipv6/ip6t_hl.h>
#include <linux/netfilter_ipv6/ip6t_opts.h>
#include <linux/netfilter_ipv6/ip6t_rt.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* FIN, SYN, RST, PSH, ACK and URG have names; ECE and CWR do not. */
static bool tcp_is_sane(const void *data)
{
	const struct xt_tcp *tcp = data;

	return ((tcp->flg_mask | tcp->flg_cmp) & 0xc0) == 0;
}

/* Types 0 to 9 have names, and printing ends at INVALID (10), which stands for the rest. */
static bool dccp_is_sane(const void *data)
{
	const struct xt_dccp_info *dccp = data;

	return (dccp->typemask & 0xf800) == 0 || (dccp->typemask & 0x0400) != 0;
}

/* Flags of a chunk have letters that are looked for by its number, in a table that has no place for the
 * numbers above SHUTDOWN_COMPLETE's (14); chunks above it have no flags in any case. */
static bool sctp_is_sane(const void *data)
{
	const struct xt_sctp_info *sctp = data;

	if (sctp->flag_count < 0 || sctp->flag_count > XT_NUM_SCTP_FLAGS)
		return false;
	for (int i = 0; i < sctp->flag_count; i++)
		if (sctp->flag_info[i].chunktype > 14 && sctp->flag_info[i].flag_mask != 0)
			return false;
	return true;
}

/* Two directions have names. */
static bool connmark_is_sane(const void *data)
{
	const struct xt_connmark_tginfo2 *connmark = data;

	return connmark->shift_dir <= D_SHIFT_RIGHT;
}

static bool policy_is_sane(const void *data)
{
	const struct xt_policy_info *policy = data;

	return policy->len <= XT_POLICY_MAX_ELEM;
}

static bool multiport_is_sane(const void *data)
{
	const struct xt_multiport_v1 *multiport = data;

	return multiport->count <= COUNT(multiport->ports);
}

static bool string_is_sane(const void *data)
{
	const struct xt_string_info *string = data;

	return string->patlen <= COUNT(string->pattern);
}

/* Before 6.6 the kernel took any number of tests. */
static bool u32_is_sane(const void *data)
{
	const struct xt_u32 *u32 = data;

	if (u32->ntests > COUNT(u32->tests))
		return false;
	for (size_t i = 0; i < u32->ntests; i++) {
		const struct xt_u32_test *test = &u32->tests[i];

		if (test->nnums > COUNT(test->location) || test->nvalues > COUNT(test->value))
			return false;
	}
	return true;
}

static bool rt_is_sane(const void *data)
{
	const struct ip6t_rt *rt = data;

	return rt->addrnr <= COUNT(rt->addrs);
}

/* Of dst and hbh. */
static bool opts_is_sane(const void *data)
{
	const struct ip6t_opts *opts = data;

	return opts->optsnr <= COUNT(opts->opts);
}

/* One place of each table has no name. */
static bool reject_is_sane(const void *data)
{
	const struct ipt_reject_info *reject = data;

	return reject->with <= IPT_ICMP_ADMIN_PROHIBITED && reject->with != IPT_ICMP_ECHOREPLY;
}

static bool reject6_is_sane(const void *data)
{
	const struct ip6t_reject_info *reject = data;

	return reject->with <= IP6T_ICMP6_REJECT_ROUTE && reject->with != IP6T_ICMP6_ECHOREPLY;
}

/* The kernel takes any mode; only four have a name. */
static bool hl_is_sane(const void *data)
{
	const struct ip6t_hl_info *hl = data;

	return hl->mode <= IP6T_HL_GT;
}

static const struct {
	enum pyiptc_kind kind;
	unsigned int family; /* NFPROTO_UNSPEC: both */
	const char *name;
	unsigned int revision;
	bool (*is_sane)(const void *data);
} checks[] = {
	{ PYIPTC_MATCH, NFPROTO_UNSPEC, "tcp", 0, tcp_is_sane },
	{ PYIPTC_MATCH, NFPROTO_UNSPEC, "dccp", 0, dccp_is_sane },
	{ PYIPTC_MATCH, NFPROTO_UNSPEC, "sctp", 0, sctp_is_sane },
	{ PYIPTC_MATCH, NFPROTO_UNSPEC, "policy", 0, policy_is_sane },
	{ PYIPTC_MATCH, NFPROTO_UNSPEC, "multiport", 1, multiport_is_sane },
	{ PYIPTC_MATCH, NFPROTO_UNSPEC, "string", 1, string_is_sane },
	{ PYIPTC_MATCH, NFPROTO_UNSPEC, "u32", 0, u32_is_sane },
	{ PYIPTC_MATCH, NFPROTO_IPV6, "hl", 0, hl_is_sane },
	{ PYIPTC_MATCH, NFPROTO_IPV6, "rt", 0, rt_is_sane },
	{ PYIPTC_MATCH, NFPROTO_IPV6, "dst", 0, opts_is_sane },
	{ PYIPTC_MATCH, NFPROTO_IPV6, "hbh", 0, opts_is_sane },
	{ PYIPTC_TARGET, NFPROTO_UNSPEC, "CONNMARK", 2, connmark_is_sane },
	{ PYIPTC_TARGET, NFPROTO_IPV4, "REJECT", 0, reject_is_sane },
	{ PYIPTC_TARGET, NFPROTO_IPV6, "REJECT", 0, reject6_is_sane },
};

bool payload_is_sane(enum pyiptc_kind kind, unsigned int nfproto, const void *payload)
{
	/* A target's header has the same layout. */
	const struct xt_entry_match *header = payload;

	for (size_t i = 0; i < COUNT(checks); i++) {
		if (checks[i].kind != kind || header->u.user.revision != checks[i].revision ||
		    (checks[i].family != NFPROTO_UNSPEC && checks[i].family != nfproto))
			continue;
		if (strncmp(checks[i].name, header->u.user.name, XT_EXTENSION_MAXNAMELEN) == 0)
			return checks[i].is_sane(header->data);
	}
	return true;
}

const void *payload_to_print(const void *payload, size_t size)
{
	enum { LONGEST = 1 << 16, NULS = 8 };
#ifdef PYIPTC_WATCH
	enum { PAGE = 1 << 12 };
	static unsigned char *place;

	if (place == NULL) {
		place = mmap(NULL, LONGEST + PAGE, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (place == MAP_FAILED || mprotect(place + LONGEST, PAGE, PROT_NONE) != 0)
			abort();
	}
#else
	static unsigned char place[LONGEST] __attribute__((aligned(8)));
#endif
	unsigned char *copy = place + LONGEST - NULS - size;

	if (size > LONGEST - NULS)
		guard_fail("a payload of %zu bytes", size);
	memset(copy + size, 0, NULS);
	return memcpy(copy, payload, size);
}

/*
 * hashlimit counts bytes by the 16: of 1.8.9, a rate of less is one of none, by which it divides
 * the burst, and which it prints as 0b/s.
 */
void check_value(const struct xtables_match *match, const char *value)
{
	const char *unit = value != NULL ? strstr(value, "b/s") : NULL;

	if (unit == NULL || unit == value || strcmp(match->name, "hashlimit") != 0)
		return;
	/* A sign wraps to a large number here, and to none there. */
	if (unit[-1] != 'k' && unit[-1] != 'm' &&
	    (strtoull(value, NULL, 10) < 16 || memchr(value, '-', (size_t)(unit - value)) != NULL))
		guard_fail("bad rate \"%s\": expected at least 16b/s", value);
}

/* Those of 1.8.9 that leak a copy with a value they refuse. */
bool keeps_no_copy(const char *name)
{
	static const char *const names[] = {
		"DNAT",    "MASQUERADE", "REDIRECT",  "SNAT", "dccp", "dst", "hbh", "ipvs",
		"iprange", "mh",         "multiport", "rt",   "sctp", "tcp", "udp", "udplite",
	};

	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}
