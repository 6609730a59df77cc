"""Where the C libraries of iptables are, and directories in which some of them are missing."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Collection
from pathlib import Path

from support import features, undertest

PLACES = (
    "/usr/lib/*/xtables/libxt_tcp.so",
    "/usr/lib*/xtables/libxt_tcp.so",
    "/lib/xtables/libxt_tcp.so",
    "/usr/libexec/xtables/libxt_tcp.so",
)


def extension_directory() -> Path:
    """The directory that libxtables loads extensions from."""
    found = [file for pattern in PLACES for file in glob.glob(pattern)]
    if not found:
        features.skip_missing("xtables extensions", "no libxt_tcp.so")
    return Path(found[0]).parent


def library_directory() -> Path:
    """The directory that the dynamic linker finds libxtables in: this process has it open."""
    undertest.load().Rule().create_match("tcp")
    with open(f"/proc/{os.getpid()}/maps", encoding="utf-8") as maps:
        (found, *_) = re.findall(r"(/\S*)/libxtables\.so", maps.read())
    return Path(found).resolve()


def directory_without(
    source: Path, missing: Collection[str], made: Path, seen_as: Path | None = None
) -> Path:
    """Fill a new directory with links to all files of another one except those that are missing.

    The links lead to the source, or to the place that it is going to be seen at.
    """
    made.mkdir()
    for file in source.iterdir():
        if file.name not in missing:
            (made / file.name).symlink_to((seen_as or source) / file.name)
    return made
