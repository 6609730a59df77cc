"""D16: quotes, backslashes, dashes and exclamation marks in a text were changed, cut or refused.

Promised: any text is set, stored, read and deleted as it is.
"""

from __future__ import annotations

from typing import Any

import pytest

from defects.conftest import AppendByTool
from support.oracle import Oracle

pytestmark = pytest.mark.kernel

TEXTS = {
    "apostrophe": "it's",
    "quotes": 'say "hi"',
    "option inside": "use --dport here",
    "option": "--foo",
    "exclamation mark": "!important",
    "only a mark": "!",
    "backslash": "back\\slash",
    "spaces": " two  spaces ",
    "utf-8": "grün",
}
every_text = pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)


def rule_with(text: str) -> list[str]:
    return ["-m", "comment", "--comment", text, "-j", "ACCEPT"]


@every_text
def test_text_is_set_as_it_is(iptc: Any, chain: Any, oracle: Oracle, text: str) -> None:
    rule = iptc.Rule()
    rule.create_match("comment").comment = text
    rule.create_target("ACCEPT")
    chain.append_rule(rule)
    ours = oracle.lines("ipv4", "filter")
    oracle.append("ipv4", "filter", "INPUT", rule_with(text))
    assert oracle.lines("ipv4", "filter") == ours * 2


@every_text
def test_text_is_read_as_it_is(chain: Any, append_by_tool: AppendByTool, text: str) -> None:
    append_by_tool(rule_with(text))
    (match,) = chain.rules[0].matches
    assert match.comment == text
    assert match.parameters == {"comment": text}
    assert match.get_all_parameters() == {"comment": [text]}


@every_text
def test_rule_of_the_tool_is_copied_and_deleted(
    chain: Any, oracle: Oracle, append_by_tool: AppendByTool, text: str
) -> None:
    line = append_by_tool(rule_with(text))
    chain.append_rule(chain.rules[0])
    assert oracle.lines("ipv4", "filter") == [line, line]
    for _ in range(2):
        chain.delete_rule(chain.rules[0])
    assert oracle.lines("ipv4", "filter") == []


def test_log_prefix(iptc: Any, chain: Any, oracle: Oracle) -> None:
    rule = iptc.Rule()
    rule.create_target("LOG").log_prefix = "!!! it's"
    chain.append_rule(rule)
    assert oracle.check("ipv4", "filter", "INPUT", ["-j", "LOG", "--log-prefix", "!!! it's"])
    assert chain.rules[0].target.log_prefix == "!!! it's"
