"""D21: options that exclude each other, and rules without a mandatory option, were accepted.

Promised: what iptables refuses is refused, with its reason.
"""

from __future__ import annotations

from typing import Any

import pytest

from support.oracle import Oracle

pytestmark = pytest.mark.kernel

REASON = "must be specified|must specify|is required|options is required|cannot be used together"

REFUSED: dict[str, tuple[str, str, dict[str, str]]] = {
    "recent --set --update": ("match", "recent", {"set": "", "update": ""}),
    "ttl --ttl-eq --ttl-gt": ("match", "ttl", {"ttl_eq": "5", "ttl_gt": "6"}),
    "connlimit": ("match", "connlimit", {}),
    "statistic --mode random": ("match", "statistic", {"mode": "random"}),
    "mark": ("match", "mark", {}),
    "comment": ("match", "comment", {}),
    "DNAT": ("target", "DNAT", {}),
    "MARK": ("target", "MARK", {}),
    "MARK --set-mark --or-mark": ("target", "MARK", {"set_mark": "1", "or_mark": "2"}),
}
TABLES = {"DNAT": "nat", "MARK": "mangle"}


@pytest.mark.parametrize(("kind", "name", "options"), REFUSED.values(), ids=REFUSED)
def test_rule_that_the_tool_refuses(
    iptc: Any, oracle: Oracle, kind: str, name: str, options: dict[str, str]
) -> None:
    table = TABLES.get(name, "filter")
    hook = "INPUT" if table == "filter" else "PREROUTING"
    rule = iptc.Rule()
    rule.protocol = "tcp"

    def build_and_append() -> None:
        module = rule.create_match(name) if kind == "match" else rule.create_target(name)
        if kind == "match":
            rule.create_target("ACCEPT")
        for option, value in options.items():
            module.set_parameter(option, value)
        iptc.Chain(iptc.Table(table), hook).append_rule(rule)

    with pytest.raises(iptc.IPTCError, match=REASON):
        build_and_append()
    assert oracle.lines("ipv4", table) == []


@pytest.mark.parametrize("name", ["", "two words", "-x", "!x", "tab\there"])
def test_chain_name_that_the_tool_refuses(iptc: Any, oracle: Oracle, name: str) -> None:
    before = oracle.save("ipv4", "filter")
    with pytest.raises((iptc.IPTCError, ValueError)):
        iptc.Table("filter").create_chain(name)
    assert oracle.save("ipv4", "filter") == before
