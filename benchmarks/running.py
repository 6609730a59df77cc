"""Programs run and timed; tables filled, emptied and looked at with the tools of iptables."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from demo.isolation import IsolationError, enter_private

from .rulesets import BUILTIN, FAMILIES, Family

ROOT = Path(__file__).resolve().parent.parent
SEARCH_PATH = os.pathsep.join(
    [os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"]
)
CONNTRACK = "*mangle\n-A INPUT -m conntrack --ctstate NEW\nCOMMIT\n"


class BenchmarkError(Exception):
    """A program failed, or an answer was wrong: there is nothing to time."""


class MissingError(Exception):
    """The machine lacks something that a baseline needs; the message names it."""


@dataclass(frozen=True)
class Sample:
    """What one piece of work took, in seconds."""

    wall: float
    user: float
    system: float


@dataclass(frozen=True)
class Done:
    """A program that ended well, and what its whole process took."""

    stdout: str
    sample: Sample


def find_tool(name: str) -> str:
    """Path of a program. Raises MissingError."""
    found = shutil.which(name, path=SEARCH_PATH)
    if found is None:
        raise MissingError(name)
    return found


def run(argv: Sequence[str], stdin: Path | None = None, is_read: bool = True) -> Done:
    """Run a program to its end, and take the time from before its start until it was waited for.

    Args:
        argv: the program's path and arguments.
        stdin: a file for its standard input.
        is_read: its output is wanted; otherwise it goes to /dev/null.
    Raises:
        BenchmarkError: it failed.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        actions = [
            (os.POSIX_SPAWN_OPEN, 0, str(stdin or os.devnull), os.O_RDONLY, 0),
            (os.POSIX_SPAWN_DUP2, out.fileno(), 1)
            if is_read
            else (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_DUP2, errors.fileno(), 2),
        ]
        started = time.perf_counter()
        pid = os.posix_spawn(argv[0], list(argv), os.environ, file_actions=actions)
        _, status, usage = os.wait4(pid, 0)
        wall = time.perf_counter() - started
        out.seek(0)
        errors.seek(0)
        if status != 0:
            said = errors.read().decode("utf-8", "replace").strip()[-2000:]
            raise BenchmarkError(f"{' '.join(argv)[:200]}: status {status}: {said}")
        printed = out.read().decode("utf-8", "surrogateescape")
    return Done(printed, Sample(wall, usage.ru_utime, usage.ru_stime))


class Ground:
    """Where the work is done: a private namespace, a lock file, a directory for inputs.

    Both families have a rule with a connection tracking match in another table, so that nobody's
    first such rule pays for the hooks of connection tracking.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._written: dict[str, Path] = {}
        self._program: str | None = None

    def native(self) -> str:
        """The C program. Raises MissingError where it cannot be built here."""
        if self._program is None:
            self._program = compile_c(self.directory)
        return self._program

    def file(self, name: str, content: str | bytes) -> Path:
        """A file of this content; the same name is the same content."""
        if name not in self._written:
            path = self.directory / name
            path.write_bytes(content.encode() if isinstance(content, str) else content)
            self._written[name] = path
        return self._written[name]

    def prepare(self) -> None:
        for family in FAMILIES.values():
            self.load(family, self.file("conntrack", CONNTRACK))

    def load(self, family: Family, text: Path) -> None:
        """Give a table the content of a save file."""
        run([find_tool(f"{family.tool}-restore")], stdin=text)

    def empty(self, family: Family, table: str = "filter") -> None:
        self.load(family, self.file(f"empty-{table}", f"*{table}\nCOMMIT\n"))

    def saved(self, family: Family, table: str = "filter") -> list[str]:
        """Chains that were made and rules, as the tool prints them."""
        printed = run([find_tool(f"{family.tool}-save"), "-t", table]).stdout.splitlines()
        builtin = tuple(f":{chain} " for chain in BUILTIN.get(table, ()))
        return [
            line
            for line in printed
            if line.startswith("-A") or (line.startswith(":") and not line.startswith(builtin))
        ]


@contextlib.contextmanager
def ground() -> Iterator[Ground]:
    """A ground in a network namespace that this process enters for good.

    Raises:
        BenchmarkError: there can be none here; the message says why.
    """
    try:
        enter_private()
    except IsolationError as error:
        raise BenchmarkError(str(error)) from error
    with tempfile.TemporaryDirectory() as directory:
        os.environ["XTABLES_LOCKFILE"] = os.path.join(directory, "xtables.lock")
        os.environ["LC_ALL"] = "C"
        prepared = Ground(Path(directory))
        prepared.prepare()
        yield prepared


def run_python(module: str, argument: str) -> Done:
    """Run a module of this package in a new process of this interpreter."""
    return run([sys.executable, "-m", f"benchmarks.{module}", argument])


def compile_c(directory: Path) -> str:
    """Build the C program; its path. Raises MissingError where there is no compiler."""
    try:
        compiler = find_tool(os.environ.get("CC", "cc"))
    except MissingError as error:
        raise MissingError("C compiler") from error
    source, program = ROOT / "benchmarks" / "native" / "ipt.c", directory / "ipt"
    done = subprocess.run(
        [compiler, "-std=c11", "-O2", "-o", str(program), str(source), "-ldl"],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if done.returncode != 0:
        raise BenchmarkError(f"{source.name} does not compile: {done.stderr[-2000:]}")
    return str(program)
