"""D22: a second assignment to an option was added to the first, or kept its inversion.

Promised: it replaces the first.
"""

from __future__ import annotations

from typing import Any

import pytest

from support.oracle import Oracle

pytestmark = pytest.mark.kernel

CASES: dict[str, tuple[str, str, Any, Any, str]] = {
    "tcp": ("tcp", "dport", "!1", "2", "2"),
    "mark": ("mark", "mark", "!1", "2", "0x2"),
    "conntrack": ("conntrack", "ctstate", "NEW", "ESTABLISHED", "ESTABLISHED"),
    "inverted later": ("tcp", "sport", "1", "!2", "!2"),
    "set": ("set", "match_set", ["one", "src"], ["two", "dst"], "two dst"),
}


@pytest.mark.parametrize(("name", "option", "first", "second", "read"), CASES.values(), ids=CASES)
def test_second_assignment_replaces_the_first(
    iptc: Any, oracle: Oracle, name: str, option: str, first: Any, second: Any, read: str
) -> None:
    if name == "set":
        for set_name in ("one", "two"):
            oracle.ipset("create", set_name, "hash:ip")
    rule = iptc.Rule()
    rule.protocol = "tcp"
    match = rule.create_match(name)
    match.set_parameter(option, first)
    match.set_parameter(option, second)
    assert match.parameters[option] == read
