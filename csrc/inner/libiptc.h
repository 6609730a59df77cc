/* SPDX-License-Identifier: GPL-2.0-or-later */
/** The functions of struct pyiptc_inner that go through libip4tc or libip6tc. */
#ifndef PYIPTC_LIBIPTC_H
#define PYIPTC_LIBIPTC_H

#include "inner.h"

int libiptc_load(unsigned int family, const char *path, struct pyiptc_reply *reply);
int libiptc_read(int fd, const char *table, struct pyiptc_reply *reply);
int libiptc_commit(int fd, const struct pyiptc_edit *edit, struct pyiptc_reply *reply);

#endif
