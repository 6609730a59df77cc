"""The two families: their names, their classes in the module under test, their tools."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any

from support import undertest


@dataclass(frozen=True)
class Family:
    """One family; `str()` of it is its name."""

    name: str
    tool: str
    table_class: str
    rule_class: str
    is_ipv6: bool
    nfproto: int
    network: str
    host: str

    def __str__(self) -> str:
        return self.name

    @property
    def Table(self) -> Any:  # noqa: N802 - it is a class
        return getattr(undertest.load(), self.table_class)

    @property
    def Rule(self) -> Any:  # noqa: N802 - it is a class
        return getattr(undertest.load(), self.rule_class)

    def on_nft(self) -> Family:
        """The same with the tool that keeps its rules in nf_tables."""
        return replace(self, tool=self.tool.replace("legacy", "nft"))

    def chain(self, table: str, chain: str) -> Any:
        return undertest.load().Chain(self.Table(table), chain)


IPV4 = Family(
    name="ipv4",
    tool="iptables-legacy",
    table_class="Table",
    rule_class="Rule",
    is_ipv6=False,
    nfproto=2,
    network="192.0.2.0/24",
    host="192.0.2.1",
)
IPV6 = Family(
    name="ipv6",
    tool="ip6tables-legacy",
    table_class="Table6",
    rule_class="Rule6",
    is_ipv6=True,
    nfproto=10,
    network="2001:db8::/64",
    host="2001:db8::1",
)
FAMILIES = {family.name: family for family in (IPV4, IPV6)}

ONLY = os.environ.get("PYIPTC_TEST_FAMILY")
"""The family that this run is about, or None: where there is one libxtables, each has a run."""


def of_this_run() -> list[Family]:
    """The families that a test in this process can use."""
    return [family for family in FAMILIES.values() if ONLY in (None, family.name)]


def of_other_run(nodeid: str) -> bool:
    """Whether a test is of the family that another run is about.

    Tests are of IPv6 if their id says so, and of IPv4 if not. One that says both is left here.
    """
    is_ipv6 = any(word in nodeid for word in ("ipv6", "Rule6", "Table6")) and "ipv4" not in nodeid
    return ONLY not in (None, "ipv6" if is_ipv6 else "ipv4")
