# SPDX-License-Identifier: GPL-2.0-or-later
from typing import Final, NamedTuple

from typing_extensions import Self, disjoint_base

MATCH: Final[int]
TARGET: Final[int]
NAME_MAX: Final[int]

class Extension:
    __slots__ = ("has_parse", "has_save", "name", "revision", "size", "user_size")

    name: str
    revision: int
    size: int
    user_size: int
    has_save: bool
    has_parse: bool
    def __init__(
        self,
        name: str,
        revision: int,
        size: int,
        user_size: int,
        has_save: bool,
        has_parse: bool,
    ) -> None: ...

class OptionType(NamedTuple):
    has_arg: int
    id: int

class UnknownPayload(Exception): ...

@disjoint_base
class Instance:
    def __new__(cls, family: int) -> Self: ...
    @property
    def family(self) -> int: ...
    def find(self, kind: int, name: str) -> Extension: ...
    def options(self, kind: int, name: str) -> dict[str, OptionType]: ...
    def parse(
        self,
        kind: int,
        name: str,
        head: bytes,
        words: list[bytes],
        final: bool,
        said: set[str] | None = None,
    ) -> bytes: ...
    def rule(
        self, words: list[bytes], resolve: bool = False
    ) -> tuple[list[bytes], int, str | None]: ...
    def remembered(self) -> list[tuple[int, str, list[str]]]: ...
    def save(self, kind: int, head: bytes, payload: bytes) -> tuple[str, bytes]: ...
    def protocol_name(self, number: int) -> str: ...
    def protocol_number(self, name: str) -> int: ...

def instance(family: int) -> Instance: ...
def prefer_nft() -> None: ...
def has_namespaces() -> bool: ...
