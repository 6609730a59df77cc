"""Rules that nft made in a table of iptables: read exactly, or refused with a reason; none misread."""

from __future__ import annotations

import re
from typing import Any

import pytest

from pyiptc import _nft
from support import features, rawnft
from support.family import FAMILIES
from support.oracle import Oracle

pytestmark = [pytest.mark.kernel, pytest.mark.only_backend("nft", "foreign rules")]

LONG_CHAIN = "a-chain-with-a-name-that-is-longer-than-28"
LONG_PREFIX = "p" * 64

#: What a rule of nft is refused for. `{a}`, `{b}`: addresses; `{ip}`: ip or ip6; `{net}`: a network.
REFUSED = {
    # sets, maps and what they are made of
    "{ip} saddr {{ {a}, {b} }} accept": "a set or a map",
    "{ip} saddr != {{ {a}, {b} }} accept": "a set or a map",
    "{ip} saddr @blocked drop": "a set or a map",
    "{ip} saddr . tcp dport {{ {a} . 22 }} accept": "not compared",
    "iifname . tcp dport {{ eth0 . 22 }} accept": "a set or a map",
    "tcp dport {{ 22, 80 }} accept": "a set or a map",
    "tcp dport != {{ 22, 80 }} accept": "a set or a map",
    "tcp dport vmap {{ 22 : accept, 80 : drop }}": "a set or a map",
    "{ip} saddr vmap {{ {a} : accept }}": "a set or a map",
    "{ip} saddr vmap {{ {a} : jump other }}": "a set or a map",
    "meta l4proto {{ tcp, udp }} accept": "a set or a map",
    "meta l4proto {{ tcp, udp }} th dport 53 accept": "a set or a map",
    "iifname {{ eth0, eth1 }} accept": "a set or a map",
    "meta pkttype {{ unicast, broadcast }} accept": "a set or a map",
    "set add {ip} saddr @blocked": "change of a set",
    "counter name some-packets": "named object",
    "limit name some accept": "named object",
    # fields: ranges, orders, second tests, those that iptables has not
    "{ip} saddr {a}-{b} accept": "range of addresses",
    "{ip} saddr != {a}-{b} drop": "range of addresses",
    "{ip} saddr > {a} accept": "range of addresses",
    "{ip} saddr | {bit} == {b} accept": "bits are turned over",
    "{ip} saddr {a} {ip} saddr {b} accept": "second test",
    "{ip} saddr {a} {ip} saddr != {b} accept": "second test",
    "iifname eth0 iifname != eth1 accept": "second test",
    "meta l4proto tcp meta l4proto != udp accept": "second test",
    'iifname "a+" accept': r"own name ends in \+",
    "iif lo accept": "meta of a kind",
    "oif lo accept": "meta of a kind",
    "iifgroup 1 accept": "meta of a kind",
    "meta length 100 accept": "meta of a kind",
    "meta skuid 0 accept": "meta of a kind",
    "meta cpu 0 accept": "meta of a kind",
    "meta mark 1-5 accept": "does not write",
    "{ip} version 4 accept": "field of the IP header|bits|IP header",
    "{ip} dscp 10 accept": "field of the IP header|bits|IP header",
    "@ll,0,16 5 accept": "another header",
    "@th,0,32 0x00160050 accept": "not asked for",
    "th dport 22 accept": "not asked for",
    "sctp dport 22 accept": "not asked for",
    "tcp sequence 5 accept": "field of TCP or UDP",
    "udp length 20 accept": "field of TCP or UDP",
    "tcp flags == syn accept": "no name for",
    "tcp flags & (syn|ecn) == syn accept": "no name for",
    "tcp option maxseg size 1400 accept": "option or an extension header",
    "tcp dport set 80": "iptables has not",
    "{ip} saddr set {a}": "iptables has not",
    # order
    "counter {ip} saddr {a} accept": "behind the counter",
    "counter counter accept": "second counter",
    "limit rate 5/second {ip} saddr {a} accept": "behind a match",
    "log group 3 accept": "behind the action",
    "meta mark set 1 accept": "behind the action",
    # statements
    "log accept": "kernel's own",
    "log prefix x level info": "kernel's own",
    f"log group 3 prefix {LONG_PREFIX}": "more than 63",
    "limit rate over 5/second drop": "over",
    "limit rate 5 mbytes/second accept": "bytes",
    "limit rate 2/week accept": "unit",
    "limit rate 20000/second accept": "faster",
    "quota 100 bytes accept": "does not write",
    "meta mark set meta mark | 1": "turned over",
    "meta mark set ct mark": "connection tracking",
    "meta priority set 1:1": "does not set",
    "meta nftrace set 0": "does not set",
    "ct mark set 1": "connection tracking",
    "ct state established,related accept": "connection tracking",
    "ct mark 1 accept": "connection tracking",
    "notrack": "no tracking",
    "reject": "rejection",
    "reject with tcp reset": "rejection",
    "continue": "verdict",
    f"jump {LONG_CHAIN}": "more than 28",
    "numgen random mod 2 0 accept": "does not write",
    "fib saddr type local accept": "does not write",
    "rt classid 5 accept": "does not write",
    "socket transparent 1 accept": "does not write",
}

REFUSED_IPV4 = {
    "ip protocol {{ tcp, udp }} accept": "a set or a map",
    "ip protocol 0 accept": "protocol 0",
    "ip length 100 accept": "field of the IP header",
    "ip hdrlength 5 accept": "IP header",
    "ip frag-off 0x2000 accept": "fragments",
    "ip frag-off & 0x2000 != 0 accept": "fragments",
    "ip option ra exists accept": "option or an extension header",
    "ip ttl {{ 5, 6 }} accept": "a set or a map",
    "icmp type {{ echo-request, echo-reply }} accept": "a set or a map",
    "icmp type 255 accept": "type 255",
    "icmp type > 3 accept": "range of ICMP",
    "icmp code 1 accept": "without a type",
    "icmp id 5 accept": "a set or a map|not compared|field",
}

REFUSED_IPV6 = {
    "ip6 nexthdr tcp accept": "next header",
    "ip6 flowlabel 5 accept": "IP header",
    "ip6 length 100 accept": "IP header",
    "icmpv6 type {{ echo-request, echo-reply }} accept": "a set or a map",
    "icmpv6 code 1 accept": "without a type",
    "exthdr frag exists accept": "option or an extension header",
    "frag frag-off 0 accept": "option or an extension header",
}

#: What a rule of nft is, exactly.
READ = {
    "accept": "-j ACCEPT",
    "drop": "-j DROP",
    "return": "-j RETURN",
    "jump other": "-j other",
    "goto other": "-g other",
    "{ip} saddr {a} tcp dport 22 counter accept": "-s {a} -p tcp -m tcp --dport 22 -j ACCEPT",
    "{ip} saddr {net} {ip} daddr != {b} drop": "-s {net} ! -d {b} -j DROP",
    "{ip} saddr {a} {ip} daddr {b} drop": "-s {a} -d {b} -j DROP",
    "iifname eth0 oifname != eth1 accept": "-i eth0 ! -o eth1 -j ACCEPT",
    'iifname "eth*" accept': "-i eth+ -j ACCEPT",
    "meta l4proto udp accept": "-p udp -j ACCEPT",
    "tcp dport 80-90 accept": "-p tcp -m tcp --dport 80:90 -j ACCEPT",
    "tcp dport != 80-90 accept": "-p tcp -m tcp ! --dport 80:90 -j ACCEPT",
    "tcp dport > 80 accept": "-p tcp -m tcp --dport 81:65535 -j ACCEPT",
    "tcp dport >= 80 accept": "-p tcp -m tcp --dport 80:65535 -j ACCEPT",
    "tcp dport < 80 accept": "-p tcp -m tcp --dport 0:79 -j ACCEPT",
    "tcp dport <= 80 accept": "-p tcp -m tcp --dport 0:80 -j ACCEPT",
    "tcp dport 22 tcp dport 23": "-p tcp -m tcp --dport 22 -m tcp --dport 23",
    "tcp sport 22 tcp dport 23": "-p tcp -m tcp --sport 22 --dport 23",
    "tcp flags syn": "-p tcp -m tcp ! --tcp-flags SYN NONE",
    "tcp flags & (syn|ack) == syn": "-p tcp -m tcp --tcp-flags SYN,ACK SYN",
    'udp dport 53 accept comment "dns"': (
        "-p udp -m udp --dport 53 -m comment --comment dns -j ACCEPT"
    ),
    "meta mark & 0xf == 1": "-m mark --mark 0x1/0xf",
    "meta mark != 4": "-m mark ! --mark 0x4",
    "meta pkttype broadcast": "-m pkttype --pkt-type broadcast",
    "limit rate 5/minute burst 9 packets": "-m limit --limit 5/min --limit-burst 9",
    "log group 3": "-j NFLOG --nflog-group 3",
    "log group 3 prefix x snaplen 20 queue-threshold 4": (
        "-j NFLOG --nflog-prefix x --nflog-group 3 --nflog-size 20 --nflog-threshold 4"
    ),
    "meta mark set 1": "-j MARK --set-xmark 0x1/0xffffffff",
    "meta nftrace set 1": "-j TRACE",
}

READ_IPV4 = {
    "ip protocol tcp accept": "-p tcp -j ACCEPT",
    "ip frag-off & 0x1fff != 0": "-f",
    "ip saddr & 255.0.255.0 == 10.0.5.0": "-s 10.0.5.0/255.0.255.0",
    "ip saddr & 0.0.0.255 != 0.0.0.1": "! -s 0.0.0.1/0.0.0.255",
    "ip ttl 5-10": "-m ttl --ttl-gt 4 -m ttl --ttl-lt 11",
    "ip ttl <= 5": "-m ttl --ttl-lt 6",
    "icmp type echo-request": "-p icmp -m icmp --icmp-type 8",
    "icmp type != echo-request": "-p icmp -m icmp ! --icmp-type 8",
    "icmp type echo-request icmp code 0": "-p icmp -m icmp --icmp-type 8/0",
}

READ_IPV6 = {
    "ip6 hoplimit 5": "-m hl --hl-eq 5",
    "icmpv6 type echo-request": "-p ipv6-icmp -m icmp6 --icmpv6-type 128",
}

WORDS = {
    "ipv4": {
        "ip": "ip",
        "a": "10.0.0.1",
        "b": "11.0.0.9",
        "net": "10.0.0.0/8",
        "bit": "1.0.0.0",
        "type": "ipv4_addr",
    },
    "ipv6": {
        "ip": "ip6",
        "a": "2001:db8::1",
        "b": "2001:db9::9",
        "net": "2001:db8::/32",
        "bit": "1::",
        "type": "ipv6_addr",
    },
}

RULESET = """\
table {ip} filter {{
    set blocked {{ type {type}; }}
    counter some-packets {{ }}
    limit some {{ rate 5/second }}
    chain other {{ }}
    chain {long} {{ }}
    chain INPUT {{
        type filter hook input priority 0;
        {rule}
    }}
}}
"""


def in_family(both: dict[str, str], ipv4: dict[str, str], ipv6: dict[str, str]) -> list[object]:
    """Parameters: a family, a rule of nft, and what is expected of it."""
    return [
        pytest.param(name, rule, expected, id=f"{name}-{rule}")
        for name, only in (("ipv4", ipv4), ("ipv6", ipv6))
        for rule, expected in {**both, **only}.items()
    ]


def left_by_nft(oracle: Oracle, family: str, rule: str) -> rawnft.RawRule:
    """The one rule of chain INPUT, as it is in the kernel."""
    words = {**WORDS[family], "long": LONG_CHAIN}
    text = RULESET.format(**words, rule=rule.format(**words))
    done = oracle.run("nft", "-f", "-", input=text, check=False)
    if done.returncode != 0:
        features.skip_missing(f"nft for {rule}", done.stderr)
    (raw,) = [raw for raw in rawnft.rules(family) if raw.chain == "INPUT"]
    return raw


@pytest.mark.parametrize(
    ("family", "rule", "reason"), in_family(REFUSED, REFUSED_IPV4, REFUSED_IPV6)
)
def test_refused(oracle: Oracle, family: str, rule: str, reason: str) -> None:
    """No rule of iptables says this."""
    raw = left_by_nft(oracle, family, rule)
    with pytest.raises(ValueError, match=reason):
        text_of(family, raw)
    assert _nft.names(raw.expressions)
    (read,) = in_table(family)
    assert str(read).startswith("-j nf_tables [")
    assert re.search(reason, str(read))


@pytest.mark.parametrize(("family", "rule", "text"), in_family(READ, READ_IPV4, READ_IPV6))
def test_read(oracle: Oracle, family: str, rule: str, text: str) -> None:
    """As iptables says it."""
    raw = left_by_nft(oracle, family, rule)
    length = 128 if family == "ipv6" else 32
    words = {**WORDS[family], **{word: f"{WORDS[family][word]}/{length}" for word in "ab"}}
    assert text_of(family, raw) == text.format(**words)
    assert [str(read) for read in in_table(family)] == [text.format(**words)]


def in_table(family: str) -> Any:
    """The rules of chain INPUT, as the table has them."""
    return FAMILIES[family].chain("filter", "INPUT").rules


def text_of(family: str, raw: rawnft.RawRule) -> str:
    entry, reason, flags = _nft.decode(rawnft.FAMILIES[family], raw.expressions, raw.userdata)
    if entry is None:
        raise ValueError(reason)
    assert bool(flags & _nft.UNCOUNTED) == ("counter" not in _nft.names(raw.expressions))
    assert bool(flags & _nft.COMMENTED) == bool(raw.userdata)
    return str(FAMILIES[family].Rule._from_entry(entry))
