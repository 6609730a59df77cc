/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file that iptables locks round each change. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pyiptc.h"

int pyiptc_lock_open(const char *path, bool create, struct pyiptc_lock *lock)
{
	/* Not blocking: opening a pipe, which is refused below, would wait for a writer. */
	int flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | (create ? O_CREAT : 0);
	int fd = open(path, flags, 0600);
	struct stat status;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) < 0) {
		int rc = -errno;

		close(fd);
		return rc;
	}
	lock->device = status.st_dev;
	lock->inode = status.st_ino;
	lock->fd = fd;
	if (!S_ISREG(status.st_mode))
		lock->state = -EINVAL;
	else
		lock->state = flock(fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
	return 0;
}

void pyiptc_lock_close(int fd, bool is_held)
{
	/* Closing would do, but for a child that is being forked and has not closed it yet. */
	if (is_held)
		flock(fd, LOCK_UN);
	close(fd);
}
