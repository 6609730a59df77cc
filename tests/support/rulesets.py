"""Rulesets made by number, as text for `iptables-restore`."""

from __future__ import annotations


def complex_rule(number: int) -> str:
    """A rule with three matches, different for every number below 60,000."""
    return (
        f"-s 10.0.{number // 256}.{number % 256}/32 -i eth0 -p tcp -m tcp --dport {number + 1} "
        f'-m conntrack --ctstate NEW -m comment --comment "rule {number}" -j ACCEPT'
    )


def complex_rules(count: int, chain: str = "INPUT") -> str:
    """Table filter with that many of them in one chain."""
    lines = [f"-A {chain} {complex_rule(number)}" for number in range(count)]
    return "\n".join(["*filter", *lines, "COMMIT", ""])
