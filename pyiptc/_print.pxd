# SPDX-License-Identifier: GPL-2.0-or-later
from . cimport _csrc
from ._xtables cimport Instance


cdef class Text:
    cdef char *data
    cdef size_t size
    cdef size_t room

    cdef char *reserve(self, size_t more) except NULL
    cdef int add(self, const char *data, size_t size) except -1
    cdef int add_word(self, const char *word, size_t size) except -1
    cdef str decoded(self, size_t start=*)


cdef class Printed:
    cdef bytes name
    cdef bytes options
    cdef list taken_apart

    cdef str name_text(self)
    cdef str text(self)


cdef class Printer:
    cdef readonly Instance instance
    cdef const _csrc.pyiptc_family *family
    cdef readonly bint has_caches
    cdef object mend
    cdef list protocols
    cdef int trusted[_csrc.PYIPTC_PRINTED_COUNT]
    cdef dict young
    cdef dict old
    # By name: of matches, and of targets.
    cdef tuple with_value

    cdef int add_header(self, Text text, const unsigned char *header, list warned) except -1
    cdef int add_part(self, Text text, int kind, const unsigned char *header,
                      const unsigned char *payload, size_t size, list warned) except -1
    cdef int add_entry(self, Text text, const unsigned char *entry, int kind, const char *jump,
                       list warned) except -1
    cdef int direct(self, int kind, const unsigned char *payload, size_t size,
                    list warned) except -2
    cdef int compare(self, int printer, list warned) except -1
    cdef Printed find(self, int kind, const unsigned char *header, const unsigned char *payload,
                      size_t size, list warned)
    cdef Printed ask(self, int kind, bytes head, bytes payload, list warned)
    cdef int remember(self, bytes key, Printed printed) except -1
    cdef bytes protocol(self, unsigned int number, list warned)
    cdef Printed part(self, int kind, const unsigned char *head, const unsigned char *payload,
                      size_t size)
    cdef Printed part_of(self, int kind, bytes head, bytes payload)
    cdef str part_name(self, int kind, const unsigned char *head, const unsigned char *payload,
                       size_t size)
    cdef list options_of(self, int kind, Printed printed)
    cdef object names_with_value(self, int kind, str name)


cdef Printer printer_of(int family)
