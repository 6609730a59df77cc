# SPDX-License-Identifier: GPL-2.0-or-later
"""Entries as text: what ``iptables-save`` prints after a chain's name.

A header is printed by the shim. So are the options of a few extensions, once libxtables has
printed a sample of each in the same words. What it prints of those that are pure functions of
their payload is remembered. All others are printed by libxtables each time.
"""

import struct
from sys import intern

cimport cython

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.stdint cimport uint16_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset, strlen

from . cimport _csrc
from ._blob cimport Entry, Header, name_in
from ._words cimport read
from ._xtables cimport emit, instance

from . import mended, pure
from ._blob import payload_name, payload_revision
from ._xtables import UnknownPayload
from .enums import Kind
from .errors import BlobError, XTablesError
from .process import caches
from .text import Option, decode, encode

OPAQUE = " [unsupported revision]"

#: Target of a rule of nf_tables that is none of iptables (``NFT_OPAQUE``, csrc/nft_table.h).
FOREIGN = "nf_tables"


def opaque_text(bytes payload not None) -> str:
    """What stands for the options of a match or target that nothing here can read.

    Args:
        payload: With its header.
    """
    if payload_name(payload) != FOREIGN:
        return OPAQUE
    # Behind the rule's handle: why it is none of iptables, and its expressions.
    return f" [{decode(payload[PAYLOAD_HEADER + 8 :].split(b'\0', 1)[0])}]"


#: Of each generation; there are two.
REMEMBERED_COUNT = 1024
#: Larger payloads, with their header, are not remembered.
REMEMBERED_SIZE = 512

cdef enum:
    PAYLOAD_HEADER = 32    # of struct xt_entry_match and struct xt_entry_target
    KEY_HEADER = 5         # kind, flags, inversions, protocol
    VERDICT_SIZE = 32      # more than a verdict's name needs

cdef enum Trust:
    NOT_COMPARED
    TRUSTED
    DISTRUSTED


def sample(str name not None, bytes data not None) -> bytes:
    """A payload of a match of revision 0."""
    size = (len(data) + 7) // 8 * 8
    return struct.pack(f"=H29sB{size}s", PAYLOAD_HEADER + size, name.encode(), 0, data)


#: Payloads with something of everything that the shim prints itself, in its order.
SAMPLES = (
    sample("tcp", struct.pack("=HHHHBBBB", 1, 65535, 80, 80, 7, 0x3F, 0x12, 0x0F)),
    sample("udp", struct.pack("=HHHHB", 5, 5, 0, 65534, 2)),
    sample("comment", b"a_-9Z \\\"b' !\x01\xff\xc3\xa9".ljust(256, b"\0")),
)
cdef frozenset PURE_NAMES = pure.PURE_TEXT
cdef frozenset MENDABLE_NAMES = mended.MENDABLE
cdef tuple DIRECT_NAMES = (b"tcp", b"udp", b"comment")
cdef tuple DIRECT = ("tcp", "udp", "comment")


cdef inline uint16_t get_u16(const unsigned char *at) noexcept:
    cdef uint16_t value
    memcpy(&value, at, sizeof(value))
    return value


cdef bytes empty_header(const _csrc.pyiptc_family *family):
    cdef bytes header = PyBytes_FromStringAndSize(NULL, family.header_size)
    memset(PyBytes_AS_STRING(header), 0, family.header_size)
    return header


@cython.auto_pickle(False)
cdef class Text:
    """Text that grows."""

    def __dealloc__(self):
        free(self.data)

    cdef char *reserve(self, size_t more) except NULL:
        """Make room for *more* bytes; where to write them, before :attr:`size` is set."""
        cdef size_t room
        cdef char *grown
        if self.room - self.size < more:
            room = 2 * self.room + more
            grown = <char *>realloc(self.data, room)
            if grown is NULL:
                raise MemoryError
            self.data = grown
            self.room = room
        return self.data + self.size

    cdef int add(self, const char *data, size_t size) except -1:
        memcpy(self.reserve(size), data, size)
        self.size += size
        return 0

    cdef int add_word(self, const char *word, size_t size) except -1:
        """Write a word, in quotes where it needs them."""
        cdef char *end = _csrc.pyiptc_word_print(word, size, self.reserve(2 * size + 2))
        self.size = end - self.data
        return 0

    cdef str decoded(self, size_t start=0):
        """What was written from *start* on; bytes that are not UTF-8 survive the round trip."""
        if start >= self.size:
            return ""
        return PyUnicode_DecodeUTF8(self.data + start, self.size - start, "surrogateescape")


@cython.auto_pickle(False)
cdef class Printed:
    """What a match or target is printed as: its name, and its options as `` --dport 80``."""

    cdef str name_text(self):
        return self.name.decode("utf-8", "surrogateescape")

    cdef str text(self):
        return self.options.decode("utf-8", "surrogateescape")


cdef Printed printed_as(bytes name, bytes options):
    cdef Printed printed = Printed.__new__(Printed)
    printed.name = name
    printed.options = options
    return printed


cdef class Printer:
    """Prints entries of one family. Use :func:`printer`.

    Args:
        family: 2 or 10.
        has_caches: Print without libxtables, and remember, where that can be.
        mend: Stands in for :func:`pyiptc.mended.mended`.
    """

    def __cinit__(self, int family, bint has_caches, mend=None):
        self.instance = instance(family)
        self.family = _csrc.pyiptc_family_of(<unsigned int>family)
        self.mend = mended.mended if mend is None else mend
        self.has_caches = has_caches
        self.protocols = [None] * 256
        self.with_value = ({}, {})
        self.forget()

    # -- memory --------------------------------------------------------------------------------

    def forget(self) -> None:
        """Give back the memory of all that is remembered."""
        self.young = {}
        self.old = {}

    @property
    def remembered(self) -> list[tuple[str, str]]:
        """Names and options of all that is remembered."""
        cdef Printed printed
        return [(printed.name_text(), printed.text())
                for memory in (self.old, self.young) for printed in memory.values()]

    cdef int remember(self, bytes key, Printed printed) except -1:
        """The young ones become the old ones: what is used all the time is never forgotten."""
        if len(self.young) >= REMEMBERED_COUNT:
            self.old = self.young
            self.young = {}
        self.young[key] = printed
        return 0

    # -- parts ---------------------------------------------------------------------------------

    cdef int compare(self, int printer, list warned) except -1:
        """Whether libxtables prints what the shim does; if it cannot be asked, ask again later."""
        cdef Text text = Text.__new__(Text)
        cdef bytes payload = SAMPLES[printer]
        cdef char *end = _csrc.pyiptc_payload_print(
            printer, payload, text.reserve(_csrc.PYIPTC_TEXT_MAX))
        cdef Printed printed = self.ask(_csrc.PYIPTC_MATCH, empty_header(self.family), payload,
                                        warned)
        if printed is None:
            return 0
        self.trusted[printer] = TRUSTED if (
            printed.name == DIRECT_NAMES[printer]
            and printed.options == text.data[:end - text.data]
        ) else DISTRUSTED
        return 0

    cdef int direct(self, int kind, const unsigned char *payload, size_t size,
                    list warned) except -2:
        """Which of the shim's printers is for a payload; -1: none."""
        cdef int printer = -1
        if self.has_caches:
            printer = _csrc.pyiptc_payload_printer(<_csrc.pyiptc_kind>kind, payload, size)
        if printer < 0:
            return -1
        if self.trusted[printer] == NOT_COMPARED:
            self.compare(printer, warned)
        return printer if self.trusted[printer] == TRUSTED else -1

    cdef Printed ask(self, int kind, bytes head, bytes payload, list warned):
        """What libxtables prints, mended; None where it is opaque."""
        cdef str name = name_in(payload), text, alias
        cdef bytes options
        try:
            alias, options = self.instance.save_quietly(kind, head, payload, warned)
        except (UnknownPayload, XTablesError):
            return None
        if name in MENDABLE_NAMES:
            text = self.mend(self.instance.family, Kind(kind), name, payload_revision(payload),
                             payload[PAYLOAD_HEADER:],
                             options.decode("utf-8", "surrogateescape"))
            options = encode(text)
        return printed_as(encode(alias or name), options)

    cdef Printed find(self, int kind, const unsigned char *header, const unsigned char *payload,
                      size_t size, list warned):
        """What is printed of a payload that the shim does not print; None where it is opaque."""
        cdef const _csrc.pyiptc_family *family = self.family
        cdef bytes key = None, head, whole
        cdef unsigned char *at
        cdef Printed printed
        if self.has_caches and size <= <size_t>REMEMBERED_SIZE:
            key = PyBytes_FromStringAndSize(NULL, KEY_HEADER + <Py_ssize_t>size)
            at = <unsigned char *>PyBytes_AS_STRING(key)
            at[0] = <unsigned char>kind
            memcpy(at + 1, header + family.flags, 2)
            memcpy(at + 3, header + family.proto, 2)
            memcpy(at + KEY_HEADER, payload, size)
            found = self.young.get(key)
            if found is not None:
                return <Printed>found
            found = self.old.get(key)
            if found is not None:
                self.remember(key, <Printed>found)
                return <Printed>found
        whole = PyBytes_FromStringAndSize(<const char *>payload, <Py_ssize_t>size)
        if key is None or name_in(payload) not in PURE_NAMES:
            head = PyBytes_FromStringAndSize(<const char *>header, family.header_size)
            return self.ask(kind, head, whole, warned)
        # For any rule of this protocol, flags and inversions.
        head = empty_header(family)
        at = <unsigned char *>PyBytes_AS_STRING(head)
        memcpy(at + family.flags, header + family.flags, 2)
        memcpy(at + family.proto, header + family.proto, 2)
        printed = self.ask(kind, head, whole, warned)
        if printed is not None:
            self.remember(key, printed)
        return printed

    cdef int add_part(self, Text text, int kind, const unsigned char *header,
                      const unsigned char *payload, size_t size, list warned) except -1:
        """Write a match's or target's name, in quotes where it needs them, and its options."""
        cdef int printer = self.direct(kind, payload, size, warned)
        cdef Printed printed
        cdef bytes name
        cdef char *end
        if printer >= 0:
            name = <bytes>DIRECT_NAMES[printer]
            end = _csrc.pyiptc_payload_print(
                printer, payload, text.reserve(_csrc.PYIPTC_TEXT_MAX) + len(name))
            if end is not NULL:
                memcpy(text.data + text.size, PyBytes_AS_STRING(name), len(name))
                text.size = end - text.data
                return 0
        printed = self.find(kind, header, payload, size, warned)
        if printed is None:
            printed = printed_as(encode(name_in(payload)), encode(opaque_text(payload[:size])))
        if kind == _csrc.PYIPTC_MATCH:
            text.add(PyBytes_AS_STRING(printed.name), len(printed.name))
        else:
            text.add_word(PyBytes_AS_STRING(printed.name), len(printed.name))
        return text.add(PyBytes_AS_STRING(printed.options), len(printed.options))

    cdef Printed part(self, int kind, const unsigned char *head, const unsigned char *payload,
                      size_t size):
        """What is printed of a payload, None where it is opaque.

        Args:
            head: The rule's header as extensions are shown it.
        """
        cdef char buffer[_csrc.PYIPTC_TEXT_MAX]
        cdef char *end
        cdef int printer
        cdef list warned = []
        cdef Printed printed = None
        if size < PAYLOAD_HEADER:
            return None
        printer = self.direct(kind, payload, size, warned)
        if printer >= 0:
            end = _csrc.pyiptc_payload_print(printer, payload, buffer)
            if end is not NULL:
                printed = printed_as(<bytes>DIRECT_NAMES[printer], buffer[:end - buffer])
        if printed is None:
            printed = self.find(kind, head, payload, size, warned)
        if warned:
            emit(warned)
        return printed

    cdef Printed part_of(self, int kind, bytes head, bytes payload):
        if len(head) != self.family.header_size:
            raise BlobError(
                f"a header of {len(head)} bytes: expected {self.family.header_size}")
        return self.part(kind, head, payload, len(payload))

    def part_text(self, int kind, bytes head not None,
                  bytes payload not None) -> tuple[str, str] | None:
        """The name of a match or target, as it is printed, and its options; None: it is opaque.

        Args:
            head: The rule's header as the extension is shown it.
            payload: With its header.
        """
        cdef Printed printed = self.part_of(kind, head, payload)
        return None if printed is None else (printed.name_text(), printed.text())

    def part_options(self, int kind, bytes head not None,
                     bytes payload not None) -> tuple[str, list[Option]] | None:
        """As :meth:`part_text`, with the options taken apart."""
        cdef Printed printed = self.part_of(kind, head, payload)
        if printed is None:
            return None
        return printed.name_text(), list(self.options_of(kind, printed))

    cdef str part_name(self, int kind, const unsigned char *head, const unsigned char *payload,
                       size_t size):
        """The name of a match or target, as it is printed; its own where it is opaque."""
        cdef list warned = []
        cdef Printed printed
        cdef int printer = self.direct(kind, payload, size, warned)
        if printer >= 0:
            return <str>DIRECT[printer]
        printed = self.find(kind, head, payload, size, warned)
        if warned:
            emit(warned)
        return intern(name_in(payload) if printed is None else printed.name_text())

    cdef list options_of(self, int kind, Printed printed):
        """The options in what was printed, to be read only."""
        if printed.taken_apart is None:
            printed.taken_apart = read(printed.text(),
                                       self.names_with_value(kind, printed.name_text()))
        return printed.taken_apart

    cdef object names_with_value(self, int kind, str name):
        """Options of an extension that take a value."""
        cdef dict known = self.with_value[kind != _csrc.PYIPTC_MATCH]
        found = known.get(name)
        if found is not None:
            return found
        try:
            table = self.instance.options(kind, name)
        except XTablesError:
            return ()
        found = frozenset([option for option in table if table[option].has_arg == 1])
        # What was assumed of a kernel that could not be asked is asked again.
        if name in <dict>self.instance.option_tables[kind != _csrc.PYIPTC_MATCH]:
            known[name] = found
        return found

    # -- entries -------------------------------------------------------------------------------

    cdef bytes protocol(self, unsigned int number, list warned):
        """A protocol's name, empty where there is none."""
        cdef bytes name
        if number >= <unsigned int>len(self.protocols):
            return encode(self.instance.name_protocol(number, warned))
        name = <bytes>self.protocols[number]
        if name is None:
            name = self.protocols[number] = encode(self.instance.name_protocol(number, warned))
        return name

    cdef int add_header(self, Text text, const unsigned char *header, list warned) except -1:
        """Write addresses, interfaces and protocol, a blank before each word."""
        cdef bytes protocol = b""
        cdef uint16_t number = get_u16(header + self.family.proto)
        cdef char *at
        if number != 0:
            protocol = self.protocol(number, warned)
        at = text.reserve(_csrc.PYIPTC_TEXT_MAX + len(protocol))
        text.size = _csrc.pyiptc_header_print(self.family, header, protocol, at) - text.data
        return 0

    cdef int add_entry(self, Text text, const unsigned char *entry, int kind, const char *jump,
                       list warned) except -1:
        """Write a rule, a blank before each word. *jump*: the chain of a jump, or NULL."""
        cdef const _csrc.pyiptc_family *family = self.family
        cdef size_t at = family.header_size, size
        cdef size_t target = get_u16(entry + family.offsets)
        cdef bint is_goto = _csrc.pyiptc_header_is_goto(family, entry)
        cdef bint is_extension = entry[target + 2] != 0
        cdef int verdict
        cdef char *end
        self.add_header(text, entry, warned)
        while at < target:
            size = get_u16(entry + at)
            text.add(b" -m ", 4)
            self.add_part(text, _csrc.PYIPTC_MATCH, entry, entry + at, size, warned)
            at += size
        if not is_extension and jump is NULL and kind != _csrc.PYIPTC_RULE_PLAIN:
            return 0
        text.add(b" -g " if is_goto and (is_extension or jump is not NULL) else b" -j ", 4)
        if is_extension:
            size = get_u16(entry + target)
            return self.add_part(text, _csrc.PYIPTC_TARGET, entry, entry + target, size, warned)
        if jump is not NULL:
            return text.add_word(jump, strlen(jump))
        memcpy(&verdict, entry + target + PAYLOAD_HEADER, sizeof(verdict))
        end = _csrc.pyiptc_verdict_print(verdict, text.reserve(VERDICT_SIZE))
        text.size = end - text.data
        return 0

    def entry_text(self, Entry entry not None) -> str:
        """The rule of an entry of this family."""
        cdef Text text = Text.__new__(Text)
        cdef bytes jump = None
        cdef list warned = []
        if entry.layout.nfproto != self.family.nfproto:
            raise BlobError(
                f"an entry of family {entry.family} for a printer of {self.instance.family}")
        if entry.jump is not None:
            jump = encode(entry.jump)
        self.add_entry(text, entry.at, entry.kind,
                       NULL if jump is None else PyBytes_AS_STRING(jump), warned)
        emit(warned)
        return text.decoded(1)

    def header_text(self, Header header not None) -> str:
        """What a rule's text begins with: addresses, interfaces, protocol."""
        cdef Text text = Text.__new__(Text)
        cdef list warned = []
        if header.layout.nfproto != self.family.nfproto:
            raise BlobError(
                f"a header of family {header.family} for a printer of {self.instance.family}")
        self.add_header(text, header.buffer, warned)
        emit(warned)
        return text.decoded(1)


#: By family, once made.
cdef dict printers = {}


cdef Printer printer_of(int family):
    """The process's printer for a family, made at the first call."""
    found = printers.get(family)
    if found is None:
        found = printers.setdefault(family, Printer(family, caches()))
    return <Printer>found


def printer(int family) -> Printer:
    """The process's printer for a family, made at the first call.

    Raises:
        ImportError: libxtables is missing or too old.
        UnsupportedError: As of :func:`pyiptc._xtables.instance`.
    """
    return printer_of(family)


def entry_text(Entry entry not None) -> str:
    """The rule of an entry. Sets have the names of the calling thread's network namespace.

    Cost: 1 µs, and 2 µs for each match or target that libxtables has to print.
    """
    return printer_of(<int>entry.layout.nfproto).entry_text(entry)


def part_text(int family, int kind, bytes head not None,
              bytes payload not None) -> tuple[str, str] | None:
    """The name of a match or target, as it is printed, and its options; None where it is opaque.

    Args:
        kind: :class:`pyiptc.enums.Kind`.
        head: The rule's header as the extension is shown it.
        payload: With its header.
    """
    return printer_of(family).part_text(kind, head, payload)


def forget() -> None:
    """Give back the memory of all that is remembered."""
    for found in printers.values():
        (<Printer>found).forget()


def verdict_name(int verdict) -> str:
    """The name of a verdict as it stands in a blob; of a number that is none, the number."""
    cdef char buffer[VERDICT_SIZE]
    return buffer[:_csrc.pyiptc_verdict_print(verdict, buffer) - buffer].decode("ascii")
