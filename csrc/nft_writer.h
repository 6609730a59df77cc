/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * What the files of the encoder share: one rule on its way out. What goes wrong is remembered in the
 * writer, and asked for once, at the end; until then all may be called as if nothing had.
 */
#ifndef PYIPTC_NFT_WRITER_H
#define PYIPTC_NFT_WRITER_H

#include "entry.h"
#include "nft_wire.h"

struct writer {
	struct pyiptc_nft_buffer *out;
	const struct pyiptc_family *family;
	const unsigned char *entry;
	enum pyiptc_nft_form form;
	uint8_t flags, invflags; /* of the header */
	unsigned int count;      /* of expressions */
	size_t element, data;    /* where the expression that is being written has its lengths */
	int failed;
	const char *reason;
};

/* ---- nft_expressions.c: attributes */

/* @reason: static. The first failure is the one that counts. */
void nft_fail(struct writer *w, int number, const char *reason);
void nft_put_attribute(struct writer *w, unsigned int type, const void *from, size_t size);
void nft_put_be32(struct writer *w, unsigned int type, uint32_t value);
void nft_put_be16(struct writer *w, unsigned int type, uint16_t value);
void nft_put_be64(struct writer *w, unsigned int type, uint64_t value);
/* Return: what nft_close_nest() wants. */
size_t nft_open_nest(struct writer *w, unsigned int type);
void nft_close_nest(struct writer *w, size_t at);
/* A value inside of NFTA_DATA_VALUE. */
void nft_put_value(struct writer *w, unsigned int type, const void *from, size_t size);
/* False, and nothing may be written: there is no room. @more: bytes of an extension's data. */
bool nft_begin(struct writer *w, const char *name, size_t more);
void nft_end(struct writer *w);

/* ---- nft_expressions.c: expressions */

void nft_load_meta(struct writer *w, uint32_t key);
void nft_load_payload(struct writer *w, uint32_t base, uint32_t offset, uint32_t size);
/* What was loaded, & @mask. */
void nft_apply_mask(struct writer *w, const void *mask, uint32_t size);
/* @op: NFT_CMP_*, of a range NFT_RANGE_*. */
void nft_compare(struct writer *w, uint32_t op, const void *value, uint32_t size);
void nft_compare_range(struct writer *w, uint32_t op, const void *from, const void *to,
		       uint32_t size);
/* An xt extension as it is, as "match" or "target". @at: its own header. */
void nft_put_extension(struct writer *w, const char *kind, const unsigned char *at);

/* ---- nft_matches.c */

void nft_put_matches(struct writer *w);

static inline uint32_t equal_or(bool is_inverted)
{
	return is_inverted ? NFT_CMP_NEQ : NFT_CMP_EQ;
}

/* The protocol as the kernel sees it: for IPv6 there has to be a flag beside it. */
static inline uint32_t protocol_of(const struct writer *w)
{
	if (is_ipv6(w->family) && !(w->flags & IP6T_F_PROTO))
		return 0;
	return get_u16(w->entry + w->family->proto);
}

#endif
