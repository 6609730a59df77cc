"""nf_tables past every library: rules dumped from the kernel and put into it byte by byte.

Only so can a test see what a tool really left, and put there what no tool of this machine writes.
Source: linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from support.rawtable import NF_ACCEPT, RawMatch

NETLINK_NETFILTER = 12
ERROR, DONE = 2, 3
BATCH_BEGIN, BATCH_END = 16, 17
SUBSYSTEM = 10 << 8
NEWTABLE, NEWCHAIN, NEWRULE, GETRULE, GETGEN = 0, 3, 6, 7, 16
REQUEST, ACK, DUMP, REPLACE, CREATE, APPEND = 0x1, 0x4, 0x300, 0x100, 0x400, 0x800

Attribute = tuple[int, bytes]

FAMILIES = {"ipv4": 2, "ipv6": 10}
HOOKS = {"PREROUTING": 0, "INPUT": 1, "FORWARD": 2, "OUTPUT": 3, "POSTROUTING": 4}


def attributes(data: bytes) -> Iterator[Attribute]:
    """Type and content of each one, padding left out."""
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from("HH", data, at)
        yield kind & 0x3FFF, data[at + 4 : at + size]
        at += (size + 3) & ~3


def attribute(kind: int, *content: bytes) -> bytes:
    data = b"".join(content)
    return struct.pack("HH", len(data) + 4, kind) + data + bytes(-len(data) % 4)


def be32(kind: int, number: int) -> bytes:
    return attribute(kind, struct.pack(">I", number & 0xFFFFFFFF))


def be64(kind: int, number: int) -> bytes:
    return attribute(kind, struct.pack(">Q", number))


def text(kind: int, word: str) -> bytes:
    return attribute(kind, word.encode() + b"\0")


def expression(name: str, *data: bytes) -> bytes:
    """One element of ``NFTA_RULE_EXPRESSIONS``."""
    return attribute(1, text(1, name), attribute(2, *data))


def shown(expressions: bytes) -> str:
    """For those who look at a test that failed: an expression a line."""
    lines = []
    for _, element in attributes(expressions):
        parts = dict(attributes(element))
        name = parts[1].rstrip(b"\0").decode()
        data = " ".join(f"{kind}={value.hex()}" for kind, value in attributes(parts.get(2, b"")))
        lines.append(f"{name} {data}")
    return "\n".join(lines)


@dataclass(frozen=True)
class RawRule:
    """One rule of a dump."""

    table: str
    chain: str
    expressions: bytes
    userdata: bytes
    handle: bytes


def rules(family: str) -> list[RawRule]:
    """All rules of a family, in the caller's network namespace."""
    found = []
    request = _message(GETRULE, REQUEST | DUMP, _head(family))
    for kind, payload in _exchange(request):
        assert kind == SUBSYSTEM | NEWRULE
        parts = dict(attributes(payload[4:]))
        found.append(
            RawRule(
                parts[1].rstrip(b"\0").decode(),
                parts[2].rstrip(b"\0").decode(),
                parts.get(4, b""),
                parts.get(7, b""),
                parts[3],
            )
        )
    return found


def make_chain(family: str, table: str, chain: str) -> None:
    """A table and a chain in it, on its hook if its name is one."""
    hook = b""
    if chain in HOOKS:
        kind = "route" if (table, chain) == ("mangle", "OUTPUT") else "filter"
        if table == "nat":
            kind = "nat"
        priority = {"raw": -300, "mangle": -150, "nat": -100, "security": 50}.get(table, 0)
        if kind == "nat" and chain in ("INPUT", "POSTROUTING"):
            priority = 100
        hook = attribute(4, be32(1, HOOKS[chain]), be32(2, priority)) + be32(5, 1) + text(7, kind)
    head = _head(family)
    _commit(
        (NEWTABLE, CREATE, head + text(1, table) + be32(2, 0)),
        (NEWCHAIN, CREATE, head + text(1, table) + text(3, chain) + hook),
    )


def append(
    family: str, table: str, chain: str, expressions: bytes, protocol: int = 0, flags: int = 0
) -> None:
    """Put one rule at the end of a chain."""
    payload = _head(family) + text(1, table) + text(2, chain) + attribute(4, expressions)
    payload += attribute(5, be32(1, protocol), be32(2, flags))
    _commit((NEWRULE, CREATE | APPEND, payload))


def accepting(matches: Sequence[RawMatch]) -> bytes:
    """The expressions of a rule with these matches, and ACCEPT."""
    made = [
        expression("match", text(1, match.name), be32(2, match.revision), attribute(3, padded))
        for match in matches
        for padded in [match.payload + bytes(-len(match.payload) % 8)]
    ]
    accept = attribute(2, attribute(2, be32(1, NF_ACCEPT)))
    return b"".join(
        [
            *made,
            expression("counter", be64(1, 0), be64(2, 0)),
            expression("immediate", be32(1, 0), accept),
        ]
    )


def set_counters(family: str, rule: RawRule, packets: int, size: int) -> None:
    """Put a rule in its own place, with counters; its matches must not ask for its protocol."""
    made = []
    for kind, element in attributes(rule.expressions):
        is_counter = dict(attributes(element))[1] == b"counter\0"
        counter = expression("counter", be64(1, size), be64(2, packets))
        made.append(counter if is_counter else attribute(kind, element))
    payload = _head(family) + text(1, rule.table) + text(2, rule.chain) + attribute(3, rule.handle)
    _commit((NEWRULE, REPLACE, payload + attribute(4, *made)))


def _head(family: str) -> bytes:
    return struct.pack("BBH", FAMILIES[family], 0, 0)


def _message(
    kind: int, flags: int, payload: bytes, sequence: int = 1, of: int = SUBSYSTEM
) -> bytes:
    return struct.pack("IHHII", 16 + len(payload), of | kind, flags, sequence, 0) + payload


def _commit(*messages: tuple[int, int, bytes]) -> None:
    border = struct.pack("!BBH", 0, 0, 10)
    batch = _message(BATCH_BEGIN, REQUEST, border, of=0)
    for sequence, (kind, flags, payload) in enumerate(messages, 2):
        batch += _message(kind, REQUEST | ACK | flags, payload, sequence)
    batch += _message(BATCH_END, REQUEST, border, len(messages) + 2, of=0)
    _exchange(batch, acknowledgements=len(messages))


def _exchange(request: bytes, acknowledgements: int = 0) -> Sequence[tuple[int, bytes]]:
    answers: list[tuple[int, bytes]] = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as kernel:
        kernel.bind((0, 0))
        kernel.settimeout(10)
        # A dump has room for its first rule only if something as large was received before.
        kernel.send(_message(GETGEN, REQUEST, _head("ipv4")))
        kernel.recv(1 << 18)
        kernel.send(request)
        while True:
            data = kernel.recv(1 << 18)
            at = 0
            while at < len(data):
                size, kind, _, _, _ = struct.unpack_from("IHHII", data, at)
                payload = data[at + 16 : at + size]
                at += (size + 3) & ~3
                if kind == DONE:
                    return answers
                if kind == ERROR:
                    (number,) = struct.unpack_from("i", payload)
                    if number:
                        raise OSError(-number, os.strerror(-number))
                    acknowledgements -= 1
                    if acknowledgements == 0:
                        return answers
                    continue
                answers.append((kind, payload))
