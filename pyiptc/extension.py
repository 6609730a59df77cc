# SPDX-License-Identifier: GPL-2.0-or-later
"""What matches and targets have in common: named options over a payload."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from types import GetSetDescriptorType
from typing import TYPE_CHECKING, Any, Optional, Union

from . import _xtables
from ._blob import PAYLOAD_HEADER, payload_name, payload_revision
from ._objects import NAMESPACE_DEPENDENT, ModuleCore, RuleCore
from .enums import Kind
from .errors import BlobError, XTablesError, shown
from .identity import user_size
from .printing import opaque_text, part_text
from .text import Option, decode, plain

if TYPE_CHECKING:
    from .rule import Rule

__all__ = ["IPTCModule", "find_extension"]

#: What a flag, an option without a value, may be set to.
_FLAG_VALUES = frozenset({"", "1", "true", "yes", "on"})


def find_extension(family: int, kind: Kind, name: str) -> _xtables.Extension:
    """A match or target of the libraries. Raises XTablesError."""
    try:
        return _xtables.instance(family).find(kind, name)
    except XTablesError as error:
        raise XTablesError(
            f"can't find {kind.name.lower()} {name}: {error}", name, None, family
        ) from error


class IPTCModule(ModuleCore):
    """A match or target of a rule: options by name.

    An option is an attribute, with ``_`` for ``-``: ``match.dport = "80"``. A value is a string, a
    number, or a list of strings where the option takes several words; ``"!80"`` or ``["!", "80"]``
    negates it; a flag is set with ``""`` or True; None takes an option away. Assigning again
    replaces. Reading gives text as iptables prints it, None where the option is not there.

    The options are the truth until the rule is sent: they are checked one by one when they are
    set, and all together by :meth:`final_check` and when the rule is sent. What was read from a
    kernel is kept as it is, byte for byte, until an option is changed.
    """

    __slots__ = ()

    _kind: Kind

    def __init__(
        self,
        rule: Rule,
        name: Optional[str] = None,
        payload: Optional[bytes] = None,
        revision: Optional[int] = None,
    ) -> None:
        word = self._kind.name.lower()
        if not isinstance(rule, RuleCore):
            raise TypeError(f"a {word} belongs to a rule, not to {shown(rule)}")
        if name is None and payload is None:
            raise ValueError(f"can't create {word} based on nothing")
        if name is not None and not isinstance(name, str):
            raise TypeError(f"the name of a {word} is a string, not {shown(name)}")
        self._rule = rule
        if payload is not None:
            self._start_with_payload(payload)
        else:
            assert name is not None
            self._start_with_name(plain(name), revision)

    def _start_with_payload(self, payload: bytes) -> None:
        if not isinstance(payload, bytes):
            raise TypeError(f"a payload is bytes, not {shown(payload)}")
        size = int.from_bytes(payload[:2], sys.byteorder)
        if not PAYLOAD_HEADER <= len(payload) == size or size % 8:
            raise BlobError(f"a payload of {len(payload)} bytes that says it has {size}")
        self._payload = payload
        if payload_name(payload) in NAMESPACE_DEPENDENT:
            self._read_now()

    def _read_now(self) -> None:
        """What depends on the namespace becomes text while the thread is in it."""
        self._name = self.name
        if not self.is_opaque:
            self._options = self._read_options()

    def _start_with_name(self, name: str, revision: Optional[int]) -> None:
        extension = find_extension(self._family, self._kind, name)
        if revision is not None and revision != extension.revision:
            raise XTablesError(
                f"{name}: revision {shown(revision)} cannot be had, the library and this kernel have "
                f"agreed on {extension.revision}",
                name,
                revision,
                self._family,
            )
        self._name = name
        self._options = []

    # -- payload -----------------------------------------------------------------------------------

    @property
    def _family(self) -> int:
        return self._rule.nfproto if self._rule is not None else 2

    def _print(self) -> tuple[str, str]:
        """Name and options as the extension prints them; nothing where it is opaque."""
        payload = self._view()
        return part_text(self._family, self._kind, self._rule._head(), payload) or ("", "")

    def _text(self) -> str:
        """What stands after the name in a rule's text."""
        if self._options is None and self.is_opaque:
            return opaque_text(self._view())
        try:
            return self._print()[1]
        except XTablesError:
            # The extension refuses the options, as for another protocol than they were set for.
            return "".join(
                f"{' !' if option.inverted else ''} --{option.name} {' '.join(option.words)}".rstrip()
                for option in self._options or ()
            )

    # -- options -----------------------------------------------------------------------------------

    def _is_same_option(self, one: str, other: str) -> bool:
        """Whether two names are of one option, as ``dport`` and ``destination-port``."""
        table = self._option_table()
        return one == other or (
            one in table and other in table and table[one].id == table[other].id
        )

    def _option_of(self, name: str, value: Any, has_arg: int) -> Option:
        """An option from what a program assigned."""
        return _option_of(name, value, has_arg, self.name)

    def _set(self, options: list[Option], option: Option, text: Union[str, bytes, None]) -> None:
        """Set an option; *text* is what it was given as, where that was text."""
        try:
            self._try(self._with_option(options, option))
        except XTablesError as error:
            error.option = option.name
            # "!x" negates; where the library knows no negation of the option it is its text.
            if not option.inverted or text is None or "cannot be inverted" not in str(error):
                raise
            literal = Option(option.name, False, (_word_of(text),))
            try:
                self._try(self._with_option(options, literal))
            except XTablesError:
                raise error from None

    def _with_option(self, options: list[Option], option: Option) -> list[Option]:
        """The options with one replaced or added."""
        # policy: --next begins another element, which has the same options again.
        start = max((at + 1 for at, old in enumerate(options) if old.name == "next"), default=0)
        if option.name != "next":
            for at in range(start, len(options)):
                if self._is_same_option(options[at].name, option.name):
                    return [*options[:at], option, *options[at + 1 :]]
        return [*options, option]

    def set_parameter(self, parameter: str, value: Any = None) -> None:
        """Set an option, by its name with ``-`` or ``_``; None as value sets a flag."""
        if not isinstance(parameter, str):
            raise TypeError(f"the name of an option is a string, not {shown(parameter)}")
        self.parse(parameter.replace("_", "-"), "" if value is None else value)

    def get_parameter(self, parameter: str) -> Optional[str]:
        """An option's value as :attr:`parameters` has it, or None; any of its names will do."""
        parameters = self.parameters
        wanted = parameter.replace("-", "_")
        if wanted in parameters:
            return parameters[wanted]
        name = parameter.replace("_", "-")
        for found, value in parameters.items():
            if self._is_same_option(found.replace("_", "-"), name):
                return value
        return None

    def save(self, name: Optional[str]) -> Any:
        """One option's value, or :attr:`parameters` where *name* is empty."""
        return self.get_parameter(name) if name else self.parameters

    def reset(self) -> None:
        """Take all options away."""
        if self._options is None and self.is_opaque:
            raise XTablesError(f"{self.name}: its payload is of an unsupported revision", self.name)
        self._keep([])

    def final_check(self) -> None:
        """Check that all needed options are there and go together.

        Raises:
            XTablesError: They are not; the message is the library's.
        """
        self._make(final=True)

    def _is_property(self, name: str) -> bool:
        return isinstance(getattr(type(self), name, None), (property, GetSetDescriptorType))

    # -- what it is --------------------------------------------------------------------------------

    @property
    def revision(self) -> int:
        """Revision of the payload's layout."""
        return payload_revision(self._view())

    @property
    def rule(self) -> Optional[Rule]:
        """The rule it belongs to."""
        rule: Optional[Rule] = self._rule
        return rule

    @rule.setter
    def rule(self, rule: Rule) -> None:
        self._rule = rule

    @property
    def size(self) -> int:
        """Bytes of the payload, with its header."""
        return len(self._view())

    @property
    def usersize(self) -> int:
        """Bytes of the payload, with its header, that count when rules are compared."""
        return PAYLOAD_HEADER + user_size(self._family, self._kind, self._view())

    def _identity(self) -> bytes:
        return self._view()[: self.usersize]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, IPTCModule):
            return NotImplemented
        return self._kind == other._kind and self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash((self._kind, self._identity()))

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError(f"a {type(self).__name__} is pickled or copied with its rule")

    def _copy(self, rule: Rule) -> Any:
        """The same for another rule."""
        copy = type(self).__new__(type(self))
        copy._rule = rule
        copy._name = self._name
        copy._options = None if self._options is None else list(self._options)
        copy._said = None if self._said is None else set(self._said)
        copy._copy_made(self)
        for name in self._more_state:
            setattr(copy, name, getattr(self, name))
        return copy

    _more_state: tuple[str, ...] = ()

    def _state(self) -> tuple[Any, ...]:
        """For pickling: what :meth:`_restore` takes."""
        return (
            self._name,
            self._payload,
            self._options,
            tuple(getattr(self, name) for name in self._more_state),
        )

    @classmethod
    def _restore(cls, rule: Rule, state: tuple[Any, ...]) -> Any:
        module = cls.__new__(cls)
        name, payload, options, more = state
        module._rule = rule
        module._name, module._payload, module._options = name, payload, options
        for key, value in zip(cls._more_state, more):
            setattr(module, key, value)
        return module

    def __repr__(self) -> str:
        flag = "-m" if self._kind == Kind.MATCH else "-j"
        return f"<{type(self).__name__} {flag} {self.name}{self._text()}>"


def _option_of(name: str, value: Any, has_arg: int, module: str) -> Option:
    """An option from what a program assigned.

    Raises:
        TypeError: Neither text nor a number nor a list of these.
        XTablesError: A flag with a value, or an empty list.
    """
    inverted, words = _words_of(value)
    if has_arg == 0:
        # A few extensions read words after a flag (rateest); what is left over is an error.
        if len(words) == 1 and words[0].strip().lower() in _FLAG_VALUES:
            words = ()
    elif has_arg == 1 and inverted and not words:
        # A list of nothing but "!" is that text: an option with a value has one.
        return Option(name, False, ("!",))
    elif has_arg == 1 and not words:
        raise XTablesError(
            f'{module}: option "--{name}" requires an argument', module, None, None, name
        )
    for word in words[1:]:
        if word.startswith("-") or word == "!":
            raise XTablesError(
                f'{module}: option "--{name}": {shown(word)} is no value', module, None, None, name
            )
    return Option(name, inverted, words)


def _words_of(value: Any) -> tuple[bool, tuple[str, ...]]:
    if value is True:
        return False, ("",)
    if isinstance(value, (str, bytes, int)):
        text = _word_of(value)
        if text.startswith("!"):
            return True, (text[1:].lstrip(" "),)
        return False, (text,)
    if isinstance(value, Sequence):
        words = tuple(_word_of(word) for word in value)
        if words and words[0] == "!":
            return True, words[1:]
        return False, words
    raise TypeError(
        f"Invalid parameter value: must be string or list of strings, not {shown(value)}"
    )


def _word_of(value: Any) -> str:
    if isinstance(value, bytes):
        return decode(value)
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        return plain(value)
    raise TypeError(
        f"Invalid parameter value: must be string or list of strings, not {shown(value)}"
    )
