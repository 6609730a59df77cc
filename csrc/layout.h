/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * What we assume of the structs of the kernel (linux/netfilter_ipv4/ip_tables.h,
 * linux/netfilter_ipv6/ip6_tables.h, linux/netfilter/x_tables.h), checked when we are compiled.
 * The two families have the same structs but for the size of the entry's header, and IPv6 reuses
 * the numbers of IPv4's socket options at its own level. A 32-bit process on a 64-bit kernel is
 * another world (compat) and is not supported.
 */
#ifndef PYIPTC_LAYOUT_H
#define PYIPTC_LAYOUT_H

#include <stddef.h>
#include <stdint.h>
/* net/if.h before linux/if.h: then the latter leaves out what the former declares. */
#include <net/if.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#define PYIPTC_ASSERT(what) _Static_assert(what, #what)

PYIPTC_ASSERT(sizeof(void *) == 8);
PYIPTC_ASSERT(sizeof(struct ipt_entry) == 112);
PYIPTC_ASSERT(sizeof(struct ip6t_entry) == 168);
PYIPTC_ASSERT(offsetof(struct ipt_entry, target_offset) == 88);
PYIPTC_ASSERT(offsetof(struct ip6t_entry, target_offset) == 140);
PYIPTC_ASSERT(offsetof(struct ipt_entry, counters) == 96);
PYIPTC_ASSERT(offsetof(struct ip6t_entry, counters) == 152);
PYIPTC_ASSERT(offsetof(struct ipt_ip, invflags) == offsetof(struct ipt_ip, flags) + 1);
PYIPTC_ASSERT(offsetof(struct ip6t_ip6, invflags) == offsetof(struct ip6t_ip6, flags) + 1);
PYIPTC_ASSERT(offsetof(struct ipt_ip, dmsk) == 3 * sizeof(struct in_addr));
PYIPTC_ASSERT(offsetof(struct ip6t_ip6, dmsk) == 3 * sizeof(struct in6_addr));
PYIPTC_ASSERT(offsetof(struct ipt_ip, outiface_mask) == offsetof(struct ipt_ip, outiface) + 32);
PYIPTC_ASSERT(offsetof(struct ip6t_ip6, outiface_mask) == offsetof(struct ip6t_ip6, outiface) + 32);
PYIPTC_ASSERT(sizeof(struct xt_entry_match) == 32);
PYIPTC_ASSERT(sizeof(struct xt_entry_target) == 32);
PYIPTC_ASSERT(sizeof(struct xt_standard_target) == 40);
PYIPTC_ASSERT(offsetof(struct xt_standard_target, verdict) == 32);
PYIPTC_ASSERT(sizeof(struct xt_error_target) == 64);
PYIPTC_ASSERT(sizeof(struct xt_counters) == 16);
PYIPTC_ASSERT(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo));
PYIPTC_ASSERT(offsetof(struct ipt_get_entries, entrytable) == 40);
PYIPTC_ASSERT(offsetof(struct ip6t_get_entries, entrytable) == 40);
PYIPTC_ASSERT(offsetof(struct ipt_replace, entries) == 96);
PYIPTC_ASSERT(offsetof(struct ip6t_replace, entries) == 96);
PYIPTC_ASSERT((int)IPT_SO_SET_REPLACE == (int)IP6T_SO_SET_REPLACE);
PYIPTC_ASSERT((int)IPT_SO_SET_ADD_COUNTERS == (int)IP6T_SO_SET_ADD_COUNTERS);
PYIPTC_ASSERT((int)IPT_SO_GET_INFO == (int)IP6T_SO_GET_INFO);
PYIPTC_ASSERT((int)IPT_SO_GET_ENTRIES == (int)IP6T_SO_GET_ENTRIES);

#endif
