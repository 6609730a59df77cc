"""What importing the package brings along, and what it leaves for later."""

from __future__ import annotations

import subprocess
import sys

from support import isolated

HEAVY = ("asyncio", "ctypes", "dataclasses", "inspect", "logging", "socket", "subprocess")


def run(script: str) -> str:
    command = [sys.executable, "-W", "error", "-c", script]
    process = subprocess.run(
        command, env=isolated.environment({}), capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    return process.stdout


def test_heavy_modules_are_left_for_later() -> None:
    before, after = (
        run("import sys; print(*sys.modules)"),
        "import sys, pyiptc; print(*sys.modules)",
    )
    assert not ({*run(after).split()} - {*before.split()}) & {*HEAVY}


def test_submodules_are_there_without_being_imported() -> None:
    names = "easy ip4tc ip6tc util xtables errors version"
    script = f"import pyiptc\nfor name in '{names}'.split(): print(getattr(pyiptc, name).__name__)"
    assert run(script).split() == [f"pyiptc.{name}" for name in names.split()]


def test_capabilities_is_a_function_whatever_was_imported() -> None:
    for first in (
        "import pyiptc",
        "import pyiptc.capabilities",
        "from pyiptc.capabilities import *",
    ):
        assert run(f"{first}\nimport pyiptc\nprint(callable(pyiptc.capabilities))") == "True\n"


def test_what_is_not_there() -> None:
    script = "import pyiptc\ntry: pyiptc.nothing\nexcept AttributeError as e: print(e)"
    assert run(script) == "module 'pyiptc' has no attribute 'nothing'\n"
