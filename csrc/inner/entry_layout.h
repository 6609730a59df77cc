/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * Where things are in an entry, for what of this half reads whole tables: IPv4 and IPv6 differ in
 * the size of the header alone (linux/netfilter_ipv4/ip_tables.h, ip6_tables.h).
 */
#ifndef PYIPTC_ENTRY_LAYOUT_H
#define PYIPTC_ENTRY_LAYOUT_H

#include <stdint.h>
#include <string.h>

#include "../layout.h"

struct entry_layout {
	uint32_t header_size;
	uint32_t target_offset;
	uint32_t next_offset;
	uint32_t comefrom;
	uint32_t counters;
};

static inline uint16_t entry_u16(const unsigned char *entry, uint32_t offset)
{
	uint16_t value;

	memcpy(&value, entry + offset, sizeof(value));
	return value;
}

static inline uint32_t entry_size(const struct entry_layout *layout, const unsigned char *entry)
{
	return entry_u16(entry, layout->next_offset);
}

static inline const unsigned char *entry_target(const struct entry_layout *layout,
						const unsigned char *entry)
{
	return entry + entry_u16(entry, layout->target_offset);
}

static inline const char *entry_target_name(const struct entry_layout *layout,
					    const unsigned char *entry)
{
	return (const char *)entry_target(layout, entry) +
	       offsetof(struct xt_entry_target, u.user.name);
}

static inline int entry_verdict(const struct entry_layout *layout, const unsigned char *entry)
{
	int verdict;

	memcpy(&verdict, entry_target(layout, entry) + offsetof(struct xt_standard_target, verdict),
	       sizeof(verdict));
	return verdict;
}

/* The same rule, whatever it counted: the kernel sets comefrom and counters as it takes a table. */
static inline int entry_is_same(const struct entry_layout *layout, const unsigned char *a,
				const unsigned char *b)
{
	const uint32_t after = layout->counters + (uint32_t)sizeof(struct xt_counters);
	const uint32_t size = entry_size(layout, a);

	return entry_size(layout, b) == size && memcmp(a, b, layout->comefrom) == 0 &&
	       memcmp(a + after, b + after, size - after) == 0;
}

#endif
