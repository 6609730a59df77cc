"""When rules are the same: what iptables -C compares, and nothing else."""

from __future__ import annotations

import itertools
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings

from pyiptc import _blob, identity
from pyiptc.enums import Kind
from support.family import IPV4, Family
from unit.rules import Dict, both, dictionaries

PROPERTY = settings(max_examples=60, deadline=None, derandomize=True)


def rule_of(family: Family, target: str = "ACCEPT", **fields: Any) -> Any:
    rule = family.Rule()
    for name, value in fields.items():
        setattr(rule, name, value)
    rule.create_target(target)
    return rule


def entry_of(rule: Any) -> _blob.Entry:
    return _blob.Entry(rule.nfproto, rule.rule)


def with_matches(family: Family, *names: str) -> Any:
    """A rule with these matches in this order, each with options of its own."""
    rule = rule_of(family, protocol="tcp")
    for name in names:
        match = rule.create_match(name.partition(" ")[0])
        if name.startswith("tcp"):
            match.dport = "80"
        if name.startswith("comment"):
            match.comment = name
        if name.startswith("mark"):
            match.mark = "0x1"
    return rule


CHANGES: dict[str, Callable[[Any], None]] = {
    "source": lambda rule: setattr(rule, "src", rule.src.partition("/")[0]),
    "protocol": lambda rule: setattr(rule, "protocol", "udp"),
    "negated protocol": lambda rule: setattr(rule, "protocol", "!tcp"),
    "interface": lambda rule: setattr(rule, "in_interface", "eth1"),
    "wildcard": lambda rule: setattr(rule, "in_interface", "eth+"),
    "out interface": lambda rule: setattr(rule, "out_interface", "eth0"),
    "target": lambda rule: rule.create_target("DROP"),
    "target with options": lambda rule: rule.create_target("MARK").set_parameter("set-mark", "1"),
    "match more": lambda rule: rule.create_match("tcp"),
    "match twice": lambda rule: rule.add_match(type(rule.matches[0])(rule, "comment")),
    "option": lambda rule: setattr(rule.matches[0], "comment", "other"),
    "match less": lambda rule: rule.remove_match(rule.matches[0]),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_counts(change: Callable[[Any], None], family: Family) -> None:
    """Each part of a rule that tells packets apart makes another rule."""
    rule = rule_of(family, src=family.network, protocol="tcp", in_interface="eth0")
    rule.create_match("comment").comment = "a"
    other = rule.copy()
    assert other == rule
    change(other)
    if change is CHANGES["match twice"]:
        other.matches[-1].comment = "a"
    assert other != rule
    assert rule == rule.copy()


def test_counters_do_not_count(family: Family) -> None:
    one, other = rule_of(family), rule_of(family)
    other.counters = (5, 6)
    assert one == other
    assert hash(one) == hash(other)
    mask = identity.mask_of(entry_of(other))
    assert entry_of(other).masked(mask) == entry_of(one).masked(mask)


def test_order_of_matches(family: Family) -> None:
    """Equal in any order, but not the same for `-C`."""
    names = ("tcp", "comment", "mark")
    rules = [with_matches(family, *order) for order in itertools.permutations(names)]
    for one, other in itertools.product(rules, rules):
        assert one == other
        assert hash(one) == hash(other)
    keys = [identity.key_of(entry_of(rule)) for rule in rules]
    assert len(set(keys)) == len(rules)
    assert len({identity.unordered(key) for key in keys}) == 1


def test_repeated_matches_are_counted(family: Family) -> None:
    """Order does not matter, how often one is there does."""
    twice_one = with_matches(family, "comment a", "comment a", "comment b")
    twice_other = with_matches(family, "comment a", "comment b", "comment b")
    assert twice_one != twice_other
    assert twice_one == with_matches(family, "comment b", "comment a", "comment a")


def test_interface_up_to_its_mask(family: Family) -> None:
    """Of a name only what the mask covers."""
    rule = rule_of(family, in_interface="eth+")
    data = bytearray(rule.rule)
    at = 16 if family is IPV4 else 64
    assert data[at : at + 4] == b"eth+"
    data[at + 3 : at + 6] = b"xyz"
    assert family.Rule(bytes(data)) == rule
    data[at + 2] = ord("x")
    assert family.Rule(bytes(data)) != rule


def test_fields_of_the_kernel_do_not_count(family: Family) -> None:
    """limit and quota count in their payload; the kernel fills other fields in."""
    for name, option, value in (("limit", "limit", "5/sec"), ("quota", "quota", "1000")):
        rule = rule_of(family)
        rule.create_match(name).set_parameter(option, value)
        data = bytearray(rule.rule)
        end = len(data) - 40
        size = identity.user_size(family.nfproto, Kind.MATCH, rule.matches[0].match_buf)
        assert 0 < size < end - len(entry_of(rule).head) - 32
        data[end - 1] ^= 0xFF
        assert family.Rule(bytes(data)) == rule
        data[len(entry_of(rule).head) + 32] ^= 0xFF
        assert family.Rule(bytes(data)) != rule


def test_all_bytes_of_an_unknown_extension_count(family: Family) -> None:
    rule = rule_of(family)
    rule.create_match("limit").limit = "5/sec"
    data = bytearray(rule.rule)
    start = len(entry_of(rule).head)
    data[start + 2 : start + 7] = b"nosuc"
    unknown = family.Rule(bytes(data))
    assert unknown.matches[0].is_opaque
    assert unknown == family.Rule(bytes(data))
    data[len(data) - 40 - 1] ^= 0xFF
    assert unknown != family.Rule(bytes(data))


def test_families_are_never_equal() -> None:
    from pyiptc import Rule, Rule6

    one, other = Rule(), Rule6()
    for rule in (one, other):
        rule.create_target("ACCEPT")
    assert one != other
    assert len({one, other}) == 2


@pytest.mark.parametrize("other", [None, 5, "-j ACCEPT", b"", object(), ()], ids=repr)
def test_other_types(other: object, family: Family) -> None:
    """Never equal, and nothing is raised."""
    rule = rule_of(family)
    rule.create_match("comment").comment = "x"
    for mine in (rule, rule.matches[0], rule.target):
        assert (mine == other) is False
        assert (mine != other) is True


@given(both(dictionaries))
@PROPERTY
def test_laws(pair: tuple[Family, Dict]) -> None:
    """Reflexive, symmetric, the same as equal copies, and hashed alike."""
    family, value = pair
    rule = family.Rule.from_dict(value)
    same = [rule.copy(), family.Rule.from_dict(value), family.Rule(rule.rule)]
    same.append(pickle.loads(pickle.dumps(rule)))
    for one, other in itertools.product([rule, *same], repeat=2):
        assert one == other
        assert (one != other) is False
        assert hash(one) == hash(other)
    assert len({rule, *same}) == 1


@given(both(dictionaries), both(dictionaries))
@PROPERTY
def test_equal_is_what_the_bytes_say(one: tuple[Family, Dict], other: tuple[Family, Dict]) -> None:
    """Two rules are equal where their dictionaries are, but for counters and order."""
    rules = [family.Rule.from_dict(value) for family, value in (one, other)]
    without_counters = [{**value, "counters": ()} for _, value in (one, other)]
    same = one[0] is other[0] and without_counters[0] == without_counters[1]
    assert (rules[0] == rules[1]) == same
