"""Fixtures of the defect tests: the module under test and the chain that most of them use."""

from __future__ import annotations

from typing import Any, Callable

import pytest

from support import undertest
from support.oracle import Oracle, RuleText

AppendByTool = Callable[[RuleText], str]


@pytest.fixture
def iptc() -> Any:
    """The module under test, with nothing left over from another test's namespace."""
    module = undertest.load()
    undertest.forget_tables(module)
    return module


@pytest.fixture
def chain(iptc: Any) -> Any:
    """Chain INPUT of the IPv4 table filter."""
    return iptc.Chain(iptc.Table(iptc.Table.FILTER), "INPUT")


@pytest.fixture
def append_by_tool(iptc: Any, oracle: Oracle) -> AppendByTool:
    """Let iptables append a rule to that chain; the line that it prints for it.

    Reads are answered from the last refresh, therefore the table is refreshed.
    """

    def append(rule: RuleText) -> str:
        oracle.append("ipv4", "filter", "INPUT", rule)
        iptc.Table(iptc.Table.FILTER).refresh()
        return oracle.lines("ipv4", "filter", "INPUT")[-1]

    return append
