"""D23: a rule did not equal itself as read back, so that programs added it again and again.

Promised: a rule is found by its content, as `iptables -C` finds it.
"""

from __future__ import annotations

from typing import Any

import pytest

from support.oracle import Oracle

pytestmark = pytest.mark.kernel

TARGETS = {
    "SNAT": ("nat", "POSTROUTING", {"SNAT": {"to-source": "192.0.2.1"}}),
    "MASQUERADE": ("nat", "POSTROUTING", {"MASQUERADE": {"to-ports": "1024-2048"}}),
    "REDIRECT": ("nat", "PREROUTING", {"REDIRECT": {"to-ports": "8080"}}),
    "QUEUE": ("filter", "INPUT", "QUEUE"),
}


NO_QUEUE = pytest.mark.only_backend("legacy", "QUEUE")


@pytest.mark.parametrize(
    ("table", "chain", "target"),
    [
        pytest.param(*values, id=name, marks=[NO_QUEUE] if name == "QUEUE" else [])
        for name, values in TARGETS.items()
    ],
)
def test_rule_equals_itself_as_read(iptc: Any, table: str, chain: str, target: Any) -> None:
    dictionary = {"protocol": "tcp", "target": target}
    iptc.easy.add_rule(table, chain, dictionary)
    rule = iptc.easy.encode_iptc_rule(dictionary)
    assert rule in iptc.Chain(iptc.Table(table), chain).rules
    assert iptc.easy.has_rule(table, chain, dictionary)
    assert iptc.easy.get_rule_position(table, chain, dictionary) == 0


def test_rule_with_matches_in_another_order(iptc: Any, chain: Any, oracle: Oracle) -> None:
    rules = []
    for names in (("comment", "mark"), ("mark", "comment")):
        rule = iptc.Rule()
        for name in names:
            rule.create_match(name).set_parameter(name, "7")
        rule.create_target("ACCEPT")
        rules.append(rule)
    inserted, permuted = rules
    chain.append_rule(inserted)
    assert permuted == inserted
    chain.delete_rule(permuted)
    assert oracle.lines("ipv4", "filter") == []
