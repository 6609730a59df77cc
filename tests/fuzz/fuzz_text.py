"""Fuzz what reads text: rules, save files, dictionaries. `README.rst` says how to run it.

An input is a letter that chooses a mode (`MODES`) and what that mode reads. `one()` lets nothing
but documented exceptions pass and checks what must hold of whatever was accepted.
"""

from __future__ import annotations

import argparse
import contextlib
import faulthandler
import hashlib
import importlib
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Optional

HERE = Path(__file__).parent
if str(HERE.parent) not in sys.path:
    sys.path.insert(0, str(HERE.parent))

from fuzz import inputs  # noqa: E402
from support import rawtable, seccomp  # noqa: E402
from support.namespace import leave_machine_namespace  # noqa: E402
from support.oracle import Oracle  # noqa: E402

CORPUS = HERE / "corpus"
INSTRUMENTED = "PYIPTC_FUZZ_INSTRUMENTED"
LAST = "last"
"""The file, beside the findings, with the input that runs."""
SLOW = 20
"""Seconds after which an input hangs."""
if INSTRUMENTED in os.environ:
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["pyiptc"]):
        import pyiptc
        from pyiptc import text as words_of_text
else:
    import pyiptc
    from pyiptc import text as words_of_text

RULES: dict[str, Any] = {"ipv4": pyiptc.Rule, "ipv6": pyiptc.Rule6}
BUILTIN = {
    "mangle": "PREROUTING INPUT FORWARD OUTPUT POSTROUTING",
    "nat": "PREROUTING INPUT OUTPUT POSTROUTING",
    "raw": "PREROUTING OUTPUT",
    "security": "INPUT FORWARD OUTPUT",
}
BASE = """\
*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:other - [0:0]
:kept - [0:0]
-A INPUT -m mark --mark 1 -m comment --comment "what was there" -j other
-A other -p tcp -m tcp --dport 22 -j ACCEPT
-A kept -j LOG --log-prefix "kept "
COMMIT
""" + "".join(
    f"*{table}\n" + "".join(f":{chain} ACCEPT [0:0]\n" for chain in chains.split()) + "COMMIT\n"
    for table, chains in BUILTIN.items()
)
"""Every policy is named: what a restore does not name stays as it is."""


strict = False
"""Whether to run what is known to be wrong too."""


class Broken(AssertionError):
    """Something that must hold does not."""


def require(holds: bool, what: str, *shown: object) -> None:
    if not holds:
        raise Broken("\n".join([what, *map(repr, shown)]))


@contextlib.contextmanager
def accepted(*shown: object) -> Iterator[None]:
    """Inside, no error is allowed: what is here was printed by pyiptc itself."""
    try:
        yield
    except pyiptc.IPTCError as error:
        raise Broken("\n".join(["refused", repr(error), *map(repr, shown)])) from error


# -- rules -------------------------------------------------------------------------------------------


def without_counters(rule: Any) -> bytes:
    """The bytes of a rule as if nothing had been counted: its text does not have that."""
    copy = rule.copy()
    copy.counters = (0, 0)
    raw: bytes = copy.rule
    return raw


def is_known(rule: Any) -> bool:
    """Whether it is known that something does not hold of a rule."""
    return not strict and inputs.is_ambiguous(rule)


def check_rule(rule: Any) -> None:
    """What is printed, in text and in words, is read again as the same bytes."""
    if is_known(rule):
        return
    with accepted(without_counters(rule)):
        text = str(rule)
        forms = (text, rule.args)
    for form in forms:
        with accepted(form):
            again = type(rule).parse(form)
        require(again == rule and hash(again) == hash(rule), "not equal", text, str(again))
        require(str(again) == text, "printed otherwise", text, str(again))
        if not inputs.is_changing(rule):
            raw = without_counters(rule), without_counters(again)
            require(raw[0] == raw[1], "other bytes", text, *raw)


def rule_of_text(family: str, raw: bytes) -> None:
    check_rule(RULES[family].parse(inputs.text(raw)))


def rule_of_words(family: str, raw: bytes) -> None:
    check_rule(RULES[family].parse(inputs.text(raw).split("\0")))


def rules_of_lists(family: str, raw: bytes) -> None:
    for rule in RULES[family].parse_all(inputs.text(raw))[:20]:
        check_rule(rule)


# -- save files --------------------------------------------------------------------------------------


def everything(family: str) -> tuple[str, bytes]:
    """All tables as text, and table filter as this suite's own reader has it."""
    return pyiptc.save(family, counters=True), rawtable.read_filter(family)


_base: dict[str, tuple[str, bytes]] = {}


def put_base(family: str) -> None:
    """The tables as they are before each input."""
    pyiptc.restore(BASE, family)
    now = everything(family)
    before = _base.setdefault(family, now)
    require(now == before, "not put back", now, before)


def restore_tested(family: str, raw: bytes) -> None:
    """Whatever happens, nothing is changed."""
    try:
        pyiptc.restore(raw, family, test=True)
    finally:
        require(everything(family) == _base[family], "a test changed something")


def restore_for_real(family: str, raw: bytes, **options: Any) -> None:
    """All or nothing of each table; what is there then is saved and restored as it is."""
    try:
        pyiptc.restore(raw, family, **options)
    except pyiptc.PartialCommitError as error:
        if options.get("atomic") and not error.committed:
            require(everything(family) == _base[family], "not all was put back", str(error))
        raise
    except pyiptc.IPTCError as error:
        require(everything(family) == _base[family], "a failure changed something", str(error))
        raise
    finally:
        if everything(family) != _base[family]:
            try:
                check_saved(family)
            finally:
                put_base(family)


def check_saved(family: str) -> None:
    with accepted(family):
        before = everything(family)
    with accepted(before[0]):
        pyiptc.restore(before[0], family)
    after = everything(family)
    require(before[0] == after[0], "saved otherwise", before[0], after[0])
    if not inputs.CHANGING.search(before[0]):
        require(before[1] == after[1], "other bytes in the kernel", before[0])


def restore_unflushed(family: str, raw: bytes) -> None:
    restore_for_real(family, raw, flush=False, counters=False)


def restore_atomic(family: str, raw: bytes) -> None:
    restore_for_real(family, raw, atomic=True)


# -- words -------------------------------------------------------------------------------------------


def quoted(words: Sequence[str]) -> str:
    """Words as a save file has them."""
    return " ".join('"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"' for word in words)


def words(_family: str, raw: bytes) -> None:
    """Words that are quoted are split into the same words."""
    text = inputs.text(raw)
    plain = [word.text for word in words_of_text.split(text)]
    require([word.text for word in words_of_text.split(quoted(plain))] == plain, "split", plain)
    words_of_text.read_options(text, ("comment", "log-prefix", "dport"))
    shell = words_of_text.shell_split(text)
    with accepted(shell):
        again = words_of_text.shell_split(quoted(shell))
    require(again == shell, "shell_split", shell, again)


# -- dictionaries ------------------------------------------------------------------------------------


def dictionary_of_rule(family: str, raw: bytes) -> None:
    """To a dictionary, to JSON and back gives an equal rule."""
    rule = RULES[family].parse(inputs.text(raw))
    if is_known(rule):
        return
    with accepted(str(rule)):
        value = rule.to_dict()
    if rule._entry is not None and rule._entry.jump is not None:
        RULES[family].from_dict(value)  # an error, or equal: there is no such chain
    for read in (value, json.loads(json.dumps(value))):
        with accepted(value):
            again = RULES[family].from_dict(read)
        require(again == rule, "not equal", value)
        require(str(again) == str(rule), "printed otherwise", str(rule), str(again), value)
        require(again.to_dict() == value, "another dictionary", value, again.to_dict())


def rule_of_dictionary(family: str, raw: bytes) -> None:
    with contextlib.suppress(TypeError):
        check_rule(RULES[family].from_dict(inputs.json_value(raw)))


def tables_of_dictionary(family: str, raw: bytes) -> None:
    value = inputs.json_value(raw)
    with contextlib.suppress(TypeError):
        restore_for_real(family, value)


MODES: dict[str, tuple[Callable[[str, bytes], None], str]] = {
    "a": (rule_of_text, "ipv4"),
    "b": (rule_of_text, "ipv6"),
    "c": (rule_of_words, "ipv4"),
    "d": (rule_of_words, "ipv6"),
    "e": (rules_of_lists, "ipv4"),
    "f": (rules_of_lists, "ipv6"),
    "g": (restore_tested, "ipv4"),
    "h": (restore_tested, "ipv6"),
    "i": (restore_for_real, "ipv4"),
    "j": (restore_for_real, "ipv6"),
    "k": (restore_unflushed, "ipv4"),
    "l": (restore_atomic, "ipv6"),
    "m": (words, ""),
    "n": (dictionary_of_rule, "ipv4"),
    "o": (dictionary_of_rule, "ipv6"),
    "p": (rule_of_dictionary, "ipv4"),
    "q": (rule_of_dictionary, "ipv6"),
    "r": (tables_of_dictionary, "ipv4"),
}


def one(data: bytes) -> None:
    """Run one input. Raises what is not documented, and Broken."""
    if not data:
        return
    run, family = MODES[sorted(MODES)[(data[0] - ord("a")) % len(MODES)]]
    if family and family not in _base:
        return
    with contextlib.suppress(pyiptc.IPTCError):
        run(family, data[1:])


# -- the process -------------------------------------------------------------------------------------


@contextlib.contextmanager
def private(families: Sequence[str]) -> Iterator[None]:
    """Leave the machine's network and lock for good, forbid programs, and fill the tables."""
    directory = tempfile.mkdtemp(prefix="pyiptc-fuzz-")
    os.environ["XTABLES_LOCKFILE"] = os.path.join(directory, "xtables.lock")
    leave_machine_namespace()
    oracle = Oracle()
    if shutil.which("ipset", path=oracle.env["PATH"]):
        for command in inputs.sets():
            oracle.run(*command)
    with contextlib.suppress(NotImplementedError):
        seccomp.forbid_execve()
    warnings.simplefilter("error")
    warnings.simplefilter("ignore", pyiptc.LibraryWarning)
    for family in families:
        put_base(family)
    try:
        yield
    finally:
        shutil.rmtree(directory)


class Findings:
    """Runs inputs; keeps the first of each kind that fails."""

    def __init__(self, directory: Optional[Path], stop: bool) -> None:
        self.directory = directory
        self.stop = stop
        self.count = 0
        self.kinds: dict[str, int] = {}

    def run(self, data: bytes) -> None:
        self.count += 1
        try:
            one(data)
        except Exception as error:
            if self.stop:
                raise
            self._keep(data, error)

    def _keep(self, data: bytes, error: Exception) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        kind = f"{type(error).__name__} {frames[-2].name} {frames[-1].name} {frames[-1].lineno}"
        kind += f" {str(error).splitlines()[0] if str(error) else ''}"[:60]
        seen = self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if seen > 5 or self.directory is None:
            return
        name = hashlib.sha256(data).hexdigest()[:12]
        (self.directory / name).write_bytes(data)
        report = "".join(traceback.format_exception(type(error), error, error.__traceback__))
        (self.directory / f"{name}.txt").write_text(report, "utf-8", "backslashreplace")


def resident() -> int:
    """Bytes of memory that the process has now."""
    with open("/proc/self/statm", "rb") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def by_seed(findings: Findings, corpus: list[bytes], options: argparse.Namespace) -> None:
    """Mutated inputs until time or number is reached; then the process has not grown."""
    generator = random.Random(options.seed)
    mutate = inputs.Mutator(corpus, generator)
    for data in corpus:
        findings.run(data)
    end = time.monotonic() + options.seconds if options.seconds else float("inf")
    runs = options.runs if options.runs else sys.maxsize
    warm = None
    warm_at = time.monotonic() + (options.seconds or 0) / 3
    begun = findings.count
    while time.monotonic() < end and findings.count - begun < runs:
        faulthandler.dump_traceback_later(SLOW, exit=True)
        data = mutate(generator.choice(corpus))
        options.last.write_bytes(data)  # for when the process dies of it
        findings.run(data)
        done = findings.count - begun
        if warm is None and (done >= runs // 3 if options.runs else time.monotonic() >= warm_at):
            warm = resident()
    faulthandler.cancel_dump_traceback_later()
    growth = resident() - (warm or resident())
    print(f"{findings.count} executions, grown by {growth >> 10} KiB after warm-up")
    require(growth < options.growth << 20, f"grown by {growth} bytes")


def by_coverage(findings: Findings, corpus: list[bytes], arguments: list[str]) -> None:
    """Guided by what of pyiptc's Python code an input reaches."""
    generator = random.Random(0)
    mutate = inputs.Mutator(corpus, generator)

    def custom(data: bytes, size: int, seed: int) -> bytes:
        generator.seed(seed)
        if generator.random() < 0.5:
            return bytes(atheris.Mutate(data, size))
        return mutate(data)[:size]

    atheris.Setup([sys.argv[0], *arguments], findings.run, custom_mutator=custom)
    atheris.Fuzz()


def supervised(arguments: Sequence[str], options: argparse.Namespace) -> None:
    """Run in processes of their own; after one that died the next one goes on."""
    end = time.monotonic() + options.seconds
    seed = options.seed
    while (left := int(end - time.monotonic())) > 0:
        command = [sys.executable, __file__, *arguments, "--seed", str(seed), "--alone"]
        command += [f"-max_total_time={left}"] if options.coverage else ["--seconds", str(left)]
        died = subprocess.run(command, check=False).returncode
        seed += 1
        if died == 0:
            continue
        print(f"status {died}")
        last = options.findings / LAST
        if last.exists():
            last.rename(last.with_name(f"died-{seed}"))


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--runs", type=int, default=0, help="mutated inputs, the corpus apart")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--coverage", action="store_true", help="with atheris, and its options")
    parser.add_argument("--findings", type=Path, help="go on, and keep what fails there")
    parser.add_argument("--family", action="append", choices=RULES, help="only this one")
    parser.add_argument("--growth", type=int, default=8, help="MiB allowed after warm-up (8)")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--strict", action="store_true", help="known defects too")
    parser.add_argument("inputs", nargs="*", type=Path, help="files to run instead, once each")
    options, more = parser.parse_known_args(arguments)
    if options.findings is not None:
        options.findings.mkdir(parents=True, exist_ok=True)
    if options.findings is not None and options.seconds and not options.alone:
        supervised(arguments, options)
        return
    if options.coverage and INSTRUMENTED not in os.environ:
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, INSTRUMENTED: "1"})
    global strict
    strict = options.strict
    faulthandler.enable()
    findings = Findings(options.findings, stop=options.findings is None)
    with private(options.family or list(RULES)):
        options.last = (options.findings or Path(os.environ["XTABLES_LOCKFILE"]).parent) / LAST
        if options.inputs and not options.coverage:
            for path in options.inputs:
                findings.run(path.read_bytes())
        elif options.coverage:
            by_coverage(findings, inputs.corpus(CORPUS), [*more, *map(str, options.inputs)])
        else:
            by_seed(findings, inputs.corpus(CORPUS), options)
    for kind, count in sorted(findings.kinds.items()):
        print(f"{count} times: {kind}")


if __name__ == "__main__":
    main(sys.argv[1:])
