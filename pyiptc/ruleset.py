# SPDX-License-Identifier: GPL-2.0-or-later
"""All tables of a family at once, as text and as dictionaries."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any, Optional, Union

from . import _kernel, _xtables, backends
from .enums import Family
from .errors import IPTCError, PartialCommitError, shown
from .lock import held, lock_path
from .namespace import Namespace, NetnsSpec
from .savefile import Reader, save_table, table_to_dict
from .table import Table, Table6

__all__ = ["restore", "save", "to_dict"]


def _class_of(family: Union[str, int]) -> type[Table]:
    classes: dict[Union[str, int], type[Table]] = {
        "ipv4": Table,
        "ipv6": Table6,
        Family.IPV4: Table,
        Family.IPV6: Table6,
    }
    if family not in classes:
        raise ValueError(f"family {shown(family)}: expected 'ipv4' or 'ipv6'")
    return classes[family]


def save(
    family: Union[str, int] = "ipv4",
    counters: bool = False,
    netns: Optional[NetnsSpec] = None,
    backend: Optional[str] = None,
) -> str:
    """All tables of a family as ``iptables-save`` prints them, without its comment lines.

    The tables that exist, in the kernel's order; looking creates none.

    Args:
        backend: As for :class:`Table`.
    """
    cls = _class_of(family)
    place = Namespace(netns)
    with contextlib.closing(place), place.socket(cls._family) as socket:
        return "".join(
            save_table(data, counters) for data in _existing(socket, cls, place, backend)
        )


def to_dict(
    family: Union[str, int] = "ipv4",
    netns: Optional[NetnsSpec] = None,
    backend: Optional[str] = None,
) -> dict[str, dict[str, Any]]:
    """All tables of a family that exist, by name, as :meth:`Table.to_dict` gives them."""
    cls = _class_of(family)
    place = Namespace(netns)
    with contextlib.closing(place), place.socket(cls._family) as socket:
        return {
            data.name: table_to_dict(data, cls._rule_class)
            for data in _existing(socket, cls, place, backend)
        }


def _existing(
    socket: _kernel.Socket, cls: type[Table], place: Namespace, backend: Optional[str]
) -> Iterator[_kernel.TableData]:
    """The tables that exist, with all their rules."""
    handle = backends.handle_of(backend, None, place.cookie)
    if handle == "nft":
        _xtables.prefer_nft()
    for name in backends.tables_of(handle, cls._family):
        data = _kernel.read(socket, name, handle)
        data.load()
        yield data


def restore(
    text: Any,
    family: Union[str, int] = "ipv4",
    *,
    flush: bool = True,
    counters: bool = True,
    test: bool = False,
    atomic: bool = False,
    netns: Optional[NetnsSpec] = None,
    wait: Optional[float] = None,
    lock: Optional[str] = None,
    backend: Optional[str] = None,
) -> None:
    """Do what ``iptables-restore`` does: one commit for each table, under one lock.

    Args:
        text: A string, bytes, or a file or other iterable of lines; or what :func:`to_dict` gives.
        flush: Begin with empty tables; False is ``--noflush``.
        counters: Set the counters that the text has (``-c``).
        test: Read and build, commit nothing.
        atomic: With nf_tables, all tables in one commit. With the legacy tables, where a later one
            fails, give the earlier ones their old rules back, under the
            same lock. What that cannot bring back: packets counted in between, and the state of
            limits, quotas and the like, which a commit starts again.
        wait: Seconds to wait for the xtables lock; None for ever.
        lock: Which lock, as for :class:`Table`; nf_tables has none.
        backend: As for :class:`Table`.
    Raises:
        RestoreError, KernelError: The first table failed, and nothing was changed.
        PartialCommitError: A later one failed; ``committed`` have their new rules, ``restored``
            their old ones.
    """
    cls = _class_of(family)
    place = Namespace(netns)
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.closing(place))
        socket = stack.enter_context(place.socket(cls._family))
        handle = backends.handle_of(backend, None, place.cookie)
        if handle == "nft":
            _xtables.prefer_nft()
        else:
            stack.enter_context(held(lock_path(place.cookie, lock), wait))
        reader = Reader(
            socket,
            cls._rule_class,
            handle,
            flush=flush,
            counters=counters,
            test=test,
            keep_old=atomic,
        )
        try:
            if isinstance(text, Mapping):
                reader.read_dict(text)
            else:
                reader.read(text)
        except IPTCError as error:
            if not reader.committed:
                raise
            done = list(reader.committed)
            restored = reader.put_back() if atomic else []
            state = "put back" if atomic else "committed before"
            raise PartialCommitError(
                f"{error}; {state}: {', '.join(done)}",
                [name for name in done if name not in restored],
                restored,
            ) from error
        finally:
            for name, data in reader.committed.items():
                table = cls._cache.get((name, place.cookie, handle))
                if table is not None and not table._pending:
                    table._data = data.reached_by(table._reach)
