"""Run the demo: ``python -m demo``, or ``./bootstrap demo``.

The process that is started only starts a second one, in which everything happens: that one
enters private namespaces before it touches anything, with a lock file of its own, and when it
ends nothing is left of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from demo.isolation import IsolationError, enter_private, network_namespace

INSIDE = "--inside"
USAGE = "usage: python -m demo [--backend legacy|nft]"
BACKENDS = ("legacy", "nft")


def main(arguments: list[str]) -> int:
    """Return the exit status: 0 if everything was proven, 1 if not or if it could not run."""
    if arguments == [INSIDE]:
        return inside()
    backend = "legacy"
    if len(arguments) == 2 and arguments[0] == "--backend" and arguments[1] in BACKENDS:
        backend = arguments[1]
    elif arguments:
        print(USAGE, file=sys.stderr)
        return 0 if arguments == ["--help"] else 2
    with tempfile.TemporaryDirectory(prefix="pyiptc-demo-") as directory:
        environment = dict(
            os.environ,
            XTABLES_LOCKFILE=str(Path(directory, "xtables.lock")),
            PYIPTC_BACKEND=backend,
        )
        command = [sys.executable, "-m", "demo", INSIDE]
        return subprocess.run(command, env=environment, check=False).returncode


def inside() -> int:
    """Enter the namespaces, and run."""
    host = network_namespace()
    try:
        made = enter_private()
    except IsolationError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1

    import pyiptc  # not before: nothing of it shall ever see the machine's own network
    from demo.story import tell
    from demo.topology import NetworkError

    try:
        return 0 if tell(made, host) else 1
    except NetworkError as error:
        print(f"demo: {error}", file=sys.stderr)
    except pyiptc.IPTCError as error:
        print(f"demo: the packet filter refused: {error}", file=sys.stderr)
        print(
            "If this kernel has iptables as modules, root has to load them first: "
            "modprobe -a ip_tables iptable_filter iptable_nat iptable_mangle "
            "ip6_tables ip6table_filter ip6table_nat",
            file=sys.stderr,
        )
    return 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
