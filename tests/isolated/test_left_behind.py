"""Nothing global is left behind: one process uses everything, and is then what it was before."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support import isolated

pytestmark = pytest.mark.kernel

SCRIPT = """
import faulthandler, gc, json, locale, os, resource, signal, sys, threading
faulthandler.disable()
from support import faults
from support.family import FAMILIES
from support.namespace import fresh_namespace

def state():
    gc.collect()
    return {
        "descriptors": [name for name in faults.descriptors() if "/proc/" not in name],
        "signals": [str(signal.getsignal(number)) for number in range(1, signal.NSIG)],
        "actions": [line for line in open("/proc/self/status")
                    if line.startswith(("Sig", "Shd")) and "SigQ" not in line],
        "mask": sorted(map(int, signal.pthread_sigmask(signal.SIG_BLOCK, []))),
        "timers": [signal.getitimer(which) for which in range(3)],
        "namespaces": {name: os.readlink(f"/proc/thread-self/ns/{name}")
                       for name in os.listdir("/proc/thread-self/ns")},
        "threads": sorted(os.listdir("/proc/self/task")),
        "children": open(f"/proc/self/task/{os.getpid()}/children").read(),
        "directory": os.getcwd(),
        "umask": [mask := os.umask(0o22), os.umask(mask)][0],
        "environment": sorted(os.environ.items()),
        "locale": locale.setlocale(locale.LC_ALL, None),
        "limits": [resource.getrlimit(which) for which in range(16)],
        "switch": sys.getswitchinterval(),
        "excepthook": repr(sys.excepthook) + repr(threading.excepthook),
        "output": [repr(sys.stdout), repr(sys.stderr), sys.stdout.fileno()],
        "locks": open("/proc/locks").read().count(f" {os.getpid()} "),
    }

# The first thread of a process makes the C library handle a signal of its own.
thread = threading.Thread(target=state)
thread.start()
thread.join()
before = state()
import pyiptc
imported = state()

def use(family):
    rule = family.Rule()
    rule.protocol = "tcp"
    rule.create_match("tcp").dport = "80"
    rule.create_match("comment").comment = "x"
    rule.create_target("LOG").log_prefix = "y"
    for name in family.Table.ALL:
        with family.Table(name) as table:
            chain = table.create_chain("used")
            chain.append(rule)
            assert rule in chain
            str(chain.rules), chain.rules[0].matches[0].parameters
            chain.zero_counters()
            table.autocommit = False
            chain.insert(rule)
            table.commit()
            chain.flush()
            table.refresh()
            table.autocommit = True
            for wrong in (lambda: rule.create_match("nonsense"),
                          lambda: setattr(rule.matches[0], "dport", "nonsense"),
                          lambda: table.create_chain("used"),
                          lambda: pyiptc.Chain(table, "nowhere").append(rule)):
                try:
                    wrong()
                except pyiptc.IPTCError:
                    continue
                raise AssertionError("no error")
            table.flush()

def use_elsewhere():
    with fresh_namespace() as namespace:
        with pyiptc.netns(namespace.path):
            for family in FAMILIES.values():
                use(family)
        for family in FAMILIES.values():
            with family.Table("filter", netns=namespace.path) as table:
                table.create_chain("there")

for family in FAMILIES.values():
    use(family)
use_elsewhere()
for work in (lambda: use(FAMILIES["ipv4"]), use_elsewhere):
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
child = os.fork()
if child == 0:
    use(FAMILIES["ipv6"])
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
after = state()

# What a program that is started now would get.
import subprocess
inherited = subprocess.run(
    [sys.executable, "-c", "import os; print(*sorted(os.listdir('/proc/self/fd')))"],
    stdout=subprocess.PIPE, close_fds=False, check=True, text=True,
).stdout.split()

with open(os.environ["REPORT"], "w") as file:
    json.dump({"before": before, "imported": imported, "after": after, "inherited": inherited}, file)
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, backend: str) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("report") / "report.json"
    outcome = isolated.run(SCRIPT, env={"REPORT": str(path)}, prelude=False, timeout=60)
    assert outcome.returncode == 0, outcome.stderr
    return {**json.loads(path.read_text()), "stdout": outcome.stdout, "stderr": outcome.stderr}


WHAT = [
    *("descriptors", "signals", "actions", "mask", "timers", "namespaces", "threads", "children"),
    *("directory", "umask", "environment", "locale", "limits", "switch", "excepthook", "output"),
    "locks",
]


@pytest.mark.parametrize("what", WHAT)
@pytest.mark.parametrize("when", ["imported", "after"])
def test_unchanged(what: str, when: str, report: dict[str, Any]) -> None:
    assert report[when][what] == report["before"][what]


def test_everything_is_compared(report: dict[str, Any]) -> None:
    assert sorted(report["before"]) == sorted(WHAT)


def test_nothing_is_printed(report: dict[str, Any]) -> None:
    assert (report["stdout"], report["stderr"]) == ("", "")


def test_nothing_is_inherited(report: dict[str, Any]) -> None:
    """A program that is started gets the three streams, and what it opens itself to see."""
    assert report["inherited"] == ["0", "1", "2", "3"]
