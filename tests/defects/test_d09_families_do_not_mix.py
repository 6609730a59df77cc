"""D9: after one family had used a target, the other family could not find it any more.

Promised: IPv4 and IPv6 work in one process, in any order.
"""

from __future__ import annotations

import pytest

from support import isolated
from support.oracle import Oracle

pytestmark = [pytest.mark.kernel, pytest.mark.two_families]

TARGETS = "DNAT SNAT MASQUERADE REDIRECT TPROXY TCPMSS DSCP TEE HMARK".split()

FIND_ALL = """
import sys
order, targets = sys.argv[1].split(), sys.argv[2:]
for _ in range(2):
    for name in targets:
        for rule_class in order:
            try:
                getattr(iptc, rule_class)().create_target(name)
            except iptc.XTablesError:
                print(rule_class, name)
"""

DUMP_BOTH = """
for ipv6 in (False, True, False):
    print(iptc.easy.dump_chain("nat", "PREROUTING", ipv6)[0]["target"])
"""


@pytest.mark.parametrize("order", ["Rule Rule6", "Rule6 Rule"])
def test_no_target_is_lost(order: str) -> None:
    assert isolated.output(FIND_ALL, order, *TARGETS) == ""


def test_dump_of_both_families(oracle: Oracle) -> None:
    oracle.append("ipv4", "nat", "PREROUTING", "-p tcp -j DNAT --to-destination 192.0.2.1")
    oracle.append("ipv6", "nat", "PREROUTING", "-p tcp -j DNAT --to-destination 2001:db8::1")
    ipv4, ipv6, again = isolated.output(DUMP_BOTH, own_namespace=False).splitlines()
    assert ipv4 == again == "{'DNAT': {'to-destination': '192.0.2.1'}}"
    assert ipv6 == "{'DNAT': {'to-destination': '2001:db8::1'}}"
