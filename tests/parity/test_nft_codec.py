"""Every rule of the matrix in nf_tables: what iptables-nft leaves we read and write, and it reads ours."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

import pytest

from parity.cases import ACCEPTED, Case
from parity.printed import setup_commands
from parity.running import any_warning, each
from pyiptc import _nft
from pyiptc._blob import Entry
from support import features, rawnft
from support.family import FAMILIES
from support.oracle import Oracle

pytestmark = [pytest.mark.kernel, pytest.mark.only_backend("nft", "forms")]

TOOLS = {"ipv4": "iptables-nft", "ipv6": "ip6tables-nft"}
LOST = {"NFLOG-range": "the option: iptables-nft drops it, and so do the native forms"}
FORMS = {
    "portable": _nft.PORTABLE,
    "1.8.9": _nft.NATIVE_1_8_9,
    "1.8.11": _nft.NATIVE_1_8_11,
}
WITHOUT = "target-queue"
"""Of those that only legacy tables have, the one that cannot be written at all."""
CASES = [replace(case, only_legacy="") for case in ACCEPTED if case.name != WITHOUT]


class NftTool:
    """iptables-nft of a case's family, on its table."""

    def __init__(self, oracle: Oracle, case: Case) -> None:
        self.oracle = oracle
        self.case = case
        for command in setup_commands(case):
            self._must(*command)

    def _must(self, *command: str) -> None:
        done = self.oracle.run(*command, check=False)
        if done.returncode != 0:
            features.skip_missing(f"nf_tables support of {self.case.id}", done.stderr.strip())

    def run(self, *arguments: str, check: bool = True) -> str:
        case = self.case
        return self.oracle.run(TOOLS[case.family], "-t", case.table, *arguments, check=check).stdout

    def append(self) -> None:
        case = self.case
        command = (TOOLS[case.family], "-t", case.table, "-A", case.chain)
        self._must(*command, *shlex.split(case.arguments))

    def lines(self) -> list[str]:
        """What it prints of the rules of the case's chain, each without the chain."""
        chain = self.case.chain
        printed = self.run("-S", chain).removesuffix("\n")
        return [text.lstrip(" ") for text in printed.split(f"\n-A {chain}")[1:]]

    def finds(self) -> bool:
        case = self.case
        command = (TOOLS[case.family], "-t", case.table, "-C", case.chain)
        done = self.oracle.run(*command, *shlex.split(case.arguments), check=False)
        return done.returncode == 0

    def raw(self) -> list[rawnft.RawRule]:
        case = self.case
        return [
            rule
            for rule in rawnft.rules(case.family)
            if (rule.table, rule.chain) == (case.table, case.chain)
        ]

    def native_form(self) -> int | None:
        """The form that has to be like what this version writes."""
        version = tuple(map(int, re.findall(r"\d+", self.run("-V").split()[1])))
        if version[:3] == (1, 8, 9):
            return _nft.NATIVE_1_8_9
        return _nft.NATIVE_1_8_11 if version[:3] == (1, 8, 11) else None


@pytest.fixture
def nft_tool(case: Case, oracle: Oracle, netns: object) -> NftTool:
    return NftTool(oracle, case)


def entry_of(case: Case) -> Entry:
    with any_warning():
        rule = FAMILIES[case.family].Rule.parse(case.arguments)
        entry: Entry = rule._compile(lambda name: name == "other")
    return entry


def text_of(case: Case, entry: Entry) -> str:
    with any_warning():
        return str(FAMILIES[case.family].Rule._from_entry(entry))


@each(CASES)
def test_read(case: Case, nft_tool: NftTool) -> None:
    """The tool's rule is read to the text that the tool prints, and is written as it was."""
    nft_tool.append()
    (raw,) = nft_tool.raw()
    (line,) = nft_tool.lines()
    family = FAMILIES[case.family]
    entry, reason, flags = _nft.decode(family.nfproto, raw.expressions, raw.userdata)
    assert entry is not None, reason
    assert flags == 0
    assert text_of(case, entry) == line
    form = nft_tool.native_form()
    if form is not None:
        again, _, _ = _nft.encode(entry, form)
        assert rawnft.shown(again) == rawnft.shown(raw.expressions)
        ours, _, _ = _nft.encode(entry_of(case), form)
        assert rawnft.shown(ours) == rawnft.shown(raw.expressions)


@each(CASES)
def test_written(case: Case, nft_tool: NftTool) -> None:
    """Our rule, in each form: the kernel keeps the bytes, the tool prints it as its own, and finds it."""
    nft_tool.append()
    (line,) = nft_tool.lines()
    nft_tool.run("-F", case.chain)
    entry = entry_of(case)
    sent = []
    for form in FORMS.values():
        expressions, protocol, flags = _nft.encode(entry, form)
        rawnft.append(case.family, case.table, case.chain, expressions, protocol, flags)
        sent.append(rawnft.shown(expressions))
        if case.name not in LOST:
            assert nft_tool.finds()
    assert [rawnft.shown(rule.expressions) for rule in nft_tool.raw()] == sent
    printed = nft_tool.lines()
    assert printed[1:] == [line, line]
    if case.name not in LOST:
        assert printed[0] == line
