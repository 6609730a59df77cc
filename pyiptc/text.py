# SPDX-License-Identifier: GPL-2.0-or-later
"""Words of options: what extensions print, split again.

Text is bytes for the kernel. It is decoded as UTF-8 with ``surrogateescape``, so that a comment
in any other encoding survives the round trip.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple, Optional

from .errors import RuleError, shown

__all__ = [
    "Option",
    "Word",
    "decode",
    "encode",
    "quoted",
    "read_options",
    "shell_split",
    "split",
]


class Word(NamedTuple):
    """A word of a save file."""

    text: str
    quoted: bool


class Option(NamedTuple):
    """One option of a match or target: ``! --dport 80`` is ``("dport", True, ("80",))``."""

    name: str
    inverted: bool
    words: tuple[str, ...]


def decode(raw: bytes) -> str:
    """Bytes of the kernel as text."""
    return raw.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """Text as bytes for the kernel.

    Raises:
        RuleError: Half of a surrogate pair, which no encoding has bytes for.
    """
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise RuleError(f"{shown(text)} cannot be encoded: {error.reason}") from None


#: Text in which only blanks mean something.
_PLAIN = re.compile(r"[ !#-&(-\[\]-~\t\n]*")


#: A word of these, or one in double quotes that has nothing else in it that means something.
_WORD = re.compile(r'[ \t\n]*(?:([!#-&(-\[\]-~]+)|"([^"\\]*)")(?=[ \t\n]|$)')


def _quick_split(text: str) -> Optional[list[Word]]:
    """Split text of plain words and simply quoted ones; None where there is more to it."""
    if _PLAIN.fullmatch(text):
        return [Word(word, False) for word in text.split()]
    words = []
    at = 0
    while found := _WORD.match(text, at):
        plain, in_quotes = found.groups()
        words.append(Word(in_quotes, True) if plain is None else Word(plain, False))
        at = found.end()
    return words if at == len(text) else None


def split(text: str) -> list[Word]:
    """Split what xtables_save_string() and the extensions print.

    White space separates; double quotes keep it together, and inside them a backslash keeps the
    next character as it is.
    """
    quick = _quick_split(text)
    if quick is not None:
        return quick
    words: list[Word] = []
    current: list[str] = []
    quoted = in_quotes = escaped = False
    for char in text:
        if in_quotes and escaped:
            current.append(char)
            escaped = False
        elif in_quotes and char == "\\":
            escaped = True
        elif char == '"':
            in_quotes = not in_quotes
            quoted = True
        elif char in " \t\n" and not in_quotes:
            if current or quoted:
                words.append(Word("".join(current), quoted))
            current, quoted = [], False
        else:
            current.append(char)
    if current or quoted:
        words.append(Word("".join(current), quoted))
    return words


def quoted(word: str) -> str:
    """A word as :func:`split`, :func:`shell_split` and iptables-restore read it again."""
    if word and not any(char in "\"'\\" or char.isspace() for char in word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def shell_split(text: str) -> list[str]:
    """Split as a shell does, and as a save file is.

    The two differ in what a backslash does between double quotes: here it keeps a quote, a
    backslash, ``$`` or a backquote as it is, and is itself before anything else.

    Raises:
        RuleError: A quote is not closed, or nothing follows a backslash.
    """
    quick = _quick_split(text)
    if quick is not None:
        return [word.text for word in quick]
    words: list[str] = []
    current: list[str] = []
    quote = ""
    escaped = started = False
    for char in text:
        if escaped:
            if quote and char not in "\"'\\$`":
                current.append("\\")
            current.append(char)
            escaped = False
        elif char == "\\" and quote != "'":
            escaped = started = True
        elif quote:
            if char == quote:
                quote = ""
            else:
                current.append(char)
        elif char in "\"'":
            quote = char
            started = True
        elif char in " \t\n":
            if started:
                words.append("".join(current))
            current, started = [], False
        else:
            current.append(char)
            started = True
    if quote or escaped:
        missing = f"no closing {quote}" if quote else "nothing after a backslash"
        raise RuleError(f"{shown(text)}: {missing}")
    if started:
        words.append("".join(current))
    return words


def _is_mark(word: Word) -> bool:
    """Whether a word can begin an option."""
    return not word.quoted and (word.text == "!" or word.text.startswith("--"))


def read_options(text: str, with_value: Collection[str]) -> list[Option]:
    """The options in what an extension printed.

    Args:
        with_value: Names of the options that take a value: the first word after one of these is
            its value, whatever it looks like.
    """
    words = split(text)
    options: list[Option] = []
    inverted = False
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word == Word("!", False):
            inverted = True
            continue
        if not _is_mark(word):
            continue
        values: list[str] = []
        takes_value = word.text[2:] in with_value
        # Old extensions print `--option ! value`.
        if takes_value and words[at : at + 1] == [Word("!", False)] and at + 1 < len(words):
            inverted = True
            at += 1
        if takes_value and at < len(words):
            values.append(words[at].text)
            at += 1
        while at < len(words) and not _is_mark(words[at]):
            values.append(words[at].text)
            at += 1
        options.append(Option(word.text[2:], inverted, tuple(values)))
        inverted = False
    return options
