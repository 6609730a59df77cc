# SPDX-License-Identifier: GPL-2.0-or-later
"""What iptables 1.8.9 prints of an extension, mended where it reads as something else.

Not printed are the negation of a full range (``-p tcp ! --sport 0:65535`` matches nothing; without
the option it would match all of TCP) and flags of which none is looked at (``--tcp-flags NONE SYN``,
the same). Names with a blank, a quote or a backslash are printed as they are by extensions that do
not expect any. Each place was found by reading printed rules again.

Source: linux/netfilter/xt_tcpudp.h, xt_esp.h, xt_ipcomp.h, xt_recent.h, xt_hashlimit.h, xt_rateest.h,
xt_RATEEST.h, xt_physdev.h, xt_osf.h (nfnetlink_osf.h), xt_IDLETIMER.h, xt_CT.h, xt_TEE.h,
linux/netfilter_ipv4/ipt_ah.h, linux/netfilter_ipv6/ip6t_ah.h, ip6t_frag.h, ip6t_rt.h, ip6t_mh.h.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from .enums import Kind
from .text import decode, quoted

__all__ = ["MENDABLE", "mended"]


class _Range(NamedTuple):
    """An option with a range in a payload's data, all of them of revision 0."""

    option: str
    pair: str  # of struct: the range's two ends
    at: int
    flags_at: int
    flag: int


class _Name(NamedTuple):
    """An option whose word is text in a payload's data, in the order in which they are printed."""

    option: str
    at: int
    size: int


_PORTS, _NUMBERS, _BYTES = "=HH", "=II", "=BB"

_RANGES: dict[tuple[int, str], tuple[_Range, ...]] = {
    (0, "tcp"): (_Range("sport", _PORTS, 0, 11, 1), _Range("dport", _PORTS, 4, 11, 2)),
    (0, "udp"): (_Range("sport", _PORTS, 0, 8, 1), _Range("dport", _PORTS, 4, 8, 2)),
    (0, "esp"): (_Range("espspi", _NUMBERS, 0, 8, 1),),
    (0, "ipcomp"): (_Range("ipcompspi", _NUMBERS, 0, 8, 1),),
    (2, "ah"): (_Range("ahspi", _NUMBERS, 0, 8, 1),),
    (10, "ah"): (_Range("ahspi", _NUMBERS, 0, 13, 1),),
    (10, "frag"): (_Range("fragid", _NUMBERS, 0, 13, 1),),
    (10, "rt"): (_Range("rt-segsleft", _NUMBERS, 4, 17, 2),),
    (10, "mh"): (_Range("mh-type", _BYTES, 0, 2, 1),),
}

#: Offsets of struct xt_tcp, its flag for an inversion, and flags by their bits.
_TCP_MASK, _TCP_COMPARED, _TCP_INVERSIONS, _TCP_FLAGS_INVERTED = 9, 10, 11, 4
_TCP_FLAGS = ("FIN", "SYN", "RST", "PSH", "ACK", "URG")

_RECENT = (_Name("name", 10, 200),)
_HASHLIMIT = (_Name("hashlimit-name", 0, 255),)
_IDLETIMER = (_Name("label", 4, 28),)
_CT = (_Name("helper", 12, 16), _Name("timeout", 28, 32))

_NAMES: dict[tuple[Kind, str, int], tuple[_Name, ...]] = {
    (Kind.MATCH, "recent", 0): _RECENT,
    (Kind.MATCH, "recent", 1): _RECENT,
    (Kind.MATCH, "hashlimit", 1): (_Name("hashlimit-name", 0, 16),),
    (Kind.MATCH, "hashlimit", 2): _HASHLIMIT,
    (Kind.MATCH, "hashlimit", 3): _HASHLIMIT,
    (Kind.MATCH, "rateest", 0): (
        _Name("rateest", 0, 16),
        _Name("rateest1", 0, 16),
        _Name("rateest2", 16, 16),
    ),
    (Kind.MATCH, "physdev", 0): (_Name("physdev-in", 0, 16), _Name("physdev-out", 32, 16)),
    (Kind.MATCH, "string", 1): (_Name("algo", 4, 16),),
    (Kind.MATCH, "osf", 0): (_Name("genre", 0, 32),),
    (Kind.TARGET, "IDLETIMER", 0): _IDLETIMER,
    (Kind.TARGET, "IDLETIMER", 1): _IDLETIMER,
    (Kind.TARGET, "RATEEST", 0): (_Name("rateest-name", 0, 16),),
    (Kind.TARGET, "CT", 0): _CT[:1],
    (Kind.TARGET, "CT", 1): _CT,
    (Kind.TARGET, "CT", 2): _CT,
    (Kind.TARGET, "TEE", 1): (_Name("oif", 16, 16),),
}

MENDABLE = frozenset([name for _, name in _RANGES] + [name for _, name, _ in _NAMES])
"""Extensions of which something is mended."""


def mended(family: int, kind: Kind, name: str, revision: int, data: bytes, text: str) -> str:
    """An extension's text such that it means what is in its payload; usually just the text.

    Args:
        data: The payload without its header.
        text: What the extension printed of it.
    """
    text = _with_names_quoted(_NAMES.get((kind, name, revision), ()), data, text)
    if kind == Kind.MATCH and revision == 0:
        text = _unprinted_ranges(family, name, data) + _unprinted_flags(name, data) + text
    return text


def _unprinted_ranges(family: int, name: str, data: bytes) -> str:
    text = ""
    for found in (*_RANGES.get((0, name), ()), *_RANGES.get((family, name), ())):
        largest = (1 << 4 * struct.calcsize(found.pair)) - 1
        if data[found.flags_at] & found.flag and struct.unpack_from(found.pair, data, found.at) == (
            0,
            largest,
        ):
            text += f" ! --{found.option} 0:{largest}"
    return text


def _unprinted_flags(name: str, data: bytes) -> str:
    if name != "tcp" or data[_TCP_MASK] or data[_TCP_INVERSIONS] & _TCP_FLAGS_INVERTED:
        return ""
    compared = [flag for bit, flag in enumerate(_TCP_FLAGS) if data[_TCP_COMPARED] >> bit & 1]
    return f" --tcp-flags NONE {','.join(compared)}" if compared else ""


def _with_names_quoted(names: tuple[_Name, ...], data: bytes, text: str) -> str:
    start = 0
    for name in names:
        raw = decode(data[name.at : name.at + name.size].split(b"\0")[0])
        word = quoted(raw)
        option = f"--{name.option} "
        at = text.find(option + raw, start) if word != raw else -1
        # Of a name that is empty nothing is printed but the blank after it.
        if at >= 0 and (raw or text[at + len(option) :][:1] in ("", " ")):
            text = text[: at + len(option)] + word + text[at + len(option) + len(raw) :]
            start = at + len(option) + len(word)
    return text
