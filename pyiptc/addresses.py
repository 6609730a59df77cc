# SPDX-License-Identifier: GPL-2.0-or-later
"""Addresses with masks, and interfaces with wildcards: text to bytes."""

from __future__ import annotations

from _socket import inet_pton  # socket itself takes a tenth of all imports
from typing import NamedTuple

from .enums import Family
from .errors import RuleError, shown
from .text import encode

__all__ = [
    "Network",
    "masked",
    "parse_interface",
    "parse_network",
    "prefix_mask",
]

#: Longest name of an interface, in bytes (IFNAMSIZ without its NUL).
INTERFACE_MAX = 15

#: As many digits as need be looked at to see that a number is too large.
_DIGITS_MAX = 20


class Network(NamedTuple):
    """An address and the bits of it that count, in network order."""

    address: bytes
    mask: bytes


def parse_network(text: str, family: int) -> Network:
    """Read ``address``, ``address/length`` or ``address/mask``. No name is looked up.

    Raises:
        RuleError: Not an address or mask of this family.
    """
    address, slash, mask = text.partition("/")
    raw = _to_bytes(address, family, "address", text)
    bits = len(raw) * 8
    if not slash:
        return Network(raw, b"\xff" * len(raw))
    if mask.isascii() and mask.isdigit():
        length = int(mask[:_DIGITS_MAX])
        if length > bits:
            raise RuleError(f"invalid prefix length in {text[:80]!r}: expected 0 to {bits}")
        return Network(raw, prefix_mask(length, len(raw)))
    return Network(raw, _to_bytes(mask, family, "netmask", text))


def _to_bytes(text: str, family: int, what: str, whole: str) -> bytes:
    try:
        return inet_pton(family, text)
    except (OSError, ValueError, UnicodeEncodeError):
        version = "IPv4" if family == Family.IPV4 else "IPv6"
        raise RuleError(
            f"invalid {what} {shown(text)} in {shown(whole)}: expected {version}"
        ) from None


def prefix_mask(length: int, size: int) -> bytes:
    """A mask of *length* ones in *size* bytes."""
    bits = size * 8
    return (((1 << length) - 1) << (bits - length)).to_bytes(size, "big")


def masked(network: Network) -> Network:
    """The network as the kernel compares it: without the bits of the address that do not count."""
    kept = int.from_bytes(network.address, "big") & int.from_bytes(network.mask, "big")
    return Network(kept.to_bytes(len(network.mask), "big"), network.mask)


def parse_interface(text: str) -> tuple[bytes, bytes]:
    """Name and mask of an interface; a ``+`` at the end stands for any rest.

    Raises:
        RuleError: Empty, too long, or with a NUL.
    """
    name = encode(text)
    if not name:
        raise RuleError("an empty interface name: expected a name such as eth0, or None for any")
    if len(name) > INTERFACE_MAX:
        raise RuleError(f"interface name {text} too long: at most {INTERFACE_MAX} bytes")
    if b"\0" in name:
        raise RuleError(f"interface name {shown(text)} has a NUL byte")
    if name.endswith(b"+"):
        return name, b"\xff" * (len(name) - 1)
    # The NUL belongs to the name: eth0 is not eth01.
    return name, b"\xff" * (len(name) + 1)
