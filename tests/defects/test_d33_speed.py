"""D33: building, inserting and dumping rules took a hundred times as long as the C tools.

Promised: bulk work is of the order of the tools. Both sides are measured in processor time, side by
side, and the bound is wide: this finds the defect, the benchmarks tell the speed.
"""

from __future__ import annotations

import pytest

from support import features, isolated, rulesets
from support.oracle import Oracle

pytestmark = pytest.mark.kernel

COUNT = 1500
TIMES_THE_TOOL = 35

MEASURE = """
import resource, sys
from support.oracle import Oracle

def processor_time(work):
    def spent():
        usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        return sum(usage.ru_utime + usage.ru_stime for usage in usages)

    best = float("inf")
    for _ in range(3):
        before = spent()
        work()
        best = min(best, spent() - before)
    return best

count = int(sys.argv[1])
oracle = Oracle()
"""

DUMP = (
    MEASURE
    + """
ours = processor_time(lambda: iptc.easy.dump_chain("filter", "INPUT"))
theirs = processor_time(lambda: oracle.save("ipv4", "filter", counters=True))
print(ours / theirs)
"""
)

BUILD = (
    MEASURE
    + """
from support import rulesets

def build():
    table = iptc.Table("filter", autocommit=False)
    chain = iptc.Chain(table, "INPUT")
    chain.flush()
    for number in range(count):
        rule = iptc.Rule()
        rule.src = f"10.0.{number // 256}.{number % 256}"
        rule.in_interface = "eth0"
        rule.protocol = "tcp"
        rule.create_match("tcp").dport = str(number + 1)
        rule.create_match("conntrack").ctstate = "NEW"
        rule.create_match("comment").comment = f"rule {number}"
        rule.create_target("ACCEPT")
        chain.append_rule(rule)
    table.commit()
    table.refresh()

text = rulesets.complex_rules(count)
ours = processor_time(build)
assert len(oracle.lines("ipv4", "filter")) == count
theirs = processor_time(lambda: oracle.restore("ipv4", text))
print(ours / theirs)
"""
)


def test_dump_of_a_chain(oracle: Oracle) -> None:
    features.require(features.SPEED)
    oracle.restore("ipv4", rulesets.complex_rules(COUNT))
    ratio = float(isolated.output(DUMP, str(COUNT), own_namespace=False))
    assert ratio < TIMES_THE_TOOL


def test_build_of_a_chain() -> None:
    features.require(features.SPEED)
    assert float(isolated.output(BUILD, str(COUNT))) < TIMES_THE_TOOL
