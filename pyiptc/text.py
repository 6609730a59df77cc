# SPDX-License-Identifier: GPL-2.0-or-later
"""Words of options: what extensions print, split again.

Text is bytes for the kernel. It is decoded as UTF-8 with ``surrogateescape``, so that a comment
in any other encoding survives the round trip.
"""

from __future__ import annotations

import re
from typing import Optional, Union

from ._words import Option, Word, read_options, split
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


def plain(value: Union[str, int]) -> str:
    """Text or a number, of whatever class, as text: members of enumerations say their names."""
    if type(value) is str:
        return value
    return str.__str__(value) if isinstance(value, str) else str(int(value))


#: What cannot stand in a word without quotes.
_SPECIAL = re.compile(r"[\"'\\\s\x1c-\x1f]", re.ASCII)


def quoted(word: str) -> str:
    """A word as :func:`split`, :func:`shell_split` and iptables-restore read it again."""
    if word and not _SPECIAL.search(word):
        return word
    escaped = word.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


#: Text in which only blanks mean something.
_PLAIN = re.compile(r"[ !#-&(-\[\]-~\t\n]*")

#: A word of these, or one in double quotes that has nothing else in it that means something.
_WORD = re.compile(r'[ \t\n]*(?:([!#-&(-\[\]-~]+)|"([^"\\]*)")(?=[ \t\n]|$)')


def _quick_split(text: str) -> Optional[list[str]]:
    """Split text of plain words and simply quoted ones; None where there is more to it."""
    if _PLAIN.fullmatch(text):
        return text.split()
    words = []
    at = 0
    while found := _WORD.match(text, at):
        plain, in_quotes = found.groups()
        words.append(in_quotes if plain is None else plain)
        at = found.end()
    return words if at == len(text) else None


def shell_split(text: str) -> list[str]:
    """Split as a shell does, and as a save file is.

    The two differ in what a backslash does between double quotes: here it keeps a quote, a
    backslash, ``$`` or a backquote as it is, and is itself before anything else.

    Raises:
        RuleError: A quote is not closed, or nothing follows a backslash.
    """
    quick = _quick_split(text)
    if quick is not None:
        return quick
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
