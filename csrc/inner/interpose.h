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
/* Know the copies of strings that are made from now on: those of one call of an extension. */
void interpose_keep_copies(void);
/* The call came back: what it has copied is its own affair. */
void interpose_forget_copies(void);
/* After a jump: nobody can free what it has copied but here. Nothing if the call came back. */
void interpose_free_copies(void);

#endif
