"""Whole tables as text, beside iptables-save and iptables-restore, in both directions."""

from __future__ import annotations

import io
import random
from typing import Any

import pytest

import pyiptc
from support.family import Family, on_nft
from support.oracle import Oracle

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("netns")]

RULES = """\
*mangle
:PREROUTING ACCEPT [1:100]
:INPUT ACCEPT [2:200]
:FORWARD ACCEPT [3:300]
:OUTPUT ACCEPT [4:400]
:POSTROUTING ACCEPT [5:500]
[6:600] -A PREROUTING -i eth0 -j MARK --set-xmark 0x1/0xff
COMMIT
*filter
:INPUT DROP [7:700]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [8:800]
:guests - [0:0]
:other-guests - [0:0]
[9:900] -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
[10:1000] -A INPUT -s {net} -p tcp -m tcp --dport 22 -m comment --comment "it\\'s \\"me\\"" -j guests
[11:1100] -A INPUT -p udp -g other-guests
[12:1200] -A guests ! -s {host} -m limit --limit 5/min -j LOG --log-prefix "guest: "
[13:1300] -A guests
[0:0] -A guests -j RETURN
[14:1400] -A other-guests -j DROP
COMMIT
"""


def ruleset(family: Family) -> str:
    host = "2001:db8::1/128" if family.is_ipv6 else "192.0.2.1/32"
    return RULES.format(net=family.network, host=host)


def tables(text: str) -> dict[str, str]:
    """The tables of a save file by name: their order is the kernel's."""
    return {part.split("\n", 1)[0]: part for part in text.split("*")[1:]}


def test_what_was_restored_is_saved(oracle: Oracle, family: Family) -> None:
    pyiptc.restore(ruleset(family), family.name)
    assert tables(pyiptc.save(family.name, counters=True)) == tables(ruleset(family))
    assert tables(oracle.save(family.name, counters=True)) == tables(ruleset(family))
    table = family.Table("filter")
    assert table.save(counters=True) == "*" + tables(ruleset(family))["filter"]
    assert table.save() == oracle.save(family.name, "filter")


def test_what_the_tool_restored_is_saved(oracle: Oracle, family: Family) -> None:
    oracle.restore(family.name, ruleset(family), counters=True)
    assert tables(pyiptc.save(family.name, counters=True)) == tables(ruleset(family))
    pyiptc.restore(oracle.save(family.name, counters=True), family.name)
    assert tables(oracle.save(family.name, counters=True)) == tables(ruleset(family))


@pytest.mark.parametrize("form", [str, str.encode, io.StringIO, str.splitlines])
def test_forms_of_a_text(oracle: Oracle, form: Any) -> None:
    text = "*filter\n:INPUT ACCEPT [0:0]\n# comment\n\n-A INPUT -j DROP\nCOMMIT\n"
    pyiptc.Table("filter").restore(form(text))
    assert oracle.lines("ipv4", "filter", "INPUT") == ["-A INPUT -j DROP"]


def test_without_counters_all_start_at_zero(oracle: Oracle, family: Family) -> None:
    pyiptc.restore(ruleset(family), family.name, counters=False)
    assert "[7:700]" not in oracle.save(family.name, counters=True)
    assert ":INPUT DROP [0:0]" in oracle.save(family.name)


def test_noflush_keeps_what_is_there(oracle: Oracle) -> None:
    oracle.append("ipv4", "filter", "INPUT", "-s 192.0.2.1 -j DROP")
    oracle.new_chain("ipv4", "filter", "kept")
    text = "*filter\n:new - [0:0]\n-A INPUT -j new\n-I INPUT 2 -p udp -j ACCEPT\nCOMMIT\n"
    pyiptc.Table("filter").restore(text, flush=False)
    assert oracle.lines("ipv4", "filter", "INPUT") == [
        "-A INPUT -s 192.0.2.1/32 -j DROP",
        "-A INPUT -p udp -j ACCEPT",
        "-A INPUT -j new",
    ]
    assert {":kept - [0:0]", ":new - [0:0]"} <= set(oracle.save("ipv4", "filter").splitlines())


COMMANDS = """\
*filter
:INPUT ACCEPT [0:0]
-N one
-N two
--append one -j ACCEPT
-A one -j DROP
-A one -s 192.0.2.1,192.0.2.2 -j DROP
-R one 1 -p tcp -j ACCEPT
-D one 2
-D one -s 192.0.2.2 -j DROP
-I one -p icmp -j ACCEPT
-A two -j DROP
-F two
-X two
-E one three
-P FORWARD DROP
-Z
COMMIT
"""


@pytest.mark.differs("iptables-nft-restore")
def test_commands(oracle: Oracle) -> None:
    """All that iptables-restore takes besides -A; -E it takes too, although nobody says so."""
    pyiptc.restore(COMMANDS)
    ours = oracle.save("ipv4", "filter")
    oracle.iptables("ipv4", "-F")
    oracle.iptables("ipv4", "-X")
    if on_nft():
        # One by one: iptables-nft-restore 1.8.9 crashes where a rule of its own text is replaced.
        for command in COMMANDS.splitlines()[2:-1]:
            oracle.iptables("ipv4", *command.split())
    else:
        oracle.restore("ipv4", COMMANDS)
    assert ours == oracle.save("ipv4", "filter")
    assert "-A three -s 192.0.2.1/32 -j DROP" in ours


WRONG = {
    "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -j\nCOMMIT\n": (3, "requires an argument"),
    "*filter\n-A INPUT -j DROP\n": (3, "COMMIT expected"),
    "-A INPUT -j DROP\n": (1, "no table"),
    "*filter\n*nat\nCOMMIT\n": (2, "has no COMMIT yet"),
    "*nosuch\nCOMMIT\n": (1, "Table does not exist"),
    "*filter\n:INPUT\nCOMMIT\n": (2, "expected a chain"),
    "*filter\n:INPUT ACCEPT [x]\nCOMMIT\n": (2, "invalid policy counters"),
    "*filter\n:INPUT RETURN [0:0]\nCOMMIT\n": (2, "Bad policy name"),
    "*filter\n:a/b c - [0:0] z\nCOMMIT\n": (2, "expected a chain"),
    "*filter\n-A nosuch -j DROP\nCOMMIT\n": (2, "No chain/target/match by that name"),
    "*filter\nnonsense\nCOMMIT\n": (2, "no command specified"),
    "*filter\n[1:2 -A INPUT\nCOMMIT\n": (2, "expected [packets:bytes]"),
    "*filter\n-R INPUT -j DROP\nCOMMIT\n": (2, "-R requires a rule number"),
    "*filter\n-D INPUT 5\nCOMMIT\n": (2, "Index of deletion too big"),
    "*filter\n-D INPUT -j DROP\nCOMMIT\n": (2, "Bad rule"),
}


@pytest.mark.parametrize(("text", "expected"), WRONG.items(), ids=lambda value: repr(value)[:40])
def test_a_wrong_line_changes_nothing(oracle: Oracle, text: str, expected: tuple[int, str]) -> None:
    oracle.append("ipv4", "filter", "INPUT", "-s 192.0.2.1 -j ACCEPT")
    before = oracle.save("ipv4")
    with pytest.raises(pyiptc.RestoreError) as caught:
        pyiptc.restore(text)
    number, reason = expected
    assert caught.value.line_number == number
    assert reason in str(caught.value)
    assert caught.value.line == [*text.splitlines(), ""][number - 1]
    assert oracle.save("ipv4") == before


def test_earlier_tables_stay(oracle: Oracle) -> None:
    text = "*mangle\n-A INPUT -j ACCEPT\nCOMMIT\n*filter\n-A INPUT -j nosuch\nCOMMIT\n"
    with pytest.raises(pyiptc.PartialCommitError) as caught:
        pyiptc.restore(text)
    assert caught.value.committed == ["mangle"]
    assert isinstance(caught.value.__cause__, pyiptc.RestoreError)
    assert oracle.lines("ipv4", "mangle", "INPUT") == ["-A INPUT -j ACCEPT"]
    assert oracle.lines("ipv4", "filter", "INPUT") == []


def test_testing_commits_nothing(oracle: Oracle) -> None:
    pyiptc.restore("*filter\n-A INPUT -j DROP\nCOMMIT\n", test=True)
    assert oracle.lines("ipv4", "filter", "INPUT") == []
    with pytest.raises(pyiptc.RestoreError):
        pyiptc.restore("*filter\n-A INPUT -j nosuch\nCOMMIT\n", test=True)


def test_a_text_for_another_table(oracle: Oracle) -> None:
    with pytest.raises(pyiptc.RestoreError, match="table nat in a text for table filter"):
        pyiptc.Table("filter").restore("*nat\nCOMMIT\n")


def test_many_rules(oracle: Oracle) -> None:
    """Thousands of generated rules: the same text, ours and the tool's."""
    choice = random.Random(4)
    rules = [
        f"-A c{choice.randrange(50)} -s 10.{n >> 8}.{n & 255}.0/24 -p {choice.choice(['tcp', 'udp'])}"
        f" -j {choice.choice(['ACCEPT', 'DROP', 'RETURN'])}"
        for n in range(5000)
    ]
    head = [":INPUT ACCEPT [0:0]", ":FORWARD ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]"]
    names = sorted(f"c{n}" for n in range(50))
    rules.sort(key=lambda rule: rule.split()[1])
    text = "\n".join(
        ["*filter", *head, *(f":{name} - [0:0]" for name in names), *rules, "COMMIT\n"]
    )
    pyiptc.restore(text)
    assert oracle.save("ipv4", "filter") == text
    assert pyiptc.Table("filter").save() == text
