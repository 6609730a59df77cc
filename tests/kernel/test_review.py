"""Mistakes that were found by reading."""

from __future__ import annotations

import warnings

import pytest

import pyiptc
from pyiptc import _blob, backends

pytestmark = pytest.mark.kernel


def rule_to(target: str) -> pyiptc.Rule:
    rule = pyiptc.Rule()
    rule.create_target(target)
    return rule


def test_bytes_of_a_jump_are_no_rule() -> None:
    """They say where the chain was in another table, not which it was."""
    table = pyiptc.Table("filter")
    table.create_chain("user")
    chain = pyiptc.Chain(table, "INPUT")
    chain.append(rule_to("user"))
    with pytest.raises(pyiptc.BlobError, match="a jump to byte 0 of a table"):
        pyiptc.Rule(chain.rules[0].rule)


def test_a_jump_into_a_chain_is_no_rule() -> None:
    """The kernel takes it; then the table could not be read any more."""
    table = pyiptc.Table("filter")
    chain = pyiptc.Chain(table, "INPUT")
    chain.append(rule_to("ACCEPT"))
    chain.append(rule_to("DROP"))
    second = len(chain.rules[0]._as_is().data)
    head = _blob.Header(2).to_uapi()
    with pytest.raises(pyiptc.BlobError, match=f"a jump to byte {second} of a table"):
        _blob.compose(head, [], _blob.standard_target(second), 2)


@pytest.mark.parametrize("chain", ["NOSUCH", "user"])
def test_words_for_a_policy_that_no_chain_has(chain: str) -> None:
    table = pyiptc.Table("filter")
    table.create_chain("user")
    with pytest.raises(pyiptc.ChainNotFoundError, match="Bad built-in chain name"):
        table.set_policy(chain, "DROP")


def test_an_error_says_chain_once() -> None:
    table = pyiptc.Table("filter")
    for edit in (table.delete_chain, table.flush_entries, table.zero_entries):
        with pytest.raises(pyiptc.ChainNotFoundError, match=r"^can't \w+ chain NOSUCH: No chain"):
            edit("NOSUCH")


@pytest.mark.parametrize(
    "line",
    [
        f":INPUT ACCEPT [{1 << 64}:0]",
        f"[0:{1 << 64}] -A INPUT -j ACCEPT",
        f"-I INPUT {1 << 40} -j ACCEPT",
        f"-D INPUT {1 << 40}",
    ],
)
def test_numbers_that_do_not_fit(line: str) -> None:
    with pytest.raises(pyiptc.RestoreError) as caught:
        pyiptc.Table("filter").restore(f"*filter\n{line}\nCOMMIT\n")
    assert caught.value.line_number == 2


@pytest.mark.any_backend
def test_a_warning_names_who_opened_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backends, "_table_names", lambda family: ["filter"])
    monkeypatch.setattr(backends, "_has_rules", lambda family, name: True)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pyiptc.Table("filter", backend="legacy")
    assert [warning.filename for warning in caught] == [__file__]
