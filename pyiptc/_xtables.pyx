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

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint16_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memchr, memcpy, memset, strcmp, strlen

from . cimport _csrc
from ._blob cimport to_str

from . import libraries
from .process import caches
from .pure import are_whole, has_pure_words
from .text import encode
from .errors import LibraryWarning, UnsupportedError, XTablesError

MATCH = _csrc.PYIPTC_MATCH
TARGET = _csrc.PYIPTC_TARGET

cdef enum:
    MATCH_KIND = _csrc.PYIPTC_MATCH
    TARGET_KIND = _csrc.PYIPTC_TARGET
    PAYLOAD_HEADER = 32   # of struct xt_entry_match and struct xt_entry_target
    STANDARD_SIZE = 40    # sizeof(struct xt_standard_target)
    NF_DROP = 0
    NF_ACCEPT = 1
    XT_RETURN = -5
    KEY_MAX = 512         # bytes of words that are remembered
    PAYLOADS_MAX = 4096   # payloads that are remembered
    ENTRY_MAX = 8192      # bytes of an entry that is made without libxtables

cdef char *PROGRAM = b"pyiptc"

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
    """Words as a C program is given them, one after the other. Copies: parsers write into them."""

    cdef int count
    cdef char **pointers

    def __cinit__(self, list words not None, str what not None):
        cdef Py_ssize_t size = 0, length
        cdef char *to
        cdef int i = 1
        cdef bytes word
        for word in words:
            size += len(word) + 1
        self.count = <int>len(words) + 1
        # The pointers, then what they point to.
        self.pointers = <char **>malloc((self.count + 1) * sizeof(char *) + size)
        if self.pointers is NULL:
            raise MemoryError
        self.pointers[0] = PROGRAM
        to = <char *>(self.pointers + self.count + 1)
        for word in words:
            length = len(word)
            if memchr(<const char *>word, 0, length) is not NULL:
                raise XTablesError(f"{what}: a value cannot have a NUL byte", what)
            memcpy(to, <const char *>word, length + 1)
            self.pointers[i] = to
            to += length + 1
            i += 1
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
        self.extensions = ({}, {})
        self.option_tables = ({}, {})
        self.protocols = {}
        self.layout = _csrc.pyiptc_family_of(<unsigned int>family)
        self.has_caches = caches()
        self.payloads = {}
        # Names of targets that were found to be no extension's.
        self.chains = set()
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

    cpdef find(self, int kind, str name):
        """Look an extension up by name or alias: an :class:`Extension`.

        Raises:
            XTablesError: There is none for this family; the message is the library's.
        Cost: a dictionary look-up after the first time.
        """
        cdef dict known = self.extensions[kind != MATCH_KIND]
        found = known.get(name)
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
            known[name] = found
        return found

    cpdef dict options(self, int kind, str name):
        """Long options of an extension: their :class:`OptionType` by name."""
        cdef dict known = self.option_tables[kind != MATCH_KIND]
        found = known.get(name)
        if found is not None:
            return <dict>found
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
            known[name] = options
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
        cdef list warned = []
        cdef bytes payload
        cdef bint is_assumed
        cdef _Words argv = _Words(words, name)
        if len(head) != <Py_ssize_t>self.layout.header_size:
            raise ValueError(f"a header of {len(head)} bytes: expected {self.layout.header_size}")
        payload = self.parse_words(kind, name, head, argv.count, argv.pointers, final, warned,
                                   &is_assumed)
        emit(warned, said)
        return payload

    cdef bytes parse_words(self, int kind, str name, const unsigned char *head, int argc,
                           char **argv, bint final, list warned, bint *is_assumed):
        """Let the library parse. The first word is the program's name, NULL follows the last."""
        cdef bytes raw = name_bytes(name)
        cdef const char *c_name = raw
        cdef _csrc.pyiptc_reply reply
        cdef int rc
        cdef unsigned int flags = _csrc.PYIPTC_PARSE_FINAL if final else 0
        with nogil:
            rc = _csrc.pyiptc_parse(self.instance, <_csrc.pyiptc_kind>kind, c_name, head,
                                    self.layout.header_size, argc, argv, flags, &reply)
        try:
            is_assumed[0] = bool(reply.is_assumed)
            self.check(rc, &reply, name, warned)
            return PyBytes_FromStringAndSize(<const char *>reply.payload, reply.payload_size)
        finally:
            _csrc.pyiptc_reply_free(&reply)

    # -- without the library -----------------------------------------------------------------------

    cdef bytes recall(self, int kind, const unsigned char *head, const char *name, int argc,
                      char **argv):
        """The complete payload that such words made before; None where they must be parsed.

        Args:
            name: Its bytes stand in memory before those of the words, one NUL between each, as
                :class:`_Words` and a line's words do.
        """
        cdef const char *last = name
        cdef Py_ssize_t size
        cdef bytes key
        cdef char *to
        if argc > 0:
            last = argv[argc - 1]
        size = last - name + <Py_ssize_t>strlen(last)
        if size > KEY_MAX:
            return None
        key = PyBytes_FromStringAndSize(NULL, size + 5)
        to = PyBytes_AS_STRING(key)
        to[0] = <char>kind
        memcpy(to + 1, head + self.layout.proto, 2)
        memcpy(to + 3, head + self.layout.flags, 2)
        memcpy(to + 5, name, size)
        found = self.payloads.get(key)
        if found is None:
            return self.learn(kind, key, head, name, argc, argv)
        return <bytes>found

    def remembered(self) -> list[tuple[int, str, list[str]]]:
        """What payloads are remembered of: kind, name, words."""
        found = []
        for key in self.payloads:
            name, *words = (<bytes>key)[5:].decode("utf-8", "surrogateescape").split("\0")
            found.append((key[0], name, words))
        return found

    cdef bytes learn(self, int kind, bytes key, const unsigned char *head, const char *name,
                     int argc, char **argv):
        """Parse, and remember what came of it where that is a matter of these words alone."""
        cdef list warned = []
        cdef bytes payload
        cdef bint is_assumed = False
        cdef int i
        cdef str extension = to_str(name)
        cdef list words = [to_str(argv[i]) for i in range(argc)]
        cdef _Words copies
        if not all(words) or not has_pure_words(kind, extension, words):
            # An empty value nobody has; and in the key it would look like two ends.
            return None
        try:
            copies = _Words([encode(word) for word in words], extension)
            payload = self.parse_words(kind, extension, head, copies.count, copies.pointers, True,
                                       warned, &is_assumed)
            if warned or is_assumed or not are_whole(words, self.options(kind, extension)):
                return None
        except (XTablesError, UnknownPayload):
            return None
        if len(self.payloads) >= PAYLOADS_MAX:
            self.payloads.clear()
        self.payloads[key] = payload
        return payload

    cdef Py_ssize_t lay_out(self, const _csrc.pyiptc_plain *rule, char **argv, bint is_chain,
                            unsigned char *entry, Py_ssize_t room, int *kind) except -1:
        """Make the entry of a plain rule.

        Args:
            argv: What *rule* was made of.
            is_chain: What it jumps to is known to be a chain.
            kind: Out: that of the entry.
        Returns:
            Its size, or 0 where it has to be parsed: nothing is said of what may be wrong with it.
        """
        cdef const _csrc.pyiptc_family *layout = self.layout
        cdef Py_ssize_t at = layout.header_size, size
        cdef uint16_t end_of_matches, end
        cdef const _csrc.pyiptc_part *part
        cdef bytes payload
        cdef uint32_t i
        if not self.has_caches:
            return 0
        memcpy(entry, rule.header, layout.header_size)
        for i in range(rule.part_count):
            part = &rule.parts[i]
            if at + <Py_ssize_t>_csrc.PYIPTC_PLAIN_MAX > room:
                return 0
            size = _csrc.pyiptc_plain_match(layout, entry, part.name, part.count,
                                            argv + part.first, entry + at)
            if size == 0:
                payload = self.recall(MATCH_KIND, entry, part.name, part.count, argv + part.first)
                if payload is None or at + len(payload) > room:
                    return 0
                size = len(payload)
                memcpy(entry + at, <const char *>payload, size)
            at += size
        end_of_matches = <uint16_t>at
        at = self.lay_out_target(rule, argv, is_chain, entry, at, room, kind)
        if at == 0:
            return 0
        end = <uint16_t>at
        memcpy(entry + layout.offsets, &end_of_matches, 2)
        memcpy(entry + layout.offsets + 2, &end, 2)
        return at

    cdef Py_ssize_t lay_out_target(self, const _csrc.pyiptc_plain *rule, char **argv,
                                   bint is_chain, unsigned char *entry, Py_ssize_t at,
                                   Py_ssize_t room, int *kind) except -1:
        """The target of :meth:`lay_out`, put at *at*: where it ends, or 0."""
        cdef int verdict = 0
        cdef uint16_t size = STANDARD_SIZE
        cdef bytes payload
        kind[0] = _csrc.PYIPTC_RULE_PLAIN
        if at + STANDARD_SIZE > room:
            return 0
        if rule.jump is NULL:
            kind[0] = _csrc.PYIPTC_RULE_FALLTHROUGH
        elif not rule.is_goto and strcmp(rule.jump, b"ACCEPT") == 0:
            verdict = -NF_ACCEPT - 1
        elif not rule.is_goto and strcmp(rule.jump, b"DROP") == 0:
            verdict = -NF_DROP - 1
        elif not rule.is_goto and strcmp(rule.jump, b"RETURN") == 0:
            verdict = XT_RETURN
        elif is_chain:
            kind[0] = _csrc.PYIPTC_RULE_JUMP
            if rule.is_goto:
                entry[self.layout.flags] |= GOTO if self.family == 2 else GOTO6
        elif rule.is_goto:
            return 0
        else:
            payload = self.recall(TARGET_KIND, entry, rule.jump, rule.jump_count,
                                  argv + rule.jump_first)
            if payload is None or at + len(payload) > room:
                return 0
            memcpy(entry + at, <const char *>payload, len(payload))
            return at + len(payload)
        if rule.jump_count != 0:
            return 0
        memset(entry + at, 0, STANDARD_SIZE)
        memcpy(entry + at, &size, 2)
        memcpy(entry + at + PAYLOAD_HEADER, &verdict, 4)
        return at + STANDARD_SIZE

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
        cdef _csrc.pyiptc_plain plain
        cdef unsigned char entry[ENTRY_MAX]
        cdef _Words argv = _Words(words, "a rule")
        cdef bint is_plain = self.has_caches and _csrc.pyiptc_plain_rule(
            self.layout, argv.count - 1, argv.pointers + 1, &plain)
        if is_plain:
            if plain.jump is not NULL and plain.jump_count == 0 and self.chains:
                jump = to_str(plain.jump)
                if jump not in self.chains:
                    jump = None
            size = self.lay_out(&plain, argv.pointers + 1, jump is not None, entry, ENTRY_MAX,
                                &kind)
            if size > 0:
                return [PyBytes_FromStringAndSize(<const char *>entry, size)], kind, jump
            jump = None
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
            if is_plain and jump is not None and not plain.is_goto and not warned:
                # libxtables, too, looks for the file of a target once. What is gone to is a chain,
                # whatever extension has its name.
                if len(self.chains) >= PAYLOADS_MAX:
                    self.chains.clear()
                self.chains.add(jump)
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
        cdef list warned = []
        saved = self.save_quietly(kind, head, payload, warned)
        emit(warned)
        return saved

    cdef tuple save_quietly(self, int kind, bytes head, bytes payload, list warned):
        """As :meth:`save`; what there is to warn of is added to *warned*."""
        cdef const unsigned char *c_head = head
        cdef const unsigned char *c_payload = payload
        cdef size_t head_size = len(head), payload_size = len(payload)
        cdef _csrc.pyiptc_reply reply
        cdef int rc
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
            return to_str(reply.alias), PyBytes_FromStringAndSize(reply.text, reply.text_size)
        finally:
            _csrc.pyiptc_reply_free(&reply)

    def protocol_name(self, unsigned int number) -> str:
        """The name that iptables prints after ``-p``, or ``""`` where there is none."""
        cdef list warned = []
        name = self.name_protocol(number, warned)
        emit(warned)
        return name

    cdef str name_protocol(self, unsigned int number, list warned):
        """As :meth:`protocol_name`; what there is to warn of is added to *warned*."""
        found = self.protocols.get(number)
        if found is not None:
            return found
        cdef _csrc.pyiptc_reply reply
        cdef int rc
        cdef str name = ""
        with nogil:
            rc = _csrc.pyiptc_protocol_name(self.instance, number, &reply)
        try:
            self.check(rc, &reply, str(number), warned)
            name = text_of(reply.text, reply.text_size)
        finally:
            _csrc.pyiptc_reply_free(&reply)
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


cdef Instance _ipv4 = None
cdef Instance _ipv6 = None
_instances_lock = threading.Lock()
#: Ask nf_tables first which revisions the kernel knows.
_prefers_nft = os.environ.get("PYIPTC_BACKEND") in ("nft", "auto")


def _after_fork():
    """A child's lock: the thread that may have held it is not there."""
    global _instances_lock
    _instances_lock = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


cdef inline Instance opened(int family):
    """That of a family, if there is one: asked ten times for each rule."""
    return _ipv4 if family == 2 else _ipv6 if family == 10 else None


cpdef Instance instance(int family):
    """The process's libxtables for a family, opened at the first call.

    Raises:
        ImportError: The library is missing or too old.
        UnsupportedError: A set-uid process; or another family where there is only one instance.
    """
    global _ipv4, _ipv6
    cdef Instance found = opened(family)
    if found is not None:
        return found
    with _instances_lock:
        found = opened(family)
        if found is not None:
            return found
        if ((_ipv4 is not None or _ipv6 is not None)
                and (libraries.is_single_instance() or not has_namespaces())):
            raise UnsupportedError(
                "one libxtables cannot serve IPv4 and IPv6, and this C library (or "
                "PYIPTC_SINGLE_INSTANCE=1) allows one: use two processes")
        found = Instance(family)
        if _prefers_nft:
            found.prefer_nft()
        if family == 2:
            _ipv4 = found
        else:
            _ipv6 = found
        return found


def prefer_nft() -> None:
    """From now on, for all families, ask nf_tables first which revisions the kernel knows."""
    global _prefers_nft
    if _prefers_nft:
        return
    with _instances_lock:
        _prefers_nft = True
        for found in (_ipv4, _ipv6):
            if found is not None:
                (<Instance>found).prefer_nft()


def has_namespaces() -> bool:
    """Whether the C library can open a libxtables for each family (dlmopen)."""
    return bool(_csrc.pyiptc_instance_has_namespaces())
