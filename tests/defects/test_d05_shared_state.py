"""D5: all objects of one extension shared its buffers, so that setting one wrote into another.

Promised: every match and target has a state of its own.
"""

from __future__ import annotations

import pytest

from support import isolated
from support.oracle import Oracle

pytestmark = pytest.mark.kernel

TWO_MATCHES = """
rule = iptc.Rule()
first, second = rule.create_match("comment"), rule.create_match("comment")
first.comment = "A"
second.comment = "B"
print(first.comment, second.comment)
"""

READ_BETWEEN = """
chain = iptc.Chain(iptc.Table("filter"), "INPUT")
rule = iptc.Rule()
match = rule.create_match("comment")
old, = chain.rules
match.comment = "new"
print(match.comment, old.matches[0].comment)
"""

TWO_TARGETS = """
first, second = iptc.Rule(), iptc.Rule()
first.create_target("{name}")
second.create_target("{name}")
first.target.{option} = "{one}"
second.target.{option} = "{two}"
print(first.target.{read}, second.target.{read})
"""

TWO_READ_TARGETS = """
rules = iptc.Chain(iptc.Table("mangle"), "PREROUTING").rules
rules[0].target.set_mark = "9"
print(*[rule.target.set_xmark for rule in rules])
"""


def test_setting_the_older_of_two_matches() -> None:
    assert isolated.output(TWO_MATCHES) == "A B\n"


def test_reading_rules_between_creating_and_setting(oracle: Oracle) -> None:
    oracle.append("ipv4", "filter", "INPUT", "-m comment --comment old -j ACCEPT")
    assert isolated.output(READ_BETWEEN, own_namespace=False) == "new old\n"


@pytest.mark.parametrize(
    ("name", "option", "read", "values", "printed"),
    [
        ("MARK", "set_mark", "set_xmark", ("1", "2"), "0x1/0xffffffff 0x2/0xffffffff"),
        ("LOG", "log_prefix", "log_prefix", ("one", "two"), "one two"),
        ("REJECT", "reject_with", "reject_with", ("icmp-admin-prohibited", "tcp-reset"), None),
    ],
    ids=["MARK", "LOG", "REJECT"],
)
def test_setting_the_older_of_two_targets(
    name: str, option: str, read: str, values: tuple[str, str], printed: str | None
) -> None:
    one, two = values
    script = TWO_TARGETS.format(name=name, option=option, read=read, one=one, two=two)
    assert isolated.output(script) == (printed or " ".join(values)) + "\n"


def test_setting_one_of_two_targets_of_the_kernel(oracle: Oracle) -> None:
    for mark in ("1", "2"):
        oracle.append("ipv4", "mangle", "PREROUTING", f"-j MARK --set-mark {mark}")
    printed = isolated.output(TWO_READ_TARGETS, own_namespace=False)
    assert printed == "0x9/0xffffffff 0x2/0xffffffff\n"
