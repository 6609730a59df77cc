"""Capabilities of the calling thread, by capset(2): dropped for a while, or for good."""

from __future__ import annotations

import contextlib
import ctypes
import struct
from collections.abc import Iterator

from support.libc import check, libc

CAP_DAC_OVERRIDE = 1
CAP_NET_ADMIN = 12
CAP_NET_RAW = 13
CAP_SYS_ADMIN = 21

_VERSION_3 = 0x20080522
PR_SET_NO_NEW_PRIVS = 38


def _get() -> list[int]:
    """Effective, permitted and inheritable ones; each is 64 bits wide."""
    buffer = ctypes.create_string_buffer(24)
    check(libc.capget(struct.pack("=Ii", _VERSION_3, 0), buffer), "capget")
    low, high = struct.unpack("=3I", buffer.raw[:12]), struct.unpack("=3I", buffer.raw[12:])
    return [one | other << 32 for one, other in zip(low, high)]


def _set(sets: list[int]) -> None:
    low, high = [bits & 0xFFFFFFFF for bits in sets], [bits >> 32 for bits in sets]
    data = struct.pack("=6I", *low, *high)
    check(libc.capset(struct.pack("=Ii", _VERSION_3, 0), data), "capset")


@contextlib.contextmanager
def without(*dropped: int) -> Iterator[None]:
    """Let the calling thread be without some capabilities; it can take them back."""
    before = _get()
    _set([before[0] & ~sum(1 << number for number in dropped), *before[1:]])
    try:
        yield
    finally:
        _set(before)


def keep_only(*kept: int) -> None:
    """Give up all capabilities but these, for good."""
    bits = sum(1 << number for number in kept)
    _set([bits, bits, 0])
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl")
