"""The router's rules, every one made through pyiptc's objects.

IPv4: filter with policies, connection tracking and a chain for each client; nat with MASQUERADE
and DNAT; mangle with MARK. IPv6: the same filter, and DNAT, in the same process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import TracebackType

import pyiptc
from demo.topology import ALICE, BOB, SERVER, Link

ECHO_PORT = 7  # udp, answered by the server
METER_PORT = 5000  # udp, received by the server and never answered
VOICE_PORT = 5004  # udp, to be marked on its way
CLOSED_PORT = 9999  # udp, allowed by no rule
WEB_PORT = 80  # tcp, on alice
PUBLIC_PORT = 8080  # tcp, on the router's outer address, forwarded to alice's web server
VOICE_MARK = "0x10"
EXPEDITED = 0xB8  # the TOS byte that DSCP class EF makes


@dataclass
class Count:
    """What one rule or one policy counted while it was watched."""

    packets: int = 0


class Ruleset:
    """The tables of the router, open; the rules that the demo watches have names."""

    def __init__(self, *, ipv6: bool) -> None:
        self.ipv6 = ipv6
        self.filter = pyiptc.Table("filter")
        self.nat = pyiptc.Table("nat")
        self.mangle = pyiptc.Table("mangle")
        self.tables: list[pyiptc.Table] = [self.filter, self.nat, self.mangle]
        if ipv6:
            self.filter6 = pyiptc.Table6("filter")
            self.nat6 = pyiptc.Table6("nat")
            self.tables += [self.filter6, self.nat6]
        self._watched: dict[str, tuple[pyiptc.Chain, pyiptc.Rule]] = {}

    def __enter__(self) -> Ruleset:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for table in self.tables:
            table.close()

    # -- building -----------------------------------------------------------------------------

    def build(self) -> None:
        """Send every rule to the kernel."""
        self._build_filter(self.filter)
        self._build_translation(self.nat)
        self._build_marking(self.mangle)
        if self.ipv6:
            self._build_filter(self.filter6)
            self._publish(self.nat6, f"[{ALICE.address6}]:{WEB_PORT}")

    def _build_filter(self, table: pyiptc.Table) -> None:
        v6 = table is not self.filter
        suffix = "6" if v6 else ""
        icmp = "icmp6" if v6 else "icmp"

        # What comes to the router itself: pings (and, over IPv6, neighbour discovery).
        own = pyiptc.Chain(table, "INPUT")
        own.append(self._rule(v6, protocol="icmpv6" if v6 else "icmp", target="ACCEPT"))
        own.set_policy("DROP")

        # A chain for each client says what this client may do.
        alice = table.create_chain("alice")
        for name, port in (("echo", ECHO_PORT), ("meter", METER_PORT), ("voice", VOICE_PORT)):
            self._append(f"{name}{suffix}", alice, self._to_port(v6, "udp", port, "ACCEPT"))
        ping = self._rule(v6, protocol="icmpv6" if v6 else "icmp", target="ACCEPT")
        setattr(ping.create_match(icmp), "icmpv6_type" if v6 else "icmp_type", "echo-request")
        self._append(f"ping{suffix}", alice, ping)

        bob = table.create_chain("bob")
        self._append(f"bob{suffix}", bob, self._rule(v6, target="DROP"))

        # A chain that takes whatever is sent there; nothing is, until the live part of the demo.
        blocked = table.create_chain("blocked")
        self._append(f"blocked{suffix}", blocked, self._rule(v6, target="DROP"))

        forward = pyiptc.Chain(table, "FORWARD")
        known = self._rule(v6, target="ACCEPT")
        known.create_match("conntrack").ctstate = "RELATED,ESTABLISHED"
        self._append(f"known{suffix}", forward, known)
        for link in (ALICE, BOB):
            forward.append(self._from_client(v6, link))
        forwarded = self._rule(v6, target="ACCEPT")
        forwarded.in_interface = SERVER.interface
        forwarded.create_match("conntrack").ctstate = "DNAT"
        self._append(f"forwarded{suffix}", forward, forwarded)
        forward.set_policy("DROP")

    def _build_translation(self, table: pyiptc.Table) -> None:
        masquerade = pyiptc.Rule()
        masquerade.src = "10.0.0.0/8"
        masquerade.out_interface = SERVER.interface
        masquerade.create_target("MASQUERADE")
        self._append("masquerade", pyiptc.Chain(table, "POSTROUTING"), masquerade)
        self._publish(table, f"{ALICE.address}:{WEB_PORT}")

    def _publish(self, table: pyiptc.Table, to_destination: str) -> None:
        v6 = table is not self.nat
        rule = self._to_port(v6, "tcp", PUBLIC_PORT)
        rule.in_interface = SERVER.interface
        rule.create_target("DNAT").to_destination = to_destination
        self._append("publish6" if v6 else "publish", pyiptc.Chain(table, "PREROUTING"), rule)

    def _build_marking(self, table: pyiptc.Table) -> None:
        mark = self._to_port(False, "udp", VOICE_PORT)
        mark.in_interface = ALICE.interface
        mark.create_target("MARK").set_mark = VOICE_MARK
        self._append("mark", pyiptc.Chain(table, "PREROUTING"), mark)

        expedite = pyiptc.Rule()
        expedite.create_match("mark").mark = VOICE_MARK
        expedite.create_target("DSCP").set_dscp_class = "EF"
        self._append("expedite", pyiptc.Chain(table, "POSTROUTING"), expedite)

    def _from_client(self, v6: bool, link: Link) -> pyiptc.Rule:
        rule = self._rule(v6, target=link.host)
        rule.in_interface = link.interface
        rule.src = link.address6 if v6 else link.address
        rule.create_match("comment").comment = f"what {link.host} may do"
        return rule

    def _to_port(
        self, v6: bool, protocol: str, port: int, target: str | None = None
    ) -> pyiptc.Rule:
        rule = self._rule(v6, protocol=protocol, target=target)
        rule.create_match(protocol).dport = str(port)
        return rule

    def _rule(
        self, v6: bool, *, target: str | None = None, protocol: str | None = None
    ) -> pyiptc.Rule:
        rule = pyiptc.Rule6() if v6 else pyiptc.Rule()
        if protocol is not None:
            rule.protocol = protocol
        if target is not None:
            rule.create_target(target)
        return rule

    def _append(self, name: str, chain: pyiptc.Chain, rule: pyiptc.Rule) -> None:
        chain.append(rule)
        self._watched[name] = (chain, rule)

    # -- editing while traffic flows ----------------------------------------------------------

    def block(self, link: Link) -> pyiptc.Rule:
        """Put a rule before all others that sends a client's new datagrams to ``blocked``."""
        rule = self._to_port(False, "udp", METER_PORT, "blocked")
        rule.src = link.address
        pyiptc.Chain(self.filter, "FORWARD").insert(rule)
        return rule

    def unblock(self, rule: pyiptc.Rule) -> None:
        """Take that rule out again."""
        pyiptc.Chain(self.filter, "FORWARD").delete(rule)

    # -- reading counters ---------------------------------------------------------------------

    def packets(self, name: str) -> int:
        """Read from the kernel how many packets a named rule has counted."""
        chain, wanted = self._watched[name]
        chain.table.refresh()
        for rule in chain.rules:
            if rule == wanted:
                return rule.counters.packets
        raise LookupError(f"the rule {wanted} is not in chain {chain.name}")

    def policy_packets(self, *, ipv6: bool = False) -> int:
        """Read how many packets no rule of FORWARD decided."""
        table = self.filter6 if ipv6 else self.filter
        table.refresh()
        counters = pyiptc.Chain(table, "FORWARD").get_counters()
        assert counters is not None  # only a user-defined chain has none
        return counters.packets

    @contextmanager
    def watch(self, name: str) -> Iterator[Count]:
        """Count what a named rule counts inside the ``with`` block."""
        count = Count()
        before = self.packets(name)
        yield count
        count.packets = self.packets(name) - before

    @contextmanager
    def watch_policy(self, *, ipv6: bool = False) -> Iterator[Count]:
        """Count what the policy of FORWARD counts inside the ``with`` block."""
        count = Count()
        before = self.policy_packets(ipv6=ipv6)
        yield count
        count.packets = self.policy_packets(ipv6=ipv6) - before
