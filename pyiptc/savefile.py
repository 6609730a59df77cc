# SPDX-License-Identifier: GPL-2.0-or-later
"""Whole tables as text: what ``iptables-save`` prints and ``iptables-restore`` reads.

A table is ``*name``, a line ``:CHAIN POLICY [packets:bytes]`` for each chain (``-`` where it has no
policy), commands such as ``-A CHAIN …`` with counters before them where wanted, and ``COMMIT``.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Optional

from . import _kernel, _xtables, backends
from .checks import NAT_DROP, new_chain_name, settled
from .counters import checked
from .edits import (
    CreateChain,
    Delete,
    DeleteChain,
    DeleteIndex,
    Edit,
    Flush,
    FlushAll,
    RenameChain,
    SetPolicy,
    Zero,
)
from .errors import (
    ConflictError,
    CountersLostError,
    IPTCError,
    KernelError,
    RestoreError,
    RuleError,
    shown,
)
from .printing import printer
from .rule import Rule
from .text import decode, plain, split
from .transaction import RETRIES

__all__ = ["Reader", "save_table", "table_to_dict"]

#: How many of a file are read before they are looked at.
LINES = 1000

_COUNTERS = re.compile(r"\[(\d+):(\d+)\]")

#: Long names of the commands.
_LONG = {
    "append": "A",
    "delete": "D",
    "insert": "I",
    "replace": "R",
    "new-chain": "N",
    "delete-chain": "X",
    "rename-chain": "E",
    "flush": "F",
    "policy": "P",
    "zero": "Z",
}
_COMMANDS = frozenset(_LONG.values())


def save_table(data: _kernel.TableData, counters: bool) -> str:
    """A table as ``iptables-save -t`` prints it, without its comment lines.

    Args:
        counters: Print ``[packets:bytes]`` before rules (``-c``).
    """
    return data.save(printer(data.family), counters)


def table_to_dict(data: _kernel.TableData, rule_class: type[Rule]) -> dict[str, Any]:
    """A table as a dictionary that :mod:`json` takes; ``docs/ruleset.schema.json`` describes it."""
    chains: dict[str, Any] = {}
    for name in data.chains():
        policy, packets, size = data.policy(name) or (None, 0, 0)
        rules = [rule_class._from_entry(entry).to_dict() for entry in data.entries(name)]
        for rule in rules:
            rule["counters"] = list(rule["counters"])
        chains[name] = {"policy": policy, "counters": [packets, size], "rules": rules}
    return {"chains": chains}


class Reader:
    """Reads save files: line by line into tables in memory, sent at each ``COMMIT``.

    Args:
        socket: Of the family, in the namespace that the calling thread is in; the lock is held.
        rule_class: Of the family.
        handle: As for :class:`pyiptc.Table`.
        flush: Begin with an empty table; False is ``--noflush``.
        counters: Set the counters that the text has; all start at zero otherwise.
        test: Send nothing.
        only: The one table that may be in the text.
        keep_old: Remember what the tables were, for :meth:`put_back`.
        reach: As for :func:`pyiptc._kernel.read`.
    """

    def __init__(
        self,
        socket: _kernel.Socket,
        rule_class: type[Rule],
        handle: str,
        *,
        flush: bool,
        counters: bool,
        test: bool,
        only: Optional[str] = None,
        keep_old: bool = False,
        reach: Optional[Callable[[], Any]] = None,
    ) -> None:
        self._socket = socket
        self._rule_class = rule_class
        self._instance = _xtables.instance(rule_class._family)
        self._handle = handle
        self._flush = flush
        self._counters = counters
        self._test = test
        self._only = only
        self._keep_old = keep_old
        self._reach = reach
        self._form = backends.form()
        self._data: Optional[_kernel.TableData] = None
        self._waiting: Optional[dict[str, _kernel.TableData]] = None
        if keep_old and handle == "nft":
            # All at once, at the end: then there is nothing to be put back.
            self._waiting = {}
            self._keep_old = False
        self._section: list[str] = []
        """Lines since the table began, where it may have to be read once more."""
        self.committed: dict[str, _kernel.TableData] = {}
        """Tables that were sent, as they are in the kernel."""
        self._old: dict[str, _kernel.TableData] = {}

    def read(self, text: Any) -> None:
        """Read a whole text.

        Args:
            text: A string, bytes, or a file or other iterable of lines.
        Raises:
            RestoreError: With the number of the line, the line and the reason; nothing of its
                table was applied.
            KernelError: The kernel refused a table at its COMMIT; it is as it was.
        """
        number = 0
        for lines in _pieces(text):
            self._lines(lines, number)
            number += len(lines)
        if self._data is not None:
            raise RestoreError(number + 1, "", f"COMMIT expected: table {self._data.name} has none")
        self._send_waiting()

    def put_back(self) -> list[str]:
        """Give the tables that were sent their old rules back, the last one first.

        Packets counted since are lost, and limits, quotas and the like have started again.

        Returns:
            Names of the tables.
        """
        restored = []
        for name, data in reversed(list(self.committed.items())):
            old = self._old[name]
            old.put_back_over(data)
            _kernel.commit(self._socket, old)
            self.committed[name] = old
            restored.append(name)
        return restored

    def read_dict(self, value: Mapping[str, Any]) -> None:
        """Read tables as dictionaries: names to what :func:`table_to_dict` gives.

        Raises:
            TypeError: Not of that shape.
            IPTCError: A rule that is wrong, with its place.
        """
        for name, table in value.items():
            self._begin(name)
            assert self._data is not None
            try:
                self._table_of_dict(self._data, table)
                self._commit(self._data, "a dictionary", table)
            finally:
                self._data = None
        self._send_waiting()

    def _table_of_dict(self, data: _kernel.TableData, table: Mapping[str, Any]) -> None:
        chains = table.get("chains") if isinstance(table, Mapping) else None
        if not isinstance(chains, Mapping) or not all(
            isinstance(chain, Mapping) and isinstance(chain.get("rules"), Sequence)
            for chain in chains.values()
        ):
            raise TypeError('a table is {"chains": {name: {"policy", "counters", "rules": [...]}}}')
        for name in chains:
            if data.has_chain(name):
                data.flush(name)
            else:
                data.create_chain(new_chain_name(name))
        for name, chain in chains.items():
            unknown = set(chain) - {"policy", "counters", "rules"}
            if unknown:
                raise RuleError(f"chain {name}: unknown key {sorted(unknown)[0]!r}")
            if chain.get("policy") is not None:
                counters = checked(chain.get("counters", (0, 0))) if self._counters else (0, 0)
                data.set_policy(name, chain["policy"], counters)
            for index, rule in enumerate(chain["rules"]):
                try:
                    entry = self._rule_class.from_dict(rule, has_chain=data.has_chain)._compile(
                        data.has_chain
                    )
                except (IPTCError, TypeError, ValueError) as error:
                    raise RuleError(f"rule {index} of chain {name}: {error}") from error
                data.append(name, entry if self._counters else entry.with_counters(0, 0))

    def _lines(self, lines: list[str], number: int) -> None:
        """Read lines. *number*: how many there were before."""
        at = 0
        while at < len(lines):
            done = self._rules(lines, at, number)
            if done == at:
                self._other(lines[at].rstrip("\r\n"), number + at + 1)
                done += 1
            at = done

    def _rules(self, lines: list[str], at: int, number: int) -> int:
        """Append rules below Python: index of a line that is none, or that has more to it."""
        data = self._data
        if data is None:
            return at
        try:
            done = data.append_lines(self._instance, lines, at, self._counters)
        except (IPTCError, ValueError, OverflowError) as error:
            line = lines[data.line].rstrip("\r\n")
            raise RestoreError(number + data.line + 1, line, str(error)) from error
        self._remember(lines, at, done)
        return done

    def _other(self, line: str, number: int) -> None:
        if self._data is not None and line.strip() == "COMMIT":
            # What the kernel says is no fault of this line.
            self._commit(self._data, f"line {number}")
            return
        try:
            self._line(line)
        except (IPTCError, ValueError, OverflowError) as error:
            raise RestoreError(number, line, str(error)) from error
        self._remember([line], 0, 1)

    def _remember(self, lines: list[str], start: int, end: int) -> None:
        """Keep lines of this table, which may have to be read once more."""
        if self._handle == "nft" and not self._flush:
            self._section += lines[start:end]

    def _line(self, line: str) -> None:
        if not line or line.startswith("#"):
            return
        if line.startswith("*"):
            self._begin(line[1:].strip())
        elif self._data is None:
            raise RuleError("no table: expected a line such as *filter before this one")
        elif line.startswith(":"):
            self._chain(self._data, line[1:])
        else:
            self._command(self._data, line)

    def _begin(self, name: str) -> None:
        if self._data is not None:
            raise RuleError(f"table {self._data.name} has no COMMIT yet")
        if self._only is not None and name != self._only:
            raise RuleError(f"table {name} in a text for table {self._only}")
        if self._waiting is not None and name in self._waiting:
            data = self._waiting[name]
        else:
            data = self._read_table(name)
        if self._keep_old and name not in self._old:
            self._old[name] = self._read_table(name)
            self._old[name].load()
        if self._flush:
            FlushAll().apply(data)
        self._data = data

    def _read_table(self, name: str) -> _kernel.TableData:
        return _kernel.read(self._socket, name, self._handle, None, self._reach, self._form)

    def _commit(
        self, data: _kernel.TableData, place: str, table: Optional[Mapping[str, Any]] = None
    ) -> None:
        """Send a table. *table*: the dictionary it is of, where it is of one."""
        self._data = None
        section, self._section = self._section, []
        if self._test:
            return
        if self._waiting is not None:
            self._waiting[data.name] = data
            return
        try:
            data = self._send(data, section, table)
        except CountersLostError:
            self.committed[data.name] = data
            raise
        except KernelError as error:
            raise type(error)(
                f"{error} [table {data.name}, {place}]",
                error.errno,
                error.operation,
                error.filename,
            ) from error
        self.committed[data.name] = data

    def _send_waiting(self) -> None:
        """Send the tables that are sent together."""
        if not self._waiting:
            return
        try:
            _kernel.commit_all(list(self._waiting.values()))
        except KernelError as error:
            if error.errno != errno.EAGAIN:
                raise
            raise ConflictError(
                "a table was changed by others while it was restored: restore it again"
            ) from error
        self.committed.update(self._waiting)

    def _send(
        self, data: _kernel.TableData, section: list[str], table: Optional[Mapping[str, Any]]
    ) -> _kernel.TableData:
        """Commit; a table that is new altogether also over what a writer without the lock has made.

        Edits of a table of nf_tables are done again on what it is by now.

        Returns:
            What was sent.
        """
        for _ in range(1 + RETRIES[self._handle]):
            try:
                _kernel.commit(self._socket, data)
                return data
            except KernelError as error:
                if error.errno != errno.EAGAIN:
                    raise
            if self._flush:
                data.put_back_over(self._read_table(data.name))
            elif self._handle == "nft":
                data = self._again(data.name, section, table)
            else:
                break
        raise ConflictError(
            f"table {data.name} was changed by a writer that does not take the lock: restore it again"
        )

    def _again(
        self, name: str, section: list[str], table: Optional[Mapping[str, Any]]
    ) -> _kernel.TableData:
        """A table as it is by now, with all that was read so far for it."""
        self._data = data = self._read_table(name)
        try:
            if table is not None:
                self._table_of_dict(data, table)
            at = 0
            while at < len(section):
                done = data.append_lines(self._instance, section, at, self._counters)
                if done == at:
                    if not section[at].startswith("*"):
                        self._line(section[at])
                    done += 1
                at = done
        finally:
            self._data = None
        return data

    def _chain(self, data: _kernel.TableData, line: str) -> None:
        """``:NAME POLICY [packets:bytes]``."""
        words = line.split()
        if not 2 <= len(words) <= 3:
            raise RuleError("expected a chain, its policy or -, and counters in brackets")
        name, policy = words[:2]
        counters = (0, 0)
        if len(words) == 3 or self._counters:
            found = _COUNTERS.fullmatch(words[2]) if len(words) == 3 else None
            if found is None:
                raise RuleError(f"invalid policy counters for chain '{name}'")
            if self._counters:
                counters = int(found[1]), int(found[2])
        if not data.is_builtin(name):
            if data.has_chain(name):
                data.flush(name)
            else:
                data.create_chain(new_chain_name(name))
        if policy != "-":
            data.set_policy(name, policy, counters)

    # -- commands ------------------------------------------------------------------------------------

    def _command(self, data: _kernel.TableData, line: str) -> None:
        counters = (0, 0)
        if line.startswith("["):
            found = _COUNTERS.match(line)
            if found is None:
                raise RuleError("counters: expected [packets:bytes]")
            line = line[found.end() :]
            if self._counters:
                counters = int(found[1]), int(found[2])
        words = [word.text for word in split(line)]
        letter, words = _command_of(words)
        if letter in "AIRD":
            self._rule_command(data, letter, words, counters)
        else:
            for edit in _chain_edits(data, letter, words):
                edit.apply(data)

    def _rule_command(
        self, data: _kernel.TableData, letter: str, words: list[str], counters: tuple[int, int]
    ) -> None:
        chain, words = _take(words, f"-{letter}", "a chain")
        index = None
        if letter in "IRD" and words and words[0].isdigit():
            index = int(words.pop(0)) - 1
            if index < 0:
                raise RuleError("a rule's number is 1 or more")
        if letter == "D" and index is not None:
            if words:
                raise RuleError("a rule's number and a rule")
            DeleteIndex(chain, index).apply(data)
            return
        if letter == "R" and index is None:
            raise RuleError("-R requires a rule number")
        entries = [settled(rule, data, chain) for rule in self._rule_class.parse_all(words)]
        if any(counters):
            entries = [entry.with_counters(*counters) for entry in entries]
        if letter == "R" and len(entries) != 1:
            raise RuleError("Replacement rule does not specify a unique address")
        for entry in entries:
            if letter == "A":
                data.append(chain, entry)
            elif letter == "I":
                data.insert(chain, index or 0, entry)
            elif letter == "R":
                data.replace(chain, index or 0, entry)
            else:
                Delete(chain, entry, 0).apply(data)


def _pieces(text: Any) -> Iterator[list[str]]:
    """A text's lines, many at a time."""
    if isinstance(text, bytes):
        text = decode(text)
    if isinstance(text, str):
        # Not splitlines(): a comment may hold a form feed.
        yield text.removesuffix("\n").split("\n")
        return
    if not isinstance(text, Iterable):
        raise TypeError(f"a save file is text, bytes or lines, not {shown(text)}")
    rest = iter(text)
    while lines := [_checked_line(line) for line in islice(rest, LINES)]:
        yield lines


def _checked_line(line: Any) -> str:
    if isinstance(line, bytes):
        return decode(line)
    if not isinstance(line, str):
        raise TypeError(f"a line is text or bytes, not {shown(line)}")
    return plain(line)


def _command_of(words: list[str]) -> tuple[str, list[str]]:
    """The letter of a line's command, and the words after it."""
    if not words:
        raise RuleError("an empty command")
    first = words[0]
    if first.startswith("--"):
        name, _, attached = first[2:].partition("=")
        matching = {_LONG[long] for long in _LONG if long == name} or {
            _LONG[long] for long in _LONG if name and long.startswith(name)
        }
        if len(matching) == 1:
            return matching.pop(), [*([attached] if attached else []), *words[1:]]
    elif first[:1] == "-" and first[1:2] in _COMMANDS:
        return first[1], [*([first[2:]] if first[2:] else []), *words[1:]]
    raise RuleError(
        f"no command specified: expected a line to begin with -A or its like, not {shown(first)}"
    )


def _take(words: list[str], command: str, what: str) -> tuple[str, list[str]]:
    if not words:
        raise RuleError(f"{command} requires {what}")
    return words[0], words[1:]


def _chain_edits(data: _kernel.TableData, letter: str, words: list[str]) -> list[Edit]:
    """What a command does that is about chains."""
    chain = words[0] if words else None
    wanted = {"N": 1, "E": 2, "P": 2}.get(letter)
    if (wanted is None and len(words) > 1) or (wanted is not None and len(words) != wanted):
        raise RuleError(f"-{letter}: expected {wanted or 'at most 1'} word(s), not {len(words)}")
    if letter == "N":
        return [CreateChain(new_chain_name(words[0]))]
    if letter == "E":
        return [RenameChain(words[0], new_chain_name(words[1]))]
    if letter == "P":
        if data.name == "nat" and words[1] == "DROP":
            raise RuleError(NAT_DROP)
        return [SetPolicy(words[0], words[1], None)]
    if letter == "F":
        return [Flush(name) for name in ([chain] if chain else data.chains())]
    if letter == "Z":
        return [Zero(name) for name in ([chain] if chain else data.chains())]
    users = [name for name in data.chains() if not data.is_builtin(name)]
    return [DeleteChain(name) for name in ([chain] if chain else users)]
