"""D26: a forked child shared its parent's handle, and one of their rules was lost.

Promised: both go on, and every rule that either was told is in the kernel.
"""

from __future__ import annotations

import pytest

from support import isolated
from support.oracle import Oracle

pytestmark = pytest.mark.kernel

FORK = """
import os

def append(number):
    rule = iptc.Rule()
    rule.src = f"192.0.2.{number}"
    rule.create_target("DROP")
    chain.append_rule(rule)

chain = iptc.Chain(iptc.Table("filter"), "INPUT")
append(1)
child = os.fork()
if child == 0:
    append(2)
    os._exit(0)
_, status = os.waitpid(child, 0)
assert status == 0, status
append(3)
"""


def test_parent_and_child_append(oracle: Oracle) -> None:
    isolated.output(FORK, own_namespace=False)
    assert oracle.lines("ipv4", "filter") == [
        f"-A INPUT -s 192.0.2.{number}/32 -j DROP" for number in (1, 2, 3)
    ]
