# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules as dictionaries: the form of :mod:`pyiptc.easy`.

``{"src": "10.0.0.0/8", "protocol": "tcp", "tcp": {"dport": "22"}, "target": "ACCEPT",
"counters": (0, 0)}``: header fields, then a key for each match, the target, the counters.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Optional, Union

from .enums import Family
from .errors import RuleError, XTablesError, shown
from .match import Match
from .target import Target
from .text import plain

if TYPE_CHECKING:
    from .rule import Rule

__all__ = ["fill", "to_dict"]

#: Keys of the header, and the attributes of a rule that they are.
_HEADER = {
    "src": "src",
    "dst": "dst",
    "protocol": "protocol",
    "in-interface": "in_interface",
    "out-interface": "out_interface",
    "fragment": "fragment",
}

#: What any protocol reads as: the kernel does not look at an inversion of it.
_ANY_PROTOCOL = ("ip", "!ip")

#: The IPv6 match `dst` would have the key of the destination address.
_RENAMED = {"dst": "match:dst"}
#: The option that stands for a whole payload, in hexadecimal digits: of a match or target that
#: nothing here can read. No extension can have one of this name.
_OPAQUE = "(payload)"

_RENAMED_BACK = {value: key for key, value in _RENAMED.items()}


def to_dict(rule: Rule) -> dict[str, Any]:
    """A rule as a dictionary; :func:`fill` makes an equal rule of it.

    A single word is itself, several are a list, ``"!"`` first where negated, ``""`` a flag.
    Repeated matches are a list of dictionaries; the further elements of ``policy`` are a dictionary
    under ``next``. What is not restricted is left out.
    """
    result: dict[str, Any] = {}
    protocol = rule.protocol
    for key, value in (
        ("src", rule._restriction(False)),
        ("dst", rule._restriction(True)),
        ("protocol", None if protocol in _ANY_PROTOCOL else protocol),
        ("in-interface", rule.in_interface),
        ("out-interface", rule.out_interface),
    ):
        if value is not None:
            result[key] = value
    if rule._family == Family.IPV4 and rule.fragment:
        result["fragment"] = rule.fragment
    for match in rule.matches:
        _add_match(result, match)
    target = rule.target
    if target is not None and target.name:
        options = _options(target)
        if options:
            result["target"] = {target.name: options}
        else:
            result["target"] = {"goto": target.name} if target.goto else target.name
    result["counters"] = tuple(rule.counters)
    return result


def _add_match(result: dict[str, Any], match: Match) -> None:
    name = match.name
    name = _RENAMED.get(name, name)
    options = _options(match)
    if name not in result:
        result[name] = options
    elif isinstance(result[name], list):
        result[name].append(options)
    else:
        result[name] = [result[name], options]


def _options(module: Any) -> dict[str, Any]:
    options = module._read_options()
    if not options and module.is_opaque:
        return {_OPAQUE: module._view().hex()}
    result: dict[str, Any] = {}
    element = result
    for name, inverted, words in options:
        if name == "next":
            # policy: what follows belongs to the next element.
            element["next"] = element = {}
        elif inverted:
            element[name] = ["!", *words] if words else "!"
        # A lone word that begins with "!" stays in its list: outside it would negate.
        elif len(words) == 1 and not words[0].startswith("!"):
            element[name] = words[0]
        else:
            element[name] = list(words) or ""
    return result


def fill(
    rule: Rule, value: Mapping[str, Any], has_chain: Optional[Callable[[str], bool]] = None
) -> None:
    """Make a rule that is empty what a dictionary says.

    Args:
        has_chain: Tells whether the table that the rule is for has a chain of a name; None: look.

    Raises:
        TypeError: Not a dictionary of the right shape.
        RuleError: A field of the header is invalid.
        XTablesError: An unknown match, target or option, or an invalid value.
    """
    if not isinstance(value, Mapping):
        raise TypeError(f"a rule is a dictionary, not {shown(value)}")
    for key, attribute in _HEADER.items():
        if key in value and not (key == "dst" and isinstance(value[key], (Mapping, list))):
            _set_field(rule, key, attribute, value[key])
    for key, item in value.items():
        if key == "counters":
            rule.counters = item
        elif key == "target":
            continue
        elif key not in _HEADER or (key == "dst" and isinstance(item, (Mapping, list))):
            _set_match(rule, _RENAMED_BACK.get(key, key), item)
    target = value.get("target", "")
    goto = isinstance(target, Mapping) and list(target) == ["goto"]
    name = target["goto"] if goto else target
    if has_chain is not None and isinstance(name, str) and name and has_chain(plain(name)):
        rule.target = Target._to_chain(rule, plain(name), goto)
    else:
        _set_target(rule, target)


def _set_field(rule: Rule, key: str, attribute: str, value: Any) -> None:
    try:
        setattr(rule, attribute, value)
    except AttributeError as error:
        raise RuleError(f"{key}: {error}") from error


def _set_match(rule: Rule, name: str, value: Any) -> None:
    if not isinstance(name, str):
        raise TypeError(f"a key of a rule is a string, not {shown(name)}")
    if (
        isinstance(value, (list, tuple))
        and value
        and all(isinstance(item, (Mapping, list, tuple)) for item in value)
    ):
        for item in value:
            _set_one_match(rule, name, item)
    else:
        _set_one_match(rule, name, value)


def _set_one_match(rule: Rule, name: str, value: Any) -> None:
    if isinstance(value, Mapping) and _OPAQUE in value:
        rule.add_match(Match(rule, match=_opaque_payload(name, value)))
        return
    try:
        match = rule.create_match(name)
    except XTablesError as error:
        raise XTablesError(f"field {shown(name)}: {error}", name) from error
    if isinstance(value, Mapping):
        _set_options(match, value)
    else:
        match.set_parameter(name, value)


def _opaque_payload(name: str, value: Mapping[str, Any]) -> bytes:
    digits = value[_OPAQUE]
    if len(value) != 1 or not isinstance(digits, str):
        raise TypeError(f"{name}: {_OPAQUE!r} is the only key, and its value is text")
    try:
        return bytes.fromhex(digits)
    except ValueError as error:
        raise RuleError(f"{name}: {_OPAQUE!r}: {error}") from error


def _set_options(module: Any, options: Mapping[str, Any]) -> None:
    if not isinstance(options, Mapping):
        raise TypeError(f"options of {module.name} are a dictionary, not {shown(options)}")
    for option, words in options.items():
        if option == "next" and isinstance(words, Mapping):
            module.set_parameter("next")
            _set_options(module, words)
        else:
            module.set_parameter(option, words)


def _set_target(rule: Rule, value: Union[str, Mapping[str, Any], None]) -> None:
    if value is None or isinstance(value, str):
        rule.create_target(value or "")
        return
    if not isinstance(value, Mapping) or len(value) != 1:
        raise TypeError(f"a target is a name or {{name: options}}, not {shown(value)}")
    ((name, options),) = value.items()
    if name == "goto":
        rule.create_target(options, goto=True)
        return
    if isinstance(options, Mapping) and _OPAQUE in options:
        rule.target = Target(rule, target=_opaque_payload(name, options))
        return
    _set_options(rule.create_target(name), options)
