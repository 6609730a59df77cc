"""Exceptions: their bases, what they carry, and that they travel."""

from __future__ import annotations

import copy
import errno
import inspect
import os
import pickle
from typing import Any

import pytest

import pyiptc
from pyiptc import errors

BASES: dict[str, tuple[type, ...]] = {
    "IPTCError": (Exception,),
    "KernelError": (errors.IPTCError, OSError),
    "TableNotFoundError": (errors.KernelError,),
    "UnsupportedError": (errors.KernelError,),
    "AccessError": (errors.KernelError, PermissionError),
    "CountersLostError": (errors.KernelError,),
    "ConflictError": (errors.IPTCError,),
    "PartialCommitError": (errors.IPTCError,),
    "LockTimeout": (errors.IPTCError, TimeoutError),
    "BlobError": (errors.IPTCError, ValueError),
    "RuleError": (errors.IPTCError, ValueError),
    "RuleNotFoundError": (errors.IPTCError, LookupError),
    "PositionError": (errors.IPTCError, IndexError),
    "ChainNotFoundError": (errors.IPTCError, LookupError),
    "ChainExistsError": (errors.IPTCError,),
    "ChainNameError": (errors.IPTCError, ValueError),
    "ChainInUseError": (errors.IPTCError,),
    "ClosedError": (errors.IPTCError,),
    "XTablesError": (errors.IPTCError, ValueError),
    "UnknownOptionError": (errors.XTablesError, AttributeError),
    "LibraryWarning": (UserWarning,),
    "BackendWarning": (UserWarning,),
}
DEFINED: dict[str, Any] = {
    name: value
    for name, value in vars(errors).items()
    if inspect.isclass(value) and value.__module__ == errors.__name__
}


def test_all_are_public() -> None:
    """Each has the base of the package, or is a warning; all are in the package."""
    assert DEFINED.keys() == set(errors.__all__)
    assert DEFINED.keys() >= BASES.keys()
    for name, found in DEFINED.items():
        assert getattr(pyiptc, name) is found
        assert issubclass(found, (errors.IPTCError, UserWarning))


@pytest.mark.parametrize("name", BASES)
def test_bases(name: str) -> None:
    """The base of the package, and a builtin that callers know."""
    assert DEFINED[name].__bases__ == BASES[name]
    assert DEFINED[name].__doc__


@pytest.mark.parametrize("name", sorted(BASES.keys() - {"LibraryWarning", "BackendWarning"}))
def test_plain_use(name: str) -> None:
    """Raised with a message alone, each prints it and has an errno, or None."""
    more = (["filter"], []) if name == "PartialCommitError" else ()
    error = DEFINED[name]("what went wrong", *more)
    assert str(error) == "what went wrong"
    assert error.errno == (errno.EAGAIN if name == "ConflictError" else None)


FULL = {
    "kernel": errors.KernelError("can't commit: x", errno.EINVAL, "IPT_SO_SET_REPLACE", "filter"),
    "access": errors.AccessError("no", errno.EPERM, "socket", "nat"),
    "table": errors.TableNotFoundError("no", errno.ENOENT, "IPT_SO_GET_INFO", "x"),
    "lost": errors.CountersLostError("no", errno.ENOMEM, "IPT_SO_SET_ADD_COUNTERS", "raw"),
    "extension": errors.XTablesError("bad value", "tcp", 0, 2, "dport"),
    "option": errors.UnknownOptionError("no such parameter", "tcp", None, 10, "foo"),
    "blob": errors.BlobError("cut short", 112),
    "edit": errors.edit_error(errno.ENOTEMPTY, "delete chain", "x"),
    "position": errors.edit_error(errno.E2BIG, "insert entry into", "chain x"),
    "kernel, by number": errors.kernel_error(errno.ELOOP, "IPT_SO_SET_REPLACE", "filter", "commit"),
}


@pytest.mark.parametrize("error", FULL.values(), ids=FULL)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles(error: errors.IPTCError, protocol: int) -> None:
    """Between processes, class, message and everything that it carries stay."""
    for again in (pickle.loads(pickle.dumps(error, protocol)), copy.copy(error)):
        assert type(again) is type(error)
        assert str(again) == str(error)
        for field in (
            *("errno", "strerror", "filename", "operation"),
            *("name", "revision", "family", "option", "offset"),
        ):
            assert getattr(again, field, None) == getattr(error, field, None), field


def test_kernel_error_is_an_os_error() -> None:
    error = FULL["kernel"]
    assert isinstance(error, OSError)
    assert error.errno == errno.EINVAL
    assert error.strerror == os.strerror(errno.EINVAL)
    assert error.filename == "filter"
    assert error.operation == "IPT_SO_SET_REPLACE"  # type: ignore[attr-defined]


WORDS = [
    (errno.ENOENT, "initialize", "Table does not exist (do you need to insmod?)"),
    (errno.EPERM, "initialize", "Permission denied (you must be root)"),
    (errno.ENOPROTOOPT, "initialize", "iptables who? (do you need to insmod?)"),
    (errno.EINVAL, "initialize", "Module is wrong version"),
    (errno.EINVAL, "commit", "Invalid argument"),
    (errno.EAGAIN, "commit", "Resource temporarily unavailable"),
    (errno.ELOOP, "commit", "Loop found in table"),
    (errno.ENOMEM, "commit", "Memory allocation problem"),
    (errno.ENOENT, "commit", "No chain/target/match by that name"),
    (errno.EBUSY, "commit", "Device or resource busy"),
    (errno.ENOTEMPTY, "delete chain", "Chain is not empty"),
    (errno.EMLINK, "delete chain", "Can't delete chain with references left"),
    (errno.EEXIST, "create chain", "Chain already exists"),
    (errno.ENOENT, "delete entry from", "Bad rule (does a matching rule exist in that chain?)"),
    (errno.E2BIG, "insert entry into", "Index of insertion too big"),
    (errno.EINVAL, "set policy", "Bad policy name"),
]


@pytest.mark.parametrize(("number", "operation", "words"), WORDS)
def test_words_of_libiptc(number: int, operation: str, words: str) -> None:
    """Programs look for these words in messages."""
    assert errors.strerror(number, operation) == words


CLASSES = [
    (errno.EPERM, "initialize", errors.AccessError),
    (errno.EACCES, "commit", errors.AccessError),
    (errno.ENOENT, "initialize", errors.TableNotFoundError),
    (errno.ENAMETOOLONG, "initialize", errors.TableNotFoundError),
    (errno.ENOENT, "commit", errors.KernelError),
    (errno.ENOPROTOOPT, "initialize", errors.UnsupportedError),
    (errno.EAFNOSUPPORT, "initialize", errors.UnsupportedError),
    (errno.EINVAL, "commit", errors.KernelError),
    (errno.EMFILE, "initialize", errors.KernelError),
]


@pytest.mark.parametrize(("number", "action", "cls"), CLASSES)
def test_class_of_a_number(number: int, action: str, cls: type[Any]) -> None:
    error = errors.kernel_error(number, "IPT_SO_X", "filter", action)
    assert type(error) is cls
    assert error.errno == number
    assert errors.strerror(number, action) in str(error)


EDITS = [
    (errno.ENOENT, errors.ChainNotFoundError),
    (errno.EEXIST, errors.ChainExistsError),
    (errno.EMLINK, errors.ChainInUseError),
    (errno.ENOTEMPTY, errors.ChainInUseError),
    (errno.E2BIG, errors.PositionError),
]


@pytest.mark.parametrize(("number", "cls"), EDITS)
def test_class_of_an_edit(number: int, cls: type[Any]) -> None:
    error = errors.edit_error(number, "delete chain", "x")
    assert type(error) is cls
    assert error.errno == number
    assert str(error).startswith("can't delete chain x: ")


def test_caught_as_what_callers_know() -> None:
    """One except clause for the package, and the builtins beside it."""
    for raised, caught in (
        (errors.AccessError("x"), PermissionError),
        (errors.LockTimeout("x"), TimeoutError),
        (errors.UnknownOptionError("x"), AttributeError),
        (errors.PositionError("x"), IndexError),
    ):
        for cls in (caught, errors.IPTCError):
            with pytest.raises(cls):
                raise raised
