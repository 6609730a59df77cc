"""Damaged blobs, for a process of their own: whatever was done to a blob, it is told or it is read.

python -c "from unit import damage; damage.entries('ipv4-nat')"
"""

from __future__ import annotations

import pickle
import sys
from collections.abc import Iterator
from typing import Any

from pyiptc import _blob, _kernel, _nft
from pyiptc.errors import BlobError, KernelError, RuleError
from support import faults, rawnft
from unit.recorded import ALL, Recorded, place

HEADER_FIELDS = (
    *("src", "dst", "src_mask", "dst_mask", "in_interface", "out_interface"),
    *("proto", "flags", "invflags", "counters"),
)


def damaged(data: bytes) -> Iterator[bytes]:
    """Each byte in turn with all its bits turned, all gone, one turned."""
    for at, byte in enumerate(data):
        for other in (byte ^ 0xFF, 0, byte ^ 0x80, byte ^ 0x01):
            if other != byte:
                yield data[:at] + bytes([other]) + data[at + 1 :]


def truncated(data: bytes) -> Iterator[bytes]:
    for size in range(len(data)):
        yield data[:size]


def look_at(entry: _blob.Entry) -> None:
    """Read everything that an entry has, and copy it in each way there is."""
    header = entry.header
    for field in HEADER_FIELDS:
        getattr(header, field)
    assert header.to_uapi() is not None
    payloads = [*entry.matches, entry.target]
    for payload in payloads:
        _blob.payload_name(payload)
        _blob.payload_revision(payload)
    assert len(entry.head) + sum(map(len, payloads)) == len(entry.data)
    mask = entry.mask([len(payload) for payload in payloads])
    assert len(entry.masked(mask)) == len(entry.data)
    assert entry.with_counters(1, 2).counters == (1, 2)
    assert entry.verdict is None or isinstance(entry.verdict, int)
    copy = pickle.loads(pickle.dumps(entry))
    assert (copy, hash(copy), repr(copy)) == (entry, hash(entry), repr(entry))


def check(error: BlobError, data: bytes) -> None:
    """An error says where in the bytes it is."""
    assert 0 <= error.offset <= len(data)


def entries(name: str) -> None:
    """Print how many damaged entries were refused, and how many could be read."""
    blob = ALL[name]
    refused = read = 0
    for whole in blob.split():
        kind, jump = place(blob, whole)
        for data in (*damaged(whole), *truncated(whole)):
            try:
                entry = _blob.Entry(blob.number, data, kind, jump)
            except BlobError as error:
                check(error, data)
                refused += 1
            else:
                look_at(entry)
                read += 1
    print(refused, read)


class Reader:
    """Reads tables out of a kernel of bytes."""

    def __init__(self, blob: Recorded) -> None:
        self.blob = blob
        self.kernel = faults.Kernel(blob.info, blob.entries)
        self.socket = _kernel.Socket(blob.number)

    def read(self, info: bytes, entries: bytes) -> _kernel.TableData:
        self.kernel.set(info, entries)
        return _kernel.read(self.socket, self.blob.table)

    def try_reading(self, info: bytes, entries: bytes) -> bool:
        """Whether the bytes were read as a table, which then can be edited and sent."""
        try:
            data = self.read(info, entries)
        except BlobError as error:
            check(error, entries)
            return False
        except KernelError:
            # A name or a size that the kernel of bytes does not have.
            assert info != self.blob.info
            return False
        self.look_through(data)
        return True

    def look_through(self, data: _kernel.TableData) -> None:
        for chain in data.chains():
            assert (data.policy(chain) is None) != data.is_builtin(chain)
            assert data.references(chain) >= 0
            listed = data.entries(chain)
            assert len(listed) == data.count(chain)
            for entry in listed:
                look_at(entry)
        first = data.chains()[0]
        data.zero(first)
        data.flush(first)
        _kernel.commit(self.socket, data)


def with_info(blob: Recorded, **changed: Any) -> bytes:
    """IPT_SO_GET_INFO with other values: `size`, `entries` (their number), `hooks`, `at`."""
    fields = list(faults.INFO.unpack(blob.info))
    if "hooks" in changed:
        fields[1] = changed["hooks"]
    if "at" in changed:
        hook, offset = changed["at"]
        fields[2 + hook] = offset
    if "entries" in changed:
        fields[12] = changed["entries"]
    if "size" in changed:
        fields[13] = changed["size"]
    return faults.INFO.pack(*fields)


def tables(name: str, step: str) -> None:
    """Print how many damaged tables were refused, and how many could be read.

    Args:
        step: Every how many bytes one is damaged.
    """
    blob = ALL[name]
    reader = Reader(blob)
    outcomes = [0, 0]
    assert reader.try_reading(blob.info, blob.entries)
    for index, data in enumerate(damaged(blob.entries)):
        if index % int(step) == 0:
            outcomes[reader.try_reading(blob.info, data)] += 1
    for size in range(0, len(blob.entries), int(step)):
        assert not reader.try_reading(with_info(blob, size=size), blob.entries[:size]), size
    print(*outcomes)


def ends(name: str) -> None:
    """Print at which offsets a table may end and is still read as one.

    The number of entries is always right, so that something else must be found wrong.
    """
    blob = ALL[name]
    reader = Reader(blob)
    size = 0
    for number, entry in enumerate(blob.split()):
        info = with_info(blob, size=size, entries=number)
        if reader.try_reading(info, blob.entries[:size]):
            print(size)
        size += len(entry)


def infos(name: str) -> None:
    """Print how many damaged headers of a table were refused, and how many could be read."""
    blob = ALL[name]
    reader = Reader(blob)
    outcomes = [0, 0]
    for info in damaged(blob.info):
        outcomes[reader.try_reading(info, blob.entries)] += 1
    for hooks in range(32):
        outcomes[reader.try_reading(with_info(blob, hooks=hooks), blob.entries)] += 1
    for hook in range(5):
        for offset in range(0, len(blob.entries) + 8, 8):
            info = with_info(blob, at=(hook, offset))
            outcomes[reader.try_reading(info, blob.entries)] += 1
    print(*outcomes)


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])


def expressions(family: str) -> None:
    """Damage the recorded rules of nf_tables; say how often a reason was given, and an entry."""
    from unit import test_nft

    refused = read = 0
    nfproto = rawnft.FAMILIES[family]
    for version in test_nft.PROVENANCE:
        for name, _, data in test_nft.lines(version):
            if name != family or len(data) > 500:
                continue
            for bad in (*damaged(data), *truncated(data)):
                entry, reason, _ = _nft.decode(nfproto, bad, bad[-40:])
                _nft.names(bad)
                _nft.jump(bad)
                assert (entry is None) == bool(reason)
                if entry is None:
                    refused += 1
                    continue
                read += 1
                look_at(entry)
                try:
                    written, _, _ = _nft.encode(entry)
                except RuleError:
                    continue
                again, _, _ = _nft.decode(nfproto, written)
                assert again is not None
                assert again.data[: len(entry.head)] != b""
    print(refused, read)
