"""Build pyiptc with sanitizers, aside, and run the tests on that.

usage: run.py DIRECTORY [ARGUMENT OF PYTEST]...

The environments asan, asan-dlmopen and ubsan of tox.ini set what setup.py builds and in which mode
it runs. With one libxtables there is a run for each family, and what needs both is left out by name.
First of all a run shows that errors are seen: `seen.py`. Whatever a sanitizer says, in any process,
even one whose status nobody looks at, is shown at the end and is a failure.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
NO_TESTS = 5
"""Status of pytest where nothing was selected, as one family's run of the other's tests."""

ASAN = {
    "detect_leaks": 0,  # CPython leaves its own memory to the end of the process
    "abort_on_error": 1,  # then faulthandler shows where Python was
    "handle_segv": 2,  # which would take this one too, and show no stack of C
    "use_sigaltstack": 0,  # its own stack for signals is too small for both
    "allocator_may_return_null": 1,
    "max_allocation_size_mb": 256,  # to mark more than that takes seconds, each time
    "detect_stack_use_after_return": 1,
    "strict_string_checks": 1,
    # libxtables is not instrumented: what it should not look at shall look like nothing it knows.
    "max_malloc_fill_size": 1 << 16,
    "max_free_fill_size": 1 << 16,
}
UBSAN = {"abort_on_error": 1, "halt_on_error": 1, "print_stacktrace": 1}


def options(values: dict[str, int], log: Path) -> str:
    """Settings of a runtime; what the caller has set comes last and holds."""
    return ":".join(f"{name}={value}" for name, value in {**values, "log_path": log}.items())


def runtimes(sanitizers: Sequence[str]) -> str:
    """What has to be loaded before the interpreter, which is not instrumented."""
    compiler = os.environ.get("CC", "gcc")
    found = []
    for sanitizer in sanitizers:
        name = {"address": "libasan.so", "undefined": "libubsan.so"}[sanitizer]
        command = (*compiler.split(), f"-print-file-name={name}")
        path = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        if not os.path.isabs(path):
            raise SystemExit(f"{compiler} has no {name}")
        found.append(path)
    return " ".join(found)


def build(directory: Path) -> None:
    """Compile everything below the directory; what is built in place stays as it is."""
    places = ("--build-base", str(directory / "build"), "--build-lib", str(directory / "lib"))
    subprocess.run(
        [sys.executable, "setup.py", "--quiet", "build", "--force", *places],
        cwd=ROOT,
        env={**os.environ, "PYIPTC_CYTHON_DIR": str(directory / "cython")},
        check=True,
    )


def environment(directory: Path) -> dict[str, str]:
    """What the tests and all that they start run in."""
    env = {**os.environ, "PYTHONPATH": str(directory / "lib")}
    if os.environ.get("PYIPTC_SANITIZE_TRAP") != "1":
        log = directory / "reports" / "report"
        env["ASAN_OPTIONS"] = options(ASAN, log) + ":" + env.get("ASAN_OPTIONS", "")
        env["UBSAN_OPTIONS"] = options(UBSAN, log) + ":" + env.get("UBSAN_OPTIONS", "")
        env["LD_PRELOAD"] = runtimes(os.environ["PYIPTC_SANITIZE"].split(","))
        env["PYTHONMALLOC"] = "malloc"  # so that Python's objects are watched, too
    return env


def pytest(directory: Path, env: dict[str, str], *arguments: str) -> int:
    command = [sys.executable, "-m", "pytest", "-c", f"{ROOT}/pyproject.toml", f"--rootdir={ROOT}"]
    command += ["-o", "faulthandler_timeout=600", *arguments]
    # From there, so that the package in the working tree is not the one that is imported.
    return subprocess.run(command, cwd=directory, env=env, check=False).returncode


def tests(directory: Path, env: dict[str, str], *arguments: str) -> bool:
    """Run pytest, once for each family where one process can have only one."""
    if os.environ.get("PYIPTC_SINGLE_INSTANCE") != "1":
        return pytest(directory, env, *arguments) == 0
    statuses = set()
    for family in ("ipv4", "ipv6"):
        print(f"\n##### {family}", flush=True)
        statuses.add(pytest(directory, {**env, "PYIPTC_TEST_FAMILY": family}, *arguments))
    return statuses <= {0, NO_TESTS} and 0 in statuses


def reports(directory: Path) -> list[Path]:
    return sorted((directory / "reports").glob("report*"))


def findings(report: Path) -> str:
    """What it says but that memory of such a size is not to be had, which pyiptc is told, too."""
    lines = report.read_text(errors="replace").splitlines()
    return "\n".join(
        line for line in lines if "WARNING: AddressSanitizer failed to allocate" not in line
    )


def main(directory: Path, arguments: Sequence[str]) -> int:
    build(directory)
    (directory / "reports").mkdir(exist_ok=True)
    for old in reports(directory):
        old.unlink()
    env = environment(directory)
    if pytest(directory, env, "-q", str(HERE / "seen.py")) != 0:
        return 1
    good = tests(directory, env, *(arguments or [str(ROOT / "tests")]))
    for report in reports(directory):
        if found := findings(report):
            print(f"\n##### {report.name}", found, sep="\n")
            good = False
    return 0 if good else 1


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]).resolve(), sys.argv[2:]))
