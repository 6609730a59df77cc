"""The bare messages to nf_tables, below which nobody can get: made beforehand, sent by one call.

    python -m benchmarks.messages '{"work": "append", "family": "ipv4", ...}'

Prints JSON as `work` does. What is timed is ``sendto()`` alone: the kernel has done all of it when that
returns. Of reading it is ``recvfrom()``, as often as there is something.

Source: linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import errno
import json
import os
import socket
import struct
import sys
from collections.abc import Callable, Iterator

from pyiptc import Rule, Rule6, _nft
from pyiptc._blob import Entry

from .rulesets import FAMILIES, Rules
from .work import Order, timed

NETLINK_NETFILTER = 12
SO_SNDBUFFORCE = 32
SUBSYSTEM = 10 << 8
BATCH_BEGIN, BATCH_END = 16, 17
NEWTABLE, NEWCHAIN, NEWRULE, GETRULE = (SUBSYSTEM | kind for kind in (0, 3, 6, 7))
REQUEST, DUMP, CREATE, APPEND = 0x1, 0x300, 0x400, 0x800
ERROR, DONE = 2, 3
NF_INET_LOCAL_IN = 1


def attribute(kind: int, content: bytes) -> bytes:
    return struct.pack("=HH", len(content) + 4, kind) + content + bytes(-len(content) % 4)


def text(kind: int, word: str) -> bytes:
    return attribute(kind, word.encode() + b"\0")


def be32(kind: int, number: int) -> bytes:
    return attribute(kind, struct.pack(">I", number))


class Messages:
    """What is sent for one family."""

    def __init__(self, order: Order) -> None:
        self.family = FAMILIES[order.family]
        self.rules = Rules(self.family, order.kind, order.count, order.first)
        self.rule_class = Rule6 if order.family == "ipv6" else Rule
        self.kernel = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER
        )
        self.kernel.bind((0, 0))
        self.kernel.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 1 << 29)

    def message(self, kind: int, flags: int, *attributes: bytes) -> bytes:
        payload = struct.pack("!BBH", self.family.number, 0, 0) + b"".join(attributes)
        return struct.pack("=IHHII", 16 + len(payload), kind, REQUEST | flags, 1, 0) + payload

    def batch(self, *messages: bytes) -> bytes:
        payload = struct.pack("!BBH", 0, 0, SUBSYSTEM >> 8)
        begin, end = (
            struct.pack("=IHHII", 20, kind, REQUEST, 0, 0) + payload
            for kind in (BATCH_BEGIN, BATCH_END)
        )
        return b"".join([begin, *messages, end])

    def rule(self, spec: str) -> bytes:
        data = self.rule_class.parse(spec).rule
        assert data is not None
        expressions, protocol, flags = _nft.encode(Entry(self.family.number, data))
        compat = attribute(5, be32(1, protocol) + be32(2, flags))
        names = text(1, "filter") + text(2, "INPUT")
        return self.message(NEWRULE, CREATE | APPEND, names, attribute(4, expressions), compat)

    def make_chain(self) -> None:
        """Have table filter and its chain INPUT, which may be there already."""
        hook = attribute(4, be32(1, NF_INET_LOCAL_IN) + be32(2, 0))
        names = text(1, "filter") + text(3, "INPUT")
        table = self.message(NEWTABLE, CREATE, text(1, "filter"))
        chain = self.message(NEWCHAIN, CREATE, names, hook, be32(5, 1), text(7, "filter"))
        self.send(self.batch(table, chain))
        self.check()

    def send(self, data: bytes) -> None:
        if self.kernel.sendto(data, (0, 0)) != len(data):
            raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))

    def check(self) -> None:
        """Raise what the kernel has answered."""
        try:
            answer = self.kernel.recv(65536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        (number,) = struct.unpack_from("=i", answer, 16)
        raise OSError(-number, os.strerror(-number))

    # -- work: each yields what is timed ------------------------------------------------------------

    def append(self) -> Iterator[Callable[[], None]]:
        """One rule after the other, each a commit."""
        self.make_chain()
        for data in [self.batch(self.rule(spec)) for spec in self.rules.specs()]:
            yield lambda: self.send(data)  # noqa: B023 - it is called at once
            self.check()

    def load(self) -> Iterator[Callable[[], None]]:
        """All rules in one commit."""
        self.make_chain()
        data = self.batch(*(self.rule(spec) for spec in self.rules.specs()))
        yield lambda: self.send(data)
        self.check()

    def dump(self) -> Iterator[Callable[[], None]]:
        """All rules as the kernel lists them."""
        request = self.message(GETRULE, DUMP, text(1, "filter"), text(2, "INPUT"))
        for _ in range(3):
            yield lambda: self.receive(request)

    def receive(self, request: bytes) -> None:
        self.kernel.sendto(request, (0, 0))
        while True:
            data = self.kernel.recv(65536)
            if struct.unpack_from("=H", data, 4)[0] in (DONE, ERROR):
                return


def main() -> int:
    order = Order(**json.loads(sys.argv[1]))
    times = [timed(step)[0] for step in getattr(Messages(order), order.work)()]
    print(json.dumps({"cold": times[0], "warm": times[1:]}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
