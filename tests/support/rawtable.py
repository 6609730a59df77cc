"""Tables put into the kernel and read from it byte by byte, past every library.

Only so can a test make what an older or a stranger's iptables would have left: an extension
revision that nobody here writes, an extension that nobody here has. Layouts: struct ipt_replace,
ipt_entry and ip6t_entry of linux/netfilter_ipv4/ip_tables.h and linux/netfilter_ipv6/ip6_tables.h.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SET_REPLACE = GET_INFO = 64
GET_ENTRIES = 65
FILTER_HOOKS = (1, 2, 3)
NF_ACCEPT = 1
_STANDARD, _ERROR = b"", b"ERROR"

_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True)
class Layout:
    """What differs between the families: the socket, the level, and sizes in an entry."""

    domain: int
    level: int
    header_size: int
    address_size: int


LAYOUTS = {
    "ipv4": Layout(socket.AF_INET, socket.IPPROTO_IP, 112, 84),
    "ipv6": Layout(socket.AF_INET6, socket.IPPROTO_IPV6, 168, 136),
}


@dataclass(frozen=True)
class RawMatch:
    name: str
    revision: int
    payload: bytes


def put_filter_input(family: str, rules: Sequence[Sequence[RawMatch]]) -> None:
    """Replace table filter by one that accepts all, with these rules (ACCEPT) in chain INPUT."""
    layout = LAYOUTS[family]
    entries = [_entry(layout, matches) for matches in rules]
    policies = [_entry(layout, ()) for _ in FILTER_HOOKS]
    last = _entry(layout, (), target=_extension(_ERROR, 0, _ERROR.ljust(32, b"\0")))
    policy_offset = sum(map(len, entries))
    underflows = [policy_offset + index * len(policies[0]) for index in range(len(policies))]
    hook_entries = [0, *underflows[1:]]
    blob = b"".join([*entries, *policies, last])
    old_count = _info(layout)[0]
    old_counters = ctypes.create_string_buffer(16 * old_count)
    head = struct.pack(
        "32sIII5I5IIQ",
        b"filter",
        sum(1 << hook for hook in FILTER_HOOKS),
        len(entries) + len(policies) + 1,
        len(blob),
        *(0, *hook_entries, 0),
        *(0, *underflows, 0),
        old_count,
        ctypes.addressof(old_counters),
    )
    with socket.socket(layout.domain, socket.SOCK_RAW, socket.IPPROTO_RAW) as kernel:
        kernel.setsockopt(layout.level, SET_REPLACE, head + blob)


def read_filter(family: str) -> bytes:
    """The entries of table filter as they are in the kernel."""
    return read(family, "filter")


def entries(family: str) -> Iterator[bytes]:
    """The entries of table filter, one by one."""
    layout, blob = LAYOUTS[family], read_filter(family)
    while blob:
        # after the addresses: nfcache, target_offset, next_offset
        (next_offset,) = struct.unpack_from("6xH", blob, layout.address_size)
        assert next_offset > layout.header_size
        yield blob[:next_offset]
        blob = blob[next_offset:]


def read(family: str, table: str) -> bytes:
    """The entries of a table as they are in the kernel."""
    layout = LAYOUTS[family]
    _, size = _info(layout, table)
    head = struct.pack("32sI4x", table.encode(), size)
    return _getsockopt(layout, GET_ENTRIES, head + bytes(size))[len(head) :]


def _info(layout: Layout, table: str = "filter") -> tuple[int, int]:
    """The number of entries and their size."""
    answer = _getsockopt(layout, GET_INFO, table.encode().ljust(84, b"\0"))
    count, size = struct.unpack_from("76xII", answer)
    return count, size


def _getsockopt(layout: Layout, option: int, request: bytes) -> bytes:
    """getsockopt(2) with a request in the buffer, which Python's own cannot carry."""
    buffer = ctypes.create_string_buffer(request, len(request))
    size = ctypes.c_uint(len(request))
    with socket.socket(layout.domain, socket.SOCK_RAW, socket.IPPROTO_RAW) as kernel:
        result = _libc.getsockopt(kernel.fileno(), layout.level, option, buffer, ctypes.byref(size))
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return buffer.raw


def _extension(name: bytes, revision: int, payload: bytes) -> bytes:
    payload += b"\0" * (-len(payload) % 8)
    return struct.pack("H29sB", 32 + len(payload), name, revision) + payload


def _entry(layout: Layout, matches: Sequence[RawMatch], target: bytes = b"") -> bytes:
    target = target or _extension(_STANDARD, 0, struct.pack("i", -NF_ACCEPT - 1))
    body = b"".join(_extension(m.name.encode(), m.revision, m.payload) for m in matches)
    target_offset = layout.header_size + len(body)
    offsets = struct.pack("=IHHI", 0, target_offset, target_offset + len(target), 0)
    header = bytes(layout.address_size) + offsets  # the rest is zero: counters, and padding before
    return header.ljust(layout.header_size, b"\0") + body + target


@dataclass(frozen=True)
class Snapshot:
    """A whole table, to be compared with another one and to be put back."""

    family: str
    info: bytes
    entries: bytes

    @classmethod
    def of(cls, family: str, table: str) -> Snapshot:
        layout = LAYOUTS[family]
        info = _getsockopt(layout, GET_INFO, table.encode().ljust(84, b"\0"))
        return cls(family, info, read(family, table))

    def put(self) -> None:
        """Have the kernel take it again, all counters at zero."""
        layout = LAYOUTS[self.family]
        name, hooks, *places, number, size = struct.unpack("=32sI10III", self.info)
        old_count, _ = _info(layout, name.rstrip(b"\0").decode())
        old_counters = ctypes.create_string_buffer(16 * old_count)
        head = struct.pack("=32sIII10II", name, hooks, number, size, *places, old_count)
        head += struct.pack("=Q", ctypes.addressof(old_counters))
        with socket.socket(layout.domain, socket.SOCK_RAW, socket.IPPROTO_RAW) as kernel:
            kernel.setsockopt(layout.level, SET_REPLACE, head + self.entries)
