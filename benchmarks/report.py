"""Results as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Optional

from .suite import COLD, TIMES, Goal, Verdict, judge, median


def line_of(result: Mapping[str, Any], is_judged: bool = True) -> str:
    """A case in a few lines: all contenders, and how near the goals are."""
    lines = [f"{result['name']}: {result['title']}"]
    for name in result["contenders"]:
        times = []
        for phase in ("process", "cold", "warm"):
            if result["contenders"][name]["samples"].get(phase, {}).get("wall"):
                wall = median(result, name, phase, "wall")
                user = median(result, name, phase, "user")
                if wall is not None and user is not None:
                    times.append(f"{phase} {quantity(wall, result['unit'])}{_user(user)}")
        lines.append(f"    {name:28} {', '.join(times)}")
    lines += [f"    {name:28} left out: {why}" for name, why in result["missing"].items()]
    if is_judged:
        lines += [f"    {verdict_line(verdict)}" for verdict in judge(result)]
    return "\n".join(lines)


def _user(seconds: float) -> str:
    return f" (user {quantity(seconds, 's')})" if seconds >= 0.01 else ""


def verdict_line(verdict: Verdict) -> str:
    """A goal and how near it is."""
    what = f"{verdict.goal.row}: to reach ≤ {wanted(verdict.goal)}"
    if verdict.value is None:
        return f"{what}: not measured"
    warm = f", warm {number(verdict.warm)}" if has_both(verdict) else ""
    if verdict.processor is not None:
        warm += f", in processor time {number(verdict.processor)}"
    return f"{what}: {number(verdict.value)} {verdict.goal.unit}{warm}: {word(verdict)}"


def wanted(goal: Goal) -> str:
    """The figure to reach, with what it is beside."""
    beside = f" {goal.beside}" if goal.unit == TIMES else ""
    measure = " in user time" if goal.measure == "user" else ""
    return f"{number(goal.limit)} {goal.unit}{beside}{measure}"


def word(verdict: Verdict) -> str:
    return "reached" if verdict.is_reached else "NOT REACHED"


def has_both(verdict: Verdict) -> bool:
    """Whether cold and warm are two figures."""
    return verdict.goal.phase == COLD and verdict.goal.unit != "MB" and verdict.warm is not None


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
