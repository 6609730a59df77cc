/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * nf_tables as iptables-nft manages it. A commit sends the difference as one batch, of several tables
 * and both families if wanted: all or nothing. It names the generation that it was made for where
 * it depends on what was read; appending, inserting in front, flushing and setting a policy do not.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "nft_batch.h"
#include "nft_codec.h"
#include "table.h"

#define NFT(message) (NFNL_SUBSYS_NFTABLES << 8 | (message))
/* Between two looks others may come in, each time. */
#define READ_TRIES 100
/* Linux 6.2; absent from older headers. */
#define GETRULE_RESET 25

static int failed(struct pyiptc_error *error, const char *operation, int rc)
{
	error->number = -rc;
	error->operation = operation;
	if (rc == -EOPNOTSUPP && error->text[0] == '\0')
		snprintf(error->text, sizeof(error->text), "this kernel has no nf_tables");
	if (rc == -EMSGSIZE && strcmp(operation, "NFT_MSG_GETRULE") == 0)
		snprintf(error->text, sizeof(error->text),
			 "the kernel cannot list a rule of more than 32 KiB, nor those behind it");
	return rc;
}

/* ---- chains ------------------------------------------------------------------------------------ */

struct chain_reader {
	const char *table;
	struct pyiptc_nft *nft;
};

static struct xt_counters read_counts(struct netlink_value value)
{
	struct netlink_value counts[NFTA_COUNTER_PACKETS + 1];

	netlink_parse(value.data, value.size, counts, NFTA_COUNTER_PACKETS + 1);
	return (struct xt_counters){ .pcnt = netlink_get_be64(counts[NFTA_COUNTER_PACKETS]),
				     .bcnt = netlink_get_be64(counts[NFTA_COUNTER_BYTES]) };
}

/* By its name: a chain of that name iptables-nft takes for its own, whatever else it is. */
static int hook_of(const char *table, const char *chain)
{
	for (int hook = 0; hook < NF_INET_NUMHOOKS; hook++)
		if (nft_builtin_chain(table, hook) != NULL &&
		    strcmp(nft_hook_name(hook), chain) == 0)
			return hook;
	return -1;
}

static int take_chain(void *context, const struct nlmsghdr *message)
{
	struct chain_reader *reader = context;
	struct netlink_value values[NFTA_CHAIN_COUNTERS + 1];
	struct pyiptc_nft_chain *known;
	const char *table, *name;

	netlink_parse_message(message, values, NFTA_CHAIN_COUNTERS + 1);
	table = netlink_get_string(values[NFTA_CHAIN_TABLE]);
	name = netlink_get_string(values[NFTA_CHAIN_NAME]);
	/* A dump of chains is one of all tables of the family. */
	if (table == NULL || name == NULL || strcmp(table, reader->table) != 0)
		return 0;
	known = nft_add_chain(reader->nft, name);
	if (known == NULL)
		return -ENOMEM;
	known->handle = netlink_get_be64(values[NFTA_CHAIN_HANDLE]);
	known->is_base = values[NFTA_CHAIN_HOOK].data != NULL;
	known->use = netlink_get_be32(values[NFTA_CHAIN_USE]);
	known->hook = hook_of(reader->table, name);
	if (values[NFTA_CHAIN_POLICY].data != NULL &&
	    netlink_get_be32(values[NFTA_CHAIN_POLICY]) == NF_DROP)
		known->policy = -NF_DROP - 1;
	if (values[NFTA_CHAIN_COUNTERS].data != NULL)
		known->counters = read_counts(values[NFTA_CHAIN_COUNTERS]);
	return 0;
}

static int take_table(void *context, const struct nlmsghdr *message)
{
	(void)message;
	*(uint8_t *)context = 1;
	return 0;
}

static int ask_table(struct netlink_socket *netlink, const struct pyiptc_family *family,
		     const char *name, uint8_t *exists)
{
	struct netlink_buffer request = { 0 };
	int rc;

	*exists = 0;
	netlink_begin(&request, NFT(NFT_MSG_GETTABLE), 0, ++netlink->sequence, family->nfproto, 0);
	netlink_put_string(&request, NFTA_TABLE_NAME, name);
	netlink_end(&request);
	rc = netlink_request(netlink, &request, take_table, exists);
	netlink_buffer_free(&request);
	return rc == -ENOENT ? 0 : rc;
}

static int dump_chains(struct netlink_socket *netlink, const struct pyiptc_family *family,
		       struct chain_reader *reader)
{
	struct netlink_buffer request = { 0 };
	int rc;

	netlink_begin(&request, NFT(NFT_MSG_GETCHAIN), NLM_F_DUMP, ++netlink->sequence,
		      family->nfproto, 0);
	netlink_end(&request);
	rc = netlink_request(netlink, &request, take_chain, reader);
	netlink_buffer_free(&request);
	return rc;
}

/* Whether something has changed since @before was the generation: 0, -EAGAIN, or what failed. */
static int check_generation(struct netlink_socket *netlink, uint32_t before)
{
	uint32_t now;
	int rc = netlink_generation(netlink, &now);

	if (rc < 0)
		return rc;
	return now == before ? 0 : -EAGAIN;
}

static int read_once(struct netlink_socket *netlink, const struct pyiptc_family *family,
		     const char *name, struct pyiptc_nft **out)
{
	struct pyiptc_nft *nft = nft_new();
	struct chain_reader reader = { .table = name, .nft = nft };
	int rc;

	if (nft == NULL)
		return -ENOMEM;
	rc = netlink_generation(netlink, &nft->generation);
	if (rc == 0)
		rc = netlink_settle(netlink, nft->generation);
	if (rc == 0)
		rc = ask_table(netlink, family, name, &nft->exists);
	if (rc == 0 && nft->exists)
		rc = dump_chains(netlink, family, &reader);
	if (rc == 0)
		rc = check_generation(netlink, nft->generation);
	if (rc < 0)
		pyiptc_nft_free(nft);
	else
		*out = nft;
	return rc;
}

static bool is_to_be_tried(int rc, int *tries)
{
	return (rc == -EAGAIN || rc == -EINTR) && ++*tries < READ_TRIES;
}

static int read_table(struct netlink_socket *netlink, const struct pyiptc_family *family,
		      const char *name, struct pyiptc_table **table)
{
	struct pyiptc_nft *nft;
	int rc, tries = 0;

	do {
		rc = read_once(netlink, family, name, &nft);
	} while (is_to_be_tried(rc, &tries));
	return rc < 0 ? rc : nft_table_new(family, name, nft, table);
}

static int nft_read(int fd, struct pyiptc_instance *instance, const struct pyiptc_family *family,
		    const char *name, struct pyiptc_table **table, struct pyiptc_error *error)
{
	struct netlink_socket netlink;
	int rc;

	(void)fd;
	(void)instance;
	if (strlen(name) >= XT_TABLE_MAXNAMELEN)
		return failed(error, "NFT_MSG_GETTABLE", -ENAMETOOLONG);
	if (nft_valid_hooks(name) == 0)
		return failed(error, "NFT_MSG_GETTABLE", -ENOENT);
	rc = netlink_socket_open(&netlink);
	if (rc < 0)
		return failed(error, "socket", rc);
	rc = read_table(&netlink, family, name, table);
	netlink_socket_close(&netlink);
	if (rc == -EINTR)
		rc = -EAGAIN;
	return rc < 0 ? failed(error, "NFT_MSG_GETCHAIN", rc) : 0;
}

static int nft_is_current(struct pyiptc_table *table, struct pyiptc_error *error)
{
	struct netlink_socket netlink;
	uint32_t now = 0;
	int rc;

	if (table->nft->generation == 0 || table->nft->is_torn)
		return 0;
	rc = netlink_socket_open(&netlink);
	if (rc < 0)
		return failed(error, "socket", rc);
	rc = netlink_generation(&netlink, &now);
	netlink_socket_close(&netlink);
	if (rc < 0)
		return failed(error, "NFT_MSG_GETGEN", rc);
	return now == table->nft->generation;
}

/* ---- rules ------------------------------------------------------------------------------------- */

struct rule_reader {
	struct pyiptc_table *table;
	struct pyiptc_nft_chain *known;
	uint32_t capacity;
	struct pyiptc_nft_buffer entry;
};

static int keep_raw(struct pyiptc_table *table, struct netlink_value expressions,
		    struct netlink_value userdata, const struct pyiptc_raw **out)
{
	struct pyiptc_raw *raw;
	size_t size = sizeof(*raw) + expressions.size + userdata.size;

	size = (size + 7) & ~(size_t)7;
	raw = calloc(1, size);
	if (raw == NULL)
		return -ENOMEM;
	raw->expressions_size = (uint32_t)expressions.size;
	raw->userdata_size = (uint32_t)userdata.size;
	if (expressions.size > 0)
		memcpy(raw->data, expressions.data, expressions.size);
	if (userdata.size > 0)
		memcpy(raw->data + expressions.size, userdata.data, userdata.size);
	*out = (const struct pyiptc_raw *)pyiptc_table_keep(table, (unsigned char *)raw,
							    (uint32_t)size);
	free(raw);
	return *out == NULL ? -ENOMEM : 0;
}

/* An entry that stands for a rule: its target's data are the handle, why, and its expressions. */
static int make_opaque(struct rule_reader *reader, struct nft_known *rule,
		       struct netlink_value expressions, struct netlink_value userdata,
		       const char *reason)
{
	const struct pyiptc_family *family = reader->table->family;
	unsigned char entry[sizeof(struct ip6t_entry) + sizeof(struct xt_entry_target) + 520];
	unsigned char *target = entry + family->header_size;
	char *text = (char *)target + sizeof(struct xt_entry_target) + sizeof(rule->handle);
	size_t room = 512, used;
	uint32_t size;

	memset(entry, 0, sizeof(entry));
	used = (size_t)snprintf(text, 256, "%s: ", reason != NULL ? reason : "not a rule");
	used = used < 256 ? used : 255;
	used += pyiptc_nft_names(expressions.data, expressions.size, text + used, room - used);
	size = (uint32_t)((sizeof(struct xt_entry_target) + sizeof(rule->handle) + used + 8) &
			  ~(size_t)7);
	put_u16(entry + family->offsets, family->header_size);
	put_u16(entry + family->offsets + 2, family->header_size + size);
	put_u16(target, size);
	strcpy((char *)target + 2, NFT_OPAQUE);
	memcpy(target + sizeof(struct xt_entry_target), &rule->handle, sizeof(rule->handle));
	rule->size = (uint16_t)(family->header_size + size);
	rule->kind = PYIPTC_RULE_PLAIN;
	rule->data = pyiptc_table_keep(reader->table, entry, rule->size);
	if (rule->data == NULL)
		return -ENOMEM;
	return keep_raw(reader->table, expressions, userdata, &rule->raw);
}

static int decode(struct rule_reader *reader, struct nft_known *rule,
		  struct netlink_value expressions, struct netlink_value userdata)
{
	const char *reason = NULL;
	struct pyiptc_nft_rule found;
	int rc = pyiptc_nft_decode(reader->table->family, expressions.data, expressions.size,
				   userdata.data, userdata.size, &reader->entry, &found, &reason);

	if (rc == -ENOMEM)
		return rc;
	if (rc == 0 && found.kind == PYIPTC_RULE_JUMP) {
		rule->jump = nft_find_chain(reader->table->nft, found.jump);
		if (rule->jump == NULL) {
			/* Made after the chains were read. */
			reader->table->nft->is_torn = 1;
			reason = "a jump to a chain that is new";
			rc = -EOPNOTSUPP;
		} else if (rule->jump->chain == NULL || rule->jump->hook >= 0) {
			rule->jump = NULL;
			reason = "a jump to a chain that is deleted here";
			rc = -EOPNOTSUPP;
		}
	}
	if (rc < 0)
		return make_opaque(reader, rule, expressions, userdata, reason);
	rule->kind = (uint8_t)found.kind;
	rule->size = (uint16_t)reader->entry.size;
	rule->data = pyiptc_table_keep(reader->table, reader->entry.data, rule->size);
	return rule->data == NULL ? -ENOMEM : 0;
}

static int take_rule(void *context, const struct nlmsghdr *message)
{
	struct rule_reader *reader = context;
	struct pyiptc_nft_chain *known = reader->known;
	struct netlink_value values[NFTA_RULE_USERDATA + 1];
	struct nft_known rule = { 0 };
	const char *chain;
	int rc;

	netlink_parse_message(message, values, NFTA_RULE_USERDATA + 1);
	chain = netlink_get_string(values[NFTA_RULE_CHAIN]);
	if (chain == NULL || strcmp(chain, known->name) != 0)
		return 0;
	rule.handle = netlink_get_be64(values[NFTA_RULE_HANDLE]);
	rc = decode(reader, &rule, values[NFTA_RULE_EXPRESSIONS], values[NFTA_RULE_USERDATA]);
	if (rc < 0)
		return rc;
	if (known->count == reader->capacity) {
		uint32_t capacity = reader->capacity + reader->capacity / 2 + 16;
		struct nft_known *rules = realloc(known->rules, capacity * sizeof(*rules));

		if (rules == NULL)
			return -ENOMEM;
		known->rules = rules;
		reader->capacity = capacity;
	}
	known->rules[known->count++] = rule;
	return 0;
}

static int dump_rules(struct netlink_socket *netlink, struct rule_reader *reader,
		      unsigned int message)
{
	struct netlink_buffer request = { 0 };
	int rc;

	free(reader->known->rules);
	reader->known->rules = NULL;
	reader->known->count = 0;
	reader->capacity = 0;
	netlink_begin(&request, NFT(message), NLM_F_DUMP, ++netlink->sequence,
		      reader->table->family->nfproto, 0);
	netlink_put_string(&request, NFTA_RULE_TABLE, reader->table->name);
	netlink_put_string(&request, NFTA_RULE_CHAIN, reader->known->name);
	netlink_end(&request);
	rc = netlink_request(netlink, &request, take_rule, reader);
	netlink_buffer_free(&request);
	return rc;
}

/* @name: of the chain that is wanted; NULL: all are. */
static bool is_to_be_read(const struct pyiptc_chain *chain, const char *name)
{
	return chain->is_unread && (name == NULL || strcmp(chain->name, name) == 0);
}

static int dump_unread(struct netlink_socket *netlink, struct pyiptc_table *table, const char *name)
{
	struct rule_reader reader = { .table = table };
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < table->chain_count; i++) {
		struct pyiptc_chain *chain = table->chains[i];

		if (!is_to_be_read(chain, name))
			continue;
		reader.known = chain->nft;
		rc = dump_rules(netlink, &reader, NFT_MSG_GETRULE);
	}
	pyiptc_nft_buffer_free(&reader.entry);
	return rc;
}

/* Have the chains as they are by now, where nothing was edited that they could be needed for. */
static int renew(struct netlink_socket *netlink, struct pyiptc_table *table)
{
	struct pyiptc_table *fresh, old;
	int rc = read_table(netlink, table->family, table->name, &fresh);

	if (rc < 0)
		return rc;
	fresh->nft_form = table->nft_form;
	fresh->is_consulted = table->is_consulted;
	old = *table;
	*table = *fresh;
	*fresh = old;
	pyiptc_table_free(fresh);
	return 0;
}

/* Whether rules of a chain are missing that it had when @nft was read. */
static bool is_cut_short(const struct pyiptc_table *table, const char *name, struct pyiptc_nft *nft)
{
	for (uint32_t i = 0; i < table->chain_count; i++) {
		const struct pyiptc_chain *chain = table->chains[i];
		const struct pyiptc_nft_chain *known = chain->nft;

		if (!is_to_be_read(chain, name) || !known->is_base)
			continue;
		if (nft != table->nft)
			known = nft_find_chain(nft, chain->name);
		if (known != NULL && chain->nft->count < known->use)
			return true;
	}
	return false;
}

/*
 * The kernel lists rules in pieces of 32 KiB, and ends where one does not fit. Nothing jumps to a chain
 * with a hook, so its use is the number of its rules; but that of a commit that is going on is in it
 * already, and so it is asked for again. Return: 0, -EMSGSIZE, -EAGAIN, or what failed.
 */
static int check_complete(struct netlink_socket *netlink, const struct pyiptc_table *table,
			  const char *name)
{
	struct pyiptc_nft *fresh;
	int rc;

	if (!is_cut_short(table, name, table->nft))
		return 0;
	rc = read_once(netlink, table->family, table->name, &fresh);
	if (rc < 0)
		return rc;
	if (fresh->generation != table->nft->generation)
		rc = -EAGAIN;
	else if (is_cut_short(table, name, fresh))
		rc = -EMSGSIZE;
	pyiptc_nft_free(fresh);
	return rc;
}

/* Read, all at one generation: that of the table, or else it is torn, or read anew. */
static int load_once(struct netlink_socket *netlink, struct pyiptc_table *table, const char *name)
{
	bool is_edited = table->is_changed || table->is_recounted;
	uint32_t before;
	int rc = netlink_generation(netlink, &before);

	if (rc == 0 && before != table->nft->generation && !is_edited) {
		rc = renew(netlink, table);
		before = table->nft->generation;
	}
	if (rc == 0)
		rc = dump_unread(netlink, table, name);
	if (rc == 0)
		rc = check_generation(netlink, before);
	if (rc == 0 && before != table->nft->generation)
		table->nft->is_torn = 1;
	else if (rc == 0)
		rc = check_complete(netlink, table, name);
	return rc;
}

static int place_read(struct pyiptc_table *table, const char *name)
{
	int rc = 0;

	for (uint32_t i = 0; rc == 0 && i < table->chain_count; i++) {
		struct pyiptc_chain *chain = table->chains[i];

		if (!is_to_be_read(chain, name))
			continue;
		chain->nft->is_read = 1;
		rc = nft_table_place(chain);
	}
	return rc;
}

static int load(struct netlink_socket *netlink, struct pyiptc_table *table, const char *name)
{
	int rc, tries = 0;

	do {
		rc = load_once(netlink, table, name);
	} while (is_to_be_tried(rc, &tries));
	return rc < 0 ? rc : place_read(table, name);
}

static int nft_load(struct pyiptc_table *table, const char *name, struct pyiptc_error *error)
{
	struct netlink_socket netlink;
	int rc = netlink_socket_open(&netlink);

	if (rc < 0)
		return failed(error, "socket", rc);
	rc = load(&netlink, table, name);
	netlink_socket_close(&netlink);
	if (rc == -EINTR)
		rc = -EAGAIN;
	return rc < 0 ? failed(error, "NFT_MSG_GETRULE", rc) : 0;
}

/* ---- counters ---------------------------------------------------------------------------------- */

/* Whether the kernel knows how: of a table that nobody has it says so before anything else. */
static int can_reset(struct netlink_socket *netlink, unsigned int nfproto, bool *answer)
{
	struct netlink_buffer request = { 0 };
	int rc;

	netlink_begin(&request, NFT(GETRULE_RESET), 0, ++netlink->sequence, nfproto, 0);
	netlink_put_string(&request, NFTA_RULE_TABLE, "");
	netlink_put_string(&request, NFTA_RULE_CHAIN, "");
	netlink_put_be64(&request, NFTA_RULE_HANDLE, 0);
	netlink_end(&request);
	rc = netlink_request(netlink, &request, take_table, answer);
	netlink_buffer_free(&request);
	*answer = rc == -ENOENT;
	return rc == -ENOENT || rc == -EINVAL || rc == -EOPNOTSUPP ? 0 : rc;
}

/* What a dump that was torn has taken already. */
struct taken {
	struct nft_known *rules;
	uint32_t count;
};

static void add_taken(const struct pyiptc_family *family, struct pyiptc_nft_chain *known,
		      const struct taken *taken)
{
	uint32_t at = 0;

	for (uint32_t i = 0; i < taken->count; i++) {
		struct xt_counters sum, more;

		/* Both in one order; some are gone, some are new. */
		for (uint32_t j = 0; j < known->count; j++, at++)
			if (known->rules[at % known->count].handle == taken->rules[i].handle)
				break;
		if (known->count == 0 ||
		    known->rules[at % known->count].handle != taken->rules[i].handle)
			continue;
		sum = get_counters(family, known->rules[at % known->count].data);
		more = get_counters(family, taken->rules[i].data);
		sum.pcnt += more.pcnt;
		sum.bcnt += more.bcnt;
		put_counters(family, known->rules[at % known->count].data, &sum);
	}
}

/* Read a chain's rules anew, with their counters, which start again. Return: 0; PYIPTC_COUNTERS_LOST,
 * some have and were not read; or a negative errno. */
static int take_counters(struct netlink_socket *netlink, struct pyiptc_table *table,
			 struct pyiptc_nft_chain *known, struct pyiptc_error *error)
{
	struct rule_reader reader = { .table = table, .known = known };
	struct taken taken = { 0 };
	int rc, tries = 0;

	do {
		free(taken.rules);
		taken = (struct taken){ known->rules, known->count };
		known->rules = NULL;
		rc = dump_rules(netlink, &reader, GETRULE_RESET);
		if (tries > 0)
			add_taken(table->family, known, &taken);
	} while (is_to_be_tried(rc, &tries));
	free(taken.rules);
	pyiptc_nft_buffer_free(&reader.entry);
	if (rc < 0 && (tries > 0 || known->count > 0)) {
		failed(error, "NFT_MSG_GETRULE_RESET", rc == -EINTR ? -EAGAIN : rc);
		rc = PYIPTC_COUNTERS_LOST;
	}
	return rc;
}

static int take_counters_of(struct netlink_socket *netlink, struct pyiptc_table *table,
			    const char *name, struct pyiptc_error *error)
{
	struct pyiptc_chain *chain;
	bool is_known = false;
	uint32_t before;
	int rc = can_reset(netlink, table->family->nfproto, &is_known);

	if (rc == 0 && !is_known)
		rc = -EOPNOTSUPP;
	if (rc == 0)
		rc = netlink_generation(netlink, &before);
	if (rc == 0 && before != table->nft->generation)
		rc = renew(netlink, table);
	if (rc < 0)
		return rc;
	chain = pyiptc_table_find_chain(table, name);
	if (chain == NULL || chain->nft == NULL)
		return chain == NULL ? -ENOENT : 0;
	nft_table_forget(chain);
	rc = take_counters(netlink, table, chain->nft, error);
	if (rc != 0)
		return rc;
	if (check_generation(netlink, table->nft->generation) != 0)
		table->nft->is_torn = 1;
	return place_read(table, name);
}

static int nft_take_counters(struct pyiptc_table *table, const char *name,
			     struct pyiptc_error *error)
{
	struct netlink_socket netlink;
	int rc = netlink_socket_open(&netlink);

	if (rc < 0)
		return failed(error, "socket", rc);
	rc = take_counters_of(&netlink, table, name, error);
	netlink_socket_close(&netlink);
	return rc < 0 ? failed(error, "NFT_MSG_GETRULE_RESET", rc == -EINTR ? -EAGAIN : rc) : rc;
}

static int reset_rule(struct netlink_socket *netlink, const struct pyiptc_table *table,
		      const struct pyiptc_chain *chain, uint64_t handle)
{
	struct netlink_buffer request = { 0 };
	uint8_t found;
	int rc;

	netlink_begin(&request, NFT(GETRULE_RESET), handle == 0 ? NLM_F_DUMP : 0,
		      ++netlink->sequence, table->family->nfproto, 0);
	netlink_put_string(&request, NFTA_RULE_TABLE, table->name);
	netlink_put_string(&request, NFTA_RULE_CHAIN, chain->name);
	if (handle != 0)
		netlink_put_be64(&request, NFTA_RULE_HANDLE, handle);
	netlink_end(&request);
	rc = netlink_request(netlink, &request, take_table, &found);
	netlink_buffer_free(&request);
	/* A rule that others have deleted since counts nothing, and what was torn has been reset. */
	return rc == -ENOENT || rc == -EINTR ? 0 : rc;
}

static int reset_chain(struct netlink_socket *netlink, const struct pyiptc_table *table,
		       const struct pyiptc_chain *chain)
{
	uint32_t zeroed = 0;
	int rc = 0;

	for (uint32_t i = 0; i < chain->count; i++)
		zeroed += pyiptc_chain_rule(chain, i)->is_zeroed;
	if (zeroed > 0 && zeroed == chain->count)
		return reset_rule(netlink, table, chain, 0);
	for (uint32_t i = 0; rc == 0 && zeroed > 0 && i < chain->count; i++) {
		const struct pyiptc_rule *rule = pyiptc_chain_rule(chain, i);

		if (rule->is_zeroed && rule->handle != 0)
			rc = reset_rule(netlink, table, chain, rule->handle);
	}
	return rc;
}

static int reset_table(struct netlink_socket *netlink, const struct pyiptc_table *table)
{
	int rc = 0;

	if (!table->is_recounted)
		return 0;
	for (uint32_t i = 0; rc == 0 && i < table->chain_count; i++)
		if (table->chains[i]->nft != NULL)
			rc = reset_chain(netlink, table, table->chains[i]);
	return rc;
}

/* ---- commits ----------------------------------------------------------------------------------- */

struct echo {
	struct nft_batch *batch;
	uint32_t generation;
};

static int take_echo(void *context, const struct nlmsghdr *message)
{
	struct echo *echo = context;
	struct netlink_value values[NFTA_RULE_HANDLE + 1];
	struct nft_operation *operation;
	unsigned int kind = NFNL_MSG_TYPE(message->nlmsg_type);
	uint64_t handle;

	netlink_parse_message(message, values, NFTA_RULE_HANDLE + 1);
	if (kind == NFT_MSG_NEWGEN) {
		echo->generation = netlink_get_be32(values[NFTA_GEN_ID]);
		return 0;
	}
	if (message->nlmsg_seq == 0 || message->nlmsg_seq >= echo->batch->count)
		return 0;
	operation = &echo->batch->operations[message->nlmsg_seq];
	if (!operation->is_new)
		return 0;
	handle = netlink_get_be64(kind == NFT_MSG_NEWRULE ? values[NFTA_RULE_HANDLE]
							  : values[NFTA_CHAIN_HANDLE]);
	if (kind == NFT_MSG_NEWRULE && operation->index != PYIPTC_ORIGIN_NONE)
		pyiptc_chain_rule(operation->chain, operation->index)->handle = handle;
	else if (kind == NFT_MSG_NEWCHAIN && operation->chain->nft != NULL)
		operation->chain->nft->handle = handle;
	return 0;
}

/* Which rule or chain it was, and what the kernel says of it. */
static void explain(const struct nft_batch *batch, const struct netlink_refusal *refusal,
		    struct pyiptc_error *error)
{
	const struct nft_operation *operation = NULL;
	const char *words = refusal->text, *between = words[0] != '\0' ? ": " : "";

	error->number = refusal->number;
	error->operation = refusal->is_unknown ? "recvfrom" : "NFNL_MSG_BATCH_BEGIN";
	if (refusal->sequence > 0 && refusal->sequence < batch->count)
		operation = &batch->operations[refusal->sequence];
	if (operation == NULL) {
		snprintf(error->place, sizeof(error->place), "%s", words);
		return;
	}
	error->operation = operation->name;
	error->table = operation->table->name;
	if (operation->index != PYIPTC_ORIGIN_NONE)
		snprintf(error->place, sizeof(error->place), "rule %u of chain %s%s%s",
			 operation->index, operation->chain->name, between, words);
	else if (operation->chain != NULL || operation->known != NULL)
		snprintf(error->place, sizeof(error->place), "chain %s%s%s",
			 operation->known != NULL ? operation->known->name : operation->chain->name,
			 between, words);
}

/* Chains that are made have a place for their handles before the kernel tells them. */
static int expect_chains(struct nft_batch *batch)
{
	for (uint32_t i = 1; i < batch->count; i++) {
		struct nft_operation *operation = &batch->operations[i];
		struct pyiptc_chain *chain = operation->chain;

		if (!operation->is_new || operation->index != PYIPTC_ORIGIN_NONE)
			continue;
		chain->nft = nft_add_chain(operation->table->nft, chain->name);
		if (chain->nft == NULL)
			return -ENOMEM;
		chain->nft->chain = chain;
		chain->nft->hook = chain->hook;
		chain->nft->is_base = chain->hook >= 0;
		chain->nft->is_read = 1;
		chain->is_edited = 1;
	}
	return 0;
}

static void forget_chains(struct nft_batch *batch)
{
	for (uint32_t i = 1; i < batch->count; i++) {
		struct nft_operation *operation = &batch->operations[i];

		if (operation->is_new && operation->index == PYIPTC_ORIGIN_NONE &&
		    operation->chain->nft != NULL)
			nft_drop_chain(operation->table->nft, operation->chain->nft);
	}
}

/* What follows @generation: 0 stands for none. */
static uint32_t next_generation(uint32_t generation)
{
	return generation + 1 != 0 ? generation + 1 : 1;
}

static void adopt(struct pyiptc_table **tables, size_t count, const struct echo *echo)
{
	for (size_t i = 0; i < count; i++) {
		struct pyiptc_nft *nft = tables[i]->nft;

		nft->exists = nft->exists || tables[i]->is_changed;
		/* Where somebody else has come in between, what was read is not what is there. */
		if (echo->batch->count > 1)
			nft->generation =
				nft->generation != 0 && !nft->is_torn &&
						echo->generation == next_generation(nft->generation)
					? echo->generation
					: 0;
		nft_table_adopt(tables[i]);
	}
}

/* Errors that what others have done in between may be the cause of. */
static bool may_be_stale(int rc)
{
	return rc == -ENOENT || rc == -EEXIST || rc == -EBUSY || rc == -ENOTEMPTY;
}

static int try_commit(struct netlink_socket *netlink, struct pyiptc_table **tables, size_t count,
		      struct nft_batch *batch, uint32_t generation, struct echo *echo,
		      struct pyiptc_error *error)
{
	struct netlink_refusal refusal;
	bool is_complete;
	int rc = nft_batch_build(batch, tables, count, generation, error);

	if (rc < 0 || batch->count == 1)
		return rc;
	rc = expect_chains(batch);
	if (rc < 0) {
		forget_chains(batch);
		return failed(error, "NFT_MSG_NEWCHAIN", rc);
	}
	rc = netlink_send_batch(netlink, &batch->messages, take_echo, echo, &is_complete, &refusal);
	if (rc < 0) {
		explain(batch, &refusal, error);
		forget_chains(batch);
	}
	return rc == -ERESTART ? failed(error, "NFNL_MSG_BATCH_BEGIN", -EAGAIN) : rc;
}

static int commit_tables(struct netlink_socket *netlink, struct pyiptc_table **tables, size_t count,
			 struct pyiptc_error *error)
{
	struct nft_batch batch = { 0 };
	struct echo echo = { .batch = &batch };
	bool resets = false;
	int rc = 0, reset = 0;

	for (size_t i = 0; rc == 0 && i < count; i++)
		if (tables[i]->is_recounted && !resets) {
			rc = can_reset(netlink, tables[i]->family->nfproto, &batch.can_reset);
			resets = batch.can_reset;
		}
	if (rc < 0)
		return failed(error, "NFT_MSG_GETRULE_RESET", rc);
	rc = try_commit(netlink, tables, count, &batch, 0, &echo, error);
	if (may_be_stale(rc) && batch.generation == 0 && tables[0]->nft->generation != 0) {
		/* Is it so at the generation that was read, or has somebody changed that? */
		uint32_t generation = tables[0]->nft->generation;

		nft_batch_free(&batch);
		batch.can_reset = resets;
		memset(error, 0, sizeof(*error));
		rc = try_commit(netlink, tables, count, &batch, generation, &echo, error);
	}
	for (size_t i = 0; rc == 0 && resets && reset == 0 && i < count; i++)
		reset = reset_table(netlink, tables[i]);
	if (rc == 0)
		adopt(tables, count, &echo);
	nft_batch_free(&batch);
	if (reset < 0) {
		failed(error, "NFT_MSG_GETRULE_RESET", reset);
		return PYIPTC_COUNTERS_LOST;
	}
	return rc;
}

static int nft_commit_all(struct pyiptc_table **tables, size_t count, struct pyiptc_error *error)
{
	struct netlink_socket netlink;
	bool is_needed = false;
	int rc;

	for (size_t i = 0; i < count; i++)
		is_needed = is_needed || tables[i]->is_changed || tables[i]->is_recounted;
	if (!is_needed)
		return 0;
	rc = netlink_socket_open(&netlink);
	if (rc < 0)
		return failed(error, "socket", rc);
	rc = commit_tables(&netlink, tables, count, error);
	netlink_socket_close(&netlink);
	return rc;
}

static int nft_commit(int fd, struct pyiptc_instance *instance, struct pyiptc_table *table,
		      struct pyiptc_error *error)
{
	(void)fd;
	(void)instance;
	return nft_commit_all(&table, 1, error);
}

const struct pyiptc_handle pyiptc_handle_nft = {
	.name = "nft",
	.read = nft_read,
	.commit = nft_commit,
	.is_current = nft_is_current,
	.load = nft_load,
	.take_counters = nft_take_counters,
	.commit_all = nft_commit_all,
};
