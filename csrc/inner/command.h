/* SPDX-License-Identifier: GPL-2.0-or-later */
/* struct pyiptc_inner.rule: see inner.h. */
#ifndef PYIPTC_COMMAND_H
#define PYIPTC_COMMAND_H

#include "inner.h"

int command_rule(int argc, char **argv, const struct pyiptc_chains *chains,
		 struct pyiptc_reply *reply);

#endif
