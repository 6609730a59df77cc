"""Rules as nf_tables expressions, and back: recorded bytes, round trips, meanings, refusals."""

from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, assume, given, settings, strategies as st

from pyiptc import _nft
from pyiptc._blob import Entry, standard_target
from pyiptc.errors import RuleError
from support import isolated, rawnft
from support.family import FAMILIES, Family
from unit import nftrules as make
from unit.meaning import ICMP, ICMPV6, TCP, UDP, entry_takes, expressions_take
from unit.rules import both

DATA = Path(__file__).parents[1] / "data" / "nft"
PROVENANCE = json.loads((DATA / "provenance.json").read_text())
FORMS = {"1.8.9": _nft.NATIVE_1_8_9, "1.8.11": _nft.NATIVE_1_8_11}
ALL_FORMS = (_nft.PORTABLE, *FORMS.values())
SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

LOST = {
    "1.8.9": {
        "-i +": "the name is loaded and not compared: no test",
        "-p tcp -m tcp ! --sport 0:65535 --dport 3": "1.8.9 takes it for no test",
        "-p tcp -m tcp ! --sport 3:5 ! --dport :9": "read as what it is: --dport 10:65535",
        "-p tcp -m tcp --dport 22 -m tcp --sport 23": "one match, which means the same",
    },
    "1.8.11": {},
}
"""Recorded rules that are not read back to the bytes that they were made of, and why."""


def lines(version: str) -> list[tuple[str, str, bytes]]:
    text = (DATA / f"{version}.jsonl").read_text().splitlines()
    found = map(json.loads, text)
    return [(line["family"], line["rule"], bytes.fromhex(line["expressions"])) for line in found]


RECORDED = [
    pytest.param(version, *line, id=f"{version}-{line[0]}-{line[1]}")
    for version in PROVENANCE
    for line in lines(version)
]


def decoded(family: Family, expressions: bytes, userdata: bytes = b"") -> Entry:
    entry, reason, _ = _nft.decode(family.nfproto, expressions, userdata)
    assert entry is not None, reason
    return entry


def text_of(family: Family, expressions: bytes, userdata: bytes = b"") -> str:
    return str(family.Rule._from_entry(decoded(family, expressions, userdata)))


def refused(family: Family, expressions: bytes) -> str:
    entry, reason, flags = _nft.decode(family.nfproto, expressions)
    assert (entry, flags) == (None, 0)
    assert reason
    return reason


@pytest.mark.parametrize("version", PROVENANCE)
def test_recorded_bytes_are_whole(version: str) -> None:
    data = (DATA / f"{version}.jsonl").read_bytes()
    assert hashlib.sha256(data).hexdigest() == PROVENANCE[version]["sha256"]


@pytest.mark.parametrize(("version", "name", "rule", "expressions"), RECORDED)
def test_recorded(version: str, name: str, rule: str, expressions: bytes) -> None:
    """To the byte what iptables-nft of that version leaves in the kernel; and read back."""
    family = FAMILIES[name]
    entry = make.entry_of(family, rule)
    written, protocol, flags = _nft.encode(entry, FORMS[version])
    assert rawnft.shown(written) == rawnft.shown(expressions)
    assert written == expressions
    assert protocol == entry.header.proto
    assert flags == (2 if entry.header.invflags & 0x40 else 0)
    read = decoded(family, expressions)
    if rule in LOST[version]:
        assert read != entry
    else:
        assert read == entry


@pytest.mark.parametrize(("version", "name", "rule", "expressions"), RECORDED)
def test_portable(version: str, name: str, rule: str, expressions: bytes) -> None:
    """What is written for every version: no expression that old ones misread, nothing lost."""
    entry = make.entry_of(FAMILIES[name], rule)
    written, _, _ = _nft.encode(entry)
    names = set(_nft.names(written).split())
    assert not names & {"log", "limit", "range"}
    if rule != "-i +":
        assert decoded(FAMILIES[name], written) == entry


@SLOW
@given(both(make.texts), st.sampled_from(ALL_FORMS))
def test_round_trip(pair: tuple[Family, str], form: int) -> None:
    family, rule = pair
    entry = make.entry_of(family, rule)
    assert decoded(family, _nft.encode(entry, form)[0]) == entry


@SLOW
@given(st.data(), st.sampled_from(ALL_FORMS))
def test_meaning_of_what_is_written(data: st.DataObject, form: int) -> None:
    """Expressions take the packets that the entry takes."""
    family, rule = data.draw(both(lambda family: make.texts(family, only_tests=True)))
    assume(form != _nft.NATIVE_1_8_9 or ("! --sport" not in rule or "! --dport" not in rule))
    entry = make.entry_of(family, rule)
    written, _, _ = _nft.encode(entry, form)
    for packet in data.draw(st.lists(make.packets(family), min_size=9, max_size=9)):
        assert entry_takes(entry, packet) == expressions_take(written, packet)


@pytest.mark.parametrize("protocol", [TCP, UDP, ICMP, 47])
def test_meaning_of_what_is_read(family: Family, protocol: int) -> None:
    """Whatever expressions say: they are refused, or the entry takes the packets that they take."""
    if protocol == ICMP and family.is_ipv6:
        protocol = ICMPV6
    chance = Random(protocol)
    packets = [make.narrow_packet(chance, family, protocol) for _ in range(400)]
    read = 0
    for _ in range(2000):
        expressions = make.expressions(chance, family, protocol)
        entry, _, _ = _nft.decode(family.nfproto, expressions)
        if entry is None:
            continue
        if make.load_payload(2, 0, 4) in expressions and "! --sport" in text_of(
            family, expressions
        ):
            continue  # as 1.8.9 writes it: see test_both_ports_inverted
        read += 1
        for packet in chance.sample(packets, 30):
            takes = entry_takes(entry, packet)
            assert takes == expressions_take(expressions, packet), rawnft.shown(expressions)
    assert read > 200


@SLOW
@given(both(lambda family: st.lists(st.binary(max_size=40), max_size=5)), st.data())
def test_any_payload(pair: tuple[Family, list[bytes]], data: st.DataObject) -> None:
    """Extensions of whatever name and content pass through the portable form as they are."""
    family, contents = pair
    names = st.sampled_from(["tcp", "udp", "mark", "limit", "comment", "x" * 28, "a b"])
    matches = b"".join(
        struct.pack("=H29sB", 32 + (len(content) + 7) // 8 * 8, name.encode(), revision)
        + content
        + bytes(-len(content) % 8)
        for content in contents
        for name, revision in [(data.draw(names), data.draw(st.integers(0, 255)))]
    )
    entry = plain_entry(family, matches)
    assert decoded(family, _nft.encode(entry)[0]) == entry
    for form in FORMS.values():
        written, _, _ = _nft.encode(entry, form)
        _nft.decode(family.nfproto, written)  # a limit of no sense may be refused


def plain_entry(family: Family, matches: bytes = b"", target: bytes | None = None) -> Entry:
    size = 168 if family.is_ipv6 else 112
    head = bytearray(size)
    target = standard_target(-2) if target is None else target
    offsets = (size + len(matches), size + len(matches) + len(target))
    struct.pack_into("=HH", head, 140 if family.is_ipv6 else 88, *offsets)
    return Entry(family.nfproto, bytes(head) + matches + target)


@pytest.mark.parametrize("name", FAMILIES)
def test_damaged(name: str) -> None:
    """A byte that is another, or an end that is missing: a reason, or another good entry."""
    printed = isolated.output(
        "import sys\nfrom unit import damage\ndamage.expressions(sys.argv[1])",
        name,
        own_namespace=False,
        prelude=False,
    )
    refused_count, read = map(int, printed.split())
    assert refused_count
    assert read


# -- what is lost by asking for the bytes of a version -------------------------------------------------


def test_inverted_from_zero(family: Family) -> None:
    """iptables-nft writes "more than n"; that is read as what it is, by iptables-nft as well."""
    entry = make.entry_of(family, "-p tcp -m tcp ! --dport 0:22")
    for form in FORMS.values():
        written, _, _ = _nft.encode(entry, form)
        assert text_of(family, written) == "-p tcp -m tcp --dport 23:65535"
    assert decoded(family, _nft.encode(entry)[0]) == entry


def test_every_port_inverted(family: Family) -> None:
    entry = make.entry_of(family, "-p tcp -m tcp ! --dport 0:65535")
    old, new = (_nft.encode(entry, form)[0] for form in FORMS.values())
    assert text_of(family, old) == "-p tcp"
    assert decoded(family, new) == entry


def test_both_ports_inverted(family: Family) -> None:
    """One comparison of both, in 1.8.9; what it was meant for is read, as iptables-nft does."""
    entry = make.entry_of(family, "-p udp -m udp ! --sport 1 ! --dport 2")
    old, new = (_nft.encode(entry, form)[0] for form in FORMS.values())
    assert _nft.names(old).split().count("payload") == 1
    assert decoded(family, old) == decoded(family, new) == entry


def test_no_flags(family: Family) -> None:
    """A test of no flags is never true if it is inverted; 1.8.9 forgets it, and we do not."""
    entry = make.entry_of(family, "-p tcp -m tcp ! --tcp-flags NONE NONE --dport 1")
    for form in ALL_FORMS:
        assert decoded(family, _nft.encode(entry, form)[0]) == entry


def test_any_interface(family: Family) -> None:
    """`-i +` is no test: that is all that is left of it."""
    entry = make.entry_of(family, "-i +")
    for form in ALL_FORMS:
        assert text_of(family, _nft.encode(entry, form)[0]) == ""
    assert _nft.names(_nft.encode(entry, _nft.NATIVE_1_8_11)[0]) == "counter"


def test_rates(family: Family) -> None:
    """Some rates are a little faster in nf_tables: in text they are the same."""
    entry = make.entry_of(family, "-m limit --limit 961/min")
    for form in FORMS.values():
        read = decoded(family, _nft.encode(entry, form)[0])
        assert read != entry
        assert str(family.Rule._from_entry(read)) == str(family.Rule._from_entry(entry))


# -- what cannot be written ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "reason"),
    [
        ("-j QUEUE", "use NFQUEUE"),
        (" ".join(["-m mark --mark 1"] * 127 + ["-j ACCEPT"]), "more than 128 expressions"),
    ],
    ids=["queue", "too many"],
)
@pytest.mark.parametrize("form", ALL_FORMS)
def test_cannot_be_written(family: Family, rule: str, reason: str, form: int) -> None:
    entry = make.entry_of(family, rule)
    with pytest.raises(RuleError, match=reason):
        _nft.encode(entry, form)


def test_as_many_as_there_may_be(family: Family) -> None:
    entry = make.entry_of(family, " ".join(["-m mark --mark 1"] * 126 + ["-j ACCEPT"]))
    written, _, _ = _nft.encode(entry)
    assert _nft.names(written).count("match:mark") > 90  # as many as fit the text
    assert decoded(family, written) == entry


@pytest.mark.parametrize("form", [-1, 3])
def test_unknown_form(family: Family, form: int) -> None:
    with pytest.raises(ValueError, match="form"):
        _nft.encode(make.entry_of(family, ""), form)


def test_unknown_family() -> None:
    with pytest.raises(ValueError, match="family 3"):
        _nft.decode(3, b"")


IN_HEADER = {
    # offset in ipt_entry and ip6t_entry, bytes, reason
    "interface": ((48, 96), b"\xff\0\xff", "no prefix"),
    "flags": ((82, 131), b"\x80", "flag"),
}


@pytest.mark.parametrize(("places", "data", "reason"), IN_HEADER.values(), ids=IN_HEADER)
def test_odd_header(family: Family, places: tuple[int, int], data: bytes, reason: str) -> None:
    blob = bytearray(plain_entry(family).data)
    at = places[family.is_ipv6]
    blob[at : at + len(data)] = data
    with pytest.raises(RuleError, match=reason):
        _nft.encode(Entry(family.nfproto, bytes(blob)))


@pytest.mark.parametrize("name", [b"", b"x" * 29], ids=["none", "endless"])
@pytest.mark.parametrize("form", ALL_FORMS)
def test_name_of_no_good_length(family: Family, name: bytes, form: int) -> None:
    match = struct.pack("=H29sB", 32, name, 0)
    with pytest.raises(RuleError, match="good length"):
        _nft.encode(plain_entry(family, match), form)


# -- what cannot be read ----------------------------------------------------------------------------------

ETH0 = make.load_meta(6) + make.cmp(0, b"eth0\0")
OF_TCP = make.load_meta(16) + make.cmp(0, b"\x06")
PORT = make.load_payload(2, 2, 2)
COMMENT = make.match("comment", b"x".ljust(256, b"\0"))
NAME = rawnft.text

UNREADABLE = {
    "expression unknown": (rawnft.expression("quota"), "does not write"),
    "lookup": (ETH0 + rawnft.expression("lookup"), "a set or a map"),
    "ct": (rawnft.expression("ct"), "connection tracking"),
    "second interface": (ETH0 + ETH0, "second test"),
    "second protocol": (OF_TCP + OF_TCP, "second test"),
    "behind the action": (make.ACCEPT + make.counter(), "behind the action"),
    "two actions": (make.ACCEPT + make.ACCEPT, "behind the action"),
    "target and verdict": (
        make.match("LOG", b"", kind="target") + make.ACCEPT,
        "behind the action",
    ),
    "test behind the counter": (make.counter() + ETH0, "behind the counter"),
    "match behind the counter": (make.counter() + COMMENT, "behind the counter"),
    "two counters": (make.counter() + make.counter(), "second counter"),
    "header behind a match": (COMMENT + ETH0, "behind a match"),
    "load without a test": (OF_TCP + PORT, "not compared"),
    "load behind load": (OF_TCP + PORT + PORT + make.cmp(0, b"\0\1"), "not compared"),
    "test without a load": (make.cmp(0, b"\1"), "nothing that was loaded"),
    "other register": (make.load_meta(16, 1) + make.cmp(0, b"\x06", 2), "another register"),
    "other size": (make.load_meta(16) + make.cmp(0, b"\x06\0"), "other bytes"),
    "turned bits": (
        make.load_meta(3) + make.bitwise(b"\xff" * 4, b"\0\0\0\1") + make.cmp(0, bytes(4)),
        "turned over",
    ),
    "two masks": (
        make.load_meta(3) + make.bitwise(b"\xff" * 4) * 2 + make.cmp(0, bytes(4)),
        "something else than was loaded",
    ),
    "masked protocol": (make.load_meta(16) + make.bitwise(b"\x0f") + make.cmp(0, b"\6"), "range"),
    "order of marks": (make.load_meta(3) + make.cmp(2, bytes(4)), "range of marks"),
    "protocol 0": (make.load_meta(16) + make.cmp(0, b"\0"), "protocol 0"),
    "port without protocol": (PORT + make.cmp(0, b"\0\1"), "not asked for"),
    "port of another protocol": (
        make.load_meta(16) + make.cmp(0, b"\x84") + PORT + make.cmp(0, b"\0\1"),
        "not asked for",
    ),
    "port of an inverted protocol": (
        make.load_meta(16) + make.cmp(1, b"\x06") + PORT + make.cmp(0, b"\0\1"),
        "not asked for",
    ),
    "port before its protocol": (PORT + make.cmp(0, b"\0\1") + OF_TCP, "not asked for"),
    "other field of TCP": (
        OF_TCP + make.load_payload(2, 4, 4) + make.cmp(0, bytes(4)),
        "no test for",
    ),
    "flags without a name": (
        OF_TCP + make.load_payload(2, 13, 1) + make.bitwise(b"\xc0") + make.cmp(0, b"\x40"),
        "no name for",
    ),
    "link layer": (make.load_payload(0, 0, 2) + make.cmp(0, b"\0\0"), "another header"),
    "long name": (make.load_meta(6) + make.cmp(0, b"a" * 16), "good length"),
    "no name": (make.load_meta(6) + make.cmp(0, b"\0"), "good length"),
    "name and more": (make.load_meta(6) + make.cmp(0, b"a\0b"), "behind its end"),
    "name with a plus": (make.load_meta(6) + make.cmp(0, b"a+\0"), r"ends in \+"),
    "interface by number": (make.load_meta(4) + make.cmp(0, bytes(4)), "no test for"),
    "long chain": (make.verdict(-3, "c" * 29), "more than 28"),
    "jump without a chain": (make.verdict(-3), "without its chain"),
    "accept with a chain": (make.verdict(1, "c"), "with a chain"),
    "verdict continue": (make.verdict(-1), "a verdict"),
    "verdict queue": (make.verdict(3), "a verdict"),
    "log without a group": (rawnft.expression("log", NAME(2, "x")), "kernel's own"),
    "log with a long prefix": (
        rawnft.expression("log", NAME(2, "x" * 64), rawnft.attribute(1, b"\0\1")),
        "more than 63",
    ),
    "log and verdict": (
        rawnft.expression("log", rawnft.attribute(1, b"\0\1")) + make.ACCEPT,
        "behind the action",
    ),
    "limit of bytes": (
        rawnft.expression("limit", rawnft.be64(1, 1), rawnft.be64(2, 1), rawnft.be32(4, 1)),
        "bytes",
    ),
    "limit over": (
        rawnft.expression("limit", rawnft.be64(1, 1), rawnft.be64(2, 1), rawnft.be32(5, 1)),
        "over",
    ),
    "limit a week": (
        rawnft.expression("limit", rawnft.be64(1, 1), rawnft.be64(2, 604800)),
        "unit",
    ),
    "limit of nothing": (
        rawnft.expression("limit", rawnft.be64(1, 0), rawnft.be64(2, 1)),
        "faster",
    ),
    "match of odd size": (make.match("x", b"12345"), "not aligned"),
    "match of long name": (make.match("x" * 29, b""), "good length"),
    "match of high revision": (make.match("x", b"", 256), "above 255"),
    "target ERROR": (make.match("ERROR", bytes(32), kind="target"), "own"),
    "mark of another mark": (
        make.load_meta(3) + rawnft.expression("meta", rawnft.be32(2, 3), rawnft.be32(3, 1)),
        "no constant",
    ),
    "attribute unknown": (rawnft.expression("cmp", rawnft.be32(9, 1)), "iptables has not"),
    "attribute twice": (rawnft.expression("counter", *[rawnft.be64(1, 1)] * 2), "twice"),
    "range backwards": (OF_TCP + PORT + make.within(0, b"\0\2", b"\0\1"), "before it begins"),
    "nothing but a header": (b"\4\0\1\0", "without a name"),
    "cut short": (ETH0[:-5], "cut short"),
    "too many": (ETH0 + COMMENT * 127, "more than 128"),
}


@pytest.mark.parametrize(("expressions", "reason"), UNREADABLE.values(), ids=UNREADABLE)
def test_unreadable(family: Family, expressions: bytes, reason: str) -> None:
    with pytest.raises(AssertionError, match=reason):
        decoded(family, expressions)


@pytest.mark.parametrize(
    ("expressions", "reason"),
    [
        (make.load_payload(1, 12, 8) + make.cmp(1, bytes(8)), "no address"),
        (make.load_payload(1, 13, 3) + make.cmp(0, bytes(3)), "no address"),
        (make.load_payload(1, 12, 4) + make.within(0, bytes(4), bytes(4)), "range of addresses"),
        (make.load_payload(1, 12, 4) + make.cmp(4, bytes(4)), "range of addresses"),
        (make.load_payload(1, 6, 2) + make.cmp(0, bytes(2)), "fragments"),
        (make.load_payload(1, 1, 1) + make.cmp(0, b"\0"), "IP header"),
        (
            make.load_meta(16)
            + make.cmp(0, b"\1")
            + make.load_payload(2, 0, 1)
            + make.cmp(0, b"\xff"),
            "type 255",
        ),
        (
            make.load_meta(16)
            + make.cmp(0, b"\1")
            + make.load_payload(2, 1, 1)
            + make.cmp(0, b"\1"),
            "without a type",
        ),
        (
            make.load_meta(16)
            + make.cmp(0, b"\1")
            + make.load_payload(2, 0, 1)
            + make.cmp(0, b"\3")
            + make.load_payload(2, 1, 1)
            + make.cmp(1, b"\1"),
            "without a type",
        ),
    ],
    ids=[
        *("not both", "odd", "range", "order", "no mask", "tos", "icmp any", "icmp code"),
        "icmp code inverted",
    ],
)
def test_unreadable_ipv4(expressions: bytes, reason: str) -> None:
    assert reason in refused(FAMILIES["ipv4"], expressions)


def test_next_header_ipv6() -> None:
    """It is the protocol only where there is no extension header."""
    expressions = make.load_payload(1, 6, 1) + make.cmp(0, b"\x06")
    assert "next header" in refused(FAMILIES["ipv6"], expressions)


# -- what old kernels and others write, and can be read ----------------------------------------------------------------------


def test_ports_as_nft_writes_them(family: Family) -> None:
    """Two comparisons of one load are a range; two loads are two matches."""
    closed = OF_TCP + PORT + make.cmp(5, b"\0\x16") + make.cmp(3, b"\0\x19")
    assert text_of(family, closed) == "-p tcp -m tcp --dport 22:25"
    empty = OF_TCP + PORT + make.cmp(5, b"\0\x16") + make.cmp(3, b"\0\1")
    assert text_of(family, empty) == "-p tcp -m tcp --dport 22:65535 -m tcp --dport 0:1"
    twice = OF_TCP + (PORT + make.cmp(0, b"\0\x16")) * 2
    assert text_of(family, twice) == "-p tcp -m tcp --dport 22 -m tcp --dport 22"


def test_of_old_kernels(family: Family) -> None:
    """Before Linux 5.6 a mask has no operation, and at first a limit had no kind."""
    numbers = (rawnft.be32(1, 1), rawnft.be32(2, 1), rawnft.be32(3, 4))
    values = (make.value(4, b"\xff\0\0\0"), make.value(5, bytes(4)))
    masked = make.load_meta(3) + rawnft.expression("bitwise", *numbers, *values)
    rule = masked + make.cmp(0, b"\1\0\0\0")
    assert text_of(family, rule) == "-m mark --mark 0x1/0xff"
    limit = rawnft.expression("limit", rawnft.be64(1, 5), rawnft.be64(2, 60), rawnft.be32(3, 9))
    assert text_of(family, limit) == "-m limit --limit 5/min --limit-burst 9"


def test_any_constant_register(family: Family) -> None:
    """nft and iptables-nft use different ones."""
    for register in (1, 8, 9):
        head = rawnft.be32(1, register)
        constant = rawnft.expression("immediate", head, make.value(2, b"\1"))
        trace = rawnft.expression("meta", rawnft.be32(2, 12), rawnft.be32(3, register))
        assert text_of(family, constant + trace) == "-j TRACE"
    other = rawnft.expression("meta", rawnft.be32(2, 12), rawnft.be32(3, 2))
    assert "no constant" in refused(family, constant + other)


def test_uncounted(family: Family) -> None:
    entry, _, flags = _nft.decode(family.nfproto, make.ACCEPT)
    assert entry is not None
    assert (entry.counters, flags) == ((0, 0), _nft.UNCOUNTED)
    entry, _, flags = _nft.decode(family.nfproto, make.counter(3, 4))
    assert entry is not None
    assert (entry.counters, flags) == ((3, 4), 0)


def test_nothing(family: Family) -> None:
    assert text_of(family, b"") == ""


def test_comment_in_userdata(family: Family) -> None:
    """The last match; whatever else is in userdata is nobody's."""
    note = b"dns\0"
    for before in (b"", b"\7\2xy"):
        userdata = before + bytes([0, len(note)]) + note
        entry, _, flags = _nft.decode(family.nfproto, COMMENT + make.counter(), userdata)
        assert entry is not None
        assert flags == _nft.COMMENTED
        text = str(family.Rule._from_entry(entry))
        assert text == "-m comment --comment x -m comment --comment dns"


@pytest.mark.parametrize("userdata", [b"\0", b"\0\5abc", b"\1\1x", b"\7\0"])
def test_no_comment_in_userdata(family: Family, userdata: bytes) -> None:
    entry, _, flags = _nft.decode(family.nfproto, make.counter(), userdata)
    assert entry is not None
    assert (entry.matches, flags) == ([], 0)


def test_longest_comment(family: Family) -> None:
    userdata = b"\0\xff" + b"x" * 255
    read = decoded(family, b"", userdata)
    assert read.matches[0][32:] == b"x" * 255 + b"\0"


def test_names(family: Family) -> None:
    entry = make.entry_of(family, "-p tcp -m conntrack --ctstate NEW -j LOG")
    written, _, _ = _nft.encode(entry)
    assert _nft.names(written) == "meta cmp match:conntrack counter target:LOG"
    assert _nft.names(rawnft.expression("a\nb c")) == "a?b?c"
    assert _nft.names(ETH0[:-5]) == "meta"
    assert _nft.names(rawnft.expression("x" * 2000)) == ""


@pytest.mark.parametrize("code", [-3, -4])
def test_jump(code: int) -> None:
    foreign = rawnft.expression("lookup") + make.verdict(code, "a chain of any length, " * 3)
    assert _nft.jump(foreign) == "a chain of any length, " * 3
    assert _nft.jump(make.ACCEPT) is None
    assert _nft.jump(foreign[:-3]) is None
