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

KNOWN_IN_BOTH = """
for rule in ({first}(), {second}()):
    rule.protocol = "tcp"
    match = rule.create_match("osf")
    match.genre = "Linux"
    print(match.genre)
"""

GET_TARGET = """
chain = iptc.Chain(iptc.Table("filter"), "INPUT")
for _ in range(10):
    for rule in chain.rules:
        chain.get_target(rule)
print("alive")
"""

ORDERS = [("iptc.Rule", "iptc.Rule6"), ("iptc.Rule6", "iptc.Rule")]


@pytest.mark.parametrize(("first", "second"), ORDERS)
def test_name_that_only_looks_like_an_extension(first: str, second: str) -> None:
    script = UNKNOWN_IN_BOTH.format(first=first, second=second)
    assert isolated.output(script) == "refused\n" * 2


@pytest.mark.parametrize(("first", "second"), ORDERS)
def test_one_extension_in_both_families(first: str, second: str) -> None:
    script = KNOWN_IN_BOTH.format(first=first, second=second)
    assert isolated.output(script, timeout=10) == "Linux\n" * 2


def test_target_of_a_jump(oracle: Oracle) -> None:
    oracle.new_chain("ipv4", "filter", "other")
    oracle.append("ipv4", "filter", "INPUT", "-j other")
    oracle.append("ipv4", "filter", "INPUT", "-j ACCEPT")
    assert isolated.output(GET_TARGET, own_namespace=False) == "alive\n"
