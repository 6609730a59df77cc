/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * Reading and writing the fields of one entry, whichever its family: by memcpy(), as entries
 * come from outside and are aligned to nothing that C would promise.
 */
#ifndef PYIPTC_ENTRY_H
#define PYIPTC_ENTRY_H

#include <stdbool.h>
#include <string.h>

#include "pyiptc.h"

#define ERROR_SIZE    ((uint32_t)sizeof(struct xt_error_target))
#define STANDARD_SIZE ((uint32_t)sizeof(struct xt_standard_target))

static inline uint16_t get_u16(const unsigned char *at)
{
	uint16_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static inline void put_u16(unsigned char *at, uint32_t value)
{
	uint16_t narrow = (uint16_t)value;

	memcpy(at, &narrow, sizeof(narrow));
}

static inline uint16_t target_offset(const struct pyiptc_family *family, const unsigned char *entry)
{
	return get_u16(entry + family->offsets);
}

static inline uint16_t next_offset(const struct pyiptc_family *family, const unsigned char *entry)
{
	return get_u16(entry + family->offsets + 2);
}

static inline unsigned char *target_of(const struct pyiptc_family *family,
				       const unsigned char *entry)
{
	return (unsigned char *)entry + target_offset(family, entry);
}

/* xt_entry_target and xt_entry_match start alike: u16 size, 29 bytes of name, revision. */
static inline bool has_name(const unsigned char *target, const char *name)
{
	return strncmp((const char *)target + 2, name, XT_EXTENSION_MAXNAMELEN) == 0;
}

static inline int get_verdict(const unsigned char *target)
{
	int verdict;

	memcpy(&verdict, target + offsetof(struct xt_standard_target, verdict), sizeof(verdict));
	return verdict;
}

static inline void put_verdict(unsigned char *target, int verdict)
{
	memcpy(target + offsetof(struct xt_standard_target, verdict), &verdict, sizeof(verdict));
}

static inline bool is_standard(const struct pyiptc_family *family, const unsigned char *entry)
{
	return has_name(target_of(family, entry), XT_STANDARD_TARGET);
}

static inline struct xt_counters get_counters(const struct pyiptc_family *family,
					      const unsigned char *entry)
{
	struct xt_counters counters;

	memcpy(&counters, entry + family->counters, sizeof(counters));
	return counters;
}

static inline void put_counters(const struct pyiptc_family *family, unsigned char *entry,
				const struct xt_counters *counters)
{
	memcpy(entry + family->counters, counters, sizeof(*counters));
}

#endif
