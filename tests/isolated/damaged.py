"""Payloads with bytes that are other ones, printed: whatever some tool left, no crash and no hang.

    python -m isolated.damaged ipv4

Each rule of the matrix is compiled, and each byte of each payload's data changed in turn, then many at
once: a child prints what comes of it. Prints one JSON object: of each rule that did not end well how its child
ended and at which byte, and how many payloads were printed.
"""

from __future__ import annotations

import json
import mmap
import os
import random
import shlex
import signal
import struct
import sys
import warnings
from collections.abc import Iterator
from typing import Any

from parity.cases import ACCEPTED, Case
from pyiptc import _blob, errors
from support import isolated
from support.family import FAMILIES

HEADER = 32
"""Bytes of a payload before its data."""

SECONDS = 20 * isolated.patience()
"""A child prints a few thousand payloads in less than one."""


MIXED = 60
"""Of each rule, as many payloads have several bytes that are other ones."""


def damaged(data: bytes, places: list[range]) -> Iterator[tuple[int, bytes]]:
    """Each byte of the places with all its bits turned, with the highest one turned, with none.

    And places without a NUL, from the first one in each row of them: strings that do not end. Then
    many bytes of the payloads' data at once.
    """
    yield from mixed(data, [at for place in places for at in place])
    for place in places:
        for at in place:
            if at == place.start or (data[at] == 0 and data[at - 1] != 0):
                yield at, data[:at] + b"A" * (place.stop - at) + data[place.stop :]
            for other in {data[at] ^ 0xFF, data[at] ^ 0x80, 0, 0x7F} - {data[at]}:
                yield at, data[:at] + bytes([other]) + data[at + 1 :]


def mixed(data: bytes, places: list[int]) -> Iterator[tuple[int, bytes]]:
    generator = random.Random(data)
    for _ in range(MIXED if places else 0):
        other = bytearray(data)
        for at in generator.sample(places, generator.randrange(len(places)) + 1):
            other[at] = generator.choice((0, 1, 0xFF, data[at], generator.randrange(256)))
        yield places[0], bytes(other)


def places(entry: _blob.Entry) -> list[range]:
    """Where the data of the payloads is, and headers of those that no rule before had.

    Of long ones, as the program of `bpf`, every so many bytes.
    """
    found, at = [], len(entry.head)
    for payload in [*entry.matches, entry.target]:
        name = _blob.payload_name(payload)
        # Of a verdict there is nothing to print.
        if name:
            found.append(range(at + HEADER, at + len(payload), 1 + len(payload) // 150))
            if name not in _seen:
                found.append(range(at, at + HEADER))
        at += len(payload)
    return found


_seen: set[str] = set()


def look_at(rule: Any) -> None:
    """Print it in every way, and compare it."""
    assert str(rule) is not None
    rule.to_dict()
    for part in [*rule.matches, rule.target]:
        if not part.is_opaque:
            part.get_all_parameters()
    assert rule == rule.copy()


def print_all(case: Case, shared: mmap.mmap) -> int:
    """What a child does; where it is stands in the shared memory."""
    signal.alarm(SECONDS)
    rule_class = FAMILIES[case.family].Rule
    try:
        rule = rule_class.parse(shlex.split(case.arguments))
    except errors.XTablesError:
        return 1  # a set that is not there
    entry = rule._as_is()
    if entry.kind == _blob.JUMP:
        return 1
    count = 0
    for at, data in damaged(entry.data, places(entry)):
        shared[:8] = struct.pack("=II", at, count)
        try:
            look_at(rule_class(data))
        except errors.BlobError:
            continue  # the size is another one
        count += 1
    shared[:8] = struct.pack("=II", 0, count)
    return 0


def run(case: Case, shared: mmap.mmap) -> tuple[str, int]:
    """How the child ended, and how many payloads it had printed."""
    shared[:8] = bytes(8)
    child = os.fork()
    if child == 0:
        status = 70
        try:
            status = print_all(case, shared)
        except BaseException as error:
            sys.stderr.write(f"{case.id}: {error!r}\n")
        finally:
            sys.stderr.flush()
            os._exit(status)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    at, count = struct.unpack("=II", shared[:8])
    if code in (0, 1):
        return "", count
    ending = signal.Signals(-code).name if code < 0 else f"status {code}"
    return f"{ending} at byte {at}", count


def main() -> None:
    warnings.simplefilter("ignore")
    shared = mmap.mmap(-1, mmap.PAGESIZE)
    found, total = {}, 0
    for case in ACCEPTED:
        if case.family == sys.argv[1]:
            ending, count = run(case, shared)
            total += count
            if ending:
                found[case.name] = ending
            _seen.update(part.name for part in [*case.matches, case.target])
    json.dump({"found": found, "count": total}, sys.stdout)


if __name__ == "__main__":
    main()
