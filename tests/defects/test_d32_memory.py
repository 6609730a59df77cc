"""D32: a rule that was read held some 10,000 bytes, and every unknown name was kept for ever.

Promised: 20,000 rules fit into 40 MB (2,000 bytes each; twice that is allowed here), and names that
do not exist leave nothing behind.
"""

from __future__ import annotations

import pytest

from support import features, isolated, rulesets
from support.oracle import Oracle

pytestmark = pytest.mark.kernel

COUNTED = {"PYTHONMALLOC": "malloc"}

HOLD_RULES = """
from support.heap import bytes_in_use
chain = iptc.Chain(iptc.Table("filter"), "INPUT")
len(chain.rules)
before = bytes_in_use()
rules = chain.rules
print((bytes_in_use() - before) // len(rules))
"""

LOOK_UP = """
import gc
from support.heap import bytes_in_use

def look_up(names):
    for name in names:
        try:
            rule.{create}(name)
        except iptc.XTablesError:
            missing.append(None)

rule, missing = iptc.Rule(), []
look_up(f"first{{number}}" for number in range(1000))
missing.clear()
gc.collect()
before = bytes_in_use()
look_up(f"later{{number}}" for number in range(1000))
assert len(missing) == 1000
missing = None
gc.collect()
print((bytes_in_use() - before) // 1000)
"""


def test_memory_of_a_rule(oracle: Oracle) -> None:
    features.require(features.PLAIN_MALLOC)
    oracle.restore("ipv4", rulesets.complex_rules(1000))
    assert int(isolated.output(HOLD_RULES, env=COUNTED, own_namespace=False)) <= 4000


@pytest.mark.parametrize("create", ["create_match", "create_target"])
def test_unknown_names_are_not_kept(create: str) -> None:
    features.require(features.PLAIN_MALLOC)
    assert int(isolated.output(LOOK_UP.format(create=create), env=COUNTED)) <= 32
