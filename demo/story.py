"""The demo from beginning to end."""

from __future__ import annotations

import pyiptc
from demo.isolation import network_namespace
from demo.report import Report
from demo.ruleset import Ruleset
from demo.topology import Network
from demo.traffic import Traffic

PICTURE = """\
alice 10.0.1.2 ──┐
                 ├── router 203.0.113.1 ──── 203.0.113.2 server
bob   10.0.2.2 ──┘"""


def tell(made: str, host: str) -> bool:
    """Build, send, count and tell; return whether everything that was claimed is true.

    Args:
        made: which namespaces were made, in words.
        host: the machine's network namespace, which this process has left.
    """
    report = Report()
    report.section("Private namespaces")
    report.say(f"This happens in {made} of its own.")
    report.say(f"The machine is in {host}, the router in {network_namespace()}.")

    with Network() as network:
        report.say()
        report.drawing(PICTURE)
        report.say()
        report.say("Each is a network namespace, joined to the router by a veth pair.")
        obstacle = obstacle_to_ipv6(network)
        if obstacle is not None:
            report.say(f"IPv6 is left out: {obstacle}.")
        with Ruleset(ipv6=obstacle is None) as ruleset:
            report.section("The rules, made with pyiptc")
            kernels = {"legacy": "ip_tables", "nft": "nf_tables, as iptables-nft has them"}
            report.say(f"They are in the tables of {kernels[ruleset.filter.backend]}.")
            report.say()
            ruleset.build()
            report.rules(tables(ruleset))
            send_all(Traffic(network, ruleset, report), report, ipv6=obstacle is None)
            report.section("The same rules, after the traffic")
            for table in ruleset.tables:
                table.refresh()
            report.rules(tables(ruleset))
            return report.conclude()


def obstacle_to_ipv6(network: Network) -> str | None:
    """Say why the IPv6 part cannot be shown here, if so."""
    if not network.ipv6:
        return "this kernel has none"
    pyiptc.Rule().create_match("comment")
    try:
        pyiptc.Rule6().create_match("comment")
    except pyiptc.UnsupportedError as error:
        return str(error)
    return None


def tables(ruleset: Ruleset) -> list[tuple[str, pyiptc.Table]]:
    """Give each table with the name of its family."""
    ipv6 = [ruleset.filter6, ruleset.nat6] if ruleset.ipv6 else []
    return [
        *(("IPv4", table) for table in (ruleset.filter, ruleset.nat, ruleset.mangle)),
        *(("IPv6", table) for table in ipv6),
    ]


def send_all(traffic: Traffic, report: Report, *, ipv6: bool) -> None:
    """Send everything there is to send, one kind after the other."""
    traffic.open_services(ipv6=ipv6)
    report.section("Alice sends 25 datagrams to the server")
    traffic.allowed_and_translated(25)
    report.section("Alice asks the server 10 questions, and pings it")
    traffic.tracked(10)
    traffic.pinged(3)
    report.section("Bob sends 15 datagrams; alice tries a port that no rule allows")
    traffic.dropped_by_rule(15)
    traffic.dropped_by_policy(12)
    report.section("Alice speaks: voice is marked, and by its mark expedited")
    traffic.marked(20)
    report.section("From outside, somebody opens alice's web page")
    traffic.forwarded(3)
    if ipv6:
        report.section("The same over IPv6")
        traffic.routed_over_ipv6(25)
        traffic.tracked(10, ipv6=True)
        traffic.pinged(3, ipv6=True)
        traffic.dropped_by_rule(15, ipv6=True)
        traffic.forwarded(3, ipv6=True)
    report.section("One more rule, inserted and deleted while datagrams keep coming")
    traffic.blocked_live()
