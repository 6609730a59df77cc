/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One libxtables per family, each in a link namespace of its own: libxtables drops the other
 * family's extensions when an extension file is loaded, and looking again can exit().
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "pyiptc.h"

struct pyiptc_instance {
	pthread_mutex_t mutex;
	const struct pyiptc_inner *inner;
	struct pyiptc_instance *next;
};

/* All instances of the process, for fork(): they live as long as it does. */
static struct pyiptc_instance *instances;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

static void lock_all(void)
{
	for (struct pyiptc_instance *i = instances; i != NULL; i = i->next)
		pthread_mutex_lock(&i->mutex);
}

static void unlock_all(void)
{
	for (struct pyiptc_instance *i = instances; i != NULL; i = i->next)
		pthread_mutex_unlock(&i->mutex);
}

/* A child forked while another thread is inside libxtables would find it half way: wait. */
static void handle_forks(void)
{
	pthread_atfork(lock_all, unlock_all, unlock_all);
}

static int host_revision(unsigned int nfproto, enum pyiptc_kind kind, const char *name,
			 uint8_t revision)
{
	/* Where we may not ask (no CAP_NET_RAW), assume that it is known, as libxtables does. */
	return pyiptc_get_revision(pyiptc_family(nfproto), kind, name, revision) != 0;
}

static const struct pyiptc_host host = {
	.abi = PYIPTC_INNER_ABI,
	.malloc = malloc,
	.calloc = calloc,
	.realloc = realloc,
	.free = free,
	.memalign = memalign,
	.revision = host_revision,
};

int pyiptc_instance_has_namespaces(void)
{
#ifdef LM_ID_NEWLM
	return 1;
#else
	return 0;
#endif
}

static void *load(const char *path, int single)
{
#ifdef LM_ID_NEWLM
	if (!single)
		return dlmopen(LM_ID_NEWLM, path, RTLD_NOW | RTLD_LOCAL);
#else
	(void)single;
#endif
	return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

int pyiptc_instance_open(unsigned int nfproto, const char *path, const char *libxtables,
			 const char *libdir, int single, struct pyiptc_instance **out, char *error,
			 size_t error_size)
{
	pyiptc_inner_open_fn *open_inner;
	struct pyiptc_instance *instance;
	const char *reason = "";
	void *handle;

	/* xtables_init() would end the process. */
	if (getuid() != geteuid() || getgid() != getegid() || getauxval(AT_SECURE))
		return -EPERM;
	instance = calloc(1, sizeof(*instance));
	if (instance == NULL)
		return -ENOMEM;
	handle = load(path, single);
	if (handle == NULL)
		goto err_load;
	*(void **)&open_inner = dlsym(handle, PYIPTC_INNER_SYMBOL);
	if (open_inner == NULL)
		goto err_load;
	instance->inner = open_inner(&host, nfproto, libxtables, libdir, &reason);
	if (instance->inner == NULL) {
		snprintf(error, error_size, "%s", reason);
		goto err_open;
	}
	pthread_mutex_init(&instance->mutex, NULL);
	pthread_once(&fork_once, handle_forks);
	instance->next = instances;
	instances = instance;
	*out = instance;
	return 0;

err_load:
	snprintf(error, error_size, "%s", dlerror());
err_open:
	if (handle != NULL)
		dlclose(handle);
	free(instance);
	return -ENOENT;
}

const struct pyiptc_inner *pyiptc_instance_enter(struct pyiptc_instance *instance)
{
	pthread_mutex_lock(&instance->mutex);
	instance->inner->enter();
	return instance->inner;
}

void pyiptc_instance_leave(struct pyiptc_instance *instance)
{
	pthread_mutex_unlock(&instance->mutex);
}
