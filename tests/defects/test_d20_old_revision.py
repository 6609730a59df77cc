"""D20: a rule with an older revision of an extension made its whole chain unreadable.

Promised: what is not known here is listed, kept, moved and deleted as it is; a revision that the
kernel does not have raises.
"""

from __future__ import annotations

import struct
from typing import Any

import pytest

from support import isolated
from support.oracle import Oracle
from support.rawrules import elements, put_filter_input
from support.rawtable import RawMatch

pytestmark = pytest.mark.kernel

CONNTRACK_1 = RawMatch(
    # struct xt_conntrack_mtinfo1: match_flags XT_CONNTRACK_STATE, state_mask NEW; the rest is zero
    "conntrack",
    1,
    struct.pack("146xHHBB", 1, 0, 8, 0),
)

COMMENT = RawMatch("comment", 0, b"old".ljust(256, b"\0"))

WORK = {
    "list": "print(len(chain.rules))",
    "insert before it": "rule = iptc.Rule(); rule.create_target('DROP'); chain.insert_rule(rule)",
    "delete another": "chain.delete_rule(chain.rules[1])",
    "copy it": "chain.append_rule(chain.rules[0])",
    "delete it": "chain.delete_rule(chain.rules[0])",
}
LINES = {
    "list": ["old", "new"],
    "insert before it": ["-A INPUT -j DROP", "old", "new"],
    "delete another": ["old"],
    "copy it": ["old", "new", "old"],
    "delete it": ["new"],
}


@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
@pytest.mark.parametrize("name", WORK)
def test_rule_with_an_old_revision(oracle: Oracle, family: str, name: str) -> None:
    put_filter_input(family, [[CONNTRACK_1, COMMENT]])
    oracle.append(family, "filter", "INPUT", "-p udp -j ACCEPT")
    lines = dict(zip(("old", "new"), oracle.lines(family, "filter")))
    table = "Table6" if family == "ipv6" else "Table"
    script = f'chain = iptc.Chain(iptc.{table}("filter"), "INPUT")\n{WORK[name]}'
    if family == "ipv6":
        script = script.replace("iptc.Rule()", "iptc.Rule6()")
    printed = isolated.output(script, own_namespace=False)
    assert printed in ("", "2\n")
    assert oracle.lines(family, "filter") == [lines.get(line, line) for line in LINES[name]]
    kept = sum(b"conntrack" in element for element in elements(family))
    assert kept == LINES[name].count("old")


def test_revision_that_the_kernel_lacks(iptc: Any, oracle: Oracle) -> None:
    chain = iptc.Chain(iptc.Table("mangle"), "PREROUTING")

    def append_rule_of_revision_0() -> None:
        rule = iptc.Rule()
        rule.create_target("MARK", revision=0).set_mark = "1"
        chain.append_rule(rule)

    with pytest.raises(iptc.IPTCError):
        append_rule_of_revision_0()
    assert oracle.lines("ipv4", "mangle") == []
