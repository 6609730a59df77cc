"""D10: the interface of an IPv6 rule compared one bit per character, and matched other interfaces.

Promised: an IPv6 rule is byte for byte what ip6tables makes, and matches its interface only.
"""

from __future__ import annotations

from typing import Any

import pytest

from support import traffic
from support.oracle import Oracle

pytestmark = pytest.mark.kernel

RULES = {
    "in": ("INPUT", {"in_interface": "eth0"}, "-i eth0"),
    "out": ("OUTPUT", {"out_interface": "eth0"}, "-o eth0"),
    "wildcard": ("INPUT", {"in_interface": "eth+"}, "-i eth+"),
    "inverted": ("INPUT", {"in_interface": "!eth0"}, "! -i eth0"),
}


def drop_udp(iptc: Any, attributes: dict[str, str]) -> Any:
    rule = iptc.Rule6()
    rule.protocol = "udp"
    for name, value in attributes.items():
        setattr(rule, name, value)
    rule.create_target("DROP")
    return rule


@pytest.mark.parametrize(("chain", "attributes", "text"), RULES.values(), ids=RULES)
def test_the_tool_finds_the_rule(
    iptc: Any, oracle: Oracle, chain: str, attributes: dict[str, str], text: str
) -> None:
    iptc.Chain(iptc.Table6("filter"), chain).append_rule(drop_udp(iptc, attributes))
    assert oracle.check("ipv6", "filter", chain, f"{text} -p udp -j DROP")
    oracle.delete("ipv6", "filter", chain, f"{text} -p udp -j DROP")
    assert oracle.lines("ipv6", "filter") == []


@pytest.mark.parametrize(("interface", "arrive"), [("eth0", 0), ("eth2", 5)])
def test_packets_on_another_interface_pass(iptc: Any, interface: str, arrive: int) -> None:
    rule = drop_udp(iptc, {"in_interface": "eth0"})
    iptc.Chain(iptc.Table6("filter"), "INPUT").append_rule(rule)
    with traffic.link(interface) as link:
        assert link.send_udp(5, family="ipv6") == arrive
