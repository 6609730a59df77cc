"""Each case of the matrix, sent by the default handle and by libiptc: the same table, to the byte."""

from __future__ import annotations

from typing import Any

import pytest

from parity.build import build
from parity.cases import ACCEPTED, Case
from parity.printed import Tool
from parity.running import any_warning, each
from support import features, rawtable, undertest
from support.family import FAMILIES

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.only_backend("legacy", "libiptc"),
]


def _send(case: Case, handle: str, rule: Any) -> bytes:
    """The table with the rule in a chain and in one that is jumped to; it is as it was after."""
    family, iptc = FAMILIES[case.family], undertest.load()
    jump = family.Rule()
    with family.Table(case.table, handle=handle) as table:
        chain, twin = iptc.Chain(table, case.chain), table.create_chain("twin")
        jump.create_target("twin")
        for target in (chain, twin, chain):
            target.append(rule)
        chain.insert(jump)
        chain.delete(index=1)
        chain.insert(rule, index=1)
        sent = rawtable.read(case.family, case.table)
        chain.flush()
        twin.flush()
        twin.delete()
    return sent


@each(ACCEPTED)
def test_same_bytes(case: Case, tool: Tool) -> None:
    tool.append()  # or the kernel cannot have it here
    tool.delete()
    with any_warning():
        rule = build(case)
    before = rawtable.read(case.family, case.table)
    by_default = _send(case, "legacy", rule)
    assert len(by_default) > len(before)
    assert rawtable.read(case.family, case.table) == before
    features.require(features.LINK_NAMESPACE)
    assert _send(case, "libiptc", rule) == by_default
