# SPDX-License-Identifier: GPL-2.0-or-later
"""Edits of a table, as objects: they can be done again on a table that was read afresh.

Each has :meth:`apply`, which changes a table in memory or raises and changes nothing, and a text
as the command line would put it. :func:`replay` does them on a table that others have changed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Optional, Protocol, Union

from ._blob import Entry
from ._kernel import CounterArray, TableData
from .errors import ConflictError, RuleNotFoundError, shown, strerror
from .identity import key_of, mask_of, unordered
from .template import Field

__all__ = [
    "Append",
    "AppendAll",
    "AppendVariants",
    "CreateChain",
    "Delete",
    "DeleteChain",
    "DeleteIndex",
    "Discard",
    "Edit",
    "Ensure",
    "Flush",
    "FlushAll",
    "Insert",
    "RenameChain",
    "Replace",
    "SetPolicy",
    "Zero",
    "ZeroRules",
    "check",
    "replay",
]


class Edit(Protocol):
    """One change of a table."""

    def apply(self, data: TableData) -> None:
        """Change a table in memory, or raise and change nothing."""


def replay(edits: Iterable[Edit], seen: TableData, data: TableData) -> None:
    """Do edits again, of which each was made for what the ones before had left.

    Args:
        seen: The table that they were made for, as it was read.
        data: The table as it is now.
    Raises:
        ConflictError: An edit is about what is not there any more, or not where it was.
    """
    if data.is_as_read(seen):
        for edit in edits:
            edit.apply(data)
        return
    seen = seen.as_read()
    for edit in edits:
        check(edit, seen, data)
        edit.apply(seen)
        edit.apply(data)


def check(edit: Edit, seen: TableData, data: TableData) -> None:
    """Whether an edit that was made for one table means the same in another.

    Appending and inserting at the front always do. An index does if the rules before and at it are
    the ones that were seen; a rule that was seen, if it can be told which of its equals it is.

    Raises:
        ConflictError: It does not.
    """
    if isinstance(edit, Ensure):
        if data.has_chain(edit.put.chain) and find(data, edit.put.chain, edit.put.entry) >= 0:
            return
        edit = edit.put
    elif isinstance(edit, Discard):
        edit = edit.delete
    if isinstance(edit, Delete):
        edit.check(seen, data)
    elif isinstance(edit, (Insert, Replace, DeleteIndex)) and not (
        isinstance(edit, Insert) and edit.index == 0
    ):
        _check_index(edit, seen, data)


def _check_index(
    edit: Union[Insert, Replace, DeleteIndex], seen: TableData, data: TableData
) -> None:
    chain = edit.chain
    if not seen.has_chain(chain) or not data.has_chain(chain):
        return  # apply() says so
    needed = min(edit.index + 1, seen.count(chain))
    at = seen.difference(data, chain)
    while at < needed and at < data.count(chain):
        # Other bytes are not another rule: an extension may keep the kernel's notes in them.
        if key_of(seen.entry(chain, at)) != key_of(data.entry(chain, at)):
            break
        at = seen.difference(data, chain, at + 1)
    if at < needed or (edit.index >= seen.count(chain) and data.count(chain) != seen.count(chain)):
        raise ConflictError(
            f"chain {chain} of table {data.name} was changed meanwhile: rule {min(at, needed)} is "
            f"another one than was seen, so that index {edit.index} may be, too"
        )


@dataclass(frozen=True)
class Append:
    """``-A``."""

    chain: str
    entry: Entry
    describe: Callable[[Entry], str]

    def apply(self, data: TableData) -> None:
        data.append(self.chain, self.entry)

    def __str__(self) -> str:
        return f"-A {self.chain} {self.describe(self.entry)}"


@dataclass(frozen=True)
class AppendAll:
    """``-A``, many times."""

    chain: str
    entries: list[Entry]
    describe: Callable[[Entry], str]

    def apply(self, data: TableData) -> None:
        data.append_all(self.chain, self.entries)

    def __str__(self) -> str:
        shown_ones = "; ".join(
            f"-A {self.chain} {self.describe(entry)}" for entry in self.entries[:3]
        )
        return f"{len(self.entries)} rules: {shown_ones}"


@dataclass(frozen=True)
class AppendVariants:
    """``-A``, for each value of a template."""

    chain: str
    field: Field
    values: bytes
    describe: Callable[[Entry], str]

    def apply(self, data: TableData) -> None:
        field = self.field
        data.append_variants(self.chain, field.entry, field.at, field.is_address, self.values)

    def __str__(self) -> str:
        return f"rules such as -A {self.chain} {self.describe(self.field.entry)}"


@dataclass(frozen=True)
class Insert:
    """``-I``; *index* is 0-based."""

    chain: str
    index: int
    entry: Entry
    describe: Callable[[Entry], str]

    def apply(self, data: TableData) -> None:
        data.insert(self.chain, self.index, self.entry)

    def __str__(self) -> str:
        return f"-I {self.chain} {self.index + 1} {self.describe(self.entry)}"


@dataclass(frozen=True)
class Replace:
    """``-R``; *index* is 0-based."""

    chain: str
    index: int
    entry: Entry
    describe: Callable[[Entry], str]

    def apply(self, data: TableData) -> None:
        data.replace(self.chain, self.index, self.entry)

    def __str__(self) -> str:
        return f"-R {self.chain} {self.index + 1} {self.describe(self.entry)}"


@dataclass(frozen=True)
class DeleteIndex:
    """``-D`` with a number; *index* is 0-based."""

    chain: str
    index: int

    def apply(self, data: TableData) -> None:
        data.delete(self.chain, self.index)

    def __str__(self) -> str:
        return f"-D {self.chain} {self.index + 1}"


@dataclass(frozen=True)
class Delete:
    """``-D`` with a rule: the *occurrence*-th (0-based) of those that are equal."""

    chain: str
    entry: Entry
    occurrence: int
    describe: Callable[[Entry], str]
    was_seen: bool = False
    """Whether it is about a rule that was read, and not about any that is equal."""

    def apply(self, data: TableData) -> None:
        data.delete(self.chain, self.find(data))

    def find(self, data: TableData) -> int:
        """Index of the rule. Raises RuleNotFoundError."""
        found = self._equal(data, self.occurrence + 1)
        if not found:
            raise rule_not_found(self.chain)
        return found[-1]

    def check(self, seen: TableData, data: TableData) -> None:
        """Raise ConflictError where others have added or deleted equal rules: which is it now?"""
        if not self.was_seen or not data.has_chain(self.chain) or not seen.has_chain(self.chain):
            return
        before, now = len(self._equal(seen)), len(self._equal(data))
        if before != now:
            raise ConflictError(
                f"chain {self.chain} of table {data.name} was changed meanwhile: rule "
                f"{shown(self.describe(self.entry))} was there {before} times, and now is {now} times"
            )

    def _equal(self, data: TableData, count: int = sys.maxsize) -> list[int]:
        """Indices of equal rules, at most as many; of those in another order if there are none."""
        mask = mask_of(self.entry)
        found: list[int] = []
        at = data.find(self.chain, self.entry, mask)
        while at >= 0 and len(found) < count:
            found.append(at)
            at = data.find(self.chain, self.entry, mask, at + 1)
        if not found:
            at = find_unordered(data, self.chain, self.entry)
            found = [at] if at >= 0 else []
        return found

    def __str__(self) -> str:
        return f"-D {self.chain} {self.describe(self.entry)}"


def rule_not_found(chain: str) -> RuleNotFoundError:
    """The error for a rule that is not in a chain, in libiptc's words."""
    error = RuleNotFoundError(
        f"can't delete entry from chain {chain}: {strerror(2, 'delete entry from')}"
    )
    error.errno = 2
    return error


def find_unordered(data: TableData, chain: str, entry: Entry) -> int:
    """Index of the first rule that is equal but for the order of its matches; -1 if none.

    Cost: that of a comparison in C for each rule, and of one in Python where all but the matches
    and the target is the same.
    """
    if len(entry.matches) < 2:
        # No other order: TableData.find() would have found it.
        return -1
    wanted = unordered(key_of(entry))
    header = len(entry.ip)
    mask = mask_of(entry)[:header].ljust(len(entry.data), b"\0")
    at = data.find(chain, entry, mask)
    while at >= 0:
        if unordered(key_of(data.entry(chain, at))) == wanted:
            return at
        at = data.find(chain, entry, mask, at + 1)
    return -1


class Ensure:
    """``-C``, and ``-A`` or ``-I`` where that finds nothing."""

    def __init__(
        self, chain: str, entry: Entry, index: Optional[int], describe: Callable[[Entry], str]
    ) -> None:
        self.put = (
            Append(chain, entry, describe)
            if index is None
            else Insert(chain, index, entry, describe)
        )
        self.is_needed = False

    def apply(self, data: TableData) -> None:
        self.is_needed = find(data, self.put.chain, self.put.entry) < 0
        if self.is_needed:
            self.put.apply(data)

    def __str__(self) -> str:
        return str(self.put)


class Discard:
    """``-C``, and ``-D`` where that finds something."""

    def __init__(self, delete: Delete) -> None:
        self.delete = delete
        self.is_needed = False

    def apply(self, data: TableData) -> None:
        self.is_needed = find(data, self.delete.chain, self.delete.entry) >= 0
        if self.is_needed:
            self.delete.apply(data)

    def __str__(self) -> str:
        return str(self.delete)


def find(data: TableData, chain: str, entry: Entry) -> int:
    """Index of the first rule that equals an entry; -1 where there is none."""
    found = int(data.find(chain, entry, mask_of(entry)))
    return found if found >= 0 else find_unordered(data, chain, entry)


@dataclass(frozen=True)
class CreateChain:
    """``-N``."""

    chain: str

    def apply(self, data: TableData) -> None:
        data.create_chain(self.chain)

    def __str__(self) -> str:
        return f"-N {self.chain}"


@dataclass(frozen=True)
class DeleteChain:
    """``-X``."""

    chain: str

    def apply(self, data: TableData) -> None:
        data.delete_chain(self.chain)

    def __str__(self) -> str:
        return f"-X {self.chain}"


@dataclass(frozen=True)
class RenameChain:
    """``-E``."""

    chain: str
    name: str

    def apply(self, data: TableData) -> None:
        data.rename_chain(self.chain, self.name)

    def __str__(self) -> str:
        return f"-E {self.chain} {self.name}"


@dataclass(frozen=True)
class Flush:
    """``-F``."""

    chain: str

    def apply(self, data: TableData) -> None:
        data.flush(self.chain)

    def __str__(self) -> str:
        return f"-F {self.chain}"


@dataclass(frozen=True)
class FlushAll:
    """``-F`` and ``-X`` of everything; policies stay."""

    def apply(self, data: TableData) -> None:
        chains = data.chains()
        for chain in chains:
            data.flush(chain)
        for chain in chains:
            if not data.is_builtin(chain):
                data.delete_chain(chain)

    def __str__(self) -> str:
        return "-F, -X"


@dataclass(frozen=True)
class SetPolicy:
    """``-P``."""

    chain: str
    policy: str
    counters: Optional[tuple[int, int]]

    def apply(self, data: TableData) -> None:
        data.set_policy(self.chain, self.policy, self.counters)

    def __str__(self) -> str:
        return f"-P {self.chain} {self.policy}"


@dataclass(frozen=True)
class Zero:
    """``-Z``."""

    chain: str

    def apply(self, data: TableData) -> None:
        data.zero(self.chain)

    def __str__(self) -> str:
        return f"-Z {self.chain}"


class ZeroRules:
    """``-L -Z`` of a chain's rules, not of its policy."""

    def __init__(self, chain: str) -> None:
        self.chain = chain
        self.counters: Optional[CounterArray] = None
        """What they were at the last :meth:`apply`."""

    def apply(self, data: TableData) -> None:
        self.counters = data.take_counters(self.chain)

    def __str__(self) -> str:
        return f"-Z {self.chain}"
