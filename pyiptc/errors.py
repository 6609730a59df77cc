# SPDX-License-Identifier: GPL-2.0-or-later
"""All exceptions and warnings, and the words that go with an errno.

Everything derives from :class:`IPTCError`. A builtin as a second base lets callers catch what
they already know. The words are those of libiptc, which programs look for in messages.
"""

from __future__ import annotations

import errno as _errno
import os
import reprlib
from typing import Optional

__all__ = [
    "AccessError",
    "BackendWarning",
    "BlobError",
    "ChainExistsError",
    "ChainInUseError",
    "ChainNameError",
    "ChainNotFoundError",
    "ClosedError",
    "ConflictError",
    "CountersLostError",
    "IPTCError",
    "KernelError",
    "LibraryWarning",
    "LockTimeout",
    "PartialCommitError",
    "PositionError",
    "RestoreError",
    "RuleError",
    "RuleNotFoundError",
    "TableNotFoundError",
    "TransactionError",
    "UnknownOptionError",
    "UnsupportedError",
    "XTablesError",
]


_shown = reprlib.Repr()
_shown.maxlevel = 3
_shown.maxdict = _shown.maxlist = _shown.maxtuple = 20
_shown.maxstring = _shown.maxother = 120


def shown(value: object) -> str:
    """A value for a message: as ``repr()`` has it, but of bounded length and depth."""
    return _shown.repr(value)


#: Characters of a message's beginning and end that are kept where it is longer than both.
_BEGINNING, _END = 1500, 500


def bounded(message: str) -> str:
    """A message that can be read, however long what it repeats is."""
    if len(message) <= _BEGINNING + _END:
        return message
    left_out = len(message) - _BEGINNING - _END
    return f"{message[:_BEGINNING]} [{left_out} characters] {message[-_END:]}"


class IPTCError(Exception):
    """Base of all errors of pyiptc."""

    def __init__(self, *args: object) -> None:
        super().__init__(*(bounded(arg) if isinstance(arg, str) else arg for arg in args))

    errno: Optional[int] = None
    """The kernel's or the library's error number, where there is one."""


class KernelError(IPTCError, OSError):
    """The kernel refused a call; nothing was changed.

    ``errno``, ``strerror`` and ``filename`` (the table) are those of :class:`OSError`.
    """

    def __init__(
        self,
        message: str,
        number: Optional[int] = None,
        operation: Optional[str] = None,
        table: Optional[str] = None,
    ) -> None:
        super().__init__(message)
        self.errno = number
        self.strerror = os.strerror(number) if number else None
        self.filename = table
        self.operation = operation
        """Name of the socket option or system call that failed."""

    def __str__(self) -> str:
        return str(self.args[0])

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return type(self), (self.args[0], self.errno, self.operation, self.filename)


class TableNotFoundError(KernelError):
    """The kernel has no such table."""


class UnsupportedError(KernelError):
    """This kernel, these libraries or this process cannot do that at all."""


class AccessError(KernelError, PermissionError):
    """CAP_NET_ADMIN is needed, or the lock file cannot be opened."""


class CountersLostError(KernelError):
    """The rules *are* in, but not the counters: the old ones could not be given back, or set to zero.

    From ``counters(zero=True)`` of nf_tables: some were set to zero and could not be read.
    """


class ConflictError(IPTCError):
    """The table changed in between and the edit cannot be replayed; nothing was changed."""

    errno = _errno.EAGAIN


class PartialCommitError(IPTCError):
    """Of several tables some were committed before another failed; ``__cause__`` says why it did."""

    def __init__(self, message: str, committed: list[str], restored: list[str]) -> None:
        super().__init__(message)
        self.committed = committed
        """Names of the tables that have their new rules."""
        self.restored = restored
        """Names of those that were given their old ones back."""

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return type(self), (self.args[0], self.committed, self.restored)


class LockTimeout(IPTCError, TimeoutError):
    """Another process held the xtables lock for too long."""


class TransactionError(IPTCError):
    """What cannot be done inside of a transaction, as another thread's or another table's."""


class BlobError(IPTCError, ValueError):
    """Bytes that are not what ``ip_tables.h`` says: a bug here or in the kernel."""

    def __init__(self, message: str, offset: int = 0) -> None:
        super().__init__(message)
        self.offset = offset
        """Where, in bytes."""


class RuleError(IPTCError, ValueError):
    """A value that a rule cannot have."""


class RestoreError(IPTCError, ValueError):
    """A line of a save file; nothing of its table was applied."""

    def __init__(self, line_number: int, line: str, reason: str) -> None:
        super().__init__(line_number, line, reason)
        self.line_number = line_number
        """Counts from 1."""
        self.line = line
        self.reason = reason

    def __str__(self) -> str:
        return f"line {self.line_number}: {self.reason}: {shown(self.line)}"


class RuleNotFoundError(IPTCError, LookupError):
    """No rule of the chain is equal to the one given."""


class PositionError(IPTCError, IndexError):
    """A position beyond the end of a chain."""


class ChainNotFoundError(IPTCError, LookupError):
    """The table has no such chain."""


class ChainExistsError(IPTCError):
    """The name is taken."""


class ChainNameError(IPTCError, ValueError):
    """A name that no chain can have."""


class ChainInUseError(IPTCError):
    """The chain is not empty, or rules jump to it."""


class ClosedError(IPTCError):
    """The table was closed."""


class XTablesError(IPTCError, ValueError):
    """A match or target refused its options, or is not known; the message is the library's."""

    def __init__(
        self,
        message: str,
        name: Optional[str] = None,
        revision: Optional[int] = None,
        family: Optional[int] = None,
        option: Optional[str] = None,
    ) -> None:
        super().__init__(message)
        self.name = name
        self.revision = revision
        self.family = family
        self.option = option

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        return type(self), (self.args[0], self.name, self.revision, self.family, self.option)


class UnknownOptionError(XTablesError, AttributeError):
    """The match or target has no option of this name."""


class LibraryWarning(UserWarning):
    """What a library of iptables printed on its standard error."""


class BackendWarning(UserWarning):
    """Rules are where this table does not show them (nf_tables)."""


#: libiptc's words, by the call that failed and its errno (libiptc.c, iptc_strerror()).
_WORDS = {
    ("initialize", _errno.EPERM): "Permission denied (you must be root)",
    ("initialize", _errno.EACCES): "Permission denied (you must be root)",
    ("initialize", _errno.EINVAL): "Module is wrong version",
    ("initialize", _errno.ENOENT): "Table does not exist (do you need to insmod?)",
    ("initialize", _errno.ENAMETOOLONG): "Table does not exist (do you need to insmod?)",
    ("delete chain", _errno.ENOTEMPTY): "Chain is not empty",
    ("delete chain", _errno.EINVAL): "Can't delete built-in chain",
    ("delete chain", _errno.EMLINK): "Can't delete chain with references left",
    ("create chain", _errno.EEXIST): "Chain already exists",
    ("insert entry into", _errno.E2BIG): "Index of insertion too big",
    ("replace entry in", _errno.E2BIG): "Index of replacement too big",
    ("delete entry from", _errno.E2BIG): "Index of deletion too big",
    ("delete entry from", _errno.ENOENT): "Bad rule (does a matching rule exist in that chain?)",
    ("set policy", _errno.ENOENT): "Bad built-in chain name",
    ("set policy", _errno.EINVAL): "Bad policy name",
    # Of nf_tables, which says the same of more than 16 jumps one after the other.
    ("commit", _errno.EMLINK): "Loop found in table, or jumps that lead too deep",
    (None, _errno.ENOPROTOOPT): "iptables who? (do you need to insmod?)",
    (None, _errno.ENOMEM): "Memory allocation problem",
    (None, _errno.ENOENT): "No chain/target/match by that name",
    (None, _errno.ELOOP): "Loop found in table",
}

#: What the kernel says of a call, as a class of ours.
_KERNEL_CLASSES: dict[int, type[KernelError]] = {
    _errno.EPERM: AccessError,
    _errno.EACCES: AccessError,
    _errno.ENOPROTOOPT: UnsupportedError,
    _errno.EAFNOSUPPORT: UnsupportedError,
    _errno.EOPNOTSUPP: UnsupportedError,
}

#: What an edit of a table in memory says, as a class of ours.
_EDIT_CLASSES: dict[int, type[IPTCError]] = {
    _errno.ENOENT: ChainNotFoundError,
    _errno.EEXIST: ChainExistsError,
    _errno.EMLINK: ChainInUseError,
    _errno.ENOTEMPTY: ChainInUseError,
    _errno.E2BIG: PositionError,
}


def strerror(number: int, operation: Optional[str] = None) -> str:
    """What libiptc says of an error number after an operation such as ``"delete chain"``."""
    return _WORDS.get((operation, number)) or _WORDS.get((None, number)) or os.strerror(number)


def kernel_error(
    number: int, operation: str, table: str, action: str, words: str = "", place: str = ""
) -> IPTCError:
    """The exception for a call that the kernel refused.

    Args:
        number: errno.
        operation: The socket option that failed, as ``"IPT_SO_SET_REPLACE"``.
        action: What was tried: ``"initialize"`` (a table is read) or ``"commit"``.
        words: What to say instead of libiptc's words.
        place: Which rule or chain it was, where the kernel says so.
    """
    missing = number in (_errno.ENOENT, _errno.ENAMETOOLONG) and action == "initialize"
    cls = TableNotFoundError if missing else _KERNEL_CLASSES.get(number, KernelError)
    words = words or strerror(number, action)
    if number == _errno.EPERM and operation == "socket":
        words += "; no capability is needed for that: a seccomp filter or the like forbids it"
    elif number == _errno.EPERM:
        words += "; CAP_NET_ADMIN is missing, in the user namespace that owns the network namespace"
    elif number == _errno.ENAMETOOLONG:
        words += "; a table's name has at most 31 bytes"
    if place:
        words += f" ({place})"
    if action == "initialize":
        return cls(f"can't initialize {table}: {words}", number, operation, table)
    return cls(f"can't {action}: {words}", number, operation, table)


def edit_error(number: int, operation: str, subject: str) -> IPTCError:
    """The exception for an edit that libiptc would refuse: ``can't delete chain x: …``."""
    error = _EDIT_CLASSES.get(number, IPTCError)(
        f"can't {operation} {subject}: {strerror(number, operation)}"
    )
    error.errno = number
    return error
