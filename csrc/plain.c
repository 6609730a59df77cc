/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules of the plainest kind, as iptables-save prints them, taken apart without libxtables: exact
 * short options, numbers for addresses, one group of words for each extension. Whatever is not
 * that plain, or wrong, is left to libxtables, which knows what to say of it: nothing here refuses.
 */
#include <string.h>

#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_tcpudp.h>

#include "entry.h"

/* Protocols that mean the same number wherever /etc/protocols is read. */
static const struct {
	const char *name;
	uint16_t number;
	unsigned int nfproto; /* or 0: both */
} protocols[] = {
	{ "tcp", IPPROTO_TCP, 0 },
	{ "udp", IPPROTO_UDP, 0 },
	{ "icmp", IPPROTO_ICMP, NFPROTO_IPV4 },
	{ "ipv6-icmp", IPPROTO_ICMPV6, NFPROTO_IPV6 },
};

/* Decimal digits, without a zero in front, which would mean another base. Return: what follows them,
 * or NULL. */
static const char *read_number(const char *at, uint32_t max, uint32_t *number)
{
	uint32_t value = 0;
	const char *start = at;

	for (; *at >= '0' && *at <= '9'; at++) {
		if (at - start >= 6)
			return NULL;
		value = value * 10 + (uint32_t)(*at - '0');
	}
	if (at == start || value > max || (*start == '0' && at - start > 1))
		return NULL;
	*number = value;
	return at;
}

/* @index: 0 source, 1 destination. */
static bool take_address(const struct pyiptc_family *family, const char *word, int index,
			 unsigned char *header)
{
	uint32_t size = family->address_size, length = size * 8;
	unsigned char *address = header + (uint32_t)index * size;
	unsigned char *mask = address + 2 * size;
	const char *slash = strchr(word, '/');
	char text[48];
	size_t room = slash != NULL ? (size_t)(slash - word) : strlen(word);

	if (room >= sizeof(text))
		return false;
	memcpy(text, word, room);
	text[room] = '\0';
	if (slash != NULL) {
		slash = read_number(slash + 1, length, &length);
		if (slash == NULL || *slash != '\0')
			return false;
	}
	if (!pyiptc_read_address(family, text, address))
		return false;
	for (uint32_t i = 0; i < size; i++) {
		uint32_t bits = length >= 8 * (i + 1) ? 8 : length <= 8 * i ? 0 : length - 8 * i;

		mask[i] = (unsigned char)(0xFF00U >> bits);
		address[i] &= mask[i];
	}
	return true;
}

static bool take_interface(const char *word, unsigned char *name)
{
	size_t length = strlen(word);
	bool is_open = length > 0 && word[length - 1] == '+';

	if (length == 0 || length >= IFNAMSIZ || (is_open && length == 1))
		return false;
	for (size_t i = 0; i < length - is_open; i++) {
		char c = word[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		      c == '.' || c == '-' || c == '_'))
			return false;
	}
	memcpy(name, word, length + 1);
	/* The NUL counts too, unless any name that begins so will do. */
	memset(name + 2 * IFNAMSIZ, 0xFF, is_open ? length - 1 : length + 1);
	return true;
}

static bool take_protocol(const struct pyiptc_family *family, const char *word,
			  unsigned char *header)
{
	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++) {
		if (strcmp(word, protocols[i].name) != 0 ||
		    (protocols[i].nfproto != 0 && protocols[i].nfproto != family->nfproto))
			continue;
		put_u16(header + family->proto, protocols[i].number);
		if (family->nfproto == NFPROTO_IPV6)
			header[family->flags] |= IP6T_F_PROTO;
		return true;
	}
	return false;
}

static bool is_option(const char *word)
{
	return word[0] == '-' && word[1] == '-' && word[2] != '\0';
}

/* The words of an extension: its options, `!` before some, and what belongs to them. */
static int count_words(int argc, char **argv, int first)
{
	int at = first;

	while (at < argc) {
		const char *word = argv[at];

		if (word[0] == '!' && word[1] == '\0') {
			if (at + 1 >= argc || !is_option(argv[at + 1]))
				break;
		} else if (word[0] == '-' && !is_option(word)) {
			break;
		}
		at++;
	}
	return at - first;
}

/* A second match of a kind goes on with the options of the first: what came between may have options
 * of the same names, which are newer. */
static bool is_shadowed(const struct pyiptc_plain *rule, const char *name)
{
	uint32_t count = rule->part_count;

	if (count == 0 || strcmp(rule->parts[count - 1].name, name) == 0)
		return false;
	for (uint32_t i = 0; i < count; i++)
		if (strcmp(rule->parts[i].name, name) == 0)
			return true;
	return false;
}

bool pyiptc_plain_rule(const struct pyiptc_family *family, int argc, char **argv,
		       struct pyiptc_plain *rule)
{
	/* Bits that IPv4 and IPv6 have in common (IPT_INV_*, IP6T_INV_*). */
	static const uint8_t inversions[] = {
		['s' - 'a'] = IPT_INV_SRCIP,  ['d' - 'a'] = IPT_INV_DSTIP,
		['i' - 'a'] = IPT_INV_VIA_IN, ['o' - 'a'] = IPT_INV_VIA_OUT,
		['p' - 'a'] = XT_INV_PROTO,
	};
	uint32_t seen = 0;
	uint8_t inverted = 0;

	memset(rule->header, 0, family->header_size);
	rule->part_count = 0;
	rule->jump = NULL;
	rule->jump_count = 0;
	rule->is_goto = false;
	for (int at = 0; at < argc;) {
		bool is_inverted = strcmp(argv[at], "!") == 0;
		const char *word = argv[at + is_inverted], *value;
		char letter;
		bool is_fine;

		/* argv ends with NULL. */
		if (word == NULL || word[0] != '-' || word[1] < 'a' || word[1] > 'z' ||
		    word[2] != '\0')
			return false;
		letter = word[1];
		value = argv[at + is_inverted + 1];
		if (value == NULL || value[0] == '-' || value[0] == '!')
			return false;
		at += is_inverted + 2;
		if (letter == 'm') {
			struct pyiptc_part *part = &rule->parts[rule->part_count];

			if (is_inverted || rule->part_count == PYIPTC_PARTS_MAX ||
			    is_shadowed(rule, value))
				return false;
			part->name = value;
			part->first = at;
			part->count = count_words(argc, argv, at);
			at += part->count;
			rule->part_count++;
			continue;
		}
		if ((seen & (1U << (letter - 'a'))) || (letter == 'g' && rule->jump != NULL))
			return false;
		seen |= 1U << (letter - 'a');
		if (letter == 'j' || letter == 'g') {
			if (is_inverted || rule->jump != NULL)
				return false;
			rule->jump = value;
			rule->is_goto = letter == 'g';
			rule->jump_first = at;
			rule->jump_count = count_words(argc, argv, at);
			at += rule->jump_count;
			continue;
		}
		/* Extensions look at what stands before them. */
		if (rule->part_count > 0 || rule->jump != NULL)
			return false;
		switch (letter) {
		case 's':
		case 'd':
			is_fine = take_address(family, value, letter == 'd', rule->header);
			break;
		case 'i':
			is_fine = take_interface(value, rule->header + family->iniface);
			break;
		case 'o':
			is_fine = take_interface(value, rule->header + family->outiface);
			break;
		case 'p':
			is_fine = take_protocol(family, value, rule->header);
			break;
		default:
			return false;
		}
		if (!is_fine)
			return false;
		if (is_inverted)
			inverted |= inversions[letter - 'a'];
	}
	rule->header[family->flags + 1] = inverted;
	return true;
}

/* ---- options that differ from rule to rule ----------------------------------------------------- */

/* `1024:65535`, or one number twice. */
static bool take_ports(const char *word, uint16_t *ports)
{
	uint32_t first, last;
	const char *end = read_number(word, UINT16_MAX, &first);

	if (end == NULL)
		return false;
	last = first;
	if (*end == ':')
		end = read_number(end + 1, UINT16_MAX, &last);
	if (end == NULL || *end != '\0' || first > last)
		return false;
	ports[0] = (uint16_t)first;
	ports[1] = (uint16_t)last;
	return true;
}

/* struct xt_tcp and struct xt_udp begin alike; @invflags: XT_TCP_INV_SRCPT, _DSTPT. */
static bool take_port_options(int argc, char **argv, uint16_t *ports, uint8_t *invflags)
{
	unsigned int seen = 0;

	for (int at = 0; at < argc; at += 2) {
		bool is_inverted = argv[at][0] == '!';
		unsigned int which;

		at += is_inverted;
		if (at + 1 >= argc)
			return false;
		if (strcmp(argv[at], "--sport") == 0)
			which = 0;
		else if (strcmp(argv[at], "--dport") == 0)
			which = 1;
		else
			return false;
		if ((seen & (1U << which)) || !take_ports(argv[at + 1], ports + 2 * which))
			return false;
		seen |= 1U << which;
		if (is_inverted)
			*invflags |= (uint8_t)(1U << which);
	}
	return true;
}

PYIPTC_ASSERT(XT_TCP_INV_SRCPT == 1 && XT_TCP_INV_DSTPT == 2);
PYIPTC_ASSERT(XT_UDP_INV_SRCPT == 1 && XT_UDP_INV_DSTPT == 2);

static uint32_t start_payload(const char *name, uint32_t data_size, unsigned char *payload)
{
	uint32_t size = (uint32_t)sizeof(struct xt_entry_match) + XT_ALIGN(data_size);

	memset(payload, 0, size);
	put_u16(payload, size);
	memcpy(payload + 2, name, strlen(name));
	return size;
}

uint32_t pyiptc_plain_match(const struct pyiptc_family *family, const unsigned char *header,
			    const char *name, int argc, char **argv, unsigned char *payload)
{
	unsigned char *data = payload + sizeof(struct xt_entry_match);
	uint16_t proto = get_u16(header + family->proto);

	if (header[family->flags + 1] & XT_INV_PROTO)
		return 0;
	if (strcmp(name, "comment") == 0) {
		size_t length = argc == 2 ? strlen(argv[1]) : 0;
		uint32_t size;

		if (length == 0 || length >= XT_MAX_COMMENT_LEN || argv[1][0] == '!' ||
		    strcmp(argv[0], "--comment") != 0)
			return 0;
		size = start_payload(name, sizeof(struct xt_comment_info), payload);
		memcpy(data, argv[1], length);
		return size;
	}
	if (strcmp(name, "tcp") == 0 && proto == IPPROTO_TCP) {
		struct xt_tcp tcp = { .spts = { 0, UINT16_MAX }, .dpts = { 0, UINT16_MAX } };
		uint16_t ports[4] = { 0, UINT16_MAX, 0, UINT16_MAX };
		uint32_t size;

		if (!take_port_options(argc, argv, ports, &tcp.invflags))
			return 0;
		memcpy(tcp.spts, ports, sizeof(tcp.spts));
		memcpy(tcp.dpts, ports + 2, sizeof(tcp.dpts));
		size = start_payload(name, sizeof(tcp), payload);
		memcpy(data, &tcp, sizeof(tcp));
		return size;
	}
	if (strcmp(name, "udp") == 0 && proto == IPPROTO_UDP) {
		struct xt_udp udp = { .spts = { 0, UINT16_MAX }, .dpts = { 0, UINT16_MAX } };
		uint16_t ports[4] = { 0, UINT16_MAX, 0, UINT16_MAX };
		uint32_t size;

		if (!take_port_options(argc, argv, ports, &udp.invflags))
			return 0;
		memcpy(udp.spts, ports, sizeof(udp.spts));
		memcpy(udp.dpts, ports + 2, sizeof(udp.dpts));
		size = start_payload(name, sizeof(udp), payload);
		memcpy(data, &udp, offsetof(struct xt_udp, invflags) + 1);
		return size;
	}
	return 0;
}
