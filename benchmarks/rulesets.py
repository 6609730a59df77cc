"""Rules made by number: the same ones each time, no two with the same address, port or comment.

Standard library only, and no import of this package: the process that runs python-iptables uses it too.
"""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

SEED = 20260516
PORTS = 65535

SIMPLE = "simple"
COMPLEX = "complex"

BUILTIN = {"filter": ("INPUT", "FORWARD", "OUTPUT")}


@dataclass(frozen=True)
class Family:
    """What differs between the families; `str()` of it is its name."""

    name: str
    number: int
    tool: str
    nft: str
    bits: int

    def __str__(self) -> str:
        return self.name


IPV4 = Family("ipv4", 2, "iptables-legacy", "ip", 32)
IPV6 = Family("ipv6", 10, "ip6tables-legacy", "ip6", 128)
IPV4_NFT = replace(IPV4, tool="iptables-nft")
"""The same with the tool that keeps its rules in nf_tables."""
FAMILIES = {family.name: family for family in (IPV4, IPV6)}


def packed_address(family: Family, number: int) -> bytes:
    """An address of 10.0.0.0/8 or 2001:db8::/64; numbers below 2**24 have different ones."""
    if family.bits == 32:
        # An odd factor permutes the numbers below a power of two.
        return bytes([10]) + ((number * 0x9E3779B1 + SEED) % 2**24).to_bytes(3, "big")
    host = (number * 0x9E3779B97F4A7C15 + SEED) % 2**64
    return bytes.fromhex("20010db800000000") + host.to_bytes(8, "big")


@dataclass(frozen=True)
class Values:
    """What makes one rule another than the next."""

    number: int
    address: str
    port: int

    @property
    def comment(self) -> str:
        return f"rule {self.number}"


@dataclass(frozen=True)
class Rules:
    """Rules `first` to `first + count` of one shape."""

    family: Family
    kind: str
    count: int
    first: int = 0

    def packed(self) -> list[bytes]:
        numbers = range(self.first, self.first + self.count)
        return [packed_address(self.family, number) for number in numbers]

    def addresses(self) -> list[str]:
        return [socket.inet_ntop(self.family.number, packed) for packed in self.packed()]

    def values(self) -> list[Values]:
        return [
            Values(number, address, number % PORTS + 1)
            for number, address in enumerate(self.addresses(), self.first)
        ]

    def specs(self) -> list[str]:
        """What `iptables-save` prints after the chain's name."""
        if self.kind == SIMPLE:
            return [f"-s {address}/{self.family.bits} -j DROP" for address in self.addresses()]
        return [
            f"-s {rule.address}/{self.family.bits} -i eth0 -p tcp -m tcp --dport {rule.port} "
            f'-m conntrack --ctstate NEW -m comment --comment "{rule.comment}" -j ACCEPT'
            for rule in self.values()
        ]

    def lines(self, chain: str = "INPUT") -> list[str]:
        return [f"-A {chain} {spec}" for spec in self.specs()]

    def text(self, chain: str = "INPUT") -> str:
        """For `iptables-restore`."""
        return "\n".join(["*filter", *self.lines(chain), "COMMIT", ""])

    def words(self) -> Iterator[list[str]]:
        """For a command line after `-A INPUT`."""
        for rule in self.values():
            source = f"{rule.address}/{self.family.bits}"
            if self.kind == SIMPLE:
                yield ["-s", source, "-j", "DROP"]
                continue
            matches = f"-i eth0 -p tcp -m tcp --dport {rule.port} -m conntrack --ctstate NEW"
            comment = ["-m", "comment", "--comment", rule.comment]
            yield ["-s", source, *matches.split(), *comment, "-j", "ACCEPT"]

    def nft(self, chain: str = "INPUT") -> str:
        """For `nft -f`, in a table that is there."""
        start = f"add rule {self.family.nft} bench {chain} {self.family.nft} saddr"
        if self.kind == SIMPLE:
            lines = [f"{start} {address} counter drop" for address in self.addresses()]
        else:
            lines = [
                f'{start} {rule.address} iifname "eth0" tcp dport {rule.port} ct state new '
                f'counter accept comment "{rule.comment}"'
                for rule in self.values()
            ]
        return "\n".join([*lines, ""])


def nft_table(family: Family, existing: str = "") -> str:
    """A table for `nft -f`, empty but for the rules of a text."""
    base = "{ type filter hook input priority 0 ; policy accept ; }"
    add = f"add table {family.nft} bench\nadd chain {family.nft} bench INPUT {base}\n"
    return f"{add}flush chain {family.nft} bench INPUT\n{existing}"


# -- a ruleset as kube-proxy writes it ----------------------------------------------------------------


@dataclass(frozen=True)
class Service:
    """A service of a cluster: one address, and endpoints among which a packet is dealt out."""

    number: int
    cluster_ip: str
    port: int
    endpoints: Sequence[str]

    @property
    def chain(self) -> str:
        return f"KUBE-SVC-{self.number:016X}"

    def endpoint_chain(self, index: int) -> str:
        return f"KUBE-SEP-{self.number:08X}{index:08X}"

    @property
    def chains(self) -> list[str]:
        return [self.chain, *(self.endpoint_chain(at) for at in range(len(self.endpoints)))]

    @property
    def entrance(self) -> str:
        """The rule of the chain of all services."""
        return (
            f"-A KUBE-SERVICES -d {self.cluster_ip}/32 -p tcp -m comment --comment "
            f'"ns/service-{self.number}:http cluster IP" -m tcp --dport {self.port} -j {self.chain}'
        )

    def lines(self) -> list[str]:
        """The rules of its own chains."""
        lines = []
        for index, endpoint in enumerate(self.endpoints):
            left = len(self.endpoints) - index
            dealt = f"-m statistic --mode random --probability {1 / left:.11f} " if left > 1 else ""
            comment = f'-m comment --comment "ns/service-{self.number}:http -> {endpoint}:8080"'
            lines.append(f"-A {self.chain} {comment} {dealt}-j {self.endpoint_chain(index)}")
        for index, endpoint in enumerate(self.endpoints):
            comment = f'-m comment --comment "ns/service-{self.number}:http"'
            chain = self.endpoint_chain(index)
            lines.append(f"-A {chain} -s {endpoint}/32 {comment} -j KUBE-MARK-MASQ")
            lines.append(
                f"-A {chain} -p tcp {comment} -m tcp -j DNAT --to-destination {endpoint}:8080"
            )
        return lines


def kube_services(count: int, endpoints: int) -> list[Service]:
    """The services of a cluster."""
    dealer = random.Random(SEED)
    hosts = iter(dealer.sample(range(1 << 22), count * endpoints))
    return [
        Service(
            number,
            f"10.{96 + (number >> 16)}.{number >> 8 & 255}.{number & 255}",
            number % PORTS + 1,
            [_pod(next(hosts)) for _ in range(endpoints)],
        )
        for number in range(count)
    ]


def _pod(number: int) -> str:
    return f"10.{128 + (number >> 16)}.{number >> 8 & 255}.{number & 255}"


def kube_text(services: Sequence[Service]) -> str:
    """The whole of table nat."""
    chains = [chain for service in services for chain in service.chains]
    return "\n".join(
        [
            "*nat",
            *(f":{chain} - [0:0]" for chain in ["KUBE-SERVICES", "KUBE-MARK-MASQ", *chains]),
            *(f"-A {hook} -j KUBE-SERVICES" for hook in ("PREROUTING", "OUTPUT")),
            "-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000",
            *(service.entrance for service in services),
            *(line for service in services for line in service.lines()),
            "COMMIT",
            "",
        ]
    )


def kube_changes(services: Sequence[Service], count: int) -> Iterator[Service]:
    """Services from all over, each with its endpoints in another order."""
    for number in range(count):
        old = services[(number * 7919 + len(services) // 2) % len(services)]
        yield Service(old.number, old.cluster_ip, old.port, old.endpoints[::-1])


def kube_change_text(changed: Service) -> str:
    """What is restored without flushing when one service changes."""
    chains = [f":{chain} - [0:0]" for chain in changed.chains]
    return "\n".join(["*nat", *chains, *changed.lines(), "COMMIT", ""])
