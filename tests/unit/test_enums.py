"""Numbers of the package against the kernel's headers, by the compiler."""

from __future__ import annotations

import enum
import subprocess
from pathlib import Path

import pytest

from pyiptc import enums, xtables
from support import faults, features, rawtable

HEADERS = (
    *("stddef.h", "stdio.h", "netinet/in.h", "sys/socket.h"),
    *("linux/netfilter.h", "linux/netfilter/x_tables.h"),
    *("linux/netfilter_ipv4/ip_tables.h", "linux/netfilter_ipv6/ip6_tables.h"),
)

NUMBERS: dict[str, int] = {
    "NFPROTO_IPV4": enums.Family.IPV4,
    "NFPROTO_IPV6": enums.Family.IPV6,
    "AF_INET": enums.Family.IPV4,
    "AF_INET6": enums.Family.IPV6,
    "NF_INET_PRE_ROUTING": enums.Hook.PREROUTING,
    "NF_INET_LOCAL_IN": enums.Hook.INPUT,
    "NF_INET_FORWARD": enums.Hook.FORWARD,
    "NF_INET_LOCAL_OUT": enums.Hook.OUTPUT,
    "NF_INET_POST_ROUTING": enums.Hook.POSTROUTING,
    "NF_INET_NUMHOOKS": len(enums.Hook),
    "-NF_DROP - 1": enums.Verdict.DROP,
    "-NF_ACCEPT - 1": enums.Verdict.ACCEPT,
    "-NF_QUEUE - 1": enums.Verdict.QUEUE,
    "XT_RETURN": enums.Verdict.RETURN,
    "IPT_F_FRAG": enums.HeaderFlag.FRAGMENT,
    "IP6T_F_PROTO": enums.HeaderFlag.PROTOCOL,
    "IPT_F_GOTO": enums.HeaderFlag.GOTO,
    "IP6T_F_GOTO": enums.HeaderFlag.GOTO6,
    **{
        f"{prefix}_INV_{name}": flag
        for prefix in ("IPT", "IP6T")
        for name, flag in {
            "VIA_IN": enums.Inverted.IN_INTERFACE,
            "VIA_OUT": enums.Inverted.OUT_INTERFACE,
            "TOS": enums.Inverted.TOS,
            "SRCIP": enums.Inverted.SOURCE,
            "DSTIP": enums.Inverted.DESTINATION,
            "FRAG": enums.Inverted.FRAGMENT,
            "PROTO": enums.Inverted.PROTOCOL,
        }.items()
    },
    "IPT_INV_MASK": sum(enums.Inverted),
    "XT_INV_PROTO": xtables.XT_INV_PROTO,
    "NFPROTO_ARP": xtables.NFPROTO_ARP,
    "NFPROTO_BRIDGE": xtables.NFPROTO_BRIDGE,
    # What the tests themselves rely on.
    "IPT_SO_GET_INFO": faults.GET_INFO,
    "IPT_SO_SET_REPLACE": faults.SET_REPLACE,
    "IPT_SO_GET_ENTRIES": faults.GET_ENTRIES,
    "IPT_SO_SET_ADD_COUNTERS": faults.SET_ADD_COUNTERS,
    "IPT_SO_GET_REVISION_MATCH": faults.GET_REVISION_MATCH["ipv4"],
    "IP6T_SO_GET_REVISION_MATCH": faults.GET_REVISION_MATCH["ipv6"],
    "IPT_SO_GET_REVISION_TARGET": faults.GET_REVISION_TARGET["ipv4"],
    "IP6T_SO_GET_REVISION_TARGET": faults.GET_REVISION_TARGET["ipv6"],
    "sizeof(struct ipt_getinfo)": faults.INFO.size,
    "offsetof(struct ipt_replace, entries)": faults.REPLACE_HEADER,
    "sizeof(struct ipt_entry)": rawtable.LAYOUTS["ipv4"].header_size,
    "sizeof(struct ip6t_entry)": rawtable.LAYOUTS["ipv6"].header_size,
}


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """What a C program prints for each name."""
    features.require("cc")
    directory: Path = tmp_path_factory.mktemp("enums")
    lines = [f"#include <{header}>" for header in HEADERS]
    lines += ["int main(void)", "{"]
    lines += [f'\tprintf("%s\\t%ld\\n", "{name}", (long)({name}));' for name in NUMBERS]
    source, program = directory / "numbers.c", directory / "numbers"
    source.write_text("\n".join([*lines, "\treturn 0;", "}", ""]))
    built = subprocess.run(
        ["cc", "-o", str(program), str(source)], capture_output=True, text=True, check=False
    )
    assert built.returncode == 0, built.stderr
    printed = subprocess.run([str(program)], capture_output=True, text=True, check=True).stdout
    return {
        name: int(number) for name, number in (line.split("\t") for line in printed.splitlines())
    }


@pytest.mark.parametrize("name", NUMBERS)
def test_number(name: str, compiled: dict[str, int]) -> None:
    assert int(NUMBERS[name]) == compiled[name]


def test_every_member_is_compared() -> None:
    """An enumeration of the kernel's numbers has none that the headers do not have."""
    compared = {id(value) for value in NUMBERS.values()}
    for cls in (enums.Hook, enums.Verdict, enums.HeaderFlag, enums.Inverted, enums.Family):
        assert issubclass(cls, (enum.IntEnum, enum.IntFlag))
        missing = [member for member in cls if id(member) not in compared]
        assert missing == []
