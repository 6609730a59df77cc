/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What may follow `iptables -A CHAIN`, as words, made an entry.
 *
 * The words are read as iptables reads them: with getopt_long() of this half's libc, over the
 * command's options and those of the extensions as they are met, so that abbreviations, the
 * implicit match of a protocol and repeated matches come out the same. Beyond 1.8.9, values may
 * be attached (`-s1.2.3.4`), and `!` may stand after the option too, as it once could.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "interpose.h"
#include "library.h"
#include "revision.h"

/* XT_OPTION_OFFSET_SCALE: ids of an extension's options are its offset, a multiple of this, and
 * their own numbers. */
#define OPTION_SCALE 256

/* The order is that of the letters in error messages. */
enum seen {
	SEEN_SOURCE = 1,
	SEEN_DESTINATION = 2,
	SEEN_PROTOCOL = 4,
	SEEN_JUMP = 8,
	SEEN_IN = 16,
	SEEN_OUT = 32,
	SEEN_FRAGMENT = 64,
	SEEN_COUNTERS = 128,
};
static const char letters[] = "sdpjiofc";

/* invflags have the same bits in both families (IPT_INV_*, IP6T_INV_*). */
static const uint8_t inversions[] = { IPT_INV_SRCIP,  IPT_INV_DSTIP,   XT_INV_PROTO, 0,
				      IPT_INV_VIA_IN, IPT_INV_VIA_OUT, IPT_INV_FRAG, 0 };

/* Also the commands: they make abbreviations ambiguous. */
static struct option command_options[] = {
	{ "append", 1, NULL, 'A' },        { "delete", 1, NULL, 'D' },
	{ "check", 1, NULL, 'C' },         { "insert", 1, NULL, 'I' },
	{ "replace", 1, NULL, 'R' },       { "list", 2, NULL, 'L' },
	{ "list-rules", 2, NULL, 'S' },    { "flush", 2, NULL, 'F' },
	{ "zero", 2, NULL, 'Z' },          { "new-chain", 1, NULL, 'N' },
	{ "delete-chain", 2, NULL, 'X' },  { "rename-chain", 1, NULL, 'E' },
	{ "policy", 1, NULL, 'P' },        { "source", 1, NULL, 's' },
	{ "destination", 1, NULL, 'd' },   { "src", 1, NULL, 's' },
	{ "dst", 1, NULL, 'd' },           { "protocol", 1, NULL, 'p' },
	{ "in-interface", 1, NULL, 'i' },  { "jump", 1, NULL, 'j' },
	{ "table", 1, NULL, 't' },         { "match", 1, NULL, 'm' },
	{ "numeric", 0, NULL, 'n' },       { "out-interface", 1, NULL, 'o' },
	{ "verbose", 0, NULL, 'v' },       { "wait", 2, NULL, 'w' },
	{ "wait-interval", 2, NULL, 'W' }, { "exact", 0, NULL, 'x' },
	{ "version", 0, NULL, 'V' },       { "help", 2, NULL, 'h' },
	{ "line-numbers", 0, NULL, '0' },  { "modprobe", 1, NULL, 'M' },
	{ "set-counters", 1, NULL, 'c' },  { "goto", 1, NULL, 'g' },
	{ "ipv4", 0, NULL, '4' },          { "ipv6", 0, NULL, '6' },
	{ "fragments", 0, NULL, 'f' },     { 0 },
};
static const char short_options[] =
	"-:A:C:D:E:F::I:L::M:N:P:VX::Z::c:d:i:j:o:p:s:t:R:S::W::46bfg:h::m:nvw::x";

/* What the words have said so far. Static: it is released on the jump path too. */
static struct {
	union rule_header header;
	unsigned int seen;
	uint8_t flags, invflags;
	const char *source, *destination;
	char *protocol;
	bool is_protocol_match_loaded;
	const char *jump; /* NULL: no target */
	bool is_goto;
	bool is_standard; /* jump is a verdict or a chain */
	struct xtables_rule_match *matches;
	struct xtables_match *found; /* the match that was looked for last */
	struct xtables_target *target;
	const struct pyiptc_chains *chains;
} rule;

static unsigned char *entries_block; /* reply of the last call */

struct addresses {
	void *address, *mask;
	unsigned int count, size;
};
static struct addresses sources, destinations;

static void see(enum seen what, bool invert)
{
	unsigned int bit = (unsigned int)__builtin_ctz(what);

	if (rule.seen & what)
		guard_fail("multiple -%c flags not allowed", letters[bit]);
	rule.seen |= what;
	if (!invert)
		return;
	if (inversions[bit] == 0)
		guard_fail("cannot have ! before -%c", letters[bit]);
	rule.invflags |= inversions[bit];
}

/* `--option ! value`: what iptables took until 1.4. */
static bool is_inverted_after(int argc, char **argv, bool invert)
{
	if (optarg == NULL || strcmp(optarg, "!") != 0 || optind >= argc || argv[optind][0] == '-')
		return invert;
	if (invert)
		guard_fail("Multiple `!' flags not allowed");
	optarg = argv[optind++];
	return true;
}

/* ---- extensions --------------------------------------------------------------------------------- */

static void merge(const struct xt_option_entry *x6, const struct option *extra,
		  unsigned int *offset)
{
	struct option *opts = globals.opts;

	if (x6 != NULL)
		opts = lib.options_xfrm(globals.orig_opts, opts, x6, offset);
	else if (extra != NULL)
		opts = lib.merge_options(globals.orig_opts, opts, extra, offset);
	if (opts == NULL)
		guard_fail("can't alloc memory!");
	globals.opts = opts;
}

static void start_match(struct xtables_match *match)
{
	match_start(match);
	/* A clone, the second match of a kind, uses the options of the first. */
	if (match != match->next)
		merge(match->x6_options, match->extra_opts, &match->option_offset);
}

static void take_match(const char *name, bool invert)
{
	if (invert)
		guard_fail("unexpected ! flag before --match");
	start_match(lib.find_match(name, XTF_LOAD_MUST_SUCCEED, &rule.matches));
}

static void find_target(void *name)
{
	rule.target = lib.find_target(name, XTF_LOAD_MUST_SUCCEED);
}

static bool is_verdict(const char *name)
{
	return strcmp(name, "ACCEPT") == 0 || strcmp(name, "DROP") == 0 ||
	       strcmp(name, "QUEUE") == 0 || strcmp(name, "RETURN") == 0;
}

static void check_target_name(const char *name)
{
	if (name[0] == '\0')
		guard_fail("Invalid target name (too short)");
	if (strlen(name) >= XT_EXTENSION_MAXNAMELEN)
		guard_fail("Invalid target name `%s' (%u chars max)", name,
			   XT_EXTENSION_MAXNAMELEN - 1);
	for (const char *at = name; *at != '\0'; at++)
		if (isspace((unsigned char)*at))
			guard_fail("Invalid target name `%s'", name);
}

static bool is_chain(const char *name)
{
	return rule.chains != NULL && rule.chains->has(rule.chains->context, name);
}

static void take_jump(const char *name)
{
	struct xtables_target *target;

	check_target_name(name);
	rule.jump = name;
	rule.is_standard = is_verdict(name) || is_chain(name);
	if (rule.is_standard)
		return;
	/* Where the chains are not known, what is no extension will be one. No file of that
	 * name has a slash: that would lead out of the extensions' directory. */
	if (rule.chains == NULL &&
	    (strchr(name, '/') != NULL || guard_try(find_target, (void *)name) < 0))
		rule.is_standard = true;
	else if (rule.chains != NULL)
		find_target((void *)name);
	target = rule.target;
	if (target == NULL)
		return;
	target_start(target);
	merge(target->x6_options, target->extra_opts, &target->option_offset);
}

static void take_goto(const char *name)
{
	check_target_name(name);
	if (is_verdict(name) || (rule.chains != NULL && !is_chain(name)))
		guard_fail("goto '%s' is not a chain", name);
	rule.jump = name;
	rule.is_standard = rule.is_goto = true;
}

static void find_match(void *name)
{
	rule.found = lib.find_match(name, XTF_LOAD_MUST_SUCCEED, &rule.matches);
}

/* The match that `-p` implies, with the first option of it: not if it was named before. */
static bool load_protocol_match(void)
{
	const char *name = rule.protocol;
	unsigned long number;
	char *end;

	if (name == NULL || rule.is_protocol_match_loaded)
		return false;
	number = strtoul(name, &end, 0);
	if (*end == '\0' && end != name)
		name = number <= UINT8_MAX ? protocol_name((unsigned int)number) : NULL;
	if (name == NULL || strchr(name, '/') != NULL || strlen(name) >= XT_EXTENSION_MAXNAMELEN)
		return false;
	rule.is_protocol_match_loaded = true;
	if (guard_try(find_match, (void *)name) < 0)
		return false;
	start_match(rule.found);
	return true;
}

/* True where the option was an extension's. */
static bool take_extension_option(int id, char **argv, bool invert)
{
	const unsigned int scale = OPTION_SCALE;

	if (rule.target != NULL && (rule.target->parse != NULL || rule.target->x6_parse != NULL) &&
	    (unsigned int)id >= rule.target->option_offset &&
	    (unsigned int)id < rule.target->option_offset + scale) {
		target_option(rule.target, id, argv, invert, &rule.header);
		return true;
	}
	for (struct xtables_rule_match *at = rule.matches; at != NULL; at = at->next) {
		struct xtables_match *match = at->match;

		if (at->completed || (match->x6_parse == NULL && match->parse == NULL) ||
		    (unsigned int)id < match->option_offset ||
		    (unsigned int)id >= match->option_offset + scale)
			continue;
		match_option(match, id, argv, invert, &rule.header);
		return true;
	}
	return false;
}

/* ---- the header ------------------------------------------------------------------------------------ */

static void take_protocol(bool invert)
{
	unsigned int number;

	see(SEEN_PROTOCOL, invert);
	for (char *at = optarg; *at != '\0'; at++)
		*at = (char)tolower((unsigned char)*at);
	rule.protocol = optarg;
	number = lib.parse_protocol(optarg);
	if (number == 0 && (rule.invflags & XT_INV_PROTO))
		guard_fail("rule would never match protocol");
	/* Extensions look at these while they parse. */
	if (family == NFPROTO_IPV4) {
		rule.header.v4.ip.proto = (__u16)number;
		rule.header.v4.ip.invflags = rule.invflags;
		return;
	}
	rule.header.v6.ipv6.proto = (__u16)number;
	rule.header.v6.ipv6.invflags = rule.invflags;
	rule.header.v6.ipv6.flags |= IP6T_F_PROTO;
	rule.flags |= IP6T_F_PROTO;
	if ((number == IPPROTO_ROUTING || number == IPPROTO_FRAGMENT || number == IPPROTO_AH ||
	     number == IPPROTO_DSTOPTS) &&
	    !(rule.invflags & XT_INV_PROTO))
		fprintf(stderr, "never matched protocol: %s. use extension match instead.\n",
			optarg);
}

static void take_interface(enum seen what, bool invert)
{
	bool in = what == SEEN_IN;

	if (optarg[0] == '\0')
		guard_fail("Empty interface is likely to be undesired");
	see(what, invert);
	if (family == NFPROTO_IPV4) {
		struct ipt_ip *ip = &rule.header.v4.ip;

		lib.parse_interface(optarg, in ? ip->iniface : ip->outiface,
				    in ? ip->iniface_mask : ip->outiface_mask);
	} else {
		struct ip6t_ip6 *ip = &rule.header.v6.ipv6;

		lib.parse_interface(optarg, in ? ip->iniface : ip->outiface,
				    in ? ip->iniface_mask : ip->outiface_mask);
	}
}

static uint64_t read_counter(const char *text, const char *what)
{
	unsigned long long value;
	char *end;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (end == text || text[0] == '-' || (*end != '\0' && *end != ',') || errno != 0)
		guard_fail("-c %s counter not numeric", what);
	return value;
}

static void take_counters(int argc, char **argv, bool invert)
{
	struct xt_counters *counters =
		family == NFPROTO_IPV4 ? &rule.header.v4.counters : &rule.header.v6.counters;
	const char *bytes = strchr(optarg, ',');

	see(SEEN_COUNTERS, invert);
	if (bytes != NULL)
		bytes++;
	else if (optind < argc && argv[optind][0] != '-' && argv[optind][0] != '!')
		bytes = argv[optind++];
	else
		guard_fail("-c requires packet and byte counter");
	counters->pcnt = read_counter(optarg, "packet");
	counters->bcnt = read_counter(bytes, "byte");
}

static void take_family(unsigned int wanted)
{
	if (family != wanted)
		guard_fail("-%c: this rule is for %s", wanted == NFPROTO_IPV4 ? '4' : '6',
			   family == NFPROTO_IPV4 ? "IPv4" : "IPv6");
}

/* ---- the words ------------------------------------------------------------------------------------------ */

static void take_option(int id, int argc, char **argv, bool invert)
{
	switch (id) {
	case 's':
		see(SEEN_SOURCE, invert);
		rule.source = optarg;
		break;
	case 'd':
		see(SEEN_DESTINATION, invert);
		rule.destination = optarg;
		break;
	case 'p':
		take_protocol(invert);
		break;
	case 'i':
		take_interface(SEEN_IN, invert);
		break;
	case 'o':
		take_interface(SEEN_OUT, invert);
		break;
	case 'f':
		if (family == NFPROTO_IPV6)
			guard_fail("`-f' is not supported in IPv6, use -m frag instead");
		see(SEEN_FRAGMENT, invert);
		rule.flags |= IPT_F_FRAG;
		break;
	case 'm':
		take_match(optarg, invert);
		break;
	case 'j':
		see(SEEN_JUMP, invert);
		take_jump(optarg);
		break;
	case 'g':
		see(SEEN_JUMP, invert);
		take_goto(optarg);
		break;
	case 'c':
		take_counters(argc, argv, invert);
		break;
	case '4':
		take_family(NFPROTO_IPV4);
		break;
	case '6':
		take_family(NFPROTO_IPV6);
		break;
	default:
		guard_fail("option -%c is not part of a rule", id);
	}
}

static void take_words(int argc, char **argv)
{
	bool invert = false;
	int id;

	optind = 0;
	opterr = 0;
	while ((id = getopt_long(argc, argv, short_options, globals.opts, NULL)) != -1) {
		if (id == 1 && strcmp(optarg, "!") == 0) {
			if (invert)
				guard_fail("multiple consecutive ! not allowed");
			invert = true;
			continue;
		}
		if (id == 1)
			guard_fail("Bad argument `%s'", optarg);
		if (id != ':' && id != '?')
			invert = is_inverted_after(argc, argv, invert);
		if (id > 1 && id < OPTION_SCALE && id != ':' && id != '?') {
			take_option(id, argc, argv, invert);
		} else if (id < OPTION_SCALE || !take_extension_option(id, argv, invert)) {
			if (load_protocol_match()) {
				optind--; /* the same word again, over more options */
				continue;
			}
			if (id == ':')
				guard_fail("option \"%s\" requires an argument", argv[optind - 1]);
			if (id == '?')
				guard_fail("unknown option \"%s\"", argv[optind - 1]);
			guard_fail("Unknown arg \"%s\"",
				   optarg != NULL ? optarg : argv[optind - 1]);
		}
		invert = false;
	}
	for (struct xtables_rule_match *at = rule.matches; at != NULL; at = at->next)
		lib.mfcall(at->match);
	if (rule.target != NULL)
		lib.tfcall(rule.target);
	if (optind < argc)
		guard_fail("unknown arguments found on commandline");
	if (invert)
		guard_fail("nothing appropriate following !");
}

/* ---- the entries -------------------------------------------------------------------------------------------- */

static void read_addresses(const char *text, struct addresses *to)
{
	if (family == NFPROTO_IPV4) {
		to->size = sizeof(struct in_addr);
		lib.ipparse_multiple(text != NULL ? text : "0.0.0.0/0",
				     (struct in_addr **)&to->address, (struct in_addr **)&to->mask,
				     &to->count);
	} else {
		to->size = sizeof(struct in6_addr);
		lib.ip6parse_multiple(text != NULL ? text : "::0/0",
				      (struct in6_addr **)&to->address,
				      (struct in6_addr **)&to->mask, &to->count);
	}
}

static size_t entry_size(size_t *target_offset)
{
	size_t size = family == NFPROTO_IPV4 ? sizeof(struct ipt_entry) : sizeof(struct ip6t_entry);

	for (const struct xtables_rule_match *at = rule.matches; at != NULL; at = at->next)
		size += at->match->m->u.match_size;
	*target_offset = size;
	size += rule.target != NULL ? rule.target->t->u.target_size
				    : sizeof(struct xt_standard_target);
	if (size > UINT16_MAX)
		guard_fail("a rule of %zu bytes: at most 65535 fit an entry", size);
	return size;
}

static int verdict(void)
{
	if (rule.jump == NULL || !is_verdict(rule.jump))
		return 0;
	switch (rule.jump[0]) {
	case 'A':
		return -NF_ACCEPT - 1;
	case 'D':
		return -NF_DROP - 1;
	case 'Q':
		return -NF_QUEUE - 1;
	default:
		return XT_RETURN;
	}
}

/* One entry but for its addresses. */
static void put_entry(unsigned char *entry, size_t target_offset, size_t size)
{
	unsigned char *at;

	if (family == NFPROTO_IPV4) {
		struct ipt_entry *header = &rule.header.v4;

		header->ip.flags = rule.flags | (rule.is_goto ? IPT_F_GOTO : 0);
		header->ip.invflags = rule.invflags;
		header->target_offset = (__u16)target_offset;
		header->next_offset = (__u16)size;
		memcpy(entry, header, sizeof(*header));
		at = entry + sizeof(*header);
	} else {
		struct ip6t_entry *header = &rule.header.v6;

		header->ipv6.flags = rule.flags | (rule.is_goto ? IP6T_F_GOTO : 0);
		header->ipv6.invflags = rule.invflags;
		header->target_offset = (__u16)target_offset;
		header->next_offset = (__u16)size;
		memcpy(entry, header, sizeof(*header));
		at = entry + sizeof(*header);
	}
	for (const struct xtables_rule_match *match = rule.matches; match != NULL;
	     match = match->next) {
		memcpy(at, match->match->m, match->match->m->u.match_size);
		at += match->match->m->u.match_size;
	}
	if (rule.target != NULL) {
		memcpy(at, rule.target->t, rule.target->t->u.target_size);
	} else {
		struct xt_standard_target standard = { .verdict = verdict() };

		standard.target.u.target_size = sizeof(standard);
		memcpy(at, &standard, sizeof(standard));
	}
}

/* src, dst and their masks stand first in both families, in this order. */
static void put_addresses(unsigned char *entry, unsigned int source, unsigned int destination)
{
	size_t size = sources.size;

	memcpy(entry, (unsigned char *)sources.address + source * size, size);
	memcpy(entry + size, (unsigned char *)destinations.address + destination * size, size);
	memcpy(entry + 2 * size, (unsigned char *)sources.mask + source * size, size);
	memcpy(entry + 3 * size, (unsigned char *)destinations.mask + destination * size, size);
}

static void put_entries(struct pyiptc_reply *reply)
{
	size_t target_offset, size = entry_size(&target_offset);
	unsigned char *entry;

	read_addresses(rule.source, &sources);
	read_addresses(rule.destination, &destinations);
	if ((sources.count > 1 || destinations.count > 1) &&
	    (rule.invflags & (IPT_INV_SRCIP | IPT_INV_DSTIP)))
		guard_fail("! not allowed with multiple source or destination IP addresses");
	reply->entry_count = sources.count * destinations.count;
	reply->payload_size = reply->entry_count * size;
	entry = entries_block = zalloc(reply->payload_size);
	for (unsigned int i = 0; i < sources.count; i++) {
		for (unsigned int j = 0; j < destinations.count; j++, entry += size) {
			put_entry(entry, target_offset, size);
			put_addresses(entry, i, j);
		}
	}
	reply->payload = entries_block;
	reply->alias =
		rule.is_standard && rule.jump != NULL && !is_verdict(rule.jump) ? rule.jump : "";
	reply->is_fallthrough = rule.jump == NULL;
}

static void release(void)
{
	interpose_free_copies();
	for (struct xtables_rule_match *at = rule.matches; at != NULL; at = at->next)
		match_end(at->match);
	lib.matches_free(&rule.matches);
	if (rule.target != NULL)
		target_end(rule.target);
	free(sources.address);
	free(sources.mask);
	free(destinations.address);
	free(destinations.mask);
	memset(&sources, 0, sizeof(sources));
	memset(&destinations, 0, sizeof(destinations));
	memset(&rule, 0, sizeof(rule));
	lib.free_opts(1);
}

int command_rule(int argc, char **argv, const struct pyiptc_chains *chains,
		 struct pyiptc_reply *reply)
{
	struct option *others = globals.orig_opts;
	int rc;

	free(entries_block);
	entries_block = NULL;
	globals.orig_opts = globals.opts = command_options;
	globals.option_offset = 0;
	if (guard_begin(reply) == 0) {
		rule.chains = chains;
		take_words(argc, argv);
		put_entries(reply);
	}
	rc = guard_end(reply);
	release();
	reply->is_assumed = revision_forget();
	globals.orig_opts = globals.opts = others;
	globals.option_offset = 0;
	return rc;
}
