# SPDX-License-Identifier: GPL-2.0-or-later
"""An entry as text, without an object: what ``iptables-save`` prints after the chain's name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from . import _print, _xtables
from ._blob import Entry, Header
from ._print import OPAQUE, opaque_text, verdict_name
from .enums import Kind
from .mended import MENDABLE, mended
from .process import caches

__all__ = [
    "OPAQUE",
    "entry_text",
    "forget",
    "header_words",
    "opaque_text",
    "part_text",
    "printer",
    "verdict_name",
]

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

_printers: dict[int, _print.Printer] = {}


def printer(family: int) -> _print.Printer:
    """What prints the entries of a family, and remembers."""
    found = _printers.get(family)
    if found is None:
        made = _print.Printer(_xtables.instance(family), REMEMBERED, mended, MENDABLE, caches())
        found = _printers.setdefault(family, made)
    return found


def entry_text(entry: Entry) -> str:
    """The rule of an entry. Sets have the names of the calling thread's network namespace.

    Cost: 1 µs, and 5 µs for each match or target that libxtables has to print.
    """
    return printer(entry.family).entry_text(entry)


def header_words(header: Header) -> Iterator[str]:
    """What a rule's text begins with: addresses, interfaces, protocol."""
    text = printer(header.family).header_text(header)
    if text:
        yield text


def part_text(family: int, kind: Kind, head: bytes, payload: bytes) -> Optional[tuple[str, str]]:
    """The name of a match or target, as it is printed, and its options; None where it is opaque.

    Args:
        head: The rule's header as the extension is shown it.
        payload: With its header.
    """
    return printer(family).part_text(kind, head, payload)


def forget() -> None:
    """Give back the memory of all that is remembered."""
    for found in _printers.values():
        found.forget()
