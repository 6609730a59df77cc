# SPDX-License-Identifier: GPL-2.0-or-later
"""The names that programs import from ``iptc.ip4tc``."""

from __future__ import annotations

from typing import Any

from .chain import Chain
from .errors import IPTCError, XTablesError
from .extension import IPTCModule
from .match import Match
from .policy import Policy
from .rule import Rule
from .table import Table, is_table_available
from .target import Target

__all__ = [
    "Chain",
    "IPTCError",
    "IPTCModule",
    "Match",
    "Policy",
    "Rule",
    "Table",
    "Target",
    "XTablesError",
    "is_table_available",
]


def __getattr__(name: str) -> Any:
    """The structs of ctypes, which few programs ask for, are made when they are."""
    if name not in ("in_addr", "ipt_entry", "ipt_ip"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import structs

    return getattr(structs, name)
