/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * What the files of the decoder share: one rule on its way in, and how to refuse it. A function that
 * returns int gives 0, or a negative errno with the reason in the reader: see pyiptc_nft_decode().
 */
#ifndef PYIPTC_NFT_READER_H
#define PYIPTC_NFT_READER_H

#include "entry.h"
#include "nft_wire.h"

/* Of the attributes that any expression that is read here has. */
#define MAX_ATTRIBUTE 9
#define BIT(number)   (1u << (number))

struct bytes {
	const unsigned char *at; /* NULL: not there */
	size_t size;
};

/* Those of one nest, by type. */
struct attributes {
	struct bytes of[MAX_ATTRIBUTE + 1];
};

enum load_kind {
	LOAD_NONE,
	LOAD_META,
	LOAD_PAYLOAD,
	LOAD_VALUE, /* immediate */
};

/* What stands in the register that was written last: one rule of iptables needs no other. */
struct load {
	enum load_kind kind;
	uint32_t number; /* of the register */
	uint32_t key;    /* of meta */
	uint32_t base, offset;
	uint32_t size;
	bool is_masked, is_used;
	unsigned char mask[16];
	unsigned char value[16]; /* of an immediate */
};

enum action_kind {
	ACTION_NONE,
	ACTION_VERDICT,
	ACTION_JUMP,
	ACTION_TARGET,
};

#define SEEN_SOURCE      BIT(0)
#define SEEN_DESTINATION BIT(1)
#define SEEN_IN          BIT(2)
#define SEEN_OUT         BIT(3)
#define SEEN_PROTOCOL    BIT(4)
#define SEEN_FRAGMENT    BIT(5)

/* A match of the entry that was made of expressions: one that later ones may fill up. */
struct grown {
	size_t at; /* in the entry, its own header; 0: none */
	unsigned int fields;
	bool is_from_on; /* the last comparison was >=, of the field @open, in the same load */
	unsigned int open;
};

#define FIELD_SOURCE      BIT(0)
#define FIELD_DESTINATION BIT(1)
#define FIELD_FLAGS       BIT(2)
#define FIELD_CODE        BIT(3)

struct reader {
	const struct pyiptc_family *family;
	struct pyiptc_nft_buffer *entry;
	struct pyiptc_nft_rule *rule;
	struct load load;
	struct grown grown;
	unsigned int seen;     /* fields of the header */
	unsigned int protocol; /* that was asked for and not inverted, or 0 */
	bool is_counted;
	bool is_stateful; /* there is a match that must not see other packets than it does */
	enum action_kind action;
	int verdict;
	unsigned char name[XT_EXTENSION_MAXNAMELEN]; /* of a target */
	uint8_t revision;
	struct bytes info;
	unsigned char made[XT_ALIGN(sizeof(struct xt_nflog_info))]; /* what info may be in */
	const char *reason;
};

/* One comparison of what was loaded. */
struct test {
	uint32_t op; /* NFT_CMP_* */
	bool is_range;
	struct bytes value, to; /* to: of a range, as long as value */
};

/* ---- nft_attributes.c */

int nft_refuse(struct reader *r, const char *reason);
int nft_malformed(struct reader *r, const char *reason);
int nft_next_attribute(struct bytes *rest, unsigned int *type, struct bytes *value);
int nft_take_apart(struct reader *r, struct bytes nest, unsigned int known,
		   struct attributes *found);
bool nft_get_be32(const struct attributes *found, unsigned int type, uint32_t *value);
bool nft_get_be16(const struct attributes *found, unsigned int type, uint16_t *value);
bool nft_get_be64(const struct attributes *found, unsigned int type, uint64_t *value);
size_t nft_text_length(struct bytes text);
int nft_get_value(struct reader *r, struct bytes nest, struct bytes *value);

unsigned char *nft_extend(struct reader *r, size_t size, int *rc);
unsigned char *nft_add_extension(struct reader *r, const void *name, size_t length,
				 uint8_t revision, struct bytes info, int *rc);
int nft_add_match(struct reader *r, const char *name, uint8_t revision, const void *info,
		  size_t size);

/* ---- nft_tests.c */

uint32_t nft_meta_size(uint32_t key);
int nft_run_test(struct reader *r, uint32_t number, const struct test *test);

static inline bool has(const struct attributes *found, unsigned int type)
{
	return found->of[type].at != NULL;
}

static inline unsigned char *header(struct reader *r, uint32_t offset)
{
	return r->entry->data + offset;
}

static inline void invert(struct reader *r, uint8_t flag)
{
	*header(r, r->family->flags + 1) |= flag;
}

#endif
