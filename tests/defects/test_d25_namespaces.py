"""D25: after setns(2) the first change still went to the old namespace; extra tables were opened.

Promised: a table belongs to the namespace of the thread that made it, and a rule opens no table.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from support.namespace import fresh_namespace
from support.oracle import Oracle

pytestmark = pytest.mark.kernel


def append_drop(iptc: Any, source: str) -> None:
    rule = iptc.Rule()
    rule.src = source
    rule.create_target("DROP")
    iptc.Chain(iptc.Table("filter"), "INPUT").append_rule(rule)


def test_change_goes_to_the_namespace_that_was_entered(iptc: Any, oracle: Oracle) -> None:
    append_drop(iptc, "192.0.2.1")
    with fresh_namespace() as other:
        with other.entered():
            append_drop(iptc, "192.0.2.2")
            assert oracle.lines("ipv4", "filter") == ["-A INPUT -s 192.0.2.2/32 -j DROP"]
        append_drop(iptc, "192.0.2.3")
        assert oracle.lines("ipv4", "filter") == [
            "-A INPUT -s 192.0.2.1/32 -j DROP",
            "-A INPUT -s 192.0.2.3/32 -j DROP",
        ]


@pytest.mark.only_backend("legacy", "absent chains")
def test_building_a_rule_opens_no_table(iptc: Any) -> None:
    rule = iptc.Rule()
    rule.create_target("CLASSIFY").set_class = "1:2"
    assert Path("/proc/thread-self/net/ip_tables_names").read_text() == ""
    append_drop(iptc, "192.0.2.1")
    rule.create_target("TCPMSS").set_mss = "1400"
    assert Path("/proc/thread-self/net/ip_tables_names").read_text() == "filter\n"
