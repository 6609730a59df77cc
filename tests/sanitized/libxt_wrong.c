/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The match "wrong", which does to its memory what its options say. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xtables.h>

enum { O_NOTHING, O_DOUBLE_FREE, O_USE_AFTER_FREE, O_BAD_FREE };

#define FLAG(n, i) { .name = (n), .id = (i), .type = XTTYPE_NONE }

static const struct xt_option_entry wrong_opts[] = {
	FLAG("nothing", O_NOTHING),
	FLAG("double-free", O_DOUBLE_FREE),
	FLAG("use-after-free", O_USE_AFTER_FREE),
	FLAG("bad-free", O_BAD_FREE),
	XTOPT_TABLEEND,
};

static void wrong_parse(struct xt_option_call *cb)
{
	char ***volatile list = malloc(8 * sizeof(*list));
	char *volatile block = malloc(16);

	xtables_option_parse(cb);
	list[7] = malloc(sizeof(**list));
	*list[7] = block;
	switch (cb->entry->id) {
	case O_DOUBLE_FREE:
		free(block);
		free(block);
		break;
	case O_USE_AFTER_FREE:
		free(list);
		printf("%p\n", (void *)*list[7]);
		break;
	case O_BAD_FREE:
		free((void *)((size_t)block + 8));
		break;
	}
}

static struct xtables_match wrong = {
	.version = XTABLES_VERSION,
	.name = "wrong",
	.family = NFPROTO_UNSPEC,
	.size = XT_ALIGN(0),
	.userspacesize = XT_ALIGN(0),
	.x6_parse = wrong_parse,
	.x6_options = wrong_opts,
};

static void __attribute__((constructor)) register_wrong(void)
{
	xtables_register_match(&wrong);
}
