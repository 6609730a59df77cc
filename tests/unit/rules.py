"""Rules for the unit tests: by hand for what is odd, by hypothesis for all the rest."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from support.family import Family, of_this_run

Dict = dict[str, Any]

_ports = st.integers(0, 65535).map(str)
_words = st.text("abcdefghijklmnopqrstuvwxyz0123456789 !\"'\\-_$ä", min_size=1, max_size=30)


def _literal(word: str) -> Any:
    """A word that is not to negate stays in its list."""
    return [word] if word.startswith("!") else word


def _address(family: Family) -> st.SearchStrategy[str]:
    addresses = st.ip_addresses(v=6) if family.is_ipv6 else st.ip_addresses(v=4)
    lengths = st.integers(1, 128 if family.is_ipv6 else 32)

    def network(address: Any, length: int) -> str:
        return str(ipaddress.ip_network((address, length), strict=False))

    return st.builds(network, addresses, lengths)


def _negatable(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(lambda sign, value: sign + value, st.sampled_from(["", "!"]), values)


def _negatable_words(values: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """A value of a match, as a dictionary has it."""
    return st.one_of(values, values.map(lambda value: ["!", value]))


def matches(family: Family) -> st.SearchStrategy[Dict]:
    """Matches that any protocol may have, with options as they read back."""
    hex_mark = st.integers(1, 2**32 - 1).map(hex)
    return st.fixed_dictionaries(
        {},
        optional={
            "comment": st.fixed_dictionaries({"comment": _words.map(_literal)}),
            "mark": st.fixed_dictionaries({"mark": _negatable_words(hex_mark)}),
            "conntrack": st.fixed_dictionaries(
                {"ctstate": _negatable_words(st.sampled_from(["NEW", "RELATED,ESTABLISHED"]))}
            ),
            "limit": st.fixed_dictionaries(
                {
                    "limit": st.sampled_from(["5/sec", "3/min", "1/hour"]),
                    "limit-burst": st.integers(6, 100).map(str),
                }
            ),
            "addrtype": st.fixed_dictionaries(
                {"src-type": _negatable_words(st.sampled_from(["LOCAL", "MULTICAST", "UNICAST"]))}
            ),
            "statistic": st.fixed_dictionaries(
                {
                    "mode": st.just("nth"),
                    "every": st.integers(2, 9).map(str),
                    "packet": st.just("0"),
                }
            ),
            "pkttype": st.fixed_dictionaries(
                {"pkt-type": _negatable_words(st.sampled_from(["unicast", "broadcast"]))}
            ),
        },
    )


def targets(family: Family) -> st.SearchStrategy[Any]:
    return st.one_of(
        st.sampled_from(["ACCEPT", "DROP", "RETURN"]),
        st.builds(
            lambda prefix: {"LOG": {"log-prefix": _literal(prefix[:20])}},
            _words,
        ),
        st.integers(1, 2**32 - 1).map(
            lambda mark: {"MARK": {"set-xmark": f"{mark:#x}/0xffffffff"}}
        ),
        st.integers(0, 65535).map(lambda number: {"NFQUEUE": {"queue-num": str(number)}}),
        st.just("TRACE"),
    )


@st.composite
def dictionaries(draw: st.DrawFn, family: Family) -> Dict:
    """A rule as `to_dict` gives it."""
    result: Dict = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "src": _negatable(_address(family)),
                "dst": _negatable(_address(family)),
                "in-interface": _negatable(st.sampled_from(["eth0", "eth+", "a.b-c_d"])),
                "out-interface": _negatable(st.sampled_from(["wlan0123456789a", "x+"])),
            },
        )
    )
    protocol = draw(st.sampled_from(["", "tcp", "udp", "!gre", "47"]))
    if protocol:
        result["protocol"] = "gre" if protocol == "47" else protocol
    if protocol in ("tcp", "udp") and draw(st.booleans()):
        result[protocol] = {"dport": draw(_negatable_words(_ports))}
    result.update(draw(matches(family)))
    result["target"] = draw(targets(family))
    result["counters"] = draw(st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)))
    return result


def both(make: Callable[[Family], st.SearchStrategy[Any]]) -> st.SearchStrategy[Any]:
    """Pairs of a family and what is drawn for it."""
    return st.one_of(*(st.tuples(st.just(family), make(family)) for family in of_this_run()))
