/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "twins.h"

const struct pyiptc_family *family;
struct pyiptc_instance *instance;
struct twin legacy, libiptc;

static uint64_t state;

void fail_at(const char *file, int line, const char *what, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

void set_seed(uint64_t seed)
{
	state = seed * 2654435761u + 88172645463325252u;
}

uint64_t get_seed(void)
{
	return state;
}

uint32_t below(uint32_t limit)
{
	/* xorshift64* */
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (uint32_t)((state * 2685821657736338717u) >> 33) % limit;
}

/* ---- namespaces ---------------------------------------------------------------------------------- */

void enter_namespace(void)
{
	struct ifreq request = { .ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING };
	int fd;

	check(unshare(CLONE_NEWNET) == 0, "%s", strerror(errno));
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	check(fd >= 0 && ioctl(fd, SIOCSIFFLAGS, &request) == 0, "%s", strerror(errno));
	close(fd);
}

static struct twin make_twin(const struct pyiptc_handle *handle)
{
	struct twin twin = { .handle = handle };

	enter_namespace();
	twin.fd = pyiptc_socket(family);
	check(twin.fd >= 0, "%s", strerror(-twin.fd));
	return twin;
}

void make_twins(void)
{
	legacy = make_twin(&pyiptc_handle_legacy);
	libiptc = make_twin(&pyiptc_handle_libiptc);
	/* Neither twin's: a handle has to go by the socket. */
	enter_namespace();
}

/* ---- tables ---------------------------------------------------------------------------------------- */

void read_twin(struct twin *twin, const char *name)
{
	struct pyiptc_error error = { 0 };
	int rc;

	pyiptc_table_free(twin->table);
	twin->table = NULL;
	rc = twin->handle->read(twin->fd, instance, family, name, &twin->table, &error);

	check(rc == 0, "%s: %s: %s: %s", twin->handle->name, error.operation, strerror(-rc),
	      error.text);
}

void read_twins(const char *name)
{
	drop_twins();
	read_twin(&legacy, name);
	read_twin(&libiptc, name);
	check_same_tables(legacy.table, libiptc.table);
}

int commit_twin(struct twin *twin, struct pyiptc_error *error)
{
	memset(error, 0, sizeof(*error));
	return twin->handle->commit(twin->fd, instance, twin->table, error);
}

int commit_twins(void)
{
	struct pyiptc_error a, b;
	int rc = commit_twin(&legacy, &a);
	int rc2 = commit_twin(&libiptc, &b);

	check(rc == rc2, "legacy: %d %s; libiptc: %d %s: %s", rc, strerror(a.number), rc2,
	      strerror(b.number), b.text);
	return rc;
}

void drop_twins(void)
{
	pyiptc_table_free(legacy.table);
	pyiptc_table_free(libiptc.table);
	legacy.table = libiptc.table = NULL;
}

static void check_same_counters(const struct xt_counters *a, const struct xt_counters *b,
				const char *chain)
{
	check(a->pcnt == b->pcnt && a->bcnt == b->bcnt, "%s: %llu:%llu and %llu:%llu", chain,
	      (unsigned long long)a->pcnt, (unsigned long long)a->bcnt, (unsigned long long)b->pcnt,
	      (unsigned long long)b->bcnt);
}

static void check_same_chains(const struct pyiptc_chain *a, const struct pyiptc_chain *b)
{
	check(strcmp(a->name, b->name) == 0, "%s and %s", a->name, b->name);
	check(a->hook == b->hook && a->policy == b->policy, "%s", a->name);
	check(a->origin == b->origin, "%s: %u and %u", a->name, a->origin, b->origin);
	check(a->references == b->references && a->count == b->count, "%s", a->name);
	check_same_counters(&a->counters, &b->counters, a->name);
	for (uint32_t i = 0; i < a->count; i++) {
		const struct pyiptc_rule *x = pyiptc_chain_rule(a, i), *y = pyiptc_chain_rule(b, i);

		check(x->size == y->size && x->kind == y->kind, "%s %u", a->name, i);
		check(x->origin == y->origin && x->is_zeroed == y->is_zeroed, "%s %u", a->name, i);
		check((x->jump == NULL) == (y->jump == NULL), "%s %u", a->name, i);
		check(x->jump == NULL || strcmp(x->jump->name, y->jump->name) == 0, "%s %u",
		      a->name, i);
		check(memcmp(x->data, y->data, x->size) == 0, "%s %u", a->name, i);
	}
}

void check_same_tables(const struct pyiptc_table *a, const struct pyiptc_table *b)
{
	check(a->chain_count == b->chain_count && a->builtin_count == b->builtin_count, "%s",
	      a->name);
	check(a->valid_hooks == b->valid_hooks && a->num_entries == b->num_entries, "%s", a->name);
	check(strcmp(a->name, b->name) == 0, "%s and %s", a->name, b->name);
	for (uint32_t i = 0; i < a->chain_count; i++)
		check_same_chains(a->chains[i], b->chains[i]);
}

static struct ipt_get_entries *kernel_table(const struct twin *twin, const char *name,
					    struct ipt_getinfo *info)
{
	struct ipt_get_entries *entries;

	check(pyiptc_get_info(twin->fd, family, name, info) == 0, "%s", name);
	entries = calloc(1, sizeof(*entries) + info->size);
	check(entries != NULL, "%u bytes", info->size);
	strcpy(entries->name, name);
	entries->size = info->size;
	check(pyiptc_get_entries(twin->fd, family, entries) == 0, "%s", name);
	return entries;
}

void check_same_kernels(const char *name)
{
	struct ipt_getinfo a, b;
	struct ipt_get_entries *x = kernel_table(&legacy, name, &a);
	struct ipt_get_entries *y = kernel_table(&libiptc, name, &b);
	const unsigned char *p = (unsigned char *)x->entrytable;
	const unsigned char *q = (unsigned char *)y->entrytable;

	check(memcmp(&a, &b, sizeof(a)) == 0, "%s: %u and %u bytes", name, a.size, b.size);
	for (uint32_t i = 0; i < a.size; i++)
		check(p[i] == q[i], "%s, byte %u: %u and %u", name, i, p[i], q[i]);
	free(x);
	free(y);
}

void count_packets(const char *name)
{
	struct ipt_getinfo info;
	struct xt_counters_info *counters;
	size_t size;

	check(pyiptc_get_info(legacy.fd, family, name, &info) == 0, "%s", name);
	size = sizeof(*counters) + info.num_entries * sizeof(counters->counters[0]);
	counters = calloc(1, size);
	check(counters != NULL, "%zu bytes", size);
	strcpy(counters->name, name);
	counters->num_counters = info.num_entries;
	for (uint32_t i = 0; i < info.num_entries; i++)
		counters->counters[i] =
			(struct xt_counters){ .pcnt = below(1000), .bcnt = below(1000000) };
	check(pyiptc_add_counters(legacy.fd, family, counters, size) == 0, "%s", name);
	check(pyiptc_add_counters(libiptc.fd, family, counters, size) == 0, "%s", name);
	free(counters);
}

struct xt_counters kernel_counters(const struct twin *twin, uint32_t index)
{
	struct ipt_getinfo info;
	struct ipt_get_entries *entries = kernel_table(twin, twin->table->name, &info);
	const unsigned char *entry = (unsigned char *)entries->entrytable;
	struct xt_counters counters;
	uint16_t next;

	while (index-- > 0) {
		memcpy(&next, entry + family->offsets + 2, sizeof(next));
		entry += next;
	}
	memcpy(&counters, entry + family->counters, sizeof(counters));
	free(entries);
	return counters;
}

/* ---- rules ------------------------------------------------------------------------------------------- */

/* An entry that is being put together. */
struct draft {
	_Alignas(8) unsigned char data[2048];
	uint32_t size;
};

static void put_u16(unsigned char *at, uint32_t value)
{
	uint16_t narrow = (uint16_t)value;

	memcpy(at, &narrow, sizeof(narrow));
}

/* xt_entry_match and xt_entry_target begin alike. */
static unsigned char *put_extension(struct draft *draft, const char *name, unsigned char revision,
				    uint32_t payload)
{
	unsigned char *at = draft->data + draft->size;

	draft->size += 32 + ((payload + 7) & ~7u);
	put_u16(at, 32 + ((payload + 7) & ~7u));
	strcpy((char *)at + 2, name);
	at[31] = revision;
	return at + 32;
}

static void put_matches(struct draft *draft)
{
	if (below(3) == 0) {
		uint32_t mark[2] = { below(100), 0xff };

		memcpy(put_extension(draft, "mark", 1, 12), mark, sizeof(mark));
	}
	if (below(4) == 0)
		snprintf((char *)put_extension(draft, "comment", 0, 256), 256, "comment %u",
			 below(1000));
}

static void put_target(struct draft *draft, enum pyiptc_rule_kind *kind, int is_jump)
{
	static const int verdicts[] = { -NF_ACCEPT - 1, -NF_DROP - 1, -NF_QUEUE - 1, XT_RETURN };
	uint32_t choice = below(8);

	put_u16(draft->data + family->offsets, draft->size);
	*kind = is_jump ? PYIPTC_RULE_JUMP : PYIPTC_RULE_PLAIN;
	if (!is_jump && choice < 2) {
		uint32_t mark[2] = { below(100), 0xffffffff };

		memcpy(put_extension(draft, "MARK", 2, 8), mark, sizeof(mark));
		return;
	}
	if (!is_jump && choice == 2)
		*kind = PYIPTC_RULE_FALLTHROUGH;
	memcpy(put_extension(draft, "", 0, 8), &verdicts[below(4)], sizeof(int));
}

static void put_header(struct draft *draft, int may_go)
{
	struct xt_counters counters = { below(50), below(5000) };

	memset(draft, 0, sizeof(*draft));
	draft->size = family->header_size;
	if (below(2) == 0)
		memcpy(draft->data + family->counters, &counters, sizeof(counters));
	if (family->nfproto == NFPROTO_IPV4) {
		struct ipt_entry *entry = (struct ipt_entry *)draft->data;

		entry->ip.src.s_addr = htonl(0x0a000000u | below(256));
		entry->ip.smsk.s_addr = below(2) ? 0xffffffffu : htonl(0xffffff00u);
		entry->ip.src.s_addr &= entry->ip.smsk.s_addr;
		entry->ip.proto = below(3) ? 0 : IPPROTO_UDP;
		entry->ip.flags = may_go && below(3) == 0 ? IPT_F_GOTO : 0;
	} else {
		struct ip6t_entry *entry = (struct ip6t_entry *)draft->data;

		entry->ipv6.dst.s6_addr[15] = (uint8_t)below(256);
		memset(&entry->ipv6.dmsk, 0xff, sizeof(entry->ipv6.dmsk));
		entry->ipv6.flags = may_go && below(3) == 0 ? IP6T_F_GOTO : 0;
	}
}

int add_rule(struct pyiptc_table *table, struct pyiptc_chain *chain, uint32_t index, int replace,
	     struct pyiptc_chain *jump)
{
	enum pyiptc_rule_kind kind;
	struct draft draft;

	put_header(&draft, jump != NULL);
	put_matches(&draft);
	put_target(&draft, &kind, jump != NULL);
	put_u16(draft.data + family->offsets + 2, draft.size);
	return replace ? pyiptc_table_replace(table, chain, index, draft.data, draft.size, kind,
					      jump)
		       : pyiptc_table_insert(table, chain, index, draft.data, draft.size, kind,
					     jump);
}

int add_plain(struct pyiptc_table *table, struct pyiptc_chain *chain, struct pyiptc_chain *jump)
{
	struct draft draft = { .size = family->header_size };

	put_u16(draft.data + family->offsets, draft.size);
	put_extension(&draft, "", 0, 8);
	put_u16(draft.data + family->offsets + 2, draft.size);
	return pyiptc_table_insert(table, chain, chain->count, draft.data, draft.size,
				   jump != NULL ? PYIPTC_RULE_JUMP : PYIPTC_RULE_FALLTHROUGH, jump);
}

int add_extension(struct pyiptc_table *table, struct pyiptc_chain *chain, const char *name)
{
	struct draft draft;

	put_header(&draft, 0);
	put_u16(draft.data + family->offsets, draft.size);
	put_extension(&draft, name, 2, 8);
	put_u16(draft.data + family->offsets + 2, draft.size);
	return pyiptc_table_insert(table, chain, chain->count, draft.data, draft.size,
				   PYIPTC_RULE_PLAIN, NULL);
}

/* ---- edits --------------------------------------------------------------------------------------------- */

static struct pyiptc_chain *any_chain(struct pyiptc_table *table)
{
	return table->chains[below(table->chain_count)];
}

/* Mostly further on in the table, so that few tables have loops. */
static struct pyiptc_chain *any_jump(struct pyiptc_table *table, const struct pyiptc_chain *from)
{
	struct pyiptc_chain *to = any_chain(table);

	if (to->hook >= 0 || below(3) > 0)
		return NULL;
	return strcmp(to->name, from->name) > 0 || from->hook >= 0 || below(60) == 0 ? to : NULL;
}

static const char *any_name(void)
{
	static char name[XT_EXTENSION_MAXNAMELEN];

	snprintf(name, sizeof(name), "%c%u%.*s", "abcZ-"[below(5)], below(40),
		 below(20) == 0 ? 24 : 0, "------------------------");
	return name;
}

static void edit_chains(struct pyiptc_table *table)
{
	struct pyiptc_chain *chain = any_chain(table), *created;

	switch (below(6)) {
	case 0:
	case 1:
	case 2:
		pyiptc_table_create_chain(table, any_name(), &created);
		break;
	case 3:
		pyiptc_table_rename_chain(table, chain, any_name());
		break;
	case 4:
		if (chain->references == 0)
			pyiptc_table_flush_chain(table, chain);
		pyiptc_table_delete_chain(table, chain);
		break;
	case 5: {
		char name[XT_TABLE_MAXNAMELEN];

		/* One goes, another of that name comes. */
		strcpy(name, chain->name);
		if (pyiptc_table_delete_chain(table, chain) == 0)
			pyiptc_table_create_chain(table, name, &created);
		break;
	}
	}
}

static void edit_policy(struct pyiptc_table *table)
{
	struct xt_counters counters = { below(100), below(10000) };
	struct pyiptc_chain *chain = any_chain(table);

	if (below(2) == 0)
		pyiptc_table_zero_chain(table, chain, true);
	else
		pyiptc_table_set_policy(table, chain, below(2) ? "ACCEPT" : "DROP",
					below(2) ? &counters : NULL);
}

static void edit_rules(struct pyiptc_table *table)
{
	struct pyiptc_chain *chain = any_chain(table), *jump = any_jump(table, chain);
	uint32_t index = below(chain->count + 1), choice = below(20);

	if (choice < 10)
		add_rule(table, chain, below(2) ? chain->count : index, 0, jump);
	else if (choice < 13 && index < chain->count)
		add_rule(table, chain, index, 1, jump);
	else if (choice < 19)
		pyiptc_table_delete(table, chain, index);
	else if (below(4) == 0)
		pyiptc_table_flush_chain(table, chain);
}

void edit_table(struct pyiptc_table *table, uint32_t count)
{
	while (count-- > 0) {
		uint32_t choice = below(10);

		if (choice < 2)
			edit_chains(table);
		else if (choice < 3)
			edit_policy(table);
		else
			edit_rules(table);
	}
}

void empty_table(struct pyiptc_table *table)
{
	for (uint32_t i = 0; i < table->chain_count; i++)
		pyiptc_table_flush_chain(table, table->chains[i]);
	while (table->chain_count > table->builtin_count)
		pyiptc_table_delete_chain(table, table->chains[table->chain_count - 1]);
}
