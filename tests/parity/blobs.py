"""Matches that no tool here would write, and one that it does."""

from __future__ import annotations

import struct

from support.rawtable import RawMatch

CONNTRACK_REVISION_1 = RawMatch("conntrack", 1, bytes(144) + struct.pack("HHBBxx", 1, 0, 8, 0))
"""struct xt_conntrack_mtinfo1: match_flags XT_CONNTRACK_STATE, state_mask NEW."""

CGROUP_REVISION_0 = RawMatch("cgroup", 0, struct.pack("II", 5, 0))
"""struct xt_cgroup_info_v0: id 5."""


def mark(value: int) -> RawMatch:
    """A match as the tool writes it: struct xt_mark_mtinfo1."""
    return RawMatch("mark", 1, struct.pack("IIB", value, 0xFFFFFFFF, 0))
