"""Measure: ``python -m benchmarks [--quick] [--list] [--json FILE] [PATTERN ...]``."""

from __future__ import annotations

import argparse
import fnmatch
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from . import environment, questions, suite, targets
from .progress import Progress
from .report import line_of
from .running import ground
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
    return [*targets.cases(scale), *questions.cases(scale)]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("pattern", nargs="*", default=["*"], help="names of cases, with * and ?")
    parser.add_argument("--quick", action="store_true", help="few rules: only prove that it runs")
    parser.add_argument("--rounds", type=int, help="how often each contender is asked")
    parser.add_argument("--list", action="store_true", help="name the cases and end")
    parser.add_argument("--json", type=Path, help="where the results go")
    options = parser.parse_args(arguments)
    cases = [
        (case, short)
        for case, short in (short_form() if options.quick else full_form())
        if any(fnmatch.fnmatch(case.name, pattern) for pattern in options.pattern)
    ]
    if options.list or not cases:
        print("\n".join(f"{case.name:32} {case.title}" for case, _ in cases) or "no such case")
        return 0 if cases else 2
    rounds = 1 if options.quick else options.rounds
    results = []
    with ground() as place:
        found = environment.describe(options.quick)
        progress = Progress(len(cases))
        for case, short in cases:
            results.append(suite.put(case, short, place, rounds, progress))
            progress.finished(line_of(results[-1]))
    if options.json is not None:
        document = {"environment": found, "results": results}
        options.json.write_text(json.dumps(document, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
