/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The difference between tables in memory and what the kernel has of them, as one batch. */
#ifndef PYIPTC_NFT_BATCH_H
#define PYIPTC_NFT_BATCH_H

#include "nft_netlink.h"
#include "nft_table.h"

/* What a message of a batch is about: for the kernel's echo, and for an error. */
struct nft_operation {
	struct pyiptc_table *table;
	struct pyiptc_chain *chain;     /* or NULL */
	struct pyiptc_nft_chain *known; /* of a chain that is deleted */
	const char *name;               /* static: "NFT_MSG_NEWRULE" */
	uint32_t index;                 /* of the rule in its chain; PYIPTC_ORIGIN_NONE: no rule */
	uint8_t is_new;                 /* the kernel's echo tells its handle */
};

struct nft_batch {
	struct netlink_buffer messages;
	struct nft_operation *operations; /* that of sequence number i stands at i */
	uint32_t count, capacity;
	uint32_t generation; /* that it depends on; 0: on none */
	bool can_reset;      /* counters are reset by a call of their own, not here */
};

void nft_batch_free(struct nft_batch *batch);
/**
 * @batch: zero, but for can_reset. @generation: that it depends on in any case, or 0. Return: 0; -EAGAIN, tables that were read at
 * different moments; -EOPNOTSUPP, what nf_tables cannot do; -ENOMEM, -E2BIG. @error is filled in.
 */
int nft_batch_build(struct nft_batch *batch, struct pyiptc_table **tables, size_t count,
		    uint32_t generation, struct pyiptc_error *error);

#endif
