# SPDX-License-Identifier: GPL-2.0-or-later
"""The xtables lock: the file that iptables takes round each change.

The lock is advisory, and one for all tables of all families and network namespaces that share the
file: iptables has it so. It is taken without signals and without the GIL, and Ctrl-C ends the wait.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import time
from collections.abc import Callable
from typing import Optional

from ._lock import LockFile, environment_path
from .errors import AccessError, LockTimeout, TransactionError, shown
from .log import Log
from .process import choice

__all__ = [
    "checked_wait",
    "chosen_path",
    "held",
    "in_user_namespace",
    "lock_kind",
    "lock_path",
    "take",
]

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

_log = Log("pyiptc.lock")


def lock_kind(kind: Optional[str]) -> str:
    """A kind of lock, or the default: what ``PYIPTC_LOCK`` says, else auto. Raises ValueError."""
    return choice("lock", kind, "PYIPTC_LOCK", "auto", KINDS)


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
    return _path_of(cookie)


def _path_of(cookie: Optional[int]) -> str:
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
        # As :class:`LockFile` opens it.
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CREAT
        os.close(os.open(path, flags, 0o600))
    except OSError:
        return False
    return True


def take(
    cookie: int, kind: str, wait: Optional[float] = None, to_read: bool = False
) -> Optional[LockFile]:
    """Take the lock for tables of a network namespace, to be closed; see :func:`lock_path`.

    Args:
        cookie: Number of the namespace.
        kind: One of those that :func:`lock_kind` gives.
        wait: Seconds to wait for it; None for ever, 0 not at all.
        to_read: Only something is read: where this thread holds the lock already that will do, and
            who may not open the file reads without it.
    Returns:
        None where there is nothing to hold.
    Raises:
        LockTimeout: Somebody else held it all the time.
        TransactionError: This thread holds it.
        AccessError: The file cannot be opened, or its file system has no locks.
    Cost: five system calls.
    """
    if kind != "auto":
        path = lock_path(cookie, kind)
        return None if path is None else _taken(path, wait, to_read)
    path = environment_path(_DEFAULT)
    file = LockFile()
    try:
        number = file.open(path, not to_read)
    except OSError as error:
        # What can be opened is the host's, whoever asks: that is found out without looking first.
        if path == _DEFAULT and in_user_namespace():
            return _taken(_path_of(cookie), wait, to_read)
        _check_opened(path, error, to_read)
        return None
    return file if number == 0 else _settled(file, number, path, wait, to_read)


def _taken(path: str, wait: Optional[float], to_read: bool) -> Optional[LockFile]:
    file = LockFile()
    try:
        # What is not there nobody holds; and reading leaves nothing behind.
        number = file.open(path, not to_read)
    except OSError as error:
        _check_opened(path, error, to_read)
        return None
    return file if number == 0 else _settled(file, number, path, wait, to_read)


def _check_opened(path: str, error: OSError, to_read: bool) -> None:
    """Raise AccessError, unless who reads may do without."""
    if not to_read or error.errno not in _NOT_TO_BE_HAD:
        raise _cannot_open(path, error) from error


def _settled(
    file: LockFile, number: int, path: str, wait: Optional[float], to_read: bool
) -> Optional[LockFile]:
    """The lock, where there is more to it than opening the file."""
    try:
        if number == errno.EDEADLK:
            if to_read:
                file.close()
                return None
            raise TransactionError(
                f"this thread holds the xtables lock {path} already, for a transaction or restore "
                "of other tables: edit these outside of it, or let pyiptc.transaction() have them "
                "too"
            )
        if number == errno.EINVAL and not stat.S_ISREG(os.fstat(file.fd).st_mode):
            raise _cannot_open(path, OSError(errno.EINVAL, "not a regular file"))
        if number != errno.EWOULDBLOCK:
            raise _cannot_lock(path, number)
        try:
            _acquire(file.fd, path, wait)
        except LockTimeout:
            raise
        except OSError as error:
            raise _cannot_lock(path, error.errno or 0) from error
        file.note()
    except BaseException:
        file.close()
        raise
    return file


class held:  # noqa: N801  # a context manager: `with lock.held(path):`
    """Hold the lock of a file for a while.

    Args:
        path: :func:`lock_path`; None does nothing.
        wait, to_read: As :func:`take` has them, which says what is raised.
    """

    __slots__ = ("_file", "_path", "_to_read", "_wait")

    def __init__(
        self, path: Optional[str], wait: Optional[float] = None, to_read: bool = False
    ) -> None:
        self._path = path
        self._wait = wait
        self._to_read = to_read
        self._file: Optional[LockFile] = None

    def __enter__(self) -> None:
        if self._path is not None:
            self._file = _taken(self._path, self._wait, self._to_read)

    def __exit__(self, *exc: object) -> None:
        if self._file is not None:
            self._file.close()


def _cannot_lock(path: str, number: int) -> AccessError:
    return AccessError(f"can't lock {path}: {os.strerror(number)}", number, "flock", path)


def _cannot_open(path: str, error: OSError) -> AccessError:
    advice = ""
    if error.errno in _NOT_TO_BE_HAD:
        advice = ': XTABLES_LOCKFILE names another one, lock="netns" has one in /tmp'
    return AccessError(
        f"can't open lock file {path}: {error.strerror}{advice}", error.errno, "open", path
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
    say = _log.info if waited >= _LONG_WAIT else _log.debug
    say("waited %.3f s for %s", waited, path)


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
