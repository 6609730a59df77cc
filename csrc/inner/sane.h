/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * Payloads that the kernel takes from any tool, and that an extension crashes on when it prints
 * them: they index tables of names with what is in the payload (all as of iptables 1.8.9, found
 * by changing the payload of 60 extensions byte by byte).
 */
#ifndef PYIPTC_SANE_H
#define PYIPTC_SANE_H

#include <stdbool.h>

#include "inner.h"

struct xtables_match;

/* @payload: xt_entry_match or xt_entry_target with its data, of the size the extension has. */
bool payload_is_sane(enum pyiptc_kind kind, unsigned int family, const void *payload);

/* Refuse a value that the match would crash on while it parses: guard_fail(). */
void check_value(const struct xtables_match *match, const char *value);

/* Whether an extension keeps no copy of a value beyond the call in which it parses it, so that what
 * it has copied can be freed when it leaves by a jump. (connlabel keeps what it read of a file.) */
bool keeps_no_copy(const char *name);

#endif
