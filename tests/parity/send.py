"""Many cases in one process, each in a chain of its own; run by scripts in processes of their own."""

from __future__ import annotations

import json
import sys
import threading
import warnings

from parity.build import build, chain_of
from parity.cases import ACCEPTED, Case

CASES = {case.id: case for case in ACCEPTED}


def chain_name(number: int) -> str:
    """The chain of the case that is sent as the given one."""
    return f"sent{number}"


def send(names: list[str]) -> list[str]:
    """Build and append the named cases in this order, read each back; the texts that were read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [_send_one(number, CASES[name]) for number, name in enumerate(names)]


def _send_one(number: int, case: Case) -> str:
    chain = chain_of(case, chain_name(number))
    chain.table.create_chain(chain)
    built = build(case)
    chain.append_rule(built)
    (read,) = chain.rules
    if read != built:
        raise AssertionError(f"{case.id}: {read} was read, {built} was sent")
    return str(read)


def main() -> None:
    """Send the cases that the arguments name; the texts go to standard output as JSON."""
    print(json.dumps(send(sys.argv[1:])))


def main_in_thread() -> None:
    """The same, in a thread that imported nothing and runs beside the one that did."""
    thread = threading.Thread(target=main)
    thread.start()
    thread.join()
