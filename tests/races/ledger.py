"""Ledgers: what each writer was told about its rules, and what the kernel must have therefore.

A rule belongs to the writer that put it in, which its comment names; nobody else changes it. So a
writer knows which of its rules are in a chain and in which order, whatever others do in between.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Optional

CHAINS = "(chains)"
"""Where chains are told of, in place of the name of a chain; these have no order."""

_COMMENT = re.compile(r"--comment (\S+)")


@dataclass(frozen=True)
class Change:
    """A rule that was put in (`old` is None), taken out (`new` is None) or replaced."""

    chain: str
    old: Optional[str]
    new: Optional[str]
    place: int
    """Counted among the rules that the writer has in the chain."""


@dataclass
class Ledger:
    """What one writer was told, in order."""

    writer: str
    told: list[Change] = field(default_factory=list)
    commits: int = 0
    conflicts: int = 0
    """Edits that were not done, and said so."""
    complaints: list[str] = field(default_factory=list)
    """What was seen that cannot be: errors, and rules that had vanished meanwhile."""
    has: dict[str, list[str]] = field(default_factory=dict)
    """The rules that must be in each chain, by their comments."""

    def tell(self, *changes: Change) -> None:
        """Enter what one commit did."""
        for change in changes:
            self.told.append(change)
            apply(self.has, change)
        self.commits += bool(changes)

    def as_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if name != "has"}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Ledger:
        ledger = cls(value["writer"], complaints=list(value["complaints"]))
        ledger.tell(*(Change(**change) for change in value["told"]))
        ledger.commits, ledger.conflicts = value["commits"], value["conflicts"]
        return ledger


def apply(has: dict[str, list[str]], change: Change) -> None:
    """Do to a writer's rules what a change did."""
    rules = has.setdefault(change.chain, [])
    if change.old is not None:
        assert rules.pop(change.place) == change.old
    if change.new is not None:
        rules.insert(change.place, change.new)


def judge(saved: str, ledgers: Iterable[Ledger], text: Callable[[str], str]) -> list[str]:
    """What is wrong with the rules that the kernel has; nothing, it is to be hoped.

    Args:
        saved: The table as `iptables-save` prints it.
        text: What `iptables-save` prints of a rule, after `-A` and the chain, by its comment.
    """
    ledgers = list(ledgers)
    findings = [f"{ledger.writer}: {words}" for ledger in ledgers for words in ledger.complaints]
    chains, lines = read(saved)
    ever = {change.new for ledger in ledgers for change in ledger.told}
    for name in sorted({*lines, *(chain for ledger in ledgers for chain in ledger.has)} - {CHAINS}):
        findings += _judge_chain(name, lines.get(name, []), ledgers, ever, text)
    told = {chain for ledger in ledgers for chain in ledger.has.get(CHAINS, [])}
    findings += [f"chain {name} is lost" for name in sorted(told - chains)]
    findings += [f"chain {name} should not be" for name in sorted(chains - told)]
    return findings


def read(saved: str) -> tuple[set[str], dict[str, list[str]]]:
    """User-defined chains, and the rules of each chain, of what `iptables-save` printed."""
    chains, lines = set[str](), dict[str, list[str]]()
    for line in saved.splitlines():
        words = line.split(" ", 2)
        if line.startswith(":") and words[1] == "-":
            chains.add(words[0][1:])
        elif line.startswith("-A"):
            lines.setdefault(words[1], []).append(words[2])
    return chains, lines


def comments(lines: Iterable[str]) -> list[str]:
    """The comments of rules, a rule's text where it has none."""
    return [found[1] if (found := _COMMENT.search(line)) else line for line in lines]


def _judge_chain(
    chain: str,
    lines: list[str],
    ledgers: list[Ledger],
    ever: set[Optional[str]],
    text: Callable[[str], str],
) -> list[str]:
    found = comments(lines)
    expected = [comment for ledger in ledgers for comment in ledger.has.get(chain, [])]
    findings = [f"{chain}: {name} is lost" for name in sorted({*expected} - {*found})]
    for name in sorted({*found} - {*expected}):
        what = "was deleted, or is of another chain" if name in ever else "is nobody's"
        findings.append(f"{chain}: {name} {what}")
    findings += [
        f"{chain}: {name} is in {times} times"
        for name, times in Counter(found).items()
        if times > 1
    ]
    if findings:
        return findings
    for ledger in ledgers:
        own = ledger.has.get(chain, [])
        seen = [name for name in found if name in {*own}]
        if seen != own:
            findings.append(f"{chain}: of {ledger.writer} there are {seen} and not {own}")
    for name, line in zip(found, lines):
        if line != text(name):
            findings.append(f"{chain}: {name} is {line!r} and not {text(name)!r}")
    return findings
