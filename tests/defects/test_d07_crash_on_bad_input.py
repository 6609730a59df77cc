"""D7: ordinary bad input (a long name, an empty value, a closed table) killed the process.

Promised: bad input raises an exception that says so, and the process lives.
"""

from __future__ import annotations

import pytest

from support import isolated
from support.oracle import Oracle

pytestmark = pytest.mark.kernel

REFUSED = """
rule = iptc.Rule()
rule.protocol = "tcp"
try:
    {bad}
except (iptc.IPTCError, iptc.XTablesError, ValueError, TypeError, AttributeError) as error:
    print("refused")
else:
    print("accepted")
"""

BAD = {
    "match name of 60": 'rule.create_match("a" * 60)',
    "target name of 60": 'rule.create_target("a" * 60)',
    "empty port": 'rule.create_match("tcp").dport = ""',
    "no words": 'rule.create_match("tcp").dport = []',
    "None": 'rule.create_match("tcp").set_parameter("dport", None)',
    "None by easy": 'iptc.easy.encode_iptc_rule({"protocol": "tcp", "tcp": {"dport": None}})',
    "no flags": 'rule.create_match("tcp").tcp_flags = []',
    "one of two words": 'rule.create_match("tcp").tcp_flags = "SYN"',
}

CLOSED = """
table = iptc.Table("filter")
chain = iptc.Chain(table, "INPUT")
table.close()
try:
    {use}
except iptc.IPTCError as error:
    print("refused")
else:
    print("reopened")
"""

USES = ("chain.rules", "table.chains", 'table.is_chain("INPUT")', "chain.flush()", "table.commit()")

NFLOG_SIZE = """
rule = iptc.Rule()
rule.create_target("NFLOG").nflog_size = "64"
chain = iptc.Chain(iptc.Table("filter"), "INPUT")
chain.append_rule(rule)
print(chain.rules[0].target.get_all_parameters())
"""


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_bad_input_is_refused(bad: str) -> None:
    assert isolated.output(REFUSED.format(bad=bad)) == "refused\n"


@pytest.mark.parametrize("use", USES)
def test_use_after_close(use: str) -> None:
    assert isolated.output(CLOSED.format(use=use)) in ("refused\n", "reopened\n")


def test_nflog_size(oracle: Oracle) -> None:
    printed = isolated.output(NFLOG_SIZE, own_namespace=False)
    assert printed == "{'nflog-size': ['64']}\n"
    assert oracle.lines("ipv4", "filter") == ["-A INPUT -j NFLOG --nflog-size 64"]
