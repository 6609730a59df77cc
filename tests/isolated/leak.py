"""Rules made, inserted, read and deleted, each with a comment of its own: does anything stay behind?

    [PYIPTC_BACKEND=nft] python tests/isolated/leak.py [100000]

In a private network namespace, both families in turn, half of the rules from threads that live for one
batch. A batch is one commit to add its rules and one to delete them; every tenth is committed rule by
rule. Memory and descriptors at a fifth and at the end of the run are printed as JSON; the exit status is 1
where they differ by 1 MB or more, or by any descriptor.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import os
import random
import sys
import tempfile
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path[:0] = [str(path) for path in Path(__file__).resolve().parents[1:3]]

import pyiptc
from pyiptc import printing
from support import faults
from support.family import IPV4, IPV6, Family
from support.heap import bytes_in_use
from support.namespace import fresh_namespace, leave_machine_namespace

BATCH = 200
LIMIT = 1 << 20
"""Bytes that a run may grow by, from its fifth to its end."""

EXACT = {
    # Every object counts, and none is kept for the next request.
    "PYTHONMALLOC": "malloc",
    # One arena: what is free in those of threads that ended is nobody's, and resident all the same.
    "GLIBC_TUNABLES": "glibc.malloc.tcache_count=0:glibc.malloc.arena_max=1",
}

REFUSED: list[Callable[[Any], object]] = [
    lambda rule: rule.create_match("conntrack").set_parameter("ctstate", "NONSENSE"),
    lambda rule: rule.create_match("mark").set_parameter("mark", "nonsense"),
    lambda rule: rule.create_match("comment").set_parameter("nonsense", "x"),
    lambda rule: rule.create_target("REJECT").set_parameter("reject-with", "nonsense"),
    lambda rule: rule.create_match(f"nonsense{random.random():.9f}"[:28]),
    lambda rule: setattr(rule, "src", "nonsense"),
    lambda rule: setattr(rule, "protocol", "nonsense"),
    lambda rule: rule.create_match("tcp").set_parameter("dport", "nonsense"),
]


class Run:
    """The whole run, in the namespace of its thread."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.numbers = itertools.count()
        self.failures: list[str] = []

    def build(self, family: Family) -> Any:
        """A rule that no other is equal to."""
        number = next(self.numbers)
        rule = family.Rule()
        rule.protocol = "tcp"
        rule.create_match("tcp").dport = str(number % 65535 + 1)
        rule.create_match("comment").comment = f'rule "{number}" of {family}'
        rule.create_target("ACCEPT" if number % 2 else "LOG")
        return rule

    def refuse(self, family: Family, number: int) -> None:
        """A value that is wrong, once for every twenty rules."""
        try:
            REFUSED[number % len(REFUSED)](family.Rule())
        except pyiptc.IPTCError:
            return
        raise AssertionError("taken")

    def batch(self, family: Family, number: int) -> None:
        """Rules of one batch: made, inserted, read, printed, deleted."""
        table = family.Table("filter")
        chain = table.create_chain(f"batch{number}")
        rules: list[Any] = []
        table.autocommit = number % 10 == 0
        for at in range(BATCH):
            rule = self.build(family)
            rules.insert(at // 2, rule)
            chain.insert(rule, at // 2)
            if at % 20 == 0:
                self.refuse(family, at // 20)
        table.commit()
        read = chain.rules
        assert len(read) == BATCH
        assert len({str(rule) for rule in read}) == BATCH
        for at, rule in enumerate(read):
            chain.delete(rules[at] if at % 2 else rule)
        table.commit()
        table.autocommit = True
        chain.delete()

    def elsewhere(self) -> None:
        """A table of another namespace, opened and closed."""
        with fresh_namespace() as namespace:
            for family in (IPV4, IPV6):
                with family.Table("filter", netns=namespace.path) as table:
                    pyiptc.Chain(table, "INPUT").append(self.build(family))

    def one(self, number: int) -> None:
        family = (IPV4, IPV6)[number // 2 % 2]
        try:
            self.batch(family, number)
        except BaseException:
            self.failures.append(traceback.format_exc())

    def measure(self) -> dict[str, int]:
        libc = ctypes.CDLL(None)
        printing.forget()  # what is remembered is bounded, but a short run does not fill it
        used = bytes_in_use()
        libc.malloc_trim(0)
        with open("/proc/self/statm", encoding="ascii") as file:
            resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        return {
            "bytes": used,
            "resident": resident,
            "descriptors": len(faults.descriptors()),
            "threads": threading.active_count(),
        }

    def go(self) -> dict[str, Any]:
        batches = max(10, self.total // BATCH) // 5 * 5
        started, measured, threads = time.monotonic(), {}, 0
        for number in range(batches):
            if number % 2 == 0:
                # A thread's memory is not given back if nobody cares.
                thread = threading.Thread(target=self.one, args=(number,))
                thread.start()
                thread.join()
                threads += 1
            else:
                self.one(number)
            if number % 25 == 0:
                self.elsewhere()
            if self.failures:
                raise AssertionError(self.failures[0])
            done = number + 1
            if done % (batches // 5) == 0:
                measured[f"{done * 100 // batches} %"] = self.measure()
        rest = [str(rule) for family in (IPV4, IPV6) for rule in chains(family)]
        assert rest == [], rest
        early, late = measured["20 %"], measured["100 %"]
        return {
            "rules": batches * BATCH,
            "threads": threads,
            "seconds": round(time.monotonic() - started, 1),
            **measured,
            "growth": {name: late[name] - early[name] for name in early},
        }


def chains(family: Family) -> list[Any]:
    """What is left of the run in the kernel."""
    table = family.Table("filter")
    table.refresh()
    return [chain for chain in table.chains if not chain.is_builtin() or chain.rules]


def run(total: int) -> dict[str, Any]:
    """The run, in the network namespace of the calling thread."""
    warnings.simplefilter("ignore")
    return Run(total).go()


def main() -> int:
    if not EXACT.items() <= os.environ.items():
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **EXACT})
    leave_machine_namespace()
    with tempfile.TemporaryDirectory() as directory:
        os.environ["XTABLES_LOCKFILE"] = os.path.join(directory, "xtables.lock")
        result = run(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
    print(json.dumps(result, indent=2))
    growth = result["growth"]
    return int(max(growth["bytes"], growth["resident"]) >= LIMIT or growth["descriptors"] != 0)


if __name__ == "__main__":
    sys.exit(main())
