/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A libxtables whose table of options is wider than that of the installed one.
 *
 * It stands before the installed library and answers the calls that walk such a table, by handing
 * the library a copy in the layout that it knows. All the rest goes to the library as it is. Only
 * the extension "ttl" beside it is built with the wider layout.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>

#include "wider.h"

#define MAX_OPTIONS 8

static const struct wider_option_entry *wide;
static struct xt_option_entry narrow[MAX_OPTIONS + 1];

static const struct xt_option_entry *narrowed(const struct xt_option_entry *table)
{
	if (table == NULL || table != (const void *)wide)
		return table;
	for (unsigned int i = 0; i < MAX_OPTIONS; i++) {
		narrow[i] = wide[i].entry;
		if (wide[i].entry.name == NULL)
			break;
	}
	return narrow;
}

#define REAL(function) ((__typeof__(&(function)))dlsym(RTLD_NEXT, #function))

void xtables_option_metavalidate(const char *name, const struct xt_option_entry *table)
{
	if (strcmp(name, "ttl") == 0)
		wide = (const void *)table;
	REAL(xtables_option_metavalidate)(name, narrowed(table));
}

struct option *xtables_options_xfrm(struct option *orig, struct option *old,
				    const struct xt_option_entry *table, unsigned int *offset)
{
	return REAL(xtables_options_xfrm)(orig, old, narrowed(table), offset);
}

void xtables_options_fcheck(const char *name, unsigned int flags,
			    const struct xt_option_entry *table)
{
	REAL(xtables_options_fcheck)(name, flags, narrowed(table));
}

void xtables_option_mpcall(unsigned int c, char **argv, bool invert, struct xtables_match *m,
			   void *fw)
{
	struct xtables_match copy = *m;

	copy.x6_options = narrowed(m->x6_options);
	REAL(xtables_option_mpcall)(c, argv, invert, &copy, fw);
	m->mflags = copy.mflags;
}
