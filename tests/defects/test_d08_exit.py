"""D8: libxtables ended the process, or never returned, when names met both families.

Promised: no call ends the process or hangs; what does not exist is an XTablesError.
"""

from __future__ import annotations

import pytest

from support import isolated
from support.oracle import Oracle

pytestmark = pytest.mark.kernel

UNKNOWN_IN_BOTH = """
for rule in ({first}(), {second}()):
    try:
        rule.create_target("NAT")
    except iptc.XTablesError:
        print("refused")
"""

IN_BOTH = """
for rule_class in ({first}, {second}):
    rule = rule_class()
    rule.protocol = "tcp"
    try:
        rule.create_match("osf").genre = "Linux"
    except iptc.XTablesError:
        print(rule_class.__name__, "refused")
    else:
        print(rule_class.__name__, rule.matches[0].genre)
"""

GET_TARGET = """
chain = iptc.Chain(iptc.Table("filter"), "INPUT")
for _ in range(10):
    for rule in chain.rules:
        chain.get_target(rule)
print("alive")
"""

ORDERS = [("iptc.Rule", "iptc.Rule6"), ("iptc.Rule6", "iptc.Rule")]


@pytest.mark.two_families
@pytest.mark.parametrize(("first", "second"), ORDERS)
def test_name_that_only_looks_like_an_extension(first: str, second: str) -> None:
    script = UNKNOWN_IN_BOTH.format(first=first, second=second)
    assert isolated.output(script) == "refused\n" * 2


@pytest.mark.two_families
@pytest.mark.parametrize(("first", "second"), ORDERS)
def test_extension_that_only_ipv4_has(first: str, second: str) -> None:
    """libxtables looked for it in a list that had become a ring."""
    printed = isolated.output(IN_BOTH.format(first=first, second=second), timeout=10)
    assert sorted(printed.splitlines()) == ["Rule Linux", "Rule6 refused"]


def test_target_of_a_jump(oracle: Oracle) -> None:
    oracle.new_chain("ipv4", "filter", "other")
    oracle.append("ipv4", "filter", "INPUT", "-j other")
    oracle.append("ipv4", "filter", "INPUT", "-j ACCEPT")
    assert isolated.output(GET_TARGET, own_namespace=False) == "alive\n"
