"""Where the time of one kind of work goes: ``python -m benchmarks.profiling WORK [COUNT]``.

The work is done once before, so that caches are warm. Times are microseconds for each rule, and
larger than they are without the profiler, in Python code above all.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
import sys
from collections.abc import Sequence
from typing import Any

from .rulesets import COMPLEX, IPV4, Rules
from .running import ground
from .work import Order, Worker

FILLED = frozenset({"contains", "contains_not", "counters", "counters_objects", "read", "save"})
"""Work that wants its rules in the table."""
POSITIONAL = frozenset({"contains", "contains_not", "delete", "insert", "insert_new", "replace"})
"""Work that is about one rule at a time, among `first`."""


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profiling", description=__doc__)
    parser.add_argument("work", help="a method of benchmarks.work.Worker")
    parser.add_argument("count", nargs="?", type=int, default=2000, help="rules")
    parser.add_argument("--kind", default=COMPLEX)
    parser.add_argument("--module", default="pyiptc")
    parser.add_argument("--lines", type=int, default=40)
    options = parser.parse_args(arguments)
    times = 20 if options.work in POSITIONAL else 1
    with ground() as place:
        there = Rules(IPV4, options.kind, options.count)
        text = place.file("text", there.text())
        if options.work in FILLED | POSITIONAL:
            place.load(IPV4, text)
        order = Order(
            module=options.module,
            work=options.work,
            kind=options.kind,
            count=times + 1 if options.work in POSITIONAL else options.count,
            first=options.count if options.work in POSITIONAL else 0,
            warm=times,
            file=str(text),
        )
        profiler, per = cProfile.Profile(), times if times > 1 else options.count
        for number, (step, finish) in enumerate(getattr(Worker(order), options.work)()):
            finish(step() if number == 0 else profiler.runcall(step))
            if number == times:
                break
    show(profiler, per, options.lines)
    return 0


def show(profiler: cProfile.Profile, per: int, lines: int) -> None:
    """Print the functions that took most, themselves and with what they call."""
    statistics = pstats.Stats(profiler)
    total = statistics.total_tt  # type: ignore[attr-defined]
    print(f"{total * 1e6 / per:.1f} µs each, {per} of them")
    print(f"{'own':>9} {'all':>9} {'calls':>7}  µs and calls for each")
    stats: dict[Any, Any] = statistics.stats  # type: ignore[attr-defined]
    functions = sorted(stats.items(), key=lambda item: -item[1][2])
    for (path, line, name), (_, calls, own, cumulative, _) in functions[:lines]:
        where = f"{path.rsplit('/', 1)[-1]}:{line}" if line else ""
        print(
            f"{own * 1e6 / per:9.2f} {cumulative * 1e6 / per:9.2f} {calls / per:7.2f}  {name} {where}"
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
