# SPDX-License-Identifier: GPL-2.0-or-later
"""The names that programs import from ``iptc.xtables``."""

from __future__ import annotations

import re
from typing import Any

from . import _xtables, libraries
from .enums import Kind
from .errors import XTablesError

__all__ = [
    "NFPROTO_ARP",
    "NFPROTO_BRIDGE",
    "NFPROTO_DECNET",
    "NFPROTO_IPV4",
    "NFPROTO_IPV6",
    "NFPROTO_UNSPEC",
    "XT_INV_PROTO",
    "XTablesError",
    "xtables",
    "xtables_version",
]

XT_INV_PROTO = 0x40

NFPROTO_UNSPEC = 0
NFPROTO_IPV4 = 2
NFPROTO_ARP = 3
NFPROTO_BRIDGE = 7
NFPROTO_IPV6 = 10
NFPROTO_DECNET = 12
NFPROTO_NUMPROTO = 6

XTF_DONT_LOAD = 0x00
XTF_DURING_LOAD = 0x01
XTF_TRY_LOAD = 0x02
XTF_LOAD_MUST_SUCCEED = 0x03

_found = re.search(r"\.so\.(\d+)", libraries.LIBXTABLES)
#: The number in libxtables' soname.
xtables_version = int(_found.group(1)) if _found else 0


def xt_align(size: int) -> int:
    """*size* rounded up as XT_ALIGN does: to 8 bytes."""
    return (size + 7) & ~7


class xtables:  # noqa: N801 - the name of python-iptables
    """Extensions of a family by name."""

    def __init__(self, proto: int) -> None:
        self.proto = proto

    def find_match(self, name: str) -> _xtables.Extension | None:
        """The match of a name or alias, None where there is none."""
        return self._find(Kind.MATCH, name)

    def find_target(self, name: str) -> _xtables.Extension | None:
        """The target of a name or alias, None where there is none."""
        return self._find(Kind.TARGET, name)

    def _find(self, kind: Kind, name: str) -> _xtables.Extension | None:
        try:
            return _xtables.instance(self.proto).find(kind, name)
        except XTablesError:
            return None


def __getattr__(name: str) -> Any:
    """The structs of ctypes, which few programs ask for, are made when they are."""
    if name not in ("xt_counters", "xt_entry_match", "xt_entry_target"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import structs

    return getattr(structs, name)
