"""Calls that fail, for a process that is run with the library of `support.faults`.

    python -m isolated.faulty ipv4

Prints one JSON object: what happened in each case of `CASES`, by its name.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Optional

from support import faults
from support.family import FAMILIES, Family
from support.faults import ANY, FOR_EVER, Call
from support.oracle import Oracle
from support.rawtable import read_filter

RULES = """\
*filter
:INPUT ACCEPT [1:2]
:user - [0:0]
[3:4] -A INPUT -p tcp -m tcp --dport 1 -j user
[5:6] -A INPUT -p udp -m udp --dport 2 -j DROP
COMMIT
"""


@dataclass(frozen=True)
class Case:
    """A call that fails while something is done with a table."""

    call: Call
    option: int
    number: int
    action: str
    times: int = FOR_EVER
    is_lock_file: bool = False

    @property
    def name(self) -> str:
        option = NAMES.get((self.call, self.option), "")
        times = "" if self.times == FOR_EVER else f" {self.times} times"
        what = f"{self.call.name.lower()} {option}".strip()
        return f"{what}: {errno.errorcode[self.number]}{times}, {self.action}"


NAMES = {
    (Call.GETSOCKOPT, faults.GET_INFO): "GET_INFO",
    (Call.GETSOCKOPT, faults.GET_ENTRIES): "GET_ENTRIES",
    (Call.GETSOCKOPT, faults.SO_NETNS_COOKIE): "SO_NETNS_COOKIE",
    (Call.SETSOCKOPT, faults.SET_REPLACE): "SET_REPLACE",
    (Call.SETSOCKOPT, faults.SET_ADD_COUNTERS): "SET_ADD_COUNTERS",
}


def cases(call: Call, option: int, numbers: str, actions: str, **more: Any) -> list[Case]:
    return [
        Case(call, option, getattr(errno, number), action, **more)
        for number in numbers.split()
        for action in actions.split()
    ]


READS, WRITES = "open refresh", "append batch"
SOCKET = cases(
    Call.SOCKET, ANY, "EPERM EACCES EMFILE ENFILE EAFNOSUPPORT ENOBUFS ENOMEM", f"{READS} append"
)
GET_INFO = cases(
    Call.GETSOCKOPT, faults.GET_INFO, "EPERM ENOENT ENOPROTOOPT EINVAL ENOMEM", f"{READS} append"
)
GET_ENTRIES = cases(
    *(Call.GETSOCKOPT, faults.GET_ENTRIES, "EPERM ENOENT EINVAL ENOMEM EAGAIN"),
    f"{READS} {WRITES}",
)
CHANGED = cases(Call.GETSOCKOPT, faults.GET_ENTRIES, "EAGAIN", f"{READS} {WRITES}", times=3)
COOKIE = cases(Call.GETSOCKOPT, faults.SO_NETNS_COOKIE, "ENOPROTOOPT EINVAL", "namespace")
REPLACE = cases(
    *(Call.SETSOCKOPT, faults.SET_REPLACE),
    "EPERM EINVAL ENOENT ELOOP ENOMEM EAGAIN E2BIG ENOSPC",
    WRITES,
)
COUNTERS_AFTER = cases(
    Call.SETSOCKOPT, faults.SET_ADD_COUNTERS, "EPERM EINVAL EAGAIN ENOMEM", WRITES
)
COUNTERS_ALONE = cases(
    Call.SETSOCKOPT, faults.SET_ADD_COUNTERS, "EPERM EINVAL EAGAIN ENOMEM", "zero"
)
LOCK_FILE = cases(
    Call.OPEN, ANY, "EACCES EROFS ENOENT EMFILE ELOOP", f"{WRITES} zero", is_lock_file=True
)
LOCK = cases(Call.FLOCK, ANY, "ENOLCK EINVAL", WRITES)
LOCKED = cases(Call.FLOCK, ANY, "EAGAIN", WRITES, times=1)
ENTER = cases(Call.SETNS, ANY, "EPERM EINVAL ENOMEM", "elsewhere")

CASES = [
    *(*SOCKET, *GET_INFO, *GET_ENTRIES, *CHANGED, *COOKIE, *REPLACE, *COUNTERS_AFTER),
    *(*COUNTERS_ALONE, *LOCK_FILE, *LOCK, *LOCKED, *ENTER),
]


@dataclass
class Result:
    """What came of a case."""

    error: Optional[str] = None
    """The classes of the exception, the first is its own; None where there was none."""
    number: Optional[int] = None
    words: str = ""
    calls: int = 0
    """How often the call was made that failed."""
    is_unchanged: bool = False
    """Whether the kernel has the same rules, policies and counters as before."""
    is_done: bool = False
    """Whether it has what the action was to bring."""
    is_pending: bool = False
    """Whether the edits are still to be sent, and sending them again brings them."""
    left_open: str = ""
    works: str = ""
    """Why the object could not be used afterwards."""


class Bench:
    """A table with rules in it, made anew for each case."""

    def __init__(self, family: Family) -> None:
        import pyiptc

        self.iptc: Any = pyiptc
        self.family, self.oracle = family, Oracle()
        self.oracle.restore(family, RULES, counters=True)
        self.table = family.Table("filter")
        self.table.refresh()

    @property
    def chain(self) -> Any:
        return self.iptc.Chain(self.table, "INPUT")

    def rule(self, port: int) -> Any:
        rule = self.family.Rule()
        rule.protocol = "tcp"
        rule.create_match("tcp").dport = str(port)
        rule.create_target("DROP")
        return rule

    def ports(self) -> list[str]:
        """What the chain has, by the tool; 80 and 81 are what actions add."""
        return [line for line in self.oracle.lines(self.family, "filter", "INPUT") if "8" in line]

    # -- actions -----------------------------------------------------------------------------------

    def open(self) -> None:
        self.table.close()
        try:
            self.table = self.family.Table("filter")
        finally:
            # What is tried afterwards needs a table.
            self.reopen = self.table._closed

    reopen = False

    def refresh(self) -> None:
        self.table.refresh()

    def append(self) -> None:
        self.chain.append(self.rule(80))

    def batch(self) -> None:
        self.table.autocommit = False
        self.chain.append(self.rule(80))
        self.chain.insert(self.rule(81))
        self.table.commit()

    def zero(self) -> None:
        self.chain.zero_counters()

    def namespace(self) -> None:
        assert self.iptc.namespace.current_cookie() > 0

    def elsewhere(self) -> None:
        with self.iptc.netns(os.getpid()):
            raise AssertionError("entered")


def run(family: Family, case: Case) -> Result:
    bench = Bench(family)
    before, counted = read_filter(family.name), bench.oracle.save(family, "filter", counters=True)
    opened = faults.descriptors()
    result = Result()
    action: Callable[[], None] = getattr(bench, case.action)
    path = os.environ["XTABLES_LOCKFILE"] if case.is_lock_file else None
    with faults.failing(case.call, case.number, option=case.option, times=case.times, path=path):
        try:
            action()
        except Exception as error:
            result.error = " ".join(cls.__name__ for cls in type(error).__mro__)
            result.number = getattr(error, "errno", None)
            result.words = str(error)
    result.calls = faults.count(case.call, case.option)
    result.is_unchanged = (
        read_filter(family.name) == before
        and bench.oracle.save(family, "filter", counters=True) == counted
    )
    result.is_done = len(bench.ports()) > 0
    if bench.reopen:
        bench.table = family.Table("filter")
    result.left_open = "; ".join(sorted({*faults.descriptors()} ^ {*opened}))
    if not result.is_done and not bench.table.autocommit:
        bench.table.commit()
        result.is_pending = len(bench.ports()) == 2
    bench.table.refresh()
    bench.table.autocommit = True
    try:
        bench.chain.append(bench.rule(82))
        bench.chain.delete(bench.rule(82))
        bench.chain.flush()
    except Exception as error:
        result.works = repr(error)
    if bench.oracle.lines(family, "filter", "INPUT"):
        result.works = result.works or "the chain is not empty"
    return result


def main() -> None:
    family = FAMILIES[sys.argv[1]]
    json.dump({case.name: asdict(run(family, case)) for case in CASES}, sys.stdout)


if __name__ == "__main__":
    main()
