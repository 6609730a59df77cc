"""The installed command-line tools, run in the caller's network namespace, as ground truth.

`iptables-legacy` says what is right, or `iptables-nft` in tests of that backend: what the library
inserts, the tool must print and find, and what the tool inserts, the library must read.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from subprocess import CompletedProcess
from typing import Union

from support import features, rawnft
from support.family import FAMILIES, Family, on_nft

RuleText = Union[str, Sequence[str]]
"""A rule as on a command line: split by the shell's rules, or already a list of words."""

_COUNTERS = re.compile(r"^\[\d+:\d+\] -A", re.MULTILINE)
_COUNTED = re.compile(r"\[(\d+):(\d+)\] -A (\S+)")
_POLICY = re.compile(r":(\S+) \S+ \[(\d+):(\d+)\]")


class ToolError(Exception):
    """A tool failed where the test needed it to succeed."""

    def __init__(self, done: CompletedProcess[str]) -> None:
        super().__init__(f"{shlex.join(done.args)}: status {done.returncode}: {done.stderr}")
        self.done = done


def words(rule: RuleText) -> list[str]:
    return shlex.split(rule) if isinstance(rule, str) else list(rule)


class Oracle:
    """Runs the tools. Text that is not UTF-8 travels as surrogate escapes, both ways."""

    def __init__(self, env: Mapping[str, str] | None = None) -> None:
        self.env = {**os.environ, "LC_ALL": "C", "PATH": features.SEARCH_PATH, **(env or {})}

    def run(
        self, *argv: str, input: str | None = None, check: bool = True, timeout: float = 60
    ) -> CompletedProcess[str]:
        """Run one tool; raise ToolError where it fails, unless `check` is false."""
        features.require(argv[0])
        done = subprocess.run(
            argv,
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            env=self.env,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=timeout,
            check=False,
        )
        if check and done.returncode != 0:
            raise ToolError(done)
        return done

    def iptables(
        self, family: Family | str, *args: str, check: bool = True
    ) -> CompletedProcess[str]:
        """The tool of the family and the backend, waiting for the lock where there is one."""
        return self.run(_tool(family), "-w", "30", *args, check=check)

    def append(
        self, family: Family | str, table: str, chain: str, rule: RuleText, *, check: bool = True
    ) -> CompletedProcess[str]:
        return self.iptables(family, "-t", table, "-A", chain, *words(rule), check=check)

    def insert(
        self,
        family: Family | str,
        table: str,
        chain: str,
        rule: RuleText,
        *,
        number: int = 1,
        check: bool = True,
    ) -> CompletedProcess[str]:
        """Insert before the rule that has this number; the tool counts from 1."""
        position = ("-I", chain, str(number))
        return self.iptables(family, "-t", table, *position, *words(rule), check=check)

    def delete(
        self, family: Family | str, table: str, chain: str, rule: RuleText, *, check: bool = True
    ) -> CompletedProcess[str]:
        return self.iptables(family, "-t", table, "-D", chain, *words(rule), check=check)

    def check(self, family: Family | str, table: str, chain: str, rule: RuleText) -> bool:
        """Whether `-C` finds the rule; ToolError where it does not understand it."""
        done = self.iptables(family, "-t", table, "-C", chain, *words(rule), check=False)
        if done.returncode > 1:
            raise ToolError(done)
        return done.returncode == 0

    def new_chain(self, family: Family | str, table: str, chain: str) -> CompletedProcess[str]:
        return self.iptables(family, "-t", table, "-N", chain)

    def lines(self, family: Family | str, table: str, chain: str | None = None) -> list[str]:
        """The `-A` lines that `-S` prints."""
        only = [] if chain is None else [chain]
        printed = self.iptables(family, "-t", table, "-S", *only).stdout.splitlines()
        return [line for line in printed if line.startswith("-A")]

    def save(
        self, family: Family | str, table: str | None = None, *, counters: bool = False
    ) -> str:
        """What the tool prints, without its comment lines (they hold the time)."""
        args = ["-c"] if counters else []
        if table is not None:
            args += ["-t", table]
        printed = self.run(f"{_tool(family)}-save", *args).stdout
        return "".join(line for line in printed.splitlines(True) if not line.startswith("#"))

    def restore(
        self,
        family: Family | str,
        text: str,
        *,
        flush: bool = True,
        counters: bool = False,
        check: bool = True,
    ) -> CompletedProcess[str]:
        args = ([] if flush else ["-n"]) + (["-c"] if counters else [])
        done = self.run(
            f"{_tool(family)}-restore", "-w", "30", *args, input=text, check=check, timeout=300
        )
        if counters and flush and done.returncode == 0 and _tool(family) == "ip6tables-nft":
            _count(text)
        return done

    def counters(self, family: Family | str, table: str, chain: str) -> list[tuple[int, int]]:
        """Packets and bytes of each rule of a chain."""
        found = _COUNTED.findall(self.save(family, table, counters=True))
        return [(int(packets), int(size)) for packets, size, name in found if name == chain]

    def policy_counters(self, family: Family | str, table: str, chain: str) -> tuple[int, int]:
        """Packets and bytes that met the policy of a built-in chain."""
        found = _POLICY.findall(self.save(family, table, counters=True))
        (pair,) = [(int(packets), int(size)) for name, packets, size in found if name == chain]
        return pair

    def ip(self, *args: str, check: bool = True) -> CompletedProcess[str]:
        return self.run("ip", *args, check=check)

    def ipset(self, *args: str, check: bool = True) -> CompletedProcess[str]:
        return self.run("ipset", *args, check=check)

    def nft(self, *args: str, check: bool = True) -> CompletedProcess[str]:
        return self.run("nft", *args, check=check)


def _count(text: str) -> None:
    """Give rules the counters that a save file has, which ip6tables-nft 1.8.9 forgets."""
    table, wanted = "", dict[tuple[str, str], list[tuple[int, int]]]()
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif found := _COUNTED.match(line):
            wanted.setdefault((table, found[3]), []).append((int(found[1]), int(found[2])))
    for rule in rawnft.rules("ipv6"):
        counters = wanted.get((rule.table, rule.chain)) or [(0, 0)]
        if any(pair := counters.pop(0)):
            rawnft.set_counters("ipv6", rule, *pair)


def as_restored(family: Family, text: str) -> str:
    """A text as the tool puts it in with its counters: ip6tables-nft 1.8.9 sets none of rules."""
    return _COUNTERS.sub("[0:0] -A", text) if family.is_ipv6 and on_nft() else text


def _tool(family: Family | str) -> str:
    return (family if isinstance(family, Family) else FAMILIES[family]).tool
