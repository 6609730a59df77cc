"""Forbid this process, for good, to become or start another program."""

from __future__ import annotations

import ctypes
import errno
import platform
import struct

PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_MODE_FILTER = 2
SECCOMP_RET_ERRNO = 0x00050000
SECCOMP_RET_ALLOW = 0x7FFF0000
LOAD = 0x20
LOAD_SYSCALL_NUMBER = (LOAD, 0, 0, 0)
JUMP_IF_EQUAL = 0x15
RETURN = 0x06

EXECVE, EXECVEAT = {"x86_64": (59, 322), "aarch64": (221, 281)}.get(platform.machine(), (0, 0))
SETSOCKOPT, GETSOCKOPT = {"x86_64": (54, 55), "aarch64": (208, 209)}.get(platform.machine(), (0, 0))

Instruction = tuple[int, int, int, int]


def forbid_execve() -> None:
    """From now on execve(2) answers ENOENT: no program exists any more."""
    if not EXECVE:
        raise NotImplementedError(f"numbers of execve on {platform.machine()}")
    _install(
        LOAD_SYSCALL_NUMBER,
        (JUMP_IF_EQUAL, 1, 0, EXECVE),
        (JUMP_IF_EQUAL, 0, 1, EXECVEAT),
        (RETURN, 0, 0, SECCOMP_RET_ERRNO | errno.ENOENT),
        (RETURN, 0, 0, SECCOMP_RET_ALLOW),
    )


def refuse_option(is_set: bool, level: int, option: int, number: int) -> None:
    """From now on one option of setsockopt(2) or getsockopt(2) fails with an errno."""
    if not SETSOCKOPT:
        raise NotImplementedError(f"numbers of setsockopt on {platform.machine()}")
    _install(
        LOAD_SYSCALL_NUMBER,
        (JUMP_IF_EQUAL, 0, 5, SETSOCKOPT if is_set else GETSOCKOPT),
        _load_argument(1),
        (JUMP_IF_EQUAL, 0, 3, level),
        _load_argument(2),
        (JUMP_IF_EQUAL, 0, 1, option),
        (RETURN, 0, 0, SECCOMP_RET_ERRNO | number),
        (RETURN, 0, 0, SECCOMP_RET_ALLOW),
    )


def _load_argument(index: int) -> Instruction:
    """The low half of an argument, in struct seccomp_data of a little-endian machine."""
    return (LOAD, 0, 0, 16 + 8 * index)


def _install(*instructions: Instruction) -> None:
    program = b"".join(struct.pack("HBBI", *instruction) for instruction in instructions)
    buffer = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("HP", len(program) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in (
        (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
        (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, head, 0, 0),
    ):
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "prctl")
