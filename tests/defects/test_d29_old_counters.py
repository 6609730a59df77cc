"""D29: the counters of a chain were those of the refresh before, so that the first call told 0.

Promised: `get_counters()` of a chain tells what the kernel counts at that moment.
"""

from __future__ import annotations

from typing import Any

import pytest

from support.oracle import Oracle
from support.traffic import Link

pytestmark = pytest.mark.kernel


def test_first_call_tells_the_kernels_counters(
    iptc: Any, chain: Any, oracle: Oracle, veth: Link
) -> None:
    # Of a chain that iptables-nft 1.8.9 makes itself the policy counts nothing.
    chain.append_rule(iptc.easy.encode_iptc_rule({"protocol": "esp", "target": "DROP"}))
    assert chain.get_counters() == (0, 0)
    assert veth.send_udp(3) == 3
    counted = oracle.policy_counters("ipv4", "filter", "INPUT")
    assert counted[0] == 3
    assert chain.get_counters() == counted
    assert chain.get_counters() == counted
