/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What nf_tables has of a table: kept beside the table in memory, copied, made into one. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>

#include "nft_table.h"
#include "table.h"

#define POLICY_ACCEPT (-NF_ACCEPT - 1)
/* Bytes of entries that are no reason to look for those that are gone. */
#define COMPACT_AT (1u << 20)

/* iptables/nft.c has them so: what is made differently iptables-nft does not take for its own. */
static const struct nft_builtin builtin[] = {
	{ "filter", NF_INET_LOCAL_IN, "filter", 0 },
	{ "filter", NF_INET_FORWARD, "filter", 0 },
	{ "filter", NF_INET_LOCAL_OUT, "filter", 0 },
	{ "nat", NF_INET_PRE_ROUTING, "nat", -100 },
	{ "nat", NF_INET_LOCAL_IN, "nat", 100 },
	{ "nat", NF_INET_LOCAL_OUT, "nat", -100 },
	{ "nat", NF_INET_POST_ROUTING, "nat", 100 },
	{ "mangle", NF_INET_PRE_ROUTING, "filter", -150 },
	{ "mangle", NF_INET_LOCAL_IN, "filter", -150 },
	{ "mangle", NF_INET_FORWARD, "filter", -150 },
	{ "mangle", NF_INET_LOCAL_OUT, "route", -150 },
	{ "mangle", NF_INET_POST_ROUTING, "filter", -150 },
	{ "raw", NF_INET_PRE_ROUTING, "filter", -300 },
	{ "raw", NF_INET_LOCAL_OUT, "filter", -300 },
	{ "security", NF_INET_LOCAL_IN, "filter", 150 },
	{ "security", NF_INET_FORWARD, "filter", 150 },
	{ "security", NF_INET_LOCAL_OUT, "filter", 150 },
};

const struct nft_builtin *nft_builtin_chain(const char *table, int hook)
{
	for (size_t i = 0; i < sizeof(builtin) / sizeof(builtin[0]); i++)
		if (builtin[i].hook == hook && strcmp(builtin[i].table, table) == 0)
			return &builtin[i];
	return NULL;
}

uint32_t nft_valid_hooks(const char *table)
{
	uint32_t hooks = 0;

	for (int hook = 0; hook < NF_INET_NUMHOOKS; hook++)
		if (nft_builtin_chain(table, hook) != NULL)
			hooks |= 1u << hook;
	return hooks;
}

const char *nft_hook_name(int hook)
{
	static const char *const names[] = { "PREROUTING", "INPUT", "FORWARD", "OUTPUT",
					     "POSTROUTING" };

	return names[hook];
}

/* ---- what the kernel has ----------------------------------------------------------------------- */

struct pyiptc_nft *nft_new(void)
{
	struct pyiptc_nft *nft = calloc(1, sizeof(*nft));

	if (nft != NULL)
		nft->compact_at = COMPACT_AT;
	return nft;
}

static void free_chain(struct pyiptc_nft_chain *known)
{
	if (known->chain != NULL)
		known->chain->nft = NULL;
	free(known->rules);
	free(known);
}

void pyiptc_nft_free(struct pyiptc_nft *nft)
{
	if (nft == NULL)
		return;
	for (uint32_t i = 0; i < nft->chain_count; i++)
		free_chain(nft->chains[i]);
	free(nft->chains);
	free(nft);
}

struct pyiptc_nft_chain *nft_add_chain(struct pyiptc_nft *nft, const char *name)
{
	struct pyiptc_nft_chain *known;

	if (nft->chain_count == nft->chain_capacity) {
		uint32_t capacity = nft->chain_capacity * 2 + 8;
		struct pyiptc_nft_chain **chains =
			realloc(nft->chains, capacity * sizeof(struct pyiptc_nft_chain *));

		if (chains == NULL)
			return NULL;
		nft->chains = chains;
		nft->chain_capacity = capacity;
	}
	known = calloc(1, sizeof(*known));
	if (known == NULL)
		return NULL;
	strncpy(known->name, name, sizeof(known->name) - 1);
	known->hook = -1;
	known->policy = POLICY_ACCEPT;
	nft->chains[nft->chain_count++] = known;
	nft->is_sorted = 0;
	return known;
}

void nft_drop_chain(struct pyiptc_nft *nft, struct pyiptc_nft_chain *known)
{
	/* Those that were added last are dropped. */
	for (uint32_t i = nft->chain_count; i-- > 0;) {
		if (nft->chains[i] != known)
			continue;
		nft->chains[i] = nft->chains[--nft->chain_count];
		nft->is_sorted = 0;
		free_chain(known);
		return;
	}
}

static int compare_chains(const void *a, const void *b)
{
	const struct pyiptc_nft_chain *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static int compare_name(const void *name, const void *known)
{
	return strcmp(name, (*(const struct pyiptc_nft_chain *const *)known)->name);
}

struct pyiptc_nft_chain *nft_find_chain(struct pyiptc_nft *nft, const char *name)
{
	struct pyiptc_nft_chain **found;

	if (nft->chain_count == 0)
		return NULL;
	if (!nft->is_sorted)
		qsort(nft->chains, nft->chain_count, sizeof(nft->chains[0]), compare_chains);
	nft->is_sorted = 1;
	found = bsearch(name, nft->chains, nft->chain_count, sizeof(nft->chains[0]), compare_name);
	return found == NULL ? NULL : *found;
}

/* ---- in memory --------------------------------------------------------------------------------- */

static struct pyiptc_rule rule_of(const struct nft_known *known)
{
	return (struct pyiptc_rule){
		.data = known->data,
		.jump = known->jump != NULL ? known->jump->chain : NULL,
		.handle = known->handle,
		.raw = known->raw,
		.origin = PYIPTC_ORIGIN_NONE,
		.size = known->size,
		.kind = known->kind,
	};
}

int nft_table_place(struct pyiptc_chain *chain)
{
	const struct pyiptc_nft_chain *known = chain->nft;

	pyiptc_chain_forget(chain);
	for (uint32_t i = 0; i < known->count; i++) {
		struct pyiptc_rule rule = rule_of(&known->rules[i]);

		if (pyiptc_chain_add(chain, chain->unread_at, &rule) < 0)
			return -ENOMEM;
		chain->unread_at++;
	}
	chain->is_unread = 0;
	chain->unread_at = 0;
	return 0;
}

static int make_chain(struct pyiptc_table *table, const char *name, int hook,
		      struct pyiptc_nft_chain *known)
{
	struct pyiptc_chain *chain = pyiptc_chain_new(name, hook);
	uint32_t position = table->builtin_count;

	if (chain == NULL)
		return -ENOMEM;
	if (hook >= 0)
		chain->policy = POLICY_ACCEPT;
	else
		position = pyiptc_table_chain_position(table, name);
	if (pyiptc_table_add_chain(table, chain, position) < 0) {
		pyiptc_chain_free(chain);
		return -ENOMEM;
	}
	table->builtin_count += hook >= 0;
	if (known == NULL)
		return 0;
	chain->nft = known;
	known->chain = chain;
	chain->is_unread = 1;
	if (hook >= 0) {
		chain->policy = known->policy;
		chain->counters = known->counters;
	}
	return 0;
}

static struct pyiptc_nft_chain *builtin_of(const struct pyiptc_nft *nft, int hook)
{
	for (uint32_t i = 0; i < nft->chain_count; i++)
		if (nft->chains[i]->hook == hook)
			return nft->chains[i];
	return NULL;
}

static int make_chains(struct pyiptc_table *table)
{
	const struct pyiptc_nft *nft = table->nft;
	int rc = 0;

	for (int hook = 0; rc == 0 && hook < NF_INET_NUMHOOKS; hook++)
		if ((table->valid_hooks & (1u << hook)) != 0)
			rc = make_chain(table, nft_hook_name(hook), hook, builtin_of(nft, hook));
	for (uint32_t i = 0; rc == 0 && i < nft->chain_count; i++)
		if (nft->chains[i]->hook < 0)
			rc = make_chain(table, nft->chains[i]->name, -1, nft->chains[i]);
	/* Chains first, so that jumps find theirs. */
	for (uint32_t i = 0; rc == 0 && i < nft->chain_count; i++)
		if (nft->chains[i]->is_read)
			rc = nft_table_place(nft->chains[i]->chain);
	return rc;
}

int nft_table_new(const struct pyiptc_family *family, const char *name, struct pyiptc_nft *nft,
		  struct pyiptc_table **out)
{
	struct pyiptc_table *table = calloc(1, sizeof(*table));
	int rc;

	if (table == NULL) {
		pyiptc_nft_free(nft);
		return -ENOMEM;
	}
	table->family = family;
	table->nft = nft;
	table->valid_hooks = nft_valid_hooks(name);
	strncpy(table->name, name, sizeof(table->name) - 1);
	rc = table->valid_hooks == 0 ? -ENOENT : make_chains(table);
	if (rc < 0) {
		pyiptc_table_free(table);
		return rc;
	}
	*out = table;
	return 0;
}

/* ---- after a commit ---------------------------------------------------------------------------- */

void nft_table_forget(struct pyiptc_chain *chain)
{
	pyiptc_chain_forget(chain);
	while (chain->count > 0)
		pyiptc_chain_drop(chain, chain->count - 1);
	chain->unread_at = 0;
	chain->is_unread = 1;
	chain->nft->is_read = 0;
	chain->nft->count = 0;
}

/* Whether all rules of a chain are known with their handles. */
static bool is_known(const struct pyiptc_chain *chain)
{
	if (chain->is_unread)
		return false;
	for (uint32_t i = 0; i < chain->count; i++)
		if (pyiptc_chain_rule(chain, i)->handle == 0)
			return false;
	return true;
}

static void adopt_rules(struct pyiptc_table *table, struct pyiptc_chain *chain)
{
	struct pyiptc_nft_chain *known = chain->nft;
	struct nft_known *rules = NULL;

	if (chain->is_edited && is_known(chain))
		rules = malloc((chain->count + 1) * sizeof(*rules));
	if (chain->is_edited) {
		/* Of rules that were not read none was taken out. */
		known->use = chain->count + (chain->is_unread ? known->use : 0);
		free(known->rules);
		known->rules = rules;
		known->count = 0;
		known->is_read = rules != NULL;
		/* What was added to rules that were not read: then none is known. */
		if (rules == NULL)
			nft_table_forget(chain);
	}
	for (uint32_t i = 0; i < chain->count; i++) {
		static const struct xt_counters zero;
		struct pyiptc_rule *rule = pyiptc_chain_rule(chain, i);

		if (rule->is_zeroed)
			put_counters(table->family, rule->data, &zero);
		rule->is_zeroed = 0;
		if (rules != NULL)
			rules[known->count++] = (struct nft_known){
				.handle = rule->handle,
				.data = rule->data,
				.raw = rule->raw,
				.jump = rule->jump != NULL ? rule->jump->nft : NULL,
				.size = rule->size,
				.kind = rule->kind,
			};
	}
}

static void adopt_chain(struct pyiptc_nft *nft, struct pyiptc_chain *chain)
{
	static const struct xt_counters zero;
	struct pyiptc_nft_chain *known = chain->nft;

	if (strcmp(known->name, chain->name) != 0)
		nft->is_sorted = 0;
	memcpy(known->name, chain->name, sizeof(known->name));
	if (chain->is_set || chain->is_zeroed)
		chain->counters = chain->is_set ? chain->given : zero;
	chain->is_set = chain->is_zeroed = 0;
	if (chain->hook >= 0) {
		known->policy = chain->policy;
		known->counters = chain->counters;
	}
}

static void drop_deleted(struct pyiptc_nft *nft)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < nft->chain_count; i++) {
		if (nft->chains[i]->chain != NULL)
			nft->chains[kept++] = nft->chains[i];
		else
			free_chain(nft->chains[i]);
	}
	nft->chain_count = kept;
}

/* ---- memory ------------------------------------------------------------------------------------ */

static const struct pyiptc_raw *copy_raw(struct pyiptc_table *table, const struct pyiptc_raw *raw)
{
	uint32_t size = (uint32_t)sizeof(*raw) + raw->expressions_size + raw->userdata_size;

	return (const struct pyiptc_raw *)pyiptc_table_keep(table, (const unsigned char *)raw,
							    (size + 7) & ~7u);
}

/* Copies of all entries that are still there: the others' memory is given back. */
static int keep_again(struct pyiptc_table *holder, struct pyiptc_rule *rule,
		      struct nft_known *known)
{
	unsigned char *data = pyiptc_table_keep(holder, rule->data, rule->size);
	const struct pyiptc_raw *raw = NULL;

	if (data != NULL && rule->raw != NULL)
		raw = copy_raw(holder, rule->raw);
	if (data == NULL || (rule->raw != NULL && raw == NULL))
		return -ENOMEM;
	rule->data = known->data = data;
	rule->raw = known->raw = raw;
	return 0;
}

static void compact(struct pyiptc_table *table)
{
	struct pyiptc_table holder = { .family = table->family };
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < table->chain_count; i++) {
		struct pyiptc_chain *chain = table->chains[i];

		for (uint32_t j = 0; rc == 0 && j < chain->count; j++)
			rc = keep_again(&holder, pyiptc_chain_rule(chain, j),
					&chain->nft->rules[j]);
	}
	if (rc == 0) {
		pyiptc_arena_free(table->arena);
		table->arena = NULL;
	}
	pyiptc_arena_join(&table->arena, holder.arena);
	table->nft->compact_at = 2 * pyiptc_arena_size(table->arena) + COMPACT_AT;
}

/* ---- after a commit, the last step ------------------------------------------------------------- */

void nft_table_adopt(struct pyiptc_table *table)
{
	/* Names first: jumps go to chains that the kernel has by now. */
	for (uint32_t i = 0; i < table->chain_count; i++)
		if (table->chains[i]->nft != NULL)
			adopt_chain(table->nft, table->chains[i]);
	for (uint32_t i = 0; i < table->chain_count; i++) {
		if (table->chains[i]->nft != NULL)
			adopt_rules(table, table->chains[i]);
		table->chains[i]->is_edited = 0;
	}
	drop_deleted(table->nft);
	table->is_changed = table->is_recounted = table->is_consulted = 0;
	if (pyiptc_arena_size(table->arena) > table->nft->compact_at)
		compact(table);
}

void pyiptc_nft_put_back(struct pyiptc_table *table, struct pyiptc_table *now)
{
	for (uint32_t i = 0; i < now->chain_count; i++)
		now->chains[i]->nft = NULL;
	for (uint32_t i = 0; i < now->nft->chain_count; i++) {
		free(now->nft->chains[i]->rules);
		now->nft->chains[i]->rules = NULL;
		now->nft->chains[i]->count = 0;
		now->nft->chains[i]->is_read = 0;
		now->nft->chains[i]->chain = NULL;
	}
	pyiptc_nft_free(table->nft);
	table->nft = now->nft;
	now->nft = NULL;
	for (uint32_t i = 0; i < table->chain_count; i++) {
		struct pyiptc_chain *chain = table->chains[i];
		struct pyiptc_nft_chain *known = nft_find_chain(table->nft, chain->name);

		for (uint32_t j = 0; j < chain->count; j++)
			pyiptc_chain_rule(chain, j)->handle = 0;
		if (known != NULL && known->hook == chain->hook && known->chain == NULL) {
			chain->nft = known;
			known->chain = chain;
		}
		if (chain->hook >= 0 && !chain->is_set) {
			chain->given = chain->counters;
			chain->is_set = 1;
		}
		chain->is_edited = 1;
	}
	table->is_changed = table->is_consulted = 1;
}

/* ---- as it was read ---------------------------------------------------------------------------- */

bool pyiptc_nft_is_as_read(const struct pyiptc_nft *a, const struct pyiptc_nft *b)
{
	return a != NULL && b != NULL && a->generation != 0 && a->generation == b->generation &&
	       !a->is_torn && !b->is_torn;
}

static int copy_rule(struct pyiptc_table *holder, const struct nft_known *from,
		     struct nft_known *to)
{
	*to = *from;
	to->jump = from->jump != NULL ? from->jump->copy : NULL;
	to->data = pyiptc_table_keep(holder, from->data, from->size);
	if (to->data == NULL)
		return -ENOMEM;
	if (from->raw != NULL) {
		to->raw = copy_raw(holder, from->raw);
		if (to->raw == NULL)
			return -ENOMEM;
	}
	return 0;
}

static int copy_rules(struct pyiptc_table *holder, const struct pyiptc_nft_chain *from)
{
	struct pyiptc_nft_chain *to = from->copy;

	if (!from->is_read)
		return 0;
	to->rules = malloc((from->count + 1) * sizeof(*to->rules));
	if (to->rules == NULL)
		return -ENOMEM;
	to->is_read = 1;
	for (; to->count < from->count; to->count++) {
		int rc = copy_rule(holder, &from->rules[to->count], &to->rules[to->count]);

		if (rc < 0)
			return rc;
	}
	return 0;
}

/* @holder: has the memory of entries. */
static struct pyiptc_nft *copy_nft(const struct pyiptc_nft *from, struct pyiptc_table *holder)
{
	struct pyiptc_nft *to = nft_new();

	if (to == NULL)
		return NULL;
	to->generation = from->generation;
	to->exists = from->exists;
	to->is_torn = from->is_torn;
	for (uint32_t i = 0; i < from->chain_count; i++) {
		struct pyiptc_nft_chain *chain = from->chains[i];
		struct pyiptc_nft_chain *copy = nft_add_chain(to, chain->name);

		if (copy == NULL)
			goto err_memory;
		copy->handle = chain->handle;
		copy->hook = chain->hook;
		copy->is_base = chain->is_base;
		copy->use = chain->use;
		copy->policy = chain->policy;
		copy->counters = chain->counters;
		chain->copy = copy;
	}
	for (uint32_t i = 0; i < from->chain_count; i++)
		if (copy_rules(holder, from->chains[i]) < 0)
			goto err_memory;
	return to;

err_memory:
	pyiptc_nft_free(to);
	return NULL;
}

int pyiptc_nft_as_read(const struct pyiptc_table *table, struct pyiptc_table **out)
{
	struct pyiptc_table holder = { .family = table->family };
	struct pyiptc_nft *nft = copy_nft(table->nft, &holder);
	int rc = nft == NULL ? -ENOMEM : nft_table_new(table->family, table->name, nft, out);

	if (rc < 0)
		pyiptc_arena_free(holder.arena);
	if (rc < 0)
		return rc;
	(*out)->arena = holder.arena;
	(*out)->nft_form = table->nft_form;
	return 0;
}
