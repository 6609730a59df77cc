"""Which module the tests are about: `pyiptc`, or what `PYIPTC_UNDER_TEST` names instead."""

from __future__ import annotations

import importlib
import os
from types import ModuleType
from typing import Any

VARIABLE = "PYIPTC_UNDER_TEST"


def name() -> str:
    return os.environ.get(VARIABLE, "pyiptc")


def load() -> Any:
    """Import the module; `Any`, because the tests also use names that one of the two lacks."""
    return importlib.import_module(name())


def forget_tables(module: ModuleType) -> None:
    """Close what python-iptables keeps open from the namespace of an earlier test.

    Its tables are singletons, bound for life to the namespace of their first use (D25). A table of
    pyiptc belongs to one namespace and needs no such help, so it gets none.
    """
    if module.__name__ != "iptc":
        return
    for table_class in (module.Table, module.Table6):
        table_class._cache.clear()
        table_class.existing_table_names.clear()
