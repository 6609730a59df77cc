"""Builds a libxtables with a wider option table, and an extension for it, in a directory."""

from __future__ import annotations

import subprocess
from pathlib import Path

from support import features

SOURCES = Path(__file__).parent / "wider"
HEADER = Path("/usr/include/xtables.h")


def build(directory: Path) -> dict[str, str]:
    """The environment in which a program finds the two there, and all the rest as usual."""
    features.require("gcc")
    installed = Path(_gcc("-print-file-name=libxtables.so")).resolve()
    if not installed.is_absolute() or not HEADER.exists():
        features.skip_missing("xtables.h", "the development files of libxtables")
    library, stub = directory / "libxtables.so.12", directory / "stub.so"
    compile_ = ("-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-Wl,--no-as-needed")
    # Linked against a stub of that name, the library is asked for by its path.
    _gcc("-shared", "-o", str(stub), "-x", "c", "/dev/null", f"-Wl,-soname,{installed}")
    _gcc(
        *(*compile_, "-o", str(library), str(SOURCES / "libxtables.c")),
        *(str(stub), "-Wl,-soname,libxtables.so.12"),
    )
    (directory / "libxtables.so").symlink_to(library)
    extension = directory / "libipt_ttl.so"
    _gcc(*compile_, "-o", str(extension), str(SOURCES / "libipt_ttl.c"), str(library))
    stub.unlink()
    return {
        "IPTABLES_LIBDIR": str(directory),
        "XTABLES_LIBDIR": f"{directory}:{installed.parent / 'xtables'}",
    }


def _gcc(*args: str) -> str:
    done = subprocess.run(
        ["gcc", *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
