"""The process's environment changes while libxtables, with a libc of its own, looks at it."""

from __future__ import annotations

import pytest

from support import isolated
from support.family import Family

pytestmark = [pytest.mark.kernel, pytest.mark.any_backend]

CHANGES = """
import os, sys
from support.family import FAMILIES

Rule = FAMILIES[sys.argv[1]].Rule
for number in range(500):
    os.environ[f"BEFORE_{number}"] = "x" * 100  # an array of its own, no longer the kernel's
Rule.parse("-p tcp --dport 1 -j ACCEPT")
rubbish = []
for number in range(5000):
    os.environ[f"AFTER_{number}"] = "y" * 100
    rubbish.append(bytearray(b"\\\\xff" * 8 * (500 + number)))
for number in range(500):
    del os.environ[f"BEFORE_{number}"]
# Asks name services and the time zone, which ask for variables.
print(Rule.parse("-m owner --uid-owner root -m time --timestart 10:00 -p tcp --dport ssh -j ACCEPT"))
"""


def test_variables_come_and_go(family: Family) -> None:
    printed = isolated.output(CHANGES, family.name)
    assert "--uid-owner 0" in printed
    assert "--dport 22" in printed
