"""Run the Python examples of documents, so that none of them can be wrong for long.

usage: python docs/run_examples.py FILE-OR-DIRECTORY ...

Each document is run from its first example to its last, in one process and a network namespace of
its own. An example with ``>>>`` is a session, and must answer as printed; any other just has to
run. Examples marked otherwise than ``code-block:: python`` are not run.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DIRECTIVE = re.compile(r"^(?P<indent> *)\.\. code-block:: python$")


def examples(document: Path) -> Iterator[tuple[int, str]]:
    """Give each example with the number of the line before its first."""
    lines = document.read_text(encoding="utf-8").splitlines()
    number = 0
    while number < len(lines):
        found = DIRECTIVE.match(lines[number])
        number += 1
        if found is None:
            continue
        margin = len(found["indent"])
        start = number
        while number < len(lines) and (
            not lines[number].strip() or len(lines[number]) - len(lines[number].lstrip()) > margin
        ):
            number += 1
        yield start, textwrap.dedent("\n".join(lines[start:number])) + "\n"


def run_document(document: Path) -> int:
    """Run every example of a document; return how many there were. Exits on a wrong one."""
    names: dict[str, Any] = {"__name__": "__main__"}
    count = 0
    for line, source in examples(document):
        count += 1
        if ">>>" in source:
            test = doctest.DocTestParser().get_doctest(
                source, names, document.name, str(document), line
            )
            runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
            runner.run(test, clear_globs=False)
            if runner.failures:
                sys.exit(1)
            names.update(test.globs)
        else:
            code = compile("\n" * line + source, str(document), "exec")
            exec(code, names)
    return count


def documents(arguments: list[str]) -> list[Path]:
    """Name the documents that were asked for."""
    found: list[Path] = []
    for path in map(Path, arguments):
        found += sorted(path.rglob("*.rst")) if path.is_dir() else [path]
    return found


def main(arguments: list[str]) -> int:
    """Run each document in a process of its own."""
    if arguments[:1] == ["--inside"]:
        sys.path.insert(0, str(ROOT))
        from demo.isolation import enter_private

        enter_private()
        print(f"{arguments[1]}: {run_document(Path(arguments[1]))} examples", flush=True)
        return 0
    status = 0
    for document in documents(arguments):
        with tempfile.TemporaryDirectory() as directory:
            lock = os.path.join(directory, "xtables.lock")
            done = subprocess.run(
                [sys.executable, __file__, "--inside", str(document)],
                env=dict(os.environ, XTABLES_LOCKFILE=lock),
                check=False,
            )
        if done.returncode != 0:
            print(f"{document}: an example failed", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
