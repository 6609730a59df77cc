"""D2: edits took no xtables lock, so that concurrent writers lost each other's rules.

Promised: an edit holds the lock that iptables uses from its read to its commit; whoever was told
that a rule is in finds it in the kernel.
"""

from __future__ import annotations

import fcntl
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support import isolated
from support.oracle import Oracle

pytestmark = pytest.mark.kernel

EDIT = """
import pathlib, sys
pathlib.Path(sys.argv[1]).touch()
rule = iptc.Rule()
rule.create_target("DROP")
try:
    iptc.Chain(iptc.Table("filter"), "INPUT").append_rule(rule)
except iptc.IPTCError as error:
    print("refused", error)
else:
    print("told")
"""

WRITE = """
import sys
writer, count = sys.argv[1:]
chain = iptc.Chain(iptc.Table("filter"), "INPUT")
for number in range(int(count)):
    rule = iptc.Rule()
    rule.create_match("comment").comment = f"{writer}-{number}"
    rule.create_target("ACCEPT")
    try:
        chain.append_rule(rule)
    except iptc.IPTCError:
        continue
    print(f"{writer}-{number}")
"""


@pytest.mark.only_backend("legacy", "lock")
def test_nothing_is_committed_while_another_has_the_lock(oracle: Oracle, tmp_path: Path) -> None:
    started = tmp_path / "started"
    with ThreadPoolExecutor() as pool:
        with open(os.environ["XTABLES_LOCKFILE"], "w") as lock_file:
            fcntl.flock(lock_file, fcntl.LOCK_EX)
            editor = pool.submit(isolated.output, EDIT, str(started), own_namespace=False)
            while not (started.exists() or editor.done()):
                time.sleep(0.01)
            time.sleep(0.4)
            before = oracle.save("ipv4", "filter")
        told = editor.result().startswith("told")
    assert "DROP" not in before
    assert ("-A INPUT -j DROP" in oracle.lines("ipv4", "filter")) == told


def test_every_rule_that_a_writer_was_told_is_in(oracle: Oracle) -> None:
    writers, count = 4, 40
    with ThreadPoolExecutor(writers) as pool:
        runs = [
            pool.submit(isolated.output, WRITE, f"w{writer}", str(count), own_namespace=False)
            for writer in range(writers)
        ]
        told = {comment for run in runs for comment in run.result().split()}
    lines = oracle.lines("ipv4", "filter", "INPUT")
    assert told
    assert sorted(told) == sorted(
        line.split()[line.split().index("--comment") + 1] for line in lines
    )
