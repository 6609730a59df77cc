/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attributes and expressions of one rule, one after the other into memory that grows. */
#include <errno.h>
#include <stdlib.h>

#include "nft_writer.h"

/* More than any one expression takes but for the data of an extension: see nft_begin(). */
#define EXPRESSION_ROOM 256

int pyiptc_nft_reserve(struct pyiptc_nft_buffer *buffer, size_t more)
{
	size_t capacity = buffer->capacity ? buffer->capacity : 512;
	unsigned char *data;

	if (more > SIZE_MAX / 4 || buffer->size > SIZE_MAX / 4)
		return -ENOMEM;
	if (buffer->capacity - buffer->size >= more)
		return 0;
	while (capacity - buffer->size < more)
		capacity *= 2;
	data = realloc(buffer->data, capacity);
	if (!data)
		return -ENOMEM;
	buffer->data = data;
	buffer->capacity = capacity;
	return 0;
}

void pyiptc_nft_buffer_free(struct pyiptc_nft_buffer *buffer)
{
	free(buffer->data);
	memset(buffer, 0, sizeof(*buffer));
}

/* ---- attributes ------------------------------------------------------------------------------ */

void nft_fail(struct writer *w, int number, const char *reason)
{
	if (w->failed)
		return;
	w->failed = number;
	w->reason = reason;
}

static void put_raw(struct writer *w, const void *from, size_t size)
{
	memcpy(w->out->data + w->out->size, from, size);
	w->out->size += size;
}

void nft_put_attribute(struct writer *w, unsigned int type, const void *from, size_t size)
{
	uint16_t head[2] = { (uint16_t)(size + 4), (uint16_t)type };
	static const unsigned char padding[4];

	put_raw(w, head, sizeof(head));
	put_raw(w, from, size);
	put_raw(w, padding, wire_align(size) - size);
}

void nft_put_be32(struct writer *w, unsigned int type, uint32_t value)
{
	uint32_t wire = htonl(value);

	nft_put_attribute(w, type, &wire, sizeof(wire));
}

void nft_put_be16(struct writer *w, unsigned int type, uint16_t value)
{
	uint16_t wire = htons(value);

	nft_put_attribute(w, type, &wire, sizeof(wire));
}

void nft_put_be64(struct writer *w, unsigned int type, uint64_t value)
{
	uint32_t wire[2] = { htonl((uint32_t)(value >> 32)), htonl((uint32_t)value) };

	nft_put_attribute(w, type, wire, sizeof(wire));
}

/* struct nlattr whose length is not known yet. Return: where it stands. */
size_t nft_open_nest(struct writer *w, unsigned int type)
{
	size_t at = w->out->size;
	uint16_t head[2] = { 0, (uint16_t)type };

	put_raw(w, head, sizeof(head));
	return at;
}

void nft_close_nest(struct writer *w, size_t at)
{
	put_u16(w->out->data + at, (uint32_t)(w->out->size - at));
}

/* A value in a register or beside one: NFTA_DATA_VALUE inside of @type. */
void nft_put_value(struct writer *w, unsigned int type, const void *from, size_t size)
{
	size_t nest = nft_open_nest(w, type);

	nft_put_attribute(w, NFTA_DATA_VALUE, from, size);
	nft_close_nest(w, nest);
}

/* False, and nothing may be written: there is no room. @more: bytes of an extension's data. */
bool nft_begin(struct writer *w, const char *name, size_t more)
{
	if (w->failed)
		return false;
	if (pyiptc_nft_reserve(w->out, EXPRESSION_ROOM + more)) {
		nft_fail(w, -ENOMEM, "memory");
		return false;
	}
	w->count++;
	w->element = nft_open_nest(w, NFTA_LIST_ELEM);
	nft_put_attribute(w, NFTA_EXPR_NAME, name, strlen(name) + 1);
	w->data = nft_open_nest(w, NFTA_EXPR_DATA);
	return true;
}

void nft_end(struct writer *w)
{
	nft_close_nest(w, w->data);
	nft_close_nest(w, w->element);
}

/* ---- expressions ----------------------------------------------------------------------------- */

void nft_load_meta(struct writer *w, uint32_t key)
{
	if (!nft_begin(w, "meta", 0))
		return;
	nft_put_be32(w, NFTA_META_KEY, key);
	nft_put_be32(w, NFTA_META_DREG, WIRE_REGISTER);
	nft_end(w);
}

void nft_load_payload(struct writer *w, uint32_t base, uint32_t offset, uint32_t size)
{
	if (!nft_begin(w, "payload", 0))
		return;
	nft_put_be32(w, NFTA_PAYLOAD_DREG, WIRE_REGISTER);
	nft_put_be32(w, NFTA_PAYLOAD_BASE, base);
	nft_put_be32(w, NFTA_PAYLOAD_OFFSET, offset);
	nft_put_be32(w, NFTA_PAYLOAD_LEN, size);
	nft_end(w);
}

void nft_apply_mask(struct writer *w, const void *mask, uint32_t size)
{
	static const unsigned char zero[16];

	if (!nft_begin(w, "bitwise", 0))
		return;
	nft_put_be32(w, NFTA_BITWISE_SREG, WIRE_REGISTER);
	nft_put_be32(w, NFTA_BITWISE_DREG, WIRE_REGISTER);
	nft_put_be32(w, NFTA_BITWISE_LEN, size);
	nft_put_be32(w, WIRE_BITWISE_OP, WIRE_MASK_XOR);
	nft_put_value(w, NFTA_BITWISE_MASK, mask, size);
	nft_put_value(w, NFTA_BITWISE_XOR, zero, size);
	nft_end(w);
}

void nft_compare(struct writer *w, uint32_t op, const void *value, uint32_t size)
{
	if (!nft_begin(w, "cmp", 0))
		return;
	nft_put_be32(w, NFTA_CMP_SREG, WIRE_REGISTER);
	nft_put_be32(w, NFTA_CMP_OP, op);
	nft_put_value(w, NFTA_CMP_DATA, value, size);
	nft_end(w);
}

void nft_compare_range(struct writer *w, uint32_t op, const void *from, const void *to,
		       uint32_t size)
{
	if (!nft_begin(w, "range", 0))
		return;
	nft_put_be32(w, NFTA_RANGE_SREG, WIRE_REGISTER);
	nft_put_be32(w, NFTA_RANGE_OP, op);
	nft_put_value(w, NFTA_RANGE_FROM_DATA, from, size);
	nft_put_value(w, NFTA_RANGE_TO_DATA, to, size);
	nft_end(w);
}

/* An xt extension as it is. The attributes of both are numbered alike. @at: its own header. */
void nft_put_extension(struct writer *w, const char *kind, const unsigned char *at)
{
	uint32_t size = get_u16(at) - XT_HEADER;
	char name[XT_EXTENSION_MAXNAMELEN];

	memcpy(name, at + 2, sizeof(name));
	if (name[0] == '\0' || name[sizeof(name) - 1] != '\0') {
		nft_fail(w, -EINVAL, "an extension's name of no good length");
		return;
	}
	if (!nft_begin(w, kind, size))
		return;
	nft_put_attribute(w, NFTA_MATCH_NAME, name, strlen(name) + 1);
	nft_put_be32(w, NFTA_MATCH_REV, at[XT_HEADER - 1]);
	nft_put_attribute(w, NFTA_MATCH_INFO, at + XT_HEADER, size);
	nft_end(w);
}

PYIPTC_ASSERT((int)NFTA_MATCH_NAME == (int)NFTA_TARGET_NAME);
PYIPTC_ASSERT((int)NFTA_MATCH_REV == (int)NFTA_TARGET_REV);
PYIPTC_ASSERT((int)NFTA_MATCH_INFO == (int)NFTA_TARGET_INFO);
