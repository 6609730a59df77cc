"""Fixtures of the kernel tests: both families, and rules that can be told apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from support import undertest
from support.family import Family
from support.oracle import Oracle


@dataclass(frozen=True)
class Bench:
    """Chain INPUT of table filter, in one family, and the tool beside it."""

    family: Family
    oracle: Oracle

    @property
    def iptc(self) -> Any:
        return undertest.load()

    @property
    def table(self) -> Any:
        return self.family.Table("filter")

    @property
    def chain(self) -> Any:
        return self.user("INPUT")

    def user(self, name: str) -> Any:
        """Any chain of the table, by its name."""
        return self.iptc.Chain(self.table, name)

    def rule(self, number: int, target: str = "DROP") -> Any:
        """A rule that no other number has."""
        rule = self.family.Rule()
        rule.protocol = "tcp"
        rule.create_match("tcp").dport = str(number)
        rule.create_target(target)
        return rule

    def fill(self, *numbers: int, chain: str = "INPUT") -> None:
        """Have exactly these rules in a chain, put there by the tool."""
        self.oracle.iptables(self.family, "-F", chain)
        for number in numbers:
            self.oracle.append(self.family, "filter", chain, line(number).split())
        self.table.refresh()

    def numbers(self, chain: str = "INPUT") -> list[int]:
        """The rules of a chain that the kernel has, in order, as the tool prints them."""
        return numbers_of(self.oracle.lines(self.family, "filter", chain))

    def seen(self, chain: str = "INPUT") -> list[int]:
        """The rules of a chain that the object has."""
        return numbers_of([str(rule) for rule in self.user(chain).rules])

    def chains(self) -> list[str]:
        """User-defined chains that the kernel has."""
        printed = self.oracle.iptables(self.family, "-S").stdout.splitlines()
        return [text.split()[1] for text in printed if text.startswith("-N")]


def line(number: int, target: str = "DROP") -> str:
    """What the tool is given for a rule."""
    return f"-p tcp -m tcp --dport {number} -j {target}"


def numbers_of(lines: list[str]) -> list[int]:
    return [int(text.split("--dport ")[1].split()[0]) for text in lines]


@pytest.fixture
def bench(netns: object, family: Family, oracle: Oracle) -> Bench:
    return Bench(family, oracle)


@pytest.fixture
def both(netns: object, oracle: Oracle) -> Callable[[Family], Bench]:
    """A bench for a family that is named later."""
    return lambda family: Bench(family, oracle)
