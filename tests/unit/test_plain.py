"""What is read without libxtables, or remembered of it, is what libxtables says of the same words."""

from __future__ import annotations

import functools
import os
import warnings
from collections.abc import Sequence
from typing import Union
from unittest import mock

import pytest
from hypothesis import example, given, settings, strategies as st

import pyiptc
from pyiptc import _xtables, pure
from pyiptc.enums import Kind
from support import features
from support.family import FAMILIES, Family

pytestmark = [pytest.mark.kernel, pytest.mark.any_backend]

Outcome = Union[tuple[list[bytes], int, Union[str, None]], str]


@functools.cache
def without_caches(nfproto: int) -> _xtables.Instance:
    """A libxtables that is asked each time."""
    with mock.patch.dict(os.environ, PYIPTC_CACHES="0"):
        return _xtables.Instance(nfproto)


def said(instance: _xtables.Instance, words: Sequence[str]) -> Outcome:
    """The entries of words, or why there are none."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pyiptc.LibraryWarning)
        try:
            return instance.rule([word.encode() for word in words])
        except pyiptc.XTablesError as error:
            return str(error)


def check(family: str, words: Sequence[str]) -> None:
    """Twice: what is remembered is what was said."""
    features.require(features.TWO_INSTANCES)
    nfproto = FAMILIES[family].nfproto
    wanted = said(without_caches(nfproto), words)
    for _ in range(2):
        assert said(_xtables.instance(nfproto), words) == wanted


ADDRESSES = {
    "ipv4": ["192.0.2.1", "192.0.2.1/32", "10.1.2.3/8", "0.0.0.0/0", "1.2.3.4/0", "1.2.3.4/33"],
    "ipv6": [
        "2001:db8::1",
        "2001:db8::1/128",
        "2001:db8:1::/33",
        "::/0",
        "::1/129",
        "::ffff:1.2.3.4",
    ],
}
ODD_ADDRESSES = [
    "1.2.3",
    "10/8",
    "192.0.2.1/255.255.0.255",
    "1.2.3.4/",
    "/8",
    "",
    "01.2.3.4",
    "1.2.3.4/08",
]
INTERFACES = [
    "eth0",
    "eth+",
    "+",
    "a" * 15,
    "a" * 16,
    "e th",
    "eth0.1",
    "lo:1",
    "!",
    "-i",
    "ż",
    "a/b",
]
PROTOCOLS = ["tcp", "udp", "icmp", "ipv6-icmp", "TCP", "6", "0", "all", "256", "sctp", "nonsense"]
PORTS = [
    "80",
    "0",
    "65535",
    "65536",
    "1:2",
    "2:1",
    ":5",
    "5:",
    ":",
    "080",
    "http",
    "80,81",
    "",
    "-1",
    "0x50",
]
TEXTS = [
    "x",
    "two words",
    "-j",
    "--dport",
    "!",
    "a" * 255,
    "a" * 256,
    "",
    '"',
    "ż",
    "\\",
    "-",
    "--",
]
GROUPS: list[list[str]] = [
    *([name, *sign, option, port] for name in ("tcp", "udp") for port in PORTS
      for sign in ([], ["!"]) for option in ("--sport", "--dport")),
    *(["comment", "--comment", text] for text in TEXTS),
    ["tcp"], ["udp"], ["comment"],
    ["tcp", "--sport", "1", "--dport", "2"],
    ["tcp", "--dport", "1", "--dport", "2"],
    ["tcp", "--dpor", "1"], ["tcp", "--destination-port", "7"], ["tcp", "--dport=9"],
    ["tcp", "--tcp-flags", "SYN,ACK", "SYN"], ["tcp", "--syn"], ["tcp", "!", "--syn"],
    ["conntrack", "--ctstate", "NEW"], ["conntrack", "!", "--ctstate", "NEW,RELATED"],
    ["conntrack", "--ctstate", "NONSENSE"], ["conntrack", "--ctst", "NEW"],
    ["conntrack", "--ctproto", "tcp"], ["conntrack"], ["state", "--state", "NEW"],
    ["mark", "--mark", "0x1/0xff"], ["connmark", "--mark", "2"],
    ["limit", "--limit", "3/min", "--limit-burst", "7"], ["limit"],
    ["multiport", "--dports", "80,443"], ["multiport", "--dports", "http"],
    ["mac", "--mac-source", "00:11:22:33:44:55"], ["pkttype", "--pkt-type", "broadcast"],
    ["length", "--length", "1:2"], ["addrtype", "--src-type", "LOCAL"],
    ["time", "--timestart", "10:00"], ["owner", "--uid-owner", "root"], ["owner", "--uid-owner", "0"],
    ["icmp", "--icmp-type", "8"], ["icmp6", "--icmpv6-type", "1"], ["nonsense", "--x", "y"],
]  # fmt: skip
TARGETS: list[list[str]] = [
    *([name] for name in ("ACCEPT", "DROP", "RETURN", "QUEUE", "LOG", "REJECT", "NOTRACK", "chain")),
    ["ACCEPT", "--x", "y"], ["LOG", "--log-prefix", "p "], ["LOG", "--log-level", "debug"],
    ["LOG", "--log-prefix", "-m"], ["REJECT", "--reject-with", "tcp-reset"], ["", "--x"],
    ["MARK", "--set-mark", "1"], ["MARK", "--set-xmark", "0x1/0x1"], ["MARK"],
    ["DNAT", "--to-destination", "192.0.2.9:80"], ["DNAT", "--to-destination", "[2001:db8::9]:80"],
    ["MASQUERADE"], ["MASQUERADE", "--to-ports", "1024-2048"], ["REDIRECT", "--to-ports", "http"],
    ["CT", "--notrack"], ["NFQUEUE", "--queue-num", "1"], ["a" * 40], ["-j"],
]  # fmt: skip


def words_of(family: str) -> st.SearchStrategy[list[str]]:
    """Words as iptables-save prints them, and what is a little wrong with them."""
    addresses = [*ADDRESSES[family], *ODD_ADDRESSES]
    sign = st.sampled_from([[], [], [], ["!"]])

    def option(flag: str, values: Sequence[str]) -> st.SearchStrategy[list[str]]:
        return st.tuples(sign, st.sampled_from(values)).map(lambda t: [*t[0], flag, t[1]])

    header = st.one_of(
        option("-s", addresses), option("-d", addresses), option("-p", PROTOCOLS),
        option("-i", INTERFACES), option("-o", INTERFACES), st.just(["-p", "tcp"]), st.just(["-f"]),
    )  # fmt: skip
    match = st.one_of(
        st.sampled_from(GROUPS).map(lambda group: ["-m", *group]),
        st.sampled_from(GROUPS).map(lambda group: [*group[1:]]),
        st.sampled_from([["--dport", "80"], ["!"], ["-c", "1", "2"], ["--", "x"], ["x"]]),
    )
    target = st.tuples(st.sampled_from(["-j", "-j", "-j", "-g"]), st.sampled_from(TARGETS)).map(
        lambda t: [t[0], *t[1]]
    )
    parts = st.one_of(
        st.tuples(st.lists(header, max_size=3), st.lists(match, max_size=3), st.lists(target, max_size=1))
        .map(lambda t: [*t[0], *t[1], *t[2]]),
        st.lists(st.one_of(header, match, target), max_size=5),
    )  # fmt: skip
    return parts.map(lambda groups: [word for group in groups for word in group])


@settings(deadline=None, max_examples=600)
@given(words=words_of("ipv4"))
@example(words=["-m", "tcp", "-m", "conntrack", "--dport", "80"])
@example(words=["-m", "tcp", "--dport", "80", "-p", "tcp"])
@example(words="-m tcp --sport 8 -m udp --sport 8 -m tcp --sport 8".split())
@example(words=["-g", "MARK"])
@example(words=["-j", "MARK"])
@example(words=["-s", "1.2.3.4/08"])
@example(words=["-s", "1.2.3.4/010"])
@example(words=["-p", "tcp", "-m", "tcp", "--dport", "010"])
@example(words=["-m", "mark", "-m", "connmark", "--mark", "1", "--mark", "2"])
@example(words=["-p", "tcp", "-m", "comment", "--comment", "-m", "-m", "tcp", "--dport", "80"])
@example(words=["-j", "LOG", "-m", "comment", "--comment", "x", "--log-prefix", "y"])
def test_ipv4(words: list[str]) -> None:
    check("ipv4", words)


@settings(deadline=None, max_examples=600)
@given(words=words_of("ipv6"))
def test_ipv6(words: list[str]) -> None:
    check("ipv6", words)


ABBREVIATED = {"--dpor", "--ctst"}
PAIRS = [
    group
    for group in GROUPS
    if len(group) % 2 and len(group) > 1 and not {"!", *ABBREVIATED} & {*group[1::2]}
]
"""Extensions with whole options that have one value each."""


@pytest.mark.parametrize("group", PAIRS, ids=" ".join)
def test_objects(group: list[str], family: Family) -> None:
    """A match that is given the same options one by one is the same."""
    features.require(features.TWO_INSTANCES)
    rule = family.Rule()
    rule.protocol = "udp" if group[0] == "udp" else "tcp"
    text = said(without_caches(family.nfproto), ["-p", rule.protocol, "-m", *group])
    try:
        match = rule.create_match(group[0])
        for option, value in zip(group[1::2], group[2::2]):
            match.set_parameter(option[2:], value)
        match.final_check()
    except pyiptc.XTablesError:
        assert isinstance(text, str)
        return
    rule.create_target("")
    if not isinstance(text, str):
        assert rule.rule == text[0][0]


def test_nothing_else_is_remembered(family: Family) -> None:
    """Whatever was parsed: only what pyiptc.pure names, and no more of it than there is room for."""
    with mock.patch.dict(os.environ, PYIPTC_CACHES="1"):
        instance = _xtables.Instance(family.nfproto)
    for group in GROUPS:
        said(instance, ["-p", "tcp", "-m", *group])
    for target in TARGETS:
        said(instance, ["-j", *target])
    remembered = instance.remembered()
    assert remembered
    for kind, name, words in remembered:
        assert pure.has_pure_words(kind, name, words)
        assert (kind, name) not in {
            *((int(Kind.MATCH), name) for name in ("set", "time", "bpf", "rateest", "recent")),
            *((int(Kind.TARGET), name) for name in ("SET", "RATEEST", "IDLETIMER")),
        }
    names = {(name, *words) for _, name, words in remembered}
    assert ("conntrack", "--ctstate", "NEW") in names
    assert ("multiport", "--dports", "http") not in names
    assert ("owner", "--uid-owner", "root") not in names
    assert ("conntrack", "--ctproto", "tcp") not in names
    for number in range(10_000):
        said(instance, ["-m", "mark", "--mark", str(number)])
    assert len(instance.remembered()) <= 4096
