/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * The C shim: all that the Cython layer calls.
 *
 * Functions return 0 (or a count, or an id) or a negative errno, unless they say otherwise.
 * Out-parameters come last and are written on success only. Memory that is handed out belongs
 * to the caller from then on and goes back through the function that the comment names. Nothing
 * here prints, exits or knows Python, and no static variable changes but the list of instances.
 */
#ifndef PYIPTC_H
#define PYIPTC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "inner/inner.h"
#include "layout.h"

/* ---- family.c: what differs between IPv4 and IPv6 ------------------------------------------ */

struct pyiptc_family {
	unsigned int nfproto; /* NFPROTO_IPV4 or NFPROTO_IPV6; the same number as AF_INET(6) */
	int level;            /* of the socket options: IPPROTO_IP or IPPROTO_IPV6 */
	int revision_match;   /* IPT_SO_GET_REVISION_MATCH … */
	int revision_target;
	uint32_t header_size;  /* sizeof(struct ipt_entry) */
	uint32_t ip_size;      /* bytes of the header that tell which packets it is about */
	uint32_t address_size; /* src, dst and their masks stand first, one after the other */
	uint32_t iniface;      /* offsets of the names; their masks are 32 bytes further on */
	uint32_t outiface;
	uint32_t proto;   /* u16 */
	uint32_t flags;   /* u8; invflags follow */
	uint32_t offsets; /* offset of target_offset; next_offset follows */
	uint32_t counters;
	const char *module; /* of the kernel: "ip_tables" */
};

/* NULL where @nfproto is neither family. */
const struct pyiptc_family *pyiptc_family(unsigned int nfproto);
/* @address: out, address_size bytes. False: no address of the family; no name is looked up. */
bool pyiptc_read_address(const struct pyiptc_family *family, const char *text,
			 unsigned char *address);

/* ---- lockfile.c: the file that iptables locks round each change ------------------------------- */

struct pyiptc_lock {
	int fd;
	int state; /* 0: locked; -EWOULDBLOCK: somebody else has it; -EINVAL: no regular file */
	uint64_t device, inode;
};

/**
 * Open as iptables does, created with mode 0600 if @create, never truncated, no link followed, and
 * close-on-exec; and lock it if nobody has it. Return: 0 with @lock filled in, or what open() says.
 */
int pyiptc_lock_open(const char *path, bool create, struct pyiptc_lock *lock);
void pyiptc_lock_close(int fd, bool is_held);

/* ---- sockopt.c: one function per socket option ---------------------------------------------- */

/**
 * A socket, close-on-exec: what the options below are asked of. It belongs to the network
 * namespace that the calling thread was in. Return: the descriptor, or -EPERM, -EACCES, -EMFILE,
 * -EAFNOSUPPORT.
 */
int pyiptc_socket(const struct pyiptc_family *family);
/* Number that the kernel gives a network namespace once and never again. -ENOPROTOOPT: before
 * Linux 5.14. */
int pyiptc_netns_cookie(int fd, uint64_t *cookie);
/* Let the calling thread be in another network namespace. -EPERM, -EINVAL, -EBADF. */
int pyiptc_setns(int fd);
/* -ENOENT: no such table; -ENOPROTOOPT: no ip_tables in this kernel; -EPERM; -ENAMETOOLONG. */
int pyiptc_get_info(int fd, const struct pyiptc_family *family, const char *table,
		    struct ipt_getinfo *info);
/* @entries: the caller's, name and size filled in. -EAGAIN: the size is another one by now; that the
 * table is not another one of that size only a second pyiptc_get_info() tells. */
int pyiptc_get_entries(int fd, const struct pyiptc_family *family, struct ipt_get_entries *entries);
/* The kernel takes all or nothing. @size: bytes of @replace with its entries. */
int pyiptc_set_replace(int fd, const struct pyiptc_family *family, struct ipt_replace *replace,
		       size_t size);
int pyiptc_add_counters(int fd, const struct pyiptc_family *family, struct xt_counters_info *info,
			size_t size);
/* 1: known; 0: not known; -EPERM: may not ask. Asks in the namespace of the calling thread. */
int pyiptc_get_revision(const struct pyiptc_family *family, enum pyiptc_kind kind, const char *name,
			uint8_t revision);
/**
 * Load a kernel module as iptables does: run what /proc/sys/kernel/modprobe names.
 * Does nothing where the environment says PYIPTC_MODPROBE=0. -ENOENT: there is no such program;
 * -EIO: it failed.
 */
int pyiptc_load_module(const char *name);

/* ---- nft_netlink.c: through nf_tables, without ip_tables in the kernel ------------------------ */

/* As pyiptc_get_revision(), or -EOPNOTSUPP: nft_compat is not there. */
int pyiptc_get_nft_revision(const struct pyiptc_family *family, enum pyiptc_kind kind,
			    const char *name, uint8_t revision);

/* ---- table.c: a table in memory ------------------------------------------------------------- */

/* Rules whose verdict is not a plain number. */
enum pyiptc_rule_kind {
	PYIPTC_RULE_PLAIN = 0,
	PYIPTC_RULE_JUMP = 1,        /* to rule->jump */
	PYIPTC_RULE_FALLTHROUGH = 2, /* no target: the next rule */
};

#define PYIPTC_ORIGIN_NONE UINT32_MAX

/* nf_tables has longer names than ip_tables (NFT_NAME_MAXLEN); nobody can make such a chain here. */
#define PYIPTC_NAME_SIZE 256

struct pyiptc_chain;
struct pyiptc_raw;       /* nft_table.h: a rule of nf_tables that no entry can say */
struct pyiptc_nft;       /* nft_table.h: what the kernel has of a table */
struct pyiptc_nft_chain; /* nft_table.h: and of a chain */
struct pyiptc_index;

/* A rule on its way to or from a kernel: its entry, and the chain of a jump beside it. */
struct pyiptc_rule {
	unsigned char *data;       /* ipt_entry or ip6t_entry; memory of the table */
	struct pyiptc_chain *jump; /* or NULL */
	uint64_t handle;           /* nft: the kernel's number of it; 0: it is not there yet */
	const struct pyiptc_raw
		*raw;      /* nft: the rule, where the entry only stands for it; or NULL */
	int64_t order;     /* grows along the chain */
	uint32_t origin;   /* index of the kernel's entry whose counters it goes on with */
	uint16_t size;     /* its next_offset */
	uint8_t kind;      /* enum pyiptc_rule_kind */
	uint8_t is_zeroed; /* count from the last read on */
};

/**
 * Somebody who reads the memory of a table's block, and goes on when the table has another, or is
 * freed. Counters in it are the table's to write as long as it has the block.
 */
struct pyiptc_share {
	struct pyiptc_table *table; /* that has the block; NULL: no more */
	void *block;                /* then: to be freed */
};

struct pyiptc_chain {
	char name[PYIPTC_NAME_SIZE]; /* NUL-terminated */
	int hook;                    /* NF_INET_*, or -1: user-defined */
	int policy;                  /* verdict as in the blob: -NF_ACCEPT - 1, -NF_DROP - 1 */
	struct xt_counters counters; /* of the policy */
	uint32_t origin;
	uint8_t is_zeroed;
	uint8_t is_set; /* the policy's counters are to become the ones given */
	struct xt_counters given;
	uint32_t references; /* rules that jump or go here */
	uint32_t count;
	/* Rules with a gap in between, so that edits near each other cost no moving. */
	struct pyiptc_rule *slots;
	uint32_t capacity, gap;
	uint32_t head_offset, first_offset, foot_offset; /* in the blob being built or read */
	struct pyiptc_nft_chain *nft; /* nft: what the kernel has of it; NULL: nothing */
	uint8_t is_edited;            /* something of it is not as in the kernel */
	uint8_t is_unread;            /* nft: the kernel's rules were not read; they stand before */
	uint32_t unread_at;           /* the rule of this index */
	struct pyiptc_index *indexes; /* of table_index.c */
	uint64_t looked_at;           /* rules, since there was a new one */
};

struct pyiptc_table {
	const struct pyiptc_family *family;
	char name[XT_TABLE_MAXNAMELEN];
	uint32_t valid_hooks;
	uint32_t num_entries;         /* the kernel's, when it was read */
	struct ipt_getinfo info;      /* of what was read, or committed last */
	struct pyiptc_chain **chains; /* built-in ones by hook, then the others by name */
	uint32_t chain_count, chain_capacity, builtin_count;
	unsigned char *entries; /* as read, inside of block */
	void *block;
	struct pyiptc_share *share; /* who else reads the block, or NULL */
	struct pyiptc_arena *arena; /* entries added since */
	uint8_t is_changed;         /* other rules, chains or policies than the kernel's */
	uint8_t is_recounted;       /* other counters */
	uint8_t is_consulted;       /* nft: edits since the last read depend on what was read */
	uint8_t nft_form;           /* enum pyiptc_nft_form, of the rules that are written */
	struct pyiptc_nft *nft;     /* nft only */
};

/* Where and why a blob is not what ip_tables.h says. */
struct pyiptc_blob_error {
	uint32_t offset;
	const char *reason; /* static */
};

/**
 * Take a table apart. @entries: info->size bytes inside @block, which is malloc()ed and the
 * table's from now on, on failure too. -EBADMSG: see @error; -ENOMEM. Free with
 * pyiptc_table_free().
 */
int pyiptc_table_load(const struct pyiptc_family *family, const struct ipt_getinfo *info,
		      void *block, unsigned char *entries, struct pyiptc_blob_error *error,
		      struct pyiptc_table **table);
void pyiptc_table_free(struct pyiptc_table *table);

/* NULL: no such chain. O(log chains). */
struct pyiptc_chain *pyiptc_table_find_chain(const struct pyiptc_table *table, const char *name);
/* -EEXIST (a verdict's name too), -EINVAL (too long), -ENOMEM. */
int pyiptc_table_create_chain(struct pyiptc_table *table, const char *name,
			      struct pyiptc_chain **chain);
/* -EINVAL built-in, -EMLINK there are jumps to it, -ENOTEMPTY. */
int pyiptc_table_delete_chain(struct pyiptc_table *table, struct pyiptc_chain *chain);
/* -EEXIST, -EINVAL too long, -ENOENT built-in. */
int pyiptc_table_rename_chain(struct pyiptc_table *table, struct pyiptc_chain *chain,
			      const char *name);
void pyiptc_table_flush_chain(struct pyiptc_table *table, struct pyiptc_chain *chain);
/* @counters: or NULL, then it goes on counting. -ENOENT user-defined, -EINVAL not a policy. */
int pyiptc_table_set_policy(struct pyiptc_table *table, struct pyiptc_chain *chain,
			    const char *policy, const struct xt_counters *counters);
/* Count all rules of a chain from its last read on, and its policy too if @with_policy. */
void pyiptc_table_zero_chain(struct pyiptc_table *table, struct pyiptc_chain *chain,
			     bool with_policy);

/* Share a table's block. @share: nobody else's, and the table's until pyiptc_share_end(). */
void pyiptc_share_begin(struct pyiptc_share *share, struct pyiptc_table *table);
void pyiptc_share_end(struct pyiptc_share *share);
/* Whether a rule is in the table's block, and not among what was added since. */
int pyiptc_table_has_in_block(const struct pyiptc_table *table, const struct pyiptc_rule *rule);
/* Whether a chain's rules are an eighth of the table's block, or more. */
int pyiptc_chain_is_much(const struct pyiptc_table *table, const struct pyiptc_chain *chain);
/* @index: 0-based and in range; the rule stays valid until the next edit of the chain. */
struct pyiptc_rule *pyiptc_chain_rule(const struct pyiptc_chain *chain, uint32_t index);
/**
 * @entry is copied. @jump: chain of a jump, NULL otherwise. The entry's counters are what it
 * starts with. -E2BIG: @index beyond the end; -EINVAL: not a well-formed entry; -ENOMEM.
 */
int pyiptc_table_insert(struct pyiptc_table *table, struct pyiptc_chain *chain, uint32_t index,
			const unsigned char *entry, uint32_t size, enum pyiptc_rule_kind kind,
			struct pyiptc_chain *jump);
/* Have room in one piece for entries of so many bytes, which are appended next, if there are many. */
int pyiptc_table_reserve(struct pyiptc_table *table, uint64_t size);
/* One place of a rule, and what stands there in as many rules. */
struct pyiptc_variants {
	const unsigned char *values; /* one after the other */
	uint32_t count, step;        /* bytes of each */
	uint32_t at, width;          /* where its first so many bytes stand in the entry */
	uint32_t mask_at;            /* where the others do */
};

/* Append as many rules as there are values, or none. @model: data, size, kind and jump, as below. */
int pyiptc_table_append_variants(struct pyiptc_table *table, struct pyiptc_chain *chain,
				 const struct pyiptc_rule *model,
				 const struct pyiptc_variants *variants);
/* As inserting at the end, which need not have been read. */
int pyiptc_table_append(struct pyiptc_table *table, struct pyiptc_chain *chain,
			const unsigned char *entry, uint32_t size, enum pyiptc_rule_kind kind,
			struct pyiptc_chain *jump);
int pyiptc_table_replace(struct pyiptc_table *table, struct pyiptc_chain *chain, uint32_t index,
			 const unsigned char *entry, uint32_t size, enum pyiptc_rule_kind kind,
			 struct pyiptc_chain *jump);
int pyiptc_table_delete(struct pyiptc_table *table, struct pyiptc_chain *chain, uint32_t index);
/**
 * The first rule from @index on that is the same as @entry where @mask (of @size bytes) has
 * bits, as `iptables -C` compares. Return: its index, or -ENOENT.
 */
int64_t pyiptc_chain_find(const struct pyiptc_family *family, const struct pyiptc_chain *chain,
			  uint32_t index, const unsigned char *entry, const unsigned char *mask,
			  uint32_t size, enum pyiptc_rule_kind kind,
			  const struct pyiptc_chain *jump);
/**
 * The rules that are the same as @entry where @mask has bits; where there is none, the first that is
 * but for the order of its matches. @wanted: which of them, from 1 on, or the last where there are
 * fewer; 0: the last. @count: out, how many were seen, all of them if @wanted is 0.
 * Cost: that of looking at each, at first; of a look into an index, which is made then. Return:
 * index, or -ENOENT.
 */
int64_t pyiptc_chain_seek(const struct pyiptc_family *family, struct pyiptc_chain *chain,
			  const unsigned char *entry, const unsigned char *mask, uint32_t size,
			  enum pyiptc_rule_kind kind, const struct pyiptc_chain *jump,
			  uint32_t wanted, uint32_t *count);
/* From @index on, the first rule that another chain has not at this place: at most the length of the
 * shorter one. All that is sent counts, but no counters. */
uint32_t pyiptc_chain_difference(const struct pyiptc_family *family, const struct pyiptc_chain *a,
				 const struct pyiptc_chain *b, uint32_t index);
/* Whether what was read of two tables, edits since apart, is the same but for counters. */
bool pyiptc_table_is_as_read(const struct pyiptc_table *a, const struct pyiptc_table *b);
/* The table as it was read or committed last, without the edits since. -ENOMEM. */
int pyiptc_table_as_read(const struct pyiptc_table *table, struct pyiptc_table **out);
/**
 * Whether @entry is one: offsets in order, aligned and inside @size, the payloads filling it.
 * Return: NULL, or why not; *@offset then says where.
 */
const char *pyiptc_entry_check(const struct pyiptc_family *family, const unsigned char *entry,
			       uint32_t size, uint32_t *offset);

/* A table laid out for IPT_SO_SET_REPLACE. */
struct pyiptc_image {
	struct ipt_replace *replace; /* with its entries; size bytes in all */
	size_t size;
	void *block;                /* what is to be freed for that; or NULL, and it is in */
	struct pyiptc_arena *arena; /* memory that the table keeps, around the entries there */
	struct xt_counters *old;    /* the kernel writes the replaced entries' counters here */
	struct xt_counters_info *counters;
	size_t counters_size;
	uint8_t has_counters; /* any that are not zero */
};

/* -ENOMEM, -E2BIG: more than 4 GiB. Free with pyiptc_image_free(). */
int pyiptc_table_build(struct pyiptc_table *table, struct pyiptc_image *image);
/* After the replace: what each new entry's counters have to grow by. */
void pyiptc_table_map_counters(const struct pyiptc_table *table, struct pyiptc_image *image);
/* After both calls: the table is what the kernel has, counters as they were at the replace. */
void pyiptc_table_adopt(struct pyiptc_table *table, struct pyiptc_image *image);
void pyiptc_image_free(struct pyiptc_image *image);
/* Let a table that was read earlier be put back over what the kernel has @now: its counters become
 * what they were when it was read. Of nf_tables all rules must have been read, and @now is empty
 * afterwards. */
void pyiptc_table_put_back(struct pyiptc_table *table, struct pyiptc_table *now);
/* Only counters changed: what the kernel's have to grow by (wrapping), without a replace. */
int pyiptc_table_recount(const struct pyiptc_table *table, struct xt_counters_info **info,
			 size_t *size);
void pyiptc_table_adopt_counters(struct pyiptc_table *table);

/* ---- print.c: parts of an entry as iptables-save prints them ---------------------------------- */

/* All write at @at, without a NUL, at most PYIPTC_TEXT_MAX bytes, and return where they ended. */
#define PYIPTC_TEXT_MAX 1024

/* In quotes where it needs them, as iptables-restore reads words: at most 2 * @size + 2 bytes. */
char *pyiptc_word_print(const char *word, size_t size, char *at);
/* "[packets:bytes]" */
char *pyiptc_counters_print(const struct xt_counters *counters, char *at);
/* As it stands in a blob; of one that has no name, the number. */
char *pyiptc_verdict_print(int verdict, char *at);
/* "address/length", or with the mask written out where it has holes or @dotted says so. */
char *pyiptc_network_print(const struct pyiptc_family *family, const unsigned char *address,
			   const unsigned char *mask, bool dotted, char *at);
/* "" for any interface, "eth+" for all that begin so. Both have IFNAMSIZ bytes. */
char *pyiptc_interface_print(const unsigned char *name, const unsigned char *mask, char *at);
/* " -s 192.0.2.0/24 -p tcp": a blank before each word. @protocol: its name, of at most 255 bytes, or
 * "" for the number. */
char *pyiptc_header_print(const struct pyiptc_family *family, const unsigned char *header,
			  const char *protocol, char *at);
/* Whether its jump does not come back. */
bool pyiptc_header_is_goto(const struct pyiptc_family *family, const unsigned char *header);

/* Extensions whose options are printed here as libxtables does. */
#define PYIPTC_PRINTED_COUNT 3

/* Which of these a payload of @size bytes belongs to; -1: none. */
int pyiptc_payload_printer(enum pyiptc_kind kind, const unsigned char *payload, size_t size);
/* " --dport 80". NULL: there is more to this payload. */
char *pyiptc_payload_print(int printer, const unsigned char *payload, char *at);

/* ---- handle.h: the ways to a kernel ---------------------------------------------------------- */

/* The rules are in, their counters are not. */
#define PYIPTC_COUNTERS_LOST 1

struct pyiptc_error {
	const char *table;             /* which of several, or NULL; its memory */
	int number;                    /* a positive errno */
	const char *operation;         /* static: the call that failed */
	struct pyiptc_blob_error blob; /* where number is EBADMSG */
	char text[384];                /* the library's own words, or "" */
	char place[448];               /* which rule or chain the kernel refused, and its words */
};

struct pyiptc_instance;

/**
 * One way to read tables from a kernel and to send changed ones back. Both functions may block
 * and are called without the GIL. They return 0, PYIPTC_COUNTERS_LOST, or a negative errno with
 * @error filled in; then the kernel has what it had.
 * @fd: socket of the namespace; @instance: for handles that work inside one, or NULL.
 */
struct pyiptc_handle {
	const char *name;
	int (*read)(int fd, struct pyiptc_instance *instance, const struct pyiptc_family *family,
		    const char *table, struct pyiptc_table **out, struct pyiptc_error *error);
	int (*commit)(int fd, struct pyiptc_instance *instance, struct pyiptc_table *table,
		      struct pyiptc_error *error);

	/* The rest is for handles that read by need, and NULL for the others. The calling thread is
	 * in the table's network namespace. */

	/* 1: the rules, chains and policies that were read are still the kernel's; 0: they are not, or
	 * that cannot be told. */
	int (*is_current)(struct pyiptc_table *table, struct pyiptc_error *error);
	/* Read the rules of a chain, or of all (NULL), at one moment. Chains move in memory. */
	int (*load)(struct pyiptc_table *table, const char *chain, struct pyiptc_error *error);
	/* Read the counters of a chain's rules and let them start again, at once; they are in the
	 * entries then. -EOPNOTSUPP: the kernel cannot. PYIPTC_COUNTERS_LOST: some have started again,
	 * and were not read. */
	int (*take_counters)(struct pyiptc_table *table, const char *chain,
			     struct pyiptc_error *error);
	/* Several tables at once, all or nothing. */
	int (*commit_all)(struct pyiptc_table **tables, size_t count, struct pyiptc_error *error);
};

extern const struct pyiptc_handle pyiptc_handle_legacy;
/**
 * Through libip4tc or libip6tc, in an instance of the table's family, which is needed. Errors are
 * in libiptc's words. Beside the kernel's: -ELIBACC, the library cannot be loaded; -EOPNOTSUPP,
 * libiptc cannot do this, or not in this process; -EPROTO, it gave up; -EAGAIN at a commit, the
 * table is not the one that was read any more.
 */
extern const struct pyiptc_handle pyiptc_handle_libiptc;
/**
 * nf_tables, as iptables-nft writes it, through netlink: no socket option of ip_tables, no lock.
 * The five tables of iptables are there, whether nf_tables has made them or not; reading makes
 * none. A chain whose rules were not needed yet is unread. -EAGAIN at a commit: others have changed
 * what it depends on.
 */
extern const struct pyiptc_handle pyiptc_handle_nft;

/* ---- plain.c: rules that need no libxtables to be read -------------------------------------------- */

/* The words of one extension: argv[first] and so on. */
struct pyiptc_part {
	const char *name;
	int first, count;
};

#define PYIPTC_PARTS_MAX 32
#define PYIPTC_PLAIN_MAX 512 /* bytes of what pyiptc_plain_match() writes, at most */

struct pyiptc_plain {
	unsigned char header[sizeof(struct ip6t_entry)]; /* of the family; without offsets */
	struct pyiptc_part parts[PYIPTC_PARTS_MAX];      /* matches */
	uint32_t part_count;
	const char *jump; /* what follows -j or -g, or NULL */
	int jump_first, jump_count;
	bool is_goto;
};

/**
 * Take the words of a rule apart, as far as they are what iptables-save prints. @argv ends with
 * NULL. False: there is more to it, or something wrong with it; @rule is undefined then.
 */
bool pyiptc_plain_rule(const struct pyiptc_family *family, int argc, char **argv,
		       struct pyiptc_plain *rule);
/**
 * The payload of a match whose values differ from rule to rule: ports of tcp and udp, comments.
 * @header: of the rule. @payload: PYIPTC_PLAIN_MAX bytes. Return: its size, or 0: ask libxtables.
 * Source: linux/netfilter/xt_tcpudp.h, xt_comment.h.
 */
uint32_t pyiptc_plain_match(const struct pyiptc_family *family, const unsigned char *header,
			    const char *name, int argc, char **argv, unsigned char *payload);

/* ---- instance.c: a libxtables of its own for each family --------------------------------------- */

/**
 * @inner: path of the inner half. @libxtables: path or soname. @libdir: extension directories or
 * NULL. @single: no namespace of its own (musl, sanitizers): what the inner half interposes does
 * not work then. @error: out, on failure, @error_size bytes: what the dynamic linker said.
 * Return: 0, -EPERM (set-uid process), -ENOENT (@error), -ENOMEM.
 */
int pyiptc_instance_open(unsigned int nfproto, const char *inner, const char *libxtables,
			 const char *libdir, int single, struct pyiptc_instance **instance,
			 char *error, size_t error_size);
/* Path or soname of libip4tc or libip6tc, to be loaded when it is first needed. -ENOMEM. */
int pyiptc_instance_set_libiptc(struct pyiptc_instance *instance, const char *path);
/* What was set, or NULL. Inside of the instance. */
const char *pyiptc_instance_libiptc(const struct pyiptc_instance *instance);
/* The inner half for the calling thread alone, until pyiptc_instance_leave(). */
const struct pyiptc_inner *pyiptc_instance_enter(struct pyiptc_instance *instance);
void pyiptc_instance_leave(struct pyiptc_instance *instance);
/*
 * The functions of struct pyiptc_inner, for one thread at a time. They wait for the instance's
 * mutex: call them without the GIL, or a fork() elsewhere waits for ever. What a reply points
 * to is the caller's, until pyiptc_reply_free(), which every call needs, after a failure too.
 */
int pyiptc_find(struct pyiptc_instance *instance, enum pyiptc_kind kind, const char *name,
		struct pyiptc_extension *extension, struct pyiptc_reply *reply);
int pyiptc_options(struct pyiptc_instance *instance, enum pyiptc_kind kind, const char *name,
		   struct pyiptc_reply *reply);
int pyiptc_parse(struct pyiptc_instance *instance, enum pyiptc_kind kind, const char *name,
		 const void *header, size_t header_size, int argc, char **argv, unsigned int flags,
		 struct pyiptc_reply *reply);
/* @resolve: ask the resolver for host names, and wait for it. */
int pyiptc_parse_rule(struct pyiptc_instance *instance, int resolve, int argc, char **argv,
		      const struct pyiptc_chains *chains, struct pyiptc_reply *reply);
int pyiptc_save(struct pyiptc_instance *instance, enum pyiptc_kind kind, const void *header,
		size_t header_size, const void *payload, size_t payload_size,
		struct pyiptc_reply *reply);
int pyiptc_protocol_name(struct pyiptc_instance *instance, unsigned int number,
			 struct pyiptc_reply *reply);
int pyiptc_protocol_number(struct pyiptc_instance *instance, const char *name, unsigned int *number,
			   struct pyiptc_reply *reply);
void pyiptc_reply_free(struct pyiptc_reply *reply);
/* From now on ask nf_tables first which revisions the kernel knows, and ip_tables where it cannot
 * tell. As it starts it is the other way round. */
void pyiptc_instance_prefer_nft(struct pyiptc_instance *instance);
/* 1 where the C library can open instances with namespaces of their own. */
int pyiptc_instance_has_namespaces(void);

/* ---- nft_codec.h: rules as nf_tables expressions, a part of this contract ----------------------- */

#include "nft_codec.h"

#endif
