/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "entry.h"
#include "nft_wire.h"

#define XT_HEADER ((uint32_t)sizeof(struct xt_entry_match))

/* More than any one expression takes but for the data of an extension: see begin(). */
#define EXPRESSION_ROOM 256

int pyiptc_nft_reserve(struct pyiptc_nft_buffer *buffer, size_t more)
{
	size_t capacity = buffer->capacity ? buffer->capacity : 512;
	unsigned char *data;

	if (more > SIZE_MAX / 4 || buffer->size > SIZE_MAX / 4)
		return -ENOMEM;
	if (buffer->capacity - buffer->size >= more)
		return 0;
	while (capacity - buffer->size < more)
		capacity *= 2;
	data = realloc(buffer->data, capacity);
	if (!data)
		return -ENOMEM;
	buffer->data = data;
	buffer->capacity = capacity;
	return 0;
}

void pyiptc_nft_buffer_free(struct pyiptc_nft_buffer *buffer)
{
	free(buffer->data);
	memset(buffer, 0, sizeof(*buffer));
}

/* ---- attributes ------------------------------------------------------------------------------ */

/* One rule on its way out. What goes wrong is remembered, and asked for once, at the end. */
struct writer {
	struct pyiptc_nft_buffer *out;
	const struct pyiptc_family *family;
	const unsigned char *entry;
	enum pyiptc_nft_form form;
	uint8_t flags, invflags; /* of the header */
	unsigned int count;      /* of expressions */
	size_t element, data;    /* where the expression that is being written has its lengths */
	int failed;
	const char *reason;
};

static void fail(struct writer *w, int number, const char *reason)
{
	if (w->failed)
		return;
	w->failed = number;
	w->reason = reason;
}

static void put_raw(struct writer *w, const void *from, size_t size)
{
	memcpy(w->out->data + w->out->size, from, size);
	w->out->size += size;
}

static void put_attribute(struct writer *w, unsigned int type, const void *from, size_t size)
{
	uint16_t head[2] = { (uint16_t)(size + 4), (uint16_t)type };
	static const unsigned char padding[4];

	put_raw(w, head, sizeof(head));
	put_raw(w, from, size);
	put_raw(w, padding, wire_align(size) - size);
}

static void put_be32(struct writer *w, unsigned int type, uint32_t value)
{
	uint32_t wire = htonl(value);

	put_attribute(w, type, &wire, sizeof(wire));
}

static void put_be16(struct writer *w, unsigned int type, uint16_t value)
{
	uint16_t wire = htons(value);

	put_attribute(w, type, &wire, sizeof(wire));
}

static void put_be64(struct writer *w, unsigned int type, uint64_t value)
{
	uint32_t wire[2] = { htonl((uint32_t)(value >> 32)), htonl((uint32_t)value) };

	put_attribute(w, type, wire, sizeof(wire));
}

/* struct nlattr whose length is not known yet. Return: where it stands. */
static size_t open_nest(struct writer *w, unsigned int type)
{
	size_t at = w->out->size;
	uint16_t head[2] = { 0, (uint16_t)type };

	put_raw(w, head, sizeof(head));
	return at;
}

static void close_nest(struct writer *w, size_t at)
{
	put_u16(w->out->data + at, (uint32_t)(w->out->size - at));
}

/* A value in a register or beside one: NFTA_DATA_VALUE inside of @type. */
static void put_value(struct writer *w, unsigned int type, const void *from, size_t size)
{
	size_t nest = open_nest(w, type);

	put_attribute(w, NFTA_DATA_VALUE, from, size);
	close_nest(w, nest);
}

/* False, and nothing may be written: there is no room. @more: bytes of an extension's data. */
static bool begin(struct writer *w, const char *name, size_t more)
{
	if (w->failed)
		return false;
	if (pyiptc_nft_reserve(w->out, EXPRESSION_ROOM + more)) {
		fail(w, -ENOMEM, "memory");
		return false;
	}
	w->count++;
	w->element = open_nest(w, NFTA_LIST_ELEM);
	put_attribute(w, NFTA_EXPR_NAME, name, strlen(name) + 1);
	w->data = open_nest(w, NFTA_EXPR_DATA);
	return true;
}

static void end(struct writer *w)
{
	close_nest(w, w->data);
	close_nest(w, w->element);
}

/* ---- expressions ----------------------------------------------------------------------------- */

static void load_meta(struct writer *w, uint32_t key)
{
	if (!begin(w, "meta", 0))
		return;
	put_be32(w, NFTA_META_KEY, key);
	put_be32(w, NFTA_META_DREG, WIRE_REGISTER);
	end(w);
}

static void load_payload(struct writer *w, uint32_t base, uint32_t offset, uint32_t size)
{
	if (!begin(w, "payload", 0))
		return;
	put_be32(w, NFTA_PAYLOAD_DREG, WIRE_REGISTER);
	put_be32(w, NFTA_PAYLOAD_BASE, base);
	put_be32(w, NFTA_PAYLOAD_OFFSET, offset);
	put_be32(w, NFTA_PAYLOAD_LEN, size);
	end(w);
}

static void apply_mask(struct writer *w, const void *mask, uint32_t size)
{
	static const unsigned char zero[16];

	if (!begin(w, "bitwise", 0))
		return;
	put_be32(w, NFTA_BITWISE_SREG, WIRE_REGISTER);
	put_be32(w, NFTA_BITWISE_DREG, WIRE_REGISTER);
	put_be32(w, NFTA_BITWISE_LEN, size);
	put_be32(w, WIRE_BITWISE_OP, WIRE_MASK_XOR);
	put_value(w, NFTA_BITWISE_MASK, mask, size);
	put_value(w, NFTA_BITWISE_XOR, zero, size);
	end(w);
}

static void compare(struct writer *w, uint32_t op, const void *value, uint32_t size)
{
	if (!begin(w, "cmp", 0))
		return;
	put_be32(w, NFTA_CMP_SREG, WIRE_REGISTER);
	put_be32(w, NFTA_CMP_OP, op);
	put_value(w, NFTA_CMP_DATA, value, size);
	end(w);
}

static void compare_range(struct writer *w, uint32_t op, const void *from, const void *to,
			  uint32_t size)
{
	if (!begin(w, "range", 0))
		return;
	put_be32(w, NFTA_RANGE_SREG, WIRE_REGISTER);
	put_be32(w, NFTA_RANGE_OP, op);
	put_value(w, NFTA_RANGE_FROM_DATA, from, size);
	put_value(w, NFTA_RANGE_TO_DATA, to, size);
	end(w);
}

static uint32_t equal_or(bool is_inverted)
{
	return is_inverted ? NFT_CMP_NEQ : NFT_CMP_EQ;
}

/* An xt extension as it is. The attributes of both are numbered alike. @at: its own header. */
static void put_extension(struct writer *w, const char *kind, const unsigned char *at)
{
	uint32_t size = get_u16(at) - XT_HEADER;
	char name[XT_EXTENSION_MAXNAMELEN];

	memcpy(name, at + 2, sizeof(name));
	if (name[0] == '\0' || name[sizeof(name) - 1] != '\0') {
		fail(w, -EINVAL, "an extension's name of no good length");
		return;
	}
	if (!begin(w, kind, size))
		return;
	put_attribute(w, NFTA_MATCH_NAME, name, strlen(name) + 1);
	put_be32(w, NFTA_MATCH_REV, at[XT_HEADER - 1]);
	put_attribute(w, NFTA_MATCH_INFO, at + XT_HEADER, size);
	end(w);
}

PYIPTC_ASSERT((int)NFTA_MATCH_NAME == (int)NFTA_TARGET_NAME);
PYIPTC_ASSERT((int)NFTA_MATCH_REV == (int)NFTA_TARGET_REV);
PYIPTC_ASSERT((int)NFTA_MATCH_INFO == (int)NFTA_TARGET_INFO);

/* ---- the header ------------------------------------------------------------------------------ */

/* Bytes of 0xff that @mask begins with; UINT32_MAX: others than 0 follow. */
static uint32_t prefix_bytes(const unsigned char *mask, uint32_t size)
{
	uint32_t ones = 0, i;

	while (ones < size && mask[ones] == 0xff)
		ones++;
	for (i = ones; i < size; i++) {
		if (mask[i] != 0)
			return UINT32_MAX;
	}
	return ones;
}

static bool is_zero(const unsigned char *at, uint32_t size)
{
	while (size > 0 && *at == 0) {
		at++;
		size--;
	}
	return size == 0;
}

/* @which: 0 source, 1 destination. */
static void put_address(struct writer *w, unsigned int which, bool is_inverted)
{
	uint32_t size = w->family->address_size;
	const unsigned char *address = w->entry + which * size;
	const unsigned char *mask = w->entry + (which + 2) * size;
	uint32_t offset = (is_ipv6(w->family) ? IPV6_SOURCE : IPV4_SOURCE) + which * size;
	uint32_t ones = prefix_bytes(mask, size);

	if (ones == 0 && !is_inverted && is_zero(address, size))
		return;
	if (ones == size || (w->form != PYIPTC_NFT_PORTABLE && ones > 0 && ones < size &&
			     is_zero(address + ones, size - ones))) {
		load_payload(w, NFT_PAYLOAD_NETWORK_HEADER, offset, ones);
		compare(w, equal_or(is_inverted), address, ones);
		return;
	}
	load_payload(w, NFT_PAYLOAD_NETWORK_HEADER, offset, size);
	apply_mask(w, mask, size);
	compare(w, equal_or(is_inverted), address, size);
}

static void put_interface(struct writer *w, uint32_t offset, uint32_t key, bool is_inverted)
{
	const unsigned char *name = w->entry + offset, *mask = name + 2 * IFNAMSIZ;
	uint32_t ones = prefix_bytes(mask, IFNAMSIZ), length;

	if (ones == 0 && !is_inverted) {
		/* `-i +` is no test; 1.8.9 and older load the name all the same. */
		if (name[0] != '\0' && w->form != PYIPTC_NFT_NATIVE_1_8_11)
			load_meta(w, key);
		return;
	}
	if (ones == UINT32_MAX) {
		fail(w, -EOPNOTSUPP, "an interface's mask that is no prefix");
		return;
	}
	if (ones == 0) {
		load_meta(w, key);
		compare(w, NFT_CMP_EQ, NO_INTERFACE, sizeof(NO_INTERFACE));
		return;
	}
	length = (uint32_t)strnlen((const char *)name, ones);
	if (length == IFNAMSIZ || !is_zero(name + length, ones - length)) {
		fail(w, -EOPNOTSUPP, "an interface's name that does not end");
		return;
	}
	load_meta(w, key);
	/* With its NUL it is the whole name. */
	compare(w, equal_or(is_inverted), name, length < ones ? length + 1 : length);
}

static void put_interfaces(struct writer *w)
{
	put_interface(w, w->family->iniface, NFT_META_IIFNAME, w->invflags & IPT_INV_VIA_IN);
	put_interface(w, w->family->outiface, NFT_META_OIFNAME, w->invflags & IPT_INV_VIA_OUT);
}

static void put_addresses(struct writer *w)
{
	put_address(w, 0, w->invflags & IPT_INV_SRCIP);
	put_address(w, 1, w->invflags & IPT_INV_DSTIP);
}

static void put_protocol(struct writer *w, uint32_t protocol)
{
	unsigned char number = (unsigned char)protocol;

	if (protocol == 0)
		return;
	if (protocol > UINT8_MAX) {
		fail(w, -EOPNOTSUPP, "a protocol above 255");
		return;
	}
	if (w->form == PYIPTC_NFT_NATIVE_1_8_11 && !is_ipv6(w->family))
		load_payload(w, NFT_PAYLOAD_NETWORK_HEADER, IPV4_PROTOCOL, 1);
	else
		load_meta(w, NFT_META_L4PROTO);
	compare(w, equal_or(w->invflags & XT_INV_PROTO), &number, 1);
}

static void put_fragment(struct writer *w)
{
	uint16_t mask = htons(FRAGMENT_BITS), zero = 0;

	if (is_ipv6(w->family))
		return;
	if (!(w->flags & IPT_F_FRAG)) {
		if (w->invflags & IPT_INV_FRAG)
			fail(w, -EOPNOTSUPP, "not a fragment, and none is asked for");
		return;
	}
	load_payload(w, NFT_PAYLOAD_NETWORK_HEADER, IPV4_FRAGMENT, 2);
	apply_mask(w, &mask, 2);
	compare(w, equal_or(!(w->invflags & IPT_INV_FRAG)), &zero, 2);
}

/* The protocol as the kernel sees it: for IPv6 there has to be a flag beside it. */
static uint32_t protocol_of(const struct writer *w)
{
	if (is_ipv6(w->family) && !(w->flags & IP6T_F_PROTO))
		return 0;
	return get_u16(w->entry + w->family->proto);
}

static void put_header(struct writer *w)
{
	uint8_t known = is_ipv6(w->family) ? IP6T_F_PROTO | IP6T_F_GOTO : IPT_F_FRAG | IPT_F_GOTO;
	uint32_t protocol = protocol_of(w);

	if (w->flags & ~known)
		fail(w, -EOPNOTSUPP, "a flag in the header that is not known");
	if (w->form == PYIPTC_NFT_NATIVE_1_8_11) {
		put_addresses(w);
		put_interfaces(w);
		put_protocol(w, protocol);
	} else {
		put_interfaces(w);
		put_protocol(w, protocol);
		put_addresses(w);
	}
	put_fragment(w);
}

/* ---- matches that iptables-nft writes natively ------------------------------------------------ */

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
	load_payload(w, NFT_PAYLOAD_TRANSPORT_HEADER, offset, 2);
	if (is_single(ports))
		compare(w, equal_or(is_inverted), &from, 2);
	else if (ports[0] == 0 && !is_all)
		compare(w, is_inverted ? NFT_CMP_GT : NFT_CMP_LTE, &to, 2);
	else
		compare_range(w, equal_or(is_inverted), &from, &to, 2);
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
		load_payload(w, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 4);
		compare(w, equal_or(not_source), both, 4);
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
		load_payload(w, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS, 1);
		apply_mask(w, &tcp.flg_mask, 1);
		compare(w, equal_or(tcp.invflags & XT_TCP_INV_FLAGS), &tcp.flg_cmp, 1);
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
	load_meta(w, NFT_META_MARK);
	if (mark.mask != UINT32_MAX)
		apply_mask(w, &mark.mask, sizeof(mark.mask));
	compare(w, equal_or(mark.invert), &mark.mark, sizeof(mark.mark));
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
	if (!begin(w, "limit", 0))
		return true;
	put_be64(w, NFTA_LIMIT_RATE, (uint64_t)LIMIT_SCALE * unit / rate.avg);
	put_be64(w, NFTA_LIMIT_UNIT, unit);
	put_be32(w, NFTA_LIMIT_BURST, rate.burst);
	put_be32(w, NFTA_LIMIT_TYPE, NFT_LIMIT_PKTS);
	put_be32(w, NFTA_LIMIT_FLAGS, 0);
	end(w);
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

static void put_matches(struct writer *w)
{
	const unsigned char *at = w->entry + w->family->header_size;
	const unsigned char *end_of_matches = target_of(w->family, w->entry);

	for (; at < end_of_matches; at += get_u16(at)) {
		if (w->form == PYIPTC_NFT_PORTABLE || !put_native_match(w, at))
			put_extension(w, "match", at);
	}
}

/* ---- counter and action ----------------------------------------------------------------------- */

static void put_counter(struct writer *w)
{
	struct xt_counters counters = get_counters(w->family, w->entry);

	if (!begin(w, "counter", 0))
		return;
	put_be64(w, NFTA_COUNTER_BYTES, counters.bcnt);
	put_be64(w, NFTA_COUNTER_PACKETS, counters.pcnt);
	end(w);
}

static void put_verdict_expression(struct writer *w, int code, const char *chain)
{
	size_t data, verdict;

	if (!begin(w, "immediate", 0))
		return;
	put_be32(w, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = open_nest(w, NFTA_IMMEDIATE_DATA);
	verdict = open_nest(w, NFTA_DATA_VERDICT);
	put_be32(w, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		put_attribute(w, NFTA_VERDICT_CHAIN, chain, strlen(chain) + 1);
	close_nest(w, verdict);
	close_nest(w, data);
	end(w);
}

static void put_verdict_of(struct writer *w, int verdict)
{
	switch (verdict) {
	case -NF_ACCEPT - 1:
		put_verdict_expression(w, NF_ACCEPT, NULL);
		return;
	case -NF_DROP - 1:
		put_verdict_expression(w, NF_DROP, NULL);
		return;
	case XT_RETURN:
		put_verdict_expression(w, NFT_RETURN, NULL);
		return;
	case -NF_QUEUE - 1:
		/* No iptables-nft reads the verdict as it would be written. */
		fail(w, -EOPNOTSUPP, "QUEUE is not in nf_tables: use NFQUEUE");
		return;
	default:
		fail(w, -EINVAL, "a verdict that is not known");
	}
}

static void put_trace(struct writer *w)
{
	static const unsigned char one = 1;

	if (!begin(w, "immediate", 0))
		return;
	put_be32(w, NFTA_IMMEDIATE_DREG, WIRE_TRACE_REGISTER);
	put_value(w, NFTA_IMMEDIATE_DATA, &one, 1);
	end(w);
	if (!begin(w, "meta", 0))
		return;
	put_be32(w, NFTA_META_KEY, NFT_META_NFTRACE);
	put_be32(w, NFTA_META_SREG, WIRE_TRACE_REGISTER);
	end(w);
}

static bool put_nflog(struct writer *w, const unsigned char *at)
{
	struct xt_nflog_info log;
	size_t length;

	if (at[XT_HEADER - 1] != 0 || get_u16(at) != XT_HEADER + XT_ALIGN(sizeof(log)))
		return false;
	memcpy(&log, at + XT_HEADER, sizeof(log));
	length = strnlen(log.prefix, sizeof(log.prefix));
	if (length == sizeof(log.prefix) || log.flags & ~XT_NFLOG_F_COPY_LEN)
		return false;
	if (!begin(w, "log", 0))
		return true;
	if (length > 0)
		put_attribute(w, NFTA_LOG_PREFIX, log.prefix, length + 1);
	put_be16(w, NFTA_LOG_GROUP, log.group);
	if (log.flags & XT_NFLOG_F_COPY_LEN)
		put_be32(w, NFTA_LOG_SNAPLEN, log.len);
	if (log.threshold)
		put_be16(w, NFTA_LOG_QTHRESHOLD, log.threshold);
	end(w);
	return true;
}

static void put_action(struct writer *w, enum pyiptc_rule_kind kind, const char *jump)
{
	const unsigned char *target = target_of(w->family, w->entry);
	bool is_goto = w->flags & (is_ipv6(w->family) ? IP6T_F_GOTO : IPT_F_GOTO);

	if (kind == PYIPTC_RULE_FALLTHROUGH)
		return;
	if (kind == PYIPTC_RULE_JUMP) {
		put_verdict_expression(w, is_goto ? NFT_GOTO : NFT_JUMP, jump);
		return;
	}
	if (has_name(target, XT_STANDARD_TARGET))
		put_verdict_of(w, get_verdict(target));
	else if (has_name(target, XT_ERROR_TARGET))
		fail(w, -EINVAL, "an error target");
	else if (has_name(target, "TRACE") && get_u16(target) == XT_HEADER)
		put_trace(w);
	else if (w->form == PYIPTC_NFT_PORTABLE || !has_name(target, "NFLOG") ||
		 !put_nflog(w, target))
		put_extension(w, "target", target);
}

static const char *jump_fault(enum pyiptc_rule_kind kind, const char *jump)
{
	size_t length;

	if ((kind == PYIPTC_RULE_JUMP) != (jump != NULL))
		return "a jump has a chain, and nothing else has";
	if (!jump)
		return NULL;
	length = strnlen(jump, XT_EXTENSION_MAXNAMELEN);
	return length > 0 && length < XT_EXTENSION_MAXNAMELEN ? NULL
							      : "a chain's name of no good length";
}

int pyiptc_nft_encode(const struct pyiptc_family *family, const unsigned char *entry, uint32_t size,
		      enum pyiptc_rule_kind kind, const char *jump, enum pyiptc_nft_form form,
		      struct pyiptc_nft_buffer *out, struct pyiptc_nft_compat *compat,
		      const char **reason)
{
	struct writer w = { .out = out, .family = family, .entry = entry, .form = form };
	size_t start = out->size;
	const char *fault;
	uint32_t offset;

	fault = pyiptc_entry_check(family, entry, size, &offset);
	if (!fault)
		fault = jump_fault(kind, jump);
	if (!fault && kind != PYIPTC_RULE_PLAIN && !is_standard(family, entry))
		fault = "a verdict beside an entry whose target is an extension";
	if (fault) {
		*reason = fault;
		return -EINVAL;
	}
	w.flags = entry[family->flags];
	w.invflags = entry[family->flags + 1];
	put_header(&w);
	put_matches(&w);
	put_counter(&w);
	put_action(&w, kind, jump);
	if (w.count > PYIPTC_NFT_MAX_EXPRESSIONS)
		fail(&w, -E2BIG, "more than 128 expressions");
	if (out->size - start > UINT16_MAX - 4)
		fail(&w, -E2BIG, "more than 65531 bytes of expressions");
	if (w.failed) {
		out->size = start;
		*reason = w.reason;
		return w.failed;
	}
	compat->protocol = protocol_of(&w);
	compat->flags = compat->protocol && w.invflags & XT_INV_PROTO ? NFT_RULE_COMPAT_F_INV : 0;
	return 0;
}
