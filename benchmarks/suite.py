"""Questions, and how they are put: the same work for all contenders, in turns, answers checked."""

from __future__ import annotations

import importlib.util
import json
import statistics
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Optional

from .progress import Progress
from .rulesets import COMPLEX, Family, Rules
from .running import BenchmarkError, Ground, MissingError, Sample, find_tool, run, run_python
from .work import Order, order_text

PYIPTC = "pyiptc"
PEER = "python-iptables"
MODULES = {PYIPTC: "pyiptc", PEER: "iptc"}

COLD = "cold"
"""The first time in a new process; the process's own start and import do not count."""
WARM = "warm"
"""Every later time in the same process."""
PROCESS = "process"
"""A whole process, from before its start to its end."""

PROCESSOR = "processor"
"""User and system time together: what a sample has, besides "wall", "user" and "system"."""
SHORT = 0.005
"""Seconds of processor time that say nothing."""

TIMES = "times"
"""Unit of a goal that is a ratio."""

Samples = dict[str, list[Sample]]


@dataclass(frozen=True)
class Contender:
    """One way to do the work.

    Attributes:
        name: who does it.
        work: does it; the ground is as `Case.prepare` left it.
        count: pieces of work in one sample.
        rounds: how often, where that is not as often as the others.
        check: whether the ground is what the work should have made of it; raises AssertionError.
            Where there is none the case has one for all, or nothing changes.
    """

    name: str
    work: Callable[[Ground], Samples]
    count: int = 1
    rounds: Optional[int] = None
    check: Optional[Callable[[Ground], None]] = None


@dataclass(frozen=True)
class Goal:
    """A figure to reach, as in a row of the project's table.

    Attributes:
        row: what the row says.
        limit: times `beside`, or a number of `unit`.
        beside: the contender to compare with; None: the limit is absolute.
        measure: "wall" or "user".
    """

    row: str
    limit: float
    beside: Optional[str] = None
    measure: str = "wall"
    unit: str = TIMES
    phase: str = COLD
    contender: str = PYIPTC


@dataclass(frozen=True)
class Case:
    """One question."""

    name: str
    title: str
    contenders: Sequence[Contender]
    prepare: Callable[[Ground], None]
    check: Optional[Callable[[Ground], None]] = None
    goals: Sequence[Goal] = ()
    rounds: int = 5
    unit: str = "s"
    axis: Optional[tuple[str, float]] = None
    """Where the case belongs to a series that grows: what of, and how much."""
    shape: Mapping[str, Any] = field(default_factory=dict)


# -- putting a question ------------------------------------------------------------------------------


def rehearse(case: Case, ground: Ground, progress: Progress) -> dict[str, str]:
    """Have all contenders do the work once, and look at their answers.

    Returns:
        The contenders that cannot be asked here, and why.
    """
    missing: dict[str, str] = {}
    for contender in case.contenders:
        progress.show(case.name, contender.name, "checking")
        case.prepare(ground)
        try:
            contender.work(ground)
        except MissingError as error:
            missing[contender.name] = str(error)
            continue
        look(case, contender, ground)
    return missing


def look(case: Case, contender: Contender, ground: Ground) -> None:
    """Check what a contender has left."""
    check = contender.check or case.check
    if check is not None:
        try:
            check(ground)
        except AssertionError as error:
            raise BenchmarkError(f"{case.name}: {contender.name}: {error}") from error


def put(
    case: Case,
    rehearsal: Optional[Case],
    ground: Ground,
    rounds: Optional[int],
    progress: Progress,
) -> dict[str, Any]:
    """Ask all contenders, in turns; what cannot be right is no answer.

    Args:
        rehearsal: the same question with few rules, which comes first; None: this one has few.
        rounds: how often, where that is not what the case says.
    """
    missing = {} if rehearsal is None else rehearse(rehearsal, ground, progress)
    samples: dict[str, Samples] = {contender.name: {} for contender in case.contenders}
    rounds = rounds or case.rounds
    for number in range(1, rounds + 1):
        for contender in case.contenders:
            if contender.name in missing or number > (contender.rounds or rounds):
                continue
            progress.show(case.name, contender.name, f"round {number} of {rounds}")
            case.prepare(ground)
            try:
                answer = contender.work(ground)
            except MissingError as error:
                missing[contender.name] = str(error)
                continue
            for phase, found in answer.items():
                samples[contender.name].setdefault(phase, []).extend(found)
            look(case, contender, ground)
    return {
        "name": case.name,
        "title": case.title,
        "unit": case.unit,
        "shape": dict(case.shape),
        "axis": None if case.axis is None else list(case.axis),
        "missing": missing,
        "contenders": {
            contender.name: {
                "count": contender.count,
                "samples": {
                    phase: {
                        measure: [_rounded(getattr(sample, measure)) for sample in found]
                        for measure in ("wall", "user", "system")
                    }
                    for phase, found in samples[contender.name].items()
                },
            }
            for contender in case.contenders
            if contender.name not in missing
        },
        "goals": [vars(goal) for goal in case.goals],
    }


def _rounded(value: float) -> float:
    """Four digits: there are no more in it."""
    return float(f"{value:.4g}")


def as_json(document: Mapping[str, Any]) -> str:
    """Results as text, a line for each."""
    lines = ",\n".join(json.dumps(result) for result in document["results"])
    environment = json.dumps(document["environment"], indent=1)
    return f'{{"environment": {environment},\n"results": [\n{lines}\n]}}\n'


def median(result: Mapping[str, Any], name: str, phase: str, measure: str) -> Optional[float]:
    """The median of one piece of work, or None where there is none.

    Where a contender is always a new process, that is its time for cold and warm; where it did the
    work only once, that is its time for warm.
    """
    contender = result["contenders"].get(name)
    if contender is None:
        return None
    for wanted in (phase,) if phase == PROCESS else (phase, PROCESS, COLD):
        found = contender["samples"].get(wanted)
        if found and found["wall"]:
            return float(statistics.median(_times(found, measure))) / int(contender["count"])
    return None


def _times(samples: Mapping[str, Sequence[float]], measure: str) -> Sequence[float]:
    if measure == PROCESSOR:
        return [user + system for user, system in zip(samples["user"], samples["system"])]
    return samples[measure]


@dataclass(frozen=True)
class Verdict:
    """How near a goal is."""

    goal: Goal
    value: Optional[float]
    """In the goal's unit; None where it could not be measured."""
    warm: Optional[float]
    processor: Optional[float]
    """The ratio in processor time, which a busy machine makes less wrong; None where that is short."""

    @property
    def is_reached(self) -> bool:
        return self.value is not None and self.value <= self.goal.limit


SCALE = {"µs": 1e6, "ms": 1e3, "MB": 1.0}


def judge(result: Mapping[str, Any]) -> list[Verdict]:
    """What came out, for each goal of a result."""
    verdicts = []
    for entry in result["goals"]:
        goal = Goal(**entry)
        value, warm = _value(result, goal, goal.phase), _value(result, goal, WARM)
        verdicts.append(Verdict(goal, value, warm, _processor(result, goal)))
    return verdicts


def _processor(result: Mapping[str, Any], goal: Goal) -> Optional[float]:
    if goal.unit != TIMES or goal.beside is None or goal.measure != "wall":
        return None
    ours = median(result, goal.contender, goal.phase, PROCESSOR)
    theirs = median(result, goal.beside, goal.phase, PROCESSOR)
    # The kernel counts in ticks, and shares them out.
    if ours is None or theirs is None or min(ours, theirs) < SHORT:
        return None
    return ours / theirs


def _value(result: Mapping[str, Any], goal: Goal, phase: str) -> Optional[float]:
    ours = median(result, goal.contender, phase, goal.measure)
    if ours is None:
        return None
    if goal.unit != TIMES:
        less = 0.0 if goal.beside is None else median(result, goal.beside, phase, goal.measure)
        return None if less is None else (ours - less) * SCALE[goal.unit]
    assert goal.beside is not None
    theirs = median(result, goal.beside, phase, goal.measure)
    return ours / theirs if theirs else None


# -- contenders --------------------------------------------------------------------------------------


def library(
    name: str,
    *,
    label: Optional[str] = None,
    rounds: Optional[int] = None,
    per: int = 1,
    check: Optional[Callable[[Ground], None]] = None,
    text: Optional[Callable[[Ground], Path]] = None,
    **what: Any,
) -> Contender:
    """Work with pyiptc or python-iptables, in a new process each time.

    Args:
        label: what it is called, where there are several ways.
        per: pieces of work in one sample.
        text: a file for the work.
        what: see `work.Order`.
    """

    def work(ground: Ground) -> Samples:
        require_module(MODULES[name])
        file = "" if text is None else str(text(ground))
        answer = ask(Order(MODULES[name], file=file, **what))
        if "missing" in answer:
            raise MissingError(f"{name} has no {answer['missing']} yet")
        if "bytes" in answer:
            return {COLD: [Sample(answer["bytes"] / 1e6, 0, 0)]}
        return {
            COLD: [Sample(**answer["cold"])],
            WARM: [Sample(**one) for one in answer["warm"]],
        }

    return Contender(label or name, work, per, rounds, check)


def ask(order: Order) -> Any:
    """The answer of a new process."""
    return json.loads(run_python("work", order_text(order)).stdout)


def tool(
    name: str,
    *args: str,
    label: Optional[str] = None,
    stdin: Optional[Callable[[Ground], Path]] = None,
    rounds: Optional[int] = None,
    per: int = 1,
    check: Optional[Callable[[Ground], None]] = None,
) -> Contender:
    """A program, run once for each sample; its output goes to /dev/null."""

    def work(ground: Ground) -> Samples:
        text = None if stdin is None else stdin(ground)
        argv = [find_tool(name), *args]
        return {PROCESS: [run(argv, stdin=text, is_read=False).sample]}

    return Contender(label or " ".join([name, *args]), work, per, rounds, check)


def forks(
    label: str,
    family: Family,
    commands: Iterable[Sequence[str]],
    check: Optional[Callable[[Ground], None]] = None,
) -> Contender:
    """The program for one rule, started anew for each."""
    commands = list(commands)

    def work(ground: Ground) -> Samples:
        path = find_tool(family.tool)
        return {PROCESS: [run([path, *args], is_read=False).sample for args in commands]}

    return Contender(label, work, check=check)


def native(
    what: str,
    rules: Rules,
    *,
    label: str,
    count: Optional[int] = None,
    per: int = 1,
    check: Optional[Callable[[Ground], None]] = None,
) -> Contender:
    """The C program of this directory."""

    def work(ground: Ground) -> Samples:
        program = ground.native()
        number = "6" if rules.family.name == "ipv6" else "4"
        if what == "get":
            argv = [program, what, number, str(count)]
        else:
            packed = ground.file(
                f"packed-{rules.family}-{rules.first}-{rules.count}", b"".join(rules.packed())
            )
            shape = [rules.kind, str(rules.first), str(rules.count)]
            argv = [program, what, number, *shape, str(packed)]
        samples = [
            Sample(*(int(number) / 1e9 for number in line.split()))
            for line in run(argv).stdout.splitlines()
        ]
        return {COLD: samples[:1], WARM: samples[1:]}

    return Contender(label, work, per, check=check)


def messages(
    what: str,
    rules: Rules,
    *,
    label: str,
    check: Optional[Callable[[Ground], None]] = None,
) -> Contender:
    """The bare messages to nf_tables: see :mod:`benchmarks.messages`."""

    def work(ground: Ground) -> Samples:
        order = Order(
            "pyiptc", what, rules.family.name, rules.kind, rules.count, rules.first, backend="nft"
        )
        answer = json.loads(run_python("messages", order_text(order)).stdout)
        return {
            COLD: [Sample(**answer["cold"])],
            WARM: [Sample(**one) for one in answer["warm"]],
        }

    return Contender(label, work, check=check)


def require_module(name: str) -> None:
    """Raise MissingError where there is no such module."""
    if importlib.util.find_spec(name) is None:
        raise MissingError(f"no module {name}")


def script(
    label: str, source: str, *args: Callable[[Ground], str], needs: str = "sys"
) -> Contender:
    """A whole process of this Python: a short program, what it prints goes to /dev/null.

    Args:
        args: the program's arguments.
        needs: a module that it imports.
    """

    def work(ground: Ground) -> Samples:
        require_module(needs)
        argv = [sys.executable, "-c", source, *(arg(ground) for arg in args)]
        return {PROCESS: [run(argv, is_read=False).sample]}

    return Contender(label, work)


def text_of(rules: Rules, chain: str = "INPUT") -> Callable[[Ground], Path]:
    """A file with the rules for `iptables-restore`."""

    def path(ground: Ground) -> Path:
        name = f"text-{rules.family}-{rules.kind}-{rules.first}-{rules.count}-{chain}"
        return ground.file(name, rules.text(chain))

    return path


def filled(rules: Rules) -> Callable[[Ground], None]:
    """Have these rules and no others in table filter."""

    def prepare(ground: Ground) -> None:
        ground.load(rules.family, text_of(rules)(ground))

    return prepare


def has(*wanted: Rules) -> Callable[[Ground], None]:
    """Table filter must have these rules and no others."""

    def check(ground: Ground) -> None:
        found = ground.saved(wanted[0].family)
        lines = [line for rules in wanted for line in rules.lines()]
        if found != lines:
            at = next(
                (at for at, pair in enumerate(zip(found, lines)) if pair[0] != pair[1]),
                min(len(found), len(lines)),
            )
            raise AssertionError(
                f"{len(found)} rules instead of {len(lines)}; rule {at} differs: "
                f"{found[at : at + 1]} instead of {lines[at : at + 1]}"
            )

    return check


def complex_rules(family: Family, count: int, first: int = 0) -> Rules:
    return Rules(family, COMPLEX, count, first)
