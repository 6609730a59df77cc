# SPDX-License-Identifier: GPL-2.0-or-later
"""Edits of a table, as objects: they can be done again on a table that was read afresh.

Each has :meth:`apply`, which changes a table in memory or raises and changes nothing, and a text
as the command line would put it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Optional, Protocol

from ._blob import Entry
from ._kernel import TableData
from .errors import RuleNotFoundError, strerror
from .identity import Key, key_of, mask_of, unordered

__all__ = [
    "Append",
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
]


class Edit(Protocol):
    """One change of a table."""

    def apply(self, data: TableData) -> None:
        """Change a table in memory, or raise and change nothing."""


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

    def apply(self, data: TableData) -> None:
        data.delete(self.chain, self.find(data))

    def find(self, data: TableData) -> int:
        """Index of the rule. Raises RuleNotFoundError."""
        mask = mask_of(self.entry)
        found = last = data.find(self.chain, self.entry, mask)
        for _ in range(self.occurrence):
            if found < 0:
                break
            last = found
            found = data.find(self.chain, self.entry, mask, found + 1)
        # Fewer are left than were seen: any of them is as good as the one that was meant.
        found = found if found >= 0 else last
        if found < 0:
            found = find_unordered(data, self.chain, key_of(self.entry))
        if found < 0:
            raise rule_not_found(self.chain)
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


def find_unordered(data: TableData, chain: str, key: Key) -> int:
    """Index of the first rule that is equal but for the order of its matches; -1 if none."""
    if len(key[1]) < 2:
        # No other order: TableData.find() would have found it, and much faster.
        return -1
    wanted = unordered(key)
    for index, entry in enumerate(data.entries(chain)):
        if unordered(key_of(entry)) == wanted:
            return index
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
    return found if found >= 0 else find_unordered(data, chain, key_of(entry))


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
