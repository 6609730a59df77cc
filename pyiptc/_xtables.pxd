# SPDX-License-Identifier: GPL-2.0-or-later
from libc.stdint cimport uint32_t

from . cimport _csrc


cdef enum:
    GOTO = 0x02   # IPT_F_GOTO
    GOTO6 = 0x04  # IP6T_F_GOTO


cdef class Instance:
    cdef _csrc.pyiptc_instance *instance
    cdef readonly int family
    # By name: of matches, and of targets.
    cdef tuple extensions
    cdef tuple option_tables
    cdef dict protocols
    cdef const _csrc.pyiptc_family *layout
    cdef bint has_caches
    cdef dict payloads
    cdef set chains

    cdef int prefer_nft(self) except -1
    cpdef find(self, int kind, str name)
    cpdef dict options(self, int kind, str name)
    cdef int check(self, int rc, const _csrc.pyiptc_reply *reply, str name, list warned) except -1
    cdef bytes parse_words(self, int kind, str name, const unsigned char *head, int argc,
                           char **argv, bint final, list warned, bint *is_assumed)
    cdef bytes recall(self, int kind, const unsigned char *head, const char *name, int argc,
                      char **argv)
    cdef bytes learn(self, int kind, bytes key, const unsigned char *head, const char *name,
                     int argc, char **argv)
    cdef Py_ssize_t lay_out(self, const _csrc.pyiptc_plain *rule, char **argv, bint is_chain,
                            unsigned char *entry, Py_ssize_t room, int *kind) except -1
    cdef Py_ssize_t lay_out_target(self, const _csrc.pyiptc_plain *rule, char **argv,
                                   bint is_chain, unsigned char *entry, Py_ssize_t at,
                                   Py_ssize_t room, int *kind) except -1
    cdef tuple save_quietly(self, int kind, bytes head, bytes payload, list warned)
    cdef str name_protocol(self, unsigned int number, list warned)


cpdef Instance instance(int family)
cdef int emit(list warned, set said=*) except -1
