# SPDX-License-Identifier: GPL-2.0-or-later

cdef list read(str text, with_value)
cdef dict parameters(const char *text, Py_ssize_t size)
