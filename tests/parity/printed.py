"""What the tool prints, taken to pieces: rules of a chain, words of a rule, options of an extension."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from subprocess import CompletedProcess

from parity.cases import Case
from support import features
from support.family import FAMILIES
from support.oracle import Oracle, words

REFERENCE = "reference"
"""A chain in which the tool puts its own rule, beside ours."""

TEXT_OPTIONS = frozenset({"comment", "log-prefix", "nflog-prefix", "string", "hex-string"})
"""Options whose next word is their value, even where it looks like an option."""

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)', re.DOTALL)
_REASON = re.compile(
    r"^ip6?tables(?: v\S+ \((?:legacy|nf_tables)\))?: (.+?)(?: Run `dmesg'.*)?$", re.MULTILINE
)
_REFUSED = re.compile(r" RULE_APPEND failed \((.+)\): rule in chain ")
_LIKE_LEGACY = {
    "No such file or directory": "No chain/target/match by that name",
    "TCP match requires '-p tcp'": "Invalid argument",
}
"""Words that only iptables-nft has, and those of iptables-legacy and the library."""


@dataclass
class PrintedExtension:
    """One ``-m`` or ``-j`` part: its name, and the words of each option; ``!`` first if inverted."""

    name: str
    options: list[tuple[str, list[str]]] = field(default_factory=list)

    @property
    def parameters(self) -> dict[str, list[str]]:
        """The options that are printed once (policy may print one for each of its elements)."""
        times = Counter(option for option, _ in self.options)
        return {option: values for option, values in self.options if times[option] == 1}


def _tokens(text: str) -> list[tuple[str, bool]]:
    """Words, and whether they were in quotes: a backslash in quotes keeps the next character."""
    found = []
    for quoted, plain in _WORD.findall(text):
        found.append((plain, False) if plain else (re.sub(r"\\(.)", r"\1", quoted), True))
    return found


def extensions(text: str) -> list[PrintedExtension]:
    """The matches and the target of one printed rule, in order."""
    found: list[PrintedExtension] = []
    tokens = iter(_tokens(text))
    inverted: list[str] = []
    for token, is_quoted in tokens:
        if is_quoted:
            found[-1].options[-1][1].append(token)
        elif token in {"-m", "-j", "-g"}:
            found.append(PrintedExtension(next(tokens)[0]))
        elif token == "!":
            inverted = ["!"]
        elif not found:
            inverted = []
        elif token.startswith("--"):
            value = [next(tokens)[0]] if token[2:] in TEXT_OPTIONS else []
            found[-1].options.append((token[2:], inverted + value))
            inverted = []
        else:
            found[-1].options[-1][1].append(token)
    return found


def attribute_text(values: list[str]) -> str:
    """An option's words as the attribute of that name shows them."""
    return f"!{' '.join(values[1:])}" if values[:1] == ["!"] else " ".join(values)


def setup_commands(case: Case) -> list[list[str]]:
    """What must have run before the case, on the tables of this test's backend."""
    family = FAMILIES[case.family]
    tools = {family.program: family.tool}
    commands = [words(command) for command in case.setup]
    return [[tools.get(program, program), *rest] for program, *rest in commands]


class Tool:
    """The tool of a case's family, on its table."""

    def __init__(self, oracle: Oracle, case: Case) -> None:
        self.oracle = oracle
        self.case = case

    def prepare(self) -> None:
        """Run what must have run before."""
        for command in setup_commands(self.case):
            self._must(self.oracle.run(*command, check=False))

    def _must(self, done: CompletedProcess[str]) -> None:
        """Skip, by name, what this kernel or this user namespace does not have."""
        if done.returncode != 0:
            features.skip_missing(f"kernel support of {self.case.id}", done.stderr.strip())

    def rules(self, chain: str = "") -> list[str]:
        """What ``-S`` prints of a chain, after ``-A CHAIN``; a rule may have line breaks in it."""
        chain = chain or self.case.chain
        printed = self.oracle.iptables(self.case.family, "-t", self.case.table, "-S", chain).stdout
        return printed.removesuffix("\n").split(f"\n-A {chain} ")[1:]

    def append(self, chain: str = "") -> None:
        """Append the tool's own rule."""
        self._must(self._append(chain))

    def _append(self, chain: str = "") -> CompletedProcess[str]:
        case = self.case
        chain = chain or case.chain
        return self.oracle.append(case.family, case.table, chain, case.arguments, check=False)

    def is_supported(self, chain: str) -> bool:
        """Append the tool's own rule to a new chain; whether that can be done here."""
        self.oracle.new_chain(self.case.family, self.case.table, chain)
        done = self._append(chain)
        assert not (done.returncode and features.strict()), done.stderr
        return done.returncode == 0

    def reference(self) -> str:
        """What the tool prints of its own rule, which stays in a chain of its own."""
        self.oracle.new_chain(self.case.family, self.case.table, REFERENCE)
        self.append(REFERENCE)
        (line,) = self.rules(REFERENCE)
        return line

    def finds(self) -> bool:
        """Whether the tool finds its rule in the chain of the case."""
        case = self.case
        return self.oracle.check(case.family, case.table, case.chain, case.arguments)

    def delete(self) -> None:
        """Delete the tool's rule from the chain of the case."""
        case = self.case
        self.oracle.delete(case.family, case.table, case.chain, case.arguments)

    def refusal(self) -> str:
        """Why the tool does not take its own rule, without the name of the program before it."""
        done = self._append()
        assert done.returncode != 0, f"the tool accepts {self.case.arguments}"
        of_kernel: list[str] = _REFUSED.findall(done.stderr)
        reasons: list[str] = of_kernel or _REASON.findall(done.stderr)
        (reason,) = reasons
        return _LIKE_LEGACY.get(reason, reason).rstrip(".")

    def saved(self) -> str:
        """The table as text."""
        return self.oracle.save(self.case.family, self.case.table)
