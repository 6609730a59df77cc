# SPDX-License-Identifier: GPL-2.0-or-later
"""Network namespaces: which one a table belongs to, and how to get there for a moment.

A namespace is known by its cookie (``SO_NETNS_COOKIE``, Linux 5.14), which is never used twice;
inode numbers come back. Only a table made in another namespace than the process's own holds a
descriptor of it, until it is closed.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import Optional, Protocol, Union

from . import _kernel
from .errors import AccessError, IPTCError, shown

__all__ = ["Namespace", "NetnsSpec", "current_cookie", "existing_tables", "netns"]


class HasFileno(Protocol):
    """An open file, or anything else that holds a descriptor."""

    def fileno(self) -> int: ...


#: A name (of ``ip netns``), a path, a process id, or an open file.
NetnsSpec = Union[str, "os.PathLike[str]", int, HasFileno]

_THREAD = "/proc/thread-self/ns/net"
_PROCESS = "/proc/self/ns/net"
_NAMES = {2: "/proc/thread-self/net/ip_tables_names", 10: "/proc/thread-self/net/ip6_tables_names"}


def _inode(path: str) -> int:
    status = os.stat(path)
    return (status.st_dev << 64) + status.st_ino


def current_cookie(table: Optional[str] = None) -> int:
    """Number of the calling thread's network namespace; *table* is who asks."""
    with _kernel.Socket(2, table) as socket:
        cookie = socket.cookie
    return cookie if cookie is not None else _inode(_THREAD)


def existing_tables(family: int) -> list[str]:
    """Tables that exist in the calling thread's namespace; looking creates none."""
    try:
        with open(_NAMES[family], encoding="ascii") as file:
            return file.read().split()
    except FileNotFoundError:
        return []
    except PermissionError as error:
        raise AccessError(
            f"can't list tables: {error.strerror}: only root may",
            error.errno,
            "open",
            _NAMES[family],
        ) from error


@contextlib.contextmanager
def _inside(fd: int) -> Iterator[None]:
    """Let the calling thread be in the namespace of a descriptor."""
    home = os.open(_THREAD, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _setns(fd)
        try:
            yield
        finally:
            _kernel.setns(home)
    finally:
        os.close(home)


def _setns(fd: int) -> None:
    try:
        _kernel.setns(fd)
    except PermissionError as error:
        raise AccessError(
            "entering a network namespace needs CAP_SYS_ADMIN", error.errno, "setns"
        ) from error
    except OSError as error:
        failed = IPTCError(f"can't enter a network namespace: {error.strerror}: is it one?")
        failed.errno = error.errno
        raise failed from error


def _open(spec: NetnsSpec) -> int:
    """A new descriptor of what the caller named.

    Raises:
        IPTCError: There is no such namespace.
    """
    if isinstance(spec, bool):
        raise TypeError("a network namespace is a name, a path, a pid or a file, not a bool")
    if hasattr(spec, "fileno"):
        try:
            return os.dup(spec.fileno())
        except OSError as error:
            raise _cannot_open(spec, "its descriptor", error) from error
    if isinstance(spec, int):
        path = f"/proc/{spec}/ns/net"
    else:
        path = os.fspath(spec)
        if "/" not in path:
            path = f"/run/netns/{path}"
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise _cannot_open(spec, path, error) from error


def _cannot_open(spec: object, what: str, error: OSError) -> IPTCError:
    failed = IPTCError(f"no network namespace {shown(spec)}: {what}: {error.strerror}")
    failed.errno = error.errno
    return failed


class Namespace:
    """The namespace that a table belongs to."""

    def __init__(self, spec: Optional[NetnsSpec] = None, table: Optional[str] = None) -> None:
        self._fd: Optional[int] = None
        if spec is not None:
            fd = _open(spec)
            try:
                with _inside(fd):
                    self.cookie = current_cookie()
            except BaseException:
                os.close(fd)
                raise
            self._fd = fd
            return
        self.cookie = current_cookie(table)
        if _inode(_THREAD) != _inode(_PROCESS):
            self._fd = os.open(_THREAD, os.O_RDONLY | os.O_CLOEXEC)

    @property
    def is_own(self) -> bool:
        """Whether it is the process's own, and no descriptor is held."""
        return self._fd is None

    def close(self) -> None:
        """Let go of the namespace; twice is fine."""
        fd, self._fd = self._fd, None
        if fd is not None:
            os.close(fd)

    def __del__(self) -> None:
        self.close()

    def socket(self, family: int) -> _Reached:
        """A socket inside the namespace; meanwhile the calling thread is inside too.

        Raises:
            IPTCError: The namespace is gone or cannot be entered.
        """
        return _Reached(self, family)

    @contextlib.contextmanager
    def _entered(self) -> Iterator[None]:
        fd = self._fd if self._fd is not None else os.open(_PROCESS, os.O_RDONLY | os.O_CLOEXEC)
        try:
            with _inside(fd):
                if current_cookie() != self.cookie:
                    raise IPTCError(
                        "the table's network namespace cannot be reached from this thread"
                    )
                yield
        finally:
            if self._fd is None:
                os.close(fd)


class _Reached:
    """Namespace.socket(), in each edit: no generator."""

    __slots__ = ("_family", "_place", "_socket", "_stack")

    def __init__(self, place: Namespace, family: int) -> None:
        self._place = place
        self._family = family

    def __enter__(self) -> _kernel.Socket:
        self._stack: Optional[contextlib.ExitStack] = None
        reached = _kernel.reach(self._family, self._place.cookie)
        if reached is not None:
            self._socket = reached
            return reached
        self._socket = _kernel.Socket(self._family)
        try:
            cookie = self._socket.cookie
            if (cookie if cookie is not None else _inode(_THREAD)) == self._place.cookie:
                return self._socket
        except BaseException:
            self._socket.close()
            raise
        self._socket.close()
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._place._entered())
            self._socket = _kernel.Socket(self._family)
            self._stack = stack.pop_all()
        return self._socket

    def __exit__(self, *exc: object) -> None:
        self._socket.close()
        if self._stack is not None:
            self._stack.close()


@contextlib.contextmanager
def netns(spec: NetnsSpec) -> Iterator[None]:
    """Let the calling thread, and only it, be in a network namespace.

    Args:
        spec: A name of ``ip netns``, a path, a process id, or an open file.
    Raises:
        IPTCError: There is none.
        AccessError: CAP_SYS_ADMIN is missing.
    """
    fd = _open(spec)
    try:
        with _inside(fd):
            yield
    finally:
        os.close(fd)
