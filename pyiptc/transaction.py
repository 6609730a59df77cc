# SPDX-License-Identifier: GPL-2.0-or-later
"""Transactions: one lock, one read and one commit for many edits, of one table or of several."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING, Optional

from . import _kernel, lock
from .edits import Edit, replay
from .errors import (
    ConflictError,
    CountersLostError,
    IPTCError,
    KernelError,
    PartialCommitError,
    TransactionError,
    shown,
)
from .log import Log

if TYPE_CHECKING:
    from .table import Table

__all__ = ["RETRIES", "Transaction", "send", "transaction"]

RETRIES = {"legacy": 10, "libiptc": 10, "nft": 100}
"""How often edits are done again where another writer has changed the table, by handle.

In legacy tables that is one who takes no lock. Nobody is kept out of those of nf_tables, and who
needs longest to make a change is the one that others come before, again and again.
"""

#: Seconds of a commit that are worth a line in a log.
SLOW = 1.0

_log = Log("pyiptc.table")

_entered: ContextVar[tuple[Transaction, ...]] = ContextVar("pyiptc transactions", default=())


def _current_task() -> object:
    """The asyncio task that runs in this thread, or None. Nobody who has no loop imports asyncio."""
    asyncio = sys.modules.get("asyncio")
    if asyncio is None:
        return None
    loop = asyncio._get_running_loop()
    return None if loop is None else asyncio.current_task(loop)


class Transaction:
    """What a block has edited so far, and whose it is: one thread's, and there one task's."""

    def __init__(self, tables: list[Table]) -> None:
        self.edits: dict[Table, list[Edit]] = {table: [] for table in tables}
        self._task = _current_task()
        self._process = os.getpid()

    def is_mine(self) -> bool:
        """Whether the caller is in the block; threads have been told apart by the table's mutex."""
        if self not in _entered.get():
            return False
        if "asyncio" not in sys.modules:  # asked for each edit
            return self._task is None
        return _current_task() is self._task

    def check_process(self) -> None:
        """Raise TransactionError in a child that was forked inside of the block."""
        if os.getpid() != self._process:
            raise TransactionError("a forked child cannot end its parent's transaction")


@contextlib.contextmanager
def transaction(
    *tables: Table, wait: Optional[float] = None, retries: Optional[int] = None
) -> Iterator[Transaction]:
    """All edits of some tables in a block: one lock, one read, then one commit for each table.

    Each table is all or nothing. Tables of nf_tables that are in one network namespace are so
    together, of both families; others are not, as the kernel has no such call: they are committed in
    the order in which they are given, those of nf_tables where the first of them is. On an exception
    in the block nothing is changed. Other threads wait until the block ends, and so does everybody
    who takes the xtables lock. The block belongs to the thread and the asyncio task that entered it:
    other tasks are refused.

    Args:
        wait: Seconds to wait for threads and for the lock; None as each table is set.
        retries: How often to read again and do the edits again where a writer without the lock
            came in between; None for 10, and 100 on nf_tables, where there is no lock.
    Raises:
        TransactionError: Inside of another transaction of this thread, or with edits pending.
        LockTimeout, KernelError, ConflictError: Nothing was changed.
        PartialCommitError: A later table failed; ``committed`` have their new rules.
    """
    if not tables:
        raise TypeError("transaction() needs a table")
    if retries is not None and (
        isinstance(retries, bool) or not isinstance(retries, int) or retries < 0
    ):
        raise ValueError(f"retries are a number of 0 or more, not {shown(retries)}")
    if wait is not None:
        wait = lock.checked_wait(wait)
    if len(set(tables)) != len(tables):
        raise TransactionError("a table is given twice")
    started = time.monotonic()

    def left(table: Table) -> Optional[float]:
        limit = table.wait if wait is None else wait
        return None if limit is None else max(0.0, limit - (time.monotonic() - started))

    with contextlib.ExitStack() as stack:
        # Mutexes, then lock files, each in one order everywhere: nobody waits in a ring.
        for table in sorted(tables, key=lambda table: table._order):
            stack.enter_context(table._noted())
            stack.enter_context(table._alone(left(table)))
            table._check_ready()
        locks = {table.lock: table for table in tables}
        for path in sorted(path for path in locks if path is not None):
            stack.enter_context(lock.held(path, left(locks[path])))
        current = Transaction(list(tables))
        for table in tables:
            table._reread(table._data)
        for table in tables:
            table._transaction = current
        token = _entered.set((*_entered.get(), current))
        try:
            # The block runs where the caller is, whatever namespaces the tables have.
            yield current
            current.check_process()
            _commit(current, retries)
        except BaseException:
            for table in tables:
                # Reads have seen the edits: let them see what the kernel has.
                table._data = table._data.as_read()
            raise
        finally:
            for table in tables:
                table._transaction = None
            # Where the block is left in another context than it was entered in, that one is gone.
            with contextlib.suppress(ValueError):
                _entered.reset(token)


def _commit(current: Transaction, retries: Optional[int]) -> None:
    committed: list[str] = []
    lost: Optional[CountersLostError] = None
    for group in _groups(list(current.edits)):
        try:
            send({table: current.edits[table] for table in group}, retries)
        except CountersLostError as error:
            lost = error
        except IPTCError as error:
            if not committed:
                raise
            raise PartialCommitError(
                f"{error}; committed before: {', '.join(committed)}", committed, []
            ) from error
        committed += [table.name for table in group]
    if lost is not None:
        raise lost


def _groups(tables: list[Table]) -> list[list[Table]]:
    """Tables that are committed together, in order."""
    groups: dict[object, list[Table]] = {}
    for table in tables:
        together = table.backend == "nft"
        groups.setdefault(table.namespace.cookie if together else table, []).append(table)
    return list(groups.values())


def send(
    edits: dict[Table, list[Edit]],
    retries: Optional[int] = None,
    socket: Optional[_kernel.Socket] = None,
) -> None:
    """Send tables in memory, again and again where a writer without the lock is faster.

    Args:
        edits: What was done to each table; several are of nf_tables, in one namespace.
        retries: None as the handle has it, :data:`RETRIES`.
        socket: Of the family of the one table, in its namespace.
    """
    tables = list(edits)
    if socket is None:
        with tables[0]._namespace.socket(tables[0]._family) as socket:
            send(edits, retries, socket)
        return
    if retries is None:
        retries = RETRIES[tables[0].backend]
    for left in range(retries, -1, -1):
        started = time.monotonic()
        try:
            if len(tables) == 1:
                _kernel.commit(socket, tables[0]._data)
            else:
                _kernel.commit_all([table._data for table in tables])
            return
        except CountersLostError:
            raise
        except KernelError as error:
            if error.errno != errno.EAGAIN:
                raise _with_edits(error, edits) from error
            if left == 0:
                raise ConflictError(
                    f"table {_names(tables)} was changed in each of {retries + 1} tries by a writer "
                    f"{_without_lock(tables[0])}"
                ) from error
        finally:
            spent = time.monotonic() - started
            if spent > SLOW:
                _log.warning("the commit of table %s took %.1f s", _names(tables), spent)
        how = "by others" if tables[0].backend == "nft" else "without the lock"
        _log.info("table %s was changed %s: once more", _names(tables), how)
        for table in tables:
            with table._namespace.socket(table._family) as own:
                data = table._read(own)
            replay(edits[table], table._data, data)
            table._data = data


def _names(tables: list[Table]) -> str:
    return ", ".join(table.name for table in tables)


def _without_lock(table: Table) -> str:
    if table.backend == "nft":
        return "that is faster"
    return f"that does not take the lock {table.lock}"


def _with_edits(error: KernelError, edits: dict[Table, list[Edit]]) -> KernelError:
    """The kernel's refusal with what was sent: a legacy table's does not say which rule it was."""
    failed = [done for table, done in edits.items() if table.name == error.filename]
    done = failed[0] if failed else []
    words = "; ".join(str(edit) for edit in done[-3:])
    more = f"{len(done) - 3} edits and " if len(done) > 3 else ""
    return type(error)(
        f"{error} [table {error.filename}: {more}{words}]",
        error.errno,
        error.operation,
        error.filename,
    )
