/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Find, parse, check and print one match or target through libxtables.
 *
 * Every parse is whole: fresh payload, fresh scratch area (udata), all options in order, then
 * everything is put back. No state of one rule is ever seen by another.
 *
 * struct xt_option_entry grew in 1.8.11 without a new soname, so its tables are never walked
 * here: xtables_options_xfrm() turns them into struct option.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "interpose.h"
#include "libiptc.h"
#include "library.h"
#include "revision.h"
#include "sane.h"

_Static_assert(MATCH_HEADER == 32 && TARGET_HEADER == 32, "headers of x_tables.h");

struct library lib;
unsigned int family;

static const struct pyiptc_host *host;

/* What a rule's header points to while an extension looks at it. */
static union rule_header header;

static struct option no_options[] = { { 0 } };
static void exit_err(enum xtables_exittype status, const char *format, ...)
	__attribute__((noreturn, format(printf, 2, 3)));
static int compatible_revision(const char *name, uint8_t revision, int opt);

struct xtables_globals globals = {
	.program_name = "pyiptc",
	.program_version = "",
	.orig_opts = no_options,
	.opts = no_options,
	.exit_err = exit_err,
	.compat_rev = compatible_revision,
};

/* One match or target of libxtables, whichever it is: its fields have one layout each. */
struct module {
	enum pyiptc_kind kind;
	struct xtables_match *match;
	struct xtables_target *target;
};

static struct module current;        /* being parsed: released on the jump path too */
static unsigned char *payload_block; /* reply of the last parse */
static struct pyiptc_option *options_block;

static void exit_err(enum xtables_exittype status, const char *format, ...)
{
	va_list args;

	(void)status;
	va_start(args, format);
	guard_vfail(format, args);
}

/* The library's own version of this opens a socket and may exit(); the host's answers. */
static int compatible_revision(const char *name, uint8_t revision, int opt)
{
	bool is_target = family == NFPROTO_IPV4 ? opt == IPT_SO_GET_REVISION_TARGET
						: opt == IP6T_SO_GET_REVISION_TARGET;
	enum pyiptc_kind kind = is_target ? PYIPTC_TARGET : PYIPTC_MATCH;
	int rc = host->revision(family, kind, name, revision);

	/* Where the kernel cannot be asked, assume that it knows it, as libxtables does. */
	if (rc < 0)
		revision_assumed(kind, name, revision);
	if (rc != 0)
		return 1;
	if (revision != 0)
		return 0;
	/* Revision 0 is taken all the same, so that it is the kernel that refuses the rule. */
	fprintf(stderr, "Extension %s revision 0 not supported, missing kernel module?\n", name);
	return 1;
}

static struct module module_find(enum pyiptc_kind kind, const char *name)
{
	struct module module = { .kind = kind };

	/* MUST_SUCCEED: it says why in exit_err(), and does not remember an unknown target. */
	if (kind == PYIPTC_MATCH)
		module.match = lib.find_match(name, XTF_LOAD_MUST_SUCCEED, NULL);
	else
		module.target = lib.find_target(name, XTF_LOAD_MUST_SUCCEED);
	return module;
}

static const char *module_real_name(const struct module *module)
{
	if (module->kind == PYIPTC_MATCH)
		return module->match->real_name != NULL ? module->match->real_name
							: module->match->name;
	return module->target->real_name != NULL ? module->target->real_name : module->target->name;
}

static void module_describe(const struct module *module, struct pyiptc_extension *extension)
{
	const struct xtables_match *m = module->match;
	const struct xtables_target *t = module->target;

	memset(extension, 0, sizeof(*extension));
	snprintf(extension->name, sizeof(extension->name), "%s", module_real_name(module));
	if (module->kind == PYIPTC_MATCH) {
		extension->revision = m->revision;
		extension->size = (uint32_t)m->size;
		extension->user_size = (uint32_t)m->userspacesize;
		extension->has_save = m->save != NULL;
		extension->has_parse = m->x6_parse != NULL || m->parse != NULL;
	} else {
		extension->revision = t->revision;
		extension->size = (uint32_t)t->size;
		extension->user_size = (uint32_t)t->userspacesize;
		extension->has_save = t->save != NULL;
		extension->has_parse = t->x6_parse != NULL || t->parse != NULL;
	}
}

/* Give the module's options getopt ids; globals.opts holds them until release(). */
static struct option *module_options(const struct module *module)
{
	const struct xt_option_entry *x6;
	const struct option *extra;
	unsigned int *offset;
	struct option *opts = no_options;

	if (module->kind == PYIPTC_MATCH) {
		x6 = module->match->x6_options;
		extra = module->match->extra_opts;
		offset = &module->match->option_offset;
	} else {
		x6 = module->target->x6_options;
		extra = module->target->extra_opts;
		offset = &module->target->option_offset;
	}
	if (x6 != NULL)
		opts = lib.options_xfrm(no_options, no_options, x6, offset);
	else if (extra != NULL)
		opts = lib.merge_options(no_options, no_options, extra, offset);
	if (opts == NULL)
		guard_fail("out of memory");
	globals.opts = opts;
	return opts;
}

void *zalloc(size_t size)
{
	void *block = calloc(1, size);

	if (block == NULL)
		guard_fail("out of memory");
	return block;
}

static void set_name(char *to, const char *name)
{
	snprintf(to, XT_EXTENSION_MAXNAMELEN, "%s", name);
}

void match_start(struct xtables_match *m)
{
	m->m = zalloc(MATCH_HEADER + m->size);
	m->m->u.match_size = (__u16)(MATCH_HEADER + m->size);
	set_name(m->m->u.user.name, m->real_name != NULL ? m->real_name : m->name);
	m->m->u.user.revision = m->revision;
	m->mflags = 0;
	m->udata = m->udata_size != 0 ? zalloc(m->udata_size) : NULL;
	if (m->init != NULL)
		m->init(m->m);
}

void match_end(struct xtables_match *m)
{
	free(m->m);
	free(m->udata);
	m->m = NULL;
	m->udata = NULL;
	m->mflags = 0;
}

void target_start(struct xtables_target *t)
{
	t->t = zalloc(TARGET_HEADER + t->size);
	t->t->u.target_size = (__u16)(TARGET_HEADER + t->size);
	set_name(t->t->u.user.name, t->real_name != NULL ? t->real_name : t->name);
	t->t->u.user.revision = t->revision;
	t->tflags = 0;
	t->udata = t->udata_size != 0 ? zalloc(t->udata_size) : NULL;
	if (t->init != NULL)
		t->init(t->t);
}

void target_end(struct xtables_target *t)
{
	free(t->t);
	free(t->udata);
	t->t = NULL;
	t->udata = NULL;
	t->tflags = 0;
}

static void module_start(const struct module *module)
{
	current = *module;
	if (module->kind == PYIPTC_MATCH)
		match_start(module->match);
	else
		target_start(module->target);
}

/* Put everything back, also after a jump. */
static void release(void)
{
	interpose_free_copies();
	if (current.match != NULL)
		match_end(current.match);
	if (current.target != NULL)
		target_end(current.target);
	memset(&current, 0, sizeof(current));
	lib.free_opts(1);
	globals.opts = no_options;
	globals.option_offset = 0;
}

void match_option(struct xtables_match *m, int id, char **argv, bool invert, void *rule)
{
	check_value(m, optarg);
	if (keeps_no_copy(m->name))
		interpose_keep_copies();
	lib.mpcall((unsigned int)id, argv, invert, m, rule);
	interpose_forget_copies();
}

void target_option(struct xtables_target *t, int id, char **argv, bool invert, void *rule)
{
	if (keeps_no_copy(t->name))
		interpose_keep_copies();
	lib.tpcall((unsigned int)id, argv, invert, t, rule);
	interpose_forget_copies();
}

static void parse_option(const struct module *module, int id, char **argv, bool invert)
{
	if (module->kind == PYIPTC_MATCH)
		match_option(module->match, id, argv, invert, &header);
	else
		target_option(module->target, id, argv, invert, &header);
}

static void parse_options(const struct module *module, int argc, char **argv)
{
	struct option *opts = module_options(module);
	bool invert = false;
	int id;

	optind = 0;
	opterr = 0;
	/* "-": words that are no options come as id 1, in place. ":": tell the missing argument. */
	while ((id = getopt_long(argc, argv, "-:", opts, NULL)) != -1) {
		if (id == 1 && strcmp(optarg, "!") == 0) {
			if (invert)
				guard_fail("multiple consecutive ! not allowed");
			invert = true;
			continue;
		}
		if (id == 1)
			guard_fail("unexpected word \"%s\"", optarg);
		if (id == ':')
			guard_fail("option \"%s\" requires an argument", argv[optind - 1]);
		if (id == '?')
			guard_fail("unknown option \"%s\"", argv[optind - 1]);
		parse_option(module, id, argv, invert);
		invert = false;
	}
	if (invert)
		guard_fail("nothing appropriate following !");
	if (optind < argc)
		guard_fail("unexpected word \"%s\"", argv[optind]);
}

static void take_payload(const struct module *module, struct pyiptc_reply *reply)
{
	const void *payload = module->kind == PYIPTC_MATCH ? (const void *)module->match->m
							   : (const void *)module->target->t;
	size_t size = module->kind == PYIPTC_MATCH ? module->match->m->u.match_size
						   : module->target->t->u.target_size;

	payload_block = zalloc(size);
	memcpy(payload_block, payload, size);
	reply->payload = payload_block;
	reply->payload_size = size;
}

static void set_header(const void *from, size_t size)
{
	memset(&header, 0, sizeof(header));
	memcpy(&header, from, size < sizeof(header) ? size : sizeof(header));
}

static void inner_enter(void)
{
	/* The ctype tables of this libc are NULL in a thread that it did not start. */
	if (lib.ctype_init != NULL)
		lib.ctype_init();
}

/* The end of a guarded call, whichever way it ended. */
static int end(struct pyiptc_reply *reply)
{
	int rc = guard_end(reply);

	release();
	reply->is_assumed = revision_forget();
	return rc;
}

static int inner_find(enum pyiptc_kind kind, const char *name, struct pyiptc_extension *extension,
		      struct pyiptc_reply *reply)
{
	if (guard_begin(reply) == 0) {
		struct module module = module_find(kind, name);

		module_describe(&module, extension);
	}
	return end(reply);
}

static int inner_options(enum pyiptc_kind kind, const char *name, struct pyiptc_reply *reply)
{
	free(options_block);
	options_block = NULL;
	if (guard_begin(reply) == 0) {
		struct module module = module_find(kind, name);
		struct option *opts = module_options(&module);
		size_t count = 0;

		while (opts[count].name != NULL)
			count++;
		options_block = zalloc((count + 1) * sizeof(*options_block));
		for (size_t i = 0; i < count; i++) {
			options_block[i].name = opts[i].name;
			options_block[i].has_arg = opts[i].has_arg;
			options_block[i].id = opts[i].val;
		}
		reply->options = options_block;
		reply->option_count = count;
	}
	return end(reply);
}

static int inner_parse(enum pyiptc_kind kind, const char *name, const void *rule_header,
		       size_t header_size, int argc, char **argv, unsigned int flags,
		       struct pyiptc_reply *reply)
{
	free(payload_block);
	payload_block = NULL;
	set_header(rule_header, header_size);
	if (guard_begin(reply) == 0) {
		struct module module = module_find(kind, name);

		module_start(&module);
		parse_options(&module, argc, argv);
		if (flags & PYIPTC_PARSE_FINAL) {
			if (kind == PYIPTC_MATCH)
				lib.mfcall(module.match);
			else
				lib.tfcall(module.target);
		}
		take_payload(&module, reply);
	}
	return end(reply);
}

/* Whether the extension that is loaded is the one that wrote this payload. */
static bool is_same_layout(const struct module *module, unsigned int revision, size_t size)
{
	if (module->kind == PYIPTC_MATCH)
		return module->match->revision == revision &&
		       MATCH_HEADER + module->match->size == size;
	return module->target->revision == revision && TARGET_HEADER + module->target->size == size;
}

static void module_save(const struct module *module, const void *payload,
			struct pyiptc_reply *reply)
{
	const struct xtables_match *m = module->match;
	const struct xtables_target *t = module->target;

	if (module->kind == PYIPTC_MATCH) {
		if (m->alias != NULL)
			reply->alias = m->alias(payload);
		if (m->save != NULL)
			m->save(&header, payload);
	} else {
		if (t->alias != NULL)
			reply->alias = t->alias(payload);
		if (t->save != NULL)
			t->save(&header, payload);
	}
}

static int inner_save(enum pyiptc_kind kind, const void *rule_header, size_t header_size,
		      const void *payload, size_t payload_size, struct pyiptc_reply *reply)
{
	const struct xt_entry_match *m = payload; /* the target's header has the same layout */
	char name[XT_EXTENSION_MAXNAMELEN + 1] = "";
	volatile bool known = false;
	int rc;

	set_header(rule_header, header_size);
	memcpy(name, m->u.user.name, XT_EXTENSION_MAXNAMELEN);
	if (guard_begin(reply) == 0) {
		struct module module = module_find(kind, name);

		known = is_same_layout(&module, m->u.user.revision, payload_size) &&
			payload_is_sane(kind, family, payload);
		if (known)
			module_save(&module, payload_to_print(payload, payload_size), reply);
	}
	rc = end(reply);
	return rc == 0 && !known ? -ENOTSUP : rc;
}

const char *protocol_name(unsigned int number)
{
	const struct protoent *entry;

	for (const struct xtables_pprot *pprot = lib.chain_protos; pprot->name != NULL; pprot++)
		if (pprot->num == number)
			return pprot->name;
	entry = number != 0 ? getprotobynumber((int)number) : NULL;
	return entry != NULL ? entry->p_name : NULL;
}

static int inner_protocol_name(unsigned int number, struct pyiptc_reply *reply)
{
	if (guard_begin(reply) == 0) {
		const char *name = protocol_name(number);

		fputs(name != NULL ? name : "", stdout);
	}
	return guard_end(reply);
}

static int inner_protocol_number(const char *name, unsigned int *number, struct pyiptc_reply *reply)
{
	if (guard_begin(reply) == 0)
		*number = lib.parse_protocol(name);
	return guard_end(reply);
}

static int load_symbols(const char *path, const char **error)
{
	const struct {
		const char *name;
		void *slot;
	} symbols[] = {
		{ "xtables_init_all", &lib.init_all },
		{ "xtables_find_match", &lib.find_match },
		{ "xtables_find_target", &lib.find_target },
		{ "xtables_options_xfrm", &lib.options_xfrm },
		{ "xtables_merge_options", &lib.merge_options },
		{ "xtables_free_opts", &lib.free_opts },
		{ "xtables_option_mpcall", &lib.mpcall },
		{ "xtables_option_tpcall", &lib.tpcall },
		{ "xtables_option_mfcall", &lib.mfcall },
		{ "xtables_option_tfcall", &lib.tfcall },
		{ "xtables_rule_matches_free", &lib.matches_free },
		{ "xtables_parse_interface", &lib.parse_interface },
		{ "xtables_ipparse_multiple", &lib.ipparse_multiple },
		{ "xtables_ip6parse_multiple", &lib.ip6parse_multiple },
		{ "xtables_parse_protocol", &lib.parse_protocol },
		{ "xtables_chain_protos", &lib.chain_protos },
		{ "xtables_matches", &lib.matches },
		{ "xtables_targets", &lib.targets },
	};
	/* RTLD_GLOBAL crashes in a namespace of dlmopen (glibc 2.36); extensions name what they need. */
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (handle == NULL) {
		*error = dlerror();
		return -ENOENT;
	}
	for (size_t i = 0; i < sizeof(symbols) / sizeof(symbols[0]); i++) {
		void *symbol = dlsym(handle, symbols[i].name);

		if (symbol == NULL) {
			*error = dlerror();
			return -ENOENT;
		}
		memcpy(symbols[i].slot, &symbol, sizeof(symbol));
	}
	*(void **)&lib.pending_matches = dlsym(handle, "xtables_pending_matches");
	*(void **)&lib.pending_targets = dlsym(handle, "xtables_pending_targets");
	*(void **)&lib.ctype_init = dlsym(RTLD_DEFAULT, "__ctype_init");
	return 0;
}

/*
 * This libc began with the process's array of variables. setenv() there may free it, and getenv()
 * here, as of a name service or for TZ, would look at what is in its place. All variables stay as
 * they are now.
 */
static int copy_environment(char *const *from)
{
	size_t count = 0;
	char **copy;

	if (from == NULL)
		return 0;
	while (from[count] != NULL)
		count++;
	copy = calloc(count + 1, sizeof(*copy));
	if (copy == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		copy[i] = strdup(from[i]);
		if (copy[i] == NULL) {
			while (i > 0)
				free(copy[--i]);
			free(copy);
			return -ENOMEM;
		}
	}
	environ = copy;
	return 0;
}

static const struct pyiptc_inner functions = {
	.abi = PYIPTC_INNER_ABI,
	.libxtables_version = XTABLES_VERSION,
	.enter = inner_enter,
	.find = inner_find,
	.options = inner_options,
	.parse = inner_parse,
	.save = inner_save,
	.rule = command_rule,
	.protocol_name = inner_protocol_name,
	.protocol_number = inner_protocol_number,
	.resolve = interpose_resolve,
	.libiptc_load = libiptc_load,
	.libiptc_read = libiptc_read,
	.libiptc_commit = libiptc_commit,
};

pyiptc_inner_open_fn pyiptc_inner_open;

const struct pyiptc_inner *pyiptc_inner_open(const struct pyiptc_host *from, unsigned int nfproto,
					     const char *libxtables, const char *libdir,
					     const char **error)
{
	static struct pyiptc_reply reply;

	*error = "files of two builds of pyiptc are mixed";
	if (from->abi != PYIPTC_INNER_ABI)
		return NULL;
	interpose_use_host(from);
	host = from;
	family = nfproto;
	*error = "out of memory";
	if (copy_environment(from->environment) != 0)
		return NULL;
	if (load_symbols(libxtables, error) != 0)
		return NULL;
	*error = "out of memory";
	if (guard_open() != 0 || (libdir != NULL && setenv("XTABLES_LIBDIR", libdir, 1) != 0))
		return NULL;
	inner_enter();
	if (guard_begin(&reply) == 0)
		lib.init_all(&globals, (uint8_t)nfproto);
	if (guard_end(&reply) != 0) {
		*error = reply.error != NULL ? reply.error : *error;
		return NULL;
	}
	return &functions;
}
