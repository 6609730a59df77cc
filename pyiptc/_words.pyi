# SPDX-License-Identifier: GPL-2.0-or-later
from collections.abc import Collection
from typing import NamedTuple, Optional

class Word(NamedTuple):
    text: str
    quoted: bool

class Option(NamedTuple):
    name: str
    inverted: bool
    words: tuple[str, ...]

def split(text: str) -> list[Word]: ...
def read_options(text: str, with_value: Collection[str]) -> list[Option]: ...
def read_parameters(text: bytes) -> Optional[dict[str, str]]: ...
