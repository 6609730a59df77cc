# SPDX-License-Identifier: GPL-2.0-or-later
"""Which tables are open, and where a chain is: the one place that knows all of them.

:class:`pyiptc.Table` registers itself here; a target asks here whether its name is a chain.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Protocol

from . import _kernel, backends, namespace
from .errors import IPTCError

__all__ = [
    "available_tables",
    "has_chain",
    "is_open_chain",
    "open_tables",
    "register",
    "register_finder",
    "unregister",
]


class OpenTable(Protocol):
    """What is asked of a table."""

    @property
    def family(self) -> int: ...
    @property
    def namespace(self) -> namespace.Namespace: ...
    def _knows_chain(self, chain: str) -> bool: ...


_finders: list[Callable[[int], list[Any]]] = []
#: By identity. valuerefs() is one step, unlike going through a WeakSet while threads open tables.
_tables: weakref.WeakValueDictionary[int, OpenTable] = weakref.WeakValueDictionary()


def register_finder(finder: Callable[[int], list[Any]]) -> None:
    """Tell who can open all tables of a family."""
    _finders.append(finder)


def available_tables(family: int) -> list[Any]:
    """All tables of a family that can be had in the calling thread's network namespace."""
    return [table for finder in _finders for table in finder(family)]


def register(table: OpenTable) -> None:
    """Remember a table as long as it lives."""
    _tables[id(table)] = table


def unregister(table: OpenTable) -> None:
    """Forget a table that was closed."""
    _tables.pop(id(table), None)


def open_tables(family: int) -> list[OpenTable]:
    """The tables of a family that are open for the calling thread's network namespace."""
    cookie = namespace.current_cookie()
    tables = [reference() for reference in _tables.valuerefs()]
    return [
        table
        for table in tables
        if table is not None and table.family == family and table.namespace.cookie == cookie
    ]


def is_open_chain(family: int, name: str) -> bool:
    """Whether a table that is open here has a chain of this name, as it was last read or edited."""
    if not _tables:
        return False
    return any(table._knows_chain(name) for table in open_tables(family))


def has_chain(family: int, name: str) -> bool:
    """Whether any table of the calling thread's network namespace has a chain of this name.

    Only tables that exist there are read: asking for one would create it.
    """
    if is_open_chain(family, name):
        return True
    try:
        handle = backends.handle_of(None, None, namespace.current_cookie())
        with _kernel.Socket(family) as socket:
            return any(
                _kernel.read(socket, table, handle).has_chain(name)
                for table in backends.tables_of(handle, family)
            )
    except IPTCError:
        return False
