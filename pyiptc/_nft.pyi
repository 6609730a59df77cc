# SPDX-License-Identifier: GPL-2.0-or-later
from typing import Final

from ._blob import Entry

PORTABLE: Final[int]
NATIVE_1_8_9: Final[int]
NATIVE_1_8_11: Final[int]
UNCOUNTED: Final[int]
COMMENTED: Final[int]

def encode(entry: Entry, form: int = 0) -> tuple[bytes, int, int]: ...
def decode(
    family: int, expressions: bytes, userdata: bytes = b""
) -> tuple[Entry | None, str, int]: ...
def names(expressions: bytes) -> str: ...
def jump(expressions: bytes) -> str | None: ...
