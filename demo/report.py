"""What the demo prints: sections, tables of rules, measured facts, and what was proven."""

from __future__ import annotations

import os
import sys
import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TextIO

import pyiptc

WIDTH = 88
LABEL_WIDTH = 52
GLUE = "\0"  # a space at which a line is not broken


@dataclass(frozen=True)
class Fact:
    """A number that was measured, and the number it must be: None for any but 0."""

    label: str
    measured: int
    wanted: int | None

    @property
    def holds(self) -> bool:
        """Whether the number is what it must be."""
        return self.measured > 0 if self.wanted is None else self.measured == self.wanted

    @property
    def complaint(self) -> str:
        """What it should have been, or nothing."""
        if self.holds:
            return ""
        return f" (should be {'more' if self.wanted is None else self.wanted})"

    def __str__(self) -> str:
        return f"{self.label}: {self.measured}{self.complaint}"


@dataclass(frozen=True)
class Proof:
    """A claim, and the facts it stands on."""

    claim: str
    facts: tuple[Fact, ...]

    @property
    def holds(self) -> bool:
        """Whether all of its facts do."""
        return bool(self.facts) and all(fact.holds for fact in self.facts)


class Report:
    """Prints for a person; colours only on a terminal, and not if NO_COLOR is set."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stdout if stream is None else stream
        self._colours = (
            self._stream.isatty()
            and not os.environ.get("NO_COLOR")
            and os.environ.get("TERM") != "dumb"
        )
        self._ascii = not self._can_print("✓✗─│├┘┐")
        self._proofs: list[Proof] = []
        self._after_gap = False

    # -- words --------------------------------------------------------------------------------

    def section(self, title: str) -> None:
        """Begin a part of the story."""
        line = f"{self._line(2)} {title} "
        self.say()
        self._print(self._paint("1;36", line + self._line(WIDTH - len(line))))

    def say(self, text: str = "") -> None:
        """Print a line of the story."""
        self._print(f"   {text}" if text else "")

    def drawing(self, text: str) -> None:
        """Print a picture made of characters, in ASCII where nothing better can be printed."""
        if self._ascii:
            text = text.translate(str.maketrans("─│├└┘┐┌", "-|+++++"))
        for line in text.splitlines():
            self.say(line)

    # -- rules --------------------------------------------------------------------------------

    def rules(self, tables: Iterable[tuple[str, pyiptc.Table]]) -> None:
        """Print the chains that hold something, each rule with its packets and bytes."""
        for family, table in tables:
            for chain in table.chains:
                rules = chain.rules
                policy = chain.get_policy()
                if not rules and (policy is None or policy.name == "ACCEPT"):
                    continue
                self._print()
                self._chain_heading(family, table, chain)
                for rule in rules:
                    self._rule(rule)

    def _chain_heading(self, family: str, table: pyiptc.Table, chain: pyiptc.Chain) -> None:
        heading = self._paint("1", f"{family} {table.name} {chain.name}")
        policy, counters = chain.get_policy(), chain.get_counters()
        if policy is not None and counters is not None:
            decided = f"policy {policy.name}, {_amount(counters.packets, 'packet')}"
            heading += self._paint("2", f"  ({decided})")
        self._print(f"   {heading}")

    def _rule(self, rule: pyiptc.Rule) -> None:
        packets, size = rule.counters
        figures = f"{packets:>8} {_bytes(size):>8}"
        self._print(f"   {self._paint('33' if packets else '2', figures)}  {rule}")

    # -- proofs -------------------------------------------------------------------------------

    def prove(self, claim: str, *facts: Fact) -> None:
        """Print what was measured, now; the claim itself is printed at the end."""
        proof = Proof(claim, facts)
        self._proofs.append(proof)
        for fact in facts:
            figure = f"{fact.label:<{LABEL_WIDTH}}{fact.measured:>6}{fact.complaint}"
            self.say(f"{self._mark(fact.holds)} {figure}")
        self.say()

    def conclude(self) -> bool:
        """Print every claim with the facts it stands on; return whether all of them hold."""
        self.section("What was proven")
        for proof in self._proofs:
            words = proof.claim if proof.holds else f"NOT PROVEN: {proof.claim}"
            self._print(f" {self._mark(proof.holds)} {self._paint('1', words)}")
            facts = ", ".join(str(fact).replace(" ", GLUE) for fact in proof.facts)
            for line in textwrap.wrap(facts, WIDTH - 5, break_on_hyphens=False):
                self._print(f"     {self._paint('2', line.replace(GLUE, ' '))}")
        good = sum(proof.holds for proof in self._proofs)
        self._print()
        self._print(f"   {good} of {len(self._proofs)} proven, each by packets that were counted.")
        return good == len(self._proofs) > 0

    # -- how it is printed --------------------------------------------------------------------

    def _mark(self, good: bool) -> str:
        if self._ascii:
            return self._paint("32", "ok ") if good else self._paint("1;31", "BAD")
        return self._paint("32", "✓") if good else self._paint("1;31", "✗")

    def _line(self, length: int) -> str:
        return ("-" if self._ascii else "─") * length

    def _paint(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._colours else text

    def _can_print(self, text: str) -> bool:
        try:
            text.encode(self._stream.encoding or "ascii")
        except (LookupError, UnicodeEncodeError):
            return False
        return True

    def _print(self, text: str = "") -> None:
        """Print a line, but never two empty ones in a row."""
        text = text.rstrip()
        if text or not self._after_gap:
            print(text, file=self._stream, flush=True)
        self._after_gap = not text


def _amount(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _bytes(number: int) -> str:
    size = float(number)
    units = ["B", "KB", "MB", "GB"]
    while size >= 10_000 and len(units) > 1:
        size /= 1000
        del units[0]
    return f"{size:.0f} {units[0]}"
