# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the rules of a machine are: in the tables of ip_tables, or in those of nf_tables.

Both have tables of the same names, and a packet goes through both. Most distributions' ``iptables``
keeps its rules in nf_tables. Here that is found out by netlink and from ``/proc``, without touching
anything: to read a table of ip_tables is to create it.

Source: linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import contextlib
import os
import struct
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import NamedTuple, Optional, TypeVar

from . import _kernel
from .enums import Family
from .errors import AccessError, BackendWarning, shown
from .namespace import Namespace, NetnsSpec, existing_tables
from .process import choice
from .text import plain

__all__ = [
    "Backend",
    "backend",
    "checked",
    "form",
    "handle_of",
    "nft_tables",
    "tables_of",
    "warn_of_other_side",
]

BACKENDS = ("legacy", "nft", "auto")

_NETLINK_NETFILTER = 12
_NFNL_SUBSYS_NFTABLES = 10 << 8
_GETTABLE = _NFNL_SUBSYS_NFTABLES | 1
_GETRULE = _NFNL_SUBSYS_NFTABLES | 7
_REQUEST_DUMP = 0x1 | 0x300
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_NAME = 1  # NFTA_TABLE_NAME, NFTA_RULE_TABLE

_Value = TypeVar("_Value")

_HEADER = struct.Struct("=IHHII")  # struct nlmsghdr
_GENERIC = struct.Struct("=BBH")  # struct nfgenmsg
_ATTRIBUTE = struct.Struct("=HH")  # struct nlattr

#: The tables that iptables-nft makes.
_NAMES = frozenset({"filter", "nat", "mangle", "raw", "security"})

#: Of how many network namespaces something is remembered: those that were asked for last.
NAMESPACES_MAX = 4096

_lock = threading.Lock()

#: Where a warning was given, or none was due: families, by network namespace.
_warned: dict[int, set[int]] = {}

#: What ``auto`` has found, by network namespace: it stays so.
_found: dict[int, Backend] = {}


class Backend(NamedTuple):
    """Which backend tables have, and why."""

    name: str
    """``"legacy"`` or ``"nft"``."""
    reason: str
    legacy: tuple[str, ...] = ()
    """Tables that ip_tables and ip6_tables have in this namespace."""
    nft: tuple[str, ...] = ()
    """Tables of iptables that nf_tables has in this namespace."""

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}"


def backend(wanted: Optional[str] = None, netns: Optional[NetnsSpec] = None) -> Backend:
    """Which backend a table would have, and why.

    Args:
        wanted: ``"legacy"``, ``"nft"`` or ``"auto"``; None: what ``PYIPTC_BACKEND`` says, else legacy.
        netns: Another network namespace than the calling thread's.
    """
    place = Namespace(netns)
    with contextlib.closing(place), place.socket(Family.IPV4):
        return _choose(wanted, place.cookie)


def handle_of(wanted: Optional[str], handle: Optional[str], cookie: int) -> str:
    """The handle for a table of the calling thread's namespace.

    Args:
        wanted: As for :func:`backend`.
        handle: One of :data:`pyiptc._kernel.HANDLES`, or None: the backend's.
        cookie: Number of the namespace.
    """
    if handle is None:
        name = checked(wanted)
        return _choose(name, cookie).name if name == "auto" else name
    if handle not in _kernel.HANDLES:
        raise ValueError(f"handle {shown(handle)}: expected one of {', '.join(_kernel.HANDLES)}")
    side = "nft" if handle == "nft" else "legacy"
    if wanted is not None and checked(wanted) not in (side, "auto"):
        raise ValueError(f"handle {shown(handle)} is of backend {side}, not {wanted}")
    return plain(handle)


def tables_of(handle: str, family: int) -> list[str]:
    """Tables that exist on a handle's side in the calling thread's namespace; looking creates none."""
    if handle != "nft":
        return existing_tables(family)
    try:
        return [name for name in _table_names(family) if name in _NAMES]
    except OSError:
        return []


def form() -> str:
    """How rules are written into nf_tables: what ``PYIPTC_NFT_FORM`` says, else portable."""
    found = os.environ.get("PYIPTC_NFT_FORM") or "portable"
    if found not in _kernel.NFT_FORMS:
        raise ValueError(f"PYIPTC_NFT_FORM={found}: expected one of {', '.join(_kernel.NFT_FORMS)}")
    return found


def checked(wanted: Optional[str]) -> str:
    """A backend, or the default: what ``PYIPTC_BACKEND`` says, else legacy. Raises ValueError."""
    return choice("backend", wanted, "PYIPTC_BACKEND", "legacy", BACKENDS)


def _choose(wanted: Optional[str], cookie: int) -> Backend:
    name = checked(wanted)
    if name == "auto":
        with _lock:
            return _remembered(_found, cookie, _find)
    if wanted is not None:
        return Backend(name, "it was asked for", _legacy_tables(), _nft_tables())
    reason = (
        f"PYIPTC_BACKEND={name}"
        if os.environ.get("PYIPTC_BACKEND")
        else "the default, as for python-iptables; PYIPTC_BACKEND=auto finds out"
    )
    return Backend(name, reason, _legacy_tables(), _nft_tables())


def _remembered(known: dict[int, _Value], cookie: int, find: Callable[[], _Value]) -> _Value:
    """What is known of a namespace; the one that nobody has asked for longest makes room."""
    value = known.pop(cookie) if cookie in known else find()
    known[cookie] = value
    if len(known) > NAMESPACES_MAX:
        del known[next(iter(known))]
    return value


def _find() -> Backend:
    legacy, nft = _legacy_tables(), _nft_tables()
    if _kernel.knows_by_nft(Family.IPV4, "tcp", 0) is None:
        return Backend("legacy", "nf_tables cannot have rules of iptables here", legacy, nft)
    if nft and legacy:
        reason = f"nf_tables has tables of iptables ({', '.join(nft)}), and so has ip_tables"
        return Backend("nft", reason, legacy, nft)
    if nft:
        return Backend("nft", f"nf_tables has tables of iptables: {', '.join(nft)}", legacy, nft)
    if legacy:
        return Backend("legacy", f"only ip_tables has tables: {', '.join(legacy)}", legacy, nft)
    return Backend("nft", "there are no tables yet, and nf_tables can have them", legacy, nft)


def _legacy_tables() -> tuple[str, ...]:
    try:
        return tuple(
            f"{family.label} {name}" for family in Family for name in existing_tables(family)
        )
    except AccessError:
        return ()


def nft_tables() -> Optional[tuple[str, ...]]:
    """Tables of iptables in nf_tables, as ``IPv4 filter``; None where it is not there, or not to be asked."""
    try:
        return tuple(
            f"{family.label} {name}"
            for family in Family
            for name in sorted(_table_names(family))
            if name in _NAMES
        )
    except OSError:
        return None


def _nft_tables() -> tuple[str, ...]:
    return nft_tables() or ()


# -- rules on the other side -----------------------------------------------------------------------


def warn_of_other_side(handle: str, family: int, cookie: int) -> None:
    """Warn once where rules of a family are where a table of this handle does not show them.

    Args:
        family: 2 or 10.
        cookie: Number of the calling thread's network namespace.
    """
    with _lock:
        families = _remembered(_warned, cookie, set)
        if family in families:
            return
        families.add(family)
    tool = "ip6tables" if family == Family.IPV6 else "iptables"
    text = _of_legacy(family, tool) if handle == "nft" else _of_nft(family, tool)
    if text is not None:
        warnings.warn(text, BackendWarning, stacklevel=4)


def _of_nft(family: int, tool: str) -> Optional[str]:
    try:
        tables = [name for name in _table_names(family) if name in _NAMES]
        found = [name for name in tables if _has_rules(family, name)]
    except OSError:
        # No nf_tables in this kernel, or no right to ask: then there is nothing to tell.
        return None
    if not found:
        return None
    return (
        f"nf_tables has rules of iptables too (table {', '.join(sorted(found))}), which the "
        f"legacy tables do not show: {tool} on this machine is probably {tool}-nft; manage "
        'them here with backend="nft" or PYIPTC_BACKEND=auto, or move them over with '
        f"{tool}-nft-save and {tool}-legacy-restore"
    )


def _of_legacy(family: int, tool: str) -> Optional[str]:
    try:
        found = existing_tables(family)
    except AccessError:
        return None
    if not found:
        return None
    return (
        f"ip_tables has tables too ({', '.join(sorted(found))}), which nf_tables does not show, and "
        f'packets go through both: look with {tool}-legacy-save or backend="legacy"; if there are '
        f"rules, move them over with {tool}-legacy-save and {tool}-nft-restore"
    )


def _table_names(family: int) -> list[str]:
    return [_string(attributes) for attributes in _dump(_GETTABLE, family, b"")]


def _has_rules(family: int, table: str) -> bool:
    name = table.encode() + b"\0"
    padding = b"\0" * (-len(name) % 4)
    attribute = _ATTRIBUTE.pack(_ATTRIBUTE.size + len(name), _NAME) + name + padding
    return any(_string(found) == table for found in _dump(_GETRULE, family, attribute))


def _dump(message: int, family: int, attributes: bytes) -> Iterator[bytes]:
    """Attributes of all that the kernel lists."""
    import socket  # late, as it takes a tenth of all imports

    size = _HEADER.size + _GENERIC.size + len(attributes)
    request = _HEADER.pack(size, message, _REQUEST_DUMP, 1, 0) + _GENERIC.pack(family, 0, 0)
    with socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_NETFILTER
    ) as netlink:
        netlink.bind((0, 0))
        netlink.sendto(request + attributes, (0, 0))
        while True:
            data = netlink.recv(1 << 16)
            while len(data) >= _HEADER.size:
                length, kind, *_ = _HEADER.unpack_from(data)
                if kind == _NLMSG_DONE:
                    return
                if kind == _NLMSG_ERROR:
                    number = -struct.unpack_from("=i", data, _HEADER.size)[0]
                    raise OSError(number, "nf_tables cannot be listed")
                yield data[_HEADER.size + _GENERIC.size : length]
                data = data[(length + 3) & ~3 :]


def _string(attributes: bytes) -> str:
    """The name among attributes."""
    while len(attributes) >= _ATTRIBUTE.size:
        size, kind = _ATTRIBUTE.unpack_from(attributes)
        if size < _ATTRIBUTE.size:
            break
        if kind == _NAME:
            return attributes[_ATTRIBUTE.size : size].split(b"\0")[0].decode("utf-8", "replace")
        attributes = attributes[(size + 3) & ~3 :]
    return ""


def _after_fork() -> None:
    """In the child: who had the lock is not there."""
    global _lock
    _lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)
