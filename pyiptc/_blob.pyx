# SPDX-License-Identifier: GPL-2.0-or-later
"""Entries as Python objects: the bytes of ``ipt_entry`` and ``ip6t_entry``, taken apart safely.

No system call and no libxtables here. An :class:`Entry` owns its bytes, or holds who does, and
never changes; a :class:`Header` is the part of one that a
:class:`pyiptc.Rule` edits.

Source: linux/netfilter_ipv4/ip_tables.h, linux/netfilter_ipv6/ip6_tables.h,
linux/netfilter/x_tables.h.
"""

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.unicode cimport (
    PyUnicode_AsUTF8AndSize, PyUnicode_DecodeASCII, PyUnicode_DecodeUTF8)
from libc.stdint cimport uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memchr, memcmp, memcpy, memset, strlen

from . cimport _csrc

from .errors import BlobError, RuleError, shown

#: Values of :attr:`Entry.kind`.
PLAIN = _csrc.PYIPTC_RULE_PLAIN
JUMP = _csrc.PYIPTC_RULE_JUMP
FALLTHROUGH = _csrc.PYIPTC_RULE_FALLTHROUGH

cdef enum:
    HEADER = 32           # of struct xt_entry_match and struct xt_entry_target
    NAME_SIZE = 29        # XT_EXTENSION_MAXNAMELEN, with its NUL
    STANDARD_SIZE = 40    # sizeof(struct xt_standard_target)
    MASK_DISTANCE = 32    # from an interface's name to its mask


#: Bytes of ``struct xt_entry_match`` and ``struct xt_entry_target`` before their data.
PAYLOAD_HEADER = HEADER


cdef str to_str(const char *text):
    """Names are bytes for the kernel; those that are not UTF-8 survive the round trip."""
    return text[:strlen(text)].decode("utf-8", "surrogateescape")


#: The header and target of an entry that nobody has begun.
cdef unsigned char NOTHING[512]


cdef inline uint16_t get_u16(const unsigned char *at) noexcept:
    cdef uint16_t value
    memcpy(&value, at, sizeof(value))
    return value


cdef inline void put_u16(unsigned char *at, Py_ssize_t value) noexcept:
    cdef uint16_t narrow = <uint16_t>value
    memcpy(at, &narrow, sizeof(narrow))


cdef const _csrc.pyiptc_family *layout_of(int family) except NULL:
    cdef const _csrc.pyiptc_family *layout = _csrc.pyiptc_family_of(<unsigned int>family)
    if layout is NULL:
        raise ValueError(f"family {family}: expected 2 (IPv4) or 10 (IPv6)")
    return layout


cdef str name_in(const unsigned char *payload):
    """Name in the header of a match's or target's payload."""
    cdef const char *name = <const char *>payload + 2
    cdef const char *end = <const char *>memchr(name, 0, NAME_SIZE)
    return PyUnicode_DecodeUTF8(name, NAME_SIZE if end is NULL else end - name, "surrogateescape")


def payload_name(bytes payload not None) -> str:
    """Name of the extension that a match's or target's payload belongs to."""
    if len(payload) < HEADER:
        return payload[2 : 2 + NAME_SIZE].split(b"\0", 1)[0].decode("utf-8", "surrogateescape")
    return name_in(payload)


def payload_revision(bytes payload not None) -> int:
    """Revision of the layout of a match's or target's payload."""
    return payload[HEADER - 1]


def standard_target(int verdict) -> bytes:
    """Payload of a target that is a verdict (``struct xt_standard_target``).

    Args:
        verdict: Negative, as it stands in a blob; 0 where the verdict is beside the entry.
    """
    cdef unsigned char target[STANDARD_SIZE]
    memset(target, 0, STANDARD_SIZE)
    put_u16(target, STANDARD_SIZE)
    memcpy(target + HEADER, &verdict, sizeof(verdict))
    return target[:STANDARD_SIZE]


cdef str network_as_text(const _csrc.pyiptc_family *layout, const unsigned char *address,
                         const unsigned char *mask, bint dotted):
    cdef char buffer[_csrc.PYIPTC_TEXT_MAX]
    cdef char *end = _csrc.pyiptc_network_print(layout, address, mask, dotted, buffer)
    return PyUnicode_DecodeASCII(buffer, end - buffer, NULL)


cdef str interface_as_text(const unsigned char *name, const unsigned char *mask):
    cdef char buffer[_csrc.PYIPTC_TEXT_MAX]
    cdef char *end = _csrc.pyiptc_interface_print(name, mask, buffer)
    return PyUnicode_DecodeUTF8(buffer, end - buffer, "surrogateescape")


def network_text(int family, bytes address not None, bytes mask not None,
                 bint dotted=False) -> str:
    """``address/length``, or with the mask written out where it has holes or *dotted* says so.

    Raises:
        ValueError: They are not of the family's size.
    """
    cdef const _csrc.pyiptc_family *layout = layout_of(family)
    if len(address) != layout.address_size or len(mask) != layout.address_size:
        raise ValueError(
            f"an address of {len(address)} bytes and a mask of {len(mask)}: expected "
            f"{layout.address_size}")
    return network_as_text(layout, address, mask, dotted)


def interface_text(bytes name not None, bytes mask not None) -> str:
    """What iptables prints for an interface; ``""`` for any.

    Args:
        name: 16 bytes.
        mask: 16 bytes.
    """
    if len(name) != 16 or len(mask) != 16:
        raise ValueError(
            f"an interface of {len(name)} bytes and a mask of {len(mask)}: expected 16 (IFNAMSIZ)")
    return interface_as_text(name, mask)


@cython.no_gc
cdef class Entry:
    """A rule on its way to or from a kernel, in the kernel's layout. Immutable.

    Args:
        family: 2 or 10.
        data: ``ipt_entry`` or ``ip6t_entry`` with its matches and target, well formed.
        kind: ``PLAIN``; ``JUMP``: to the chain *jump*; ``FALLTHROUGH``: there is no target.
        jump: Name of a chain, where *kind* is ``JUMP``.
    Raises:
        BlobError: *data* is not a well-formed entry, or is a jump without its chain.
    """

    def __cinit__(self):
        # Never NULL, not even where a subclass forgets __init__().
        self.layout = layout_of(2)
        self.at = NOTHING
        self.own = b""

    def __init__(self, int family, bytes data not None, int kind=PLAIN, str jump=None):
        self.layout = layout_of(family)
        self.take(data, kind, jump)

    cdef int take(self, bytes data, int kind, str jump) except -1:
        """Be what these bytes are, if they are an entry."""
        cdef const _csrc.pyiptc_family *layout = self.layout
        cdef uint32_t offset = 0
        cdef const unsigned char *target
        cdef const char *reason
        cdef int verdict
        if len(data) > 0xFFFF:
            raise BlobError(f"an entry of {len(data)} bytes: at most 65535 fit next_offset")
        reason = _csrc.pyiptc_entry_check(layout, <const unsigned char *>data,
                                          <uint32_t>len(data), &offset)
        if reason is not NULL:
            raise BlobError(f"entry of {len(data)} bytes, at byte {offset}: {to_str(reason)}",
                            offset)
        if (kind != _csrc.PYIPTC_RULE_PLAIN and kind != _csrc.PYIPTC_RULE_JUMP
                and kind != _csrc.PYIPTC_RULE_FALLTHROUGH):
            raise BlobError(f"an entry of kind {kind}")
        if (kind == _csrc.PYIPTC_RULE_JUMP) != (jump is not None):
            raise BlobError("a jump has a chain, and nothing else has")
        target = <const unsigned char *>data
        target += get_u16(target + layout.offsets)
        if kind != _csrc.PYIPTC_RULE_PLAIN and target[2] != 0:
            raise BlobError("a verdict beside an entry whose target is an extension")
        if kind == _csrc.PYIPTC_RULE_PLAIN and target[2] == 0:
            memcpy(&verdict, target + HEADER, sizeof(verdict))
            if verdict >= 0:
                # In the table that it came from; in another it may lead into a chain's middle.
                raise BlobError(f"a jump to byte {verdict} of a table: its chain is not known")
        self.have(data)
        self.kind = kind
        self.jump = jump
        return 0

    cdef int have(self, bytes data) except -1:
        """Be in memory of its own."""
        self.own = data
        self.at = <const unsigned char *>PyBytes_AS_STRING(data)
        self.size = <uint32_t>len(data)
        memcpy(self.counted, self.at + self.layout.counters, sizeof(self.counted))
        return 0

    @staticmethod
    cdef Entry from_uapi(const _csrc.pyiptc_family *layout, const unsigned char *data,
                         Py_ssize_t size, int kind, str jump):
        """Copy an entry that was checked already; what only the kernel uses becomes zero."""
        cdef Entry entry = Entry.in_memory(layout, data, size, kind, jump, None)
        entry.have(entry.copied())
        return entry

    @staticmethod
    cdef Entry in_memory(const _csrc.pyiptc_family *layout, const unsigned char *data,
                         Py_ssize_t size, int kind, str jump, object memory):
        """The same without a copy. *memory*: whose it is, and who keeps it; it has no entries."""
        cdef Entry entry = Entry.__new__(Entry)
        entry.layout = layout
        entry.kind = kind
        entry.jump = jump
        entry.at = data
        entry.size = <uint32_t>size
        entry.memory = memory
        entry.own = None
        memcpy(entry.counted, data + layout.counters, sizeof(entry.counted))
        return entry

    cdef bytes copied(self):
        """All of it, without what only the kernel uses."""
        cdef bytes data = PyBytes_FromStringAndSize(<const char *>self.at, self.size)
        cdef unsigned char *copy = <unsigned char *>PyBytes_AS_STRING(data)
        cdef uint32_t offsets = self.layout.offsets
        memset(copy + offsets - 4, 0, 4)      # nfcache
        memset(copy + offsets + 4, 0, 4)      # comefrom
        memcpy(copy + self.layout.counters, self.counted, sizeof(self.counted))
        if self.kind != _csrc.PYIPTC_RULE_PLAIN:
            memset(copy + get_u16(copy + offsets) + HEADER, 0, 4)  # verdict
        return data

    @property
    def data(self) -> bytes:
        """``ipt_entry`` or ``ip6t_entry`` with its matches and target.

        Cost: a copy, for one that was read together with others.
        """
        return self.own if self.own is not None else self.copied()

    @property
    def family(self) -> int:
        """2 (IPv4) or 10 (IPv6)."""
        return self.layout.nfproto

    @property
    def header(self) -> Header:
        """An own, editable copy of the header."""
        cdef Header header = Header.__new__(Header, self.layout.nfproto)
        memcpy(header.buffer, self.at, self.layout.header_size)
        memset(header.buffer + self.layout.offsets, 0, 4)
        if self.own is None:
            memset(header.buffer + self.layout.offsets - 4, 0, 4)  # nfcache
            memset(header.buffer + self.layout.offsets + 4, 0, 4)  # comefrom
        memcpy(header.buffer + self.layout.counters, self.counted, sizeof(self.counted))
        return header

    @property
    def counters(self) -> tuple[int, int]:
        """Packets and bytes."""
        return self.counted[0], self.counted[1]

    def with_counters(self, uint64_t packets, uint64_t bytes_) -> Entry:
        """The same entry with other counters."""
        cdef Entry entry = Entry.from_uapi(self.layout, self.at, self.size, self.kind, self.jump)
        entry.counted[0] = packets
        entry.counted[1] = bytes_
        entry.have(entry.copied())
        return entry

    @property
    def ip(self) -> bytes:
        """The bytes that tell which packets it is about (``struct ipt_ip``)."""
        return self.at[: self.layout.ip_size]

    @property
    def head(self) -> bytes:
        """The whole header, as extensions are shown it."""
        return self.data[: self.layout.header_size]

    @property
    def matches(self) -> list[bytes]:
        """Payloads of the matches, each with its header, in order."""
        cdef const unsigned char *data = self.at
        cdef Py_ssize_t at = self.layout.header_size, size
        cdef Py_ssize_t end = get_u16(data + self.layout.offsets)
        cdef list matches = []
        while at < end:
            size = get_u16(data + at)
            matches.append(data[at : at + size])
            at += size
        return matches

    @property
    def shape(self) -> bytes:
        """The headers of all payloads, the target's last: sizes, names and revisions."""
        cdef const unsigned char *data = self.at
        cdef Py_ssize_t at = self.layout.header_size, end = self.size
        cdef unsigned char headers[16 * HEADER]
        cdef Py_ssize_t used = 0
        cdef bytes found = b""
        while at < end:
            if used == sizeof(headers):
                found += headers[:used]
                used = 0
            memcpy(headers + used, data + at, HEADER)
            used += HEADER
            at += get_u16(data + at)
        return found + headers[:used]

    @property
    def target_name(self) -> str:
        """Name of the target's extension; ``""`` where it is standard."""
        cdef const unsigned char *data = self.at
        return name_in(data + get_u16(data + self.layout.offsets))

    @property
    def is_bound(self) -> bool:
        """Whether it may mean something else in another network namespace: it names a set."""
        cdef const unsigned char *data = self.at
        cdef Py_ssize_t at = self.layout.header_size, end = self.size
        while at < end:
            if memcmp(data + at + 2, b"set", 4) == 0 or memcmp(data + at + 2, b"SET", 4) == 0:
                return True
            at += get_u16(data + at)
        return False

    def has_interface(self, bint out) -> bool:
        """Whether it is about packets of one interface, coming in or going *out*."""
        cdef const unsigned char *data = self.at
        return data[self.layout.outiface if out else self.layout.iniface] != 0

    @property
    def target(self) -> bytes:
        """Payload of the target, with its header."""
        cdef const unsigned char *data = self.at
        return self.data[get_u16(data + self.layout.offsets) :]

    @property
    def verdict(self) -> int | None:
        """Verdict of a plain standard target, as it stands in a blob; None for all others."""
        cdef const unsigned char *data = self.at
        cdef const unsigned char *target = data + get_u16(data + self.layout.offsets)
        cdef int verdict
        if self.kind != PLAIN or target[2] != 0:
            return None
        memcpy(&verdict, target + HEADER, sizeof(verdict))
        return verdict

    def mask(self, list user_sizes not None) -> bytes:
        """Which bits count when rules are compared, one byte for each of :attr:`data`.

        Args:
            user_sizes: For each match and then the target, bytes of its data that count.
        Source: make_delete_mask() of iptables and is_same() of libiptc: counters, offsets and
            fields of the kernel do not count; of an interface's name only what its mask covers.
        """
        cdef const unsigned char *data = self.at
        cdef Py_ssize_t size = self.size, at = self.layout.header_size, length, index = 0
        cdef bytes result = PyBytes_FromStringAndSize(NULL, size)
        cdef unsigned char *mask = <unsigned char *>PyBytes_AS_STRING(result)
        cdef Py_ssize_t counted
        if size == 0:
            raise BlobError("an entry that was never begun")
        memset(mask, 0, size)
        memset(mask, 0xFF, self.layout.ip_size)
        for name_at in (self.layout.iniface, self.layout.outiface):
            memcpy(mask + <uint32_t>name_at, data + <uint32_t>name_at + MASK_DISTANCE, 16)
        while at < size:
            length = get_u16(data + at)
            counted = max(0, min(<Py_ssize_t>user_sizes[index], length - HEADER))
            memset(mask + at, 0xFF, HEADER + counted)
            at += length
            index += 1
        return result

    def masked(self, bytes mask not None) -> bytes:
        """The bytes that count: :attr:`data` where *mask* has bits, zero elsewhere."""
        cdef Py_ssize_t size = self.size, i
        cdef bytes result = PyBytes_FromStringAndSize(NULL, size)
        cdef unsigned char *to = <unsigned char *>PyBytes_AS_STRING(result)
        cdef bytes whole = self.data
        cdef const unsigned char *data = whole
        cdef const unsigned char *bits = mask
        if len(mask) != size:
            raise ValueError(f"a mask of {len(mask)} bytes for an entry of {size}")
        for i in range(size):
            to[i] = data[i] & bits[i]
        return result

    def __eq__(self, other):
        if not isinstance(other, Entry):
            return NotImplemented
        return (self.family, self.data, self.kind, self.jump) == (
            other.family, other.data, other.kind, other.jump)

    def __hash__(self):
        return hash((self.data, self.kind, self.jump))

    def __reduce__(self):
        return Entry, (self.family, self.data, self.kind, self.jump)

    def __repr__(self):
        where = f" -> {self.jump}" if self.jump is not None else ""
        return f"<Entry family={self.family} {self.size} bytes{where}>"


cdef class Header:
    """What a rule says without its matches: addresses, interfaces, protocol, flags, counters.

    Addresses are kept as they were set and masked when an entry is made, as the kernel wants
    them. All byte strings are in network order.
    """

    def __cinit__(self, int family):
        self.layout = layout_of(family)
        memset(self.buffer, 0, sizeof(self.buffer))

    @property
    def family(self) -> int:
        """2 (IPv4) or 10 (IPv6)."""
        return self.layout.nfproto

    def copy(self) -> Header:
        """An own copy."""
        cdef Header header = Header.__new__(Header, self.layout.nfproto)
        memcpy(header.buffer, self.buffer, sizeof(self.buffer))
        return header

    cdef unsigned char *address(self, int index):
        """0 source, 1 destination, 2 and 3 their masks."""
        return self.buffer + index * self.layout.address_size

    cdef bytes get_address(self, int index):
        return self.address(index)[: self.layout.address_size]

    cdef int set_address(self, int index, bytes value) except -1:
        if len(value) != self.layout.address_size:
            raise ValueError(f"{len(value)} bytes: expected {self.layout.address_size}")
        memcpy(self.address(index), <const unsigned char *>value, self.layout.address_size)
        return 0

    @property
    def src(self) -> bytes:
        """Source address."""
        return self.get_address(0)

    @src.setter
    def src(self, bytes value not None):
        self.set_address(0, value)

    @property
    def dst(self) -> bytes:
        """Destination address."""
        return self.get_address(1)

    @dst.setter
    def dst(self, bytes value not None):
        self.set_address(1, value)

    @property
    def src_mask(self) -> bytes:
        """Bits of the source address that count."""
        return self.get_address(2)

    @src_mask.setter
    def src_mask(self, bytes value not None):
        self.set_address(2, value)

    @property
    def dst_mask(self) -> bytes:
        """Bits of the destination address that count."""
        return self.get_address(3)

    @dst_mask.setter
    def dst_mask(self, bytes value not None):
        self.set_address(3, value)

    cdef tuple get_interface(self, uint32_t at):
        cdef const unsigned char *name = self.buffer + at
        return name[:16], (name + MASK_DISTANCE)[:16]

    cdef int set_interface(self, uint32_t at, tuple value) except -1:
        cdef bytes name, mask
        name, mask = value
        if len(name) > 15 or len(mask) > 16:
            raise ValueError("an interface's name has at most 15 bytes (IFNAMSIZ)")
        memset(self.buffer + at, 0, 16)
        memset(self.buffer + at + MASK_DISTANCE, 0, 16)
        memcpy(self.buffer + at, <const unsigned char *>name, len(name))
        memcpy(self.buffer + at + MASK_DISTANCE, <const unsigned char *>mask, len(mask))
        return 0

    @property
    def in_interface(self) -> tuple[bytes, bytes]:
        """Name and mask of the interface that packets come in by, 16 bytes each."""
        return self.get_interface(self.layout.iniface)

    @in_interface.setter
    def in_interface(self, tuple value not None):
        self.set_interface(self.layout.iniface, value)

    @property
    def out_interface(self) -> tuple[bytes, bytes]:
        """Name and mask of the interface that packets leave by, 16 bytes each."""
        return self.get_interface(self.layout.outiface)

    @out_interface.setter
    def out_interface(self, tuple value not None):
        self.set_interface(self.layout.outiface, value)

    @property
    def proto(self) -> int:
        """Number of the transport protocol, 0 for any."""
        return get_u16(self.buffer + self.layout.proto)

    @proto.setter
    def proto(self, uint16_t value):
        put_u16(self.buffer + self.layout.proto, value)

    @property
    def flags(self) -> int:
        """:class:`pyiptc.enums.HeaderFlag`."""
        return self.buffer[self.layout.flags]

    @flags.setter
    def flags(self, unsigned char value):
        self.buffer[self.layout.flags] = value

    @property
    def invflags(self) -> int:
        """:class:`pyiptc.enums.Inverted`."""
        return self.buffer[self.layout.flags + 1]

    @invflags.setter
    def invflags(self, unsigned char value):
        self.buffer[self.layout.flags + 1] = value

    @property
    def counters(self) -> tuple[int, int]:
        """Packets and bytes."""
        cdef uint64_t counters[2]
        memcpy(counters, self.buffer + self.layout.counters, sizeof(counters))
        return counters[0], counters[1]

    @counters.setter
    def counters(self, tuple value not None):
        cdef uint64_t counters[2]
        counters[0], counters[1] = value
        memcpy(self.buffer + self.layout.counters, counters, sizeof(counters))

    def to_uapi(self) -> bytes:
        """The header as the kernel wants it, addresses masked; offsets are not filled in."""
        cdef unsigned char head[HEADER_MAX]
        self.to_kernel(head)
        return head[: self.layout.header_size]

    cdef int to_kernel(self, unsigned char *head) except -1:
        """The same, put where there is room for a :class:`Header`'s buffer."""
        cdef uint32_t i
        memcpy(head, self.buffer, sizeof(self.buffer))
        for i in range(2 * self.layout.address_size):
            head[i] &= head[2 * self.layout.address_size + i]
        return 0

    def __reduce__(self):
        return _header_from_bytes, (self.family, self.buffer[: self.layout.header_size])

    def __eq__(self, other):
        if not isinstance(other, Header):
            return NotImplemented
        return self.__reduce__() == other.__reduce__()

    __hash__ = None


def _header_from_bytes(int family, bytes data not None) -> Header:
    """Undo :meth:`Header.__reduce__`."""
    cdef Header header = Header.__new__(Header, family)
    if len(data) != header.layout.header_size:
        raise BlobError(f"a header of {len(data)} bytes: expected {header.layout.header_size}")
    memcpy(header.buffer, <const unsigned char *>data, len(data))
    return header


def compose(bytes head not None, list matches not None, bytes target not None, int family,
            int kind=PLAIN, str jump=None) -> Entry:
    """Lay an entry out: header, payloads of the matches, payload of the target.

    Args:
        head: :meth:`Header.to_uapi`.
        matches: Payloads with their headers.
        target: Payload with its header.
    Raises:
        RuleError: Together they are larger than an entry can be (65535 bytes).
    """
    cdef const _csrc.pyiptc_family *layout = layout_of(family)
    if len(head) != layout.header_size:
        raise BlobError(f"a header of {len(head)} bytes: expected {layout.header_size}")
    return laid_out(layout, <const unsigned char *>head, matches, target, kind, jump)


cdef Entry laid_out(const _csrc.pyiptc_family *layout, const unsigned char *head, list matches,
                    bytes target, int kind, str jump):
    """The same of a header's bytes as they are."""
    cdef Py_ssize_t size = layout.header_size + len(target)
    cdef bytes part, data
    cdef unsigned char *start
    cdef unsigned char *at
    cdef Entry entry
    for part in matches:
        size += len(part)
    if size > 0xFFFF:
        raise RuleError(f"a rule of {size} bytes: at most 65535 fit an entry")
    data = PyBytes_FromStringAndSize(NULL, size)
    start = at = <unsigned char *>PyBytes_AS_STRING(data)
    memcpy(at, head, layout.header_size)
    at += layout.header_size
    for part in matches:
        memcpy(at, PyBytes_AS_STRING(part), len(part))
        at += len(part)
    memcpy(at, PyBytes_AS_STRING(target), len(target))
    put_u16(start + layout.offsets, size - len(target))
    put_u16(start + layout.offsets + 2, size)
    entry = Entry.__new__(Entry)
    entry.layout = layout
    entry.take(data, kind, jump)
    return entry


cdef bint read_address(const _csrc.pyiptc_family *layout, value, unsigned char *to) except -1:
    """Whether text is an address alone, without a mask: it is read then."""
    cdef const char *text
    cdef Py_ssize_t length
    try:
        text = PyUnicode_AsUTF8AndSize(value, &length)
    except UnicodeEncodeError:
        return False
    return memchr(text, 0, length) is NULL and _csrc.pyiptc_read_address(layout, text, to)


def pack_addresses(int family, values not None, network not None) -> bytes:
    """Addresses and their masks, as they stand in a header, one after the other.

    Args:
        family: 2 or 10.
        network: Reads text that is no plain address: gives its address and mask, or raises
            RuleError.
        values: Text such as ``192.0.2.1`` or ``192.0.2.0/24``, numbers (of the address, the first
            byte the highest), or packed bytes.
    Raises:
        TypeError: None of these.
        RuleError: No address of the family; the message has its place.
    Cost: 0.1 µs each.
    """
    cdef const _csrc.pyiptc_family *layout = layout_of(family)
    cdef Py_ssize_t size = layout.address_size, used = 0, room = 64, index = 0
    cdef unsigned char *buffer = <unsigned char *>malloc(room * 2 * size)
    cdef unsigned char *grown
    try:
        if buffer is NULL:
            raise MemoryError
        for value in values:
            if used == room:
                room *= 2
                grown = <unsigned char *>realloc(buffer, room * 2 * size)
                if grown is NULL:
                    raise MemoryError
                buffer = grown
            pack_address(layout, value, network, index, buffer + used * 2 * size)
            used += 1
            index += 1
        return PyBytes_FromStringAndSize(<const char *>buffer, used * 2 * size)
    finally:
        free(buffer)


cdef int pack_address(const _csrc.pyiptc_family *layout, value, network, Py_ssize_t index,
                      unsigned char *to) except -1:
    cdef Py_ssize_t size = layout.address_size, i
    cdef bytes raw, mask
    memset(to + size, 0xFF, size)
    if isinstance(value, str):
        if read_address(layout, value, to):
            return 0
        try:
            raw, mask = network(value)
        except RuleError as error:
            raise RuleError(f"value {index}: {error}") from None
        for i in range(size):
            to[i] = (<const unsigned char *>raw)[i] & (<const unsigned char *>mask)[i]
        memcpy(to + size, <const unsigned char *>mask, size)
        return 0
    if isinstance(value, (bytes, bytearray, memoryview)):
        raw = <bytes>value if type(value) is bytes else bytes(value)
        if len(raw) != size:
            raise RuleError(f"value {index}: an address of {len(raw)} bytes, expected {size}")
    elif isinstance(value, int) and not isinstance(value, bool):
        if value < 0 or value.bit_length() > 8 * size:
            raise RuleError(f"value {index}: {shown(value)} is no address of {8 * size} bits")
        raw = value.to_bytes(size, "big")
    else:
        raise TypeError(
            f"value {index}: an address is text, a number or packed bytes, not {shown(value)}")
    memcpy(to, <const unsigned char *>raw, size)
    return 0
