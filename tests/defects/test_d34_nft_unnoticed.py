"""D34: where the rules live in nf_tables, the library showed empty tables and said nothing.

Promised: one warning that names nf_tables and says what to do; and the same the other way round.
"""

from __future__ import annotations

import warnings
from typing import Any

import pytest

from support.family import Family
from support.oracle import Oracle

pytestmark = pytest.mark.kernel


def backend_warnings(iptc: Any, family: Family) -> list[warnings.WarningMessage]:
    """What is said about nf_tables while two tables are opened, one of them twice."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for name in ("filter", "filter", "nat"):
            len(family.chain(name, "OUTPUT").rules)
    return [warning for warning in caught if "nf_tables" in str(warning.message)]


def test_rules_on_the_other_side_are_told_once(
    iptc: Any, oracle: Oracle, family: Family, backend: str
) -> None:
    tool = family.tool_of("nft" if backend == "legacy" else "legacy")
    oracle.run(tool, "-A", "INPUT", "-s", family.host, "-j", "DROP")
    told = backend_warnings(iptc, family)
    assert len(told) == 1
    assert issubclass(told[0].category, iptc.errors.BackendWarning)
    assert issubclass(told[0].category, UserWarning)
    assert family.program in str(told[0].message)


def test_nothing_is_told_without_such_rules(iptc: Any, family: Family) -> None:
    assert backend_warnings(iptc, family) == []
