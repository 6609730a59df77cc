"""Strings of classes of their own, as members of enumerations are: what they say counts."""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Any

import pytest

import pyiptc
from support.family import Family
from support.oracle import Oracle

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("netns")]


class Said(str):
    """As numpy.str_ and the strings of some parsers of YAML are."""

    __slots__ = ()

    def __str__(self) -> str:
        return f"<{super().__str__()}>"


def member(text: str) -> Any:
    """One of an enumeration of strings: it prints as its name, and has the hash of that."""

    class Member(str, enum.Enum):
        OF_IT = text

    return Member.OF_IT


CLASSES: list[Callable[[str], Any]] = [Said, member]


@pytest.fixture(params=CLASSES, ids=["subclass", "enumeration"])
def text(request: pytest.FixtureRequest) -> Any:
    return request.param


def test_a_rule_of_objects(family: Family, oracle: Oracle, text: Any) -> None:
    table = family.Table(text("filter"))
    assert table is family.Table("filter")
    table.create_chain(text("own"))
    rule = family.Rule()
    setattr(rule, text("in_interface"), text("eth0"))
    rule.protocol = text("tcp")
    match = rule.create_match(text("tcp"))
    setattr(match, text("dport"), text("80"))
    match.set_parameter(text("sport"), text("!1:4"))
    match.parse(text("sport"), text("!1:5"))
    assert getattr(match, text("dport")) == match.parameters["dport"] == "80"
    assert getattr(match, text("name")) == "tcp"
    rule.create_target(text("ACCEPT"))
    pyiptc.Chain(table, text("own")).append(rule)
    rule.target = pyiptc.Target(rule, text("MARK"))
    setattr(rule.target, text("set_mark"), [text("0x1")])
    pyiptc.Chain(table, "own").append(rule)
    rule.create_target("RETURN").standard_target = text("own")
    pyiptc.Chain(table, "INPUT").append(rule)
    table.set_policy(text("FORWARD"), text("DROP"))
    same = "-i eth0 -p tcp -m tcp ! --sport 1:5 --dport 80 -j"
    assert ":FORWARD DROP [0:0]" in oracle.save(family, "filter")
    assert oracle.lines(family, "filter") == [
        f"-A INPUT {same} own",
        f"-A own {same} ACCEPT",
        f"-A own {same} MARK --set-xmark 0x1/0xffffffff",
    ]
    delattr(match, text("sport"))
    assert match.sport is None


def test_rules_of_text_and_of_dictionaries(family: Family, oracle: Oracle, text: Any) -> None:
    table = family.Table("filter", lock=text("host"))
    table.create_chain("own")
    chain = pyiptc.Chain(table, "INPUT")
    chain.append(text("-p tcp --dport 1 -j DROP"))
    chain.append([text("-p"), text("udp"), "-j", text("own")])
    pyiptc.easy.add_rule(
        text("filter"),
        text("INPUT"),
        {
            text("protocol"): text("tcp"),
            text("tcp"): {text("dport"): text("2")},
            "target": text("own"),
        },
        ipv6=family.nfproto == 10,
    )
    chain.extend_template(text("-m comment --comment {} -j own"), [text("here")])
    assert [str(rule) for rule in chain.find(text("here"))] == ["-m comment --comment here -j own"]
    chain.delete(text("-m comment --comment here -j own"))
    lines = ["*filter", "-A INPUT -p tcp -m tcp --dport 3 -j own", "COMMIT"]
    pyiptc.restore([text(line) for line in lines], text(family.name), flush=False)
    assert oracle.lines(family, "filter", "INPUT") == [
        "-A INPUT -p tcp -m tcp --dport 1 -j DROP",
        "-A INPUT -p udp -j own",
        "-A INPUT -p tcp -m tcp --dport 2 -j own",
        "-A INPUT -p tcp -m tcp --dport 3 -j own",
    ]


class Number(enum.IntEnum):
    TCP = 6
    SSH = 22


def test_numbers_of_enumerations(family: Family) -> None:
    rule = family.Rule()
    rule.protocol = Number.TCP
    rule.create_match("tcp").dport = Number.SSH
    assert str(rule) == "-p tcp -m tcp --dport 22"
