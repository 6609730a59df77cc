"""The interpreter ends while threads are in the midst of edits, waits and reads."""

from __future__ import annotations

import pytest

from support import isolated
from support.family import Family

pytestmark = pytest.mark.kernel

ENDS = """
import os, sys, threading, time
from support.family import FAMILIES

family, moment = FAMILIES[sys.argv[1]], float(sys.argv[2])
table = family.Table("filter")
chain = iptc.Chain(table, "INPUT")

def edit():
    while True:
        chain.append("-p tcp --dport 22 -m comment --comment x -j ACCEPT")
        chain.delete(index=0)

def read():
    while True:
        table.refresh()
        [str(rule) for rule in chain.rules]

def hold():
    while True:
        with iptc.Table("mangle").transaction():
            time.sleep(0.001)

for work in (edit, read, hold, edit):
    threading.Thread(target=work, daemon=True).start()
time.sleep(moment)
print("end", flush=True)
"""


@pytest.mark.parametrize("moment", [0, 0.01, 0.05, 0.2])
def test_threads_are_at_work(family: Family, moment: float) -> None:
    for _ in range(3):
        outcome = isolated.run(ENDS, family.name, str(moment))
        assert (outcome.returncode, outcome.stdout) == (0, "end\n"), outcome.stderr
