"""Real packets over veth: rules decide about them, and counters say exactly how many there were."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from kernel.conftest import Bench
from support.traffic import Link

pytestmark = pytest.mark.kernel

PORT = 7000
PAYLOAD = b"pyiptc"


def size(bench: Bench) -> int:
    """Bytes of one datagram, as a rule counts them."""
    return (40 if bench.family.is_ipv6 else 20) + 8 + len(PAYLOAD)


def counted(bench: Bench, packets: int) -> tuple[int, int]:
    return packets, packets * size(bench)


def udp(bench: Bench, port: int, target: str) -> Any:
    rule = bench.family.Rule()
    rule.protocol = "udp"
    rule.create_match("udp").dport = str(port)
    rule.create_target(target)
    return rule


def send(bench: Bench, link: Link, count: int, port: int = PORT) -> int:
    return link.send_udp(count, family=bench.family.name, port=port, payload=PAYLOAD)


def counters(bench: Bench, chain: str = "INPUT") -> list[tuple[int, int]]:
    bench.table.refresh()
    return [tuple(rule.counters) for rule in bench.user(chain).rules]


def test_accept_and_drop(bench: Bench, veth: Link) -> None:
    """The first rule that matches decides, and counts."""
    bench.chain.append(udp(bench, PORT, "ACCEPT"))
    bench.chain.append(udp(bench, PORT + 1, "DROP"))
    assert send(bench, veth, 5) == 5
    assert send(bench, veth, 3, PORT + 1) == 0
    assert counters(bench) == [counted(bench, 5), counted(bench, 3)]


def test_inserted_and_deleted_live(bench: Bench, veth: Link) -> None:
    """Each edit is obeyed by the next packet."""
    assert send(bench, veth, 2) == 2
    rule = udp(bench, PORT, "DROP")
    bench.chain.insert(rule)
    assert send(bench, veth, 2) == 0
    bench.chain.replace(udp(bench, PORT, "ACCEPT"), 0)
    assert send(bench, veth, 2) == 2
    bench.chain.insert(rule)
    assert send(bench, veth, 2) == 0
    bench.chain.delete(rule)
    assert send(bench, veth, 2) == 2


def test_policy(bench: Bench, veth: Link) -> None:
    """It decides about what no rule does, and counts that only."""
    bench.chain.append(udp(bench, PORT, "ACCEPT"))
    bench.chain.set_policy("DROP", (0, 0))
    assert send(bench, veth, 2) == 2
    assert send(bench, veth, 4, PORT + 1) == 0
    assert bench.chain.get_counters() == counted(bench, 4)
    assert bench.chain.get_policy().name == "DROP"


def test_jump_return_and_goto(bench: Bench, veth: Link) -> None:
    """A jump comes back, a goto does not."""
    user = bench.table.create_chain("user")
    user.append(udp(bench, PORT + 1, "RETURN"))
    bench.chain.append(udp(bench, PORT, "user"))
    going = udp(bench, PORT + 1, "ACCEPT")
    going.create_target("user", goto=True)
    bench.chain.append(going)
    bench.chain.append(udp(bench, PORT, "DROP"))
    bench.chain.append(udp(bench, PORT + 1, "DROP"))
    assert send(bench, veth, 3, PORT) == 0
    assert send(bench, veth, 2, PORT + 1) == 2  # past the rest, to the policy
    assert counters(bench) == [counted(bench, n) for n in (3, 2, 3, 0)]
    assert counters(bench, "user") == [counted(bench, 2)]


def test_no_target(bench: Bench, veth: Link) -> None:
    """A rule without one counts, and the next decides."""
    bench.chain.append(udp(bench, PORT, ""))
    bench.chain.append(udp(bench, PORT, "DROP"))
    assert send(bench, veth, 3) == 0
    assert counters(bench) == [counted(bench, 3)] * 2


def test_mark_between_tables(bench: Bench, veth: Link) -> None:
    mangle = bench.iptc.Chain(bench.family.Table("mangle"), "PREROUTING")
    marking = udp(bench, PORT, "MARK")
    marking.target.set_mark = "0x7"
    mangle.append(marking)
    marked = bench.family.Rule()
    marked.create_match("mark").mark = "0x7"
    marked.create_target("DROP")
    bench.chain.append(marked)
    assert send(bench, veth, 4) == 0
    assert send(bench, veth, 2, PORT + 1) == 2
    assert counters(bench) == [counted(bench, 4)]


def test_interface_and_addresses(bench: Bench, veth: Link) -> None:
    """Header fields mean what they say, negated too."""
    rules = []
    for field, value in (
        ("in_interface", veth.near.interface),
        ("in_interface", f"!{veth.near.interface}"),
        ("src", veth.far.address(bench.family.name)),
        ("src", f"!{veth.far.address(bench.family.name)}"),
        ("in_interface", f"{veth.near.interface[:2]}+"),
        ("protocol", "!udp"),
    ):
        rule = bench.family.Rule()
        rule.protocol = "udp"
        setattr(rule, field, value)
        rule.create_target("")
        rules.append(rule)
    for rule in rules:
        bench.chain.append(rule)
    assert send(bench, veth, 3) == 3
    assert [packets for packets, _ in counters(bench)] == [3, 0, 3, 0, 3, 0]


def test_counters_are_those_of_the_last_look(bench: Bench, veth: Link) -> None:
    """Read rules stay as they were; refresh() brings what came since."""
    bench.chain.append(udp(bench, PORT, "ACCEPT"))
    send(bench, veth, 2)
    before = bench.chain.rules[0]
    assert before.counters == (0, 0)
    bench.table.refresh()
    assert before.counters == (0, 0)
    assert bench.chain.rules[0].counters == counted(bench, 2)


def test_zero(bench: Bench, veth: Link) -> None:
    bench.chain.append(udp(bench, PORT, "ACCEPT"))
    bench.user("OUTPUT").append(udp(bench, PORT, "ACCEPT"))
    send(bench, veth, 3)
    bench.chain.zero_counters()
    assert counters(bench) == [(0, 0)]
    send(bench, veth, 2)
    assert counters(bench) == [counted(bench, 2)]


def test_counters_start_where_they_are_set(bench: Bench, veth: Link) -> None:
    rule = udp(bench, PORT, "ACCEPT")
    rule.counters = (1000, 2000)
    bench.chain.append(rule)
    send(bench, veth, 2)
    packets, octets = counted(bench, 2)
    assert counters(bench) == [(1000 + packets, 2000 + octets)]


def test_easy_counters(bench: Bench, veth: Link) -> None:
    easy, ipv6 = bench.iptc.easy, bench.family.is_ipv6
    rule = {"protocol": "udp", "udp": {"dport": str(PORT)}, "target": "ACCEPT"}
    easy.add_rule("filter", "INPUT", rule, ipv6=ipv6)
    send(bench, veth, 2)
    assert easy.get_rule_counters("filter", "INPUT", rule, ipv6=ipv6) == counted(bench, 2)


def test_no_packet_is_lost_by_edits(bench: Bench, veth: Link) -> None:
    """A stream goes through one rule while others are added and deleted round it."""
    bench.chain.append(udp(bench, PORT, "ACCEPT"))
    total, edits, stop = 0, 0, threading.Event()
    sent: list[int] = []

    def stream() -> None:
        while not stop.is_set():
            send(bench, veth, 20)  # Some may come late for it; they were counted.
            sent.append(20)

    thread = threading.Thread(target=stream)
    thread.start()
    try:
        while edits < 150:
            bench.chain.insert(bench.rule(edits + 1))
            bench.chain.append(bench.rule(edits + 1, "ACCEPT"))
            bench.chain.delete(index=0)
            edits += 1
    finally:
        stop.set()
        thread.join()
    total = sum(sent)
    assert total > 20
    assert len(sent) > 1
    assert counters(bench)[0] == counted(bench, total)


def test_no_packet_is_lost_by_a_policy(bench: Bench, veth: Link) -> None:
    """The counters of a policy go on, too."""
    bench.chain.set_policy("ACCEPT", (0, 0))
    sent, stop = [], threading.Event()

    def stream() -> None:
        while not stop.is_set():
            send(bench, veth, 20)  # Some may come late for it; they were counted.
            sent.append(20)

    thread = threading.Thread(target=stream)
    thread.start()
    try:
        for number in range(1, 100):
            bench.chain.insert(bench.rule(number))
    finally:
        stop.set()
        thread.join()
    assert sum(sent) > 20
    assert bench.chain.get_counters() == counted(bench, sum(sent))
