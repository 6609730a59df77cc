# SPDX-License-Identifier: GPL-2.0-or-later
"""What this machine, its kernel and its libraries can do, and this process on them.

Asking changes nothing: no table comes to be, no module and no file, and no libxtables is kept. What
would have to be created to be known is not known here.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import sys
from typing import Optional, TypedDict

from . import _xtables, libraries, process
from .lock import chosen_path, in_user_namespace, lock_kind
from .version import __version__

__all__ = [
    "Capabilities",
    "FamilyCapabilities",
    "IpsetCapabilities",
    "LibraryCapabilities",
    "LockCapabilities",
    "NamespaceCapabilities",
    "NftCapabilities",
    "Rights",
    "capabilities",
]


class FamilyCapabilities(TypedDict):
    """One family, IPv4 or IPv6."""

    kernel: bool
    """Whether ip_tables or ip6_tables is there, built in or loaded."""
    can_load: bool
    """Whether this process could load it where it is not."""
    tables: Optional[list[str]]
    """Tables that exist in this network namespace; None where this process may not look."""
    libiptc: Optional[str]
    """File of libip4tc or libip6tc, for ``Table(..., handle="libiptc")``."""
    extensions: int
    """Files of extensions for this family."""


class NftCapabilities(TypedDict):
    """The tables of nf_tables, which ``iptables-nft`` manages."""

    kernel: Optional[bool]
    """Whether nf_tables is there, built in or loaded; None where only asking it would tell, and might
    load it, or where this process may not ask."""
    tables: Optional[list[str]]
    """Tables of iptables that it has in this network namespace, as ``IPv4 filter``; None where it was
    not asked."""


class LibraryCapabilities(TypedDict):
    """libxtables and its extensions."""

    libxtables: Optional[str]
    """Its file; None where there is none."""
    version: Optional[str]
    """As its file's name has it: ``12.7.0``."""
    error: Optional[str]
    """Why it cannot be loaded."""
    directories: list[str]
    """Where extensions are looked for."""
    instances: int
    """2: IPv4 and IPv6 in one process; 1: one of them."""


class Rights(TypedDict):
    """What this thread may do."""

    net_admin: bool
    """CAP_NET_ADMIN: read and change tables."""
    net_raw: bool
    """CAP_NET_RAW: raw sockets, as the commands of iptables open; nothing here needs them."""
    sys_admin: bool
    """CAP_SYS_ADMIN: enter network namespaces."""
    user_namespace: bool
    """Whether user ids are mapped: capabilities are for the namespaces of that user only."""
    set_id: bool
    """Whether this is a set-uid or set-gid process, which libxtables refuses."""


class LockCapabilities(TypedDict):
    """The xtables lock that a table made here would take."""

    kind: str
    """``auto``, ``host``, ``netns`` or ``none``."""
    path: Optional[str]
    """The file; None for none."""
    error: Optional[str]
    """Why it cannot be opened; None where it can, or could be created."""


class NamespaceCapabilities(TypedDict):
    """Network namespaces."""

    cookie: Optional[int]
    """Number of this thread's; None before Linux 5.14."""
    can_enter: bool
    """Whether others may be entered."""


class IpsetCapabilities(TypedDict):
    """Sets, for the match ``set`` and the target ``SET``."""

    kernel: bool
    """Whether ip_set is there."""
    protocol: Optional[int]
    """Its protocol; None where it is not there, or this process may not ask."""


class Capabilities(TypedDict):
    """What :func:`capabilities` tells."""

    pyiptc: str
    """Version of this package."""
    kernel: str
    """Release, as ``uname -r`` says."""
    machine: str
    bits: int
    """Width of this process; one of 32 bits can do nothing on a kernel of 64."""
    ipv4: FamilyCapabilities
    ipv6: FamilyCapabilities
    nf_tables: NftCapabilities
    libraries: LibraryCapabilities
    rights: Rights
    lock: LockCapabilities
    namespaces: NamespaceCapabilities
    ipset: IpsetCapabilities
    revisions: bool
    """Whether the kernel can be asked which revisions of extensions it knows."""
    missing: list[str]
    """In words, what stands in the way of managing tables; empty where nothing does."""


_FAMILIES = {
    # module, domain, level, names of tables, files of extensions
    2: ("ip_tables", socket.AF_INET, 0, "ip_tables_names", "libipt_"),
    10: ("ip6_tables", socket.AF_INET6, 41, "ip6_tables_names", "libip6t_"),
}
_GET_INFO = 64
_SO_NETNS_COOKIE = 71
_SO_IP_SET = 83
_IP_SET_OP_VERSION = 0x100

_CAP_NET_ADMIN, _CAP_NET_RAW, _CAP_SYS_MODULE, _CAP_SYS_ADMIN = 12, 13, 16, 21


def capabilities() -> Capabilities:
    """What this machine, kernel, process and set of libraries can do.

    Returns:
        A dictionary that :mod:`json` takes.
    Thread safety: any thread; rights and namespace are the calling thread's.
    """
    uname = os.uname()
    may = _effective()
    user_namespace = in_user_namespace()
    library, error = _find(libraries.LIBXTABLES)
    directories = _directories(library)
    files = _extension_files(directories)
    cookie = _cookie()
    found: Capabilities = {
        "pyiptc": __version__,
        "kernel": uname.release,
        "machine": uname.machine,
        "bits": process.bits(),
        "ipv4": _family(2, may, user_namespace, files),
        "ipv6": _family(10, may, user_namespace, files),
        "nf_tables": _nf_tables(may),
        "libraries": {
            "libxtables": library,
            "version": _version(library),
            "error": error,
            "directories": directories,
            "instances": _instances(),
        },
        "rights": {
            "net_admin": _CAP_NET_ADMIN in may,
            "net_raw": _CAP_NET_RAW in may,
            "sys_admin": _CAP_SYS_ADMIN in may,
            "user_namespace": user_namespace,
            "set_id": os.getuid() != os.geteuid() or os.getgid() != os.getegid(),
        },
        "lock": _lock(cookie),
        "namespaces": {"cookie": cookie, "can_enter": _CAP_SYS_ADMIN in may},
        "ipset": _ipset(),
        "revisions": False,
        "missing": [],
    }
    found["revisions"] = _CAP_NET_ADMIN in may and (
        found["ipv4"]["kernel"] or found["ipv6"]["kernel"]
    )
    found["missing"] = _missing(found)
    return found


# -- kernel ----------------------------------------------------------------------------------------


def _family(
    family: int, may: frozenset[int], user_namespace: bool, files: list[str]
) -> FamilyCapabilities:
    module, domain, level, names, prefix = _FAMILIES[family]
    return {
        "kernel": _answers(domain, level, _GET_INFO),
        "can_load": _CAP_SYS_MODULE in may and not user_namespace and _can_load(module),
        "tables": _tables(names),
        "libiptc": _find(libraries.LIBIPTC[family])[0],
        "extensions": sum(name.startswith((prefix, "libxt_")) for name in files),
    }


def _answers(domain: int, level: int, option: int) -> bool:
    """Whether somebody in the kernel has a socket option.

    A size that is none: EINVAL or EPERM comes before any table is looked for, and thereby made.
    """
    try:
        with socket.socket(domain, socket.SOCK_DGRAM) as asked:
            asked.getsockopt(level, option, 1)
    except OSError as error:
        return error.errno not in (errno.ENOPROTOOPT, errno.EAFNOSUPPORT, errno.EOPNOTSUPP)
    return True


def _tables(names: str) -> Optional[list[str]]:
    try:
        with open(f"/proc/thread-self/net/{names}", encoding="ascii") as file:
            return file.read().split()
    except FileNotFoundError:
        return []
    except OSError:
        return None


def _nf_tables(may: frozenset[int]) -> NftCapabilities:
    """Asked by netlink only where the question can load no module."""
    is_there: Optional[bool] = os.path.isdir("/sys/module/nf_tables")
    if not is_there and os.path.exists("/proc/modules"):
        built_in = _read(f"/lib/modules/{os.uname().release}/modules.builtin")
        is_there = None if built_in is None else "/nf_tables.ko" in built_in
        if not is_there:
            return {"kernel": is_there, "tables": None}
    if _CAP_NET_ADMIN not in may:
        return {"kernel": is_there or None, "tables": None}
    from .backends import nft_tables

    tables = nft_tables()
    return {"kernel": tables is not None, "tables": None if tables is None else list(tables)}


def _can_load(module: str) -> bool:
    """Whether there is a module, and a program that loads modules."""
    if (
        os.environ.get("PYIPTC_MODPROBE") == "0"
        or _read("/proc/sys/kernel/modules_disabled") == "1"
    ):
        return False
    program = _read("/proc/sys/kernel/modprobe")
    if not program or not os.access(program, os.X_OK):
        return False
    modules = _read(f"/lib/modules/{os.uname().release}/modules.dep") or ""
    return re.search(rf"/{module}\.ko(\.\w+)?:", modules) is not None


def _read(path: str) -> Optional[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return None


def _cookie() -> Optional[int]:
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
            raw = asked.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8)
    except OSError:
        return None
    return int.from_bytes(raw, sys.byteorder)


def _ipset() -> IpsetCapabilities:
    """By a socket option: a netlink message would load the module.

    Source: linux/netfilter/ipset/ip_set.h, struct ip_set_req_version.
    """
    if not _answers(socket.AF_INET, 0, _SO_IP_SET):
        return {"kernel": False, "protocol": None}
    # Python's own getsockopt() cannot hand a question over.
    import ctypes

    request = (ctypes.c_uint32 * 2)(_IP_SET_OP_VERSION, 0)
    size = ctypes.c_uint32(ctypes.sizeof(request))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        rc = ctypes.CDLL(None).getsockopt(
            asked.fileno(), 0, _SO_IP_SET, request, ctypes.byref(size)
        )
    return {"kernel": True, "protocol": request[1] if rc == 0 else None}


# -- libraries -------------------------------------------------------------------------------------


def _find(soname: str) -> tuple[Optional[str], Optional[str]]:
    """File of a library as it would be loaded, or None and why not. It is not kept."""
    import _ctypes
    import ctypes

    path = libraries.find_library(soname)
    try:
        handle = ctypes.CDLL(path, mode=os.RTLD_LAZY | os.RTLD_LOCAL)._handle
    except OSError as error:
        return None, str(error)
    try:
        mapped = _mapped(soname.split(".so")[0] + ".so")
    finally:
        _ctypes.dlclose(handle)
    if os.path.sep in path:
        return os.path.realpath(path), None
    return next(iter(mapped), path), None


def _mapped(prefix: str) -> list[str]:
    """Files of this process's memory whose name begins so."""
    maps = _read("/proc/self/maps") or ""
    paths = {line.split(maxsplit=5)[5] for line in maps.splitlines() if line.count("/")}
    return sorted(path for path in paths if os.path.basename(path).startswith(prefix))


def _version(library: Optional[str]) -> Optional[str]:
    found = re.search(r"\.so\.([\d.]+)$", library or "")
    return found[1] if found else None


def _directories(library: Optional[str]) -> list[str]:
    """``XTABLES_LIBDIR``, or the directory that is compiled into libxtables."""
    named = [path for path in os.environ.get("XTABLES_LIBDIR", "").split(":") if path]
    if named or library is None:
        return named
    try:
        with open(library, "rb") as file:
            found = re.search(rb"\0(/[ -~]+/xtables)\0", file.read())
    except OSError:
        found = None
    if found is not None:
        return [os.fsdecode(found[1])]
    return [os.path.join(os.path.dirname(library), "xtables")]


def _extension_files(directories: list[str]) -> list[str]:
    names: set[str] = set()
    for directory in directories:
        try:
            names.update(name for name in os.listdir(directory) if name.endswith(".so"))
        except OSError:
            continue
    return sorted(names)


def _instances() -> int:
    return 2 if _xtables.has_namespaces() and not libraries.is_single_instance() else 1


# -- process ---------------------------------------------------------------------------------------


def _effective() -> frozenset[int]:
    """Effective capabilities of the calling thread."""
    status = _read("/proc/thread-self/status") or ""
    found = re.search(r"^CapEff:\s*([0-9a-f]+)$", status, re.MULTILINE)
    mask = int(found[1], 16) if found else 0
    return frozenset(number for number in range(64) if mask >> number & 1)


def _lock(cookie: Optional[int]) -> LockCapabilities:
    """What :func:`pyiptc.lock.lock_path` says, without creating the file."""
    kind = lock_kind(None)
    path = chosen_path(cookie, kind, lambda path: _cannot_open(path) is None)
    return {"kind": kind, "path": path, "error": None if path is None else _cannot_open(path)}


def _cannot_open(path: str) -> Optional[str]:
    """Why a lock file cannot be had; None where it can."""
    flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        os.close(os.open(path, flags))
    except FileNotFoundError:
        directory = os.path.dirname(path) or "."
        if not os.path.isdir(directory):
            return f"there is no directory {directory}"
        if os.access(directory, os.W_OK | os.X_OK, effective_ids=True):
            return None
        if os.statvfs(directory).f_flag & os.ST_RDONLY:
            return os.strerror(errno.EROFS)
        return os.strerror(errno.EACCES)
    except OSError as error:
        return error.strerror
    return None


def _missing(found: Capabilities) -> list[str]:
    rights, lock = found["rights"], found["lock"]
    words = []
    if found["bits"] == 32 and process.kernel_bits() == 64:
        words.append("a 64-bit process: the structs of this kernel's rules have other sizes")
    if rights["set_id"]:
        words.append("a process that is not set-uid or set-gid: libxtables refuses it")
    if not rights["net_admin"]:
        words.append("CAP_NET_ADMIN: tables can be neither read nor changed")
    if found["libraries"]["libxtables"] is None:
        words.append(
            str(libraries.missing(libraries.LIBXTABLES, found["libraries"]["error"] or ""))
        )
    elif not found["ipv4"]["extensions"] and not found["ipv6"]["extensions"]:
        words.append(f"extensions of libxtables in {', '.join(found['libraries']['directories'])}")
    for family, module in ((found["ipv4"], "ip_tables"), (found["ipv6"], "ip6_tables")):
        if not family["kernel"] and not family["can_load"]:
            words.append(f"{module} in the kernel, or the right and a program to load it")
    if lock["error"] is not None:
        words.append(
            f"the lock file {lock['path']}: {lock['error']}: XTABLES_LOCKFILE names another one"
        )
    return words
