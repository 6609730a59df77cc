# SPDX-License-Identifier: GPL-2.0-or-later
"""Are there rules where a legacy table does not show them?

Most distributions' ``iptables`` keeps its rules in nf_tables, in tables of the same names. This
asks the kernel by netlink, without touching anything, once for each namespace and family.

Source: linux/netfilter/nfnetlink.h, linux/netfilter/nf_tables.h.
"""

from __future__ import annotations

import struct
import threading
import warnings
from collections.abc import Iterator

from .errors import BackendWarning

__all__ = ["warn_of_nft_rules"]

_NETLINK_NETFILTER = 12
_NFNL_SUBSYS_NFTABLES = 10 << 8
_GETTABLE = _NFNL_SUBSYS_NFTABLES | 1
_GETRULE = _NFNL_SUBSYS_NFTABLES | 7
_REQUEST_DUMP = 0x1 | 0x300
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_NAME = 1  # NFTA_TABLE_NAME, NFTA_RULE_TABLE

_HEADER = struct.Struct("=IHHII")  # struct nlmsghdr
_GENERIC = struct.Struct("=BBH")  # struct nfgenmsg
_ATTRIBUTE = struct.Struct("=HH")  # struct nlattr

#: The tables that iptables-nft makes.
_NAMES = frozenset({"filter", "nat", "mangle", "raw", "security"})

_asked: set[tuple[int, int]] = set()
_asked_lock = threading.Lock()


def warn_of_nft_rules(family: int, cookie: int) -> None:
    """Warn once where nf_tables has rules in iptables' tables of a family.

    Args:
        family: 2 or 10.
        cookie: Number of the calling thread's network namespace.
    """
    with _asked_lock:
        if (family, cookie) in _asked:
            return
        _asked.add((family, cookie))
    try:
        tables = [name for name in _table_names(family) if name in _NAMES]
        found = [name for name in tables if _has_rules(family, name)]
    except OSError:
        # No nf_tables in this kernel, or no right to ask: then there is nothing to tell.
        return
    if found:
        tool = "ip6tables" if family == 10 else "iptables"
        warnings.warn(
            f"nf_tables has rules of iptables too (table {', '.join(sorted(found))}), which the "
            f"legacy tables do not show: {tool} on this machine is probably {tool}-nft; manage "
            f"them with it, or move them over with {tool}-nft-save and {tool}-legacy-restore",
            BackendWarning,
            stacklevel=4,
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
    size = _HEADER.size + _GENERIC.size + len(attributes)
    import socket  # late, as it takes a tenth of all imports

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
