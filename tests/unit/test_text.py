"""Words as extensions print them, and the options in them."""

from __future__ import annotations

import string

import pytest
from hypothesis import given, settings, strategies as st

from pyiptc import Rule, Rule6, errors, text
from pyiptc._words import read_parameters
from pyiptc.text import Option, Word
from support.family import Family

PROPERTY = settings(max_examples=150, deadline=None, derandomize=True)
PLAIN = set("_-" + string.digits + string.ascii_letters)


def save_string(value: str) -> str:
    """A word as xtables_save_string() of libxtables 1.8.9 prints it, without the space before."""
    if value and set(value) <= PLAIN:
        return value
    return '"' + "".join("\\" + char if char in "\"\\'" else char for char in value) + '"'


def names() -> st.SearchStrategy[str]:
    return st.text(string.ascii_lowercase + "-", min_size=1, max_size=12).filter(
        lambda name: name[0] != "-"
    )


kernel_text = st.binary(max_size=40).filter(lambda raw: b"\0" not in raw).map(text.decode)
"""Any text that can be in a payload, in whatever encoding."""


@given(st.lists(kernel_text, max_size=6))
@PROPERTY
def test_split_undoes_quoting(values: list[str]) -> None:
    printed = "".join(f" {save_string(value)}" for value in values)
    words = text.split(printed)
    assert [word.text for word in words] == values
    assert [word.quoted for word in words] == [save_string(value)[0] == '"' for value in values]


@given(st.text(string.printable, max_size=40))
@PROPERTY
def test_split_takes_anything(printed: str) -> None:
    """Text that nobody quoted loses nothing but quotes, backslashes and white space."""
    ignored = set('"\\ \t\n')
    found = "".join(word.text for word in text.split(printed))
    assert [char for char in found if char not in ignored] == [
        char for char in printed if char not in ignored
    ]


@given(st.binary())
@PROPERTY
def test_bytes_survive(raw: bytes) -> None:
    assert text.encode(text.decode(raw)) == raw


def test_half_a_surrogate_pair() -> None:
    with pytest.raises(errors.RuleError, match="cannot be encoded"):
        text.encode("a\ud800")


with_value = st.builds(
    lambda name, inverted, words: (Option(name, inverted, tuple(words)), True),
    names(),
    st.booleans(),
    st.lists(kernel_text, min_size=1, max_size=1),
)
several_words = st.builds(
    lambda name, inverted, first, rest: (Option(name, inverted, (first, *rest)), True),
    names(),
    st.booleans(),
    kernel_text,
    # Extensions print further words plain or quoted, and none of these begins an option.
    st.lists(kernel_text.filter(lambda word: not word.startswith("--")), max_size=2),
)
flags = st.builds(
    lambda name, inverted: (Option(name, inverted, ()), False), names(), st.booleans()
)


@given(
    st.lists(
        st.one_of(with_value, several_words, flags), max_size=5, unique_by=lambda pair: pair[0].name
    )
)
@PROPERTY
def test_options_are_read_as_printed(pairs: list[tuple[Option, bool]]) -> None:
    """Negation before the option, values of any form: what was printed is what is read."""
    options = [option for option, _ in pairs]
    printed = "".join(
        f"{' !' if option.inverted else ''} --{option.name}"
        + "".join(f" {save_string(word)}" for word in option.words)
        for option in options
    )
    known = {option.name for option, takes_value in pairs if takes_value}
    assert text.read_options(printed, known) == options


READ = {
    "old negation": (" --mac-source ! 00:11", [Option("mac-source", True, ("00:11",))]),
    "a lone mark": (" --mac-source !", [Option("mac-source", False, ("!",))]),
    "a quoted mark is a value": (' --comment "!"', [Option("comment", False, ("!",))]),
    "a quoted option is a value": (' --comment "--x"', [Option("comment", False, ("--x",))]),
    "an option is a value": (" --comment --x", [Option("comment", False, ("--x",))]),
    "flags": (" ! --syn --log", [Option("syn", True, ()), Option("log", False, ())]),
    "words before the first option": (" rule: --log", [Option("log", False, ())]),
    "empty": ("", []),
    "empty value": (' --comment ""', [Option("comment", False, ("",))]),
    "two words": (" --tcp-flags SYN,ACK SYN", [Option("tcp-flags", False, ("SYN,ACK", "SYN"))]),
    "escaped": (r' --comment "a\"b\\c\'d"', [Option("comment", False, ("a\"b\\c'd",))]),
    "glued quotes": (' --comment a"b c"d', [Option("comment", False, ("ab cd",))]),
}


@pytest.mark.parametrize(("printed", "options"), READ.values(), ids=READ)
def test_what_extensions_print(printed: str, options: list[Option]) -> None:
    assert text.read_options(printed, {"mac-source", "comment", "tcp-flags"}) == options


def parameters(options: list[Option]) -> dict[str, str]:
    """As ``Match.parameters`` has them."""
    return {
        option.name.replace("-", "_"): "!" * option.inverted + " ".join(option.words)
        for option in options
    }


@pytest.mark.parametrize(("printed", "options"), READ.values(), ids=READ)
def test_parameters_are_the_options(printed: str, options: list[Option]) -> None:
    assert read_parameters(text.encode(printed)) in (None, parameters(options))


@given(st.text(' \t!-"\\aü', max_size=14), st.sets(st.sampled_from(["a", "-a", "a-a", "aa"])))
@settings(PROPERTY, max_examples=1500)
def test_parameters_of_anything(printed: str, known: set[str]) -> None:
    """What is seen quickly is what is read slowly, whichever options take a value."""
    quick = read_parameters(text.encode(printed))
    assert quick in (None, parameters(text.read_options(printed, known)))


@given(
    st.dictionaries(
        names().map(lambda name: name.replace("-", "_")),
        st.builds(
            str.__add__, st.sampled_from(["", "!"]), st.text(string.ascii_letters + ": ,/.-@#")
        ).filter(lambda value: not value.lstrip("!").startswith("-")),
    )
)
@PROPERTY
def test_parameters_are_seen_quickly(wanted: dict[str, str]) -> None:
    printed = "".join(
        f"{' !' if value.startswith('!') else ''} --{name.replace('_', '-')} "
        + save_string(value.lstrip("!"))
        for name, value in wanted.items()
    )
    assert read_parameters(text.encode(printed)) == wanted


def test_words_know_their_quotes() -> None:
    assert text.split('a "b c" ""') == [Word("a", False), Word("b c", True), Word("", True)]


@given(st.binary(min_size=1, max_size=60).filter(lambda raw: b"\0" not in raw))
@settings(PROPERTY, max_examples=120)
def test_comment_through_the_library(raw: bytes) -> None:
    """Any bytes but NUL can be set, are printed by libxtables, and read back."""
    value = text.decode(raw)
    for rule in (Rule(), Rule6()):
        match = rule.create_match("comment")
        match.comment = value
        assert match.comment == value
        match.final_check()
        payload = match.match_buf
        assert payload[32 : 32 + len(raw) + 1] == raw + b"\0"
        # Read from the payload alone: what the library prints.
        rule.create_target("ACCEPT")
        read = type(rule)(rule.rule)
        assert read.matches[0].comment == value
        assert read == rule


STARTS = [
    "!",
    "! ",
    "!!",
    "! x",
    "!x",
    "!  two  blanks ",
    "-",
    "--",
    "--comment",
    '"',
    "\\",
    "'",
    " ",
]


@pytest.mark.parametrize("value", [*STARTS, *(start + "tail" for start in STARTS)], ids=repr)
def test_comments_that_look_like_something_else(value: str, family: Family) -> None:
    """Marks, options and quotes are text in a comment."""
    match = family.Rule().create_match("comment")
    match.comment = value
    assert match.comment == value


@pytest.mark.parametrize("length", [255, 256, 1000])
def test_long_comments(length: int, family: Family) -> None:
    """The library keeps 255 bytes and says nothing, here as for iptables."""
    match = family.Rule().create_match("comment")
    match.comment = "x" * length
    assert match.comment == "x" * 255
