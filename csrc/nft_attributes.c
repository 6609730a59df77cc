/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>

#include "nft_reader.h"

int nft_refuse(struct reader *r, const char *reason)
{
	r->reason = reason;
	return -EOPNOTSUPP;
}

int nft_malformed(struct reader *r, const char *reason)
{
	r->reason = reason;
	return -EBADMSG;
}

/**
 * The next attribute of @rest, which gets shorter by it. Return: 1; 0, there is none; or -EBADMSG.
 */
int nft_next_attribute(struct bytes *rest, unsigned int *type, struct bytes *value)
{
	size_t length, step;

	if (rest->size == 0)
		return 0;
	if (rest->size < 4)
		return -EBADMSG;
	length = get_u16(rest->at);
	if (length < 4 || length > rest->size)
		return -EBADMSG;
	*type = get_u16(rest->at + 2) & WIRE_TYPE_MASK;
	value->at = rest->at + 4;
	value->size = length - 4;
	step = wire_align(length) < rest->size ? wire_align(length) : rest->size;
	rest->at += step;
	rest->size -= step;
	return 1;
}

/* @known: bits of the types that may be there; others may change what the rest means. */
int nft_take_apart(struct reader *r, struct bytes nest, unsigned int known,
		   struct attributes *found)
{
	unsigned int type;
	struct bytes value;
	int rc;

	memset(found, 0, sizeof(*found));
	while ((rc = nft_next_attribute(&nest, &type, &value)) > 0) {
		if (type > MAX_ATTRIBUTE || !(known & BIT(type)))
			return nft_refuse(r, "an attribute of an expression that iptables has not");
		if (found->of[type].at)
			return nft_malformed(r, "an attribute twice");
		found->of[type] = value;
	}
	return rc < 0 ? nft_malformed(r, "an attribute is cut short") : 0;
}

bool nft_get_be32(const struct attributes *found, unsigned int type, uint32_t *value)
{
	uint32_t wire;

	if (found->of[type].size != sizeof(wire))
		return false;
	memcpy(&wire, found->of[type].at, sizeof(wire));
	*value = ntohl(wire);
	return true;
}

bool nft_get_be16(const struct attributes *found, unsigned int type, uint16_t *value)
{
	uint16_t wire;

	if (found->of[type].size != sizeof(wire))
		return false;
	memcpy(&wire, found->of[type].at, sizeof(wire));
	*value = ntohs(wire);
	return true;
}

bool nft_get_be64(const struct attributes *found, unsigned int type, uint64_t *value)
{
	uint32_t wire[2];

	if (found->of[type].size != sizeof(wire))
		return false;
	memcpy(wire, found->of[type].at, sizeof(wire));
	*value = (uint64_t)ntohl(wire[0]) << 32 | ntohl(wire[1]);
	return true;
}

/* Length of a text that ends with its only NUL, or SIZE_MAX. */
size_t nft_text_length(struct bytes text)
{
	size_t length = text.at ? strnlen((const char *)text.at, text.size) : 0;

	return text.at && length + 1 == text.size ? length : SIZE_MAX;
}

/* NFTA_DATA_VALUE inside of a nest. */
int nft_get_value(struct reader *r, struct bytes nest, struct bytes *value)
{
	struct attributes found;
	int rc;

	if (!nest.at)
		return nft_malformed(r, "a comparison without its value");
	rc = nft_take_apart(r, nest, BIT(NFTA_DATA_VALUE) | BIT(NFTA_DATA_VERDICT), &found);
	if (rc)
		return rc;
	*value = found.of[NFTA_DATA_VALUE];
	if (!value->at || value->size == 0 || value->size > sizeof(r->load.value) ||
	    has(&found, NFTA_DATA_VERDICT))
		return nft_malformed(r, "a value of no good size");
	return 0;
}

/* ---- the entry ---- */

/* Room behind the entry so far, zeroed, and counted in. NULL: *@rc says why not. */
unsigned char *nft_extend(struct reader *r, size_t size, int *rc)
{
	unsigned char *at;

	if (size > UINT16_MAX || r->entry->size + size > UINT16_MAX) {
		*rc = nft_refuse(r, "more than an entry can hold");
		return NULL;
	}
	*rc = pyiptc_nft_reserve(r->entry, size);
	if (*rc)
		return NULL;
	at = r->entry->data + r->entry->size;
	memset(at, 0, size);
	r->entry->size += size;
	return at;
}

unsigned char *nft_add_extension(struct reader *r, const void *name, size_t length,
				 uint8_t revision, struct bytes info, int *rc)
{
	size_t size = XT_HEADER + XT_ALIGN(info.size);
	unsigned char *at;

	if (info.size > UINT16_MAX) {
		*rc = nft_refuse(r, "more than an entry can hold");
		return NULL;
	}
	at = nft_extend(r, size, rc);
	if (!at)
		return NULL;
	put_u16(at, (uint32_t)size);
	memcpy(at + 2, name, length);
	at[XT_HEADER - 1] = revision;
	if (info.size)
		memcpy(at + XT_HEADER, info.at, info.size);
	return at;
}

/* A match whose struct we know. */
int nft_add_match(struct reader *r, const char *name, uint8_t revision, const void *info,
		  size_t size)
{
	struct bytes data = { info, size };
	int rc;

	r->grown.at = 0;
	r->grown.is_from_on = false;
	nft_add_extension(r, name, strlen(name), revision, data, &rc);
	return rc;
}
