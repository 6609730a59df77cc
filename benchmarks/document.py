"""Results as a page with plots: ``python -m benchmarks.document RESULTS.json DIRECTORY``.

Writes `benchmarks.rst` into the directory, and the plots and the results themselves into
`benchmarks/` below it.
"""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from . import plots
from .report import has_both, number, quantity, wanted, word
from .suite import COLD, PROCESS, WARM, as_json, judge, median

Result = Mapping[str, Any]

INTRODUCTION = """\
==========
Benchmarks
==========

.. Written by ``python -m benchmarks.document``; change that, not this.

What pyiptc takes for its work, and what others take for the same work, in turns, on one machine.
`benchmarks/README.rst <../benchmarks/README.rst>`_ says how it is measured and what *simple*, *complex*,
*cold*, *warm* and *process* mean. All figures are medians, and are in
`results.json <benchmarks/results.json>`_; ``tox run -e bench`` measures them anew.
"""

BUSY = """\
**The machine was busy**: the load was {load} at the beginning. Single figures may be wrong by a factor of
two; those of a quiet machine are to come in their place.
"""

QUIET = 1.0
"""The highest load at which figures can be trusted."""

TARGETS = """\
The figure to reach, and the one that was measured. *is* goes by the first time in a new process, except
for inserts, counters and look-ups, which go by the later ones; *processor* is the same ratio in user and
system time. Measured by ``python -m benchmarks 'target.*'``.
"""

SECTIONS = {
    "add": "Adding rules",
    "delete": "Deleting rules",
    "replace": "Replacing a rule",
    "contains": "Looking a rule up",
    "objects": "Rules from objects",
    "restore": "Rules from text",
    "save": "Rules to text",
    "read": "Rules into Python",
    "counters": "Counters",
    "chains": "Many chains",
    "kube": "A ruleset as kube-proxy writes it",
    "template": "One shape, many addresses",
}


def page(document: Mapping[str, Any], plotted: Mapping[str, str]) -> str:
    """The whole page.

    Args:
        plotted: names of groups of results, and the files of their plots.
    """
    results: Sequence[Result] = document["results"]
    parts = [INTRODUCTION, *_environment(document["environment"])]
    targets = [result for result in results if result["name"].startswith("target.")]
    if targets:
        parts += _targets(targets)
    for section, title in SECTIONS.items():
        found = [result for result in results if _section(result) == section]
        if found:
            parts += [_heading(title), _command(f"{section}*")]
            for group in groups(found):
                parts += _group(group, plotted)
    return "\n".join(parts)


def _heading(title: str, line: str = "=") -> str:
    return f"\n{title}\n{line * len(title)}\n"


def _command(pattern: str) -> str:
    return f"Measured by ``python -m benchmarks '{pattern}'``.\n"


def _section(result: Result) -> str:
    return str(result["name"]).split(".")[0]


def groups(results: Iterable[Result]) -> list[list[Result]]:
    """Results that differ only in how much there was, together."""
    found: dict[str, list[Result]] = {}
    for result in results:
        found.setdefault(group_name(result), []).append(result)
    return [sorted(group, key=_amount) for group in found.values()]


def _amount(result: Result) -> float:
    return 0 if result["axis"] is None else float(result["axis"][1])


def group_name(result: Result) -> str:
    """The name of a result without how much there was."""
    name = str(result["name"])
    return name if result["axis"] is None else name.rstrip("0123456789").rstrip(".-")


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in reStructuredText."""
    lines = [list(header), *(list(row) for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(header))]
    rule = " ".join("=" * width for width in widths)
    text = [" ".join(cell.ljust(width) for cell, width in zip(line, widths)) for line in lines]
    return "\n".join(
        [rule, text[0].rstrip(), rule, *(line.rstrip() for line in text[1:]), rule, ""]
    )


def _environment(found: Mapping[str, str]) -> list[str]:
    rows = [(name, value) for name, value in found.items() if value]
    load = found.get("load", "0").split()[0]
    busy = [BUSY.format(load=load)] if float(load) > QUIET else []
    return [_heading("On what"), *busy, table(("what", "which"), rows)]


def _targets(results: Sequence[Result]) -> list[str]:
    rows = []
    for result in results:
        for verdict in judge(result):
            goal = verdict.goal
            warm = number(verdict.warm) if has_both(verdict) else "\\"
            if verdict.value is None:
                why = result["missing"].get(goal.contender) or result["missing"].get(goal.beside)
                state = f"not measured: {why}"
            else:
                state = word(verdict)
            name = f"``{result['name']}``"
            value = f"{number(verdict.value)}"
            processor = "\\" if verdict.processor is None else number(verdict.processor)
            rows.append((name, goal.row, f"≤ {wanted(goal)}", value, warm, processor, state))
    command = "command: ``python -m benchmarks …``"
    header = (command, "what", "to reach", "is", "warm", "processor", "state")
    cases = [line for result in results for line in _phases(result)]
    return [
        _heading("What to reach"),
        TARGETS,
        table(header, rows),
        "The times themselves:\n",
        *cases,
    ]


def _phases(result: Result) -> list[str]:
    """All that was measured of one case."""
    rows = []
    for name in result["contenders"]:
        cells = [name]
        for phase in (PROCESS, COLD, WARM):
            cells.append(_cell(result, name, phase))
        user = _cell(result, name, PROCESS, "user")
        cells.append(user if user != "\\" else _cell(result, name, COLD, "user"))
        cells.append(_spread(result["contenders"][name]["samples"]))
        rows.append(cells)
    if result["unit"] != "s":
        rows = [[row[0], row[2]] for row in rows]
        header: tuple[str, ...] = ("who", "how much")
    else:
        header = ("who", "process", "cold", "warm", "user time", "spread")
    title = f"``{result['name']}``: {result['title']}"
    left_out = [f"{name} was left out: {why}.\n" for name, why in result["missing"].items()]
    return [f"{title}\n", table(header, rows), *left_out]


def _cell(result: Result, name: str, phase: str, measure: str = "wall") -> str:
    samples = result["contenders"].get(name, {}).get("samples", {})
    if not samples.get(phase, {}).get(measure):
        return "\\"
    value = median(result, name, phase, measure)
    return "\\" if value is None else quantity(value, result["unit"])


def _spread(samples: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """How far the times lie apart: the middle half of them, around the median."""
    apart = []
    for phase in samples.values():
        if len(phase["wall"]) > 2:
            low, middle, high = statistics.quantiles(phase["wall"], n=4)
            apart.append(f"{(high - low) / 2 / middle:.0%}")
    return "± " + ", ".join(apart) if apart else "\\"


def _group(group: Sequence[Result], plotted: Mapping[str, str]) -> list[str]:
    first = group[0]
    if first["axis"] is None:
        return [line for result in group for line in _phases(result)]
    names = list(dict.fromkeys(name for result in group for name in result["contenders"]))
    what = first["axis"][0]
    header = ["who, cold / warm", *(f"{result['axis'][1]:,} {what}" for result in group)]
    rows = [[name, *(_both(result, name) for result in group)] for name in names]
    parts = [f"{_title(first)}\n"]
    if group_name(first) in plotted:
        file = plotted[group_name(first)]
        parts.append(f".. image:: {file}\n   :alt: {_title(first)}\n")
    return [*parts, table(header, rows)]


def _title(result: Result) -> str:
    per = "Time for each rule" if "added" in result["shape"] else "Time"
    shape = result["shape"]
    what = " ".join(str(shape[key]) for key in ("family", "kind") if key in shape)
    more = f"; at once: {shape['added']:,}" if "added" in shape else ""
    return f"{per}, {group_name(result)}{f' ({what} rules{more})' if what else ''}:"


def _both(result: Result, name: str) -> str:
    cells = [_cell(result, name, phase) for phase in (PROCESS, COLD, WARM)]
    if cells[0] != "\\":
        return cells[0]
    return " / ".join(cell for cell in cells[1:] if cell != "\\") or "\\"


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    source, directory = Path(arguments[0]), Path(arguments[1])
    document = json.loads(source.read_text())
    below = directory / "benchmarks"
    below.mkdir(parents=True, exist_ok=True)
    plotted = {}
    for group in groups(document["results"]):
        if group[0]["axis"] is not None:
            name = group_name(group[0])
            file = f"{name.replace('.', '-')}.svg"
            plots.draw(group, _title(group[0]).rstrip(":"), below / file)
            plotted[name] = f"benchmarks/{file}"
    (below / "results.json").write_text(as_json(document))
    (directory / "benchmarks.rst").write_text(page(document, plotted))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
