"""Entries: bytes of a kernel, taken apart and put together again."""

from __future__ import annotations

import socket
import struct
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from pyiptc import _blob, errors
from support import isolated
from unit.recorded import ALL, NAMES, OFFSETS, Recorded, place

HEADER_SIZES = {"ipv4": 112, "ipv6": 168}
ADDRESS_SIZES = {"ipv4": 4, "ipv6": 16}
STANDARD = struct.pack("=H30si4x", 40, b"", -2)


def test_recorded_is_what_was_recorded(blob: Recorded) -> None:
    """Each blob says where it is from, and has not changed since."""
    assert blob.data
    assert {"kernel", "arch", "iptables", "commands", "input"} <= blob.provenance.keys()
    assert b"".join(blob.split()) == blob.entries


def test_round_trip(blob: Recorded) -> None:
    """Header, matches and target of an entry make the same bytes again."""
    for data in blob.split():
        parts = place(blob, data)
        entry = _blob.Entry(blob.number, data, *parts)
        head, payloads = entry.header.to_uapi(), (entry.matches, entry.target)
        again = _blob.compose(head, *payloads, blob.number, *parts)
        assert again.data == data
        assert again == entry


def test_header(blob: Recorded) -> None:
    """The fields of the header stand where the structs of the kernel have them."""
    size = ADDRESS_SIZES[blob.family]
    names = 4 * size
    for data in blob.split():
        header = _blob.Entry(blob.number, data, *place(blob, data)).header
        addresses = [data[at : at + size] for at in range(0, 4 * size, size)]
        assert [header.src, header.dst, header.src_mask, header.dst_mask] == addresses
        ends = struct.unpack_from("16s16s16s16sH", data, names)
        assert header.in_interface == (ends[0], ends[2])
        assert header.out_interface == (ends[1], ends[3])
        assert header.proto == ends[4]
        after = names + 66 + (1 if blob.family == "ipv6" else 0)  # ip6t_ip6 has tos here
        assert (header.flags, header.invflags) == tuple(data[after : after + 2])
        counters = struct.unpack_from("=QQ", data, HEADER_SIZES[blob.family] - 16)
        assert header.counters == counters


def test_recorded_says_what_was_put_in() -> None:
    """The rules that were recorded, in the fields of the first entries."""
    recorded = list(ALL["ipv4-filter-headers"].split())
    first, second = (_blob.Entry(2, data) for data in recorded[:2])
    header = first.header
    assert socket.inet_ntoa(header.src) == "10.0.0.0"
    assert socket.inet_ntoa(header.src_mask) == "255.0.0.0"
    assert header.in_interface == (b"eth0".ljust(16, b"\0"), b"\xff" * 5 + bytes(11))
    assert (header.proto, header.counters, first.verdict) == (6, (1, 10), -2)
    assert second.header.in_interface == (b"eth+".ljust(16, b"\0"), b"\xff" * 3 + bytes(13))
    assert second.header.invflags == 0x08 | 0x10 | 0x01
    matches = _blob.Entry(2, next(ALL["ipv4-mangle-matches"].split())).matches
    assert [_blob.payload_name(match) for match in matches] == ["tcp", "conntrack", "comment"]


@pytest.mark.parametrize("name", NAMES)
def test_damaged_entries(name: str) -> None:
    """A byte that is another, or an end that is missing: BlobError, or another good entry."""
    printed = isolated.output(
        "import sys\nfrom unit import damage\ndamage.entries(sys.argv[1])",
        name,
        own_namespace=False,
        prelude=False,
    )
    refused, read = map(int, printed.split())
    assert refused
    assert read


def test_every_truncation_is_refused(blob: Recorded) -> None:
    """No part of an entry is an entry, nor is one with something behind it."""
    for data in blob.split():
        for size in range(len(data)):
            with pytest.raises(errors.BlobError):
                _blob.Entry(blob.number, data[:size])
        with pytest.raises(errors.BlobError, match="next_offset"):
            _blob.Entry(blob.number, data + bytes(8))


def entry(family: str = "ipv4", target: bytes = STANDARD, matches: bytes = b"") -> bytearray:
    """A plain entry, to be damaged."""
    size = HEADER_SIZES[family]
    data = bytearray(bytes(size) + matches + target)
    struct.pack_into("=HH", data, OFFSETS[family], size + len(matches), len(data))
    return data


def match(size: int, name: bytes = b"x") -> bytes:
    return struct.pack("=H29sB", size, name, 0) + bytes(max(0, size - 32))


BAD = {  # what stands where behind target_offset; where it is told, and how
    "target before the header's end": ((0, 104), 88, "target_offset"),
    "target at the end": ((0, 152), 88, "target_offset"),
    "target not aligned": ((0, 113), 88, "aligned"),
    "longer than it is": ((2, 160), 88, "next_offset"),
    "shorter than it is": ((2, 144), 88, "next_offset"),
    "of no length": ((2, 0), 88, "next_offset"),
    "target of another size": ((24, 48), 112, "target's size"),
    "target of no size": ((24, 0), 112, "target's size"),
}


@pytest.mark.parametrize(("change", "offset", "words"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_told(change: tuple[int, int], offset: int, words: str) -> None:
    """The error says where and why."""
    data = entry()
    struct.pack_into("=H", data, OFFSETS["ipv4"] + change[0], change[1])
    with pytest.raises(errors.BlobError, match=words) as raised:
        _blob.Entry(2, bytes(data))
    assert raised.value.offset == offset


BAD_MATCHES = {
    "cut short": match(32)[:8],
    "of no size": match(0),
    "smaller than its header": match(24).ljust(32, b"\0"),
    "not aligned": match(33).ljust(40, b"\0"),
    "longer than what is there": match(48)[:40],
    "second of them": match(40) + match(64)[:32],
}


@pytest.mark.parametrize("matches", BAD_MATCHES.values(), ids=BAD_MATCHES)
def test_bad_matches(matches: bytes) -> None:
    """Matches must fill what is between the header and the target."""
    with pytest.raises(errors.BlobError, match="match"):
        _blob.Entry(2, bytes(entry(matches=matches)))


@pytest.mark.parametrize("name", [b"", b"ERROR"], ids=["standard", "error"])
def test_target_of_the_wrong_size(name: bytes) -> None:
    """The targets that the kernel itself has are of one size."""
    with pytest.raises(errors.BlobError, match="of another size"):
        _blob.Entry(2, bytes(entry(target=match(48, name))))


def test_too_long() -> None:
    """What next_offset cannot tell is no entry."""
    payload = match(32000)
    with pytest.raises(errors.RuleError, match="65535"):
        _blob.compose(bytes(112), [payload, payload, payload], STANDARD, 2)
    with pytest.raises(errors.BlobError, match="65535"):
        _blob.Entry(2, bytes(65536))
    assert len(_blob.compose(bytes(112), [payload, payload], STANDARD, 2).data) == 64152


@pytest.mark.parametrize("family", [0, 1, 3, 7, -1, 11, 2**31 - 1])
def test_other_families(family: int) -> None:
    with pytest.raises(ValueError, match="expected 2"):
        _blob.Entry(family, bytes(entry()))
    with pytest.raises(ValueError, match="expected 2"):
        _blob.Header(family)


def test_an_entry_of_the_other_family() -> None:
    with pytest.raises(errors.BlobError):
        _blob.Entry(10, bytes(entry("ipv4")))
    with pytest.raises(errors.BlobError):
        _blob.Entry(2, bytes(entry("ipv6")))


def test_jump_and_its_chain() -> None:
    """A jump has a chain and a standard target; nothing else has a chain."""
    plain, extension = bytes(entry()), bytes(entry(target=match(32, b"TRACE")))
    jump = _blob.Entry(2, plain, _blob.JUMP, "user")
    assert (jump.kind, jump.jump, jump.verdict) == (_blob.JUMP, "user", None)
    fall = _blob.Entry(2, plain, _blob.FALLTHROUGH)
    assert (fall.jump, fall.verdict) == (None, None)
    for data, kind, chain in (
        (plain, _blob.JUMP, None),
        (plain, _blob.PLAIN, "user"),
        (plain, _blob.FALLTHROUGH, "user"),
        (extension, _blob.JUMP, "user"),
        (extension, _blob.FALLTHROUGH, None),
        (plain, 3, None),
        (plain, -1, None),
    ):
        with pytest.raises(errors.BlobError):
            _blob.Entry(2, data, kind, chain)


def test_jump_without_its_chain(blob: Recorded) -> None:
    """An offset means nothing outside of its table."""
    for data in blob.split():
        kind, _ = place(blob, data)
        if kind == _blob.JUMP:
            with pytest.raises(errors.BlobError, match="jump"):
                _blob.Entry(blob.number, data)


def test_verdict_of_an_extension() -> None:
    assert _blob.Entry(2, bytes(entry(target=match(40, b"MARK")))).verdict is None
    assert _blob.Entry(2, bytes(entry())).verdict == -2


def test_mask_wants_a_size_for_each_payload() -> None:
    """Sizes that are missing, too large or negative never lead out of the entry."""
    found = _blob.Entry(2, bytes(entry(matches=match(48))))
    with pytest.raises(IndexError):
        found.mask([16])
    full = found.mask([16, 8])
    assert found.mask([1 << 40, 1 << 40]) == full
    none = found.mask([-(1 << 40), -1])
    assert len(none) == len(full)
    assert none[112:144] == b"\xff" * 32
    assert none[144:160] == bytes(16)
    with pytest.raises(ValueError, match="a mask of"):
        found.masked(full + b"\0")


NEVER_INITIALISED = """
import pyiptc
from pyiptc import _blob, _kernel, _xtables

def ask(cls, arguments, names):
    try:
        made = cls.__new__(cls, *arguments)
    except TypeError:
        return
    for name in names:
        try:
            value = getattr(made, name)
            if callable(value):
                value()
        except Exception as error:
            print(type(error).__name__)

ask(_blob.Entry, (), ["family", "header", "counters", "ip", "head", "matches", "target", "verdict",
                      "__hash__", "__repr__", "__reduce__"])
ask(_kernel.TableData, (), ["name", "family", "is_changed", "chains"])
for call in (lambda: _kernel.TableData.__new__(_kernel.TableData).has_chain("x"),
             lambda: _xtables.Instance.__new__(_xtables.Instance, 2).find(0, "tcp"),
             lambda: _kernel.read(_kernel.Socket.__new__(_kernel.Socket, 2), "filter"),
             lambda: _blob.Entry.__new__(_blob.Entry) == _blob.Entry.__new__(_blob.Entry)):
    try:
        call()
    except Exception as error:
        print(type(error).__name__)
for cls in (pyiptc.Rule, pyiptc.Rule6, pyiptc.Match, pyiptc.Target):
    for name in dir(cls):
        ask(cls, (), [name])
        for value in (None, "x", "80", "10.0.0.1", ["!", "80"]):
            try:
                setattr(cls.__new__(cls), name, value)
            except Exception as error:
                print(type(error).__name__)
    for name in ("dport", "src", "_name", "_rule"):
        made = cls.__new__(cls)
        try:
            setattr(made, name, "tcp" if name == "_name" else None)
            made.dport = "80"
        except Exception as error:
            print(type(error).__name__)
    for use in (lambda: pyiptc.Rule().add_match(cls.__new__(cls)),
                lambda: setattr(pyiptc.Rule(), "target", cls.__new__(cls)),
                lambda: pyiptc.Rule().create_match("tcp") == cls.__new__(cls),
                lambda: pyiptc.Rule() == cls.__new__(cls),
                lambda: pyiptc.Chain(pyiptc.Table("filter"), "INPUT").append(cls.__new__(cls))):
        try:
            use()
        except Exception as error:
            print(type(error).__name__)
print("alive")
"""


def test_objects_that_were_never_initialised() -> None:
    """Made with __new__ alone they raise, and crash nothing."""
    printed = isolated.output(NEVER_INITIALISED, prelude=False)
    assert printed.splitlines()[-1] == "alive"


HEADER_VALUES: dict[str, list[Any]] = {
    "src": [b"", b"123", b"12345", "1234", None, 5],
    "dst_mask": [b"", b"123", b"12345", None],
    "in_interface": [(), (b"a",), (b"a" * 16, b""), (b"a", b"\xff" * 17), ("a", b""), None, b"ab"],
    "out_interface": [(b"a", "b"), (b"a", None), (None, b"a")],
    "proto": [-1, 65536, None, "6"],
    "flags": [-1, 256, None],
    "invflags": [-1, 256, "x"],
    "counters": [(), (1,), (1, 2, 3), (-1, 0), (1 << 64, 0), (0, 1 << 64), ("1", 2), None, [1, 2]],
}


@pytest.mark.parametrize(
    ("field", "value"),
    [(field, value) for field, values in HEADER_VALUES.items() for value in values],
    ids=repr,
)
def test_header_refuses(field: str, value: Any) -> None:
    """A value that a field cannot have leaves the header as it was."""
    header = _blob.Header(2)
    header.src, header.src_mask = b"\x0a\0\0\1", b"\xff" * 4
    header.in_interface = header.out_interface = (b"eth0", b"\xff" * 5)
    header.counters = (3, 4)
    before = header.to_uapi()
    with pytest.raises((TypeError, ValueError, OverflowError)):
        setattr(header, field, value)
    assert header.to_uapi() == before


@given(
    addresses=st.lists(st.binary(min_size=4, max_size=4), min_size=4, max_size=4),
    interface=st.tuples(st.binary(max_size=15), st.binary(max_size=16)),
    proto=st.integers(0, 0xFFFF),
    flags=st.tuples(st.integers(0, 255), st.integers(0, 255)),
    counters=st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1)),
)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_header_keeps_what_it_is_given(
    addresses: list[bytes],
    interface: tuple[bytes, bytes],
    proto: int,
    flags: tuple[int, int],
    counters: tuple[int, int],
) -> None:
    """All fields read back; addresses are masked only in what a kernel is sent."""
    header = _blob.Header(2)
    header.src, header.dst, header.src_mask, header.dst_mask = addresses
    header.in_interface = header.out_interface = interface
    header.proto, header.counters = proto, counters
    header.flags, header.invflags = flags
    assert [header.src, header.dst, header.src_mask, header.dst_mask] == addresses
    name, mask = interface
    kept = (name.ljust(16, b"\0"), mask.ljust(16, b"\0"))
    assert header.in_interface == header.out_interface == kept
    assert (header.proto, header.counters) == (proto, counters)
    assert (header.flags, header.invflags) == flags
    masked = bytes(byte & bits for byte, bits in zip(addresses[0], addresses[2]))
    sent = _blob.compose(header.to_uapi(), [], STANDARD, 2)
    assert sent.header.src == masked
    assert sent.counters == counters
    assert header.copy() == header
