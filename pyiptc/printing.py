# SPDX-License-Identifier: GPL-2.0-or-later
"""An entry as text, without an object: what ``iptables-save`` prints after the chain's name."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Optional

from . import _xtables
from ._blob import PAYLOAD_HEADER, Entry, Header, payload_name, payload_revision
from .addresses import Network, format_interface, format_network, masked, prefix_length
from .enums import GOTO_FLAGS, Family, HeaderFlag, Inverted, Kind, Verdict
from .errors import XTablesError
from .mended import mended
from .text import decode, quoted

__all__ = ["OPAQUE", "entry_text", "forget", "header_words", "part_text", "verdict_name"]

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


_FRAGMENT_FLAG = int(HeaderFlag.FRAGMENT)
_INVERTED = {name: int(flag) for name, flag in Inverted.__members__.items()}
_VERDICTS = {int(verdict): name for name, verdict in Verdict.__members__.items()}


def entry_text(entry: Entry) -> str:
    """The rule of an entry. Sets have the names of the calling thread's network namespace.

    Cost: some 10 µs, and 1 µs for each match or target whose text is not remembered.
    """
    family, header, head = entry.family, entry.header, entry.head
    words = list(header_words(header))
    for payload in entry.matches:
        name, text = _part(Kind.MATCH, header, head, payload)
        words.append(f"-m {name}{text}")
    flag = "-g" if header.flags & GOTO_FLAGS[Family(family)] else "-j"
    if entry.target_name != "":
        name, text = _part(Kind.TARGET, header, head, entry.target)
        words.append(f"{flag} {quoted(name)}{text}")
    elif entry.jump is not None:
        words.append(f"{flag} {quoted(entry.jump)}")
    elif entry.verdict is not None:
        words.append(f"-j {verdict_name(entry.verdict)}")
    return " ".join(words)


def header_words(header: Header) -> Iterator[str]:
    """What a rule's text begins with: addresses, interfaces, protocol."""
    family, inverted = header.family, header.invflags
    for flag, address, mask, sign in (
        ("-s", header.src, header.src_mask, _INVERTED["SOURCE"]),
        ("-d", header.dst, header.dst_mask, _INVERTED["DESTINATION"]),
    ):
        if any(mask) or inverted & sign:
            network = format_network(masked(Network(address, mask)), family)
            yield f"! {flag} {network}" if inverted & sign else f"{flag} {network}"
    for flag, interface, sign in (
        ("-i", header.in_interface, _INVERTED["IN_INTERFACE"]),
        ("-o", header.out_interface, _INVERTED["OUT_INTERFACE"]),
    ):
        name = _interface(*interface)
        # iptables 1.8.9 prints nothing for `! -i +`, which would mean any interface.
        if inverted & sign:
            yield f"! {flag} {name or '+'}"
        elif name:
            yield f"{flag} {name}"
    if header.proto:
        shown = _xtables.instance(family).protocol_name(header.proto) or header.proto
        yield f"! -p {shown}" if inverted & _INVERTED["PROTOCOL"] else f"-p {shown}"
    if family == Family.IPV4 and header.flags & _FRAGMENT_FLAG:
        yield "! -f" if inverted & _INVERTED["FRAGMENT"] else "-f"


def verdict_name(verdict: int) -> str:
    """The name of a verdict; of a number that is none, the number."""
    return _VERDICTS.get(verdict, str(verdict))


def part_text(family: int, kind: Kind, head: bytes, payload: bytes) -> Optional[tuple[str, str]]:
    """The name of a match or target, as it is printed, and its options; None where it is opaque.

    Args:
        head: The rule's header as the extension is shown it.
    """
    name = payload_name(payload)
    try:
        alias, raw = _xtables.instance(family).save(kind, head, payload)
    except (_xtables.UnknownPayload, XTablesError):
        return None
    revision, data = payload_revision(payload), payload[PAYLOAD_HEADER:]
    return alias or name, mended(family, kind, name, revision, data, decode(raw))


def forget() -> None:
    """Give back the memory of all that is remembered."""
    for memory in (_remembered, _interface, prefix_length):
        memory.cache_clear()


@functools.lru_cache(maxsize=1024)
def _interface(name: bytes, mask: bytes) -> str:
    shown = format_interface(name, mask)
    return quoted(shown) if shown else ""


def _part(kind: Kind, header: Header, head: bytes, payload: bytes) -> tuple[str, str]:
    name = payload_name(payload)
    if name in REMEMBERED:
        about = header.family, header.proto, header.flags, header.invflags
        found = _remembered(kind, about, payload)
    else:
        found = part_text(header.family, kind, head, payload)
    return (name, OPAQUE) if found is None else found


@functools.lru_cache(maxsize=1024)
def _remembered(
    kind: Kind, about: tuple[int, int, int, int], payload: bytes
) -> Optional[tuple[str, str]]:
    """As :func:`part_text`, for any rule of this family, protocol, flags and inversions."""
    header = Header(about[0])
    _, header.proto, header.flags, header.invflags = about
    return part_text(about[0], kind, header.to_uapi(), payload)
