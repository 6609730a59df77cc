"""D24: rules that had just been read could not be deleted.

Promised: every rule that `chain.rules` gives can be deleted by it.
"""

from __future__ import annotations

from typing import Any

import pytest

from support.oracle import Oracle

pytestmark = pytest.mark.kernel

RULES = {
    "recent set": ("filter", "INPUT", "-m recent --set --name a -j ACCEPT"),
    "recent update": (
        "filter",
        "INPUT",
        "-m recent --update --seconds 60 --hitcount 4 --name a -j DROP",
    ),
    "hashlimit": (
        "filter",
        "INPUT",
        "-m hashlimit --hashlimit-upto 5/min --hashlimit-name a -j ACCEPT",
    ),
    "connlimit daddr": (
        "filter",
        "INPUT",
        "-p tcp -m connlimit --connlimit-above 5 --connlimit-daddr -j DROP",
    ),
    "comment": ("filter", "INPUT", """-m comment --comment "it's" -j ACCEPT"""),
    "NOTRACK": ("raw", "PREROUTING", "-j NOTRACK"),
    "HMARK": (
        "mangle",
        "PREROUTING",
        "-j HMARK --hmark-tuple src,dst --hmark-mod 10 --hmark-rnd 1 --hmark-offset 10",
    ),
}


@pytest.mark.parametrize(("table", "chain", "text"), RULES.values(), ids=RULES)
def test_rule_of_the_tool_is_deleted(
    iptc: Any, oracle: Oracle, table: str, chain: str, text: str
) -> None:
    oracle.append("ipv4", table, chain, text)
    in_table = iptc.Chain(iptc.Table(table), chain)
    (rule,) = in_table.rules
    in_table.delete_rule(rule)
    assert oracle.lines("ipv4", table) == []
