"""Edits and targets: mistakes that were found by reading."""

from __future__ import annotations

from pyiptc._blob import JUMP, Header, compose, standard_target
from pyiptc.rule import Rule


def test_a_verdict_is_not_gone_to() -> None:
    """iptables-restore refuses -g ACCEPT."""
    header = Header(2)
    header.flags = 0x02  # IPT_F_GOTO
    rule = Rule(compose(header.to_uapi(), [], standard_target(0), 2, JUMP, "user"))
    target = rule.target
    assert target is not None
    assert (str(rule), target.goto) == ("-g user", True)
    target.standard_target = "other"
    assert (str(rule), target.goto) == ("-g other", True)
    target.standard_target = "ACCEPT"
    assert (str(rule), target.goto) == ("-j ACCEPT", False)
