"""Many short-lived threads in many namespaces: right rules and sets in each, and nothing is left."""

from __future__ import annotations

import json

import pytest

from races import scale
from races.crowd import ORDERS, Found
from support import features, isolated
from support.family import of_this_run

pytestmark = pytest.mark.kernel

SCRIPT = "from races import crowd\ncrowd.main()"
THREADS = 64


def crowd(count: int, kind: str, families: list[str]) -> Found:
    features.require("ipset", "ip")
    args = (str(count), str(THREADS), kind, *families)
    return Found(**json.loads(isolated.output(SCRIPT, *args, timeout=40 + count)))


def test_threads_in_namespaces() -> None:
    families = [family.name for family in of_this_run()]
    found = crowd(scale.NAMESPACES, "closed", families)
    assert found.wrong == []
    assert found.jobs == 3 * len(families) * scale.NAMESPACES
    # Only where the numbers of the sets differ would another namespace's be noticed.
    assert found.tables == len(families) * min(len(ORDERS), scale.NAMESPACES)
    assert (found.left_open, found.left_behind) == ([], [])


def test_what_is_left_would_be_seen() -> None:
    families = [family.name for family in of_this_run()]
    found = crowd(3, "kept", families)
    assert len(found.left_open) == len(families)
    assert found.left_behind == ["watch0"]
