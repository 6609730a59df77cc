/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * Functions of libc that this half takes over for libxtables, the extensions and the libc of
 * its namespace. It is the first object there, so its symbols are found first.
 */
#ifndef PYIPTC_INTERPOSE_H
#define PYIPTC_INTERPOSE_H

#include "inner.h"

/* From now on memory comes from the process; what was given before stays valid. */
void interpose_use_host(const struct pyiptc_host *host);
/* Whether host names may be asked of the resolver. */
void interpose_resolve(int on);

#endif
