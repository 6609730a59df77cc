/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A table in memory: chains of entries, edited in place. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>

#include "nft_table.h"
#include "table.h"

#define ARENA_SIZE    65536
#define ARENA_MAX     (UINT32_MAX / 4)
#define POLICY_RETURN (-NF_REPEAT - 1) /* XT_RETURN */
/* Between two rules: so often can the space between them be halved. */
#define ORDER_STEP ((int64_t)1 << 32)

/* ---- memory ------------------------------------------------------------------------------------ */

static int add_arena(struct pyiptc_table *table, uint32_t size, uint32_t before, uint32_t after)
{
	struct pyiptc_arena *arena = malloc(sizeof(*arena) + before + size + after);

	if (arena == NULL)
		return -ENOMEM;
	arena->next = table->arena;
	arena->used = 0;
	arena->size = size;
	arena->before = before;
	arena->after = after;
	table->arena = arena;
	return 0;
}

int pyiptc_table_reserve(struct pyiptc_table *table, uint64_t size)
{
	uint64_t others;

	if (size < ARENA_SIZE || size > ARENA_MAX)
		return 0;
	others = table->nft == NULL ? pyiptc_table_size(table) : UINT64_MAX;
	/* Memory that nobody has touched costs nothing; more of it than of rules is none to ask for. */
	if (others > size)
		return add_arena(table, (uint32_t)size, 0, 0);
	return add_arena(table, (uint32_t)size, (uint32_t)(sizeof(struct ipt_replace) + others),
			 (uint32_t)others);
}

unsigned char *pyiptc_table_keep(struct pyiptc_table *table, const unsigned char *entry,
				 uint32_t size)
{
	struct pyiptc_arena *arena = table->arena;
	unsigned char *copy;

	if (arena == NULL || arena->size - arena->used < size) {
		if (add_arena(table, size > ARENA_SIZE ? size : ARENA_SIZE, 0, 0) < 0)
			return NULL;
		arena = table->arena;
	}
	copy = arena->data + arena->before + arena->used;
	memcpy(copy, entry, size);
	arena->used += size;
	return copy;
}

void pyiptc_arena_free(struct pyiptc_arena *arena)
{
	while (arena != NULL) {
		struct pyiptc_arena *next = arena->next;

		free(arena);
		arena = next;
	}
}

size_t pyiptc_arena_size(const struct pyiptc_arena *arena)
{
	size_t size = 0;

	for (; arena != NULL; arena = arena->next)
		size += arena->used;
	return size;
}

void pyiptc_arena_join(struct pyiptc_arena **arena, struct pyiptc_arena *more)
{
	while (*arena != NULL)
		arena = &(*arena)->next;
	*arena = more;
}

void pyiptc_chain_free(struct pyiptc_chain *chain)
{
	if (chain->nft != NULL)
		chain->nft->chain = NULL;
	pyiptc_chain_forget(chain);
	free(chain->slots);
	free(chain);
}

void pyiptc_table_drop_block(struct pyiptc_table *table)
{
	if (table->share == NULL) {
		free(table->block);
	} else {
		table->share->block = table->block;
		table->share->table = NULL;
		table->share = NULL;
	}
	table->block = NULL;
}

void pyiptc_share_begin(struct pyiptc_share *share, struct pyiptc_table *table)
{
	*share = (struct pyiptc_share){ .table = table };
	table->share = share;
}

void pyiptc_share_end(struct pyiptc_share *share)
{
	if (share->table != NULL)
		share->table->share = NULL;
	free(share->block);
	*share = (struct pyiptc_share){ 0 };
}

int pyiptc_table_has_in_block(const struct pyiptc_table *table, const struct pyiptc_rule *rule)
{
	uintptr_t start = (uintptr_t)table->entries, data = (uintptr_t)rule->data;

	return table->block != NULL && start <= data && data - start < table->info.size;
}

int pyiptc_chain_is_much(const struct pyiptc_table *table, const struct pyiptc_chain *chain)
{
	uint64_t size = 0;

	for (uint32_t i = 0; i < chain->count; i++) {
		const struct pyiptc_rule *rule = pyiptc_chain_rule(chain, i);

		size += pyiptc_table_has_in_block(table, rule) ? rule->size : 0;
	}
	return size > 0 && size * 8 >= table->info.size;
}

void pyiptc_table_free(struct pyiptc_table *table)
{
	if (table == NULL)
		return;
	for (uint32_t i = 0; i < table->chain_count; i++)
		pyiptc_chain_free(table->chains[i]);
	free(table->chains);
	pyiptc_table_drop_block(table);
	pyiptc_arena_free(table->arena);
	pyiptc_nft_free(table->nft);
	free(table);
}

/* ---- rules of a chain -------------------------------------------------------------------------- */

static uint32_t gap_size(const struct pyiptc_chain *chain)
{
	return chain->capacity - chain->count;
}

struct pyiptc_rule *pyiptc_chain_rule(const struct pyiptc_chain *chain, uint32_t index)
{
	return &chain->slots[index < chain->gap ? index : index + gap_size(chain)];
}

static void move_gap(struct pyiptc_chain *chain, uint32_t index)
{
	uint32_t size = gap_size(chain);

	if (index < chain->gap)
		memmove(chain->slots + index + size, chain->slots + index,
			(chain->gap - index) * sizeof(*chain->slots));
	else if (index > chain->gap)
		memmove(chain->slots + chain->gap, chain->slots + chain->gap + size,
			(index - chain->gap) * sizeof(*chain->slots));
	chain->gap = index;
}

static int make_room(struct pyiptc_chain *chain)
{
	uint32_t capacity = chain->capacity < 8 ? 8 : chain->capacity + chain->capacity / 2;
	struct pyiptc_rule *slots;

	if (gap_size(chain) > 0)
		return 0;
	slots = realloc(chain->slots, capacity * sizeof(*slots));
	if (slots == NULL)
		return -ENOMEM;
	/* The gap was empty: put it at the end. */
	chain->slots = slots;
	chain->gap = chain->count;
	chain->capacity = capacity;
	return 0;
}

static void number_again(struct pyiptc_chain *chain)
{
	pyiptc_chain_forget(chain);
	for (uint32_t i = 0; i < chain->count; i++)
		pyiptc_chain_rule(chain, i)->order = i * ORDER_STEP;
}

/* For a rule that is to be put in. */
static int64_t new_order(struct pyiptc_chain *chain, uint32_t index)
{
	int64_t before, after;

	if (chain->count == 0)
		return 0;
	if (index == chain->count)
		return pyiptc_chain_rule(chain, index - 1)->order + ORDER_STEP;
	after = pyiptc_chain_rule(chain, index)->order;
	if (index == 0)
		return after - ORDER_STEP;
	before = pyiptc_chain_rule(chain, index - 1)->order;
	if (after - before < 2) {
		number_again(chain);
		before = pyiptc_chain_rule(chain, index - 1)->order;
		after = pyiptc_chain_rule(chain, index)->order;
	}
	return before + (after - before) / 2;
}

int pyiptc_chain_add(struct pyiptc_chain *chain, uint32_t index, const struct pyiptc_rule *rule)
{
	int rc = make_room(chain);
	int64_t order;

	if (rc < 0)
		return rc;
	order = new_order(chain, index);
	move_gap(chain, index);
	chain->slots[chain->gap] = *rule;
	chain->slots[chain->gap++].order = order;
	chain->count++;
	if (rule->jump != NULL)
		rule->jump->references++;
	return 0;
}

void pyiptc_chain_drop(struct pyiptc_chain *chain, uint32_t index)
{
	struct pyiptc_rule *rule = pyiptc_chain_rule(chain, index);

	if (rule->jump != NULL)
		rule->jump->references--;
	move_gap(chain, index);
	chain->count--; /* the gap grows over it */
}

/* ---- chains of a table ------------------------------------------------------------------------- */

uint32_t pyiptc_table_chain_position(const struct pyiptc_table *table, const char *name)
{
	uint32_t low = table->builtin_count, high = table->chain_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (strcmp(table->chains[middle]->name, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct pyiptc_chain *pyiptc_table_find_chain(const struct pyiptc_table *table, const char *name)
{
	uint32_t position;

	for (uint32_t i = 0; i < table->builtin_count; i++)
		if (strcmp(table->chains[i]->name, name) == 0)
			return table->chains[i];
	position = pyiptc_table_chain_position(table, name);
	if (position < table->chain_count && strcmp(table->chains[position]->name, name) == 0)
		return table->chains[position];
	return NULL;
}

int pyiptc_table_add_chain(struct pyiptc_table *table, struct pyiptc_chain *chain,
			   uint32_t position)
{
	if (table->chain_count == table->chain_capacity) {
		uint32_t capacity = table->chain_capacity * 2 + 8;
		struct pyiptc_chain **chains =
			realloc(table->chains, capacity * sizeof(struct pyiptc_chain *));

		if (chains == NULL)
			return -ENOMEM;
		table->chains = chains;
		table->chain_capacity = capacity;
	}
	memmove(table->chains + position + 1, table->chains + position,
		(table->chain_count - position) * sizeof(struct pyiptc_chain *));
	table->chains[position] = chain;
	table->chain_count++;
	return 0;
}

static void remove_chain(struct pyiptc_table *table, uint32_t position)
{
	table->chain_count--;
	memmove(table->chains + position, table->chains + position + 1,
		(table->chain_count - position) * sizeof(struct pyiptc_chain *));
}

struct pyiptc_chain *pyiptc_chain_new(const char *name, int hook)
{
	struct pyiptc_chain *chain = calloc(1, sizeof(*chain));

	if (chain == NULL)
		return NULL;
	strncpy(chain->name, name, sizeof(chain->name) - 1);
	chain->hook = hook;
	chain->policy = POLICY_RETURN;
	chain->origin = PYIPTC_ORIGIN_NONE;
	return chain;
}

/* -EEXIST, -EINVAL or 0: what libiptc says of a new name. */
static int check_new_name(const struct pyiptc_table *table, const char *name)
{
	static const char *const verdicts[] = { "ACCEPT", "DROP", "QUEUE", "RETURN" };

	if (pyiptc_table_find_chain(table, name) != NULL)
		return -EEXIST;
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
		if (strcmp(name, verdicts[i]) == 0)
			return -EEXIST;
	/* A chain's name is that of a jump's target too, which is shorter than an error target's. */
	return strlen(name) >= XT_EXTENSION_MAXNAMELEN ? -EINVAL : 0;
}

int pyiptc_table_create_chain(struct pyiptc_table *table, const char *name,
			      struct pyiptc_chain **out)
{
	struct pyiptc_chain *chain;
	int rc = check_new_name(table, name);

	if (rc < 0)
		return rc;
	chain = pyiptc_chain_new(name, -1);
	if (chain == NULL)
		return -ENOMEM;
	rc = pyiptc_table_add_chain(table, chain, pyiptc_table_chain_position(table, name));
	if (rc < 0) {
		pyiptc_chain_free(chain);
		return rc;
	}
	table->is_changed = chain->is_edited = 1;
	*out = chain;
	return 0;
}

int pyiptc_table_delete_chain(struct pyiptc_table *table, struct pyiptc_chain *chain)
{
	if (chain->hook >= 0)
		return -EINVAL;
	if (chain->references > 0)
		return -EMLINK;
	if (chain->count > 0)
		return -ENOTEMPTY;
	remove_chain(table, pyiptc_table_chain_position(table, chain->name));
	pyiptc_chain_free(chain);
	table->is_changed = 1;
	return 0;
}

int pyiptc_table_rename_chain(struct pyiptc_table *table, struct pyiptc_chain *chain,
			      const char *name)
{
	int rc = check_new_name(table, name);

	if (rc < 0)
		return rc;
	if (chain->hook >= 0)
		return -ENOENT;
	remove_chain(table, pyiptc_table_chain_position(table, chain->name));
	memset(chain->name, 0, sizeof(chain->name));
	strncpy(chain->name, name, sizeof(chain->name) - 1);
	chain->is_edited = 1;
	table->is_changed = 1;
	/* There is room: one was just taken out. */
	return pyiptc_table_add_chain(table, chain, pyiptc_table_chain_position(table, name));
}

void pyiptc_table_flush_chain(struct pyiptc_table *table, struct pyiptc_chain *chain)
{
	if (chain->count > 0 || chain->is_unread)
		table->is_changed = chain->is_edited = 1;
	chain->is_unread = 0;
	for (uint32_t i = 0; i < chain->count; i++) {
		struct pyiptc_rule *rule = pyiptc_chain_rule(chain, i);

		if (rule->jump != NULL)
			rule->jump->references--;
	}
	pyiptc_chain_forget(chain);
	free(chain->slots);
	chain->slots = NULL;
	chain->count = chain->capacity = chain->gap = chain->unread_at = 0;
}

int pyiptc_table_set_policy(struct pyiptc_table *table, struct pyiptc_chain *chain,
			    const char *policy, const struct xt_counters *counters)
{
	int verdict;

	if (chain->hook < 0)
		return -ENOENT;
	if (strcmp(policy, "ACCEPT") == 0)
		verdict = -NF_ACCEPT - 1;
	else if (strcmp(policy, "DROP") == 0)
		verdict = -NF_DROP - 1;
	else
		return -EINVAL;
	/* Where nf_tables has no such chain yet, this makes it. */
	if (verdict != chain->policy || (table->nft != NULL && chain->nft == NULL))
		table->is_changed = chain->is_edited = 1;
	chain->policy = verdict;
	if (counters != NULL) {
		chain->given = *counters;
		chain->is_set = 1;
		chain->is_zeroed = 0;
		table->is_recounted = 1;
	}
	return 0;
}

void pyiptc_table_zero_chain(struct pyiptc_table *table, struct pyiptc_chain *chain,
			     bool with_policy)
{
	static const struct xt_counters zero;

	table->is_recounted = 1;
	if (with_policy) {
		chain->is_zeroed = 1;
		chain->is_set = 0;
	}
	for (uint32_t i = 0; i < chain->count; i++) {
		struct pyiptc_rule *rule = pyiptc_chain_rule(chain, i);

		if (rule->origin == PYIPTC_ORIGIN_NONE && rule->handle == 0)
			put_counters(table->family, rule->data, &zero);
		else
			rule->is_zeroed = 1;
	}
}

/* ---- editing rules ----------------------------------------------------------------------------- */

static int check_rule(const struct pyiptc_table *table, const unsigned char *entry, uint32_t size,
		      enum pyiptc_rule_kind kind, const struct pyiptc_chain *jump)
{
	uint32_t offset;

	if (size > UINT16_MAX || pyiptc_entry_check(table->family, entry, size, &offset) != NULL)
		return -EINVAL;
	if (kind != PYIPTC_RULE_PLAIN && !is_standard(table->family, entry))
		return -EINVAL;
	if ((kind == PYIPTC_RULE_JUMP) != (jump != NULL))
		return -EINVAL;
	return 0;
}

static int prepare_rule(struct pyiptc_table *table, const unsigned char *entry, uint32_t size,
			enum pyiptc_rule_kind kind, struct pyiptc_chain *jump,
			struct pyiptc_rule *rule)
{
	memset(rule, 0, sizeof(*rule));
	rule->data = pyiptc_table_keep(table, entry, size);
	if (rule->data == NULL)
		return -ENOMEM;
	rule->jump = jump;
	rule->origin = PYIPTC_ORIGIN_NONE;
	rule->size = (uint16_t)size;
	rule->kind = (uint8_t)kind;
	return 0;
}

static int put_rule(struct pyiptc_table *table, struct pyiptc_chain *chain, uint32_t index,
		    const unsigned char *entry, uint32_t size, enum pyiptc_rule_kind kind,
		    struct pyiptc_chain *jump)
{
	struct pyiptc_rule rule;
	int rc;

	if (index > chain->count)
		return -E2BIG;
	rc = check_rule(table, entry, size, kind, jump);
	if (rc == 0)
		rc = prepare_rule(table, entry, size, kind, jump, &rule);
	if (rc == 0)
		rc = pyiptc_chain_add(chain, index, &rule);
	if (rc < 0)
		return rc;
	pyiptc_chain_index_added(table->family, chain, pyiptc_chain_rule(chain, index));
	table->is_changed = chain->is_edited = 1;
	return 0;
}

int pyiptc_table_insert(struct pyiptc_table *table, struct pyiptc_chain *chain, uint32_t index,
			const unsigned char *entry, uint32_t size, enum pyiptc_rule_kind kind,
			struct pyiptc_chain *jump)
{
	int rc = put_rule(table, chain, index, entry, size, kind, jump);

	/* Before what was not read: nobody knows another place there. */
	if (rc == 0 && chain->is_unread)
		chain->unread_at++;
	return rc;
}

int pyiptc_table_append(struct pyiptc_table *table, struct pyiptc_chain *chain,
			const unsigned char *entry, uint32_t size, enum pyiptc_rule_kind kind,
			struct pyiptc_chain *jump)
{
	return put_rule(table, chain, chain->count, entry, size, kind, jump);
}

static int append_variant(struct pyiptc_table *table, struct pyiptc_chain *chain,
			  const struct pyiptc_rule *model, const struct pyiptc_variants *variants,
			  uint32_t number)
{
	const unsigned char *value = variants->values + (size_t)number * variants->step;
	struct pyiptc_rule rule;
	int rc = prepare_rule(table, model->data, model->size, model->kind, model->jump, &rule);

	if (rc < 0)
		return rc;
	memcpy(rule.data + variants->at, value, variants->width);
	memcpy(rule.data + variants->mask_at, value + variants->width,
	       variants->step - variants->width);
	rc = pyiptc_chain_add(chain, chain->count, &rule);
	if (rc == 0)
		pyiptc_chain_index_added(table->family, chain,
					 pyiptc_chain_rule(chain, chain->count - 1));
	return rc;
}

int pyiptc_table_append_variants(struct pyiptc_table *table, struct pyiptc_chain *chain,
				 const struct pyiptc_rule *model,
				 const struct pyiptc_variants *variants)
{
	uint32_t before = chain->count;
	int rc = check_rule(table, model->data, model->size, model->kind, model->jump);

	if (rc == 0)
		rc = pyiptc_table_reserve(table, (uint64_t)variants->count * model->size);
	for (uint32_t i = 0; rc == 0 && i < variants->count; i++)
		rc = append_variant(table, chain, model, variants, i);
	if (rc < 0) {
		while (chain->count > before)
			pyiptc_table_delete(table, chain, chain->count - 1);
		return rc;
	}
	if (variants->count > 0)
		table->is_changed = chain->is_edited = 1;
	return 0;
}

int pyiptc_table_replace(struct pyiptc_table *table, struct pyiptc_chain *chain, uint32_t index,
			 const unsigned char *entry, uint32_t size, enum pyiptc_rule_kind kind,
			 struct pyiptc_chain *jump)
{
	struct pyiptc_rule rule, *old;
	int rc;

	if (index >= chain->count)
		return -E2BIG;
	rc = check_rule(table, entry, size, kind, jump);
	if (rc == 0)
		rc = prepare_rule(table, entry, size, kind, jump, &rule);
	if (rc < 0)
		return rc;
	old = pyiptc_chain_rule(chain, index);
	pyiptc_chain_index_dropped(table->family, chain, old);
	rule.order = old->order;
	if (old->jump != NULL)
		old->jump->references--;
	if (jump != NULL)
		jump->references++;
	*old = rule;
	pyiptc_chain_index_added(table->family, chain, old);
	table->is_changed = chain->is_edited = 1;
	return 0;
}

int pyiptc_table_delete(struct pyiptc_table *table, struct pyiptc_chain *chain, uint32_t index)
{
	if (index >= chain->count)
		return -E2BIG;
	pyiptc_chain_index_dropped(table->family, chain, pyiptc_chain_rule(chain, index));
	pyiptc_chain_drop(chain, index);
	if (chain->is_unread && index < chain->unread_at)
		chain->unread_at--;
	table->is_changed = chain->is_edited = 1;
	return 0;
}
