"""D19: an extension's scratch memory was freed while the extension went on writing into it.

Promised: it lives as long as its match or target.
"""

from __future__ import annotations

import pytest

from support import isolated

CANARIES = """
import ctypes

rule = iptc.Rule()
match = rule.create_match("hashlimit")
canaries = [
    (ctypes.c_ubyte * size)() for size in (4, 8, 12, 16, 20, 24, 32, 48) for _ in range(100)
]
match.hashlimit_upto = "5/min"
match.hashlimit_name = "a"
print(sum(any(canary) for canary in canaries))
"""


@pytest.mark.kernel
def test_nobody_elses_memory_is_written() -> None:
    """New objects take the place of what was freed, and nothing but their owner writes there."""
    assert isolated.output(CANARIES) == "0\n"
