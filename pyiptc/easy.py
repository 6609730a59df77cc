# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables, chains and rules by name, rules as dictionaries.

Every function takes *ipv6* and reads the table afresh, unless the table has edits pending
(:func:`batch_begin`): then it goes on with these. An unknown or invalid field raises; where
*raise_exc* is False, errors are not raised (as in python-iptables).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Optional, Union

from .chain import Chain
from .counters import Counters
from .errors import IPTCError, bounded, shown
from .rule import Rule, Rule6
from .table import Table, Table6, is_table6_available, is_table_available

__all__ = [
    "add_chain",
    "add_rule",
    "batch_add_chains",
    "batch_add_rules",
    "batch_begin",
    "batch_delete_chains",
    "batch_delete_rules",
    "batch_end",
    "decode_iptc_rule",
    "delete_chain",
    "delete_rule",
    "dump_all",
    "dump_chain",
    "dump_table",
    "encode_iptc_rule",
    "flush_all",
    "flush_chain",
    "flush_table",
    "get_chains",
    "get_policy",
    "get_rule",
    "get_rule_counters",
    "get_rule_position",
    "get_tables",
    "has_chain",
    "has_rule",
    "insert_rule",
    "replace_rule",
    "set_policy",
    "test_match",
    "test_rule",
    "test_target",
    "zero_all",
    "zero_chain",
    "zero_table",
]

RuleDict = Mapping[str, Any]

#: What a caller's data can be wrong with.
_INVALID = (IPTCError, ValueError, TypeError, AttributeError)


@contextmanager
def _errors(raise_exc: bool) -> Iterator[None]:
    try:
        yield
    except (IPTCError, AttributeError, LookupError, ValueError):
        if raise_exc:
            raise


def _class(ipv6: bool) -> type[Table]:
    return Table6 if ipv6 else Table


def _table(table: str, ipv6: bool) -> Table:
    found = _class(ipv6)(table)
    if not found._pending and found._transaction is None:
        found.refresh()
    return found


def _chain(table: str, chain: str, ipv6: bool) -> Chain:
    found = _table(table, ipv6)
    if not found.is_chain(chain):
        raise AttributeError(f"Table <{table}> has no chain <{bounded(chain)}>")
    return Chain(found, chain)


# -- tables and chains -------------------------------------------------------------------------------


def get_tables(ipv6: bool = False) -> list[str]:
    """Names of the tables that can be had."""
    available = is_table6_available if ipv6 else is_table_available
    return [name for name in Table.ALL if available(name)]


def get_chains(table: str, ipv6: bool = False) -> list[str]:
    """Names of a table's chains."""
    return [chain.name for chain in _table(table, ipv6).chains]


def has_chain(table: str, chain: str, ipv6: bool = False) -> bool:
    """Whether a table has a chain."""
    return _table(table, ipv6).is_chain(chain)


def add_chain(table: str, chain: str, ipv6: bool = False, raise_exc: bool = True) -> bool:
    """Create a chain; False where that failed and *raise_exc* is off."""
    with _errors(raise_exc):
        _table(table, ipv6).create_chain(chain)
        return True
    return False


def delete_chain(
    table: str, chain: str, ipv6: bool = False, flush: bool = False, raise_exc: bool = True
) -> None:
    """Delete a chain, with its rules where *flush* says so."""
    with _errors(raise_exc):
        if flush:
            flush_chain(table, chain, ipv6, raise_exc)
        _table(table, ipv6).delete_chain(chain)


def flush_all(ipv6: bool = False) -> None:
    """Delete all rules and user-defined chains of all tables."""
    for table in get_tables(ipv6):
        flush_table(table, ipv6)


def flush_table(table: str, ipv6: bool = False, raise_exc: bool = True) -> None:
    """Delete all rules and user-defined chains of a table."""
    with _errors(raise_exc):
        _table(table, ipv6).flush()


def flush_chain(table: str, chain: str, ipv6: bool = False, raise_exc: bool = True) -> None:
    """Delete all rules of a chain."""
    with _errors(raise_exc):
        _chain(table, chain, ipv6).flush()


def zero_all(table: Optional[str] = None, ipv6: bool = False) -> None:
    """Zero the counters of all tables; *table* is not used (it is python-iptables' signature)."""
    for name in get_tables(ipv6):
        zero_table(name, ipv6)


def zero_table(table: str, ipv6: bool = False) -> None:
    """Zero the counters of all chains of a table."""
    found = _table(table, ipv6)
    for chain in found.chains:
        chain.zero_counters()


def zero_chain(table: str, chain: str, ipv6: bool = False) -> None:
    """Zero the counters of a chain and its rules."""
    _chain(table, chain, ipv6).zero_counters()


def get_policy(table: str, chain: str, ipv6: bool = False) -> str:
    """Policy of a built-in chain. Raises AttributeError for a user-defined one."""
    policy = _chain(table, chain, ipv6).get_policy()
    if policy is None:
        raise AttributeError(f"Chain <{chain}@{table}> is user-defined and has no policy")
    return policy.name


def set_policy(table: str, chain: str, policy: str = "ACCEPT", ipv6: bool = False) -> None:
    """Set the policy of a built-in chain."""
    _chain(table, chain, ipv6).set_policy(policy)


# -- rules -------------------------------------------------------------------------------------------


def has_rule(table: str, chain: str, rule_d: RuleDict, ipv6: bool = False) -> bool:
    """Whether a chain has a rule, as ``iptables -C`` says."""
    return _chain(table, chain, ipv6).contains(encode_iptc_rule(rule_d, ipv6))


def add_rule(
    table: str, chain: str, rule_d: RuleDict, position: int = 0, ipv6: bool = False
) -> None:
    """Add a rule: 0 appends, 1 is the first place, negative numbers count from the end."""
    _add(_chain(table, chain, ipv6), encode_iptc_rule(rule_d, ipv6), position)


def _add(chain: Chain, rule: Rule, position: int) -> None:
    if position == 0:
        chain.append_rule(rule)
    elif position > 0:
        chain.insert_rule(rule, position - 1)
    else:
        chain.insert_rule(rule, max(len(chain) + position, 0))


def insert_rule(table: str, chain: str, rule_d: RuleDict, ipv6: bool = False) -> None:
    """Add a rule in the first place."""
    add_rule(table, chain, rule_d, position=1, ipv6=ipv6)


def delete_rule(
    table: str, chain: str, rule_d: RuleDict, ipv6: bool = False, raise_exc: bool = True
) -> None:
    """Delete the first rule that is equal."""
    with _errors(raise_exc):
        _chain(table, chain, ipv6).delete_rule(encode_iptc_rule(rule_d, ipv6))


def replace_rule(
    table: str, chain: str, old_rule_d: RuleDict, new_rule_d: RuleDict, ipv6: bool = False
) -> None:
    """Replace the first rule that equals the old one. Raises ValueError where there is none."""
    found = _chain(table, chain, ipv6)
    old = encode_iptc_rule(old_rule_d, ipv6)
    new = encode_iptc_rule(new_rule_d, ipv6)
    found.replace_rule(new, found.index(old))


def get_rule(
    table: str, chain: str, position: int = 0, ipv6: bool = False, raise_exc: bool = True
) -> Union[list[dict[str, Any]], dict[str, Any], None]:
    """The rule at a position: 0 all, 1 the first, -1 the last. Raises IndexError."""
    with _errors(raise_exc):
        if position == 0:
            return dump_chain(table, chain, ipv6)
        rules = _chain(table, chain, ipv6).rules
        return decode_iptc_rule(rules[position - 1 if position > 0 else position], ipv6)
    return None


def _index(table: str, chain: str, rule_d: RuleDict, ipv6: bool) -> tuple[Chain, int]:
    found = _chain(table, chain, ipv6)
    index = found._find(encode_iptc_rule(rule_d, ipv6))
    if index < 0:
        raise AttributeError(f"Chain <{chain}@{table}> has no rule <{shown(rule_d)}>")
    return found, index


def get_rule_counters(table: str, chain: str, rule_d: RuleDict, ipv6: bool = False) -> Counters:
    """Packets and bytes of the first rule that is equal. Raises AttributeError."""
    found, index = _index(table, chain, rule_d, ipv6)
    return found.rules[index].counters


def get_rule_position(table: str, chain: str, rule_d: RuleDict, ipv6: bool = False) -> int:
    """0-based position of the first rule that is equal. Raises AttributeError."""
    return _index(table, chain, rule_d, ipv6)[1]


def dump_all(ipv6: bool = False) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """All rules of all tables."""
    return {table: dump_table(table, ipv6) for table in get_tables(ipv6)}


def dump_table(table: str, ipv6: bool = False) -> dict[str, list[dict[str, Any]]]:
    """All rules of a table, by chain."""
    found = _table(table, ipv6)
    return {
        chain.name: [decode_iptc_rule(rule, ipv6) for rule in chain.rules] for chain in found.chains
    }


def dump_chain(table: str, chain: str, ipv6: bool = False) -> list[dict[str, Any]]:
    """All rules of a chain."""
    return [decode_iptc_rule(rule, ipv6) for rule in _chain(table, chain, ipv6).rules]


# -- are they well formed? ---------------------------------------------------------------------------


def test_rule(rule_d: RuleDict, ipv6: bool = False) -> bool:
    """Whether a dictionary is a complete and valid rule."""
    try:
        encode_iptc_rule(rule_d, ipv6).final_check()
    except _INVALID:
        return False
    return True


def test_match(name: str, value: Any, ipv6: bool = False) -> bool:
    """Whether a match of this name takes these options."""
    return test_rule({name: value}, ipv6)


def test_target(name: str, value: Any, ipv6: bool = False) -> bool:
    """Whether a target of this name takes these options."""
    return test_rule({"target": {name: value}}, ipv6)


# Names that begin with "test_" are python-iptables' own; pytest must not run them.
for _function in (test_rule, test_match, test_target):
    _function.__dict__["__test__"] = False


# -- batches -----------------------------------------------------------------------------------------


def _batch_tables(table: Optional[str], ipv6: bool) -> list[Table]:
    return [_class(ipv6)(name) for name in ([table] if table else get_tables(ipv6))]


def batch_begin(table: Optional[str] = None, ipv6: bool = False) -> None:
    """Let edits of a table, or of all, wait for :func:`batch_end`."""
    for found in _batch_tables(table, ipv6):
        found.autocommit = False


def batch_end(table: Optional[str] = None, ipv6: bool = False) -> None:
    """Send what was edited since :func:`batch_begin`, each table in one commit.

    The edits of a table that fails are discarded; the other tables are committed all the same,
    and the first error is raised.
    """
    failures = []
    for found in _batch_tables(table, ipv6):
        try:
            found.commit()
        except IPTCError as error:
            failures.append(error)
            found._rewind([])
        found.autocommit = True
    if failures:
        raise failures[0]


@contextmanager
def _batch(table: str, ipv6: bool) -> Iterator[Table]:
    """One commit for what is done inside; nothing is done where something raises."""
    found = _table(table, ipv6)
    with found._batch():
        yield found


def batch_add_chains(
    table: str, chains: Iterable[str], ipv6: bool = False, flush: bool = True
) -> None:
    """Create chains in one commit; those that are there are flushed where *flush* says so."""
    with _batch(table, ipv6) as found:
        for name in chains:
            chain = Chain(found, name) if found.is_chain(name) else found.create_chain(name)
            if flush:
                chain.flush()


def batch_delete_chains(table: str, chains: Iterable[str], ipv6: bool = False) -> None:
    """Delete chains with their rules in one commit; those that are not there are passed over."""
    with _batch(table, ipv6) as found:
        for name in chains:
            if found.is_chain(name):
                Chain(found, name).flush()
                found.delete_chain(name)


def batch_add_rules(
    table: str, batch_rules: Iterable[tuple[str, RuleDict, int]], ipv6: bool = False
) -> None:
    """Add rules in one commit: chain, rule, position as for :func:`add_rule`."""
    with _batch(table, ipv6) as found:
        for chain, rule_d, position in batch_rules:
            _add(Chain(found, chain), encode_iptc_rule(rule_d, ipv6), position)


def batch_delete_rules(
    table: str,
    batch_rules: Iterable[tuple[str, RuleDict]],
    ipv6: bool = False,
    raise_exc: bool = True,
) -> None:
    """Delete rules in one commit: chain and rule."""
    with _errors(raise_exc), _batch(table, ipv6) as found:
        for chain, rule_d in batch_rules:
            Chain(found, chain).delete_rule(encode_iptc_rule(rule_d, ipv6))


# -- dictionaries ------------------------------------------------------------------------------------


def encode_iptc_rule(rule_d: RuleDict, ipv6: bool = False) -> Rule:
    """A rule of a dictionary. Raises TypeError, RuleError, XTablesError."""
    return (Rule6 if ipv6 else Rule).from_dict(rule_d)


def decode_iptc_rule(iptc_rule: Rule, ipv6: bool = False) -> dict[str, Any]:
    """A dictionary of a rule."""
    return iptc_rule.to_dict()
