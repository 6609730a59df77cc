"""The two families: their names, their classes in the module under test, their tools."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from support import undertest


def on_nft() -> bool:
    """Whether tables are those of nf_tables; fixture `backend` says so, and scripts hear it."""
    return os.environ.get("PYIPTC_BACKEND") == "nft"


@dataclass(frozen=True)
class Family:
    """One family; `str()` of it is its name."""

    name: str
    program: str
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

    @property
    def tool(self) -> str:
        """The program whose rules are where the tables of this process are by default."""
        return self.tool_of("nft" if on_nft() else "legacy")

    def tool_of(self, backend: str) -> str:
        return f"{self.program}-{backend}"

    def chain(self, table: str, chain: str) -> Any:
        return undertest.load().Chain(self.Table(table), chain)


IPV4 = Family(
    name="ipv4",
    program="iptables",
    table_class="Table",
    rule_class="Rule",
    is_ipv6=False,
    nfproto=2,
    network="192.0.2.0/24",
    host="192.0.2.1",
)
IPV6 = Family(
    name="ipv6",
    program="ip6tables",
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
