# SPDX-License-Identifier: GPL-2.0-or-later
"""Addresses with masks, and interfaces with wildcards: text to bytes and back."""

from __future__ import annotations

import functools
import socket
from typing import NamedTuple, Optional

from .errors import RuleError, shown
from .text import decode, encode

__all__ = [
    "Network",
    "format_interface",
    "format_network",
    "masked",
    "parse_interface",
    "parse_network",
    "prefix_length",
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
        return socket.inet_pton(family, text)
    except (OSError, ValueError, UnicodeEncodeError):
        version = "IPv4" if family == socket.AF_INET else "IPv6"
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


@functools.lru_cache(maxsize=256)
def prefix_length(mask: bytes) -> Optional[int]:
    """Number of ones of a contiguous mask; None where it is not contiguous."""
    bits = len(mask) * 8
    value = int.from_bytes(mask, "big")
    length = bin(value).count("1")
    return length if value == ((1 << length) - 1) << (bits - length) else None


def format_network(network: Network, family: int, *, dotted: bool = False) -> str:
    """``address/length``, or with the mask written out where it has holes or *dotted* says so."""
    address = socket.inet_ntop(family, network.address)
    length = prefix_length(network.mask)
    if length is None or dotted:
        return f"{address}/{socket.inet_ntop(family, network.mask)}"
    return f"{address}/{length}"


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


def format_interface(name: bytes, mask: bytes) -> str:
    """What iptables prints for an interface; ``""`` for any.

    Source: save_iface() of iptables.
    """
    length = next((at for at, bits in enumerate(mask) if not bits), len(mask))
    shown = name[:length].split(b"\0")[0]
    wildcard = b"+" if 0 < length < len(mask) and name[length - 1] else b""
    return decode(shown + wildcard)
