/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * Everything that crosses between the two halves of the shim.
 *
 * The inner half lives beside libxtables, in a link namespace of its own (dlmopen), with a libc
 * of its own. The outer half lives in the process. Between them go plain buffers and the two
 * tables of functions below; never a FILE, an errno, a pointer into an extension or ownership
 * of memory. There is no Python on either side of this header.
 *
 * One instance serves one family and one caller at a time: the outer half holds a mutex round
 * every call. What a reply points to stays valid until the next call on the same instance.
 */
#ifndef PYIPTC_INNER_H
#define PYIPTC_INNER_H

#include <stddef.h>
#include <stdint.h>

/* Both halves compare it, so that files of two builds never work together by accident. */
#define PYIPTC_INNER_ABI 5

/* Name of the only symbol the outer half looks up: a pyiptc_inner_open_fn. */
#define PYIPTC_INNER_SYMBOL "pyiptc_inner_open"

enum pyiptc_kind {
	PYIPTC_MATCH = 0,
	PYIPTC_TARGET = 1,
};

enum pyiptc_parse_flags {
	PYIPTC_PARSE_FINAL = 1, /* run the extension's final check too */
};

/* What the process lends to an instance. All functions may be called from any thread. */
struct pyiptc_host {
	unsigned int abi;
	void *(*malloc)(size_t size);
	void *(*calloc)(size_t count, size_t size);
	void *(*realloc)(void *block, size_t size);
	void (*free)(void *block);
	void *(*memalign)(size_t alignment, size_t size);
	size_t (*usable_size)(void *block);
	/* 1: the kernel of the calling thread's network namespace knows this revision; 0: not;
	 * negative: it cannot be asked, as without CAP_NET_ADMIN and CAP_NET_RAW. */
	int (*revision)(unsigned int family, enum pyiptc_kind kind, const char *name,
			uint8_t revision);
	/* The process's, to be copied: it is changed and freed without the other libc hearing of
	 * it. NULL where there is one libc for both. */
	char *const *environment;
};

struct pyiptc_extension {
	char name[32]; /* as the kernel knows it: of `-m state` it is "conntrack" */
	unsigned int revision;
	uint32_t size;      /* bytes of the payload after its header, a multiple of 8 */
	uint32_t user_size; /* of these, the ones that count when rules are compared */
	int has_save;
	int has_parse;
};

struct pyiptc_option {
	const char *name;
	int has_arg; /* as in struct option: 0 none, 1 one, 2 optional */
	int id;      /* names of the same option have the same */
};

/* The chains of the table that a rule is for. */
struct pyiptc_chains {
	int (*has)(void *context, const char *name); /* 1 or 0 */
	void *context;
};

/* How a guarded call ended when it did not return: status of exit_err() or exit(). */
struct pyiptc_reply {
	const char *error;    /* the library's own words, or NULL */
	const char *warnings; /* what it printed on standard error, never NULL */
	const char *text;     /* what it printed on standard output, never NULL */
	const char *alias;    /* save: name to print after -m or -j, never NULL */
	const unsigned char *payload;
	size_t warnings_size;
	size_t text_size;
	size_t payload_size;
	const struct pyiptc_option *options;
	size_t option_count;
	uint32_t entry_count;  /* rule: of payload, one after the other */
	int is_fallthrough;    /* rule: there is no target */
	int is_assumed;        /* a revision that the kernel could not be asked about: keep no
				* answer, the next one may be another */
	void *block;           /* the outer half's: where it keeps its copy */
	const char *operation; /* libiptc: its function that failed, or NULL; static */
	int is_replaced;       /* libiptc_commit: the kernel has the new rules, come what may */
};

/* ---- libiptc: a table as read, and what to do with it ------------------------------------------ */

struct ipt_replace;
struct xt_counters;

/* A snapshot is a struct ipt_getinfo and, that many bytes on, the entries. */
#define PYIPTC_SNAPSHOT_HEADER 88

enum pyiptc_step_kind {
	PYIPTC_STEP_DELETE_RULE,
	PYIPTC_STEP_FLUSH,
	PYIPTC_STEP_DELETE_CHAIN,
	PYIPTC_STEP_CREATE_CHAIN,
	PYIPTC_STEP_INSERT,
	PYIPTC_STEP_POLICY,
};

/* One change, in libiptc's terms. */
struct pyiptc_step {
	enum pyiptc_step_kind kind;
	uint32_t index; /* 0-based: of a rule, at that moment */
	const char *chain;
	const void *entry;                  /* INSERT */
	const char *target;                 /* INSERT: verdict, chain, "" for the next rule, or
					     * NULL: the entry names it. POLICY: its name */
	const struct xt_counters *counters; /* POLICY: to be set to, or NULL */
};

/* Counters that libiptc does not carry over: entry @to of the new table gets those of entry @from
 * of the one that was read, as the kernel gives them at the replace, less these. */
struct pyiptc_carry {
	uint32_t to, from;
	uint64_t less_packets, less_bytes;
};

struct pyiptc_edit {
	const char *table;
	const unsigned char *before; /* entries as read */
	uint32_t before_count;
	const struct ipt_replace *after; /* the table that the kernel must be sent */
	const struct pyiptc_step *steps;
	const struct pyiptc_carry *carries;
	size_t step_count;
	size_t carry_count;
};

/**
 * Functions of one instance. All return 0 or a negative errno and fill @reply either way:
 * -EPROTO  the library refused; reply->error says why, in its words
 * -ENOTSUP the extension is not known here in this form (another revision, another size)
 * -ENOMEM  the process is out of memory
 */
struct pyiptc_inner {
	unsigned int abi;
	const char *libxtables_version; /* "libxtables.so.12" */

	/* Prepare the calling thread; call it first whenever the thread may be a new one. */
	void (*enter)(void);
	int (*find)(enum pyiptc_kind kind, const char *name, struct pyiptc_extension *extension,
		    struct pyiptc_reply *reply);
	/* Long options of an extension: reply->options. */
	int (*options)(enum pyiptc_kind kind, const char *name, struct pyiptc_reply *reply);
	/* @header: the rule's ipt_entry or ip6t_entry. @argv[0] is ignored, @argv[argc] is NULL. */
	int (*parse)(enum pyiptc_kind kind, const char *name, const void *header,
		     size_t header_size, int argc, char **argv, unsigned int flags,
		     struct pyiptc_reply *reply);
	/* What may follow `iptables -A CHAIN`, as for parse(): one entry for each pair of addresses.
	 * @chains: NULL where they are not known: a target that is no extension is one then.
	 * reply->payload, entry_count, is_fallthrough; reply->alias: the chain of a jump, or "". */
	int (*rule)(int argc, char **argv, const struct pyiptc_chains *chains,
		    struct pyiptc_reply *reply);
	/* @payload: xt_entry_match or xt_entry_target with its data. reply->text, reply->alias. */
	int (*save)(enum pyiptc_kind kind, const void *header, size_t header_size,
		    const void *payload, size_t payload_size, struct pyiptc_reply *reply);
	/* The name that iptables prints after -p, or "" where there is none: reply->text. */
	int (*protocol_name)(unsigned int number, struct pyiptc_reply *reply);
	int (*protocol_number)(const char *name, unsigned int *number, struct pyiptc_reply *reply);
	/* Ask the DNS for host names from now on (1) or never (0, as it starts). */
	void (*resolve)(int on);

	/* Load libip4tc or libip6tc from @path, or soname; nothing where it is loaded. -ELIBACC:
	 * reply->error says why not. The functions below come after it. */
	int (*libiptc_load)(unsigned int family, const char *path, struct pyiptc_reply *reply);
	/* A table of the network namespace of @fd, a socket: reply->payload is a snapshot.
	 * The kernel's errno, or -EOPNOTSUPP: this instance has no namespace of its own. */
	int (*libiptc_read)(int fd, const char *table, struct pyiptc_reply *reply);
	/* All or nothing, unless reply->is_replaced. -EAGAIN: the table is not @edit->before any
	 * more. reply->payload: the struct xt_counters that the new entries started with. */
	int (*libiptc_commit)(int fd, const struct pyiptc_edit *edit, struct pyiptc_reply *reply);
};

/**
 * Load libxtables beside this half and make it ready for one family.
 * @libxtables: path or soname. @libdir: directories of extensions (colon list), or NULL for the
 * library's own. @error: out, on failure; static storage.
 * Return: the functions, static storage, or NULL.
 */
typedef const struct pyiptc_inner *pyiptc_inner_open_fn(const struct pyiptc_host *host,
							unsigned int family, const char *libxtables,
							const char *libdir, const char **error);

#endif
