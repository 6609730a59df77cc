"""D3: an edit was applied to a snapshot from the first use, and dropped or reverted others' edits.

Promised: every edit reads the table afresh, so that what another program did in between stays.
"""

from __future__ import annotations

from typing import Any

import pytest

from support.oracle import Oracle

pytestmark = pytest.mark.kernel


def drop_from(iptc: Any, source: str) -> Any:
    rule = iptc.Rule()
    rule.src = source
    rule.create_target("DROP")
    return rule


def test_append_after_another_programs_append(iptc: Any, chain: Any, oracle: Oracle) -> None:
    chain.append_rule(drop_from(iptc, "192.0.2.1"))
    oracle.append("ipv4", "filter", "INPUT", "-s 192.0.2.2 -j DROP")
    chain.append_rule(drop_from(iptc, "192.0.2.3"))
    assert oracle.lines("ipv4", "filter") == [
        f"-A INPUT -s 192.0.2.{number}/32 -j DROP" for number in (1, 2, 3)
    ]


def test_another_programs_replacement_is_not_reverted(
    iptc: Any, chain: Any, oracle: Oracle
) -> None:
    """The number of entries stays the same, so that the kernel does not see a conflict."""
    chain.append_rule(drop_from(iptc, "192.0.2.1"))
    oracle.iptables("ipv4", "-R", "INPUT", "1", "-s", "192.0.2.2", "-j", "ACCEPT")
    chain.append_rule(drop_from(iptc, "192.0.2.3"))
    assert oracle.lines("ipv4", "filter") == [
        "-A INPUT -s 192.0.2.2/32 -j ACCEPT",
        "-A INPUT -s 192.0.2.3/32 -j DROP",
    ]
