# SPDX-License-Identifier: GPL-2.0-or-later
"""Where the libraries of iptables are found, and what to say where they are not.

``IPTABLES_LIBDIR`` (libxtables, libip4tc, libip6tc) and ``XTABLES_LIBDIR`` (extensions) are
colon lists of directories, searched first; then the dynamic linker searches as it does. No
compiler, ``ldconfig`` or other program is run.
"""

from __future__ import annotations

import os

#: The inner half of the C shim, which is loaded beside libxtables.
INNER = os.path.join(os.path.dirname(__file__), "lib", "inner.so")

LIBXTABLES = "libxtables.so.12"

#: libiptc of each family: for the handle of that name only.
LIBIPTC = {2: "libip4tc.so.2", 10: "libip6tc.so.2"}

_PACKAGES = {
    "debian": "libxtables12 and iptables",
    "ubuntu": "libxtables12 and iptables",
    "fedora": "iptables-libs and iptables-legacy",
    "rhel": "iptables-libs",
    "alpine": "iptables",
    "arch": "iptables",
    "opensuse": "libxtables12 and iptables",
}


def library_dirs() -> list[str]:
    """Directories of ``IPTABLES_LIBDIR``, in order."""
    return [path for path in os.environ.get("IPTABLES_LIBDIR", "").split(":") if path]


def find_library(soname: str) -> str:
    """Path of a library in ``IPTABLES_LIBDIR``, or its soname for the dynamic linker."""
    for directory in library_dirs():
        path = os.path.join(directory, soname)
        if os.path.exists(path):
            return path
    return soname


def find_libxtables() -> str:
    """Path or soname of libxtables."""
    return find_library(LIBXTABLES)


def is_single_instance() -> bool:
    """Whether the environment asks for one libxtables without a link namespace of its own."""
    return os.environ.get("PYIPTC_SINGLE_INSTANCE") == "1"


def missing(soname: str, reason: str) -> ImportError:
    """The error for a library that cannot be loaded: file, places searched, package."""
    places = [*library_dirs(), "the dynamic linker's own search"]
    return ImportError(
        f"cannot load {soname}: {reason}; searched {', '.join(places)}; "
        f"it comes with the package {_package()}"
    )


def _package() -> str:
    """What this distribution calls the package."""
    try:
        with open("/etc/os-release", encoding="utf-8") as file:
            fields = dict(line.rstrip().split("=", 1) for line in file if "=" in line)
    except OSError:
        fields = {}
    likes = [fields.get("ID", ""), *fields.get("ID_LIKE", "").strip('"').split()]
    for name in likes:
        if name.strip('"') in _PACKAGES:
            return _PACKAGES[name.strip('"')]
    return "iptables"
