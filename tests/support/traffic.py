"""Real packets: two namespaces joined by veth, and senders that say exactly what arrived.

No packet but those sent here crosses the link: neighbours are entered by hand, there is no
link-local address, and without ARP no multicast group is joined. A socket belongs for life to the
namespace it was made in, therefore no process is needed at either end.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from support.namespace import NetworkNamespace, fresh_namespace
from support.oracle import Oracle

AF = {"ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
QUIET = 0.2
"""Seconds without a packet after which nothing more is expected: crossing a veth takes none."""

_numbers = itertools.count(1)


@dataclass(frozen=True)
class End:
    """One end of a link."""

    namespace: NetworkNamespace
    interface: str
    ipv4: str
    ipv6: str
    mac: str

    def address(self, family: str) -> str:
        return self.ipv6 if family == "ipv6" else self.ipv4

    def socket(self, family: str, kind: int, protocol: int = 0, *, port: int = 0) -> socket.socket:
        """A socket in this end's namespace, bound to its address and to a port (0: any free)."""
        with self.namespace.entered():
            made = socket.socket(AF[family], kind, protocol)
        made.bind((self.address(family), port))
        return made


@dataclass(frozen=True)
class Link:
    """`near` is in the namespace of the test, `far` in one that exists for the link."""

    near: End
    far: End

    def _ends(self, to: str) -> tuple[End, End]:
        return (self.far, self.near) if to == "near" else (self.near, self.far)

    def send_udp(
        self,
        count: int,
        *,
        family: str = "ipv4",
        port: int = 0,
        to: str = "near",
        payload: bytes = b"pyiptc",
    ) -> int:
        """Send datagrams to a waiting socket; how many it received. Port 0: any free one."""
        source, destination = self._ends(to)
        with (
            destination.socket(family, socket.SOCK_DGRAM, port=port) as receiver,
            source.socket(family, socket.SOCK_DGRAM) as sender,
        ):
            for _ in range(count):
                sender.sendto(payload, receiver.getsockname()[:2])
            return _received(receiver, count)

    def send_tcp(self, count: int, *, family: str = "ipv4", port: int = 9, to: str = "near") -> int:
        """Send single TCP segments (SYN) to a closed port; how many were answered (RST)."""
        source, destination = self._ends(to)
        with source.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP) as raw:
            ends = (source.address(family), destination.address(family))
            for source_port in range(20000, 20000 + count):
                segment = _tcp_syn(family, *ends, source_port, port)
                raw.sendto(segment, (destination.address(family), 0))
            return _received(raw, count)

    def ping(self, count: int, *, family: str = "ipv4", to: str = "near") -> int:
        """Send echo requests; how many were answered."""
        source, destination = self._ends(to)
        request, reply, protocol, header = (
            (128, 129, socket.IPPROTO_ICMPV6, 0) if family == "ipv6" else (8, 0, 1, 20)
        )
        with source.socket(family, socket.SOCK_RAW, protocol) as raw:
            for sequence in range(count):
                message = struct.pack("!BBHHH", request, 0, 0, 0x4242, sequence)
                if family == "ipv4":
                    message = message[:2] + struct.pack("!H", _checksum(message)) + message[4:]
                raw.sendto(message, (destination.address(family), 0))
            return _received(raw, count, lambda packet: packet[header] == reply)


@contextlib.contextmanager
def link(interface: str = "eth0", far_interface: str = "eth0") -> Iterator[Link]:
    """Join the caller's namespace to a fresh one by a pair of veth interfaces."""
    oracle = Oracle()
    number = next(_numbers) % 250 + 1
    near_namespace = NetworkNamespace.current()
    with contextlib.closing(near_namespace), fresh_namespace() as far_namespace:
        ends = [
            End(
                namespace,
                name,
                f"10.77.{number}.{host}",
                f"fd77:{number}::{host}",
                f"02:77:00:00:{number:02x}:{host:02x}",
            )
            for namespace, name, host in (
                (near_namespace, interface, 1),
                (far_namespace, far_interface, 2),
            )
        ]
        near, far = ends
        oracle.ip(
            *("link", "add", near.interface, "address", near.mac, "type", "veth"),
            *("peer", "name", far.interface, "address", far.mac, "netns", far_namespace.path),
        )
        _configure(oracle, near, far)
        with far_namespace.entered():
            _configure(oracle, far, near)
        try:
            yield Link(near, far)
        finally:
            with near_namespace.entered():
                oracle.ip("link", "delete", near.interface)


def _configure(oracle: Oracle, end: End, other: End) -> None:
    device = ("dev", end.interface)
    oracle.ip("link", "set", *device, "addrgenmode", "none", "arp", "off", "up")
    oracle.ip("address", "add", f"{end.ipv4}/24", *device)
    oracle.ip("address", "add", f"{end.ipv6}/64", *device, "nodad")
    for address in (other.ipv4, other.ipv6):
        neighbour = ("to", address, "lladdr", other.mac)
        oracle.ip("neighbour", "replace", *neighbour, *device, "nud", "permanent")


def _received(
    receiver: socket.socket, expected: int, wanted: Callable[[bytes], bool] = lambda packet: True
) -> int:
    """Packets that arrive until `expected` are here or the line is quiet."""
    arrived = 0
    quiet_at = time.monotonic() + QUIET
    while arrived < expected and (left := quiet_at - time.monotonic()) > 0:
        receiver.settimeout(left)
        try:
            packet = receiver.recv(65535)
        except socket.timeout:
            break
        if wanted(packet):
            arrived += 1
            quiet_at = time.monotonic() + QUIET
    return arrived


def _checksum(data: bytes) -> int:
    data += b"\0" * (len(data) % 2)
    total: int = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def _tcp_syn(family: str, source: str, destination: str, source_port: int, port: int) -> bytes:
    def header(checksum: int) -> bytes:
        return struct.pack("!HHIIBBHHH", source_port, port, 1, 0, 5 << 4, 0x02, 1024, checksum, 0)

    addresses = socket.inet_pton(AF[family], source) + socket.inet_pton(AF[family], destination)
    pseudo = addresses + struct.pack("!II", len(header(0)), socket.IPPROTO_TCP)
    return header(_checksum(pseudo + header(0)))
