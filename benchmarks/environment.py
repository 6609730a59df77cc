"""What was measured, and on what: so that results can be compared."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path

from .rulesets import SEED
from .running import ROOT, MissingError, find_tool, run


def describe(is_quick: bool) -> dict[str, str]:
    """Machine, kernel, versions, date and commit."""
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "seed": str(SEED),
        "form": "quick: too few rules to say anything" if is_quick else "full",
        "kernel": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "processors": str(len(os.sched_getaffinity(0))),
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.1f} GiB",
        "load": f"{os.getloadavg()[0]:.1f} at the beginning",
        "libc": " ".join(platform.libc_ver()),
        "python": f"{sys.implementation.name} {platform.python_version()}",
        "compiler": _version("cc", "--version"),
        "pyiptc": _distribution("pyiptc"),
        "python-iptables": _distribution("python-iptables"),
        "iptables": _version("iptables-legacy", "--version"),
        "nft": _version("nft", "--version"),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or "unknown"


def _commit() -> str:
    try:
        found = subprocess.run(
            ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=12"],
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip()


def _distribution(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed" if name != "pyiptc" else "this working tree"


def _version(tool: str, argument: str) -> str:
    try:
        return run([find_tool(tool), argument]).stdout.splitlines()[0]
    except MissingError:
        return "missing"
