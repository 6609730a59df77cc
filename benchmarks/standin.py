"""Rules with nothing behind them: what the statements of a benchmark take in Python alone."""

from __future__ import annotations

from typing import Any, Optional


class Match:
    """A match or target that has its options as attributes, and all of them at hand."""

    def __init__(self, name: str, options: Optional[dict[str, str]] = None) -> None:
        self.name = self.standard_target = name
        self.options = options or {}

    @property
    def parameters(self) -> dict[str, str]:
        """A new dictionary, as a library has to give one."""
        return self.options.copy()


class Rule:
    """A rule that has what it was given."""

    src = dst = protocol = ""
    in_interface: Optional[str] = None
    out_interface: Optional[str] = None
    target: Match
    counters: Any = (0, 0)

    def __init__(self) -> None:
        self.matches: list[Match] = []

    def create_match(self, name: str) -> Match:
        """A match without options."""
        match = Match(name)
        self.matches.append(match)
        return match

    def create_target(self, name: str) -> Match:
        """A target without options."""
        self.target = Match(name)
        return self.target

    def get_counters(self) -> Any:
        """Packets and bytes."""
        return self.counters


def copy_of(rule: Any) -> Rule:
    """What a library's rule says, said beforehand."""
    copy = Rule()
    for name in ("src", "dst", "in_interface", "out_interface", "protocol"):
        setattr(copy, name, getattr(rule, name))
    copy.matches = [Match(match.name, match.parameters) for match in rule.matches]
    copy.target = Match(rule.target.name)
    copy.counters = rule.get_counters()
    return copy
