"""Results as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from .suite import TIMES, Verdict, judge, median


def line_of(result: Mapping[str, Any]) -> str:
    """A case in a few lines: all contenders, and how near the goals are."""
    lines = [f"{result['name']}: {result['title']}"]
    for name in result["contenders"]:
        times = []
        for phase in ("process", "cold", "warm"):
            if phase in result["contenders"][name]["samples"]:
                wall = median(result, name, phase, "wall")
                user = median(result, name, phase, "user")
                if wall is not None and user is not None:
                    times.append(f"{phase} {quantity(wall, result['unit'])}{_user(user)}")
        lines.append(f"    {name:28} {', '.join(times)}")
    lines += [f"    {name:28} left out: {why}" for name, why in result["missing"].items()]
    lines += [f"    {verdict_line(verdict)}" for verdict in judge(result)]
    return "\n".join(lines)


def _user(seconds: float) -> str:
    return f" (user {quantity(seconds, 's')})" if seconds >= 0.01 else ""


def verdict_line(verdict: Verdict) -> str:
    goal = verdict.goal
    beside = f" {goal.beside}" if goal.unit == TIMES else ""
    what = f"{goal.row}: to reach ≤ {number(goal.limit)} {goal.unit}{beside}"
    if verdict.value is None:
        return f"{what}: not measured"
    warm = f", warm {number(verdict.warm)}" if _has_warm(verdict) and verdict.warm else ""
    word = "reached" if verdict.is_reached else "NOT REACHED"
    return f"{what}: {number(verdict.value)} {goal.unit}{warm}: {word}"


def _has_warm(verdict: Verdict) -> bool:
    return verdict.goal.phase == "cold" and verdict.goal.unit != "MB"


def number(value: Optional[float]) -> str:
    """Three digits that mean something."""
    if value is None:
        return "-"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def quantity(value: float, unit: str) -> str:
    """Seconds in a unit that suits them; other units as they are."""
    if unit != "s":
        return f"{number(value)} {unit}"
    for factor, name in ((1, "s"), (1e3, "ms"), (1e6, "µs")):
        if value * factor >= 1:
            return f"{number(value * factor)} {name}"
    return f"{number(value * 1e9)} ns"
