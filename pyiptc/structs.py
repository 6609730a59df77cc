# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel's structs for ctypes, under the names that python-iptables gave them.

For programs that look into them: what :attr:`pyiptc.Rule.entry` and its like give are copies, and
writing to one changes nothing else. pyiptc itself does not use them.

Source: linux/netfilter_ipv4/ip_tables.h, linux/netfilter_ipv6/ip6_tables.h,
linux/netfilter/x_tables.h.
"""

from __future__ import annotations

import ctypes as ct

__all__ = [
    "in6_addr",
    "in_addr",
    "ip6t_entry",
    "ip6t_ip6",
    "ipt_entry",
    "ipt_ip",
    "xt_counters",
    "xt_entry_match",
    "xt_entry_target",
]

_IFNAMSIZ = 16
_EXTENSION_MAXNAMELEN = 29


class xt_counters(ct.Structure):  # noqa: N801 - names of the headers, here and below
    """Packets and bytes."""

    _fields_ = [("pcnt", ct.c_uint64), ("bcnt", ct.c_uint64)]


class in_addr(ct.Structure):  # noqa: N801
    """An IPv4 address, in network order."""

    _fields_ = [("s_addr", ct.c_uint32)]


class ipt_ip(ct.Structure):  # noqa: N801
    """Which packets an IPv4 rule is about."""

    _fields_ = [
        ("src", in_addr),
        ("dst", in_addr),
        ("smsk", in_addr),
        ("dmsk", in_addr),
        ("iniface", ct.c_char * _IFNAMSIZ),
        ("outiface", ct.c_char * _IFNAMSIZ),
        ("iniface_mask", ct.c_char * _IFNAMSIZ),
        ("outiface_mask", ct.c_char * _IFNAMSIZ),
        ("proto", ct.c_uint16),
        ("flags", ct.c_uint8),
        ("invflags", ct.c_uint8),
    ]
    IPT_F_FRAG = 0x01
    IPT_F_GOTO = 0x02
    IPT_F_MASK = 0x03
    IPT_INV_VIA_IN = 0x01
    IPT_INV_VIA_OUT = 0x02
    IPT_INV_TOS = 0x04
    IPT_INV_SRCIP = 0x08
    IPT_INV_DSTIP = 0x10
    IPT_INV_FRAG = 0x20
    IPT_INV_PROTO = 0x40
    IPT_INV_MASK = 0x7F


class ipt_entry(ct.Structure):  # noqa: N801
    """The header of an IPv4 rule."""

    _fields_ = [
        ("ip", ipt_ip),
        ("nfcache", ct.c_uint),
        ("target_offset", ct.c_uint16),
        ("next_offset", ct.c_uint16),
        ("comefrom", ct.c_uint),
        ("counters", xt_counters),
    ]


class in6_addr(ct.Structure):  # noqa: N801
    """An IPv6 address, in network order."""

    _fields_ = [("s6_addr", ct.c_uint8 * 16)]


class ip6t_ip6(ct.Structure):  # noqa: N801
    """Which packets an IPv6 rule is about."""

    _fields_ = [
        ("src", in6_addr),
        ("dst", in6_addr),
        ("smsk", in6_addr),
        ("dmsk", in6_addr),
        ("iniface", ct.c_char * _IFNAMSIZ),
        ("outiface", ct.c_char * _IFNAMSIZ),
        ("iniface_mask", ct.c_char * _IFNAMSIZ),
        ("outiface_mask", ct.c_char * _IFNAMSIZ),
        ("proto", ct.c_uint16),
        ("tos", ct.c_uint8),
        ("flags", ct.c_uint8),
        ("invflags", ct.c_uint8),
    ]
    IP6T_F_PROTO = 0x01
    IP6T_F_TOS = 0x02
    IP6T_F_GOTO = 0x04
    IP6T_F_MASK = 0x07
    IP6T_INV_VIA_IN = 0x01
    IP6T_INV_VIA_OUT = 0x02
    IP6T_INV_TOS = 0x04
    IP6T_INV_SRCIP = 0x08
    IP6T_INV_DSTIP = 0x10
    IP6T_INV_FRAG = 0x20
    IP6T_INV_PROTO = 0x40
    IP6T_INV_MASK = 0x7F


class ip6t_entry(ct.Structure):  # noqa: N801
    """The header of an IPv6 rule."""

    _fields_ = [
        ("ipv6", ip6t_ip6),
        ("nfcache", ct.c_uint),
        ("target_offset", ct.c_uint16),
        ("next_offset", ct.c_uint16),
        ("comefrom", ct.c_uint),
        ("counters", xt_counters),
    ]


class _match_user(ct.Structure):  # noqa: N801
    _fields_ = [
        ("match_size", ct.c_uint16),
        ("name", ct.c_char * _EXTENSION_MAXNAMELEN),
        ("revision", ct.c_uint8),
    ]


class _match_u(ct.Union):  # noqa: N801
    # The kernel's own view of these bytes is a size and a pointer, hence 32 bytes.
    _fields_ = [("user", _match_user), ("match_size", ct.c_uint16), ("_size", ct.c_uint64 * 4)]


class xt_entry_match(ct.Structure):  # noqa: N801
    """The header of a match's payload."""

    _fields_ = [("u", _match_u)]


class _target_user(ct.Structure):  # noqa: N801
    _fields_ = [
        ("target_size", ct.c_uint16),
        ("name", ct.c_char * _EXTENSION_MAXNAMELEN),
        ("revision", ct.c_uint8),
    ]


class _target_u(ct.Union):  # noqa: N801
    _fields_ = [("user", _target_user), ("target_size", ct.c_uint16), ("_size", ct.c_uint64 * 4)]


class xt_entry_target(ct.Structure):  # noqa: N801
    """The header of a target's payload."""

    _fields_ = [("u", _target_u)]
