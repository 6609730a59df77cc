"""Cases through the attribute interface, exactly as a program written for python-iptables does it."""

from __future__ import annotations

from typing import Any

from parity.cases import Case, Extension
from support.family import FAMILIES


def build(case: Case) -> Any:
    """The rule of a case, made from nothing."""
    rule = FAMILIES[case.family].Rule()
    for field, value in case.header:
        setattr(rule, field, value)
    for match in case.matches:
        _assign(rule.create_match(match.name), match)
    _assign(rule.create_target(case.target.name, goto=case.goto), case.target)
    return rule


def _assign(module: Any, extension: Extension) -> None:
    for option, value in extension.options:
        setattr(module, option, value)


def chain_of(case: Case, name: str = "") -> Any:
    """The chain that a case is for, or another one of the same table."""
    return FAMILIES[case.family].chain(case.table, name or case.chain)


def extensions_of(rule: Any) -> list[Any]:
    """The matches of a rule and, where it names one, its target."""
    return [*rule.matches, *([rule.target] if rule.target.name else [])]
