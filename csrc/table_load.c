/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Take a blob apart into chains and rules. What a kernel gives is checked as if it were hostile. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>

#include "table.h"

#define HOOKS NF_INET_NUMHOOKS

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
	struct pyiptc_chain *chain;      /* being filled, or NULL */
	struct pyiptc_chain **by_offset; /* in blob order: by first_offset */
	uint32_t chain_count, chain_capacity;
	uint32_t index;
	bool has_end; /* the last entry is an ERROR named "ERROR" */
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
	pyiptc_chain_drop(chain, chain->count - 1);
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
	chain = pyiptc_chain_new(name, hook);
	if (chain == NULL)
		return -ENOMEM;
	chain->first_offset = first_offset;
	if (hook < 0)
		position = pyiptc_table_chain_position(table, chain->name);
	if (pyiptc_table_add_chain(table, chain, position) < 0) {
		pyiptc_chain_free(chain);
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

		if (offset + size == reader->info->size) {
			reader->has_end =
				strncmp(name, XT_ERROR_TARGET, XT_FUNCTION_MAXNAMELEN) == 0;
			return end_chain(reader, offset);
		}
		return begin_chain(reader, name, -1, offset + size, offset);
	}
	if (hook >= 0) {
		rc = begin_chain(reader, hook_names[hook], hook, offset, offset);
		if (rc < 0)
			return rc;
	}
	if (reader->chain == NULL)
		return bad_blob(reader->error, offset, "a rule outside of all chains");
	return pyiptc_chain_add(reader->chain, reader->chain->count, &rule);
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
	if (!reader->has_end)
		return bad_blob(reader->error, offset, "the entry that ends a table is missing");
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
	table->info = *info;
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
