"""The extension matrix as text: read as the tool reads it, printed as it prints it."""

from __future__ import annotations

import re
import shlex
from typing import Any

import pytest

from parity.build import build, chain_of
from parity.cases import ACCEPTED, REJECTED, Case
from parity.printed import Tool
from parity.running import any_warning, each
from support import undertest
from support.family import FAMILIES

pytestmark = pytest.mark.kernel


def parse(case: Case, text: Any = None) -> Any:
    """The rule of a case's text."""
    with any_warning():
        return FAMILIES[case.family].Rule.parse(case.arguments if text is None else text)


@each(ACCEPTED)
def test_text_is_what_the_tool_makes(case: Case, tool: Tool) -> None:
    """Sent, printed, found and deleted by text; the same bytes as by attributes."""
    line = tool.reference()
    rule = parse(case)
    assert str(rule) == line
    with any_warning():
        built = build(case)
        assert rule.rule == built.rule
    assert rule == built
    chain = chain_of(case)
    chain.append(rule)
    assert tool.rules() == [line]
    assert tool.finds()
    with any_warning():
        assert line in chain
        chain.delete(case.arguments)
    assert tool.rules() == []


@each(ACCEPTED)
def test_text_that_was_printed_is_read_again(case: Case, tool: Tool) -> None:
    tool.append()
    (read,) = chain_of(case).rules
    again = parse(case, str(read))
    assert str(again) == str(read)
    assert parse(case, read.args) == again
    assert parse(case, shlex.split(case.arguments)) == parse(case)


@each(REJECTED)
def test_text_that_the_tool_rejects(case: Case, tool: Tool) -> None:
    reason = tool.refusal()
    before = tool.saved()
    with any_warning(), pytest.raises(undertest.load().IPTCError, match=re.escape(reason)):
        chain_of(case).append(case.arguments)
    assert tool.saved() == before
