# SPDX-License-Identifier: GPL-2.0-or-later
"""Matches: conditions of a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from .enums import Kind
from .extension import IPTCModule

if TYPE_CHECKING:
    from .rule import Rule

__all__ = ["Match"]


class Match(IPTCModule):
    """A condition that packets of a rule must meet, by an extension such as ``tcp``.

    Args:
        rule: The rule it is for; :meth:`pyiptc.Rule.add_match` puts it in.
        name: Name of the extension.
        match: A payload instead (``struct xt_entry_match`` with its data).
        revision: Only the one that the library and the kernel agree on can be had.
    Raises:
        XTablesError: There is no such extension for this family.
    """

    __slots__ = ()

    _kind = Kind.MATCH

    def __init__(
        self,
        rule: Rule,
        name: Optional[str] = None,
        match: Optional[bytes] = None,
        revision: Optional[int] = None,
    ) -> None:
        super().__init__(rule, name, match, revision)

    @property
    def match_buf(self) -> bytes:
        """The payload: ``struct xt_entry_match`` with its data, an own copy."""
        return self._view()

    @property
    def match(self) -> Any:
        """The payload's header as ``xt_entry_match`` of :mod:`pyiptc.structs`, an own copy."""
        from . import structs

        return structs.xt_entry_match.from_buffer_copy(self._view())
