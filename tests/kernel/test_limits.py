"""Limits of the kernel: a value up to one is taken, one beyond is an error that names the limit."""

from __future__ import annotations

import errno
from collections.abc import Callable
from typing import Any

import pytest

import pyiptc
from pyiptc import _nft
from support import isolated, rawnft
from support.family import Family, on_nft

pytestmark = pytest.mark.kernel


def chain_of(family: Family) -> Any:
    return pyiptc.Chain(family.Table("filter"), "INPUT")


def long_rule(family: Family, count: int) -> Any:
    """Of 288 bytes for each match."""
    rule = family.Rule()
    for _ in range(count):
        rule.create_match("comment").comment = "x" * 255
    rule.create_target("ACCEPT")
    return rule


Use = Callable[[Family, int], object]


def rename(family: Family, size: int) -> None:
    table = family.Table("filter")
    users = [chain.name for chain in table.chains if not chain.is_builtin()]
    table.rename_chain(*users or [table.create_chain("short").name], "x" * size)


def interface(family: Family, size: int) -> None:
    rule = family.Rule()
    rule.in_interface = "x" * size


NAMES: dict[str, tuple[Use, int, type[Exception], str]] = {
    "chain": (
        *(lambda family, size: family.Table("filter").create_chain("x" * size), 28),
        *(pyiptc.ChainNameError, "at most 28 bytes"),
    ),
    "chain, of letters of two bytes": (
        *(lambda family, size: family.Table("filter").create_chain("ż" * (size - 14)), 28),
        *(pyiptc.ChainNameError, "at most 28 bytes"),
    ),
    "renamed chain": (rename, 28, pyiptc.ChainNameError, "at most 28 bytes"),
    "jump": (
        *(lambda family, size: family.Rule.parse(f"-j {'x' * size}"), 28),
        *(pyiptc.XTablesError, "28 chars max"),
    ),
    "interface": (interface, 15, pyiptc.RuleError, "at most 15 bytes"),
    "interface in text": (
        *(lambda family, size: family.Rule.parse(f"-i {'x' * size}"), 15),
        *(pyiptc.XTablesError, r"shorter than IFNAMSIZ \(15\)"),
    ),
    "ports": (
        lambda family, count: family.Rule.parse(
            "-p tcp -m multiport --dports " + ",".join(map(str, range(count)))
        ),
        *(15, pyiptc.XTablesError, "too many ports"),
    ),
    "string": (
        *(
            lambda family, size: family.Rule.parse(f"-m string --algo bm --string {'x' * size}"),
            128,
        ),
        *(pyiptc.XTablesError, "STRING too long"),
    ),
    "policy": (
        lambda family, count: family.Rule.parse(
            "-m policy --dir in --pol ipsec --strict " + " --next ".join(["--proto esp"] * count)
        ),
        *(4, pyiptc.XTablesError, "maximum policy depth"),
    ),
    "bytes of a rule, as text": (
        lambda family, count: family.Rule.parse(f"-m comment --comment {'x' * 255} " * 2 * count),
        *(113, pyiptc.XTablesError, "at most 65535"),
    ),
    "position": (
        *(lambda family, index: chain_of(family).insert("-j ACCEPT", index=5 * index), 0),
        *(pyiptc.PositionError, "too big"),
    ),
    "counters": (
        lambda family, packets: setattr(family.Rule(), "counters", (packets, 0)),
        *((1 << 64) - 1, ValueError, "64 bit"),
    ),
}


@pytest.mark.parametrize(("use", "limit", "cls", "words"), NAMES.values(), ids=NAMES)
def test_limit(use: Use, limit: int, cls: type[Exception], words: str, family: Family) -> None:
    use(family, limit)
    before = family.Table("filter").save()
    with pytest.raises(cls, match=words):
        use(family, limit + 1)
    assert family.Table("filter").save() == before


@pytest.mark.only_backend("legacy", "size of a rule")
def test_bytes_of_a_rule(family: Family) -> None:
    chain_of(family).append(long_rule(family, 2 * 113))
    with pytest.raises(pyiptc.IPTCError, match="at most 65535"):
        chain_of(family).append(long_rule(family, 2 * 114))
    assert len(chain_of(family)) == 1


@pytest.mark.only_backend("nft", "size of a rule")
def test_expressions_of_a_rule(family: Family) -> None:
    """NFT_RULE_MAXEXPRS: each match, the counter and the target are one."""
    chain_of(family).append("-m pkttype --pkt-type unicast " * 126 + "-j ACCEPT")
    with pytest.raises(pyiptc.KernelError, match="128 expressions"):
        chain_of(family).append("-m pkttype --pkt-type unicast " * 127 + "-j ACCEPT")
    assert len(chain_of(family)) == 1


@pytest.mark.only_backend("nft", "size of a rule")
def test_rule_that_cannot_be_listed(family: Family) -> None:
    """A dump ends where a rule does not fit 32 KiB, and hides what follows: there is none of ours."""
    chain_of(family).append(long_rule(family, 105))
    with pytest.raises(pyiptc.KernelError, match="could not list"):
        chain_of(family).append(long_rule(family, 115))
    chain_of(family).append("-j DROP")
    family.Table("filter").refresh()
    assert len(chain_of(family)) == 2


@pytest.mark.only_backend("nft", "size of a rule")
def test_rule_of_others_that_cannot_be_listed(family: Family) -> None:
    """What would be shown is less than there is."""
    expressions, protocol, flags = _nft.encode(long_rule(family, 115)._as_is())
    rawnft.make_chain(family.name, "filter", "INPUT")
    rawnft.append(family.name, "filter", "INPUT", expressions, protocol, flags)
    with pytest.raises(pyiptc.KernelError, match="more than 32 KiB, nor those behind it"):
        len(chain_of(family))


@pytest.mark.parametrize("name", ["match", "target"])
def test_name_of_an_extension(name: str, family: Family) -> None:
    rule = family.Rule()
    create = rule.create_match if name == "match" else rule.create_target
    with pytest.raises(pyiptc.XTablesError, match="1 to 28 bytes"):
        create("X" * 29)


@pytest.mark.differs("jumps")
@pytest.mark.parametrize("chains", [("a",), ("a", "b"), ("a", "b", "c", "d")])
def test_loop(chains: tuple[str, ...], family: Family) -> None:
    """Chains that jump to each other, where packets can come to: the kernel finds that."""
    table = family.Table("filter")
    with (
        pytest.raises(pyiptc.KernelError, match="Loop found in table") as caught,
        table.transaction(),
    ):
        for name in chains:
            table.create_chain(name)
        for name, following in zip(chains, (*chains[1:], chains[0])):
            pyiptc.Chain(table, name).append(f"-j {following}")
        chain_of(family).append("-j a")
    assert caught.value.errno == (errno.EMLINK if on_nft() else errno.ELOOP)
    assert "-j a" in str(caught.value)
    assert [chain.name for chain in table.chains] == ["INPUT", "FORWARD", "OUTPUT"]


def jump_down(family: Family, count: int) -> None:
    """Have chains of which each jumps to the next one, the first from INPUT."""
    table = family.Table("filter")
    with table.transaction():
        chain = chain_of(family)
        for number in range(count):
            following = table.create_chain(f"depth{number}")
            chain.append(f"-j {following.name}")
            chain = following


@pytest.mark.only_backend("legacy", "jumps")
def test_depth_of_jumps(family: Family) -> None:
    """The kernel's stack grows with the chains: there is no limit to meet."""
    jump_down(family, 3000)
    assert len(family.Table("filter").chains) == 3003
    family.Table("filter").flush()


@pytest.mark.only_backend("nft", "jumps")
def test_depth_of_jumps_in_nf_tables(family: Family) -> None:
    """NFT_JUMP_STACK_SIZE: the chain that a 16th jump leads to is refused."""
    jump_down(family, 15)
    assert len(family.Table("filter").chains) == 18
    family.Table("filter").flush()
    with pytest.raises(pyiptc.KernelError, match="too deep") as caught:
        jump_down(family, 16)
    assert caught.value.errno == errno.EMLINK
    assert len(family.Table("filter").chains) == 3


def test_name_of_a_table(family: Family) -> None:
    with pytest.raises(pyiptc.TableNotFoundError, match="31 bytes"):
        family.Table("x" * 32)


def test_long_rule_is_a_mistake_of_the_caller(family: Family) -> None:
    with pytest.raises(pyiptc.RuleError):
        chain_of(family).append(long_rule(family, 228))


MEMORY = """
import errno, sys
from support import faults
from support.family import FAMILIES

table = FAMILIES[sys.argv[1]].Table("filter")
with faults.failing(faults.Call.SETSOCKOPT, errno.ENOMEM, option=faults.SET_REPLACE):
    try:
        iptc.Chain(table, "INPUT").append("-j ACCEPT")
    except iptc.KernelError as error:
        print(error.errno == errno.ENOMEM, error)
"""


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    from support import faults

    return faults.build(tmp_path_factory.mktemp("fault"))


@pytest.mark.only_backend("legacy", "system calls")
def test_memory(family: Family, faulty: dict[str, str]) -> None:
    printed = isolated.output(MEMORY, family.name, env=faulty)
    assert printed.startswith("True can't commit: Memory allocation problem")


@pytest.mark.only_backend("legacy", "system calls")
def test_memory_tells_the_size(family: Family, faulty: dict[str, str]) -> None:
    """A table of 512 MiB (XT_MAX_TABLE_SIZE) is ENOMEM, too: how large was this one?"""
    printed = isolated.output(MEMORY, family.name, env=faulty)
    assert "problem: 1 rules of " in printed
    assert " bytes; a table has at most 536870912 bytes" in printed
