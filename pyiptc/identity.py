# SPDX-License-Identifier: GPL-2.0-or-later
"""When two rules are the same: as ``iptables -C`` says.

The header without counters; matches in order and the target, each up to the size that its
extension says matters (fields of the kernel lie beyond); verdict, chain and goto. Of an
extension that is not known here every byte counts. In one point iptables is stricter: it takes
two spellings of the same IPv4 mask for different ones, so that it cannot delete what it printed.
"""

from __future__ import annotations

from typing import Optional, Union

from . import _xtables
from ._blob import PAYLOAD_HEADER, Entry, payload_name, payload_revision
from .enums import Kind
from .errors import XTablesError

__all__ = ["Key", "key_of", "mask_of", "unordered", "user_size"]

#: Bytes of a verdict.
_VERDICT_SIZE = 4

#: Masks of addresses that are 16 bytes in the payload, of which IPv4 has 4: extensions fill the
#: rest with ones by default and with zeros where the same mask is given (family, kind, name and
#: revision to offsets in the data).
_IPV4_MASKS = {
    (2, Kind.MATCH, "connlimit", 1): (0,),
    (2, Kind.MATCH, "recent", 1): (212,),
    (2, Kind.TARGET, "HMARK", 0): (0, 16),
}

#: What counts, by family and shape of an entry; only of extensions that are known.
_shapes: dict[tuple[int, bytes], tuple[list[int], list[int]]] = {}
_SHAPES_MAX = 4096

#: Header, matches, target or chain: equal for equal rules.
Key = tuple[bytes, tuple[bytes, ...], Union[bytes, str, None]]


def user_size(family: int, kind: Kind, payload: bytes) -> int:
    """Bytes of a payload's data that count when rules are compared."""
    found = _known_size(family, kind, payload)
    return len(payload) - PAYLOAD_HEADER if found is None else found


def _known_size(family: int, kind: Kind, payload: bytes) -> Optional[int]:
    """The same of an extension that is known here in this form; None of others."""
    name = payload_name(payload)
    if kind == Kind.TARGET and name == "":
        return _VERDICT_SIZE
    try:
        extension = _xtables.instance(family).find(kind, name)
    except XTablesError:
        return None
    data_size = len(payload) - PAYLOAD_HEADER
    if (extension.revision, extension.size) != (payload_revision(payload), data_size):
        return None
    return min(extension.user_size, data_size)


def mask_of(entry: Entry) -> bytes:
    """The bits of an entry that count, for :meth:`pyiptc._kernel.TableData.find`."""
    sizes, holes = _counting(entry)
    mask = entry.mask(sizes)
    if not holes:
        return mask
    punched = bytearray(mask)
    for at in holes:
        punched[at + 4 : at + 16] = bytes(12)
    return bytes(punched)


def _counting(entry: Entry) -> tuple[list[int], list[int]]:
    """What counts in rules of these extensions: bytes of each payload, and holes in them."""
    shape = entry.family, entry.shape
    found = _shapes.get(shape)
    if found is None:
        payloads = [
            *((Kind.MATCH, payload) for payload in entry.matches),
            (Kind.TARGET, entry.target),
        ]
        known = [_known_size(entry.family, kind, payload) for kind, payload in payloads]
        sizes = [
            len(payload) - PAYLOAD_HEADER if size is None else size
            for size, (_, payload) in zip(known, payloads)
        ]
        found = sizes, _holes(entry)
        if None not in known:
            if len(_shapes) >= _SHAPES_MAX:
                _shapes.clear()
            _shapes[shape] = found
    return found


def _holes(entry: Entry) -> list[int]:
    """Offsets of the address masks of which only the first four bytes mean something."""
    found = []
    offset = len(entry.head)
    payloads = [(Kind.MATCH, payload) for payload in entry.matches]
    for kind, payload in [*payloads, (Kind.TARGET, entry.target)]:
        shape = (entry.family, kind, payload_name(payload), payload_revision(payload))
        found += [offset + PAYLOAD_HEADER + at for at in _IPV4_MASKS.get(shape, ())]
        offset += len(payload)
    return found


def key_of(entry: Entry) -> Key:
    """What two equal rules have in common. Cost: linear in the entry's size."""
    masked = entry.masked(mask_of(entry))
    offset = len(entry.head)
    matches = []
    for payload in entry.matches:
        matches.append(masked[offset : offset + len(payload)])
        offset += len(payload)
    target: Union[bytes, str, None] = masked[offset:]
    if entry.jump is not None or (entry.verdict is None and payload_name(entry.target) == ""):
        target = entry.jump
    return masked[: len(entry.ip)], tuple(matches), target


def unordered(key: Key) -> Key:
    """The same for rules whose matches stand in another order."""
    header, matches, target = key
    return header, tuple(sorted(matches)), target
