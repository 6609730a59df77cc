# SPDX-License-Identifier: GPL-2.0-or-later
"""What kind of process this is, and what it was asked to do without."""

from __future__ import annotations

import errno
import os
import struct
from collections.abc import Sequence
from typing import Optional

from .errors import UnsupportedError, shown

__all__ = ["bits", "caches", "check_width", "choice", "kernel_bits"]

#: What uname calls machines whose kernel has 64 bits.
_WIDE = frozenset(
    {
        *("x86_64", "aarch64", "aarch64_be", "ppc64", "ppc64le", "s390x", "riscv64", "mips64"),
        *("loongarch64", "sparc64", "parisc64", "alpha", "ia64"),
    }
)


def caches() -> bool:
    """Whether there may be ways round libxtables: what it said before, and what it would say.

    ``PYIPTC_CACHES=0`` in the environment turns them all off. It is read where a family is first
    used, and holds for the process.
    """
    return os.environ.get("PYIPTC_CACHES") != "0"


def choice(
    what: str, wanted: Optional[str], variable: str, default: str, choices: Sequence[str]
) -> str:
    """One of some words: what is wanted, else what the environment says, else the default.

    Raises:
        ValueError: It is none of them.
    """
    if wanted is None:
        wanted = os.environ.get(variable) or default
    if wanted not in choices:
        raise ValueError(f"{what} {shown(wanted)}: expected one of {', '.join(choices)}")
    # What was given may be of a class of its own.
    return choices[choices.index(wanted)]


def bits() -> int:
    """Width of a pointer of this process: 32 or 64."""
    return struct.calcsize("P") * 8


def kernel_bits() -> Optional[int]:
    """Width of a pointer of the kernel; None where it cannot be told.

    uname says i686 to who asked for that (``linux32``); the addresses in /proc/kallsyms have as
    many digits as they have, whatever they are shown as.
    """
    if bits() == 64 or os.uname().machine in _WIDE:
        return 64
    try:
        with open("/proc/kallsyms", encoding="ascii", errors="replace") as file:
            digits = len(file.readline().split(" ")[0])
    except OSError:
        return None
    return digits * 4 if digits in (8, 16) else None


def check_width() -> None:
    """Refuse what cannot work: the structs of rules have other sizes in the other width.

    Raises:
        UnsupportedError: A process of 32 bits on a kernel of 64 bits.
    Cost: nothing in a process of 64 bits.
    """
    if bits() == 32 and kernel_bits() == 64:
        raise UnsupportedError(
            "a 32-bit process cannot have tables of a 64-bit kernel, as the structs of their rules "
            "have other sizes there: use a 64-bit Python",
            errno.EOPNOTSUPP,
            "uname",
        )
