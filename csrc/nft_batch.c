/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Rules that the kernel has never change their order here: they stay, or go. So what is wanted is
 * what stays, with new rules in front of it (each inserted at the front, the last one first),
 * in between (each inserted before the one that follows) and behind (appended).
 *
 * Within a batch a chain has the name that the kernel knows: a new name counts from its end on.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "nft_batch.h"
#include "nft_codec.h"

#define NFT(message) (NFNL_SUBSYS_NFTABLES << 8 | (message))

/* Of a message: the kernel lists rules in pieces of 32 KiB less what a skb needs, with their handles,
 * and hides what does not fit, with all that follows. */
#define LISTED_MAX 32384
/* New rules of a chain. An echo costs as much as a fifth of the rule. */
#define ECHO_MAX 1000

struct writer {
	struct nft_batch *batch;
	struct pyiptc_table *table;
	struct pyiptc_nft_buffer entry;
	struct pyiptc_error *error;
	bool depends;    /* on handles that were read */
	bool wants_echo; /* for a handle that is new */
};

void nft_batch_free(struct nft_batch *batch)
{
	netlink_buffer_free(&batch->messages);
	free(batch->operations);
	memset(batch, 0, sizeof(*batch));
}

static int failed(const struct writer *writer, int rc, const char *reason)
{
	writer->error->number = -rc;
	writer->error->operation = "nf_tables";
	writer->error->table = writer->table->name;
	if (reason != NULL)
		snprintf(writer->error->text, sizeof(writer->error->text), "%s", reason);
	return rc;
}

static const char *kernel_name(const struct pyiptc_chain *chain)
{
	return chain->nft != NULL ? chain->nft->name : chain->name;
}

/* The next message. Return: what it is about, to be filled in; NULL: out of memory. */
static struct nft_operation *begin(struct writer *writer, unsigned int message, const char *name,
				   unsigned int flags)
{
	struct nft_batch *batch = writer->batch;
	struct nft_operation *operation;

	if (batch->count >= batch->capacity) {
		uint32_t capacity = batch->capacity * 2 + 64;
		struct nft_operation *operations =
			realloc(batch->operations, capacity * sizeof(*operations));

		if (operations == NULL)
			return NULL;
		batch->operations = operations;
		batch->capacity = capacity;
	}
	operation = &batch->operations[batch->count];
	memset(operation, 0, sizeof(*operation));
	operation->table = writer->table;
	operation->name = name;
	operation->index = PYIPTC_ORIGIN_NONE;
	/* The echo of the new generation comes where the first message asks for one. */
	if (writer->wants_echo || batch->count == 1)
		flags |= NLM_F_ECHO;
	netlink_begin(&batch->messages, NFT(message), flags, batch->count++,
		      writer->table->family->nfproto, 0);
	return operation;
}

static void put_counts(struct netlink_buffer *buffer, struct xt_counters counters)
{
	size_t nest = netlink_nest_begin(buffer, NFTA_CHAIN_COUNTERS);

	netlink_put_be64(buffer, NFTA_COUNTER_BYTES, counters.bcnt);
	netlink_put_be64(buffer, NFTA_COUNTER_PACKETS, counters.pcnt);
	netlink_nest_end(buffer, nest);
}

/* ---- tables and chains ------------------------------------------------------------------------- */

static int make_table(struct writer *writer)
{
	struct netlink_buffer *buffer = &writer->batch->messages;

	if (writer->table->nft->exists || !writer->table->is_changed)
		return 0;
	if (begin(writer, NFT_MSG_NEWTABLE, "NFT_MSG_NEWTABLE", NLM_F_CREATE) == NULL)
		return -ENOMEM;
	netlink_put_string(buffer, NFTA_TABLE_NAME, writer->table->name);
	netlink_end(buffer);
	return 0;
}

static uint32_t verdict_of(const struct pyiptc_chain *chain)
{
	return chain->policy == -NF_DROP - 1 ? NF_DROP : NF_ACCEPT;
}

static void put_hook(struct netlink_buffer *buffer, const struct nft_builtin *builtin)
{
	size_t nest = netlink_nest_begin(buffer, NFTA_CHAIN_HOOK);

	netlink_put_be32(buffer, NFTA_HOOK_HOOKNUM, (uint32_t)builtin->hook);
	netlink_put_be32(buffer, NFTA_HOOK_PRIORITY, (uint32_t)builtin->priority);
	netlink_nest_end(buffer, nest);
}

static int make_chain(struct writer *writer, struct pyiptc_chain *chain)
{
	static const struct xt_counters zero;
	struct netlink_buffer *buffer = &writer->batch->messages;
	struct nft_operation *operation;

	writer->wants_echo = true;
	operation = begin(writer, NFT_MSG_NEWCHAIN, "NFT_MSG_NEWCHAIN", NLM_F_CREATE | NLM_F_EXCL);
	writer->wants_echo = false;
	if (operation == NULL)
		return -ENOMEM;
	operation->chain = chain;
	operation->is_new = 1;
	netlink_put_string(buffer, NFTA_CHAIN_TABLE, writer->table->name);
	netlink_put_string(buffer, NFTA_CHAIN_NAME, chain->name);
	if (chain->hook >= 0) {
		const struct nft_builtin *builtin =
			nft_builtin_chain(writer->table->name, chain->hook);

		put_hook(buffer, builtin);
		netlink_put_be32(buffer, NFTA_CHAIN_POLICY, verdict_of(chain));
		netlink_put_string(buffer, NFTA_CHAIN_TYPE, builtin->type);
		put_counts(buffer, chain->is_set ? chain->given : zero);
	}
	netlink_end(buffer);
	return 0;
}

static int delete_chain(struct writer *writer, struct pyiptc_nft_chain *known)
{
	struct netlink_buffer *buffer = &writer->batch->messages;
	/* Not with rules that somebody has put there meanwhile. */
	struct nft_operation *operation =
		begin(writer, NFT_MSG_DELCHAIN, "NFT_MSG_DELCHAIN", NLM_F_NONREC);

	if (operation == NULL)
		return -ENOMEM;
	operation->known = known;
	netlink_put_string(buffer, NFTA_CHAIN_TABLE, writer->table->name);
	netlink_put_string(buffer, NFTA_CHAIN_NAME, known->name);
	netlink_end(buffer);
	return 0;
}

/* The kernel looks a new name up among the old ones, so that one cannot be freed and taken at once. */
static int rename_chain(struct writer *writer, struct pyiptc_chain *chain)
{
	struct pyiptc_nft *nft = writer->table->nft;
	struct netlink_buffer *buffer = &writer->batch->messages;
	const struct pyiptc_chain *other = pyiptc_table_find_chain(writer->table, chain->nft->name);
	const struct pyiptc_nft_chain *taken = nft_find_chain(nft, chain->name);
	struct nft_operation *operation;

	if ((other != NULL && other != chain) || (taken != NULL && taken->chain != NULL))
		return failed(writer, -EOPNOTSUPP,
			      "nf_tables cannot rename a chain and use its old name, or rename the "
			      "one that had the new name, in the same commit");
	operation = begin(writer, NFT_MSG_NEWCHAIN, "NFT_MSG_NEWCHAIN", 0);
	if (operation == NULL)
		return -ENOMEM;
	operation->chain = chain;
	writer->depends = true;
	netlink_put_string(buffer, NFTA_CHAIN_TABLE, writer->table->name);
	netlink_put_be64(buffer, NFTA_CHAIN_HANDLE, chain->nft->handle);
	netlink_put_string(buffer, NFTA_CHAIN_NAME, chain->name);
	netlink_end(buffer);
	return 0;
}

static int set_policy(struct writer *writer, struct pyiptc_chain *chain)
{
	static const struct xt_counters zero;
	struct netlink_buffer *buffer = &writer->batch->messages;
	struct nft_operation *operation = begin(writer, NFT_MSG_NEWCHAIN, "NFT_MSG_NEWCHAIN", 0);

	if (operation == NULL)
		return -ENOMEM;
	operation->chain = chain;
	netlink_put_string(buffer, NFTA_CHAIN_TABLE, writer->table->name);
	netlink_put_string(buffer, NFTA_CHAIN_NAME, chain->nft->name);
	netlink_put_be32(buffer, NFTA_CHAIN_POLICY, verdict_of(chain));
	if (chain->is_set || chain->is_zeroed)
		put_counts(buffer, chain->is_set ? chain->given : zero);
	netlink_end(buffer);
	return 0;
}

/* ---- rules ------------------------------------------------------------------------------------- */

static int delete_rules(struct writer *writer, struct pyiptc_chain *chain,
			struct pyiptc_nft_chain *known, uint64_t handle)
{
	struct netlink_buffer *buffer = &writer->batch->messages;
	struct nft_operation *operation = begin(writer, NFT_MSG_DELRULE, "NFT_MSG_DELRULE", 0);

	if (operation == NULL)
		return -ENOMEM;
	operation->chain = chain;
	operation->known = known;
	netlink_put_string(buffer, NFTA_RULE_TABLE, writer->table->name);
	netlink_put_string(buffer, NFTA_RULE_CHAIN, known->name);
	if (handle != 0) {
		netlink_put_be64(buffer, NFTA_RULE_HANDLE, handle);
		writer->depends = true;
	}
	netlink_end(buffer);
	return 0;
}

/* Whether a rule that the kernel has is to be taken out and put back with counters of zero. */
static bool is_rewritten(const struct writer *writer, const struct pyiptc_rule *rule)
{
	return rule->is_zeroed && !writer->batch->can_reset && rule->raw == NULL;
}

static bool is_kept(const struct writer *writer, const struct pyiptc_rule *rule)
{
	return rule->handle != 0 && !is_rewritten(writer, rule);
}

static int put_raw(struct netlink_buffer *buffer, const struct pyiptc_raw *raw)
{
	netlink_put(buffer, NFTA_RULE_EXPRESSIONS | (unsigned int)NLA_F_NESTED, raw->data,
		    raw->expressions_size);
	if (raw->userdata_size > 0)
		netlink_put(buffer, NFTA_RULE_USERDATA, raw->data + raw->expressions_size,
			    raw->userdata_size);
	return 0;
}

static int put_expressions(struct writer *writer, const struct pyiptc_rule *rule)
{
	struct netlink_buffer *buffer = &writer->batch->messages;
	const char *jump = rule->jump != NULL ? kernel_name(rule->jump) : NULL;
	const char *reason = NULL;
	struct pyiptc_nft_compat compat;
	size_t nest;
	int rc;

	if (rule->raw != NULL)
		return put_raw(buffer, rule->raw);
	if (has_name(target_of(writer->table->family, rule->data), NFT_OPAQUE))
		return failed(writer, -EOPNOTSUPP, "only nft can make such a rule of nf_tables");
	writer->entry.size = 0;
	rc = pyiptc_nft_encode(writer->table->family, rule->data, rule->size,
			       (enum pyiptc_rule_kind)rule->kind, jump,
			       (enum pyiptc_nft_form)writer->table->nft_form, &writer->entry,
			       &compat, &reason);
	if (rc < 0)
		return failed(writer, rc, reason);
	netlink_put(buffer, NFTA_RULE_EXPRESSIONS | (unsigned int)NLA_F_NESTED, writer->entry.data,
		    writer->entry.size);
	if (compat.protocol == 0 && compat.flags == 0)
		return 0;
	nest = netlink_nest_begin(buffer, NFTA_RULE_COMPAT);
	netlink_put_be32(buffer, NFTA_RULE_COMPAT_PROTO, compat.protocol);
	netlink_put_be32(buffer, NFTA_RULE_COMPAT_FLAGS, compat.flags);
	netlink_nest_end(buffer, nest);
	return 0;
}

/* @before: handle of the rule that follows; 0: none, @flags say to which end. */
static int put_rule(struct writer *writer, struct pyiptc_chain *chain, uint32_t index,
		    unsigned int flags, uint64_t before)
{
	static const struct xt_counters zero;
	struct netlink_buffer *buffer = &writer->batch->messages;
	struct pyiptc_rule *rule = pyiptc_chain_rule(chain, index);
	struct nft_operation *operation =
		begin(writer, NFT_MSG_NEWRULE, "NFT_MSG_NEWRULE", NLM_F_CREATE | flags);
	int rc;

	if (operation == NULL)
		return -ENOMEM;
	operation->chain = chain;
	operation->index = index;
	operation->is_new = 1;
	netlink_put_string(buffer, NFTA_RULE_TABLE, writer->table->name);
	netlink_put_string(buffer, NFTA_RULE_CHAIN, kernel_name(chain));
	if (before != 0) {
		netlink_put_be64(buffer, NFTA_RULE_POSITION, before);
		writer->depends = true;
	}
	if (is_rewritten(writer, rule))
		put_counters(writer->table->family, rule->data, &zero);
	rc = put_expressions(writer, rule);
	if (rc < 0) {
		writer->error->place[0] = '\0';
		snprintf(writer->error->place, sizeof(writer->error->place), "rule %u of chain %s",
			 index, chain->name);
		return rc;
	}
	netlink_end(buffer);
	if (buffer->size - buffer->start > LISTED_MAX) {
		snprintf(writer->error->place, sizeof(writer->error->place), "rule %u of chain %s",
			 index, chain->name);
		return failed(writer, -E2BIG, "the kernel could not list so long a rule");
	}
	return 0;
}

/* Take out what the kernel has and is not wanted. */
static int take_out(struct writer *writer, struct pyiptc_chain *chain)
{
	struct pyiptc_nft_chain *known = chain->nft;
	uint32_t kept = 0, at = 0;
	int rc = 0;

	if (known == NULL || !chain->is_edited || chain->is_unread)
		return 0;
	for (uint32_t i = 0; i < chain->count; i++)
		kept += is_kept(writer, pyiptc_chain_rule(chain, i));
	if (kept == 0 && (known->count > 0 || !known->is_read))
		return delete_rules(writer, chain, known, 0);
	for (uint32_t i = 0; rc == 0 && i < chain->count; i++) {
		const struct pyiptc_rule *rule = pyiptc_chain_rule(chain, i);

		if (!is_kept(writer, rule))
			continue;
		while (rc == 0 && at < known->count && known->rules[at].handle != rule->handle)
			rc = delete_rules(writer, chain, known, known->rules[at++].handle);
		if (rc == 0 && at == known->count)
			rc = failed(writer, -EINVAL, "a rule that was not read here");
		at++;
	}
	while (rc == 0 && at < known->count)
		rc = delete_rules(writer, chain, known, known->rules[at++].handle);
	return rc;
}

/* Whether the kernel tells handles of new rules: of many it is cheaper to read them if need be. */
static bool is_echoed(const struct writer *writer, const struct pyiptc_chain *chain)
{
	uint32_t new = 0;

	if (chain->is_unread)
		return false;
	for (uint32_t i = 0; i < chain->count && new <= ECHO_MAX; i++)
		new += !is_kept(writer, pyiptc_chain_rule(chain, i));
	return new <= ECHO_MAX;
}

/* Rules before the first one that stays: each in front of all, so the last one goes first. */
static int put_first(struct writer *writer, struct pyiptc_chain *chain, uint32_t end)
{
	int rc = 0;

	while (rc == 0 && end-- > 0)
		rc = put_rule(writer, chain, end, 0, 0);
	return rc;
}

static int put_in(struct writer *writer, struct pyiptc_chain *chain)
{
	uint32_t at = chain->unread_at, next;
	int rc;

	if (!chain->is_edited)
		return 0;
	if (!chain->is_unread)
		while (at < chain->count && !is_kept(writer, pyiptc_chain_rule(chain, at)))
			at++;
	/* None stays: all are appended. */
	if (!chain->is_unread && at == chain->count)
		at = 0;
	writer->wants_echo = is_echoed(writer, chain);
	rc = put_first(writer, chain, at);
	for (next = at; rc == 0 && at < chain->count; at = next + 1) {
		for (next = at; next < chain->count; next++)
			if (is_kept(writer, pyiptc_chain_rule(chain, next)))
				break;
		for (; rc == 0 && at < next; at++)
			rc = next < chain->count ? put_rule(writer, chain, at, 0,
							    pyiptc_chain_rule(chain, next)->handle)
						 : put_rule(writer, chain, at, NLM_F_APPEND, 0);
	}
	writer->wants_echo = false;
	return rc;
}

/* ---- all of it --------------------------------------------------------------------------------- */

/* A chain that was deleted and made anew is the one that was there, without its rules. */
static void reuse_names(struct pyiptc_table *table)
{
	for (uint32_t i = 0; i < table->nft->chain_count; i++) {
		struct pyiptc_nft_chain *known = table->nft->chains[i];
		struct pyiptc_chain *chain;

		if (known->chain != NULL || known->is_base)
			continue;
		chain = pyiptc_table_find_chain(table, known->name);
		if (chain != NULL && chain->nft == NULL && chain->hook < 0) {
			chain->nft = known;
			known->chain = chain;
		}
	}
}

static bool is_policy_sent(const struct pyiptc_chain *chain)
{
	return chain->hook >= 0 && chain->nft != NULL &&
	       (chain->policy != chain->nft->policy || chain->is_set || chain->is_zeroed);
}

static bool is_to_be_made(const struct pyiptc_chain *chain)
{
	return chain->nft == NULL &&
	       (chain->hook < 0 || chain->is_edited || chain->is_set || chain->count > 0);
}

static bool is_renamed(const struct pyiptc_chain *chain)
{
	return chain->nft != NULL && strcmp(chain->name, chain->nft->name) != 0;
}

static int remove_chains(struct writer *writer)
{
	const struct pyiptc_nft *nft = writer->table->nft;
	int rc = 0;

	/* Rules first, also those of chains that jump to each other. */
	for (uint32_t i = 0; rc == 0 && i < nft->chain_count; i++)
		if (nft->chains[i]->chain == NULL &&
		    (!nft->chains[i]->is_read || nft->chains[i]->count > 0))
			rc = delete_rules(writer, NULL, nft->chains[i], 0);
	for (uint32_t i = 0; rc == 0 && i < nft->chain_count; i++)
		if (nft->chains[i]->chain == NULL)
			rc = delete_chain(writer, nft->chains[i]);
	return rc;
}

static int write_table(struct writer *writer)
{
	struct pyiptc_table *table = writer->table;
	int rc;

	reuse_names(table);
	rc = make_table(writer);
	for (uint32_t i = 0; table->is_recounted && i < table->chain_count; i++)
		for (uint32_t j = 0; j < table->chains[i]->count; j++)
			if (is_rewritten(writer, pyiptc_chain_rule(table->chains[i], j)))
				table->chains[i]->is_edited = 1;
	for (uint32_t i = 0; rc == 0 && i < table->chain_count; i++)
		rc = take_out(writer, table->chains[i]);
	if (rc == 0)
		rc = remove_chains(writer);
	for (uint32_t i = 0; rc == 0 && i < table->chain_count; i++)
		if (is_renamed(table->chains[i]))
			rc = rename_chain(writer, table->chains[i]);
	for (uint32_t i = 0; rc == 0 && i < table->chain_count; i++)
		if (is_to_be_made(table->chains[i]))
			rc = make_chain(writer, table->chains[i]);
	for (uint32_t i = 0; rc == 0 && i < table->chain_count; i++)
		rc = put_in(writer, table->chains[i]);
	for (uint32_t i = 0; rc == 0 && i < table->chain_count; i++)
		if (is_policy_sent(table->chains[i]))
			rc = set_policy(writer, table->chains[i]);
	return rc;
}

/* The one generation at which all that matters was read. */
static int agree(struct writer *writer, const struct pyiptc_table *table)
{
	const struct pyiptc_nft *nft = table->nft;

	writer->batch->generation =
		writer->batch->generation == 0 ? nft->generation : writer->batch->generation;
	if (nft->is_torn || nft->generation == 0 || nft->generation != writer->batch->generation)
		return failed(writer, -EAGAIN, NULL);
	return 0;
}

/* Where the number of the generation stands: behind two headers, and its own. */
#define GENERATION_AT (sizeof(struct nlmsghdr) + sizeof(struct nfgenmsg) + sizeof(struct nlattr))

static void put_end(struct nft_batch *batch)
{
	uint32_t generation = htonl(batch->generation);

	netlink_end_batch(&batch->messages, batch->count);
	if (batch->messages.error == 0)
		memcpy(batch->messages.data + GENERATION_AT, &generation, sizeof(generation));
}

/* All but the frame; @writer->depends says whether a generation is needed in it. */
static int write_all(struct writer *writer, struct pyiptc_table **tables, size_t count)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		writer->table = tables[i];
		if (tables[i]->is_changed || tables[i]->is_recounted)
			rc = write_table(writer);
		if (rc < 0 && writer->error->number == 0)
			failed(writer, rc, NULL);
		writer->depends = writer->depends || tables[i]->is_consulted;
	}
	return rc;
}

int nft_batch_build(struct nft_batch *batch, struct pyiptc_table **tables, size_t count,
		    uint32_t generation, struct pyiptc_error *error)
{
	struct writer writer = { .batch = batch, .table = tables[0], .error = error };
	int rc;

	batch->generation = generation;
	batch->count = 1; /* 0 is the beginning */
	netlink_begin_batch(&batch->messages, 0);
	writer.depends = generation != 0;
	rc = write_all(&writer, tables, count);
	for (size_t i = 0; rc == 0 && writer.depends && i < count; i++) {
		writer.table = tables[i];
		rc = agree(&writer, tables[i]);
	}
	pyiptc_nft_buffer_free(&writer.entry);
	put_end(batch);
	if (rc == 0 && batch->messages.error != 0)
		rc = failed(&writer, batch->messages.error, NULL);
	return rc;
}
