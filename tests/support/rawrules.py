"""Rules of table filter as bytes, past every library, in the tables of the test's backend."""

from __future__ import annotations

from collections.abc import Sequence

from support import rawnft, rawtable
from support.family import on_nft
from support.rawtable import LAYOUTS, RawMatch


def put_filter_input(family: str, rules: Sequence[Sequence[RawMatch]]) -> None:
    """Have these rules (ACCEPT) in chain INPUT, and no others."""
    if not on_nft():
        rawtable.put_filter_input(family, rules)
        return
    rawnft.make_chain(family, "filter", "INPUT")
    for matches in rules:
        rawnft.append(family, "filter", "INPUT", rawnft.accepting(matches))


def elements(family: str) -> list[bytes]:
    """The matches and the target of every rule, as an entry of ip_tables has them."""
    header_size = LAYOUTS[family].header_size
    if not on_nft():
        return [entry[header_size:] for entry in rawtable.entries(family)]
    from pyiptc import _nft  # late: tests of python-iptables have no pyiptc

    found = []
    for rule in rawnft.rules(family):
        entry, reason, _ = _nft.decode(rawnft.FAMILIES[family], rule.expressions, rule.userdata)
        assert entry is not None, reason
        found.append(entry.data[header_size:])
    return found
