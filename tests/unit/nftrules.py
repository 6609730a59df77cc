"""Rules, packets and expressions for the tests of the nf_tables codec, drawn by hypothesis."""

from __future__ import annotations

import struct
from random import Random

from hypothesis import strategies as st

from pyiptc._blob import Entry
from support import rawnft
from support.family import Family
from unit.meaning import ICMP, ICMPV6, TCP, UDP, Packet

_few_ports = st.sampled_from([0, 1, 2, 3, 80, 1024, 65534, 65535])
_ports = st.one_of(_few_ports, st.integers(0, 65535))
_not = st.sampled_from(["", "! "])
_flags = st.sampled_from(["SYN,ACK SYN", "ALL NONE", "FIN,SYN,RST,ACK SYN", "ALL ALL", "URG URG"])


@st.composite
def _range(draw: st.DrawFn, inverted: bool) -> str:
    low, high = sorted((draw(_ports), draw(_ports)))
    if inverted and low == 0:
        low = high = high or 1  # `! 0:n` comes back as n+1:65535, see test_inverted_from_zero
    return draw(st.sampled_from([f"{low}:{high}", str(low)]))


@st.composite
def _ported(draw: st.DrawFn, protocol: str) -> str:
    parts = [f"-p {protocol} -m {protocol}"]
    for option in ("--sport", "--dport"):
        if draw(st.booleans()):
            sign = draw(_not)
            parts.append(f"{sign}{option} {draw(_range(bool(sign)))}")
    if protocol == "tcp" and draw(st.booleans()):
        parts.append(f"{draw(_not)}--tcp-flags {draw(_flags)}")
    return " ".join(parts)


def _addresses(family: Family) -> st.SearchStrategy[str]:
    if family.is_ipv6:
        return st.sampled_from(
            ["2001:db8::1", "2001:db8::/32", "2001:db8::/33", "fe80::/10", "::/1", "::1/ffff::ffff"]
        )
    return st.sampled_from(
        ["10.0.0.1", "10.0.0.0/8", "10.0.0.0/9", "10.0.1.0/24", "0.0.0.0/1", "0.0.0.1/0.0.255.255"]
    )


@st.composite
def texts(draw: st.DrawFn, family: Family, only_tests: bool = False) -> str:
    """A rule of what is written natively, and a little else; *only_tests*: that have a meaning."""
    parts = []
    for option, values in (
        ("-s", _addresses(family)),
        ("-d", _addresses(family)),
        ("-i", st.sampled_from(["eth0", "eth+", "abcdefghijklmno", "a"])),
        ("-o", st.sampled_from(["eth1", "e+", "wlan0"])),
    ):
        if draw(st.booleans()):
            parts.append(f"{draw(_not)}{option} {draw(values)}")
    if not family.is_ipv6 and draw(st.booleans()):
        parts.append(f"{draw(_not)}-f")
    parts.append(draw(st.one_of(_ported("tcp"), _ported("udp"), st.sampled_from(["", "-p 47"]))))
    if draw(st.booleans()):
        mark, mask = draw(st.integers(0, 7)), draw(st.sampled_from(["", "/3", "/0x80000007"]))
        parts.append(f"-m mark {draw(_not)}--mark {mark}{mask}")
    if draw(st.booleans()):
        parts.append("-m comment --comment x")
    if only_tests:
        return " ".join(parts)
    if draw(st.booleans()):
        rate = draw(st.sampled_from(["1/day", "7/hour", "30/min", "9999/sec", "3/sec"]))
        parts.append(f"-m limit --limit {rate} --limit-burst {draw(st.integers(1, 99))}")
    if draw(st.booleans()):
        parts.append("-m conntrack --ctstate NEW")
    if draw(st.booleans()):
        parts.append(f"-c {draw(st.integers(0, 2**64 - 1))} {draw(st.integers(0, 2**64 - 1))}")
    parts.append(
        draw(
            st.sampled_from(
                [
                    *("", "-j ACCEPT", "-j DROP", "-j RETURN", "-j other", "-g other", "-j TRACE"),
                    *("-j NFLOG", "-j NFLOG --nflog-group 9 --nflog-prefix x --nflog-size 5"),
                    *("-j LOG --log-prefix y", "-j MARK --set-xmark 0x1/0x3"),
                ]
            )
        )
    )
    return " ".join(parts)


def entry_of(family: Family, rule: str) -> Entry:
    """What a rule's text compiles to, with a chain `other` in the table."""
    entry: Entry = family.Rule.parse(rule)._compile(lambda name: name == "other")
    return entry


@st.composite
def packets(draw: st.DrawFn, family: Family) -> Packet:
    if family.is_ipv6:
        addresses = [
            *("20010db8000000000000000000000001", "20010db8800000000000000000000000"),
            *("fe800000000000000000000000000001", "00000000000000000000000000000001"),
        ]
        network = struct.pack("!4xHBB", 20, 6, draw(st.integers(0, 255)))
    else:
        addresses = ["0a000001", "0a000102", "0a800001", "80000001", "00000001"]
        fragment = draw(st.sampled_from([0, 0, 0, 0x2000, 5, 0x2001]))
        network = struct.pack("!6xHB3x", fragment, draw(st.integers(0, 255)))
    for _ in range(2):
        network += bytes.fromhex(draw(st.sampled_from(addresses)))
    transport = struct.pack("!2H9xB6x", draw(_ports), draw(_ports), draw(st.integers(0, 63)))
    protocol = draw(st.sampled_from([TCP, TCP, UDP, UDP, ICMP, ICMPV6, 47]))
    if not family.is_ipv6:
        network = network[:9] + bytes([protocol]) + network[10:]
    if protocol in (ICMP, ICMPV6):
        transport = bytes([draw(st.integers(0, 9)), draw(st.integers(0, 3))]) + transport[2:]
    names = st.sampled_from([b"eth0", b"eth1", b"e", b"a", b"abcdefghijklmno", b"wlan0", b"wlan"])
    return Packet(
        network=network,
        transport=transport,
        protocol=protocol,
        incoming=draw(names),
        outgoing=draw(names),
        mark=draw(st.one_of(st.integers(0, 9), st.sampled_from([0x80000005, 0x80000000]))),
        kind=draw(st.integers(0, 3)),
    )


_FEW = [0, 1, 2, 3, 6, 10, 17]
"""Bytes that are in packets and expressions alike, or tests would hardly ever be true."""


def narrow_packet(chance: Random, family: Family, protocol: int) -> Packet:
    """A packet of bytes that :func:`expressions` compares with, mostly of one protocol."""

    def few() -> int:
        return chance.choice(_FEW)

    size = 16 if family.is_ipv6 else 4
    pair = [bytes([few(), *bytes(size - 2), few()]) for _ in range(2)]
    protocol = chance.choice([protocol, protocol, protocol, TCP])
    if family.is_ipv6:
        network = struct.pack("!4xHBB", 20, protocol, few())
    else:
        network = struct.pack("!6xHBB2x", chance.choice([0, 0, 0, 0x2000, 5]), few(), protocol)
    ports = [chance.choice([0, 0, few()]), few(), chance.choice([0, 0, few()]), few()]
    return Packet(
        network=network + b"".join(pair),
        transport=bytes(ports) + struct.pack("!9xB6x", few()),
        protocol=protocol,
        incoming=chance.choice([b"eth0", b"eth1", b"e", b"a"]),
        outgoing=chance.choice([b"eth0", b"eth", b"a", b"b"]),
        mark=few(),
        kind=chance.randrange(4),
    )


# -- expressions that nobody writes in this order ----------------------------------------------------

META = {3: 4, 6: 16, 7: 16, 16: 1, 19: 1}
"""Keys and their sizes."""


def value(kind: int, data: bytes) -> bytes:
    return rawnft.attribute(kind, rawnft.attribute(1, data))


def load_meta(key: int, register: int = 1) -> bytes:
    return rawnft.expression("meta", rawnft.be32(2, key), rawnft.be32(1, register))


def load_payload(base: int, offset: int, size: int, register: int = 1) -> bytes:
    numbers = enumerate((register, base, offset, size), 1)
    return rawnft.expression("payload", *(rawnft.be32(kind, number) for kind, number in numbers))


def bitwise(mask: bytes, xor: bytes | None = None, register: int = 1) -> bytes:
    head = (rawnft.be32(1, register), rawnft.be32(2, register), rawnft.be32(3, len(mask)))
    return rawnft.expression(
        "bitwise", *head, rawnft.be32(6, 0), value(4, mask), value(5, xor or bytes(len(mask)))
    )


def cmp(op: int, data: bytes, register: int = 1) -> bytes:
    return rawnft.expression("cmp", rawnft.be32(1, register), rawnft.be32(2, op), value(3, data))


def within(op: int, low: bytes, high: bytes) -> bytes:
    head = (rawnft.be32(1, 1), rawnft.be32(2, op))
    return rawnft.expression("range", *head, value(3, low), value(4, high))


def counter(packets_: int = 0, bytes_: int = 0) -> bytes:
    return rawnft.expression("counter", rawnft.be64(1, bytes_), rawnft.be64(2, packets_))


def verdict(code: int, chain: str | None = None) -> bytes:
    name = b"" if chain is None else rawnft.text(2, chain)
    inner = rawnft.attribute(2, rawnft.be32(1, code), name)
    return rawnft.expression("immediate", rawnft.be32(1, 0), rawnft.attribute(2, inner))


def match(name: str, info: bytes, revision: int = 0, kind: str = "match") -> bytes:
    return rawnft.expression(
        kind, rawnft.text(1, name), rawnft.be32(2, revision), rawnft.attribute(3, info)
    )


ACCEPT = verdict(1)


def _places(family: Family, protocol: int) -> list[tuple[int, int, int]]:
    """Base, offset and size of what may be loaded."""
    transport = {
        TCP: [(2, 0, 2), (2, 2, 2), (2, 0, 4), (2, 13, 1), (2, 4, 4), (2, 2, 4)],
        UDP: [(2, 0, 2), (2, 2, 2), (2, 0, 4), (2, 13, 1)],
        ICMP: [(2, 0, 1), (2, 1, 1), (2, 0, 2), (2, 0, 1), (2, 1, 1)],
        ICMPV6: [(2, 0, 1), (2, 1, 1), (2, 0, 2), (2, 0, 1), (2, 1, 1)],
    }.get(protocol, [(2, 0, 2)])
    if family.is_ipv6:
        return [*transport, (1, 8, 16), (1, 24, 16), (1, 8, 4), (1, 7, 1), (1, 7, 1), (1, 6, 1)]
    network = [(1, 12, 4), (1, 16, 4), (1, 12, 1), (1, 12, 8), (1, 8, 1), (1, 9, 1), (1, 6, 2)]
    return [*transport, *network, (1, 8, 1)]


def _compared(chance: Random, key: int, size: int) -> bytes:
    """What a load may be compared with: of meta *key*, or 0."""
    first, last = chance.choice(_FEW), chance.choice(_FEW)
    if key in (6, 7):
        return chance.choice([b"eth0\0", b"eth", b"a\0", b"eth1\0", b"INVAL/D\0", b"e"])
    if key == 16:
        return chance.choice([b"\x06", b"\x11", b"\x01", b"\x3a"])
    if key == 3:
        return struct.pack("=I", first)
    if size == 4 and chance.randrange(2):
        return bytes([0, first, 0, last])
    if size == 2 and chance.randrange(2):
        return bytes([0, last])
    return bytes([first, *bytes(max(0, size - 2)), last])[:size]


def _one_test(chance: Random, family: Family, protocol: int) -> bytes:
    if chance.randrange(3) == 0:
        key = chance.choice(sorted(META))
        size, load = META[key], load_meta(key)
    else:
        base, offset, size = chance.choice(_places(family, protocol))
        key, load = 0, load_payload(base, offset, size)
    first = _compared(chance, key, size)
    parts = [load]
    if chance.randrange(5) == 0:
        bits = chance.choice([b"\xff", b"\x0f", b"\x1f", b"\0"]) + b"\xff" * (size - 1)
        parts.append(bitwise(bits, chance.choice([bytes(size), b"\1".rjust(size, b"\0")])))
    if chance.randrange(6) == 0:
        other = _compared(chance, key, size).ljust(len(first), b"\0")[: len(first)]
        parts.append(within(chance.randrange(2), *sorted((first, other))))
    else:
        parts.append(cmp(chance.choice([0, 0, 0, 1, 1, 2, 3, 4, 5]), first))
        if chance.randrange(6) == 0:
            parts.append(cmp(chance.randrange(6), _compared(chance, key, size)))
    return b"".join(parts)


def expressions(chance: Random, family: Family, protocol: int) -> bytes:
    """Tests in any order, mostly after that of the protocol."""
    parts = [load_meta(16) + cmp(0, bytes([protocol]))] if chance.randrange(8) else []
    parts += [_one_test(chance, family, protocol) for _ in range(chance.choice([1, 1, 2, 3]))]
    end = chance.choice([b"", counter(), counter() + ACCEPT, ACCEPT])
    return b"".join(parts) + end
