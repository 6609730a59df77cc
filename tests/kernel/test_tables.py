"""Tables: when edits reach the kernel, what reads see, one object for each, and its end."""

from __future__ import annotations

import gc
import pickle
import threading
from collections.abc import Callable

import pytest

from kernel.conftest import Bench, line
from support import faults
from support.namespace import fresh_namespace

pytestmark = pytest.mark.kernel


# -- autocommit --------------------------------------------------------------------------------------


def test_autocommit_is_on(bench: Bench) -> None:
    """Each edit is in the kernel when it returns."""
    assert bench.table.autocommit is True
    bench.chain.append(bench.rule(1))
    assert bench.numbers() == [1]
    bench.chain.insert(bench.rule(2))
    assert bench.numbers() == [2, 1]
    bench.chain.delete(bench.rule(1))
    assert bench.numbers() == [2]


def test_batch(bench: Bench) -> None:
    """With it off reads see the edits, the kernel does not, until they are committed at once."""
    bench.table.autocommit = False
    bench.chain.append(bench.rule(1))
    bench.table.create_chain("user").append(bench.rule(2))
    bench.chain.set_policy("DROP")
    assert (bench.seen(), bench.seen("user")) == ([1], [2])
    assert bench.chain.get_policy().name == "DROP"
    assert (bench.numbers(), bench.chains()) == ([], [])
    bench.table.commit()
    assert (bench.numbers(), bench.numbers("user")) == ([1], [2])
    assert "-P INPUT DROP" in bench.oracle.iptables(bench.family, "-S").stdout
    bench.chain.append(bench.rule(3))
    assert bench.numbers() == [1]


def test_discard(bench: Bench) -> None:
    """refresh() throws pending edits away and reads what the kernel has."""
    bench.table.autocommit = False
    bench.chain.append(bench.rule(1))
    bench.oracle.append(bench.family, "filter", "INPUT", line(2).split())
    bench.table.refresh()
    assert bench.seen() == [2]
    bench.table.commit()
    assert bench.numbers() == [2]


def test_commit_of_nothing(bench: Bench) -> None:
    """Nothing is sent, so limits and quotas go on."""
    bench.fill(1)
    bench.oracle.append(bench.family, "filter", "INPUT", line(2).split())
    bench.table.commit()
    assert bench.seen() == [1]
    assert bench.numbers() == [1, 2]


def test_switched_on_again(bench: Bench) -> None:
    """What is still pending goes with the next edit, or with refresh()."""
    for send in (lambda: bench.chain.append(bench.rule(2)), bench.table.refresh):
        bench.fill()
        bench.table.autocommit = False
        bench.chain.append(bench.rule(1))
        bench.table.autocommit = True
        assert bench.numbers() == []
        send()
        assert bench.numbers()[:1] == [1]


def test_edits_of_others_stay(bench: Bench) -> None:
    """Pending edits are done on the table as it is at the commit, not as it was."""
    bench.table.autocommit = False
    bench.chain.append(bench.rule(1))
    bench.oracle.append(bench.family, "filter", "INPUT", line(2).split())
    bench.chain.insert(bench.rule(3))
    bench.table.commit()
    assert bench.numbers() == [3, 2, 1]
    assert bench.seen() == [3, 2, 1]


def test_failed_edit_of_a_batch(bench: Bench) -> None:
    """It raises at once, changes nothing, and the others wait as before."""
    bench.table.autocommit = False
    bench.chain.append(bench.rule(1))
    with pytest.raises(bench.iptc.RuleNotFoundError):
        bench.chain.delete(bench.rule(9))
    with pytest.raises(bench.iptc.PositionError):
        bench.chain.insert(bench.rule(9), 7)
    with pytest.raises(bench.iptc.ChainNotFoundError):
        bench.user("nowhere").append(bench.rule(9))
    assert bench.seen() == [1]
    bench.table.commit()
    assert bench.numbers() == [1]


def test_failed_commit_keeps_the_edits(bench: Bench) -> None:
    """The kernel refuses all; what was wrong can be taken out, and the rest sent."""
    bench.table.autocommit = False
    bench.chain.append(bench.rule(1))
    # SNAT is for table nat.
    wrong = bench.rule(2)
    wrong.create_target("SNAT").to_source = bench.family.host
    bench.chain.append(wrong)
    with pytest.raises(bench.iptc.KernelError, match=r"SNAT") as raised:
        bench.table.commit()
    assert raised.value.errno
    assert bench.numbers() == []
    assert bench.seen() == [1, 2]
    bench.chain.delete(index=1)
    bench.table.commit()
    assert bench.numbers() == [1]


def test_reads_answer_from_the_last_look(bench: Bench) -> None:
    """A snapshot: refreshed by refresh() and by every edit."""
    bench.fill(1)
    bench.oracle.append(bench.family, "filter", "INPUT", line(2).split())
    assert bench.seen() == [1]
    bench.table.refresh()
    assert bench.seen() == [1, 2]
    bench.oracle.append(bench.family, "filter", "INPUT", line(3).split())
    bench.chain.append(bench.rule(4))
    assert bench.seen() == [1, 2, 3, 4]


def test_flush_keeps_policies(bench: Bench) -> None:
    bench.fill(1, 2)
    bench.chain.set_policy("DROP")
    bench.table.create_chain("user").append(bench.rule(3))
    bench.user("FORWARD").append(bench.rule(4, "user"))
    bench.table.flush()
    assert bench.oracle.iptables(bench.family, "-S").stdout.splitlines() == [
        "-P INPUT DROP",
        "-P FORWARD ACCEPT",
        "-P OUTPUT ACCEPT",
    ]
    assert [chain.name for chain in bench.table.chains] == ["INPUT", "FORWARD", "OUTPUT"]


# -- one object ----------------------------------------------------------------------------------------


def test_one_object_for_each(bench: Bench) -> None:
    """By name and family; autocommit given again changes the same object."""
    table = bench.table
    assert bench.family.Table("filter") is table
    assert bench.family.Table("raw") is not table
    assert bench.iptc.Table("filter") is not bench.iptc.Table6("filter")
    assert bench.family.Table("filter", False) is table
    assert table.autocommit is False
    assert bench.family.Table("filter").autocommit is False
    assert bench.family.Table("filter", autocommit=True).autocommit is True
    assert pickle.loads(pickle.dumps(table)) is table
    assert bench.family.Table("filter", wait=3.5).wait == 3.5


def test_one_object_for_each_namespace(bench: Bench) -> None:
    table = bench.table
    with fresh_namespace() as other, other.entered():
        there = bench.family.Table("filter")
        assert there is not table
        assert bench.family.Table("filter") is there
        there.close()
    assert bench.family.Table("filter") is table


def test_one_object_in_all_threads(bench: Bench) -> None:
    found = []
    barrier = threading.Barrier(8)

    def look() -> None:
        barrier.wait()
        found.append(bench.family.Table("mangle"))

    threads = [threading.Thread(target=look) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(map(id, found))) == 1


# -- the end ---------------------------------------------------------------------------------------------

USES: dict[str, Callable[[Bench], object]] = {
    "refresh": lambda bench: bench.table.refresh(),
    "commit": lambda bench: bench.table.commit(),
    "chains": lambda bench: bench.table.chains,
    "is_chain": lambda bench: bench.table.is_chain("INPUT"),
    "create_chain": lambda bench: bench.table.create_chain("user"),
    "set_policy": lambda bench: bench.table.set_policy("INPUT", "DROP"),
    "get_policy": lambda bench: bench.table.get_policy("INPUT"),
    "flush": lambda bench: bench.table.flush(),
    "rules": lambda bench: bench.chain.rules,
    "len": lambda bench: len(bench.chain),
    "in": lambda bench: bench.rule(1) in bench.chain,
    "append": lambda bench: bench.chain.append(bench.rule(1)),
    "delete": lambda bench: bench.chain.delete(bench.rule(1)),
    "zero": lambda bench: bench.chain.zero_counters(),
    "references": lambda bench: bench.chain.references,
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_nothing_works_after_close(use: Callable[[Bench], object], bench: Bench) -> None:
    """ClosedError, from the table and from its chains; a new object works."""
    bench.fill(1)
    closed = bench.table
    closed_chain = bench.chain
    closed.close()

    class Closed(Bench):
        table = closed
        chain = closed_chain

    with pytest.raises(bench.iptc.ClosedError, match="filter"):
        use(Closed(bench.family, bench.oracle))
    assert bench.numbers() == [1]
    assert "closed" in repr(closed)
    assert bench.table is not closed
    assert bench.seen() == [1]


def test_close_twice(bench: Bench) -> None:
    table = bench.table
    table.close()
    table.close()


def test_close_discards(bench: Bench) -> None:
    bench.table.autocommit = False
    bench.chain.append(bench.rule(1))
    with pytest.warns(
        ResourceWarning, match=r"1 edits of table filter were never committed: -A INPUT"
    ):
        bench.table.close()
    assert bench.numbers() == []
    assert bench.table.autocommit is True
    assert bench.seen() == []


def test_context_manager(bench: Bench) -> None:
    with bench.table as table:
        assert table is bench.table
        bench.chain.append(bench.rule(1))
    with pytest.raises(bench.iptc.ClosedError):
        table.refresh()
    with pytest.raises(ZeroDivisionError), bench.table as table:
        raise ZeroDivisionError
    with pytest.raises(bench.iptc.ClosedError):
        table.refresh()
    assert bench.numbers() == [1]


def test_nothing_is_held(bench: Bench) -> None:
    """No descriptor for the process's own namespace; none after close() for another."""
    gc.collect()
    opened = faults.descriptors()
    with fresh_namespace() as other:
        with_other = faults.descriptors()
        table = bench.family.Table("filter", netns=other.path)
        table.create_chain("user")
        assert len(faults.descriptors()) <= len(with_other) + 1
        table.close()
        assert faults.descriptors() == with_other
    assert faults.descriptors() == opened


# -- availability ------------------------------------------------------------------------------------------


def test_tables_of_a_rule(bench: Bench) -> None:
    """All that the kernel has, in python-iptables' order."""
    names = [table.name for table in bench.family.Rule().tables]
    assert names == [name for name in bench.family.Table.ALL if name in names]
    assert "filter" in names


@pytest.mark.parametrize("name", ["nosuch", "", "x" * 31, "x" * 32, "x" * 300, "../filter", "é"])
def test_tables_that_are_not(name: str, bench: Bench) -> None:
    with pytest.raises(bench.iptc.TableNotFoundError, match="Table does not exist"):
        bench.family.Table(name)
    ask = bench.iptc.is_table6_available if bench.family.is_ipv6 else bench.iptc.is_table_available
    assert ask(name) is False


@pytest.mark.parametrize("name", [None, 5, b"filter", ["filter"]])
def test_names_of_another_type(name: object, bench: Bench) -> None:
    with pytest.raises(TypeError, match="string"):
        bench.family.Table(name)


def test_unknown_handle(bench: Bench) -> None:
    with pytest.raises(ValueError, match="legacy"):
        bench.family.Table("filter", handle="nosuch")
