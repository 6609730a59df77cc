/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tables through libip4tc or libip6tc, which is looked up at run time; its headers are not
 * needed to build. What is odd here is so because of libiptc 1.8.9:
 *  - it abort()s over a verdict without a name: only of jumps is the target asked;
 *  - it drops the rest of a table where an entry does not fit or memory is short, and says
 *    nothing: what it shows is compared with what the kernel said;
 *  - it takes a jump into the middle of a chain for one to its start: compared, too;
 *  - iptc_rename_chain() leaves a hole in its index of chains where the chain is the only one of
 *    its bucket of 40, and their number, that chain counted, is a multiple of 40 and one: the
 *    next look-up follows a NULL pointer. Chains are made anew instead, see handle_libiptc.c;
 *  - iptc_strerror() depends on the function that was called last.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "libiptc.h"
#include "tap.h"

/* A verdict that is nowhere: the reader of the snapshot finds no chain there. */
#define NOWHERE INT_MAX

_Static_assert(PYIPTC_SNAPSHOT_HEADER >= sizeof(struct ipt_getinfo), "room for the header");
_Static_assert(PYIPTC_SNAPSHOT_HEADER % 8 == 0, "entries are aligned");

struct xtc_handle;

/* Names without their iptc_ or ip6tc_; entries are ipt_entry or ip6t_entry. */
static struct {
	struct xtc_handle *(*init)(const char *);
	void (*free)(struct xtc_handle *);
	const char *(*first_chain)(struct xtc_handle *);
	const char *(*next_chain)(struct xtc_handle *);
	const void *(*first_rule)(const char *, struct xtc_handle *);
	const void *(*next_rule)(const void *, struct xtc_handle *);
	const char *(*get_target)(const void *, struct xtc_handle *);
	int (*builtin)(const char *, struct xtc_handle *);
	const char *(*get_policy)(const char *, struct xt_counters *, struct xtc_handle *);
	int (*insert_entry)(const char *, const void *, unsigned int, struct xtc_handle *);
	int (*delete_num_entry)(const char *, unsigned int, struct xtc_handle *);
	int (*flush_entries)(const char *, struct xtc_handle *);
	int (*create_chain)(const char *, struct xtc_handle *);
	int (*delete_chain)(const char *, struct xtc_handle *);
	int (*set_policy)(const char *, const char *, struct xt_counters *, struct xtc_handle *);
	int (*commit)(struct xtc_handle *);
	const char *(*strerror)(int);
} lib;

static const struct entry_layout layouts[] = {
	{
		.header_size = sizeof(struct ipt_entry),
		.target_offset = offsetof(struct ipt_entry, target_offset),
		.next_offset = offsetof(struct ipt_entry, next_offset),
		.comefrom = offsetof(struct ipt_entry, comefrom),
		.counters = offsetof(struct ipt_entry, counters),
	},
	{
		.header_size = sizeof(struct ip6t_entry),
		.target_offset = offsetof(struct ip6t_entry, target_offset),
		.next_offset = offsetof(struct ip6t_entry, next_offset),
		.comefrom = offsetof(struct ip6t_entry, comefrom),
		.counters = offsetof(struct ip6t_entry, counters),
	},
};

static const char *const hook_names[NF_INET_NUMHOOKS] = { "PREROUTING", "INPUT", "FORWARD",
							  "OUTPUT", "POSTROUTING" };

/* A chain of the kernel's table. */
struct span {
	const char *name;
	int hook;                  /* or -1 */
	uint32_t index, count;     /* of its entries, head and end among them */
	uint32_t first_offset;     /* of its first rule, as the kernel has it */
	uint32_t size;             /* bytes of its entries */
	const unsigned char *foot; /* its last entry */
	uint32_t placed;           /* offset of its first rule in the snapshot */
};

static void *library;
static unsigned int library_family;
static const struct entry_layout *layout;

/* Of the call that is under way; all is let go at its end, or at the start of the next one. */
static struct xtc_handle *handle;
static struct span *spans;
static uint32_t span_count, builtin_count;
static uint32_t *kernel_index;
static unsigned char *snapshot; /* struct ipt_getinfo, padded, and its entries */

static struct {
	int rc;
	const char *operation, *text;
} failure;

static int fail(int rc, const char *operation, const char *text)
{
	failure.rc = rc;
	failure.operation = operation;
	failure.text = text;
	return rc;
}

/* Call it at once: errno is fresh and libiptc knows which function it was. */
static int fail_in(const char *operation)
{
	/* It sets a negative errno in places, and none where it does not understand a table. */
	int number = errno < 0 ? -errno : errno;

	if (number == EBUSY)
		number = EAGAIN; /* tap.c */
	return fail(number != 0 ? -number : -EPROTO, operation, lib.strerror(number));
}

static int fail_to_agree(void)
{
	return fail(-EPROTO, "iptc_init", "libiptc shows another table than the kernel");
}

/* ---- loading ----------------------------------------------------------------------------------- */

static int load_symbols(const char *prefix)
{
	const struct {
		const char *name;
		void *slot;
	} symbols[] = {
		{ "init", &lib.init },
		{ "free", &lib.free },
		{ "first_chain", &lib.first_chain },
		{ "next_chain", &lib.next_chain },
		{ "first_rule", &lib.first_rule },
		{ "next_rule", &lib.next_rule },
		{ "get_target", &lib.get_target },
		{ "builtin", &lib.builtin },
		{ "get_policy", &lib.get_policy },
		{ "insert_entry", &lib.insert_entry },
		{ "delete_num_entry", &lib.delete_num_entry },
		{ "flush_entries", &lib.flush_entries },
		{ "create_chain", &lib.create_chain },
		{ "delete_chain", &lib.delete_chain },
		{ "set_policy", &lib.set_policy },
		{ "commit", &lib.commit },
		{ "strerror", &lib.strerror },
	};
	char name[64];

	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		void *symbol;

		snprintf(name, sizeof(name), "%s%s", prefix, symbols[i].name);
		symbol = dlsym(library, name);
		if (symbol == NULL)
			return -ELIBACC;
		memcpy(symbols[i].slot, &symbol, sizeof(symbol));
	}
	return 0;
}

int libiptc_load(unsigned int family, const char *path, struct pyiptc_reply *reply)
{
	static char reason[512];

	memset(reply, 0, sizeof(*reply));
	reply->text = reply->warnings = reply->alias = "";
	reply->operation = "dlopen";
	if (library != NULL)
		return family == library_family ? 0 : -EINVAL;
	/* Not RTLD_GLOBAL: it crashes in a namespace of dlmopen (glibc 2.36). */
	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (library == NULL || load_symbols(family == NFPROTO_IPV4 ? "iptc_" : "ip6tc_") != 0) {
		snprintf(reason, sizeof(reason), "%s", dlerror());
		if (library != NULL)
			dlclose(library);
		library = NULL;
		reply->error = reason;
		return -ELIBACC;
	}
	library_family = family;
	layout = &layouts[family != NFPROTO_IPV4];
	return 0;
}

/* ---- what the kernel said ------------------------------------------------------------------------ */

static const unsigned char *kernel_entries(void)
{
	return (const unsigned char *)tap.entries->entrytable;
}

static int is_error_target(const unsigned char *entry)
{
	return strcmp(entry_target_name(layout, entry), XT_ERROR_TARGET) == 0;
}

static int hook_at(uint32_t offset)
{
	for (int hook = 0; hook < NF_INET_NUMHOOKS; hook++)
		if ((tap.info.valid_hooks & (1u << hook)) && tap.info.hook_entry[hook] == offset)
			return hook;
	return -1;
}

static uint32_t count_chains(void)
{
	uint32_t count = (uint32_t)__builtin_popcount(tap.info.valid_hooks), size;

	for (uint32_t offset = 0; offset < tap.info.size; offset += size) {
		size = entry_size(layout, kernel_entries() + offset);
		count += (uint32_t)is_error_target(kernel_entries() + offset);
	}
	return count;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct span *)a)->name, ((const struct span *)b)->name);
}

static struct span *begin_span(const unsigned char *entry, uint32_t offset, uint32_t index)
{
	struct span *span = &spans[span_count];
	int hook = hook_at(offset);

	if (is_error_target(entry)) {
		span->hook = -1;
		span->name = (const char *)entry_target(layout, entry) +
			     offsetof(struct xt_error_target, errorname);
		span->first_offset = offset + entry_size(layout, entry);
	} else if (hook >= 0) {
		span->hook = hook;
		span->name = hook_names[hook];
		span->first_offset = offset;
		builtin_count++;
	} else {
		return span_count > 0 ? span - 1 : NULL;
	}
	span->index = index;
	span_count++;
	return span;
}

/* The kernel's chains in libiptc's order: built-in ones as they come, the others by name. */
static int find_spans(void)
{
	uint32_t offset, index = 0, size;

	spans = calloc(count_chains(), sizeof(*spans));
	if (spans == NULL)
		return fail(-ENOMEM, "iptc_init", "");
	for (offset = 0; index + 1 < tap.info.num_entries; offset += size, index++) {
		const unsigned char *entry = kernel_entries() + offset;
		struct span *span = begin_span(entry, offset, index);

		if (span == NULL)
			return fail_to_agree();
		size = entry_size(layout, entry);
		span->size += size;
		span->foot = entry;
		span->count++;
	}
	qsort(spans + builtin_count, span_count - builtin_count, sizeof(*spans), by_name);
	return 0;
}

static const struct span *find_span(const char *name)
{
	const struct span key = { .name = name };

	for (uint32_t i = 0; i < builtin_count; i++)
		if (strcmp(spans[i].name, name) == 0)
			return &spans[i];
	return bsearch(&key, spans + builtin_count, span_count - builtin_count, sizeof(key),
		       by_name);
}

static uint32_t head_size(const struct span *span)
{
	return span->hook >= 0 ? 0 : layout->header_size + (uint32_t)sizeof(struct xt_error_target);
}

static uint32_t foot_size(void)
{
	return layout->header_size + (uint32_t)sizeof(struct xt_standard_target);
}

/* Old libiptc and others put chains in another order: indices and offsets are not the same. */
static int place_spans(void)
{
	uint32_t offset = 0, index = 0;

	kernel_index = calloc(tap.info.num_entries, sizeof(*kernel_index));
	if (kernel_index == NULL)
		return fail(-ENOMEM, "iptc_init", "");
	for (uint32_t i = 0; i < span_count; i++) {
		spans[i].placed = offset + head_size(&spans[i]);
		offset += spans[i].size;
		for (uint32_t j = 0; j < spans[i].count; j++)
			kernel_index[index++] = spans[i].index + j;
	}
	return 0;
}

/* ---- what libiptc shows ---------------------------------------------------------------------------- */

static unsigned char *put_entry(unsigned char *entry, const char *target, uint32_t target_size)
{
	const uint16_t offset = (uint16_t)layout->header_size;
	const uint16_t size = (uint16_t)target_size;
	const uint16_t next = (uint16_t)(layout->header_size + target_size);

	memcpy(entry + layout->target_offset, &offset, sizeof(offset));
	memcpy(entry + layout->next_offset, &next, sizeof(next));
	entry += layout->header_size;
	memcpy(entry + offsetof(struct xt_entry_target, u.user.target_size), &size, sizeof(size));
	strcpy((char *)entry + offsetof(struct xt_entry_target, u.user.name), target);
	return entry;
}

static void put_head(unsigned char *at, const char *name)
{
	unsigned char *target = put_entry(at, XT_ERROR_TARGET, sizeof(struct xt_error_target));

	snprintf((char *)target + offsetof(struct xt_error_target, errorname),
		 XT_FUNCTION_MAXNAMELEN, "%s", name);
}

static void put_verdict(unsigned char *target, int verdict)
{
	memcpy(target + offsetof(struct xt_standard_target, verdict), &verdict, sizeof(verdict));
}

static int verdict_of(const char *name)
{
	if (strcmp(name, "ACCEPT") == 0)
		return -NF_ACCEPT - 1;
	if (strcmp(name, "DROP") == 0)
		return -NF_DROP - 1;
	return strcmp(name, "QUEUE") == 0 ? -NF_QUEUE - 1 : XT_RETURN;
}

static void put_foot(unsigned char *at, const struct span *span)
{
	struct xt_counters counters;
	const char *policy = lib.get_policy(span->name, &counters, handle);

	if (policy == NULL) {
		/* Of the end of a user-defined chain libiptc knows nothing, nor what it counted. */
		memcpy(at, span->foot, foot_size());
		return;
	}
	put_verdict(put_entry(at, XT_STANDARD_TARGET, sizeof(struct xt_standard_target)),
		    verdict_of(policy));
	memcpy(at + layout->counters, &counters, sizeof(counters));
}

/* @entry is libiptc's: it knows more about it than the bytes say. */
static void put_rule(unsigned char *at, uint32_t offset, const unsigned char *entry)
{
	const uint32_t size = entry_size(layout, entry);
	const struct span *span;
	const char *name;
	int verdict;

	memcpy(at + offset, entry, size);
	if (entry_target_name(layout, entry)[0] != '\0')
		return;
	verdict = entry_verdict(layout, entry);
	if (verdict < 0)
		return;
	name = lib.get_target(entry, handle);
	span = find_span(name);
	if (name[0] == '\0')
		verdict = (int)(offset + size);
	else
		verdict = span != NULL && span->first_offset == (uint32_t)verdict
				  ? (int)span->placed
				  : NOWHERE;
	put_verdict(at + offset + entry_u16(entry, layout->target_offset), verdict);
}

/* Return: the offset after the chain, or -EPROTO. */
static int64_t put_chain(unsigned char *at, const struct span *span)
{
	const uint32_t end = span->placed - head_size(span) + span->size;
	uint32_t offset = span->placed;
	const unsigned char *entry;

	if (span->hook < 0)
		put_head(at + offset - head_size(span), span->name);
	for (entry = lib.first_rule(span->name, handle); entry != NULL;
	     entry = lib.next_rule(entry, handle)) {
		uint32_t size = entry_size(layout, entry);

		if (size + foot_size() > end - offset)
			return fail_to_agree();
		put_rule(at, offset, entry);
		offset += size;
	}
	if (offset + foot_size() != end)
		return fail_to_agree();
	put_foot(at + offset, span);
	return end;
}

static void put_info(struct ipt_getinfo *info, const struct span *span, int64_t end)
{
	if (span->hook < 0)
		return;
	info->valid_hooks |= 1u << span->hook;
	info->hook_entry[span->hook] = span->placed;
	info->underflow[span->hook] = (uint32_t)end - foot_size();
}

static int take_snapshot(void)
{
	struct ipt_getinfo *info;
	unsigned char *entries;
	const char *name;
	uint32_t i = 0;
	int64_t end = 0;

	snapshot = calloc(1, PYIPTC_SNAPSHOT_HEADER + tap.info.size);
	if (snapshot == NULL)
		return fail(-ENOMEM, "iptc_init", "");
	info = (struct ipt_getinfo *)snapshot;
	entries = snapshot + PYIPTC_SNAPSHOT_HEADER;
	strcpy(info->name, tap.info.name);
	for (name = lib.first_chain(handle); name != NULL; name = lib.next_chain(handle), i++) {
		if (i == span_count || strcmp(spans[i].name, name) != 0 ||
		    (lib.builtin(name, handle) != 0) != (spans[i].hook >= 0))
			return fail_to_agree();
		end = put_chain(entries, &spans[i]);
		if (end < 0)
			return (int)end;
		put_info(info, &spans[i], end);
	}
	if (i != span_count)
		return fail_to_agree();
	put_head(entries + end, "ERROR");
	info->num_entries = tap.info.num_entries;
	info->size = tap.info.size;
	return 0;
}

/* ---- one call -------------------------------------------------------------------------------------- */

static void let_go(void)
{
	free(spans);
	free(kernel_index);
	spans = NULL;
	kernel_index = NULL;
	span_count = builtin_count = 0;
}

static void begin(int fd, const struct pyiptc_edit *edit)
{
	free(snapshot);
	free(tap.sent);
	snapshot = NULL;
	memset(&tap, 0, sizeof(tap));
	tap.is_on = 1;
	tap.fd = fd;
	tap.layout = layout;
	tap.edit = edit;
	fail(0, NULL, NULL);
}

/* After the guard: the handle is whole even where a call was cut short. */
static int end(int rc, struct pyiptc_reply *reply)
{
	if (rc == 0) {
		rc = failure.rc;
		reply->error = failure.text;
	}
	reply->operation = failure.operation;
	reply->is_replaced = tap.is_replaced;
	if (handle != NULL)
		lib.free(handle);
	handle = NULL;
	let_go();
	tap.is_on = 0;
	return rc;
}

static int open_table(const char *table)
{
	errno = 0;
	handle = lib.init(table);
	if (handle == NULL)
		return fail_in("iptc_init");
	if (tap.entries == NULL)
		return fail(-EOPNOTSUPP, "iptc_init",
			    "libiptc needs a link namespace of its own (dlmopen)");
	if (find_spans() < 0 || place_spans() < 0)
		return failure.rc;
	return take_snapshot();
}

int libiptc_read(int fd, const char *table, struct pyiptc_reply *reply)
{
	int rc;

	begin(fd, NULL);
	if (guard_begin(reply) == 0 && open_table(table) == 0) {
		reply->payload = snapshot;
		reply->payload_size = PYIPTC_SNAPSHOT_HEADER + tap.info.size;
	}
	rc = guard_end(reply);
	return end(rc, reply);
}

/* Steps are by position: in another table than the one that was read they hit other rules. */
static int check_before(const struct pyiptc_edit *edit)
{
	const unsigned char *now = snapshot + PYIPTC_SNAPSHOT_HEADER;
	const unsigned char *then = edit->before;
	uint32_t left = tap.info.num_entries == edit->before_count ? edit->before_count : 0;

	for (; left > 0 && entry_is_same(layout, now, then); left--) {
		uint32_t size = entry_size(layout, now);

		now += size;
		then += size;
	}
	if (left > 0 || tap.info.num_entries != edit->before_count)
		return fail(-EAGAIN, "iptc_init", lib.strerror(EAGAIN));
	return 0;
}

/* libiptc takes the target's name for what it is: a verdict, a chain, or else an extension. */
static const void *name_target(const struct pyiptc_step *step)
{
	static _Alignas(8) unsigned char entry[UINT16_MAX + 1];
	unsigned char *name;

	if (step->target == NULL)
		return step->entry;
	memcpy(entry, step->entry, entry_size(layout, step->entry));
	name = entry + entry_u16(entry, layout->target_offset) +
	       offsetof(struct xt_entry_target, u.user.name);
	/* A chain's name may be one byte longer: then the NUL is the revision, which jumps lack. */
	memset(name, 0, XT_EXTENSION_MAXNAMELEN + 1);
	memcpy(name, step->target, strnlen(step->target, XT_EXTENSION_MAXNAMELEN));
	return entry;
}

static int set_policy(const struct pyiptc_step *step)
{
	struct xt_counters counters;

	if (step->counters == NULL)
		return lib.set_policy(step->chain, step->target, NULL, handle);
	counters = *step->counters;
	return lib.set_policy(step->chain, step->target, &counters, handle);
}

/* Return: 0 where libiptc says no. */
static int run_step(const struct pyiptc_step *step)
{
	switch (step->kind) {
	case PYIPTC_STEP_DELETE_RULE:
		return lib.delete_num_entry(step->chain, step->index, handle);
	case PYIPTC_STEP_FLUSH:
		return lib.flush_entries(step->chain, handle);
	case PYIPTC_STEP_DELETE_CHAIN:
		return lib.delete_chain(step->chain, handle);
	case PYIPTC_STEP_CREATE_CHAIN:
		return lib.create_chain(step->chain, handle);
	case PYIPTC_STEP_INSERT:
		return lib.insert_entry(step->chain, name_target(step), step->index, handle);
	case PYIPTC_STEP_POLICY:
		return set_policy(step);
	}
	return 0;
}

static const char *const step_names[] = {
	[PYIPTC_STEP_DELETE_RULE] = "iptc_delete_num_entry",
	[PYIPTC_STEP_FLUSH] = "iptc_flush_entries",
	[PYIPTC_STEP_DELETE_CHAIN] = "iptc_delete_chain",
	[PYIPTC_STEP_CREATE_CHAIN] = "iptc_create_chain",
	[PYIPTC_STEP_INSERT] = "iptc_insert_entry",
	[PYIPTC_STEP_POLICY] = "iptc_set_policy",
};

static int send_edit(const struct pyiptc_edit *edit)
{
	const size_t counters_size = edit->after->num_entries * sizeof(struct xt_counters);

	if (open_table(edit->table) < 0 || check_before(edit) < 0)
		return failure.rc;
	tap.kernel_index = kernel_index;
	tap.sent = calloc(1, sizeof(*tap.sent) + counters_size);
	if (tap.sent == NULL)
		return fail(-ENOMEM, "iptc_commit", "");
	for (size_t i = 0; i < edit->step_count; i++)
		if (!run_step(&edit->steps[i]))
			return fail_in(step_names[edit->steps[i].kind]);
	if (!lib.commit(handle))
		return tap.is_refused ? fail(-EPROTO, "iptc_commit",
					     "libiptc would send another table than was asked for")
				      : fail_in("iptc_commit");
	return 0;
}

int libiptc_commit(int fd, const struct pyiptc_edit *edit, struct pyiptc_reply *reply)
{
	int rc;

	begin(fd, edit);
	if (guard_begin(reply) == 0)
		send_edit(edit);
	rc = guard_end(reply);
	if (tap.sent != NULL) {
		reply->payload = (const unsigned char *)tap.sent->counters;
		reply->payload_size = edit->after->num_entries * sizeof(struct xt_counters);
	}
	return end(rc, reply);
}
