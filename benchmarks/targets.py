"""The project's table of what to reach, one case for each row or part of a row."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import suite
from .rulesets import COMPLEX, IPV4, SIMPLE, Rules
from .running import Ground
from .suite import PEER, PYIPTC, WARM, Case, Contender, Goal, library, native, script, tool

RESTORE = """\
import sys, pyiptc
with open(sys.argv[1]) as file:
    pyiptc.Table("filter").restore(file.read())
"""
SAVE = """\
import sys, pyiptc
sys.stdout.write(pyiptc.Table("filter").save(counters=True))
"""


def cases(scale: float) -> Iterator[Case]:
    """The rows in order; *scale* below 1 makes all of them smaller."""
    yield objects(max(20, int(10_000 * scale)))
    for kind in (COMPLEX, SIMPLE):
        yield restore(kind, max(20, int(100_000 * scale)))
    for kind in (COMPLEX, SIMPLE):
        yield save(kind, max(20, int(100_000 * scale)))
    yield read(max(20, int(10_000 * scale)))
    for existing in (0, 1000, 10_000):
        for kind in (COMPLEX, SIMPLE):
            yield insert(kind, int(existing * scale))
    yield counters(max(20, int(10_000 * scale)))
    yield contains(max(20, int(10_000 * scale)))
    yield importing()
    for how in ("listed", "read", "built"):
        yield memory(how, max(20, int(20_000 * scale)))


def nothing(ground: Ground) -> None:
    """Table filter is empty."""
    ground.empty(IPV4)


def objects(count: int) -> Case:
    rules = Rules(IPV4, COMPLEX, count)
    restore_tool = "iptables-legacy-restore"
    return Case(
        name="target.objects",
        title=f"{count} complex rules from Rule objects and options, in one transaction",
        contenders=[
            library(PYIPTC, work="objects", count=count, warm=2),
            tool(restore_tool, "-n", stdin=suite.text_of(rules)),
            library(PEER, work="objects", count=count, rounds=1),
            library(
                PYIPTC,
                label="Python's statements alone",
                work="objects_alone",
                count=count,
                warm=2,
                check=nothing,
            ),
            native("append", rules, label="C, libiptc"),
            native("replace", rules, label="C, bare system calls"),
        ],
        prepare=nothing,
        check=suite.has(rules),
        goals=[Goal("rules from objects", 1.0, f"{restore_tool} -n")],
        shape={"rules": count, "kind": COMPLEX},
    )


def restore(kind: str, count: int) -> Case:
    rules = Rules(IPV4, kind, count)
    restore_tool, text = "iptables-legacy-restore", suite.text_of(rules)

    return Case(
        name=f"target.restore-{kind}",
        title=f"{count} {kind} rules by restore(text)",
        contenders=[
            library(PYIPTC, work="restore", kind=kind, text=text, warm=1),
            tool(restore_tool, stdin=text),
            script("pyiptc, whole process", RESTORE, lambda ground: str(text(ground))),
            native("replace", rules, label="C, bare system calls"),
        ],
        prepare=nothing,
        check=suite.has(rules),
        goals=[
            Goal("restore, wall clock", 0.8, restore_tool),
            Goal("restore, user time", 0.5, restore_tool, "user"),
        ],
        rounds=3,
        shape={"rules": count, "kind": kind},
    )


def save(kind: str, count: int) -> Case:
    rules = Rules(IPV4, kind, count)
    save_tool = "iptables-legacy-save -t filter -c"
    return Case(
        name=f"target.save-{kind}",
        title=f"save(counters=True) of {count} {kind} rules",
        contenders=[
            library(PYIPTC, work="save", kind=kind, count=count, warm=1),
            tool(*save_tool.split()),
            script("pyiptc, whole process", SAVE),
            native("get", rules, label="C, bare system calls", count=5),
        ],
        prepare=suite.filled(rules),
        goals=[Goal("save", 1.0, save_tool)],
        rounds=3,
        shape={"rules": count, "kind": kind},
    )


def read(count: int) -> Case:
    rules = Rules(IPV4, COMPLEX, count)
    save_tool = "iptables-legacy-save -t filter -c"
    return Case(
        name="target.read",
        title=f"{count} complex rules read: addresses, matches with options, target, counters",
        contenders=[
            library(PYIPTC, work="read", count=count, warm=2),
            library(PYIPTC, label="pyiptc, as dictionaries", work="read_dict", count=count, warm=2),
            tool(*save_tool.split()),
            library(PEER, work="read", count=count, rounds=1),
            library(
                PYIPTC, label="Python's statements alone", work="read_alone", count=count, warm=2
            ),
        ],
        prepare=suite.filled(rules),
        goals=[Goal("read", 2.0, save_tool)],
        shape={"rules": count, "kind": COMPLEX},
    )


def insert(kind: str, existing: int) -> Case:
    there = Rules(IPV4, kind, existing)
    # An interpreter and the processor's caches take some tens of times to be warm.
    times = 200 if existing < 5000 else 10
    new = Rules(IPV4, kind, times, existing)
    c_program = "C, libiptc"

    def ours(label: str, work: str) -> Contender:
        options: dict[str, Any] = {
            "kind": kind,
            "count": times,
            "first": existing,
            "warm": times - 1,
        }
        return library(PYIPTC, label=label, work=work, **options)

    return Case(
        name=f"target.insert-{existing}-{kind}",
        title=f"one autocommitted insert of a {kind} rule, {existing} rules there",
        contenders=[
            ours(PYIPTC, "insert"),
            ours("pyiptc, building the rule too", "insert_new"),
            ours("pyiptc, from text", "insert_text"),
            native("insert", new, label=c_program),
            library(PEER, work="insert", kind=kind, count=3, first=existing, warm=2, rounds=2),
            suite.forks(
                "iptables-legacy -I",
                IPV4,
                [["-w", "-I", "INPUT", *words] for words in new.words()],
            ),
        ],
        prepare=suite.filled(there),
        goals=[Goal("one insert", 1.2, c_program, phase=WARM)],
        rounds=3,
        shape={"rules": existing, "kind": kind},
    )


def counters(count: int) -> Case:
    rules = Rules(IPV4, COMPLEX, count)
    floor = "C, bare system calls"
    return Case(
        name="target.counters",
        title=f"counters of {count} complex rules, refreshed",
        contenders=[
            library(PYIPTC, work="counters", count=count, warm=10),
            library(
                PYIPTC, label="pyiptc, of objects", work="counters_objects", count=count, warm=5
            ),
            native("get", rules, label=floor, count=10),
            library(PEER, work="counters_objects", count=count, rounds=1),
        ],
        prepare=suite.filled(rules),
        goals=[Goal("counters", 1.3, floor, phase=WARM)],
        shape={"rules": count, "kind": COMPLEX},
    )


def contains(count: int) -> Case:
    rules = Rules(IPV4, COMPLEX, count)
    times = min(count, 200)
    options: dict[str, Any] = {"count": times, "first": count, "warm": times - 1}
    return Case(
        name="target.contains",
        title=f"rule in chain of {count} complex rules, in a snapshot, with a new object",
        contenders=[
            library(PYIPTC, work="contains", **options),
            library(PYIPTC, label="pyiptc, rule not there", work="contains_not", **options),
            library(PEER, work="contains", count=1, first=min(count, 1000), rounds=1),
        ],
        prepare=suite.filled(rules),
        goals=[
            Goal("rule in chain", 20, unit="µs", phase=WARM),
            Goal(
                "rule in chain, not there",
                20,
                unit="µs",
                phase=WARM,
                contender="pyiptc, rule not there",
            ),
        ],
        rounds=3,
        shape={"rules": count, "kind": COMPLEX},
    )


def importing() -> Case:
    bare = "Python alone"
    return Case(
        name="target.import",
        title="import",
        contenders=[
            script(PYIPTC, "import pyiptc"),
            script(bare, "pass"),
            script(PEER, "import iptc", needs="iptc"),
        ],
        prepare=lambda _: None,
        goals=[Goal("import", 60, bare, unit="ms", phase="process")],
        rounds=15,
    )


def memory(how: str, count: int) -> Case:
    what = {
        "listed": "rules held as chain.rules gives them",
        "read": "rules held and looked at",
        "built": "rules built from options and held",
    }
    rules = Rules(IPV4, COMPLEX, count)
    return Case(
        name=f"target.memory-{how}",
        title=f"memory of {count} complex {what[how]}",
        contenders=[
            library(PYIPTC, work=f"memory_{how}", count=count),
            library(PEER, work=f"memory_{how}", count=count, rounds=1),
        ],
        prepare=suite.filled(rules),
        goals=[Goal(what[how], 40, unit="MB")],
        rounds=3,
        unit="MB",
        shape={"rules": count, "kind": COMPLEX},
    )
