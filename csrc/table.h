/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * What the files of a table in memory share: table.c edits, table_load.c takes a blob apart,
 * table_build.c lays one out, table_index.c finds rules.
 *
 * A blob is the rules of all chains, one after the other. A built-in chain starts where
 * hook_entry says; a user-defined one after an entry with an ERROR target that holds its name.
 * Each ends with an entry without matches whose verdict is the policy, or RETURN. After the last
 * stands an ERROR entry named "ERROR". A jump is a standard target whose verdict is the offset
 * of the first rule of a chain (net/ipv4/netfilter/ip_tables.c, translate_table()).
 */
#ifndef PYIPTC_TABLE_H
#define PYIPTC_TABLE_H

#include "entry.h"

/*
 * A piece of memory for a table's own entries, which are given back all at once. Where many entries
 * come in one piece there is room around them, so that the table can be laid out where they are.
 */
struct pyiptc_arena {
	struct pyiptc_arena *next;
	uint32_t used, size;
	uint32_t before, after; /* room in front of the entries and behind them, or 0 */
	_Alignas(8) unsigned char data[];
};

void pyiptc_arena_free(struct pyiptc_arena *arena);
/* Bytes in use, of all that hang together. */
size_t pyiptc_arena_size(const struct pyiptc_arena *arena);
/* Hang @more on to @arena. */
void pyiptc_arena_join(struct pyiptc_arena **arena, struct pyiptc_arena *more);

/* Have no block any more: it is freed, or that of who shares it. */
void pyiptc_table_drop_block(struct pyiptc_table *table);

/* An empty chain that belongs to no table yet; @hook -1: user-defined. NULL: out of memory. */
struct pyiptc_chain *pyiptc_chain_new(const char *name, int hook);
void pyiptc_chain_free(struct pyiptc_chain *chain);
/* @index: in range. -ENOMEM. */
int pyiptc_chain_add(struct pyiptc_chain *chain, uint32_t index, const struct pyiptc_rule *rule);
void pyiptc_chain_drop(struct pyiptc_chain *chain, uint32_t index);

/* Bytes of all entries, laid out. */
uint64_t pyiptc_table_size(const struct pyiptc_table *table);
/* A copy of @size bytes among the table's own entries; NULL: out of memory. */
unsigned char *pyiptc_table_keep(struct pyiptc_table *table, const unsigned char *data,
				 uint32_t size);

/* Where a user-defined chain of this name is or belongs: sorted, as libiptc keeps them. */
uint32_t pyiptc_table_chain_position(const struct pyiptc_table *table, const char *name);
int pyiptc_table_add_chain(struct pyiptc_table *table, struct pyiptc_chain *chain,
			   uint32_t position);

/* What table_index.c remembers of a chain: keep it up, or forget it. @rule: it is in the chain. */
void pyiptc_chain_index_added(const struct pyiptc_family *family, struct pyiptc_chain *chain,
			      const struct pyiptc_rule *rule);
void pyiptc_chain_index_dropped(const struct pyiptc_family *family, struct pyiptc_chain *chain,
				const struct pyiptc_rule *rule);
void pyiptc_chain_forget(struct pyiptc_chain *chain);

#endif
