"""Sets in rules: their names mean something in one network namespace, where they are numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from kernel.conftest import Bench
from support import features
from support.namespace import NetworkNamespace, fresh_namespace

pytestmark = pytest.mark.kernel

RULE = "-m set --match-set {} src -j ACCEPT"


def create(bench: Bench, *names: str) -> None:
    family = "inet6" if bench.family.is_ipv6 else "inet"
    for name in names:
        bench.oracle.run("ipset", "create", name, "hash:ip", "family", family)


@pytest.fixture
def other(bench: Bench) -> Iterator[NetworkNamespace]:
    """Another namespace, where the sets were made in another order; in the first there are more."""
    features.require("ipset")
    create(bench, "alpha", "beta", "gamma")
    with fresh_namespace() as namespace:
        with namespace.entered():
            create(bench, "beta", "alpha")
        yield namespace


def built(bench: Bench, name: str) -> Any:
    rule = bench.family.Rule()
    rule.create_match("set").match_set = [name, "src"]
    rule.create_target("ACCEPT")
    return rule


def read(bench: Bench, name: str) -> Any:
    """A rule that the first namespace's kernel has."""
    bench.chain.append(built(bench, name))
    (rule,) = bench.chain.rules
    return rule


FORMS: dict[str, Callable[[Bench, str], Any]] = {
    "text": lambda bench, name: RULE.format(name),
    "words": lambda bench, name: RULE.format(name).split(),
    "parsed": lambda bench, name: bench.family.Rule.parse(RULE.format(name)),
    "built": built,
    "read": read,
}


@pytest.mark.parametrize("form", FORMS)
def test_the_table_s_namespace_counts(bench: Bench, other: NetworkNamespace, form: str) -> None:
    """Not the one in which the rule was parsed or read, and not the caller's."""
    rule = FORMS[form](bench, "alpha")
    with bench.family.Table("filter", netns=other.path) as table:
        chain = bench.iptc.Chain(table, "INPUT")
        chain.append(rule)
        with other.entered():
            lines = bench.oracle.lines(bench.family, "filter", "INPUT")
        assert lines == [f"-A INPUT {RULE.format('alpha')}"]
        assert str(chain.rules[0]) == RULE.format("alpha")
        assert rule in chain
        assert not chain.ensure(rule)
        chain.delete(rule)
        assert len(chain) == 0


@pytest.mark.parametrize("form", FORMS)
def test_a_set_that_is_not_there(bench: Bench, other: NetworkNamespace, form: str) -> None:
    rule = FORMS[form](bench, "gamma")
    with bench.family.Table("filter", netns=other.path) as table:
        chain = bench.iptc.Chain(table, "INPUT")
        with pytest.raises(bench.iptc.XTablesError, match="Set gamma doesn't exist"):
            chain.append(rule)
        assert len(chain) == 0
