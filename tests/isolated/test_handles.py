"""Both handles on twin namespaces, in C: whatever is edited, both kernels have the same bytes.

The programs in `handles/` are built from the sources of the shim; nothing of pyiptc is imported.
Every scenario ends with status 0, or says what is not so.
"""

from __future__ import annotations

import ctypes
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import features

ROOT = Path(__file__).parents[2]
CSRC = ROOT / "csrc"
HARNESS = Path(__file__).parent / "handles"
WARNINGS = ("-std=gnu11", "-Wall", "-Wextra", "-Wconversion", "-Werror")
SANITIZE = ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined")
FAMILIES = {"ipv4": 2, "ipv6": 10}
LIBRARIES = {"ipv4": ("libip4tc.so.2", "iptc"), "ipv6": ("libip6tc.so.2", "ip6tc")}

#: Scenarios, and how much of each: `handles.c` says what they are.
ROUNDS = {
    "random": 1000,
    "many": 60,
    "rename": 1,
    "undone": 1,
    "unsorted": 100,
    "odd": 1,
    "refused": 1,
    "conflict": 1,
    "errors": 1,
    "absent": 1,
    "lost": 1,
    "flood": 500,
    "threads": 40,
    "single": 1,
}


def compile_c(output: Path, *arguments: object) -> None:
    command = [
        "cc",
        "-g",
        f"-I{CSRC}",
        "-o",
        str(output),
        *map(str, arguments),
        "-ldl",
        "-lpthread",
    ]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


@dataclass(frozen=True)
class Harness:
    """Where the programs are."""

    directory: Path

    def run(
        self,
        scenario: str,
        family: str,
        rounds: int,
        *more: object,
        program: str = "handles",
        seed: int = 1,
        **environment: str,
    ) -> str:
        inherited = {key: value for key, value in os.environ.items() if key != "LD_PRELOAD"}
        run = subprocess.run(
            [
                str(self.directory / program),
                scenario,
                str(self.directory / "inner.so"),
                str(FAMILIES[family]),
                str(seed),
                str(rounds),
                *map(str, more),
            ],
            cwd=self.directory,
            env={**inherited, **environment},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        assert run.returncode == 0, f"{run.returncode}: {run.stdout}{run.stderr}"
        return run.stdout


@pytest.fixture(scope="session")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Harness:
    features.require("netns", "cc")
    for library, _ in LIBRARIES.values():
        try:
            ctypes.CDLL(library)
        except OSError as error:
            features.skip_missing("libiptc", str(error))
    directory = tmp_path_factory.mktemp("handles")
    sources = [HARNESS / "twins.c", HARNESS / "handles.c", *sorted(CSRC.glob("*.c"))]
    # The inner half's namespace has no libasan: it stays as it is.
    compile_c(
        directory / "inner.so",
        *WARNINGS,
        "-O2",
        "-fPIC",
        "-shared",
        *sorted((CSRC / "inner").glob("*.c")),
    )
    compile_c(directory / "handles", *WARNINGS, "-O2", *sources)
    return Harness(directory)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("scenario", ROUNDS)
def test_scenario(harness: Harness, scenario: str, family: str) -> None:
    harness.run(scenario, family, ROUNDS[scenario])


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_is_kept(harness: Harness, family: str) -> None:
    """Memory and descriptors, to the byte: failures and refusals, too."""
    # What malloc() keeps for each thread would count as used.
    harness.run("leaks", family, 300, GLIBC_TUNABLES="glibc.malloc.tcache_count=0")


@pytest.mark.parametrize("family", FAMILIES)
def test_broken_library(harness: Harness, family: str, tmp_path: Path) -> None:
    """A libiptc that ends the process, shows or sends something else: an error, and no harm."""
    library, prefix = LIBRARIES[family]
    broken = tmp_path / "broken.so"
    compile_c(
        broken,
        *WARNINGS,
        "-fPIC",
        "-shared",
        f"-DPREFIX={prefix}",
        HARNESS / "broken.c",
        "-Wl,--no-as-needed",
        f"-l:{library}",
    )
    harness.run("broken", family, 1, broken)


@pytest.mark.parametrize("family", FAMILIES)
def test_sanitized(harness: Harness, family: str) -> None:
    """The outer half, instrumented."""
    program = harness.directory / "sanitized"
    if not program.exists():
        probe = harness.directory / "probe.c"
        probe.write_text("int main(void) { return 0; }\n")
        try:
            compile_c(harness.directory / "probe", *SANITIZE, probe)
        except AssertionError as error:
            features.skip_missing("sanitizers", str(error))
        compile_c(
            program,
            *WARNINGS,
            *SANITIZE,
            HARNESS / "twins.c",
            HARNESS / "handles.c",
            *sorted(CSRC.glob("*.c")),
        )
    for scenario in ("random", "rename", "refused", "conflict", "undone", "unsorted", "odd"):
        harness.run(
            scenario,
            family,
            min(ROUNDS[scenario], 200),
            program="sanitized",
            seed=2,
            ASAN_OPTIONS="detect_leaks=0",
        )
