# SPDX-License-Identifier: GPL-2.0-or-later
"""The names that programs import from ``iptc.util``."""

from __future__ import annotations

import ctypes
import re
from typing import Optional

from . import libraries
from ._kernel import load_module
from .errors import IPTCError, shown

__all__ = ["find_libc", "find_library", "load_kernel"]


def load_kernel(name: str, exc_if_failed: bool = False) -> None:
    """Load a kernel module with the program that ``/proc/sys/kernel/modprobe`` names.

    Raises:
        IPTCError: It failed and *exc_if_failed* is set.
    """
    try:
        load_module(name)
    except OSError as error:
        if exc_if_failed:
            failed = IPTCError(f"Failed to load the {name} kernel module: {error.strerror}")
            failed.errno = error.errno
            raise failed from error


def find_library(*names: str) -> tuple[Optional[ctypes.CDLL], Optional[int]]:
    """The first library that loads, and the number in its soname; no program is run."""
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"the name of a library is a string, not {shown(name)}")
        for candidate in (name, f"lib{name}.so", f"{name}.so", libraries.LIBXTABLES):
            if candidate == libraries.LIBXTABLES and name not in ("xtables", "libxtables"):
                continue
            try:
                library = ctypes.CDLL(libraries.find_library(candidate))
            except OSError:
                continue
            number = re.search(r"\.so\.(\d+)", library._name)
            return library, int(number.group(1)) if number else 0
    return None, None


def find_libc() -> ctypes.CDLL:
    """The process's C library."""
    return ctypes.CDLL(None)
