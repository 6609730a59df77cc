"""Whole tables out of a kernel of bytes: read, laid out again, and damaged in every place."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from support import faults, isolated
from unit.recorded import ALL, NAMES, OFFSETS, Recorded

HEADER_SIZES = {"ipv4": 112, "ipv6": 168}


@pytest.fixture(scope="module")
def preloaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment with the kernel of bytes."""
    return faults.build(tmp_path_factory.mktemp("fault"))


def run(preloaded: dict[str, str], script: str, *args: str) -> str:
    """What a script prints that knows `damage` and the name of a blob."""
    head = "import sys\nfrom unit import damage\nname = sys.argv[1]\n"
    return isolated.output(
        head + script, *args, env=preloaded, own_namespace=False, prelude=False, timeout=120
    )


TELL = """
from pyiptc import _kernel
from unit.recorded import ALL
reader = damage.Reader(ALL[name])
data = reader.read(reader.blob.info, reader.blob.entries)
for chain in data.chains():
    print(chain, data.policy(chain), data.count(chain), data.references(chain))
    for entry in data.entries(chain):
        print(" ", entry.kind, entry.jump, entry.verdict, *entry.counters)
"""

CHAINS = """\
INPUT ('ACCEPT', 0, 0) 4 0
  1 first None 1 1
  1 second None 2 2
  2 None None 3 3
  1 empty None 4 4
FORWARD ('DROP', 0, 0) 0 0
OUTPUT ('ACCEPT', 0, 0) 0 0
Zebra-0123456789-0123456789- None 1 1
  0 None -1 9 9
empty None 0 1
first None 2 1
  1 second None 5 5
  0 None -5 6 6
second None 2 2
  1 Zebra-0123456789-0123456789- None 7 7
  2 None None 8 8
"""


@pytest.mark.parametrize("name", ["ipv4-filter-chains", "ipv6-filter-chains"])
def test_chains_jumps_and_counters(name: str, preloaded: dict[str, str]) -> None:
    """What stands in the recorded table, as it was put in."""
    assert run(preloaded, TELL, name) == CHAINS


def test_policies(preloaded: dict[str, str]) -> None:
    told = run(preloaded, TELL, "ipv4-filter-headers").splitlines()
    assert [line for line in told if line[0] != " "] == [
        "INPUT ('DROP', 11, 1100) 4 0",
        "FORWARD ('ACCEPT', 12, 1200) 1 0",
        "OUTPUT ('ACCEPT', 13, 18446744073709551615) 1 0",
    ]


SEND = """
import sys
from pyiptc import _kernel
from support.faults import SET_ADD_COUNTERS, SET_REPLACE
from unit.recorded import ALL
reader = damage.Reader(ALL[name])
data = reader.read(reader.blob.info, reader.blob.entries)
first = data.chains()[0]
policy = data.policy(first)[0]
for edit in sys.argv[2:]:
    if edit == "same":
        # Changed and changed back: it is sent all the same.
        data.set_policy(first, "ACCEPT" if policy == "DROP" else "DROP")
        data.set_policy(first, policy)
    if edit == "delete":
        data.delete(first, 1)
    if edit == "append":
        data.append(first, data.entry(first, 0))
    if edit == "zero":
        data.zero(first)
assert data.is_changed
_kernel.commit(reader.socket, data)
assert not data.is_changed
for option in (SET_REPLACE, SET_ADD_COUNTERS):
    print(reader.kernel.sent(option).hex())
"""


def sent(preloaded: dict[str, str], name: str, *edits: str) -> tuple[bytes, bytes]:
    """What a table is sent as after some edits: struct ipt_replace, struct xt_counters_info."""
    replace, counters = run(preloaded, SEND, name, *edits).split()
    return bytes.fromhex(replace), bytes.fromhex(counters)


def without_private(blob: Recorded, data: bytes) -> bytes:
    """Entries without what only the kernel uses: nfcache, comefrom, counters."""
    plain, at = bytearray(data), 0
    while at < len(plain):
        offsets, header = at + OFFSETS[blob.family], HEADER_SIZES[blob.family]
        plain[offsets - 4 : offsets] = bytes(4)
        plain[offsets + 4 : offsets + 8] = bytes(4)
        plain[at + header - 16 : at + header] = bytes(16)
        at += int(struct.unpack_from("=H", plain, offsets + 2)[0])
    return bytes(plain)


def counters_of(info: bytes) -> list[tuple[int, int]]:
    """The counters of struct xt_counters_info, after its name and their number."""
    (count,) = struct.unpack_from("=I", info, 32)
    assert len(info) == 40 + 16 * count
    return list(struct.iter_unpack("=QQ", info[40:]))


def test_laid_out_as_it_was_read(blob: Recorded, preloaded: dict[str, str]) -> None:
    """A table that did not change is sent as the kernel has it, and its counters are kept."""
    replace, info = sent(preloaded, blob.name, "same")
    assert without_private(blob, replace[faults.REPLACE_HEADER :]) == without_private(
        blob, blob.entries
    )
    name, hooks, *offsets, number, size = faults.INFO.unpack(blob.info)
    head = struct.unpack_from("=32sIII5I5II", replace)
    valid = [hook for hook in range(5) if hooks & 1 << hook]
    assert (head[0], head[1], head[2], head[3]) == (name, hooks, number, size)
    for start in (0, 5):
        assert [head[4 + start + hook] for hook in valid] == [
            offsets[start + hook] for hook in valid
        ]
    assert head[14] == number
    assert info[:32].rstrip(b"\0") == blob.table.encode()
    # An entry that begins a user-defined chain counts nothing.
    begins = [entry[HEADER_SIZES[blob.family] + 2 :].startswith(b"ERROR") for entry in blob.split()]
    assert counters_of(info) == [
        (0, 0) if is_begin else (1000 + index, 2000 + index)
        for index, is_begin in enumerate(begins)
    ]


def test_counters_follow_their_entries(preloaded: dict[str, str]) -> None:
    """An entry goes on with what it had counted, wherever it stands; a new one with its own."""
    _, info = sent(preloaded, "ipv4-filter-headers", "delete", "append")
    old = [(1000 + index, 2000 + index) for index in range(10)]
    assert counters_of(info) == [old[0], old[2], old[3], (1, 10), *old[4:9], (0, 0)]


def test_zeroed_entries_count_from_what_was_read(preloaded: dict[str, str]) -> None:
    """What came in between stays, in 64 bits that wrap."""
    _, info = sent(preloaded, "ipv4-filter-headers", "append", "zero")
    read = [(1, 10), (2, 20), (3, 30), (4, 40)]
    zeroed = [
        ((1000 + index - packets) % 2**64, (2000 + index - size) % 2**64)
        for index, (packets, size) in enumerate(read)
    ]
    assert counters_of(info)[:6] == [*zeroed, (0, 0), (1004 - 11, 2004 - 1100)]


STEPS = {"ipv4-filter-headers": 1, "ipv6-filter-chains": 5}
"""Where every byte is damaged; elsewhere every so many, to be quick."""


@pytest.mark.parametrize("name", NAMES)
def test_damaged_tables(name: str, preloaded: dict[str, str]) -> None:
    """A byte that is another, an end that is missing: BlobError, or another good table."""
    step = STEPS.get(name, 7)
    printed = run(preloaded, "damage.tables(name, sys.argv[2])", name, str(step))
    refused, read = map(int, printed.split())
    assert refused
    assert read


@pytest.mark.parametrize("name", NAMES)
def test_end_is_missing(name: str, preloaded: dict[str, str]) -> None:
    """A table ends with the entry that says so, and nowhere before."""
    assert run(preloaded, "damage.ends(name)", name) == ""


@pytest.mark.parametrize("name", ["ipv4-filter-chains", "ipv6-raw", "ipv4-security-empty"])
def test_damaged_info(name: str, preloaded: dict[str, str]) -> None:
    """Hooks, offsets, numbers and sizes that are not those of the entries."""
    refused, read = map(int, run(preloaded, "damage.infos(name)", name).split())
    assert refused
    assert read  # the kernel's underflows are not needed


@pytest.mark.parametrize("size", [0, 1, 100, 111])
def test_less_than_an_entry(size: int, preloaded: dict[str, str]) -> None:
    script = """
from pyiptc.errors import BlobError
from unit.recorded import ALL
reader = damage.Reader(ALL[name])
size = int(sys.argv[2])
info = damage.with_info(reader.blob, size=size, entries=1)
try:
    reader.read(info, reader.blob.entries[:size])
except BlobError as error:
    print(error.offset, error)
"""
    printed = run(preloaded, script, "ipv4-nat", str(size))
    assert printed.startswith("0 table nat, at byte 0: ")


def test_a_table_that_changes_all_the_time(preloaded: dict[str, str]) -> None:
    """Read again a hundred times, then told."""
    script = """
import errno
from pyiptc.errors import KernelError
from support import faults
from unit.recorded import ALL
reader = damage.Reader(ALL[name])
faults.clear()
try:
    reader.read(damage.with_info(reader.blob, size=8), reader.blob.entries)
except KernelError as error:
    print(errno.errorcode[error.errno], error.operation)
print(faults.count(faults.Call.GETSOCKOPT, faults.GET_ENTRIES))
"""
    assert run(preloaded, script, "ipv4-nat") == "EAGAIN IPT_SO_GET_ENTRIES\n100\n"


def test_the_blobs_that_the_kernel_took(tmp_path: Path) -> None:
    """Both families and five tables are among the recorded ones."""
    assert {blob.family for blob in ALL.values()} == {"ipv4", "ipv6"}
    assert {blob.table for blob in ALL.values()} >= {"filter", "nat", "mangle", "raw", "security"}
