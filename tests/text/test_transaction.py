"""Many edits at once: transactions, extend, ensure, discard; rules by comment, without comments."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import pyiptc
from support.family import Family
from support.oracle import Oracle

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("netns")]


@pytest.fixture
def table(family: Family) -> Iterator[pyiptc.Table]:
    with family.Table("filter") as table:
        yield table


def test_all_of_a_block_is_committed_once(
    oracle: Oracle, family: Family, table: pyiptc.Table
) -> None:
    with table.transaction() as same:
        assert same is table
        chain = table.create_chain("ssh")
        chain.append(["-p", "tcp", "-j", "ACCEPT"])
        chain.extend(f"-p udp --dport {port} -j DROP" for port in range(1, 4))
        chain.insert("-p all -j RETURN", index=1)
        chain.delete(index=2)
        chain.delete("-p udp --dport 3 -j DROP")
        chain.replace("-j ACCEPT", index=0)
        assert len(chain) == 3
        assert oracle.save(family.name, "filter").count("ssh") == 0
    assert [
        line.partition("-A ssh ")[2] for line in oracle.lines(family.name, "filter", "ssh")
    ] == [
        "-j ACCEPT",
        "-j RETURN",
        "-p udp -m udp --dport 2 -j DROP",
    ]


def test_nothing_is_left_of_a_block_that_raised(
    oracle: Oracle, family: Family, table: pyiptc.Table
) -> None:
    oracle.append(family.name, "filter", "INPUT", "-p tcp -j DROP")
    before = oracle.save(family.name, "filter")
    chain = pyiptc.Chain(table, "INPUT")
    for text in ("-j nosuch", "-m mark", "-p tcp --dport 70000 -j DROP"):
        with pytest.raises(pyiptc.IPTCError), table.transaction():
            chain.flush()
            chain.append("-j ACCEPT")
            chain.append(text)
        assert oracle.save(family.name, "filter") == before
        assert [str(rule) for rule in chain.rules] == ["-p tcp -j DROP"]
    with pytest.raises(ZeroDivisionError), table.transaction():
        chain.flush()
        assert 1 / 0
    assert len(chain) == 1


def test_what_the_kernel_refuses_at_the_end(
    oracle: Oracle, family: Family, table: pyiptc.Table
) -> None:
    before = oracle.save(family.name, "filter")
    with pytest.raises(pyiptc.KernelError, match="-j MASQUERADE"), table.transaction():
        pyiptc.Chain(table, "INPUT").append("-j ACCEPT")
        pyiptc.Chain(table, "INPUT").append("-j MASQUERADE")
    assert oracle.save(family.name, "filter") == before
    assert len(pyiptc.Chain(table, "INPUT")) == 0


def test_no_transaction_inside_of_another(table: pyiptc.Table) -> None:
    with table.transaction():
        for inside in (table.transaction().__enter__, table.commit, table.refresh):
            with pytest.raises(pyiptc.TransactionError, match="is in a transaction"):
                inside()


@pytest.mark.only_backend("legacy", "lock")
def test_the_lock_is_held(oracle: Oracle, family: Family, table: pyiptc.Table) -> None:
    with table.transaction():
        busy = oracle.run(family.tool, "-w", "1", "-A", "INPUT", "-j", "DROP", check=False)
        assert busy.returncode == 4
    assert oracle.lines(family.name, "filter", "INPUT") == []


def test_extend_is_all_or_nothing(oracle: Oracle, family: Family, table: pyiptc.Table) -> None:
    chain = pyiptc.Chain(table, "INPUT")
    with pytest.raises(pyiptc.XTablesError):
        chain.extend(["-j ACCEPT", "-m nosuch", "-j DROP"])
    assert oracle.lines(family.name, "filter", "INPUT") == []
    table.autocommit = False
    chain.append("-p tcp -j ACCEPT")
    with pytest.raises(pyiptc.XTablesError):
        chain.extend(["-j ACCEPT", "-m nosuch"])
    assert len(chain) == 1
    table.commit()
    assert len(oracle.lines(family.name, "filter", "INPUT")) == 1


def test_ensure_and_discard(oracle: Oracle, family: Family, table: pyiptc.Table) -> None:
    chain = pyiptc.Chain(table, "INPUT")
    rule = "-p tcp --dport 22 -j ACCEPT"
    assert chain.ensure("-j DROP")
    assert chain.ensure(rule, index=0)
    assert not chain.ensure(rule)
    assert [line.split()[-1] for line in oracle.lines(family.name, "filter", "INPUT")] == [
        "ACCEPT",
        "DROP",
    ]
    # What somebody else did since is seen.
    oracle.delete(family.name, "filter", "INPUT", rule)
    assert chain.ensure(rule)
    oracle.delete(family.name, "filter", "INPUT", rule)
    assert not chain.discard(rule)
    assert chain.discard("-j DROP")
    assert oracle.lines(family.name, "filter", "INPUT") == []


def test_rules_by_comment_and_without(family: Family, table: pyiptc.Table) -> None:
    chain = pyiptc.Chain(table, "INPUT")
    chain.extend(
        ["-p tcp -m comment --comment 'web 1' -j ACCEPT", "-p udp -j ACCEPT", "-p tcp -j ACCEPT"]
    )
    (found,) = chain.find("web 1")
    assert found.comments == ["web 1"]
    assert found == chain.rules[0] != chain.rules[2]
    assert found.without_comments() == chain.rules[2]
    assert "-p tcp -m comment --comment other -j ACCEPT" not in chain
    assert chain.contains("-p tcp -m comment --comment other -j ACCEPT", comments=False)
    assert family.Rule.from_dict(found.to_dict()) == found
