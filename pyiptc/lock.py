# SPDX-License-Identifier: GPL-2.0-or-later
"""The xtables lock: the file that iptables takes round each change.

``XTABLES_LOCKFILE`` names it, else it is ``/run/xtables.lock``. In a user namespace, where the
host's file cannot be opened, a file per network namespace is used: nobody outside can change
the tables in there, so only those inside need to see it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import stat
import tempfile
import threading
import time
from collections.abc import Iterator
from typing import Optional

from .errors import AccessError, LockTimeout, TransactionError

__all__ = ["held", "lock_path"]

_DEFAULT = "/run/xtables.lock"
#: Seconds between two looks while waiting with a limit: from short to long.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.0005, 0.05

#: Files that are locked by this process (device, inode), and by which thread of which process: who
#: waited for a lock of its own would wait for ever.
_holders: dict[tuple[int, int], tuple[int, int]] = {}

_log = logging.getLogger("pyiptc.lock")


def lock_path(cookie: int) -> str:
    """The file that is locked for tables of a network namespace.

    Args:
        cookie: Number of the namespace.
    """
    path = os.environ.get("XTABLES_LOCKFILE") or _DEFAULT
    if path != _DEFAULT or not _in_user_namespace() or _can_open(path):
        return path
    return os.path.join(tempfile.gettempdir(), f"pyiptc-{os.getuid()}-{cookie}.lock")


def _in_user_namespace() -> bool:
    """Whether user ids are mapped, so that root here is nobody on the host."""
    try:
        with open("/proc/self/uid_map", encoding="ascii") as file:
            return file.read().split() != ["0", "0", "4294967295"]
    except OSError:
        return False


def _can_open(path: str) -> bool:
    try:
        os.close(_open(path))
    except OSError:
        return False
    return True


def _open(path: str) -> int:
    """Open as iptables does: created with mode 0600, never truncated, no link followed."""
    # Not blocking: opening a pipe, which is refused below, would wait for a writer.
    flags = os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    fd = os.open(path, flags, 0o600)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise OSError(errno.EINVAL, "not a regular file", path)
    return fd


@contextlib.contextmanager
def held(path: str, wait: Optional[float] = None) -> Iterator[None]:
    """Hold the lock for a while.

    Args:
        path: :func:`lock_path`.
        wait: Seconds to wait for it; None for ever, 0 not at all.
    Raises:
        LockTimeout: Somebody else held it all the time.
        TransactionError: This thread holds it.
        AccessError: The file cannot be opened, or its file system has no locks.
    """
    try:
        fd = _open(path)
    except OSError as error:
        raise AccessError(
            f"can't open lock file {path}: {error.strerror}", error.errno, "open", path
        ) from error
    owner = os.getpid()
    try:
        status = os.fstat(fd)
        file, holder = (status.st_dev, status.st_ino), (owner, threading.get_ident())
        if _holders.get(file) == holder:
            raise TransactionError(
                f"this thread holds the xtables lock {path} already, for a transaction or restore of "
                f"other tables: edit these outside of it, or let pyiptc.transaction() have them too"
            )
        try:
            _acquire(fd, path, wait)
        except LockTimeout:
            raise
        except OSError as error:
            raise AccessError(
                f"can't lock {path}: {error.strerror}", error.errno, "flock", path
            ) from error
        _holders[file] = holder
        try:
            yield
        finally:
            _holders.pop(file, None)
            # A child forked meanwhile has a descriptor of the same lock: closing alone would leave
            # it locked as long as the child lives, and a child must not unlock its parent's.
            if os.getpid() == owner:
                fcntl.flock(fd, fcntl.LOCK_UN)
    finally:
        os.close(fd)


def _acquire(fd: int, path: str, wait: Optional[float]) -> None:
    if _try(fd):
        return
    started = time.monotonic()
    _log.debug("waiting for %s", path)
    if wait is None:
        fcntl.flock(fd, fcntl.LOCK_EX)
        return
    pause = _FIRST_PAUSE
    while (left := started + wait - time.monotonic()) > 0:
        time.sleep(min(pause, left))
        pause = min(pause * 2, _LONGEST_PAUSE)
        if _try(fd):
            return
    raise LockTimeout(f"another process holds the xtables lock {path} (waited {wait} s)")


def _try(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
