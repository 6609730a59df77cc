"""Every extension and form of option: what we send the tool prints, what it sends we read."""

from __future__ import annotations

import copy
import pickle
import re
from typing import Any

import pytest

from parity.build import build, chain_of, extensions_of
from parity.cases import ACCEPTED, REJECTED, Case
from parity.printed import Tool, attribute_text, extensions
from parity.running import any_warning, each, expected_warning
from support import undertest

pytestmark = pytest.mark.kernel

OCCUPIED = frozenset({"name", "save"})
"""Options (of recent and CONNSECMARK) that cannot be read as attributes, which mean other things."""


@each(ACCEPTED)
def test_sent(case: Case, tool: Tool) -> None:
    """Built with attributes, inserted, printed as the tool's own rule, read, found and deleted."""
    line = tool.reference()
    chain = chain_of(case)
    with expected_warning(case):
        built = build(case)
        chain.insert_rule(built)
    assert tool.rules() == [line]
    (read,) = chain.rules
    assert read == built
    assert built in chain.rules
    assert [(m.name, m.get_all_parameters()) for m in extensions_of(read)] == [
        (m.name, m.get_all_parameters()) for m in extensions_of(built)
    ]
    chain.delete_rule(read)
    assert tool.rules() == []
    assert chain.rules == []


@each(ACCEPTED)
def test_found_by_the_tool(case: Case, tool: Tool) -> None:
    """The tool's ``-C`` and ``-D``, which compare bytes, take our rule for theirs."""
    tool.append()
    with expected_warning(case):
        chain_of(case).append_rule(build(case))
    tool.delete()
    assert tool.finds()
    tool.delete()
    assert tool.rules() == []


@each(ACCEPTED)
def test_read(case: Case, tool: Tool) -> None:
    """The tool's rule, read: its words, as parameters and attributes; sent again; deleted twice."""
    tool.append()
    (line,) = tool.rules()
    chain = chain_of(case)
    (read,) = chain.rules
    assert str(read) == line
    _compare_options(read, line)
    chain.append_rule(read)
    assert tool.rules() == [line, line]
    for rule in chain.rules:
        chain.delete_rule(rule)
    assert tool.rules() == []


def _compare_options(rule: Any, line: str) -> None:
    printed = extensions(line)
    found = extensions_of(rule)
    assert [module.name for module in found] == [extension.name for extension in printed]
    for module, extension in zip(found, printed):
        all_parameters = module.get_all_parameters()
        assert set(all_parameters) == {option for option, _ in extension.options}
        for option, values in extension.parameters.items():
            name = option.replace("-", "_")
            assert all_parameters[option] == values
            assert module.parameters[name] == attribute_text(values)
            assert name in OCCUPIED or getattr(module, name) == attribute_text(values)


@each(ACCEPTED)
def test_copied(case: Case, tool: Tool) -> None:
    """Copies of the tool's rule equal it and are sent as it is."""
    tool.append()
    (line,) = tool.rules()
    chain = chain_of(case)
    (read,) = chain.rules
    copies = [copy.copy(read), copy.deepcopy(read), pickle.loads(pickle.dumps(read))]
    assert copies == [read] * 3
    assert {hash(rule) for rule in copies} == {hash(read)}
    for rule in copies:
        chain.append_rule(rule)
    assert tool.rules() == [line] * 4


@each(ACCEPTED)
def test_dictionary(case: Case, tool: Tool) -> None:
    """The tool's rule as a dictionary of ``iptc.easy``: added again, found, deleted again.

    The tool's own rule stays: of some extensions (recent, HMARK) what is printed does not make the
    same bytes when it is parsed, and the tool does not find its rule by it either.
    """
    easy = undertest.load().easy
    ipv6 = case.family == "ipv6"
    tool.append()
    (line,) = tool.rules()
    (read,) = chain_of(case).rules
    with any_warning():
        described = easy.decode_iptc_rule(read, ipv6=ipv6)
        easy.add_rule(case.table, case.chain, described, ipv6=ipv6)
        assert tool.rules() == [line, line]
        assert easy.dump_chain(case.table, case.chain, ipv6=ipv6) == [described, described]
        assert easy.has_rule(case.table, case.chain, described, ipv6=ipv6)
        easy.delete_rule(case.table, case.chain, described, ipv6=ipv6)
    assert tool.rules() == [line]


@each(REJECTED)
def test_rejected(case: Case, tool: Tool) -> None:
    """What the tool rejects raises, in the tool's words, and leaves the table as it was."""
    reason = tool.refusal()
    before = tool.saved()
    with any_warning(), pytest.raises(undertest.load().IPTCError, match=re.escape(reason)):
        chain_of(case).insert_rule(build(case))
    assert tool.saved() == before
