"""Every public function, method and property, with everything that it was not made for.

    python -m isolated.hostile ipv4

For a process of its own, without CAP_SYS_ADMIN: a number is a process id where a namespace is
wanted, and nothing here may come into another one. Prints one JSON object: for each call that did
not end as documented, what it was and what came of it.
"""

from __future__ import annotations

import inspect
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyiptc
from support import isolated, rights
from support.family import FAMILIES, Family
from support.rawtable import Snapshot

DOCUMENTED = (pyiptc.IPTCError, TypeError, ValueError, AttributeError, IndexError)
"""IndexError: `easy.get_rule` says so. AttributeError: what python-iptables' functions raise."""

LONGEST = 5.0 * isolated.patience()
"""Seconds: more than any call needs, huge values included."""

LONGEST_MESSAGE = 5000
"""Characters: a message is to be read."""

DEPTH = 5000
"""Deeper than the interpreter follows."""

RULES = """\
*filter
:INPUT ACCEPT [1:2]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:user - [0:0]
:empty - [0:0]
[3:4] -A INPUT -p tcp -m tcp --dport 1 -j user
[5:6] -A INPUT -p udp -m comment --comment two -j DROP
[7:8] -A user -j RETURN
COMMIT
"""


# -- values ----------------------------------------------------------------------------------------


class Odd:
    """Looks like a number, a file and a string, and is none."""

    def __index__(self) -> int:
        return -7

    def fileno(self) -> int:
        return -1

    def __str__(self) -> str:
        return "odd"


def deep_list() -> Any:
    value: Any = []
    for _ in range(DEPTH):
        value = [value]
    return value


def deep_dict(key: str = "next") -> Any:
    value: Any = {}
    for _ in range(DEPTH):
        value = {key: value}
    return value


VALUES: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "True": lambda: True,
    "False": lambda: False,
    "Ellipsis": lambda: ...,
    "0": lambda: 0,
    "-1": lambda: -1,
    "2**31": lambda: 1 << 31,
    "2**32": lambda: 1 << 32,
    "2**63": lambda: 1 << 63,
    "2**64": lambda: 1 << 64,
    "-2**64": lambda: -(1 << 64),
    "10**5000": lambda: 10**5000,
    "0.5": lambda: 0.5,
    "-0.5": lambda: -0.5,
    "nan": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "1j": lambda: 1j,
    "empty text": lambda: "",
    "blank": lambda: " ",
    "newline": lambda: "\n",
    "NUL": lambda: "\0",
    "NUL inside": lambda: "INPUT\0x",
    "minus": lambda: "-",
    "bang": lambda: "!",
    "slash": lambda: "/",
    "dots": lambda: "../../x",
    "percent": lambda: "%s%n%d",
    "quote": lambda: '"',
    "surrogate escape": lambda: "\udcff",
    "half a surrogate": lambda: "\ud800",
    "not ASCII": lambda: "żółć\u202e",
    "digits": lambda: "9" * 10_000,
    "29 letters": lambda: "x" * 29,
    "300 letters": lambda: "x" * 300,
    "many letters": lambda: "x" * 200_000,
    "many spaces": lambda: " " * 20_000,
    "many quotes": lambda: "'" * 200_000,
    "bytes": lambda: b"x",
    "no bytes": lambda: b"",
    "NUL bytes": lambda: bytes(112),
    "full bytes": lambda: b"\xff" * 200,
    "huge bytes": lambda: bytes(1_000_000),
    "bytearray": lambda: bytearray(b"x"),
    "memoryview": lambda: memoryview(b"x"),
    "empty list": list,
    "list of None": lambda: [None],
    "list of numbers": lambda: [1, -1],
    "list of text": lambda: ["x"],
    "list of NUL": lambda: ["\0"],
    "list of surrogates": lambda: ["\ud800"],
    "long list": lambda: ["x"] * 20_000,
    "deep list": deep_list,
    "empty tuple": tuple,
    "one": lambda: (1,),
    "three": lambda: (1, 2, 3),
    "negative pair": lambda: (-1, -1),
    "huge pair": lambda: (1 << 64, 1 << 64),
    "pair of text": lambda: ("1", "2"),
    "empty dict": dict,
    "dict of None": lambda: {None: None},
    "dict of text": lambda: {"": ""},
    "dict of surrogates": lambda: {"\ud800": "\ud800"},
    "deep dict": deep_dict,
    "set": lambda: {"x"},
    "object": object,
    "class": lambda: int,
    "function": lambda: lambda *args: None,
    "generator": lambda: iter([None, 1]),
    "odd": Odd,
    "module": lambda: pyiptc,
}

INSIDE = [
    *("None", "True", "0", "-1", "2**64", "nan", "empty text", "blank", "newline", "NUL inside"),
    *("bang", "quote", "surrogate escape", "half a surrogate", "digits", "29 letters"),
    *("many letters", "NUL bytes", "list of None", "deep list", "one", "dict of text", "deep dict"),
    *("object", "generator"),
]
"""Values that are also tried inside of others."""

Wrap = Callable[[Any], Any]


def text_of(value: Any) -> str:
    """A value to be put into text; repr() of a deep one has no end."""
    return value if isinstance(value, str) else type(value).__name__


RULE_DICTS: list[Wrap] = [
    lambda value: {"src": value},
    lambda value: {"in-interface": value},
    lambda value: {"protocol": value},
    lambda value: {"fragment": value},
    lambda value: {"counters": value},
    lambda value: {"protocol": "tcp", "tcp": value},
    lambda value: {"protocol": "tcp", "tcp": {"dport": value}},
    lambda value: {"comment": {"comment": value}},
    lambda value: {"policy": {"dir": "in", "pol": "ipsec", "next": value}},
    lambda value: {"x": {"(payload)": value}},
    lambda value: {"target": value},
    lambda value: {"target": {"goto": value}},
    lambda value: {"target": {"LOG": value}},
    lambda value: {"target": {"LOG": {"log-prefix": value}}},
    lambda value: {value: "x"},
    lambda value: {"set": {"match-set": value}},
]
TABLE_DICTS: list[Wrap] = [
    lambda value: {"chains": value},
    lambda value: {"chains": {"INPUT": value}},
    lambda value: {"chains": {"INPUT": {"rules": value}}},
    lambda value: {"chains": {"INPUT": {"rules": [value]}}},
    lambda value: {"chains": {"INPUT": {"policy": value, "rules": []}}},
    lambda value: {"chains": {"INPUT": {"policy": "DROP", "counters": value, "rules": []}}},
    lambda value: {"chains": {value: {"rules": []}}},
]
LINES: list[Wrap] = [
    lambda value: [value],
    lambda value: ["*filter", value, "COMMIT"],
    lambda value: f"*filter\n{text_of(value)}\nCOMMIT\n",
    lambda value: f"*filter\n:{text_of(value)} - [0:0]\nCOMMIT\n",
    lambda value: f"*filter\n-A INPUT -m comment --comment {text_of(value)}\nCOMMIT\n",
]
BATCHES: list[Wrap] = [
    lambda value: [value],
    lambda value: [(value, {"target": "ACCEPT"}, 0)],
    lambda value: [("INPUT", value, 0)],
    lambda value: [("INPUT", {"target": "ACCEPT"}, value)],
    lambda value: [("INPUT", {"target": "ACCEPT"}, 0), ("INPUT", value, 0)],
]
ANY_RULES: list[Wrap] = [
    lambda value: [value],
    lambda value: ["-s", value],
    lambda value: f"-p tcp -m tcp --dport {text_of(value)} -j ACCEPT",
    lambda value: f"-m comment --comment {text_of(value)} -j {text_of(value)}",
]

WRAPPED: dict[str, list[Wrap]] = {
    "rule_d": RULE_DICTS,
    "new_rule_d": RULE_DICTS,
    "Rule.from_dict.value": RULE_DICTS,
    "Table.restore.text": [*LINES, *TABLE_DICTS],
    "restore.text": [lambda value: {"filter": value}, lambda value: {value: {"chains": {}}}],
    "batch_rules": BATCHES,
    "Chain.append.rule": ANY_RULES,
    "Chain.ensure.rule": ANY_RULES,
    "Chain.extend.rules": [lambda value: ["-j ACCEPT", value]],
    "Rule.parse_all.text": ANY_RULES,
    "counters": [lambda value: (value, 0), lambda value: [0, value]],
    "Rule.counters": [lambda value: (value, 0)],
    "IPTCModule.parse.value": [lambda value: ["!", value], lambda value: [value, value]],
    "chains": [lambda value: ["one", value]],
}
"""Values inside of what is well formed, by parameter or by function and parameter."""


# -- what is called --------------------------------------------------------------------------------


class Bench:
    """A table with rules in it, and good arguments for everything."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.Table, self.Rule = family.Table, family.Rule
        self.Table("filter").restore(RULES)
        # The kernel starts counting anew with what is put back.
        Snapshot.of(family.name, "filter").put()
        self.snapshot = Snapshot.of(family.name, "filter")
        self.renew()

    def renew(self) -> None:
        """Have new objects, and the table as it was."""
        if Snapshot.of(self.family.name, "filter") != self.snapshot:
            self.snapshot.put()
        for cls in (pyiptc.Table, pyiptc.Table6):
            for table in list(cls._cache.values()):
                table.close()
        pyiptc.strict = False
        self.table = self.Table("filter")
        self.chain = pyiptc.Chain(self.table, "INPUT")
        self.parts()

    def parts(self) -> None:
        """New rules, which belong to nothing."""
        self.rule = self.Rule.parse("-p tcp -m tcp --dport 1 -j LOG")
        self.match, self.target = self.rule.matches[0], self.rule.target

    @property
    def is_changed(self) -> bool:
        return Snapshot.of(self.family.name, "filter") != self.snapshot

    def good(self, path: str, parameter: str) -> Any:
        """An argument that is fine. Raises KeyError where none is known."""
        for key in (f"{path}.{parameter}", parameter):
            if key in GOOD:
                return GOOD[key](self)
        raise KeyError(f"no good argument is known for {parameter} of {path}")


RULE_D = {"protocol": "tcp", "tcp": {"dport": "1"}, "target": "user"}

GOOD: dict[str, Callable[[Bench], Any]] = {
    "atomic": lambda bench: False,
    "autocommit": lambda bench: True,
    "backend": lambda bench: "legacy",
    "batch_rules": lambda bench: [("INPUT", RULE_D, 0)],
    "chain": lambda bench: "INPUT",
    "Rule.chain": lambda bench: bench.chain,
    "Rule6.chain": lambda bench: bench.chain,
    "Table.create_chain.chain": lambda bench: "another",
    "Table.create_rule.chain": lambda bench: bench.chain,
    "Table.delete_chain.chain": lambda bench: "empty",
    "Table.rename_chain.chain": lambda bench: "user",
    "chains": lambda bench: ["one", "two"],
    "comment": lambda bench: "two",
    "comments": lambda bench: True,
    "counters": lambda bench: (1, 2),
    "Table.save.counters": lambda bench: True,
    "Table.restore.counters": lambda bench: True,
    "restore.counters": lambda bench: True,
    "save.counters": lambda bench: True,
    "dst": lambda bench: bench.family.network,
    "easy.add_chain.chain": lambda bench: "another",
    "easy.delete_chain.chain": lambda bench: "empty",
    "entry": lambda bench: bytes(bench.Rule.parse("-j ACCEPT").rule),
    "Table.next_rule.entry": lambda bench: bench.table.first_rule("INPUT"),
    "exc_if_failed": lambda bench: True,
    "family": lambda bench: bench.family.name,
    "flush": lambda bench: True,
    "frag": lambda bench: False,
    "goto": lambda bench: False,
    "handle": lambda bench: "legacy",
    "has_chain": lambda bench: lambda name: False,
    "index": lambda bench: 0,
    "intf": lambda bench: "eth0",
    "iptc_rule": lambda bench: bench.rule,
    "ipv6": lambda bench: bench.family.is_ipv6,
    "lock": lambda bench: "auto",
    "mask": lambda bench: None,
    "match": lambda bench: bench.match,
    "Match.match": lambda bench: None,
    "name": lambda bench: "tcp",
    "Chain.name": lambda bench: "INPUT",
    "Policy.name": lambda bench: "DROP",
    "Match.__setattr__.name": lambda bench: "dport",
    "Match.__delattr__.name": lambda bench: "dport",
    "Target.__setattr__.name": lambda bench: "log_prefix",
    "Target.__delattr__.name": lambda bench: "log_prefix",
    "Rule.create_target.name": lambda bench: "LOG",
    "Table.name": lambda bench: "filter",
    "Table6.name": lambda bench: "filter",
    "Target.name": lambda bench: "LOG",
    "easy.test_target.name": lambda bench: "LOG",
    "ip4tc.is_table_available.name": lambda bench: "filter",
    "ip6tc.is_table6_available.name": lambda bench: "filter",
    "xtables.xtables.find_target.name": lambda bench: "LOG",
    "names": lambda bench: "xtables",
    "netns": lambda bench: None,
    "new_name": lambda bench: "renamed",
    "new_rule_d": lambda bench: {"target": "ACCEPT"},
    "old_rule_d": lambda bench: RULE_D,
    "other": lambda bench: None,
    "template": lambda bench: "-s {} -j user",
    "values": lambda bench: [bench.family.host],
    "wanted": lambda bench: "legacy",
    "packets": lambda bench: 1,
    "bytes": lambda bench: 1,
    "parameter": lambda bench: "dport",
    "Target.parse.parameter": lambda bench: "log-prefix",
    "Target.set_parameter.parameter": lambda bench: "log-prefix",
    "payload": lambda bench: None,
    "policy": lambda bench: "DROP",
    "position": lambda bench: 0,
    "proto": lambda bench: 2,
    "raise_exc": lambda bench: True,
    "resolve": lambda bench: False,
    "retries": lambda bench: 1,
    "revision": lambda bench: None,
    "rule": lambda bench: bench.rule,
    "rule_d": lambda bench: RULE_D,
    "rules": lambda bench: ["-j ACCEPT", bench.rule],
    "spec": lambda bench: "nowhere",
    "src": lambda bench: bench.family.network,
    "table": lambda bench: "filter",
    "Chain.table": lambda bench: bench.table,
    "tables": lambda bench: bench.table,
    "target": lambda bench: None,
    "test": lambda bench: True,
    "text": lambda bench: "-p tcp -m tcp --dport 1 -j ACCEPT",
    "Table.restore.text": lambda bench: RULES,
    "restore.text": lambda bench: RULES,
    "value": lambda bench: "1",
    "Rule.from_dict.value": lambda bench: RULE_D,
    "easy.test_match.value": lambda bench: {"dport": "1"},
    "easy.test_target.value": lambda bench: {"log-prefix": "x"},
    "wait": lambda bench: 1.0,
    "zero": lambda bench: False,
}
"""Good arguments: by parameter, or by function and parameter. Of Rule6, Table6 as of Rule, Table."""

SPECIAL = {
    f"__{name}__"
    for name in ("contains", "eq", "getitem", "iter", "len", "setattr", "delattr", "getattr")
}
"""Methods with underscores that are called too."""


@dataclass(frozen=True)
class Callee:
    """Something public that can be called: a function, a method, a class, a property's setter."""

    path: str
    get: Callable[[Bench], Any]
    parameters: tuple[inspect.Parameter, ...]


def parameters_of(function: Any) -> tuple[inspect.Parameter, ...]:
    return tuple(inspect.signature(function).parameters.values())


VALUE = inspect.Parameter("value", inspect.Parameter.POSITIONAL_ONLY)
NAME = inspect.Parameter("name", inspect.Parameter.POSITIONAL_ONLY)


def holder(cls: type) -> Callable[[Bench], Any]:
    """How to get an object of a class."""
    if issubclass(cls, pyiptc.Table):
        return lambda bench: bench.table
    if issubclass(cls, pyiptc.Rule):
        return lambda bench: bench.rule
    if issubclass(cls, pyiptc.Target):
        return lambda bench: bench.target
    if issubclass(cls, pyiptc.ip4tc.IPTCModule):
        return lambda bench: bench.match
    if cls is pyiptc.Chain:
        return lambda bench: bench.chain
    if cls is pyiptc.Counters:
        return lambda bench: pyiptc.Counters(1, 2)
    if cls is pyiptc.Policy:
        return lambda bench: pyiptc.Policy("DROP")
    if cls is pyiptc.xtables.xtables:
        return lambda bench: pyiptc.xtables.xtables(bench.family.nfproto)
    raise KeyError(f"no object of {cls.__name__} is known")


def is_other_family(cls: type, family: Family) -> bool:
    classes = (pyiptc.Table, pyiptc.Rule) if family.is_ipv6 else (pyiptc.Table6, pyiptc.Rule6)
    return cls in classes


def public(family: Family) -> Iterator[Callee]:
    """All that `pyiptc.__all__` names and what these have, for a family."""
    done: set[int] = set()

    def visit(path: str, value: Any) -> Iterator[Callee]:
        if inspect.ismodule(value):
            for name in getattr(value, "__all__", ()):
                yield from visit(f"{path}.{name}", getattr(value, name))
            return
        if id(value) in done:
            return
        done.add(id(value))
        if inspect.isclass(value):
            if issubclass(value, BaseException) or is_other_family(value, family):
                return
            name = path.replace("Rule6", "Rule").replace("Table6", "Table")
            yield Callee(name, lambda bench: value, parameters_of(value))
            yield from of_class(name, value)
        elif callable(value):
            yield Callee(path, lambda bench: value, parameters_of(value))

    for name in pyiptc.__all__:
        yield from visit(name, getattr(pyiptc, name))


def of_class(path: str, cls: type) -> Iterator[Callee]:
    """Methods, setters and operators of a class; properties that are only read are methods too."""
    held = holder(cls)
    for name in sorted({name for base in cls.__mro__[:-1] for name in vars(base)}):
        if cls is pyiptc.Counters and name not in pyiptc.Counters._fields:
            continue  # what a tuple has
        found = inspect.getattr_static(cls, name)
        if name.startswith("_") and name not in SPECIAL:
            continue
        get, where = getter(held, name), f"{path}.{name}"
        if isinstance(found, property):
            yield Callee(where, reader(get), ())
            if found.fset is not None:
                yield Callee(where, setter(held, name), (VALUE,))
        elif name in SPECIAL:
            yield of_special(where, name, held)
        elif callable(found) or isinstance(found, (classmethod, staticmethod)):
            skipped = 0 if isinstance(found, (classmethod, staticmethod)) else 1
            yield Callee(where, get, parameters_of(getattr(cls, name))[skipped:])
        elif not isinstance(found, (str, int, list, dict)):
            yield Callee(where, reader(get), ())


def getter(held: Callable[[Bench], Any], name: str) -> Callable[[Bench], Any]:
    return lambda bench: getattr(held(bench), name)


def reader(get: Callable[[Bench], Any]) -> Callable[[Bench], Any]:
    return lambda bench: lambda: get(bench)


def setter(held: Callable[[Bench], Any], name: str) -> Callable[[Bench], Any]:
    return lambda bench: lambda value: setattr(held(bench), name, value)


def of_special(where: str, name: str, held: Callable[[Bench], Any]) -> Callee:
    calls: dict[str, tuple[Callable[..., Any], tuple[inspect.Parameter, ...]]] = {
        "contains": (lambda held, value: value in held, (VALUE,)),
        "eq": (lambda held, value: held == value, (VALUE,)),
        "getitem": (lambda held, value: held[value], (VALUE,)),
        "iter": (lambda held: list(held), ()),
        "len": (lambda held: len(held), ()),
        "setattr": (lambda held, name, value: setattr(held, name, value), (NAME, VALUE)),
        "delattr": (lambda held, name: delattr(held, name), (NAME,)),
        "getattr": (lambda held, name: getattr(held, name), (NAME,)),
    }
    call, parameters = calls[name.strip("_")]
    return Callee(where, lambda bench: lambda *args: call(held(bench), *args), parameters)


# -- calling ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """One call: which parameter has which value; the others have good ones."""

    callee: Callee
    parameter: str
    value: str
    make: Callable[[], Any]

    def __str__(self) -> str:
        given = f"({self.parameter}: {self.value})" if self.parameter else ""
        return self.callee.path + given

    def run(self, bench: Bench) -> None:
        args, kwargs = [], {}
        for parameter in self.callee.parameters:
            value = (
                self.make()
                if parameter.name == self.parameter
                else bench.good(self.callee.path, parameter.name)
            )
            if parameter.kind == inspect.Parameter.KEYWORD_ONLY:
                kwargs[parameter.name] = value
            else:
                args.append(value)
        result = self.callee.get(bench)(*args, **kwargs)
        if hasattr(result, "__enter__") and not isinstance(result, pyiptc.Table):
            with result:
                pass
        if not isinstance(result, pyiptc.Counters):  # a tuple of whatever it was made of
            str(result), repr(result)


def calls(callee: Callee) -> Iterator[Call]:
    """The call with good arguments, and then with each value for each parameter."""
    yield Call(callee, "", "", lambda: None)
    for parameter in callee.parameters:
        for value, make in VALUES.items():
            yield Call(callee, parameter.name, value, make)
        wraps = WRAPPED.get(f"{callee.path}.{parameter.name}") or WRAPPED.get(parameter.name, [])
        for number, wrap in enumerate(wraps):
            for value in INSIDE:
                made = inside(wrap, VALUES[value])
                yield Call(callee, parameter.name, f"{value}, in form {number}", made)


def inside(wrap: Wrap, make: Callable[[], Any]) -> Callable[[], Any]:
    return lambda: wrap(make())


def judge(call: Call, bench: Bench) -> str:
    """What is not as documented, or nothing."""
    error = None
    started = time.monotonic()
    try:
        call.run(bench)
    except DOCUMENTED as raised:
        error = raised
    except Exception as raised:
        return f"{type(raised).__name__}: {str(raised)[:200]}"
    took = time.monotonic() - started
    if took > LONGEST:
        return f"slow: {took:.1f} s"
    if error is None:
        bench.renew()
        return ""
    words = str(error)
    if len(words) > LONGEST_MESSAGE:
        return f"long: {type(error).__name__} of {len(words)} characters: {words[:80]}"
    if bench.is_changed:
        return f"changed: {type(error).__name__}: {words[:200]}"
    bench.parts()
    return ""


def check(family: Family) -> dict[str, Any]:
    """What each callee has to answer for, and what could not be called."""
    bench = Bench(family)
    found: dict[str, str] = {}
    unknown: list[str] = []
    counts: dict[str, int] = {}
    for callee in public(family):
        try:
            for parameter in callee.parameters:
                bench.good(callee.path, parameter.name)
        except KeyError as error:
            unknown.append(str(error))
            continue
        for call in calls(callee):
            counts[callee.path] = counts.get(callee.path, 0) + 1
            words = judge(call, bench)
            if words:
                found[str(call)] = words
                bench.renew()
    bench.renew()
    bench.chain.append(bench.rule)
    bench.chain.delete(bench.rule)
    return {"found": found, "unknown": unknown, "counts": counts, "changed": bench.is_changed}


def main() -> None:
    warnings.simplefilter("ignore")
    rights.keep_only(rights.CAP_NET_ADMIN, rights.CAP_NET_RAW, rights.CAP_DAC_OVERRIDE)
    json.dump(check(FAMILIES[sys.argv[1]]), sys.stdout)


if __name__ == "__main__":
    main()
