# SPDX-License-Identifier: GPL-2.0-or-later
"""The names that programs import from ``iptc.ip6tc``."""

from __future__ import annotations

from typing import Any

from .rule import Rule6
from .table import Table6, is_table6_available

__all__ = ["Rule6", "Table6", "is_table6_available"]


def __getattr__(name: str) -> Any:
    """The structs of ctypes, which few programs ask for, are made when they are."""
    if name not in ("in6_addr", "ip6t_entry", "ip6t_ip6"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from . import structs

    return getattr(structs, name)
