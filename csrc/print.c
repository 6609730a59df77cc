/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Parts of an entry as iptables-save prints them. The functions write at @at, no NUL after it, and
 * return where they ended; nothing is allocated.
 */
#include <arpa/inet.h>

#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_tcpudp.h>

#include "entry.h"

#define MASK_DISTANCE 32 /* from an interface's name to its mask */

/* Named alike in both families: what differs is the flag of a goto. */
PYIPTC_ASSERT(IPT_INV_SRCIP == IP6T_INV_SRCIP && IPT_INV_DSTIP == IP6T_INV_DSTIP);
PYIPTC_ASSERT(IPT_INV_VIA_IN == IP6T_INV_VIA_IN && IPT_INV_VIA_OUT == IP6T_INV_VIA_OUT);
PYIPTC_ASSERT(IPT_INV_PROTO == IP6T_INV_PROTO);

static char *put(char *at, const char *text)
{
	size_t size = strlen(text);

	memcpy(at, text, size);
	return at + size;
}

static char *put_option(char *at, const char *option, bool inverted)
{
	return put(inverted ? put(at, " !") : at, option);
}

static char *put_number(char *at, uint64_t number)
{
	char digits[20];
	size_t used = sizeof(digits);

	do {
		digits[--used] = (char)('0' + number % 10);
		number /= 10;
	} while (number != 0);
	memcpy(at, digits + used, sizeof(digits) - used);
	return at + sizeof(digits) - used;
}

/* ---- words ------------------------------------------------------------------------------------- */

static bool is_blank(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || (c >= 0x1c && c <= 0x1f);
}

char *pyiptc_word_print(const char *word, size_t size, char *at)
{
	bool is_plain = size > 0;

	for (size_t i = 0; i < size && is_plain; i++)
		is_plain = !is_blank((unsigned char)word[i]) && word[i] != '"' && word[i] != '\'' &&
			   word[i] != '\\';
	if (is_plain) {
		memcpy(at, word, size);
		return at + size;
	}
	*at++ = '"';
	for (size_t i = 0; i < size; i++) {
		if (word[i] == '"' || word[i] == '\\')
			*at++ = '\\';
		*at++ = word[i];
	}
	*at++ = '"';
	return at;
}

/* As extensions print a word that can be anything: see xtables_save_string() of libxtables. */
static char *put_string(char *at, const char *string, size_t size)
{
	bool is_plain = size > 0;

	for (size_t i = 0; i < size && is_plain; i++) {
		char c = string[i];

		is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			   (c >= '0' && c <= '9') || c == '_' || c == '-';
	}
	*at++ = ' ';
	if (is_plain) {
		memcpy(at, string, size);
		return at + size;
	}
	*at++ = '"';
	for (size_t i = 0; i < size; i++) {
		if (string[i] == '"' || string[i] == '\\' || string[i] == '\'')
			*at++ = '\\';
		*at++ = string[i];
	}
	*at++ = '"';
	return at;
}

char *pyiptc_counters_print(const struct xt_counters *counters, char *at)
{
	*at++ = '[';
	at = put_number(at, counters->pcnt);
	*at++ = ':';
	at = put_number(at, counters->bcnt);
	*at++ = ']';
	return at;
}

char *pyiptc_verdict_print(int verdict, char *at)
{
	switch (verdict) {
	case -NF_ACCEPT - 1:
		return put(at, "ACCEPT");
	case -NF_DROP - 1:
		return put(at, "DROP");
	case -NF_QUEUE - 1:
		return put(at, "QUEUE");
	case XT_RETURN:
		return put(at, "RETURN");
	}
	if (verdict < 0)
		*at++ = '-';
	return put_number(at, verdict < 0 ? -(uint64_t)verdict : (uint64_t)verdict);
}

/* ---- headers ----------------------------------------------------------------------------------- */

/* Number of ones of a mask, or -1 where it has holes. */
static int prefix_length(const unsigned char *mask, uint32_t size)
{
	uint32_t at = 0;
	unsigned int rest;
	int length;

	while (at < size && mask[at] == 0xff)
		at++;
	length = (int)at * 8;
	if (at == size)
		return length;
	for (rest = mask[at++]; rest & 0x80; rest = rest << 1 & 0xff)
		length++;
	while (rest == 0 && at < size)
		rest = mask[at++];
	return rest == 0 ? length : -1;
}

static char *put_address(const struct pyiptc_family *family, const unsigned char *address, char *at)
{
	if (family->nfproto == NFPROTO_IPV6) {
		inet_ntop(AF_INET6, address, at, INET6_ADDRSTRLEN);
		return at + strlen(at);
	}
	for (int i = 0; i < 4; i++) {
		if (i > 0)
			*at++ = '.';
		at = put_number(at, address[i]);
	}
	return at;
}

char *pyiptc_network_print(const struct pyiptc_family *family, const unsigned char *address,
			   const unsigned char *mask, bool dotted, char *at)
{
	int length = dotted ? -1 : prefix_length(mask, family->address_size);

	at = put_address(family, address, at);
	*at++ = '/';
	return length < 0 ? put_address(family, mask, at) : put_number(at, (uint64_t)length);
}

char *pyiptc_interface_print(const unsigned char *name, const unsigned char *mask, char *at)
{
	size_t length = 0, size;

	while (length < IFNAMSIZ && mask[length] != 0)
		length++;
	size = strnlen((const char *)name, length);
	memcpy(at, name, size);
	at += size;
	/* Where the mask ends before the NUL, the rest of the name may be any. */
	if (length > 0 && length < IFNAMSIZ && name[length - 1] != 0)
		*at++ = '+';
	return at;
}

static char *put_network(const struct pyiptc_family *family, const char *option,
			 const unsigned char *address, bool inverted, char *at)
{
	const unsigned char *mask = address + 2 * family->address_size;
	unsigned char kept[sizeof(struct in6_addr)];
	bool is_any = true;

	for (uint32_t i = 0; i < family->address_size; i++) {
		kept[i] = address[i] & mask[i];
		is_any = is_any && mask[i] == 0;
	}
	if (is_any && !inverted)
		return at;
	at = put_option(at, option, inverted);
	return pyiptc_network_print(family, kept, mask, false, at);
}

static char *put_interface(const char *option, const unsigned char *name, bool inverted, char *at)
{
	char shown[IFNAMSIZ + 1];
	char *end = pyiptc_interface_print(name, name + MASK_DISTANCE, shown);

	if (end == shown && !inverted)
		return at;
	/* iptables 1.8.9 prints nothing for `! -i +`, which would mean any interface. */
	if (end == shown)
		*end++ = '+';
	at = put_option(at, option, inverted);
	return pyiptc_word_print(shown, (size_t)(end - shown), at);
}

char *pyiptc_header_print(const struct pyiptc_family *family, const unsigned char *header,
			  const char *protocol, char *at)
{
	unsigned int flags = header[family->flags], inverted = header[family->flags + 1];
	unsigned int number = get_u16(header + family->proto);

	at = put_network(family, " -s ", header, inverted & IPT_INV_SRCIP, at);
	at = put_network(family, " -d ", header + family->address_size, inverted & IPT_INV_DSTIP,
			 at);
	at = put_interface(" -i ", header + family->iniface, inverted & IPT_INV_VIA_IN, at);
	at = put_interface(" -o ", header + family->outiface, inverted & IPT_INV_VIA_OUT, at);
	if (number != 0) {
		at = put_option(at, " -p ", inverted & IPT_INV_PROTO);
		at = protocol[0] != 0 ? put(at, protocol) : put_number(at, number);
	}
	if (family->nfproto == NFPROTO_IPV4 && flags & IPT_F_FRAG)
		at = put_option(at, " -f", inverted & IPT_INV_FRAG);
	return at;
}

bool pyiptc_header_is_goto(const struct pyiptc_family *family, const unsigned char *header)
{
	unsigned int flag = family->nfproto == NFPROTO_IPV4 ? IPT_F_GOTO : IP6T_F_GOTO;

	return header[family->flags] & flag;
}

/* ---- options ------------------------------------------------------------------------------------ */

/* A range that is turned round but has all ports is not printed, although it matches nothing. */
static bool is_unprinted(const uint16_t *ports, bool inverted)
{
	return inverted && ports[0] == 0 && ports[1] == UINT16_MAX;
}

static char *put_ports(char *at, const char *option, const uint16_t *ports, bool inverted)
{
	if (ports[0] == 0 && ports[1] == UINT16_MAX)
		return at;
	at = put_number(put_option(at, option, inverted), ports[0]);
	if (ports[0] != ports[1]) {
		*at++ = ':';
		at = put_number(at, ports[1]);
	}
	return at;
}

static char *put_tcp_flags(char *at, unsigned int flags)
{
	static const char *const names[] = { "FIN", "SYN", "RST", "PSH", "ACK", "URG" };

	if (flags == 0)
		return put(at, " NONE");
	*at++ = ' ';
	for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!(flags >> i & 1))
			continue;
		at = put(at, names[i]);
		*at++ = ',';
	}
	return at - 1;
}

static char *print_tcp(const unsigned char *data, char *at)
{
	struct xt_tcp tcp;
	bool is_compared;

	memcpy(&tcp, data, sizeof(tcp));
	is_compared = tcp.flg_mask != 0 || tcp.invflags & XT_TCP_INV_FLAGS;
	if (is_unprinted(tcp.spts, tcp.invflags & XT_TCP_INV_SRCPT) ||
	    is_unprinted(tcp.dpts, tcp.invflags & XT_TCP_INV_DSTPT) ||
	    ((tcp.flg_mask | tcp.flg_cmp) & 0xc0) != 0 || (!is_compared && tcp.flg_cmp != 0))
		return NULL;
	at = put_ports(at, " --sport ", tcp.spts, tcp.invflags & XT_TCP_INV_SRCPT);
	at = put_ports(at, " --dport ", tcp.dpts, tcp.invflags & XT_TCP_INV_DSTPT);
	if (tcp.option != 0 || tcp.invflags & XT_TCP_INV_OPTION) {
		at = put_option(at, " --tcp-option ", tcp.invflags & XT_TCP_INV_OPTION);
		at = put_number(at, tcp.option);
	}
	if (is_compared) {
		at = put_option(at, " --tcp-flags", tcp.invflags & XT_TCP_INV_FLAGS);
		at = put_tcp_flags(put_tcp_flags(at, tcp.flg_mask), tcp.flg_cmp);
	}
	return at;
}

static char *print_udp(const unsigned char *data, char *at)
{
	struct xt_udp udp;

	memcpy(&udp, data, sizeof(udp));
	if (is_unprinted(udp.spts, udp.invflags & XT_UDP_INV_SRCPT) ||
	    is_unprinted(udp.dpts, udp.invflags & XT_UDP_INV_DSTPT))
		return NULL;
	at = put_ports(at, " --sport ", udp.spts, udp.invflags & XT_UDP_INV_SRCPT);
	return put_ports(at, " --dport ", udp.dpts, udp.invflags & XT_UDP_INV_DSTPT);
}

static char *print_comment(const unsigned char *data, char *at)
{
	const char *comment = (const char *)data;
	size_t size = strnlen(comment, XT_MAX_COMMENT_LEN);

	/* The extension would cut it short, in place. */
	if (size == XT_MAX_COMMENT_LEN)
		return NULL;
	return put_string(put(at, " --comment"), comment, size);
}

/* All are matches of revision 0, the same in both families. */
static const struct {
	const char *name;
	size_t size;
	char *(*print)(const unsigned char *data, char *at);
} known[PYIPTC_PRINTED_COUNT] = {
	{ "tcp", sizeof(struct xt_tcp), print_tcp },
	{ "udp", sizeof(struct xt_udp), print_udp },
	{ "comment", sizeof(struct xt_comment_info), print_comment },
};

int pyiptc_payload_printer(enum pyiptc_kind kind, const unsigned char *payload, size_t size)
{
	const size_t header = sizeof(struct xt_entry_match);

	if (kind != PYIPTC_MATCH || payload[header - 1] != 0)
		return -1;
	for (int i = 0; i < PYIPTC_PRINTED_COUNT; i++)
		if (size == header + XT_ALIGN(known[i].size) && has_name(payload, known[i].name))
			return i;
	return -1;
}

char *pyiptc_payload_print(int printer, const unsigned char *payload, char *at)
{
	return known[printer].print(payload + sizeof(struct xt_entry_match), at);
}
