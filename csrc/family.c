/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>

#include "pyiptc.h"

static const struct pyiptc_family ipv4 = {
	.nfproto = NFPROTO_IPV4,
	.level = IPPROTO_IP,
	.revision_match = IPT_SO_GET_REVISION_MATCH,
	.revision_target = IPT_SO_GET_REVISION_TARGET,
	.header_size = sizeof(struct ipt_entry),
	.ip_size = sizeof(struct ipt_ip),
	.address_size = sizeof(struct in_addr),
	.iniface = offsetof(struct ipt_ip, iniface),
	.outiface = offsetof(struct ipt_ip, outiface),
	.proto = offsetof(struct ipt_ip, proto),
	.flags = offsetof(struct ipt_ip, flags),
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
	.address_size = sizeof(struct in6_addr),
	.iniface = offsetof(struct ip6t_ip6, iniface),
	.outiface = offsetof(struct ip6t_ip6, outiface),
	.proto = offsetof(struct ip6t_ip6, proto),
	.flags = offsetof(struct ip6t_ip6, flags),
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

bool pyiptc_read_address(const struct pyiptc_family *family, const char *text,
			 unsigned char *address)
{
	return inet_pton((int)family->nfproto, text, address) == 1;
}
