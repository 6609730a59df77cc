"""Counters as a value."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from pyiptc import Counters, Rule

u64 = st.integers(0, 2**64 - 1)
PROPERTY = settings(max_examples=60, deadline=None, derandomize=True)


@given(u64, u64, u64, u64)
@PROPERTY
def test_sum_and_difference(a: int, b: int, c: int, d: int) -> None:
    """Pairs are added by their parts, and a difference undoes a sum."""
    one, other = Counters(a, b), Counters(c, d)
    assert one + other == (a + c, b + d)
    assert one + other - other == one
    assert isinstance(one + other, Counters)
    assert isinstance(one - (c, d), Counters)


@given(u64, u64)
@PROPERTY
def test_a_rule_keeps_64_bits(packets: int, size: int) -> None:
    rule = Rule()
    rule.counters = (packets, size)
    assert rule.counters == rule.get_counters() == Counters(packets, size)
    assert rule.copy().counters == (packets, size)


def test_is_the_plain_tuple() -> None:
    """Programs of python-iptables unpack it, compare it and take it apart."""
    counters = Counters(1, 60)
    packets, size = counters
    assert (packets, size) == (counters.packets, counters.bytes) == (1, 60)
    assert counters == (1, 60)
    assert Counters() == (0, 0)
    assert hash(counters) == hash((1, 60))
    assert pickle.loads(pickle.dumps(counters)) == copy.deepcopy(counters) == counters
    assert repr(counters) == "Counters(packets=1, bytes=60)"


NO_PAIRS: list[Any] = [
    *(None, 5, (), (1,), (1, 2, 3), "ab", b"ab", ("1", "2"), (1.0, 2.0), (True, False), (None, 1)),
    *(object(), [[1], 2]),
]


@pytest.mark.parametrize("value", NO_PAIRS, ids=repr)
def test_not_a_pair(value: Any) -> None:
    rule = Rule()
    rule.counters = (3, 4)
    with pytest.raises(TypeError, match="packets and bytes"):
        rule.counters = value
    assert rule.counters == (3, 4)


@pytest.mark.parametrize("value", [(-1, 0), (0, -1), (2**64, 0), (0, 2**64)], ids=repr)
def test_out_of_range(value: tuple[int, int]) -> None:
    rule = Rule()
    rule.counters = (3, 4)
    with pytest.raises(ValueError, match="64 bit"):
        rule.counters = value
    assert rule.counters == (3, 4)


@pytest.mark.parametrize("other", [5, (1,), "ab", None], ids=repr)
def test_only_pairs_are_added(other: Any) -> None:
    with pytest.raises(TypeError):
        Counters(1, 2) + other
    with pytest.raises(TypeError):
        Counters(1, 2) - other
