"""Batches of easy, a save file that the kernel refuses, parts of rules that do not go together."""

from __future__ import annotations

import gc

import pytest

import pyiptc
from support.oracle import Oracle

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("netns")]


def test_one_table_that_fails_does_not_keep_the_others(oracle: Oracle) -> None:
    pyiptc.easy.batch_begin()
    refused: dict[str, object] = {"target": {"MASQUERADE": {}}}
    pyiptc.Chain(pyiptc.Table("filter"), "INPUT").append(pyiptc.Rule.from_dict(refused))
    pyiptc.Chain(pyiptc.Table("mangle"), "INPUT").append("-j ACCEPT")
    with pytest.raises(pyiptc.KernelError):
        pyiptc.easy.batch_end()
    assert oracle.lines("ipv4", "mangle", "INPUT") == ["-A INPUT -j ACCEPT"]
    pyiptc.easy.add_rule("filter", "INPUT", {"protocol": "tcp", "target": "DROP"})
    assert oracle.lines("ipv4", "filter", "INPUT") == ["-A INPUT -p tcp -j DROP"]


def test_a_save_file_that_the_kernel_refuses(oracle: Oracle) -> None:
    before = oracle.save("ipv4", "filter")
    text = "*filter\n-A INPUT -j MASQUERADE\nCOMMIT\n"
    with pytest.raises(pyiptc.KernelError, match=r"Invalid argument.* \[table filter, line 3\]"):
        pyiptc.restore(text)
    assert oracle.save("ipv4", "filter") == before


def test_a_match_of_the_other_family() -> None:
    match = pyiptc.Rule.parse("-p tcp --dport 1").matches[0]
    rule = pyiptc.Rule6.parse("-p tcp -j DROP")
    with pytest.raises(pyiptc.RuleError, match="IPv4 cannot be put in one of IPv6"):
        rule.add_match(match)
    with pytest.raises(pyiptc.RuleError):
        rule.target = pyiptc.Rule.parse("-j MARK --set-mark 1").target  # type: ignore[assignment]
    assert str(rule) == "-p tcp -j DROP"


def test_options_that_no_longer_fit_are_shown_and_refused() -> None:
    rule = pyiptc.Rule()
    rule.protocol = "udp"
    rule.create_match("multiport").dports = "1,2"
    rule.create_target("ACCEPT")
    rule.protocol = "icmp"
    assert str(rule) == "-p icmp -m multiport --dports 1,2 -j ACCEPT"
    assert rule == rule.copy()
    with pytest.raises(pyiptc.XTablesError, match="multiport"):
        pyiptc.Chain(pyiptc.Table("filter"), "INPUT").append(rule)


def test_appended_rules_are_nothing_for_the_collector() -> None:
    """A transaction keeps an edit for each rule; ten thousand of them would be gone through often."""
    table = pyiptc.Table("filter")
    with pyiptc.transaction(table) as current:
        for port in range(3):
            rule = pyiptc.Rule()
            rule.protocol = "tcp"
            rule.create_match("tcp").dport = str(port)
            rule.create_target("DROP")
            pyiptc.Chain(table, "INPUT").append(rule)
        edits = current.edits[table]
        assert [str(edit) for edit in edits] == [
            f"-A INPUT -p tcp -m tcp --dport {port} -j DROP" for port in range(3)
        ]
        assert not any(gc.is_tracked(edit) for edit in edits)
