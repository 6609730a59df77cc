# SPDX-License-Identifier: GPL-2.0-or-later
"""The Linux packet filter from Python, through the C libraries of iptables.

A drop-in for python-iptables (``import pyiptc as iptc``), with a modern face on the same classes.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

from . import easy, errors, ip4tc, ip6tc, rule, util, version, xtables
from .chain import Chain
from .counters import Counters
from .errors import *  # noqa: F403 - all errors are public
from .errors import __all__ as _error_names
from .match import Match
from .namespace import netns
from .policy import Policy
from .rule import Rule, Rule6
from .table import Table, Table6, is_table6_available, is_table_available
from .target import Target
from .version import __version__

__all__ = [
    "Chain",
    "Counters",
    "Match",
    "Policy",
    "Rule",
    "Rule6",
    "Table",
    "Table6",
    "Target",
    "__version__",
    "easy",
    "errors",
    "ip4tc",
    "ip6tc",
    "is_table6_available",
    "is_table_available",
    "netns",
    "util",
    "version",
    "xtables",
]
__all__ += _error_names

#: Whether an unknown name set on a rule is an error, not a warning.
strict: bool


class _Package(ModuleType):
    """The package, with its one switch."""

    @property
    def strict(self) -> bool:
        return rule_module.strict

    @strict.setter
    def strict(self, value: bool) -> None:
        rule_module.strict = bool(value)


rule_module: Any = rule
del rule
sys.modules[__name__].__class__ = _Package
