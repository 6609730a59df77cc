# SPDX-License-Identifier: GPL-2.0-or-later
from libc.stdint cimport uint32_t, uint64_t

from . cimport _csrc


cdef enum:
    HEADER_MAX = 168  # sizeof(struct ip6t_entry), the larger one


cdef class Entry:
    cdef const _csrc.pyiptc_family *layout
    # As the kernel has it. In memory of somebody else, what is not about packets is anything:
    # counters, the verdict of a jump, and what only the kernel uses.
    cdef const unsigned char *at
    cdef uint32_t size
    cdef readonly int kind
    # One of both: where `at` is.
    cdef object memory
    cdef bytes own
    cdef uint64_t counted[2]
    cdef readonly str jump

    cdef int take(self, bytes data, int kind, str jump) except -1

    @staticmethod
    cdef Entry from_uapi(const _csrc.pyiptc_family *layout, const unsigned char *data,
                         Py_ssize_t size, int kind, str jump)

    @staticmethod
    cdef Entry in_memory(const _csrc.pyiptc_family *layout, const unsigned char *data,
                         Py_ssize_t size, int kind, str jump, object memory)
    cdef int have(self, bytes data) except -1
    cdef bytes copied(self)


cdef class Header:
    cdef const _csrc.pyiptc_family *layout
    cdef unsigned char buffer[HEADER_MAX]

    cdef unsigned char *address(self, int index)
    cdef bytes get_address(self, int index)
    cdef int set_address(self, int index, bytes value) except -1
    cdef tuple get_interface(self, uint32_t at)
    cdef int set_interface(self, uint32_t at, tuple value) except -1
    cdef int to_kernel(self, unsigned char *head) except -1


cdef str network_as_text(const _csrc.pyiptc_family *layout, const unsigned char *address,
                         const unsigned char *mask, bint dotted)
cdef str interface_as_text(const unsigned char *name, const unsigned char *mask)
cdef str to_str(const char *text)
cdef bint read_address(const _csrc.pyiptc_family *layout, value, unsigned char *to) except -1
cdef str name_in(const unsigned char *payload)
cdef Entry laid_out(const _csrc.pyiptc_family *layout, const unsigned char *head, list matches,
                    bytes target, int kind, str jump)
