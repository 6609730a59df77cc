/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The match "ttl" with a table of options in the wider layout. */
#include <stdio.h>

#include <linux/netfilter_ipv4/ipt_ttl.h>

#include "wider.h"

enum { O_TTL_EQ, O_TTL_LT, O_TTL_GT, F_ANY = 7 };

static const char *const names[] = {
	[IPT_TTL_EQ] = "--ttl-eq",
	[IPT_TTL_NE] = "! --ttl-eq",
	[IPT_TTL_LT] = "--ttl-lt",
	[IPT_TTL_GT] = "--ttl-gt",
};

static void ttl_parse(struct xt_option_call *cb)
{
	static const unsigned char modes[] = { [O_TTL_EQ] = IPT_TTL_EQ,
					       [O_TTL_LT] = IPT_TTL_LT,
					       [O_TTL_GT] = IPT_TTL_GT };
	struct ipt_ttl_info *info = cb->data;

	xtables_option_parse(cb);
	info->mode = cb->invert ? IPT_TTL_NE : modes[cb->entry->id];
}

static void ttl_save(const void *ip, const struct xt_entry_match *match)
{
	const struct ipt_ttl_info *info = (const void *)match->data;

	(void)ip;
	printf(" %s %u", names[info->mode], info->ttl);
}

#define TTL_OPTION(n, i, f)                                          \
	{                                                            \
		.entry = { .name = (n),                              \
			   .id = (i),                                \
			   .excl = F_ANY,                            \
			   .type = XTTYPE_UINT8,                     \
			   .flags = XTOPT_PUT | (f),                 \
			   XTOPT_POINTER(struct ipt_ttl_info, ttl) } \
	}

static const struct wider_option_entry ttl_opts[] = {
	TTL_OPTION("ttl-lt", O_TTL_LT, 0),
	TTL_OPTION("ttl-gt", O_TTL_GT, 0),
	TTL_OPTION("ttl-eq", O_TTL_EQ, XTOPT_INVERT),
	{ .entry = XTOPT_TABLEEND },
};

static struct xtables_match ttl = {
	.version = XTABLES_VERSION,
	.name = "ttl",
	.family = NFPROTO_IPV4,
	.size = XT_ALIGN(sizeof(struct ipt_ttl_info)),
	.userspacesize = XT_ALIGN(sizeof(struct ipt_ttl_info)),
	.save = ttl_save,
	.x6_parse = ttl_parse,
	.x6_options = (const void *)ttl_opts,
};

/* The name by which python-iptables looks for it; a loader runs it by itself. */
__attribute__((constructor)) void libipt_ttl_init(void)
{
	static bool done;

	if (!done)
		xtables_register_match(&ttl);
	done = true;
}
