"""Rules that other tools left and this library does not understand: listed, kept, moved, deleted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from parity import foreign
from parity.blobs import CGROUP_REVISION_0, CONNTRACK_REVISION_1, mark
from parity.cases import BPF_LONG, U32_LONG
from parity.libraries import directory_without, extension_directory
from support import isolated
from support.family import FAMILIES
from support.oracle import Oracle
from support.rawrules import elements, put_filter_input
from support.rawtable import RawMatch

pytestmark = pytest.mark.kernel

NOT_UTF_8 = "caf\udce9"
"""Bytes ``caf\\xe9`` in an argument of a program."""


@dataclass(frozen=True)
class Stranger:
    """One rule that is hard to understand."""

    rule: list[str]
    """Words for the tool; empty where the bytes below are put past it."""
    raw: tuple[RawMatch, ...] = ()
    hidden: tuple[str, ...] = ()
    """Files of extensions that the library does not have."""


STRANGERS = {
    "match-unknown": Stranger(
        "-p tcp -m tcp --dport 80 -m comment --comment hidden -j ACCEPT".split(),
        hidden=("libxt_comment.so",),
    ),
    "target-unknown": Stranger(
        "-p udp -m comment --comment seen -j LOG --log-prefix hidden".split(),
        hidden=("libxt_LOG.so",),
    ),
    "both-unknown": Stranger(
        "-m comment --comment hidden -j LOG --log-prefix hidden".split(),
        hidden=("libxt_comment.so", "libxt_LOG.so"),
    ),
    "revision-old": Stranger([], raw=(CONNTRACK_REVISION_1,)),
    "revisions-mixed": Stranger([], raw=(mark(7), CGROUP_REVISION_0, CONNTRACK_REVISION_1)),
    "comment-not-utf-8": Stranger(["-m", "comment", "--comment", NOT_UTF_8, "-j", "ACCEPT"]),
    "prefix-not-utf-8": Stranger(["-j", "LOG", "--log-prefix", NOT_UTF_8]),
    "options-long": Stranger(
        [
            *("-m", "bpf", "--bytecode", BPF_LONG, "-m", "u32", "--u32", U32_LONG),
            *("-m", "comment", "--comment", "x" * 255, "-m", "bpf", "--bytecode", BPF_LONG),
            *("-m", "comment", "--comment", "y" * 255, "-j", "LOG", "--log-prefix", "z" * 29),
        ]
    ),
}


@pytest.fixture(params=STRANGERS)
def stranger(request: pytest.FixtureRequest, family: object, oracle: Oracle) -> Stranger:
    """One of them, in chain INPUT between two rules with marks."""
    made = STRANGERS[request.param]
    if made.raw:
        put_filter_input(str(family), [[mark(1)], made.raw, [mark(3)]])
        return made
    for rule in (
        "-m mark --mark 0x1 -j ACCEPT".split(),
        made.rule,
        "-m mark --mark 0x3 -j ACCEPT".split(),
    ):
        oracle.append(str(family), "filter", "INPUT", rule)
    return made


Perform = Callable[[Callable[[str], None]], None]


@pytest.fixture
def perform(stranger: Stranger, family: object, tmp_path: Path) -> Perform:
    """Run work of module foreign: here, or in a process that lacks the hidden extensions."""

    def run(work: Callable[[str], None]) -> None:
        if not stranger.hidden:
            work(str(family))
            return
        directory = directory_without(extension_directory(), stranger.hidden, tmp_path / "made")
        printed = isolated.run(
            f"from parity import foreign; foreign.{work.__name__}({str(family)!r})",
            env={"XTABLES_LIBDIR": str(directory)},
            own_namespace=False,
        )
        assert (printed.returncode, printed.stdout, printed.stderr) == (0, "", "")

    return run


@pytest.mark.parametrize("work", foreign.EFFECTS, ids=lambda work: work.__name__)
def test_stranger(
    work: Callable[[str], None], family: object, oracle: Oracle, perform: Perform
) -> None:
    """Each kind of work round each stranger does what it says, to the byte."""
    before = oracle.lines(str(family), "filter")
    bytes_of_it = elements(str(family))[1]
    perform(work)
    lines = dict(zip(("first", "stranger", "last"), before))
    lines["elsewhere"] = before[1].replace("-A INPUT", "-A OUTPUT")
    effect = foreign.EFFECTS[work]
    assert oracle.lines(str(family), "filter") == [lines.get(line, line) for line in effect]
    kept = effect.count("stranger") + effect.count("elsewhere")
    assert elements(str(family)).count(bytes_of_it) == kept


@pytest.mark.parametrize("hidden", ["comment", "LOG"])
def test_unknown_extension_cannot_be_made(hidden: str, family: object, tmp_path: Path) -> None:
    """What can be kept cannot be written: the error names the extension."""
    rule, kind = FAMILIES[str(family)].rule_class, "target" if hidden == "LOG" else "match"
    directory = directory_without(extension_directory(), [f"libxt_{hidden}.so"], tmp_path / "made")
    printed = isolated.output(
        f"""
        try:
            iptc.{rule}().create_{kind}("{hidden}")
        except iptc.XTablesError as error:
            print(error)
        """,
        env={"XTABLES_LIBDIR": str(directory)},
    )
    assert hidden in printed


def test_text_that_is_not_utf_8_is_read(family: object, oracle: Oracle) -> None:
    """Its bytes come back as they went, in the way of os.fsdecode()."""
    for option in ("-m comment --comment", "-j LOG --log-prefix"):
        oracle.append(str(family), "filter", "INPUT", [*option.split(), NOT_UTF_8])
    commented, logged = FAMILIES[str(family)].chain("filter", "INPUT").rules
    assert commented.matches[0].comment == NOT_UTF_8
    assert logged.target.log_prefix == NOT_UTF_8
    assert commented.matches[0].get_all_parameters() == {"comment": [NOT_UTF_8]}
