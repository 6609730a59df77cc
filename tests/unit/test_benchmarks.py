"""The benchmarks' own arithmetic: medians, ratios, goals, and the page that they are written to."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).parents[2]))

from benchmarks import document, report, rulesets, suite
from benchmarks.rulesets import COMPLEX, IPV4, IPV6, SIMPLE, Rules
from benchmarks.suite import COLD, PROCESS, WARM, Goal


def result(goal: Goal, **contenders: dict[str, list[float]]) -> dict[str, Any]:
    """A result in which a contender took this long in each phase."""
    return {
        "name": "case.10",
        "title": "a case",
        "unit": "s",
        "shape": {},
        "axis": ["rules", 10],
        "missing": {},
        "contenders": {
            name: {
                "count": 2,
                "samples": {
                    phase: {
                        "wall": times,
                        "user": [time / 2 for time in times],
                        "system": [time / 4 for time in times],
                    }
                    for phase, times in phases.items()
                },
            }
            for name, phases in contenders.items()
        },
        "goals": [vars(goal)],
    }


def only_verdict(goal: Goal, **contenders: dict[str, list[float]]) -> suite.Verdict:
    (verdict,) = suite.judge(result(goal, **contenders))
    return verdict


def test_ratio_is_of_medians() -> None:
    goal = Goal("row", 1.5, "tool")
    verdict = only_verdict(goal, pyiptc={COLD: [3, 9, 4], WARM: [2]}, tool={PROCESS: [2, 1, 8]})
    assert (verdict.value, verdict.warm, verdict.is_reached) == (2.0, 1.0, False)


def test_ratio_in_processor_time() -> None:
    goal = Goal("row", 1.5, "tool")
    assert only_verdict(goal, pyiptc={COLD: [3]}, tool={PROCESS: [2]}).processor == 1.5
    assert only_verdict(goal, pyiptc={COLD: [3]}, tool={PROCESS: [0.01]}).processor is None


def test_first_time_is_compared_with_first_time() -> None:
    goal = Goal("row", 1, "C")
    verdict = only_verdict(goal, pyiptc={COLD: [4], WARM: [6]}, C={COLD: [8], WARM: [3]})
    assert (verdict.value, verdict.warm, verdict.is_reached) == (0.5, 2.0, True)


def test_absolute_goal_is_of_one_piece_of_work() -> None:
    verdict = only_verdict(Goal("row", 20, unit="µs", phase=WARM), pyiptc={WARM: [30e-6]})
    assert verdict.value == pytest.approx(15)
    assert verdict.is_reached


def test_absolute_goal_above_another() -> None:
    goal = Goal("row", 60, "bare", unit="ms", phase=PROCESS)
    verdict = only_verdict(goal, pyiptc={PROCESS: [0.2]}, bare={PROCESS: [0.04]})
    assert verdict.value == pytest.approx(80)
    assert not verdict.is_reached


def test_what_was_not_measured_is_not_reached() -> None:
    verdict = only_verdict(Goal("row", 1, "tool"), tool={PROCESS: [1]})
    assert verdict.value is None
    assert not verdict.is_reached
    assert report.verdict_line(verdict).endswith("not measured")


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(123.4, "123 s"), (0.01234, "12.3 ms"), (5e-6, "5 µs"), (4.2e-8, "42 ns")],
)
def test_quantity(seconds: float, shown: str) -> None:
    assert report.quantity(seconds, "s") == shown


def test_page_has_all_of_a_group_in_one_table() -> None:
    found = result(Goal("row", 1, "tool"), pyiptc={COLD: [2]}, tool={PROCESS: [4]})
    larger = {**found, "name": "case.100", "axis": ["rules", 100]}
    assert [len(group) for group in document.groups([found, larger])] == [2]


def test_results_are_json() -> None:
    content = {"environment": {"kernel": "Linux"}, "results": [result(Goal("row", 1)), {}]}
    assert json.loads(suite.as_json(content)) == content


def test_page_has_goals_and_groups() -> None:
    found = result(Goal("row", 1, "tool"), pyiptc={COLD: [2]}, tool={PROCESS: [4]})
    target = {**found, "name": "target.case", "axis": None}
    restored = [{**found, "name": f"restore.{size}", "axis": ["rules", size]} for size in (1, 2)]
    page = document.page(
        {"environment": {"kernel": "Linux"}, "results": [target, *restored]},
        {"restore": "restore.svg"},
    )
    words = " ".join(page.split())
    assert "``target.case`` row ≤ 1 times tool 0.5 0.5 0.5 reached" in words
    assert ".. image:: restore.svg" in words
    assert "who, cold / warm 1 rules 2 rules" in words
    assert "pyiptc 1 s 1 s tool 2 s 2 s" in words


@pytest.mark.parametrize("family", [IPV4, IPV6], ids=str)
@pytest.mark.parametrize("kind", [SIMPLE, COMPLEX])
def test_rules_are_distinct_and_the_same_each_time(family: rulesets.Family, kind: str) -> None:
    rules = Rules(family, kind, 2000)
    assert len(set(rules.lines())) == 2000
    assert Rules(family, kind, 10, first=50).lines() == rules.lines()[50:60]


class Kernel:
    """Stands for the ground: what it has is what it was told to have."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines

    def saved(self, family: rulesets.Family, table: str = "filter") -> list[str]:
        return self.lines


@pytest.mark.parametrize("wrong", [slice(0, 2), slice(1, 3), slice(None, None, -1)])
def test_wrong_answer_is_noticed(wrong: slice) -> None:
    rules = Rules(IPV4, SIMPLE, 3)
    ground: Any = Kernel(rules.lines())
    suite.has(rules)(ground)
    ground.lines = rules.lines()[wrong]
    with pytest.raises(AssertionError, match="differs"):
        suite.has(rules)(ground)
