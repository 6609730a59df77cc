/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A table in memory: chains of entries. A blob is taken apart once, edited in place, and laid
 * out again for the kernel in one pass.
 *
 * A blob is the rules of all chains, one after the other. A built-in chain starts where
 * hook_entry says; a user-defined one after an entry with an ERROR target that holds its name.
 * Each ends with an entry without matches whose verdict is the policy, or RETURN. After the last
 * stands an ERROR entry named "ERROR". A jump is a standard target whose verdict is the offset
 * of the first rule of a chain (net/ipv4/netfilter/ip_tables.c, translate_table()).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "pyiptc.h"

#define HOOKS	       NF_INET_NUMHOOKS
#define ERROR_SIZE     ((uint32_t)sizeof(struct xt_error_target))
#define STANDARD_SIZE  ((uint32_t)sizeof(struct xt_standard_target))
#define ARENA_SIZE     65536
#define POLICY_RETURN  (-NF_REPEAT - 1) /* XT_RETURN */

struct pyiptc_arena {
	struct pyiptc_arena *next;
	uint32_t used, size;
	_Alignas(8) unsigned char data[];
};

/* ---- entries ---------------------------------------------------------------------------------- */

static uint16_t get_u16(const unsigned char *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static void put_u16(unsigned char *at, uint32_t value)
{
	uint16_t narrow = (uint16_t)value;

	memcpy(at, &narrow, sizeof(narrow));
}

static uint16_t target_offset(const struct pyiptc_family *family, const unsigned char *entry)
{
	return get_u16(entry + family->offsets);
}

static uint16_t next_offset(const struct pyiptc_family *family, const unsigned char *entry)
{
	return get_u16(entry + family->offsets + 2);
}

static unsigned char *target_of(const struct pyiptc_family *family, const unsigned char *entry)
{
	return (unsigned char *)entry + target_offset(family, entry);
}

/* xt_entry_target and xt_entry_match start alike: u16 size, 29 bytes of name, revision. */
static bool has_name(const unsigned char *target, const char *name)
{
	return strncmp((const char *)target + 2, name, XT_EXTENSION_MAXNAMELEN) == 0;
}

static int get_verdict(const unsigned char *target)
{
	int verdict;

	memcpy(&verdict, target + offsetof(struct xt_standard_target, verdict), sizeof(verdict));
	return verdict;
}

static void put_verdict(unsigned char *target, int verdict)
{
	memcpy(target + offsetof(struct xt_standard_target, verdict), &verdict, sizeof(verdict));
}

static bool is_standard(const struct pyiptc_family *family, const unsigned char *entry)
{
	return has_name(target_of(family, entry), XT_STANDARD_TARGET);
}

static struct xt_counters get_counters(const struct pyiptc_family *family,
				       const unsigned char *entry)
{
	struct xt_counters counters;

	memcpy(&counters, entry + family->counters, sizeof(counters));
	return counters;
}

static void put_counters(const struct pyiptc_family *family, unsigned char *entry,
			 const struct xt_counters *counters)
{
	memcpy(entry + family->counters, counters, sizeof(*counters));
}

const char *pyiptc_entry_check(const struct pyiptc_family *family, const unsigned char *entry,
			       uint32_t size, uint32_t *offset)
{
	uint32_t at = family->header_size, target, length;

	*offset = 0;
	if (size < family->header_size + sizeof(struct xt_entry_target))
		return "shorter than a header and a target";
	target = target_offset(family, entry);
	*offset = family->offsets;
	if (next_offset(family, entry) != size)
		return "next_offset is not its size";
	if (size % 8 != 0 || target % 8 != 0)
		return "not aligned to 8 bytes";
	if (target < family->header_size || target + sizeof(struct xt_entry_target) > size)
		return "target_offset is outside of it";
	while (at < target) {
		*offset = at;
		if (target - at < sizeof(struct xt_entry_match))
			return "a match is cut short";
		length = get_u16(entry + at);
		if (length < sizeof(struct xt_entry_match) || length % 8 != 0 ||
		    length > target - at)
			return "a match's size leads out of the matches";
		at += length;
	}
	*offset = target;
	length = get_u16(entry + target);
	if (length != size - target)
		return "the target's size is not what is left";
	if (has_name(entry + target, XT_STANDARD_TARGET) && length != STANDARD_SIZE)
		return "a standard target of another size";
	if (has_name(entry + target, XT_ERROR_TARGET) && length != ERROR_SIZE)
		return "an error target of another size";
	return NULL;
}

/* ---- memory ------------------------------------------------------------------------------------ */

static unsigned char *arena_copy(struct pyiptc_table *table, const unsigned char *entry,
				 uint32_t size)
{
	struct pyiptc_arena *arena = table->arena;
	unsigned char *copy;

	if (arena == NULL || arena->size - arena->used < size) {
		uint32_t room = size > ARENA_SIZE ? size : ARENA_SIZE;

		arena = malloc(sizeof(*arena) + room);
		if (arena == NULL)
			return NULL;
		arena->next = table->arena;
		arena->used = 0;
		arena->size = room;
		table->arena = arena;
	}
	copy = arena->data + arena->used;
	memcpy(copy, entry, size);
	arena->used += size;
	return copy;
}

static void arena_free(struct pyiptc_arena *arena)
{
	while (arena != NULL) {
		struct pyiptc_arena *next = arena->next;

		free(arena);
		arena = next;
	}
}

static void chain_free(struct pyiptc_chain *chain)
{
	free(chain->slots);
	free(chain);
}

void pyiptc_table_free(struct pyiptc_table *table)
{
	if (table == NULL)
		return;
	for (uint32_t i = 0; i < table->chain_count; i++)
		chain_free(table->chains[i]);
	free(table->chains);
	free(table->block);
	arena_free(table->arena);
	free(table);
}

/* ---- rules of a chain ------------------------------------------------------------------------------ */

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

static int add_rule(struct pyiptc_chain *chain, uint32_t index, const struct pyiptc_rule *rule)
{
	int rc = make_room(chain);

	if (rc < 0)
		return rc;
	move_gap(chain, index);
	chain->slots[chain->gap++] = *rule;
	chain->count++;
	if (rule->jump != NULL)
		rule->jump->references++;
	return 0;
}

static void drop_rule(struct pyiptc_chain *chain, uint32_t index)
{
	struct pyiptc_rule *rule = pyiptc_chain_rule(chain, index);

	if (rule->jump != NULL)
		rule->jump->references--;
	move_gap(chain, index);
	chain->count--; /* the gap grows over it */
}

/* ---- chains of a table -------------------------------------------------------------------------------- */

/* Where a user-defined chain of this name is or belongs: they are kept sorted, as libiptc does. */
static uint32_t chain_position(const struct pyiptc_table *table, const char *name)
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
	position = chain_position(table, name);
	if (position < table->chain_count && strcmp(table->chains[position]->name, name) == 0)
		return table->chains[position];
	return NULL;
}

static int insert_chain(struct pyiptc_table *table, struct pyiptc_chain *chain, uint32_t position)
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

static struct pyiptc_chain *new_chain(const char *name, int hook)
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
	chain = new_chain(name, -1);
	if (chain == NULL)
		return -ENOMEM;
	rc = insert_chain(table, chain, chain_position(table, name));
	if (rc < 0) {
		chain_free(chain);
		return rc;
	}
	table->is_changed = 1;
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
	remove_chain(table, chain_position(table, chain->name));
	chain_free(chain);
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
	remove_chain(table, chain_position(table, chain->name));
	memset(chain->name, 0, sizeof(chain->name));
	strncpy(chain->name, name, sizeof(chain->name) - 1);
	table->is_changed = 1;
	/* There is room: one was just taken out. */
	return insert_chain(table, chain, chain_position(table, name));
}

void pyiptc_table_flush_chain(struct pyiptc_table *table, struct pyiptc_chain *chain)
{
	if (chain->count > 0)
		table->is_changed = 1;
	for (uint32_t i = 0; i < chain->count; i++) {
		struct pyiptc_rule *rule = pyiptc_chain_rule(chain, i);

		if (rule->jump != NULL)
			rule->jump->references--;
	}
	free(chain->slots);
	chain->slots = NULL;
	chain->count = chain->capacity = chain->gap = 0;
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
	if (verdict != chain->policy)
		table->is_changed = 1;
	chain->policy = verdict;
	if (counters != NULL) {
		chain->given = *counters;
		chain->is_set = 1;
		chain->is_zeroed = 0;
		table->is_recounted = 1;
	}
	return 0;
}

void pyiptc_table_zero_chain(struct pyiptc_table *table, struct pyiptc_chain *chain)
{
	static const struct xt_counters zero;

	table->is_recounted = 1;
	chain->is_zeroed = 1;
	chain->is_set = 0;
	for (uint32_t i = 0; i < chain->count; i++) {
		struct pyiptc_rule *rule = pyiptc_chain_rule(chain, i);

		if (rule->origin == PYIPTC_ORIGIN_NONE)
			put_counters(table->family, rule->data, &zero);
		else
			rule->is_zeroed = 1;
	}
}

/* ---- editing rules ---------------------------------------------------------------------------------------- */

static int prepare_rule(struct pyiptc_table *table, const unsigned char *entry, uint32_t size,
			enum pyiptc_rule_kind kind, struct pyiptc_chain *jump,
			struct pyiptc_rule *rule)
{
	uint32_t offset;

	if (size > UINT16_MAX || pyiptc_entry_check(table->family, entry, size, &offset) != NULL)
		return -EINVAL;
	if (kind != PYIPTC_RULE_PLAIN && !is_standard(table->family, entry))
		return -EINVAL;
	if ((kind == PYIPTC_RULE_JUMP) != (jump != NULL))
		return -EINVAL;
	memset(rule, 0, sizeof(*rule));
	rule->data = arena_copy(table, entry, size);
	if (rule->data == NULL)
		return -ENOMEM;
	rule->jump = jump;
	rule->origin = PYIPTC_ORIGIN_NONE;
	rule->size = (uint16_t)size;
	rule->kind = (uint8_t)kind;
	return 0;
}

int pyiptc_table_insert(struct pyiptc_table *table, struct pyiptc_chain *chain, uint32_t index,
			const unsigned char *entry, uint32_t size, enum pyiptc_rule_kind kind,
			struct pyiptc_chain *jump)
{
	struct pyiptc_rule rule;
	int rc;

	if (index > chain->count)
		return -E2BIG;
	rc = prepare_rule(table, entry, size, kind, jump, &rule);
	if (rc == 0)
		rc = add_rule(chain, index, &rule);
	if (rc == 0)
		table->is_changed = 1;
	return rc;
}

int pyiptc_table_replace(struct pyiptc_table *table, struct pyiptc_chain *chain, uint32_t index,
			 const unsigned char *entry, uint32_t size, enum pyiptc_rule_kind kind,
			 struct pyiptc_chain *jump)
{
	struct pyiptc_rule rule, *old;
	int rc;

	if (index >= chain->count)
		return -E2BIG;
	rc = prepare_rule(table, entry, size, kind, jump, &rule);
	if (rc < 0)
		return rc;
	old = pyiptc_chain_rule(chain, index);
	if (old->jump != NULL)
		old->jump->references--;
	if (jump != NULL)
		jump->references++;
	*old = rule;
	table->is_changed = 1;
	return 0;
}

int pyiptc_table_delete(struct pyiptc_table *table, struct pyiptc_chain *chain, uint32_t index)
{
	if (index >= chain->count)
		return -E2BIG;
	drop_rule(chain, index);
	table->is_changed = 1;
	return 0;
}

static bool same_bytes(const unsigned char *a, const unsigned char *b, const unsigned char *mask,
		       uint32_t size)
{
	/* Sizes are multiples of 8, so is the alignment of all three. */
	for (uint32_t i = 0; i < size; i += 8) {
		uint64_t x, y, m;

		memcpy(&x, a + i, 8);
		memcpy(&y, b + i, 8);
		memcpy(&m, mask + i, 8);
		if (((x ^ y) & m) != 0)
			return false;
	}
	return true;
}

int64_t pyiptc_chain_find(const struct pyiptc_family *family, const struct pyiptc_chain *chain,
			  uint32_t index, const unsigned char *entry, const unsigned char *mask,
			  uint32_t size, enum pyiptc_rule_kind kind,
			  const struct pyiptc_chain *jump)
{
	uint32_t target = target_offset(family, entry);
	/* The verdict of a jump is beside the entry, not in it. */
	uint32_t compared = kind == PYIPTC_RULE_PLAIN ? size : target;

	for (; index < chain->count; index++) {
		const struct pyiptc_rule *rule = pyiptc_chain_rule(chain, index);

		if (rule->size != size || rule->kind != kind || rule->jump != jump)
			continue;
		if (target_offset(family, rule->data) == target &&
		    same_bytes(rule->data, entry, mask, compared))
			return index;
	}
	return -ENOENT;
}

/* ---- taking a blob apart -------------------------------------------------------------------------------------- */

static int bad_blob(struct pyiptc_blob_error *error, uint32_t offset, const char *reason)
{
	error->offset = offset;
	error->reason = reason;
	return -EBADMSG;
}

struct reader {
	struct pyiptc_table *table;
	const struct ipt_getinfo *info;
	struct pyiptc_blob_error *error;
	struct pyiptc_chain *chain; /* being filled, or NULL */
	struct pyiptc_chain **by_offset; /* in blob order: by first_offset */
	uint32_t chain_count, chain_capacity;
	uint32_t index;
};

static const char *const hook_names[HOOKS] = { "PREROUTING", "INPUT", "FORWARD", "OUTPUT",
					       "POSTROUTING" };

static int hook_at(const struct ipt_getinfo *info, uint32_t offset)
{
	for (int hook = 0; hook < HOOKS; hook++)
		if ((info->valid_hooks & (1u << hook)) && info->hook_entry[hook] == offset)
			return hook;
	return -1;
}

/* The last rule of a chain is its policy or RETURN: take it out. */
static int end_chain(struct reader *reader, uint32_t offset)
{
	struct pyiptc_chain *chain = reader->chain;
	const struct pyiptc_family *family = reader->table->family;
	struct pyiptc_rule *last;

	if (chain == NULL)
		return 0;
	if (chain->count == 0)
		return bad_blob(reader->error, offset, "a chain without an end");
	last = pyiptc_chain_rule(chain, chain->count - 1);
	if (!is_standard(family, last->data) ||
	    target_offset(family, last->data) != family->header_size)
		return bad_blob(reader->error, offset, "a chain's last entry is not its policy");
	chain->policy = get_verdict(target_of(family, last->data));
	chain->counters = get_counters(family, last->data);
	chain->origin = last->origin;
	drop_rule(chain, chain->count - 1);
	return 0;
}

static int begin_chain(struct reader *reader, const char *name, int hook, uint32_t first_offset,
		       uint32_t offset)
{
	struct pyiptc_table *table = reader->table;
	uint32_t position = table->chain_count;
	struct pyiptc_chain *chain;
	int rc = end_chain(reader, offset);

	if (rc < 0)
		return rc;
	if (strnlen(name, XT_FUNCTION_MAXNAMELEN) >= XT_FUNCTION_MAXNAMELEN)
		return bad_blob(reader->error, offset, "a chain's name has no end");
	if (hook >= 0 && table->builtin_count != table->chain_count)
		return bad_blob(reader->error, offset, "a built-in chain after a user-defined one");
	if (pyiptc_table_find_chain(table, name) != NULL)
		return bad_blob(reader->error, offset, "two chains of one name");
	chain = new_chain(name, hook);
	if (chain == NULL)
		return -ENOMEM;
	chain->first_offset = first_offset;
	if (hook < 0)
		position = chain_position(table, chain->name);
	if (insert_chain(table, chain, position) < 0) {
		chain_free(chain);
		return -ENOMEM;
	}
	table->builtin_count += hook >= 0;
	if (reader->chain_count == reader->chain_capacity) {
		uint32_t capacity = reader->chain_capacity * 2 + 8;
		struct pyiptc_chain **chains =
			realloc(reader->by_offset, capacity * sizeof(struct pyiptc_chain *));

		if (chains == NULL)
			return -ENOMEM;
		reader->by_offset = chains;
		reader->chain_capacity = capacity;
	}
	reader->by_offset[reader->chain_count++] = chain;
	reader->chain = chain;
	return 0;
}

static int take_entry(struct reader *reader, uint32_t offset, uint32_t size)
{
	struct pyiptc_table *table = reader->table;
	unsigned char *entry = table->entries + offset;
	unsigned char *target = target_of(table->family, entry);
	struct pyiptc_rule rule = { .data = entry,
				    .origin = reader->index,
				    .size = (uint16_t)size };
	int hook = hook_at(reader->info, offset);
	int rc;

	if (has_name(target, XT_ERROR_TARGET)) {
		const char *name = (const char *)target + sizeof(struct xt_entry_target);

		if (offset + size == reader->info->size)
			return end_chain(reader, offset);
		return begin_chain(reader, name, -1, offset + size, offset);
	}
	if (hook >= 0) {
		rc = begin_chain(reader, hook_names[hook], hook, offset, offset);
		if (rc < 0)
			return rc;
	}
	if (reader->chain == NULL)
		return bad_blob(reader->error, offset, "a rule outside of all chains");
	return add_rule(reader->chain, reader->chain->count, &rule);
}

static int read_entries(struct reader *reader)
{
	struct pyiptc_table *table = reader->table;
	uint32_t offset = 0, left, size, inner;
	int rc;

	for (; offset < reader->info->size; offset += size, reader->index++) {
		const char *reason;

		left = reader->info->size - offset;
		if (left < table->family->header_size)
			return bad_blob(reader->error, offset, "an entry is cut short");
		size = next_offset(table->family, table->entries + offset);
		if (size > left)
			return bad_blob(reader->error, offset, "an entry ends after the table");
		reason = pyiptc_entry_check(table->family, table->entries + offset, size, &inner);
		if (reason != NULL)
			return bad_blob(reader->error, offset + inner, reason);
		rc = take_entry(reader, offset, size);
		if (rc < 0)
			return rc;
	}
	if (reader->index != reader->info->num_entries)
		return bad_blob(reader->error, offset, "another number of entries than announced");
	if (table->builtin_count != (uint32_t)__builtin_popcount(table->valid_hooks))
		return bad_blob(reader->error, offset, "a built-in chain is missing");
	return 0;
}

static struct pyiptc_chain *chain_at(const struct reader *reader, uint32_t offset)
{
	uint32_t low = 0, high = reader->chain_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (reader->by_offset[middle]->first_offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < reader->chain_count && reader->by_offset[low]->first_offset == offset)
		return reader->by_offset[low];
	return NULL;
}

static int resolve_jump(struct reader *reader, struct pyiptc_rule *rule)
{
	const struct pyiptc_family *family = reader->table->family;
	uint32_t offset = (uint32_t)(rule->data - reader->table->entries);
	int verdict;

	if (!is_standard(family, rule->data))
		return 0;
	verdict = get_verdict(target_of(family, rule->data));
	if (verdict < 0)
		return 0;
	if ((uint32_t)verdict == offset + rule->size) {
		rule->kind = PYIPTC_RULE_FALLTHROUGH;
		return 0;
	}
	rule->kind = PYIPTC_RULE_JUMP;
	rule->jump = chain_at(reader, (uint32_t)verdict);
	if (rule->jump == NULL)
		return bad_blob(reader->error, offset, "a jump into the middle of a chain");
	rule->jump->references++;
	return 0;
}

static int resolve_jumps(struct reader *reader)
{
	for (uint32_t i = 0; i < reader->chain_count; i++) {
		struct pyiptc_chain *chain = reader->by_offset[i];

		for (uint32_t j = 0; j < chain->count; j++) {
			int rc = resolve_jump(reader, pyiptc_chain_rule(chain, j));

			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

int pyiptc_table_load(const struct pyiptc_family *family, const struct ipt_getinfo *info,
		      void *block, unsigned char *entries, struct pyiptc_blob_error *error,
		      struct pyiptc_table **out)
{
	struct pyiptc_table *table = calloc(1, sizeof(*table));
	struct reader reader = { .table = table, .info = info, .error = error };
	int rc;

	if (table == NULL) {
		free(block);
		return -ENOMEM;
	}
	table->family = family;
	memcpy(table->name, info->name, sizeof(table->name) - 1);
	table->valid_hooks = info->valid_hooks & ((1u << HOOKS) - 1);
	table->num_entries = info->num_entries;
	table->block = block;
	table->entries = entries;
	rc = read_entries(&reader);
	if (rc == 0)
		rc = resolve_jumps(&reader);
	free(reader.by_offset);
	if (rc < 0) {
		pyiptc_table_free(table);
		return rc;
	}
	*out = table;
	return 0;
}

/* ---- laying a table out ------------------------------------------------------------------------------------------------ */

static uint32_t head_size(const struct pyiptc_table *table, const struct pyiptc_chain *chain)
{
	return chain->hook >= 0 ? 0 : table->family->header_size + ERROR_SIZE;
}

/* Offsets of all chains. Return: the number of entries, or -E2BIG. */
static int64_t place_chains(struct pyiptc_table *table, uint64_t *size)
{
	uint64_t offset = 0, entries = 0;

	for (uint32_t i = 0; i < table->chain_count; i++) {
		struct pyiptc_chain *chain = table->chains[i];

		chain->head_offset = (uint32_t)offset;
		offset += head_size(table, chain);
		entries += chain->hook < 0;
		chain->first_offset = (uint32_t)offset;
		for (uint32_t j = 0; j < chain->count; j++)
			offset += pyiptc_chain_rule(chain, j)->size;
		chain->foot_offset = (uint32_t)offset;
		offset += table->family->header_size + STANDARD_SIZE;
		entries += chain->count + 1;
		/* A verdict is an int: no offset may be larger. */
		if (offset > INT_MAX - 4096)
			return -E2BIG;
	}
	*size = offset + table->family->header_size + ERROR_SIZE;
	return (int64_t)entries + 1;
}

static void put_entry(const struct pyiptc_family *family, unsigned char *entry,
		      const char *target_name, uint32_t target_size)
{
	unsigned char *target = entry + family->header_size;

	put_u16(entry + family->offsets, family->header_size);
	put_u16(entry + family->offsets + 2, family->header_size + target_size);
	put_u16(target, target_size);
	strcpy((char *)target + 2, target_name);
}

static void put_error(const struct pyiptc_family *family, unsigned char *entry, const char *name)
{
	put_entry(family, entry, XT_ERROR_TARGET, ERROR_SIZE);
	strcpy((char *)entry + family->header_size + sizeof(struct xt_entry_target), name);
}

static uint32_t put_rule(const struct pyiptc_family *family, unsigned char *base, uint32_t offset,
			 const struct pyiptc_rule *rule)
{
	unsigned char *entry = base + offset;

	memcpy(entry, rule->data, rule->size);
	if (rule->kind == PYIPTC_RULE_JUMP)
		put_verdict(target_of(family, entry), (int)rule->jump->first_offset);
	else if (rule->kind == PYIPTC_RULE_FALLTHROUGH)
		put_verdict(target_of(family, entry), (int)(offset + rule->size));
	return offset + rule->size;
}

static void put_chain(const struct pyiptc_table *table, const struct pyiptc_chain *chain,
		      struct ipt_replace *replace)
{
	const struct pyiptc_family *family = table->family;
	unsigned char *base = (unsigned char *)replace->entries;
	unsigned char *foot = base + chain->foot_offset;
	uint32_t offset = chain->first_offset;

	if (chain->hook >= 0) {
		replace->hook_entry[chain->hook] = chain->first_offset;
		replace->underflow[chain->hook] = chain->foot_offset;
	} else {
		put_error(family, base + chain->head_offset, chain->name);
	}
	for (uint32_t i = 0; i < chain->count; i++)
		offset = put_rule(family, base, offset, pyiptc_chain_rule(chain, i));
	put_entry(family, foot, XT_STANDARD_TARGET, STANDARD_SIZE);
	put_verdict(foot + family->header_size, chain->policy);
	put_counters(family, foot, &chain->counters);
}

static int new_counters(const struct pyiptc_table *table, uint32_t entries,
			struct xt_counters_info **info, size_t *size)
{
	*size = sizeof(**info) + entries * sizeof(struct xt_counters);
	*info = calloc(1, *size);
	if (*info == NULL)
		return -ENOMEM;
	memcpy((*info)->name, table->name, sizeof((*info)->name));
	(*info)->num_counters = entries;
	return 0;
}

int pyiptc_table_build(struct pyiptc_table *table, struct pyiptc_image *image)
{
	uint64_t size;
	int64_t entries = place_chains(table, &size);
	struct ipt_replace *replace;

	memset(image, 0, sizeof(*image));
	if (entries < 0)
		return (int)entries;
	image->size = sizeof(*replace) + size;
	image->replace = replace = calloc(1, image->size);
	image->old = calloc(table->num_entries, sizeof(*image->old));
	if (replace == NULL || image->old == NULL ||
	    new_counters(table, (uint32_t)entries, &image->counters, &image->counters_size) < 0) {
		pyiptc_image_free(image);
		return -ENOMEM;
	}
	memcpy(replace->name, table->name, sizeof(replace->name));
	replace->valid_hooks = table->valid_hooks;
	replace->num_entries = (uint32_t)entries;
	replace->size = (uint32_t)size;
	replace->num_counters = table->num_entries;
	replace->counters = image->old;
	for (uint32_t i = 0; i < table->chain_count; i++)
		put_chain(table, table->chains[i], replace);
	put_error(table->family,
		  (unsigned char *)replace->entries + size - table->family->header_size - ERROR_SIZE,
		  "ERROR");
	return 0;
}

void pyiptc_image_free(struct pyiptc_image *image)
{
	free(image->replace);
	free(image->old);
	free(image->counters);
	memset(image, 0, sizeof(*image));
}

/*
 * A new entry's counters. The kernel starts all at zero with a replace and gives the old ones;
 * an entry that goes on gets them back, one that was zeroed what came since the read.
 */
static struct xt_counters mapped(const struct xt_counters *old, uint32_t origin,
				 struct xt_counters own, int is_zeroed)
{
	struct xt_counters counters;

	if (origin == PYIPTC_ORIGIN_NONE)
		return own;
	counters = old[origin];
	if (is_zeroed) {
		counters.pcnt -= own.pcnt;
		counters.bcnt -= own.bcnt;
	}
	return counters;
}

void pyiptc_table_map_counters(const struct pyiptc_table *table, struct pyiptc_image *image)
{
	struct xt_counters *next = image->counters->counters;

	for (uint32_t i = 0; i < table->chain_count; i++) {
		const struct pyiptc_chain *chain = table->chains[i];

		next += chain->hook < 0; /* its head */
		for (uint32_t j = 0; j < chain->count; j++) {
			const struct pyiptc_rule *rule = pyiptc_chain_rule(chain, j);

			*next++ = mapped(image->old, rule->origin,
					 get_counters(table->family, rule->data), rule->is_zeroed);
		}
		/* A user-defined chain's end counts packets that return: they go on too. */
		*next++ = chain->is_set ? chain->given
					: mapped(image->old, chain->origin, chain->counters,
						 chain->is_zeroed);
	}
}

void pyiptc_table_adopt(struct pyiptc_table *table, struct pyiptc_image *image)
{
	const struct xt_counters *next = image->counters->counters;
	unsigned char *base = (unsigned char *)image->replace->entries;
	uint32_t index = 0;

	for (uint32_t i = 0; i < table->chain_count; i++) {
		struct pyiptc_chain *chain = table->chains[i];
		uint32_t offset = chain->first_offset;

		index += chain->hook < 0;
		for (uint32_t j = 0; j < chain->count; j++, index++) {
			struct pyiptc_rule *rule = pyiptc_chain_rule(chain, j);

			rule->data = base + offset;
			rule->origin = index;
			rule->is_zeroed = 0;
			put_counters(table->family, rule->data, &next[index]);
			offset += rule->size;
		}
		chain->origin = index;
		chain->counters = next[index++];
		chain->is_set = chain->is_zeroed = 0;
	}
	table->num_entries = image->replace->num_entries;
	table->is_changed = table->is_recounted = 0;
	arena_free(table->arena);
	table->arena = NULL;
	free(table->block);
	table->block = image->replace;
	table->entries = base;
	image->replace = NULL;
}

/* ---- counters without a replace --------------------------------------------------------------------------------------- */

/* What @from has to grow by, wrapping, to become @to. */
static struct xt_counters difference(struct xt_counters to, struct xt_counters from)
{
	return (struct xt_counters){ .pcnt = to.pcnt - from.pcnt, .bcnt = to.bcnt - from.bcnt };
}

int pyiptc_table_recount(const struct pyiptc_table *table, struct xt_counters_info **info,
			 size_t *size)
{
	static const struct xt_counters zero;
	int rc = new_counters(table, table->num_entries, info, size);

	if (rc < 0)
		return rc;
	for (uint32_t i = 0; i < table->chain_count; i++) {
		const struct pyiptc_chain *chain = table->chains[i];

		for (uint32_t j = 0; j < chain->count; j++) {
			const struct pyiptc_rule *rule = pyiptc_chain_rule(chain, j);

			if (rule->is_zeroed)
				(*info)->counters[rule->origin] = difference(
					zero, get_counters(table->family, rule->data));
		}
		if (chain->is_set || chain->is_zeroed)
			(*info)->counters[chain->origin] =
				difference(chain->is_set ? chain->given : zero, chain->counters);
	}
	return 0;
}

void pyiptc_table_adopt_counters(struct pyiptc_table *table)
{
	static const struct xt_counters zero;

	for (uint32_t i = 0; i < table->chain_count; i++) {
		struct pyiptc_chain *chain = table->chains[i];

		for (uint32_t j = 0; j < chain->count; j++) {
			struct pyiptc_rule *rule = pyiptc_chain_rule(chain, j);

			if (rule->is_zeroed)
				put_counters(table->family, rule->data, &zero);
			rule->is_zeroed = 0;
		}
		if (chain->is_set || chain->is_zeroed)
			chain->counters = chain->is_set ? chain->given : zero;
		chain->is_set = chain->is_zeroed = 0;
	}
	table->is_recounted = 0;
}
