"""Tables that were recorded from a kernel: `tests/data/record.py` says how."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Optional

from support.faults import INFO

BLOBS = Path(__file__).parents[1] / "data" / "blobs"
NUMBER = {"ipv4": 2, "ipv6": 10}
OFFSETS = {"ipv4": 88, "ipv6": 140}
"""Where target_offset and next_offset are in an entry (struct ipt_entry, struct ip6t_entry)."""


@dataclass(frozen=True)
class Recorded:
    """One table as the kernel gave it."""

    name: str

    @cached_property
    def provenance(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((BLOBS / f"{self.name}.json").read_text())
        return found

    @cached_property
    def data(self) -> bytes:
        data = (BLOBS / f"{self.name}.bin").read_bytes()
        assert hashlib.sha256(data).hexdigest() == self.provenance["sha256"]
        return data

    @property
    def info(self) -> bytes:
        return self.data[: INFO.size]

    @property
    def entries(self) -> bytes:
        return self.data[INFO.size :]

    @property
    def family(self) -> str:
        return str(self.provenance["family"])

    @property
    def number(self) -> int:
        return NUMBER[self.family]

    @property
    def table(self) -> str:
        return str(self.provenance["table"])

    def split(self) -> Iterator[bytes]:
        """The entries one by one, told apart without the code under test."""
        at, data = 0, self.entries
        while at < len(data):
            (size,) = struct.unpack_from("=H", data, at + OFFSETS[self.family] + 2)
            yield data[at : at + size]
            at += size


def place(blob: Recorded, data: bytes) -> tuple[int, Optional[str]]:
    """Kind and chain of an entry: where its verdict is an offset, it jumps to some chain."""
    (target,) = struct.unpack_from("=H", data, OFFSETS[blob.family])
    is_standard = not data[target + 2]
    is_jump = is_standard and struct.unpack_from("=i", data, target + 32)[0] >= 0
    return (1, "some-chain") if is_jump else (0, None)


NAMES = sorted(path.stem for path in BLOBS.glob("*.json"))
ALL = {name: Recorded(name) for name in NAMES}
