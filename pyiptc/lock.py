# SPDX-License-Identifier: GPL-2.0-or-later
"""The xtables lock: the file that iptables takes round each change.

The lock is advisory, and one for all tables of all families and network namespaces that share the
file: iptables has it so. It is taken without signals and without the GIL, and Ctrl-C ends the wait.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import stat
import threading
import time
from collections.abc import Callable
from typing import Optional

from .errors import AccessError, LockTimeout, TransactionError, shown

__all__ = ["checked_wait", "chosen_path", "held", "in_user_namespace", "lock_kind", "lock_path"]

KINDS = ("auto", "host", "netns", "none")

_DEFAULT = "/run/xtables.lock"
#: Seconds between two looks while waiting with a limit: from short to long.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.0005, 0.05
#: Seconds that nobody waits, and that clocks and mutexes can add to the time of day.
_FOR_EVER = 10**9
#: Seconds of waiting that are worth a line in a log.
_LONG_WAIT = 1.0
#: Errors of a file that this process may not or cannot have.
_NOT_TO_BE_HAD = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT, errno.ENOTDIR, errno.ELOOP)

#: Files that are locked by this process (device, inode), and by which thread of which process: who
#: waited for a lock of its own would wait for ever.
_holders: dict[tuple[int, int], tuple[int, int]] = {}

#: Open descriptors of lock files. A child that is forked has them too, and a lock lasts until the
#: last of them is closed: the child must not keep its parent's.
_descriptors: set[int] = set()
#: Held while one is opened, and while the process forks.
_opening = threading.Lock()

_log = logging.getLogger("pyiptc.lock")


def lock_kind(kind: Optional[str]) -> str:
    """A kind of lock, or the default: what ``PYIPTC_LOCK`` says, else auto. Raises ValueError."""
    if kind is None:
        kind = os.environ.get("PYIPTC_LOCK") or "auto"
    if kind not in KINDS:
        raise ValueError(f"lock {shown(kind)}: expected one of {', '.join(KINDS)}")
    return kind


def lock_path(cookie: int, kind: Optional[str] = None) -> Optional[str]:
    """The file that is locked for tables of a network namespace; None for none.

    ``auto``
        The host's file. Only in a user namespace where that cannot be opened, one per network
        namespace: nobody outside changes the tables in there, so only those inside need to see it.
    ``host``
        The file of iptables: ``XTABLES_LOCKFILE``, or ``/run/xtables.lock``. Safe with whoever has
        the same ``/run``; but one waits for changes in all other network namespaces, too.
    ``netns``
        A file per network namespace in ``/tmp``. Nobody waits for other namespaces; but iptables does
        not know it, so it is for namespaces that only pyiptc changes, by programs with one ``/tmp``.
    ``none``
        No lock: for namespaces in which only this process changes rules, and only with one thread.

    Args:
        cookie: Number of the namespace.
        kind: One of these; None as :func:`lock_kind` says.
    """
    return chosen_path(cookie, kind, _can_open)


def chosen_path(
    cookie: Optional[int], kind: Optional[str], can_open: Callable[[str], bool]
) -> Optional[str]:
    """As :func:`lock_path`, for whoever has another way to find out what can be opened."""
    kind = lock_kind(kind)
    if kind == "none":
        return None
    path = os.environ.get("XTABLES_LOCKFILE") or _DEFAULT
    if kind == "host" or (
        kind == "auto" and (path != _DEFAULT or not in_user_namespace() or can_open(path))
    ):
        return path
    return f"/tmp/pyiptc-{os.getuid()}-{cookie}.lock"


def checked_wait(wait: object) -> float:
    """Seconds to wait. Raises TypeError, ValueError."""
    if isinstance(wait, bool) or not isinstance(wait, (int, float)):
        raise TypeError(f"seconds to wait are a number, not {shown(wait)}")
    if not wait >= 0:
        raise ValueError(f"seconds to wait are 0 or more, not {shown(wait)}")
    return float(min(wait, _FOR_EVER))


def in_user_namespace() -> bool:
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


def _open(path: str, create: bool = True) -> int:
    """Open as iptables does: created with mode 0600, never truncated, no link followed."""
    # Not blocking: opening a pipe, which is refused below, would wait for a writer.
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    return os.open(path, flags | os.O_CREAT if create else flags, 0o600)


class held:  # noqa: N801  # a context manager: `with lock.held(path):`
    """Hold the lock for a while.

    Args:
        path: :func:`lock_path`; None does nothing.
        wait: Seconds to wait for it; None for ever, 0 not at all.
        to_read: Only something is read: where this thread holds the lock already that will do, and
            who may not open the file reads without it.
    Raises:
        LockTimeout: Somebody else held it all the time.
        TransactionError: This thread holds it.
        AccessError: The file cannot be opened, or its file system has no locks.
    Cost: four system calls.
    """

    __slots__ = ("_fd", "_file", "_holder", "_path", "_to_read", "_wait")

    def __init__(
        self, path: Optional[str], wait: Optional[float] = None, to_read: bool = False
    ) -> None:
        self._path = path
        self._wait = wait
        self._to_read = to_read
        self._fd = -1
        self._file: Optional[tuple[int, int]] = None

    def __enter__(self) -> None:
        if self._path is None:
            return
        self._holder = os.getpid(), threading.get_ident()
        try:
            with _opening:
                # What is not there nobody holds; and reading leaves nothing behind.
                self._fd = _open(self._path, create=not self._to_read)
                _descriptors.add(self._fd)
        except OSError as error:
            if self._to_read and error.errno in _NOT_TO_BE_HAD:
                return
            raise _cannot_open(self._path, error) from error
        try:
            self._lock(self._path)
        except BaseException:
            self._close()
            raise

    def _lock(self, path: str) -> None:
        status = os.fstat(self._fd)
        if not stat.S_ISREG(status.st_mode):
            raise _cannot_open(path, OSError(errno.EINVAL, "not a regular file"))
        file = status.st_dev, status.st_ino
        if _holders.get(file) == self._holder:
            if self._to_read:
                return
            raise TransactionError(
                f"this thread holds the xtables lock {path} already, for a transaction or restore "
                "of other tables: edit these outside of it, or let pyiptc.transaction() have them "
                "too"
            )
        try:
            _acquire(self._fd, path, self._wait)
        except LockTimeout:
            raise
        except OSError as error:
            raise AccessError(
                f"can't lock {path}: {error.strerror}", error.errno, "flock", path
            ) from error
        _holders[file] = self._holder
        self._file = file

    def __exit__(self, *exc: object) -> None:
        if self._fd >= 0 and os.getpid() == self._holder[0]:
            self._close()
        # A child that was forked meanwhile has closed it, and the lock is its parent's.

    def _close(self) -> None:
        try:
            if self._file is not None:
                del _holders[self._file]
                # Closing would do, but for a child that is being forked and has not closed it yet.
                fcntl.flock(self._fd, fcntl.LOCK_UN)
        finally:
            fd, self._fd, self._file = self._fd, -1, None
            _descriptors.discard(fd)
            os.close(fd)


def _cannot_open(path: str, error: OSError) -> AccessError:
    advice = ""
    if error.errno in _NOT_TO_BE_HAD:
        advice = ': XTABLES_LOCKFILE names another one, lock="netns" has one in /tmp'
    return AccessError(
        f"can't open lock file {path}: {error.strerror}{advice}", error.errno, "open", path
    )


def _after_fork_in_child() -> None:
    _opening.release()
    _holders.clear()
    while _descriptors:
        os.close(_descriptors.pop())


os.register_at_fork(
    before=_opening.acquire,
    after_in_parent=_opening.release,
    after_in_child=_after_fork_in_child,
)


def _acquire(fd: int, path: str, wait: Optional[float]) -> None:
    if _try(fd):
        return
    started = time.monotonic()
    _log.debug("waiting for %s, held by %s", path, _holder(fd))
    if wait is None:
        fcntl.flock(fd, fcntl.LOCK_EX)
    elif not _poll(fd, started + wait):
        raise LockTimeout(f"the xtables lock {path} is held by {_holder(fd)} (waited {wait:g} s)")
    waited = time.monotonic() - started
    _log.log(
        logging.INFO if waited >= _LONG_WAIT else logging.DEBUG,
        "waited %.3f s for %s",
        waited,
        path,
    )


def _poll(fd: int, until: float) -> bool:
    pause = _FIRST_PAUSE
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(pause, left))
        pause = min(pause * 2, _LONGEST_PAUSE)
        if _try(fd):
            return True
    return False


def _try(fd: int) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(fd: int) -> str:
    """Who holds the lock of a file, as far as can be told.

    Source: /proc/locks, proc_locks(5): kind, mode, type, pid, device:inode in hexadecimal but the inode.
    Processes of other pid namespaces have no number there.
    """
    inode = os.fstat(fd).st_ino
    try:
        with open("/proc/locks", encoding="ascii") as file:
            for line in file:
                words = line.split()
                # A line with an arrow is one that waits.
                if words[1] == "FLOCK" and words[5].rpartition(":")[2] == str(inode):
                    return _process(int(words[4]))
    except (OSError, ValueError, IndexError):
        pass
    return "another process"


def _process(pid: int) -> str:
    if pid <= 0:
        return "a process of another container"
    if pid == os.getpid():
        return "another thread of this process"
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return f"process {pid} ({file.read().strip()})"
    except OSError:
        return f"process {pid}"
