"""A short, always equal piece of the fuzzing of `fuzz_text.py`, in a process of its own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from support import features, isolated

HERE = Path(__file__).parent
KNOWN = sorted((HERE / "known").iterdir())
SCRIPT = "import sys; from fuzz import fuzz_text; fuzz_text.main(sys.argv[1:])"


def families() -> list[str]:
    """Those that one process can serve."""
    return ["--family", "ipv4"] if os.environ.get("PYIPTC_SINGLE_INSTANCE") == "1" else []


def fuzz(directory: Path, *arguments: str, script: str = SCRIPT) -> isolated.Outcome:
    """Run the harness; what it leaves if it dies is in the directory."""
    features.require("netns")
    env = {"TMPDIR": str(directory)}
    return isolated.run(script, *arguments, *families(), prelude=False, timeout=100, env=env)


def test_short_run(tmp_path: Path) -> None:
    """The corpus and 2,000 changed inputs: nothing printed, no growth, documented exceptions."""
    growth = ["--growth", "1000"] if "PYIPTC_SANITIZE" in os.environ else []
    outcome = fuzz(tmp_path, "--runs", "2000", "--seed", "1", *growth)
    assert outcome.returncode == 0, f"{outcome.ending}\n{outcome.stderr}"
    assert outcome.stderr == ""
    assert " executions, grown by " in outcome.stdout


@pytest.mark.parametrize("defect", KNOWN, ids=lambda path: path.name)
@pytest.mark.xfail(reason="known; once it is mended, the input belongs to the corpus", strict=True)
def test_known_defect(tmp_path: Path, defect: Path) -> None:
    if families() and defect.read_bytes()[:1] in b"bdfhjloq":
        pytest.fail("for IPv6")
    outcome = fuzz(tmp_path, "--strict", str(defect))
    assert outcome.returncode == 0, f"{outcome.ending}\n{outcome.stderr}"


def test_a_process_that_fails_is_noticed(tmp_path: Path) -> None:
    """The harness itself: what is not documented ends the run with a status and a traceback."""
    broken = "from fuzz import fuzz_text as f; f.MODES['a'] = (lambda *_: 1 / 0, '')\n"
    given = tmp_path / "input"
    given.write_bytes(b"a")
    outcome = fuzz(tmp_path, str(given), script=broken + SCRIPT)
    assert outcome.returncode == 1
    assert "ZeroDivisionError" in outcome.stderr
