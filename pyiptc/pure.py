# SPDX-License-Identifier: GPL-2.0-or-later
"""Extensions whose payload follows from their options, the protocol and nothing else.

What libxtables made of such words once can be remembered, and what it printed. Not here: extensions that read files,
resolve names or sets, ask the kernel, look at the time or its zone, and those of anybody else.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from .enums import Kind

__all__ = ["PURE_TEXT", "are_whole", "has_pure_words"]

PURE_TEXT = frozenset(
    (
        "addrtype ah connbytes connmark conntrack cpu dscp ecn esp helper hl icmp icmp6 iprange"
        " length limit mac mark multiport physdev pkttype sctp state statistic tcp tcpmss tos ttl"
        " udp CLASSIFY CONNMARK CT DNAT DSCP ECN HL LOG MARK MASQUERADE NETMAP NFLOG NFQUEUE"
        " NOTRACK REDIRECT REJECT SNAT TCPMSS TOS TPROXY TRACE TTL"
    ).split()
)
"""The other way round: what they print is a function of payload, protocol, flags and inversions."""

#: Extensions, and what their values look like where they are no names of ports, hosts or users.
_PURE: dict[tuple[int, str], re.Pattern[str]] = {}


def _add(kind: Kind, values: str, names: str) -> None:
    for name in names.split():
        _PURE[kind, name] = re.compile(values, re.DOTALL)


_NUMBERS = r"[0-9.,:/-]+"
_ADDRESSES = rf"{_NUMBERS}|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*|\[[0-9A-Fa-f:.]+\](:[0-9]+(-[0-9]+)?)?"

_FLAGS = r"((SYN|ACK|FIN|RST|URG|PSH|ALL|NONE)(,|$))+"
_STATES = r"((NEW|ESTABLISHED|RELATED|INVALID|UNTRACKED|SNAT|DNAT)(,|$))+"

_add(
    Kind.MATCH, ".*", "addrtype ah comment connbytes connmark cpu dscp ecn esp helper hl icmp icmp6"
)
_add(Kind.MATCH, ".*", "length")
_add(Kind.MATCH, ".*", "limit mac mark physdev pkttype quota statistic state tcpmss tos ttl u32")
_add(Kind.MATCH, _NUMBERS, "iprange multiport owner udp")
_add(Kind.MATCH, rf"{_NUMBERS}|{_STATES}", "conntrack")
_add(Kind.MATCH, rf"{_NUMBERS}|{_FLAGS}", "tcp")
_add(Kind.TARGET, ".*", "CLASSIFY CONNMARK CT DSCP ECN HL LOG MARK NFLOG NFQUEUE NOTRACK REJECT")
_add(Kind.TARGET, ".*", "TCPMSS TOS TRACE TTL")
_add(Kind.TARGET, _NUMBERS, "MASQUERADE REDIRECT")
_add(Kind.TARGET, _ADDRESSES, "DNAT NETMAP SNAT TPROXY")

#: Long options of the command, which go before an extension's of the same name.
_COMMAND = frozenset(
    "append delete check insert replace list list-rules flush zero new-chain delete-chain "
    "rename-chain policy source destination src dst protocol in-interface jump table match "
    "numeric out-interface verbose wait wait-interval exact version help line-numbers modprobe "
    "set-counters goto ipv4 ipv6 fragments".split()
)


def has_pure_words(kind: int, name: str, words: Sequence[str]) -> bool:
    """Whether what these words of an extension mean can be remembered, if they mean something.

    Args:
        words: Its options as on a command line: ``["!", "--dport", "80"]``.
    """
    values = _PURE.get((kind, name))
    return values is not None and all(
        word.startswith("--") or word == "!" or values.fullmatch(word) for word in words
    )


def are_whole(words: Sequence[str], options: Iterable[str]) -> bool:
    """Whether options are written out: another extension of a rule can make others ambiguous.

    Args:
        options: Names of the extension's options.
    """
    known = frozenset(options) - _COMMAND
    return all(word[2:] in known for word in words if word.startswith("--"))
