"""D4: rules read from the kernel pointed into memory that the next change of the table freed.

Promised: a rule owns its data; it reads the same whatever happens to its table.
"""

from __future__ import annotations

import pytest

from support import isolated
from support.oracle import Oracle

pytestmark = pytest.mark.kernel

POISONED = {"MALLOC_PERTURB_": "165"}
"""The C library overwrites what is freed, so that a stale pointer cannot read the old content."""

READ_AFTER = """
table = iptc.Table("filter")
chain = iptc.Chain(table, "INPUT")
rules = chain.rules
{change}
print([(rule.src, rule.out_interface, rule.in_interface, rule.protocol) for rule in rules])
"""

DELETE_IN_LOOP = """
chain = iptc.Chain(iptc.Table("filter"), "FORWARD")
for rule in chain.rules:
    if rule.out_interface == "eth1":
        chain.delete_rule(rule)
"""

CHANGES = {
    "refresh": "table.refresh()",
    "get_policy": "chain.get_policy()",
    "create_chain": "table.create_chain('other')",
    "flush": "chain.flush()",
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_rules_outlive_a_change_of_their_table(oracle: Oracle, change: str) -> None:
    oracle.append("ipv4", "filter", "INPUT", "-s 192.0.2.1 -i eth0 -p tcp -j ACCEPT")
    printed = isolated.output(READ_AFTER.format(change=change), env=POISONED, own_namespace=False)
    assert printed == "[('192.0.2.1/255.255.255.255', None, 'eth0', 'tcp')]\n"


def test_delete_in_the_loop_over_rules(oracle: Oracle) -> None:
    rules = [f"-A FORWARD -s 10.0.0.{n}/32 -o eth{n % 2} -j ACCEPT" for n in range(1, 201)]
    oracle.restore("ipv4", "\n".join(["*filter", *rules, "COMMIT\n"]))
    isolated.output(DELETE_IN_LOOP, env=POISONED, own_namespace=False)
    assert oracle.lines("ipv4", "filter") == [rule for rule in rules if "-o eth0" in rule]
