"""Run python-iptables' own tests, unchanged, with `iptc` naming pyiptc.

usage: run.py [--sdist FILE | --cache DIR] [--module NAME] [-v]

The tests come from the source distribution of python-iptables 1.2.0: a file that is given, or what
pip downloads into a cache directory. Nothing else of it is used. They run with unittest in this one
process, which leaves the machine's network first, and there must be exactly 85 of them, none failed
and none skipped. `--module iptc` runs them on python-iptables itself, if that is installed.

They are written for the unittest of CPython 3.11 and before.

Two of them send a rule that no kernel takes, or none of today's, and pass on python-iptables only
because it keeps quiet about it. pyiptc raises; for these two the call below takes note of it, and
keeps quiet in its place.
"""

from __future__ import annotations

import argparse
import errno
import hashlib
import importlib
import os
import subprocess
import sys
import tarfile
import tempfile
import unittest
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT / "tests")
sys.path.append(str(ROOT))

from support.namespace import leave_machine_namespace  # noqa: E402

REQUIREMENT = "python-iptables==1.2.0"
SDIST = "python_iptables-1.2.0.tar.gz"
SHA256 = "60f120d548f6d940f682f2c78851956018588936de05b9d5d338c3cb9bb47ca2"
SUBMODULES = ("ip4tc", "ip6tc", "xtables", "errors", "util", "version", "easy")
TEST_COUNT = 85

REFUSED = {
    # DNAT in table mangle
    "test_targets.TestDnatTarget.test_insert": errno.EINVAL,
    # a target that Linux no longer has
    "test_targets.TestXTClusteripTarget.test_insert": errno.ENOENT,
}
"""Tests whose rule the kernel refuses, and with which errno."""


def download(cache: Path) -> Path:
    """Fetch the source distribution with pip, unless it is in the cache."""
    sdist = cache / SDIST
    if not sdist.exists():
        cache.mkdir(parents=True, exist_ok=True)
        pip = (sys.executable, "-m", "pip", "download", "--quiet", "--no-deps")
        only_source = ("--no-binary", "python-iptables")
        subprocess.run([*pip, *only_source, "--dest", str(cache), REQUIREMENT], check=True)
    return sdist


def unpack_tests(sdist: Path, directory: Path) -> list[str]:
    """Put the test modules, and nothing else, into a directory; the names of the modules."""
    if hashlib.sha256(sdist.read_bytes()).hexdigest() != SHA256:
        raise SystemExit(f"{sdist} is not the {SDIST} that was published")
    names = []
    with tarfile.open(sdist) as archive:
        for member in archive.getmembers():
            path = Path(member.name)
            content = archive.extractfile(member)
            if path.parent.name == "tests" and path.match("test_*.py") and content:
                (directory / path.name).write_bytes(content.read())
                names.append(path.stem)
    return sorted(names)


def name_it_iptc(module: str) -> None:
    """Let `import iptc`, and its submodules, find another module."""
    sys.modules["iptc"] = importlib.import_module(module)
    for name in SUBMODULES:
        sys.modules[f"iptc.{name}"] = importlib.import_module(f"{module}.{name}")


def all_tests(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    """The tests of a suite and of the suites in it."""
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from all_tests(test)
        else:
            yield test


def keep_quiet(test: unittest.TestCase, number: int) -> None:
    """While this test runs, let Chain.insert_rule() return although it must raise this errno."""
    iptc: Any = sys.modules["iptc"]
    insert_rule = iptc.Chain.insert_rule
    _, name = test.id().rsplit(".", 1)
    method = getattr(test, name)

    def insert(chain: Any, rule: Any, position: int = 0) -> None:
        try:
            insert_rule(chain, rule, position)
        except iptc.IPTCError as error:
            if getattr(error, "errno", None) != number:
                raise
            print(f"\n{test.id()}: {error}", file=sys.stderr)

    setattr(test, name, mock.patch.object(iptc.Chain, "insert_rule", insert)(method))


def run(names: list[str], verbosity: int) -> bool:
    """Run the test modules; whether all is as it must be."""
    suite = unittest.defaultTestLoader.loadTestsFromNames(names)
    for test in all_tests(suite):
        if test.id() in REFUSED:
            keep_quiet(test, REFUSED[test.id()])
    result = unittest.TextTestRunner(verbosity=verbosity).run(suite)
    counts = {
        "tests": result.testsRun,
        "failures": len(result.failures),
        "errors": len(result.errors),
        "skipped": len(result.skipped),
        "expected failures": len(result.expectedFailures),
        "unexpected successes": len(result.unexpectedSuccesses),
    }
    print(", ".join(f"{count} {what}" for what, count in counts.items()))
    return counts.pop("tests") == TEST_COUNT and not any(counts.values())


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "pyiptc"
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sdist", type=Path, help=f"the file {SDIST}; by default pip fetches it")
    parser.add_argument("--cache", type=Path, default=cache, help="where it is kept")
    parser.add_argument("--module", default="pyiptc", help="what iptc is to name")
    parser.add_argument("-v", "--verbose", action="store_const", const=2, default=1)
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run all; the exit status."""
    options = parse(arguments)
    if sys.version_info >= (3, 12):
        raise SystemExit("the tests need the unittest of CPython 3.11 or before (assertEquals)")
    sdist = options.sdist or download(options.cache)
    with tempfile.TemporaryDirectory(prefix="pyiptc-peer-") as directory:
        names = unpack_tests(sdist, Path(directory))
        os.environ["XTABLES_LOCKFILE"] = str(Path(directory) / "xtables.lock")
        leave_machine_namespace()
        name_it_iptc(options.module)
        sys.path.insert(0, directory)
        return 0 if run(names, options.verbose) else 1


if __name__ == "__main__":
    sys.exit(main())
