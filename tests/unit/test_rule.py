"""Rules as values: copies, pickles, what they print, and what a failed edit leaves."""

from __future__ import annotations

import copy
import functools
import gc
import pickle
import warnings
import weakref
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings

import pyiptc
from pyiptc import errors
from support.family import Family
from unit.rules import Dict, both, dictionaries


def pickled(rule: Any, protocol: int) -> Any:
    return pickle.loads(pickle.dumps(rule, protocol))


COPIES: dict[str, Callable[[Any], Any]] = {
    "copy()": lambda rule: rule.copy(),
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    **{
        f"pickle {protocol}": functools.partial(pickled, protocol=protocol)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1)
    },
}


def sample(family: Family) -> Any:
    """A rule with something of everything."""
    rule = family.Rule()
    rule.src, rule.dst = f"!{family.network}", family.host
    rule.in_interface, rule.out_interface = "eth+", "!wlan0"
    rule.protocol = "tcp"
    rule.create_match("tcp").dport = "!80:90"
    rule.create_match("comment").comment = 'it\'s "quoted"'
    rule.create_match("limit").limit = "5/sec"
    rule.create_target("LOG").log_prefix = "a prefix "
    rule.counters = (2**63, 7)
    return rule


def state(rule: Any) -> tuple[Any, ...]:
    """All that can be told of a rule."""
    return (
        *(str(rule), repr(rule), rule.to_dict(), rule.counters, rule.nfproto),
        *(rule.src, rule.dst, rule.in_interface, rule.out_interface, rule.protocol),
        *([(match.name, match.parameters, match.match_buf) for match in rule.matches],),
        None if rule.target is None else (rule.target.name, rule.target.parameters),
        rule.rule,
    )


@pytest.mark.parametrize("make", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("is_read", [False, True], ids=["built", "read"])
def test_copies_are_equal_and_independent(
    make: Callable[[Any], Any], is_read: bool, family: Family
) -> None:
    """A copy has everything, counters too, and its edits are its own."""
    rule = sample(family)
    if is_read:
        rule = family.Rule(rule.rule)
    before = state(rule)
    made = make(rule)
    assert type(made) is type(rule)
    assert state(made) == before
    assert (made == rule, hash(made) == hash(rule)) == (True, True)
    assert made.chain is None
    made.src = made.dst = None
    made.counters = (0, 0)
    made.matches[0].dport = "1"
    made.matches[1].comment = "other"
    made.remove_match(made.matches[2])
    made.create_match("mark").mark = "1"
    made.target.log_prefix = "x"
    made.create_target("DROP")
    assert state(rule) == before
    after = state(made)
    rule.matches[0].dport = "2"
    rule.create_target("ACCEPT")
    assert state(made) == after


@pytest.mark.parametrize("make", COPIES.values(), ids=COPIES)
def test_copies_of_what_is_not_finished(make: Callable[[Any], Any], family: Family) -> None:
    """Rules without a target, with incomplete matches, with nothing."""
    empty = family.Rule()
    partial = family.Rule()
    partial.protocol = "tcp"
    partial.create_match("tcp").dport = "80"
    partial.create_match("mark")  # needs --mark
    for rule in (empty, partial):
        made = make(rule)
        assert (str(made), made.target, made.rule) == (str(rule), None, None)
        assert [match.parameters for match in made.matches] == [
            match.parameters for match in rule.matches
        ]
        assert made == rule
    with pytest.raises(errors.XTablesError):
        make(partial).final_check()


def test_parts_travel_with_their_rule(family: Family) -> None:
    """A match alone is neither pickled nor copied, and says so."""
    rule = sample(family)
    for part in (rule.matches[0], rule.target):
        for make in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError, match="with its rule"):
                make(part)


@given(both(dictionaries))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_any_rule_survives(pair: tuple[Family, Dict]) -> None:
    """Entry, text and every copy tell the same, from a built rule and from a read one."""
    family, value = pair
    built = family.Rule.from_dict(value)
    read = family.Rule(built.rule)
    assert str(read) == str(built)
    assert read.rule == built.rule
    for rule in (built, read):
        for made in (rule.copy(), pickle.loads(pickle.dumps(rule))):
            assert (str(made), made.rule, made.counters) == (str(rule), rule.rule, rule.counters)


def test_repr_says_what_it_is(family: Family) -> None:
    rule = family.Rule()
    assert repr(rule) == f"<{family.rule_class} (any packet)>"
    rule.protocol = "tcp"
    match = rule.create_match("tcp")
    match.dport = "80"
    target = rule.create_target("DROP")
    assert repr(rule) == f"<{family.rule_class} -p tcp -m tcp --dport 80 -j DROP>"
    assert repr(match) == "<Match -m tcp --dport 80>"
    assert repr(target) == "<Target -j DROP>"


# -- unknown names ---------------------------------------------------------------------------------


def test_unknown_name_warns(family: Family) -> None:
    """A typo, or an option that belongs to a match: kept as python-iptables does, and told."""
    rule = family.Rule()
    with pytest.warns(UserWarning, match="dport"):
        rule.dport = "80"
    assert rule.dport == "80"
    assert str(rule) == ""


def test_unknown_name_is_an_error_where_wanted(
    family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pyiptc, "strict", True)
    rule = family.Rule()
    with pytest.raises(AttributeError, match="sport"):
        rule.sport = "80"
    assert not hasattr(rule, "sport")
    rule.src = family.network
    rule._private = 5
    monkeypatch.setattr(pyiptc, "strict", False)
    with pytest.warns(UserWarning, match="sport"):
        rule.sport = "80"


def test_known_names_are_silent(family: Family) -> None:
    rule = sample(family)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rule.src = rule.dst = rule.in_interface = rule.out_interface = rule.protocol = None
        rule.chain = None
        if not family.is_ipv6:
            rule.fragment = True
    assert not hasattr(rule, "dport")


# -- values of every wrong kind --------------------------------------------------------------------

NUMBERS: list[Any] = [-1, 2**31, 2**64, 10**400, 1.5, float("nan"), True, 1j]
OBJECTS: list[Any] = [None, object(), object, lambda: None, [], (), {}, set(), b"", b"eth0"]
TEXTS: list[Any] = [
    *("", "!", "!!", " ", "\0", "a\0b", "\ud800", "\udc80", "é" * 300, "x" * 70000),
    *("-1", "9" * 5000, "%s%n%s%n", "$(reboot)", "../../etc/passwd", "\r\n", "\u0663", "--help"),
]
HOSTILE = [*NUMBERS, *OBJECTS, *TEXTS]
DOCUMENTED = (errors.IPTCError, TypeError)
"""What a setter may raise; AttributeError too, where the attribute is no option."""


def label(value: Any) -> str:
    return (type(value).__name__ + ascii(value)[:16]) if not isinstance(value, int) else "number"


FIELDS = ["src", "dst", "in_interface", "out_interface", "protocol"]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("value", HOSTILE, ids=label)
def test_header_setters(field: str, value: Any, family: Family) -> None:
    """A documented exception and the rule as it was, or a value that reads back and prints."""
    rule = sample(family)
    before = state(rule)
    try:
        setattr(rule, field, value)
    except DOCUMENTED:
        assert state(rule) == before
    else:
        read = getattr(rule, field)
        setattr(rule, field, read)
        assert getattr(rule, field) == read
        assert str(family.Rule(rule.rule)) == str(rule)


@pytest.mark.parametrize("value", HOSTILE, ids=label)
def test_fragment_takes_anything(value: Any) -> None:
    rule = pyiptc.Rule()
    rule.fragment = value
    assert rule.fragment in (True, False, "!")


@pytest.mark.parametrize("value", [value for value in HOSTILE if value != ()], ids=label)
@pytest.mark.parametrize("field", ["target", "rule"])
def test_parts_of_another_type(field: str, value: Any, family: Family) -> None:
    """Only a Target is a target, only an entry is an entry."""
    rule = sample(family)
    before = state(rule)
    if field == "rule" and value is None:
        rule.rule = value  # takes everything out
        assert str(rule) == ""
        return
    with pytest.raises((TypeError, AttributeError, errors.BlobError)):
        setattr(rule, field, value)
    assert state(rule) == before


OPTIONS: list[tuple[str, str, str]] = [
    ("tcp", "dport", "80"),
    ("tcp", "tcp-flags", "SYN,ACK SYN"),
    ("tcp", "syn", ""),
    ("comment", "comment", "text"),
    ("mark", "mark", "0x1"),
    ("multiport", "dports", "1,2"),
    ("limit", "limit", "5/sec"),
    ("conntrack", "ctstate", "NEW"),
    ("mac", "mac-source", "00:11:22:33:44:55"),
    ("string", "string", "needle"),
    ("recent", "name", "seen"),
    ("u32", "u32", "0x0=0x1"),
    ("time", "timestart", "10:00"),
    ("iprange", "src-range", ""),
    ("owner", "uid-owner", "0"),
    ("policy", "dir", "in"),
    ("statistic", "probability", "0.5"),
    ("hashlimit", "hashlimit-upto", "5/sec"),
    ("bpf", "bytecode", "1,6 0 0 1"),
    ("set", "match-set", ""),
]
LISTS: list[Any] = [["!"], ["!", "!"], [""], [None], ["--"], ["a"] * 300, [["a"]], [b"\xff"], [5]]


@pytest.mark.filterwarnings("ignore::pyiptc.errors.LibraryWarning")
@pytest.mark.parametrize(("name", "option", "good"), OPTIONS, ids=lambda value: str(value))
def test_option_setters(name: str, option: str, good: str, family: Family) -> None:
    """The same for options of matches: what is refused leaves no trace."""
    rule = family.Rule()
    rule.protocol = "tcp"
    match = rule.create_match(name)
    if good:
        match.set_parameter(option, good.split(" ") if name == "tcp" and " " in good else good)
    for value in [*HOSTILE, *LISTS]:
        before = (match.parameters, match.get_all_parameters(), match.match_buf, str(rule))
        try:
            match.set_parameter(option, value)
        except DOCUMENTED:
            after = (match.parameters, match.get_all_parameters(), match.match_buf, str(rule))
            assert after == before, value
        else:
            str(rule)
            assert match.parameters is not None
    assert match.name == name


NAMES = ["\0", "\ud800", "x" * 300, "a/b", "a b", "../x", "é", "-", "!"]


@pytest.mark.parametrize(
    ("create", "name"),
    # The empty target is one.
    [("create_match", name) for name in ["", *NAMES]] + [("create_target", name) for name in NAMES],
)
def test_names_of_extensions(create: str, name: str, family: Family) -> None:
    """No file is looked for by a strange name, and the rule stays as it was."""
    rule = sample(family)
    before = state(rule)
    with pytest.raises((errors.XTablesError, errors.RuleError)):
        getattr(rule, create)(name)
    assert state(rule) == before


@pytest.mark.parametrize("name", [None, 5, b"tcp", ["tcp"], object()], ids=label)
@pytest.mark.parametrize("create", ["create_match", "create_target"])
def test_names_of_another_type(create: str, name: Any, family: Family) -> None:
    rule = sample(family)
    before = state(rule)
    with pytest.raises((TypeError, ValueError)):
        getattr(rule, create)(name)
    assert state(rule) == before


# -- parts that move --------------------------------------------------------------------------------


def test_a_match_that_is_not_there(family: Family) -> None:
    """remove_match() raises, and the rule is as it was."""
    rule = sample(family)
    other = family.Rule().create_match("mark")
    before = state(rule)
    with pytest.raises(ValueError, match=r"not in list|no such match"):
        rule.remove_match(other)
    assert state(rule) == before


def test_a_match_goes_to_another_rule(family: Family) -> None:
    """What a rule shows is what it sends, whoever else has its match."""
    mine = sample(family)
    read = family.Rule(mine.rule)
    other = family.Rule()
    other.protocol = "tcp"
    other.create_target("DROP")
    shared = read.matches[0]
    other.add_match(shared)
    shared.dport = "443"
    for rule in (read, other):
        assert str(family.Rule(rule.rule)) == str(rule)
    assert "--dport 443" in str(other)


def test_parts_of_a_rule_that_was_read(family: Family) -> None:
    """They are the same objects as long as one has them, and nobody's memory after that."""
    read = family.Rule(sample(family).rule)
    first, target = read.matches[0], read.target
    assert read.matches[0] is first
    assert read.target is target
    assert first.rule is read
    gone = [weakref.ref(part) for part in (*read.matches[1:], first, target)]
    assert [ref() for ref in gone] == [None, None, first, target]
    del first, target
    assert [ref() for ref in gone] == [None] * 4
    assert [match.name for match in read.matches] == ["tcp", "comment", "limit"]


def test_editing_a_part_of_a_rule_that_was_read(family: Family) -> None:
    """Whoever has a part sees what is done with it, before and after the first edit."""
    read = family.Rule(sample(family).rule)
    held, again, comment, target = read.matches[0], read.matches[0], read.matches[1], read.target
    held.dport = "443"
    assert again is held
    assert read.matches[0] is held
    assert read.matches[1] is comment
    assert read.target is target
    comment.comment = "another"
    target.log_prefix = "other "
    assert "--dport 443" in str(read)
    assert "--comment another" in str(read)
    assert '--log-prefix "other "' in str(read)


def test_parts_of_what_a_rule_was(family: Family) -> None:
    """A rule that is made of another entry has other parts; the old ones are what they were."""
    read = family.Rule(sample(family).rule)
    old, old_target = read.matches[1], read.target
    other = sample(family)
    other.matches[1].comment = "another"
    read.rule = other.rule
    assert read.matches[1] is not old
    assert read.target is not old_target
    assert read.matches[1].comment == "another"
    assert old.comment != "another"
    del old, old_target
    assert read.matches[1].comment == "another"


def test_a_part_is_given_to_another_rule(family: Family) -> None:
    """It stays in the one that was read, as it would where that was built."""
    read, other = family.Rule(sample(family).rule), family.Rule()
    match = read.matches[0]
    match.rule = other
    del other
    assert read.matches[0] is match
    gc.collect()
    assert [part.name for part in read.matches] == ["tcp", "comment", "limit"]


def test_parts_outlive_their_rule(family: Family) -> None:
    match, target = (lambda rule: (rule.matches[1], rule.target))(family.Rule(sample(family).rule))
    gc.collect()
    assert match.comment
    assert match.rule.target is target
    rule = match.rule
    rule._itself = [rule, match, target]
    ref = weakref.ref(rule)
    del rule, match, target
    gc.collect()
    assert ref() is None


@pytest.mark.parametrize("error", [MemoryError, KeyboardInterrupt, RuntimeError])
def test_taking_apart_fails(
    error: type[BaseException], family: Family, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule that could not be taken apart once is never a wider one."""
    wanted = state(sample(family))
    read = family.Rule(sample(family).rule)

    class Match(pyiptc.Match):
        def __new__(cls) -> Any:
            raise error

    class Target(pyiptc.Target):
        def __new__(cls) -> Any:
            raise error

    looks: dict[Any, Callable[[], object]] = {
        Match: lambda: read.matches,
        Target: lambda: read.target,
    }
    for part, look in looks.items():
        with monkeypatch.context() as patched:
            patched.setattr(family.Rule, f"_{part.__name__.lower()}_class", part)
            for fails in (look, lambda: setattr(read, "src", None)):
                with pytest.raises(error):
                    fails()
    assert state(read) == wanted
    read.src = None
    assert [match.name for match in read.matches] == ["tcp", "comment", "limit"]
    assert read.target.name == "LOG"


def test_a_class_that_has_forgotten_to_begin_its_rules(family: Family) -> None:
    def begin(rule: Any) -> None:
        rule.src = None

    forgetful = type("Forgetful", (family.Rule,), {"__init__": begin})
    with pytest.raises(errors.RuleError, match=r"never begun: Rule.__init__\(\) was not called"):
        forgetful()


def test_a_class_that_has_forgotten_to_begin_its_matches(family: Family) -> None:
    class Forgetful(pyiptc.Match):
        def __init__(self) -> None:
            self.dport = "80"

    with pytest.raises(errors.RuleError, match=r"of no rule: its __init__\(\) was not called"):
        Forgetful()
