"""Work that runs out of memory, for a process that is run with the library of `support.faults`.

    python -m isolated.hungry ipv4 parse

PYIPTC_BACKEND says where the tables are.

Lets the first allocation of C code fail, then the second, and so on until the work is done; then the first
and all after it, and so on. Python's own allocations never fail: they are Python's to answer for.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from typing import Any

import pyiptc
from support import faults, rawnft
from support.family import FAMILIES, Family
from support.faults import Call
from support.heap import bytes_in_use

MANY = 4000
"""More allocations than any of the work makes."""

ROUNDS = 20
"""At most. A leak shows in each; what is kept once, or split off by the allocator, in some."""

EDITS = 10
"""As many as make a chain's slots and the list of chains grow."""

ACCEPTED = (MemoryError, pyiptc.IPTCError)


class Bench:
    """What the work is done on; it is made before anything fails."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.built = self.build()
        self.data: bytes = self.built.rule
        self.table = family.Table("filter")
        self.chain: Any = pyiptc.Chain(self.table, "INPUT")
        for _ in range(3):
            self.chain.append(self.built)
        self.table.create_chain("user")

    def build(self) -> Any:
        rule = self.family.Rule()
        rule.protocol = "tcp"
        rule.create_match("tcp").dport = "80:443"
        rule.create_match("comment").comment = 'some "words"'
        rule.create_match("conntrack").ctstate = "NEW"
        rule.create_target("LOG").log_prefix = "prefix "
        return rule

    has_foreign = False

    # -- work --------------------------------------------------------------------------------------

    def parse(self) -> None:
        rule = self.build()
        rule.final_check()
        assert rule.rule == self.data

    def refuse(self) -> None:
        """A value that is wrong: the library's words need memory too."""
        match = self.built.matches[2]
        try:
            match.ctstate = "NONSENSE"
        except pyiptc.XTablesError as error:
            if "NONSENSE" not in str(error):
                raise
        else:
            raise AssertionError("taken")
        assert match.ctstate == "NEW"

    def save(self) -> None:
        rule = self.family.Rule(self.data)
        assert str(rule) == str(self.built)
        assert rule.matches[1].comment == 'some "words"'

    def protocol(self) -> None:
        rule = self.family.Rule()
        rule.protocol = "ospf"
        assert "-p" in str(rule)

    def read(self) -> None:
        self.table.refresh()
        assert len(self.chain.rules) == 3

    def commit(self) -> None:
        """Add a rule and take it away: four calls to the kernel."""
        before = len(self.chain)
        assert before == 3
        try:
            self.chain.append(self.built)
            self.chain.delete(index=3)
        except ACCEPTED:
            faults.stop()
            self.table.refresh()
            if len(self.chain) == 4:
                self.chain.delete(index=3)
            raise

    def batch(self) -> None:
        """Many edits: slots, chains and the arena have to grow."""
        self.table.autocommit = False
        try:
            for number in range(EDITS):
                self.table.create_chain(f"chain{number}")
                self.chain.insert(self.built, number % 3)
            self.table.rename_chain("user", "renamed")
            self.table.rename_chain("renamed", "user")
            for number in range(EDITS):
                self.table.delete_chain(f"chain{number}")
                self.chain.delete(index=0)
            self.table.commit()
        finally:
            faults.stop()
            self.table.refresh()
            self.table.autocommit = True
            while len(self.chain) > 3:
                self.chain.delete(index=0)

    def counters(self) -> None:
        """Read and zeroed at once, or as one edit."""
        assert self.chain.counters(zero=True).count == 3
        self.chain.zero_counters()
        assert [tuple(counted) for counted in self.chain.counters()] == [(0, 0)] * 3

    def restore(self) -> None:
        """All of a table as text, with a chain that is made."""
        text = f"*filter\n:INPUT ACCEPT [0:0]\n:more - [0:0]\n{MANY_RULES}COMMIT\n"
        try:
            self.table.restore(text)
            assert len(pyiptc.Chain(self.table, "more").rules) == 3
        finally:
            faults.stop()
            self.table.refresh()
            if len(self.chain) == 0:
                with self.table.transaction():
                    self.table.flush()
                    self.table.create_chain("user")
                    self.chain.extend([self.built] * 3)
            assert len(self.chain) == 3

    def tables(self) -> None:
        """Two tables in one commit, with chains that are made, renamed and jumped to."""
        raw = self.family.Table("raw")
        try:
            with pyiptc.transaction(self.table, raw):
                self.table.create_chain("made").append(self.built)
                self.table.rename_chain("user", "renamed")
                self.chain.append("-j made")
                self.chain.insert("-j renamed")
                raw.create_chain("made")
                pyiptc.Chain(raw, "OUTPUT").append("-j made")
        finally:
            faults.stop()
            self.table.refresh()
            raw.refresh()
            names = [chain.name for chain in self.table.chains]
            was_done = "made" in names
            assert was_done == ("renamed" in names)
            assert was_done == ("made" in [chain.name for chain in raw.chains])
            if was_done:
                raw.flush()
                with self.table.transaction():
                    self.chain.delete(index=4)
                    self.chain.delete(index=0)
                    pyiptc.Chain(self.table, "made").flush()
                    self.table.delete_chain("made")
                    self.table.rename_chain("renamed", "user")

    def foreign(self) -> None:
        """A rule that no entry can say, read, kept beside others, and moved."""
        if not self.has_foreign:
            rawnft.append(self.family.name, "filter", "INPUT", rawnft.expression("notrack"))
            self.has_foreign = True
        self.table.refresh()
        assert [rule.target.name for rule in self.chain.rules][3] == "nf_tables"
        try:
            with self.table.transaction():
                self.chain.insert(self.built, index=3)
                self.chain.delete(index=3)
                self.chain.append(self.built)
        finally:
            faults.stop()
            self.table.refresh()
            if len(self.chain) == 5:
                self.chain.delete(index=4)
            assert len(self.chain) == 4, self.table.save()


MANY_RULES = "".join(f"[1:{n}] -A more -p tcp -m tcp --dport {n} -j DROP\n" for n in range(1, 4))


def starve(work: Callable[[], None], times: int, check: Callable[[], None]) -> int:
    """Let one allocation after the other fail until the work is done; how many there were."""
    for number in range(MANY):
        faults.clear()
        faults.plan(Call.MALLOC, errno.ENOMEM, skip=number, times=times)
        try:
            work()
        except ACCEPTED:
            done = False
        else:
            done = True
        finally:
            faults.stop()
        asked = faults.count(Call.MALLOC)
        check()
        if done and asked <= number:
            return number
    raise AssertionError("never done")


def run(family: Family, name: str) -> None:
    """Print how many allocations were made, and by how many bytes a round of failures grows."""
    bench = Bench(family)
    work: Callable[[], None] = getattr(bench, name)
    for times in (1, faults.FOR_EVER):
        measure(work, times)


def measure(work: Callable[[], None], times: int) -> None:
    starve(work, times, work)
    count = starve(work, times, work)
    opened = faults.descriptors()
    grown = []
    for _ in range(ROUNDS):
        before = bytes_in_use()
        assert starve(work, times, work) == count
        grown.append(bytes_in_use() - before)
        if grown[-1] <= 0:
            break
    assert faults.descriptors() == opened
    print(count, min(grown))


def first_use(family: Family) -> None:
    """Load libxtables and extensions with allocations failing, each time in a new process.

    ImportError is what a library that cannot be loaded is. Prints how often the children ended how:
    0 nothing failed, 1 it was told, 3 the work was done all the same.
    """
    endings: dict[str, int] = {}
    for number in range(MANY):
        child = os.fork()
        if child == 0:
            os._exit(_first_use(family, number))
        _, status = os.waitpid(child, 0)
        ending = f"signal {-code}" if (code := os.waitstatus_to_exitcode(status)) < 0 else str(code)
        endings[ending] = endings.get(ending, 0) + 1
        if code == 0:
            break
    for ending, count in endings.items():
        print(ending, count)


def _first_use(family: Family, number: int) -> int:
    faults.clear()
    faults.plan(Call.MALLOC, errno.ENOMEM, skip=number, times=1)
    status = 0
    try:
        rule = family.Rule()
        rule.protocol = "tcp"
        rule.create_match("tcp").dport = "80"
        rule.create_target("LOG")
    except (*ACCEPTED, ImportError):
        status = 1
    except BaseException as error:
        os.write(2, f"{number}: {error!r}\n".encode())
        return 2
    asked = faults.count(Call.MALLOC)
    faults.stop()
    if asked <= number:
        return 0
    return status or 3


def main() -> None:
    family, work = FAMILIES[sys.argv[1]], sys.argv[2]
    if work == "first_use":
        first_use(family)
    else:
        run(family, work)


if __name__ == "__main__":
    main()
