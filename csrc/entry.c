/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "entry.h"

const char *pyiptc_entry_check(const struct pyiptc_family *family, const unsigned char *entry,
			       uint32_t size, uint32_t *offset)
{
	uint32_t at = family->header_size, target, length;

	*offset = 0;
	if (size < family->header_size + sizeof(struct xt_entry_target))
		return "shorter than a header and a target";
	target = target_offset(family, entry);
	*offset = family->offsets;
	if (next_offset(family, entry) != size)
		return "next_offset is not its size";
	if (size % 8 != 0 || target % 8 != 0)
		return "not aligned to 8 bytes";
	if (target < family->header_size || target + sizeof(struct xt_entry_target) > size)
		return "target_offset is outside of it";
	while (at < target) {
		*offset = at;
		if (target - at < sizeof(struct xt_entry_match))
			return "a match is cut short";
		length = get_u16(entry + at);
		if (length < sizeof(struct xt_entry_match) || length % 8 != 0 ||
		    length > target - at)
			return "a match's size leads out of the matches";
		at += length;
	}
	*offset = target;
	length = get_u16(entry + target);
	if (length != size - target)
		return "the target's size is not what is left";
	if (has_name(entry + target, XT_STANDARD_TARGET) && length != STANDARD_SIZE)
		return "a standard target of another size";
	if (has_name(entry + target, XT_ERROR_TARGET) && length != ERROR_SIZE)
		return "an error target of another size";
	return NULL;
}
