# SPDX-License-Identifier: GPL-2.0-or-later
"""Targets: what a rule does with a packet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Optional

from . import registry
from ._blob import FALLTHROUGH, JUMP, PLAIN, standard_target
from .enums import Kind, Verdict
from .errors import XTablesError, shown
from .extension import IPTCModule
from .text import plain

if TYPE_CHECKING:
    from .rule import Rule

__all__ = ["Target"]

#: Names that are verdicts; the empty one is none: the next rule goes on.
VERDICTS = {
    "ACCEPT": Verdict.ACCEPT,
    "DROP": Verdict.DROP,
    "QUEUE": Verdict.QUEUE,
    "RETURN": Verdict.RETURN,
}


class Target(IPTCModule):
    """A verdict, a chain to jump or go to, or an extension such as ``MASQUERADE``.

    A name is a verdict first, then a chain of a table, then an extension, as for iptables; an
    extension's name that turns out to be a chain of the table that the rule is put in is a jump.

    Args:
        rule: The rule it is for; ``rule.target = target`` puts it in.
        name: Verdict, chain or extension; ``""`` for none.
        target: A payload instead (``struct xt_entry_target`` with its data).
        revision: Only the one that the library and the kernel agree on can be had.
        goto: Do not come back from the chain (``-g``).
    Raises:
        XTablesError: Neither a verdict nor a chain nor an extension of this family.
    """

    __slots__ = ()

    _kind = Kind.TARGET
    _more_state = ("_is_standard", "_goto", "_number")

    STANDARD_TARGETS = [
        "",
        "ACCEPT",
        "DROP",
        "REJECT",
        "RETURN",
        "REDIRECT",
        "SNAT",
        "DNAT",
        "MASQUERADE",
        "MIRROR",
        "TOS",
        "MARK",
        "QUEUE",
        "LOG",
    ]
    """Names that are never looked up as chains."""

    def __init__(
        self,
        rule: Rule,
        name: Optional[str] = None,
        target: Optional[bytes] = None,
        revision: Optional[int] = None,
        goto: Optional[bool] = None,
    ) -> None:
        self._goto = bool(goto)
        if isinstance(name, str):
            name = plain(name)
        if name is not None and target is None and isinstance(name, str):
            if self._goto and not self._is_any_chain(rule, name):
                raise XTablesError(f"goto '{name}' is not a chain", name)
            if self._goto or name == "" or name in VERDICTS or self._is_known_chain(rule, name):
                self._start_standard(rule, name)
                return
        try:
            super().__init__(rule, name, target, revision)
        except XTablesError:
            if name is None or not registry.has_chain(rule.nfproto, name):
                raise
            self._start_standard(rule, name)

    def _start_standard(self, rule: Optional[Rule], name: str) -> None:
        self._rule = rule
        self._is_standard = True
        self._name = name
        self._payload = self._options = self._number = None

    @classmethod
    def _is_known_chain(cls, rule: Rule, name: str) -> bool:
        """Whether the rule's own table, or one that is open, has such a chain."""
        if name in cls.STANDARD_TARGETS:
            return False
        if rule.chain is not None:
            return rule.chain.table.is_chain(name)
        return registry.is_open_chain(rule.nfproto, name)

    @classmethod
    def _is_any_chain(cls, rule: Rule, name: str) -> bool:
        """Whether that can be gone to: a chain, also one that is named as an extension is."""
        return name not in {"", *VERDICTS} and (
            cls._is_known_chain(rule, name) or registry.has_chain(rule.nfproto, name)
        )

    @classmethod
    def _to_chain(cls, rule: Rule, name: str, goto: bool) -> Target:
        """A jump to a chain that is known to be one."""
        target = cls.__new__(cls)
        target._goto = goto
        target._start_standard(rule, name)
        return target

    def _place(self, has_chain: Callable[[str], bool]) -> tuple[bytes, int, Optional[str]]:
        """Payload, kind and chain of the entry.

        Args:
            has_chain: Tells whether the table that the rule is for has a chain of a name.
        """
        name = self.name
        is_jump = name not in self.STANDARD_TARGETS and has_chain(name) and not self._options
        if self._is_standard and name == "":
            return standard_target(0), FALLTHROUGH, None
        if self._is_standard and self._verdict() is not None:
            return standard_target(self._verdict() or 0), PLAIN, None
        if is_jump or self._is_standard:
            return standard_target(0), JUMP, name
        if self._goto:
            raise XTablesError(f"goto '{name}' is not a chain", name)
        return self._make(final=True), PLAIN, None

    def _verdict(self) -> Optional[int]:
        """The number that stands in a blob; None where the name is a chain's."""
        return self._number if self._number is not None else VERDICTS.get(self._name)

    # A verdict or a chain has no options, and no payload that an extension could read.

    def _view(self) -> bytes:
        return self._standard_payload() if self._is_standard else super()._view()

    def _standard_payload(self) -> bytes:
        return standard_target(self._verdict() or 0)

    def _print(self) -> tuple[str, str]:
        return ("", "") if self._is_standard else super()._print()

    def final_check(self) -> None:
        """Check that all needed options are there and go together."""
        if not self._is_standard:
            super().final_check()

    def reset(self) -> None:
        """Take all options away."""
        if not self._is_standard:
            super().reset()

    def _identity(self) -> bytes:
        if self._is_standard:
            return b"standard " + self.name.encode("utf-8", "surrogateescape")
        return super()._identity()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Target):
            return NotImplemented
        return self._goto == other._goto and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    @property
    def target(self) -> Any:
        """The payload's header as ``xt_entry_target`` of :mod:`pyiptc.structs`, an own copy."""
        from . import structs

        return structs.xt_entry_target.from_buffer_copy(self._view())

    @property
    def goto(self) -> bool:
        """Whether the chain is gone to, not jumped to."""
        return self._goto

    @property
    def standard_target(self) -> str:
        """The verdict or chain; set it to another one."""
        return str(self._name)

    @standard_target.setter
    def standard_target(self, name: str) -> None:
        if not isinstance(name, str):
            raise TypeError(f"a verdict or chain is a string, not {shown(name)}")
        name = plain(name)
        self._start_standard(self._rule, name)
        if name == "" or name in VERDICTS:
            self._goto = False
        if self._rule is not None:
            self._rule._touch()

    def __repr__(self) -> str:
        if self._name == "":
            return "<Target none>"
        return f"<Target -{'g' if self._goto else 'j'} {self.name}{self._text()}>"

    def _text(self) -> str:
        return "" if self._is_standard else super()._text()
