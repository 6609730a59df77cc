"""What a rule means: whether it takes a packet, asked of its entry and of its expressions.

Two small machines, one written from what ip_tables does with an entry, one from what nf_tables does
with expressions, for the tests that both can say. Whatever the codec makes of one has to take the
same packets as the other.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from pyiptc._blob import PAYLOAD_HEADER, Entry, payload_name
from support import rawnft

TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58
SOURCE_INVERTED, DESTINATION_INVERTED, PROTOCOL_INVERTED = 0x08, 0x10, 0x40
IN_INVERTED, OUT_INVERTED, FRAGMENT_INVERTED = 0x01, 0x02, 0x20


class BreakError(Exception):
    """There are no such bytes in the packet: the rule is left."""


@dataclass(frozen=True)
class Packet:
    """What the tests can ask of one."""

    network: bytes
    """Its IP header: 20 bytes or 40."""
    transport: bytes
    protocol: int
    incoming: bytes
    outgoing: bytes
    mark: int
    kind: int

    @property
    def is_ipv6(self) -> bool:
        return len(self.network) == 40

    @property
    def addresses(self) -> tuple[bytes, bytes]:
        at, size = (8, 16) if self.is_ipv6 else (12, 4)
        return self.network[at : at + size], self.network[at + size : at + 2 * size]

    @property
    def fragment(self) -> int:
        (field,) = struct.unpack_from("!H", self.network, 6)
        return 0 if self.is_ipv6 else field & 0x1FFF


def _and(a: bytes, b: bytes) -> bytes:
    return bytes(x & y for x, y in zip(a, b))


# -- an entry -------------------------------------------------------------------------------------


def entry_takes(entry: Entry, packet: Packet) -> bool:
    return _header_takes(entry, packet) and all(
        _match_takes(payload_name(payload), payload[PAYLOAD_HEADER:], packet)
        for payload in entry.matches
    )


def _match_takes(name: str, data: bytes, packet: Packet) -> bool:
    if packet.fragment and name in ("tcp", "udp", "icmp", "icmp6"):
        return False  # there is no transport header
    return _MATCHES[name](data, packet)


def _header_takes(entry: Entry, packet: Packet) -> bool:
    size = 16 if packet.is_ipv6 else 4
    data = entry.data
    fields = [data[at : at + size] for at in range(0, 4 * size, size)]
    at = 4 * size
    names = [data[at + step : at + step + 16] for step in (0, 16, 32, 48)]
    protocol, flags, invflags = struct.unpack_from(
        "=HxBB" if packet.is_ipv6 else "=HBB", data, at + 64
    )
    for index, flag in enumerate((SOURCE_INVERTED, DESTINATION_INVERTED)):
        same = _and(packet.addresses[index], fields[index + 2]) == fields[index]
        if same == bool(invflags & flag):
            return False
    for index, flag in enumerate((IN_INVERTED, OUT_INVERTED)):
        name = (packet.incoming, packet.outgoing)[index].ljust(16, b"\0")
        mask = names[index + 2]
        if (_and(name, mask) == _and(names[index], mask)) == bool(invflags & flag):
            return False
    if protocol and (protocol == packet.protocol) == bool(invflags & PROTOCOL_INVERTED):
        return False
    asked = not packet.is_ipv6 and flags & 1
    return not asked or bool(packet.fragment) != bool(invflags & FRAGMENT_INVERTED)


def _in(low: int, value: int, high: int, inverted: int) -> bool:
    return (low <= value <= high) != bool(inverted)


def _tcp(data: bytes, packet: Packet) -> bool:
    *ports, option, mask, bits, inverted = struct.unpack_from("=4H4B", data)
    assert option == 0
    found = struct.unpack_from("!2H", packet.transport)
    return (
        _in(ports[0], found[0], ports[1], inverted & 1)
        and _in(ports[2], found[1], ports[3], inverted & 2)
        and (packet.transport[13] & mask == bits) != bool(inverted & 4)
    )


def _udp(data: bytes, packet: Packet) -> bool:
    *ports, inverted = struct.unpack_from("=4HB", data)
    found = struct.unpack_from("!2H", packet.transport)
    return _in(ports[0], found[0], ports[1], inverted & 1) and _in(
        ports[2], found[1], ports[3], inverted & 2
    )


def _mark(data: bytes, packet: Packet) -> bool:
    mark, mask, inverted = struct.unpack_from("=IIB", data)
    return bool((packet.mark & mask == mark) != bool(inverted))


def _kind(data: bytes, packet: Packet) -> bool:
    kind, inverted = struct.unpack_from("=ii", data)
    return bool((packet.kind == kind) != bool(inverted))


def _hops(data: bytes, packet: Packet) -> bool:
    value = packet.network[7 if packet.is_ipv6 else 8]
    mode, limit = data[0], data[1]
    orders = (value == limit, value != limit, value < limit, value > limit)
    return orders[mode]


def _icmp(data: bytes, packet: Packet) -> bool:
    kind, low, high, inverted = data[:4]
    same = packet.transport[0] == kind and low <= packet.transport[1] <= high
    if not packet.is_ipv6 and kind == 0xFF:
        same = True
    return same != bool(inverted)


def _comment(data: bytes, packet: Packet) -> bool:
    return True


_MATCHES: dict[str, Callable[[bytes, Packet], bool]] = {
    "tcp": _tcp,
    "udp": _udp,
    "mark": _mark,
    "pkttype": _kind,
    "ttl": _hops,
    "hl": _hops,
    "icmp": _icmp,
    "icmp6": _icmp,
    "comment": _comment,
}


# -- expressions ------------------------------------------------------------------------------------


def expressions_take(expressions: bytes, packet: Packet) -> bool:
    """Whether the rule comes to its end; of tests only those above are known."""
    registers: dict[int, bytes] = {}
    try:
        return all(_passes(name, data, registers, packet) for name, data in _elements(expressions))
    except BreakError:
        return False


def _elements(expressions: bytes) -> list[tuple[str, dict[int, bytes]]]:
    found = []
    for _, element in rawnft.attributes(expressions):
        parts = dict(rawnft.attributes(element))
        data = dict(rawnft.attributes(parts.get(2, b"")))
        found.append((parts[1].rstrip(b"\0").decode(), data))
    return found


def _number(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _value(data: bytes) -> bytes:
    return dict(rawnft.attributes(data))[1]


def _meta(key: int, packet: Packet) -> bytes:
    return {
        3: struct.pack("=I", packet.mark),
        6: packet.incoming.ljust(16, b"\0"),
        7: packet.outgoing.ljust(16, b"\0"),
        16: bytes([packet.protocol]),
        19: bytes([packet.kind]),
    }[key]


def _passes(name: str, data: dict[int, bytes], registers: dict[int, bytes], packet: Packet) -> bool:
    if name == "match":
        return _match_takes(data[1].rstrip(b"\0").decode(), data[3], packet)
    if name == "meta":
        registers[_number(data[1])] = _meta(_number(data[2]), packet)
    elif name == "payload":
        base, offset, size = (_number(data[kind]) for kind in (2, 3, 4))
        header = {1: packet.network, 2: packet.transport}[base]
        if base == 2 and packet.fragment:
            raise BreakError
        if offset + size > len(header):
            raise BreakError
        registers[_number(data[1])] = header[offset : offset + size]
    elif name == "bitwise":
        found = _and(registers[_number(data[1])], _value(data[4]))
        turned = bytes(x ^ y for x, y in zip(found, _value(data[5])))
        registers[_number(data[2])] = turned
    elif name == "cmp":
        value = _value(data[3])
        found = registers[_number(data[1])][: len(value)]
        return (
            found == value,
            found != value,
            found < value,
            found <= value,
            found > value,
            found >= value,
        )[_number(data[2])]
    elif name == "range":
        low, high = _value(data[3]), _value(data[4])
        found = registers[_number(data[1])][: len(low)]
        return (low <= found <= high) != bool(_number(data[2]))
    else:
        assert name in ("counter", "immediate"), name
    return True
