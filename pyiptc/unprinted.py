# SPDX-License-Identifier: GPL-2.0-or-later
"""Options that iptables 1.8.9 has in a rule and does not print: the negation of a full range.

``-p tcp ! --sport 0:65535`` matches nothing; printed without the option it would match all of TCP.
Here the option is printed. Each place was found by reading printed rules again.

Source: linux/netfilter/xt_tcpudp.h, xt_esp.h, xt_ipcomp.h, linux/netfilter_ipv4/ipt_ah.h,
linux/netfilter_ipv6/ip6t_ah.h, ip6t_frag.h, ip6t_rt.h, ip6t_mh.h.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

__all__ = ["unprinted_options"]


class _Range(NamedTuple):
    """An option with a range in a payload's data, all of them of revision 0."""

    option: str
    pair: str  # of struct: the range's two ends
    at: int
    flags_at: int
    flag: int


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


def unprinted_options(family: int, name: str, revision: int, data: bytes) -> str:
    """What has to stand before an extension's text, as `` ! --sport 0:65535``; usually nothing.

    Args:
        data: The payload without its header.
    """
    text = ""
    if revision != 0:
        return text
    for found in (*_RANGES.get((0, name), ()), *_RANGES.get((family, name), ())):
        largest = (1 << 4 * struct.calcsize(found.pair)) - 1
        if data[found.flags_at] & found.flag and struct.unpack_from(found.pair, data, found.at) == (
            0,
            largest,
        ):
            text += f" ! --{found.option} 0:{largest}"
    return text
