"""Show that every defect test fails on python-iptables, and fails because of the defect.

    python tests/defects/on_peer.py [d07 d31 ...]

Run it with an interpreter that has python-iptables 1.2.0 and pytest. The exit status is 0 only if
in each file at least one test fails there, and none for another reason than its assertion: no
import, fixture or collection error, no missing name, no skip.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
ATTEMPTS = 3
OTHER_REASON = re.compile(
    r"ImportError|ModuleNotFoundError|NameError|"
    r"(module 'iptc[\w.]*'|(type object )?'(Table6?|Chain|Rule6?|Match|Target|Policy)'( object)?)"
    r" has no attribute"
)


@dataclass(frozen=True)
class Verdict:
    """What one file showed on the peer."""

    name: str
    failed: int
    passed: int
    objections: tuple[str, ...]

    @property
    def good(self) -> bool:
        return self.failed > 0 and not self.objections

    def __str__(self) -> str:
        number = self.name.split("_")[1].upper()
        line = f"{number} fails on the peer: {'yes' if self.good else 'NO'}"
        line += f"  {self.failed} failed, {self.passed} passed  ({self.name})"
        return "\n".join([line, *(f"    {objection}" for objection in self.objections)])


def run_file(path: Path) -> Verdict:
    """Run one file; again where python-iptables took the whole of pytest with it."""
    for _ in range(ATTEMPTS):
        verdict = run_file_once(path)
        if verdict is not None:
            return verdict
    return Verdict(path.stem, 0, 0, ("pytest itself did not end well",))


def run_file_once(path: Path) -> Verdict | None:
    with tempfile.TemporaryDirectory() as directory:
        report = Path(directory, "report.xml")
        subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
                *("-o", "addopts=", "-o", "filterwarnings=default", "-o", "xfail_strict=true"),
                *(f"--junitxml={report}", str(path)),
            ],
            env={**os.environ, "PYIPTC_UNDER_TEST": "iptc"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
        )
        if not report.exists():
            return None
        return judge(path.stem, ElementTree.parse(report).getroot())


def judge(name: str, report: ElementTree.Element) -> Verdict:
    cases = list(report.iter("testcase"))
    failures = [(case, failure) for case in cases for failure in case.iter("failure")]
    objections = [
        f"{case.get('name')}: {element.tag}: {element.get('message', '')[:200]}"
        for case in cases
        for element in case
        if element.tag in ("error", "skipped")
    ]
    objections += [
        f"{case.get('name')}: another reason: {failure.get('message', '')[:200]}"
        for case, failure in failures
        if OTHER_REASON.search(failure.get("message", ""))
    ]
    return Verdict(name, len(failures), sum(len(case) == 0 for case in cases), tuple(objections))


def main(wanted: Sequence[str]) -> int:
    files = [
        path
        for path in sorted(HERE.glob("test_d*.py"))
        if not wanted or path.stem.split("_")[1] in wanted
    ]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        verdicts = []
        for verdict in pool.map(run_file, files):
            print(verdict, flush=True)
            verdicts.append(verdict)
    return 0 if verdicts and all(verdict.good for verdict in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
