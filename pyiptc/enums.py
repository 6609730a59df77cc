# SPDX-License-Identifier: GPL-2.0-or-later
"""Numbers of the kernel's headers under their own names."""

from __future__ import annotations

import enum


class Family(enum.IntEnum):
    """Protocol families (``NFPROTO_*``, linux/netfilter.h)."""

    IPV4 = 2
    IPV6 = 10

    @property
    def label(self) -> str:
        """``IPv4`` or ``IPv6``."""
        return "IPv4" if self == Family.IPV4 else "IPv6"


class Hook(enum.IntEnum):
    """Where packets meet built-in chains (``NF_INET_*``, linux/netfilter.h)."""

    PREROUTING = 0
    INPUT = 1
    FORWARD = 2
    OUTPUT = 3
    POSTROUTING = 4


class Kind(enum.IntEnum):
    """What an extension is (``enum pyiptc_kind``)."""

    MATCH = 0
    TARGET = 1


class Verdict(enum.IntEnum):
    """Verdicts as they stand in a blob: ``-NF_x - 1`` (linux/netfilter/x_tables.h)."""

    DROP = -1
    ACCEPT = -2
    QUEUE = -4
    RETURN = -5


class HeaderFlag(enum.IntFlag):
    """``ipt_ip.flags`` and ``ip6t_ip6.flags`` where the two agree by meaning."""

    FRAGMENT = 0x01  # IPT_F_FRAG
    PROTOCOL = 0x01  # IP6T_F_PROTO
    GOTO = 0x02  # IPT_F_GOTO
    GOTO6 = 0x04  # IP6T_F_GOTO


#: The flag of ``-g``, by family.
GOTO_FLAGS = {Family.IPV4: int(HeaderFlag.GOTO), Family.IPV6: int(HeaderFlag.GOTO6)}


class Inverted(enum.IntFlag):
    """``invflags``: the same bits in both families."""

    IN_INTERFACE = 0x01
    OUT_INTERFACE = 0x02
    TOS = 0x04
    SOURCE = 0x08
    DESTINATION = 0x10
    FRAGMENT = 0x20
    PROTOCOL = 0x40
