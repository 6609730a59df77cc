"""D1: a commit that the kernel refused was reported as success by every autocommitted call.

Promised: each such call raises, the table stays as it was, and the next call works.
"""

from __future__ import annotations

from typing import Any, Callable

import pytest

from support.oracle import Oracle

pytestmark = pytest.mark.kernel

KEPT = "-A INPUT -s 192.0.2.1/32 -j ACCEPT"


def snat_outside_nat(iptc: Any) -> Any:
    rule = iptc.Rule()
    rule.create_target("SNAT").to_source = "192.0.2.2"
    return rule


def tcp_without_protocol(iptc: Any) -> Any:
    rule = iptc.Rule()
    rule.create_match("tcp").dport = "22"
    rule.create_target("ACCEPT")
    return rule


def ipv6_rule(iptc: Any) -> Any:
    rule = iptc.Rule6()
    rule.src = "2001:db8::1"
    rule.create_target("ACCEPT")
    return rule


CALLS = {
    "append": lambda chain, rule: chain.append_rule(rule),
    "insert": lambda chain, rule: chain.insert_rule(rule),
    "replace": lambda chain, rule: chain.replace_rule(rule, 0),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("build", [snat_outside_nat, tcp_without_protocol])
def test_refused_rule_raises(
    iptc: Any,
    chain: Any,
    oracle: Oracle,
    build: Callable[[Any], Any],
    call: Callable[[Any, Any], None],
) -> None:
    oracle.append("ipv4", "filter", "INPUT", "-s 192.0.2.1 -j ACCEPT")
    chain.table.refresh()
    with pytest.raises(iptc.IPTCError):
        call(chain, build(iptc))
    assert oracle.lines("ipv4", "filter") == [KEPT]


def test_rule_of_the_other_family_raises(iptc: Any, chain: Any, oracle: Oracle) -> None:
    with pytest.raises((iptc.IPTCError, TypeError, ValueError)):
        chain.append_rule(ipv6_rule(iptc))
    assert oracle.lines("ipv4", "filter") == []


def test_loop_of_chains_raises(iptc: Any, oracle: Oracle) -> None:
    table = iptc.Table("filter")
    chains = [table.create_chain(name) for name in ("one", "two")]
    input_chain = iptc.Chain(table, "INPUT")
    jumps = []
    for name in ("one", "two"):
        rule = iptc.Rule()
        rule.create_target(name)
        jumps.append(rule)
    to_one, to_two = jumps
    input_chain.append_rule(to_one)
    chains[0].append_rule(to_two)
    before = oracle.save("ipv4", "filter")
    with pytest.raises(iptc.IPTCError):
        chains[1].append_rule(to_one)
    assert oracle.save("ipv4", "filter") == before


def test_table_works_after_a_refusal(iptc: Any, chain: Any, oracle: Oracle) -> None:
    with pytest.raises(iptc.IPTCError):
        chain.append_rule(snat_outside_nat(iptc))
    rule = iptc.Rule()
    rule.src = "192.0.2.1"
    rule.create_target("ACCEPT")
    chain.append_rule(rule)
    assert oracle.lines("ipv4", "filter") == [KEPT]
