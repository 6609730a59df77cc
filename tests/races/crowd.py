"""Threads in crowds, and namespaces in which the same sets have other numbers.

    python -m races.crowd NAMESPACES THREADS closed|kept ipv4 [ipv6]

Prints as JSON what was found; `kept` leaves a table of the first namespace open. A rule has a set's number, which is that of the namespace, and its
text has the name: who mixes up two namespaces prints another name, or asks for another set.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from support import undertest
from support.family import FAMILIES, Family
from support.faults import descriptors
from support.namespace import NetworkNamespace
from support.oracle import Oracle
from support.rawrules import elements

NAMES = ("alpha", "beta", "gamma", "delta")
ORDERS = list(itertools.permutations(NAMES))

Job = tuple[int, Family]
"""Something to do in the namespace of this number."""


@dataclass
class Found:
    threads: int = 0
    jobs: int = 0
    wrong: list[str] = field(default_factory=list)
    tables: int = 0
    """Different ones, with what tells apart only the namespaces left out."""
    left_open: list[str] = field(default_factory=list)
    left_behind: list[str] = field(default_factory=list)
    """Namespaces that still exist when nobody should have them."""


def text(number: int, name: str) -> str:
    return f"-m set --match-set {name} src -m comment --comment {mark(number)}-{name} -j ACCEPT"


def mark(number: int) -> str:
    """As long for every number."""
    return f"ns{number:04}"


class Crowd:
    """Namespaces with sets in them, and threads that come and go."""

    def __init__(self, count: int, threads: int, kind: str, families: Sequence[Family]) -> None:
        self.iptc: Any = undertest.load()
        self.threads = threads
        self.kind = kind
        self.families = families
        self.oracle = Oracle()
        self.found = Found()
        self.spaces = [NetworkNamespace.new() for _ in range(count)]
        self.jobs = [(number, family) for number in range(count) for family in families]
        self._watch()
        for number, space in enumerate(self.spaces):
            with space.entered():
                order = ORDERS[number % len(ORDERS)]
                # Of a type that rules of both families may ask.
                self._ipset("".join(f"create {name} list:set\n" for name in order))

    def _ipset(self, lines: str) -> None:
        self.oracle.run("ipset", "restore", input=lines)

    def _watch(self) -> None:
        """Have one end of a pair of interfaces in each namespace: it takes the other end with it."""
        lines = "".join(
            f"link add watch{number} type veth peer name end0 netns {space.path}\n"
            for number, space in enumerate(self.spaces)
        )
        self.oracle.run("ip", "-batch", "-", input=lines)

    def run(self) -> Found:
        before = descriptors()
        for phase in (self.put, self.look, self.swap):
            self._in_threads(phase)
        after = descriptors()
        self.found.left_open = sorted({*after} ^ {*before})
        self._judge()
        for space in self.spaces:
            space.close()
        self.found.left_behind = self._left_behind()
        return self.found

    # -- threads -------------------------------------------------------------------------------------

    def _in_threads(self, phase: Callable[[int, Family], None]) -> None:
        """All jobs, a few for a thread; all threads of a wave begin when the last one is there."""
        each = max(1, len(self.jobs) // (4 * self.threads))
        todo = [self.jobs[at : at + each] for at in range(0, len(self.jobs), each)]
        for at in range(0, len(todo), self.threads):
            wave = todo[at : at + self.threads]
            barrier = threading.Barrier(len(wave))
            threads = [
                threading.Thread(target=self._work, args=(barrier, phase, jobs)) for jobs in wave
            ]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.found.threads += len(threads)

    def _work(
        self,
        barrier: threading.Barrier,
        phase: Callable[[int, Family], None],
        jobs: Sequence[Job],
    ) -> None:
        barrier.wait()
        for number, family in jobs:
            try:
                phase(number, family)
            except Exception as error:
                self.found.wrong.append(f"{phase.__name__} {number} {family}: {error!r}")
            self.found.jobs += 1

    # -- what they do ----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _chain(self, number: int, family: Family) -> Iterator[Any]:
        """Chain INPUT there: the thread is inside, or only names it."""
        path = self.spaces[number].path
        with contextlib.ExitStack() as stack:
            if number % 2:
                stack.enter_context(self.iptc.netns(path))
                table = family.Table("filter")
            else:
                table = family.Table("filter", netns=path)
            if self.kind == "closed" or number > 0:
                stack.enter_context(table)
            yield self.iptc.Chain(table, "INPUT")

    def _check(self, number: int, family: Family, found: list[str], names: Sequence[str]) -> None:
        expected = [text(number, name) for name in names]
        if found != expected:
            self.found.wrong.append(f"{number} {family}: {found}")

    def put(self, number: int, family: Family) -> None:
        with self._chain(number, family) as chain:
            for name in NAMES:
                chain.append(text(number, name))
            self._check(number, family, [str(rule) for rule in chain.rules], NAMES)

    def look(self, number: int, family: Family) -> None:
        with self._chain(number, family) as chain:
            rules = chain.rules
            self._check(number, family, [str(rule) for rule in rules], NAMES)
            lines = [line for line in chain.table.save().splitlines() if line.startswith("-A")]
            printed = [line.partition("INPUT ")[2] for line in lines]
            self._check(number, family, printed, NAMES)
        # Of a closed table the rules are what they were.
        self._check(number, family, [str(rule) for rule in rules], NAMES)

    def swap(self, number: int, family: Family) -> None:
        """The first becomes the last, by its text."""
        with self._chain(number, family) as chain, chain.table.transaction():
            chain.delete(text(number, NAMES[0]))
            chain.append(text(number, NAMES[0]))

    # -- what came of it -------------------------------------------------------------------------------

    def _judge(self) -> None:
        """What the tool prints there."""
        names = [*NAMES[1:], NAMES[0]]
        tables = set()
        for number, family in self.jobs:
            with self.spaces[number].entered():
                lines = self.oracle.lines(family, "filter")
                there = b"".join(elements(family.name))
                tables.add((family, there.replace(mark(number).encode(), mark(0).encode())))
            printed = [line.partition("INPUT ")[2] for line in lines]
            self._check(number, family, printed, names)
        self.found.tables = len(tables)

    def _left_behind(self) -> list[str]:
        """Those that are still there after a while: the kernel takes its time."""
        deadline, kept = time.monotonic() + 30, int(self.kind == "kept")
        while time.monotonic() < deadline and len(self._watched()) > kept:
            time.sleep(0.05)
        time.sleep(0.3 * kept)
        return self._watched()

    @staticmethod
    def _watched() -> list[str]:
        lines = Path("/proc/thread-self/net/dev").read_text().splitlines()
        return [line.split(":")[0].strip() for line in lines if "watch" in line]


def main() -> None:
    count, threads, kind, *families = sys.argv[1:]
    crowd = Crowd(int(count), int(threads), kind, [FAMILIES[family] for family in families])
    json.dump(asdict(crowd.run()), sys.stdout)


if __name__ == "__main__":
    main()
