# SPDX-License-Identifier: GPL-2.0-or-later
"""An entry as text, straight from its bytes: what ``iptables-save`` prints after the chain's name.

Source: struct ipt_ip, linux/netfilter_ipv4/ip_tables.h; struct ip6t_ip6,
linux/netfilter_ipv6/ip6_tables.h.
"""

from __future__ import annotations

import functools
import socket
import sys
from collections.abc import Iterator
from typing import NamedTuple

from . import _xtables
from ._blob import PAYLOAD_HEADER, Entry, payload_name, payload_revision
from .addresses import format_interface, prefix_length
from .enums import Family, HeaderFlag, Inverted, Kind, Verdict
from .errors import XTablesError
from .mended import mended
from .text import decode, quoted

__all__ = ["OPAQUE", "entry_text", "forget"]

OPAQUE = " [unsupported revision]"
"""What stands for options that nothing here can read."""

REMEMBERED = frozenset(
    (
        "ah connmark conntrack dscp esp icmp icmp6 iprange length limit mac mark multiport"
        " pkttype sctp state statistic tcp tcpmss tos ttl udp"
        " CLASSIFY CONNMARK DSCP LOG MARK NFLOG NFQUEUE REJECT TCPMSS TOS TTL"
    ).split()
)
"""Extensions of iptables whose text is a function of their payload, the rule's protocol and flags.

Not those that read files, names, sets, time or the kernel, and no third party's.
"""


class _Layout(NamedTuple):
    """Offsets in the header of a family."""

    address: int
    """Bytes of an address: four of them stand first, source and destination, then their masks."""
    interfaces: int
    """Two names, then their masks, 16 bytes each."""
    protocol: int
    flags: int
    invflags: int
    goto: int
    size: int


_LAYOUTS = {
    2: _Layout(4, 16, 80, 82, 83, int(HeaderFlag.GOTO), 112),
    10: _Layout(16, 64, 128, 131, 132, int(HeaderFlag.GOTO6), 168),
}

_FRAGMENT_FLAG = int(HeaderFlag.FRAGMENT)
_INVERTED = {name: int(flag) for name, flag in Inverted.__members__.items()}
_VERDICTS = {int(verdict): name for name, verdict in Verdict.__members__.items()}


def entry_text(entry: Entry) -> str:
    """The rule of an entry. Sets have the names of the calling thread's network namespace.

    Cost: some 10 µs, and 1 µs for each match or target whose text is not remembered.
    """
    family = entry.family
    layout = _LAYOUTS[family]
    head = entry.head
    words = list(_header_words(family, layout, head))
    for payload in entry.matches:
        name, text = _part(family, layout, Kind.MATCH, head, payload)
        words.append(f"-m {name}{text}")
    if payload_name(entry.target) != "":
        name, text = _part(family, layout, Kind.TARGET, head, entry.target)
        flag = "-g" if head[layout.flags] & layout.goto else "-j"
        words.append(f"{flag} {quoted(name)}{text}")
    elif entry.jump is not None:
        flag = "-g" if head[layout.flags] & layout.goto else "-j"
        words.append(f"{flag} {quoted(entry.jump)}")
    elif entry.verdict is not None:
        words.append(f"-j {_VERDICTS.get(entry.verdict, str(entry.verdict))}")
    return " ".join(words)


def _header_words(family: int, layout: _Layout, head: bytes) -> Iterator[str]:
    inverted, size = head[layout.invflags], layout.address
    for flag, at, sign in (
        ("-s", 0, _INVERTED["SOURCE"]),
        ("-d", size, _INVERTED["DESTINATION"]),
    ):
        address, mask = head[at : at + size], head[at + 2 * size : at + 3 * size]
        if any(mask) or inverted & sign:
            network = _network(family, address, mask)
            yield f"! {flag} {network}" if inverted & sign else f"{flag} {network}"
    names = layout.interfaces
    for flag, at, sign in (
        ("-i", names, _INVERTED["IN_INTERFACE"]),
        ("-o", names + 16, _INVERTED["OUT_INTERFACE"]),
    ):
        name = _interface(head[at : at + 16], head[at + 32 : at + 48])
        # iptables 1.8.9 prints nothing for `! -i +`, which would mean any interface.
        if inverted & sign:
            yield f"! {flag} {name or '+'}"
        elif name:
            yield f"{flag} {name}"
    protocol = int.from_bytes(head[layout.protocol : layout.protocol + 2], sys.byteorder)
    if protocol:
        shown = _xtables.instance(family).protocol_name(protocol) or protocol
        yield f"! -p {shown}" if inverted & _INVERTED["PROTOCOL"] else f"-p {shown}"
    if family == Family.IPV4 and head[layout.flags] & _FRAGMENT_FLAG:
        yield "! -f" if inverted & _INVERTED["FRAGMENT"] else "-f"


def _network(family: int, address: bytes, mask: bytes) -> str:
    """``address/length`` as the kernel compares it, with the mask written out where it has holes."""
    kept = int.from_bytes(address, "big") & int.from_bytes(mask, "big")
    shown = socket.inet_ntop(family, kept.to_bytes(len(mask), "big"))
    return f"{shown}/{_mask(family, mask)}"


@functools.lru_cache(maxsize=256)
def _mask(family: int, mask: bytes) -> str:
    length = prefix_length(mask)
    return socket.inet_ntop(family, mask) if length is None else str(length)


@functools.lru_cache(maxsize=1024)
def _interface(name: bytes, mask: bytes) -> str:
    shown = format_interface(name, mask)
    return quoted(shown) if shown else ""


def _part(family: int, layout: _Layout, kind: Kind, head: bytes, payload: bytes) -> tuple[str, str]:
    """The name of a match or target, as it is printed, and its options."""
    if payload_name(payload) in REMEMBERED:
        return _remembered(family, kind, head[layout.protocol : layout.invflags + 1], payload)
    return _printed(family, kind, head, payload)


@functools.lru_cache(maxsize=1024)
def _remembered(family: int, kind: Kind, tail: bytes, payload: bytes) -> tuple[str, str]:
    """As :func:`_printed`, for any rule with the same protocol and flags."""
    layout = _LAYOUTS[family]
    head = (bytes(layout.protocol) + tail).ljust(layout.size, b"\0")
    return _printed(family, kind, head, payload)


def forget() -> None:
    """Give back the memory of all that is remembered."""
    for memory in (_remembered, _interface, _mask):
        memory.cache_clear()


def _printed(family: int, kind: Kind, head: bytes, payload: bytes) -> tuple[str, str]:
    name = payload_name(payload)
    try:
        alias, raw = _xtables.instance(family).save(kind, head, payload)
    except (_xtables.UnknownPayload, XTablesError):
        return name, OPAQUE
    revision, data = payload_revision(payload), payload[PAYLOAD_HEADER:]
    return alias or name, mended(family, kind, name, revision, data, decode(raw))
