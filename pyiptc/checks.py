# SPDX-License-Identifier: GPL-2.0-or-later
"""What the command checks where the kernel does not: names of chains, rules given as text."""

from __future__ import annotations

from ._blob import JUMP, Entry, compose, standard_target
from ._kernel import TableData
from .enums import Kind, Verdict
from .errors import ChainNameError, RuleError, XTablesError, shown
from .extension import find_extension
from .rule import Rule
from .text import encode, plain

__all__ = ["NAT_DROP", "new_chain_name", "settled"]

NAT_DROP = 'The "nat" table is not intended for filtering, the use of DROP is therefore inhibited.'


def new_chain_name(name: str) -> str:
    """A name that iptables can take too."""
    if not isinstance(name, str):
        raise TypeError(f"a chain's name is a string, not {shown(name)}")
    name = plain(name)
    problem = None
    if not name:
        problem = "it is empty"
    elif len(encode(name)) > 28:
        problem = "Invalid argument, at most 28 bytes"
    elif name[0] in "-!":
        problem = f"it starts with {name[0]!r}"
    elif "\0" in name or any(char.isspace() for char in name):
        problem = "white space or NUL in it"
    if problem is not None:
        raise ChainNameError(f"can't create chain {name}: {problem}")
    return name


def settled(rule: Rule, data: TableData, chain: str) -> Entry:
    """A rule's entry for a chain of a table.

    Of a rule that was given as text the command's own checks are made too.

    Raises:
        XTablesError: The target is neither a chain of the table nor an extension.
        RuleError: An interface that packets of this chain do not have; DROP in table nat.
    """
    entry: Entry = rule._compile(data.has_chain)
    if not rule._is_command or data.allows(chain, entry):
        return entry
    if entry.jump is not None and not data.has_chain(entry.jump):
        if entry.header.flags & rule._goto_flag:
            raise XTablesError(f"goto '{entry.jump}' is not a chain", entry.jump)
        find_extension(entry.family, Kind.TARGET, entry.jump)
    if data.name == "nat" and entry.verdict == Verdict.DROP:
        raise RuleError(NAT_DROP)
    if chain in ("PREROUTING", "INPUT") and entry.has_interface(out=True):
        raise RuleError(f"Can't use -o with {chain}")
    if chain in ("POSTROUTING", "OUTPUT") and entry.has_interface(out=False):
        raise RuleError(f"Can't use -i with {chain}")
    name = entry.target_name
    if name and data.has_chain(name):
        # A chain goes before an extension of the same name.
        return compose(entry.head, entry.matches, standard_target(0), entry.family, JUMP, name)
    return entry
