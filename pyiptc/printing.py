# SPDX-License-Identifier: GPL-2.0-or-later
"""An entry as text, without an object: what ``iptables-save`` prints after the chain's name."""

from __future__ import annotations

from collections.abc import Iterator

from ._blob import Header
from ._print import entry_text, forget, opaque_text, part_text, printer, verdict_name

__all__ = [
    "entry_text",
    "forget",
    "header_words",
    "opaque_text",
    "part_text",
    "printer",
    "verdict_name",
]


def header_words(header: Header) -> Iterator[str]:
    """What a rule's text begins with: addresses, interfaces, protocol."""
    text = printer(header.family).header_text(header)
    if text:
        yield text
