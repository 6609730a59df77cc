"""One rule shape over many values: the same rules as one by one."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from kernel.conftest import Bench
from support.family import Family

pytestmark = pytest.mark.kernel


def addresses(family: Family, count: int = 5) -> list[Any]:
    first = int(ipaddress.ip_address(family.host))
    make = ipaddress.IPv6Address if family.is_ipv6 else ipaddress.IPv4Address
    return [make(first + 77 * number) for number in range(count)]


def one_by_one(bench: Bench, template: str, values: list[Any]) -> list[str]:
    return [str(bench.family.Rule.parse(template.replace("{}", str(value)))) for value in values]


def texts(bench: Bench) -> list[str]:
    bench.table.refresh()
    return [str(rule) for rule in bench.chain.rules]


@pytest.mark.parametrize(
    "template",
    [
        "-s {} -j DROP",
        "! -d {} -p tcp --dport 22 -j ACCEPT",
        "-s {} -j user",
        "-d {} -g user",
        "-s {}",
    ],
)
def test_addresses_of_all_kinds(bench: Bench, template: str) -> None:
    bench.table.create_chain("user")
    given = addresses(bench.family)
    bits = given[0].max_prefixlen
    expected = one_by_one(bench, template, given)
    forms: list[list[Any]] = [
        [str(address) for address in given],
        [int(address) for address in given],
        [address.packed for address in given],
        [f"{address}/{bits}" for address in given],
    ]
    for values in forms:
        bench.chain.flush()
        bench.chain.extend_template(template, iter(values))
        assert texts(bench) == expected


def test_networks(bench: Bench) -> None:
    values = [f"{address}/{length}" for length, address in enumerate(addresses(bench.family), 20)]
    bench.chain.extend_template("-s {} -j DROP", [*values, bench.family.host])
    assert texts(bench) == one_by_one(bench, "-s {} -j DROP", [*values, bench.family.host])


@pytest.mark.parametrize("option", ["--dport", "--sport", "-m udp ! --dport"])
def test_ports(bench: Bench, option: str) -> None:
    template = f"-p udp {option} {{}} -j DROP"
    bench.chain.extend_template(template, [0, 1, "53", 258, 65535])
    assert texts(bench) == one_by_one(bench, template, [0, 1, 53, 258, 65535])


@pytest.mark.parametrize(
    ("template", "values"),
    [
        ('-m comment --comment "rule {}" -j DROP', ["a", "b c", 7]),
        ("-m mark --mark {} -j DROP", [1, 0x10, "3/7"]),
        ("-i {} -j DROP", ["eth0", "veth+"]),
        ("-p {} -j DROP", ["tcp", 17]),
        ("-p tcp -m multiport --dports {} -j DROP", ["1,2", "80:90"]),
        ("-j {}", ["DROP", "LOG", "user"]),
    ],
)
def test_other_places(bench: Bench, template: str, values: list[Any]) -> None:
    bench.table.create_chain("user")
    bench.chain.extend_template(template, values)
    assert texts(bench) == one_by_one(bench, template, values)


def test_many(bench: Bench) -> None:
    given = addresses(bench.family, 20000)
    bench.chain.extend_template("-s {} -j DROP", [str(address) for address in given])
    lines = bench.oracle.lines(bench.family, "filter", "INPUT")
    bits = given[0].max_prefixlen
    assert lines == [f"-A INPUT -s {address}/{bits} -j DROP" for address in given]


def test_no_values(bench: Bench) -> None:
    bench.chain.extend_template("-s {} -j DROP", [])
    assert texts(bench) == []


WRONG: list[tuple[str, Any, str]] = [
    ("-s {} -j DROP", ["host"], "value 1: invalid address 'host'"),
    ("-s {} -j DROP", ["1.2.3.4::"], "value 1: invalid address"),
    ("-s {} -j DROP", [-1], "value 1: -1 is no address"),
    ("-s {} -j DROP", [1 << 128], "value 1: .* is no address"),
    ("-s {} -j DROP", [b"123"], "value 1: an address of 3 bytes"),
    ("-s {} -j DROP", ["1.2.3.4\0"], "value 1: invalid address"),
    ("-s {} -j DROP", [None], "value 1: an address is text"),
    ("-p tcp --dport {} -j DROP", [70000], "port 70000: expected 0 to 65535"),
    ("-p tcp --dport {} -j DROP", ["http"], "port 'http': expected a number"),
    ("-j DROP", ["1"], "expected one {}"),
    ("-s {} -d {} -j DROP", ["1"], "expected one {}"),
    ("-s {} -j DROP", "1.2.3.4", "expected several values"),
    ("-s {} -j nosuch", [], "nosuch"),
    ("-o {} -j DROP", ["eth0"], "Can't use -o with INPUT"),
    ("-m mark --mark {} -j DROP", ["x"], "mark"),
]


@pytest.mark.parametrize(("template", "values", "message"), WRONG)
def test_what_is_wrong(bench: Bench, template: str, values: Any, message: str) -> None:
    """One error, with the value's place; no rule is appended."""
    good: list[Any] = [] if isinstance(values, str) else addresses(bench.family, 1)
    if "dport" in template:
        good = [80]
    elif "mark" in template:
        good = [1]
    elif "-o" in template:
        good = []
    given = values if isinstance(values, str) else [*map(str, good), *values]
    with pytest.raises((bench.iptc.IPTCError, TypeError, ValueError), match=message):
        bench.chain.extend_template(template, given)
    assert texts(bench) == []
    assert len(bench.chain) == 0


def test_pending_and_in_a_transaction(bench: Bench) -> None:
    given = [str(address) for address in addresses(bench.family)]
    bench.table.autocommit = False
    bench.chain.extend_template("-s {} -j DROP", given[:2])
    assert bench.oracle.lines(bench.family, "filter", "INPUT") == []
    bench.oracle.append(bench.family, "filter", "INPUT", "-j LOG")  # somebody else
    bench.table.commit()
    bench.table.autocommit = True
    with bench.table.transaction():
        bench.chain.extend_template("-s {} -j DROP", given[2:])
    assert texts(bench) == ["-j LOG", *one_by_one(bench, "-s {} -j DROP", given)]


# -- so many that the table is laid out around them ------------------------------------------------------

MANY = 700


@dataclass
class Run:
    """A chain with many rules of a template, and what its rules have to be in the end."""

    bench: Bench
    chain: Any
    wanted: list[str]
    first: int
    """Index of the first one."""

    def insert(self, index: int) -> None:
        self.chain.insert("-p tcp -j ACCEPT", index=index)
        self.wanted.insert(index, "-p tcp -j ACCEPT")


def nothing(run: Run) -> None:
    pass


def more_behind(run: Run) -> None:
    run.insert(len(run.wanted))


def more_in_front(run: Run) -> None:
    run.insert(0)


def more_in_between(run: Run) -> None:
    run.insert(run.first + MANY // 2)


def fewer(run: Run) -> None:
    for index in (run.first + MANY - 1, run.first + MANY // 2, run.first):
        run.chain.delete(index=index)
        del run.wanted[index]


def another(run: Run) -> None:
    run.chain.replace("-p udp -j user", index=run.first + MANY // 3)
    run.wanted[run.first + MANY // 3] = "-p udp -j user"


def twice(run: Run) -> None:
    given = [str(address) for address in addresses(run.bench.family, 2 * MANY)]
    run.chain.extend_template("-d {} -j user", given)
    run.wanted.extend(one_by_one(run.bench, "-d {} -j user", given))


def other_chains(run: Run) -> None:
    for name, count in (("FORWARD", 3), ("OUTPUT", MANY), ("user", 40)):
        run.bench.user(name).extend(["-p udp -j ACCEPT"] * count)
    run.bench.table.create_chain("another").append("-p tcp -j user")


def a_chain_less(run: Run) -> None:
    run.bench.table.delete_chain("unused")


def moved(run: Run) -> None:
    """The rules are not those of their chain any more."""
    run.chain.flush()
    run.wanted.clear()


@pytest.mark.parametrize(
    "then",
    [
        *(nothing, more_behind, more_in_front, more_in_between, fewer, another, twice),
        *(other_chains, a_chain_less, moved),
    ],
)
@pytest.mark.parametrize("before", [0, 3, 2 * MANY])
@pytest.mark.parametrize("template", ["-s {} -j DROP", "-s {} -j user", "-s {}"])
def test_many_among_others(
    bench: Bench, template: str, before: int, then: Callable[[Run], None]
) -> None:
    """Whatever else is in the table, or is done at once: it is what it would be one by one."""
    family = bench.family
    old = [f"-p tcp -m tcp --dport {number} -j LOG" for number in range(before)]
    text = [
        *("*filter", ":FORWARD DROP [1:2]", ":unused - [0:0]", ":user - [0:0]"),
        *(f"[{place + 7}:420] -A INPUT {rule}" for place, rule in enumerate(old[:3])),
        *(f"[0:0] -A INPUT {rule}" for rule in old[3:]),
        *("[0:0] -A user -p udp -j RETURN", "[0:0] -A FORWARD -j user", "COMMIT", ""),
    ]
    bench.oracle.restore(family, "\n".join(text), counters=True)
    bench.table.refresh()
    given = [str(address) for address in addresses(family, MANY)]
    run = Run(bench, bench.chain, old + one_by_one(bench, template, given), before)
    with bench.table.transaction():
        run.chain.extend_template(template, given)
        then(run)
    lines = bench.oracle.lines(family, "filter", "INPUT")
    assert lines == [f"-A INPUT {rule}" for rule in run.wanted]
    counted = dict(zip(run.wanted, bench.oracle.counters(family, "filter", "INPUT")))
    kept = {rule: (place + 7, 420) for place, rule in enumerate(old[:3]) if rule in counted}
    assert kept == {rule: counted[rule] for rule in kept}
    assert bench.oracle.lines(family, "filter", "user")[0] == "-A user -p udp -j RETURN"
    # What was sent is what the object goes on with.
    listed = run.chain.rules
    assert [str(rule) for rule in listed] == run.wanted
    run.chain.insert("-j LOG", index=len(run.wanted) // 2)
    run.wanted.insert(len(run.wanted) // 2, "-j LOG")
    assert [str(rule) for rule in run.chain.rules] == run.wanted
    assert texts(bench) == run.wanted
    # And what was listed stays what it was.
    assert [str(rule) for rule in listed] == [rule for rule in run.wanted if rule != "-j LOG"]


def test_many_refused(bench: Bench) -> None:
    """What the kernel refuses is kept by nobody, and the same rules go in without it."""
    bench.table.create_chain("user")
    given = [str(address) for address in addresses(bench.family, MANY)]
    with pytest.raises(bench.iptc.KernelError), bench.table.transaction():
        bench.chain.extend_template("-s {} -j user", given)
        bench.user("user").append("-j user")
    assert bench.oracle.lines(bench.family, "filter", "INPUT") == []
    assert texts(bench) == []
    bench.table.autocommit = False
    bench.chain.extend_template("-s {} -j user", given)
    bench.user("user").append("-j user")
    with pytest.raises(bench.iptc.KernelError):
        bench.table.commit()
    bench.user("user").flush()
    bench.chain.append("-j DROP")
    bench.table.commit()
    bench.table.autocommit = True
    wanted = [*one_by_one(bench, "-s {} -j user", given), "-j DROP"]
    assert bench.oracle.lines(bench.family, "filter", "INPUT") == [
        f"-A INPUT {rule}" for rule in wanted
    ]
    assert texts(bench) == wanted
