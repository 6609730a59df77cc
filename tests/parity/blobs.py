"""Table filter as bytes: entries taken to pieces, and rules that no tool here would write.

Layouts: struct ipt_entry and ip6t_entry, linux/netfilter_ipv4/ip_tables.h.
"""

from __future__ import annotations

import struct

from support import rawtable
from support.rawtable import LAYOUTS, RawMatch

CONNTRACK_REVISION_1 = RawMatch("conntrack", 1, bytes(144) + struct.pack("HHBBxx", 1, 0, 8, 0))
"""struct xt_conntrack_mtinfo1: match_flags XT_CONNTRACK_STATE, state_mask NEW."""

CGROUP_REVISION_0 = RawMatch("cgroup", 0, struct.pack("II", 5, 0))
"""struct xt_cgroup_info_v0: id 5."""


def mark(value: int) -> RawMatch:
    """A match as the tool writes it: struct xt_mark_mtinfo1."""
    return RawMatch("mark", 1, struct.pack("IIB", value, 0xFFFFFFFF, 0))


def elements(family: str) -> list[bytes]:
    """The matches and the target of every entry in the kernel, as they are."""
    layout = LAYOUTS[family]
    blob = rawtable.read_filter(family)
    found = []
    while blob:
        # after the addresses: nfcache, target_offset, next_offset
        (next_offset,) = struct.unpack_from("6xH", blob, layout.address_size)
        assert next_offset > layout.header_size
        found.append(blob[layout.header_size : next_offset])
        blob = blob[next_offset:]
    return found
