"""Python scripts in a process of their own, for what may crash, exit, hang or close things."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from support import features, undertest
from support.namespace import fresh_namespace

PRELUDE = """\
from support import undertest
iptc = undertest.load()
"""


_runtimes = ""
"""Of sanitizers: to be loaded before everything else."""


def spare_tools() -> None:
    """Have sanitizers watch this process and the scripts: compilers and tools are slow with them."""
    global _runtimes
    if os.environ.get("PYIPTC_SANITIZE"):
        _runtimes = os.environ.pop("LD_PRELOAD", "")


def patience() -> int:
    """How many times as long a script may take with sanitizers."""
    return 5 if features.SPEED in features.given_up() else 1


@dataclass(frozen=True)
class Outcome:
    """How a script ended; `returncode` is None where it had to be killed for taking too long."""

    returncode: int | None
    stdout: str
    stderr: str

    @property
    def ending(self) -> str:
        if self.returncode is None:
            return "did not end in time"
        if self.returncode < 0:
            return f"killed by {signal.Signals(-self.returncode).name}"
        return f"exit status {self.returncode}"


def run(
    script: str,
    *args: str,
    timeout: float = 30,
    env: Mapping[str, str] | None = None,
    wrapper: Sequence[str] = (),
    prelude: bool = True,
    own_namespace: bool = True,
) -> Outcome:
    """Run a script under this interpreter and wait for its end.

    Args:
        script: Python source; `iptc` in it is the module under test, unless `prelude` is false.
        args: what the script finds in `sys.argv[1:]`.
        env: added to the environment; the interpreter finds what this one finds.
        wrapper: a command to run the interpreter with, as `("strace", "-f")`.
        own_namespace: a fresh network namespace for it; otherwise it shares the caller's.
    """
    source = (PRELUDE if prelude else "") + textwrap.dedent(script)
    with ExitStack() as stack:
        if own_namespace:
            stack.enter_context(stack.enter_context(fresh_namespace()).entered())
        process = subprocess.Popen(
            [*wrapper, sys.executable, "-X", "faulthandler", "-c", source, *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment(env or {}),
            start_new_session=True,
            encoding="utf-8",
            errors="replace",
        )
    try:
        stdout, stderr = process.communicate(timeout=timeout * patience())
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        stdout, stderr = process.communicate()
        return Outcome(None, stdout, stderr)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)  # its session is not ours: Ctrl-C did not reach it
        raise
    if features.OTHER_FAMILY in stderr:
        features.require(features.TWO_INSTANCES)
    return Outcome(process.returncode, stdout, stderr)


def output(script: str, *args: str, **options: object) -> str:
    """Run a script that must end well; what it printed."""
    outcome = run(script, *args, **options)  # type: ignore[arg-type]
    assert outcome.returncode == 0, (
        f"{outcome.ending}\n{outcome.stdout[-2000:]}\n{outcome.stderr[-4000:]}"
    )
    return outcome.stdout


def environment(added: Mapping[str, str]) -> dict[str, str]:
    """What a script needs of this process: where modules are, and the runtimes of sanitizers."""
    search = os.pathsep.join(path for path in sys.path if path)
    names = {undertest.VARIABLE: undertest.name(), "PYTHONPATH": search}
    preloaded = " ".join(filter(None, (_runtimes, added.get("LD_PRELOAD"))))
    return {**os.environ, **names, **added, **({"LD_PRELOAD": preloaded} if preloaded else {})}
