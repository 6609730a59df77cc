"""Tables of nf_tables: beside iptables-nft and nft, and what only nf_tables can do.

What legacy tables do as well is asked of both.
"""

from __future__ import annotations

import errno
import warnings
from pathlib import Path
from typing import Any

import pytest

import pyiptc
from kernel.conftest import Bench, line
from pyiptc import _kernel
from support.family import FAMILIES, on_nft
from support.traffic import Link

pytestmark = pytest.mark.kernel


def kind(bench: Bench) -> str:
    """The family as nft names it."""
    return "ip6" if bench.family.is_ipv6 else "ip"


def listed(bench: Bench) -> str:
    return bench.oracle.nft("list", "ruleset").stdout


def legacy_tables() -> str:
    return "".join(
        Path(f"/proc/thread-self/net/{name}_tables_names").read_text() for name in ("ip", "ip6")
    )


# -- beside iptables-nft -------------------------------------------------------------------------------


@pytest.mark.only_backend("nft", "absent chains")
def test_looking_creates_nothing(bench: Bench) -> None:
    """Chains that are not there yet accept what comes, as iptables-nft shows them."""
    assert [chain.name for chain in bench.table.chains] == ["INPUT", "FORWARD", "OUTPUT"]
    assert bench.table.get_policy("INPUT") == (pyiptc.Policy("ACCEPT"), (0, 0))
    assert bench.table.save() == (
        "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n"
    )
    bench.table.commit()
    assert list(bench.chain.counters(zero=True)) == []
    assert listed(bench) == ""
    assert legacy_tables() == ""


@pytest.mark.only_backend("nft", "absent chains")
@pytest.mark.parametrize("table", ["filter", "nat", "mangle", "raw", "security"])
def test_chains_are_made_as_iptables_makes_them(bench: Bench, table: str) -> None:
    """With their hooks, types and priorities; the tool adds to what we have made."""
    ours = bench.family.Table(table)
    for chain in ours.chains:
        chain.append("-j ACCEPT")
    made = bench.oracle.nft("list", "table", kind(bench), table).stdout
    assert made.count("type ") == len(ours.chains)
    bench.oracle.nft("flush", "ruleset")
    for chain in ours.chains:
        bench.oracle.append(bench.family, table, chain.name, "-j ACCEPT")
    assert made == bench.oracle.nft("list", "table", kind(bench), table).stdout


@pytest.mark.only_backend("nft", "absent chains")
def test_only_the_chain_that_is_needed(bench: Bench) -> None:
    bench.chain.append("-j ACCEPT")
    assert "chain INPUT" in listed(bench)
    assert "chain OUTPUT" not in listed(bench)
    # Policies are counted.
    printed = bench.oracle.nft("-j", "list", "chain", kind(bench), "filter", "INPUT").stdout
    assert '"policy": "accept"' in printed


RULES = [
    "-p tcp -m tcp --dport 22 -j ACCEPT",
    "-p udp -m udp --sport 53 --dport 1024:65535 -m comment --comment answers -j ACCEPT",
    "-i eth+ ! -p tcp -m mark --mark 0x1/0xff -j DROP",
    "-m conntrack --ctstate RELATED,ESTABLISHED -m limit --limit 5/min -j LOG --log-prefix x",
    "-m multiport -p tcp --dports 80,443 -j REJECT",
]


@pytest.mark.parametrize("text", RULES)
def test_each_finds_the_others(bench: Bench, text: str) -> None:
    bench.chain.append(text)
    assert bench.oracle.lines(bench.family, "filter", "INPUT") == [
        f"-A INPUT {bench.chain.rules[0]}"
    ]
    assert bench.oracle.check(bench.family, "filter", "INPUT", text)
    bench.oracle.delete(bench.family, "filter", "INPUT", text)
    bench.oracle.append(bench.family, "filter", "INPUT", text)
    bench.table.refresh()
    assert text in bench.chain
    assert bench.table.save() == bench.oracle.save(bench.family, "filter")
    bench.chain.delete(text)
    assert bench.numbers() == []


def test_both_at_one_chain(bench: Bench) -> None:
    for number in range(1, 9):
        if number % 2:
            bench.chain.append(bench.rule(number))
        else:
            bench.oracle.append(bench.family, "filter", "INPUT", line(number))
    bench.oracle.insert(bench.family, "filter", "INPUT", line(20), number=3)
    bench.table.refresh()
    bench.chain.insert(bench.rule(21), index=3)
    bench.chain.replace(bench.rule(22), index=0)
    bench.chain.delete(index=2)
    assert bench.numbers() == bench.seen() == [22, 2, 21, 3, 4, 5, 6, 7, 8]


@pytest.mark.differs("first look")
def test_first_look(bench: Bench) -> None:
    """A chain is read when its rules are first asked for; a legacy table is read as a whole."""
    bench.fill(1)
    bench.fill(2, chain="FORWARD")
    bench.table.close()
    assert bench.seen() == [1]
    bench.oracle.append(bench.family, "filter", "FORWARD", line(3))
    assert bench.seen("FORWARD") == ([2, 3] if on_nft() else [2])
    bench.table.refresh()
    bench.oracle.append(bench.family, "filter", "FORWARD", line(4))
    assert bench.seen("FORWARD") == [2, 3]


@pytest.mark.differs("QUEUE")
def test_queue(bench: Bench) -> None:
    if on_nft():
        with pytest.raises(pyiptc.UnsupportedError, match="use NFQUEUE"):
            bench.chain.append("-j QUEUE")
        bench.chain.append("-j NFQUEUE")
    else:
        bench.chain.append("-j QUEUE")
    assert len(bench.oracle.lines(bench.family, "filter", "INPUT")) == 1


@pytest.mark.differs("matches of a target")
def test_target_without_the_match_that_it_needs(bench: Bench) -> None:
    text = "-p tcp -j TCPMSS --set-mss 1400"
    if on_nft():
        bench.chain.append(text)
    else:
        with pytest.raises(pyiptc.KernelError):
            bench.chain.append(text)
    bench.chain.append("-p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1400")


# -- what is sent ------------------------------------------------------------------------------------------


def test_many_edits_are_one_change(bench: Bench) -> None:
    """In front, in between, behind, replaced and deleted, with equal rules among them."""
    bench.fill(1, 2, 3, 4, 5, 6)
    with bench.table.transaction():
        chain = bench.chain
        chain.insert(bench.rule(10))
        chain.insert(bench.rule(11))
        chain.delete(bench.rule(2))
        chain.insert(bench.rule(12), index=3)
        chain.insert(bench.rule(13), index=3)
        chain.replace(bench.rule(14), index=6)
        chain.append(bench.rule(15))
        chain.delete(index=0)
        chain.append(bench.rule(1))
        expected = bench.seen()
    assert bench.numbers() == bench.seen() == expected == [10, 1, 13, 12, 3, 14, 5, 6, 15, 1]


@pytest.mark.only_backend("nft", "rules that remember")
def test_handles_of_what_stays_are_kept(bench: Bench) -> None:
    """A rule that is not edited is not sent: its state and its counters go on."""

    def handles() -> list[str]:
        printed = bench.oracle.nft("-a", "list", "chain", kind(bench), "filter", "INPUT").stdout
        return [text.split()[-1] for text in printed.splitlines() if "dport" in text]

    bench.fill(1, 2, 3)
    before = handles()
    bench.chain.insert(bench.rule(4), index=1)
    bench.chain.delete(index=2)
    after = handles()
    assert (after[0], after[2]) == (before[0], before[2])


def test_an_unread_chain_is_added_to(bench: Bench) -> None:
    """What is behind and in front of rules that were never read."""
    bench.fill(1, 2)
    bench.table.close()
    with bench.table.transaction():
        bench.chain.append(bench.rule(3))
        bench.chain.insert(bench.rule(4))
        bench.chain.insert(bench.rule(5))
        bench.chain.extend([bench.rule(6), bench.rule(7)])
    assert bench.numbers() == bench.seen() == [5, 4, 1, 2, 3, 6, 7]
    bench.table.close()
    with bench.table.transaction():
        bench.chain.append(bench.rule(8))
        bench.chain.insert(bench.rule(9))
        assert bench.seen() == [9, 5, 4, 1, 2, 3, 6, 7, 8]
        bench.chain.delete(index=0)
    assert bench.numbers() == [5, 4, 1, 2, 3, 6, 7, 8]


def test_fewer_rules_that_are_not_echoed(bench: Bench) -> None:
    """So many that they are read when they are needed: the chain is as long as it was made."""
    with bench.table.transaction():
        bench.chain.extend([line(number) for number in range(1, 1601)])
    bench.table.close()
    assert len(bench.chain.rules) == 1600
    with bench.table.transaction():
        bench.chain.flush()
        bench.chain.extend([line(number) for number in range(1, 1101)])
    assert bench.seen() == bench.numbers() == [*range(1, 1101)]


def test_flushing_what_was_not_read(bench: Bench) -> None:
    bench.fill(1, 2)
    bench.table.close()
    with bench.table.transaction():
        bench.chain.flush()
        bench.chain.append(bench.rule(3))
    assert bench.numbers() == bench.seen() == [3]


def test_chain_that_is_made_again(bench: Bench) -> None:
    """Deleted and made in one commit: it is another one, of the same name."""
    chain = bench.table.create_chain("user")
    chain.append(bench.rule(1))
    bench.chain.append(bench.rule(2, "user"))
    with bench.table.transaction():
        bench.table.flush()
        bench.table.create_chain("user").append(bench.rule(3))
        bench.chain.append(bench.rule(4, "user"))
    assert (bench.numbers(), bench.numbers("user"), bench.chains()) == ([4], [3], ["user"])
    bench.chain.append(bench.rule(5, "user"))
    assert bench.numbers() == bench.seen() == [4, 5]


def test_rename_and_use(bench: Bench) -> None:
    bench.table.create_chain("old").append(bench.rule(1))
    with bench.table.transaction():
        bench.user("old").rename("new")
        bench.chain.append(bench.rule(2, "new"))
        bench.user("new").append(bench.rule(3))
    assert (bench.chains(), bench.numbers("new")) == (["new"], [1, 3])
    assert [rule.target.name for rule in bench.chain.rules] == ["new"]


@pytest.mark.only_backend("nft", "renaming")
def test_rename_that_nf_tables_cannot(bench: Bench) -> None:
    """Within a commit the old name is still taken."""
    bench.table.create_chain("old")
    with (
        pytest.raises(pyiptc.UnsupportedError, match="use its old name"),
        bench.table.transaction(),
    ):
        bench.user("old").rename("new")
        bench.table.create_chain("old")
    assert bench.chains() == ["old"]


@pytest.mark.only_backend("nft", "rule in an error")
@pytest.mark.only_backend("nft", "system calls")
def test_the_kernel_says_which_rule(bench: Bench) -> None:
    with (
        pytest.raises(pyiptc.KernelError, match=r"rule 2 of chain INPUT") as raised,
        bench.table.transaction(),
    ):
        bench.chain.append(bench.rule(1))
        bench.chain.append(bench.rule(2))
        bench.chain.append("-j MASQUERADE")
    assert raised.value.operation == "NFT_MSG_NEWRULE"
    assert raised.value.filename == "filter"
    assert listed(bench) == ""


def test_chain_in_use(bench: Bench) -> None:
    """Rules that were not read jump to it: the kernel knows."""
    bench.table.create_chain("user")
    bench.oracle.append(bench.family, "filter", "FORWARD", "-j user")
    bench.table.close()
    with pytest.raises(pyiptc.ChainInUseError, match="references left"):
        bench.table.delete_chain("user")
    assert bench.user("user").references == 1


# -- counters --------------------------------------------------------------------------------------------------


def test_policy_counters(bench: Bench) -> None:
    bench.chain.set_policy("DROP", (3, 300))
    assert bench.chain.get_counters() == (3, 300)
    bench.chain.append(bench.rule(1))
    assert bench.chain.get_counters() == (3, 300)
    bench.chain.zero_counters()
    assert bench.chain.get_counters() == (0, 0)
    assert str(bench.chain.get_policy()) == str(pyiptc.Policy("DROP"))


@pytest.mark.only_backend("nft", "zeroing in a transaction")
def test_zeroed_in_a_transaction(bench: Bench) -> None:
    counted = bench.rule(1)
    counted.counters = (5, 500)
    bench.chain.append(counted)
    with bench.table.transaction():
        bench.chain.zero_counters()
        more = bench.rule(2)
        more.counters = (7, 700)
        bench.chain.append(more)
    bench.table.refresh()
    assert list(bench.chain.counters()) == [(0, 0), (7, 700)]


def test_zeroed_in_one_chain(bench: Bench) -> None:
    """One chain's counters are not another's."""
    for name in ("INPUT", "OUTPUT"):
        rule = bench.rule(1)
        rule.counters = (5, 500)
        bench.user(name).append(rule)
    assert list(bench.chain.counters(zero=True)) == [(5, 500)]
    assert list(bench.chain.counters()) == [(0, 0)]
    assert list(bench.user("OUTPUT").counters()) == [(5, 500)]


def udp_through(bench: Bench, veth: Link) -> None:
    assert veth.send_udp(3, family=bench.family.name, port=7004) == 3


@pytest.mark.differs("kept counters")
def test_counters_after_an_edit(bench: Bench, veth: Link) -> None:
    """A legacy table comes back with them; in nf_tables nothing is read for them."""
    bench.chain.append("-p udp -j ACCEPT")
    assert bench.chain.rules[0].counters.packets == 0
    udp_through(bench, veth)
    bench.chain.append(bench.rule(1))
    assert bench.chain.rules[0].counters.packets == (0 if on_nft() else 3)
    bench.table.refresh()
    assert bench.chain.rules[0].counters.packets == 3


@pytest.mark.differs("counters of a policy")
def test_policy_that_counts_meanwhile(bench: Bench, veth: Link) -> None:
    bench.chain.set_policy("ACCEPT", (100, 1000))
    lost = 3 if on_nft() else 0
    with bench.table.transaction():
        bench.chain.set_policy("ACCEPT", (10, 1000))
        udp_through(bench, veth)
    bench.table.refresh()
    assert bench.chain.get_counters().packets == 10 + 3 - lost
    with bench.table.transaction():
        bench.chain.zero_counters()
        udp_through(bench, veth)
    bench.table.refresh()
    assert bench.chain.get_counters().packets == 3 - lost


@pytest.mark.only_backend("nft", "uncounted policies")
def test_policy_that_counts_nothing(bench: Bench, veth: Link) -> None:
    """As of a chain that iptables-nft 1.8.9 makes."""
    hook = "{ type filter hook input priority 0; policy accept; }"
    bench.oracle.nft("add", "table", kind(bench), "filter")
    bench.oracle.nft("add", "chain", kind(bench), "filter", "INPUT", hook)
    udp_through(bench, veth)
    assert bench.chain.get_counters() == (0, 0)
    bench.oracle.nft("flush", "ruleset")
    bench.table.refresh()
    bench.chain.append(bench.rule(1))
    udp_through(bench, veth)
    bench.table.refresh()
    assert bench.chain.get_counters().packets == 3


# -- rules that are none of iptables ---------------------------------------------------------------------------


FOREIGN = {
    "a set": "tcp dport { 22, 80 } accept",
    "a map": "tcp dport vmap { 22 : accept, 23 : drop }",
    "a named verdict": "meta mark set 1 accept",
    "an unknown expression": "tcp dport 22 numgen random mod 2 0 accept",
}


@pytest.mark.only_backend("nft", "foreign rules")
@pytest.mark.parametrize("foreign", FOREIGN.values(), ids=FOREIGN)
def test_foreign_rule(bench: Bench, foreign: str) -> None:
    """It is listed with a reason, stays where it is, and can be deleted; it is never misread."""
    bench.fill(1, 2)
    where = (kind(bench), "filter", "INPUT")
    bench.oracle.nft("insert", "rule", *where, foreign)
    before = [text.strip() for text in listed(bench).splitlines()]
    bench.table.refresh()
    rules = bench.chain.rules
    assert len(rules) == 3
    assert str(rules[0]).startswith("-j nf_tables [")
    bench.chain.insert(bench.rule(3), index=1)
    bench.chain.delete(bench.rule(1))
    after = [text.strip() for text in listed(bench).splitlines()]
    assert [text for text in before if "dport 1 " not in text] == [
        text for text in after if "dport 3 " not in text
    ]
    with pytest.raises(pyiptc.UnsupportedError):
        bench.chain.append(rules[0])
    bench.chain.delete(bench.chain.rules[0])
    assert bench.numbers() == [3, 2]


@pytest.mark.only_backend("nft", "other hooks")
@pytest.mark.only_backend("nft", "long names")
def test_foreign_chains(bench: Bench) -> None:
    """A chain with a hook that is none of iptables', and one whose name iptables cannot have."""
    name = "a_name_of_more_than_twenty-eight_characters"
    bench.chain.append(bench.rule(1))
    where = (kind(bench), "filter")
    bench.oracle.nft("add", "chain", *where, "mine", "{ type filter hook input priority 9; }")
    bench.oracle.nft("add", "chain", *where, name)
    bench.oracle.nft("add", "rule", *where, "INPUT", "jump", name)
    bench.table.refresh()
    assert [chain.name for chain in bench.table.chains][3:] == [name, "mine"]
    assert "more than 28 characters" in str(bench.chain.rules[1])
    assert (bench.user("mine").get_policy(), bench.user("mine").is_builtin()) == (None, False)
    bench.chain.append(bench.rule(2))
    bench.table.delete_chain("mine")
    assert "mine" not in listed(bench)
    bench.oracle.nft("add", "chain", *where, "mine", "{ type filter hook input priority 9; }")
    bench.table.refresh()
    bench.table.flush()
    assert "mine" not in listed(bench)


# -- several tables ------------------------------------------------------------------------------------------------


@pytest.mark.only_backend("nft", "several tables")
@pytest.mark.two_families
def test_tables_and_families_in_one_commit(bench: Bench) -> None:
    """All or nothing, of any tables of a namespace."""
    filters = [family.Table("filter") for family in FAMILIES.values()]
    tables = [*filters, bench.family.Table("mangle")]
    with pytest.raises(pyiptc.KernelError) as raised, pyiptc.transaction(*tables):
        for table in tables:
            pyiptc.Chain(table, "INPUT").append("-j ACCEPT")
        pyiptc.Chain(tables[-1], "INPUT").append("-j MASQUERADE")  # of table nat
    assert raised.value.filename == "mangle"
    assert listed(bench) == ""
    assert [len(pyiptc.Chain(table, "INPUT")) for table in tables] == [0, 0, 0]
    with pyiptc.transaction(*tables):
        for table in tables:
            pyiptc.Chain(table, "INPUT").append("-j ACCEPT")
    assert listed(bench).count("accept\n") == 3


@pytest.mark.only_backend("nft", "atomic restore")
def test_restore_of_several_tables_at_once(bench: Bench) -> None:
    text = "*filter\n-A INPUT -j ACCEPT\nCOMMIT\n*mangle\n-A INPUT -j MASQUERADE\nCOMMIT\n"
    family = "ipv6" if bench.family.is_ipv6 else "ipv4"
    with pytest.raises(pyiptc.KernelError):
        pyiptc.restore(text, family, atomic=True)
    assert listed(bench) == ""
    with pytest.raises(pyiptc.PartialCommitError):
        pyiptc.restore(text, family)
    assert bench.oracle.lines(bench.family, "filter") == ["-A INPUT -j ACCEPT"]


# -- who else is there ------------------------------------------------------------------------------------------------


@pytest.mark.only_backend("nft", "conflicts")
def test_changed_while_it_was_edited(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """ERESTART: the edits depend on what was read, so it is read again, and they are done again."""
    bench.fill(1, 2, 3)
    with caplog.at_level("INFO", "pyiptc.table"), bench.table.transaction():
        bench.chain.delete(index=1)
        bench.oracle.append(bench.family, "filter", "INPUT", line(4))
    assert "once more" in caplog.text
    assert bench.numbers() == bench.seen() == [1, 3, 4]


@pytest.mark.only_backend("nft", "conflicts")
def test_conflict(bench: Bench) -> None:
    bench.fill(1, 2, 3)
    with (
        pytest.raises(pyiptc.ConflictError, match="was changed meanwhile"),
        bench.table.transaction(),
    ):
        bench.chain.delete(index=1)
        bench.oracle.insert(bench.family, "filter", "INPUT", line(4))
    assert bench.numbers() == [4, 1, 2, 3]


@pytest.mark.only_backend("nft", "conflicts")
def test_tries_have_a_bound(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.fill(1, 2)
    numbers = iter(range(100, 200))

    def change(*args: Any) -> None:
        bench.oracle.append(bench.family, "filter", "FORWARD", line(next(numbers)))
        commit(*args)

    commit = _kernel.commit
    monkeypatch.setattr(_kernel, "commit", change)
    with (
        pytest.raises(pyiptc.ConflictError, match="in each of 4 tries"),
        bench.table.transaction(retries=3),
    ):
        bench.chain.delete(index=0)
    assert bench.numbers() == [1, 2]
    # What depends on nothing that was read is not sent twice.
    bench.chain.append(bench.rule(3))
    assert bench.numbers() == [1, 2, 3]


@pytest.mark.only_backend("nft", "conflicts")
def test_a_chain_that_is_gone(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The jump was checked before others deleted the chain: the error is the same."""
    bench.table.create_chain("user")

    def change(*args: Any) -> None:
        bench.oracle.iptables(bench.family, "-X", "user", check=False)
        commit(*args)

    commit = _kernel.commit
    monkeypatch.setattr(_kernel, "commit", change)
    with pytest.raises(pyiptc.ChainNotFoundError, match="jump to user"):
        bench.chain.append(bench.rule(1, "user"))
    assert bench.numbers() == []


# -- the choice --------------------------------------------------------------------------------------------------------


@pytest.mark.only_backend("nft", "no ip_tables")
def test_auto(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a namespace without any table, nf_tables; and nothing of ip_tables is touched."""
    chosen = pyiptc.backend("auto")
    assert (chosen.name, chosen.legacy, chosen.nft) == ("nft", (), ())
    table = bench.family.Table("filter", backend="auto")
    assert table is bench.table
    assert (table.backend, table.lock) == ("nft", None)
    assert "nft" in repr(table)
    bench.chain.append("-m conntrack --ctstate NEW -j LOG")
    assert legacy_tables() == ""


@pytest.mark.any_backend
def test_auto_where_there_are_legacy_tables(bench: Bench) -> None:
    bench.oracle.run(bench.family.tool_of("legacy"), "-A", "INPUT", "-j", "ACCEPT")
    chosen = pyiptc.backend("auto")
    assert chosen.name == "legacy"
    assert "only ip_tables" in str(chosen)
    assert bench.family.Table("filter", backend="auto").backend == "legacy"
    # It stays so, whatever comes.
    bench.oracle.run(bench.family.tool_of("nft"), "-A", "INPUT", "-j", "ACCEPT")
    assert pyiptc.backend("auto").name == "legacy"


@pytest.mark.any_backend
def test_auto_where_both_have_tables(bench: Bench) -> None:
    for backend in ("legacy", "nft"):
        bench.oracle.run(bench.family.tool_of(backend), "-A", "INPUT", "-j", "ACCEPT")
    chosen = pyiptc.backend("auto")
    assert chosen.name == "nft"
    assert len(chosen.legacy) == len(chosen.nft) == 1


@pytest.mark.any_backend
def test_what_is_chosen_is_explained(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYIPTC_BACKEND", "nft")
    assert pyiptc.backend().reason == "PYIPTC_BACKEND=nft"
    monkeypatch.delenv("PYIPTC_BACKEND")
    assert pyiptc.backend().name == "legacy"
    assert "default" in pyiptc.backend().reason
    assert pyiptc.backend("nft").reason == "it was asked for"
    monkeypatch.setenv("PYIPTC_BACKEND", "iptables")
    with pytest.raises(ValueError, match="expected one of legacy, nft, auto"):
        bench.family.Table("filter")


@pytest.mark.only_backend("nft", "libiptc")
def test_handle_and_backend(bench: Bench) -> None:
    assert bench.family.Table("filter", handle="nft") is bench.table
    with pytest.raises(ValueError, match="of backend legacy, not nft"):
        bench.family.Table("filter", handle="libiptc", backend="nft")
    assert bench.family.Table("filter", handle="legacy", backend="auto").backend == "legacy"


@pytest.mark.any_backend
def test_the_other_side_is_told_once(bench: Bench) -> None:
    bench.oracle.run(bench.family.tool_of("legacy"), "-A", "INPUT", "-j", "ACCEPT")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for name in ("filter", "nat", "filter"):
            bench.family.Table(name, backend="nft")
    told = [str(warning.message) for warning in caught]
    assert len(told) == 1
    assert "legacy-save" in told[0]
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.only_backend("nft", "forms")
@pytest.mark.parametrize("form", ["portable", "1.8.9", "1.8.11"])
def test_forms(bench: Bench, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """Whichever way rules are written, they are the same rules."""
    monkeypatch.setenv("PYIPTC_NFT_FORM", form)
    bench.chain.append(RULES[0])
    assert bench.oracle.lines(bench.family, "filter", "INPUT") == [f"-A INPUT {RULES[0]}"]
    written = bench.oracle.nft("--debug=netlink", "list", "ruleset").stdout
    assert ("match name tcp" in written) == (form == "portable")
    monkeypatch.setenv("PYIPTC_NFT_FORM", "1.8.3")
    with pytest.raises(ValueError, match="PYIPTC_NFT_FORM"):
        bench.family.Table("mangle")


@pytest.mark.only_backend("nft", "slow limits")
@pytest.mark.parametrize("form", ["portable", "1.8.9", "1.8.11"])
def test_slow_limits(bench: Bench, monkeypatch: pytest.MonkeyPatch, form: str) -> None:
    """xt_limit cannot be as slow; nft's own limit, which iptables-nft and the native forms write, can."""
    monkeypatch.setenv("PYIPTC_NFT_FORM", form)
    text = "-m limit --limit 3/day -j ACCEPT"
    bench.chain.append("-m limit --limit 7/day -j ACCEPT")
    if form == "portable":
        with pytest.raises(pyiptc.KernelError, match="out of range") as raised:
            bench.chain.append(text)
        assert raised.value.errno == errno.ERANGE
        bench.oracle.append(bench.family, "filter", "INPUT", text)
        bench.table.refresh()
        with pytest.raises(pyiptc.KernelError, match="out of range"):
            bench.table.restore(bench.table.save())
    else:
        bench.chain.append(text)
        bench.table.restore(bench.table.save())
    assert [str(rule) for rule in bench.chain.rules][1:] == [text]
