# SPDX-License-Identifier: GPL-2.0-or-later
"""The Linux packet filter from Python, through the C libraries of iptables.

A drop-in for python-iptables (``import pyiptc as iptc``), with a modern face on the same classes.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

from . import errors, rule, version
from .backends import backend
from .chain import Chain
from .counters import Counters
from .errors import (
    AccessError,
    BackendWarning,
    BlobError,
    ChainExistsError,
    ChainInUseError,
    ChainNameError,
    ChainNotFoundError,
    ClosedError,
    ConflictError,
    CountersLostError,
    IPTCError,
    KernelError,
    LibraryWarning,
    LockTimeout,
    PartialCommitError,
    PositionError,
    RestoreError,
    RuleError,
    RuleNotFoundError,
    TableNotFoundError,
    TransactionError,
    UnknownOptionError,
    UnsupportedError,
    XTablesError,
)
from .match import Match
from .namespace import netns
from .policy import Policy
from .rule import Rule, Rule6
from .ruleset import restore, save, to_dict
from .table import Table, Table6, is_table6_available, is_table_available
from .target import Target
from .transaction import transaction
from .version import __version__

__all__ = [
    "AccessError",
    "BackendWarning",
    "BlobError",
    "Chain",
    "ChainExistsError",
    "ChainInUseError",
    "ChainNameError",
    "ChainNotFoundError",
    "ClosedError",
    "ConflictError",
    "Counters",
    "CountersLostError",
    "IPTCError",
    "KernelError",
    "LibraryWarning",
    "LockTimeout",
    "Match",
    "PartialCommitError",
    "Policy",
    "PositionError",
    "RestoreError",
    "Rule",
    "Rule6",
    "RuleError",
    "RuleNotFoundError",
    "Table",
    "Table6",
    "TableNotFoundError",
    "Target",
    "TransactionError",
    "UnknownOptionError",
    "UnsupportedError",
    "XTablesError",
    "__version__",
    "backend",
    "capabilities",
    "easy",
    "errors",
    "ip4tc",
    "ip6tc",
    "is_table6_available",
    "is_table_available",
    "netns",
    "restore",
    "save",
    "to_dict",
    "transaction",
    "util",
    "version",
    "xtables",
]

if TYPE_CHECKING:
    from . import easy, ip4tc, ip6tc, util, xtables
    from .capabilities import capabilities

#: Submodules that not every program needs: imported when they are first looked at.
_LATER = frozenset({"easy", "ip4tc", "ip6tc", "util", "xtables"})

#: Whether an unknown name set on a rule is an error, not a warning.
strict: bool


class _Package(ModuleType):
    """The package, with its one switch, and with what is imported late."""

    @property
    def strict(self) -> bool:
        return rule.strict

    @strict.setter
    def strict(self, value: bool) -> None:
        rule.strict = bool(value)

    @property
    def capabilities(self) -> Any:
        from .capabilities import capabilities

        return capabilities

    @capabilities.setter
    def capabilities(self, value: object) -> None:
        """The submodule, which is set here when it is imported: the function has its name."""

    def __getattr__(self, name: str) -> Any:
        if name in _LATER:
            from importlib import import_module

            return import_module(f"{__name__}.{name}")
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})


sys.modules[__name__].__class__ = _Package
