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
	struct pyiptc_host host;
	const struct pyiptc_inner *inner;
	char *libiptc;
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
	return pyiptc_get_revision(pyiptc_family(nfproto), kind, name, revision);
}

static int host_revision_nft(unsigned int nfproto, enum pyiptc_kind kind, const char *name,
			     uint8_t revision)
{
	const struct pyiptc_family *family = pyiptc_family(nfproto);
	int rc = pyiptc_get_nft_revision(family, kind, name, revision);

	return rc == -EOPNOTSUPP ? pyiptc_get_revision(family, kind, name, revision) : rc;
}

static const struct pyiptc_host host = {
	.abi = PYIPTC_INNER_ABI,
	.malloc = malloc,
	.calloc = calloc,
	.realloc = realloc,
	.free = free,
	.memalign = memalign,
	.usable_size = malloc_usable_size,
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
	instance->host = host;
	instance->host.environment = single || !pyiptc_instance_has_namespaces() ? NULL : environ;
	instance->inner = open_inner(&instance->host, nfproto, libxtables, libdir, &reason);
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

void pyiptc_instance_prefer_nft(struct pyiptc_instance *instance)
{
	pthread_mutex_lock(&instance->mutex);
	instance->host.revision = host_revision_nft;
	pthread_mutex_unlock(&instance->mutex);
}

int pyiptc_instance_set_libiptc(struct pyiptc_instance *instance, const char *path)
{
	char *copy = strdup(path);

	if (copy == NULL)
		return -ENOMEM;
	pthread_mutex_lock(&instance->mutex);
	free(instance->libiptc);
	instance->libiptc = copy;
	pthread_mutex_unlock(&instance->mutex);
	return 0;
}

const char *pyiptc_instance_libiptc(const struct pyiptc_instance *instance)
{
	return instance->libiptc;
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

static size_t text_size(const char *text)
{
	return text != NULL ? strlen(text) + 1 : 0;
}

static void *keep_part(unsigned char **at, const void *from, size_t size)
{
	unsigned char *kept = *at;

	if (from == NULL)
		return NULL;
	memcpy(kept, from, size);
	*at += (size + 7) & ~(size_t)7;
	return kept;
}

/* Copy what a reply points to into one block, so that it outlives the mutex. */
static int keep(struct pyiptc_reply *reply, int rc)
{
	size_t options_size = reply->option_count * sizeof(*reply->options);
	size_t error_size = text_size(reply->error), alias_size = text_size(reply->alias);
	unsigned char *at = malloc(error_size + alias_size + reply->warnings_size +
				   reply->text_size + reply->payload_size + options_size + 8 * 8);

	if (at == NULL) {
		memset(reply, 0, sizeof(*reply));
		return -ENOMEM;
	}
	reply->block = at;
	reply->options = keep_part(&at, reply->options, options_size);
	reply->payload = keep_part(&at, reply->payload, reply->payload_size);
	reply->error = keep_part(&at, reply->error, error_size);
	reply->alias = keep_part(&at, reply->alias, alias_size);
	reply->warnings = keep_part(&at, reply->warnings, reply->warnings_size + 1);
	reply->text = keep_part(&at, reply->text, reply->text_size + 1);
	return rc;
}

static int leave(struct pyiptc_instance *instance, struct pyiptc_reply *reply, int rc)
{
	rc = keep(reply, rc);
	pyiptc_instance_leave(instance);
	return rc;
}

void pyiptc_reply_free(struct pyiptc_reply *reply)
{
	free(reply->block);
	memset(reply, 0, sizeof(*reply));
}

int pyiptc_find(struct pyiptc_instance *instance, enum pyiptc_kind kind, const char *name,
		struct pyiptc_extension *extension, struct pyiptc_reply *reply)
{
	const struct pyiptc_inner *inner = pyiptc_instance_enter(instance);

	return leave(instance, reply, inner->find(kind, name, extension, reply));
}

int pyiptc_options(struct pyiptc_instance *instance, enum pyiptc_kind kind, const char *name,
		   struct pyiptc_reply *reply)
{
	const struct pyiptc_inner *inner = pyiptc_instance_enter(instance);

	return leave(instance, reply, inner->options(kind, name, reply));
}

int pyiptc_parse(struct pyiptc_instance *instance, enum pyiptc_kind kind, const char *name,
		 const void *header, size_t header_size, int argc, char **argv, unsigned int flags,
		 struct pyiptc_reply *reply)
{
	const struct pyiptc_inner *inner = pyiptc_instance_enter(instance);

	return leave(instance, reply,
		     inner->parse(kind, name, header, header_size, argc, argv, flags, reply));
}

int pyiptc_parse_rule(struct pyiptc_instance *instance, int resolve, int argc, char **argv,
		      const struct pyiptc_chains *chains, struct pyiptc_reply *reply)
{
	const struct pyiptc_inner *inner = pyiptc_instance_enter(instance);
	int rc;

	inner->resolve(resolve);
	rc = inner->rule(argc, argv, chains, reply);
	inner->resolve(0);
	return leave(instance, reply, rc);
}

int pyiptc_save(struct pyiptc_instance *instance, enum pyiptc_kind kind, const void *header,
		size_t header_size, const void *payload, size_t payload_size,
		struct pyiptc_reply *reply)
{
	const struct pyiptc_inner *inner = pyiptc_instance_enter(instance);

	return leave(instance, reply,
		     inner->save(kind, header, header_size, payload, payload_size, reply));
}

int pyiptc_protocol_name(struct pyiptc_instance *instance, unsigned int number,
			 struct pyiptc_reply *reply)
{
	const struct pyiptc_inner *inner = pyiptc_instance_enter(instance);

	return leave(instance, reply, inner->protocol_name(number, reply));
}

int pyiptc_protocol_number(struct pyiptc_instance *instance, const char *name, unsigned int *number,
			   struct pyiptc_reply *reply)
{
	const struct pyiptc_inner *inner = pyiptc_instance_enter(instance);

	return leave(instance, reply, inner->protocol_number(name, number, reply));
}
