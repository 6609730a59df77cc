/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A libiptc that misbehaves as the file "broken" in the current directory says. It is linked to
 * the real one, which has all the functions that are not here. -DPREFIX=iptc or ip6tc.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PASTE(a, b)    a##_##b
#define EXPAND(a, b)   PASTE(a, b)
#define NAME(b)        EXPAND(PREFIX, b)
#define TEXT(a)        #a
#define EXPAND_TEXT(a) TEXT(a)
#define REAL(b)        real(EXPAND_TEXT(PREFIX) "_" #b)

struct xtc_handle;

static void *real(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

static int is_broken(const char *how)
{
	FILE *file = fopen("broken", "r");
	char said[64] = "";

	if (file != NULL) {
		if (fgets(said, sizeof(said), file) == NULL)
			said[0] = '\0';
		fclose(file);
	}
	return strcmp(said, how) == 0;
}

struct xtc_handle *NAME(init)(const char *table)
{
	struct xtc_handle *(*init)(const char *) = REAL(init);

	if (is_broken("abort")) {
		fprintf(stderr, "ERROR: -3 not a valid target)\n");
		abort();
	}
	if (is_broken("exit"))
		exit(42);
	return init(table);
}

const void *NAME(next_rule)(const void *previous, struct xtc_handle *handle)
{
	const void *(*next_rule)(const void *, struct xtc_handle *) = REAL(next_rule);

	return is_broken("short") ? NULL : next_rule(previous, handle);
}

const char *NAME(next_chain)(struct xtc_handle *handle)
{
	const char *(*next_chain)(struct xtc_handle *) = REAL(next_chain);

	return is_broken("order") ? NULL : next_chain(handle);
}

int NAME(commit)(struct xtc_handle *handle)
{
	int (*commit)(struct xtc_handle *) = REAL(commit);
	int (*delete_num_entry)(const char *, unsigned int, struct xtc_handle *) =
		REAL(delete_num_entry);
	int (*create_chain)(const char *, struct xtc_handle *) = REAL(create_chain);

	if (is_broken("abort-at-commit"))
		abort();
	if (is_broken("other"))
		delete_num_entry("FORWARD", 0, handle);
	if (is_broken("more"))
		create_chain("nobody-asked-for-this", handle);
	errno = 0;
	return is_broken("silent") ? 0 : commit(handle);
}
