"""D6: every rejected value jumped over Python's frames and used up a level of recursion for good.

Promised: any number of rejected values leaves the interpreter as it was.
"""

from __future__ import annotations

import pytest

from support import isolated

REJECT_MANY = """
import sys

def deep(levels):
    return 0 if levels == 0 else 1 + deep(levels - 1)

rule = {rule_class}()
rule.protocol = "tcp"
match = rule.create_match("{match}")
rejected = 0
for _ in range(1500):
    try:
        match.{option} = "nonsense"
    except (ValueError, iptc.XTablesError):
        rejected += 1
print(rejected, deep(sys.getrecursionlimit() // 2))
"""


@pytest.mark.kernel
@pytest.mark.parametrize("rule_class", ["iptc.Rule", "iptc.Rule6"])
@pytest.mark.parametrize(("match", "option"), [("tcp", "dport"), ("conntrack", "ctstate")])
def test_rejected_values_cost_no_recursion(rule_class: str, match: str, option: str) -> None:
    script = REJECT_MANY.format(rule_class=rule_class, match=match, option=option)
    assert isolated.output(script) == "1500 500\n"
