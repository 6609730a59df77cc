/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules and tables beside each other: which are the same, and from where on they differ. */
#include <errno.h>
#include <stdlib.h>

#include "nft_table.h"
#include "table.h"

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

/* ---- as read, and as it is now ------------------------------------------------------------------ */

/* All but counters, nfcache and comefrom, which are the kernel's. @size: of the bytes compared. */
static bool same_entry(const struct pyiptc_family *family, const unsigned char *a,
		       const unsigned char *b, uint32_t size)
{
	uint32_t header = family->header_size;

	return memcmp(a, b, family->ip_size) == 0 &&
	       memcmp(a + family->offsets, b + family->offsets, 4) == 0 &&
	       memcmp(a + header, b + header, size - header) == 0;
}

static bool same_rule(const struct pyiptc_family *family, const struct pyiptc_rule *a,
		      const struct pyiptc_rule *b)
{
	uint32_t size = a->size;

	if (a->size != b->size || a->kind != b->kind || (a->jump == NULL) != (b->jump == NULL))
		return false;
	if (a->jump != NULL && strcmp(a->jump->name, b->jump->name) != 0)
		return false;
	/* A jump's verdict is an offset in its blob: the same bytes up to its target will do. */
	if (a->kind != PYIPTC_RULE_PLAIN)
		size = target_offset(family, a->data);
	return same_entry(family, a->data, b->data, size);
}

uint32_t pyiptc_chain_difference(const struct pyiptc_family *family, const struct pyiptc_chain *a,
				 const struct pyiptc_chain *b, uint32_t index)
{
	while (index < a->count && index < b->count &&
	       same_rule(family, pyiptc_chain_rule(a, index), pyiptc_chain_rule(b, index)))
		index++;
	return index;
}

bool pyiptc_table_is_as_read(const struct pyiptc_table *a, const struct pyiptc_table *b)
{
	const struct pyiptc_family *family = a->family;
	uint32_t size;

	if (a->nft != NULL || b->nft != NULL)
		return pyiptc_nft_is_as_read(a->nft, b->nft);
	if (a->info.size != b->info.size || a->info.num_entries != b->info.num_entries ||
	    a->valid_hooks != b->valid_hooks)
		return false;
	for (int hook = 0; hook < NF_INET_NUMHOOKS; hook++)
		if ((a->valid_hooks & (1u << hook)) != 0 &&
		    (a->info.hook_entry[hook] != b->info.hook_entry[hook] ||
		     a->info.underflow[hook] != b->info.underflow[hook]))
			return false;
	for (uint32_t offset = 0; offset < a->info.size; offset += size) {
		size = next_offset(family, a->entries + offset);
		/* Its own size is compared with it: the other one's entries are cut alike. */
		if (!same_entry(family, a->entries + offset, b->entries + offset, size))
			return false;
	}
	return true;
}

int pyiptc_table_as_read(const struct pyiptc_table *table, struct pyiptc_table **out)
{
	struct pyiptc_blob_error error;
	unsigned char *block;

	if (table->nft != NULL)
		return pyiptc_nft_as_read(table, out);
	block = malloc(table->info.size);
	if (block == NULL)
		return -ENOMEM;
	memcpy(block, table->entries, table->info.size);
	return pyiptc_table_load(table->family, &table->info, block, block, &error, out);
}
