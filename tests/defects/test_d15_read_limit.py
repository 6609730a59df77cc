"""D15: options of more than 1024 characters could not be read, and one such rule hid its chain.

Promised: options have any length.
"""

from __future__ import annotations

from typing import Any

import pytest

from defects.conftest import AppendByTool
from support.oracle import Oracle

pytestmark = pytest.mark.kernel

INSTRUCTIONS = [*(f"0 0 0 {4294967295 - number}" for number in range(63)), "6 0 0 1"]
BYTECODE = ",".join([str(len(INSTRUCTIONS)), *INSTRUCTIONS])


@pytest.fixture
def line(append_by_tool: AppendByTool) -> str:
    printed = append_by_tool(["-m", "bpf", "--bytecode", BYTECODE, "-j", "DROP"])
    assert len(printed) > 1024
    return printed


@pytest.mark.usefixtures("line")
def test_long_options_are_read(iptc: Any, chain: Any) -> None:
    (rule,) = chain.rules
    assert rule.matches[0].get_all_parameters() == {"bytecode": [BYTECODE]}
    (dumped,) = iptc.easy.dump_chain("filter", "INPUT")
    assert dumped["bpf"] == {"bytecode": BYTECODE}


def test_rule_with_long_options_is_copied_and_deleted(
    chain: Any, oracle: Oracle, line: str
) -> None:
    chain.append_rule(chain.rules[0])
    assert oracle.lines("ipv4", "filter") == [line, line]
    for _ in range(2):
        chain.delete_rule(chain.rules[0])
    assert oracle.lines("ipv4", "filter") == []


def test_long_options_are_set(iptc: Any, chain: Any, oracle: Oracle, line: str) -> None:
    rule = iptc.Rule()
    rule.create_match("bpf").bytecode = BYTECODE
    rule.create_target("DROP")
    chain.append_rule(rule)
    assert oracle.lines("ipv4", "filter") == [line, line]
