# SPDX-License-Identifier: GPL-2.0-or-later
from . cimport _csrc


cdef class Instance:
    cdef _csrc.pyiptc_instance *instance
    cdef readonly int family
    cdef dict extensions
    cdef dict option_tables
    cdef dict protocols

    cdef int prefer_nft(self) except -1
    cdef int check(self, int rc, const _csrc.pyiptc_reply *reply, str name, list warned) except -1
