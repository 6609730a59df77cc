"""What inputs are made of: the corpus, a mutator that knows words, known exceptions."""

from __future__ import annotations

import json
import random
import re
import shlex
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

from parity import cases

CHANGING = re.compile(
    # Of an IPv4 address these set the bytes of an IPv6 one too, unless they are given one.
    r"-j HMARK |-m recent |-m connlimit "
)
"""Rules of which the extension makes other bytes when it reads what it prints; they are equal."""

NUMBERS = "0 1 -1 00 0x 0x0 31 32 33 127 128 255 256 65535 65536 2147483648 4294967295 4294967296"
NUMBERS += " 18446744073709551615 18446744073709551616 1e9 0.5 1: :1 9:8 1-2 1,2 0x1/0x2 ! : , / +"
PIECES: list[str] = [*"\0\t\n\r\f \"'\\!-=[]*", "--", "%s"]
PIECES += ["\x7f", "\x80", "ż", "\udcff", "x" * 40, "%", "$", "`", "{", "}", ":", "#", "COMMIT\n"]
OPTIONS = "-s -d -i -o -p -f -j -g -m -c -4 -6 -A -t --src --in-interface --set-counters --jump"


def is_ambiguous(rule: Any) -> bool:
    """Whether a rule is one of those that iptables-save prints as another one, as we do.

    Most of these are refused by the kernel, or differ in a bit that means nothing.
    """
    parts = [*rule.matches, *([rule.target] if rule.target is not None else [])]
    extensions = [part for part in parts if not getattr(part, "_is_standard", False)]
    if any(_ODD[part.name](part) for part in extensions if part.name in _ODD):
        return True
    names = rule.get_ip().iniface, rule.get_ip().outiface
    if any(name.startswith(b"!") for name in names):
        return True  # as a dictionary it is the inversion of another one
    # `-p all` sets a flag, which changes nothing.
    return bool(rule.nfproto == 10 and rule.get_ip().proto == 0 and rule.get_ip().flags & 1)


def _has_rate_match(match: Any) -> bool:
    """The interval is printed with --hashlimit-rate-match only."""
    return "hashlimit-rate-match" in match.get_all_parameters()


def _data(part: Any) -> bytes:
    """A payload without its header."""
    data: bytes = part._view()[32:]
    return data


_ODD: dict[str, Callable[[Any], bool]] = {
    "hashlimit": lambda part: not _has_rate_match(part),
    # xt_rateest.h: flags (BPS and PPS are 48) and mode; the kernel wants both.
    "rateest": lambda part: part.is_opaque or not _data(part)[32] & 48 or not _data(part)[34],
    # xt_RATEEST.h: the smoothing is printed as a time that does not fit an int.
    "RATEEST": lambda part: _data(part)[17] > 12,
    # xt_NFQUEUE.h: 0:65535 are 65,536 queues, of which 16 bits are 0.
    "NFQUEUE": lambda part: _data(part)[2:4] == bytes(2),
    # ip6t_rt.h: 0:4294967295 is any number, and not printed.
    "rt": lambda part: part._rule.nfproto == 10 and _data(part)[4:12] == bytes(4) + b"\xff" * 4,
    # xt_time.h: the 0th of the month, of a word that is no number; no day of the week at all.
    "time": lambda part: bool(_data(part)[16] & 1) or not _data(part)[20],
    # xt_policy.h: none (4) and elements at once; elements are not printed then, nor looked at.
    "policy": lambda part: bool(_data(part)[304] & 4),
    # ip6t_NPT.h: more than the 64 bits that the kernel takes, of a mask with holes.
    "SNPT": lambda part: max(_data(part)[32:34]) > 64,
    "DNPT": lambda part: max(_data(part)[32:34]) > 64,
    # xt_conntrack.h: a range of ports that ends at 0 is printed as one port.
    "conntrack": lambda part: any(
        high < low
        for low, high in zip(*(struct.unpack_from("=4H", _data(part), at) for at in (138, 154)))
    ),
}
"""What to leave out, by the name of the match or target."""


def is_changing(rule: Any) -> bool:
    """Whether the text of a rule makes other bytes, which mean the same."""
    # An interface `+` stands for any, as none at all does.
    names = rule.get_ip().iniface, rule.get_ip().outiface
    return b"+" in names or bool(CHANGING.search(str(rule)))


def text(raw: bytes) -> str:
    """Bytes as text of every kind: with halves of surrogate pairs where they were encoded."""
    try:
        return raw.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return raw.decode("utf-8", "surrogateescape")


def json_value(raw: bytes) -> Any:
    """JSON, or None where it is none."""
    try:
        return json.loads(text(raw))
    except (ValueError, RecursionError):
        return None


def sets() -> list[list[str]]:
    """Commands that make the sets of the matrix."""
    commands = [*cases.HOSTS, *cases.PORTS, *cases.MARKS, *cases.TIMED]
    return [
        shlex.split(command.format_map(known))
        for known in cases.WORDS.values()
        for command in commands
    ]


def corpus(directory: Path) -> list[bytes]:
    """The inputs of the corpus, in the order of their names."""
    return [path.read_bytes() for path in sorted(directory.iterdir())]


class Mutator:
    """Changes an input a little: bytes, words, lines, parts of others."""

    def __init__(self, corpus: list[bytes], generator: random.Random) -> None:
        self._random = generator
        self._corpus = corpus
        found = {word for data in corpus for word in re.split(rb"[\s\0]+", data[1:])}
        self._words = sorted(word for word in found if 0 < len(word) < 64)
        self._words += [word.encode() for word in (NUMBERS + " " + OPTIONS).split()]
        self._pieces: list[bytes] = [piece.encode("utf-8", "surrogateescape") for piece in PIECES]

    def __call__(self, data: bytes) -> bytes:
        changes = [self._word] * 3 + [self._piece, self._bytes, self._cut, self._again]
        changes += [self._splice, self._mode]
        for _ in range(self._random.choice((1, 1, 1, 2, 2, 3, 5, 8))):
            change = self._random.choice(changes)
            data = change(data)
        return data[:4096]

    def _span(self, data: bytes, longest: int) -> tuple[int, int]:
        start = self._random.randint(min(1, len(data)), len(data))
        return start, min(len(data), start + self._random.randint(0, longest))

    def _word(self, data: bytes) -> bytes:
        """One word is another one, is left out, or comes in addition."""
        parts = re.split(rb"([\s\0]+)", data[1:])
        at = self._random.randrange(0, len(parts), 2)
        new = self._random.choice(self._words)
        kind = self._random.random()
        if kind < 0.5:
            parts[at] = new
        elif kind < 0.65:
            del parts[at : at + 2]
        else:
            parts[at:at] = [new, self._random.choice((b" ", b" ", b"\n", b"\0"))]
        return data[:1] + b"".join(parts)

    def _piece(self, data: bytes) -> bytes:
        start, end = self._span(data, 2)
        return data[:start] + self._random.choice(self._pieces) + data[end:]

    def _bytes(self, data: bytes) -> bytes:
        start, end = self._span(data, 3)
        return data[:start] + self._random.randbytes(self._random.randint(0, 3)) + data[end:]

    def _cut(self, data: bytes) -> bytes:
        start, end = self._span(data, 30)
        return data[:start] + data[end:]

    def _again(self, data: bytes) -> bytes:
        start, end = self._span(data, 60)
        return data[:end] + data[start:end] * self._random.choice((1, 1, 2, 10)) + data[end:]

    def _splice(self, data: bytes) -> bytes:
        other = self._random.choice(self._corpus)
        start, end = self._span(other, 200)
        at, to = self._span(data, 20)
        return data[:at] + b" " * self._random.randint(0, 1) + other[start:end] + data[to:]

    def _mode(self, data: bytes) -> bytes:
        return bytes([97 + self._random.randrange(18)]) + data[1:]
