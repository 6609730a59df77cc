# SPDX-License-Identifier: GPL-2.0-or-later
"""The names that programs import from ``iptc.ip6tc``."""

from __future__ import annotations

from .rule import Rule6
from .table import Table6, is_table6_available

__all__ = ["Rule6", "Table6", "is_table6_available"]
