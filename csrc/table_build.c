/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lay a table out for the kernel, and work out what its counters have to grow by. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "nft_table.h"
#include "table.h"

static uint32_t head_size(const struct pyiptc_table *table, const struct pyiptc_chain *chain)
{
	return chain->hook >= 0 ? 0 : table->family->header_size + ERROR_SIZE;
}

uint64_t pyiptc_table_size(const struct pyiptc_table *table)
{
	uint64_t size = table->family->header_size + ERROR_SIZE;

	for (uint32_t i = 0; i < table->chain_count; i++) {
		const struct pyiptc_chain *chain = table->chains[i];

		for (uint32_t j = 0; j < chain->count; j++)
			size += pyiptc_chain_rule(chain, j)->size;
		size += head_size(table, chain) + table->family->header_size + STANDARD_SIZE;
	}
	return size;
}

/* Entries of a piece of memory, of which those are counted that follow each other in the table too. */
struct run {
	struct pyiptc_arena *arena; /* or NULL */
	unsigned char *start;
	uint64_t offset; /* in the table */
	uint64_t size;
};

static struct run run_of(const struct pyiptc_table *table)
{
	struct run run = { .arena = table->arena };

	while (run.arena != NULL && run.arena->before == 0)
		run.arena = run.arena->next;
	if (run.arena != NULL)
		run.start = run.arena->data + run.arena->before;
	return run;
}

static void follow(struct run *run, const struct pyiptc_rule *rule, uint64_t offset)
{
	if (run->arena == NULL)
		return;
	if (rule->data == run->start) {
		run->offset = offset;
		run->size = 0;
	}
	if (rule->data == run->start + run->size && offset == run->offset + run->size)
		run->size += rule->size;
}

/* Whether a table of @size bytes can be laid out around the piece, all of which is in it. */
static bool has_room(const struct run *run, uint64_t size)
{
	const struct pyiptc_arena *arena = run->arena;

	return arena != NULL && run->size > 0 && run->size == arena->used &&
	       run->offset + sizeof(struct ipt_replace) <= arena->before &&
	       size - run->offset - run->size <= (uint64_t)arena->size - arena->used + arena->after;
}

/* Offsets of all chains. Return: the number of entries, or -E2BIG. */
static int64_t place_chains(struct pyiptc_table *table, uint64_t *size, struct run *run)
{
	uint64_t offset = 0, entries = 0;

	for (uint32_t i = 0; i < table->chain_count; i++) {
		struct pyiptc_chain *chain = table->chains[i];

		chain->head_offset = (uint32_t)offset;
		offset += head_size(table, chain);
		entries += chain->hook < 0;
		chain->first_offset = (uint32_t)offset;
		for (uint32_t j = 0; j < chain->count; j++) {
			const struct pyiptc_rule *rule = pyiptc_chain_rule(chain, j);

			follow(run, rule, offset);
			offset += rule->size;
		}
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

	if (entry != rule->data)
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

static struct ipt_replace *lay_around(const struct run *run, uint64_t size)
{
	unsigned char *base = run->start - run->offset;
	unsigned char *start = base - sizeof(struct ipt_replace), *end = run->start + run->size;

	memset(start, 0, (size_t)(run->start - start));
	memset(end, 0, (size_t)(base + size - end));
	return (struct ipt_replace *)start;
}

int pyiptc_table_build(struct pyiptc_table *table, struct pyiptc_image *image)
{
	struct run run = run_of(table);
	uint64_t size;
	int64_t entries = place_chains(table, &size, &run);
	struct ipt_replace *replace;

	memset(image, 0, sizeof(*image));
	if (entries < 0)
		return (int)entries;
	image->size = sizeof(*replace) + size;
	if (has_room(&run, size)) {
		image->arena = run.arena;
		replace = lay_around(&run, size);
	} else {
		replace = image->block = calloc(1, image->size);
	}
	image->replace = replace;
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
		  (unsigned char *)replace->entries + size - table->family->header_size -
			  ERROR_SIZE,
		  "ERROR");
	return 0;
}

void pyiptc_image_free(struct pyiptc_image *image)
{
	free(image->block);
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

/* All are zero at first, and their memory has not been touched. */
static void set_counters(struct pyiptc_image *image, uint32_t index, struct xt_counters counters)
{
	if ((counters.pcnt | counters.bcnt) == 0)
		return;
	image->counters->counters[index] = counters;
	image->has_counters = 1;
}

void pyiptc_table_map_counters(const struct pyiptc_table *table, struct pyiptc_image *image)
{
	uint32_t next = 0;

	for (uint32_t i = 0; i < table->chain_count; i++) {
		const struct pyiptc_chain *chain = table->chains[i];

		next += chain->hook < 0; /* its head */
		for (uint32_t j = 0; j < chain->count; j++) {
			const struct pyiptc_rule *rule = pyiptc_chain_rule(chain, j);

			set_counters(image, next++,
				     mapped(image->old, rule->origin,
					    get_counters(table->family, rule->data),
					    rule->is_zeroed));
		}
		/* A user-defined chain's end counts packets that return: they go on too. */
		set_counters(image, next++,
			     chain->is_set ? chain->given
					   : mapped(image->old, chain->origin, chain->counters,
						    chain->is_zeroed));
	}
}

static struct xt_counters counters_of(const struct pyiptc_image *image, uint32_t index)
{
	static const struct xt_counters zero;

	return image->has_counters ? image->counters->counters[index] : zero;
}

/* The memory of an image is the table's block; that of rules which are in it is freed. */
static void take_image(struct pyiptc_table *table, struct pyiptc_image *image)
{
	struct pyiptc_arena **at = &table->arena;

	if (image->arena != NULL) {
		while (*at != image->arena)
			at = &(*at)->next;
		*at = image->arena->next;
		image->block = image->arena;
	}
	pyiptc_arena_free(table->arena);
	table->arena = NULL;
	pyiptc_table_drop_block(table);
	table->block = image->block;
	table->entries = (unsigned char *)image->replace->entries;
	image->block = NULL;
}

void pyiptc_table_adopt(struct pyiptc_table *table, struct pyiptc_image *image)
{
	unsigned char *base = (unsigned char *)image->replace->entries;
	uint32_t index = 0;

	for (uint32_t i = 0; i < table->chain_count; i++) {
		struct pyiptc_chain *chain = table->chains[i];
		uint32_t offset = chain->first_offset;

		index += chain->hook < 0;
		for (uint32_t j = 0; j < chain->count; j++, index++) {
			struct pyiptc_rule *rule = pyiptc_chain_rule(chain, j);
			struct xt_counters counters;

			rule->data = base + offset;
			rule->origin = index;
			rule->is_zeroed = 0;
			counters = counters_of(image, index);
			put_counters(table->family, rule->data, &counters);
			offset += rule->size;
		}
		chain->origin = index;
		chain->counters = counters_of(image, index++);
		chain->is_set = chain->is_zeroed = 0;
	}
	table->num_entries = image->replace->num_entries;
	table->info.num_entries = image->replace->num_entries;
	table->info.size = image->replace->size;
	memcpy(table->info.hook_entry, image->replace->hook_entry, sizeof(table->info.hook_entry));
	memcpy(table->info.underflow, image->replace->underflow, sizeof(table->info.underflow));
	table->is_changed = table->is_recounted = 0;
	take_image(table, image);
}

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
				(*info)->counters[rule->origin] =
					difference(zero, get_counters(table->family, rule->data));
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

void pyiptc_table_put_back(struct pyiptc_table *table, struct pyiptc_table *now)
{
	if (table->nft != NULL && now->nft != NULL) {
		pyiptc_nft_put_back(table, now);
		return;
	}
	for (uint32_t i = 0; i < table->chain_count; i++) {
		struct pyiptc_chain *chain = table->chains[i];

		for (uint32_t j = 0; j < chain->count; j++)
			pyiptc_chain_rule(chain, j)->origin = PYIPTC_ORIGIN_NONE;
		chain->origin = PYIPTC_ORIGIN_NONE;
	}
	table->num_entries = now->num_entries;
	table->is_changed = 1;
}
