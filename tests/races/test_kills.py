"""Writers that are killed at random moments: no rule is lost, and nothing stays locked."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from races import scale
from races.killed import Found
from support import isolated
from support.family import Family
from support.oracle import Oracle

pytestmark = pytest.mark.kernel

SCRIPT = "from races import killed\nkilled.main()"


def killed(family: Family, kills: int, kind: str) -> Found:
    printed = isolated.output(SCRIPT, family.name, str(kills), kind, timeout=30 + kills)
    return Found(**json.loads(printed))


def test_killed_at_random(family: Family) -> None:
    """The rules are those before or those after what was being done, and others go on at once."""
    found = killed(family, scale.KILLS, "atomic")
    assert (found.torn, found.wrong) == ([], [])
    assert found.kills == scale.KILLS
    assert found.inside >= found.kills // 4


def test_a_torn_state_would_be_found(family: Family) -> None:
    """Where a writer makes many commits of what should be one."""
    found = killed(family, 40, "torn")
    assert found.torn
    assert found.wrong == []


HOLDER = """
import os, sys, time
from support.family import FAMILIES

table = FAMILIES[sys.argv[1]].Table("filter")
with table.transaction():
    iptc.Chain(table, "INPUT").append("-j DROP")
    if sys.argv[2] == "forked" and os.fork() == 0:
        sys.stdin.read()  # lives on, and has a copy of whatever was open
        os._exit(0)
    print("inside", flush=True)
    time.sleep(60)
"""


@pytest.mark.only_backend("legacy", "lock")
@pytest.mark.parametrize("kind", ["alone", "forked"])
def test_killed_inside_a_transaction(kind: str, family: Family, oracle: Oracle) -> None:
    """Those who wait for the lock get it, also where a child of the dead lives on."""
    process = subprocess.Popen(
        [sys.executable, "-c", isolated.PRELUDE + HOLDER, family.name, kind],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=isolated.environment({}),
    )
    with process, ThreadPoolExecutor() as pool:
        assert process.stdout is not None
        assert process.stdout.readline() == b"inside\n"
        tool = pool.submit(oracle.append, family, "filter", "INPUT", "-j ACCEPT")
        other = pool.submit(append, family)
        time.sleep(0.3)
        assert not tool.done()
        assert not other.done()
        process.send_signal(signal.SIGKILL)
        try:
            tool.result(timeout=10)
            other.result(timeout=10)
        finally:
            # Until now a child has lived: it ends with standard input.
            assert process.stdin is not None
            process.stdin.close()
    assert sorted(oracle.lines(family, "filter", "INPUT")) == [
        "-A INPUT -j ACCEPT",
        "-A INPUT -j RETURN",
    ]


def append(family: Family) -> None:
    table = family.Table("filter", wait=10)
    family.chain("filter", "INPUT").append("-j RETURN")
    table.close()
