/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libxtables (1.8.9) keeps what an extension's file registers in a list of pending ones, the best
 * of a name first. The first look-up of the name moves the best that the kernel knows to the list
 * of those in use, and drops the others. Here they are put back. A libxtables that hides its list
 * of pending ones remembers what was assumed.
 */
#include <string.h>

#include "library.h"
#include "revision.h"

/* More than the revisions of all extensions that a rule can use. */
#define ROOM 256

/* What was taken, by name and revision, and older ones of the same names. */
static struct {
	enum pyiptc_kind kind;
	char name[XT_EXTENSION_MAXNAMELEN];
	unsigned int revision;
} assumed[ROOM];
static struct xtables_match *matches[ROOM];
static struct xtables_target *targets[ROOM];
static size_t assumed_count, match_count, target_count;

/* The kernel's name is the real one: that of `state` is conntrack. */
static bool is_named(const char *name, const char *own_name, const char *real_name)
{
	return strcmp(name, real_name != NULL ? real_name : own_name) == 0;
}

void revision_assumed(enum pyiptc_kind kind, const char *name, unsigned int revision)
{
	if (assumed_count == ROOM)
		return;
	assumed[assumed_count].kind = kind;
	strncpy(assumed[assumed_count].name, name, XT_EXTENSION_MAXNAMELEN - 1);
	assumed[assumed_count++].revision = revision;
	if (kind == PYIPTC_MATCH && lib.pending_matches != NULL) {
		for (struct xtables_match *m = *lib.pending_matches; m != NULL; m = m->next)
			if (is_named(name, m->name, m->real_name) && match_count < ROOM)
				matches[match_count++] = m;
	} else if (kind == PYIPTC_TARGET && lib.pending_targets != NULL) {
		for (struct xtables_target *t = *lib.pending_targets; t != NULL; t = t->next)
			if (is_named(name, t->name, t->real_name) && target_count < ROOM)
				targets[target_count++] = t;
	}
}

static bool is_assumed(enum pyiptc_kind kind, const char *own_name, const char *real_name,
		       unsigned int revision)
{
	for (size_t i = 0; i < assumed_count; i++)
		if (assumed[i].kind == kind && assumed[i].revision == revision &&
		    is_named(assumed[i].name, own_name, real_name))
			return true;
	return false;
}

/* How good an extension is, among those of its name: one that stands for another, then newer
 * revisions, then one for this family alone (xtables_mt_prefer()). */
static unsigned int rank(const char *real_name, unsigned int revision, unsigned int nfproto)
{
	return (real_name != NULL ? 512u : 0) + revision * 2 + (nfproto != NFPROTO_UNSPEC);
}

static unsigned int match_rank(const struct xtables_match *match)
{
	return rank(match->real_name, match->revision, match->family);
}

static unsigned int target_rank(const struct xtables_target *target)
{
	return rank(target->real_name, target->revision, target->family);
}

static void put_match(struct xtables_match *match)
{
	struct xtables_match **at;

	/* Only what was looked for has left the list: `state` is still there after conntrack. */
	for (at = lib.pending_matches; *at != NULL; at = &(*at)->next)
		if (*at == match)
			return;
	for (at = lib.pending_matches; *at != NULL; at = &(*at)->next)
		if (strcmp((*at)->name, match->name) == 0 && match_rank(*at) < match_rank(match))
			break;
	match->next = *at;
	*at = match;
}

static void put_target(struct xtables_target *target)
{
	struct xtables_target **at;

	for (at = lib.pending_targets; *at != NULL; at = &(*at)->next)
		if (*at == target)
			return;
	for (at = lib.pending_targets; *at != NULL; at = &(*at)->next)
		if (strcmp((*at)->name, target->name) == 0 &&
		    target_rank(*at) < target_rank(target))
			break;
	target->next = *at;
	*at = target;
}

/* Those in use first: they must be in one list only. */
static void forget_matches(void)
{
	struct xtables_match **at = lib.matches;

	while (*at != NULL) {
		struct xtables_match *match = *at;

		if (is_assumed(PYIPTC_MATCH, match->name, match->real_name, match->revision)) {
			*at = match->next;
			put_match(match);
		} else {
			at = &match->next;
		}
	}
	for (size_t i = 0; i < match_count; i++)
		put_match(matches[i]);
}

static void forget_targets(void)
{
	struct xtables_target **at = lib.targets;

	while (*at != NULL) {
		struct xtables_target *target = *at;

		if (is_assumed(PYIPTC_TARGET, target->name, target->real_name, target->revision)) {
			*at = target->next;
			put_target(target);
		} else {
			at = &target->next;
		}
	}
	for (size_t i = 0; i < target_count; i++)
		put_target(targets[i]);
}

int revision_forget(void)
{
	if (assumed_count == 0)
		return 0;
	if (lib.pending_matches != NULL && lib.pending_targets != NULL) {
		forget_matches();
		forget_targets();
	}
	assumed_count = match_count = target_count = 0;
	return 1;
}
