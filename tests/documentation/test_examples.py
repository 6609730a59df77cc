"""Every example of python-iptables' README.md and doc/, as it is written there.

The code of each example is the documentation's, line by line, with Python 3's print. What it says
that the code does is then looked for in what iptables prints.
"""

from __future__ import annotations

import socket
from typing import Any

import pytest

from support.family import FAMILIES, Family, on_nft
from support.oracle import Oracle

pytestmark = pytest.mark.kernel


@pytest.fixture
def filter_lines(oracle: Oracle) -> Any:
    """What iptables prints of table filter."""
    return lambda: oracle.lines("ipv4", "filter")


# -- Rules ------------------------------------------------------------------------------------------


def test_header(iptc: Any, filter_lines: Any) -> None:
    """TCP packets coming in on eth0, with a source IP address of 192.168.1.0/255.255.255.0."""
    rule = iptc.Rule()
    rule.in_interface = "eth0"
    rule.src = "192.168.1.0/255.255.255.0"
    rule.protocol = "tcp"

    assert rule.in_interface == "eth0"
    assert rule.src == "192.168.1.0/255.255.255.0"
    assert rule.protocol == "tcp"
    rule.create_target("ACCEPT")
    iptc.Chain(iptc.Table(iptc.Table.FILTER), "INPUT").append_rule(rule)
    assert filter_lines() == ["-A INPUT -s 192.168.1.0/24 -i eth0 -p tcp -j ACCEPT"]


def test_create_match_and_target(iptc: Any) -> None:
    """One can create a match or target via a Rule."""
    rule = iptc.Rule()
    m = rule.create_match("tcp")
    t = rule.create_target("DROP")

    assert rule.matches == [m]
    assert rule.target is t
    assert (m.name, t.name) == ("tcp", "DROP")


def test_add_match_and_target(iptc: Any, filter_lines: Any) -> None:
    """Instantiate them with their constructor and add them to their rule manually."""
    rule = iptc.Rule()
    match = iptc.Match(rule, "tcp")
    target = iptc.Target(rule, "DROP")
    rule.add_match(match)
    rule.target = target

    rule.protocol = "tcp"
    iptc.Chain(iptc.Table(iptc.Table.FILTER), "INPUT").append_rule(rule)
    assert filter_lines() == ["-A INPUT -p tcp -m tcp -j DROP"]


def test_destination_port(iptc: Any, filter_lines: Any) -> None:
    """To set the destination port for a TCP match."""
    rule = iptc.Rule()
    rule.protocol = "tcp"
    match = rule.create_match("tcp")
    match.dport = "80"

    rule.create_target("ACCEPT")
    iptc.Chain(iptc.Table(iptc.Table.FILTER), "INPUT").append_rule(rule)
    assert filter_lines() == ["-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT"]


def test_mark(iptc: Any, filter_lines: Any) -> None:
    """To set up a rule that matches packets marked with 0xff."""
    rule = iptc.Rule()
    rule.protocol = "tcp"
    match = rule.create_match("mark")
    match.mark = "0xff"

    rule.create_target("ACCEPT")
    iptc.Chain(iptc.Table(iptc.Table.FILTER), "INPUT").append_rule(rule)
    assert filter_lines() == ["-A INPUT -p tcp -m mark --mark 0xff -j ACCEPT"]


def test_state(iptc: Any, filter_lines: Any) -> None:
    """This will work."""
    rule = iptc.Rule()
    rule.protocol = "tcp"
    rule.target = iptc.Target(rule, "ACCEPT")
    match = iptc.Match(rule, "state")
    chain = iptc.Chain(iptc.Table(iptc.Table.FILTER), "INPUT")
    match.state = "RELATED,ESTABLISHED"
    rule.add_match(match)
    chain.insert_rule(rule)

    assert filter_lines() == ["-A INPUT -p tcp -m state --state RELATED,ESTABLISHED -j ACCEPT"]


def test_state_that_does_not_exist(iptc: Any, filter_lines: Any) -> None:
    """However, if you change the state parameter, python-iptables will throw an exception."""
    rule = iptc.Rule()
    rule.protocol = "tcp"
    rule.target = iptc.Target(rule, "ACCEPT")
    match = iptc.Match(rule, "state")
    chain = iptc.Chain(iptc.Table(iptc.Table.FILTER), "INPUT")
    with pytest.raises(iptc.xtables.XTablesError, match="FOOBAR"):
        match.state = "RELATED,ESTABLISHED,FOOBAR"
    assert chain.rules == []
    assert filter_lines() == []


def test_comment(iptc: Any, filter_lines: Any) -> None:
    """Certain parameters take a string that optionally consists of multiple words."""
    rule = iptc.Rule()
    rule.src = "127.0.0.1"
    rule.protocol = "udp"
    rule.target = rule.create_target("ACCEPT")
    match = rule.create_match("comment")
    match.comment = "this is a test comment"
    chain = iptc.Chain(iptc.Table(iptc.Table.FILTER), "INPUT")
    chain.insert_rule(rule)

    assert filter_lines() == [
        '-A INPUT -s 127.0.0.1/32 -p udp -m comment --comment "this is a test comment" -j ACCEPT'
    ]


def test_set(iptc: Any, oracle: Oracle, filter_lines: Any) -> None:
    """An ipset called blacklist; a list is used for the parameter value."""
    oracle.ipset("create", "blacklist", "hash:ip")

    rule = iptc.Rule()
    m = rule.create_match("set")
    m.match_set = ["blacklist", "src"]

    assert m.match_set == "blacklist src"
    rule.create_target("DROP")
    chain = iptc.Chain(iptc.Table(iptc.Table.FILTER), "INPUT")
    chain.insert_rule(rule)
    assert filter_lines() == ["-A INPUT -m set --match-set blacklist src -j DROP"]


# -- Chains and tables ------------------------------------------------------------------------------


def test_print_all_rules(iptc: Any, oracle: Oracle, capsys: pytest.CaptureFixture[str]) -> None:
    """To print out all rules in the FILTER table."""
    oracle.append("ipv4", "filter", "INPUT", "-s 10.0.0.0/8 -i eth0 -p tcp --dport 22 -j ACCEPT")
    oracle.append("ipv4", "filter", "FORWARD", "! -o eth+ -m state --state NEW -j LOG")

    table = iptc.Table(iptc.Table.FILTER)
    for chain in table.chains:
        print("=======================")
        print("Chain ", chain.name)
        for rule in chain.rules:
            print("Rule", "proto:", rule.protocol, "src:", rule.src, "dst:",
                  rule.dst, "in:", rule.in_interface, "out:", rule.out_interface, end=" ")  # fmt: skip
            print("Matches:", end=" ")
            for match in rule.matches:
                print(match.name, end=" ")
            print("Target:", end=" ")
            print(rule.target.name)
    print("=======================")

    assert capsys.readouterr().out.splitlines() == [
        "=======================",
        "Chain  INPUT",
        (
            "Rule proto: tcp src: 10.0.0.0/255.0.0.0 dst: 0.0.0.0/0.0.0.0 in: eth0 out: None"
            " Matches: tcp Target: ACCEPT"
        ),
        "=======================",
        "Chain  FORWARD",
        (
            "Rule proto: ip src: 0.0.0.0/0.0.0.0 dst: 0.0.0.0/0.0.0.0 in: None out: !eth+"
            " Matches: state Target: LOG"
        ),
        "=======================",
        "Chain  OUTPUT",
        "=======================",
    ]


TABLES = {
    "FILTER": ["INPUT", "FORWARD", "OUTPUT"],
    "NAT": ["PREROUTING", "INPUT", "OUTPUT", "POSTROUTING"],
    "MANGLE": ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"],
    "RAW": ["PREROUTING", "OUTPUT"],
    "SECURITY": ["INPUT", "FORWARD", "OUTPUT"],
}


@pytest.mark.parametrize("constant", TABLES)
def test_tables(iptc: Any, family: Family, constant: str, oracle: Oracle) -> None:
    """Rules are organized into chains, and chains are in tables: the same set for both families."""
    table_class = family.Table
    table = table_class(getattr(table_class, constant))

    assert table.name == constant.lower()
    assert table is table_class(constant.lower())
    assert [chain.name for chain in table.chains] == TABLES[constant]
    assert all(table.builtin_chain(chain) for chain in table.chains)
    rule = family.Rule()
    rule.create_target("ACCEPT")
    for chain in table.chains:
        chain.append_rule(rule)
    assert oracle.lines(family, table.name) == [
        f"-A {chain} -j ACCEPT" for chain in TABLES[constant]
    ]


def test_access_table(iptc: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """To access a table."""
    table = iptc.Table(iptc.Table.FILTER)
    print(table.name)

    assert capsys.readouterr().out == "filter\n"


def test_create_chain(iptc: Any, oracle: Oracle) -> None:
    """To create a new chain in the FILTER table."""
    table = iptc.Table(iptc.Table.FILTER)
    chain = table.create_chain("testchain")

    assert chain.name == "testchain"
    listed = oracle.iptables("ipv4", "-L", "-n").stdout
    assert "\nChain testchain (0 references)\ntarget     prot opt source " in listed


def test_access_chain(iptc: Any, oracle: Oracle) -> None:
    """To access an existing chain."""
    for port in range(10):
        oracle.append("ipv4", "filter", "INPUT", f"-p udp --dport {port} -j DROP")

    table = iptc.Table(iptc.Table.FILTER)
    chain = iptc.Chain(table, "INPUT")
    assert chain.name == "INPUT"
    assert len(chain.rules) == 10


def test_chain_is_found_renamed_and_deleted(iptc: Any, oracle: Oracle) -> None:
    """What else a program does with chains."""
    table = iptc.Table(iptc.Table.FILTER)
    chain = table.create_chain("testchain")
    assert table.is_chain("testchain")
    assert chain in table.chains
    assert not table.builtin_chain("testchain")
    with pytest.raises(iptc.IPTCError, match="Chain already exists"):
        table.create_chain("testchain")
    chain.rename("renamed")
    assert not table.is_chain("testchain")
    assert oracle.iptables("ipv4", "-S").stdout.splitlines()[-1] == "-N renamed"
    iptc.Chain(table, "renamed").delete()
    assert not table.is_chain("renamed")
    assert "renamed" not in oracle.iptables("ipv4", "-S").stdout


# -- More about matches and targets -----------------------------------------------------------------


def test_drop(iptc: Any, filter_lines: Any) -> None:
    """Packets with source address 127.0.0.1/255.0.0.0 coming in on any of the eth interfaces."""
    chain = iptc.Chain(iptc.Table(iptc.Table.FILTER), "INPUT")
    rule = iptc.Rule()
    rule.in_interface = "eth+"
    rule.src = "127.0.0.1/255.0.0.0"
    target = iptc.Target(rule, "DROP")
    rule.target = target
    chain.insert_rule(rule)

    assert filter_lines() == ["-A INPUT -s 127.0.0.0/8 -i eth+ -j DROP"]


def test_drop_with_create_target(iptc: Any, filter_lines: Any) -> None:
    """The former also adds the match or target to the rule, saving a call."""
    chain = iptc.Chain(iptc.Table(iptc.Table.FILTER), "INPUT")
    rule = iptc.Rule()
    rule.in_interface = "eth+"
    rule.src = "127.0.0.1/255.0.0.0"
    target = rule.create_target("DROP")
    chain.insert_rule(rule)

    assert rule.target is target
    assert filter_lines() == ["-A INPUT -s 127.0.0.0/8 -i eth+ -j DROP"]


def test_set_mark(iptc: Any, oracle: Oracle) -> None:
    """Mark packets going to 192.168.1.2 UDP port 1234 with 0xffff."""
    chain = iptc.Chain(iptc.Table(iptc.Table.MANGLE), "PREROUTING")
    rule = iptc.Rule()
    rule.dst = "192.168.1.2"
    rule.protocol = "udp"
    match = iptc.Match(rule, "udp")
    match.dport = "1234"
    rule.add_match(match)
    target = iptc.Target(rule, "MARK")
    target.set_mark = "0xffff"
    rule.target = target
    chain.insert_rule(rule)

    assert oracle.lines("ipv4", "mangle") == [
        (
            "-A PREROUTING -d 192.168.1.2/32 -p udp -m udp --dport 1234"
            " -j MARK --set-xmark 0xffff/0xffffffff"
        )
    ]


def test_masquerade(iptc: Any, oracle: Oracle) -> None:
    """To insert a rule to NAT TCP packets going out via eth0."""
    chain = iptc.Chain(iptc.Table(iptc.Table.NAT), "POSTROUTING")
    rule = iptc.Rule()
    rule.protocol = "tcp"
    rule.out_interface = "eth0"
    target = iptc.Target(rule, "MASQUERADE")
    target.to_ports = "1234"
    rule.target = target
    chain.insert_rule(rule)

    assert oracle.lines("ipv4", "nat") == [
        "-A POSTROUTING -o eth0 -p tcp -j MASQUERADE --to-ports 1234"
    ]


def test_two_matches(iptc: Any, filter_lines: Any) -> None:
    """Using the iprange and the tcp matches."""
    rule = iptc.Rule()
    rule.protocol = "tcp"
    match = iptc.Match(rule, "tcp")
    match.dport = "22"
    rule.add_match(match)
    match = iptc.Match(rule, "iprange")
    match.src_range = "192.168.1.100-192.168.1.200"
    match.dst_range = "172.22.33.106"
    rule.add_match(match)
    rule.target = iptc.Target(rule, "DROP")
    chain = iptc.Chain(iptc.Table(iptc.Table.FILTER), "INPUT")
    chain.insert_rule(rule)

    assert filter_lines() == [
        (
            "-A INPUT -p tcp -m tcp --dport 22 -m iprange --src-range 192.168.1.100-192.168.1.200"
            " --dst-range 172.22.33.106-172.22.33.106 -j DROP"
        )
    ]


def test_negation(iptc: Any, oracle: Oracle) -> None:
    """You can of course negate matches."""
    rule = iptc.Rule()
    match = iptc.Match(rule, "mac")
    match.mac_source = "!00:11:22:33:44:55"
    rule.add_match(match)
    rule.target = iptc.Target(rule, "ACCEPT")
    chain = iptc.Chain(iptc.Table(iptc.Table.FILTER), "INPUT")
    chain.insert_rule(rule)

    assert oracle.lines("ipv4", "filter") == [
        "-A INPUT -m mac ! --mac-source 00:11:22:33:44:55 -j ACCEPT"
    ]
    listed = oracle.iptables("ipv4", "-L", "-n").stdout.split()
    start = listed.index("MAC")
    assert listed[start : start + 3] == ["MAC", "!", "00:11:22:33:44:55"]


# -- Counters ---------------------------------------------------------------------------------------

PAYLOAD = b"x" * 12
SIZE = 20 + 8 + len(PAYLOAD)
"""IPv4 header, UDP header, payload."""


def send_packets(count: int, port: int = 4242) -> None:
    """Please send some traffic: UDP over the loopback interface, from a known port."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("127.0.0.1", 0))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind(("127.0.0.1", port))
            for _ in range(count):
                sender.sendto(PAYLOAD, receiver.getsockname())


@pytest.fixture
def output_rules(oracle: Oracle) -> None:
    """Rules that count, in chain OUTPUT."""
    oracle.append("ipv4", "filter", "OUTPUT", "-p udp -j ACCEPT")
    oracle.append("ipv4", "filter", "OUTPUT", "-p tcp -j ACCEPT")


@pytest.mark.usefixtures("output_rules")
def test_counters(iptc: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """You can query rule and chain counters."""
    send_packets(3)

    table = iptc.Table(iptc.Table.FILTER)
    chain = iptc.Chain(table, "OUTPUT")
    for rule in chain.rules:
        (packets, bytes) = rule.get_counters()
        print(packets, bytes)

    assert capsys.readouterr().out == f"3 {3 * SIZE}\n0 0\n"


@pytest.mark.usefixtures("output_rules")
def test_counters_without_refresh(iptc: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The same counter values even if there was traffic hitting your rules."""
    table = iptc.Table(iptc.Table.FILTER)
    chain = iptc.Chain(table, "OUTPUT")
    for rule in chain.rules:
        (packets, bytes) = rule.get_counters()
        print(packets, bytes)
    print("Please send some traffic")
    send_packets(5)
    for rule in chain.rules:
        # Here you will get back the same counter values as above
        (packets, bytes) = rule.get_counters()
        print(packets, bytes)

    assert capsys.readouterr().out == "0 0\n0 0\nPlease send some traffic\n0 0\n0 0\n"


@pytest.mark.usefixtures("output_rules")
def test_counters_with_refresh(iptc: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """You have to refresh your table to update your counters."""
    table = iptc.Table(iptc.Table.FILTER)
    chain = iptc.Chain(table, "OUTPUT")
    for rule in chain.rules:
        (packets, bytes) = rule.get_counters()
        print(packets, bytes)
    print("Please send some traffic")
    send_packets(7)
    table.refresh()  # Here: refresh table to update rule counters
    for rule in chain.rules:
        (packets, bytes) = rule.get_counters()
        print(packets, bytes)

    assert capsys.readouterr().out == f"0 0\n0 0\nPlease send some traffic\n7 {7 * SIZE}\n0 0\n"


@pytest.mark.differs("uncounted policies")
def test_counters_with_port(iptc: Any, oracle: Oracle, capsys: pytest.CaptureFixture[str]) -> None:
    """Rule and chain counters together with the protocol and sport."""
    oracle.append("ipv4", "filter", "OUTPUT", "-p tcp --sport 80")
    oracle.append("ipv4", "filter", "OUTPUT", "-p tcp --sport 22")
    oracle.append("ipv4", "filter", "OUTPUT", "-p udp --sport 4242")
    send_packets(2)

    table = iptc.Table(iptc.Table.FILTER)
    chain = iptc.Chain(table, "OUTPUT")
    for rule in chain.rules:
        for match in rule.matches:
            (packets, bytes) = rule.get_counters()
            print(packets, bytes, match.name, match.sport)

    assert capsys.readouterr().out == f"0 0 tcp 80\n0 0 tcp 22\n2 {2 * SIZE} udp 4242\n"
    if not on_nft():  # of a chain that iptables-nft 1.8.9 has made the policy counts nothing
        assert chain.get_counters() == (2, 2 * SIZE)


# -- Autocommit -------------------------------------------------------------------------------------


@pytest.fixture
def forward_rules(oracle: Oracle) -> list[str]:
    """Rules in chain FORWARD, some of them for eth0; those that are not."""
    for number, interface in enumerate(["eth0", "eth1", "eth0", "eth0", "eth2", "eth0"]):
        rule = f"-s 10.0.0.{number} -o {interface} -j ACCEPT"
        oracle.append("ipv4", "filter", "FORWARD", rule)
    oracle.append("ipv4", "filter", "FORWARD", "-j DROP")
    return [line for line in oracle.lines("ipv4", "filter") if "eth0" not in line]


def test_remove_with_autocommit(iptc: Any, filter_lines: Any, forward_rules: list[str]) -> None:
    """After the first delete operation you have to restart the traversal."""
    table = iptc.Table(iptc.Table.FILTER)
    removed = True
    chain = iptc.Chain(table, "FORWARD")
    while removed == True:  # noqa: E712
        removed = False
        for rule in chain.rules:
            if rule.out_interface and "eth0" in rule.out_interface:
                chain.delete_rule(rule)
                removed = True
                break

    assert filter_lines() == forward_rules


def test_remove_in_batch(iptc: Any, filter_lines: Any, forward_rules: list[str]) -> None:
    """Disable autocommits, traverse the chain, removing one or more rules, then commit it."""
    before = filter_lines()
    table = iptc.Table(iptc.Table.FILTER)
    table.autocommit = False
    chain = iptc.Chain(table, "FORWARD")
    for rule in chain.rules:
        if rule.out_interface and "eth0" in rule.out_interface:
            chain.delete_rule(rule)
    assert filter_lines() == before
    table.commit()
    table.autocommit = True

    assert filter_lines() == forward_rules


def test_autocommit_is_the_table_s(iptc: Any) -> None:
    """Table is a singleton; autocommit disabled is disabled for all instances of that Table."""
    table = iptc.Table(iptc.Table.FILTER)
    table.autocommit = False
    assert iptc.Table(iptc.Table.FILTER).autocommit is False
    table.autocommit = True
    assert iptc.Table(iptc.Table.FILTER).autocommit is True


# -- High level abstractions ------------------------------------------------------------------------


def test_easy_dump(iptc: Any, oracle: Oracle) -> None:
    """iptc.easy.dump_table and dump_chain."""
    oracle.restore(
        "ipv4",
        "*filter\n[1:56] -A OUTPUT -d 8.8.8.8/32 -p udp -m udp --dport 53"
        ' -m comment --comment "DNS traffic to Google" -j ACCEPT\nCOMMIT\n',
        counters=True,
    )
    assert iptc.easy.dump_table("nat", ipv6=False) == {
        "INPUT": [],
        "OUTPUT": [],
        "POSTROUTING": [],
        "PREROUTING": [],
    }
    assert iptc.easy.dump_chain("filter", "OUTPUT", ipv6=False) == [
        {
            "comment": {"comment": "DNS traffic to Google"},
            "counters": (1, 56),
            "dst": "8.8.8.8/32",
            "protocol": "udp",
            "target": "ACCEPT",
            "udp": {"dport": "53"},
        }
    ]


def test_easy_chain(iptc: Any, filter_lines: Any) -> None:
    """iptc.easy.add_chain, insert_rule, delete_chain."""
    assert iptc.easy.add_chain("filter", "TestChain") is True
    rule_d = {"protocol": "tcp", "target": "ACCEPT", "tcp": {"dport": "22"}}
    iptc.easy.insert_rule("filter", "TestChain", rule_d)
    assert filter_lines() == ["-A TestChain -p tcp -m tcp --dport 22 -j ACCEPT"]
    assert iptc.easy.dump_chain("filter", "TestChain") == [{**rule_d, "counters": (0, 0)}]
    iptc.easy.delete_chain("filter", "TestChain", flush=True)
    assert not iptc.easy.has_chain("filter", "TestChain")


def test_easy_goto(iptc: Any, filter_lines: Any) -> None:
    """Example of goto rule // iptables -A FORWARD -p gre -g TestChainGoto."""
    iptc.easy.add_chain("filter", "TestChainGoto")
    rule_goto_d = {"protocol": "gre", "target": {"goto": "TestChainGoto"}}
    iptc.easy.insert_rule("filter", "FORWARD", rule_goto_d)

    assert filter_lines() == ["-A FORWARD -p gre -g TestChainGoto"]


def test_easy_rule(iptc: Any) -> None:
    """An iptc.Rule object from a dictionary, and a dictionary from the iptc.Rule."""
    rule_d = {
        "comment": {"comment": "Match tcp.22"},
        "protocol": "tcp",
        "target": "ACCEPT",
        "tcp": {"dport": "22"},
    }
    rule = iptc.easy.encode_iptc_rule(rule_d)
    assert iptc.easy.decode_iptc_rule(rule) == {**rule_d, "counters": (0, 0)}


# -- Known issues that are none ---------------------------------------------------------------------


def test_hashlimit_without_expire(iptc: Any, family: Family, oracle: Oracle) -> None:
    """The hashlimit match no longer needs hashlimit_htable_expire."""
    rule = family.Rule()
    match = rule.create_match("hashlimit")
    match.hashlimit_name = "documented"
    match.hashlimit_upto = "5/min"
    match.hashlimit_mode = "srcip"
    rule.create_target("ACCEPT")
    family.chain("filter", "INPUT").insert_rule(rule)

    assert oracle.lines(family, "filter") == [
        (
            "-A INPUT -m hashlimit --hashlimit-upto 5/min --hashlimit-burst 5 --hashlimit-mode srcip"
            " --hashlimit-name documented -j ACCEPT"
        )
    ]


@pytest.mark.parametrize("family_name", FAMILIES)
def test_notrack(iptc: Any, family_name: str, oracle: Oracle) -> None:
    """The NOTRACK target is no longer problematic."""
    family = FAMILIES[family_name]
    rule = family.Rule()
    rule.create_target("NOTRACK")
    chain = family.chain("raw", "PREROUTING")
    chain.insert_rule(rule)

    oracle.append(family, "raw", "PREROUTING", "-j NOTRACK")
    ours, theirs = oracle.lines(family, "raw")
    assert ours == theirs
    chain.table.refresh()
    (read, other) = chain.rules
    assert read == rule == other
    assert read.target.name == "NOTRACK"
