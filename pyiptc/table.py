# SPDX-License-Identifier: GPL-2.0-or-later
"""Tables: a snapshot of one table of one family in one network namespace, and its edits."""

from __future__ import annotations

import atexit
import contextlib
import errno
import os
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Optional, Union

from . import _kernel, _xtables, backends, lock, registry
from ._blob import Entry
from ._kernel import reach
from .chain import Chain
from .checks import new_chain_name
from .counters import Counters, checked
from .edits import (
    CreateChain,
    DeleteChain,
    Edit,
    Flush,
    FlushAll,
    SetPolicy,
    Zero,
    replay,
)
from .enums import Family
from .errors import (
    AccessError,
    ClosedError,
    ConflictError,
    CountersLostError,
    IPTCError,
    KernelError,
    LockTimeout,
    TransactionError,
    shown,
    strerror,
)
from .lock import checked_wait, lock_kind, lock_path, take
from .namespace import Namespace, NetnsSpec
from .policy import Policy
from .rule import Rule, Rule6
from .savefile import Reader, save_table, table_to_dict
from .text import plain
from .transaction import Transaction, send, transaction

__all__ = [
    "Table",
    "Table6",
    "is_table6_available",
    "is_table_available",
    "tables_of",
]

Named = Union[str, Chain]
#: Makes an edit for a table as it is.
Build = Callable[[_kernel.TableData, Any], Edit]


class Table:
    """A table of IPv4: filter, nat, mangle, raw or security.

    One object for each name and network namespace; it belongs to the namespace that the thread
    was in which made it. Opening reads the table once; reads answer from the last
    :meth:`refresh` or edit.

    With *autocommit* on, the default, each edit takes the xtables lock, reads the table afresh,
    changes it, sends it, and lets go: it is in the kernel when the call returns, or an exception
    says why not and nothing has changed. With it off edits wait for :meth:`commit`, and reads see
    them; :meth:`refresh` discards them.

    Args:
        name: Name of the table.
        autocommit: Also changes the object that there is already; None leaves it.
        netns: Another network namespace: a name of ``ip netns``, a path, a process id or a file.
        wait: Seconds to wait for threads and for the xtables lock; None for ever.
        lock: Which lock edits take: ``"auto"``, ``"host"``, ``"netns"`` or ``"none"``; see
            :func:`pyiptc.lock.lock_path`. If not given, what ``PYIPTC_LOCK`` says, or auto.
        backend: Where the rules are: ``"legacy"``, the tables of ip_tables; ``"nft"``, those that
            iptables-nft has in nf_tables; ``"auto"``, wherever this machine has them: see
            :func:`pyiptc.backend`. If not given, what ``PYIPTC_BACKEND`` says, or legacy.
        handle: How to reach the kernel, one of :data:`pyiptc._kernel.HANDLES`; None: as the backend
            is.
    Raises:
        TableNotFoundError: The kernel has no such table.
        AccessError: CAP_NET_ADMIN is needed.
    Thread safety: any number of threads; they take turns.
    """

    FILTER = "filter"
    MANGLE = "mangle"
    RAW = "raw"
    NAT = "nat"
    SECURITY = "security"
    ALL = ["filter", "mangle", "raw", "nat", "security"]

    existing_table_names: dict[str, bool] = {}
    """What :func:`is_table_available` found; it looks again each time."""

    _family = Family.IPV4
    _rule_class: type[Rule] = Rule
    _cache: dict[tuple[str, int, str], Table] = {}
    _cache_lock = threading.RLock()

    name: str

    def __new__(
        cls,
        name: str,
        autocommit: Optional[bool] = None,
        *,
        netns: Optional[NetnsSpec] = None,
        wait: Optional[float] = None,
        handle: Optional[str] = None,
        lock: Optional[str] = None,
        backend: Optional[str] = None,
    ) -> Table:
        if not isinstance(name, str):
            raise TypeError(f"a table's name is a string, not {shown(name)}")
        name = plain(name)
        kind = lock_kind(lock)
        place = Namespace(netns, name)
        handle = _handle_for(place, cls._family, backend, handle)
        with cls._cache_lock:
            table = cls._cache.get((name, place.cookie, handle))
            if table is not None and not table._closed:
                place.close()
            else:
                table = object.__new__(cls)
                table._init(name, place, handle)
                cls._cache[name, place.cookie, handle] = table
            if autocommit is not None:
                table.autocommit = bool(autocommit)
            if wait is not None:
                table.wait = checked_wait(wait)
            if lock is not None and handle != "nft":
                table._lock_kind = kind
        return table

    def _init(self, name: str, place: Namespace, handle: str) -> None:
        self.name = name
        self.autocommit = True
        """Whether edits are in the kernel when they return."""
        self.wait: Optional[float] = None
        """Seconds to wait for the xtables lock; None for ever."""
        self._namespace = place
        self._handle = handle
        self._form = backends.form()
        # nf_tables has no lock: it tells of changes that came in between.
        self._lock_kind = "none" if handle == "nft" else lock_kind(None)
        self._mutex = threading.RLock()
        self._order = (int(self._family), name, place.cookie, handle)
        self._closed = False
        self._pending: list[Edit] = []
        self._transaction: Optional[Transaction] = None
        self._errno = 0
        #: Whether the thread that has the mutex is in the namespace.
        self._is_inside = False
        self._chain_objects: weakref.WeakValueDictionary[str, Chain] = weakref.WeakValueDictionary()
        try:
            with self._namespace.socket(self._family) as socket:
                if handle == "nft":
                    _xtables.prefer_nft()
                self._data = self._read(socket)
                backends.warn_of_other_side(handle, self._family, place.cookie)
        except BaseException:
            place.close()
            raise
        registry.register(self)

    @property
    def family(self) -> int:
        """2, or 10 for IPv6."""
        return int(self._family)

    @property
    def namespace(self) -> Namespace:
        """The network namespace it belongs to."""
        return self._namespace

    @property
    def backend(self) -> str:
        """Where the rules are: ``"legacy"`` or ``"nft"``."""
        return "nft" if self._handle == "nft" else "legacy"

    @property
    def lock(self) -> Optional[str]:
        """Path of the lock file that edits take; None where they take none.

        nf_tables has no lock: it tells of changes that came in between.
        """
        if self._handle == "nft":
            return None
        return lock_path(self._namespace.cookie, self._lock_kind)

    # -- life ----------------------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of the table and its namespace. Twice is fine.

        Pending edits are discarded, with a ResourceWarning. ``Table(name)`` makes a new one
        afterwards.

        Raises:
            TransactionError: Inside of a transaction.
        """
        with self._alone(self.wait):
            if self._closed:
                return
            self._check_outside()
            self._warn_of_pending()
            self._closed = True
            self._pending = []
            registry.unregister(self)
            with self._cache_lock:
                key = (self.name, self._namespace.cookie, self._handle)
                if self._cache.get(key) is self:
                    del self._cache[key]
            self._namespace.close()

    def __enter__(self) -> Table:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError(f"table {self.name} was closed")

    def _warn_of_pending(self) -> None:
        if self._pending:
            count, edits = len(self._pending), "; ".join(map(str, self._pending[-3:]))
            warnings.warn(
                f"{count} edits of table {self.name} were never committed: {edits}",
                ResourceWarning,
                stacklevel=3,
            )

    # -- one at a time -------------------------------------------------------------------------------

    def _take(self, wait: Optional[float]) -> threading.RLock:
        """The mutex, taken: the table for one thread; in a transaction, for the task that is in it.

        Raises:
            LockTimeout: Another thread had it all the time.
            TransactionError: Another task of this thread is in a transaction.
        """
        mutex = self._mutex  # a child that is forked meanwhile has another one
        if not (mutex.acquire() if wait is None else mutex.acquire(timeout=wait)):
            raise LockTimeout(
                f"another thread of this process has table {self.name} (waited {wait} s)"
            )
        current = self._transaction
        if current is not None and not current.is_mine():
            mutex.release()
            raise TransactionError(
                f"table {self.name} is in a transaction of another task of this thread"
            )
        return mutex

    def _alone(self, wait: Optional[float]) -> _Alone:
        """:meth:`_take` for a block."""
        return _Alone(self, wait)

    def _reading(self) -> _Reading:
        """The table in memory."""
        return _Reading(self, self.wait)

    def _check_outside(self) -> None:
        if self._transaction is not None:
            raise TransactionError(f"table {self.name} is in a transaction: it commits at its end")

    def _check_ready(self) -> None:
        """Raise unless the table is open, in no transaction, and without edits pending."""
        self._check_open()
        self._check_outside()
        if self._pending:
            raise TransactionError(
                f"table {self.name} has edits pending: commit or refresh it first"
            )

    @property
    def _is_fresh_wanted(self) -> bool:
        """Whether reads that promise it read the table again: there is nothing that they would undo."""
        return self.autocommit and not self._pending and self._transaction is None

    def refresh(self) -> None:
        """Read the table again, and discard pending edits.

        The lock is held meanwhile, where it can be had: in the midst of somebody's commit counters
        are zero. Where autocommit was switched on with edits pending, these are committed first.

        Raises:
            LockTimeout: Somebody else held the lock all the time.
        """
        self._refresh(lazily=False)

    def _refresh(self, lazily: bool) -> None:
        """refresh(); *lazily*: rules need not be read before they are looked at."""
        with self._alone(self.wait), self._noted():
            self._check_open()
            self._check_outside()
            if self._pending and self.autocommit:
                self._send()
                return
            held = take(self._namespace.cookie, self._lock_kind, self.wait, True)
            try:
                self._reread()
                if not lazily:
                    self._data.load()
            finally:
                if held is not None:
                    held.close()
            self._pending = []

    def commit(self) -> None:
        """Send all pending edits at once.

        They are done again on the table as it is by now: see :meth:`transaction`.

        Raises:
            ConflictError: One of them is about what others have changed. KernelError: the kernel
                refused. It has what it had, and the edits stay pending.
        """
        with self._alone(self.wait):
            self._check_open()
            self._check_outside()
            if self._pending:
                self._send()

    def _rewind(self, pending: list[Edit]) -> None:
        """Have other pending edits, on the table as it was read."""
        data = self._data.as_read()
        for edit in pending:
            edit.apply(data)
        self._pending, self._data = list(pending), data

    # -- edits ---------------------------------------------------------------------------------------

    def _edit(self, build: Build, what: Any) -> Edit:
        """Do one edit: now, or with the next commit, or with that of the transaction.

        Args:
            build: Makes the edit of the table as it is and of *what*.
        """
        mutex = self._take(self.wait)
        try:
            if self._closed:
                self._check_open()
            current = self._transaction
            if current is None and self.autocommit:
                return self._send(build, what)[-1]
            data = self._data
            edit = build(data, what)
            try:
                edit.apply(data)
            except IPTCError as error:
                self._errno = error.errno or 0
                raise
            (self._pending if current is None else current.edits[self]).append(edit)
            return edit
        finally:
            mutex.release()

    @contextlib.contextmanager
    def transaction(
        self, wait: Optional[float] = None, retries: Optional[int] = None
    ) -> Iterator[Table]:
        """All edits in a block at once: one lock, one read, one commit; nothing on an exception.

        Other threads wait until the block ends, and so does everybody who takes the xtables lock.
        Other asyncio tasks of this thread are refused. Nobody who takes the lock is ever reverted;
        where a writer that takes none came in between, the table is read again and the edits are
        done again: append and insert at 0 always, by index where the rules before and at it are the
        ones that were seen, by rule where it can be told which one was meant.

        Args:
            wait: Seconds to wait for the lock; None as the table is set.
            retries: How often that may happen; None for 10, and 100 on nf_tables.
        Raises:
            TypeError, ValueError: *wait* or *retries* is no such number.
            TransactionError: Inside of another transaction of this thread, or with edits pending.
            LockTimeout, KernelError, ConflictError: Nothing was changed.
        """
        with transaction(self, wait=wait, retries=retries):
            yield self

    @contextlib.contextmanager
    def _batch(self) -> Iterator[None]:
        """One commit for several edits, unless they are part of something larger already."""
        with self._alone(self.wait):
            if self._transaction is not None:
                yield
            elif self.autocommit:
                self._check_open()
                if self._pending:
                    self._send()
                with self.transaction():
                    yield
            else:
                before = list(self._pending)
                try:
                    yield
                except BaseException:
                    self._rewind(before)
                    raise

    def _send(self, build: Optional[Build] = None, what: Any = None) -> list[Edit]:
        """Lock, read, change, send: pending edits first, then the one to be built."""
        # No context managers: these few lines are what an edit costs beside the system calls.
        place = self._namespace
        held = socket = None
        try:
            held = take(place.cookie, self._lock_kind, self.wait)
            socket = reach(self._family, place.cookie)
            if socket is not None:
                return self._exchange(socket, build, what)
            with place.socket(self._family) as inside:
                return self._exchange(inside, build, what)
        except IPTCError as error:
            self._errno = error.errno or 0
            raise
        finally:
            if socket is not None:
                socket.close()
            if held is not None:
                held.close()

    def _exchange(self, socket: _kernel.Socket, build: Optional[Build], what: Any) -> list[Edit]:
        """The same with the lock, and inside of the namespace."""
        seen = self._data
        # Where it is the kernel's still, what was seen is edited itself.
        data = self._read(socket, None if self._pending else seen)
        edits = self._pending.copy()
        try:
            if edits:
                replay(edits, seen, data)
            if build is not None:
                self._is_inside = True
                try:
                    edit = build(data, what)
                finally:
                    self._is_inside = False
                edit.check(seen, data)
                edit.apply(data)
                edits.append(edit)
            self._data = data
            send({self: edits}, socket=socket)
        except CountersLostError:
            self._pending = []
            raise
        except BaseException:
            self._data = seen if data is not seen else seen.as_read()
            raise
        self._pending = []
        return edits

    def _noted(self) -> _Noted:
        """Remember an error's number for :meth:`strerror`."""
        return _Noted(self)

    def _reread(self, seen: Optional[_kernel.TableData] = None) -> None:
        with self._namespace.socket(self._family) as socket:
            self._data = self._read(socket, seen)

    def _read(
        self, socket: _kernel.Socket, seen: Optional[_kernel.TableData] = None
    ) -> _kernel.TableData:
        """The table as it is now; *seen* where that is the same, counters apart."""
        try:
            return _kernel.read(socket, self.name, self._handle, seen, self._reach, self._form)
        except KernelError as error:
            if error.errno != errno.EAGAIN:
                raise
            raise ConflictError(f"table {self.name} changes faster than it can be read") from error

    def _reach(self) -> contextlib.AbstractContextManager[Any]:
        """The table's namespace, for rules that are read when they are needed."""
        return self._namespace.socket(self._family)

    def strerror(self) -> str:
        """What libiptc says of the last edit's error."""
        return strerror(self._errno) if self._errno else "libiptc version error"

    # -- text ----------------------------------------------------------------------------------------

    def save(self, counters: bool = False) -> str:
        """The table as ``iptables-save -t`` prints it, without its comment lines.

        With autocommit on and nothing pending the table is read afresh.

        Args:
            counters: Print the rules' packets and bytes too (``-c``).
        """
        if self._is_fresh_wanted:
            self.refresh()
        with self._reading() as data, self._namespace.socket(self._family):
            return save_table(data, counters)

    def to_dict(self) -> dict[str, Any]:
        """The table as a dictionary that :mod:`json` takes, and :meth:`restore` too.

        ``{"chains": {name: {"policy": "ACCEPT" or None, "counters": [packets, bytes], "rules":
        [...]}}}``, rules as :meth:`Rule.to_dict` gives them.
        """
        if self._is_fresh_wanted:
            self.refresh()
        with self._reading() as data, self._namespace.socket(self._family):
            return table_to_dict(data, self._rule_class)

    def restore(
        self, text: Any, *, flush: bool = True, counters: bool = True, test: bool = False
    ) -> None:
        """Do what ``iptables-restore`` does, with one commit.

        Args:
            text: A string, bytes, or a file or other iterable of lines; or what :meth:`to_dict` gives.
            flush: Begin with an empty table; False is ``--noflush``.
            counters: Set the counters that the text has (``-c``).
            test: Read and build, commit nothing.
        Raises:
            RestoreError: A line that is wrong, with its number; the table is as it was.
            KernelError: The kernel refused; the table is as it was.
        """
        with self._alone(self.wait):
            self._check_ready()
            with self._namespace.socket(self._family) as socket, lock.held(self.lock, self.wait):
                reader = Reader(
                    socket,
                    self._rule_class,
                    self._handle,
                    flush=flush,
                    counters=counters,
                    test=test,
                    only=self.name,
                    reach=self._reach,
                )
                if isinstance(text, Mapping):
                    reader.read_dict({self.name: text})
                else:
                    reader.read(text)
                self._data = reader.committed.get(self.name, self._data)

    # -- chains ----------------------------------------------------------------------------------------

    @property
    def chains(self) -> list[Chain]:
        """All chains: built-in ones in the order of hooks, then the others by name."""
        with self._reading() as data:
            return [Chain(self, name) for name in data.chains()]

    def is_chain(self, chain: Named) -> bool:
        """Whether there is such a chain."""
        with self._reading() as data:
            return data.has_chain(_name(chain))

    def _knows_chain(self, name: str) -> bool:
        """Whether there is such a chain, as far as can be told without waiting.

        Another thread may be in here, waiting for the xtables lock.
        """
        if not self._mutex.acquire(blocking=False):
            return False
        try:
            return not self._closed and self._data.has_chain(name)
        finally:
            self._mutex.release()

    def builtin_chain(self, chain: Named) -> bool:
        """Whether there is such a chain and it is built-in."""
        with self._reading() as data:
            return data.is_builtin(_name(chain))

    def create_chain(self, chain: Named) -> Chain:
        """Create a user-defined chain.

        Raises:
            ChainExistsError: The name is taken, or is a verdict's.
            ValueError: iptables could not name it: empty, over 28 bytes, white space in it, or
                ``-`` or ``!`` in front.
        """
        name = new_chain_name(_name(chain))
        self._edit(_made, CreateChain(name))
        return Chain(self, name)

    def delete_chain(self, chain: Named) -> None:
        """Delete a user-defined chain. Raises ChainNotFoundError, ChainInUseError."""
        name = _name(chain)
        self._edit(_made, DeleteChain(name))

    def rename_chain(self, chain: Named, new_name: str) -> None:
        """Rename a user-defined chain; jumps to it follow."""
        self._chain(chain).rename(new_name)

    def flush_entries(self, chain: Named) -> None:
        """Delete all rules of a chain."""
        name = _name(chain)
        self._edit(_made, Flush(name))

    def zero_entries(self, chain: Named) -> None:
        """Set all counters of a chain to zero."""
        name = _name(chain)
        self._edit(_made, Zero(name))

    def flush(self) -> None:
        """Delete all rules and all user-defined chains in one commit; policies stay."""
        self._edit(_made, FlushAll())

    def set_policy(
        self,
        chain: Named,
        policy: Union[str, Policy],
        counters: Optional[tuple[int, int]] = None,
    ) -> None:
        """Set the policy of a built-in chain to ACCEPT or DROP."""
        name = _name(chain)
        verdict = policy.name if isinstance(policy, Policy) else policy
        if not isinstance(verdict, str):
            raise TypeError(f"a policy is a name or a Policy, not {shown(policy)}")
        given = None if counters is None else checked(counters)
        self._edit(_made, SetPolicy(name, plain(verdict), given))

    def get_policy(self, chain: Named) -> tuple[Optional[Policy], Optional[Counters]]:
        """Policy of a chain and its counters; a pair of None for a user-defined chain.

        With autocommit on and nothing pending the table is read afresh.
        """
        if self._is_fresh_wanted:
            self._refresh(lazily=True)
        with self._reading() as data:
            found = data.policy(_name(chain))
        if found is None:
            return None, None
        policy, packets, size = found
        return Policy(policy), Counters(packets, size)

    # -- entries, as python-iptables hands them out -----------------------------------------------------

    def create_rule(
        self, entry: Union[Entry, bytes, None] = None, chain: Optional[Chain] = None
    ) -> Rule:
        """A rule of this table's family."""
        return self._rule_class(entry, chain)

    def append_entry(self, chain: Named, entry: Union[Entry, bytes]) -> None:
        """Append the rule of an entry."""
        self._chain(chain).append(self.create_rule(entry))

    def insert_entry(self, chain: Named, entry: Union[Entry, bytes], position: int) -> None:
        """Insert the rule of an entry, *position* 0-based."""
        self._chain(chain).insert(self.create_rule(entry), position)

    def replace_entry(self, chain: Named, entry: Union[Entry, bytes], position: int) -> None:
        """Replace a rule by that of an entry, *position* 0-based."""
        self._chain(chain).replace(self.create_rule(entry), position)

    def delete_entry(
        self, chain: Named, entry: Union[Entry, bytes], mask: Optional[bytes] = None
    ) -> None:
        """Delete the first rule that equals an entry's; *mask* is worked out anew."""
        self._chain(chain).delete(self.create_rule(entry))

    def first_rule(self, chain: Named) -> Optional[Listed]:
        """The first entry of a chain, None where it is empty."""
        with self._reading() as data:
            entries = data.entries(_name(chain))
        return Listed(entries, 0) if entries else None

    def next_rule(self, entry: Listed) -> Optional[Listed]:
        """The entry after one that :meth:`first_rule` or this gave; None at the end."""
        following = entry.index + 1
        return Listed(entry.entries, following) if following < len(entry.entries) else None

    def get_target(self, entry: Union[Entry, bytes]) -> Optional[str]:
        """Verdict or chain of an entry; None where its target is an extension."""
        rule = self.create_rule(entry)
        target = rule.target
        return target.name if target is not None and target._is_standard else None

    def _chain(self, chain: Named) -> Chain:
        return chain if isinstance(chain, Chain) else Chain(self, chain)

    def __reduce__(self) -> tuple[Any, ...]:
        return _same_table, (type(self), self.name, self._handle)

    def __repr__(self) -> str:
        family = "IPv6" if self._family == Family.IPV6 else "IPv4"
        side = " nft" if self._handle == "nft" else ""
        state = " closed" if self._closed else ""
        return f"<{type(self).__name__} {self.name} {family}{side}{state}>"


class _Alone:
    """Table._alone(): no generator."""

    __slots__ = ("_mutex", "_table", "_wait")

    def __init__(self, table: Table, wait: Optional[float]) -> None:
        self._table = table
        self._wait = wait

    def __enter__(self) -> None:
        self._mutex = self._table._take(self._wait)

    def __exit__(self, *exc: object) -> None:
        self._mutex.release()


class _Reading:
    """Table._reading(), in each look at a table."""

    __slots__ = ("_mutex", "_table", "_wait")

    def __init__(self, table: Table, wait: Optional[float]) -> None:
        self._table = table
        self._wait = wait

    def __enter__(self) -> _kernel.TableData:
        table = self._table
        self._mutex = table._take(self._wait)
        if table._closed:
            self._mutex.release()
            table._check_open()
        return table._data

    def __exit__(self, *exc: object) -> None:
        self._mutex.release()


class _Noted:
    """Table._noted()."""

    __slots__ = ("_table",)

    def __init__(self, table: Table) -> None:
        self._table = table

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: Optional[BaseException], trace: object) -> None:
        if isinstance(error, IPTCError):
            self._table._errno = error.errno or 0


class Listed(Entry):
    """An entry with its place in a listing."""

    def __init__(self, entries: list[Entry], index: int) -> None:
        entry = entries[index]
        super().__init__(entry.family, entry.data, entry.kind, entry.jump)
        self.entries = entries
        self.index = index


class Table6(Table):
    """A table of IPv6: as :class:`Table`."""

    existing_table_names: dict[str, bool] = {}
    _family = Family.IPV6
    _rule_class = Rule6
    _cache: dict[tuple[str, int, str], Table] = {}


def _made(data: _kernel.TableData, edit: Edit) -> Edit:
    """An edit that is the same for any table."""
    return edit


def _handle_for(
    place: Namespace, family: int, backend: Optional[str], handle: Optional[str]
) -> str:
    """The handle of a table in a namespace."""
    wanted = backends.checked(backend)
    if handle is None and wanted != "auto":
        return wanted
    with place.socket(family):
        return backends.handle_of(backend, handle, place.cookie)


def _same_table(cls: type[Table], name: str, handle: str) -> Table:
    return cls(name, handle=handle)


def _name(chain: Named) -> str:
    name = chain.name if isinstance(chain, Chain) else chain
    if not isinstance(name, str):
        raise TypeError(f"expected a chain or its name, not {shown(chain)}")
    return plain(name)


def tables_of(family: int) -> list[Table]:
    """The tables of a family that can be had in the calling thread's namespace."""
    cls = Table6 if family == Family.IPV6 else Table
    return [cls(name) for name in cls.ALL if _is_available(cls, name)]


def _is_available(cls: type[Table], name: str) -> bool:
    try:
        cls(name)
    except AccessError:
        raise
    except KernelError:
        cls.existing_table_names[name] = False
    else:
        cls.existing_table_names[name] = True
    return cls.existing_table_names[name]


def is_table_available(name: str) -> bool:
    """Whether IPv4 has a table of this name here. Raises AccessError where that cannot be asked."""
    return _is_available(Table, name)


def is_table6_available(name: str) -> bool:
    """Whether IPv6 has a table of this name here. Raises AccessError where that cannot be asked."""
    return _is_available(Table6, name)


def _after_fork() -> None:
    """A child's tables: nobody else is in there any more."""
    Table._cache_lock = threading.RLock()
    for table in [*Table._cache.values(), *Table6._cache.values()]:
        table._mutex = threading.RLock()
        table._transaction = None  # it is the parent's


def _warn_at_exit() -> None:
    for table in [*Table._cache.values(), *Table6._cache.values()]:
        table._warn_of_pending()


atexit.register(_warn_at_exit)
os.register_at_fork(after_in_child=_after_fork)
registry.register_finder(tables_of)
