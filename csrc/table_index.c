/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * Where a chain has the rules that say the same: an index, made when looking for rules one by one has
 * cost more than making it, and kept up with the edits.
 *
 * What of an extension's payload counts is only known above: it comes as a mask with the rule that is
 * looked for. So there is an index for each set of extensions that was asked about (its pattern): in
 * it are the rules whose matches and target have the headers of that rule's, in any order; for
 * these the mask says what counts. A rule is found again by its order: numbers that grow along the
 * chain, whatever was put in or taken out before it.
 */
#include <errno.h>
#include <stdlib.h>

#include "table.h"

#define HEADER       ((uint32_t)sizeof(struct xt_entry_match))
#define MOST_INDEXES 32
#define LARGEST_IP   sizeof(struct ip6t_ip6)
/* From an interface's name to its mask; the names stand together, and so do the masks. */
#define MASK_DISTANCE 32
/* Looking through the chain as often as this costs as much as an index. */
#define WORTH 8

/* Rules of one hash: nearly always one rule, or several that are the same. */
struct group {
	uint64_t hash;
	uint32_t count, capacity; /* capacity 0: the one order that there may be is in place */
	uint8_t is_used;  /* also after its last rule is gone, as what follows is found by it */
	uint8_t is_mixed; /* they may differ, if only in the order of their matches */
	union {
		int64_t one;
		int64_t *many; /* ascending */
	} order;
};

struct pyiptc_index {
	struct pyiptc_index *next;
	struct group *groups;
	uint32_t capacity, used; /* a power of two */
	uint32_t size, target;
	uint8_t kind;
	unsigned char *mask;
	unsigned char entry[]; /* of size bytes, and the mask as many */
};

/* ---- what is the same -------------------------------------------------------------------------- */

static uint64_t get_u64(const unsigned char *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return value;
}

static bool same_where(const unsigned char *a, const unsigned char *b, const unsigned char *mask,
		       uint32_t size)
{
	for (uint32_t i = 0; i < size; i += 8)
		if (((get_u64(a + i) ^ get_u64(b + i)) & get_u64(mask + i)) != 0)
			return false;
	return true;
}

static uint32_t match_size(const unsigned char *match)
{
	return get_u16(match);
}

/* How many of an entry's matches are the same as one, whose mask is given. */
static uint32_t count_matches(const struct pyiptc_family *family, const unsigned char *entry,
			      const unsigned char *match, const unsigned char *mask)
{
	uint32_t end = target_offset(family, entry), size = match_size(match), count = 0;

	for (uint32_t at = family->header_size; at < end; at += match_size(entry + at))
		count +=
			match_size(entry + at) == size && same_where(entry + at, match, mask, size);
	return count;
}

struct query {
	const struct pyiptc_family *family;
	const struct pyiptc_chain *chain;
	const unsigned char *entry, *mask;
	uint32_t size, target;
	enum pyiptc_rule_kind kind;
	const struct pyiptc_chain *jump;
};

static bool same_shape(const struct query *query, const struct pyiptc_rule *rule)
{
	return rule->size == query->size && rule->kind == query->kind &&
	       rule->jump == query->jump &&
	       target_offset(query->family, rule->data) == query->target;
}

/* The verdict of a jump is beside the entry, not in it. */
static uint32_t compared_size(const struct query *query)
{
	return query->kind == PYIPTC_RULE_PLAIN ? query->size : query->target;
}

static bool is_same(const struct query *query, const struct pyiptc_rule *rule)
{
	return same_shape(query, rule) &&
	       same_where(rule->data, query->entry, query->mask, compared_size(query));
}

/* The same but for the order of its matches. */
static bool is_same_unordered(const struct query *query, const struct pyiptc_rule *rule)
{
	const struct pyiptc_family *family = query->family;
	uint32_t header = family->header_size, target = query->target;

	if (!same_shape(query, rule) ||
	    !same_where(rule->data, query->entry, query->mask, header) ||
	    !same_where(rule->data + target, query->entry + target, query->mask + target,
			compared_size(query) - target))
		return false;
	for (uint32_t at = header; at < target; at += match_size(query->entry + at)) {
		const unsigned char *match = query->entry + at, *mask = query->mask + at;

		/* As often in both: together the matches are of one size in both, so none is left. */
		if (count_matches(family, rule->data, match, mask) !=
		    count_matches(family, query->entry, match, mask))
			return false;
	}
	return true;
}

static bool has_orders(const struct query *query)
{
	uint32_t first = query->family->header_size;

	return first < query->target && first + match_size(query->entry + first) < query->target;
}

/* ---- hashes -------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * UINT64_C(0x9E3779B97F4A7C15);
	return hash ^ (hash >> 32);
}

static uint64_t hash_masked(const unsigned char *at, const unsigned char *mask, uint32_t size)
{
	uint64_t hash = size;

	for (uint32_t i = 0; i < size; i += 8)
		hash = mix(hash, get_u64(at + i) & get_u64(mask + i));
	return mix(hash, 1);
}

/* Of an interface's name counts what its mask covers, and the mask. */
static uint64_t hash_header(const struct pyiptc_family *family, const unsigned char *entry)
{
	unsigned char ip[(LARGEST_IP + 7) / 8 * 8] = { 0 };
	uint64_t hash = 0;

	memcpy(ip, entry, family->ip_size);
	for (uint32_t i = 0; i < MASK_DISTANCE; i++)
		ip[family->iniface + i] &= ip[family->iniface + MASK_DISTANCE + i];
	for (uint32_t i = 0; i < sizeof(ip); i += 8)
		hash = mix(hash, get_u64(ip + i));
	return hash;
}

/* What counts of a payload with this header, or NULL where the pattern has none such. */
static const unsigned char *mask_of(const struct pyiptc_family *family,
				    const struct pyiptc_index *index, const unsigned char *match)
{
	for (uint32_t at = family->header_size; at < index->target;
	     at += match_size(index->entry + at))
		if (memcmp(index->entry + at, match, HEADER) == 0)
			return index->mask + at;
	return NULL;
}

/* False: these are other extensions than the index is about. */
static bool hash_entry(const struct pyiptc_family *family, const struct pyiptc_index *index,
		       const unsigned char *entry, uint32_t size, unsigned int kind,
		       const struct pyiptc_chain *jump, uint64_t *out)
{
	const uint32_t target = index->target;
	uint64_t sum = 0;

	if (size != index->size || kind != index->kind || target_offset(family, entry) != target ||
	    (kind == PYIPTC_RULE_PLAIN &&
	     memcmp(entry + target, index->entry + target, HEADER) != 0))
		return false;
	for (uint32_t at = family->header_size; at < target; at += match_size(entry + at)) {
		const unsigned char *mask = mask_of(family, index, entry + at);

		if (mask == NULL)
			return false;
		/* In any order. */
		sum += hash_masked(entry + at, mask, match_size(entry + at));
	}
	sum = mix(sum, hash_header(family, entry));
	if (kind == PYIPTC_RULE_PLAIN)
		sum = mix(sum, hash_masked(entry + target, index->mask + target, size - target));
	*out = mix(sum, (uint64_t)(uintptr_t)jump);
	return true;
}

/* ---- groups -------------------------------------------------------------------------------------- */

static struct group *find_group(const struct pyiptc_index *index, uint64_t hash)
{
	uint32_t at = (uint32_t)hash & (index->capacity - 1);

	while (index->groups[at].is_used && index->groups[at].hash != hash)
		at = (at + 1) & (index->capacity - 1);
	return &index->groups[at];
}

static const int64_t *orders_of(const struct group *group)
{
	return group->capacity == 0 ? &group->order.one : group->order.many;
}

static void free_group(struct group *group)
{
	if (group->capacity > 0)
		free(group->order.many);
}

/* Where an order is in a group, or belongs. */
static uint32_t position_of(const struct group *group, int64_t order)
{
	const int64_t *orders = orders_of(group);
	uint32_t low = 0, high = group->count;

	if (high > 0 && orders[high - 1] < order)
		return high;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (orders[middle] < order)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int add_order(struct group *group, int64_t order)
{
	uint32_t at = position_of(group, order);

	if (group->capacity == 0 && group->count == 0) {
		group->order.one = order;
		group->count = 1;
		return 0;
	}
	if (group->count >= group->capacity) {
		uint32_t capacity = group->count * 2 + 2;
		int64_t *many = realloc(group->capacity > 0 ? group->order.many : NULL,
					capacity * sizeof(*many));

		if (many == NULL)
			return -ENOMEM;
		if (group->capacity == 0)
			many[0] = group->order.one;
		group->order.many = many;
		group->capacity = capacity;
	}
	memmove(group->order.many + at + 1, group->order.many + at,
		(group->count - at) * sizeof(int64_t));
	group->order.many[at] = order;
	group->count++;
	return 0;
}

static void remove_order(struct group *group, int64_t order)
{
	uint32_t at = position_of(group, order);

	if (at >= group->count || orders_of(group)[at] != order)
		return;
	group->count--;
	if (group->capacity > 0)
		memmove(group->order.many + at, group->order.many + at + 1,
			(group->count - at) * sizeof(int64_t));
}

static int grow(struct pyiptc_index *index)
{
	struct group *old = index->groups;
	uint32_t capacity = index->capacity, live = 0;

	for (uint32_t i = 0; i < capacity; i++)
		live += old[i].count > 0;
	index->capacity = 16;
	while (index->capacity < 4 * (live + 1))
		index->capacity *= 2;
	index->groups = calloc(index->capacity, sizeof(*index->groups));
	if (index->groups == NULL) {
		index->groups = old;
		index->capacity = capacity;
		return -ENOMEM;
	}
	index->used = live;
	for (uint32_t i = 0; i < capacity; i++) {
		if (old[i].count > 0)
			*find_group(index, old[i].hash) = old[i];
		else
			free_group(&old[i]);
	}
	free(old);
	return 0;
}

/* Where the rule of an order is. */
static uint32_t find_order(const struct pyiptc_chain *chain, int64_t order)
{
	uint32_t low = 0, high = chain->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (pyiptc_chain_rule(chain, middle)->order < order)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* ---- an index ------------------------------------------------------------------------------------ */

static void index_free(struct pyiptc_index *index)
{
	for (uint32_t i = 0; i < index->capacity; i++)
		free_group(&index->groups[i]);
	free(index->groups);
	free(index);
}

void pyiptc_chain_forget(struct pyiptc_chain *chain)
{
	while (chain->indexes != NULL) {
		struct pyiptc_index *next = chain->indexes->next;

		index_free(chain->indexes);
		chain->indexes = next;
	}
	chain->looked_at = 0;
}

/* Of two rules of an index and of one hash: whether they are the same, as far as can be told here. */
static bool are_alike(const struct pyiptc_family *family, const struct pyiptc_index *index,
		      const struct pyiptc_rule *a, const struct pyiptc_rule *b)
{
	uint32_t at = family->header_size, end = index->target, size;

	if (a->jump != b->jump || memcmp(a->data, b->data, family->ip_size) != 0)
		return false;
	for (; at < end; at += size) {
		const unsigned char *mask = mask_of(family, index, a->data + at);

		size = match_size(a->data + at);
		if (mask == NULL || match_size(b->data + at) != size ||
		    !same_where(a->data + at, b->data + at, mask, size))
			return false;
	}
	return a->kind != PYIPTC_RULE_PLAIN ||
	       same_where(a->data + end, b->data + end, index->mask + end, a->size - end);
}

static int index_add(const struct pyiptc_family *family, struct pyiptc_index *index,
		     const struct pyiptc_chain *chain, const struct pyiptc_rule *rule)
{
	struct group *group;
	uint64_t hash;

	if (!hash_entry(family, index, rule->data, rule->size, rule->kind, rule->jump, &hash))
		return 0;
	if (index->used >= index->capacity / 4 * 3 && grow(index) < 0)
		return -ENOMEM;
	group = find_group(index, hash);
	if (!group->is_used) {
		group->is_used = 1;
		group->hash = hash;
		index->used++;
	}
	if (group->count == 0)
		group->is_mixed = 0;
	else if (!group->is_mixed)
		group->is_mixed = !are_alike(
			family, index, rule,
			pyiptc_chain_rule(chain, find_order(chain, orders_of(group)[0])));
	return add_order(group, rule->order);
}

void pyiptc_chain_index_added(const struct pyiptc_family *family, struct pyiptc_chain *chain,
			      const struct pyiptc_rule *rule)
{
	for (struct pyiptc_index *index = chain->indexes; index != NULL; index = index->next) {
		if (index_add(family, index, chain, rule) < 0) {
			/* No memory for it: it is only there to be fast. */
			pyiptc_chain_forget(chain);
			return;
		}
	}
}

void pyiptc_chain_index_dropped(const struct pyiptc_family *family, struct pyiptc_chain *chain,
				const struct pyiptc_rule *rule)
{
	uint64_t hash;

	for (struct pyiptc_index *index = chain->indexes; index != NULL; index = index->next)
		if (hash_entry(family, index, rule->data, rule->size, rule->kind, rule->jump,
			       &hash))
			remove_order(find_group(index, hash), rule->order);
}

static struct pyiptc_index *index_new(const struct query *query)
{
	struct pyiptc_index *index = calloc(1, sizeof(*index) + 2 * (size_t)query->size);

	if (index == NULL)
		return NULL;
	index->size = query->size;
	index->target = query->target;
	index->kind = (uint8_t)query->kind;
	index->mask = index->entry + query->size;
	memcpy(index->entry, query->entry, query->size);
	memcpy(index->mask, query->mask, query->size);
	for (uint32_t i = 0; i < query->chain->count; i++) {
		if (index->groups == NULL && grow(index) < 0)
			break;
		if (index_add(query->family, index, query->chain,
			      pyiptc_chain_rule(query->chain, i)) < 0)
			break;
		if (i + 1 == query->chain->count)
			return index;
	}
	index_free(index);
	return NULL;
}

/* The index that has rules such as this one, or NULL where there is none yet. */
static struct pyiptc_index *index_of(const struct query *query, uint64_t *hash)
{
	for (struct pyiptc_index *index = query->chain->indexes; index != NULL; index = index->next)
		if (hash_entry(query->family, index, query->entry, query->size, query->kind,
			       query->jump, hash))
			return index;
	return NULL;
}

static struct pyiptc_index *make_index(const struct query *query, struct pyiptc_chain *chain,
				       uint64_t *hash)
{
	struct pyiptc_index *index = index_new(query), **last = &chain->indexes;

	chain->looked_at = 0;
	if (index == NULL)
		return NULL;
	index->next = chain->indexes;
	chain->indexes = index;
	for (int count = 0; *last != NULL && count < MOST_INDEXES; count++)
		last = &(*last)->next;
	if (*last != NULL) {
		index_free(*last); /* the oldest, as there is one more at a time */
		*last = NULL;
	}
	return index_of(query, hash);
}

/* ---- looking --------------------------------------------------------------------------------------- */

struct found {
	int64_t at;        /* the last one */
	uint32_t count;    /* of those that are the same */
	int64_t unordered; /* the first that is the same but for the order of its matches */
};

/* True: there is no need to look any further. */
static bool look_at(const struct query *query, uint32_t at, uint32_t wanted, struct found *found)
{
	const struct pyiptc_rule *rule = pyiptc_chain_rule(query->chain, at);

	if (is_same(query, rule)) {
		found->at = at;
		return ++found->count == wanted;
	}
	if (found->count == 0 && found->unordered < 0 && has_orders(query) &&
	    is_same_unordered(query, rule))
		found->unordered = at;
	return false;
}

static void look_into(const struct query *query, const struct group *group, uint32_t wanted,
		      struct found *found)
{
	const int64_t *orders = orders_of(group);
	if (group->count > 1 && !group->is_mixed) {
		/* All are alike: it is enough to look at one of them. */
		uint32_t last = wanted == 0 || wanted > group->count ? group->count : wanted;

		look_at(query, find_order(query->chain, orders[last - 1]), 0, found);
		found->unordered = -ENOENT;
		if (found->count > 0)
			found->count = last;
		else
			look_at(query, find_order(query->chain, orders[0]), 0, found);
		return;
	}
	for (uint32_t i = 0; i < group->count; i++)
		if (look_at(query, find_order(query->chain, orders[i]), wanted, found))
			return;
}

int64_t pyiptc_chain_seek(const struct pyiptc_family *family, struct pyiptc_chain *chain,
			  const unsigned char *entry, const unsigned char *mask, uint32_t size,
			  enum pyiptc_rule_kind kind, const struct pyiptc_chain *jump,
			  uint32_t wanted, uint32_t *count)
{
	const struct query query = { .family = family,
				     .chain = chain,
				     .entry = entry,
				     .mask = mask,
				     .size = size,
				     .target = target_offset(family, entry),
				     .kind = kind,
				     .jump = jump };
	struct found found = { .at = -ENOENT, .unordered = -ENOENT };
	uint64_t hash;
	struct pyiptc_index *index = index_of(&query, &hash);

	if (index == NULL && chain->looked_at > WORTH * (uint64_t)chain->count + 64)
		index = make_index(&query, chain, &hash);
	if (index != NULL) {
		look_into(&query, find_group(index, hash), wanted, &found);
	} else {
		uint32_t at = 0;

		while (at < chain->count && !look_at(&query, at, wanted, &found))
			at++;
		chain->looked_at += at;
	}
	if (found.count == 0 && found.unordered >= 0) {
		found.at = found.unordered;
		found.count = 1;
	}
	*count = found.count;
	return found.at;
}
