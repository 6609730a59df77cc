"""Private namespaces: everything the demo does happens where the machine cannot see it."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

# linux/sched.h
CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
CLONE_NEWNET = 0x40000000

# (file, the value that forbids, what it means), in the order in which to look
OBSTACLES = (
    ("/proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces is 0"),
    ("/proc/sys/user/max_net_namespaces", "0", "user.max_net_namespaces is 0"),
    (
        "/proc/sys/kernel/unprivileged_userns_clone",
        "0",
        "kernel.unprivileged_userns_clone is 0",
    ),
    (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
        "1",
        "kernel.apparmor_restrict_unprivileged_userns is 1 (Ubuntu's default)",
    ),
)


class IsolationError(Exception):
    """No private namespace could be made; the message says why and what to do."""


def unshare(flags: int) -> None:
    """Move this process into new namespaces (``os.unshare`` exists only from Python 3.12 on)."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(ctypes.c_int(flags)) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def network_namespace() -> str:
    """Name the network namespace this process is in, such as ``net:[4026531840]``."""
    return os.readlink("/proc/self/ns/net")


def enter_private() -> str:
    """Enter a network namespace of our own, and be root there.

    Root needs no user namespace, but takes one where it lacks the right to do without (a
    container). An ordinary user becomes root of a new user namespace. To be called before any
    thread is started.

    Returns:
        What was made, in words.
    Raises:
        IsolationError: it is not permitted here.
    """
    before = network_namespace()
    if os.geteuid() == 0:
        try:
            unshare(CLONE_NEWNET | CLONE_NEWNS)
        except OSError:
            made = _enter_as_user()
        else:
            made = "network and mount namespaces"
    else:
        made = _enter_as_user()
    if network_namespace() == before:
        raise IsolationError("the kernel gave no new network namespace")
    return made


def _enter_as_user() -> str:
    uid, gid = os.geteuid(), os.getegid()
    try:
        unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
    except OSError as error:
        raise IsolationError(_explain(error)) from error
    return "user, network and mount namespaces"


def _explain(error: OSError) -> str:
    lines = [f"this machine permits no private namespaces here ({error.strerror})."]
    reasons = [meaning for file, bad, meaning in OBSTACLES if _reads(file, bad)]
    if reasons:
        lines += [f"The reason: {reason}." for reason in reasons]
    if os.geteuid() == 0:
        lines.append(
            "In a container: start it with --privileged, or on the machine itself run this as root."
        )
    elif reasons:
        lines.append("Change that setting, or run this as root.")
    else:
        lines.append("Containers and chroots often forbid them to ordinary users: try it as root.")
    return "\n".join(lines)


def _reads(file: str, value: str) -> bool:
    try:
        return Path(file).read_text().strip() == value
    except OSError:
        return False
