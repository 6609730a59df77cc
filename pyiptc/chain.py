# SPDX-License-Identifier: GPL-2.0-or-later
"""Chains: ordered rules, a policy where built-in, references where not."""

from __future__ import annotations

import contextlib
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Optional, Union

from .checks import new_chain_name, settled
from .counters import Counters
from .edits import (
    Append,
    AppendAll,
    AppendVariants,
    Delete,
    DeleteChain,
    DeleteIndex,
    Discard,
    Edit,
    Ensure,
    Flush,
    Insert,
    RenameChain,
    Replace,
    Zero,
    ZeroRules,
    find,
)
from .errors import RuleError, shown
from .identity import Key, key_of
from .policy import Policy
from .rule import Rule
from .template import PLACE, Value, field_of, texts
from .text import plain

if TYPE_CHECKING:
    from ._blob import Entry
    from ._kernel import CounterArray, TableData
    from .table import Table

__all__ = ["Chain"]

_HERE: AbstractContextManager[object] = contextlib.nullcontext()

#: A rule, or text or words to be parsed.
AnyRule = Union[Rule, str, Sequence[str]]


class Listing:
    """What a chain's rules were when they were read, and which of them were deleted since.

    It tells the *n*-th of several equal rules from the others.
    """

    __slots__ = ("_keys", "_places", "chain", "entries")

    def __init__(self, chain: str, entries: list[Entry]) -> None:
        self.chain = chain
        self.entries = entries
        self._keys: list[Key] = []
        self._places: dict[Key, list[int]] = {}

    def occurrence(self, index: int) -> int:
        """How many rules equal to the one at *index* are left before it."""
        if not self._keys:
            self._keys = [key_of(entry) for entry in self.entries]
            for at, key in enumerate(self._keys):
                self._places.setdefault(key, []).append(at)
        return bisect_left(self._places[self._keys[index]], index)

    def delete(self, index: int) -> None:
        """The rule at *index* is gone, whose :meth:`occurrence` was asked for."""
        places = self._places[self._keys[index]]
        at = bisect_left(places, index)
        if places[at : at + 1] == [index]:
            del places[at]


class Chain:
    """A chain of a table; one object for each name and table.

    The object is a name: nothing is created by it (:meth:`Table.create_chain` does), and there
    need be no such chain. Reads answer from the table's last read or edit; edits read the table
    afresh and are in the kernel when they return, unless ``table.autocommit`` is off.

    Args:
        table: The table.
        name: At most 28 bytes.
    """

    name: str
    table: Table

    def __new__(cls, table: Table, name: str) -> Chain:
        if not isinstance(name, str):
            raise TypeError(f"a chain's name is a string, not {shown(name)}")
        name = plain(name)
        chain = table._chain_objects.get(name)
        if chain is None:
            chain = object.__new__(cls)
            chain.name = name
            chain.table = table
            chain = table._chain_objects.setdefault(name, chain)
        return chain

    # -- reading -----------------------------------------------------------------------------------

    @property
    def rules(self) -> list[Rule]:
        """The rules, in order: a new list of new objects.

        Raises:
            ChainNotFoundError: There is no such chain.
        """
        with self.table._reading() as data:
            listing = Listing(self.name, data.entries(self.name))
            rules = self.table._rule_class._from_listing(listing, listing.entries, self)
            bound = [rule for rule in rules if rule._is_bound]
            with self._there(bool(bound)):
                for rule in bound:
                    rule._read_here()
        return rules

    def exists(self) -> bool:
        """Whether the table has such a chain."""
        return self.table.is_chain(self.name)

    def is_builtin(self) -> bool:
        """Whether it is a built-in chain of the table."""
        return self.table.builtin_chain(self.name)

    @property
    def references(self) -> int:
        """Number of rules that jump or go here. Raises ChainNotFoundError."""
        with self.table._reading() as data:
            return data.references(self.name)

    def __len__(self) -> int:
        with self.table._reading() as data:
            return data.count(self.name)

    def __bool__(self) -> bool:
        # An empty chain is still a chain.
        return True

    def __iter__(self) -> Iterator[Rule]:
        return iter(self.rules)

    def __contains__(self, rule: object) -> bool:
        return isinstance(rule, (Rule, str, list, tuple)) and self._find(rule) >= 0

    def contains(self, rule: AnyRule, *, comments: bool = True) -> bool:
        """Whether ``iptables -C`` would find the rule, in what was last read or edited.

        Args:
            comments: Whether comments must be the same too.
        """
        if comments:
            return self._find(rule) >= 0
        wanted = self._rule(rule).without_comments()
        return any(found.without_comments() == wanted for found in self.rules)

    def index(self, rule: AnyRule) -> int:
        """Position of the first rule that equals *rule*, 0-based. Raises ValueError."""
        found = self._find(rule)
        if found < 0:
            raise ValueError(f"{shown(rule)} is not in chain {self.name}")
        return found

    def _find(self, rule: AnyRule) -> int:
        rule = self._rule(rule)
        if rule._family != self.table._family:
            return -1
        with self.table._reading() as data:
            return find(data, self.name, self._compiled(rule, data))

    # -- editing -------------------------------------------------------------------------------------

    def append(self, rule: AnyRule) -> None:
        """Append a rule.

        Args:
            rule: A rule, or text or words as :meth:`Rule.parse` takes them.
        Raises:
            RuleError: The rule has no target, or is of the other family.
            XTablesError: A match or the target is incomplete.
            KernelError: The kernel refused it; the table is as it was.
        """
        table = self.table
        if type(rule) is not table._rule_class:
            rule = self._own(rule)
        table._edit(self._append, rule)

    def _append(self, data: TableData, rule: Rule) -> Append:
        return Append(self.name, self._settled(rule, data))

    def insert(self, rule: AnyRule, index: int = 0) -> None:
        """Insert a rule before the one at *index*, 0-based; the chain's length appends."""
        table = self.table
        if type(rule) is not table._rule_class:
            rule = self._own(rule)
        table._edit(self._insert, (rule, _checked_index(index)))

    def _insert(self, data: TableData, what: tuple[Rule, int]) -> Insert:
        rule, index = what
        return Insert(self.name, index, self._settled(rule, data))

    def replace(self, rule: AnyRule, index: int) -> None:
        """Replace the rule at *index*, 0-based."""
        self.table._edit(self._replace, (self._own(rule), _checked_index(index)))

    def _replace(self, data: TableData, what: tuple[Rule, int]) -> Replace:
        rule, index = what
        return Replace(self.name, index, self._settled(rule, data))

    def extend(self, rules: Iterable[AnyRule]) -> None:
        """Append many rules with one commit; none is appended where one is wrong."""
        if isinstance(rules, (str, bytes)):
            raise TypeError(f"expected several rules, not {shown(rules)}")
        name = self.name

        def build(data: TableData, rules: Iterable[AnyRule]) -> AppendAll:
            entries = [self._settled(self._own(rule), data) for rule in rules]
            return AppendAll(name, entries)

        with self.table._batch():
            self.table._edit(build, rules)

    def extend_template(self, template: str, values: Iterable[Value]) -> None:
        """Append a rule for each value, with one commit: one shape, many addresses or ports.

        Args:
            template: A rule's text, as :meth:`Rule.parse` takes it, with ``{}`` for the value.
            values: Where ``{}`` is an address (``-s {}``): addresses as text, with a prefix length
                if wanted, as numbers, or as packed bytes. Where it is a port: numbers. Anywhere
                else: text.
        Raises:
            ValueError: There is not one ``{}`` in the template.
            RuleError: A value that is wrong, with its place; no rule is appended.
            XTablesError: The template is no rule.
        Cost: addresses and ports 0.3 µs each, and the commit; others are parsed one by one.
        """
        if template.count(PLACE) != 1:
            raise ValueError(f"{shown(template)}: expected one {PLACE} for the value")
        if isinstance(values, (str, bytes)):
            raise TypeError(f"expected several values, not {shown(values)}")
        name = self.name

        def build(data: TableData, values: Iterable[Value]) -> Union[AppendAll, AppendVariants]:
            def parse(text: str) -> Entry:
                return self._settled(self._rule(text), data)

            field = field_of(self.table._family, template, parse)
            if field is None:
                return AppendAll(name, [parse(text) for text in texts(template, values)])
            return AppendVariants(name, field, field.pack(values))

        with self.table._batch():
            self.table._edit(build, values)

    def ensure(self, rule: AnyRule, index: Optional[int] = None) -> bool:
        """Put a rule in unless it is there: one locked read, decision and write.

        Args:
            index: Where to, 0-based; None appends.
        Returns:
            Whether something was changed.
        """
        at = None if index is None else _checked_index(index)
        edit = self.table._edit(self._ensure, (self._rule(rule), at))
        assert isinstance(edit, Ensure)
        return edit.is_needed

    def _ensure(self, data: TableData, what: tuple[Rule, Optional[int]]) -> Ensure:
        rule, index = what
        return Ensure(self.name, self._settled(rule, data), index)

    def discard(self, rule: AnyRule) -> bool:
        """Delete the first rule that equals *rule*, if there is one, as :meth:`ensure` puts it in.

        Returns:
            Whether something was changed.
        """
        edit = self.table._edit(self._discard, self._rule(rule))
        assert isinstance(edit, Discard)
        return edit.is_needed

    def _discard(self, data: TableData, rule: Rule) -> Discard:
        return Discard(Delete(self.name, self._compiled(rule, data), 0))

    def find(self, comment: str) -> list[Rule]:
        """The rules that have a comment of this text, in order."""
        return [rule for rule in self.rules if comment in rule.comments]

    def counters(self, zero: bool = False) -> CounterArray:
        """Packets and bytes of every rule: a buffer of shape (rules, 2) of 64-bit numbers.

        As a sequence, :class:`Counters` of each rule. Read afresh, under the lock, where the table
        has autocommit on and no edits pending; in a transaction as they were at its beginning.

        Args:
            zero: Set them to zero as well: no packet is lost, and none is counted twice. Policies
                go on counting.
        Raises:
            TransactionError: *zero* inside of a transaction, or with edits pending.
        Cost: as a refresh; with *zero* one system call more.
        """
        table = self.table
        if zero:
            edit = ZeroRules(self.name)
            with table._alone(table.wait):
                table._check_ready()
                table._send(_made, edit)
            assert edit.counters is not None
            return edit.counters
        if table._is_fresh_wanted:
            table._refresh(lazily=True)
        with table._reading() as data:
            return data.counters(self.name)

    def _there(self, is_bound: bool) -> AbstractContextManager[object]:
        """The table's namespace, for what means something there only: sets."""
        if not is_bound:
            return _HERE
        return self.table._namespace.socket(self.table._family)

    def _rule(self, rule: Any) -> Rule:
        """A rule of a rule, text or words."""
        if isinstance(rule, Rule):
            return rule
        if isinstance(rule, (str, list, tuple)):
            parse = self.table._rule_class.parse
            words = [rule] if isinstance(rule, str) else rule
            with self._there(
                any(isinstance(word, str) and "set" in word.lower() for word in words)
            ):
                return parse(rule)
        raise TypeError(f"expected a {self.table._rule_class.__name__} or text, not {shown(rule)}")

    def _own(self, rule: AnyRule) -> Rule:
        """A rule of rule, text or words, of this table's family."""
        rule = self._rule(rule)
        if rule._family != self.table._family:
            raise RuleError(
                f"a rule of {rule._family.label} cannot be put in a table of "
                f"{self.table._family.label}: expected a {self.table._rule_class.__name__}"
            )
        return rule

    def _compiled(self, rule: Rule, data: TableData) -> Entry:
        """A rule's entry, as it is in this table's namespace."""
        if not self.table._is_inside and rule._is_bound:
            with self._there(True):
                return rule._compile(data.has_chain)
        return rule._compile(data.has_chain)

    def _settled(self, rule: Rule, data: TableData) -> Entry:
        """The same, checked for this chain."""
        if rule._is_bound and not self.table._is_inside:
            with self._there(True):
                return settled(rule, data, self.name)
        return settled(rule, data, self.name)

    def delete(self, rule: Optional[AnyRule] = None, *, index: Optional[int] = None) -> None:
        """Delete a rule: the very one that was read here, or the first that equals it.

        Without an argument delete the chain itself, as python-iptables does.

        Args:
            rule: The rule, or
            index: its position, 0-based.
        Raises:
            RuleNotFoundError: No rule equals *rule*.
            PositionError: *index* is beyond the end.
            ChainInUseError: The chain is not empty, or rules jump to it.
        """
        name = self.name
        if rule is None and index is None:
            self.table._edit(_made, DeleteChain(name))
            return
        if rule is not None and index is not None:
            raise TypeError("delete() takes a rule or index=, not both")
        if index is not None:
            at = _checked_index(index)
            self.table._edit(_made, DeleteIndex(name, at))
            return
        rule = self._rule(rule)
        listing, position = self._seen(rule)
        occurrence = 0 if listing is None else listing.occurrence(position)

        self.table._edit(self._delete, (rule, occurrence, listing is not None))
        if listing is not None:
            listing.delete(position)

    def _delete(self, data: TableData, what: tuple[Rule, int, bool]) -> Delete:
        rule, occurrence, was_seen = what
        return Delete(self.name, self._compiled(rule, data), occurrence, was_seen)

    def _seen(self, rule: Rule) -> tuple[Optional[Listing], int]:
        """The listing that a rule came from, where it is one of this chain."""
        listing = rule._listing
        if listing is None or rule.chain is not self or listing.chain != self.name:
            return None, 0
        return listing, rule._position

    def flush(self) -> None:
        """Delete all rules."""
        name = self.name
        self.table._edit(_made, Flush(name))

    def zero_counters(self) -> None:
        """Set the counters of all rules and of the policy to zero."""
        name = self.name
        self.table._edit(_made, Zero(name))

    def rename(self, new_name: str) -> None:
        """Rename it; this object has the new name afterwards, and jumps follow."""
        old = self.name
        new_name = new_chain_name(new_name)
        self.table._edit(_made, RenameChain(old, new_name))
        self.table._chain_objects.pop(old, None)
        self.name = new_name
        self.table._chain_objects[new_name] = self

    # -- policy ----------------------------------------------------------------------------------------

    def get_policy(self) -> Optional[Policy]:
        """The policy, None where the chain is user-defined."""
        return self.table.get_policy(self.name)[0]

    def get_counters(self) -> Optional[Counters]:
        """Packets and bytes that the policy decided about; None where user-defined."""
        return self.table.get_policy(self.name)[1]

    def set_policy(
        self, policy: Union[str, Policy], counters: Optional[tuple[int, int]] = None
    ) -> None:
        """Set the policy of a built-in chain to ACCEPT or DROP; its counters go on counting.

        Args:
            counters: Packets and bytes to set instead.
        """
        self.table.set_policy(self.name, policy, counters)

    # -- the names of python-iptables ------------------------------------------------------------------

    def append_rule(self, rule: Rule) -> None:
        """:meth:`append`."""
        self.append(rule)

    def insert_rule(self, rule: Rule, position: int = 0) -> None:
        """:meth:`insert`."""
        self.insert(rule, position)

    def replace_rule(self, rule: Rule, position: int = 0) -> None:
        """:meth:`replace`."""
        self.replace(rule, position)

    def delete_rule(self, rule: Rule) -> None:
        """:meth:`delete` by rule."""
        self.delete(rule)

    def get_target(self, rule: Rule) -> Optional[str]:
        """Verdict or chain of a rule; None where its target is an extension."""
        target = rule.target
        if target is None:
            raise RuleError("invalid rule: it has no target")
        return target.standard_target if target._is_standard else None

    def __repr__(self) -> str:
        return f"<Chain {self.name} of {self.table!r}>"


def _made(data: TableData, edit: Edit) -> Edit:
    """An edit that is the same for any table."""
    return edit


def _checked_index(index: Any) -> int:
    if type(index) is int and 0 <= index < 1 << 32:
        return index
    if isinstance(index, bool) or not hasattr(index, "__index__"):
        raise TypeError(f"a position is a number, not {shown(index)}")
    number = int(index)
    if number < 0:
        raise ValueError(f"a position is 0 or more, not {number}")
    return min(number, (1 << 32) - 1)
