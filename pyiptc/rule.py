# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules: header, matches, one target, counters."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

from . import _xtables, registry
from ._blob import Entry, standard_target
from ._objects import RuleCore
from .addresses import Network, parse_interface, parse_network, prefix_mask
from .dictionary import fill, to_dict
from .enums import GOTO_FLAGS, Family, HeaderFlag, Inverted
from .errors import RuleError, XTablesError, shown
from .identity import Key, key_of, mask_of, unordered
from .match import Match
from .printing import entry_text, header_words
from .target import Target
from .text import encode, plain, quoted, shell_split, split

if TYPE_CHECKING:
    from .chain import Chain

__all__ = ["Rule", "Rule6"]

#: Whether an unknown name set on a rule is an error: :data:`pyiptc.strict`.
strict = False


# Numbers: operators of enumerations make objects.
_FRAGMENT, _NO_FRAGMENT = int(HeaderFlag.FRAGMENT), int(Inverted.FRAGMENT)

#: Names that a rule's protocol reads as, those of netinet/in.h; all others read as their number.
_PROTOCOLS = {
    0: "ip",
    1: "icmp",
    4: "ipip",
    6: "tcp",
    8: "egp",
    12: "pup",
    17: "udp",
    22: "idp",
    29: "tp",
    41: "ipv6",
    43: "routing",
    44: "fragment",
    46: "rsvp",
    47: "gre",
    50: "esp",
    51: "ah",
    58: "icmpv6",
    59: "none",
    60: "dstopts",
    103: "pim",
    132: "sctp",
    255: "raw",
}


class Rule(RuleCore):
    """An IPv4 rule: what a packet must be like, and what is done with it.

    A rule belongs to no chain until it is put in one, and may be put in many; what is in the
    kernel does not change with the object. Two rules are equal (``==``) where iptables would
    call them the same, matches in any order; counters do not count.

    Args:
        entry: Make it of an :class:`pyiptc._blob.Entry`, or of the bytes of one.
        chain: The chain that it was read from.
    Thread safety: one thread at a time.
    """

    protocols = _PROTOCOLS
    _family = Family.IPV4
    _goto_flag = GOTO_FLAGS[Family.IPV4]
    _any = "0.0.0.0/0"
    _match_class = Match
    _target_class = Target

    # In Python, so that its parameters can be asked for.
    def __init__(
        self, entry: Union[Entry, bytes, None] = None, chain: Optional[Chain] = None
    ) -> None:
        self._begin(entry, chain)

    @classmethod
    def parse(cls, text: Union[str, Sequence[str]], *, resolve: bool = False) -> Rule:
        """A rule of what may follow ``iptables -A CHAIN``.

        Args:
            text: One string, quoted as in a shell or in a save file, or a list of words.
            resolve: Look host names up; they are errors otherwise, and no resolver is asked.
        Raises:
            XTablesError: What iptables says.
            RuleError: A list of addresses, which makes several rules (:meth:`parse_all`).
        """
        rules = cls.parse_all(text, resolve=resolve)
        if len(rules) != 1:
            raise RuleError(f"{len(rules)} rules, by lists of addresses: use parse_all()")
        return rules[0]

    @classmethod
    def parse_all(cls, text: Union[str, Sequence[str]], *, resolve: bool = False) -> list[Rule]:
        """The rules of what may follow ``iptables -A CHAIN``, one for each pair of addresses."""
        words = shell_split(text) if isinstance(text, str) else _checked_words(text)
        raw = [encode(word) for word in words]
        try:
            entries, kind, jump = _xtables.instance(cls._family).rule(raw, resolve)
        except XTablesError as error:
            if resolve or "not found" not in str(error) or "host" not in str(error):
                raise
            raise XTablesError(f"{error}: names are looked up with resolve=True only") from error
        rules = [cls._from_entry(Entry(cls._family, entry, kind, jump)) for entry in entries]
        for rule in rules:
            rule._is_command = True
            rule._read_here()
        return rules

    @classmethod
    def from_dict(
        cls, value: Mapping[str, Any], *, has_chain: Optional[Callable[[str], bool]] = None
    ) -> Rule:
        """A rule of a dictionary, in the form that :mod:`pyiptc.easy` has.

        Args:
            has_chain: Tells whether the table that the rule is for has a chain of a name; None:
                the tables that are there are asked.
        Raises:
            TypeError: Not a dictionary of the right shape.
            RuleError: A field of the header is invalid.
            XTablesError: An unknown match, target or option, or an invalid value.
        """
        rule = cls()
        fill(rule, value, has_chain)
        return rule

    def to_dict(self) -> dict[str, Any]:
        """The rule as a dictionary, in the form that :mod:`pyiptc.easy` has."""
        return to_dict(self)

    @property
    def comments(self) -> list[str]:
        """The texts of its comments."""
        found = [match.comment for match in self.matches if match.name == "comment"]
        return [comment for comment in found if comment is not None]

    def without_comments(self) -> Rule:
        """A copy without its comments, to compare what two rules do."""
        copy = self.copy()
        for match in copy.matches:
            if match.name == "comment":
                copy._edit()
                assert copy._matches is not None
                copy._matches.remove(match)
        return copy

    @property
    def args(self) -> list[str]:
        """The words of :meth:`__str__`, without quotes."""
        return [word.text for word in split(str(self))]

    def _read_here(self) -> None:
        """Print what depends on the namespace while the thread is in it: sets have names there.

        From then on they are what counts: in another namespace the same number is another set.
        """
        if self._entry is not None and self._is_bound:
            listing = self._listing
            self._edit()
            self._listing = listing

    def _unknown(self, name: str) -> None:
        """A name is set that a rule has not."""
        text = f"a rule has no {shown(name)}; options belong to its matches and its target"
        if strict:
            raise AttributeError(text)
        warnings.warn(f"{text}: kept as a plain attribute", UserWarning, stacklevel=2)

    # -- parts -------------------------------------------------------------------------------------

    def _as_is(self) -> Entry:
        """An entry of what is there, complete or not, for comparing and printing."""
        try:
            return self._compile(lambda name: False)
        except (XTablesError, RuleError):
            matches = [match._view() for match in self._matches or ()]
            if self._target is None:
                return self._compose(matches, standard_target(0), 2, None)
            if self._target._is_standard:
                return self._compose(matches, *self._target._place(lambda name: False))
            return self._compose(matches, self._target._view(), 0, None)

    @property
    def rule(self) -> Optional[bytes]:
        """Bytes of the whole entry, an own copy; None where there is no target.

        Set it to an :class:`pyiptc._blob.Entry` or to bytes to make the rule of them.
        """
        return None if self.target is None else self._compile(lambda name: False).data

    @rule.setter
    def rule(self, entry: Union[Entry, bytes, None]) -> None:
        if entry is not None and not isinstance(entry, Entry):
            if not isinstance(entry, (bytes, bytearray, memoryview)):
                raise TypeError(f"Invalid rule type {type(entry).__name__}; expected an entry")
            entry = Entry(self._family, bytes(entry))
        if entry is not None and entry.family != self._family:
            raise TypeError(f"Invalid rule family {entry.family}; expected {int(self._family)}")
        self._reset(entry)

    @property
    def entry(self) -> Any:
        """The header as ``ipt_entry`` or ``ip6t_entry`` of :mod:`pyiptc.structs`, an own copy."""
        from . import structs

        cls = structs.ip6t_entry if self._family == Family.IPV6 else structs.ipt_entry
        return cls.from_buffer_copy(self._as_is().head)

    @property
    def mask(self) -> bytes:
        """Which bits of :attr:`rule` count when rules are compared."""
        return mask_of(self._as_is())

    def get_ip(self) -> Any:
        """``ipt_ip`` or ``ip6t_ip6`` of :attr:`entry`."""
        return self.entry.ipv6 if self._family == Family.IPV6 else self.entry.ip

    # -- matches and target --------------------------------------------------------------------------

    def add_match(self, match: Match) -> None:
        """Add a match at the end; it then belongs to this rule."""
        if not isinstance(match, Match):
            raise TypeError(f"expected a Match, not {shown(match)}")
        self._check_family(match)
        self._edit()
        assert self._matches is not None
        if match.rule is not None and match.rule is not self:
            # It may be in that rule too, which no longer hears of its changes.
            match.rule._touch()
        match.rule = self
        self._matches.append(match)

    def _check_family(self, module: Union[Match, Target]) -> None:
        if module._family != self._family:
            raise RuleError(
                f"{module.name} of a rule of {Family(module._family).label} cannot be put in one "
                f"of {self._family.label}: their payloads differ"
            )

    def remove_match(self, match: Match) -> None:
        """Take the first match out that equals *match*. Raises ValueError."""
        if match not in self.matches:
            raise ValueError(f"{shown(match)} is not in list: no such match in this rule")
        index = self.matches.index(match)
        self._edit()
        assert self._matches is not None
        del self._matches[index]

    def _take_target(self, target: Target) -> None:
        """Set :attr:`target`."""
        if not isinstance(target, Target):
            raise AttributeError(f"a rule's target is a Target, not {shown(target)}")
        self._check_family(target)
        self._edit()
        target.rule = self
        self._target = target

    def final_check(self) -> None:
        """Check that matches and target are complete. Raises XTablesError."""
        for match in self.matches:
            match.final_check()
        if self.target is not None:
            self.target.final_check()

    @property
    def tables(self) -> list[Any]:
        """The tables of the rule's family that can be had here."""
        return registry.available_tables(self._family)

    # -- header --------------------------------------------------------------------------------------------

    def _network_of(self, text: str) -> Network:
        """An address with its mask."""
        return parse_network(text, self._family)

    def _interface_of(self, text: str) -> tuple[bytes, bytes]:
        """Name and mask of an interface."""
        return parse_interface(text)

    def _protocol_of(self, value: Union[str, int, None]) -> tuple[bool, int]:
        """Whether a protocol is negated, and its number."""
        if value is None:
            value = 0
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise TypeError(f"a protocol is a name or a number, not {shown(value)}")
        if isinstance(value, int) and not 0 <= value <= 255:
            raise RuleError("invalid protocol number: expected a name or 0 to 255")
        text = plain(value)
        inverted = text.startswith("!")
        number = self._protocol_number(text[1:].lstrip(" ") if inverted else text)
        if inverted and number == 0:
            raise RuleError(f"invalid protocol {shown(value)}: rule would never match protocol")
        return inverted, number

    def _protocol_number(self, text: str) -> int:
        name = text.strip().lower()
        if name.isascii() and name.isdigit():
            if len(name) > 20 or int(name) > 255:
                raise RuleError(f"invalid protocol {text[:80]!r}: expected a name or 0 to 255")
            return int(name)
        for number, known in self.protocols.items():
            if name == known:
                return number
        invalid = RuleError(f"invalid protocol {text[:80]!r}: expected a name or 0 to 255")
        if not name:
            raise invalid
        try:
            return _xtables.instance(self._family).protocol_number(name)
        except XTablesError:
            raise invalid from None

    @property
    def fragment(self) -> Union[bool, str]:
        """Whether only second and further fragments are meant; ``"!"`` where all but these are.

        Set it to anything true or false, or to text that begins with ``!``.
        """
        header = self._unpacked()
        if not header.flags & _FRAGMENT:
            return False
        return "!" if header.invflags & _NO_FRAGMENT else True

    @fragment.setter
    def fragment(self, value: Any) -> None:
        header = self._edit()
        is_inverted = isinstance(value, str) and value.startswith("!")
        header.flags = header.flags & ~_FRAGMENT & 0xFF | (_FRAGMENT if value else 0)
        header.invflags = header.invflags & ~_NO_FRAGMENT & 0xFF | (
            _NO_FRAGMENT if is_inverted else 0
        )

    def set_counters(self, counters: tuple[int, int]) -> None:
        """Set :attr:`counters`."""
        self.counters = counters

    # -- the accessors of python-iptables ------------------------------------------------------------------

    def get_src(self) -> str:
        """:attr:`src`."""
        return self.src

    def set_src(self, src: str) -> None:
        """Set :attr:`src`."""
        self.src = src

    def get_dst(self) -> str:
        """:attr:`dst`."""
        return self.dst

    def set_dst(self, dst: str) -> None:
        """Set :attr:`dst`."""
        self.dst = dst

    def get_in_interface(self) -> Optional[str]:
        """:attr:`in_interface`."""
        return self.in_interface

    def set_in_interface(self, intf: str) -> None:
        """Set :attr:`in_interface`."""
        self.in_interface = intf

    def get_out_interface(self) -> Optional[str]:
        """:attr:`out_interface`."""
        return self.out_interface

    def set_out_interface(self, intf: str) -> None:
        """Set :attr:`out_interface`."""
        self.out_interface = intf

    def get_protocol(self) -> str:
        """:attr:`protocol`."""
        return self.protocol

    def set_protocol(self, proto: Union[str, int]) -> None:
        """Set :attr:`protocol`."""
        self.protocol = proto

    def get_fragment(self) -> Union[bool, str]:
        """:attr:`fragment`."""
        return self.fragment

    def set_fragment(self, frag: Any) -> None:
        """Set :attr:`fragment`."""
        self.fragment = frag

    # -- text ------------------------------------------------------------------------------------------------

    def __str__(self) -> str:
        """The rule as ``iptables-save`` prints it after the chain's name."""
        if self._entry is not None and self._matches is None:
            return entry_text(self._entry)
        words = list(header_words(self._unpacked()))
        words += [f"-m {match.name}{match._text()}" for match in self._matches or ()]
        if self._target is not None and self._target.name:
            flag = "-g" if self._target.goto else "-j"
            words.append(f"{flag} {quoted(self._target.name)}{self._target._text()}")
        return " ".join(words)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {str(self) or '(any packet)'}>"

    # -- identity ----------------------------------------------------------------------------------------------

    def _key(self) -> Key:
        try:
            return key_of(self._as_is())
        except XTablesError:
            # An extension refuses its options, as for another protocol than they were set for:
            # there are no bytes to compare, and their text has to do.
            texts = tuple(encode(match.name + match._text()) for match in self._matches or ())
            target = self._target
            return self._head(), texts, "" if target is None else target.name + target._text()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Rule):
            return NotImplemented
        if self._family != other._family:
            return False
        mine, theirs = self._key(), other._key()
        return mine == theirs or unordered(mine) == unordered(theirs)

    def __hash__(self) -> int:
        return hash((int(self._family), unordered(self._key())))

    def copy(self) -> Rule:
        """An own copy, counters included, that belongs to no chain."""
        copy = type(self).__new__(type(self))
        copy._reset(self._entry)
        copy._is_command = self._is_command
        if self._entry is None and self._header is not None:
            copy._header = self._header.copy()
            copy._matches = [match._copy(copy) for match in self._matches or ()]
            copy._target = None if self._target is None else self._target._copy(copy)
        return copy

    def __copy__(self) -> Rule:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, Any]) -> Rule:
        return self.copy()

    def __reduce__(self) -> tuple[Any, ...]:
        if self._entry is not None:
            return _restore, (type(self), self._entry, None)
        header = self._unpacked()
        matches = [match._state() for match in self._matches or ()]
        target = None if self._target is None else self._target._state()
        return _restore, (type(self), None, (header, matches, target))


def _restore(cls: type[Rule], entry: Optional[Entry], parts: Any) -> Rule:
    """Undo :meth:`Rule.__reduce__`."""
    rule = cls._from_entry(entry) if entry is not None else cls()
    if parts is not None:
        header, matches, target = parts
        rule._header = header
        rule._matches = [Match._restore(rule, state) for state in matches]
        rule._target = None if target is None else Target._restore(rule, target)
    return rule


def _checked_words(words: Sequence[str]) -> list[str]:
    words = list(words)
    for word in words:
        if not isinstance(word, str):
            raise TypeError(f"a rule is text or a list of words, not {shown(word)}")
    return words


class Rule6(Rule):
    """An IPv6 rule: as :class:`Rule`, with ``address/length`` and without fragments."""

    _family = Family.IPV6
    _goto_flag = GOTO_FLAGS[Family.IPV6]
    _any = "::/0"

    def _create_mask(self, plen: int) -> list[int]:
        """A mask of *plen* ones as a list of 16 numbers."""
        return list(prefix_mask(plen, 16))

    @property
    def fragment(self) -> Union[bool, str]:
        """IPv6 has a match for fragments: ``frag``."""
        raise AttributeError("an IPv6 rule has no fragment flag: use the match frag")

    @fragment.setter
    def fragment(self, value: Any) -> None:
        raise AttributeError("an IPv6 rule has no fragment flag: use the match frag")
