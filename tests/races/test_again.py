"""Somebody changes the table without the lock: edits are done again on what is there, or not at all."""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import shlex
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import pytest

from kernel.conftest import Bench, line
from races import scale
from support import features, isolated, undertest
from support.family import FAMILIES, Family
from support.oracle import Oracle

pytestmark = pytest.mark.kernel


@pytest.fixture
def lockless(tmp_path: Path) -> Oracle:
    """The tool with another lock file: as if there were no lock."""
    return Oracle({"XTABLES_LOCKFILE": str(tmp_path / "another.lock")})


# -- one edit, and what becomes of it ------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """In chain INPUT there are rules 1, 2, 3, or `start`; then somebody is faster."""

    name: str
    edit: Callable[[Bench], object]
    other: str
    expected: list[int]
    """The rules at the end."""
    is_conflict: bool = False
    start: tuple[int, ...] = (1, 2, 3)


def put(how: str, number: int, *index: int) -> Callable[[Bench], object]:
    return lambda bench: getattr(bench.chain, how)(bench.rule(number), *index)


def delete_at(index: int) -> Callable[[Bench], object]:
    return lambda bench: bench.chain.delete(index=index)


def delete_read(index: int) -> Callable[[Bench], object]:
    """By the very rule that was read."""
    return lambda bench: bench.chain.delete(bench.chain.rules[index])


def several(bench: Bench) -> None:
    bench.chain.append(bench.rule(9))
    bench.chain.delete(bench.rule(2))
    bench.chain.insert(bench.rule(8))


HOOKS = ("INPUT", "FORWARD", "OUTPUT")
APPENDED, PREPENDED = f"-A INPUT {line(5)}", f"-I INPUT {line(5)}"
FIRST, SECOND, THIRD = (f"-D INPUT {line(number)}" for number in (1, 2, 3))

CASES = [
    Case("append", put("append", 9), APPENDED, [1, 2, 3, 5, 9]),
    Case("insert first", put("insert", 9), PREPENDED, [9, 5, 1, 2, 3]),
    Case("insert, after it changed", put("insert", 9, 1), APPENDED, [1, 9, 2, 3, 5]),
    Case("insert, before it changed", put("insert", 9, 1), PREPENDED, [5, 1, 2, 3], True),
    Case("insert, it is gone", put("insert", 9, 1), SECOND, [1, 3], True),
    Case("replace, after it changed", put("replace", 9, 1), THIRD, [1, 9]),
    Case("replace, before it changed", put("replace", 9, 1), FIRST, [2, 3], True),
    Case("replace, it is gone", put("replace", 9, 1), SECOND, [1, 3], True),
    Case("replace, nothing is there", put("replace", 9, 2), SECOND, [1, 3], True),
    Case("delete by index, after it changed", delete_at(1), APPENDED, [1, 3, 5]),
    Case("delete by index, before it changed", delete_at(1), PREPENDED, [5, 1, 2, 3], True),
    Case("delete by index, it is gone", delete_at(1), SECOND, [1, 3], True),
    Case("delete what was read", delete_read(1), PREPENDED, [5, 1, 3]),
    Case("delete what was read, it is gone", delete_read(1), SECOND, [1, 3], True),
    Case("delete the second", delete_read(2), APPENDED, [1, 2, 3, 1, 5], start=(1, 2, 1, 3, 1)),
    Case("delete which?", delete_read(2), FIRST, [2, 1, 3, 1], True, start=(1, 2, 1, 3, 1)),
    Case("ensure", put("ensure", 9), f"-A INPUT {line(9)}", [1, 2, 3, 9]),
    Case("discard", put("discard", 2), SECOND, [1, 3]),
    Case("flush", lambda bench: bench.chain.flush(), APPENDED, []),
    Case("several", several, APPENDED, [8, 1, 3, 5, 9]),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_replay(case: Case, bench: Bench, lockless: Oracle) -> None:
    """The transaction has read the table before; the kernel says at its end that it is another."""
    start(bench, *case.start)
    conflict = None
    try:
        with bench.table.transaction():
            case.edit(bench)
            lockless.iptables(bench.family, *shlex.split(case.other))
    except bench.iptc.ConflictError as error:
        conflict = error
    assert bench.numbers() == case.expected
    assert (conflict is not None) == case.is_conflict, conflict
    bench.table.refresh()
    assert bench.seen() == case.expected


def start(bench: Bench, *numbers: int) -> None:
    """Have exactly these rules, and have seen them."""
    rules = "".join(f"-A INPUT {line(number)}\n" for number in numbers)
    bench.oracle.restore(bench.family, f"*filter\n{rules}COMMIT\n")
    bench.table.refresh()


def test_one_conflict_undoes_all(bench: Bench, lockless: Oracle) -> None:
    start(bench, 1, 2, 3)
    with pytest.raises(bench.iptc.ConflictError), bench.table.transaction():
        bench.chain.append(bench.rule(9))
        bench.chain.delete(index=1)
        lockless.insert(bench.family, "filter", "INPUT", line(5))
    assert bench.numbers() == [5, 1, 2, 3]
    bench.chain.append(bench.rule(7))
    assert bench.numbers() == [5, 1, 2, 3, 7]


@pytest.mark.only_backend("legacy", "conflicts")
def test_no_retries(bench: Bench, lockless: Oracle) -> None:
    start(bench, 1)
    with pytest.raises(bench.iptc.ConflictError), bench.table.transaction(retries=0):
        bench.chain.append(bench.rule(9))
        lockless.insert(bench.family, "filter", "INPUT", line(5))
    assert bench.numbers() == [5, 1]


@pytest.mark.parametrize("retries", [-1, 1.5, "many"])
def test_retries_that_are_none(bench: Bench, retries: Any) -> None:
    """They are refused before anything is done: less than none would commit nothing."""
    is_entered = False
    with pytest.raises((TypeError, ValueError)), bench.table.transaction(retries=retries):
        is_entered = True
        bench.chain.append(bench.rule(9))
    assert not is_entered
    assert (bench.numbers(), bench.seen()) == ([], [])


# -- over and over -------------------------------------------------------------------------------------


@pytest.mark.only_backend("legacy", "lock")
def test_beside_one_that_never_locks(
    bench: Bench, lockless: Oracle, caplog: pytest.LogCaptureFixture
) -> None:
    """Its entries come and go, so the kernel notices each time, and each of ours lands once."""
    stop, refused = threading.Event(), list[int]()

    def churn() -> None:
        words = ("FORWARD", *line(1).split())
        while not stop.is_set():
            for how in ("-A", "-D"):
                # 4: a "resource problem". A rule that ours has replaced meanwhile cannot be deleted.
                while lockless.iptables(bench.family, how, *words, check=False).returncode == 4:
                    refused.append(4)

    caplog.set_level(logging.INFO, "pyiptc")
    number, until = 0, time.monotonic() + 20
    with ThreadPoolExecutor() as pool:
        running = pool.submit(churn)
        try:
            # Until each has been the slower one.
            while (number < 100 or not (refused and caplog.records)) and time.monotonic() < until:
                number += 1
                # It may come between the rules and their counters, too; the rules are in.
                with contextlib.suppress(bench.iptc.CountersLostError):
                    bench.chain.append(bench.rule(number))
        finally:
            stop.set()
        running.result()
    assert bench.numbers() == [*range(1, number + 1)]
    assert refused
    assert "changed without the lock" in caplog.text


@pytest.mark.parametrize(
    ("handle", "backend"),
    [("legacy", "legacy"), ("libiptc", "legacy"), ("nft", "nft")],
    indirect=["backend"],
)
def test_read_beside_one_that_never_locks(
    handle: str, family: Family, oracle: Oracle, lockless: Oracle
) -> None:
    """A read is two calls: where chains begin, and what they hold. The second refuses only a table
    of another size, and these are of one."""
    if handle == "libiptc":
        features.require(features.LINK_NAMESPACE)
    iptc, stop = undertest.load(), threading.Event()
    states = [
        [f"-A {name} -j {target}" for target in ("ACCEPT", "DROP", "ACCEPT")] for name in HOOKS
    ]

    def churn() -> None:
        while not stop.is_set():
            for state in states:
                lockless.restore(family, "\n".join(["*filter", *state, "COMMIT", ""]))

    oracle.restore(family, "\n".join(["*filter", *states[0], "COMMIT", ""]))
    seen, until = [states[0]], time.monotonic() + scale.SECONDS / 2
    with family.Table("filter", handle=handle) as table, ThreadPoolExecutor() as pool:
        running = pool.submit(churn)
        try:
            while time.monotonic() < until:
                table.refresh()
                chains = {name: iptc.Chain(table, name).rules for name in HOOKS}
                now = [f"-A {name} {rule}" for name, there in chains.items() for rule in there]
                if now != seen[-1]:
                    seen.append(now)
        finally:
            stop.set()
        running.result()
    assert [state for state in seen if state not in states] == []
    assert len(seen) > 10


# -- a kernel that says so on demand ---------------------------------------------------------------------

AGAIN = """
import errno, json, sys
from isolated.faulty import Bench
from support import faults
from support.family import FAMILIES

family, times, retries = sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3])
bench = Bench(FAMILIES[family])
before = bench.oracle.save(family, "filter", counters=True)
found = {}
option = faults.SET_REPLACE
with faults.failing(faults.Call.SETSOCKOPT, errno.EAGAIN, option=option, times=times):
    try:
        if retries == "autocommit":
            bench.append()
        else:
            more = {} if retries is None else {"retries": retries}
            with bench.table.transaction(**more):
                bench.append()
    except iptc.ConflictError as error:
        found["errno"] = error.errno
found["calls"] = faults.count(faults.Call.SETSOCKOPT, option)
found["reads"] = faults.count(faults.Call.GETSOCKOPT, faults.GET_ENTRIES)
found["ports"] = len(bench.ports())
found["unchanged"] = bench.oracle.save(family, "filter", counters=True) == before
bench.append()
found["afterwards"] = len(bench.ports())
print(json.dumps(found))
"""


def again(
    faulty: dict[str, str], family: str, times: int, retries: Optional[object]
) -> dict[str, Any]:
    args = (family, str(times), json.dumps(retries))
    found: dict[str, Any] = json.loads(isolated.output(AGAIN, *args, env=faulty))
    return found


@pytest.mark.only_backend("legacy", "system calls")
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("retries", ["autocommit", None, 3])
@pytest.mark.parametrize("times", [1, 3])
def test_done_once(
    times: int, retries: Optional[object], family: str, faulty: dict[str, str]
) -> None:
    found = again(faulty, family, times, retries)
    assert found["calls"] == times + 1
    # Each time the table is read afresh.
    assert found["reads"] >= times + 1
    assert (found["ports"], found["afterwards"]) == (1, 2)


@pytest.mark.only_backend("legacy", "system calls")
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("retries", ["autocommit", None, 0, 2])
def test_for_ever(retries: Optional[object], family: str, faulty: dict[str, str]) -> None:
    """There is a bound, and then nothing has happened."""
    found = again(faulty, family, -1, retries)
    assert found["errno"] == errno.EAGAIN
    assert found["unchanged"]
    assert found["afterwards"] == 1
    if isinstance(retries, int):
        assert found["calls"] == retries + 1
    else:
        assert 3 < found["calls"] <= 1000
