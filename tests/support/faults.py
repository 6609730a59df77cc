"""Calls that fail on demand, and a kernel out of bytes: a library that a script is run with.

The test compiles it and runs a script with `environment()`; the script steers it through the
functions below. `fault/fault.c` is the other side.
"""

from __future__ import annotations

import ctypes
import enum
import functools
import os
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Optional

from support import features

SOURCE = Path(__file__).parent / "fault" / "fault.c"

GET_INFO = SET_REPLACE = 64
GET_ENTRIES = SET_ADD_COUNTERS = 65
GET_REVISION_MATCH = {"ipv4": 66, "ipv6": 68}
GET_REVISION_TARGET = {"ipv4": 67, "ipv6": 69}
SO_NETNS_COOKIE = 71
ANY = -1
FOR_EVER = -1


class Call(enum.IntEnum):
    """What can fail; the option of SOCKET is its domain."""

    SOCKET = 0
    GETSOCKOPT = 1
    SETSOCKOPT = 2
    OPEN = 3
    FLOCK = 4
    SETNS = 5
    MALLOC = 6
    BIND = 7
    SENDTO = 8
    RECVFROM = 9
    """EMSGSIZE: what is received is longer than the buffer, and the rest of it lost."""
    MESSAGE = 10
    """A message to nf_tables, and with it all that were sent together: the kernel answers with an
    error. The option is its kind."""
    TEAR = 11
    """A dump of messages of a kind: another change came in between."""


class Message(enum.IntEnum):
    """Kinds of messages: linux/netfilter/nf_tables.h, and three of other subsystems."""

    NEWTABLE = 0
    GETTABLE = 1
    NEWCHAIN = 3
    GETCHAIN = 4
    DELCHAIN = 5
    NEWRULE = 6
    GETRULE = 7
    DELRULE = 8
    GETGEN = 16
    GETRULE_RESET = 25
    BATCH_BEGIN = 64
    COMPAT_GET = 65
    BATCH_EMPTY = 66
    """The beginning of a batch with nothing in it, which only waits for the others."""


def build(directory: Path) -> dict[str, str]:
    """Compile the library; the environment that a script is run with to have it.

    No module is ever loaded for a script that fails GET_INFO, unless it sets PYIPTC_MODPROBE.
    """
    features.require("cc")
    library = directory / "fault.so"
    command = ["cc", "-std=gnu11", "-O1", "-g", "-shared", "-fPIC", "-Wall", "-Wextra", "-Werror"]
    # Else the compiler would take a malloc() that may fail for one that it knows.
    command += ["-fno-builtin", "-o", str(library), str(SOURCE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {"LD_PRELOAD": str(library), "PYIPTC_MODPROBE": "0"}


@functools.cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(None)
    assert hasattr(library, "fault_plan"), "run the script with the environment of build()"
    library.fault_count.restype = ctypes.c_long
    library.fault_sent.restype = ctypes.c_size_t
    return library


def plan(
    call: Call,
    error: int,
    *,
    option: int = ANY,
    skip: int = 0,
    times: int = FOR_EVER,
    path: Optional[str] = None,
) -> None:
    """From now on let a call fail.

    Args:
        error: its errno.
        skip: calls that succeed first.
        times: how many fail then.
        path: of OPEN, the only file that cannot be opened; of others, they fail until it exists.
    """
    _library().fault_plan(
        ctypes.c_int(call),
        ctypes.c_int(option),
        ctypes.c_char_p((path or "").encode()),
        ctypes.c_int(error),
        ctypes.c_long(skip),
        ctypes.c_long(times),
    )


def clear() -> None:
    """Nothing fails any more, and counting starts again."""
    _library().fault_clear()


def stop() -> None:
    """Nothing fails any more; what was counted stays."""
    _library().fault_stop()


@contextmanager
def failing(call: Call, error: int, **more: object) -> Iterator[None]:
    """Let a call fail inside of the block only; `count()` afterwards counts those in it."""
    clear()
    plan(call, error, **more)  # type: ignore[arg-type]
    try:
        yield
    finally:
        stop()


def count(call: Call, option: int = ANY) -> int:
    """Calls since `clear()`, those that failed included."""
    return int(_library().fault_count(ctypes.c_int(call), ctypes.c_int(option)))


def descriptors() -> list[str]:
    """What the process has open: number and what it is."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            found.append(f"{name} {os.readlink(f'/proc/self/fd/{name}')}")
        except FileNotFoundError:
            continue  # the one that listed them
    return sorted(found)


class Kernel:
    """A kernel that has one table: the bytes of IPT_SO_GET_INFO and IPT_SO_GET_ENTRIES."""

    def __init__(self, info: bytes, entries: bytes) -> None:
        self.set(info, entries)

    def set(self, info: bytes, entries: bytes) -> None:
        """Have another table."""
        self._kept = info, entries  # the library has pointers to them
        _library().fault_kernel(
            ctypes.c_char_p(info),
            ctypes.c_size_t(len(info)),
            ctypes.c_char_p(entries),
            ctypes.c_size_t(len(entries)),
        )

    @staticmethod
    def sent(option: int) -> bytes:
        """What was last sent with SET_REPLACE or SET_ADD_COUNTERS."""
        data = ctypes.c_void_p()
        size = _library().fault_sent(ctypes.c_int(option - SET_REPLACE), ctypes.byref(data))
        return ctypes.string_at(data, size)


INFO = struct.Struct("32sI5I5III")
"""struct ipt_getinfo: name, valid_hooks, hook_entry, underflow, num_entries, size."""

REPLACE_HEADER = 96
"""Bytes of struct ipt_replace before its entries."""

DOMAIN = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
