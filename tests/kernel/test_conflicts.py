"""Edits on a table that others have changed since it was read: done again, or refused."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kernel.conftest import Bench, line
from support import isolated
from support.family import Family

pytestmark = pytest.mark.kernel


def others(bench: Bench, *words: object) -> None:
    """What somebody else does, with the lock."""
    bench.oracle.iptables(bench.family, *map(str, words))


def put_first(bench: Bench, number: int) -> None:
    others(bench, "-I", "INPUT", *line(number).split())


def put_last(bench: Bench, number: int) -> None:
    others(bench, "-A", "INPUT", *line(number).split())


Edit = Callable[[Bench], object]

SAFE: list[tuple[Edit, list[int]]] = [
    (lambda bench: bench.chain.append(bench.rule(9)), [8, 1, 2, 3, 9]),
    (lambda bench: bench.chain.insert(bench.rule(9)), [9, 8, 1, 2, 3]),
    (lambda bench: bench.chain.delete(bench.rule(2)), [8, 1, 3]),
    (lambda bench: bench.chain.ensure(bench.rule(9), index=0), [9, 8, 1, 2, 3]),
    (lambda bench: bench.chain.ensure(bench.rule(2), index=1), [8, 1, 2, 3]),
    (lambda bench: bench.chain.discard(bench.rule(2)), [8, 1, 3]),
]
BY_INDEX: list[Edit] = [
    lambda bench: bench.chain.insert(bench.rule(9), index=1),
    lambda bench: bench.chain.insert(bench.rule(9), index=3),
    lambda bench: bench.chain.replace(bench.rule(9), index=0),
    lambda bench: bench.chain.replace(bench.rule(9), index=2),
    lambda bench: bench.chain.delete(index=0),
    lambda bench: bench.chain.delete(index=2),
    lambda bench: bench.chain.ensure(bench.rule(9), index=2),
]


@pytest.fixture(params=["at once", "pending"])
def by(request: pytest.FixtureRequest, bench: Bench) -> Iterator[Callable[[Edit], None]]:
    """Do an edit, after which others change the table, and it is sent: with autocommit and without."""

    def run(edit: Edit, change: Callable[[], object]) -> None:
        if request.param == "at once":
            change()
            edit(bench)
            return
        bench.table.autocommit = False
        edit(bench)
        change()
        bench.table.commit()

    yield run  # type: ignore[misc]
    bench.table.refresh()
    bench.table.autocommit = True


@pytest.mark.parametrize(("edit", "expected"), SAFE)
def test_what_means_the_same_is_done(
    bench: Bench, by: Any, edit: Edit, expected: list[int]
) -> None:
    bench.fill(1, 2, 3)
    by(edit, lambda: put_first(bench, 8))
    assert bench.numbers() == bench.seen() == expected


@pytest.mark.parametrize("edit", BY_INDEX)
def test_an_index_that_is_another_rule_now(bench: Bench, by: Any, edit: Edit) -> None:
    bench.fill(1, 2, 3)
    with pytest.raises(bench.iptc.ConflictError, match=r"chain INPUT .* was changed meanwhile"):
        by(edit, lambda: put_first(bench, 8))
    assert bench.numbers() == [8, 1, 2, 3]


@pytest.mark.parametrize("edit", BY_INDEX[2:])
def test_an_index_before_the_change(bench: Bench, by: Any, edit: Edit) -> None:
    """The rules before it and at it are those that were seen."""
    bench.fill(1, 2, 3)
    by(edit, lambda: put_last(bench, 8))
    assert bench.numbers()[-1] == 8
    assert bench.numbers() == bench.seen()


def test_the_end_is_another_one(bench: Bench, by: Any) -> None:
    bench.fill(1, 2, 3)
    with pytest.raises(bench.iptc.ConflictError):
        by(lambda bench: bench.chain.insert(bench.rule(9), index=3), lambda: put_last(bench, 8))
    assert bench.numbers() == [1, 2, 3, 8]


def test_edits_that_build_on_each_other(bench: Bench) -> None:
    """Pending ones refer to what the ones before them have left."""
    bench.fill(1, 2, 3)
    bench.table.autocommit = False
    bench.chain.insert(bench.rule(10))
    bench.chain.replace(bench.rule(11), index=2)  # was 2
    bench.chain.delete(index=1)  # was 1
    put_last(bench, 8)
    bench.table.commit()
    assert bench.numbers() == bench.seen() == [10, 11, 3, 8]
    bench.table.autocommit = True


def test_pending_edits_stay_after_a_conflict(bench: Bench) -> None:
    bench.fill(1, 2)
    bench.table.autocommit = False
    bench.chain.append(bench.rule(10))
    bench.chain.delete(index=1)
    put_first(bench, 8)
    for _ in range(2):
        with pytest.raises(bench.iptc.ConflictError):
            bench.table.commit()
        assert bench.seen() == [1, 10]
    assert bench.numbers() == [8, 1, 2]
    bench.table.refresh()
    assert bench.seen() == [8, 1, 2]
    bench.table.autocommit = True


# -- the n-th of equal rules ------------------------------------------------------------------------------


def test_of_equal_rules_the_one_that_was_seen(bench: Bench) -> None:
    bench.fill(1, 7, 2, 7, 3)
    seen = bench.chain.rules
    put_first(bench, 8)
    bench.chain.delete(seen[3])
    assert bench.numbers() == [8, 1, 7, 2, 3]


@pytest.mark.parametrize("left", [0, 1])
def test_of_equal_rules_some_are_gone(bench: Bench, left: int) -> None:
    """Which of them it was cannot be told."""
    bench.fill(1, 7, 2, 7, 3)
    seen = bench.chain.rules
    for _ in range(2 - left):
        others(bench, "-D", "INPUT", *line(7).split())
    with pytest.raises(
        bench.iptc.ConflictError, match=f"was there 2 times, and now is {left} times"
    ):
        bench.chain.delete(seen[3])
    assert bench.numbers() == ([1, 2, 7, 3] if left else [1, 2, 3])


def test_a_rule_that_was_not_seen_and_is_not_there(bench: Bench) -> None:
    bench.fill(1, 2)
    others(bench, "-D", "INPUT", *line(2).split())
    with pytest.raises(bench.iptc.RuleNotFoundError):
        bench.chain.delete(bench.rule(2))


# -- transactions ---------------------------------------------------------------------------------------------


@pytest.mark.only_backend("legacy", "lock")
def test_several_tables_under_one_lock(bench: Bench) -> None:
    mangle = bench.family.Table("mangle")
    with bench.iptc.transaction(bench.table, mangle):
        bench.chain.append(bench.rule(1))
        bench.iptc.Chain(mangle, "INPUT").append(bench.rule(2))
        busy = bench.oracle.run(
            bench.family.tool, "-w", "1", "-A", "INPUT", "-j", "DROP", check=False
        )
        assert busy.returncode == 4
    assert bench.numbers() == [1]
    assert bench.oracle.lines(bench.family, "mangle", "INPUT") == [f"-A INPUT {line(2)}"]


def test_several_tables_and_an_exception(bench: Bench) -> None:
    mangle = bench.family.Table("mangle")
    with pytest.raises(ZeroDivisionError), bench.iptc.transaction(bench.table, mangle):
        bench.chain.append(bench.rule(1))
        bench.iptc.Chain(mangle, "INPUT").append(bench.rule(2))
        raise ZeroDivisionError
    assert (bench.numbers(), bench.seen()) == ([], [])
    assert len(bench.iptc.Chain(mangle, "INPUT")) == 0


@pytest.mark.parametrize("order", ["good first", "bad first"])
@pytest.mark.only_backend("legacy", "several tables")
def test_several_tables_are_not_one(bench: Bench, order: str) -> None:
    mangle = bench.family.Table("mangle")
    tables = [bench.table, mangle] if order == "good first" else [mangle, bench.table]
    with pytest.raises(bench.iptc.IPTCError) as raised, bench.iptc.transaction(*tables):
        bench.chain.append(bench.rule(1))
        bench.iptc.Chain(mangle, "INPUT").append("-j MASQUERADE")  # of table nat
    if order == "good first":
        assert raised.type is bench.iptc.PartialCommitError
        assert (raised.value.committed, raised.value.restored) == (["filter"], [])
        assert bench.numbers() == bench.seen() == [1]
    else:
        assert raised.type is bench.iptc.KernelError
        assert (bench.numbers(), bench.seen()) == ([], [])
    assert len(bench.iptc.Chain(mangle, "INPUT")) == 0


def test_no_table_and_one_twice(bench: Bench) -> None:
    with pytest.raises(TypeError), bench.iptc.transaction():
        pass
    with (
        pytest.raises(bench.iptc.TransactionError, match="twice"),
        bench.iptc.transaction(bench.table, bench.table),
    ):
        pass


def test_tasks_do_not_share_a_transaction(bench: Bench) -> None:
    """Both run in one thread, so that no mutex keeps them apart."""
    refused: list[BaseException] = []

    async def first(entered: asyncio.Event, done: asyncio.Event) -> None:
        with bench.table.transaction():
            bench.chain.append(bench.rule(1))
            entered.set()
            await done.wait()
            bench.chain.append(bench.rule(2))

    async def second(entered: asyncio.Event, done: asyncio.Event) -> None:
        await entered.wait()
        uses: list[Callable[[], object]] = [
            lambda: bench.chain.append(bench.rule(3)),
            lambda: bench.chain.rules,
            lambda: bench.table.transaction().__enter__(),
            bench.table.close,
        ]
        for use in uses:
            with pytest.raises(bench.iptc.TransactionError, match="another task") as raised:
                use()
            refused.append(raised.value)
        done.set()

    async def both() -> None:
        events = asyncio.Event(), asyncio.Event()
        await asyncio.gather(first(*events), second(*events))

    asyncio.run(both())
    assert len(refused) == 4
    assert bench.numbers() == [1, 2]


def test_a_task_made_inside_is_another_one(bench: Bench) -> None:
    """It has a copy of the block's context."""

    async def append() -> None:
        bench.chain.append(bench.rule(1))

    async def block() -> None:
        with bench.table.transaction(), pytest.raises(bench.iptc.TransactionError):
            await asyncio.get_running_loop().create_task(append())

    asyncio.run(block())
    assert bench.numbers() == []


def test_a_thread_waits_as_long_as_it_is_told(bench: Bench) -> None:
    """For another thread of the process as for another process."""
    failures: list[BaseException] = []

    def wait() -> None:
        try:
            bench.chain.append(bench.rule(2))
        except BaseException as error:
            failures.append(error)

    bench.table.wait = 0.1
    try:
        with bench.table.transaction():
            bench.chain.append(bench.rule(1))
            thread = threading.Thread(target=wait)
            thread.start()
            thread.join()
    finally:
        bench.table.wait = None
    assert [type(error) for error in failures] == [bench.iptc.LockTimeout]
    assert bench.numbers() == [1]


@pytest.mark.only_backend("legacy", "lock")
def test_a_child_forked_inside_commits_nothing(bench: Bench) -> None:
    with bench.table.transaction():
        bench.chain.append(bench.rule(1))
        child = os.fork()
        if child == 0:
            code = 1
            try:
                # Its own work goes on: nobody holds the table here, but the lock is the parent's.
                assert len(bench.iptc.Chain(bench.table, "OUTPUT")) == 0
                bench.table.wait = 0
                try:
                    bench.chain.append(bench.rule(2))
                except bench.iptc.LockTimeout:
                    code = 0
            finally:
                os._exit(code)
        assert os.waitpid(child, 0)[1] == 0
        bench.chain.append(bench.rule(3))
    assert bench.numbers() == [1, 3]


BLOCK_IN_CHILD = """
import os, sys
from support.family import FAMILIES

family = FAMILIES[sys.argv[1]]
table = family.Table("filter")
chain = iptc.Chain(table, "INPUT")
child = None
try:
    with table.transaction():
        chain.append("-j DROP")
        child = os.fork()
except iptc.TransactionError as error:
    assert child == 0
    print(error, flush=True)
    os._exit(0)
os.waitpid(child, 0)
table.refresh()
print(len(chain))
"""


def test_only_the_parent_ends_its_transaction(family: Family) -> None:
    printed = isolated.output(BLOCK_IN_CHILD, family.name).splitlines()
    assert printed == ["a forked child cannot end its parent's transaction", "1"]


AT_EXIT = """
import sys, warnings
from support.family import FAMILIES

warnings.simplefilter("always")
table = FAMILIES[sys.argv[1]].Table("filter", autocommit=False)
iptc.Chain(table, "INPUT").append("-j DROP")
"""


def test_pending_edits_at_the_end_of_the_process(family: Family) -> None:
    outcome = isolated.run(AT_EXIT, family.name)
    assert outcome.returncode == 0
    assert (
        "ResourceWarning: 1 edits of table filter were never committed: -A INPUT" in outcome.stderr
    )


# -- the lock ---------------------------------------------------------------------------------------------------


@pytest.mark.only_backend("legacy", "lock")
def test_who_holds_the_lock_is_said(bench: Bench) -> None:
    ready, end = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        try:
            with bench.table.transaction():
                os.write(ready[1], b"x")
                os.read(end[0], 1)
        finally:
            os._exit(0)
    os.read(ready[0], 1)
    bench.table.wait = 0.05
    try:
        with pytest.raises(
            bench.iptc.LockTimeout, match=rf"held by process {child} \(.+\) \(waited"
        ):
            bench.chain.append(bench.rule(1))
        with pytest.raises(bench.iptc.LockTimeout):
            bench.table.refresh()
    finally:
        bench.table.wait = None
        os.write(end[1], b"x")
        os.waitpid(child, 0)
    for fd in (*ready, *end):
        os.close(fd)
    bench.chain.append(bench.rule(1))
    assert bench.numbers() == [1]


ORPHAN = """
import os, signal, sys, time
from support.family import FAMILIES

table = FAMILIES[sys.argv[1]].Table("filter")
reader, writer = os.pipe()
if os.fork() == 0:
    with table.transaction():
        if os.fork() == 0:
            os.write(writer, str(os.getpid()).encode())
            time.sleep(60)
        time.sleep(60)
orphan = int(os.read(reader, 16))
parent = int(open(f"/proc/{orphan}/stat").read().rpartition(")")[2].split()[1])
os.kill(parent, signal.SIGKILL)
try:
    with table.transaction(wait=5):
        print("had")
finally:
    os.kill(orphan, signal.SIGKILL)
"""


def test_a_child_does_not_keep_its_parents_lock(family: Family) -> None:
    assert isolated.output(ORPHAN, family.name) == "had\n"


@pytest.mark.only_backend("legacy", "lock")
def test_reading_makes_no_lock_file(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "xtables.lock"
    monkeypatch.setenv("XTABLES_LOCKFILE", str(path))
    bench.table.refresh()
    bench.chain.counters()
    assert not path.exists()
    bench.chain.append(bench.rule(1))
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("wait", [True, "1", -1, float("nan"), [1]])
def test_seconds_that_are_none(bench: Bench, wait: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="seconds to wait"):
        bench.family.Table("filter", wait=wait)


@pytest.mark.only_backend("legacy", "lock")
def test_kinds_of_locks(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    host = os.environ["XTABLES_LOCKFILE"]
    assert bench.table.lock == host
    table = bench.family.Table("filter", lock="netns")
    assert table is bench.table
    assert table.lock is not None
    assert str(table.namespace.cookie) in table.lock
    try:
        with table.transaction():
            others(bench, "-w", "1", "-P", "FORWARD", "DROP")  # it locks another file
            bench.chain.append(bench.rule(1))
        assert os.stat(table.lock).st_mode & 0o777 == 0o600
    finally:
        os.unlink(table.lock)
    assert bench.family.Table("filter", lock="none").lock is None
    with table.transaction():
        others(bench, "-w", "1", "-P", "FORWARD", "ACCEPT")
        bench.chain.append(bench.rule(2))
    assert bench.numbers() == [1, 2]
    assert bench.family.Table("filter", lock="host").lock == host
    with pytest.raises(ValueError, match="lock 'both': expected one of auto, host, netns, none"):
        bench.family.Table("filter", lock="both")
    monkeypatch.setenv("PYIPTC_LOCK", "none")
    table.close()
    assert bench.table.lock is None


@pytest.mark.only_backend("legacy", "lock")
def test_waits_are_logged(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    ready, child = os.pipe(), os.fork()
    if child == 0:
        try:
            with bench.table.transaction():
                os.write(ready[1], b"x")
                time.sleep(0.1)
        finally:
            os._exit(0)
    os.read(ready[0], 1)
    with caplog.at_level(logging.DEBUG, logger="pyiptc"):
        bench.chain.append(bench.rule(1))
    os.waitpid(child, 0)
    for fd in ready:
        os.close(fd)
    assert f"held by process {child}" in caplog.messages[0]
    assert caplog.messages[1].startswith("waited 0.")


# -- counters ------------------------------------------------------------------------------------------------------


def test_counters_of_a_chain(bench: Bench) -> None:
    bench.fill()
    for number in range(3):
        rule = bench.rule(number)
        rule.counters = (number, 2**64 - 1 - number)
        bench.chain.append(rule)
    found = bench.chain.counters()
    expected = [(number, 2**64 - 1 - number) for number in range(3)]
    assert list(found) == expected
    assert isinstance(found[0], bench.iptc.Counters)
    assert (len(found), found[-1]) == (3, expected[2])
    assert found.total().packets == 3
    view = memoryview(found)
    assert (view.shape, view.format, view.readonly) == ((3, 2), "Q", True)
    assert [(view[at, 0], view[at, 1]) for at in range(3)] == expected
    with pytest.raises(IndexError):
        found[3]
    with pytest.raises(TypeError):
        view[0, 0] = 1
    del found
    gc.collect()
    assert view[2, 1] == expected[2][1]  # it holds what it shows


def test_counters_of_an_empty_chain(bench: Bench) -> None:
    found = bench.chain.counters(zero=True)
    assert (len(found), list(found), memoryview(found).nbytes) == (0, [], 0)
    with pytest.raises(bench.iptc.ChainNotFoundError):
        bench.user("nosuch").counters()


def test_counters_read_and_zeroed(bench: Bench) -> None:
    rule = bench.rule(1)
    rule.counters = (5, 500)
    bench.chain.append(rule)
    bench.table.set_policy("INPUT", "ACCEPT", (7, 700))
    assert list(bench.chain.counters(zero=True)) == [(5, 500)]
    assert list(bench.chain.counters(zero=True)) == [(0, 0)]
    saved = bench.oracle.save(bench.family.name, "filter", counters=True)
    assert ":INPUT ACCEPT [7:700]" in saved
    assert "[0:0] -A INPUT" in saved


def test_counters_are_zeroed_at_once_or_not(bench: Bench) -> None:
    with bench.table.transaction():
        with pytest.raises(bench.iptc.TransactionError):
            bench.chain.counters(zero=True)
        assert len(bench.chain.counters()) == 0
    bench.table.autocommit = False
    bench.chain.append(bench.rule(1))
    with pytest.raises(bench.iptc.TransactionError):
        bench.chain.counters(zero=True)
    assert len(bench.chain.counters()) == 1
    bench.table.refresh()
    bench.table.autocommit = True
