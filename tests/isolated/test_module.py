"""A kernel with ip_tables as a module: it is loaded as iptables does, once, and never unasked.

The machine's own modprobe is not run: in a private mount namespace `/proc/sys/kernel/modprobe` is a
file that names a stand-in (its directory is mounted, as kernels without modules lack the file), and
GET_INFO fails with ENOPROTOOPT until that has run.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from support import isolated
from support.family import Family
from support.isolated import Outcome

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.only_backend("legacy", "module"),
]

BIND = 'mount --bind "$1" /proc/sys/kernel && shift && exec "$@"'

STAND_IN = """\
#!/bin/sh
echo "$@" >> {log}
{end}
"""

SCRIPT = """
import errno, os, sys
from support import faults
from support.family import FAMILIES

family, loaded, log = FAMILIES[sys.argv[1]], sys.argv[2], sys.argv[3]
faults.plan(
    faults.Call.GETSOCKOPT, errno.ENOPROTOOPT, option=faults.GET_INFO, path=loaded
)
import pyiptc
assert not os.path.exists(log), "run by the import"
rule = family.Rule()
rule.protocol = "tcp"
rule.create_match("tcp").dport = "80"
rule.create_target("DROP")
assert not os.path.exists(log), "run by a rule"

def attempt(call):
    try:
        print(call())
    except pyiptc.IPTCError as error:
        print(type(error).__name__, errno.errorcode.get(error.errno), error)

def append():
    chain = pyiptc.Chain(family.Table("filter"), "INPUT")
    chain.append(rule)
    return len(chain.rules)

"""


@dataclass(frozen=True)
class Machine:
    """A machine where the module is not loaded yet."""

    directory: Path
    environment: dict[str, str]

    @property
    def log(self) -> Path:
        return self.directory / "log"

    def runs(self) -> list[str]:
        """Arguments of each run of the stand-in."""
        return self.log.read_text().splitlines() if self.log.exists() else []

    def run(
        self,
        family: Family,
        work: str,
        *,
        end: str = "touch {loaded}",
        setting: str | None = None,
        **environment: str,
    ) -> Outcome:
        """Run a script there.

        Args:
            end: what the stand-in does in the end.
            setting: what the kernel says its modprobe is; None: the stand-in; "": it has no such
                setting.
        """
        loaded = self.directory / "loaded"
        for leftover in (loaded, self.log):
            leftover.unlink(missing_ok=True)
        program, proc = self.directory / "stand-in", self.directory / "proc"
        proc.mkdir(exist_ok=True)
        program.write_text(STAND_IN.format(log=self.log, end=end.format(loaded=loaded)))
        program.chmod(0o755)
        if setting != "":
            (proc / "modprobe").write_text(f"{program}\n" if setting is None else setting)
        env = {name: value for name, value in self.environment.items() if name != "PYIPTC_MODPROBE"}
        return isolated.run(
            SCRIPT + work,
            *(family.name, str(loaded), str(self.log)),
            env={**env, **environment},
            wrapper=("unshare", "-m", "sh", "-c", BIND, "sh", str(proc)),
            prelude=False,
        )


@pytest.fixture
def machine(tmp_path: Path, faulty: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Machine:
    monkeypatch.delenv("PYIPTC_MODPROBE", raising=False)
    return Machine(tmp_path, faulty)


def module(family: Family) -> str:
    return "ip6_tables" if family.is_ipv6 else "ip_tables"


def lines(outcome: Outcome) -> list[str]:
    """What the script printed, when it ended well."""
    assert outcome.returncode == 0, outcome.stderr
    return outcome.stdout.splitlines()


def test_loaded_at_the_first_need(family: Family, machine: Machine) -> None:
    """Run once, with what iptables gives it, and the table is there."""
    outcome = machine.run(family, "attempt(append); attempt(append)")
    assert lines(outcome) == ["1", "2"]
    assert machine.runs() == [f"{module(family)} -q"]


def test_nothing_of_it_is_seen(family: Family, machine: Machine) -> None:
    """Its words are neither on our standard output nor on our standard error."""
    end = "echo a word; echo a word >&2; touch {loaded}"
    outcome = machine.run(family, "attempt(append)", end=end)
    assert machine.runs()
    assert (outcome.stdout, outcome.stderr) == ("1\n", "")


FAILURES: dict[str, tuple[str, str | None, int]] = {
    "it fails": ("exit 1", None, 1),
    "it is killed": ("kill -9 $$", None, 1),
    "it lies": ("true", None, 1),
    "there is none": ("true", "/nonexistent/modprobe\n", 0),
    "it is switched off": ("true", "\n", 0),
    "it is no program": ("true", "/etc\n", 0),
    "there are no modules": ("true", "", 0),
}


@pytest.mark.parametrize(("end", "setting", "runs"), FAILURES.values(), ids=FAILURES)
def test_cannot_be_loaded(
    end: str, setting: str | None, runs: int, family: Family, machine: Machine
) -> None:
    """One clear error, and one attempt."""
    (told,) = lines(machine.run(family, "attempt(append)", end=end, setting=setting))
    assert told.startswith("UnsupportedError ENOPROTOOPT can't initialize filter: ")
    assert "insmod" in told
    assert len(machine.runs()) == runs


def test_not_where_it_is_forbidden(family: Family, machine: Machine) -> None:
    (told,) = lines(machine.run(family, "attempt(append)", PYIPTC_MODPROBE="0"))
    assert told.startswith("UnsupportedError ENOPROTOOPT can't initialize filter: ")
    assert machine.runs() == []


def test_later_all_the_same(family: Family, machine: Machine) -> None:
    """What could not be loaded at first may be there when it is asked for again."""
    work = "attempt(append)\nopen(loaded, 'w').close()\nattempt(append)"
    first, second = lines(machine.run(family, work, end="exit 1"))
    assert first.startswith("UnsupportedError")
    assert second == "1"


def test_by_the_function_of_python_iptables(family: Family, machine: Machine) -> None:
    work = """
attempt(lambda: pyiptc.util.load_kernel("ip_tables"))
attempt(lambda: pyiptc.util.load_kernel("ip_tables", exc_if_failed=True))
"""
    assert lines(machine.run(family, work)) == ["None", "None"]
    assert machine.runs() == ["ip_tables -q", "ip_tables -q"]
    failing = machine.run(family, work, end="exit 1")
    first, second = lines(failing)
    assert first == "None"
    assert second.startswith("IPTCError EIO ")


CHILDREN: dict[str, Callable[[str], str]] = {
    "ignored": lambda work: f"import signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n{work}",
    "handled": lambda work: (
        "import signal\nseen = []\nsignal.signal(signal.SIGCHLD, lambda *a: seen.append(a))\n"
        + work
    ),
}


@pytest.mark.parametrize("how", CHILDREN.values(), ids=CHILDREN)
def test_whatever_is_done_with_children(
    how: Callable[[str], str], family: Family, machine: Machine
) -> None:
    """The program's own way with its children changes nothing, and none is left behind."""
    work = """
attempt(append)
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    print("no child")
"""
    assert lines(machine.run(family, how(work))) == ["1", "no child"]
    assert len(machine.runs()) == 1
