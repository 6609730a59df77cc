# SPDX-License-Identifier: GPL-2.0-or-later
"""What is done a hundred thousand times with rules, matches and targets: their state, and its use.

:class:`pyiptc.Rule`, :class:`pyiptc.Match` and :class:`pyiptc.Target` are these with all that is
done less often. A rule that was read is its entry until it is changed; a match that was read is a
place in it. What a program sets are a header and lists of options, checked when they are set.
"""

from sys import intern

cimport cython
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.object cimport (
    PyObject, PyObject_GenericGetAttr, PyObject_GenericSetAttr, PyTypeObject)
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_FromObject
from libc.stdint cimport uint16_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp, memcpy, memset

from . cimport _csrc
from ._blob cimport (
    HEADER_MAX, Entry, Header, interface_as_text, laid_out, network_as_text, read_address)
from ._print cimport Printed, printer_of
from ._words cimport parameters
from ._xtables cimport GOTO, GOTO6, Instance, instance

from ._blob import PLAIN, standard_target
from .counters import Counters, checked
from .errors import RuleError, UnknownOptionError, XTablesError, shown
from ._print import verdict_name
from .text import Option, encode

ctypedef object (*maker)(object cls, tuple arguments, void *keywords)

cdef enum:
    HEADER = 32           # of struct xt_entry_match and struct xt_entry_target
    MASK_DISTANCE = 32    # from an interface's name to its mask
    INTERFACE_SIZE = 16   # IFNAMSIZ, with the NUL
    WORDS_MAX = 600       # bytes of words that are tried without libxtables
    COUNT_MAX = 24        # and how many they may be

    # Bits of invflags, in both families.
    INV_VIA_IN = 0x01
    INV_VIA_OUT = 0x02
    INV_SRCIP = 0x08
    INV_DSTIP = 0x10
    INV_PROTO = 0x40
    FLAG_PROTO6 = 0x01    # IP6T_F_PROTO

#: Extensions whose payload means something else in another network namespace: an ipset is an
#: index there. They are parsed when they are sent.
NAMESPACE_DEPENDENT = frozenset({"set", "SET"})

cdef frozenset BOUND = NAMESPACE_DEPENDENT

cdef str NEVER_BEGUN = "a rule that was never begun: Rule.__init__() was not called"

cdef dict VERDICT_PAYLOADS = {
    "ACCEPT": standard_target(-2),
    "DROP": standard_target(-1),
    "QUEUE": standard_target(-4),
    "RETURN": standard_target(-5),
}
cdef dict VERDICT_NAMES = {number: intern(verdict_name(number)) for number in (-1, -2, -4, -5)}

#: Of a match that has none yet: a list of options is replaced, never changed.
cdef list NO_OPTIONS = []

#: Numbers by name, of protocols that read back as that name.
cdef dict PROTOCOLS = {"tcp": 6, "udp": 17, "icmp": 1}


cdef inline object new(cls):
    """``cls.__new__(cls)``, which would make three other objects on the way."""
    return (<maker><void *>(<PyTypeObject *>cls).tp_new)(cls, (), NULL)


cdef inline uint16_t get_u16(const unsigned char *at) noexcept:
    cdef uint16_t value
    memcpy(&value, at, sizeof(value))
    return value


cdef class RuleCore:
    """A rule: an entry that was read, or a header, matches and a target."""

    def __cinit__(self):
        self.nfproto = type(self)._family

    def _begin(self, entry, chain) -> None:
        """What ``__init__()`` does."""
        self.chain = chain
        self.reset(None)
        if entry is not None:
            self.rule = entry

    def _reset(self, Entry entry) -> None:
        """Begin anew, with an entry or with nothing."""
        self.reset(entry)

    cdef int reset(self, Entry entry) except -1:
        self.let_go()
        self._entry = entry
        self._header = None
        self._matches = None
        if entry is None:
            self._header = Header.__new__(Header, self.nfproto)
            self._matches = []
        self._target = None
        self._is_command = False
        self._listing = None
        return 0

    @classmethod
    def _from_entry(cls, Entry entry not None):
        """A rule that a kernel has; taken apart when it is looked at."""
        cdef RuleCore rule = new(cls)
        rule._entry = entry
        return rule

    @classmethod
    def _from_listing(cls, listing, list entries not None, chain) -> list:
        """The rules of a chain, as they were read."""
        cdef list rules = []
        cdef Entry entry
        cdef RuleCore rule
        for entry in entries:
            rule = new(cls)
            rule.chain = chain
            rule._entry = entry
            rule._listing = listing
            rule._position = len(rules)
            rules.append(rule)
        return rules

    # Names of attributes may be of a subclass of str, such as members of an enumeration.

    def __setattr__(self, given, value):
        cdef str name = PyUnicode_FromObject(given)
        if not (name.startswith("_") or hasattr(type(self), name)):
            self._unknown(name)
        PyObject_GenericSetAttr(self, name, value)

    def __delattr__(self, name):
        """Delete a plain attribute: of what a rule has nothing can be."""
        attributes = self.__dict__
        if name not in attributes:
            raise AttributeError(f"a rule has no attribute {shown(name)} to delete")
        del attributes[name]

    # -- header ------------------------------------------------------------------------------------

    cdef const unsigned char *head(self) except NULL:
        """The header's bytes, wherever they are."""
        if self._header is not None:
            return self._header.buffer
        if self._entry is None:
            raise RuleError(NEVER_BEGUN)
        return self._entry.at

    cdef uint32_t about(self) except? 0:
        """What an extension that is a pure function looks at: protocol, flags and inversions."""
        cdef const unsigned char *head = self.head()
        cdef const _csrc.pyiptc_family *layout = _csrc.pyiptc_family_of(<unsigned int>self.nfproto)
        return get_u16(head + layout.proto) | <uint32_t>get_u16(head + layout.flags) << 16

    def _head(self) -> bytes:
        """The header as extensions are shown it: addresses masked, no counters, no offsets."""
        cdef unsigned char head[HEADER_MAX]
        self.show(head)
        return head[: _csrc.pyiptc_family_of(<unsigned int>self.nfproto).header_size]

    cdef int show(self, unsigned char *to) except -1:
        """The same, put where there is room for HEADER_MAX bytes."""
        cdef const _csrc.pyiptc_family *layout = _csrc.pyiptc_family_of(<unsigned int>self.nfproto)
        cdef uint32_t i
        memcpy(to, self.head(), layout.header_size)
        for i in range(2 * layout.address_size):
            to[i] &= to[2 * layout.address_size + i]
        # nfcache, offsets, comefrom, counters.
        memset(to + layout.offsets - 4, 0, 28)
        return 0

    def _touch(self) -> None:
        """Something was edited: it is no longer what was read."""
        self.touch()

    cdef int touch(self) except -1:
        if self._entry is not None:
            self.unpack()
            if self._header is None:
                self._header = self._entry.header
            self._entry = None
        self._listing = None
        return 0

    cdef Header edit(self):
        """The header, to be changed."""
        self.touch()
        if self._header is None:
            raise RuleError(NEVER_BEGUN)
        return self._header

    def _edit(self) -> Header:
        """The header, to be changed."""
        return self.edit()

    def _unpacked(self) -> Header:
        """The header, to be read only."""
        return self._header if self._header is not None else self._entry.header

    cdef int unpack(self) except -1:
        """Have matches and target of one's own, those of the entry: all of them, or none at all."""
        cdef list parts
        if self._matches is not None:
            return 0
        parts = self.parts()
        self._target = self.part(get_u16(self._entry.at + self._entry.layout.offsets))
        self._matches = parts
        self.let_go()
        return 0

    cdef int let_go(self) noexcept:
        """Those that somebody has are no longer what the entry has."""
        cdef void *module = self.seen
        while module is not NULL:
            (<ModuleCore>module).is_seen = False
            module = (<ModuleCore>module).next_seen
        self.seen = NULL
        return 0

    cdef int look(self) except -1:
        """Somebody wants to see matches or target of what may be an entry."""
        if self._matches is None:
            if self._entry is None:
                raise RuleError(NEVER_BEGUN)
            # What depends on the namespace is read once, and kept.
            if self._entry.is_bound:
                self.unpack()
        return 0

    cdef list parts(self):
        """The matches: those that are set, or a new list of what the entry has."""
        cdef const unsigned char *data
        cdef uint32_t at, end
        cdef list matches
        if self._matches is not None:
            return self._matches
        if self._entry is None:
            raise RuleError(NEVER_BEGUN)
        data = self._entry.at
        at = self._entry.layout.header_size
        end = get_u16(data + self._entry.layout.offsets)
        matches = []
        while at < end:
            matches.append(self.part(at))
            at += get_u16(data + at)
        return matches

    cdef ModuleCore part(self, uint32_t at):
        """The match or target at a place of the entry: always the same, as long as one has it.

        The rule does not hold it: ten thousand rules that were looked at are no more objects for
        the collector, nor more memory, than before.
        """
        cdef ModuleCore module
        cdef void *found = self.seen
        while found is not NULL:
            # One that is about to be freed has no references.
            if (<ModuleCore>found).source_at == at and (<PyObject *>found).ob_refcnt > 0:
                return <ModuleCore>found
            found = (<ModuleCore>found).next_seen
        if at == get_u16(self._entry.at + self._entry.layout.offsets):
            module = self.target_of(self._entry)
        else:
            module = module_of(self._match_class, self, self._entry, at)
        module.next_seen = self.seen
        module.is_seen = True
        self.seen = <void *>module
        return module

    cdef int forget(self, void *module) noexcept:
        """Nobody has it any more."""
        cdef void **link = &self.seen
        while link[0] is not NULL:
            if link[0] == module:
                link[0] = (<ModuleCore>module).next_seen
                return 0
            link = &(<ModuleCore>link[0]).next_seen
        return 0

    cdef ModuleCore target_of(self, Entry entry):
        """The target of an entry that was read."""
        cdef const unsigned char *data = entry.at
        cdef uint32_t at = get_u16(data + entry.layout.offsets)
        cdef ModuleCore target
        cdef int verdict
        cls = self._target_class
        cdef bint goto = data[entry.layout.flags] & (GOTO if self.nfproto == 2 else GOTO6) != 0
        if data[at + 2] != 0:
            target = module_of(cls, self, entry, at)
        else:
            target = new(cls)
            target.rule_of = self
            target.source_at = at
            target.standard = True
            if entry.kind == _csrc.PYIPTC_RULE_PLAIN:
                memcpy(&verdict, data + at + HEADER, sizeof(verdict))
                target.number = verdict
                target.numbered = True
                target._name = VERDICT_NAMES.get(verdict) or verdict_name(verdict)
            else:
                target._name = entry.jump or ""
        target.goes = goto
        return target

    cdef int invert(self, Header header, int flag, bint on) except -1:
        cdef unsigned char *flags = header.buffer + header.layout.flags + 1
        flags[0] = <unsigned char>(flags[0] & ~flag | (flag if on else 0))
        return 0

    cdef str network(self, int index, int flag):
        """An address and its mask as text: 0 source, 1 destination."""
        cdef const _csrc.pyiptc_family *layout = _csrc.pyiptc_family_of(<unsigned int>self.nfproto)
        cdef uint32_t size = layout.address_size
        cdef const unsigned char *head = self.head()
        cdef const unsigned char *a = head + index * size
        cdef const unsigned char *m = a + 2 * size
        cdef str text = network_as_text(layout, a, m, self.nfproto == 2)
        return "!" + text if head[layout.flags + 1] & flag else text

    def _restriction(self, bint destination) -> str | None:
        """Source or destination as ``address/length``, ``!`` in front; None where it is any."""
        cdef const _csrc.pyiptc_family *layout = _csrc.pyiptc_family_of(<unsigned int>self.nfproto)
        cdef uint32_t size = layout.address_size, i
        cdef const unsigned char *head = self.head()
        cdef const unsigned char *address = head + (size if destination else 0)
        cdef const unsigned char *mask = address + 2 * size
        cdef bint inverted = head[layout.flags + 1] & (INV_DSTIP if destination else INV_SRCIP)
        for i in range(size):
            if mask[i] != 0:
                break
        else:
            if not inverted:
                return None
        text = network_as_text(layout, address, mask, False)
        return "!" + text if inverted else text

    cdef int set_network(self, int index, int flag, value) except -1:
        cdef const _csrc.pyiptc_family *layout = _csrc.pyiptc_family_of(<unsigned int>self.nfproto)
        cdef uint32_t size = layout.address_size, i
        cdef unsigned char address[16]
        cdef bint inverted = False
        cdef bytes raw, mask
        cdef Header header
        cdef unsigned char *to
        if value is None:
            value = self._any
        elif not isinstance(value, str):
            raise TypeError(f"an address is text such as {self._any!r}, not {shown(value)}")
        elif value.startswith("!"):
            inverted = True
            value = (<str>value)[1:].lstrip(" ")
        if read_address(layout, value, address):
            header = self.edit()
            to = header.buffer + index * size
            memcpy(to, address, size)
            memset(to + 2 * size, 0xFF, size)
        else:
            raw, mask = self._network_of(value)
            header = self.edit()
            to = header.buffer + index * size
            memcpy(to, <const char *>raw, size)
            memcpy(to + 2 * size, <const char *>mask, size)
            if self.nfproto == 2:
                # IPv4 addresses read back without the bits that their mask hides. IPv6 ones read
                # back as they were set; the kernel gets them masked.
                for i in range(size):
                    to[i] &= to[2 * size + i]
        return self.invert(header, flag, inverted)

    @property
    def src(self) -> str:
        """Source ``address/mask``, ``!`` in front where negated; the mask is dotted for IPv4.

        Set it to an address, with ``/length`` or ``/mask`` or neither, or to None for any.
        """
        return self.network(0, INV_SRCIP)

    @src.setter
    def src(self, value):
        self.set_network(0, INV_SRCIP, value)

    @property
    def dst(self) -> str:
        """Destination, as :attr:`src`."""
        return self.network(1, INV_DSTIP)

    @dst.setter
    def dst(self, value):
        self.set_network(1, INV_DSTIP, value)

    cdef interface(self, uint32_t at, int flag):
        cdef const _csrc.pyiptc_family *layout = _csrc.pyiptc_family_of(<unsigned int>self.nfproto)
        cdef const unsigned char *head = self.head()
        cdef bint inverted = head[layout.flags + 1] & flag
        if head[at] == 0 and head[at + MASK_DISTANCE] == 0:
            return "!+" if inverted else None
        name = interface_as_text(head + at, head + at + MASK_DISTANCE)
        if inverted:
            return f"!{name or '+'}"
        return name or None

    cdef int set_interface(self, uint32_t at, int flag, value) except -1:
        cdef bint inverted = False
        cdef Header header
        cdef bytes name = b"", mask = b""
        if type(value) is str and self.set_plain_interface(at, flag, <str>value):
            return 0
        if value is not None:
            if not isinstance(value, str):
                raise TypeError(f"an interface is text such as 'eth0', not {shown(value)}")
            inverted = (<str>value).startswith("!")
            name, mask = self._interface_of((<str>value)[1:].lstrip(" ") if inverted else value)
        header = self.edit()
        header.set_interface(at, (name, mask))
        return self.invert(header, flag, inverted)

    cdef bint set_plain_interface(self, uint32_t at, int flag, str value) except -1:
        """The same for the name of one interface, such as eth0: whether it is one."""
        cdef Py_ssize_t size
        cdef const char *name
        cdef unsigned char *to
        try:
            name = PyUnicode_AsUTF8AndSize(value, &size)
        except UnicodeEncodeError:
            return False
        if (not 0 < size < INTERFACE_SIZE or name[0] == b"!" or name[size - 1] == b"+"
                or memchr(name, 0, size) is not NULL):
            return False
        to = self.edit().buffer + at
        memset(to, 0, INTERFACE_SIZE)
        memset(to + MASK_DISTANCE, 0, INTERFACE_SIZE)
        memcpy(to, name, size)
        # The NUL belongs to the name: eth0 is not eth01.
        memset(to + MASK_DISTANCE, 0xFF, size + 1)
        self.invert(self._header, flag, False)
        return True

    @property
    def in_interface(self) -> str | None:
        """Interface that packets come in by, as ``eth0``, ``eth+`` or ``!eth0``; None for any."""
        return self.interface(_csrc.pyiptc_family_of(<unsigned int>self.nfproto).iniface,
                              INV_VIA_IN)

    @in_interface.setter
    def in_interface(self, value):
        self.set_interface(_csrc.pyiptc_family_of(<unsigned int>self.nfproto).iniface, INV_VIA_IN,
                           value)

    @property
    def out_interface(self) -> str | None:
        """Interface that packets leave by, as :attr:`in_interface`."""
        return self.interface(_csrc.pyiptc_family_of(<unsigned int>self.nfproto).outiface,
                              INV_VIA_OUT)

    @out_interface.setter
    def out_interface(self, value):
        self.set_interface(_csrc.pyiptc_family_of(<unsigned int>self.nfproto).outiface,
                           INV_VIA_OUT, value)

    @property
    def protocol(self) -> str:
        """Transport protocol: its name or number as text, ``ip`` for any, ``!`` where negated.

        Set it to a name in any case or to a number, also as text.
        """
        cdef const _csrc.pyiptc_family *layout = _csrc.pyiptc_family_of(<unsigned int>self.nfproto)
        cdef const unsigned char *head = self.head()
        cdef int number = get_u16(head + layout.proto)
        name = self.protocols.get(number)
        if name is None:
            name = str(number)
        return "!" + name if head[layout.flags + 1] & INV_PROTO else name

    @protocol.setter
    def protocol(self, value):
        cdef bint inverted = False
        cdef uint16_t number
        cdef Header header
        cdef unsigned char *flags
        known = PROTOCOLS.get(value) if type(value) is str else None
        if known is None:
            inverted, known = self._protocol_of(value)
        number = known
        header = self.edit()
        memcpy(header.buffer + header.layout.proto, &number, 2)
        self.invert(header, INV_PROTO, inverted)
        if self.nfproto != 2:
            flags = header.buffer + header.layout.flags
            flags[0] = <unsigned char>(flags[0] & ~FLAG_PROTO6 | (FLAG_PROTO6 if number else 0))

    @property
    def counters(self) -> Counters:
        """Packets and bytes: what the kernel had counted when the rule was read.

        What is set here is what the rule starts with when it is put in a chain.
        """
        cdef uint64_t counters[2]
        if self._header is None and self._entry is not None:
            memcpy(counters, self._entry.counted, 16)
        else:
            memcpy(counters,
                   self.head() + _csrc.pyiptc_family_of(<unsigned int>self.nfproto).counters, 16)
        values = counters[0], counters[1]
        arguments = (values,)
        # Without the Python function that makes one of arguments.
        return (<PyTypeObject *>tuple).tp_new(Counters, <PyObject *>arguments, NULL)

    @counters.setter
    def counters(self, value):
        cdef uint64_t counters[2]
        cdef Header header
        counters[0], counters[1] = checked(value)
        listing = self._listing
        header = self.edit()
        memcpy(header.buffer + header.layout.counters, counters, 16)
        # Counters are no part of what a rule is: it is still the one that was read.
        self._listing = listing

    def get_counters(self) -> Counters:
        """:attr:`counters`."""
        return self.counters

    # -- matches and target ------------------------------------------------------------------------

    @property
    def matches(self) -> list:
        """The matches in order: a new list of the same objects."""
        self.look()
        return self.parts() if self._matches is None else self._matches[:]

    def create_match(self, name, revision=None):
        """Add a match of an extension, to be given options. Raises XTablesError."""
        cdef ModuleCore match
        cls = self._match_class
        if revision is None and type(name) is str and is_there(self.nfproto, 0, <str>name):
            match = new(cls)
            match.rule_of = self
            match._name = name
            match.options = NO_OPTIONS
        else:
            match = cls(self, name=name, revision=revision)
        self.edit()
        self._matches.append(match)
        return match

    @property
    def target(self):
        """The target, None where none was set."""
        self.look()
        if self._matches is not None:
            return self._target
        return self.part(get_u16(self._entry.at + self._entry.layout.offsets))

    @target.setter
    def target(self, target):
        self._take_target(target)

    def create_target(self, name, revision=None, goto=False):
        """Set the target to a verdict, a chain or an extension. Raises XTablesError."""
        cdef ModuleCore target
        cls = self._target_class
        if revision is None and not goto and type(name) is str and name in VERDICT_PAYLOADS:
            target = new(cls)
            target.rule_of = self
            target._name = name
            target.standard = True
        else:
            target = cls(self, name=name, revision=revision, goto=goto)
        self.edit()
        self._target = target
        return target

    @property
    def _is_bound(self) -> bool:
        """Whether it may mean something else in another network namespace."""
        cdef ModuleCore module
        if self._entry is not None:
            return self._entry.is_bound
        for module in self._matches:
            if module._name in BOUND:
                return True
        module = self._target
        return module is not None and module._name in BOUND

    def _compile(self, has_chain) -> Entry:
        """Lay the rule out for a table.

        Args:
            has_chain: Tells whether that table has a chain of a name.
        Raises:
            RuleError: There is no target.
            XTablesError: A match or the target is incomplete; the message is the library's.
        """
        cdef ModuleCore module
        cdef list payloads
        cdef bytes payload
        if self._entry is not None:
            return self._entry
        if self._target is None:
            raise RuleError("invalid rule: it has no target")
        payloads = []
        for module in self._matches:
            payloads.append(module.make(True))
        module = self._target
        if module.standard and not module.numbered and not module.goes:
            payload = <bytes>VERDICT_PAYLOADS.get(module._name)
            if payload is not None:
                return self._compose(payloads, payload, PLAIN, None)
        payload, kind, jump = module._place(has_chain)
        return self._compose(payloads, payload, kind, jump)

    def _compose(self, list matches, bytes payload, int kind, str jump) -> Entry:
        """The entry of a header as it is, these matches and this target."""
        cdef ModuleCore target = self._target
        cdef Header header = self._header
        cdef unsigned char head[HEADER_MAX]
        cdef unsigned char flag = GOTO if self.nfproto == 2 else GOTO6
        if header is None:
            header = self._entry.header
        header.to_kernel(head)
        head[header.layout.flags] &= <unsigned char>~flag
        if target is not None and target.goes:
            head[header.layout.flags] |= flag
        return laid_out(header.layout, head, matches, payload, kind, jump)


@cython.no_gc_clear
cdef class ModuleCore:
    """A match or target of a rule: options, or the payload that was read."""

    def __cinit__(self):
        self.kind = type(self)._kind

    def __dealloc__(self):
        # The rule is there: this is no_gc_clear.
        if self.is_seen:
            self.rule_of.forget(<void *>self)

    @property
    def _rule(self) -> RuleCore | None:
        """The rule that it is of."""
        return self.rule_of

    @_rule.setter
    def _rule(self, RuleCore rule):
        if self.is_seen:
            self.rule_of.unpack()
        self.rule_of = rule

    @property
    def _is_standard(self) -> bool:
        """Whether it is a verdict or a chain."""
        return self.standard != 0

    @_is_standard.setter
    def _is_standard(self, bint value):
        self.standard = value

    @property
    def _goto(self) -> bool:
        """Whether nobody comes back from the chain."""
        return self.goes != 0

    @_goto.setter
    def _goto(self, bint value):
        self.goes = value

    @property
    def _number(self) -> int | None:
        """The verdict as it was read; None where there was none."""
        return self.number if self.numbered else None

    @_number.setter
    def _number(self, value):
        self.numbered = value is not None
        self.number = 0 if value is None else value

    @property
    def _payload(self) -> bytes | None:
        """What was read, where no option was changed since."""
        cdef const unsigned char *at = self.place()
        if at is NULL:
            return self.source
        return at[: get_u16(at)]

    @_payload.setter
    def _payload(self, bytes payload):
        self.source = payload

    cdef const unsigned char *place(self) noexcept:
        """Where the payload is in the entry that it is part of, or NULL."""
        if type(self.source) is not Entry:
            return NULL
        return (<Entry>self.source).at + self.source_at

    @property
    def _options(self) -> list | None:
        """Its options; None where a payload was read and nothing was changed since."""
        if self.option is not None:
            return [one_option(self.option, self.value)]
        return self.options

    @_options.setter
    def _options(self, list options):
        self.option = self.value = None
        self.options = options

    def __setattr__(self, given, value):
        cdef str name = PyUnicode_FromObject(given), option
        if name.startswith("_"):
            PyObject_GenericSetAttr(self, name, value)
            return
        option = name.replace("_", "-") if "_" in name else name
        known = self.table().get(option)
        # Options first: one called "save" or "name" must not be lost to a method or property.
        if known is None and self._is_property(name):
            PyObject_GenericSetAttr(self, name, value)
            return
        self.set_known(option, value, known)

    def __delattr__(self, given):
        cdef str name = PyUnicode_FromObject(given)
        self.set_option(name.replace("_", "-"), None)

    # Not __getattr__(): where a base has that, Python asks for whatever a subclass has by way of
    # a function that makes two objects for it.
    def __getattribute__(self, given):
        cdef str name = PyUnicode_FromObject(given)
        try:
            return PyObject_GenericGetAttr(self, name)
        except AttributeError:
            if name.startswith("_"):
                raise
        return self.get_parameter(name)

    cdef RuleCore owner(self):
        """The rule that it is of, where there is none to do without."""
        if self.rule_of is None:
            raise RuleError("a match or target of no rule: its __init__() was not called")
        return self.rule_of

    cdef Instance libxtables(self):
        return instance(self.rule_of.nfproto if self.rule_of is not None else 2)

    cdef dict table(self):
        """Long options by name; none where they cannot be known."""
        if self.standard:
            return {}
        try:
            name = self.name if self._name is None else self._name
            return self.libxtables().options(self.kind, name)
        except XTablesError:
            return {}

    def _option_table(self) -> dict:
        """Long options by name; none where they cannot be known."""
        return self.table()

    # -- the payload of options --------------------------------------------------------------------

    cdef bint is_made(self, bint final) except -1:
        """Whether there is a payload of the options as they are, for the rule as it is."""
        if self.made is None or (final and not self.made_final):
            return False
        if self.made_head is None:
            return self.owner().about() == self.made_about
        # Counters are part of the header and matter to no extension.
        return self.made_head == self.owner()._head()

    cdef bytes make(self, bint final):
        cdef bytes payload
        if self.options is None and self.option is None:
            return self._payload
        if self.is_made(final):
            return self.made
        if self.option is not None:
            payload = self.quick_one(self.option, self.value)
        else:
            payload = self.quick(self.options)
        if payload is not None:
            self.remember(payload)
            return payload
        head = self.owner()._head()
        payload = self.let_parse(self._options, final, head)
        if self._name not in BOUND:
            self.made = payload
            self.made_head = head
            self.made_final = final
        return payload

    def _make(self, bint final) -> bytes:
        """The payload of the options, as they are now and for a rule's header as it is now."""
        return self.make(final)

    def _view(self) -> bytes:
        """The payload to read from: complete where the options are, as far as they go otherwise."""
        try:
            return self.make(True)
        except XTablesError:
            return self.make(False)

    cdef Printed printed(self):
        """What is printed of the payload; None where it is opaque."""
        cdef unsigned char head[HEADER_MAX]
        cdef const unsigned char *at
        cdef bytes view
        self.owner().show(head)
        at = self.place()
        if at is not NULL:
            return printer_of(self.owner().nfproto).part(self.kind, head, at, get_u16(at))
        view = self._view()
        return printer_of(self.owner().nfproto).part(self.kind, head, view, len(view))

    cdef list options_read(self):
        """The options that the payload has, to be read only."""
        cdef Printed printed = None if self.standard else self.printed()
        return [] if printed is None else self.options_of(printed)

    cdef list options_of(self, Printed printed):
        return printer_of(self.owner().nfproto).options_of(self.kind, printed)

    def _read_options(self) -> list:
        """The options that the payload has."""
        return list(self.options_read())

    @property
    def is_opaque(self) -> bool:
        """Whether nothing here can read it: unknown name, other revision, or a set that is gone.

        Such a match or target is kept, moved and deleted with its rule; it has no options.
        """
        return (not self.standard and self.options is None and self.option is None
                and self.printed() is None)

    @property
    def name(self) -> str:
        """Name or alias: ``"state"``, although the kernel calls it ``"conntrack"``."""
        cdef unsigned char head[HEADER_MAX]
        cdef const unsigned char *at
        cdef bytes view
        if self._name is None:
            # The name that is printed: that of the payload, or another that stands for it.
            self.owner().show(head)
            at = self.place()
            if at is not NULL:
                self._name = printer_of(self.owner().nfproto).part_name(
                    self.kind, head, at, get_u16(at))
            else:
                view = self._view()
                self._name = printer_of(self.owner().nfproto).part_name(
                    self.kind, head, view, len(view))
        return self._name

    @property
    def parameters(self) -> dict[str, str]:
        """All options: name with ``_`` to text, ``!`` in front where negated, ``""`` for flags.

        Defaults that the extension prints are among them.
        """
        cdef Printed printed = None if self.standard else self.printed()
        cdef dict found = {}
        if printed is None:
            return found
        found = parameters(PyBytes_AS_STRING(printed.options), len(printed.options))
        if found is None:
            found = {}
            for name, inverted, words in self.options_of(printed):
                text = " ".join(words)
                found[name.replace("-", "_")] = "!" + text if inverted else text
        return found

    def get_all_parameters(self) -> dict[str, list[str]]:
        """All options: name with ``-`` to words, ``"!"`` first where negated, ``[]`` for flags."""
        cdef dict found = {}
        for name, inverted, words in self.options_read():
            found[name] = ["!", *words] if inverted else list(words)
        return found

    cdef bytes quick(self, list options):
        """The complete payload, where it is not for libxtables to say; else None."""
        cdef char text[WORDS_MAX]
        cdef char *words[COUNT_MAX]
        cdef Py_ssize_t used = 0
        cdef int count = 0
        used = put(text, used, self._name)
        for name, inverted, values in options:
            if inverted:
                if count == COUNT_MAX or used < 0 or used + 2 > WORDS_MAX:
                    return None
                words[count] = text + used
                memcpy(text + used, b"!", 2)
                used += 2
                count += 1
            if count == COUNT_MAX or used < 0 or used + 2 > WORDS_MAX:
                return None
            words[count] = text + used
            memcpy(text + used, b"--", 2)
            used = put(text, used + 2, name)
            count += 1
            for value in values:
                if count == COUNT_MAX or used < 0 or not value:
                    return None
                words[count] = text + used
                used = put(text, used, value)
                count += 1
        if used < 0:
            return None
        return self.pure(text, count, words)

    cdef bytes quick_one(self, str option, str value):
        """The same of one option with one value."""
        cdef char text[WORDS_MAX]
        cdef char *words[2]
        cdef Py_ssize_t used = put(text, 0, self._name)
        if used < 0 or used + 2 > WORDS_MAX or not value:
            return None
        words[0] = text + used
        memcpy(text + used, b"--", 2)
        used = put(text, used + 2, option)
        words[1] = text + used
        if put(text, used, value) < 0:
            return None
        return self.pure(text, 2, words)

    cdef bytes pure(self, char *name, int count, char **words):
        """The payload that the words of an extension make, without libxtables, or None."""
        cdef unsigned char payload[512]
        cdef Instance libxtables = self.libxtables()
        cdef uint32_t size
        if not libxtables.has_caches:
            return None
        if self.kind == 0:
            size = _csrc.pyiptc_plain_match(libxtables.layout, self.owner().head(), name, count,
                                            words, payload)
            if size != 0:
                return PyBytes_FromStringAndSize(<const char *>payload, size)
        return libxtables.recall(self.kind, self.owner().head(), name, count, words)

    cdef bytes let_parse(self, list options, bint final, bytes head):
        """Let libxtables parse options."""
        cdef list words = []
        cdef dict table = self.table()
        if self._said is None:
            self._said = set()
        for option in options:
            known = table.get(option.name)
            words += option_words(option, 1 if known is None else known.has_arg)
        return self.libxtables().parse(self.kind, self._name, head, words, final,
                                       self._said)

    # -- options -----------------------------------------------------------------------------------

    def parse(self, parameter, value) -> None:
        """Set one option, by its name with dashes.

        Raises:
            UnknownOptionError: There is none of this name.
            XTablesError: The value was refused; the message is the library's.
        """
        self.set_option(PyUnicode_FromObject(parameter), value)

    cdef int set_option(self, str parameter, value) except -1:
        return self.set_known(parameter, value, self.table().get(parameter))

    cdef int set_known(self, str parameter, value, known) except -1:
        """Set an option of which this is known: an :class:`OptionType`, or None."""
        cdef list options
        cdef int has_arg
        if known is None:
            names = ", ".join(sorted(self.table())) or "none"
            raise UnknownOptionError(
                f'{self.name}: unknown option "--{parameter}": no such parameter; it has: {names}',
                self.name, None, self.rule_of.nfproto if self.rule_of is not None else 2, parameter)
        has_arg = (<tuple>known)[0]
        if (type(value) is str and has_arg == 1
                and not (len(<str>value) > 0 and (<str>value)[0] == "!")
                and (self.options is not None and not self.options
                     or self.option == parameter and parameter != "next")):
            self.take_one(parameter, value)
            return 0
        options = self._options
        if options is not None:
            pass
        elif self.is_opaque:
            raise XTablesError(f"{self.name}: its payload is of an unsupported revision", self.name)
        else:
            options = self._read_options()
        if value is None or value is False:
            self.keep([option for option in options
                       if not self._is_same_option(option.name, parameter)])
            return 0
        option = self._option_of(parameter, value, has_arg)
        self._set(options, option, value if isinstance(value, (str, bytes)) else None)
        return 0

    cdef int take_one(self, str option, str value) except -1:
        """Have one option of one value, and no other."""
        cdef bytes made = self.quick_one(option, value)
        if made is not None:
            self.keep(None)
            self.option = option
            self.value = value
            self.remember(made)
            return 0
        try:
            return self.take([one_option(option, value)])
        except XTablesError as error:
            error.option = option
            raise

    cdef int remember(self, bytes made) except -1:
        """What was made of the options, for any rule of this protocol and these flags."""
        self.made = made
        self.made_head = None
        self.made_about = self.owner().about()
        self.made_final = True
        return 0

    def _try(self, list options not None) -> None:
        """Have other options, if the library takes them, complete or not."""
        self.take(options)

    cdef int take(self, list options) except -1:
        cdef bytes head, made
        cdef bint final = True
        if self._name is None:
            self._name = self.name
        made = self.quick(options)
        if made is not None:
            self.keep(options)
            self.remember(made)
            return 0
        head = self.owner()._head()
        try:
            made = self.let_parse(options, True, head)
        except XTablesError:
            made = self.let_parse(options, False, head)
            final = False
        self.keep(options)
        if self._name not in BOUND:
            self.made = made
            self.made_head = head
            self.made_final = final
        return 0

    cdef int keep(self, list options) except -1:
        if self._name is None:
            self._name = self.name
        self.option = self.value = None
        self.options = options
        self.source = self.made = self.made_head = None
        if self.rule_of is not None:
            self.rule_of.touch()
        return 0

    def _keep(self, list options not None) -> None:
        """Have these options, whatever they are."""
        self.keep(options)

    def _copy_made(self, ModuleCore other not None) -> None:
        """Have the payload of another one with the same options."""
        self.source = other.source
        self.source_at = other.source_at
        self.made = other.made
        self.made_head = other.made_head
        self.made_about = other.made_about
        self.made_final = other.made_final


cdef ModuleCore module_of(cls, RuleCore rule, Entry entry, uint32_t at):
    """One that was read: the payload that begins at a byte of an entry."""
    cdef ModuleCore module = new(cls)
    cdef const unsigned char *name = entry.at + at + 2
    module.rule_of = rule
    module.source = entry
    module.source_at = at
    if memcmp(name, b"set", 4) == 0 or memcmp(name, b"SET", 4) == 0:
        module._read_now()
    return module


cdef object one_option(str name, str value):
    return tuple.__new__(Option, (name, False, (value,)))


cdef bint is_there(int family, int kind, str name) except -1:
    """Whether there is a match or target of this name."""
    try:
        instance(family).find(kind, name)
    except XTablesError:
        return False
    return True


cdef Py_ssize_t put(char *text, Py_ssize_t at, str word) except -2:
    """Put a word and a NUL at a place of a buffer: the place after it, or -1: not to be had."""
    cdef bytes raw
    cdef const char *start
    cdef Py_ssize_t length
    if at < 0:
        return -1
    try:
        start = PyUnicode_AsUTF8AndSize(word, &length)
    except UnicodeEncodeError:
        raw = encode(word)
        start = raw
        length = len(raw)
    if at + length + 1 > WORDS_MAX or memchr(start, 0, length) is not NULL:
        return -1
    memcpy(text + at, start, length + 1)
    return at + length + 1


def option_words(option, int has_arg) -> list[bytes]:
    """An option as words of a command line."""
    cdef list words = [b"!"] if option.inverted else []
    name = b"--" + option.name.encode()
    values = [encode(word) for word in option.words]
    if has_arg == 2 and values:
        return [*words, name + b"=" + values[0], *values[1:]]
    return [*words, name, *values]
