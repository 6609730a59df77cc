"""Hostile input: every public function with values of every kind raises what is documented.

`hostile.py` does it, in one process for each family: what that process says is judged here.
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from support import isolated
from support.family import FAMILIES, of_this_run

pytestmark = pytest.mark.kernel

Results = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def results(backend: str) -> Results:
    script = "from isolated import hostile\nhostile.main()"
    env = {"PYIPTC_MODPROBE": "0"}
    return {
        str(family): json.loads(
            isolated.output(script, str(family), env=env, prelude=False, timeout=240)
        )
        for family in of_this_run()
    }


def not_documented(result: dict[str, Any], *beginnings: str) -> dict[str, str]:
    """Calls and what came of them, of those that came to what begins so."""
    return {call: words for call, words in result["found"].items() if words.startswith(beginnings)}


@pytest.mark.parametrize("family", FAMILIES)
def test_documented_exceptions_only(family: str, results: Results) -> None:
    """An IPTCError, TypeError, ValueError, AttributeError or IndexError, and before long."""
    others = not_documented(results[family], "RecursionError", "long:", "changed:")
    assert dict(results[family]["found"].items() - others.items()) == {}


@pytest.mark.parametrize("family", FAMILIES)
def test_table_as_it_was(family: str, results: Results) -> None:
    """Whatever raised has changed nothing, and the table can be used as before."""
    assert not_documented(results[family], "changed:") == {}
    assert not results[family]["changed"]


@pytest.mark.parametrize("family", FAMILIES)
def test_deep_values(family: str, results: Results) -> None:
    """Lists of lists of lists, deeper than the interpreter follows."""
    assert not_documented(results[family], "RecursionError") == {}


@pytest.mark.parametrize("family", FAMILIES)
def test_messages_can_be_read(family: str, results: Results) -> None:
    """However long a value is."""
    assert not_documented(results[family], "long:") == {}


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_is_forgotten(family: str, results: Results) -> None:
    """What is new in `pyiptc.__all__` needs good arguments in `hostile.GOOD`, to be tried too."""
    result = results[family]
    assert result["unknown"] == []
    assert {"Chain.append", "Rule.src", "Table.transaction", "easy.add_rule", "netns"} <= {
        *result["counts"]
    }
    assert sum(result["counts"].values()) > 20_000
