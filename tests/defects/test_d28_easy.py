"""D28: functions of `easy` raised by mistake, committed others' batches or changed their arguments.

Promised: each does what its documentation says, in both families.
"""

from __future__ import annotations

from typing import Any

import pytest

from support.family import Family
from support.oracle import Oracle

pytestmark = pytest.mark.kernel

ACCEPT_SSH = {"protocol": "tcp", "tcp": {"dport": "22"}, "target": "ACCEPT"}
SSH_LINE = "-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"
COUNTED = "*filter\n[5:50] -A INPUT -j ACCEPT\nCOMMIT\n"


def zero_table(easy: Any, family: Family) -> None:
    easy.zero_table("filter", ipv6=family.is_ipv6)


def zero_all(easy: Any, family: Family) -> None:
    easy.zero_all("filter", ipv6=family.is_ipv6)


@pytest.mark.parametrize("zero", [zero_table, zero_all])
def test_zero(iptc: Any, oracle: Oracle, family: Family, zero: Any) -> None:
    oracle.restore(family, COUNTED, counters=True)
    assert oracle.counters(family, "filter", "INPUT") == [(5, 50)]
    zero(iptc.easy, family)
    assert oracle.counters(family, "filter", "INPUT") == [(0, 0)]


def test_rule_position(iptc: Any, oracle: Oracle, family: Family) -> None:
    for rule in ("-j DROP", "-p tcp --dport 22 -j ACCEPT"):
        oracle.append(family, "filter", "INPUT", rule)
    position = iptc.easy.get_rule_position("filter", "INPUT", dict(ACCEPT_SSH), ipv6=family.is_ipv6)
    assert position == 1


def test_batch_is_committed_at_its_end(iptc: Any, oracle: Oracle) -> None:
    iptc.easy.batch_begin("filter")
    for rule in (ACCEPT_SSH, {"target": "DROP"}):
        iptc.easy.add_rule("filter", "INPUT", dict(rule))
    assert oracle.lines("ipv4", "filter") == []
    iptc.easy.batch_end("filter")
    assert oracle.lines("ipv4", "filter") == [SSH_LINE, "-A INPUT -j DROP"]


def test_failed_batch_leaves_autocommit_on(iptc: Any, oracle: Oracle) -> None:
    with pytest.raises((iptc.IPTCError, ValueError, AttributeError)):
        iptc.easy.batch_add_rules("filter", [("INPUT", {"src": "nonsense", "target": "DROP"}, 0)])
    assert iptc.Table("filter").autocommit
    iptc.easy.add_rule("filter", "INPUT", dict(ACCEPT_SSH))
    assert oracle.lines("ipv4", "filter") == [SSH_LINE]


def test_reading_does_not_commit(iptc: Any, oracle: Oracle) -> None:
    table = iptc.Table("filter", autocommit=False)
    iptc.Chain(table, "INPUT").append_rule(iptc.easy.encode_iptc_rule(dict(ACCEPT_SSH)))
    for read in (iptc.easy.dump_all, iptc.easy.get_tables):
        read()
    iptc.easy.has_chain("filter", "INPUT")
    lines = oracle.lines("ipv4", "filter")
    table.refresh()
    table.autocommit = True
    assert lines == []


def test_argument_is_not_changed(iptc: Any) -> None:
    rule = {"src": "192.0.2.1/32"}
    iptc.easy.encode_iptc_rule(rule)
    assert rule == {"src": "192.0.2.1/32"}


@pytest.mark.parametrize("text", ["-m dst --dst-len 8", "-d 2001:db8::1 -m dst --dst-len 8"])
def test_ipv6_match_with_the_name_of_a_field(iptc: Any, oracle: Oracle, text: str) -> None:
    oracle.append("ipv6", "filter", "INPUT", f"{text} -j DROP")
    (line,) = oracle.lines("ipv6", "filter")
    (dictionary,) = iptc.easy.dump_chain("filter", "INPUT", ipv6=True)
    iptc.easy.add_rule("filter", "INPUT", dictionary, ipv6=True)
    assert oracle.lines("ipv6", "filter") == [line, line]


def test_bounds_of_batch_positions(iptc: Any, oracle: Oracle) -> None:
    oracle.append("ipv4", "filter", "INPUT", "-j DROP")
    iptc.easy.batch_add_rules("filter", [("INPUT", dict(ACCEPT_SSH), 1)])
    assert oracle.lines("ipv4", "filter") == [SSH_LINE, "-A INPUT -j DROP"]
