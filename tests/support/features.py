"""What a test needs of the machine, by name; what is missing is skipped by that name only.

With `PYIPTC_REQUIRE_KERNEL=1`, as in CI, nothing is skipped: the missing feature is a failure, and
so is every skip that does not come from here. What a run does without because its environment asks
for that (one libxtables, a sanitizer) is no failure, and is skipped by name in any case.
"""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest

PREFIX = "missing: "
LEFT_OUT = "left out: "

TWO_INSTANCES = "two libxtables instances"
"""Both families in one process."""
LINK_NAMESPACE = "a link namespace of libxtables"
"""What the inner half interposes reaches libxtables and libiptc."""
OTHER_FAMILY = "one libxtables cannot serve IPv4 and IPv6"
"""What pyiptc says where a test needs two."""
ROOT = "root of the machine"
"""Not that of a user namespace, who has another lock file unless /run can be written to."""
SPEED = "uninstrumented code"
"""Code that is as fast as what is installed."""
PLAIN_MALLOC = "malloc of the C library"
"""It counts what it gave, and can be made to fail."""

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

    A feature is a program, or one of `KNOWN`.
    """
    for feature in features:
        if feature in given_up():
            pytest.skip(left_out(feature))
        if feature in _absent:
            skip_missing(feature, _absent[feature])
        if feature not in KNOWN and find_tool(feature) is None:
            skip_missing(feature, "no such program")


def given_up() -> dict[str, str]:
    """The features that this run does without because its environment asks for that, and why."""
    features = {}
    if os.environ.get("PYIPTC_SINGLE_INSTANCE") == "1":
        features = dict.fromkeys((TWO_INSTANCES, LINK_NAMESPACE), "PYIPTC_SINGLE_INSTANCE=1")
    sanitizers = os.environ.get("PYIPTC_SANITIZE", "")
    if sanitizers:
        features[SPEED] = f"PYIPTC_SANITIZE={sanitizers}"
    if "address" in sanitizers:
        features[PLAIN_MALLOC] = f"PYIPTC_SANITIZE={sanitizers}"
    return features


def left_out(feature: str) -> str:
    """Why a test is skipped that needs a feature which was given up."""
    return f"{LEFT_OUT}{feature} ({given_up()[feature]})"


KNOWN = frozenset({"netns", ROOT, TWO_INSTANCES, LINK_NAMESPACE, SPEED, PLAIN_MALLOC})
"""Features that are not programs; they are here unless declared absent or given up."""


def skip_missing(feature: str, reason: str = "") -> NoReturn:
    """Skip the test because of one named feature, or fail where nothing may be skipped."""
    message = f"{PREFIX}{feature}" + (f" ({reason})" if reason else "")
    if strict():
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
