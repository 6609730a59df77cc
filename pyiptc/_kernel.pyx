# SPDX-License-Identifier: GPL-2.0-or-later
"""Sockets, tables in memory, and the handles that read and send them.

System calls are made without the GIL. A :class:`TableData` is not thread-safe: the
:class:`pyiptc.Table` that owns it lets one thread at a time in.
"""

import errno as _errno
import os

cimport cython
from cpython.buffer cimport PyBUF_FORMAT, PyBUF_WRITABLE
from cpython.bytes cimport PyBytes_AS_STRING
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_AsUTF8String
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memchr, memcpy, memset, strcmp, strlen
from posix.unistd cimport close

from . cimport _csrc
from ._blob cimport Entry, to_str
from ._print cimport Printer, Text
from ._xtables cimport Instance, emit

from . import libraries
from .counters import Counters
from ._print import entry_text, verdict_name
from ._xtables import instance as instance_of
from .text import encode
from .errors import (
    BlobError, ConflictError, CountersLostError, KernelError, edit_error, kernel_error, shown)
from .process import check_width

#: Names of the handles (see :class:`TableData`): the first is the default.
HANDLES = ("legacy", "libiptc", "nft")

#: How the handle nft writes rules, beside the number that the codec has for it.
NFT_FORMS = ("portable", "1.8.9", "1.8.11")

#: Of the blob: net/netfilter/x_tables.c.
XT_MAX_TABLE_SIZE = 512 << 20


cdef bytes to_bytes(str text):
    cdef bytes name
    try:
        name = PyUnicode_AsUTF8String(text)
    except UnicodeEncodeError:
        name = encode(text)
    if memchr(<const char *>name, 0, len(name)) is not NULL:
        raise ValueError(f"{text!r}: a name cannot have a NUL byte")
    return name


cdef class Socket:
    """A socket of one family: what socket options are asked of.

    It belongs to the network namespace that the calling thread is in.

    Args:
        family: 2 or 10.
        table: The table that it is for, for the message of an error.
    Raises:
        UnsupportedError: The kernel does not know the family.
    """

    cdef readonly int fd
    cdef const _csrc.pyiptc_family *layout

    def __cinit__(self, int family, str table=None):
        self.fd = -1
        self.layout = _csrc.pyiptc_family_of(<unsigned int>family)
        if self.layout is NULL:
            raise ValueError(f"family {family}: expected 2 (IPv4) or 10 (IPv6)")

    def __init__(self, int family, str table=None):
        if sizeof(void *) == 4:
            check_width()
        self.open(table)

    cdef int open(self, str table) except -1:
        cdef int fd = _csrc.pyiptc_socket(self.layout)
        if fd < 0:
            raise kernel_error(-fd, "socket", table or to_str(self.layout.module), "initialize")
        self.fd = fd
        return 0

    @property
    def cookie(self) -> int | None:
        """Number of the socket's network namespace, never used twice; None before Linux 5.14."""
        cdef uint64_t cookie = 0
        if _csrc.pyiptc_netns_cookie(self.fd, &cookie) < 0:
            return None
        return cookie

    def close(self) -> None:
        """Close it; twice is fine."""
        cdef int fd = self.fd
        self.fd = -1
        if fd >= 0:
            with nogil:
                close(fd)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def __dealloc__(self):
        if self.fd >= 0:
            close(self.fd)


def reach(int family, cookie not None) -> Socket | None:
    """A socket, if the calling thread is in the network namespace of a number; None if not.

    None before Linux 5.14, too: see :attr:`Socket.cookie`. Raises as :class:`Socket` does.
    """
    cdef Socket found = Socket.__new__(Socket, family)
    cdef uint64_t number = 0
    cdef int rc
    if sizeof(void *) == 4:
        check_width()
    found.open(None)
    rc = _csrc.pyiptc_netns_cookie(found.fd, &number)
    if rc == 0 and number == cookie:
        return found
    found.close()
    return None


def setns(int fd) -> None:
    """Let the calling thread be in the network namespace of a descriptor.

    Raises:
        OSError: EPERM: CAP_SYS_ADMIN is missing; EINVAL: not a network namespace.
    """
    cdef int rc
    with nogil:
        rc = _csrc.pyiptc_setns(fd)
    if rc < 0:
        raise OSError(-rc, os.strerror(-rc))


def load_module(str name not None) -> None:
    """Load a kernel module as iptables does: run what ``/proc/sys/kernel/modprobe`` names.

    Raises:
        OSError: ENOENT: there is no such program; EIO: it failed; ENOPROTOOPT: the environment
            says ``PYIPTC_MODPROBE=0``.
    """
    cdef bytes raw = to_bytes(name)
    cdef const char *module = raw
    cdef int rc
    with nogil:
        rc = _csrc.pyiptc_load_module(module)
    if rc < 0:
        raise OSError(-rc, os.strerror(-rc))


cdef char *PROGRAM = b"pyiptc"

cdef enum:
    ENTRY_MAX = 8192  # bytes of an entry that is made without libxtables
    LINES_MAX = 1000  # that are read without a pause
#: Verdict of NF_DROP in a standard target.
cdef int DROP = -1
cdef uint64_t NO_COUNTERS[2]
NO_COUNTERS[:] = [0, 0]


cdef class _Line:
    """A line of a save file, taken to words as iptables-restore does: ``[1:60] -A CHAIN word …``.

    White space separates; double quotes keep it together, and inside them a backslash keeps the
    next character as it is. The first pointer is the chain. One after the other, in one memory.
    """

    cdef int count
    cdef char **pointers
    cdef char *text
    cdef Py_ssize_t room
    cdef uint64_t counters[2]

    def __dealloc__(self):
        free(self.text)
        free(self.pointers)

    cdef bint read(self, const char *at, Py_ssize_t size) except -1:
        """Whether it is a rule to be appended; CR and LF at its end do not count."""
        cdef const char *end
        self.counters[0] = self.counters[1] = 0
        if memchr(at, 0, size) is not NULL:
            return False
        while size > 0 and (at[size - 1] == b"\r" or at[size - 1] == b"\n"):
            size -= 1
        end = at + size
        if at[0] == b"[":
            at = self.take_counters(at + 1)
            if at is NULL:
                return False
        if at[0] != b"-" or at[1] != b"A" or at[2] != b" ":
            return False
        self.reserve(size)
        self.split(at + 3, end)
        return self.count > 0

    cdef int reserve(self, Py_ssize_t size) except -1:
        """Have room for words and pointers to them: a byte separates each from the next."""
        if size < self.room:
            return 0
        free(self.text)
        free(self.pointers)
        self.room = 0
        self.text = <char *>malloc(2 * size + 2)
        self.pointers = <char **>malloc((size + 3) * sizeof(char *))
        if self.text is NULL or self.pointers is NULL:
            raise MemoryError
        self.room = 2 * size + 1
        return 0

    cdef const char *take_counters(self, const char *at) noexcept:
        """What follows ``packets:bytes] ``, or NULL where that is not what stands there."""
        cdef uint64_t number
        cdef int i, digits
        for i in range(2):
            number = 0
            digits = 0
            while b"0" <= at[0] <= b"9":
                number = number * 10 + <uint64_t>(at[0] - c"0")
                at += 1
                digits += 1
            # 19 digits fit 64 bits in any case.
            if not 0 < digits < 20 or at[0] != (b":" if i == 0 else b"]"):
                return NULL
            self.counters[i] = number
            at += 1
        while at[0] == b" ":
            at += 1
        return at

    cdef void split(self, const char *at, const char *end) noexcept:
        cdef char *to = self.text
        cdef bint in_quotes = False, in_word = False
        self.count = 0
        while at < end:
            if not in_quotes and (at[0] == b" " or at[0] == b"\t" or at[0] == b"\n"):
                if in_word:
                    to[0] = 0
                    to += 1
                in_word = False
                at += 1
                continue
            if not in_word:
                self.pointers[self.count] = to
                self.count += 1
                in_word = True
            if at[0] == b'"':
                in_quotes = not in_quotes
            else:
                if in_quotes and at[0] == b"\\":
                    at += 1
                    if at == end:
                        break
                to[0] = at[0]
                to += 1
            at += 1
        to[0] = 0
        self.pointers[self.count] = NULL


#: A format of module struct.
cdef char *UINT64 = b"Q"


cdef class CounterArray:
    """Packets and bytes of a chain's rules: what was read, or what it will be after a commit.

    A buffer of unsigned 64-bit numbers of shape (rules, 2), for :class:`memoryview`, numpy and the
    like; read-only. As a sequence its items are :class:`pyiptc.Counters`.
    """

    cdef uint64_t *values
    cdef readonly Py_ssize_t count
    cdef Py_ssize_t shape[2]
    cdef Py_ssize_t strides[2]

    cdef int allocate(self, Py_ssize_t count) except -1:
        # Never of no bytes: an empty buffer has an address, too.
        self.values = <uint64_t *>calloc(2 * count + 2, sizeof(uint64_t))
        if self.values is NULL:
            raise MemoryError
        self.count = self.shape[0] = count
        self.shape[1] = 2
        self.strides[0] = 2 * sizeof(uint64_t)
        self.strides[1] = sizeof(uint64_t)
        return 0

    def __cinit__(self):
        self.values = NULL
        self.count = 0

    def __dealloc__(self):
        free(self.values)

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        if flags & PyBUF_WRITABLE:
            raise BufferError("counters that were read cannot be changed")
        if self.values is NULL:
            raise BufferError("no counters")
        buffer.buf = self.values
        buffer.obj = self
        buffer.len = self.count * 2 * <Py_ssize_t>sizeof(uint64_t)
        buffer.readonly = 1
        buffer.itemsize = sizeof(uint64_t)
        buffer.format = NULL
        if flags & PyBUF_FORMAT:
            buffer.format = UINT64
        buffer.ndim = 2
        buffer.shape = self.shape
        buffer.strides = self.strides
        buffer.suboffsets = NULL
        buffer.internal = NULL

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, Py_ssize_t index) -> Counters:
        if index < 0:
            index += self.count
        if not 0 <= index < self.count:
            raise IndexError(f"rule {index} of {self.count}")
        return Counters(self.values[2 * index], self.values[2 * index + 1])

    def total(self) -> Counters:
        """The sum of all rules."""
        packets = bytes_ = 0
        for i in range(self.count):
            packets += self.values[2 * i]
            bytes_ += self.values[2 * i + 1]
        return Counters(packets, bytes_)

    def __repr__(self) -> str:
        return f"<counters of {self.count} rules>"


cdef const _csrc.pyiptc_handle *handle_of(str name) except NULL:
    if name == "legacy":
        return &_csrc.pyiptc_handle_legacy
    if name == "libiptc":
        return &_csrc.pyiptc_handle_libiptc
    if name == "nft":
        return &_csrc.pyiptc_handle_nft
    raise ValueError(f"handle {shown(name)}: expected one of {', '.join(HANDLES)}")


cdef object failure(const _csrc.pyiptc_error *error, str table, str action, int family):
    """The exception for what a handle reports."""
    if error.number == _errno.ELIBACC:
        return libraries.missing(libraries.LIBIPTC[family], to_str(error.text))
    operation = to_str(error.operation) if error.operation is not NULL else "?"
    if error.number == _errno.EBADMSG:
        return BlobError(
            f"table {table}, at byte {error.blob.offset}: {to_str(error.blob.reason)}",
            error.blob.offset,
        )
    if error.number == _errno.EBUSY and operation == "NFT_MSG_DELCHAIN":
        return edit_error(_errno.EMLINK, "delete chain", to_str(error.place).partition(" ")[2])
    return kernel_error(error.number, operation, table, action, to_str(error.text),
                        to_str(error.place))


cdef _csrc.xt_counters policy_counters(const _csrc.pyiptc_chain *chain) noexcept:
    """Packets and bytes of a chain's policy; none for a user-defined chain."""
    cdef _csrc.xt_counters counters = chain.counters
    if chain.is_set:
        counters = chain.given
    elif chain.is_zeroed or chain.hook < 0:
        counters.pcnt = counters.bcnt = 0
    return counters


#: Set while read() makes a TableData: there is no other way to one.
cdef bint reading = False


cdef class _Block:
    """The memory of what was read of a table, for entries that are held when the table has another.

    It is freed by the last one of both, the table and this.
    """

    cdef _csrc.pyiptc_share share

    def __dealloc__(self):
        _csrc.pyiptc_share_end(&self.share)


cdef class TableData:
    """A table in memory: chains of entries, as read from a kernel and edited since.

    Get one from :func:`read`. Chains are named; indices are 0-based. Every method that takes a
    chain raises :class:`ChainNotFoundError` where there is none, and edits raise what libiptc
    would say, changing nothing.
    """

    cdef _csrc.pyiptc_table *table
    cdef const _csrc.pyiptc_handle *handle
    cdef Instance instance
    cdef object reach
    #: The chain that was asked for last, which is nearly always the next one, too.
    cdef str last_name
    cdef _csrc.pyiptc_chain *last
    cdef readonly Py_ssize_t line
    cdef _Block shared

    def __dealloc__(self):
        _csrc.pyiptc_table_free(self.table)

    cdef _csrc.pyiptc_instance *c_instance(self) noexcept nogil:
        """The instance that the handle works inside of, or NULL."""
        return self.instance.instance if self.instance is not None else NULL

    def __cinit__(self):
        if not reading:
            raise TypeError("read() makes tables")

    cdef _csrc.pyiptc_chain *find_chain(self, str name, str operation) except NULL:
        cdef _csrc.pyiptc_chain *chain
        if name is self.last_name:
            return self.last
        chain = _csrc.pyiptc_table_find_chain(self.table, to_bytes(name))
        if chain is NULL:
            subject = name if operation.endswith(" chain") else f"chain {name}"
            raise edit_error(_errno.ENOENT, operation, subject)
        self.last_name = name
        self.last = chain
        return chain

    cdef int load_rules(self, const char *chain) except -1:
        """Have the rules of a chain, or of all (NULL); those that are there stay."""
        if self.reach is not None:
            with self.reach():
                return self.load_here(chain)
        return self.load_here(chain)

    cdef int load_here(self, const char *chain) except -1:
        cdef _csrc.pyiptc_error error
        cdef int rc
        memset(&error, 0, sizeof(error))
        self.last_name = None  # chains may move
        with nogil:
            rc = self.handle.load(self.table, chain, &error)
        if rc == -_errno.EAGAIN:
            raise ConflictError(f"table {self.name} changes faster than it can be read")
        if rc < 0:
            raise failure(&error, to_str(self.table.name), "initialize", self.family)
        return 0

    cdef _csrc.pyiptc_chain *find_rules(self, str name, str operation) except NULL:
        """As find_chain(), for who needs the rules."""
        cdef _csrc.pyiptc_chain *chain = self.find_chain(name, operation)
        if self.table.nft is not NULL:
            if chain.is_unread:
                self.load_rules(to_bytes(name))
                chain = self.find_chain(name, operation)
            self.table.is_consulted = 1
        return chain

    def reached_by(self, reach) -> TableData:
        """The same one, with another way to its namespace (see :func:`read`)."""
        self.reach = reach
        return self

    def load(self) -> None:
        """Have the rules of all chains, as they are at one moment.

        Other handles than nft have them anyway.

        Raises:
            KernelError: They cannot be read.
        """
        if self.table.nft is not NULL:
            self.load_rules(NULL)

    @property
    def handle_name(self) -> str:
        """Which handle it was read with."""
        return to_str(self.handle.name)

    @property
    def name(self) -> str:
        """Name of the table."""
        return to_str(self.table.name)

    @property
    def family(self) -> int:
        """2 (IPv4) or 10 (IPv6)."""
        return self.table.family.nfproto

    @property
    def is_changed(self) -> bool:
        """Whether there is something that :func:`commit` would send."""
        return bool(self.table.is_changed or self.table.is_recounted)

    def chains(self) -> list[str]:
        """Names of all chains: built-in ones in the order of hooks, then the others by name."""
        return [to_str(self.table.chains[i].name) for i in range(self.table.chain_count)]

    def has_chain(self, str chain not None) -> bool:
        """Whether there is a chain of this name, whatever it is."""
        return (chain is self.last_name
                or "\0" not in chain
                and _csrc.pyiptc_table_find_chain(self.table, to_bytes(chain)) is not NULL)

    def is_builtin(self, str chain not None) -> bool:
        """Whether there is a built-in chain of this name."""
        found = _csrc.pyiptc_table_find_chain(self.table, to_bytes(chain))
        return found is not NULL and found.hook >= 0

    def policy(self, str chain not None) -> tuple[str, int, int] | None:
        """Policy, packets and bytes of a built-in chain; None for the others."""
        cdef _csrc.pyiptc_chain *found = self.find_chain(chain, "get policy of")
        cdef _csrc.xt_counters counters
        if found.hook < 0:
            return None
        counters = policy_counters(found)
        return verdict_name(found.policy), counters.pcnt, counters.bcnt

    def references(self, str chain not None) -> int:
        """Number of rules that jump or go to a chain."""
        self.load()
        return self.find_chain(chain, "read").references

    def count(self, str chain not None) -> int:
        """Number of rules of a chain."""
        return self.find_rules(chain, "read").count

    cdef Entry make_entry(self, const _csrc.pyiptc_rule *rule):
        cdef str jump = None if rule.jump is NULL else to_str(rule.jump.name)
        cdef Entry entry = Entry.from_uapi(self.table.family, rule.data, rule.size, rule.kind,
                                           jump)
        if rule.is_zeroed:
            entry = entry.with_counters(0, 0)
        return entry

    def entry(self, str chain not None, uint32_t index) -> Entry:
        """Own copy of one entry. Raises PositionError beyond the end."""
        cdef _csrc.pyiptc_chain *found = self.find_rules(chain, "read")
        if index >= found.count:
            raise edit_error(_errno.E2BIG, "delete entry from", f"chain {chain}")
        return self.make_entry(_csrc.pyiptc_chain_rule(found, index))

    def entries(self, str chain not None) -> list[Entry]:
        """All entries of a chain, as they are now.

        They are in the memory of what was read, and hold it together; those of a chain that is a
        small part of the table are copies.
        """
        cdef _csrc.pyiptc_chain *found = self.find_rules(chain, "read")
        cdef _Block block = None
        cdef const _csrc.pyiptc_rule *rule
        cdef list entries = []
        cdef uint32_t i
        if _csrc.pyiptc_chain_is_much(self.table, found):
            block = self.sharing()
        for i in range(found.count):
            rule = _csrc.pyiptc_chain_rule(found, i)
            if (block is None or rule.is_zeroed
                    or not _csrc.pyiptc_table_has_in_block(self.table, rule)):
                entries.append(self.make_entry(rule))
            else:
                entries.append(Entry.in_memory(
                    self.table.family, rule.data, rule.size, rule.kind,
                    None if rule.jump is NULL else to_str(rule.jump.name), block))
        return entries

    cdef _Block sharing(self):
        """Who shares the memory of what was read."""
        if self.table.share is NULL:
            self.shared = _Block.__new__(_Block)
            _csrc.pyiptc_share_begin(&self.shared.share, self.table)
        return self.shared

    def find(self, str chain not None, Entry entry not None, bytes mask not None,
             uint32_t start=0) -> int:
        """Index of the first entry from *start* on that is the same where *mask* has bits.

        Returns:
            -1 where there is none.
        """
        cdef _csrc.pyiptc_chain *found = self.find_rules(chain, "read")
        cdef _csrc.pyiptc_chain *jump = NULL
        cdef bytes data = entry.data
        cdef int64_t index
        if not self.can_have(entry, mask, &jump):
            return -1
        index = _csrc.pyiptc_chain_find(self.table.family, found, start, data, mask,
                                        entry.size, entry.kind, jump)
        return -1 if index < 0 else index

    def seek(self, str chain not None, Entry entry not None, bytes mask not None,
             uint32_t occurrence=0) -> int:
        """Index of a rule that is the same where *mask* has bits.

        Args:
            occurrence: Which of them, 0-based; where there are fewer, the last.
        Returns:
            Where there is none, the first that is the same but for the order of its matches; -1
            where there is none of these either.
        Cost: linear in the chain's length at first, then that of a look into an index.
        """
        return self.sought(chain, entry, mask, occurrence + 1, NULL)

    def count_same(self, str chain not None, Entry entry not None, bytes mask not None) -> int:
        """How many rules are the same where *mask* has bits; 1 if none but for another order."""
        cdef uint32_t count = 0
        self.sought(chain, entry, mask, 0, &count)
        return count

    cdef int64_t sought(self, str chain, Entry entry, bytes mask, uint32_t wanted,
                        uint32_t *count) except -2:
        cdef _csrc.pyiptc_chain *found = self.find_rules(chain, "read")
        cdef _csrc.pyiptc_chain *jump = NULL
        cdef bytes data = entry.data
        cdef uint32_t ignored
        cdef int64_t index
        if not self.can_have(entry, mask, &jump):
            return -1
        index = _csrc.pyiptc_chain_seek(self.table.family, found, data, mask,
                                        entry.size, entry.kind, jump, wanted,
                                        &ignored if count is NULL else count)
        return -1 if index < 0 else index

    cdef bint can_have(self, Entry entry, bytes mask, _csrc.pyiptc_chain **jump) except -1:
        """Whether there may be such a rule, and where it jumps to."""
        if entry.layout.nfproto != self.table.family.nfproto:
            return False
        if <uint32_t>len(mask) != entry.size:
            raise ValueError(f"a mask of {len(mask)} bytes for an entry of {entry.size}")
        if entry.jump is not None:
            jump[0] = _csrc.pyiptc_table_find_chain(self.table, to_bytes(entry.jump))
            return jump[0] is not NULL
        return True

    def difference(self, TableData other not None, str chain not None, uint32_t start=0) -> int:
        """Index of the first rule from *start* on that another table has not at this place.

        Where the chain is the same as far as both go: the length of the shorter one. All bytes
        count but the counters. Raises ChainNotFoundError where one of the two has no such chain.
        """
        cdef _csrc.pyiptc_chain *own = self.find_rules(chain, "read")
        cdef _csrc.pyiptc_chain *others = other.find_rules(chain, "read")
        return _csrc.pyiptc_chain_difference(self.table.family, own, others, start)

    def is_as_read(self, TableData other not None) -> bool:
        """Whether what was read of both, without the edits since, is the same but for counters."""
        return _csrc.pyiptc_table_is_as_read(self.table, other.table)

    def as_read(self) -> TableData:
        """The table as it was read or committed last, without the edits since."""
        cdef TableData data = new_table()
        data.handle = self.handle
        data.instance = self.instance
        data.reach = self.reach
        if _csrc.pyiptc_table_as_read(self.table, &data.table) < 0:
            raise MemoryError
        return data

    def counters(self, str chain not None) -> CounterArray:
        """Packets and bytes of all rules of a chain. Cost: 16 bytes a rule, no objects."""
        cdef _csrc.pyiptc_chain *found = self.find_rules(chain, "read")
        cdef CounterArray array = CounterArray.__new__(CounterArray)
        cdef const _csrc.pyiptc_rule *rule
        cdef uint32_t i
        array.allocate(found.count)
        for i in range(found.count):
            rule = _csrc.pyiptc_chain_rule(found, i)
            if not rule.is_zeroed:
                memcpy(&array.values[2 * i], rule.data + self.table.family.counters, 16)
        return array

    def take_counters(self, str chain not None) -> CounterArray:
        """The same, and let them start again: with the next commit, or now, where that can be."""
        cdef CounterArray array
        cdef bint taken = (self.handle.take_counters is not NULL
                           and self.take_counters_now(chain))
        array = self.counters(chain)
        if taken:
            self.zero_known(chain)
        else:
            self.zero(chain, False)
        return array

    cdef bint take_counters_now(self, str chain) except -1:
        """False: the kernel cannot do both at once. The thread is in the namespace."""
        cdef _csrc.pyiptc_error error
        cdef bytes raw = to_bytes(chain)
        cdef const char *name = raw
        cdef int rc
        self.find_chain(chain, "read")
        self.last_name = None  # chains may move
        memset(&error, 0, sizeof(error))
        with nogil:
            rc = self.handle.take_counters(self.table, name, &error)
        if rc == -_errno.EOPNOTSUPP:
            return False
        if rc == _csrc.PYIPTC_COUNTERS_LOST:
            raise CountersLostError(
                f"counters of chain {chain} were set to zero before all of them were read: "
                f"{os.strerror(error.number)}", error.number, to_str(error.operation), self.name)
        if rc < 0:
            raise failure(&error, self.name, f"read counters of chain {chain}", self.family)
        return True

    cdef int zero_known(self, str chain) except -1:
        """The kernel's are zero by now."""
        cdef _csrc.pyiptc_chain *found = self.find_chain(chain, "read")
        cdef uint32_t i
        for i in range(found.count):
            memset(_csrc.pyiptc_chain_rule(found, i).data + self.table.family.counters, 0, 16)
        return 0

    def put_back_over(self, TableData other not None) -> None:
        """Make this table, which was read earlier, ready to be committed over *other*.

        Its counters become what they were when it was read. *other* is of no use afterwards.
        """
        _csrc.pyiptc_table_put_back(self.table, other.table)

    cdef int add_chain(self, Text text, const _csrc.pyiptc_chain *chain) except -1:
        """Write a chain's line: its name, its policy or ``-``, and the policy's counters."""
        cdef _csrc.xt_counters counters = policy_counters(chain)
        cdef char *at
        text.add(b":", 1)
        text.add(chain.name, strlen(chain.name))
        at = text.reserve(_csrc.PYIPTC_TEXT_MAX)
        at[0] = c" "
        at += 1
        if chain.hook < 0:
            at[0] = c"-"
            at += 1
        else:
            at = _csrc.pyiptc_verdict_print(chain.policy, at)
        at[0] = c" "
        at = _csrc.pyiptc_counters_print(&counters, at + 1)
        at[0] = c"\n"
        text.size = at + 1 - text.data
        return 0

    cdef int add_rules(self, Text text, const _csrc.pyiptc_chain *chain, Printer printer,
                       bint with_counters, list warned) except -1:
        """Write a line for each rule of a chain."""
        cdef Text start = Text.__new__(Text)
        cdef _csrc.xt_counters counters
        cdef const _csrc.pyiptc_rule *rule
        cdef uint32_t i
        cdef char *at
        start.add(b"-A ", 3)
        at = start.reserve(_csrc.PYIPTC_TEXT_MAX)
        start.size = _csrc.pyiptc_word_print(chain.name, strlen(chain.name), at) - start.data
        for i in range(chain.count):
            rule = _csrc.pyiptc_chain_rule(chain, i)
            if with_counters:
                memset(&counters, 0, sizeof(counters))
                if not rule.is_zeroed:
                    memcpy(&counters, rule.data + self.table.family.counters, sizeof(counters))
                at = text.reserve(_csrc.PYIPTC_TEXT_MAX)
                at = _csrc.pyiptc_counters_print(&counters, at)
                at[0] = c" "
                text.size = at + 1 - text.data
            text.add(start.data, start.size)
            printer.add_entry(text, rule.data, rule.kind,
                              NULL if rule.jump is NULL else rule.jump.name, warned)
            text.add(b"\n", 1)
        return 0

    def save(self, Printer printer not None, bint with_counters) -> str:
        """The table as ``iptables-save -t`` prints it, without its comment lines.

        Args:
            printer: Of the table's family. Sets have the names of the calling thread's network
                namespace.
            with_counters: Print ``[packets:bytes]`` before rules (``-c``).
        Cost: 1 µs a rule, and 2 µs for each match or target that libxtables has to print.
        """
        cdef Text text = Text.__new__(Text)
        cdef list warned = []
        cdef uint32_t i
        if printer.family.nfproto != self.table.family.nfproto:
            raise BlobError(
                f"a table of family {self.family} for a printer of {printer.instance.family}")
        self.load()
        text.add(b"*", 1)
        text.add(self.table.name, strlen(self.table.name))
        text.add(b"\n", 1)
        for i in range(self.table.chain_count):
            self.add_chain(text, self.table.chains[i])
        for i in range(self.table.chain_count):
            self.add_rules(text, self.table.chains[i], printer, with_counters, warned)
        text.add(b"COMMIT\n", 7)
        # Only now: what is called to show a warning may do anything, to this table too.
        emit(warned)
        return text.decoded()

    # -- edits ---------------------------------------------------------------------------------

    def create_chain(self, str chain not None) -> None:
        """Add an empty user-defined chain. Raises ChainExistsError, IPTCError (too long)."""
        cdef _csrc.pyiptc_chain *created
        cdef bytes name = to_bytes(chain)
        self.check(_csrc.pyiptc_table_create_chain(self.table, name, &created), "create chain",
                   chain)

    def delete_chain(self, str chain not None) -> None:
        """Remove an empty, unreferenced, user-defined chain. Raises ChainInUseError."""
        found = self.find_chain(chain, "delete chain")
        if found.is_unread:
            # Whether rules of other chains jump to it the kernel knows.
            found = self.find_rules(chain, "delete chain")
        self.last_name = None
        self.check(_csrc.pyiptc_table_delete_chain(self.table, found), "delete chain", chain)

    def rename_chain(self, str chain not None, str name not None) -> None:
        """Rename a user-defined chain; jumps to it follow. Raises ChainExistsError."""
        found = self.find_chain(chain, "rename chain")
        self.last_name = None
        self.check(_csrc.pyiptc_table_rename_chain(self.table, found, to_bytes(name)),
                   "rename chain", chain)

    def flush(self, str chain not None) -> None:
        """Remove all rules of a chain."""
        _csrc.pyiptc_table_flush_chain(self.table, self.find_chain(chain, "flush chain"))

    def zero(self, str chain not None, bint with_policy=True) -> None:
        """Let the counters of a chain's rules, and its policy's, start again at the last read."""
        _csrc.pyiptc_table_zero_chain(self.table, self.find_rules(chain, "zero chain"),
                                      with_policy)

    def set_policy(self, str chain not None, str policy not None, counters=None) -> None:
        """Set a built-in chain's policy, ACCEPT or DROP, and its counters where they are given."""
        cdef _csrc.pyiptc_chain *found = _csrc.pyiptc_table_find_chain(self.table, to_bytes(chain))
        cdef _csrc.xt_counters given
        cdef _csrc.xt_counters *pointer = NULL
        cdef int rc = -_errno.ENOENT
        if counters is not None:
            given.pcnt, given.bcnt = counters
            pointer = &given
        if found is not NULL:
            rc = _csrc.pyiptc_table_set_policy(self.table, found, to_bytes(policy), pointer)
        self.check(rc, "set policy", f"{policy} on chain {chain}")

    cdef _csrc.pyiptc_chain *jump_of(self, Entry entry, str operation, str chain) except? NULL:
        cdef _csrc.pyiptc_chain *jump
        if entry.layout.nfproto != self.table.family.nfproto:
            raise BlobError(f"an entry of family {entry.family} in a table of {self.family}")
        if entry.jump is None:
            return NULL
        jump = _csrc.pyiptc_table_find_chain(self.table, to_bytes(entry.jump))
        if jump is NULL:
            raise edit_error(_errno.ENOENT, operation, f"chain {chain}, jump to {entry.jump}")
        if jump.hook >= 0:
            raise edit_error(_errno.EINVAL, operation,
                             f"chain {chain}, jump to built-in chain {entry.jump}")
        return jump

    def insert(self, str chain not None, uint32_t index, Entry entry not None) -> None:
        """Insert an entry; *index* = number of rules appends. Raises PositionError."""
        if index == 0:
            found = self.find_chain(chain, "insert entry into")
        else:
            found = self.find_rules(chain, "insert entry into")
        jump = self.jump_of(entry, "insert entry into", chain)
        data = <bytes>entry.data
        self.check(_csrc.pyiptc_table_insert(self.table, found, index, data,
                                             entry.size, entry.kind, jump),
                   "insert entry into", f"chain {chain}")

    def append(self, str chain not None, Entry entry not None) -> None:
        """Append an entry."""
        self.append_entry(chain, entry)

    cdef int append_entry(self, str chain, Entry entry) except -1:
        found = self.find_chain(chain, "append entry to")
        jump = self.jump_of(entry, "append entry to", chain)
        data = <bytes>entry.data
        rc = _csrc.pyiptc_table_append(self.table, found, data, entry.size, entry.kind, jump)
        if rc < 0:
            raise edit_error(-rc, "append entry to", f"chain {chain}")
        return 0

    def append_all(self, str chain not None, list entries not None) -> None:
        """Append entries: all of them, or none."""
        cdef _csrc.pyiptc_chain *found = self.find_chain(chain, "append entry to")
        cdef uint32_t before = found.count
        cdef uint64_t size = 0
        cdef Entry entry
        for entry in entries:
            size += entry.size
        self.check(_csrc.pyiptc_table_reserve(self.table, size), "append entry to",
                   f"chain {chain}")
        try:
            for entry in entries:
                self.append_entry(chain, entry)
        except BaseException:
            while found.count > before:
                _csrc.pyiptc_table_delete(self.table, found, found.count - 1)
            raise

    def append_variants(self, str chain not None, Entry entry not None, uint32_t at,
                        bint is_address, bytes values not None) -> None:
        """Append an entry as often as there are values, with each of them in one place.

        Args:
            at: Offset of the value in the entry.
            is_address: It is an address of the header, followed in *values* by its mask, which
                stands two addresses further on; else four bytes.
            values: One after the other.
        Cost: a copy of the entry, 0.2 µs.
        """
        cdef const _csrc.pyiptc_family *family = self.table.family
        cdef _csrc.pyiptc_chain *found = self.find_chain(chain, "append entry to")
        cdef _csrc.pyiptc_chain *jump = self.jump_of(entry, "append entry to", chain)
        cdef uint32_t width = family.address_size if is_address else 4
        cdef uint32_t step = 2 * width if is_address else width
        cdef bytes data = entry.data
        cdef _csrc.pyiptc_rule model
        cdef _csrc.pyiptc_variants variants
        if (len(data) > 0xFFFF or at + width > len(data) or (is_address and at > width)
                or len(values) % step):
            raise ValueError("values that do not fit the entry")
        memset(&model, 0, sizeof(model))
        model.data = <unsigned char *>PyBytes_AS_STRING(data)
        model.size = <uint16_t>len(data)
        model.kind = entry.kind
        model.jump = jump
        variants.values = values
        variants.count = <uint32_t>(len(values) // step)
        variants.step = step
        variants.at = at
        variants.width = width
        variants.mask_at = at + 2 * width
        self.check(_csrc.pyiptc_table_append_variants(self.table, found, &model, &variants),
                   "append entry to", f"chain {chain}")

    def append_lines(self, Instance instance not None, list lines not None, Py_ssize_t at,
                     bint with_counters) -> int:
        """Append what lines of a save file say, ``[1:60] -A CHAIN -p tcp …``, without an object.

        Args:
            instance: Of the table's family, in whose namespace the calling thread is.
            lines: Text, each a line.
            at: Index of the first one.
            with_counters: Take the counters that stand before the command.
        Returns:
            Index of the first that was not appended: it is another line, or there is anything to
            say about it, and whoever reads it again, word by word, says it; or there have been
            enough, so that other threads can run. While this raises, it is :attr:`line`.
        Cost: what libxtables takes for the options, and 0.5 µs for each.
        """
        cdef _Line words = _Line.__new__(_Line)
        cdef Py_ssize_t end = min(len(lines), at + LINES_MAX), size
        cdef const char *text
        cdef bytes raw
        cdef str line
        self.line = at
        if self.table.family.nfproto != <unsigned int>instance.family:
            return at
        while self.line < end:
            line = lines[self.line]
            try:
                text = PyUnicode_AsUTF8AndSize(line, &size)
            except UnicodeEncodeError:
                raw = encode(line)
                text = raw
                size = len(raw)
            if not words.read(text, size) or not self.append_words(instance, words, with_counters):
                break
            self.line += 1
        return self.line

    cdef bint append_words(self, Instance instance, _Line words, bint with_counters) except -1:
        """Append what one line says; False where somebody else must."""
        cdef const uint64_t *counters = &words.counters[0] if with_counters else &NO_COUNTERS[0]
        cdef _csrc.pyiptc_chain *chain
        cdef _csrc.pyiptc_reply reply
        cdef int rc
        chain = _csrc.pyiptc_table_find_chain(self.table, words.pointers[0])
        if chain is NULL:
            return False
        if self.append_plain(instance, chain, words, counters):
            return True
        words.pointers[0] = PROGRAM
        with nogil:
            rc = _csrc.pyiptc_parse_rule(instance.instance, 0, words.count, words.pointers, NULL,
                                         &reply)
        try:
            return (rc == 0 and reply.warnings_size == 0
                    and self.append_reply(chain, &reply, counters))
        finally:
            _csrc.pyiptc_reply_free(&reply)

    cdef bint append_plain(self, Instance instance, _csrc.pyiptc_chain *chain, _Line words,
                           const uint64_t *counters) except? False:
        """Append a rule that needs no libxtables to be read; False where it does, or is wrong."""
        cdef _csrc.pyiptc_plain plain
        cdef _csrc.pyiptc_chain *jump = NULL
        cdef unsigned char entry[ENTRY_MAX]
        cdef Py_ssize_t size
        cdef int kind
        if not _csrc.pyiptc_plain_rule(self.table.family, words.count - 1, words.pointers + 1,
                                       &plain):
            return False
        if plain.jump is not NULL:
            jump = _csrc.pyiptc_table_find_chain(self.table, plain.jump)
            if jump is not NULL and jump.hook >= 0:
                return False
        size = instance.lay_out(&plain, words.pointers + 1, jump is not NULL, entry, ENTRY_MAX,
                                &kind)
        if size == 0 or not self.is_allowed(chain, entry, <_csrc.pyiptc_rule_kind>kind):
            return False
        memcpy(entry + self.table.family.counters, counters, 16)
        rc = _csrc.pyiptc_table_append(self.table, chain, entry, <uint32_t>size,
                                       <_csrc.pyiptc_rule_kind>kind, jump)
        if rc < 0:
            raise edit_error(-rc, "append entry to", f"chain {to_str(chain.name)}")
        return True

    cdef bint append_reply(self, _csrc.pyiptc_chain *chain, const _csrc.pyiptc_reply *reply,
                           const uint64_t *counters) except? False:
        """Append the rules that were parsed, unless the command would refuse them here."""
        cdef _csrc.pyiptc_chain *jump = NULL
        cdef _csrc.pyiptc_rule_kind kind = _csrc.PYIPTC_RULE_PLAIN
        cdef uint32_t size = <uint32_t>(reply.payload_size // reply.entry_count), i
        cdef unsigned char *entry = <unsigned char *>reply.payload
        if reply.alias[0] != 0:
            kind = _csrc.PYIPTC_RULE_JUMP
            jump = _csrc.pyiptc_table_find_chain(self.table, reply.alias)
            if jump is NULL or jump.hook >= 0:
                return False
        elif reply.is_fallthrough:
            kind = _csrc.PYIPTC_RULE_FALLTHROUGH
        if not self.is_allowed(chain, entry, kind):
            return False
        for i in range(reply.entry_count):
            memcpy(entry + i * size + self.table.family.counters, counters, 16)
            self.check(_csrc.pyiptc_table_append(self.table, chain, entry + i * size, size, kind,
                                                 jump),
                       "append entry to", f"chain {to_str(chain.name)}")
        return True

    cdef str size_words(self):
        """How large it is, for an error: roughly what the kernel needs for it."""
        cdef uint64_t rules = 0, size = 0
        cdef uint32_t i, j
        cdef _csrc.pyiptc_chain *chain
        for i in range(self.table.chain_count):
            chain = self.table.chains[i]
            rules += chain.count
            for j in range(chain.count):
                size += _csrc.pyiptc_chain_rule(chain, j).size
        return f"{rules} rules of {size} bytes; a table has at most {XT_MAX_TABLE_SIZE} bytes"

    def allows(self, str chain not None, Entry entry not None) -> bool:
        """Whether the command would put this entry in a chain as it is.

        False where there is anything to say: whoever looks at it word by word says it.
        """
        if not self.has_chain(chain) or not (entry.jump is None or self.has_chain(entry.jump)):
            return False
        return self.is_allowed(self.find_chain(chain, "read"), entry.at, entry.kind)

    cdef bint is_allowed(self, const _csrc.pyiptc_chain *chain, const unsigned char *entry,
                         _csrc.pyiptc_rule_kind kind) noexcept:
        """What :func:`pyiptc.checks.settled` checks of a rule that was given as text."""
        cdef const _csrc.pyiptc_family *family = self.table.family
        cdef uint16_t target_offset
        cdef const char *target
        cdef int verdict = 0
        memcpy(&target_offset, entry + family.offsets, 2)
        target = <const char *>entry + target_offset + 2
        if target[0] == 0:
            # Of an extension there may be nothing behind the header.
            memcpy(&verdict, target + 30, 4)
        if kind == _csrc.PYIPTC_RULE_PLAIN and (
                _csrc.pyiptc_table_find_chain(self.table, target) is not NULL if target[0] != 0
                else verdict == DROP and strcmp(self.table.name, b"nat") == 0):
            return False
        if strcmp(chain.name, b"PREROUTING") == 0 or strcmp(chain.name, b"INPUT") == 0:
            return entry[family.outiface] == 0
        if strcmp(chain.name, b"POSTROUTING") == 0 or strcmp(chain.name, b"OUTPUT") == 0:
            return entry[family.iniface] == 0
        return True

    def replace(self, str chain not None, uint32_t index, Entry entry not None) -> None:
        """Replace an entry. Raises PositionError."""
        found = self.find_rules(chain, "replace entry in")
        jump = self.jump_of(entry, "replace entry in", chain)
        data = <bytes>entry.data
        self.check(_csrc.pyiptc_table_replace(self.table, found, index, data,
                                              entry.size, entry.kind, jump),
                   "replace entry in", f"chain {chain}")

    def delete(self, str chain not None, uint32_t index) -> None:
        """Delete an entry. Raises PositionError."""
        found = self.find_rules(chain, "delete entry from")
        self.check(_csrc.pyiptc_table_delete(self.table, found, index), "delete entry from",
                   f"chain {chain}")

    cdef int check(self, int rc, str operation, str subject) except -1:
        if rc < 0:
            raise edit_error(-rc, operation, subject)
        return 0


@cython.no_gc
cdef class Append:
    """``-A``: an edit as those of :mod:`pyiptc.edits`.

    There is one for each rule of a transaction: nothing that the garbage collector has to look at.
    """

    cdef readonly str chain
    cdef readonly Entry entry

    def __cinit__(self, str chain not None, Entry entry not None):
        self.chain = chain
        self.entry = entry

    def apply(self, TableData data not None) -> None:
        """Append it to a table in memory, or raise and change nothing."""
        data.append_entry(self.chain, self.entry)

    def check(self, TableData seen not None, TableData data not None) -> None:
        """It means the same in any table."""

    def __str__(self) -> str:
        return f"-A {self.chain} {entry_text(self.entry)}"


cdef TableData new_table():
    global reading
    reading = True
    try:
        return TableData.__new__(TableData)
    finally:
        reading = False


def read(Socket socket not None, str name not None, str handle="legacy", TableData seen=None,
         reach=None, str form="portable") -> TableData:
    """Read a whole table from the kernel; with handle nft its rules when they are needed.

    Args:
        socket: Of the namespace that the calling thread is in.
        seen: What was read earlier with this handle. Where that is the kernel's still, counters
            apart, it is what is returned.
        reach: Called without arguments, a context in which the calling thread is in that namespace:
            for rules that are read later. None: it will be there anyway.
        form: One of :data:`NFT_FORMS`, for rules that are sent with handle nft.
    Raises:
        TableNotFoundError: There is no such table.
        AccessError: CAP_NET_ADMIN is missing.
        UnsupportedError: No ip_tables in this kernel.
        BlobError: What the kernel gave is no table.
    Cost: three system calls, linear in the size of the table.
    """
    cdef TableData data
    cdef _csrc.pyiptc_error error
    cdef bytes raw = to_bytes(name)
    cdef const char *table = raw
    cdef int rc
    if seen is not None and seen.handle.is_current is not NULL and not seen.is_changed:
        if is_current(seen):
            return seen
    data = new_table()
    data.handle = handle_of(handle)
    data.reach = reach
    if data.handle is &_csrc.pyiptc_handle_libiptc:
        data.instance = instance_of(<int>socket.layout.nfproto)
    memset(&error, 0, sizeof(error))
    with nogil:
        rc = data.handle.read(socket.fd, data.c_instance(), socket.layout, table, &data.table,
                              &error)
    if rc < 0:
        raise failure(&error, name, "initialize", socket.layout.nfproto)
    data.table.nft_form = <int>NFT_FORMS.index(form)
    return data


cdef bint is_current(TableData data) except -1:
    """Whether what was read is the kernel's still. Nothing is known to depend on it then."""
    cdef _csrc.pyiptc_error error
    cdef int rc
    memset(&error, 0, sizeof(error))
    with nogil:
        rc = data.handle.is_current(data.table, &error)
    if rc < 0:
        raise failure(&error, data.name, "initialize", data.family)
    data.table.is_consulted = 0
    return rc == 1


def commit(Socket socket not None, TableData data not None) -> None:
    """Send an edited table, all or nothing, and give the old entries' counters back.

    Afterwards *data* is what the kernel has.

    Raises:
        KernelError: EINVAL: an extension refused its payload, hook or table; ELOOP: chains call
            each other; EAGAIN: the table has another number of entries by now; ENOMEM.
        CountersLostError: The rules are in, but not the old counters.
    Cost: two system calls, linear in the size of the table.
    Source: xt_replace_table(), do_add_counters(), net/ipv4/netfilter/ip_tables.c.
    """
    cdef _csrc.pyiptc_error error
    cdef int rc
    memset(&error, 0, sizeof(error))
    data.last_name = None
    with nogil:
        rc = data.handle.commit(socket.fd, data.c_instance(), data.table, &error)
    if data.table.share is NULL:
        data.shared = None  # the entries' alone, if there are any
    if rc == _csrc.PYIPTC_COUNTERS_LOST:
        lost = "their counters lost" if data.table.nft is NULL else "counters were not set to zero"
        raise CountersLostError(
            f"the rules of {data.name} were committed, {lost}: "
            f"{os.strerror(error.number)}", error.number, to_str(error.operation), data.name)
    if rc < 0:
        failed = failure(&error, data.name, "commit", data.family)
        if (error.number == _errno.ENOMEM and data.table.nft is NULL
                and isinstance(failed, KernelError)):
            failed.args = (f"{failed}: {data.size_words()}",)
        raise failed


def commit_all(list tables not None) -> None:
    """Send several edited tables of handle nft, of any family, all or nothing together.

    The calling thread is in their namespace.

    Raises:
        KernelError, CountersLostError: As for :func:`commit`; ``filename`` is the table.
    """
    cdef _csrc.pyiptc_error error
    cdef const _csrc.pyiptc_handle *handle = &_csrc.pyiptc_handle_nft
    cdef _csrc.pyiptc_table **pointers
    cdef size_t count = len(tables), i
    cdef TableData data
    cdef int rc
    if any((<TableData?>table).handle is not handle for table in tables):
        raise ValueError("tables of another handle are committed one by one")
    pointers = <_csrc.pyiptc_table **>malloc((count + 1) * sizeof(_csrc.pyiptc_table *))
    if pointers is NULL:
        raise MemoryError
    for i in range(count):
        data = tables[i]
        pointers[i] = data.table
    memset(&error, 0, sizeof(error))
    with nogil:
        rc = handle.commit_all(pointers, count, &error)
    free(pointers)
    if rc == 0:
        return
    name = to_str(error.table) if error.table is not NULL else (<TableData>tables[0]).name
    if rc == _csrc.PYIPTC_COUNTERS_LOST:
        raise CountersLostError(
            f"the rules of {name} were committed, counters were not set to zero: "
            f"{os.strerror(error.number)}", error.number, to_str(error.operation), name)
    raise failure(&error, name, "commit", (<TableData>tables[0]).family)


def knows_by_nft(int family, str match not None, int revision) -> bool | None:
    """Whether nf_tables of this kernel can use a match of iptables; None where it cannot be asked.

    Touches nothing of ip_tables.
    """
    cdef const _csrc.pyiptc_family *layout = _csrc.pyiptc_family_of(<unsigned int>family)
    cdef bytes raw = to_bytes(match)
    cdef const char *name = raw
    cdef int rc
    if layout is NULL:
        raise ValueError(f"family {family}: expected 2 (IPv4) or 10 (IPv6)")
    with nogil:
        rc = _csrc.pyiptc_get_nft_revision(layout, _csrc.PYIPTC_MATCH, name, <uint8_t>revision)
    return None if rc < 0 else bool(rc)
