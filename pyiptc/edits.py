# SPDX-License-Identifier: GPL-2.0-or-later
"""Edits of a table, as objects: they can be done again on a table that was read afresh.

Each has :meth:`apply`, which changes a table in memory or raises and changes nothing, and a text
as the command line would put it. :func:`replay` does them on a table that others have changed.
:class:`Append`, the one that is made by the ten thousand, is below Python.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Optional, Union

from ._blob import Entry
from ._kernel import Append, CounterArray, TableData
from .errors import ConflictError, RuleNotFoundError, shown, strerror
from .identity import key_of, mask_of
from .printing import entry_text
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
    "replay",
]


class Change:
    """One change of a table. Not changed once it was made, but for what :meth:`apply` finds out."""

    __slots__ = ()

    def apply(self, data: TableData) -> None:
        """Change a table in memory, or raise and change nothing."""
        raise NotImplementedError

    def check(self, seen: TableData, data: TableData) -> None:
        """Whether an edit that was made for one table means the same in another.

        Appending and inserting at the front always do. An index does if the rules before and at it
        are the ones that were seen; a rule that was seen, if it can be told which of its equals it
        is.

        Raises:
            ConflictError: It does not.
        """


Edit = Union[Change, Append]


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
        edit.check(seen, data)
        edit.apply(seen)
        edit.apply(data)


def _check_index(chain: str, index: int, seen: TableData, data: TableData) -> None:
    if not seen.has_chain(chain) or not data.has_chain(chain):
        return  # apply() says so
    needed = min(index + 1, seen.count(chain))
    at = seen.difference(data, chain)
    while at < needed and at < data.count(chain):
        # Other bytes are not another rule: an extension may keep the kernel's notes in them.
        if key_of(seen.entry(chain, at)) != key_of(data.entry(chain, at)):
            break
        at = seen.difference(data, chain, at + 1)
    if at < needed or (index >= seen.count(chain) and data.count(chain) != seen.count(chain)):
        raise ConflictError(
            f"chain {chain} of table {data.name} was changed meanwhile: rule {min(at, needed)} is "
            f"another one than was seen, so that index {index} may be, too"
        )


class AppendAll(Change):
    """``-A``, many times."""

    __slots__ = ("chain", "entries")

    def __init__(self, chain: str, entries: list[Entry]) -> None:
        self.chain = chain
        self.entries = entries

    def apply(self, data: TableData) -> None:
        data.append_all(self.chain, self.entries)

    def __str__(self) -> str:
        shown_ones = "; ".join(f"-A {self.chain} {entry_text(entry)}" for entry in self.entries[:3])
        return f"{len(self.entries)} rules: {shown_ones}"


class AppendVariants(Change):
    """``-A``, for each value of a template."""

    __slots__ = ("chain", "field", "values")

    def __init__(self, chain: str, field: Field, values: bytes) -> None:
        self.chain = chain
        self.field = field
        self.values = values

    def apply(self, data: TableData) -> None:
        field = self.field
        data.append_variants(self.chain, field.entry, field.at, field.is_address, self.values)

    def __str__(self) -> str:
        return f"rules such as -A {self.chain} {entry_text(self.field.entry)}"


class Insert(Change):
    """``-I``; *index* is 0-based."""

    __slots__ = ("chain", "entry", "index")

    def __init__(self, chain: str, index: int, entry: Entry) -> None:
        self.chain = chain
        self.index = index
        self.entry = entry

    def apply(self, data: TableData) -> None:
        data.insert(self.chain, self.index, self.entry)

    def check(self, seen: TableData, data: TableData) -> None:
        if self.index:
            _check_index(self.chain, self.index, seen, data)

    def __str__(self) -> str:
        return f"-I {self.chain} {self.index + 1} {entry_text(self.entry)}"


class Replace(Change):
    """``-R``; *index* is 0-based."""

    __slots__ = ("chain", "entry", "index")

    def __init__(self, chain: str, index: int, entry: Entry) -> None:
        self.chain = chain
        self.index = index
        self.entry = entry

    def apply(self, data: TableData) -> None:
        data.replace(self.chain, self.index, self.entry)

    def check(self, seen: TableData, data: TableData) -> None:
        _check_index(self.chain, self.index, seen, data)

    def __str__(self) -> str:
        return f"-R {self.chain} {self.index + 1} {entry_text(self.entry)}"


class DeleteIndex(Change):
    """``-D`` with a number; *index* is 0-based."""

    __slots__ = ("chain", "index")

    def __init__(self, chain: str, index: int) -> None:
        self.chain = chain
        self.index = index

    def apply(self, data: TableData) -> None:
        data.delete(self.chain, self.index)

    def check(self, seen: TableData, data: TableData) -> None:
        _check_index(self.chain, self.index, seen, data)

    def __str__(self) -> str:
        return f"-D {self.chain} {self.index + 1}"


class Delete(Change):
    """``-D`` with a rule: the *occurrence*-th (0-based) of those that are equal."""

    __slots__ = ("chain", "entry", "occurrence", "was_seen")

    def __init__(self, chain: str, entry: Entry, occurrence: int, was_seen: bool = False) -> None:
        self.chain = chain
        self.entry = entry
        self.occurrence = occurrence
        self.was_seen = was_seen
        """Whether it is about a rule that was read, and not about any that is equal."""

    def apply(self, data: TableData) -> None:
        data.delete(self.chain, self.find(data))

    def find(self, data: TableData) -> int:
        """Index of the rule. Raises RuleNotFoundError."""
        found = data.seek(self.chain, self.entry, mask_of(self.entry), self.occurrence)
        if found < 0:
            raise rule_not_found(self.chain)
        return found

    def check(self, seen: TableData, data: TableData) -> None:
        """Raise ConflictError where others have added or deleted equal rules: which is it now?"""
        if not self.was_seen or not data.has_chain(self.chain) or not seen.has_chain(self.chain):
            return
        mask = mask_of(self.entry)
        before = seen.count_same(self.chain, self.entry, mask)
        now = data.count_same(self.chain, self.entry, mask)
        if before != now:
            raise ConflictError(
                f"chain {self.chain} of table {data.name} was changed meanwhile: rule "
                f"{shown(entry_text(self.entry))} was there {before} times, and now is {now} times"
            )

    def __str__(self) -> str:
        return f"-D {self.chain} {entry_text(self.entry)}"


def rule_not_found(chain: str) -> RuleNotFoundError:
    """The error for a rule that is not in a chain, in libiptc's words."""
    error = RuleNotFoundError(
        f"can't delete entry from chain {chain}: {strerror(2, 'delete entry from')}"
    )
    error.errno = 2
    return error


class Ensure(Change):
    """``-C``, and ``-A`` or ``-I`` where that finds nothing."""

    __slots__ = ("is_needed", "put")

    put: Union[Append, Insert]

    def __init__(self, chain: str, entry: Entry, index: Optional[int]) -> None:
        self.put = Append(chain, entry) if index is None else Insert(chain, index, entry)
        self.is_needed = False

    def apply(self, data: TableData) -> None:
        self.is_needed = find(data, self.put.chain, self.put.entry) < 0
        if self.is_needed:
            self.put.apply(data)

    def check(self, seen: TableData, data: TableData) -> None:
        if not data.has_chain(self.put.chain) or find(data, self.put.chain, self.put.entry) < 0:
            self.put.check(seen, data)

    def __str__(self) -> str:
        return str(self.put)


class Discard(Change):
    """``-C``, and ``-D`` where that finds something."""

    __slots__ = ("delete", "is_needed")

    def __init__(self, delete: Delete) -> None:
        self.delete = delete
        self.is_needed = False

    def apply(self, data: TableData) -> None:
        self.is_needed = find(data, self.delete.chain, self.delete.entry) >= 0
        if self.is_needed:
            self.delete.apply(data)

    def check(self, seen: TableData, data: TableData) -> None:
        self.delete.check(seen, data)

    def __str__(self) -> str:
        return str(self.delete)


def find(data: TableData, chain: str, entry: Entry) -> int:
    """Index of the first rule that equals an entry; -1 where there is none."""
    return data.seek(chain, entry, mask_of(entry))


class CreateChain(Change):
    """``-N``."""

    __slots__ = ("chain",)

    def __init__(self, chain: str) -> None:
        self.chain = chain

    def apply(self, data: TableData) -> None:
        data.create_chain(self.chain)

    def __str__(self) -> str:
        return f"-N {self.chain}"


class DeleteChain(Change):
    """``-X``."""

    __slots__ = ("chain",)

    def __init__(self, chain: str) -> None:
        self.chain = chain

    def apply(self, data: TableData) -> None:
        data.delete_chain(self.chain)

    def __str__(self) -> str:
        return f"-X {self.chain}"


class RenameChain(Change):
    """``-E``."""

    __slots__ = ("chain", "name")

    def __init__(self, chain: str, name: str) -> None:
        self.chain = chain
        self.name = name

    def apply(self, data: TableData) -> None:
        data.rename_chain(self.chain, self.name)

    def __str__(self) -> str:
        return f"-E {self.chain} {self.name}"


class Flush(Change):
    """``-F``."""

    __slots__ = ("chain",)

    def __init__(self, chain: str) -> None:
        self.chain = chain

    def apply(self, data: TableData) -> None:
        data.flush(self.chain)

    def __str__(self) -> str:
        return f"-F {self.chain}"


class FlushAll(Change):
    """``-F`` and ``-X`` of everything; policies stay."""

    __slots__ = ()

    def apply(self, data: TableData) -> None:
        chains = data.chains()
        for chain in chains:
            data.flush(chain)
        for chain in chains:
            if not data.is_builtin(chain):
                data.delete_chain(chain)

    def __str__(self) -> str:
        return "-F, -X"


class SetPolicy(Change):
    """``-P``."""

    __slots__ = ("chain", "counters", "policy")

    def __init__(self, chain: str, policy: str, counters: Optional[tuple[int, int]]) -> None:
        self.chain = chain
        self.policy = policy
        self.counters = counters

    def apply(self, data: TableData) -> None:
        data.set_policy(self.chain, self.policy, self.counters)

    def __str__(self) -> str:
        return f"-P {self.chain} {self.policy}"


class Zero(Change):
    """``-Z``."""

    __slots__ = ("chain",)

    def __init__(self, chain: str) -> None:
        self.chain = chain

    def apply(self, data: TableData) -> None:
        data.zero(self.chain)

    def __str__(self) -> str:
        return f"-Z {self.chain}"


class ZeroRules(Change):
    """``-L -Z`` of a chain's rules, not of its policy."""

    __slots__ = ("chain", "counters")

    def __init__(self, chain: str) -> None:
        self.chain = chain
        self.counters: Optional[CounterArray] = None
        """What they were at the last :meth:`apply`."""

    def apply(self, data: TableData) -> None:
        self.counters = data.take_counters(self.chain)

    def __str__(self) -> str:
        return f"-Z {self.chain}"
