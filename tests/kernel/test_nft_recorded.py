"""What each version of iptables-nft left in a kernel: sent through the handle, and read through it."""

from __future__ import annotations

from typing import Any

import pytest

import pyiptc
from pyiptc import _nft
from support import rawnft
from support.family import FAMILIES
from support.oracle import Oracle
from unit.test_nft import FORMS, LOST, RECORDED

pytestmark = [pytest.mark.kernel, pytest.mark.only_backend("nft", "forms")]

RULES = pytest.mark.parametrize(("version", "name", "rule", "expressions"), RECORDED)


PLACES = {
    "MASQUERADE": ("nat", "POSTROUTING"),
    "REDIRECT": ("nat", "PREROUTING"),
    "TPROXY": ("mangle", "PREROUTING"),
    "MARK": ("mangle", "FORWARD"),
}
"""Where a rule with a word may be."""


def chain_of(name: str, rule: str) -> Any:
    """A chain that may have the rule, with one beside it that some jump to."""
    places = [place for word, place in PLACES.items() if word in rule]
    table_name, chain = [*places, ("filter", "FORWARD")][0]
    table = FAMILIES[name].Table(table_name)
    table.create_chain("other")
    return pyiptc.Chain(table, chain)


@RULES
def test_sent(
    version: str, name: str, rule: str, expressions: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The kernel has the same bytes."""
    monkeypatch.setenv("PYIPTC_NFT_FORM", version)
    chain_of(name, rule).append(rule)
    (there,) = rawnft.rules(name)
    assert rawnft.shown(there.expressions) == rawnft.shown(expressions)
    assert there.expressions == expressions
    assert there.userdata == b""


@RULES
def test_read(version: str, name: str, rule: str, expressions: bytes, oracle: Oracle) -> None:
    """From those bytes the same text as from any that mean the rule; then it is found and deleted."""
    chain = chain_of(name, rule)
    made = FAMILIES[name].Rule.parse(rule)
    _, protocol, flags = _nft.encode(made._as_is())
    rawnft.make_chain(name, chain.table.name, chain.name)
    rawnft.append(name, chain.table.name, chain.name, expressions, protocol, flags)
    chain.table.refresh()
    (read,) = chain.rules
    if rule not in LOST[version]:
        assert str(read) == str(made)
        assert made in chain
        assert tuple(read.counters) == tuple(made.counters)
        chain.delete(made)
    else:
        chain.delete(read)
    assert oracle.lines(name, chain.table.name, chain.name) == []


def test_every_form_is_recorded() -> None:
    """But for the portable one, which is that of no version."""
    assert {parameters.values[0] for parameters in RECORDED} == set(FORMS)
