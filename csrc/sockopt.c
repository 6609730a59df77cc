/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pyiptc.h"

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* asm-generic/socket.h, Linux 5.14 */
#endif

extern char **environ;

int pyiptc_socket(const struct pyiptc_family *family)
{
	/* Any socket of the family has the options. A raw one, as libiptc opens, needs CAP_NET_RAW. */
	int fd = socket((int)family->nfproto, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

int pyiptc_netns_cookie(int fd, uint64_t *cookie)
{
	socklen_t size = sizeof(*cookie);

	return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &size) < 0 ? -errno : 0;
}

int pyiptc_setns(int fd)
{
	return setns(fd, CLONE_NEWNET) < 0 ? -errno : 0;
}

/* getsockopt() does not load ip_tables where it is a module, so that is done here, once. */
static int get_option(int fd, const struct pyiptc_family *family, int option, void *value,
		      socklen_t *size)
{
	if (getsockopt(fd, family->level, option, value, size) == 0)
		return 0;
	if (errno != ENOPROTOOPT || pyiptc_load_module(family->module) < 0)
		return -errno;
	return getsockopt(fd, family->level, option, value, size) < 0 ? -errno : 0;
}

int pyiptc_get_info(int fd, const struct pyiptc_family *family, const char *table,
		    struct ipt_getinfo *info)
{
	socklen_t size = sizeof(*info);

	/* XT_TABLE_MAXNAMELEN counts the NUL. */
	if (strlen(table) >= XT_TABLE_MAXNAMELEN)
		return -ENAMETOOLONG;
	memset(info, 0, sizeof(*info));
	strcpy(info->name, table);
	return get_option(fd, family, IPT_SO_GET_INFO, info, &size);
}

int pyiptc_get_entries(int fd, const struct pyiptc_family *family, struct ipt_get_entries *entries)
{
	socklen_t size = (socklen_t)(sizeof(*entries) + entries->size);

	return getsockopt(fd, family->level, IPT_SO_GET_ENTRIES, entries, &size) < 0 ? -errno : 0;
}

int pyiptc_set_replace(int fd, const struct pyiptc_family *family, struct ipt_replace *replace,
		       size_t size)
{
	if (setsockopt(fd, family->level, IPT_SO_SET_REPLACE, replace, (socklen_t)size) < 0)
		return -errno;
	return 0;
}

int pyiptc_add_counters(int fd, const struct pyiptc_family *family, struct xt_counters_info *info,
			size_t size)
{
	if (setsockopt(fd, family->level, IPT_SO_SET_ADD_COUNTERS, info, (socklen_t)size) < 0)
		return -errno;
	return 0;
}

int pyiptc_get_revision(const struct pyiptc_family *family, enum pyiptc_kind kind, const char *name,
			uint8_t revision)
{
	struct xt_get_revision request = { .revision = revision };
	socklen_t size = sizeof(request);
	int option = kind == PYIPTC_MATCH ? family->revision_match : family->revision_target;
	int fd = pyiptc_socket(family);
	int rc;

	if (fd < 0)
		return fd;
	strncpy(request.name, name, sizeof(request.name) - 1);
	rc = get_option(fd, family, option, &request, &size);
	close(fd);
	/* No ip_tables at all: then nobody but nf_tables can use the extension. */
	if (rc == -ENOPROTOOPT) {
		rc = pyiptc_get_nft_revision(family, kind, name, revision);
		return rc == -EOPNOTSUPP ? 0 : rc;
	}
	if (rc == -ENOENT || rc == -EPROTONOSUPPORT)
		return 0;
	return rc < 0 ? rc : 1;
}

static int read_modprobe_path(char *path, size_t size)
{
	int fd = open("/proc/sys/kernel/modprobe", O_RDONLY | O_CLOEXEC);
	ssize_t count;

	if (fd < 0)
		return -errno;
	count = read(fd, path, size - 1);
	close(fd);
	if (count <= 0)
		return -ENOENT;
	path[count] = '\0';
	path[strcspn(path, "\n")] = '\0';
	return path[0] != '\0' ? 0 : -ENOENT;
}

/* What the loader reads and prints is not for the standard streams of our process. */
static int without_streams(posix_spawn_file_actions_t *actions)
{
	int number = posix_spawn_file_actions_init(actions);

	if (number != 0)
		return number;
	for (int fd = 0; number == 0 && fd <= 2; fd++)
		number = posix_spawn_file_actions_addopen(actions, fd, "/dev/null", O_RDWR, 0);
	if (number != 0)
		posix_spawn_file_actions_destroy(actions);
	return number;
}

int pyiptc_load_module(const char *name)
{
	const char *wanted = getenv("PYIPTC_MODPROBE");
	char path[PATH_MAX];
	char *argv[] = { path, (char *)name, (char *)"-q", NULL };
	int saved = errno, status = 0, rc;
	posix_spawn_file_actions_t actions;
	pid_t pid;

	if (wanted != NULL && strcmp(wanted, "0") == 0)
		return -ENOPROTOOPT;
	rc = read_modprobe_path(path, sizeof(path));
	if (rc == 0)
		rc = -without_streams(&actions);
	if (rc == 0) {
		rc = -posix_spawn(&pid, path, &actions, NULL, argv, environ);
		posix_spawn_file_actions_destroy(&actions);
	}
	if (rc == 0) {
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			rc = -EIO;
	}
	errno = saved;
	return rc;
}
