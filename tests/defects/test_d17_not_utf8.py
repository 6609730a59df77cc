"""D17: a comment that is not UTF-8 could not be read, dumped or deleted.

Promised: bytes from any other tool are read, kept, copied and deleted as they are.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from defects.conftest import AppendByTool
from support.oracle import Oracle

pytestmark = pytest.mark.kernel

LATIN_1 = os.fsdecode(b"caf\xe9")


@pytest.fixture
def line(append_by_tool: AppendByTool) -> str:
    return append_by_tool(["-m", "comment", "--comment", LATIN_1, "-j", "ACCEPT"])


@pytest.mark.usefixtures("line")
def test_it_is_read(iptc: Any, chain: Any) -> None:
    (rule,) = chain.rules
    assert rule.matches[0].comment.startswith("caf")
    (dumped,) = iptc.easy.dump_chain("filter", "INPUT")
    assert dumped["comment"]["comment"].startswith("caf")


def test_it_is_copied_and_deleted(chain: Any, oracle: Oracle, line: str) -> None:
    chain.append_rule(chain.rules[0])
    assert oracle.lines("ipv4", "filter") == [line, line]
    for _ in range(2):
        chain.delete_rule(chain.rules[0])
    assert oracle.lines("ipv4", "filter") == []
