/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Matches: as they are, or those that iptables-nft writes natively. */
#include <errno.h>

#include "nft_writer.h"

/* Ports as they stand in struct xt_tcp and struct xt_udp: both ends included, host order. */
static bool is_single(const uint16_t ports[2])
{
	return ports[0] == ports[1];
}

static void put_port_range(struct writer *w, uint32_t offset, const uint16_t ports[2],
			   bool is_inverted)
{
	uint16_t from = htons(ports[0]), to = htons(ports[1]);
	bool is_all = ports[0] == 0 && ports[1] == UINT16_MAX;

	if (is_all && (!is_inverted || w->form == PYIPTC_NFT_NATIVE_1_8_9))
		return;
	nft_load_payload(w, NFT_PAYLOAD_TRANSPORT_HEADER, offset, 2);
	if (is_single(ports))
		nft_compare(w, equal_or(is_inverted), &from, 2);
	else if (ports[0] == 0 && !is_all)
		nft_compare(w, is_inverted ? NFT_CMP_GT : NFT_CMP_LTE, &to, 2);
	else
		nft_compare_range(w, equal_or(is_inverted), &from, &to, 2);
}

static void put_ports(struct writer *w, const uint16_t source[2], const uint16_t destination[2],
		      bool not_source, bool not_destination)
{
	uint16_t both[2] = { htons(source[0]), htons(destination[0]) };
	/* As one field. 1.8.9 inverts the whole of it where it should each of the two. */
	bool is_one = source[0] && destination[0] && is_single(source) && is_single(destination) &&
		      not_source == not_destination &&
		      !(not_source && w->form == PYIPTC_NFT_NATIVE_1_8_11);

	if (is_one) {
		nft_load_payload(w, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 4);
		nft_compare(w, equal_or(not_source), both, 4);
		return;
	}
	put_port_range(w, 0, source, not_source);
	put_port_range(w, 2, destination, not_destination);
}

static bool is_in_order(const uint16_t source[2], const uint16_t destination[2])
{
	return source[0] <= source[1] && destination[0] <= destination[1];
}

static bool is_every_port(const uint16_t ports[2])
{
	return ports[0] == 0 && ports[1] == UINT16_MAX;
}

/* Each of these says whether it wrote the match; if not, it goes out as it is. */

static bool put_tcp(struct writer *w, const unsigned char *info)
{
	struct xt_tcp tcp;

	memcpy(&tcp, info, sizeof(tcp));
	if (tcp.option || tcp.invflags & ~(XT_TCP_INV_SRCPT | XT_TCP_INV_DSTPT | XT_TCP_INV_FLAGS))
		return false;
	if (!is_in_order(tcp.spts, tcp.dpts))
		return false;
	/* No packet has any of no flags. To 1.8.9 that is no test; not worth the likeness. */
	if (!tcp.flg_mask && (tcp.flg_cmp || tcp.invflags & XT_TCP_INV_FLAGS))
		return false;
	if (!tcp.flg_mask && !tcp.invflags && is_every_port(tcp.spts) && is_every_port(tcp.dpts))
		return false;
	if (tcp.flg_mask) {
		nft_load_payload(w, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS, 1);
		nft_apply_mask(w, &tcp.flg_mask, 1);
		nft_compare(w, equal_or(tcp.invflags & XT_TCP_INV_FLAGS), &tcp.flg_cmp, 1);
	}
	put_ports(w, tcp.spts, tcp.dpts, tcp.invflags & XT_TCP_INV_SRCPT,
		  tcp.invflags & XT_TCP_INV_DSTPT);
	return true;
}

static bool put_udp(struct writer *w, const unsigned char *info)
{
	struct xt_udp udp;

	memcpy(&udp, info, sizeof(udp));
	if (udp.invflags & ~XT_UDP_INV_MASK || !is_in_order(udp.spts, udp.dpts))
		return false;
	if (!udp.invflags && is_every_port(udp.spts) && is_every_port(udp.dpts))
		return false;
	put_ports(w, udp.spts, udp.dpts, udp.invflags & XT_UDP_INV_SRCPT,
		  udp.invflags & XT_UDP_INV_DSTPT);
	return true;
}

static bool put_mark(struct writer *w, const unsigned char *info)
{
	struct xt_mark_mtinfo1 mark;

	memcpy(&mark, info, sizeof(mark));
	nft_load_meta(w, NFT_META_MARK);
	if (mark.mask != UINT32_MAX)
		nft_apply_mask(w, &mark.mask, sizeof(mark.mask));
	nft_compare(w, equal_or(mark.invert), &mark.mark, sizeof(mark.mark));
	return true;
}

static bool put_limit(struct writer *w, const unsigned char *info)
{
	static const uint32_t units[] = { 86400, 3600, 60, 1 };
	struct xt_rateinfo rate;
	uint32_t unit = units[0], i;

	memcpy(&rate, info, sizeof(rate));
	if (rate.avg == 0)
		return false;
	/* The smallest unit in which it is a round number: the one that was typed, mostly. */
	for (i = 1; i < 4; i++) {
		uint32_t scaled = LIMIT_SCALE * units[i];

		if (rate.avg > scaled || scaled / rate.avg < scaled % rate.avg)
			break;
		unit = units[i];
	}
	if (LIMIT_SCALE * units[0] < rate.avg)
		return false; /* less than one a day */
	if (!nft_begin(w, "limit", 0))
		return true;
	nft_put_be64(w, NFTA_LIMIT_RATE, (uint64_t)LIMIT_SCALE * unit / rate.avg);
	nft_put_be64(w, NFTA_LIMIT_UNIT, unit);
	nft_put_be32(w, NFTA_LIMIT_BURST, rate.burst);
	nft_put_be32(w, NFTA_LIMIT_TYPE, NFT_LIMIT_PKTS);
	nft_put_be32(w, NFTA_LIMIT_FLAGS, 0);
	nft_end(w);
	return true;
}

struct native_match {
	const char *name;
	uint8_t revision;
	uint16_t size;    /* of its data */
	uint8_t protocol; /* that has to be asked for before, or 0 */
	bool (*put)(struct writer *w, const unsigned char *info);
};

static const struct native_match native_matches[] = {
	{ "tcp", 0, XT_ALIGN(sizeof(struct xt_tcp)), IPPROTO_TCP, put_tcp },
	{ "udp", 0, XT_ALIGN(sizeof(struct xt_udp)), IPPROTO_UDP, put_udp },
	{ "mark", 1, XT_ALIGN(sizeof(struct xt_mark_mtinfo1)), 0, put_mark },
	{ "limit", 0, XT_ALIGN(sizeof(struct xt_rateinfo)), 0, put_limit },
};

static bool put_native_match(struct writer *w, const unsigned char *at)
{
	const struct native_match *native;
	size_t i;

	for (i = 0; i < sizeof(native_matches) / sizeof(*native_matches); i++) {
		native = &native_matches[i];
		if (!has_name(at, native->name))
			continue;
		if (at[XT_HEADER - 1] != native->revision ||
		    get_u16(at) != XT_HEADER + native->size)
			return false;
		if (native->protocol &&
		    (protocol_of(w) != native->protocol || w->invflags & XT_INV_PROTO))
			return false;
		return native->put(w, at + XT_HEADER);
	}
	return false;
}

void nft_put_matches(struct writer *w)
{
	const unsigned char *at = w->entry + w->family->header_size;
	const unsigned char *end_of_matches = target_of(w->family, w->entry);

	for (; at < end_of_matches; at += get_u16(at)) {
		if (w->form == PYIPTC_NFT_PORTABLE || !put_native_match(w, at))
			nft_put_extension(w, "match", at);
	}
}
