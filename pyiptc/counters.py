# SPDX-License-Identifier: GPL-2.0-or-later
"""Packet and byte counters as a value."""

from __future__ import annotations

from typing import NamedTuple

from .errors import shown

__all__ = ["Counters"]


class Counters(NamedTuple):
    """Packets and bytes, in this order; equal to the plain tuple.

    64 bit unsigned in the kernel; a difference of two readings may be taken with ``-``.
    """

    packets: int = 0
    bytes: int = 0

    def __add__(self, other: object) -> Counters:
        """Sum, not concatenation: ``Counters(1, 60) + Counters(2, 120)``."""
        packets, size = _pair(other)
        return Counters(self.packets + packets, self.bytes + size)

    def __sub__(self, other: object) -> Counters:
        packets, size = _pair(other)
        return Counters(self.packets - packets, self.bytes - size)


def _pair(value: object) -> tuple[int, int]:
    if not isinstance(value, tuple) or len(value) != 2:
        raise TypeError(f"counters are packets and bytes, not {shown(value)}")
    return value


def checked(value: object) -> Counters:
    """Counters from any pair of numbers that fit 64 bits.

    Raises:
        TypeError: Not a pair of numbers.
        ValueError: Out of range.
    """
    if isinstance(value, (str, bytes)) or not hasattr(value, "__iter__"):
        raise TypeError(f"counters are packets and bytes, not {shown(value)}")
    numbers = tuple(value)
    if len(numbers) != 2 or not all(
        isinstance(number, int) and not isinstance(number, bool) for number in numbers
    ):
        raise TypeError(f"counters are packets and bytes, not {shown(value)}")
    if not all(0 <= number < 1 << 64 for number in numbers):
        raise ValueError(f"counters are 64 bit unsigned numbers, not {shown(value)}")
    return Counters(*numbers)
