/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The default handle: the kernel's own interface, without a library in between.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "pyiptc.h"

/* Between GET_INFO and GET_ENTRIES a writer that takes no lock may come in, each time. */
#define READ_TRIES 100

static int failed(struct pyiptc_error *error, const char *operation, int rc)
{
	error->number = -rc;
	error->operation = operation;
	return rc;
}

static int read_once(int fd, const struct pyiptc_family *family, const char *name,
		     struct ipt_getinfo *info, struct ipt_get_entries **out,
		     struct pyiptc_error *error)
{
	struct ipt_get_entries *entries;
	struct ipt_getinfo after;
	int rc = pyiptc_get_info(fd, family, name, info);

	if (rc < 0)
		return failed(error, "IPT_SO_GET_INFO", rc);
	/* Zeroed: the kernel leaves the tail of names as it finds it. */
	entries = calloc(1, sizeof(*entries) + info->size);
	if (entries == NULL)
		return failed(error, "IPT_SO_GET_ENTRIES", -ENOMEM);
	memcpy(entries->name, info->name, sizeof(entries->name));
	entries->size = info->size;
	rc = pyiptc_get_entries(fd, family, entries);
	/* It compares sizes only: where chains begin may be elsewhere by now. */
	if (rc == 0)
		rc = pyiptc_get_info(fd, family, name, &after);
	if (rc == 0 && memcmp(info, &after, sizeof(after)) != 0)
		rc = -EAGAIN;
	if (rc < 0) {
		free(entries);
		return failed(error, "IPT_SO_GET_ENTRIES", rc);
	}
	*out = entries;
	return 0;
}

static int legacy_read(int fd, struct pyiptc_instance *instance, const struct pyiptc_family *family,
		       const char *name, struct pyiptc_table **table, struct pyiptc_error *error)
{
	struct ipt_getinfo info;
	struct ipt_get_entries *entries;
	int rc, tries = 0;

	(void)instance;
	do {
		rc = read_once(fd, family, name, &info, &entries, error);
	} while (rc == -EAGAIN && ++tries < READ_TRIES);
	if (rc < 0)
		return rc;
	rc = pyiptc_table_load(family, &info, entries, (unsigned char *)entries->entrytable,
			       &error->blob, table);
	return rc < 0 ? failed(error, "IPT_SO_GET_ENTRIES", rc) : 0;
}

static int replace(int fd, struct pyiptc_table *table, struct pyiptc_error *error)
{
	struct pyiptc_image image;
	int rc = pyiptc_table_build(table, &image);

	if (rc < 0)
		return failed(error, "IPT_SO_SET_REPLACE", rc);
	rc = pyiptc_set_replace(fd, table->family, image.replace, image.size);
	if (rc < 0) {
		pyiptc_image_free(&image);
		return failed(error, "IPT_SO_SET_REPLACE", rc);
	}
	pyiptc_table_map_counters(table, &image);
	/* The kernel's are zero by now, or what came since. */
	if (image.has_counters)
		rc = pyiptc_add_counters(fd, table->family, image.counters, image.counters_size);
	pyiptc_table_adopt(table, &image);
	pyiptc_image_free(&image);
	if (rc < 0) {
		failed(error, "IPT_SO_SET_ADD_COUNTERS", rc);
		return PYIPTC_COUNTERS_LOST;
	}
	return 0;
}

/* A replace would restart limit, quota, statistic and connlimit of the whole table. */
static int recount(int fd, struct pyiptc_table *table, struct pyiptc_error *error)
{
	struct xt_counters_info *info;
	size_t size;
	int rc = pyiptc_table_recount(table, &info, &size);

	if (rc == 0) {
		rc = pyiptc_add_counters(fd, table->family, info, size);
		free(info);
	}
	if (rc < 0)
		return failed(error, "IPT_SO_SET_ADD_COUNTERS", rc);
	pyiptc_table_adopt_counters(table);
	return 0;
}

static int legacy_commit(int fd, struct pyiptc_instance *instance, struct pyiptc_table *table,
			 struct pyiptc_error *error)
{
	(void)instance;
	if (table->is_changed)
		return replace(fd, table, error);
	if (table->is_recounted)
		return recount(fd, table, error);
	return 0;
}

const struct pyiptc_handle pyiptc_handle_legacy = {
	.name = "legacy",
	.read = legacy_read,
	.commit = legacy_commit,
};
