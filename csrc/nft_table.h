/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * What nf_tables has of a table, beside the table in memory that is edited: chains and rules with
 * the kernel's handles, as read or committed last. The difference is what a commit sends.
 *
 * Rules of a chain are read when they are needed. Until then the chain in memory is unread, and
 * holds what was inserted before and appended after all that the kernel has.
 */
#ifndef PYIPTC_NFT_TABLE_H
#define PYIPTC_NFT_TABLE_H

#include "entry.h"

/* Target of an entry that stands for a rule that no entry can say. */
#define NFT_OPAQUE "nf_tables"

/* A rule as the kernel lists it: its expressions and its user data. */
struct pyiptc_raw {
	uint32_t expressions_size, userdata_size;
	unsigned char data[]; /* one after the other */
};

/* A rule that the kernel has. */
struct nft_known {
	uint64_t handle;
	unsigned char *data; /* the table's, as in struct pyiptc_rule */
	const struct pyiptc_raw *raw;
	struct pyiptc_nft_chain *jump;
	uint16_t size;
	uint8_t kind;
};

struct pyiptc_nft_chain {
	char name[PYIPTC_NAME_SIZE];
	uint64_t handle;
	int hook;        /* of a built-in chain; -1: none */
	uint8_t is_base; /* it has a hook, be it one of iptables or not */
	uint32_t use;    /* of one with a hook: its rules, whether they were read or not */
	uint8_t is_read; /* rules and count are the kernel's */
	int policy;      /* as in struct pyiptc_chain */
	struct xt_counters counters; /* of the policy */
	struct nft_known *rules;
	uint32_t count;
	struct pyiptc_chain *chain;    /* in memory; NULL: deleted there */
	struct pyiptc_nft_chain *copy; /* while a table is copied */
};

struct pyiptc_nft {
	uint32_t generation; /* of all that was read; 0: not known */
	uint8_t exists;      /* nf_tables has the table */
	uint8_t is_torn;     /* some rules were read at another generation */
	struct pyiptc_nft_chain **chains;
	uint32_t chain_count, chain_capacity;
	uint8_t is_sorted; /* chains are, by name */
	size_t compact_at; /* bytes of entries */
};

/* A built-in chain of iptables, and what it is in nf_tables. */
struct nft_builtin {
	const char *table;
	int hook;
	const char *type;
	int priority;
};

/* NULL: the table has no such chain. */
const struct nft_builtin *nft_builtin_chain(const char *table, int hook);
/* Bits of the hooks of a table of iptables; 0: it is none. */
uint32_t nft_valid_hooks(const char *table);
const char *nft_hook_name(int hook);

/* NULL: out of memory. */
struct pyiptc_nft *nft_new(void);
void pyiptc_nft_free(struct pyiptc_nft *nft);
/* A chain of the kernel, yet without a chain in memory. NULL: out of memory. */
struct pyiptc_nft_chain *nft_add_chain(struct pyiptc_nft *nft, const char *name);
/* Be as before nft_add_chain(); a chain in memory that it was of is not the kernel's any more. */
void nft_drop_chain(struct pyiptc_nft *nft, struct pyiptc_nft_chain *known);
/* NULL: there is none. Sorts the chains, so not while somebody goes through them. */
struct pyiptc_nft_chain *nft_find_chain(struct pyiptc_nft *nft, const char *name);

/**
 * A table in memory of what the kernel has. @nft: the table's from now on, on failure too.
 * -ENOMEM; -ENOENT: iptables has no such table.
 */
int nft_table_new(const struct pyiptc_family *family, const char *name, struct pyiptc_nft *nft,
		  struct pyiptc_table **table);
/* Put what was read of a chain, known->rules, among what was added to it since. -ENOMEM. */
int nft_table_place(struct pyiptc_chain *chain);
/* Have the rules of a chain that the kernel has read again, when they are needed. */
void nft_table_forget(struct pyiptc_chain *chain);
/* After a commit: what is in memory is what the kernel has. */
void nft_table_adopt(struct pyiptc_table *table);
/* As pyiptc_table_put_back(). */
void pyiptc_nft_put_back(struct pyiptc_table *table, struct pyiptc_table *now);

bool pyiptc_nft_is_as_read(const struct pyiptc_nft *a, const struct pyiptc_nft *b);
int pyiptc_nft_as_read(const struct pyiptc_table *table, struct pyiptc_table **out);

#endif
