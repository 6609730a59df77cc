/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * The wire format of nf_tables expressions, as far as encoder and decoder share it. Numbers that
 * younger headers have and older ones have not are written out.
 */
#ifndef PYIPTC_NFT_WIRE_H
#define PYIPTC_NFT_WIRE_H

#include <string.h>

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_NFLOG.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_limit.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_pkttype.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ipt_ttl.h>

#include "nft_codec.h"

#define XT_HEADER ((uint32_t)sizeof(struct xt_entry_match))

#define WIRE_BITWISE_OP   6      /* NFTA_BITWISE_OP, Linux 5.6 */
#define WIRE_BITWISE_DATA 7      /* NFTA_BITWISE_DATA, Linux 5.6 */
#define WIRE_MASK_XOR     0      /* NFT_BITWISE_MASK_XOR */
#define WIRE_TYPE_MASK    0x3fff /* NLA_TYPE_MASK: without the flags for nested and big endian */

/* What iptables-nft loads everything into, and what it sets nftrace from. */
#define WIRE_REGISTER       NFT_REG_1
#define WIRE_TRACE_REGISTER NFT_REG32_01

/* Offsets in struct iphdr and struct ipv6hdr that are not in struct pyiptc_family. */
#define IPV4_FRAGMENT 6
#define IPV4_TTL      8
#define IPV4_PROTOCOL 9
#define IPV4_SOURCE   12
#define IPV6_NEXT     6
#define IPV6_HOPS     7
#define IPV6_SOURCE   8
#define TCP_FLAGS     13
#define FRAGMENT_BITS 0x1fff /* of the field: the offset */

/* An interface that there cannot be: how iptables-nft writes `! -i +`, which no packet is. */
#define NO_INTERFACE "INVAL/D"

#define LIMIT_SCALE     10000u /* XT_LIMIT_SCALE: avg is in ten-thousandths of a second */
#define TCP_NAMED_FLAGS 0x3f   /* FIN to URG: iptables has no name for the two others */

PYIPTC_ASSERT(sizeof(struct xt_tcp) == 12);
PYIPTC_ASSERT(sizeof(struct xt_udp) == 10);
PYIPTC_ASSERT(sizeof(struct xt_mark_mtinfo1) == 12);
PYIPTC_ASSERT(sizeof(struct xt_rateinfo) == 40);
PYIPTC_ASSERT(sizeof(struct xt_pkttype_info) == 8);
PYIPTC_ASSERT(sizeof(struct xt_comment_info) == 256);
PYIPTC_ASSERT(sizeof(struct xt_nflog_info) == 76);
PYIPTC_ASSERT(offsetof(struct xt_tcp, dpts) == 4 && offsetof(struct xt_udp, dpts) == 4);

static inline bool is_ipv6(const struct pyiptc_family *family)
{
	return family->nfproto == NFPROTO_IPV6;
}

static inline size_t wire_align(size_t size)
{
	return (size + 3) & ~(size_t)3;
}

#endif
