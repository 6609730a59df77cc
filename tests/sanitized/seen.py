"""What `run.py` asks first: is the code instrumented as it was asked for, and are errors seen?

The errors are those of an extension, which is not instrumented and has its memory from us.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

import pyiptc
from support import isolated

PACKAGE = Path(pyiptc.__file__).parent
COMPILED = sorted(PACKAGE.glob("**/*.so"))
SANITIZERS = os.environ["PYIPTC_SANITIZE"].split(",")
TRAP = os.environ.get("PYIPTC_SANITIZE_TRAP") == "1"
INNER = os.environ.get("PYIPTC_SANITIZE_INNER") != "0"

MARKS = {"address": b"__asan_report_", "undefined": b"__ubsan_handle_"}
"""What calls the runtime of a sanitizer."""

MISUSE = """
match = iptc.Rule().create_match("wrong")
setattr(match, sys.argv[1], "")
print("went on")
"""
REPORTS = {
    "double_free": "attempting double-free",
    "bad_free": "attempting free on address which was not malloc()-ed",
    "use_after_free": "SEGV on unknown address",
}


def test_everything_is_here() -> None:
    tree = Path(__file__).parents[2]
    sources = [path.stem for path in tree.glob("pyiptc/*.pyx")]
    assert {path.name.split(".")[0] for path in COMPILED} == {*sources, "inner"}
    assert PACKAGE.parent != tree


@pytest.mark.parametrize("path", COMPILED, ids=lambda path: path.name.split(".")[0])
def test_instrumented(path: Path) -> None:
    content = path.read_bytes()
    expected = set() if TRAP or (path.name == "inner.so" and not INNER) else set(SANITIZERS)
    assert {name for name, mark in MARKS.items() if mark in content} == expected


@pytest.fixture(scope="session")
def extensions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the extension that is wrong."""
    directory = tmp_path_factory.mktemp("extensions")
    source, made = Path(__file__).with_name("libxt_wrong.c"), directory / "libxt_wrong.so"
    flags = ("-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-lxtables")
    subprocess.run(["cc", "-o", made, source, *flags], check=True)
    return directory


def misuse(how: str, extensions: Path) -> isolated.Outcome:
    spoken = {
        name: os.environ.get(name, "") + ":log_path=stderr"
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS")
    }
    env = {**spoken, "XTABLES_LIBDIR": str(extensions), "PYTHONWARNINGS": "ignore"}
    return isolated.run("import sys" + MISUSE, how, env=env)


@pytest.mark.kernel
def test_no_error_is_seen_where_there_is_none(extensions: Path) -> None:
    outcome = misuse("nothing", extensions)
    assert (outcome.returncode, outcome.stdout, outcome.stderr) == (0, "went on\n", "")


@pytest.mark.kernel
@pytest.mark.skipif("address" not in SANITIZERS, reason="left out: AddressSanitizer")
@pytest.mark.parametrize("how", REPORTS)
def test_error_of_an_extension_is_seen(how: str, extensions: Path) -> None:
    outcome = misuse(how, extensions)
    assert outcome.ending == "killed by SIGABRT"
    assert f"ERROR: AddressSanitizer: {REPORTS[how]}" in outcome.stderr
