"""Counters of rules and of policies survive every kind of edit, but for what the edit is about."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from support import undertest
from support.family import Family
from support.oracle import Oracle

pytestmark = pytest.mark.kernel

RULES = """\
*filter
:INPUT DROP [11:1100]
:FORWARD ACCEPT [12:1200]
:OUTPUT ACCEPT [13:18446744073709551615]
:empty - [0:0]
:user - [0:0]
[1:10] -A INPUT -p tcp -m tcp --dport 1 -j ACCEPT
[2:20] -A INPUT -p tcp -m tcp --dport 2 -j user
[3:30] -A INPUT -p tcp -m tcp --dport 3 -g user
[4294967296:18446744073709551615] -A INPUT -p tcp -m tcp --dport 4 -j LOG
[5:50] -A INPUT -p tcp -m tcp --dport 5
[6:60] -A FORWARD -p tcp -m tcp --dport 6 -j DROP
[7:70] -A user -p tcp -m tcp --dport 7 -j RETURN
[8:80] -A user -p tcp -m tcp --dport 8 -j DROP
COMMIT
"""

_RULE = re.compile(r"^\[(\d+):(\d+)\] (-A .*)$", re.MULTILINE)
_POLICY = re.compile(r"^:(\S+) [A-Z]+ \[(\d+):(\d+)\]$", re.MULTILINE)

Counted = dict[str, tuple[int, int]]


def counted(oracle: Oracle, family: Family) -> Counted:
    """Packets and bytes of every rule by its text, and of every policy by its chain."""
    text = oracle.save(family, "filter", counters=True)
    rules = {rule: (int(packets), int(size)) for packets, size, rule in _RULE.findall(text)}
    policies = {chain: (int(packets), int(size)) for chain, packets, size in _POLICY.findall(text)}
    return {**rules, **policies}


class Bench:
    """The table above, through the library."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.table = family.Table("filter")
        self.input = self.chain("INPUT")
        self.user = self.chain("user")

    def chain(self, name: str) -> Any:
        """Any chain of it."""
        return undertest.load().Chain(self.table, name)

    def drop(self, port: int = 99) -> Any:
        """A new rule."""
        rule = self.family.Rule()
        rule.protocol = "tcp"
        rule.create_match("tcp").dport = str(port)
        rule.create_target("DROP")
        return rule

    def batch(self) -> None:
        """Several edits, one commit."""
        self.table.autocommit = False
        self.input.insert_rule(self.drop(90))
        self.input.delete_rule(self.input.rules[2])
        self.user.append_rule(self.drop(91))
        self.table.create_chain("made").append_rule(self.drop(92))
        self.input.replace_rule(self.drop(93), 1)
        self.table.commit()
        self.table.autocommit = True

    def delete_while_reading(self) -> None:
        """Every rule that a condition picks, in a loop over what was read."""
        for rule in self.input.rules:
            if rule.matches[0].dport in ("1", "3", "5"):
                self.input.delete_rule(rule)

    def discard(self) -> None:
        """Edits that are never committed."""
        self.table.autocommit = False
        self.input.flush()
        self.table.refresh()
        self.table.autocommit = True

    def fail(self) -> None:
        """An edit that the kernel refuses."""
        rule = self.family.Rule()
        rule.create_target("SNAT").to_source = self.family.host
        with pytest.raises(undertest.load().IPTCError):
            self.input.append_rule(rule)

    def move(self) -> None:
        """A rule that was read goes to another chain, and back to where it was."""
        rule = self.input.rules[0]
        self.user.append_rule(rule)
        self.user.delete_rule(rule)


EDITS: dict[str, Callable[[Bench], object]] = {
    "append": lambda bench: bench.input.append_rule(bench.drop()),
    "insert-first": lambda bench: bench.input.insert_rule(bench.drop()),
    "insert-between": lambda bench: bench.input.insert_rule(bench.drop(), 3),
    "insert-in-user-chain": lambda bench: bench.user.insert_rule(bench.drop(), 1),
    "replace": lambda bench: bench.input.replace_rule(bench.drop(), 2),
    "delete-first": lambda bench: bench.input.delete_rule(bench.input.rules[0]),
    "delete-last": lambda bench: bench.input.delete_rule(bench.input.rules[-1]),
    "delete-jump": lambda bench: bench.input.delete_rule(bench.input.rules[1]),
    "delete-while-reading": Bench.delete_while_reading,
    "flush-chain": lambda bench: bench.user.flush(),
    "create-chain": lambda bench: bench.table.create_chain("made"),
    "delete-chain": lambda bench: bench.table.delete_chain("empty"),
    "rename-chain": lambda bench: bench.table.rename_chain("empty", "a-name-that-sorts-first"),
    "policy-with-counters": lambda bench: bench.chain("FORWARD").set_policy("DROP", (12, 1200)),
    "batch": Bench.batch,
    "discard": Bench.discard,
    "fail": Bench.fail,
    "move": Bench.move,
    "flush-table": lambda bench: bench.table.flush(),
    "read-everything": lambda bench: [
        [rule.counters for rule in chain.rules] + [chain.get_policy(), chain.get_counters()]
        for chain in bench.table.chains
    ],
    "refresh": lambda bench: bench.table.refresh(),
    "commit-nothing": lambda bench: bench.table.commit(),
    "easy": lambda bench: undertest.load().easy.add_rule(
        "filter",
        "INPUT",
        {"protocol": "udp", "target": "DROP"},
        position=2,
        ipv6=bench.family.is_ipv6,
    ),
}
GONE = {
    "replace": 1,
    "delete-first": 1,
    "delete-last": 1,
    "delete-jump": 1,
    "delete-while-reading": 3,
    "flush-chain": 2,
    "batch": 2,
    "flush-table": 8,
}
"""How many of the rules above are gone after an edit."""


@pytest.fixture
def before(family: Family, oracle: Oracle) -> Counted:
    """The counters of the table above."""
    oracle.restore(family, RULES, counters=True)
    return counted(oracle, family)


@pytest.mark.parametrize("edit", EDITS)
def test_edit_keeps_counters(edit: str, family: Family, oracle: Oracle, before: Counted) -> None:
    """What is still there counts on from where it was."""
    EDITS[edit](Bench(family))
    after = counted(oracle, family)
    kept = {text: pair for text, pair in before.items() if text in after}
    assert {text: after[text] for text in kept} == kept
    assert len(before) - len(kept) == GONE.get(edit, 0)
    assert all(pair == (0, 0) for text, pair in after.items() if text not in before)


def test_rename_keeps_counters_of_what_it_renames(
    family: Family, oracle: Oracle, before: Counted
) -> None:
    """Rules in the chain, and rules that jump to it, are the same rules."""
    Bench(family).user.rename("zebra")
    assert counted(oracle, family) == {
        re.sub(r"\buser\b", "zebra", text): pair for text, pair in before.items()
    }


@pytest.mark.usefixtures("before")
def test_counters_are_read(family: Family) -> None:
    """All 64 bits of each, from rules, policies and chains."""
    bench = Bench(family)
    assert [tuple(rule.counters) for rule in bench.input.rules] == [
        (1, 10),
        (2, 20),
        (3, 30),
        (2**32, 2**64 - 1),
        (5, 50),
    ]
    assert [rule.get_counters() for rule in bench.user.rules] == [(7, 70), (8, 80)]
    assert bench.input.get_counters() == (11, 1100)
    assert bench.chain("OUTPUT").get_counters() == (13, 2**64 - 1)
    assert bench.user.get_counters() is None


def test_counters_are_sent(family: Family, oracle: Oracle, before: Counted) -> None:
    """A rule takes its counters along when it is appended, inserted, or replaces another."""
    bench = Bench(family)
    for send, port in (
        (bench.input.append_rule, 81),
        (bench.input.insert_rule, 82),
        (bench.user.replace_rule, 83),
    ):
        rule = bench.drop(port)
        rule.set_counters((port, 2**40 + port))
        send(rule)
    after = counted(oracle, family)
    for chain, port in (("INPUT", 81), ("INPUT", 82), ("user", 83)):
        text = f"-A {chain} -p tcp -m tcp --dport {port} -j DROP"
        assert after[text] == (port, 2**40 + port)
    assert {text: after[text] for text in before if text in after}.items() <= before.items()


@pytest.mark.parametrize("policy", ["ACCEPT", "DROP"])
def test_policy_takes_counters(
    policy: str, family: Family, oracle: Oracle, before: Counted
) -> None:
    """A policy is set with the counters that are given, and no other counter changes."""
    Bench(family).chain("FORWARD").set_policy(policy, (21, 2100))
    assert counted(oracle, family) == {**before, "FORWARD": (21, 2100)}


def test_policy_alone_leaves_others(family: Family, oracle: Oracle, before: Counted) -> None:
    """A policy that is set without counters does what it likes with its own only."""
    Bench(family).chain("FORWARD").set_policy("DROP")
    after = counted(oracle, family)
    assert after.pop("FORWARD") in ((0, 0), before.pop("FORWARD"))
    assert after == before


def test_zero_is_for_one_chain(family: Family, oracle: Oracle, before: Counted) -> None:
    """Zeroing a chain is for its rules and its policy."""
    Bench(family).input.zero_counters()
    assert counted(oracle, family) == {
        text: (0, 0) if text == "INPUT" or text.startswith("-A INPUT ") else pair
        for text, pair in before.items()
    }
