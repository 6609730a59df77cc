/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The handle that does what iptables-legacy does: through libip4tc and libip6tc.
 *
 * libiptc edits a table of its own by name and position, and it can crash and end the process:
 * it lives in the inner half, beside libxtables. Here a table's edits are found again, by
 * comparing it with what was read, and become steps for it.
 *
 * Chains are never renamed: libiptc crashes over that (inner/libiptc.c). A renamed chain is one
 * that goes and one that comes, and so are the rules that are in it and jump to it; their
 * counters are carried over all the same.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "entry.h"

static int failed(struct pyiptc_error *error, const char *operation, int rc)
{
	error->number = -rc;
	error->operation = operation;
	return rc;
}

/* What libiptc said; where it was cut short, what it printed says more. */
static int failed_inside(struct pyiptc_error *error, const struct pyiptc_reply *reply, int rc)
{
	const char *printed = rc == -EPROTO ? reply->warnings : "";

	snprintf(error->text, sizeof(error->text), "%s%s%.*s",
		 reply->error != NULL ? reply->error : "", printed[0] != '\0' ? ": " : "",
		 (int)strcspn(printed, "\n"), printed);
	return failed(error, reply->operation != NULL ? reply->operation : "libiptc", rc);
}

/* ---- the instance ------------------------------------------------------------------------------- */

/* Enter the instance, with libiptc loaded. NULL: @error says why, and it was left again. */
static const struct pyiptc_inner *enter(struct pyiptc_instance *instance,
					const struct pyiptc_family *family,
					struct pyiptc_error *error)
{
	const struct pyiptc_inner *inner;
	struct pyiptc_reply reply;
	const char *path;
	int rc;

	if (instance == NULL) {
		failed(error, "dlopen", -EINVAL);
		return NULL;
	}
	inner = pyiptc_instance_enter(instance);
	path = pyiptc_instance_libiptc(instance);
	if (path == NULL)
		path = family->nfproto == NFPROTO_IPV4 ? "libip4tc.so.2" : "libip6tc.so.2";
	rc = inner->libiptc_load(family->nfproto, path, &reply);
	if (rc == 0)
		return inner;
	failed_inside(error, &reply, rc);
	pyiptc_instance_leave(instance);
	return NULL;
}

/* ---- reading -------------------------------------------------------------------------------------- */

/* Return: 0 with a copy of the snapshot, malloc()ed. */
static int take_snapshot(int fd, struct pyiptc_instance *instance,
			 const struct pyiptc_family *family, const char *name,
			 unsigned char **block, struct pyiptc_error *error)
{
	const struct pyiptc_inner *inner = enter(instance, family, error);
	struct pyiptc_reply reply;
	int rc;

	if (inner == NULL)
		return -error->number;
	rc = inner->libiptc_read(fd, name, &reply);
	if (rc < 0) {
		failed_inside(error, &reply, rc);
	} else {
		*block = malloc(reply.payload_size);
		if (*block != NULL)
			memcpy(*block, reply.payload, reply.payload_size);
		else
			rc = failed(error, "iptc_init", -ENOMEM);
	}
	pyiptc_instance_leave(instance);
	return rc;
}

static int libiptc_read(int fd, struct pyiptc_instance *instance,
			const struct pyiptc_family *family, const char *name,
			struct pyiptc_table **table, struct pyiptc_error *error)
{
	struct ipt_getinfo info;
	unsigned char *block;
	int rc;

	/* libiptc would say EINVAL, "Module is wrong version". */
	if (strlen(name) >= XT_TABLE_MAXNAMELEN)
		return failed(error, "iptc_init", -ENAMETOOLONG);
	rc = take_snapshot(fd, instance, family, name, &block, error);
	if (rc == -ENOPROTOOPT && pyiptc_load_module(family->module) == 0)
		rc = take_snapshot(fd, instance, family, name, &block, error);
	if (rc < 0)
		return rc;
	error->text[0] = '\0';
	memcpy(&info, block, sizeof(info));
	rc = pyiptc_table_load(family, &info, block, block + PYIPTC_SNAPSHOT_HEADER, &error->blob,
			       table);
	return rc < 0 ? failed(error, "iptc_init", rc) : 0;
}

/* ---- what was edited ----------------------------------------------------------------------------- */

/* A chain as it was read. */
struct base {
	const char *name;     /* NULL: built-in */
	uint32_t first, foot; /* indices of its first rule and of its end */
	int policy;
	const struct pyiptc_chain *now; /* NULL: deleted */
};

struct plan {
	const struct pyiptc_table *table;
	struct pyiptc_error *error;
	struct base *bases;
	uint32_t base_count;
	uint8_t *is_kept; /* by index as read: a rule that libiptc leaves where it is */
	struct pyiptc_step *steps;
	size_t step_count, step_capacity;
	struct pyiptc_carry *carries;
	size_t carry_count;
};

static const char *target_name(const struct plan *plan, const unsigned char *entry)
{
	return (const char *)target_of(plan->table->family, entry) +
	       offsetof(struct xt_entry_target, u.user.name);
}

static bool is_head(const struct plan *plan, const unsigned char *entry)
{
	return has_name(target_of(plan->table->family, entry), XT_ERROR_TARGET);
}

static int verdict_of(const struct plan *plan, const unsigned char *entry)
{
	return get_verdict(target_of(plan->table->family, entry));
}

static const unsigned char *next_entry(const struct plan *plan, const unsigned char *entry)
{
	return entry + next_offset(plan->table->family, entry);
}

static uint32_t count_heads(const struct plan *plan)
{
	const unsigned char *entry = plan->table->entries;
	uint32_t count = 0;

	for (uint32_t i = 0; i < plan->table->num_entries; i++) {
		count += is_head(plan, entry);
		entry = next_entry(plan, entry);
	}
	return count;
}

/* The table still has the entries that were read, whatever was edited. */
static int list_bases(struct plan *plan)
{
	const struct pyiptc_table *table = plan->table;
	const unsigned char *entry = table->entries;
	const char *name = NULL;
	uint32_t count = 0, first = 0;

	plan->bases = calloc(table->builtin_count + count_heads(plan), sizeof(*plan->bases));
	if (plan->bases == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < table->num_entries; i++) {
		/* Built-in chains come first and stay: their ends are known. */
		if (count < table->builtin_count && table->chains[count]->origin == i) {
			plan->bases[count].first = first;
			plan->bases[count].policy = verdict_of(plan, entry);
			plan->bases[count++].foot = i;
			first = i + 1;
		} else if (is_head(plan, entry)) {
			if (name != NULL) {
				plan->bases[count].name = name;
				plan->bases[count].first = first;
				plan->bases[count++].foot = i - 1;
			}
			name = (const char *)target_of(table->family, entry) +
			       offsetof(struct xt_error_target, errorname);
			first = i + 1;
		}
		entry = next_entry(plan, entry);
	}
	plan->base_count = count;
	return 0;
}

static struct base *find_base(const struct plan *plan, const struct pyiptc_chain *chain)
{
	uint32_t low = 0, high = plan->base_count;

	if (chain->origin == PYIPTC_ORIGIN_NONE)
		return NULL;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (plan->bases[middle].foot < chain->origin)
			low = middle + 1;
		else
			high = middle;
	}
	return &plan->bases[low];
}

/* Same chain, same name: libiptc's own stays. */
static bool is_same_chain(const struct base *base)
{
	return base != NULL && base->now != NULL &&
	       (base->name == NULL || strcmp(base->name, base->now->name) == 0);
}

/* Whether libiptc's rule stays: it must be in order, and so must what it jumps to. @from: the
 * first index that the chain's next rule may have had. */
static bool stays(const struct plan *plan, const struct base *base, const struct pyiptc_rule *rule,
		  uint32_t *from)
{
	if (!is_same_chain(base) || rule->origin < *from || rule->origin >= base->foot ||
	    (rule->jump != NULL && !is_same_chain(find_base(plan, rule->jump))))
		return false;
	*from = rule->origin + 1;
	return true;
}

static void find_kept(struct plan *plan)
{
	const struct pyiptc_table *table = plan->table;

	for (uint32_t i = 0; i < table->chain_count; i++) {
		struct base *base = find_base(plan, table->chains[i]);

		if (base != NULL)
			base->now = table->chains[i];
	}
	for (uint32_t i = 0; i < plan->base_count; i++) {
		const struct base *base = &plan->bases[i];
		uint32_t from = base->first;

		for (uint32_t j = 0; is_same_chain(base) && j < base->now->count; j++) {
			const struct pyiptc_rule *rule = pyiptc_chain_rule(base->now, j);

			if (stays(plan, base, rule, &from))
				plan->is_kept[rule->origin] = 1;
		}
	}
}

/* ---- steps ----------------------------------------------------------------------------------------- */

static int add_step(struct plan *plan, struct pyiptc_step step)
{
	if (plan->step_count == plan->step_capacity) {
		size_t capacity = plan->step_capacity * 2 + 16;
		struct pyiptc_step *steps = realloc(plan->steps, capacity * sizeof(*steps));

		if (steps == NULL)
			return -ENOMEM;
		plan->steps = steps;
		plan->step_capacity = capacity;
	}
	plan->steps[plan->step_count++] = step;
	return 0;
}

static int refuse(struct plan *plan, const char *format, const char *name)
{
	snprintf(plan->error->text, sizeof(plan->error->text), format, name);
	return -EOPNOTSUPP;
}

static const char *base_name(const struct base *base)
{
	return base->name != NULL ? base->name : base->now->name;
}

/* From the end, so that what is still to be deleted keeps its index. */
static int delete_rules(struct plan *plan, const struct base *base)
{
	int rc = 0;

	if (!is_same_chain(base) && base->foot > base->first)
		return add_step(plan, (struct pyiptc_step){ .kind = PYIPTC_STEP_FLUSH,
							    .chain = base_name(base) });
	for (uint32_t i = base->foot; rc == 0 && i-- > base->first;)
		if (!plan->is_kept[i])
			rc = add_step(plan, (struct pyiptc_step){ .kind = PYIPTC_STEP_DELETE_RULE,
								  .chain = base_name(base),
								  .index = i - base->first });
	return rc;
}

static int delete_chains(struct plan *plan)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < plan->base_count; i++)
		rc = delete_rules(plan, &plan->bases[i]);
	for (uint32_t i = 0; rc == 0 && i < plan->base_count; i++)
		if (!is_same_chain(&plan->bases[i]))
			rc = add_step(plan, (struct pyiptc_step){ .kind = PYIPTC_STEP_DELETE_CHAIN,
								  .chain = plan->bases[i].name });
	return rc;
}

static int create_chains(struct plan *plan)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < plan->table->chain_count; i++) {
		const struct pyiptc_chain *chain = plan->table->chains[i];

		if (is_same_chain(find_base(plan, chain)))
			continue;
		/* In a search that fails libiptc takes its list's head for a chain of that name. */
		if (chain->name[0] == '\0')
			return refuse(plan, "libiptc cannot have a chain without a name%s", "");
		rc = add_step(plan, (struct pyiptc_step){ .kind = PYIPTC_STEP_CREATE_CHAIN,
							  .chain = chain->name });
	}
	return rc;
}

static const char *verdict_name(int verdict)
{
	switch (verdict) {
	case -NF_ACCEPT - 1:
		return "ACCEPT";
	case -NF_DROP - 1:
		return "DROP";
	case -NF_QUEUE - 1:
		return "QUEUE";
	case XT_RETURN:
		return "RETURN";
	}
	return NULL;
}

/* libiptc goes by the target's name alone: an extension must not look like something else. */
static int check_extension(struct plan *plan, const char *name)
{
	static const char *const verdicts[] = { "ACCEPT", "DROP", "QUEUE", "RETURN" };

	if (strnlen(name, XT_EXTENSION_MAXNAMELEN) == XT_EXTENSION_MAXNAMELEN)
		return refuse(plan, "libiptc cannot have a target whose name has no end%s", "");
	for (size_t i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
		if (strcmp(name, verdicts[i]) == 0)
			return refuse(plan, "libiptc takes the target %s for the verdict", name);
	if (pyiptc_table_find_chain(plan->table, name) != NULL)
		return refuse(plan, "libiptc takes the target %s for the chain of that name", name);
	return 0;
}

static int insert_rule(struct plan *plan, const struct pyiptc_chain *chain, uint32_t index,
		       const struct pyiptc_rule *rule)
{
	const char *name = target_name(plan, rule->data);
	struct pyiptc_step step = { .kind = PYIPTC_STEP_INSERT,
				    .chain = chain->name,
				    .index = index,
				    .entry = rule->data };
	int rc = 0;

	if (rule->kind == PYIPTC_RULE_JUMP) {
		step.target = rule->jump->name;
	} else if (rule->kind == PYIPTC_RULE_FALLTHROUGH) {
		step.target = "";
	} else if (name[0] != '\0') {
		rc = check_extension(plan, name);
	} else {
		step.target = verdict_name(verdict_of(plan, rule->data));
		if (step.target == NULL)
			rc = refuse(plan, "libiptc has no name for a verdict in %s", chain->name);
	}
	return rc < 0 ? rc : add_step(plan, step);
}

static void carry(struct plan *plan, uint32_t to, uint32_t from, bool is_zeroed,
		  struct xt_counters read)
{
	struct pyiptc_carry *carry = &plan->carries[plan->carry_count++];

	*carry = (struct pyiptc_carry){ .to = to, .from = from };
	if (is_zeroed) {
		carry->less_packets = read.pcnt;
		carry->less_bytes = read.bcnt;
	}
}

/*
 * Rules that are new or moved, and the counters that libiptc would not carry over. It zeroes
 * rules too, but from what they had at the commit, not when they were read.
 */
static int insert_rules(struct plan *plan, const struct pyiptc_chain *chain, uint32_t *index)
{
	const struct base *base = find_base(plan, chain);
	uint32_t from = base != NULL ? base->first : 0;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < chain->count; i++, ++*index) {
		const struct pyiptc_rule *rule = pyiptc_chain_rule(chain, i);
		bool is_kept = stays(plan, base, rule, &from);

		if (!is_kept)
			rc = insert_rule(plan, chain, i, rule);
		if (rule->origin != PYIPTC_ORIGIN_NONE && (!is_kept || rule->is_zeroed))
			carry(plan, *index, rule->origin, rule->is_zeroed,
			      get_counters(plan->table->family, rule->data));
	}
	return rc;
}

static int set_policy(struct plan *plan, const struct pyiptc_chain *chain)
{
	const char *name = verdict_name(chain->policy);

	if (name == NULL)
		return refuse(plan, "libiptc has no name for the policy of %s", chain->name);
	return add_step(plan,
			(struct pyiptc_step){ .kind = PYIPTC_STEP_POLICY,
					      .chain = chain->name,
					      .target = name,
					      .counters = chain->is_set ? &chain->given : NULL });
}

static int fill_chains(struct plan *plan)
{
	const struct pyiptc_table *table = plan->table;
	uint32_t index = 0;
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < table->chain_count; i++, index++) {
		const struct pyiptc_chain *chain = table->chains[i];

		index += chain->hook < 0; /* its head */
		rc = insert_rules(plan, chain, &index);
		if (rc == 0 && chain->hook >= 0 &&
		    (chain->is_set || chain->policy != plan->bases[i].policy))
			rc = set_policy(plan, chain);
		if (chain->origin != PYIPTC_ORIGIN_NONE && !chain->is_set)
			carry(plan, index, chain->origin, chain->is_zeroed, chain->counters);
	}
	return rc;
}

static int make_plan(struct plan *plan, uint32_t num_entries)
{
	const struct pyiptc_table *table = plan->table;
	int rc = list_bases(plan);

	plan->is_kept = calloc(table->num_entries, 1);
	plan->carries = calloc(num_entries, sizeof(*plan->carries));
	if (rc < 0 || plan->is_kept == NULL || plan->carries == NULL)
		return -ENOMEM;
	find_kept(plan);
	rc = delete_chains(plan);
	if (rc == 0)
		rc = create_chains(plan);
	if (rc == 0)
		rc = fill_chains(plan);
	/* Where all edits cancel each other out libiptc would send nothing, counters neither. */
	if (rc == 0 && plan->step_count == 0)
		rc = set_policy(plan, table->chains[0]);
	return rc;
}

static void free_plan(struct plan *plan)
{
	free(plan->bases);
	free(plan->is_kept);
	free(plan->steps);
	free(plan->carries);
}

/* ---- committing -------------------------------------------------------------------------------------- */

/* Return: 0 or PYIPTC_COUNTERS_LOST with the image's counters filled in. */
static int send_plan(int fd, struct pyiptc_instance *instance, const struct plan *plan,
		     struct pyiptc_image *image)
{
	const struct pyiptc_table *table = plan->table;
	const struct pyiptc_edit edit = { .table = table->name,
					  .before = table->entries,
					  .before_count = table->num_entries,
					  .after = image->replace,
					  .steps = plan->steps,
					  .step_count = plan->step_count,
					  .carries = plan->carries,
					  .carry_count = plan->carry_count };
	const struct pyiptc_inner *inner = enter(instance, table->family, plan->error);
	struct pyiptc_reply reply;
	int rc;

	if (inner == NULL)
		return -plan->error->number;
	rc = inner->libiptc_commit(fd, &edit, &reply);
	if (rc < 0)
		failed_inside(plan->error, &reply, rc);
	if (rc < 0 && reply.is_replaced) {
		plan->error->operation = "IPT_SO_SET_ADD_COUNTERS";
		rc = PYIPTC_COUNTERS_LOST;
	}
	if (rc >= 0)
		memcpy(image->counters->counters, reply.payload, reply.payload_size);
	image->has_counters = 1;
	pyiptc_instance_leave(instance);
	return rc;
}

static int libiptc_commit(int fd, struct pyiptc_instance *instance, struct pyiptc_table *table,
			  struct pyiptc_error *error)
{
	struct plan plan = { .table = table, .error = error };
	struct pyiptc_image image;
	int rc;

	/* Counters alone need no replace, but libiptc knows no other way: it would restart limit,
	 * quota, statistic and connlimit of the whole table. */
	if (!table->is_changed)
		return pyiptc_handle_legacy.commit(fd, instance, table, error);
	rc = pyiptc_table_build(table, &image);
	if (rc < 0)
		return failed(error, "iptc_commit", rc);
	rc = make_plan(&plan, image.replace->num_entries);
	if (rc < 0)
		failed(error, "iptc_commit", rc);
	else
		rc = send_plan(fd, instance, &plan, &image);
	free_plan(&plan);
	if (rc >= 0)
		pyiptc_table_adopt(table, &image);
	pyiptc_image_free(&image);
	return rc;
}

const struct pyiptc_handle pyiptc_handle_libiptc = {
	.name = "libiptc",
	.read = libiptc_read,
	.commit = libiptc_commit,
};
