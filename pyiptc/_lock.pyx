# SPDX-License-Identifier: GPL-2.0-or-later
"""Locked files, and which of them this process has: what :mod:`pyiptc.lock` waits for.

System calls are made without the GIL. A lock lasts until the last descriptor of the open file is
closed, and a child that is forked has them too: it closes them before it runs anything else.
"""

import errno as _errno
import os
import threading

from cpython.exc cimport PyErr_CheckSignals
from cpython.pythread cimport PyThread_get_thread_ident
from libc.stdint cimport uint64_t
from libc.stdlib cimport getenv
from libc.string cimport strcmp, strlen
from posix.unistd cimport getpid

from . cimport _csrc

#: Files that are locked by this process (device, inode), and by which of its threads: who waited
#: for a lock of its own would wait for ever.
cdef dict holders = {}
#: Open descriptors of lock files.
cdef set descriptors = set()
#: This process: asking each time is a system call.
cdef int process = getpid()

#: Held while one is opened, and while the process forks: no child is without its parent's list.
opening = threading.Lock()

#: The path that was named last, and its bytes: nearly always the next one, too.
cdef bytes path_bytes = b""
cdef str path_text = ""


def environment_path(str default not None) -> str:
    """The file that ``XTABLES_LOCKFILE`` names, or the default.

    Cost: nothing where it is the same as the last time.
    """
    global path_bytes, path_text
    cdef const char *path = getenv(b"XTABLES_LOCKFILE")
    if path is NULL or path[0] == 0:
        return default
    if strcmp(path, path_bytes) != 0:
        path_bytes = path
        path_text = os.fsdecode(path_bytes)
    return path_text


cdef bytes to_bytes(str path):
    global path_bytes, path_text
    if path is not path_text:
        path_bytes = os.fsencode(path)
        path_text = path
    return path_bytes


cdef class LockFile:
    """A file that is opened to be locked, and that is closed with the object at the latest."""

    cdef readonly int fd
    cdef readonly bint is_held
    cdef uint64_t device, inode
    cdef int process

    def __cinit__(self):
        self.fd = -1
        self.is_held = False

    def open(self, str path not None, bint create) -> int:
        """Open it, and lock it if nobody has it.

        Args:
            create: With mode 0600, if there is none.
        Returns:
            0: it is locked. EWOULDBLOCK: somebody else has it. EDEADLK: this thread has it. Others:
            what ``flock`` says; EINVAL for what is not a regular file.
        Raises:
            OSError: It cannot be opened.
        """
        cdef bytes raw = to_bytes(path)
        cdef const char *name = raw
        cdef _csrc.pyiptc_lock lock
        cdef int rc
        if self.fd >= 0:
            raise ValueError("it is open")
        if len(raw) != <Py_ssize_t>strlen(name):
            raise ValueError("embedded null byte")
        opening.acquire()
        try:
            while True:
                with nogil:
                    rc = _csrc.pyiptc_lock_open(name, create, &lock)
                if rc != -_errno.EINTR:
                    break
                PyErr_CheckSignals()
            if rc < 0:
                raise OSError(-rc, os.strerror(-rc), path)
            self.fd = lock.fd
            descriptors.add(lock.fd)
        finally:
            opening.release()
        self.process = process
        self.device, self.inode = lock.device, lock.inode
        if holders and holders.get((self.device, self.inode)) == PyThread_get_thread_ident():
            return _errno.EDEADLK
        if lock.state == 0:
            self.note()
        return -lock.state

    def note(self) -> None:
        """It is locked by now."""
        self.is_held = True
        holders[self.device, self.inode] = PyThread_get_thread_ident()

    def close(self) -> None:
        """Unlock it and close it; twice is fine.

        In a child that was forked meanwhile it is closed already, and the lock is its parent's.
        """
        cdef int fd = self.fd
        cdef bint is_held = self.is_held
        if fd < 0:
            return
        self.fd = -1
        self.is_held = False
        if self.process != process:
            return
        if is_held:
            del holders[self.device, self.inode]
        descriptors.discard(fd)
        with nogil:
            _csrc.pyiptc_lock_close(fd, is_held)

    def __dealloc__(self):
        if self.fd >= 0:
            self.close()


def _after_fork_in_child() -> None:
    global process
    process = getpid()
    opening.release()
    holders.clear()
    while descriptors:
        _csrc.pyiptc_lock_close(descriptors.pop(), False)


os.register_at_fork(
    before=opening.acquire,
    after_in_parent=opening.release,
    after_in_child=_after_fork_in_child,
)
