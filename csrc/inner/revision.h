/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * Revisions that were taken for granted. The kernel tells only who has CAP_NET_ADMIN and
 * CAP_NET_RAW which ones it knows. Without them the newest is assumed, as libxtables does; but
 * libxtables then forgets the older ones for good, and the process may get its rights later.
 */
#ifndef PYIPTC_REVISION_H
#define PYIPTC_REVISION_H

#include "inner.h"

/* The kernel could not be asked about this revision; it is about to be taken. */
void revision_assumed(enum pyiptc_kind kind, const char *name, unsigned int revision);
/* At the end of a call, when no payload is under way: let libxtables ask again the next time.
 * Return: 1 where something had been assumed. */
int revision_forget(void);

#endif
