/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A rule on its way out: its header, its matches, its counter, what it does. */
#include <errno.h>

#include "nft_writer.h"

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
		nft_load_payload(w, NFT_PAYLOAD_NETWORK_HEADER, offset, ones);
		nft_compare(w, equal_or(is_inverted), address, ones);
		return;
	}
	nft_load_payload(w, NFT_PAYLOAD_NETWORK_HEADER, offset, size);
	nft_apply_mask(w, mask, size);
	nft_compare(w, equal_or(is_inverted), address, size);
}

static void put_interface(struct writer *w, uint32_t offset, uint32_t key, bool is_inverted)
{
	const unsigned char *name = w->entry + offset, *mask = name + 2 * IFNAMSIZ;
	uint32_t ones = prefix_bytes(mask, IFNAMSIZ), length;

	if (ones == 0 && !is_inverted) {
		/* `-i +` is no test; 1.8.9 and older load the name all the same. */
		if (name[0] != '\0' && w->form != PYIPTC_NFT_NATIVE_1_8_11)
			nft_load_meta(w, key);
		return;
	}
	if (ones == UINT32_MAX) {
		nft_fail(w, -EOPNOTSUPP, "an interface's mask that is no prefix");
		return;
	}
	if (ones == 0) {
		nft_load_meta(w, key);
		nft_compare(w, NFT_CMP_EQ, NO_INTERFACE, sizeof(NO_INTERFACE));
		return;
	}
	length = (uint32_t)strnlen((const char *)name, ones);
	if (length == IFNAMSIZ || !is_zero(name + length, ones - length)) {
		nft_fail(w, -EOPNOTSUPP, "an interface's name that does not end");
		return;
	}
	nft_load_meta(w, key);
	/* With its NUL it is the whole name. */
	nft_compare(w, equal_or(is_inverted), name, length < ones ? length + 1 : length);
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
		nft_fail(w, -EOPNOTSUPP, "a protocol above 255");
		return;
	}
	if (w->form == PYIPTC_NFT_NATIVE_1_8_11 && !is_ipv6(w->family))
		nft_load_payload(w, NFT_PAYLOAD_NETWORK_HEADER, IPV4_PROTOCOL, 1);
	else
		nft_load_meta(w, NFT_META_L4PROTO);
	nft_compare(w, equal_or(w->invflags & XT_INV_PROTO), &number, 1);
}

static void put_fragment(struct writer *w)
{
	uint16_t mask = htons(FRAGMENT_BITS), zero = 0;

	if (is_ipv6(w->family))
		return;
	if (!(w->flags & IPT_F_FRAG)) {
		if (w->invflags & IPT_INV_FRAG)
			nft_fail(w, -EOPNOTSUPP, "not a fragment, and none is asked for");
		return;
	}
	nft_load_payload(w, NFT_PAYLOAD_NETWORK_HEADER, IPV4_FRAGMENT, 2);
	nft_apply_mask(w, &mask, 2);
	nft_compare(w, equal_or(!(w->invflags & IPT_INV_FRAG)), &zero, 2);
}

static void put_header(struct writer *w)
{
	uint8_t known = is_ipv6(w->family) ? IP6T_F_PROTO | IP6T_F_GOTO : IPT_F_FRAG | IPT_F_GOTO;
	uint32_t protocol = protocol_of(w);

	if (w->flags & ~known)
		nft_fail(w, -EOPNOTSUPP, "a flag in the header that is not known");
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

/* ---- counter and action ----------------------------------------------------------------------- */

static void put_counter(struct writer *w)
{
	struct xt_counters counters = get_counters(w->family, w->entry);

	if (!nft_begin(w, "counter", 0))
		return;
	nft_put_be64(w, NFTA_COUNTER_BYTES, counters.bcnt);
	nft_put_be64(w, NFTA_COUNTER_PACKETS, counters.pcnt);
	nft_end(w);
}

static void put_verdict_expression(struct writer *w, int code, const char *chain)
{
	size_t data, verdict;

	if (!nft_begin(w, "immediate", 0))
		return;
	nft_put_be32(w, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	data = nft_open_nest(w, NFTA_IMMEDIATE_DATA);
	verdict = nft_open_nest(w, NFTA_DATA_VERDICT);
	nft_put_be32(w, NFTA_VERDICT_CODE, (uint32_t)code);
	if (chain)
		nft_put_attribute(w, NFTA_VERDICT_CHAIN, chain, strlen(chain) + 1);
	nft_close_nest(w, verdict);
	nft_close_nest(w, data);
	nft_end(w);
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
		nft_fail(w, -EOPNOTSUPP, "QUEUE is not in nf_tables: use NFQUEUE");
		return;
	default:
		nft_fail(w, -EINVAL, "a verdict that is not known");
	}
}

static void put_trace(struct writer *w)
{
	static const unsigned char one = 1;

	if (!nft_begin(w, "immediate", 0))
		return;
	nft_put_be32(w, NFTA_IMMEDIATE_DREG, WIRE_TRACE_REGISTER);
	nft_put_value(w, NFTA_IMMEDIATE_DATA, &one, 1);
	nft_end(w);
	if (!nft_begin(w, "meta", 0))
		return;
	nft_put_be32(w, NFTA_META_KEY, NFT_META_NFTRACE);
	nft_put_be32(w, NFTA_META_SREG, WIRE_TRACE_REGISTER);
	nft_end(w);
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
	if (!nft_begin(w, "log", 0))
		return true;
	if (length > 0)
		nft_put_attribute(w, NFTA_LOG_PREFIX, log.prefix, length + 1);
	nft_put_be16(w, NFTA_LOG_GROUP, log.group);
	if (log.flags & XT_NFLOG_F_COPY_LEN)
		nft_put_be32(w, NFTA_LOG_SNAPLEN, log.len);
	if (log.threshold)
		nft_put_be16(w, NFTA_LOG_QTHRESHOLD, log.threshold);
	nft_end(w);
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
		nft_fail(w, -EINVAL, "an error target");
	else if (has_name(target, "TRACE") && get_u16(target) == XT_HEADER)
		put_trace(w);
	else if (w->form == PYIPTC_NFT_PORTABLE || !has_name(target, "NFLOG") ||
		 !put_nflog(w, target))
		nft_put_extension(w, "target", target);
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
	nft_put_matches(&w);
	put_counter(&w);
	put_action(&w, kind, jump);
	if (w.count > PYIPTC_NFT_MAX_EXPRESSIONS)
		nft_fail(&w, -E2BIG, "more than 128 expressions");
	if (out->size - start > UINT16_MAX - 4)
		nft_fail(&w, -E2BIG, "more than 65531 bytes of expressions");
	if (w.failed) {
		out->size = start;
		*reason = w.reason;
		return w.failed;
	}
	compat->protocol = protocol_of(&w);
	compat->flags = compat->protocol && w.invflags & XT_INV_PROTO ? NFT_RULE_COMPAT_F_INV : 0;
	return 0;
}
