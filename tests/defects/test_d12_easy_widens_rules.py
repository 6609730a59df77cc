"""D12: the dictionary functions dropped what they did not understand, and inserted wider rules.

Promised: an unknown or invalid field raises, and nothing is inserted.
"""

from __future__ import annotations

from typing import Any

import pytest

from support.oracle import Oracle

pytestmark = pytest.mark.kernel

INVALID: dict[str, dict[str, Any]] = {
    "unknown match": {"protocol": "tcp", "tpc": {"dport": "22"}, "target": "ACCEPT"},
    "unknown option": {"protocol": "tcp", "tcp": {"dprot": "22"}, "target": "ACCEPT"},
    "bad value": {"protocol": "tcp", "tcp": {"dport": "99999"}, "target": "ACCEPT"},
    "unknown target option": {"target": {"LOG": {"log-prefixx": "x"}}},
    "unknown target": {"target": "ACEPT"},
}


@pytest.mark.parametrize("rule", INVALID.values(), ids=INVALID)
def test_invalid_field_raises(iptc: Any, oracle: Oracle, rule: dict[str, Any]) -> None:
    with pytest.raises((iptc.IPTCError, ValueError, AttributeError)):
        iptc.easy.add_rule("filter", "INPUT", dict(rule))
    assert oracle.lines("ipv4", "filter") == []


@pytest.mark.parametrize("rule", INVALID.values(), ids=INVALID)
def test_invalid_field_is_no_rule(iptc: Any, rule: dict[str, Any]) -> None:
    assert not iptc.easy.test_rule(dict(rule))


def test_number_is_a_value(iptc: Any, oracle: Oracle) -> None:
    iptc.easy.add_rule(
        "filter", "INPUT", {"protocol": "tcp", "tcp": {"dport": 22}, "target": "ACCEPT"}
    )
    assert oracle.lines("ipv4", "filter") == ["-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"]
