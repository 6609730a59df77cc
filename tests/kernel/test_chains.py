"""Chains: made, found, renamed, deleted; and rules in them by position and by equality."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest

from kernel.conftest import Bench, line
from support.family import on_nft

pytestmark = pytest.mark.kernel


# -- chains -------------------------------------------------------------------------------------------


def test_create_and_delete(bench: Bench) -> None:
    chain = bench.table.create_chain("user")
    assert chain is bench.user("user")
    assert bench.chains() == ["user"]
    assert (chain.exists(), chain.is_builtin(), len(chain)) == (True, False, 0)
    chain.delete()
    assert bench.chains() == []
    assert chain.exists() is False
    with pytest.raises(bench.iptc.ChainNotFoundError):
        chain.delete()
    with pytest.raises(bench.iptc.ChainNotFoundError):
        _ = chain.rules


def test_an_object_creates_nothing(bench: Bench) -> None:
    """A chain's object is a name; asking it needs no chain."""
    chain = bench.user("nowhere")
    assert chain.exists() is False
    assert bench.table.is_chain(chain) is False
    assert bench.chains() == []
    for use in (lambda: chain.rules, lambda: len(chain), chain.flush, lambda: chain.references):
        with pytest.raises(bench.iptc.ChainNotFoundError, match="nowhere"):
            use()
    assert bool(chain) is True


def test_one_object_for_each(bench: Bench) -> None:
    assert bench.user("INPUT") is bench.user("INPUT")
    assert bench.user("INPUT") is not bench.user("OUTPUT")
    assert bench.iptc.Chain(bench.family.Table("mangle"), "INPUT") is not bench.chain
    assert [chain for chain in bench.table.chains if chain.name == "INPUT"] == [bench.chain]
    number = id(bench.user("INPUT"))
    gc.collect()
    kept = bench.user("INPUT")
    assert bench.table.chains[0] is kept
    assert number


def test_order_of_chains(bench: Bench) -> None:
    """Built-in ones by hook, the others by name as the kernel's table has them."""
    for name in ("zebra", "ant", "Zebra", "a-b", "_"):
        bench.table.create_chain(name)
    assert [chain.name for chain in bench.table.chains] == [
        *("INPUT", "FORWARD", "OUTPUT"),
        *sorted(["zebra", "ant", "Zebra", "a-b", "_"]),
    ]
    assert bench.chains() == sorted(["zebra", "ant", "Zebra", "a-b", "_"])


@pytest.mark.parametrize(
    "name",
    ["", "x" * 29, "é" * 15, "a b", "a\tb", "a\nb", "-x", "!x", "a\0b", "\ud800"],
    ids=ascii,
)
@pytest.mark.parametrize("how", ["create", "rename", "rename by the table"])
def test_names_that_no_chain_can_have(how: str, name: str, bench: Bench) -> None:
    """Whatever iptables could not name, or could not read back."""
    chain = bench.table.create_chain("user")
    with pytest.raises((bench.iptc.ChainNameError, bench.iptc.RuleError)):
        if how == "create":
            bench.table.create_chain(name)
        elif how == "rename":
            chain.rename(name)
        else:
            bench.table.rename_chain("user", name)
    assert bench.chains() == ["user"]
    assert chain.name == "user"


@pytest.mark.parametrize("name", ["ACCEPT", "DROP", "QUEUE", "RETURN", "INPUT", "user"])
def test_names_that_are_taken(name: str, bench: Bench) -> None:
    chain = bench.table.create_chain("user")
    with pytest.raises(bench.iptc.ChainExistsError):
        bench.table.create_chain(name)
    other = bench.table.create_chain("other")
    with pytest.raises(bench.iptc.ChainExistsError):
        other.rename(name)
    assert bench.chains() == ["other", "user"]
    assert (chain.name, other.name) == ("user", "other")


@pytest.mark.parametrize(
    "name", ["x" * 28, "é" * 14, "+", "a.b-c_d:e/f", "CLASSIFY", "ERROR", "%s%n"]
)
def test_names_that_chains_can_have(name: str, bench: Bench) -> None:
    chain = bench.table.create_chain(name)
    chain.append(bench.rule(1))
    bench.chain.append(bench.rule(2, name))
    assert bench.chains() == [name]
    assert bench.chain.rules[0].target.name == name
    assert chain.references == 1
    bench.table.flush()


@pytest.mark.parametrize("name", [None, 5, b"x", object()])
def test_names_of_another_type(name: Any, bench: Bench) -> None:
    with pytest.raises(TypeError):
        bench.iptc.Chain(bench.table, name)
    for method in (bench.table.create_chain, bench.table.is_chain, bench.table.delete_chain):
        with pytest.raises(TypeError):
            method(name)
    with pytest.raises(TypeError):
        bench.table.create_chain("user").rename(name)
    assert bench.chains() == ["user"]


def test_rename(bench: Bench) -> None:
    """Jumps follow, and so does the object."""
    chain = bench.table.create_chain("before")
    chain.append(bench.rule(1))
    bench.chain.append(bench.rule(2, "before"))
    bench.chain.append(bench.rule(3, "before"))
    chain.rename("after")
    assert chain.name == "after"
    assert bench.user("after") is chain
    assert bench.user("before") is not chain
    assert (chain.references, bench.numbers("after")) == (2, [1])
    lines = bench.oracle.lines(bench.family, "filter", "INPUT")
    assert lines == [f"-A INPUT {line(number, 'after')}" for number in (2, 3)]
    assert {rule.target.name for rule in bench.chain.rules} == {"after"}


@pytest.mark.parametrize("name", ["INPUT", "FORWARD", "OUTPUT"])
def test_builtin_chains_stay(name: str, bench: Bench) -> None:
    chain = bench.user(name)
    assert chain.is_builtin()
    assert bench.table.builtin_chain(name)
    for change in (
        chain.delete,
        lambda: chain.rename("user"),
        lambda: bench.table.delete_chain(name),
    ):
        with pytest.raises(bench.iptc.IPTCError):
            change()
    assert chain.name == name
    assert chain.exists()


def test_chains_in_use_stay(bench: Bench) -> None:
    chain = bench.table.create_chain("user")
    chain.append(bench.rule(1))
    with pytest.raises(bench.iptc.ChainInUseError, match="not empty"):
        chain.delete()
    chain.flush()
    bench.chain.append(bench.rule(2, "user"))
    with pytest.raises(bench.iptc.ChainInUseError, match="references"):
        chain.delete()
    bench.chain.flush()
    chain.delete()
    assert bench.chains() == []


def test_references(bench: Bench) -> None:
    """Jumps and gotos count, from whichever chain."""
    chain, other = bench.table.create_chain("user"), bench.table.create_chain("other")
    assert chain.references == 0
    bench.chain.append(bench.rule(1, "user"))
    gone = bench.family.Rule()
    gone.create_target("user", goto=True)
    other.append(gone)
    assert chain.references == 2
    other.flush()
    assert chain.references == 1
    bench.chain.replace(bench.rule(2), 0)
    assert chain.references == 0


def test_loops_are_refused(bench: Bench) -> None:
    first, second = bench.table.create_chain("first"), bench.table.create_chain("second")
    first.append(bench.rule(1, "second"))
    for chain, target in ((second, "first"), (second, "second")):
        with pytest.raises(bench.iptc.KernelError, match="Loop"):
            bench.chain.append(bench.rule(2, "first"))
            chain.append(bench.rule(3, target))
        bench.chain.flush()
    assert bench.numbers("second") == []


def test_jump_to_a_builtin_chain(bench: Bench) -> None:
    rule = bench.family.Rule()
    target = bench.family.Rule().create_target("RETURN")
    target.standard_target = "FORWARD"
    rule.target = target
    with pytest.raises(bench.iptc.IPTCError):
        bench.chain.append(rule)
    assert bench.oracle.lines(bench.family, "filter") == []


# -- rules by position ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("index", "expected"), [(0, [9, 1, 2]), (1, [1, 9, 2]), (2, [1, 2, 9])])
def test_insert(index: int, expected: list[int], bench: Bench) -> None:
    bench.fill(1, 2)
    bench.chain.insert(bench.rule(9), index)
    assert bench.numbers() == bench.seen() == expected


@pytest.mark.parametrize(("index", "expected"), [(0, [9, 2]), (1, [1, 9])])
def test_replace(index: int, expected: list[int], bench: Bench) -> None:
    bench.fill(1, 2)
    bench.chain.replace(bench.rule(9), index)
    assert bench.numbers() == bench.seen() == expected


@pytest.mark.parametrize(("index", "expected"), [(0, [2, 3]), (1, [1, 3]), (2, [1, 2])])
def test_delete_by_index(index: int, expected: list[int], bench: Bench) -> None:
    bench.fill(1, 2, 3)
    bench.chain.delete(index=index)
    assert bench.numbers() == bench.seen() == expected


@pytest.mark.parametrize("index", [2, 3, 2**31, 2**32 - 1, 2**32, 2**64, 2**100])
def test_positions_beyond_the_end(index: int, bench: Bench) -> None:
    """Inserting at the end is appending; all else beyond it is an error, however large."""
    bench.fill(1, 2)
    edits: list[tuple[Callable[[], object], bool]] = [
        (lambda: bench.chain.insert(bench.rule(9), index), index > 2),
        (lambda: bench.chain.replace(bench.rule(9), index), True),
        (lambda: bench.chain.delete(index=index), True),
    ]
    for edit, is_refused in edits:
        if is_refused:
            with pytest.raises(bench.iptc.PositionError):
                edit()
    assert bench.numbers() == [1, 2]


@pytest.mark.parametrize(
    ("index", "error"),
    [
        (-1, ValueError),
        (-(2**70), ValueError),
        (1.0, TypeError),
        ("1", TypeError),
        (True, TypeError),
    ],
)
def test_positions_that_are_none(index: Any, error: type[Exception], bench: Bench) -> None:
    bench.fill(1, 2)
    edits: list[Callable[[], object]] = [
        lambda: bench.chain.insert(bench.rule(9), index),
        lambda: bench.chain.replace(bench.rule(9), index),
        lambda: bench.chain.delete(index=index),
    ]
    for edit in edits:
        with pytest.raises(error):
            edit()
    assert bench.numbers() == [1, 2]


def test_delete_wants_one_of_them(bench: Bench) -> None:
    bench.fill(1)
    with pytest.raises(TypeError, match="not both"):
        bench.chain.delete(bench.rule(1), index=0)
    with pytest.raises(TypeError):
        bench.chain.delete(5)
    assert bench.numbers() == [1]


# -- rules by equality -----------------------------------------------------------------------------------


def test_contains_and_index(bench: Bench) -> None:
    """As `iptables -C` and `-D` see it."""
    bench.fill(1, 2, 3, 2)
    assert [bench.chain.index(bench.rule(number)) for number in (1, 2, 3)] == [0, 1, 2]
    assert bench.rule(2) in bench.chain
    assert bench.rule(9) not in bench.chain
    assert bench.chain.contains(bench.rule(3)) is True
    assert bench.rule(2, "ACCEPT") not in bench.chain
    with pytest.raises(ValueError, match="is not in chain INPUT"):
        bench.chain.index(bench.rule(9))
    for other in (None, 5, object()):
        assert other not in bench.chain


def test_rules_of_the_other_family(bench: Bench) -> None:
    """Not in a chain, and not to be put in one."""
    other = bench.iptc.Rule() if bench.family.is_ipv6 else bench.iptc.Rule6()
    other.create_target("DROP")
    bench.oracle.append(bench.family, "filter", "INPUT", "-j DROP")
    bench.table.refresh()
    assert other not in bench.chain
    for edit in (bench.chain.append, bench.chain.insert, lambda rule: bench.chain.replace(rule, 0)):
        with pytest.raises(bench.iptc.RuleError, match="cannot be put"):
            edit(other)
    with pytest.raises(bench.iptc.IPTCError):
        bench.chain.delete(other)
    assert len(bench.oracle.lines(bench.family, "filter")) == 1


def test_same_rules_in_both_handles(bench: Bench) -> None:
    """Iterating, indexing and counting agree."""
    bench.fill(5, 6, 7)
    chain = bench.chain
    assert len(chain) == len(chain.rules) == 3
    assert [str(rule) for rule in chain] == [str(rule) for rule in chain.rules]
    assert [rule.chain for rule in chain] == [chain] * 3
    assert chain.rules[0] is not chain.rules[0]


def test_delete_what_is_not_there(bench: Bench) -> None:
    bench.fill(1)
    with pytest.raises(bench.iptc.RuleNotFoundError, match="Bad rule") as raised:
        bench.chain.delete(bench.rule(2))
    assert raised.value.errno == 2
    assert bench.numbers() == [1]


# -- the very rule that was read -----------------------------------------------------------------------

SAME = [(1, 100), (2, 200), (3, 300), (4, 400), (5, 500)]


def fill_same(bench: Bench) -> None:
    """Five equal rules; their counters tell them apart."""
    bench.oracle.iptables(bench.family, "-F", "INPUT")
    for packets, size in SAME:
        if on_nft():
            # ip6tables-nft 1.8.9 sets no counters.
            chain = ("ip6" if bench.family.is_ipv6 else "ip", "filter", "INPUT")
            count = ("counter", "packets", str(packets), "bytes", str(size), "drop")
            bench.oracle.nft("add", "rule", *chain, *count)
        else:
            counted = ["-c", str(packets), str(size), "-j", "DROP"]
            bench.oracle.append(bench.family, "filter", "INPUT", counted)
    bench.table.refresh()


def left(bench: Bench) -> list[int]:
    """Packets of the rules that are left."""
    return [packets for packets, _ in bench.oracle.counters(bench.family, "filter", "INPUT")]


@pytest.mark.differs("ip6tables-nft -c")
@pytest.mark.parametrize("autocommit", [True, False], ids=["at once", "in a batch"])
@pytest.mark.parametrize("position", range(5))
def test_delete_the_very_one(position: int, autocommit: bool, bench: Bench) -> None:
    fill_same(bench)
    rule = bench.chain.rules[position]
    bench.table.autocommit = autocommit
    bench.chain.delete(rule)
    bench.table.commit()
    expected = [packets for packets, _ in SAME]
    del expected[position]
    assert left(bench) == expected


@pytest.mark.parametrize("autocommit", [True, False], ids=["at once", "in a batch"])
@pytest.mark.parametrize("order", [[0, 1, 2], [4, 2, 0], [1, 3], [2, 3, 1], [4, 3, 2, 1, 0]])
def test_delete_several(order: list[int], autocommit: bool, bench: Bench) -> None:
    """A loop over one listing: each deletes the one that it was given."""
    fill_same(bench)
    rules = bench.chain.rules
    bench.table.autocommit = autocommit
    for position in order:
        bench.chain.delete(rules[position])
    bench.table.commit()
    assert left(bench) == [packets for at, (packets, _) in enumerate(SAME) if at not in order]


def test_delete_while_others_add(bench: Bench) -> None:
    """What others put in front or behind is not what was meant."""
    fill_same(bench)
    rules = bench.chain.rules
    bench.oracle.insert(bench.family, "filter", "INPUT", "-j ACCEPT")
    bench.chain.delete(rules[1])
    assert left(bench) == [0, 1, 3, 4, 5]


def test_an_edited_rule_is_another(bench: Bench) -> None:
    """Deleting looks for what the object is now."""
    bench.fill(1, 2)
    rule = bench.chain.rules[0]
    rule.matches[0].dport = "2"
    bench.chain.delete(rule)
    assert bench.numbers() == [1]
    rule.matches[0].dport = "1"
    bench.chain.delete(rule)
    assert bench.numbers() == []


def test_counters_of_the_object_do_not_matter(bench: Bench) -> None:
    fill_same(bench)
    rule = bench.chain.rules[3]
    rule.counters = (99, 99)
    bench.chain.delete(rule)
    assert left(bench) == [1, 2, 3, 5]


def test_order_of_matches(bench: Bench) -> None:
    """`in` and delete() take another order where the exact one is not there, exact ones first."""
    options = {"tcp": "--dport 1", "mark": "--mark 0x1", "comment": "--comment x"}

    def text(*names: str) -> str:
        return "-p tcp " + "".join(f"-m {name} {options[name]} " for name in names) + "-j DROP"

    def rule(*names: str) -> Any:
        made = bench.family.Rule()
        made.protocol = "tcp"
        for name in names:
            option, value = options[name].split()
            made.create_match(name).set_parameter(option[2:], value)
        made.create_target("DROP")
        return made

    first, second = ("tcp", "mark", "comment"), ("comment", "tcp", "mark")
    for order in (first, second):
        bench.oracle.append(bench.family, "filter", "INPUT", text(*order))
    bench.table.refresh()
    assert bench.chain.index(rule(*second)) == 1
    assert bench.chain.index(rule("mark", "comment", "tcp")) == 0
    bench.chain.delete(rule(*second))
    (kept,) = bench.oracle.lines(bench.family, "filter")
    assert kept == f"-A INPUT {text(*first)}"
    bench.chain.delete(rule("mark", "comment", "tcp"))
    assert bench.oracle.lines(bench.family, "filter") == []


# -- policies -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["ACCEPT", "DROP"])
def test_policy(policy: str, bench: Bench) -> None:
    chosen = bench.iptc.Policy(policy)
    for given in (policy, chosen):
        bench.chain.set_policy("ACCEPT" if policy == "DROP" else "DROP")
        bench.chain.set_policy(given)
        assert bench.chain.get_policy() is chosen
        assert f"-P INPUT {policy}" in bench.oracle.iptables(bench.family, "-S").stdout


@pytest.mark.parametrize("policy", ["RETURN", "QUEUE", "REJECT", "nonsense", "", "accept", "a\0b"])
def test_policies_that_are_none(policy: str, bench: Bench) -> None:
    with pytest.raises((bench.iptc.IPTCError, ValueError)):
        bench.chain.set_policy(policy)
    assert "-P INPUT ACCEPT" in bench.oracle.iptables(bench.family, "-S").stdout


@pytest.mark.parametrize("policy", [None, 5, b"DROP"])
def test_policies_of_another_type(policy: Any, bench: Bench) -> None:
    with pytest.raises(TypeError):
        bench.chain.set_policy(policy)


def test_user_defined_chains_have_none(bench: Bench) -> None:
    chain = bench.table.create_chain("user")
    assert chain.get_policy() is None
    assert chain.get_counters() is None
    with pytest.raises(bench.iptc.IPTCError, match="Bad built-in chain name"):
        chain.set_policy("DROP")


# -- python-iptables' functions over entries ---------------------------------------------------------------


def test_entries(bench: Bench) -> None:
    """append_entry() and its kin take what first_rule() and rule.rule give."""
    bench.fill(1)
    table = bench.table
    entry = table.first_rule("INPUT")
    assert table.next_rule(entry) is None
    table.append_entry("INPUT", bench.rule(2).rule)
    table.insert_entry("INPUT", bench.rule(3).rule, 1)
    table.replace_entry("INPUT", bench.rule(4).rule, 2)
    assert bench.numbers() == [1, 3, 4]
    table.delete_entry("INPUT", entry, None)
    assert bench.numbers() == [3, 4]
    listed, found = table.first_rule("INPUT"), []
    while listed is not None:
        found.append(table.get_target(listed))
        listed = table.next_rule(listed)
    assert found == ["DROP", "DROP"]
    assert table.first_rule("OUTPUT") is None


@pytest.mark.parametrize("name", ["\0", "INPUT\0", "\udcff\0"])
def test_a_name_that_no_chain_can_have(name: str, bench: Bench) -> None:
    """Whether a target's name is a chain is asked of tables that are open."""
    table = bench.table
    rule = bench.rule(1)
    with pytest.raises(bench.iptc.IPTCError):
        rule.create_target(name)
    assert rule.target.name == "DROP"
    assert not table.is_chain(name)
