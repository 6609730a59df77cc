"""Tables of other network namespaces: named in each way, used from anywhere, and let go of."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kernel.conftest import Bench
from pyiptc import backends
from support import isolated
from support.family import Family
from support.namespace import NetworkNamespace, fresh_namespace
from support.oracle import Oracle

pytestmark = pytest.mark.kernel


def here() -> str:
    return os.readlink("/proc/thread-self/ns/net")


@pytest.fixture
def other() -> Iterator[NetworkNamespace]:
    """Another namespace than the test's."""
    with fresh_namespace() as namespace:
        yield namespace


def numbers(bench: Bench, namespace: NetworkNamespace) -> list[int]:
    """The rules that the tool finds there."""
    with namespace.entered():
        return bench.numbers()


@contextlib.contextmanager
def process_in(namespace: NetworkNamespace) -> Iterator[int]:
    """A process that sits in a namespace."""
    with namespace.entered():
        process = subprocess.Popen(
            [sys.executable, "-c", "import sys; print('here', flush=True); sys.stdin.read()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
    with process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process.pid
        process.communicate()


# -- naming one --------------------------------------------------------------------------------------


def test_by_path_file_and_pid(bench: Bench, other: NetworkNamespace) -> None:
    """All of them name the same namespace, so they give the same object."""
    before = here()
    with process_in(other) as pid, open(other.path) as file:
        tables = [
            bench.family.Table("filter", netns=spec)
            for spec in (other.path, Path(other.path), file, pid, f"/proc/{pid}/ns/net")
        ]
    assert len(set(map(id, tables))) == 1
    assert tables[0] is not bench.table
    bench.iptc.Chain(tables[0], "INPUT").append(bench.rule(1))
    assert (numbers(bench, other), bench.numbers()) == ([1], [])
    assert here() == before
    tables[0].close()


BY_NAME = """
import subprocess, sys
from support.family import FAMILIES

family = FAMILIES[sys.argv[1]]
subprocess.run(["ip", "netns", "add", "blue"], check=True)
rule = family.Rule()
rule.create_target("DROP")
with family.Table("filter", netns="blue") as table:
    iptc.Chain(table, "INPUT").append(rule)
with iptc.netns("blue"):
    print([str(rule) for rule in iptc.Chain(family.Table("filter"), "INPUT").rules])
print([str(rule) for rule in iptc.Chain(family.Table("filter"), "INPUT").rules])
for wrong in ("green", "..", ".", "blue/", "", "x" * 300, "a\\0b"):
    try:
        iptc.Table("filter", netns=wrong)
    except (iptc.IPTCError, ValueError) as error:
        continue
    raise AssertionError(wrong)
"""


def test_by_name(family: Family, oracle: Oracle) -> None:
    """The name of `ip netns`: in a private /run, as that is the machine's."""
    printed = isolated.output(
        BY_NAME,
        family.name,
        wrapper=("unshare", "-m", "sh", "-c", 'mount -t tmpfs none /run && exec "$@"', "sh"),
        env={"PATH": oracle.env["PATH"]},
    )
    assert printed.splitlines() == ["['-j DROP']", "[]"]


def test_none_of_that_name(bench: Bench) -> None:
    for spec in ("no-such-name", "/no/such/path", 2**22 + 1, -1):
        with pytest.raises(bench.iptc.IPTCError, match="no network namespace") as raised:
            bench.family.Table("filter", netns=spec)
        assert raised.value.errno == errno.ENOENT
        with pytest.raises(bench.iptc.IPTCError), bench.iptc.netns(spec):
            pass


@pytest.mark.parametrize("path", ["/etc/passwd", "/proc/self/ns/mnt", "/"])
def test_files_that_are_none(path: str, bench: Bench) -> None:
    """What is opened but is no network namespace."""
    before = here()
    with pytest.raises(bench.iptc.IPTCError) as raised:
        bench.family.Table("filter", netns=path)
    assert raised.value.errno == errno.EINVAL
    assert here() == before


@pytest.mark.parametrize("spec", [True, 1.5, [], {}, object(), b"\xff"])
def test_specs_of_another_type(spec: Any, bench: Bench) -> None:
    with pytest.raises((TypeError, bench.iptc.IPTCError)):
        bench.family.Table("filter", netns=spec)


# -- being there ---------------------------------------------------------------------------------------


def test_netns_is_for_this_thread(bench: Bench, other: NetworkNamespace) -> None:
    outside, seen = here(), []
    entered, looked = threading.Event(), threading.Event()

    def look() -> None:
        entered.wait()
        seen.append(here())
        looked.set()

    thread = threading.Thread(target=look)  # started before: a new one begins where its maker is
    thread.start()
    with bench.iptc.netns(other.path):
        inside = here()
        entered.set()
        looked.wait()
        bench.chain.append(bench.rule(1))
    thread.join()
    assert inside != outside
    assert here() == outside
    assert seen == [outside]
    assert (numbers(bench, other), bench.numbers()) == ([1], [])


def test_netns_is_left_in_any_case(bench: Bench, other: NetworkNamespace) -> None:
    outside = here()
    with pytest.raises(ZeroDivisionError), bench.iptc.netns(other.path):
        raise ZeroDivisionError
    assert here() == outside
    with fresh_namespace() as third:
        with bench.iptc.netns(other.path):
            inside = here()
            with bench.iptc.netns(third.path):
                assert here() not in (inside, outside)
            assert here() == inside
        assert here() == outside


def test_edits_enter_and_leave(bench: Bench, other: NetworkNamespace) -> None:
    """A table is where it was made, whoever uses it from wherever; failures leave too."""
    outside = here()
    table = bench.family.Table("filter", netns=other.path)
    chain = bench.iptc.Chain(table, "INPUT")
    uses: list[Callable[[], object]] = [
        lambda: chain.append(bench.rule(1)),
        lambda: chain.rules,
        table.refresh,
        lambda: chain.zero_counters(),
        lambda: chain.delete(bench.rule(1)),
    ]
    for use in uses:
        use()
        assert here() == outside
    failing: list[Callable[[], object]] = [
        lambda: chain.delete(bench.rule(9)),
        lambda: table.create_chain("INPUT"),
    ]
    for wrong in failing:
        with pytest.raises(bench.iptc.IPTCError):
            wrong()
        assert here() == outside
    table.close()


def test_blocks_run_where_the_caller_is(bench: Bench, other: NetworkNamespace) -> None:
    """A transaction's edits go to the table's namespace; the block stays in its own.

    There it can do anything but take the lock, which it has, a second time.
    """
    table = bench.family.Table("filter", netns=other.path)
    outside = here()
    bench.chain.append(bench.rule(2))
    with table.transaction():
        assert here() == outside
        bench.iptc.Chain(table, "INPUT").append(bench.rule(1))
        bench.table.refresh()
        assert len(bench.chain.rules) == 1
        if table.lock is not None:
            with pytest.raises(
                bench.iptc.TransactionError, match="this thread holds the xtables lock"
            ):
                bench.chain.append(bench.rule(3))
        assert here() == outside
    assert (numbers(bench, other), bench.numbers()) == ([1], [2])
    table.close()


def test_thread_that_sits_elsewhere(bench: Bench, other: NetworkNamespace) -> None:
    """It uses the table of the others, and gets its own by name."""
    mine = bench.chain
    failures: list[BaseException] = []

    def work() -> None:
        try:
            other.enter()
            inside = here()
            mine.append(bench.rule(1))
            bench.chain.append(bench.rule(2))
            assert here() == inside
            assert bench.chain is not mine
            assert len(mine.rules) == 1
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert failures == []
    assert (bench.numbers(), numbers(bench, other)) == ([1], [2])


def test_two_namespaces_at_once(bench: Bench, other: NetworkNamespace) -> None:
    """Threads in both edit both tables, and nothing gets mixed up."""
    mine, theirs = (
        bench.chain,
        bench.iptc.Chain(bench.family.Table("filter", netns=other.path), "INPUT"),
    )
    failures: list[BaseException] = []

    def work(start: int, is_there: bool) -> None:
        try:
            if is_there:
                other.enter()
            for number in range(start, start + 25):
                mine.append(bench.rule(number))
                theirs.append(bench.rule(1000 + number))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(100 * at, at % 2 == 1)) for at in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    expected = sorted(100 * at + number for at in range(1, 5) for number in range(25))
    assert sorted(bench.numbers()) == expected
    assert sorted(numbers(bench, other)) == [1000 + number for number in expected]
    theirs.table.close()


# -- letting go ------------------------------------------------------------------------------------------


def peer_is_gone(name: str) -> bool:
    """Whether an interface has vanished, as it does with the namespace of its other end."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not Path(f"/proc/thread-self/net/dev_snmp6/{name}").exists():
            return True
        time.sleep(0.02)
    return False


def test_namespace_lives_as_long_as_its_table(bench: Bench) -> None:
    """An open table keeps it; after close() it dies."""
    with fresh_namespace() as short:
        table = bench.family.Table("filter", netns=short.path)
        bench.oracle.ip(
            *("link", "add", "end0", "type", "veth", "peer", "name", "end1"), "netns", short.path
        )
    chain = bench.iptc.Chain(table, "INPUT")
    chain.append(bench.rule(1))
    assert len(chain.rules) == 1
    assert Path("/proc/thread-self/net/dev_snmp6/end0").exists()
    table.close()
    assert peer_is_gone("end0")


def test_own_namespace_is_not_kept(bench: Bench) -> None:
    """A table of the process's own namespace holds nothing of it."""
    script = f"""
    table = iptc.{bench.family.table_class}("filter")
    print(table.namespace.is_own)
    """
    assert isolated.output(script) == "True\n"


LEFT = """
import os, sys
from support.family import FAMILIES
from support.namespace import unshare, CLONE_NEWNET

family = FAMILIES[sys.argv[1]]
table = family.Table("filter")
chain = iptc.Chain(table, "INPUT")
rule = family.Rule()
rule.create_target("DROP")
chain.append(rule)
unshare(CLONE_NEWNET)  # the process leaves, for good
new = family.Table("filter")
assert new is not table
assert iptc.Chain(new, "INPUT").rules == []
try:
    chain.append(rule)
except iptc.IPTCError as error:
    print(error)
assert iptc.Chain(new, "INPUT").rules == []
table.close()
"""


def test_process_has_left(family: Family) -> None:
    """Nobody holds the namespace: its table says so, and edits no other."""
    assert "namespace" in isolated.output(LEFT, family.name)


def test_what_is_remembered_of_namespaces_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever makes namespaces all day does not grow; those that are in use stay known."""
    monkeypatch.setattr(backends, "NAMESPACES_MAX", 3)
    known: dict[int, str] = {}
    for cookie in range(10):
        assert backends._remembered(known, 1000, lambda: "in use") == "in use"
        backends._remembered(known, cookie, f"the {cookie}th".strip)
    assert known == {8: "the 8th", 1000: "in use", 9: "the 9th"}
    assert backends._remembered(known, 1000, lambda: "another") == "in use"


AT_WORK = """
import os, threading
from pyiptc import backends

with backends._lock:
    child = os.fork()
    if child == 0:
        iptc.Table("filter", backend="auto").refresh()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
"""


def test_forked_while_a_thread_looks_for_the_backend() -> None:
    isolated.output(AT_WORK)
