/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pyiptc.h"

static const struct pyiptc_family ipv4 = {
	.nfproto = NFPROTO_IPV4,
	.level = IPPROTO_IP,
	.revision_match = IPT_SO_GET_REVISION_MATCH,
	.revision_target = IPT_SO_GET_REVISION_TARGET,
	.header_size = sizeof(struct ipt_entry),
	.ip_size = sizeof(struct ipt_ip),
	.iniface = offsetof(struct ipt_ip, iniface),
	.outiface = offsetof(struct ipt_ip, outiface),
	.offsets = offsetof(struct ipt_entry, target_offset),
	.counters = offsetof(struct ipt_entry, counters),
	.module = "ip_tables",
};

static const struct pyiptc_family ipv6 = {
	.nfproto = NFPROTO_IPV6,
	.level = IPPROTO_IPV6,
	.revision_match = IP6T_SO_GET_REVISION_MATCH,
	.revision_target = IP6T_SO_GET_REVISION_TARGET,
	.header_size = sizeof(struct ip6t_entry),
	.ip_size = sizeof(struct ip6t_ip6),
	.iniface = offsetof(struct ip6t_ip6, iniface),
	.outiface = offsetof(struct ip6t_ip6, outiface),
	.offsets = offsetof(struct ip6t_entry, target_offset),
	.counters = offsetof(struct ip6t_entry, counters),
	.module = "ip6_tables",
};

const struct pyiptc_family *pyiptc_family(unsigned int nfproto)
{
	if (nfproto == NFPROTO_IPV4)
		return &ipv4;
	if (nfproto == NFPROTO_IPV6)
		return &ipv6;
	return NULL;
}
