"""What programs get wrong, as data: what they do, and the exception that tells them."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from parity.cases import BOTH, V4, V6, Value
from support import undertest
from support.family import FAMILIES, Family

NAME_40 = "n" * 40


@dataclass
class Bench:
    """What a mistake is made on: chain INPUT of table filter, and two rules in no chain."""

    family: Family
    iptc: Any
    table: Any
    chain: Any
    rule: Any
    drop: Any

    @classmethod
    def of(cls, family: Family) -> Bench:
        """Fresh objects of a family."""
        iptc, table = undertest.load(), family.Table("filter")
        return cls(family, iptc, table, iptc.Chain(table, "INPUT"), family.Rule(), drop(family))

    def user_chain(self, name: str) -> Any:
        """Another chain of the table."""
        return self.iptc.Chain(self.table, name)


def drop(family: Family) -> Any:
    """A rule with nothing wrong about it."""
    rule = family.Rule()
    rule.create_target("DROP")
    return rule


@dataclass(frozen=True)
class Mistake:
    """Something that must raise."""

    make: Callable[[Bench], object]
    error: str
    """The exception's class: of the module, of its submodule errors, or a builtin."""
    words: str
    """A regular expression of what its message must tell."""
    families: tuple[str, ...] = BOTH
    number: int = 0
    """The errno that it must have."""
    nft_number: int = 0
    """The one with tables of nf_tables, where that is another."""


def header(field: str, value: object) -> Callable[[Bench], None]:
    """Assign to a property of a rule."""
    return lambda bench: setattr(bench.rule, field, value)


def match(name: str, **options: Value | object) -> Callable[[Bench], None]:
    """Create a match and assign its options."""
    return lambda bench: _assign(bench.rule.create_match(name), options)


def target(name: str, **options: Value | object) -> Callable[[Bench], None]:
    """Create a target and assign its options."""
    return lambda bench: _assign(bench.rule.create_target(name), options)


def _assign(module: Any, options: dict[str, object]) -> None:
    for option, value in options.items():
        setattr(module, option, value)


ON_RULES = {
    "option-unknown": Mistake(match("tcp", dportt="80"), "XTablesError", "dportt"),
    "option-unknown-attribute": Mistake(match("tcp", dportt="80"), "AttributeError", "dportt"),
    "option-unknown-target": Mistake(target("LOG", prefix="x"), "XTablesError", "prefix"),
    "option-unknown-set": Mistake(match("set", match_sett="x"), "XTablesError", "match-sett"),
    "option-unknown-parameter": Mistake(
        lambda bench: bench.rule.create_match("tcp").set_parameter("dportt", "80"),
        "XTablesError",
        "dportt",
    ),
    "option-of-verdict": Mistake(target("ACCEPT", mark="1"), "XTablesError", "mark"),
    "option-of-none": Mistake(match("eui64", mark="1"), "XTablesError", "mark", V6),
    "value-bad": Mistake(
        match("tcp", dport="99999"), "XTablesError", "invalid port/service `99999' specified"
    ),
    "value-bad-as-value-error": Mistake(match("tcp", dport="99999"), "ValueError", "99999"),
    "value-bad-of-target": Mistake(
        target("LOG", log_level="loud"), "XTablesError", 'log level "loud" unknown'
    ),
    "value-bad-of-state": Mistake(
        match("state", state="RELATED,ESTABLISHED,FOOBAR"), "XTablesError", 'Bad state "FOOBAR"'
    ),
    "value-of-no-set": Mistake(
        match("set", match_set=["nosuch", "src"]), "XTablesError", "Set nosuch doesn't exist"
    ),
    "value-empty-list": Mistake(match("tcp", tcp_flags=[]), "XTablesError", "tcp-flags"),
    "value-too-few-words": Mistake(match("tcp", tcp_flags=["SYN"]), "XTablesError", "tcp-flags"),
    "value-float": Mistake(match("tcp", dport=8.5), "TypeError", "8.5"),
    "value-list-of-floats": Mistake(match("tcp", tcp_flags=["SYN", 8.5]), "TypeError", "8.5"),
    "match-unknown": Mistake(match("nosuch"), "XTablesError", "nosuch"),
    "match-too-long": Mistake(match(NAME_40), "XTablesError", NAME_40),
    "match-empty": Mistake(match(""), "ValueError", "match"),
    "match-path": Mistake(match("../tcp"), "XTablesError", r"\.\./tcp"),
    "match-of-nothing": Mistake(lambda b: b.iptc.Match(b.rule), "ValueError", "based on nothing"),
    "match-of-ipv6": Mistake(match("icmp6"), "XTablesError", "icmp6", V4),
    "match-of-ipv4": Mistake(match("ttl"), "XTablesError", "ttl", V6),
    "target-unknown": Mistake(target("NOSUCH"), "XTablesError", "NOSUCH"),
    "target-too-long": Mistake(target(NAME_40), "XTablesError", NAME_40),
    "target-of-nothing": Mistake(lambda b: b.iptc.Target(b.rule), "ValueError", "based on nothing"),
    "target-of-ipv6": Mistake(target("HL"), "XTablesError", "HL", V4),
    "target-of-ipv4": Mistake(target("TTL"), "XTablesError", "TTL", V6),
    "address-bad": Mistake(header("src", "300.1.2.3"), "ValueError", "300.1.2.3"),
    "address-of-ipv6": Mistake(header("src", "2001:db8::1"), "ValueError", "2001:db8::1", V4),
    "address-of-ipv4": Mistake(header("dst", "192.0.2.1"), "ValueError", "192.0.2.1", V6),
    "address-is-name": Mistake(header("src", "host.example"), "ValueError", "host.example"),
    "address-is-number": Mistake(header("src", 5), "TypeError", "5"),
    "prefix-too-long4": Mistake(header("dst", "10.0.0.0/33"), "ValueError", "33", V4),
    "prefix-too-long6": Mistake(header("dst", "2001:db8::/129"), "ValueError", "129", V6),
    "prefix-bad": Mistake(header("dst", "10.0.0.0/x"), "ValueError", "x", V4),
    "protocol-unknown": Mistake(header("protocol", "nosuch"), "ValueError", "nosuch"),
    "protocol-too-big": Mistake(header("protocol", "256"), "ValueError", "256"),
    "interface-too-long": Mistake(
        header("in_interface", "abcdefghijklmnop"), "ValueError", "abcdefghijklmnop"
    ),
    "interface-too-long-out": Mistake(
        header("out_interface", "!abcdefghijklmnop"), "ValueError", "abcdefghijklmnop"
    ),
}
"""Mistakes on a rule that is in no chain: they raise where they are made."""


def create(name: str) -> Callable[[Bench], object]:
    """Create a user-defined chain."""
    return lambda bench: bench.table.create_chain(name)


def delete(name: str) -> Callable[[Bench], object]:
    """Delete a chain."""
    return lambda bench: bench.table.delete_chain(name)


def rename(old: str, new: str) -> Callable[[Bench], object]:
    """Rename a chain."""
    return lambda bench: bench.table.rename_chain(old, new)


def policy(name: str, chain: str = "INPUT") -> Callable[[Bench], object]:
    """Set the policy of a chain."""
    return lambda bench: bench.user_chain(chain).set_policy(name)


def jump(chain: str, to: str) -> Callable[[Bench], None]:
    """Append a jump to a chain."""

    def make(bench: Bench) -> None:
        bench.rule.create_target(to)
        bench.user_chain(chain).append_rule(bench.rule)

    return make


def send(
    *parts: Callable[[Bench], None], how: str = "append_rule", chain: str = "INPUT"
) -> Callable[[Bench], None]:
    """Build a rule and send it."""

    def make(bench: Bench) -> None:
        for part in parts:
            part(bench)
        getattr(bench.user_chain(chain), how)(bench.rule)

    return make


def source_nat(bench: Bench) -> None:
    """A target that only another table takes."""
    bench.rule.create_target("SNAT").to_source = bench.family.host


def batch_with_wrong_hook(bench: Bench) -> None:
    """One rule of two is good."""
    bench.table.autocommit = False
    bench.chain.append_rule(bench.drop)
    send(source_nat)(bench)
    bench.table.commit()


def jump_to_deleted(bench: Bench) -> None:
    """The chain was there when the target was made."""
    bench.table.create_chain("brief")
    bench.rule.create_target("brief")
    bench.table.delete_chain("brief")
    bench.chain.append_rule(bench.rule)


def rule_of_other_family(bench: Bench) -> None:
    """An IPv4 rule in an IPv6 chain, or the other way round."""
    (other,) = (family for family in FAMILIES.values() if family is not bench.family)
    bench.chain.append_rule(drop(other))


NO_CHAIN = "No chain/target/match by that name"
LOOP = "Loop found in table|Too many levels of symbolic links"

ON_TABLES = {
    "table-absent": Mistake(
        lambda bench: bench.family.Table("nosuch"),
        "TableNotFoundError",
        "can't initialize nosuch: Table does not exist",
        number=errno.ENOENT,
    ),
    "table-too-long": Mistake(
        lambda bench: bench.family.Table(NAME_40), "IPTCError", "Table does not exist"
    ),
    "create-existing": Mistake(
        create("first"), "IPTCError", "Chain already exists", number=errno.EEXIST
    ),
    "create-builtin": Mistake(create("INPUT"), "IPTCError", "Chain already exists"),
    "create-verdict": Mistake(create("ACCEPT"), "IPTCError", "ACCEPT"),
    "create-too-long": Mistake(create(NAME_40), "IPTCError", NAME_40),
    "create-empty": Mistake(create(""), "IPTCError", "chain"),
    "create-with-space": Mistake(create("a b"), "IPTCError", "a b"),
    "create-like-option": Mistake(create("-x"), "IPTCError", "-x"),
    "create-like-negation": Mistake(create("!x"), "IPTCError", "!x"),
    "delete-absent": Mistake(delete("nosuch"), "ChainNotFoundError", NO_CHAIN, number=errno.ENOENT),
    "delete-builtin": Mistake(delete("INPUT"), "IPTCError", "INPUT"),
    "delete-filled": Mistake(delete("filled"), "ChainInUseError", "filled"),
    "delete-referenced": Mistake(
        delete("empty"), "ChainInUseError", "references|Too many links", number=errno.EMLINK
    ),
    "rename-absent": Mistake(rename("nosuch", "x"), "ChainNotFoundError", "nosuch"),
    "rename-to-existing": Mistake(
        rename("first", "filled"), "IPTCError", "exists", number=errno.EEXIST
    ),
    "rename-builtin": Mistake(rename("INPUT", "x"), "IPTCError", "INPUT"),
    "rename-too-long": Mistake(rename("first", NAME_40), "IPTCError", NAME_40),
    "policy-return": Mistake(policy("RETURN"), "IPTCError", "Bad policy name"),
    "policy-unknown": Mistake(policy("NOSUCH"), "IPTCError", "Bad policy name"),
    "policy-of-user-chain": Mistake(
        policy("DROP", "first"), "IPTCError", "Bad built-in chain name"
    ),
    "append-to-absent": Mistake(jump("nosuch", "DROP"), "ChainNotFoundError", NO_CHAIN),
    "insert-too-far": Mistake(
        lambda bench: bench.chain.insert_rule(bench.drop, 99),
        "IPTCError",
        "Index of insertion too big",
        number=errno.E2BIG,
    ),
    "replace-too-far": Mistake(
        lambda bench: bench.chain.replace_rule(bench.drop, 99),
        "IPTCError",
        "Index of replacement too big",
        number=errno.E2BIG,
    ),
    "delete-what-is-not-there": Mistake(
        lambda bench: bench.chain.delete_rule(bench.drop),
        "IPTCError",
        r"Bad rule \(does a matching rule exist in that chain\?\)",
    ),
    "rule-without-target": Mistake(send(), "ValueError", "invalid rule"),
    "target-incomplete": Mistake(
        send(target("DNAT")), "XTablesError", 'DNAT: option "--to-destination" must be specified'
    ),
    "match-incomplete": Mistake(
        send(match("mark"), target("DROP")),
        "XTablesError",
        'mark: option "--mark" must be specified',
    ),
    "match-without-protocol": Mistake(
        send(match("tcp", dport="80"), target("DROP")),
        "KernelError",
        "Invalid argument",
        number=errno.EINVAL,
    ),
    "jump-to-deleted": Mistake(jump_to_deleted, "IPTCError", "brief"),
    "goto-verdict": Mistake(
        lambda bench: bench.rule.create_target("ACCEPT", goto=True),
        "IPTCError",
        "goto 'ACCEPT' is not a chain",
    ),
    "wrong-family": Mistake(rule_of_other_family, "IPTCError", "Rule6|IPv6"),
    "wrong-hook-append": Mistake(
        send(source_nat), "KernelError", "Invalid argument", number=errno.EINVAL
    ),
    "wrong-hook-insert": Mistake(
        send(source_nat, how="insert_rule"),
        "KernelError",
        "Invalid argument",
        number=errno.EINVAL,
    ),
    "wrong-hook-replace": Mistake(
        send(source_nat, how="replace_rule"),
        "KernelError",
        "Invalid argument",
        number=errno.EINVAL,
    ),
    "wrong-hook-below": Mistake(
        send(source_nat, chain="filled"), "KernelError", "Invalid argument", number=errno.EINVAL
    ),
    "wrong-hook-batch": Mistake(
        batch_with_wrong_hook, "KernelError", "Invalid argument", number=errno.EINVAL
    ),
    "loop-of-two": Mistake(
        jump("filled", "first"), "KernelError", LOOP, number=errno.ELOOP, nft_number=errno.EMLINK
    ),
    "loop-of-one": Mistake(
        jump("first", "first"), "KernelError", LOOP, number=errno.ELOOP, nft_number=errno.EMLINK
    ),
}
"""Mistakes on a table that has the rules below."""

RULES = """\
*filter
:INPUT DROP [7:700]
:FORWARD ACCEPT [8:800]
:OUTPUT ACCEPT [9:900]
:empty - [0:0]
:filled - [0:0]
:first - [0:0]
[1:10] -A INPUT -p tcp -j first
[2:20] -A INPUT -p udp -j filled
[3:30] -A filled -i lo -j ACCEPT
[4:40] -A first -j filled
[5:50] -A first -j empty
COMMIT
"""
