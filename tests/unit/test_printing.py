"""Entries as text: what is printed without libxtables is what it prints, and memory has a bound."""

from __future__ import annotations

import socket
import struct

import pytest
from hypothesis import given, settings, strategies as st

from pyiptc import _blob, _print, _xtables, errors, printing
from pyiptc.enums import Inverted, Kind
from pyiptc.text import decode, quoted, read_options, split
from support.family import Family

PROPERTY = settings(max_examples=300, deadline=None, derandomize=True)
INVERTED = {name: int(flag) for name, flag in Inverted.__members__.items()}
SIZES = {"tcp": 12, "udp": 10, "comment": 256}


def printer_of(family: Family, caches: bool) -> _print.Printer:
    return _print.Printer(family.nfproto, caches)


@pytest.fixture
def direct(family: Family) -> _print.Printer:
    """Prints without libxtables, and remembers, where that can be."""
    return printer_of(family, True)


@pytest.fixture
def asking(family: Family) -> _print.Printer:
    """Lets libxtables print everything."""
    return printer_of(family, False)


@pytest.fixture
def head(family: Family) -> bytes:
    """The header of a rule about all packets."""
    return _blob.Header(family.nfproto).to_uapi()


def payload(name: str, data: bytes, revision: int = 0) -> bytes:
    made = bytearray(_print.sample(name, data))
    made[31] = revision
    return bytes(made)


# -- options -----------------------------------------------------------------------------------------

numbers = st.sampled_from([0, 1, 80, 65534, 65535]) | st.integers(0, 65535)
ports = st.tuples(numbers, numbers) | numbers.map(lambda number: (number, number))
bytes_of_flags = st.sampled_from([0, 1, 0x3F, 0x12]) | st.integers(0, 255)
tcp = st.tuples(ports, ports, *[bytes_of_flags] * 4).map(
    lambda at: struct.pack("=HHHHBBBB", *at[0], *at[1], *at[2:])
)
udp = st.tuples(ports, ports, bytes_of_flags).map(
    lambda at: struct.pack("=HHHHB", *at[0], *at[1], at[2])
)
comment = st.one_of(
    st.binary(max_size=256),
    st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogateescape")),
    st.binary(min_size=256, max_size=256).map(lambda raw: raw.replace(b"\0", b"'")),
    st.binary(min_size=255, max_size=255).map(lambda raw: raw.replace(b"\0", b'"') + b"\0"),
).map(lambda raw: raw.ljust(256, b"\0"))


parts = st.one_of(
    tcp.map(lambda data: ("tcp", data)),
    udp.map(lambda data: ("udp", data)),
    comment.map(lambda data: ("comment", data)),
    st.sampled_from(sorted(SIZES)).flatmap(
        lambda name: st.binary(min_size=SIZES[name], max_size=SIZES[name]).map(
            lambda data: (name, data)
        )
    ),
)
"""Names and data of payloads that are printed without libxtables."""


def test_options_are_printed_as_libxtables_prints_them(
    direct: _print.Printer, asking: _print.Printer, head: bytes
) -> None:
    """Any bytes: the same text, byte for byte, or opaque alike; and nothing writes into them."""

    @settings(PROPERTY, max_examples=1000)
    @given(parts, st.sampled_from([0, 0, 0, 1, 255]))
    def holds(part: tuple[str, bytes], revision: int) -> None:
        name, data = part
        made = payload(name, data, revision)
        before = bytes(bytearray(made))
        asked = asking.part_text(Kind.MATCH, head, made)
        assert direct.part_text(Kind.MATCH, head, made) == asked
        assert made == before
        has_unnamed_flag = name == "tcp" and (data[9] | data[10]) & 0xC0 != 0
        assert (asked is None) == (revision != 0 or has_unnamed_flag)

    holds()


@pytest.mark.parametrize("name", sorted(SIZES))
def test_other_layouts_are_not_printed(direct: _print.Printer, head: bytes, name: str) -> None:
    """Another size, another kind, another name; and a header that is none."""
    usual = payload(name, bytes(SIZES[name]))
    assert direct.part_text(Kind.MATCH, head, usual) is not None
    for other in (usual[:-8], usual + bytes(8), usual[:2] + b"x" + usual[3:], b"", usual[:31]):
        assert direct.part_text(Kind.MATCH, head, other) is None
    assert direct.part_text(Kind.TARGET, head, usual) is None
    with pytest.raises(errors.BlobError, match="header of 5 bytes"):
        direct.part_text(Kind.MATCH, bytes(5), usual)


def test_other_words_of_libxtables_are_printed(family: Family, head: bytes) -> None:
    """Where it prints a sample in other words than we do, it prints all of that extension."""

    def other(family: int, kind: Kind, name: str, revision: int, data: bytes, text: str) -> str:
        return text.replace("--dport", "--destination-port")

    printer = _print.Printer(family.nfproto, True, other)
    made = payload("tcp", struct.pack("=HHHHBBBB", 0, 65535, 80, 80, 0, 0, 0, 0))
    assert printer.part_text(Kind.MATCH, head, made) == ("tcp", " --destination-port 80")


@pytest.mark.parametrize("caches", [True, False])
def test_options_are_taken_apart(family: Family, head: bytes, caches: bool) -> None:
    printer = printer_of(family, caches)

    @PROPERTY
    @given(comment)
    def holds(data: bytes) -> None:
        made = payload("comment", data)
        printed = printer.part_text(Kind.MATCH, head, made)
        found = printer.part_options(Kind.MATCH, head, made)
        assert printed is not None
        assert found == (printed[0], read_options(printed[1], {"comment"}))
        assert found[1][0].words == (decode(data[:255].split(b"\0")[0]),)

    holds()


def test_options_belong_to_the_caller(
    direct: _print.Printer, head: bytes, marks: list[bytes]
) -> None:
    """A list that was handed out can be changed."""
    first = direct.part_options(Kind.MATCH, head, marks[7])
    assert first is not None
    first[1].clear()
    again = direct.part_options(Kind.MATCH, head, marks[7])
    assert again == ("mark", [("mark", False, ("0x7",))])


# -- headers and words -------------------------------------------------------------------------------


def network_words(family: int, flag: str, address: bytes, mask: bytes, inverted: bool) -> list[str]:
    if not any(mask) and not inverted:
        return []
    kept = bytes(one & other for one, other in zip(address, mask))
    bits = bin(int.from_bytes(mask, "big"))[2:].zfill(8 * len(mask))
    shown = socket.inet_ntop(family, mask) if "01" in bits else str(bits.count("1"))
    return [*(["!"] if inverted else []), flag, f"{socket.inet_ntop(family, kept)}/{shown}"]


def interface_words(flag: str, name: bytes, mask: bytes, inverted: bool) -> list[str]:
    length = (mask + b"\0").index(b"\0")
    shown = name[:length].split(b"\0")[0]
    if 0 < length < 16 and name[length - 1]:
        shown += b"+"
    if not shown and not inverted:
        return []
    return [*(["!"] if inverted else []), flag, decode(shown or b"+")]


def words_of(header: _blob.Header) -> list[str]:
    """What is printed of a header, said in another way than it is made."""
    family, inverted = header.family, header.invflags
    words = [
        *network_words(
            family, "-s", header.src, header.src_mask, bool(inverted & INVERTED["SOURCE"])
        ),
        *network_words(
            family, "-d", header.dst, header.dst_mask, bool(inverted & INVERTED["DESTINATION"])
        ),
        *interface_words("-i", *header.in_interface, bool(inverted & INVERTED["IN_INTERFACE"])),
        *interface_words("-o", *header.out_interface, bool(inverted & INVERTED["OUT_INTERFACE"])),
    ]
    if header.proto:
        name = _xtables.instance(family).protocol_name(header.proto) or str(header.proto)
        words += [*(["!"] if inverted & INVERTED["PROTOCOL"] else []), "-p", name]
    if family == 2 and header.flags & 1:
        words += [*(["!"] if inverted & INVERTED["FRAGMENT"] else []), "-f"]
    return words


def masks(size: int) -> st.SearchStrategy[bytes]:
    prefixes = st.integers(0, 8 * size).map(
        lambda length: (((1 << length) - 1) << (8 * size - length)).to_bytes(size, "big")
    )
    return prefixes | st.binary(min_size=size, max_size=size)


interface_masks = st.integers(0, 16).map(lambda length: (b"\xff" * length).ljust(16, b"\0"))
interface_names = st.binary(max_size=15) | st.sampled_from(
    [b"", b"eth0", b"eth+", b"e h", b'e"h', b"e\\h", b"\xc2\xa0", b"\xff", b"e\x1fh", b"+"]
)


@st.composite
def headers(draw: st.DrawFn, family: int) -> _blob.Header:
    size = 4 if family == 2 else 16
    header = _blob.Header(family)
    header.src, header.dst = (draw(st.binary(min_size=size, max_size=size)) for _ in range(2))
    header.src_mask, header.dst_mask = draw(masks(size)), draw(masks(size))
    header.in_interface = draw(interface_names), draw(interface_masks)
    header.out_interface = draw(interface_names), draw(interface_masks)
    header.proto = draw(st.sampled_from([0, 6, 17, 58, 132, 253, 254]) | st.integers(0, 65535))
    header.flags, header.invflags = draw(st.integers(0, 255)), draw(st.integers(0, 255))
    return header


def test_headers(family: Family) -> None:
    """Any header at all; what needs quotes has them."""

    @settings(PROPERTY, max_examples=600)
    @given(headers(family.nfproto))
    def holds(header: _blob.Header) -> None:
        printed = " ".join(printing.header_words(header))
        assert [word.text for word in split(printed)] == words_of(header)
        assert printed == " ".join(quoted(word) for word in words_of(header))

    holds()


def test_sizes_are_checked() -> None:
    for address, mask in ((bytes(4), bytes(16)), (bytes(16), bytes(16)), (b"", b"")):
        with pytest.raises(ValueError, match="expected 4"):
            _blob.network_text(2, address, mask)
    with pytest.raises(ValueError, match="expected 16"):
        _blob.interface_text(b"eth0", bytes(16))


def test_a_chain_is_quoted_as_any_word(family: Family, head: bytes) -> None:
    @PROPERTY
    @given(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=20))
    def holds(name: str) -> None:
        verdict = _blob.standard_target(0)
        entry = _blob.compose(head, [], verdict, family.nfproto, kind=_blob.JUMP, jump=name)
        printed = printing.entry_text(entry)
        assert printed == f"-j {quoted(name)}"
        assert split(printed)[1].text == name

    holds()


@pytest.mark.parametrize("verdict", [-1, -2, -3, -4, -5, -6, -(2**31)])
def test_verdicts(family: Family, head: bytes, verdict: int) -> None:
    entry = _blob.compose(head, [], _blob.standard_target(verdict), family.nfproto)
    names = {-1: "DROP", -2: "ACCEPT", -4: "QUEUE", -5: "RETURN"}
    assert printing.entry_text(entry) == f"-j {names.get(verdict, verdict)}"
    assert printing.verdict_name(verdict) == names.get(verdict, str(verdict))


def test_the_other_family(direct: _print.Printer, family: Family) -> None:
    other = 10 if family.nfproto == 2 else 2
    header = _blob.Header(other)
    entry = _blob.compose(header.to_uapi(), [], _blob.standard_target(-2), other)
    with pytest.raises(errors.BlobError, match=f"an entry of family {other}"):
        direct.entry_text(entry)
    with pytest.raises(errors.BlobError, match=f"a header of family {other}"):
        direct.header_text(header)


# -- memory ------------------------------------------------------------------------------------------

COUNT = 3 * _print.REMEMBERED_COUNT


@pytest.fixture
def marks(family: Family) -> list[bytes]:
    """Payloads that are all different."""
    (made,) = family.Rule.parse("-m mark --mark 1")._compile(lambda name: False).matches
    return [made[:32] + struct.pack("=I", number) + made[36:] for number in range(COUNT)]


def test_memory_is_bounded(
    direct: _print.Printer, asking: _print.Printer, head: bytes, marks: list[bytes]
) -> None:
    for number, made in enumerate(marks):
        assert direct.part_text(Kind.MATCH, head, made) == ("mark", f" --mark {number:#x}")
    assert COUNT // 3 <= len(direct.remembered) <= 2 * COUNT // 3
    for made in marks[::100]:
        asked = asking.part_text(Kind.MATCH, head, made)
        assert direct.part_text(Kind.MATCH, head, made) == asked
    direct.forget()
    assert direct.remembered == []


def test_what_is_used_is_kept(direct: _print.Printer, head: bytes, marks: list[bytes]) -> None:
    """What is printed again and again is not forgotten for what is printed once."""
    often, *others = marks
    for number, made in enumerate(others):
        direct.part_text(Kind.MATCH, head, made)
        if number % 100 == 0:
            direct.part_text(Kind.MATCH, head, often)
            assert ("mark", " --mark 0x0") in direct.remembered


def test_caches_off(asking: _print.Printer, head: bytes, marks: list[bytes]) -> None:
    for made in marks[:3]:
        asking.part_text(Kind.MATCH, head, made)
    assert not asking.has_caches
    assert asking.remembered == []


def test_what_is_opaque_is_not_remembered(
    direct: _print.Printer, head: bytes, marks: list[bytes]
) -> None:
    """It may be readable later, with the right to ask the kernel; or it is as large as it likes."""
    other_revision = marks[0][:31] + b"\x63" + marks[0][32:]
    for made in (other_revision, payload("mark", bytes(_print.REMEMBERED_SIZE))):
        assert direct.part_text(Kind.MATCH, head, made) is None
    assert direct.remembered == []


def test_what_it_depends_on_is_in_the_key(
    direct: _print.Printer, family: Family, marks: list[bytes]
) -> None:
    """For another protocol, flag or inversion it is asked again; for another address it is not."""
    heads = []
    for field in ("proto", "flags", "invflags"):
        header = _blob.Header(family.nfproto)
        setattr(header, field, 1)
        heads.append(header.to_uapi())
        header.src, header.src_mask = (b"\xff" * len(header.src) for _ in range(2))
        header.counters = 5, 6
        heads.append(header.to_uapi())
    for made in heads:
        assert direct.part_text(Kind.MATCH, made, marks[0]) == ("mark", " --mark 0x0")
    assert len(direct.remembered) == 3
