"""D30: the import started eighteen processes (ldconfig, gcc, ld), and failed without ldconfig.

Promised: it starts none, and needs none.
"""

from __future__ import annotations

from pathlib import Path

from support import features, isolated

IMPORT = """
from support import undertest
undertest.load()
print("imported")
"""

FORBIDDEN = """
from support.seccomp import forbid_execve
forbid_execve()
"""


BARE = {"prelude": False, "own_namespace": False}


def test_import_starts_no_process(tmp_path: Path) -> None:
    features.require("strace")
    trace = tmp_path / "trace"
    strace = ("strace", "-f", "-qq", "-e", "trace=execve,execveat", "-o", str(trace))
    assert isolated.output(IMPORT, **BARE, wrapper=strace) == "imported\n"
    started = [line for line in trace.read_text().splitlines() if "execve" in line]
    assert len(started) == 1, started


def test_import_without_any_program() -> None:
    script = FORBIDDEN + IMPORT
    printed = isolated.output(script, **BARE, env={"PATH": "/nonexistent"})
    assert printed == "imported\n"
