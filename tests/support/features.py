"""What a test needs of the machine, by name; what is missing is skipped by that name only.

With `PYIPTC_REQUIRE_KERNEL=1`, as in CI, nothing is skipped: the missing feature is a failure, and
so is every skip that does not come from here.
"""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

PREFIX = "missing: "
SEARCH_PATH = os.pathsep.join(
    [os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"]
)
"""`PATH` and the directories of the system's tools, which an ordinary user's `PATH` may lack."""

_absent: dict[str, str] = {}


def strict() -> bool:
    """Whether a missing feature is a failure."""
    return os.environ.get("PYIPTC_REQUIRE_KERNEL") == "1"


def declare_absent(feature: str, reason: str) -> None:
    """Remember that the machine lacks a feature which is not a program."""
    _absent[feature] = reason


def find_tool(tool: str) -> str | None:
    return shutil.which(tool, path=SEARCH_PATH)


def require(*features: str) -> None:
    """Skip the test by name unless each feature is here.

    A feature is a program, or a name that was given to `declare_absent`.
    """
    for feature in features:
        if feature in _absent:
            skip_missing(feature, _absent[feature])
        if feature not in KNOWN and find_tool(feature) is None:
            skip_missing(feature, "no such program")


KNOWN = frozenset({"netns"})
"""Features that are not programs; they are here unless declared absent."""


def skip_missing(feature: str, reason: str = "") -> NoReturn:
    """Skip the test because of one named feature, or fail where nothing may be skipped."""
    message = f"{PREFIX}{feature}" + (f" ({reason})" if reason else "")
    if strict():
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
