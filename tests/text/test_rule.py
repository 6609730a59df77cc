"""Rules as text: the options of the command, quoting, lists of addresses, what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

import pyiptc
from support.family import Family, on_nft
from support.oracle import Oracle

SAME = {
    "-s 10.0.0.0/8": "--source 10.0.0.0/8|--src 10.0.0.0/8|--sour 10.0.0.0/8|-s10.0.0.0/8|"
    "--source=10.0.0.0/8|-s 10.1.2.3/8|-s 10.0.0.0/255.0.0.0",
    "! -d 192.0.2.1/32": "! --dst 192.0.2.1|-d ! 192.0.2.1|! --destination=192.0.2.1",
    "-i eth+ -o ppp0": "-o ppp0 -i eth+|--in-interface eth+ --out-i ppp0",
    "-p tcp -m tcp --dport 22": "-p TCP --dport 22|-p 6 --destination-port 22|-ptcp --dport ssh|"
    "-p tcp -m tcp --dport=22|--protocol tcp --dpo 22",
    "-p tcp -m tcp ! --sport 1:2": "-p tcp ! --sport 1:2|-p tcp --sport ! 1:2",
    "-f": "--fragments|--frag",
    "-m mark --mark 0x1 -m mark --mark 0x2": "-m mark --mark 1 -m mark --mark 2",
    '-m comment --comment "a b" -j ACCEPT': "-j ACCEPT -m comment --comment 'a b'|"
    '-m comment --comment "a b" --jump ACCEPT|-m comment --comment a\\ b -j ACCEPT',
    "-j MARK --set-xmark 0x1/0xffffffff": "-j MARK --set-mark 1|-4 -j MARK --set-mark=0x1",
    "-g elsewhere": "--goto elsewhere",
}


@pytest.mark.parametrize(
    ("printed", "text"),
    [(printed, text) for printed, texts in SAME.items() for text in texts.split("|")],
)
def test_ways_to_say_the_same(printed: str, text: str) -> None:
    assert str(pyiptc.Rule.parse(text)) == printed
    assert pyiptc.Rule.parse(printed) == pyiptc.Rule.parse(text)


def test_lists_of_addresses_make_several_rules() -> None:
    text = "-s 192.0.2.1,192.0.2.2 -d 198.51.100.0/24,203.0.113.1 -j DROP"
    assert [str(rule) for rule in pyiptc.Rule.parse_all(text)] == [
        "-s 192.0.2.1/32 -d 198.51.100.0/24 -j DROP",
        "-s 192.0.2.1/32 -d 203.0.113.1/32 -j DROP",
        "-s 192.0.2.2/32 -d 198.51.100.0/24 -j DROP",
        "-s 192.0.2.2/32 -d 203.0.113.1/32 -j DROP",
    ]
    with pytest.raises(pyiptc.RuleError, match="4 rules"):
        pyiptc.Rule.parse(text)


def test_counters() -> None:
    for text in ("-c 3 40 -j DROP", "--set-counters 3,40 -j DROP", "-j DROP -c 3 40"):
        assert pyiptc.Rule.parse(text).counters == (3, 40)


REFUSED = {
    "-s example.invalid": "host/network `example.invalid' not found",
    "-s 1.2.3.4 -s 1.2.3.5": "multiple -s flags not allowed",
    "! ! -s 1.2.3.4": "multiple consecutive ! not allowed",
    "-s": 'option "-s" requires an argument',
    "--dport 22": 'unknown option "--dport"',
    "-p tcp --no-such": 'unknown option "--no-such"',
    "-p nosuch": "unknown protocol",
    "! -p all": "rule would never match protocol",
    "-j": 'option "-j" requires an argument',
    "-j DROP surplus": "Bad argument `surplus'",
    "-j DROP !": "nothing appropriate following !",
    "! -j DROP": "cannot have ! before -j",
    "-m nosuch": "Couldn't load match `nosuch'",
    "-i ''": "Empty interface",
    "-i eth0123456789abcd": "must be shorter than IFNAMSIZ",
    "-s 1.2.3.4,1.2.3.5 ! -d 1.2.3.4": "! not allowed with multiple source or destination",
    "-c x 1": "packet counter not numeric",
    "-6 -j DROP": "this rule is for IPv4",
    "-A INPUT -j DROP": "not part of a rule",
    "-t nat -j DROP": "not part of a rule",
    "-g ACCEPT": "goto 'ACCEPT' is not a chain",
    "-j 'a b'": "Invalid target name `a b'",
    "-j " + "x" * 40: "Invalid target name",
    "-m comment --comment 'open": "no closing '",
}


@pytest.mark.parametrize(("text", "reason"), REFUSED.items())
def test_refused(text: str, reason: str) -> None:
    with pytest.raises(pyiptc.IPTCError) as caught:
        pyiptc.Rule.parse(text)
    assert reason in str(caught.value)


def test_ipv6_has_no_fragment_flag() -> None:
    with pytest.raises(pyiptc.XTablesError, match="not supported in IPv6, use -m frag"):
        pyiptc.Rule6.parse("-f")


@pytest.mark.parametrize("wrong", [None, 5, b"-j DROP", [b"-j", "DROP"], {"-j": "DROP"}, ["-j", 1]])
def test_neither_text_nor_words(wrong: Any) -> None:
    with pytest.raises((TypeError, pyiptc.IPTCError)):
        pyiptc.Rule.parse(wrong)


TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)


@given(TEXT)
def test_any_comment_survives(comment: str) -> None:
    """Words to rule to text to rule: quotes, backslashes, line breaks, what looks like options."""
    words = ["-m", "comment", "--comment", comment, "-j", "DROP"]
    rule = pyiptc.Rule.parse(words)
    assert rule.args == words
    assert pyiptc.Rule.parse(str(rule)).args == words
    assert rule.matches[0].get_all_parameters() == {"comment": [comment]}


@given(st.lists(TEXT, max_size=8))
def test_any_words_give_a_rule_or_a_documented_error(words: list[str]) -> None:
    try:
        rule = pyiptc.Rule.parse(words)
    except pyiptc.IPTCError:
        return
    assert pyiptc.Rule.parse(rule.args) == rule


@pytest.mark.kernel
@pytest.mark.usefixtures("netns")
def test_commands_check_what_the_tool_checks(oracle: Oracle) -> None:
    """An interface that the chain's packets do not have; DROP in nat; a target that is nothing."""
    chains = {
        "filter INPUT -o eth0 -j DROP": "Can't use -o with INPUT",
        "filter OUTPUT -i eth0 -j DROP": "Can't use -i with OUTPUT",
        "nat PREROUTING -j DROP": 'The "nat" table is not intended for filtering',
        "filter INPUT -j nosuch": "Couldn't load target `nosuch'",
        "filter INPUT -g nosuch": "goto 'nosuch' is not a chain",
    }
    for command, reason in chains.items():
        table, chain, text = command.split(" ", 2)
        refused = oracle.append("ipv4", table, chain, text, check=False)
        of_tool = "Chain 'nosuch' does not exist" if on_nft() and "nosuch" in text else reason
        assert of_tool in refused.stderr
        with pytest.raises(pyiptc.IPTCError) as caught:
            pyiptc.Chain(pyiptc.Table(table), chain).append(text)
        assert reason in str(caught.value)
        assert oracle.lines("ipv4", table, chain) == []


@pytest.mark.kernel
@pytest.mark.usefixtures("netns")
def test_a_chain_goes_before_an_extension(oracle: Oracle) -> None:
    oracle.restore("ipv4", "*filter\n:LOG - [0:0]\nCOMMIT\n")
    chain = pyiptc.Chain(pyiptc.Table("filter"), "INPUT")
    chain.append("-j LOG")
    target = chain.rules[0].target
    assert target is not None
    assert target.standard_target == "LOG"
    assert pyiptc.Chain(chain.table, "LOG").references == 1


MENDED = [
    (pyiptc.Rule, "-p tcp -m tcp ! --sport 0:65535 --dport 22"),
    (pyiptc.Rule, "-p udp -m udp ! --dport 0:65535"),
    (pyiptc.Rule, "-p tcp -m tcp --tcp-flags NONE SYN --dport 22"),
    (pyiptc.Rule6, "-p tcp -m tcp --tcp-flags NONE SYN,ACK"),
    (pyiptc.Rule, '-m physdev --physdev-in "a\\"b+"'),
    (pyiptc.Rule, '-m recent --set --name "x -j ACCEPT" --mask 255.255.255.255 --rsource'),
    (
        pyiptc.Rule,
        '-m hashlimit --hashlimit-upto 40/sec --hashlimit-burst 5 --hashlimit-name "a b"',
    ),
    (pyiptc.Rule6, '-j IDLETIMER --timeout 5 --label "a \\\\ b"'),
    (pyiptc.Rule, "-p esp -m esp ! --espspi 0:4294967295"),
    (pyiptc.Rule, "-p ah -m ah ! --ahspi 0:4294967295"),
    (pyiptc.Rule6, "-m ah ! --ahspi 0:4294967295"),
    (pyiptc.Rule6, "-m frag ! --fragid 0:4294967295"),
    (pyiptc.Rule6, "-m rt ! --rt-segsleft 0:4294967295"),
    (pyiptc.Rule6, "-m mh ! --mh-type 0:255"),
    (pyiptc.Rule, "! -i +"),
    (pyiptc.Rule, "! -o + -p tcp"),
]


@pytest.mark.parametrize(("rule_class", "text"), MENDED)
def test_text_means_what_the_rule_does(rule_class: Any, text: str) -> None:
    """Of these iptables 1.8.9 prints text that means something else when it is read again."""
    rule = rule_class.parse(text)
    assert str(rule) == text
    assert rule_class.parse(str(rule)).rule == rule.rule


@pytest.mark.filterwarnings("ignore:.*weird character")
@pytest.mark.parametrize(
    "words",
    [["-o", " eth"], ["-i", "x -j ACCEPT"], ["-j", '"tcp",'], ["-j", 'a"b'], ["-j", "a'\\"]],
)
def test_names_are_quoted_where_needed(words: list[str], family: Family) -> None:
    """A name with a blank, a quote or a backslash reads back as the same name."""
    rule = family.Rule.parse(words)
    assert rule.args == words
    assert family.Rule.parse(str(rule)) == rule


@pytest.mark.parametrize("rate", ["1b/s", "15b/s", "5xb/s"])
def test_byte_rate_of_nothing(rate: str, family: Family) -> None:
    """libxt_hashlimit 1.8.9 would divide by it."""
    with pytest.raises(pyiptc.XTablesError, match="at least 16b/s"):
        family.Rule.parse(
            f"-m hashlimit --hashlimit-upto {rate} --hashlimit-burst 1mb"
            " --hashlimit-mode dstip --hashlimit-name m -j ACCEPT"
        )
