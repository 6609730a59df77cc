# SPDX-License-Identifier: GPL-2.0-or-later
"""Entries as nf_tables expressions, and back: bytes to bytes, without a kernel.

What is sent to nf_tables and read from it goes through the same functions of the C shim; this
module shows them to Python one rule at a time.

Source: linux/netfilter/nf_tables.h, linux/netfilter/nf_tables_compat.h, and what iptables-nft
1.8.3 to 1.8.11 leaves in the kernel.
"""

import errno as _errno

from . cimport _csrc
from ._blob cimport Entry, to_str

from .errors import RuleError
from .text import encode as to_bytes

#: Which expressions a rule becomes: what every iptables-nft from 1.8.3 on lists correctly, …
PORTABLE = _csrc.PYIPTC_NFT_PORTABLE
#: … or to the byte what one of its versions writes.
NATIVE_1_8_9 = _csrc.PYIPTC_NFT_NATIVE_1_8_9
NATIVE_1_8_11 = _csrc.PYIPTC_NFT_NATIVE_1_8_11

#: Bits of the third value of :func:`decode`: there is no counter; …
UNCOUNTED = _csrc.PYIPTC_NFT_UNCOUNTED
#: … the last match is a comment that nft had written its own way.
COMMENTED = _csrc.PYIPTC_NFT_COMMENTED


def encode(Entry entry not None, int form=PORTABLE) -> tuple[bytes, int, int]:
    """The expressions of a rule, its counters among them.

    Args:
        form: ``PORTABLE``, ``NATIVE_1_8_9`` or ``NATIVE_1_8_11``.
    Returns:
        What ``NFTA_RULE_EXPRESSIONS`` holds, and protocol and flags of ``NFTA_RULE_COMPAT``.
    Raises:
        RuleError: nf_tables cannot say this, or not within 128 expressions.
    """
    cdef _csrc.pyiptc_nft_buffer out
    cdef _csrc.pyiptc_nft_compat compat
    cdef const char *reason = NULL
    cdef const char *jump = NULL
    cdef bytes chain, data = entry.data
    cdef int rc
    if form < 0 or form >= _csrc.PYIPTC_NFT_FORMS:
        raise ValueError(f"form {form}: there are {_csrc.PYIPTC_NFT_FORMS}, from 0 on")
    if entry.jump is not None:
        chain = to_bytes(entry.jump)
        jump = chain
    out.data, out.size, out.capacity = NULL, 0, 0
    try:
        rc = _csrc.pyiptc_nft_encode(
            entry.layout, data, entry.size,
            <_csrc.pyiptc_rule_kind>entry.kind, jump, <_csrc.pyiptc_nft_form>form, &out, &compat,
            &reason)
        if rc == -_errno.ENOMEM:
            raise MemoryError
        if rc < 0:
            raise RuleError(f"not for nf_tables: {to_str(reason)}")
        return out.data[:out.size], compat.protocol, compat.flags
    finally:
        _csrc.pyiptc_nft_buffer_free(&out)


def decode(int family, bytes expressions not None, bytes userdata not None=b"") -> tuple[
        Entry | None, str, int]:
    """A rule of a dump as an entry.

    Args:
        family: 2 or 10.
        expressions: What ``NFTA_RULE_EXPRESSIONS`` holds.
        userdata: What ``NFTA_RULE_USERDATA`` holds.
    Returns:
        The entry, ``""``, and bits (``UNCOUNTED``, ``COMMENTED``); or None, why no rule of iptables
        says what this one does, and 0.
    """
    cdef const _csrc.pyiptc_family *layout = _csrc.pyiptc_family_of(<unsigned int>family)
    cdef _csrc.pyiptc_nft_buffer out
    cdef _csrc.pyiptc_nft_rule rule
    cdef const char *reason = NULL
    cdef int rc
    if layout is NULL:
        raise ValueError(f"family {family}: expected 2 (IPv4) or 10 (IPv6)")
    out.data, out.size, out.capacity = NULL, 0, 0
    try:
        rc = _csrc.pyiptc_nft_decode(
            layout, <const unsigned char *>expressions, len(expressions),
            <const unsigned char *>userdata, len(userdata), &out, &rule, &reason)
        if rc == -_errno.ENOMEM:
            raise MemoryError
        if rc < 0:
            return None, to_str(reason), 0
        return (
            Entry.from_uapi(layout, out.data, out.size, rule.kind,
                            to_str(rule.jump) if rule.kind == _csrc.PYIPTC_RULE_JUMP else None),
            "", rule.flags)
    finally:
        _csrc.pyiptc_nft_buffer_free(&out)


def names(bytes expressions not None) -> str:
    """Names of the expressions, separated by blanks; ``match`` and ``target`` with their own."""
    cdef char text[1024]
    cdef size_t size = _csrc.pyiptc_nft_names(<const unsigned char *>expressions,
                                              len(expressions), text, sizeof(text))
    return text[:size].decode("ascii")


def jump(bytes expressions not None) -> str | None:
    """Chain that a rule, whoever made it, jumps or goes to by its own verdict."""
    cdef const char *chain = NULL
    cdef size_t size = _csrc.pyiptc_nft_jump(<const unsigned char *>expressions,
                                             len(expressions), &chain)
    return chain[:size].decode("utf-8", "surrogateescape") if size else None
