"""A short run of `leak.py`: what a long one would show, it shows too."""

from __future__ import annotations

import json
from typing import Any

import pytest

from isolated import leak
from support import features, isolated

pytestmark = pytest.mark.kernel

RULES = 6000


@pytest.fixture(scope="module")
def result(backend: str) -> dict[str, Any]:
    script = f"import json\nfrom isolated import leak\nprint(json.dumps(leak.run({RULES})))"
    printed = isolated.output(script, env=leak.EXACT, prelude=False, timeout=120)
    found: dict[str, Any] = json.loads(printed)
    return found


def test_the_run_was_long_enough(result: dict[str, Any]) -> None:
    """Rules and threads enough for a leak of 50 bytes a rule to show."""
    assert result["rules"] >= RULES
    assert result["threads"] >= 10


def test_memory(result: dict[str, Any]) -> None:
    """What is in use grows by less than 20 bytes for a rule; what is resident by less than 1 MB."""
    features.require(features.PLAIN_MALLOC)
    assert result["20 %"]["bytes"] > 0
    assert result["growth"]["bytes"] < 20 * RULES
    assert result["growth"]["resident"] < leak.LIMIT


def test_descriptors_and_threads(result: dict[str, Any]) -> None:
    assert result["growth"]["descriptors"] == 0
    assert result["growth"]["threads"] == 0
