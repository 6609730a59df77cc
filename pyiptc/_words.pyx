# SPDX-License-Identifier: GPL-2.0-or-later
"""Words of printed options, split again: the part of :mod:`pyiptc.text` that must be quick."""

from typing import NamedTuple

cimport cython
from cpython.object cimport PyObject, PyTypeObject
from cpython.unicode cimport PyUnicode_DecodeASCII, PyUnicode_InternFromString
from libc.string cimport memchr


class Word(NamedTuple):
    """A word of a save file."""

    text: str
    quoted: bool


class Option(NamedTuple):
    """One option of a match or target: ``! --dport 80`` is ``("dport", True, ("80",))``."""

    name: str
    inverted: bool
    words: tuple[str, ...]


cdef type WORD = Word
cdef type OPTION = Option


cdef inline object named(type cls, tuple values):
    """A named tuple, without the Python function that makes one of arguments."""
    cdef tuple arguments = (values,)
    return (<PyTypeObject *>tuple).tp_new(cls, <PyObject *>arguments, NULL)


cdef inline bint is_blank(Py_UCS4 char) noexcept:
    return char == 0x20 or char == 0x09 or char == 0x0A


@cython.boundscheck(False)
@cython.wraparound(False)
cdef class _Scanner:
    """Takes a text apart, word by word: see :func:`split`."""

    cdef str text
    cdef Py_ssize_t at
    cdef Py_ssize_t size
    cdef str word
    cdef bint quoted

    def __cinit__(self, str text not None):
        self.text = text
        self.size = len(text)
        self.at = 0

    cdef bint next(self) except -1:
        """Read :attr:`word` and whether any of it was :attr:`quoted`; False at the end."""
        cdef str text = self.text
        cdef Py_ssize_t size = self.size, at = self.at, start
        while at < size and is_blank(text[at]):
            at += 1
        if at == size:
            self.at = at
            return False
        start = at
        while at < size and not is_blank(text[at]) and text[at] != c'"':
            at += 1
        if at == size or text[at] != c'"':
            self.quoted = False
            self.word = text[start:at]
            self.at = at
            return True
        self.quoted = True
        if at == start:
            at += 1
            while at < size and text[at] != c'"' and text[at] != c"\\":
                at += 1
            if at < size and text[at] == c'"' and (at + 1 == size or is_blank(text[at + 1])):
                self.word = text[start + 1:at]
                self.at = at + 1
                return True
        self.read(start)
        return True

    cdef int read(self, Py_ssize_t at) except -1:
        """Read a word that has more to it, character by character."""
        cdef str text = self.text
        cdef list kept = []
        cdef bint in_quotes = False
        while at < self.size and (in_quotes or not is_blank(text[at])):
            if text[at] == c'"':
                in_quotes = not in_quotes
            else:
                if in_quotes and text[at] == c"\\":
                    at += 1
                    if at == self.size:
                        break
                kept.append(text[at])
            at += 1
        self.word = "".join(kept)
        self.at = at
        return 0


def split(str text not None) -> list[Word]:
    """Split what xtables_save_string() and the extensions print.

    White space separates; double quotes keep it together, and inside them a backslash keeps the
    next character as it is.
    """
    cdef _Scanner scanner = _Scanner.__new__(_Scanner, text)
    cdef list words = []
    while scanner.next():
        words.append(named(WORD, (scanner.word, scanner.quoted)))
    return words


cdef enum Role:
    VALUE    # quoted, or nothing that an option begins with
    SIGN     # !
    NAME     # --name


@cython.boundscheck(False)
@cython.wraparound(False)
cdef inline Role role_of(_Scanner scanner) noexcept:
    cdef str word = scanner.word
    if scanner.quoted or not word:
        return VALUE
    if word[0] == c"!":
        return SIGN if len(word) == 1 else VALUE
    return NAME if word[0] == c"-" and len(word) > 1 and word[1] == c"-" else VALUE


cdef list read(str text, with_value):
    """As :func:`read_options`."""
    cdef _Scanner scanner = _Scanner.__new__(_Scanner, text)
    cdef list options = [], words
    cdef bint inverted = False, more = scanner.next(), takes_value
    cdef str name, word
    cdef Role role
    while more:
        role = role_of(scanner)
        word = scanner.word
        more = scanner.next()
        if role == SIGN:
            inverted = True
        if role != NAME:
            continue
        name = word[2:]
        words = []
        takes_value = more and name in with_value
        if takes_value:
            # Old extensions print `--option ! value`.
            role = role_of(scanner)
            word = scanner.word
            more = scanner.next()
            if role == SIGN and more:
                inverted = True
                word = scanner.word
                more = scanner.next()
            words.append(word)
        while more and role_of(scanner) == VALUE:
            words.append(scanner.word)
            more = scanner.next()
        options.append(named(OPTION, (name, inverted, tuple(words))))
        inverted = False
    return options


def read_options(str text not None, with_value not None) -> list[Option]:
    """The options in what an extension printed.

    Args:
        with_value: Names of the options that take a value: the first word after one of these is
            its value, whatever it looks like.
    """
    return read(text, with_value)


cdef enum:
    NAME_MAX = 64    # bytes of an option's name, with a NUL


cdef dict parameters(const char *text, Py_ssize_t size):
    """The options in what an extension printed, as ``Match.parameters`` has them.

    Returns:
        None where that is not plain to see, and :func:`read` has to say: other characters than
        ASCII, a backslash in quotes, a value that begins as an option does, several values.
    """
    cdef dict found = {}
    cdef char name[NAME_MAX]
    cdef Py_ssize_t at = 0, start, used
    cdef bint inverted
    cdef str value
    for at in range(size):
        if <unsigned char>text[at] >= 0x80:
            return None
    at = 0
    while True:
        while at < size and is_blank(text[at]):
            at += 1
        if at == size:
            return found
        inverted = text[at] == c"!"
        if inverted:
            at += 1
            start = at
            while at < size and is_blank(text[at]):
                at += 1
            if at == start:
                return None
        if size - at < 3 or text[at] != c"-" or text[at + 1] != c"-":
            return None
        at += 2
        used = 0
        while at < size and not is_blank(text[at]):
            if text[at] == c'"' or text[at] == 0 or used == NAME_MAX - 1:
                return None
            name[used] = c"_" if text[at] == c"-" else text[at]
            used += 1
            at += 1
        name[used] = 0
        while at < size and is_blank(text[at]):
            at += 1
        start = at
        if at == size:
            value = ""
        elif text[at] == c"-" or text[at] == c"!":
            return None
        elif text[at] == c'"':
            at += 1
            while at < size and text[at] != c'"':
                at += 1
            if (at == size or (at + 1 < size and not is_blank(text[at + 1]))
                    or memchr(text + start, c"\\", at - start) is not NULL):
                return None
            value = PyUnicode_DecodeASCII(text + start + 1, at - start - 1, NULL)
            at += 1
        else:
            while at < size and not is_blank(text[at]):
                if text[at] == c'"':
                    return None
                at += 1
            value = PyUnicode_DecodeASCII(text + start, at - start, NULL)
        found[PyUnicode_InternFromString(name)] = "!" + value if inverted else value


def read_parameters(bytes text not None) -> dict[str, str] | None:
    """The options in what an extension printed; None where :func:`read_options` has to say."""
    return parameters(text, len(text))
