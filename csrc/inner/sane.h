/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * Payloads that the kernel takes from any tool, or that somebody makes of bytes, and that an
 * extension crashes on or reads beyond when it prints them: they index tables with what is in the
 * payload, and believe its counts (all as of iptables 1.8.9, found by changing the payload of 60
 * extensions byte by byte).
 */
#ifndef PYIPTC_SANE_H
#define PYIPTC_SANE_H

#include <stdbool.h>
#include <stddef.h>

#include "inner.h"

struct xtables_match;

/* @payload: xt_entry_match or xt_entry_target with its data, of the size the extension has. */
bool payload_is_sane(enum pyiptc_kind kind, unsigned int family, const void *payload);

/*
 * A copy to print, followed by NULs: a string that does not end, as the kernel takes some, ends there.
 * Valid until the next call. With PYIPTC_WATCH a page without rights follows, as no sanitizer sees
 * what extensions read. Inside of a guarded call.
 */
const void *payload_to_print(const void *payload, size_t size);

/* Refuse a value that the match would crash on while it parses: guard_fail(). */
void check_value(const struct xtables_match *match, const char *value);

/* Whether an extension keeps no copy of a value beyond the call in which it parses it, so that what
 * it has copied can be freed when it leaves by a jump. (connlabel keeps what it read of a file.) */
bool keeps_no_copy(const char *name);

#endif
