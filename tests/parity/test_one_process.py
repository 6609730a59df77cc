"""The whole matrix in one process: both families, any order, a second thread, no other program."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from parity.cases import ACCEPTED, Case
from parity.printed import Tool, setup_commands
from parity.send import chain_name
from support import isolated
from support.family import on_nft
from support.oracle import Oracle

pytestmark = pytest.mark.kernel

FAMILY_SPLIT = (
    "DNAT-range",
    "SNAT-range",
    "MASQUERADE-ports",
    "REDIRECT-ports",
    "TPROXY",
    "TCPMSS-clamp",
    "DSCP",
    "TEE",
    "HMARK-tuple",
)
"""Targets of which libxtables drops one family's when it loads the other's."""

MAIN_THREAD = "from parity import send; send.main()"
SECOND_THREAD = "from parity import send; send.main_in_thread()"
SEALED = f"""
from support import seccomp
seccomp.forbid_execve()
{MAIN_THREAD}
"""


def compare(oracle: Oracle, script: str, cases: Sequence[Case], path: str | None = None) -> None:
    """Let a script send the cases; in each of its chains must be what the tool has in another."""
    cases = [case for case in cases if not (case.only_legacy and on_nft())]
    for command in dict.fromkeys(tuple(words) for case in cases for words in setup_commands(case)):
        oracle.run(*command)
    theirs = {case.id: f"tool{number}" for number, case in enumerate(cases)}
    cases = [case for case in cases if Tool(oracle, case).is_supported(theirs[case.id])]
    outcome = isolated.run(
        script,
        *(case.id for case in cases),
        env={} if path is None else {"PATH": path},
        prelude=False,
        own_namespace=False,
        timeout=120,
    )
    assert (outcome.returncode, outcome.stderr) == (0, ""), outcome.ending
    read = json.loads(outcome.stdout)
    for number, case in enumerate(cases):
        tool = Tool(oracle, case)
        (line,) = tool.rules(theirs[case.id])
        assert (case.id, tool.rules(chain_name(number))) == (case.id, [line])
        assert (case.id, read[number]) == (case.id, line)


def test_matrix_in_second_thread(oracle: Oracle) -> None:
    """Everything, the families by turns, in a thread that did not import the module."""
    compare(oracle, SECOND_THREAD, ACCEPTED)


def test_matrix_without_programs(oracle: Oracle) -> None:
    """Everything, with an empty PATH and execve(2) forbidden before the first import."""
    compare(oracle, SEALED, ACCEPTED, path="")


ORDERS: dict[str, Callable[[Case], Any]] = {
    "ipv4-first": lambda case: case.family == "ipv6",
    "ipv6-first": lambda case: case.family == "ipv4",
    "ipv4-then-ipv6": lambda case: (FAMILY_SPLIT.index(case.name), case.family),
    "ipv6-then-ipv4": lambda case: (FAMILY_SPLIT.index(case.name), case.family == "ipv4"),
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS)
def test_family_split_targets(order: Callable[[Case], Any], oracle: Oracle) -> None:
    """The targets of which a process has hitherto had one family only, in every order."""
    cases = [case for case in ACCEPTED if case.name in FAMILY_SPLIT]
    assert len(cases) == 2 * len(FAMILY_SPLIT)
    compare(oracle, MAIN_THREAD, sorted(cases, key=order))


def test_seal_holds() -> None:
    """The seal of the test above does forbid every program."""
    outcome = isolated.run(
        "from support import seccomp; seccomp.forbid_execve(); import subprocess, sys;"
        "subprocess.run([sys.executable, '-V'])",
        prelude=False,
    )
    assert "FileNotFoundError" in outcome.stderr
    assert sys.version.split()[0] not in outcome.stdout
