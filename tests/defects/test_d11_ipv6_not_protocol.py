"""D11: an IPv6 rule for "not this protocol" matched every packet.

Promised: `!tcp` matches all but TCP, and the entry is what ip6tables makes.
"""

from __future__ import annotations

from typing import Any

import pytest

from support.oracle import Oracle
from support.traffic import Link

pytestmark = pytest.mark.kernel


@pytest.fixture
def not_tcp(iptc: Any) -> None:
    rule = iptc.Rule6()
    rule.protocol = "!tcp"
    rule.create_target("ACCEPT")
    iptc.Chain(iptc.Table6("filter"), "INPUT").append_rule(rule)


@pytest.mark.usefixtures("not_tcp")
def test_the_tool_finds_the_rule(oracle: Oracle) -> None:
    assert oracle.lines("ipv6", "filter") == ["-A INPUT ! -p tcp -j ACCEPT"]
    assert oracle.check("ipv6", "filter", "INPUT", "! -p tcp -j ACCEPT")


@pytest.mark.usefixtures("not_tcp")
def test_it_counts_all_but_tcp(oracle: Oracle, veth: Link) -> None:
    veth.send_tcp(3, family="ipv6")
    assert oracle.counters("ipv6", "filter", "INPUT") == [(0, 0)]
    veth.send_udp(2, family="ipv6")
    ((packets, _),) = oracle.counters("ipv6", "filter", "INPUT")
    assert packets == 2
