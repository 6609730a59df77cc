"""Measure: ``python -m benchmarks [PATTERN ...]``."""

from __future__ import annotations

import argparse
import fnmatch
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

from . import environment, nftables, questions, suite, targets
from .progress import Progress
from .report import line_of
from .running import BenchmarkError, ground
from .suite import Case

QUICK = 0.002


def full_form() -> list[tuple[Case, Optional[Case]]]:
    """All questions, each with its rehearsal."""
    return list(zip(every(1), every(QUICK)))


def short_form() -> list[tuple[Case, Optional[Case]]]:
    """One question of each kind, with few rules."""
    kinds = {re.sub(r"[.-][0-9]+(?![^-])", "", case.name): case for case in every(QUICK)}
    return [(case, None) for case in kinds.values()]


def every(scale: float) -> list[Case]:
    return [*targets.cases(scale), *nftables.cases(scale), *questions.cases(scale)]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("pattern", nargs="*", default=["*"], help="names of cases, with * and ?")
    parser.add_argument("--quick", action="store_true", help="few rules: only prove that it runs")
    parser.add_argument("--rounds", type=int, help="how often each contender is asked")
    parser.add_argument("--list", action="store_true", help="name the cases and end")
    parser.add_argument("--json", type=Path, help="where the results go")
    parser.add_argument(
        "--add", action="store_true", help="to the results that are there, of the same commit"
    )
    options = parser.parse_args(arguments)
    cases = [
        (case, short)
        for case, short in (short_form() if options.quick else full_form())
        if any(fnmatch.fnmatch(case.name, pattern) for pattern in options.pattern)
    ]
    if options.list or not cases:
        print("\n".join(f"{case.name:32} {case.title}" for case, _ in cases) or "no such case")
        return 0 if cases else 2
    try:
        measure(cases, options)
    except BenchmarkError as error:
        print(f"\n{error}", file=sys.stderr)
        return 1
    return 0


def measure(cases: Sequence[tuple[Case, Optional[Case]]], options: argparse.Namespace) -> None:
    rounds = 1 if options.quick else options.rounds
    with ground() as place:
        document = Document(environment.describe(options.quick), options.json, options.add)
        progress = Progress(len(cases))
        for case, short in cases:
            result = suite.put(case, short, place, rounds, progress)
            progress.finished(line_of(result, not options.quick))
            document.keep(result)


class Document:
    """The results, written whenever there is one more: what a run that is cut short found stays."""

    def __init__(self, found: dict[str, str], path: Optional[Path], is_added: bool) -> None:
        self._path = path
        self._content: dict[str, Any] = {"environment": found, "results": []}
        if path is not None and is_added and path.exists():
            before = json.loads(path.read_text())
            if before["environment"]["commit"] != found["commit"]:
                raise SystemExit(f"{path} is of commit {before['environment']['commit']}")
            self._content["results"] = before["results"]

    def keep(self, result: dict[str, Any]) -> None:
        """Add a result, in the place of an older one of the same case."""
        names = [older["name"] for older in self._content["results"]]
        if result["name"] in names:
            self._content["results"][names.index(result["name"])] = result
        else:
            self._content["results"].append(result)
        if self._path is not None:
            self._path.write_text(suite.as_json(self._content))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
