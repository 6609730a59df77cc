# SPDX-License-Identifier: GPL-2.0-or-later
from collections.abc import Callable
from typing import Final

from typing_extensions import Self, disjoint_base

from ._blob import Entry, Header
from ._words import Option
from ._xtables import Instance
from .enums import Kind

OPAQUE: Final[str]
FOREIGN: Final[str]

def opaque_text(payload: bytes) -> str: ...

REMEMBERED_COUNT: int
REMEMBERED_SIZE: int
SAMPLES: Final[tuple[bytes, ...]]

def sample(name: str, data: bytes) -> bytes: ...

@disjoint_base
class Text: ...

@disjoint_base
class Printed: ...

@disjoint_base
class Printer:
    def __new__(
        cls,
        instance: Instance,
        pure: frozenset[str],
        mended: Callable[[int, Kind, str, int, bytes, str], str],
        mendable: frozenset[str],
        caches: bool,
    ) -> Self: ...
    @property
    def instance(self) -> Instance: ...
    @property
    def caches(self) -> bool: ...
    @property
    def remembered(self) -> list[tuple[str, str]]: ...
    def forget(self) -> None: ...
    def part_text(self, kind: int, head: bytes, payload: bytes) -> tuple[str, str] | None: ...
    def part_options(
        self, kind: int, head: bytes, payload: bytes
    ) -> tuple[str, list[Option]] | None: ...
    def entry_text(self, entry: Entry) -> str: ...
    def header_text(self, header: Header) -> str: ...

def verdict_name(verdict: int) -> str: ...
