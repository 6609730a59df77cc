/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "nft_reader.h"

#define TRANSPORT_SIZE 16 /* of the data of a match of tcp or udp */

/* ---- of the header ---- */

static bool is_equality(const struct test *test)
{
	return test->op == NFT_CMP_EQ || test->op == NFT_CMP_NEQ;
}

static int see(struct reader *r, unsigned int field)
{
	if (r->seen & field)
		return nft_refuse(r, "a second test of one field");
	if (r->is_stateful)
		return nft_refuse(r, "a test of the header behind a match");
	r->seen |= field;
	return 0;
}

/* @which: 0 source, 1 destination. @value, @mask: size bytes, the address's first. */
static int set_address(struct reader *r, unsigned int which, bool is_inverted,
		       const unsigned char *value, const unsigned char *mask, uint32_t size)
{
	uint32_t full = r->family->address_size;
	int rc = see(r, which ? SEEN_DESTINATION : SEEN_SOURCE);

	if (rc)
		return rc;
	memcpy(header(r, which * full), value, size);
	if (mask)
		memcpy(header(r, (which + 2) * full), mask, size);
	else
		memset(header(r, (which + 2) * full), 0xff, size);
	if (is_inverted)
		invert(r, which ? IPT_INV_DSTIP : IPT_INV_SRCIP);
	return 0;
}

static int test_address(struct reader *r, const struct test *test)
{
	uint32_t full = r->family->address_size;
	uint32_t source = is_ipv6(r->family) ? IPV6_SOURCE : IPV4_SOURCE;
	const unsigned char *mask = r->load.is_masked ? r->load.mask : NULL;
	bool is_inverted = test->op == NFT_CMP_NEQ;
	unsigned int which = r->load.offset == source ? 0 : 1;
	int rc;

	if (test->is_range || !is_equality(test))
		return nft_refuse(r, "a range of addresses");
	if (r->load.offset == source && r->load.size == 2 * full && !mask && !is_inverted) {
		/* Both in one, as nft loads them. */
		rc = set_address(r, 0, false, test->value.at, NULL, full);
		return rc ? rc : set_address(r, 1, false, test->value.at + full, NULL, full);
	}
	if (r->load.offset != source + which * full || r->load.size > full)
		return nft_refuse(r, "bytes of the header that are no address");
	return set_address(r, which, is_inverted, test->value.at, mask, r->load.size);
}

static int test_protocol(struct reader *r, const struct test *test)
{
	uint8_t number = *test->value.at;
	int rc;

	if (test->is_range || !is_equality(test) || r->load.is_masked)
		return nft_refuse(r, "a range of protocols");
	if (number == 0)
		return nft_refuse(r, "protocol 0, which is every protocol to iptables");
	rc = see(r, SEEN_PROTOCOL);
	if (rc)
		return rc;
	put_u16(header(r, r->family->proto), number);
	r->rule->compat.protocol = number;
	if (is_ipv6(r->family))
		*header(r, r->family->flags) |= IP6T_F_PROTO;
	if (test->op == NFT_CMP_NEQ) {
		invert(r, XT_INV_PROTO);
		r->rule->compat.flags = NFT_RULE_COMPAT_F_INV;
	} else {
		r->protocol = number;
	}
	return 0;
}

static int test_fragment(struct reader *r, const struct test *test)
{
	int rc;

	if (!r->load.is_masked || r->load.mask[0] != FRAGMENT_BITS >> 8 ||
	    r->load.mask[1] != (FRAGMENT_BITS & 0xff) || test->is_range || !is_equality(test) ||
	    test->value.at[0] || test->value.at[1])
		return nft_refuse(r, "a test of fragments that iptables has not");
	rc = see(r, SEEN_FRAGMENT);
	if (rc)
		return rc;
	*header(r, r->family->flags) |= IPT_F_FRAG;
	if (test->op == NFT_CMP_EQ)
		invert(r, IPT_INV_FRAG);
	return 0;
}

/* `+` alone, the name of any interface: with @flag the name of none. */
static int set_any_interface(struct reader *r, uint32_t offset, uint8_t flag)
{
	*header(r, offset) = '+';
	invert(r, flag);
	return 0;
}

static int test_interface(struct reader *r, const struct test *test)
{
	bool is_in = r->load.key == NFT_META_IIFNAME;
	uint32_t offset = is_in ? r->family->iniface : r->family->outiface;
	uint8_t flag = is_in ? IPT_INV_VIA_IN : IPT_INV_VIA_OUT;
	const unsigned char *name = test->value.at;
	size_t length = strnlen((const char *)name, test->value.size), i;
	bool is_whole = length < test->value.size;
	int rc;

	if (test->is_range || !is_equality(test) || r->load.is_masked)
		return nft_refuse(r, "a range of interfaces");
	for (i = length; i < test->value.size; i++) {
		if (name[i])
			return nft_refuse(r, "an interface's name with something behind its end");
	}
	if (length == 0 || length >= IFNAMSIZ)
		return nft_refuse(r, "an interface's name of no good length");
	if (is_whole && name[length - 1] == '+')
		return nft_refuse(r, "an interface whose own name ends in +");
	rc = see(r, is_in ? SEEN_IN : SEEN_OUT);
	if (rc)
		return rc;
	if (is_whole && test->op == NFT_CMP_EQ && length + 1 == sizeof(NO_INTERFACE) &&
	    memcmp(name, NO_INTERFACE, length) == 0)
		return set_any_interface(r, offset, flag);
	memcpy(header(r, offset), name, length);
	/* No longer name begins with 15 characters: they are the whole one. */
	is_whole = is_whole || length == IFNAMSIZ - 1;
	if (!is_whole)
		*header(r, offset + (uint32_t)length) = '+';
	memset(header(r, offset + 2 * IFNAMSIZ), 0xff, is_whole ? length + 1 : length);
	if (test->op == NFT_CMP_NEQ)
		invert(r, flag);
	return 0;
}

/* ---- that become matches ---- */

static int test_mark(struct reader *r, const struct test *test)
{
	struct xt_mark_mtinfo1 mark = { .mask = UINT32_MAX };

	if (test->is_range || !is_equality(test))
		return nft_refuse(r, "a range of marks");
	memcpy(&mark.mark, test->value.at, sizeof(mark.mark));
	if (r->load.is_masked)
		memcpy(&mark.mask, r->load.mask, sizeof(mark.mask));
	mark.invert = test->op == NFT_CMP_NEQ;
	return nft_add_match(r, "mark", 1, &mark, sizeof(mark));
}

static int test_packet_type(struct reader *r, const struct test *test)
{
	struct xt_pkttype_info info = { .pkttype = *test->value.at };

	if (test->is_range || !is_equality(test) || r->load.is_masked)
		return nft_refuse(r, "a range of packet types");
	info.invert = test->op == NFT_CMP_NEQ;
	return nft_add_match(r, "pkttype", 0, &info, sizeof(info));
}

/* struct ipt_ttl_info and struct ip6t_hl_info: the same numbers under other names. */
static int test_hops(struct reader *r, const struct test *test)
{
	struct ipt_ttl_info info = { .ttl = *test->value.at };

	if (test->is_range || r->load.is_masked)
		return nft_refuse(r, "a test of the time to live that iptables has not");
	switch (test->op) {
	case NFT_CMP_EQ:
		info.mode = IPT_TTL_EQ;
		break;
	case NFT_CMP_NEQ:
		info.mode = IPT_TTL_NE;
		break;
	case NFT_CMP_LTE:
		if (info.ttl == UINT8_MAX)
			return nft_refuse(r, "a comparison that is always true");
		info.ttl++;
		/* fallthrough */
	case NFT_CMP_LT:
		info.mode = IPT_TTL_LT;
		break;
	case NFT_CMP_GTE:
		if (info.ttl == 0)
			return nft_refuse(r, "a comparison that is always true");
		info.ttl--;
		/* fallthrough */
	default:
		info.mode = IPT_TTL_GT;
	}
	return nft_add_match(r, is_ipv6(r->family) ? "hl" : "ttl", 0, &info, sizeof(info));
}

/* The match of tcp or udp to be filled up: the last one, if it says nothing of @field yet. */
static unsigned char *grow_transport(struct reader *r, unsigned int field, int *rc)
{
	/* Of struct xt_tcp and struct xt_udp alike. */
	static const uint16_t every[TRANSPORT_SIZE / 2] = { 0, UINT16_MAX, 0, UINT16_MAX };

	*rc = 0;
	if (!r->grown.at || r->grown.fields & field) {
		*rc = nft_add_match(r, r->protocol == IPPROTO_TCP ? "tcp" : "udp", 0, every,
				    sizeof(every));
		if (*rc)
			return NULL;
		r->grown.at = r->entry->size - XT_HEADER - sizeof(every);
		r->grown.fields = 0;
	}
	r->grown.fields |= field;
	return r->entry->data + r->grown.at + XT_HEADER;
}

PYIPTC_ASSERT(XT_ALIGN(sizeof(struct xt_tcp)) == TRANSPORT_SIZE);
PYIPTC_ASSERT(XT_ALIGN(sizeof(struct xt_udp)) == TRANSPORT_SIZE);
PYIPTC_ASSERT((int)XT_TCP_INV_SRCPT == (int)XT_UDP_INV_SRCPT);
PYIPTC_ASSERT((int)XT_TCP_INV_DSTPT == (int)XT_UDP_INV_DSTPT);

static int set_ports(struct reader *r, unsigned int field, uint16_t from, uint16_t to,
		     bool is_inverted)
{
	bool is_tcp = r->protocol == IPPROTO_TCP;
	uint16_t ports[2] = { from, to };
	unsigned char *info, *invflags;
	int rc;

	info = grow_transport(r, field, &rc);
	if (!info)
		return rc;
	memcpy(info + (field == FIELD_DESTINATION ? sizeof(ports) : 0), ports, sizeof(ports));
	invflags = info +
		   (is_tcp ? offsetof(struct xt_tcp, invflags) : offsetof(struct xt_udp, invflags));
	if (is_inverted)
		*invflags |= field == FIELD_DESTINATION ? XT_TCP_INV_DSTPT : XT_TCP_INV_SRCPT;
	return 0;
}

/* nft writes a range as two comparisons of one load. */
static bool close_range(struct reader *r, unsigned int field, uint16_t to)
{
	unsigned char *ports = r->entry->data + r->grown.at + XT_HEADER +
			       (field == FIELD_DESTINATION ? 2 * sizeof(to) : 0);

	if (!r->grown.is_from_on || r->grown.open != field || get_u16(ports) > to)
		return false;
	put_u16(ports + sizeof(to), to);
	r->grown.is_from_on = false;
	return true;
}

static int test_port(struct reader *r, const struct test *test)
{
	unsigned int field = r->load.offset == 0 ? FIELD_SOURCE : FIELD_DESTINATION;
	uint16_t from = ntohs(get_u16(test->value.at)), to = from;
	int rc;

	if (test->is_range) {
		to = ntohs(get_u16(test->to.at));
		if (from > to)
			return nft_malformed(r, "a range that ends before it begins");
		return set_ports(r, field, from, to, test->op == NFT_CMP_NEQ);
	}
	switch (test->op) {
	case NFT_CMP_EQ:
	case NFT_CMP_NEQ:
		return set_ports(r, field, from, from, test->op == NFT_CMP_NEQ);
	case NFT_CMP_LT:
		if (to == 0)
			return nft_refuse(r, "a comparison that is never true");
		to--;
		/* fallthrough */
	case NFT_CMP_LTE:
		return close_range(r, field, to) ? 0 : set_ports(r, field, 0, to, false);
	case NFT_CMP_GT:
		if (from == UINT16_MAX)
			return nft_refuse(r, "a comparison that is never true");
		from++;
		/* fallthrough */
	default:
		rc = set_ports(r, field, from, UINT16_MAX, false);
		r->grown.is_from_on = rc == 0;
		r->grown.open = field;
		return rc;
	}
}

/* Both in one. iptables-nft 1.8.8 and 1.8.9 mean by "not equal" that each of them is not. */
static int test_both_ports(struct reader *r, const struct test *test)
{
	uint16_t source = ntohs(get_u16(test->value.at));
	uint16_t destination = ntohs(get_u16(test->value.at + 2));
	int rc;

	if (test->is_range || !is_equality(test) || r->load.is_masked)
		return nft_refuse(r, "a range of both ports");
	rc = set_ports(r, FIELD_SOURCE, source, source, test->op == NFT_CMP_NEQ);
	if (rc)
		return rc;
	return set_ports(r, FIELD_DESTINATION, destination, destination, test->op == NFT_CMP_NEQ);
}

static int test_tcp_flags(struct reader *r, const struct test *test)
{
	uint8_t mask = r->load.is_masked ? r->load.mask[0] : UINT8_MAX, bits = *test->value.at;
	struct xt_tcp tcp;
	unsigned char *info;
	int rc;

	if (test->is_range || !is_equality(test))
		return nft_refuse(r, "a range of TCP flags");
	if ((mask | bits) & ~TCP_NAMED_FLAGS)
		return nft_refuse(r, "TCP flags that iptables has no name for");
	info = grow_transport(r, FIELD_FLAGS, &rc);
	if (!info)
		return rc;
	memcpy(&tcp, info, sizeof(tcp));
	tcp.flg_mask = mask;
	tcp.flg_cmp = bits;
	if (test->op == NFT_CMP_NEQ)
		tcp.invflags |= XT_TCP_INV_FLAGS;
	memcpy(info, &tcp, sizeof(tcp));
	return 0;
}

/* struct ipt_icmp and struct ip6t_icmp are the same: type, codes from and to, inversion. */
static int test_icmp(struct reader *r, const struct test *test)
{
	bool is_v4 = r->protocol == IPPROTO_ICMP;
	unsigned char info[4] = { test->value.at[0], 0, UINT8_MAX, test->op == NFT_CMP_NEQ };
	unsigned char *last = r->entry->data + r->grown.at + XT_HEADER;
	int rc;

	if (test->is_range || !is_equality(test) || r->load.is_masked)
		return nft_refuse(r, "a range of ICMP types or codes");
	if (r->load.offset == 1) {
		if (!r->grown.at || r->grown.fields != FIELD_CODE || info[3])
			return nft_refuse(r, "an ICMP code without a type");
		r->grown.at = 0;
		last[1] = last[2] = test->value.at[0];
		return 0;
	}
	if (is_v4 && info[0] == UINT8_MAX)
		return nft_refuse(r, "ICMP type 255, which is every type to iptables");
	if (r->load.size == 2)
		info[1] = info[2] = test->value.at[1];
	rc = nft_add_match(r, is_v4 ? "icmp" : "icmp6", 0, info, sizeof(info));
	if (rc == 0 && r->load.size == 1 && !info[3]) {
		r->grown.at = r->entry->size - XT_HEADER - XT_ALIGN(sizeof(info));
		r->grown.fields = FIELD_CODE;
	}
	return rc;
}

static int test_transport(struct reader *r, const struct test *test)
{
	uint32_t offset = r->load.offset, size = r->load.size;
	bool is_tcp = r->protocol == IPPROTO_TCP;
	uint32_t icmp = is_ipv6(r->family) ? IPPROTO_ICMPV6 : IPPROTO_ICMP;

	if (r->protocol == icmp && offset + size <= 2)
		return test_icmp(r, test);
	if (!is_tcp && r->protocol != IPPROTO_UDP)
		return nft_refuse(r,
				  "a test behind the header of a protocol that was not asked for");
	if (is_tcp && offset == TCP_FLAGS && size == 1)
		return test_tcp_flags(r, test);
	if (offset == 0 && size == 4)
		return test_both_ports(r, test);
	if ((offset == 0 || offset == 2) && size == 2 && !r->load.is_masked)
		return test_port(r, test);
	return nft_refuse(r, "a field of TCP or UDP that iptables has no test for");
}

static int test_network(struct reader *r, const struct test *test)
{
	uint32_t offset = r->load.offset, size = r->load.size;
	bool is_v6 = is_ipv6(r->family);

	if (offset >= (is_v6 ? IPV6_SOURCE : IPV4_SOURCE))
		return test_address(r, test);
	if (!is_v6 && offset == IPV4_PROTOCOL && size == 1)
		return test_protocol(r, test);
	if (!is_v6 && offset == IPV4_FRAGMENT && size == 2)
		return test_fragment(r, test);
	if (offset == (is_v6 ? IPV6_HOPS : IPV4_TTL) && size == 1)
		return test_hops(r, test);
	if (is_v6 && offset == IPV6_NEXT)
		return nft_refuse(r, "the next header, which is not always the protocol");
	return nft_refuse(r, "a field of the IP header that iptables has no test for");
}

static int test_meta(struct reader *r, const struct test *test)
{
	switch (r->load.key) {
	case NFT_META_IIFNAME:
	case NFT_META_OIFNAME:
		return test_interface(r, test);
	case NFT_META_L4PROTO:
		return test_protocol(r, test);
	case NFT_META_MARK:
		return test_mark(r, test);
	default:
		return test_packet_type(r, test);
	}
}

/* Bytes that a key of meta loads; 0: iptables has no test for it. */
uint32_t nft_meta_size(uint32_t key)
{
	switch (key) {
	case NFT_META_IIFNAME:
	case NFT_META_OIFNAME:
		return IFNAMSIZ;
	case NFT_META_L4PROTO:
	case NFT_META_PKTTYPE:
		return 1;
	case NFT_META_MARK:
		return 4;
	default:
		return 0;
	}
}

int nft_run_test(struct reader *r, uint32_t number, const struct test *test)
{
	bool is_name = r->load.kind == LOAD_META && nft_meta_size(r->load.key) == IFNAMSIZ;
	int rc;

	if (r->is_counted)
		return nft_refuse(r, "a test behind the counter");
	if (r->load.kind != LOAD_META && r->load.kind != LOAD_PAYLOAD)
		return nft_refuse(r, "a test of nothing that was loaded");
	if (number != r->load.number)
		return nft_refuse(r, "a test of another register than was loaded last");
	/* Of a name the first bytes may be compared alone. */
	if (is_name ? test->value.size > r->load.size : test->value.size != r->load.size)
		return nft_refuse(r, "a comparison of other bytes than were loaded");
	if (r->load.kind == LOAD_META)
		rc = test_meta(r, test);
	else if (r->load.base == NFT_PAYLOAD_TRANSPORT_HEADER)
		rc = test_transport(r, test);
	else
		rc = test_network(r, test);
	r->load.is_used = true;
	return rc;
}
