"""Real packets between the hosts, and the facts they leave behind."""

from __future__ import annotations

import time

from demo.report import Fact, Report
from demo.ruleset import (
    CLOSED_PORT,
    ECHO_PORT,
    EXPEDITED,
    METER_PORT,
    PUBLIC_PORT,
    VOICE_PORT,
    WEB_PORT,
    Ruleset,
)
from demo.topology import ALICE, SERVER, Host, Network

GREETING = "hello from alice"
QUIET = 0.1  # seconds without a new datagram, after which all have arrived
PATIENCE = 5.0  # seconds to wait for that
STREAM_RATE = 200  # datagrams a second
STREAM_PART = 1.0  # seconds before, during and after the block


class Traffic:
    """Sends what the story tells, and hands the counts to the report."""

    def __init__(self, network: Network, ruleset: Ruleset, report: Report) -> None:
        self.alice = network.hosts["alice"]
        self.bob = network.hosts["bob"]
        self.server = network.hosts["server"]
        self.ruleset = ruleset
        self.report = report

    def open_services(self, *, ipv6: bool) -> None:
        """Let the hosts listen."""
        for v6 in (False, True) if ipv6 else (False,):
            self.server.call("listen", port=ECHO_PORT, ipv6=v6, echo=True)
            for port in (METER_PORT, VOICE_PORT, CLOSED_PORT):
                self.server.call("listen", port=port, ipv6=v6)
            self.alice.call("serve", port=WEB_PORT, ipv6=v6, greeting=GREETING)

    # -- IPv4 ---------------------------------------------------------------------------------

    def allowed_and_translated(self, count: int) -> None:
        """Alice's datagrams pass, and the server sees them come from the router."""
        rules = self.ruleset
        seen = Received(self.server, METER_PORT)
        with rules.watch("meter") as passed, rules.watch("masquerade") as translated:
            sent = self.alice.call("send", address=SERVER.address, port=METER_PORT, count=count)
            arrived = seen.wait(sent)
        self.report.prove(
            "Allowed: every datagram of alice's passed her chain and reached the server",
            Fact("alice sent", sent, count),
            Fact("her rule counted", passed.packets, sent),
            Fact("the server received", sum(arrived.values()), sent),
        )
        self.report.prove(
            "Translated: MASQUERADE gave all of them the router's address, as one connection",
            Fact("connections MASQUERADE counted", translated.packets, 1),
            Fact(f"arrived from {SERVER.gateway}", arrived.get(SERVER.gateway, 0), sent),
            Fact(f"arrived from {ALICE.address}", arrived.get(ALICE.address, 0), 0),
        )

    def tracked(self, count: int, *, ipv6: bool = False) -> None:
        """Of a conversation only the first packet is new."""
        rules, suffix = self.ruleset, "6" if ipv6 else ""
        address = SERVER.address6 if ipv6 else SERVER.address
        with rules.watch(f"echo{suffix}") as new, rules.watch(f"known{suffix}") as known:
            answered = self.alice.call("ask", address=address, port=ECHO_PORT, count=count)
        self.report.prove(
            f"Tracked{_over(ipv6)}: one new packet, and all others known to conntrack",
            Fact("questions answered", answered, count),
            Fact("new packets her rule counted", new.packets, 1),
            Fact("packets RELATED,ESTABLISHED counted", known.packets, 2 * count - 1),
        )

    def dropped_by_rule(self, count: int, *, ipv6: bool = False) -> None:
        """Bob's chain drops what bob sends."""
        address = SERVER.address6 if ipv6 else SERVER.address
        seen = Received(self.server, METER_PORT, ipv6=ipv6)
        with self.ruleset.watch("bob6" if ipv6 else "bob") as dropped:
            sent = self.bob.call("send", address=address, port=METER_PORT, count=count)
            arrived = seen.wait(0)
        self.report.prove(
            f"Dropped by a rule{_over(ipv6)}: nothing of bob's left the router",
            Fact("bob sent", sent, count),
            Fact("his DROP rule counted", dropped.packets, sent),
            Fact("the server received", sum(arrived.values()), 0),
        )

    def dropped_by_policy(self, count: int) -> None:
        """What no rule allows, the policy drops."""
        seen = Received(self.server, CLOSED_PORT)
        with self.ruleset.watch_policy() as dropped:
            sent = self.alice.call("send", address=SERVER.address, port=CLOSED_PORT, count=count)
            arrived = seen.wait(0)
        self.report.prove(
            "Dropped by the policy: what no rule allows does not pass FORWARD",
            Fact("alice sent", sent, count),
            Fact("the policy counted", dropped.packets, sent),
            Fact("the server received", sum(arrived.values()), 0),
        )

    def marked(self, count: int) -> None:
        """Voice gets a mark on its way in, and by that mark another class on its way out."""
        rules = self.ruleset
        before = self._expedited()
        seen = Received(self.server, VOICE_PORT)
        with rules.watch("mark") as marked, rules.watch("expedite") as expedited:
            sent = self.alice.call("send", address=SERVER.address, port=VOICE_PORT, count=count)
            seen.wait(sent)
        self.report.prove(
            "Marked: MARK in mangle chose the datagrams that left with DSCP class EF",
            Fact("alice sent", sent, count),
            Fact("MARK counted", marked.packets, sent),
            Fact("-m mark counted", expedited.packets, sent),
            Fact("arrived as EF", self._expedited() - before, sent),
        )

    def _expedited(self) -> int:
        classes = self.server.call("traffic_classes", port=VOICE_PORT)
        return int(classes.get(str(EXPEDITED), 0))  # JSON makes keys strings

    # -- both families ------------------------------------------------------------------------

    def forwarded(self, count: int, *, ipv6: bool = False) -> None:
        """Connections to a port of the router end at alice's web server."""
        rules, suffix = self.ruleset, "6" if ipv6 else ""
        router = SERVER.gateway6 if ipv6 else SERVER.gateway
        caller = SERVER.address6 if ipv6 else SERVER.address
        before = self.alice.call("callers").get(caller, 0)
        with rules.watch(f"publish{suffix}") as new, rules.watch(f"forwarded{suffix}") as let_in:
            answers = [
                self.server.call("fetch", address=router, port=PUBLIC_PORT) for _ in range(count)
            ]
        accepted = self.alice.call("callers").get(caller, 0) - before
        self.report.prove(
            f"Forwarded{_over(ipv6)}: DNAT led the router's port {PUBLIC_PORT} to alice's port "
            f"{WEB_PORT}",
            Fact("greetings the server read", answers.count(GREETING), count),
            Fact("connections DNAT counted", new.packets, count),
            Fact("connections FORWARD let in", let_in.packets, count),
            Fact("connections alice accepted", accepted, count),
        )

    def pinged(self, count: int, *, ipv6: bool = False) -> None:
        """Alice pings the server."""
        address = SERVER.address6 if ipv6 else SERVER.address
        with self.ruleset.watch("ping6" if ipv6 else "ping") as new:
            replies = self.alice.call("ping", address=address, count=count)
        self.report.prove(
            f"Pinged{_over(ipv6)}: echo requests pass, and the replies come back",
            Fact("replies that came back", replies, count),
            Fact("new pings her rule counted", new.packets, 1),
        )

    def routed_over_ipv6(self, count: int) -> None:
        """Over IPv6 alice keeps her own address."""
        seen = Received(self.server, METER_PORT, ipv6=True)
        with self.ruleset.watch("meter6") as passed:
            sent = self.alice.call("send", address=SERVER.address6, port=METER_PORT, count=count)
            arrived = seen.wait(sent)
        self.report.prove(
            "Allowed over IPv6: routed as they are, by IPv6 rules made in the same process",
            Fact("alice sent", sent, count),
            Fact("her rule counted", passed.packets, sent),
            Fact(f"arrived from {ALICE.address6}", arrived.get(ALICE.address6, 0), sent),
        )

    # -- live ---------------------------------------------------------------------------------

    def blocked_live(self) -> None:
        """Insert a rule and delete it again while alice's datagrams keep coming."""
        rules, say = self.ruleset, self.report.say
        seen = Received(self.server, METER_PORT)
        with rules.watch("meter") as passed, rules.watch("blocked") as blocked:
            self.alice.call(
                "start_stream", address=SERVER.address, port=METER_PORT, rate=STREAM_RATE
            )
            time.sleep(STREAM_PART)
            say(f"streaming  {STREAM_RATE} datagrams a second; {seen.now()} received so far")

            rule = rules.block(ALICE)
            say(f"inserted   {rule}")
            start = sum(seen.settle().values())  # what had passed before is read, too
            time.sleep(STREAM_PART)
            during = seen.now() - start
            stopped = rules.packets("blocked")
            say(f"           {stopped} blocked and {during} received while it stands")

            start = seen.now()
            rules.unblock(rule)
            say(f"deleted    {rule}")
            time.sleep(STREAM_PART)
            again = seen.now() - start
            say(f"           {again} received again")
            say()

            sent = self.alice.call("stop_stream")
            arrived = sum(seen.settle().values())
        self.report.prove(
            "Live: a rule that was inserted stopped a running stream, and deleting it let it go on",
            Fact("received while the rule stood", during, 0),
            Fact("blocked meanwhile", stopped, None),
            Fact("received again after it was deleted", again, None),
        )
        self.report.prove(
            "Not one packet was lost or counted twice while the table was replaced twice",
            Fact("alice sent", sent, None),
            Fact("her rule counted", passed.packets, sent - blocked.packets),
            Fact("the blocking rule counted", blocked.packets, sent - arrived),
            Fact("the server received", arrived, passed.packets),
        )


class Received:
    """What the server received on a port since this object was made, by sender."""

    def __init__(self, server: Host, port: int, *, ipv6: bool = False) -> None:
        self._server = server
        self._port = port
        self._ipv6 = ipv6
        self._before = self._read()

    def now(self) -> int:
        """Datagrams so far."""
        return sum(self._since().values())

    def wait(self, expected: int) -> dict[str, int]:
        """Wait until as many as expected have come, then until no more do."""
        deadline = time.monotonic() + PATIENCE
        while self.now() < expected and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.settle()

    def settle(self) -> dict[str, int]:
        """Wait until no more come."""
        deadline = time.monotonic() + PATIENCE
        last = -1
        while (count := self.now()) != last and time.monotonic() < deadline:
            last = count
            time.sleep(QUIET)
        return self._since()

    def _read(self) -> dict[str, int]:
        return dict(self._server.call("received", port=self._port, ipv6=self._ipv6))

    def _since(self) -> dict[str, int]:
        now = self._read()
        return {sender: now[sender] - self._before.get(sender, 0) for sender in now}


def _over(ipv6: bool) -> str:
    return " over IPv6" if ipv6 else ""
