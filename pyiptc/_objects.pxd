# SPDX-License-Identifier: GPL-2.0-or-later
from libc.stdint cimport uint32_t

from ._blob cimport Entry, Header
from ._print cimport Printed
from ._xtables cimport Instance


cdef class RuleCore:
    cdef object __weakref__
    cdef readonly int nfproto
    cdef public object chain
    cdef public Entry _entry
    cdef public Header _header
    # What is set; of a rule that was read they are made for who looks at them.
    cdef public list _matches
    cdef public object _target
    # The first of those that somebody has of a rule that was read, borrowed: they hold the rule.
    cdef void *seen
    # Where it was read: of what, and as the how manieth; None once it is another one.
    cdef public object _listing
    cdef public Py_ssize_t _position
    cdef public bint _is_command

    cdef int reset(self, Entry entry) except -1
    cdef const unsigned char *head(self) except NULL
    cdef int show(self, unsigned char *to) except -1
    cdef uint32_t about(self) except? 0
    cdef int touch(self) except -1
    cdef Header edit(self)
    cdef int invert(self, Header header, int flag, bint on) except -1
    cdef int unpack(self) except -1
    cdef list parts(self)
    cdef int look(self) except -1
    cdef int let_go(self) noexcept
    cdef ModuleCore part(self, uint32_t at)
    cdef int forget(self, void *module) noexcept
    cdef ModuleCore target_of(self, Entry entry)
    cdef str network(self, int index, int flag)
    cdef int set_network(self, int index, int flag, value) except -1
    cdef interface(self, uint32_t at, int flag)
    cdef int set_interface(self, uint32_t at, int flag, value) except -1
    cdef bint set_plain_interface(self, uint32_t at, int flag, str value) except -1


cdef class ModuleCore:
    cdef object __weakref__
    cdef unsigned char kind
    cdef unsigned char standard
    cdef unsigned char goes
    cdef unsigned char numbered
    cdef unsigned char made_final
    cdef int number
    cdef RuleCore rule_of
    cdef public str _name
    # Its options: one of one value, as most are, or a list; neither where a payload was read.
    cdef str option
    cdef str value
    cdef list options
    cdef public object _said
    # Where the payload is one that was read: itself, bytes, or the entry that it is part of.
    cdef object source
    cdef uint32_t source_at
    # Whether it is among those that somebody has of a rule that was read, and the next of them.
    cdef bint is_seen
    cdef void *next_seen
    # What was made of the options last; `made_head`: for this header, None: for `made_about`.
    cdef bytes made
    cdef bytes made_head
    cdef uint32_t made_about

    cdef const unsigned char *place(self) noexcept
    cdef RuleCore owner(self)
    cdef Instance libxtables(self)
    cdef dict table(self)
    cdef Printed printed(self)
    cdef list options_read(self)
    cdef list options_of(self, Printed printed)
    cdef bint is_made(self, bint final) except -1
    cdef bytes quick(self, list options)
    cdef bytes quick_one(self, str option, str value)
    cdef bytes pure(self, char *name, int count, char **words)
    cdef bytes make(self, bint final)
    cdef bytes let_parse(self, list options, bint final, bytes head)
    cdef int set_option(self, str parameter, value) except -1
    cdef int set_known(self, str parameter, value, known) except -1
    cdef int take(self, list options) except -1
    cdef int take_one(self, str option, str value) except -1
    cdef int remember(self, bytes made) except -1
    cdef int keep(self, list options) except -1
