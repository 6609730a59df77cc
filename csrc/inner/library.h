/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * libxtables as it was loaded: its functions, looked up and not linked, and what it knows of us.
 * Defined and filled in by extension.c.
 */
#ifndef PYIPTC_LIBRARY_H
#define PYIPTC_LIBRARY_H

#include <getopt.h>
#include <stdbool.h>

/* net/if.h before linux/if.h: then the latter leaves out what the former declares. */
#include <net/if.h>
#include <netinet/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <xtables.h>

#include "guard.h"

#define MATCH_HEADER  XT_ALIGN(sizeof(struct xt_entry_match))
#define TARGET_HEADER XT_ALIGN(sizeof(struct xt_entry_target))

/* What a rule's header is while an extension looks at it. */
union rule_header {
	struct ipt_entry v4;
	struct ip6t_entry v6;
};

struct library {
	int (*init_all)(struct xtables_globals *, uint8_t);
	struct xtables_match *(*find_match)(const char *, enum xtables_tryload,
					    struct xtables_rule_match **);
	struct xtables_target *(*find_target)(const char *, enum xtables_tryload);
	struct option *(*options_xfrm)(struct option *, struct option *,
				       const struct xt_option_entry *, unsigned int *);
	struct option *(*merge_options)(struct option *, struct option *, const struct option *,
					unsigned int *);
	void (*free_opts)(int);
	void (*mpcall)(unsigned int, char **, bool, struct xtables_match *, void *);
	void (*tpcall)(unsigned int, char **, bool, struct xtables_target *, void *);
	void (*mfcall)(struct xtables_match *);
	void (*tfcall)(struct xtables_target *);
	void (*matches_free)(struct xtables_rule_match **);
	void (*parse_interface)(const char *, char *, unsigned char *);
	void (*ipparse_multiple)(const char *, struct in_addr **, struct in_addr **,
				 unsigned int *);
	void (*ip6parse_multiple)(const char *, struct in6_addr **, struct in6_addr **,
				  unsigned int *);
	uint16_t (*parse_protocol)(const char *);
	const struct xtables_pprot *chain_protos;
	/* Extensions in use, and those that nobody has looked for; the latter NULL if hidden. */
	struct xtables_match **matches, **pending_matches;
	struct xtables_target **targets, **pending_targets;
	void (*ctype_init)(void);
};

extern struct library lib;
extern struct xtables_globals globals;
extern unsigned int family;

/* The name that iptables has for a protocol, or NULL. Inside of a guarded call. */
const char *protocol_name(unsigned int number);
/* A payload as the command starts it: named, sized, initialised; and all of it given back. The
 * scratch area (udata) is the extension's, for one payload. */
void match_start(struct xtables_match *m);
void match_end(struct xtables_match *m);
void target_start(struct xtables_target *t);
void target_end(struct xtables_target *t);
/* One option, for the rule whose header this is; its word is optarg. */
void match_option(struct xtables_match *m, int id, char **argv, bool invert, void *rule);
void target_option(struct xtables_target *t, int id, char **argv, bool invert, void *rule);
/* Memory full of zeros, or the guarded call ends. */
void *zalloc(size_t size);

#endif
