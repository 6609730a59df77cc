"""D18: a rule was printed and parsed again before each insertion, and lost what does not survive.

Promised: the rule that was built or read is the rule that goes into the kernel.
"""

from __future__ import annotations

import pytest

from support import isolated
from support.oracle import Oracle

pytestmark = pytest.mark.kernel

ESP = "--proto esp --mode tunnel --tunnel-src 192.0.2.1 --tunnel-dst 192.0.2.2"
READ = {
    "policy": ("filter", "INPUT", f"-m policy --dir in --pol ipsec --reqid 1 {ESP} -j DROP"),
    "policy of two elements": (
        "filter",
        "INPUT",
        "-m policy --dir in --pol ipsec --strict --reqid 1 --next --reqid 2 --proto ah -j DROP",
    ),
    "hashlimit": (
        "filter",
        "INPUT",
        "-m hashlimit --hashlimit-upto 5/min --hashlimit-name a -j ACCEPT",
    ),
    "RATEEST": (
        "filter",
        "INPUT",
        "-j RATEEST --rateest-name a --rateest-interval 250ms --rateest-ewmalog 500ms",
    ),
    "NFLOG": ("filter", "INPUT", "-j NFLOG --nflog-size 64"),
    "NOTRACK": ("raw", "PREROUTING", "-j NOTRACK"),
}

COPY = """
import sys
table, chain = sys.argv[1:]
chain = iptc.Chain(iptc.Table(table), chain)
chain.append_rule(chain.rules[0])
"""

BUILT = {
    "policy": (
        "filter",
        "INPUT",
        """
match = rule.create_match("policy")
match.dir = "in"
match.pol = "ipsec"
match.reqid = "1"
match.proto = "esp"
match.mode = "tunnel"
match.tunnel_src = "192.0.2.1"
match.tunnel_dst = "192.0.2.2"
rule.create_target("DROP")
""",
    ),
    "hashlimit": (
        "filter",
        "INPUT",
        """
match = rule.create_match("hashlimit")
match.hashlimit_upto = "5/min"
match.hashlimit_name = "a"
rule.create_target("ACCEPT")
""",
    ),
    "NFLOG": ("filter", "INPUT", 'rule.create_target("NFLOG").nflog_size = "64"'),
    "NOTRACK": ("raw", "PREROUTING", 'rule.create_target("NOTRACK")'),
    "RATEEST": (
        "filter",
        "INPUT",
        """
target = rule.create_target("RATEEST")
target.rateest_name = "a"
target.rateest_interval = "250ms"
target.rateest_ewmalog = "500ms"
""",
    ),
}

APPEND = """
import sys
table, chain, build = sys.argv[1:]
rule = iptc.Rule()
exec(build)
iptc.Chain(iptc.Table(table), chain).append_rule(rule)
"""


@pytest.mark.parametrize("name", READ)
def test_rule_that_was_read(oracle: Oracle, name: str) -> None:
    table, chain, text = READ[name]
    oracle.append("ipv4", table, chain, text)
    lines = oracle.lines("ipv4", table)
    isolated.output(COPY, table, chain, own_namespace=False)
    assert oracle.lines("ipv4", table) == lines * 2


@pytest.mark.parametrize("name", BUILT)
def test_rule_that_was_built(oracle: Oracle, name: str) -> None:
    table, chain, build = BUILT[name]
    isolated.output(APPEND, table, chain, build, own_namespace=False)
    ours = oracle.lines("ipv4", table)
    oracle.append("ipv4", table, chain, READ[name][2])
    assert oracle.lines("ipv4", table) == ours * 2
