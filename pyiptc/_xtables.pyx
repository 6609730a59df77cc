# SPDX-License-Identifier: GPL-2.0-or-later
"""Matches and targets: options to payload and back, by libxtables and its extensions.

Each family has a libxtables of its own, opened when it is first needed and kept. Calls release
the GIL, wait for the instance's mutex and take it; nothing of one call is left for the next. What
the library prints on its standard error becomes a :class:`pyiptc.errors.LibraryWarning`.
"""

import errno as _errno
import os
import threading
import warnings
from typing import NamedTuple

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdlib cimport free, malloc
from libc.string cimport strlen

from . cimport _csrc
from ._blob cimport to_str

from . import libraries
from .text import encode
from .errors import LibraryWarning, UnsupportedError, XTablesError

MATCH = _csrc.PYIPTC_MATCH
TARGET = _csrc.PYIPTC_TARGET

#: Longest name of an extension, in bytes (XT_EXTENSION_MAXNAMELEN without its NUL).
NAME_MAX = 28


class Extension:
    """What libxtables knows of a match or target, in the form that this kernel takes."""

    __slots__ = ("has_parse", "has_save", "name", "revision", "size", "user_size")

    def __init__(self, name, revision, size, user_size, has_save, has_parse):
        self.name = name
        """As the kernel knows it: of ``state`` it is ``conntrack``."""
        self.revision = revision
        self.size = size
        """Bytes of a payload's data."""
        self.user_size = user_size
        """Bytes of these that count when rules are compared."""
        self.has_save = has_save
        self.has_parse = has_parse

    def __repr__(self):
        return f"<Extension {self.name} revision {self.revision}>"


class OptionType(NamedTuple):
    """What is known of an option without asking for its meaning.

    *has_arg*: 0: a flag; 1: it takes a value; 2: a value or none. *id*: names of the same option
    have the same.
    """

    has_arg: int
    id: int


class UnknownPayload(Exception):
    """No extension here reads this payload: unknown name, other revision or other size."""


cdef object text_of(const char *text, size_t size):
    return PyBytes_FromStringAndSize(text, size).decode("utf-8", "replace")


cdef bytes name_bytes(str name):
    cdef bytes raw = encode(name)
    if not raw or len(raw) > NAME_MAX or b"/" in raw or b"\0" in raw or b" " in raw:
        raise XTablesError(
            f"invalid name {name!r} of a match or target: 1 to {NAME_MAX} bytes, "
            "no slash, no space", name)
    return raw


cdef class _Words:
    """_Words as a C program is given them. Copies: parsers write into them."""

    cdef list kept
    cdef int count
    cdef char **pointers

    def __cinit__(self, list words not None, str what not None):
        cdef int i
        self.count = <int>len(words) + 1
        self.kept = [b"pyiptc\0", *(bytearray(<bytes?>word) + b"\0" for word in words)]
        if any(b"\0" in <bytes>word for word in words):
            raise XTablesError(f"{what}: a value cannot have a NUL byte", what)
        self.pointers = <char **>malloc((self.count + 1) * sizeof(char *))
        if self.pointers is NULL:
            raise MemoryError
        self.pointers[0] = <bytes>self.kept[0]
        for i in range(1, self.count):
            self.pointers[i] = <bytearray>self.kept[i]
        self.pointers[self.count] = NULL

    def __dealloc__(self):
        free(self.pointers)


cdef class Instance:
    """libxtables for one family. Use :func:`instance`."""

    def __cinit__(self, int family):
        cdef char error[512]
        cdef bytes inner = os.fsencode(libraries.INNER)
        cdef bytes path = os.fsencode(libraries.find_libxtables())
        cdef bytes libdir = os.fsencode(os.environ.get("XTABLES_LIBDIR", ""))
        cdef const char *libdir_text = NULL
        cdef int rc
        self.family = family
        self.extensions = {}
        self.option_tables = {}
        self.protocols = {}
        error[0] = 0
        if libdir:
            libdir_text = libdir
        rc = _csrc.pyiptc_instance_open(<unsigned int>family, inner, path, libdir_text,
                                        libraries.is_single_instance(), &self.instance, error,
                                        sizeof(error))
        if rc == -_errno.EPERM:
            raise UnsupportedError(
                "libxtables cannot be used in a set-uid or set-gid process", _errno.EPERM,
                "xtables_init")
        if rc < 0:
            raise libraries.missing(libraries.LIBXTABLES,
                                    to_str(error) or os.strerror(-rc))
        libiptc = os.fsencode(libraries.find_library(libraries.LIBIPTC[family]))
        if _csrc.pyiptc_instance_set_libiptc(self.instance, libiptc) < 0:
            raise MemoryError

    cdef int prefer_nft(self) except -1:
        with nogil:
            _csrc.pyiptc_instance_prefer_nft(self.instance)
        return 0

    cdef int check(self, int rc, const _csrc.pyiptc_reply *reply, str name,
                   list warned) except -1:
        """Copy what is needed of a reply while it is valid; raise what it says."""
        cdef str printed = text_of(reply.warnings, reply.warnings_size).strip()
        if rc == 0:
            if printed:
                warned.append(printed)
            return 0
        if rc == -_errno.ENOTSUP:
            raise UnknownPayload(name)
        if rc == -_errno.ENOMEM:
            raise MemoryError
        # What was printed before it gave up is part of the reason.
        message = text_of(reply.error, strlen(reply.error)).strip()
        raise XTablesError(f"{message} ({printed})" if printed else message, name, None,
                           self.family)

    def find(self, int kind, str name not None) -> Extension:
        """Look an extension up by name or alias.

        Raises:
            XTablesError: There is none for this family; the message is the library's.
        Cost: a dictionary look-up after the first time.
        """
        found = self.extensions.get((kind, name))
        if found is not None:
            return found
        cdef bytes raw = name_bytes(name)
        cdef const char *c_name = raw
        cdef _csrc.pyiptc_extension extension
        cdef _csrc.pyiptc_reply reply
        cdef int rc
        cdef list warned = []
        with nogil:
            rc = _csrc.pyiptc_find(self.instance, <_csrc.pyiptc_kind>kind, c_name, &extension,
                                   &reply)
        # Asked again as soon as the process has the right to ask.
        is_assumed = bool(reply.is_assumed)
        try:
            self.check(rc, &reply, name, warned)
        finally:
            _csrc.pyiptc_reply_free(&reply)
        emit(warned)
        found = Extension(to_str(extension.name), extension.revision, extension.size,
                          extension.user_size, bool(extension.has_save),
                          bool(extension.has_parse))
        if not is_assumed:
            self.extensions[kind, name] = found
        return found

    def options(self, int kind, str name not None) -> dict[str, OptionType]:
        """Long options of an extension by name."""
        found = self.option_tables.get((kind, name))
        if found is not None:
            return found
        cdef bytes raw = name_bytes(name)
        cdef const char *c_name = raw
        cdef _csrc.pyiptc_reply reply
        cdef int rc
        cdef size_t i
        cdef list warned = []
        cdef dict options = {}
        with nogil:
            rc = _csrc.pyiptc_options(self.instance, <_csrc.pyiptc_kind>kind, c_name, &reply)
        is_assumed = bool(reply.is_assumed)
        try:
            self.check(rc, &reply, name, warned)
            for i in range(reply.option_count):
                options[to_str(reply.options[i].name)] = OptionType(
                    reply.options[i].has_arg, reply.options[i].id)
        finally:
            _csrc.pyiptc_reply_free(&reply)
        emit(warned)
        if not is_assumed:
            self.option_tables[kind, name] = options
        return options

    def parse(self, int kind, str name not None, bytes head not None, list words not None,
              bint final, set said=None) -> bytes:
        """Make a payload of options.

        Args:
            kind: ``MATCH`` or ``TARGET``.
            head: Header of the rule, as extensions look at protocol and flags.
            words: The options as on a command line, ``[b"!", b"--dport", b"80"]``.
            final: Check at the end that all is there and goes together.
            said: Warnings not to be given again; new ones are added.
        Returns:
            ``struct xt_entry_match`` or ``xt_entry_target`` with its data.
        Raises:
            XTablesError: An option was refused; the message is the library's.
        """
        cdef bytes raw = name_bytes(name)
        cdef const char *c_name = raw
        cdef const unsigned char *c_head = head
        cdef size_t head_size = len(head)
        cdef _csrc.pyiptc_reply reply
        cdef int rc
        cdef unsigned int flags = _csrc.PYIPTC_PARSE_FINAL if final else 0
        cdef list warned = []
        cdef bytes payload = None
        cdef _Words argv = _Words(words, name)
        with nogil:
            rc = _csrc.pyiptc_parse(self.instance, <_csrc.pyiptc_kind>kind, c_name, c_head,
                                    head_size, argv.count, argv.pointers, flags, &reply)
        try:
            self.check(rc, &reply, name, warned)
            payload = PyBytes_FromStringAndSize(<const char *>reply.payload, reply.payload_size)
        finally:
            _csrc.pyiptc_reply_free(&reply)
        emit(warned, said)
        return payload

    def rule(self, list words not None, bint resolve=False) -> tuple[list[bytes], int, str | None]:
        """Make entries of what may follow ``iptables -A CHAIN``.

        Where no extension has the target's name it is taken for a chain.

        Args:
            words: As on a command line.
            resolve: Ask the resolver for host names, and wait for it.
        Returns:
            Entries, one for each pair of addresses; their kind (:data:`pyiptc._blob.JUMP` …);
            the chain of a jump.
        Raises:
            XTablesError: What iptables says.
        """
        cdef _csrc.pyiptc_reply reply
        cdef int rc, kind, i
        cdef list warned = []
        cdef list entries = []
        cdef str jump = None
        cdef size_t size
        cdef _Words argv = _Words(words, "a rule")
        with nogil:
            rc = _csrc.pyiptc_parse_rule(self.instance, resolve, argv.count, argv.pointers, NULL,
                                         &reply)
        try:
            self.check(rc, &reply, "", warned)
            size = reply.payload_size // reply.entry_count
            for i in range(<int>reply.entry_count):
                entries.append(PyBytes_FromStringAndSize(
                    <const char *>reply.payload + i * size, size))
            jump = to_str(reply.alias) or None
            kind = _csrc.PYIPTC_RULE_JUMP if jump else (
                _csrc.PYIPTC_RULE_FALLTHROUGH if reply.is_fallthrough
                else _csrc.PYIPTC_RULE_PLAIN)
        finally:
            _csrc.pyiptc_reply_free(&reply)
        emit(warned)
        return entries, kind, jump

    def save(self, int kind, bytes head not None, bytes payload not None) -> tuple[str, bytes]:
        """Print a payload's options.

        Returns:
            The name to print after ``-m`` or ``-j`` where it is another than the payload's, or
            ``""``; and the options, as `` --dport 80``.
        Raises:
            UnknownPayload: No extension here reads it.
        """
        cdef const unsigned char *c_head = head
        cdef const unsigned char *c_payload = payload
        cdef size_t head_size = len(head), payload_size = len(payload)
        cdef _csrc.pyiptc_reply reply
        cdef int rc
        cdef list warned = []
        cdef str alias = None
        cdef bytes text = None
        if payload_size < 32:
            raise UnknownPayload(f"{payload_size} bytes")
        with nogil:
            rc = _csrc.pyiptc_save(self.instance, <_csrc.pyiptc_kind>kind, c_head, head_size,
                                   c_payload, payload_size, &reply)
        try:
            # An extension that refuses to print (a set that is gone) is opaque.
            if rc == -_errno.EPROTO or rc == -_errno.ENOTSUP:
                raise UnknownPayload(
                    text_of(reply.error, strlen(reply.error)).strip()
                    if reply.error is not NULL else "unsupported revision")
            self.check(rc, &reply, "", warned)
            alias = to_str(reply.alias)
            text = PyBytes_FromStringAndSize(reply.text, reply.text_size)
        finally:
            _csrc.pyiptc_reply_free(&reply)
        emit(warned)
        return alias, text

    def protocol_name(self, unsigned int number) -> str:
        """The name that iptables prints after ``-p``, or ``""`` where there is none."""
        found = self.protocols.get(number)
        if found is not None:
            return found
        cdef _csrc.pyiptc_reply reply
        cdef int rc
        cdef list warned = []
        cdef str name = ""
        with nogil:
            rc = _csrc.pyiptc_protocol_name(self.instance, number, &reply)
        try:
            self.check(rc, &reply, str(number), warned)
            name = text_of(reply.text, reply.text_size)
        finally:
            _csrc.pyiptc_reply_free(&reply)
        emit(warned)
        self.protocols[number] = name
        return name

    def protocol_number(self, str name not None) -> int:
        """Number of a protocol by name or number, as iptables reads what follows ``-p``.

        Raises:
            XTablesError: unknown.
        """
        cdef bytes raw = encode(name)
        if b"\0" in raw:
            raise XTablesError(f"unknown protocol {name!r} specified", name)
        cdef const char *c_name = raw
        cdef unsigned int number = 0
        cdef _csrc.pyiptc_reply reply
        cdef int rc
        cdef list warned = []
        with nogil:
            rc = _csrc.pyiptc_protocol_number(self.instance, c_name, &number, &reply)
        try:
            self.check(rc, &reply, name, warned)
        finally:
            _csrc.pyiptc_reply_free(&reply)
        emit(warned)
        return number


cdef int emit(list warned, set said=None) except -1:
    """Hand the library's standard error on, outside of all locks."""
    for text in warned:
        for line in text.splitlines():
            line = line.strip()
            if line and (said is None or line not in said):
                if said is not None:
                    said.add(line)
                warnings.warn(line, LibraryWarning, stacklevel=2)
    return 0


_instances = {}
_instances_lock = threading.Lock()
#: Ask nf_tables first which revisions the kernel knows.
_prefers_nft = os.environ.get("PYIPTC_BACKEND") in ("nft", "auto")


def _after_fork():
    """A child's lock: the thread that may have held it is not there."""
    global _instances_lock
    _instances_lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


def instance(int family) -> Instance:
    """The process's libxtables for a family, opened at the first call.

    Raises:
        ImportError: The library is missing or too old.
        UnsupportedError: A set-uid process; or another family where there is only one instance.
    """
    found = _instances.get(family)
    if found is not None:
        return found
    with _instances_lock:
        if family not in _instances:
            if _instances and (libraries.is_single_instance() or not has_namespaces()):
                raise UnsupportedError(
                    "one libxtables cannot serve IPv4 and IPv6, and this C library (or "
                    "PYIPTC_SINGLE_INSTANCE=1) allows one: use two processes")
            _instances[family] = Instance(family)
            if _prefers_nft:
                (<Instance>_instances[family]).prefer_nft()
        return _instances[family]


def prefer_nft() -> None:
    """From now on, for all families, ask nf_tables first which revisions the kernel knows."""
    global _prefers_nft
    if _prefers_nft:
        return
    with _instances_lock:
        _prefers_nft = True
        for found in _instances.values():
            (<Instance>found).prefer_nft()


def has_namespaces() -> bool:
    """Whether the C library can open a libxtables for each family (dlmopen)."""
    return bool(_csrc.pyiptc_instance_has_namespaces())
