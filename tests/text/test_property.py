"""Random rules over all extensions, random quoting: text, rule, kernel, rule and text are the same.

Rules go into a chain that nothing jumps to, where the kernel asks for no hook: matches of all
chains can be combined. Many go in with one commit, and what was put in by either side is read by
the other one.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings, strategies as st

import pyiptc
from parity import cases
from parity.cases import Case
from parity.running import any_warning
from support.family import Family, on_nft
from support.namespace import in_user_namespace
from support.oracle import Oracle, words

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("prepared")]

CHAIN = "random"
TABLES = ("filter", "nat", "mangle", "raw", "security")
ONE_VALUE = ("-s", "-d", "-i", "-o", "-p")
WITHOUT_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
"""Eighty rules are too many to take pieces away from; what fails names its rule itself."""

HELD = settings(
    deadline=None,
    phases=WITHOUT_SHRINKING,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

ALONE = re.compile(
    # There is no estimator in a table that has only these rules.
    r"-m rateest |"
    # Only one rule may have each of these, or all that have it must say the same of it.
    r"-j IDLETIMER |-j CLUSTERIP |-j RATEEST "
)
CHANGING = re.compile(
    # Of an IPv4 address these set the bytes of an IPv6 one too, unless they are given one.
    r"-j HMARK |-m recent |-m connlimit "
)
"""Rules of which the extension makes other bytes when it reads what it prints; they are equal."""


@dataclass(frozen=True)
class Parts:
    """A case taken to pieces: words of the header by option, of the matches and of the target."""

    case: Case
    header: dict[str, tuple[str, ...]]
    matches: tuple[str, ...]
    target: tuple[str, ...]

    def __repr__(self) -> str:
        return f"<{self.case.id}>"


def parts(case: Case) -> Parts:
    argv = shlex.split(case.arguments)
    header: dict[str, tuple[str, ...]] = {}
    inverted: tuple[str, ...] = ()
    at = 0
    while at < len(argv) and argv[at] in ("!", "-f", *ONE_VALUE):
        if argv[at] == "!":
            inverted = ("!",)
            at += 1
            continue
        length = 2 if argv[at] in ONE_VALUE else 1
        header[argv[at]] = (*inverted, *argv[at : at + length])
        inverted = ()
        at += length
    jump = next((i for i in range(len(argv) - 1, -1, -1) if argv[i] in ("-j", "-g")), len(argv))
    return Parts(case, header, tuple(argv[at:jump]), tuple(argv[jump:]))


# An ordinary user's namespace knows one user and one group, and its kernel no others.
UNKNOWN_HERE = {"owner-uid-range-not"} if in_user_namespace() else set()

NAMESAKES = (
    {"connlabel", "recent"},
    {"connmark", "mark"},
    {"osf", "ttl"},
    {"policy", "statistic"},
)
"""Matches that have an option of one name: iptables takes that of a second match of the one kind for
the other's, and says that it was given twice."""

ALL = [
    parts(case)
    for case in cases.ACCEPTED
    if not ALONE.search(f"{case.arguments} ") and case.name not in UNKNOWN_HERE
]


def fitting(family: str, table: str, kind: str) -> list[Parts]:
    """Cases whose matches or target a table can have: what is asked for in filter is everywhere."""
    return [
        one
        for one in ALL
        if one.case.family == family
        and not (one.case.only_legacy and on_nft())
        and (one.case.table == table or (kind == "matches" and one.case.table == "filter"))
        and (one.matches if kind == "matches" else one.target)
    ]


def merged(found: list[str], one: Parts) -> bool:
    """Whether iptables-nft would list two matches, this one and one of those, as one."""
    return on_nft() and any(name in found and name in one.matches for name in ("tcp", "udp"))


@st.composite
def rules(draw: st.DrawFn, family: str, table: str) -> list[str]:
    """The words of one rule: one case, and the matches of up to three more if the headers agree."""
    chosen = draw(st.lists(st.sampled_from(fitting(family, table, "matches")), max_size=3))
    target = draw(st.sampled_from(fitting(family, table, "target")))
    header = dict(target.header)
    found = list(target.matches)
    for one in chosen:
        agrees = all(header.get(option, value) == value for option, value in one.header.items())
        together = {*found, *one.matches}
        if agrees and not (any(pair <= together for pair in NAMESAKES) or merged(found, one)):
            header.update(one.header)
            found += one.matches
    return [word for value in header.values() for word in value] + found + list(target.target)


@pytest.fixture
def prepared(netns: object, oracle: Oracle) -> Iterator[None]:
    """The sets of the matrix; extensions may say what they like."""
    for known in cases.WORDS.values():
        for command in cases.HOSTS + cases.PORTS + cases.MARKS + cases.TIMED:
            oracle.run(*words(command.format_map(known)))
    with any_warning():
        yield


def entries(table: Any) -> list[Any]:
    """The bytes of the rules that the kernel has."""
    table.refresh()
    return [rule.rule for rule in pyiptc.Chain(table, CHAIN).rules]


def saved_by_tool(oracle: Oracle, family: Family, table: str) -> str:
    """What the tool prints without its comment lines; carriage returns as they are."""
    command = [f"{family.tool}-save", "-t", table]
    done = subprocess.run(command, capture_output=True, env=oracle.env, check=True)
    lines = done.stdout.decode("utf-8", "surrogateescape").split("\n")
    return "\n".join([*lines[1:-2], ""])


def printed(text: str) -> list[str]:
    """The rules of a table's text; there may be line breaks in them."""
    return text.removesuffix("\nCOMMIT\n").split(f"\n-A {CHAIN} ")[1:]


def put(table: Any, chain: Any, made: list[Any]) -> None:
    """All with one commit; one by one where the kernel refuses one, to say which."""
    try:
        with table.transaction():
            chain.extend(made)
    except pyiptc.KernelError:
        for rule in made:
            chain.append(rule)
        raise
    table.refresh()


def check(oracle: Oracle, family: Family, name: str, made: list[Any]) -> None:
    """All these rules in one table."""
    lines = [str(rule) for rule in made]
    table = family.Table(name)
    start = f"*{name}\n:{CHAIN} - [0:0]\n:other - [0:0]\n"
    table.restore(f"{start}COMMIT\n")
    chain = pyiptc.Chain(table, CHAIN)
    put(table, chain, made)
    read = chain.rules
    assert [str(rule) for rule in read] == lines
    assert [rule.args for rule in read] == [rule.args for rule in made]
    assert read == made
    for again in ([family.Rule.parse(form(rule)) for rule in read] for form in (str, list_of)):
        assert [str(rule) for rule in again] == lines
        assert again == made
        for rule, before in zip(again, made):
            assert CHANGING.search(str(rule)) or rule.rule == before.rule
    saved = saved_by_tool(oracle, family, name)
    assert printed(saved) == lines
    assert table.save() == saved
    if any("\n" in line for line in lines):
        return  # neither side reads a rule of two lines

    sent = entries(table)
    oracle.restore(family, saved)
    assert saved_by_tool(oracle, family, name) == saved
    assert_same(lines, sent, entries(table))
    table.restore(saved)
    assert table.save() == saved
    assert_same(lines, sent, entries(table))


def list_of(rule: Any) -> Any:
    return rule.args


def assert_same(lines: list[str], sent: list[Any], there: list[Any]) -> None:
    assert len(there) == len(sent)
    for line, before, after in zip(lines, sent, there):
        assert CHANGING.search(line) or before == after, line


@pytest.mark.differs("two matches")
@pytest.mark.parametrize("table", TABLES)
def test_rules_of_all_extensions(oracle: Oracle, family: Family, table: str) -> None:
    @settings(HELD, max_examples=4)
    @given(st.lists(rules(family.name, table), min_size=50, max_size=80))
    def holds(given_words: list[list[str]]) -> None:
        check(oracle, family, table, [family.Rule.parse(argv) for argv in given_words])

    holds()


# -- quoting -----------------------------------------------------------------------------------------

LONGEST = {"comment": 255, "log-prefix": 29, "nflog-prefix": 63, "string": 127}
"""Options of free text, and how many bytes the extensions keep."""

PIECES = [
    "",
    "!",
    "--",
    "-",
    "! --dport 22",
    "--comment",
    "'",
    '"',
    "\\",
    "\\\\",
    "\n",
    "\t",
    " ",
    "  ",
]
PIECES += ["$HOME", "`x`", "#", "[1:2]", "COMMIT", "ż", "☃", "\x7f", "\r", "\f", "\v", "|", "%s"]
RAW = st.binary(min_size=1, max_size=4).filter(lambda raw: 0 not in raw)
NOT_UTF8 = RAW.map(lambda raw: raw.decode("utf-8", "surrogateescape"))
FREE_TEXT = st.lists(st.sampled_from(PIECES) | NOT_UTF8 | st.text("abc", max_size=3), max_size=8)


@st.composite
def free_texts(draw: st.DrawFn, option: str) -> str:
    """Text of every kind, as long as the extension keeps at most; not cut within a character."""
    text = "".join(draw(FREE_TEXT)).encode("utf-8", "surrogateescape")
    return text[: LONGEST[option]].decode("utf-8", "surrogateescape")


@st.composite
def text_rules(draw: st.DrawFn) -> list[str]:
    """The words of a rule that has text in all the places where it can have some."""
    comment = ["-m", "comment", "--comment", draw(free_texts("comment"))]
    found = comment * draw(st.integers(1, 2))
    # Only a comment may be empty; a prefix has no line break.
    if searched := draw(free_texts("string")):
        found += ["-m", "string", "--string", searched, "--algo", "bm"]
    option, target = draw(st.sampled_from([("log-prefix", "LOG"), ("nflog-prefix", "NFLOG")]))
    prefix = draw(free_texts(option)).replace("\n", "")
    return [*found, "-j", target, *([f"--{option}", prefix] if prefix else [])]


def in_quotes(word: str) -> str:
    return '"' + word.replace("\\", "\\\\").replace('"', '\\"') + '"'


def with_backslashes(word: str) -> str:
    return re.sub(r"([^\w-])", r"\\\1", word) or "''"


WAYS = [shlex.quote, in_quotes, with_backslashes]
"""Ways to write a word, as in a shell."""


def test_quoting(oracle: Oracle, family: Family) -> None:
    @settings(HELD, max_examples=10)
    @given(st.lists(text_rules(), min_size=10, max_size=30), st.randoms())
    def holds(given_words: list[list[str]], random: Any) -> None:
        made = [family.Rule.parse(argv) for argv in given_words]
        for rule, argv in zip(made, given_words):
            text = " ".join(random.choice(WAYS)(word) for word in argv)
            assert family.Rule.parse(text).rule == rule.rule, text
        check(oracle, family, "filter", made)
        check(oracle, family, "filter", [rule for rule in made if "\n" not in str(rule)])

    holds()
