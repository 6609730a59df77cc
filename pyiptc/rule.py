# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules: header, matches, one target, counters."""

from __future__ import annotations

import socket
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional, Union

from . import _xtables, registry
from ._blob import Entry, Header, compose, standard_target
from .addresses import (
    Network,
    format_interface,
    format_network,
    masked,
    parse_interface,
    parse_network,
    prefix_mask,
)
from .counters import Counters, checked
from .dictionary import fill, to_dict
from .enums import GOTO_FLAGS, Family, HeaderFlag, Inverted
from .errors import RuleError, XTablesError, shown
from .extension import NAMESPACE_DEPENDENT
from .identity import Key, key_of, mask_of, unordered
from .match import Match
from .printing import entry_text, header_words
from .target import Target
from .text import encode, quoted, shell_split, split

if TYPE_CHECKING:
    from .chain import Chain

__all__ = ["Rule", "Rule6"]

#: Whether an unknown name set on a rule is an error: :data:`pyiptc.strict`.
strict = False


def _protocol_names() -> dict[int, str]:
    """Names that a rule's protocol reads as; all others read as their number."""
    names = "AH DSTOPTS EGP ESP FRAGMENT GRE ICMP ICMPV6 IDP IGMP IP IPIP IPV6 NONE PIM PUP RAW"
    names += " ROUTING RSVP SCTP TCP TP UDP"
    return {
        getattr(socket, f"IPPROTO_{name}"): name.lower()
        for name in names.split()
        if hasattr(socket, f"IPPROTO_{name}")
    }


class Rule:
    """An IPv4 rule: what a packet must be like, and what is done with it.

    A rule belongs to no chain until it is put in one, and may be put in many; what is in the
    kernel does not change with the object. Two rules are equal (``==``) where iptables would
    call them the same, matches in any order; counters do not count.

    Args:
        entry: Make it of an :class:`pyiptc._blob.Entry`, or of the bytes of one.
        chain: The chain that it was read from.
    Thread safety: one thread at a time.
    """

    protocols = _protocol_names()
    _family = Family.IPV4
    _goto_flag = GOTO_FLAGS[Family.IPV4]
    _any = "0.0.0.0/0"

    def __init__(
        self, entry: Union[Entry, bytes, None] = None, chain: Optional[Chain] = None
    ) -> None:
        self.chain = chain
        self._reset(None)
        if entry is not None:
            self.rule = entry

    def _reset(self, entry: Optional[Entry]) -> None:
        self._entry = entry
        self._header = None if entry is not None else Header(self._family)
        self._matches: Optional[list[Match]] = None if entry is not None else []
        self._target: Optional[Target] = None
        self._head_bytes: Optional[bytes] = None
        self._is_command = False
        self._origin: Any = None

    @classmethod
    def _from_entry(cls, entry: Entry, chain: Optional[Chain] = None, origin: Any = None) -> Rule:
        """A rule that a kernel has; taken apart when it is looked at."""
        rule = object.__new__(cls)
        # At once, past __setattr__(): there may be a hundred thousand.
        rule.__dict__.update(
            chain=chain,
            _entry=entry,
            _header=None,
            _matches=None,
            _target=None,
            _head_bytes=None,
            _is_command=False,
            _origin=origin,
        )
        return rule

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
            self._unpacked()
            self._entry = None

    @property
    def _is_bound(self) -> bool:
        """Whether it may mean something else in another network namespace."""
        entry = self._entry
        if entry is not None:
            return b"set\0" in entry.data or b"SET\0" in entry.data
        parts = [*(self._matches or ()), *([self._target] if self._target is not None else [])]
        return any(part.name in NAMESPACE_DEPENDENT for part in parts)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_") or name == "chain" or hasattr(type(self), name):
            object.__setattr__(self, name, value)
            return
        text = f"a rule has no {shown(name)}; options belong to its matches and its target"
        if strict:
            raise AttributeError(text)
        warnings.warn(f"{text}: kept as a plain attribute", UserWarning, stacklevel=2)
        object.__setattr__(self, name, value)

    # -- parts -------------------------------------------------------------------------------------

    def _touch(self) -> None:
        """Something was edited: it is no longer what was read."""
        self._entry = None
        self._origin = None

    def _edit(self) -> Header:
        """The header, to be changed."""
        header = self._unpacked()
        self._touch()
        self._head_bytes = None
        return header

    def _unpacked(self) -> Header:
        """The header, with the matches and the target taken out of the entry."""
        if self._header is None or self._matches is None:
            assert self._entry is not None
            # Only when all of it is there: half a rule would be about more packets. The matches
            # look at the header while they are made.
            header = self._header = self._entry.header
            try:
                matches = [Match(self, match=payload) for payload in self._entry.matches]
                goto = bool(header.flags & self._goto_flag)
                self._target = Target._from_entry(self, self._entry, goto)
            except BaseException:
                self._header = None
                raise
            self._matches = matches
        return self._header

    def _head(self) -> bytes:
        """The header as extensions are shown it."""
        if self._head_bytes is None:
            header = self._header if self._header is not None else self._unpacked()
            self._head_bytes = _without_counters(header)
        return self._head_bytes

    def _compile(self, has_chain: Callable[[str], bool]) -> Entry:
        """Lay the rule out for a table.

        Args:
            has_chain: Tells whether that table has a chain of a name.
        Raises:
            RuleError: There is no target.
            XTablesError: A match or the target is incomplete; the message is the library's.
        """
        if self._entry is not None:
            return self._entry
        header = self._unpacked()
        if self._target is None:
            raise RuleError("invalid rule: it has no target")
        matches = [match._make(final=True, head=self._head()) for match in self._matches or ()]
        payload, kind, jump = self._target._place(has_chain)
        return self._compose(header, matches, payload, kind, jump)

    def _compose(
        self, header: Header, matches: list[bytes], payload: bytes, kind: int, jump: Optional[str]
    ) -> Entry:
        goto = self._target is not None and self._target.goto
        copy = header.copy()
        copy.flags = (copy.flags & ~self._goto_flag) | (self._goto_flag if goto else 0)
        return compose(copy.to_uapi(), matches, payload, self._family, kind, jump)

    def _as_is(self) -> Entry:
        """An entry of what is there, complete or not, for comparing and printing."""
        try:
            return self._compile(lambda name: False)
        except (XTablesError, RuleError):
            header = self._unpacked()
            matches = [match._view() for match in self._matches or ()]
            if self._target is None:
                return self._compose(header, matches, standard_target(0), 2, None)
            if self._target._is_standard:
                return self._compose(header, matches, *self._target._place(lambda name: False))
            return self._compose(header, matches, self._target._view(), 0, None)

    @property
    def nfproto(self) -> int:
        """Number of the family: 2, or 10 for IPv6."""
        return int(self._family)

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

    @property
    def matches(self) -> list[Match]:
        """The matches in order: a new list of the same objects."""
        self._unpacked()
        return list(self._matches or ())

    def create_match(self, name: str, revision: Optional[int] = None) -> Match:
        """Add a match of an extension, to be given options. Raises XTablesError."""
        match = Match(self, name=name, revision=revision)
        self.add_match(match)
        return match

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

    @property
    def target(self) -> Optional[Target]:
        """The target, None where none was set."""
        self._unpacked()
        return self._target

    @target.setter
    def target(self, target: Target) -> None:
        if not isinstance(target, Target):
            raise AttributeError(f"a rule's target is a Target, not {shown(target)}")
        self._check_family(target)
        self._edit()
        target.rule = self
        self._target = target

    def create_target(
        self, name: str, revision: Optional[int] = None, goto: bool = False
    ) -> Target:
        """Set the target to a verdict, a chain or an extension. Raises XTablesError."""
        target = Target(self, name=name, revision=revision, goto=goto)
        self.target = target
        return target

    def final_check(self) -> None:
        """Check that matches and target are complete. Raises XTablesError."""
        for match in self.matches:
            match.final_check()
        if self._target is not None:
            self._target.final_check()

    @property
    def tables(self) -> list[Any]:
        """The tables of the rule's family that can be had here."""
        return registry.available_tables(self._family)

    # -- addresses -------------------------------------------------------------------------------------

    def _get_network(self, network: Network, inverted: int) -> str:
        header = self._unpacked()
        sign = "!" if header.invflags & inverted else ""
        return sign + format_network(network, self._family, dotted=self._family == Family.IPV4)

    def _set_inverted(self, header: Header, flag: int, on: bool) -> None:
        header.invflags = header.invflags & ~flag & 0xFF | (flag if on else 0)

    def _read_network(self, value: Any) -> tuple[bool, Network]:
        if value is None:
            return False, parse_network(self._any, self._family)
        if not isinstance(value, str):
            raise TypeError(f"an address is text such as {self._any!r}, not {shown(value)}")
        inverted = value.startswith("!")
        return inverted, parse_network(value[1:].lstrip(" ") if inverted else value, self._family)

    @property
    def src(self) -> str:
        """Source ``address/mask``, ``!`` in front where negated; the mask is dotted for IPv4.

        Set it to an address, with ``/length`` or ``/mask`` or neither, or to None for any.
        """
        header = self._unpacked()
        return self._get_network(Network(header.src, header.src_mask), Inverted.SOURCE)

    @src.setter
    def src(self, value: Optional[str]) -> None:
        inverted, network = self._read_network(value)
        header = self._edit()
        header.src, header.src_mask = self._kept(network)
        self._set_inverted(header, Inverted.SOURCE, inverted)

    @property
    def dst(self) -> str:
        """Destination, as :attr:`src`."""
        header = self._unpacked()
        return self._get_network(Network(header.dst, header.dst_mask), Inverted.DESTINATION)

    @dst.setter
    def dst(self, value: Optional[str]) -> None:
        inverted, network = self._read_network(value)
        header = self._edit()
        header.dst, header.dst_mask = self._kept(network)
        self._set_inverted(header, Inverted.DESTINATION, inverted)

    def _kept(self, network: Network) -> Network:
        """IPv4 addresses read back without the bits that their mask hides."""
        return masked(network)

    # -- interfaces --------------------------------------------------------------------------------------

    def _read_interface(self, value: Any) -> tuple[bool, tuple[bytes, bytes]]:
        if value is None:
            return False, (b"", b"")
        if not isinstance(value, str):
            raise TypeError(f"an interface is text such as 'eth0', not {shown(value)}")
        inverted = value.startswith("!")
        return inverted, parse_interface(value[1:].lstrip(" ") if inverted else value)

    def _get_interface(self, interface: tuple[bytes, bytes], inverted: int) -> Optional[str]:
        shown = format_interface(*interface)
        if self._unpacked().invflags & inverted:
            return f"!{shown or '+'}"
        return shown or None

    @property
    def in_interface(self) -> Optional[str]:
        """Interface that packets come in by, as ``eth0``, ``eth+`` or ``!eth0``; None for any."""
        return self._get_interface(self._unpacked().in_interface, Inverted.IN_INTERFACE)

    @in_interface.setter
    def in_interface(self, value: Optional[str]) -> None:
        inverted, interface = self._read_interface(value)
        header = self._edit()
        header.in_interface = interface
        self._set_inverted(header, Inverted.IN_INTERFACE, inverted)

    @property
    def out_interface(self) -> Optional[str]:
        """Interface that packets leave by, as :attr:`in_interface`."""
        return self._get_interface(self._unpacked().out_interface, Inverted.OUT_INTERFACE)

    @out_interface.setter
    def out_interface(self, value: Optional[str]) -> None:
        inverted, interface = self._read_interface(value)
        header = self._edit()
        header.out_interface = interface
        self._set_inverted(header, Inverted.OUT_INTERFACE, inverted)

    # -- protocol, fragments, counters ---------------------------------------------------------------------

    @property
    def protocol(self) -> str:
        """Transport protocol: its name or number as text, ``ip`` for any, ``!`` where negated.

        Set it to a name in any case or to a number, also as text.
        """
        header = self._unpacked()
        sign = "!" if header.invflags & Inverted.PROTOCOL else ""
        return sign + self.protocols.get(header.proto, str(header.proto))

    @protocol.setter
    def protocol(self, value: Union[str, int, None]) -> None:
        if value is None:
            value = 0
        if isinstance(value, bool) or not isinstance(value, (str, int)):
            raise TypeError(f"a protocol is a name or a number, not {shown(value)}")
        if isinstance(value, int) and not 0 <= value <= 255:
            raise RuleError("invalid protocol number: expected a name or 0 to 255")
        text = str(value)
        inverted = text.startswith("!")
        number = self._protocol_number(text[1:].lstrip(" ") if inverted else text)
        if inverted and number == 0:
            raise RuleError(f"invalid protocol {shown(value)}: rule would never match protocol")
        header = self._edit()
        header.proto = number
        self._set_inverted(header, Inverted.PROTOCOL, inverted)
        self._protocol_changed(header)

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

    def _protocol_changed(self, header: Header) -> None:
        """IPv6 has a flag for it."""

    @property
    def fragment(self) -> Union[bool, str]:
        """Whether only second and further fragments are meant; ``"!"`` where all but these are.

        Set it to anything true or false, or to text that begins with ``!``.
        """
        header = self._unpacked()
        if not header.flags & HeaderFlag.FRAGMENT:
            return False
        return "!" if header.invflags & Inverted.FRAGMENT else True

    @fragment.setter
    def fragment(self, value: Any) -> None:
        header = self._edit()
        on = int(HeaderFlag.FRAGMENT)
        header.flags = header.flags & ~on & 0xFF | (on if value else 0)
        inverted = isinstance(value, str) and value.startswith("!")
        self._set_inverted(header, Inverted.FRAGMENT, inverted)

    @property
    def counters(self) -> Counters:
        """Packets and bytes: what the kernel had counted when the rule was read.

        What is set here is what the rule starts with when it is put in a chain.
        """
        if self._header is None:
            assert self._entry is not None
            return Counters(*self._entry.counters)
        return Counters(*self._header.counters)

    @counters.setter
    def counters(self, value: tuple[int, int]) -> None:
        packets, size = checked(value)
        origin = self._origin
        self._edit().counters = packets, size
        # Counters are no part of what a rule is: it is still the one that was read.
        self._origin = origin

    def get_counters(self) -> Counters:
        """:attr:`counters`."""
        return self.counters

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
        copy = object.__new__(type(self))
        object.__setattr__(copy, "chain", None)
        copy._reset(self._entry)
        copy._is_command = self._is_command
        if self._header is not None and self._matches is not None:
            copy._header = self._header.copy()
            copy._matches = [match._copy(copy) for match in self._matches]
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


def _without_counters(header: Header) -> bytes:
    copy = header.copy()
    copy.counters = (0, 0)
    return copy.to_uapi()


class Rule6(Rule):
    """An IPv6 rule: as :class:`Rule`, with ``address/length`` and without fragments."""

    _family = Family.IPV6
    _goto_flag = GOTO_FLAGS[Family.IPV6]
    _any = "::/0"

    def _kept(self, network: Network) -> Network:
        """IPv6 addresses read back as they were set; the kernel gets them masked."""
        return network

    def _protocol_changed(self, header: Header) -> None:
        on = int(HeaderFlag.PROTOCOL)
        header.flags = header.flags & ~on & 0xFF | (on if header.proto else 0)

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
