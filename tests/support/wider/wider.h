/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of options as iptables 1.8.11 has it: one more field, and still libxtables.so.12. */
#ifndef PYIPTC_TESTS_WIDER_H
#define PYIPTC_TESTS_WIDER_H

#include <stdbool.h>
#include <xtables.h>

struct wider_option_entry {
	struct xt_option_entry entry;
	unsigned int base;
};

#endif
