/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "nft_reader.h"

/* ---- expressions ---- */

/* What was loaded may be overwritten, or the rule end. A load can be a test: of a packet's length. */
static int finish_load(struct reader *r)
{
	struct load *load = &r->load;
	bool is_idle = load->kind == LOAD_META && nft_meta_size(load->key) == IFNAMSIZ &&
		       !load->is_masked; /* `-i +` of 1.8.9 and older */

	r->grown.is_from_on = false;
	if (load->kind != LOAD_NONE && !load->is_used && !is_idle)
		return nft_refuse(r, "something is loaded and not compared");
	memset(load, 0, sizeof(*load));
	return 0;
}

static int begin_load(struct reader *r, const struct attributes *found, unsigned int type)
{
	int rc = finish_load(r);

	if (rc)
		return rc;
	if (!nft_get_be32(found, type, &r->load.number))
		return nft_malformed(r, "an expression without its register");
	return 0;
}

static void set_target(struct reader *r, const char *name, uint8_t revision, const void *info,
		       size_t size)
{
	r->action = ACTION_TARGET;
	memcpy(r->name, name, strlen(name));
	r->revision = revision;
	memcpy(r->made, info, size);
	r->info.at = r->made;
	r->info.size = size;
}

static int set_meta(struct reader *r, const struct attributes *found, uint32_t key)
{
	struct xt_mark_tginfo2 mark = { .mask = UINT32_MAX };
	uint32_t number;

	if (!nft_get_be32(found, NFTA_META_SREG, &number) || has(found, NFTA_META_DREG))
		return nft_malformed(r, "meta that neither sets nor loads");
	if (r->load.kind != LOAD_VALUE || r->load.number != number)
		return nft_refuse(r, "something that is no constant is set");
	r->load.is_used = true;
	if (key == NFT_META_NFTRACE && r->load.size == 1 && r->load.value[0] == 1) {
		set_target(r, "TRACE", 0, "", 0);
		return 0;
	}
	if (key == NFT_META_MARK && r->load.size == sizeof(mark.mark)) {
		memcpy(&mark.mark, r->load.value, sizeof(mark.mark));
		set_target(r, "MARK", 2, &mark, sizeof(mark));
		return 0;
	}
	return nft_refuse(r, "something is set that iptables does not set");
}

static int read_meta(struct reader *r, struct bytes data)
{
	struct attributes found;
	uint32_t key;
	int rc;

	rc = nft_take_apart(r, data, BIT(NFTA_META_DREG) | BIT(NFTA_META_KEY) | BIT(NFTA_META_SREG),
			    &found);
	if (rc)
		return rc;
	if (!nft_get_be32(&found, NFTA_META_KEY, &key))
		return nft_malformed(r, "meta without a key");
	if (has(&found, NFTA_META_SREG))
		return set_meta(r, &found, key);
	rc = begin_load(r, &found, NFTA_META_DREG);
	if (rc)
		return rc;
	r->load.kind = LOAD_META;
	r->load.key = key;
	r->load.size = nft_meta_size(key);
	if (r->load.size == 0)
		return nft_refuse(r, "meta of a kind that iptables has no test for");
	return 0;
}

static int read_payload(struct reader *r, struct bytes data)
{
	struct attributes found;
	int rc;

	rc = nft_take_apart(r, data,
			    BIT(NFTA_PAYLOAD_DREG) | BIT(NFTA_PAYLOAD_BASE) |
				    BIT(NFTA_PAYLOAD_OFFSET) | BIT(NFTA_PAYLOAD_LEN),
			    &found);
	if (rc)
		return rc;
	rc = begin_load(r, &found, NFTA_PAYLOAD_DREG);
	if (rc)
		return rc;
	r->load.kind = LOAD_PAYLOAD;
	if (!nft_get_be32(&found, NFTA_PAYLOAD_BASE, &r->load.base) ||
	    !nft_get_be32(&found, NFTA_PAYLOAD_OFFSET, &r->load.offset) ||
	    !nft_get_be32(&found, NFTA_PAYLOAD_LEN, &r->load.size))
		return nft_malformed(r, "a load that does not say what");
	if (r->load.base != NFT_PAYLOAD_NETWORK_HEADER &&
	    r->load.base != NFT_PAYLOAD_TRANSPORT_HEADER)
		return nft_refuse(r, "a load from another header than IP's or the transport's");
	if (r->load.size == 0 || r->load.size > sizeof(r->load.value) ||
	    r->load.offset > UINT16_MAX)
		return nft_refuse(r, "a load of no good size");
	return 0;
}

static int read_bitwise(struct reader *r, struct bytes data)
{
	struct attributes found;
	struct bytes mask, flips;
	uint32_t from, to, size, op = WIRE_MASK_XOR;
	size_t i;
	int rc;

	rc = nft_take_apart(r, data,
			    BIT(NFTA_BITWISE_SREG) | BIT(NFTA_BITWISE_DREG) |
				    BIT(NFTA_BITWISE_LEN) | BIT(NFTA_BITWISE_MASK) |
				    BIT(NFTA_BITWISE_XOR) | BIT(WIRE_BITWISE_OP) |
				    BIT(WIRE_BITWISE_DATA),
			    &found);
	if (rc)
		return rc;
	if (has(&found, WIRE_BITWISE_DATA) ||
	    (has(&found, WIRE_BITWISE_OP) && (!nft_get_be32(&found, WIRE_BITWISE_OP, &op) || op)))
		return nft_refuse(r, "an operation on bits that is no mask");
	if (!nft_get_be32(&found, NFTA_BITWISE_SREG, &from) ||
	    !nft_get_be32(&found, NFTA_BITWISE_DREG, &to) ||
	    !nft_get_be32(&found, NFTA_BITWISE_LEN, &size))
		return nft_malformed(r, "a mask that does not say of what");
	if (r->load.kind != LOAD_META && r->load.kind != LOAD_PAYLOAD)
		return nft_refuse(r, "a mask of nothing that was loaded");
	if (r->load.is_used || r->load.is_masked || from != r->load.number || size != r->load.size)
		return nft_refuse(r, "a mask of something else than was loaded");
	rc = nft_get_value(r, found.of[NFTA_BITWISE_MASK], &mask);
	if (rc == 0)
		rc = nft_get_value(r, found.of[NFTA_BITWISE_XOR], &flips);
	if (rc)
		return rc;
	if (mask.size != size || flips.size != size)
		return nft_malformed(r, "a mask of another size than what it masks");
	for (i = 0; i < flips.size; i++) {
		if (flips.at[i])
			return nft_refuse(r, "bits are turned over");
	}
	r->load.number = to;
	r->load.is_masked = true;
	memcpy(r->load.mask, mask.at, mask.size);
	return 0;
}

static int read_cmp(struct reader *r, struct bytes data)
{
	struct test test = { 0 };
	struct attributes found;
	uint32_t number;
	int rc;

	rc = nft_take_apart(r, data, BIT(NFTA_CMP_SREG) | BIT(NFTA_CMP_OP) | BIT(NFTA_CMP_DATA),
			    &found);
	if (rc)
		return rc;
	if (!nft_get_be32(&found, NFTA_CMP_SREG, &number) ||
	    !nft_get_be32(&found, NFTA_CMP_OP, &test.op) || test.op > NFT_CMP_GTE)
		return nft_malformed(r, "a comparison that does not say how");
	rc = nft_get_value(r, found.of[NFTA_CMP_DATA], &test.value);
	return rc ? rc : nft_run_test(r, number, &test);
}

static int read_range(struct reader *r, struct bytes data)
{
	struct test test = { .is_range = true };
	struct attributes found;
	uint32_t number;
	int rc;

	rc = nft_take_apart(r, data,
			    BIT(NFTA_RANGE_SREG) | BIT(NFTA_RANGE_OP) | BIT(NFTA_RANGE_FROM_DATA) |
				    BIT(NFTA_RANGE_TO_DATA),
			    &found);
	if (rc)
		return rc;
	if (!nft_get_be32(&found, NFTA_RANGE_SREG, &number) ||
	    !nft_get_be32(&found, NFTA_RANGE_OP, &test.op) || test.op > NFT_RANGE_NEQ)
		return nft_malformed(r, "a comparison that does not say how");
	rc = nft_get_value(r, found.of[NFTA_RANGE_FROM_DATA], &test.value);
	if (rc == 0)
		rc = nft_get_value(r, found.of[NFTA_RANGE_TO_DATA], &test.to);
	if (rc)
		return rc;
	if (test.to.size != test.value.size)
		return nft_malformed(r, "a range whose ends are of two sizes");
	return nft_run_test(r, number, &test);
}

PYIPTC_ASSERT((int)NFT_RANGE_EQ == (int)NFT_CMP_EQ && (int)NFT_RANGE_NEQ == (int)NFT_CMP_NEQ);

static int read_limit(struct reader *r, struct bytes data)
{
	struct xt_rateinfo info = { 0 };
	struct attributes found;
	uint64_t rate, unit, avg;
	uint32_t type = NFT_LIMIT_PKTS, flags = 0;
	int rc;

	rc = nft_take_apart(r, data,
			    BIT(NFTA_LIMIT_RATE) | BIT(NFTA_LIMIT_UNIT) | BIT(NFTA_LIMIT_BURST) |
				    BIT(NFTA_LIMIT_TYPE) | BIT(NFTA_LIMIT_FLAGS) |
				    BIT(NFTA_LIMIT_PAD),
			    &found);
	if (rc)
		return rc;
	if (r->is_counted)
		return nft_refuse(r, "a test behind the counter");
	if (!nft_get_be64(&found, NFTA_LIMIT_RATE, &rate) ||
	    !nft_get_be64(&found, NFTA_LIMIT_UNIT, &unit) ||
	    (has(&found, NFTA_LIMIT_BURST) &&
	     !nft_get_be32(&found, NFTA_LIMIT_BURST, &info.burst)) ||
	    (has(&found, NFTA_LIMIT_TYPE) && !nft_get_be32(&found, NFTA_LIMIT_TYPE, &type)) ||
	    (has(&found, NFTA_LIMIT_FLAGS) && !nft_get_be32(&found, NFTA_LIMIT_FLAGS, &flags)))
		return nft_malformed(r, "a limit that does not say which");
	if (type != NFT_LIMIT_PKTS)
		return nft_refuse(r, "a limit of bytes");
	if (flags)
		return nft_refuse(r, "a limit that packets have to be over");
	if (unit != 1 && unit != 60 && unit != 3600 && unit != 86400)
		return nft_refuse(r, "a limit in a unit that iptables has not");
	avg = rate ? LIMIT_SCALE * unit / rate : 0;
	if (avg == 0)
		return nft_refuse(r, "a limit faster than iptables can say");
	info.avg = (uint32_t)avg;
	rc = finish_load(r);
	if (rc)
		return rc;
	r->is_stateful = true;
	return nft_add_match(r, "limit", 0, &info, sizeof(info));
}

/* The attributes that match and target have alike. */
struct extension {
	const unsigned char *name;
	size_t length;
	uint32_t revision;
	struct bytes info;
};

static int read_extension(struct reader *r, struct bytes data, struct extension *extension)
{
	struct attributes found;
	int rc;

	rc = nft_take_apart(
		r, data, BIT(NFTA_MATCH_NAME) | BIT(NFTA_MATCH_REV) | BIT(NFTA_MATCH_INFO), &found);
	if (rc)
		return rc;
	extension->name = found.of[NFTA_MATCH_NAME].at;
	extension->length = nft_text_length(found.of[NFTA_MATCH_NAME]);
	extension->info = found.of[NFTA_MATCH_INFO];
	if (extension->length == SIZE_MAX || !extension->info.at ||
	    !nft_get_be32(&found, NFTA_MATCH_REV, &extension->revision))
		return nft_malformed(r, "an extension that does not say which");
	if (extension->length == 0 || extension->length >= XT_EXTENSION_MAXNAMELEN)
		return nft_refuse(r, "an extension's name of no good length");
	if (extension->revision > UINT8_MAX)
		return nft_refuse(r, "an extension's revision above 255");
	if (extension->info.size % XT_ALIGN(1))
		return nft_refuse(r, "an extension's data that are not aligned");
	return finish_load(r);
}

static int read_match(struct reader *r, struct bytes data)
{
	struct extension match;
	int rc;

	rc = read_extension(r, data, &match);
	if (rc)
		return rc;
	if (r->is_counted)
		return nft_refuse(r, "a test behind the counter");
	r->is_stateful = true;
	r->grown.at = 0;
	nft_add_extension(r, match.name, match.length, (uint8_t)match.revision, match.info, &rc);
	return rc;
}

static int read_target(struct reader *r, struct bytes data)
{
	struct extension target;
	int rc;

	rc = read_extension(r, data, &target);
	if (rc)
		return rc;
	memcpy(r->name, target.name, target.length);
	if (strcmp((const char *)r->name, XT_ERROR_TARGET) == 0)
		return nft_refuse(r, "a target that is iptables' own");
	r->revision = (uint8_t)target.revision;
	r->info = target.info;
	r->action = ACTION_TARGET;
	return 0;
}

static int read_counter(struct reader *r, struct bytes data)
{
	struct xt_counters counters;
	struct attributes found;
	uint64_t packets, bytes;
	int rc;

	rc = nft_take_apart(r, data,
			    BIT(NFTA_COUNTER_BYTES) | BIT(NFTA_COUNTER_PACKETS) |
				    BIT(NFTA_COUNTER_PAD),
			    &found);
	if (rc == 0)
		rc = finish_load(r);
	if (rc)
		return rc;
	if (r->is_counted)
		return nft_refuse(r, "a second counter");
	if (!nft_get_be64(&found, NFTA_COUNTER_BYTES, &bytes) ||
	    !nft_get_be64(&found, NFTA_COUNTER_PACKETS, &packets))
		return nft_malformed(r, "a counter that does not count");
	counters.pcnt = packets;
	counters.bcnt = bytes;
	put_counters(r->family, r->entry->data, &counters);
	r->is_counted = true;
	return 0;
}

static int set_chain(struct reader *r, const struct attributes *found, bool is_goto)
{
	size_t length = nft_text_length(found->of[NFTA_VERDICT_CHAIN]);

	if (length == SIZE_MAX || length == 0)
		return nft_malformed(r, "a jump without its chain");
	if (length >= XT_EXTENSION_MAXNAMELEN)
		return nft_refuse(r, "a jump to a chain whose name has more than 28 characters");
	memcpy(r->rule->jump, found->of[NFTA_VERDICT_CHAIN].at, length);
	if (is_goto)
		*header(r, r->family->flags) |= is_ipv6(r->family) ? IP6T_F_GOTO : IPT_F_GOTO;
	r->action = ACTION_JUMP;
	return 0;
}

static int read_verdict(struct reader *r, struct bytes nest)
{
	struct attributes found;
	uint32_t code;
	int rc;

	rc = nft_take_apart(r, nest, BIT(NFTA_VERDICT_CODE) | BIT(NFTA_VERDICT_CHAIN), &found);
	if (rc)
		return rc;
	if (!nft_get_be32(&found, NFTA_VERDICT_CODE, &code))
		return nft_malformed(r, "a verdict without its code");
	r->action = ACTION_VERDICT;
	switch ((int)code) {
	case NFT_JUMP:
	case NFT_GOTO:
		return set_chain(r, &found, (int)code == NFT_GOTO);
	case NFT_RETURN:
		r->verdict = XT_RETURN;
		break;
	case NF_ACCEPT:
	case NF_DROP:
		r->verdict = -(int)code - 1;
		break;
	default:
		return nft_refuse(r, "a verdict that iptables has not");
	}
	return has(&found, NFTA_VERDICT_CHAIN) ? nft_malformed(r, "a verdict with a chain") : 0;
}

static int read_immediate(struct reader *r, struct bytes data)
{
	struct attributes found, value;
	int rc;

	rc = nft_take_apart(r, data, BIT(NFTA_IMMEDIATE_DREG) | BIT(NFTA_IMMEDIATE_DATA), &found);
	if (rc == 0)
		rc = begin_load(r, &found, NFTA_IMMEDIATE_DREG);
	if (rc)
		return rc;
	rc = nft_take_apart(r, found.of[NFTA_IMMEDIATE_DATA],
			    BIT(NFTA_DATA_VALUE) | BIT(NFTA_DATA_VERDICT), &value);
	if (rc)
		return rc;
	if (has(&value, NFTA_DATA_VALUE) == has(&value, NFTA_DATA_VERDICT) ||
	    has(&value, NFTA_DATA_VERDICT) != (r->load.number == NFT_REG_VERDICT))
		return nft_malformed(r, "a constant that is neither value nor verdict");
	if (has(&value, NFTA_DATA_VERDICT))
		return read_verdict(r, value.of[NFTA_DATA_VERDICT]);
	if (value.of[NFTA_DATA_VALUE].size > sizeof(r->load.value))
		return nft_malformed(r, "a value of no good size");
	r->load.kind = LOAD_VALUE;
	r->load.size = (uint32_t)value.of[NFTA_DATA_VALUE].size;
	memcpy(r->load.value, value.of[NFTA_DATA_VALUE].at, r->load.size);
	return 0;
}

static int read_log(struct reader *r, struct bytes data)
{
	struct xt_nflog_info log = { 0 };
	struct attributes found;
	size_t length;
	int rc;

	rc = nft_take_apart(r, data,
			    BIT(NFTA_LOG_GROUP) | BIT(NFTA_LOG_PREFIX) | BIT(NFTA_LOG_SNAPLEN) |
				    BIT(NFTA_LOG_QTHRESHOLD) | BIT(NFTA_LOG_LEVEL) |
				    BIT(NFTA_LOG_FLAGS),
			    &found);
	if (rc == 0)
		rc = finish_load(r);
	if (rc)
		return rc;
	if (!has(&found, NFTA_LOG_GROUP) || has(&found, NFTA_LOG_LEVEL) ||
	    has(&found, NFTA_LOG_FLAGS))
		return nft_refuse(r, "a log to the kernel's own, as nft writes it");
	if (!nft_get_be16(&found, NFTA_LOG_GROUP, &log.group) ||
	    (has(&found, NFTA_LOG_SNAPLEN) && !nft_get_be32(&found, NFTA_LOG_SNAPLEN, &log.len)) ||
	    (has(&found, NFTA_LOG_QTHRESHOLD) &&
	     !nft_get_be16(&found, NFTA_LOG_QTHRESHOLD, &log.threshold)))
		return nft_malformed(r, "a log that does not say which");
	if (has(&found, NFTA_LOG_SNAPLEN))
		log.flags = XT_NFLOG_F_COPY_LEN;
	if (has(&found, NFTA_LOG_PREFIX)) {
		length = nft_text_length(found.of[NFTA_LOG_PREFIX]);
		if (length == SIZE_MAX)
			return nft_malformed(r, "a log whose prefix does not end");
		if (length >= sizeof(log.prefix))
			return nft_refuse(r, "a log whose prefix has more than 63 characters");
		memcpy(log.prefix, found.of[NFTA_LOG_PREFIX].at, length);
	}
	set_target(r, "NFLOG", 0, &log, sizeof(log));
	return 0;
}

struct expression {
	char name[12];
	int (*read)(struct reader *r, struct bytes data);
	const char *reason; /* why there is no read */
};

static const struct expression expressions_known[] = {
	{ "meta", read_meta, NULL },
	{ "cmp", read_cmp, NULL },
	{ "payload", read_payload, NULL },
	{ "counter", read_counter, NULL },
	{ "immediate", read_immediate, NULL },
	{ "match", read_match, NULL },
	{ "target", read_target, NULL },
	{ "bitwise", read_bitwise, NULL },
	{ "range", read_range, NULL },
	{ "limit", read_limit, NULL },
	{ "log", read_log, NULL },
	{ "lookup", NULL, "a look-up in a set or a map" },
	{ "dynset", NULL, "a change of a set" },
	{ "objref", NULL, "a named object" },
	{ "ct", NULL, "connection tracking as nft tests it" },
	{ "nat", NULL, "address translation as nft does it" },
	{ "masq", NULL, "masquerading as nft does it" },
	{ "redir", NULL, "a redirection as nft does it" },
	{ "reject", NULL, "a rejection as nft does it" },
	{ "notrack", NULL, "no tracking as nft does it" },
	{ "exthdr", NULL, "an option or an extension header" },
};

static int read_expression(struct reader *r, struct bytes element)
{
	char name[sizeof(expressions_known[0].name)] = "";
	const struct expression *known;
	struct attributes found;
	size_t i, length;
	int rc;

	rc = nft_take_apart(r, element, BIT(NFTA_EXPR_NAME) | BIT(NFTA_EXPR_DATA), &found);
	if (rc)
		return rc;
	length = nft_text_length(found.of[NFTA_EXPR_NAME]);
	if (length == SIZE_MAX)
		return nft_malformed(r, "an expression without a name");
	if (length < sizeof(name))
		memcpy(name, found.of[NFTA_EXPR_NAME].at, length);
	for (i = 0; i < sizeof(expressions_known) / sizeof(*expressions_known); i++) {
		known = &expressions_known[i];
		if (memcmp(name, known->name, sizeof(name)) != 0)
			continue;
		if (!known->read)
			return nft_refuse(r, known->reason);
		if (r->action != ACTION_NONE)
			return nft_refuse(r, "an expression behind the action");
		return known->read(r, found.of[NFTA_EXPR_DATA]);
	}
	return nft_refuse(r, "an expression that iptables does not write");
}

/* ---- a rule ---- */

/* What `nft … comment` leaves: struct of type, length and value, one after the other. */
static int add_comment(struct reader *r, const unsigned char *userdata, size_t size)
{
	struct xt_comment_info info = { { 0 } };
	size_t at, length;

	for (at = 0; at + 2 <= size; at += 2 + length) {
		length = userdata[at + 1];
		if (length > size - at - 2)
			return 0; /* it is nobody's but the writer's */
		if (userdata[at] != 0)
			continue; /* NFTNL_UDATA_RULE_COMMENT is 0 */
		memcpy(info.comment, userdata + at + 2, length);
		info.comment[sizeof(info.comment) - 1] = '\0';
		r->rule->flags |= PYIPTC_NFT_COMMENTED;
		return nft_add_match(r, "comment", 0, &info, sizeof(info));
	}
	return 0;
}

/* The target, and with it the offsets. */
static int close_entry(struct reader *r)
{
	unsigned char verdict[sizeof(int)] = { 0 };
	size_t at = r->entry->size;
	int rc;

	if (r->action != ACTION_TARGET) {
		memcpy(verdict, &r->verdict, sizeof(verdict));
		r->info.at = verdict;
		r->info.size = sizeof(verdict);
	}
	nft_add_extension(r, r->name, XT_EXTENSION_MAXNAMELEN, r->revision, r->info, &rc);
	if (rc)
		return rc;
	put_u16(header(r, r->family->offsets), (uint32_t)at);
	put_u16(header(r, r->family->offsets + 2), (uint32_t)r->entry->size);
	return 0;
}

static int read_rule(struct reader *r, struct bytes list)
{
	unsigned int type, count = 0;
	struct bytes element;
	int rc;

	while ((rc = nft_next_attribute(&list, &type, &element)) > 0) {
		if (type != NFTA_LIST_ELEM)
			return nft_malformed(r, "something between the expressions");
		if (++count > PYIPTC_NFT_MAX_EXPRESSIONS)
			return nft_refuse(r, "more than 128 expressions");
		rc = read_expression(r, element);
		if (rc)
			return rc;
	}
	if (rc < 0)
		return nft_malformed(r, "an expression is cut short");
	return finish_load(r);
}

int pyiptc_nft_decode(const struct pyiptc_family *family, const unsigned char *expressions,
		      size_t size, const unsigned char *userdata, size_t userdata_size,
		      struct pyiptc_nft_buffer *entry, struct pyiptc_nft_rule *rule,
		      const char **reason)
{
	struct reader r = { .family = family, .entry = entry, .rule = rule };
	struct bytes list = { expressions, size };
	int rc;

	memset(rule, 0, sizeof(*rule));
	entry->size = 0;
	nft_extend(&r, family->header_size, &rc);
	if (rc == 0)
		rc = read_rule(&r, list);
	if (rc == 0)
		rc = add_comment(&r, userdata, userdata_size);
	if (rc == 0)
		rc = close_entry(&r);
	if (rc) {
		*reason = r.reason;
		return rc;
	}
	if (!r.is_counted)
		rule->flags |= PYIPTC_NFT_UNCOUNTED;
	if (r.action == ACTION_JUMP)
		rule->kind = PYIPTC_RULE_JUMP;
	else if (r.action == ACTION_NONE)
		rule->kind = PYIPTC_RULE_FALLTHROUGH;
	else
		rule->kind = PYIPTC_RULE_PLAIN;
	return 0;
}
