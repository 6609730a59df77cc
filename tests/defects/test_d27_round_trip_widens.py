"""D27: "not a fragment" and netmasks with holes were lost on the way through a dictionary.

Promised: a dictionary holds the whole rule; made into a rule again, it is the same one.
"""

from __future__ import annotations

from typing import Any

import pytest

from support.oracle import Oracle

pytestmark = pytest.mark.kernel

RULES = ["! -f -j DROP", "-f -j DROP", "-s 10.0.0.0/255.0.255.0 -j DROP", "! -d 10.0.0.1/8 -j DROP"]


@pytest.mark.parametrize("text", RULES)
def test_dictionary_round_trip(iptc: Any, oracle: Oracle, text: str) -> None:
    oracle.append("ipv4", "filter", "INPUT", text)
    (line,) = oracle.lines("ipv4", "filter")
    (dictionary,) = iptc.easy.dump_chain("filter", "INPUT")
    iptc.easy.add_rule("filter", "INPUT", dictionary)
    assert oracle.lines("ipv4", "filter") == [line, line]
