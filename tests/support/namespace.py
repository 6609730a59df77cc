"""Network namespaces, made with unshare(2), entered with setns(2) and left without a trace."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

from support.libc import check, libc

CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
IFF_UP = 0x1


def unshare(flags: int) -> None:
    check(libc.unshare(flags), f"unshare({flags:#x})")


class NetworkNamespace:
    """One network namespace, kept alive by a descriptor; entering it is for the calling thread."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    @classmethod
    def current(cls) -> NetworkNamespace:
        return cls(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))

    @classmethod
    def new(cls) -> NetworkNamespace:
        """A fresh one with its loopback interface up; the caller stays where it is."""
        before = cls.current()
        try:
            unshare(CLONE_NEWNET)
            set_link_up("lo")
            return cls.current()
        finally:
            before.enter()
            before.close()

    @property
    def path(self) -> str:
        """A name for it that other processes can open as long as this one keeps it."""
        return f"/proc/{os.getpid()}/fd/{self.fd}"

    def enter(self) -> None:
        check(libc.setns(self.fd, CLONE_NEWNET), "setns")

    @contextlib.contextmanager
    def entered(self) -> Iterator[NetworkNamespace]:
        before = self.current()
        self.enter()
        try:
            yield self
        finally:
            before.enter()
            before.close()

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


@contextlib.contextmanager
def fresh_namespace() -> Iterator[NetworkNamespace]:
    """A namespace that the caller may enter, closed at the end."""
    namespace = NetworkNamespace.new()
    try:
        yield namespace
    finally:
        namespace.close()


def set_link_up(interface: str) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        name = interface.encode()
        request = struct.pack("16sH22x", name, 0)
        (flags,) = struct.unpack_from("16xH", fcntl.ioctl(control, SIOCGIFFLAGS, request))
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sH22x", name, flags | IFF_UP))


def in_user_namespace() -> bool:
    """Whether root here is somebody else outside."""
    return Path("/proc/self/uid_map").read_text().split() != ["0", "0", "4294967295"]


def leave_machine_namespace() -> None:
    """Take this process out of the machine's network, as root or in a user namespace of its own.

    Must be called before there is a second thread: unshare(2) refuses a user namespace then.
    """
    try:
        unshare(CLONE_NEWNET)
    except PermissionError:
        uid, gid = os.getuid(), os.getgid()
        unshare(CLONE_NEWUSER | CLONE_NEWNET)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    set_link_up("lo")
