/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nft_reader.h"

/* What is to be shown of a rule that cannot be read: attributes that are wrong are left out. */

/* The attribute @type of a nest, the first one, or nothing. */
static struct bytes find(struct bytes nest, unsigned int type)
{
	struct bytes value, nothing = { NULL, 0 };
	unsigned int found;

	while (nft_next_attribute(&nest, &found, &value) > 0) {
		if (found == type)
			return value;
	}
	return nothing;
}

/* A growing text with a bound. */
struct text {
	char *at;
	size_t size, length;
};

static void append(struct text *text, char separator, struct bytes word)
{
	size_t length = strnlen((const char *)word.at, word.size), i;

	if (length == 0 || text->size - text->length < length + 2)
		return;
	if (text->length > 0)
		text->at[text->length++] = separator;
	for (i = 0; i < length; i++)
		text->at[text->length++] =
			word.at[i] > ' ' && word.at[i] < 0x7f ? (char)word.at[i] : '?';
}

static bool has_extension(struct bytes name)
{
	static const char *const names[] = { "match", "target" };
	size_t i;

	for (i = 0; i < 2; i++) {
		if (nft_text_length(name) == strlen(names[i]) &&
		    memcmp(name.at, names[i], name.size) == 0)
			return true;
	}
	return false;
}

size_t pyiptc_nft_names(const unsigned char *expressions, size_t size, char *text, size_t text_size)
{
	struct text names = { text, text_size, 0 };
	struct bytes list = { expressions, size }, element, name, own;
	unsigned int type;

	if (text_size == 0)
		return 0;
	while (nft_next_attribute(&list, &type, &element) > 0) {
		name = find(element, NFTA_EXPR_NAME);
		if (!name.at)
			continue;
		append(&names, ' ', name);
		if (!has_extension(name))
			continue;
		own = find(find(element, NFTA_EXPR_DATA), NFTA_MATCH_NAME);
		if (own.at)
			append(&names, ':', own);
	}
	text[names.length] = '\0';
	return names.length;
}

size_t pyiptc_nft_jump(const unsigned char *expressions, size_t size, const char **chain)
{
	struct bytes list = { expressions, size }, element, name;
	unsigned int type;
	size_t length;

	while (nft_next_attribute(&list, &type, &element) > 0) {
		name = find(element, NFTA_EXPR_DATA);
		name = find(find(name, NFTA_IMMEDIATE_DATA), NFTA_DATA_VERDICT);
		name = find(name, NFTA_VERDICT_CHAIN);
		length = name.at ? strnlen((const char *)name.at, name.size) : 0;
		if (length > 0) {
			*chain = (const char *)name.at;
			return length;
		}
	}
	return 0;
}
