# SPDX-License-Identifier: GPL-2.0-or-later
"""One rule shape over many addresses or ports: parsed twice, then laid out as often as wanted."""

from __future__ import annotations

import struct
from _socket import inet_pton
from collections.abc import Callable, Iterable
from typing import NamedTuple, Optional, Union

from . import _blob
from ._blob import Entry
from .addresses import parse_network
from .errors import RuleError, XTablesError, shown
from .text import plain

__all__ = ["PLACE", "Field", "Value", "field_of", "texts"]

PLACE = "{}"
"""What stands for the value."""

#: An address as text (with a prefix length or mask if wanted), as a number or as packed bytes; a
#: port as a number or as text; any other text.
Value = Union[str, int, bytes]

#: Two values each, of which the first and the last byte differ from the other's: what is between
#: the first and the last byte that differ in the entries is the field.
_ADDRESSES = {
    2: ("192.0.2.1", "203.113.65.7"),
    10: ("2001:db8::1", "fe80:1a2b:3c4d:5e6f:7a8b:9cad:beef:2"),
}
_PORTS = (0x1234, 0x5678)


class Field(NamedTuple):
    """Where the value stands in the entries of a template."""

    entry: Entry
    """The rule for any of the values."""
    at: int
    is_address: bool
    """An address of the header, whose mask goes with it; else the two ends of a range of ports."""

    def pack(self, values: Iterable[Value]) -> bytes:
        """What the field is for each value, one after the other.

        Raises:
            RuleError: A value that is no address or port.
        """
        if self.is_address:
            family = self.entry.family
            return _blob.pack_addresses(family, values, lambda text: parse_network(text, family))
        return b"".join(map(_range, values))


def field_of(family: int, template: str, parse: Callable[[str], Entry]) -> Optional[Field]:
    """The field of a template's value; None where it is no address of the header and no port.

    Args:
        parse: Makes the entry of a rule's text.
            That the template is no rule with such a value, which XTablesError and RuleError say,
            may still mean that it is one with another.
    """
    probes = [(_ADDRESSES[family], True), (tuple(map(str, _PORTS)), False)]
    for values, is_address in probes:
        try:
            one, other = (parse(template.replace(PLACE, value)) for value in values)
        except (XTablesError, RuleError):
            continue
        found = [
            at
            for at in range(min(len(one.data), len(other.data)))
            if one.data[at] != other.data[at]
        ]
        packed = [inet_pton(family, value) if is_address else _range(value) for value in values]
        at, size = (found or [0])[0], len(packed[0])
        if is_address and at not in (0, size):
            continue
        parts = [entry.data[at : at + size] for entry in (one, other)]
        same = len(one.data) == len(other.data) and found[-1:] < [at + size]
        if same and parts == packed and (one.kind, one.jump) == (other.kind, other.jump):
            return Field(one, at, is_address)
    return None


def texts(template: str, values: Iterable[Value]) -> Iterable[str]:
    """The rules of a template as text, one for each value."""
    for value in values:
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise TypeError(f"a value of this template is text or a number, not {shown(value)}")
        yield template.replace(PLACE, plain(value))


def _range(value: Value) -> bytes:
    """A port as the two ends of a range."""
    number = value
    if isinstance(value, str):
        if not value.isdecimal():
            raise RuleError(f"port {shown(value)}: expected a number")
        number = int(value[:8])
    if isinstance(number, bool) or not isinstance(number, int):
        raise TypeError(f"a port is a number, not {shown(value)}")
    if not 0 <= number <= 0xFFFF:
        raise RuleError(f"port {shown(value)}: expected 0 to 65535")
    return struct.pack("=HH", number, number)
