"""One piece of work with pyiptc or python-iptables, in a process of its own.

    python -m benchmarks.work '{"module": "pyiptc", "work": "objects", ...}'

Prints JSON: what the first time took (all caches are cold then), and what the next ones took.
Run by `benchmarks`, in a private namespace.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from . import rulesets, standin
from .rulesets import COMPLEX, Rules, Values


@dataclass(frozen=True)
class Order:
    """What is to be done; see the functions below for the meaning of `count` there."""

    module: str
    work: str
    family: str = "ipv4"
    kind: str = COMPLEX
    count: int = 1
    first: int = 0
    """The number of the first rule: those below may be there already."""
    warm: int = 0
    """How many times more, after the first."""
    file: str = ""
    backend: str = "legacy"
    """Of pyiptc."""


def _usage() -> tuple[float, float]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime, usage.ru_stime


def timed(work: Callable[[], Any]) -> tuple[dict[str, float], Any]:
    """Seconds that a function takes, and its result."""
    user, system = _usage()
    started = time.perf_counter()
    result = work()
    wall = time.perf_counter() - started
    user_after, system_after = _usage()
    seconds = {"wall": wall, "user": user_after - user, "system": system_after - system}
    return seconds, result


Step = tuple[Callable[[], Any], Callable[[Any], None]]
"""What is timed, and what looks at its result or tidies up afterwards."""


class Worker:
    """The names that pyiptc and python-iptables have in common, and the work done with them."""

    def __init__(self, order: Order) -> None:
        self.order = order
        os.environ["PYIPTC_BACKEND"] = order.backend
        self.iptc: Any = importlib.import_module(order.module)
        self.is_ours = order.module == "pyiptc"
        self.family = rulesets.FAMILIES[order.family]
        self.rule_class: Any = self.iptc.Rule6 if order.family == "ipv6" else self.iptc.Rule
        self.table_class: Any = self.iptc.Table6 if order.family == "ipv6" else self.iptc.Table
        self.rules = Rules(self.family, order.kind, order.count, order.first)

    def table(self) -> Any:
        return self.table_class("filter")

    def chain(self) -> Any:
        return self.iptc.Chain(self.table(), "INPUT")

    def build(self, values: Values) -> Any:
        """A rule, with the names that both libraries have."""
        rule = self.rule_class()
        rule.src = values.address
        if self.order.kind == COMPLEX:
            rule.in_interface = "eth0"
            rule.protocol = "tcp"
            rule.create_match("tcp").dport = str(values.port)
            rule.create_match("conntrack").ctstate = "NEW"
            rule.create_match("comment").comment = values.comment
            rule.create_target("ACCEPT")
        else:
            rule.create_target("DROP")
        return rule

    def take_back(self) -> None:
        """Leave the `first` rules that were there before."""
        table, chain = self.table(), self.chain()
        table.refresh()
        if self.order.first == 0:
            table.flush()
        elif self.is_ours:
            with table.transaction():
                for at in range(len(chain) - 1, self.order.first - 1, -1):
                    chain.delete(index=at)

    # Each of these is one kind of work: it yields a step for each time.

    def objects(self) -> Iterator[Step]:
        """`count` rules built, appended and committed together; then the table is empty again."""
        values = self.rules.values()

        def ours() -> None:
            with table.transaction():
                for value in values:
                    chain.append(self.build(value))

        def theirs() -> None:
            table.autocommit = False
            for value in values:
                chain.append_rule(self.build(value))
            table.commit()
            table.autocommit = True
            table.refresh()

        while True:
            table = self.table()
            chain = self.iptc.Chain(table, "INPUT")
            yield (ours if self.is_ours else theirs), ignore
            self.take_back()

    def objects_alone(self) -> Iterator[Step]:
        """The same statements, of objects with nothing behind them."""
        self.rule_class = standin.Rule
        values = self.rules.values()

        def work() -> None:
            for value in values:
                self.build(value)

        while True:
            yield work, ignore

    def build_only(self) -> Iterator[Step]:
        """`count` rules built and not used."""
        values = self.rules.values()
        while True:
            yield lambda: [self.build(value) for value in values], ignore

    def batch(self) -> Iterator[Step]:
        """`count` rules given as text, appended one by one in one transaction."""
        specs = self.rules.specs()
        table, chain = self.table(), self.chain()

        def work() -> None:
            with table.transaction():
                for spec in specs:
                    chain.append(spec)

        while True:
            yield work, ignore
            self.take_back()

    def extend(self) -> Iterator[Step]:
        """`count` rules given as text to `chain.extend`."""
        specs, chain = self.rules.specs(), self.chain()
        while True:
            yield lambda: chain.extend(specs), ignore
            self.take_back()

    def extend_template(self) -> Iterator[Step]:
        """`count` rules that differ in their address, `-s {} -j DROP`."""
        addresses, chain = self.rules.addresses(), self.chain()
        while True:
            yield lambda: chain.extend_template("-s {} -j DROP", addresses), ignore
            self.take_back()

    def extend_template_packed(self) -> Iterator[Step]:
        """The same, addresses as packed bytes."""
        addresses, chain = self.rules.packed(), self.chain()
        while True:
            yield lambda: chain.extend_template("-s {} -j DROP", addresses), ignore
            self.take_back()

    def restore(self) -> Iterator[Step]:
        """The text of a file restored into table filter, or added to it where `first` is not 0."""
        text, table = self.text(), self.table()
        flush = self.order.first == 0
        while True:
            yield lambda: table.restore(text, flush=flush), ignore
            self.take_back()

    def restore_nat(self) -> Iterator[Step]:
        """The text of a file restored into table nat; without flushing where `first` is not 0."""
        text, table = self.text(), self.table_class("nat")
        flush = self.order.first == 0
        while True:
            yield lambda: table.restore(text, flush=flush), ignore

    def text(self) -> str:
        with open(self.order.file, encoding="utf-8") as file:
            return file.read()

    def save(self) -> Iterator[Step]:
        """`save(counters=True)` of table filter, which has `count` rules."""

        def check(text: str) -> None:
            assert text.count("\n[0:0] -A INPUT ") == self.order.count

        while True:
            table = self.table()
            yield partial(table.save, counters=True), check

    def read(self) -> Iterator[Step]:
        """All that `count` rules say, asked of the kernel: addresses, options, target, counters."""

        def work() -> list[Any]:
            self.table().refresh()
            return [said(rule) for rule in self.chain().rules]

        def check(read: list[Any]) -> None:
            assert len(read) == self.order.count
            for at in (0, -1):
                source, _, interface, _, protocol, matches, target, _, counters = read[at]
                value = values[at]
                assert source.split("/")[0] == value.address
                assert tuple(counters) == (0, 0)
                if self.order.kind == COMPLEX:
                    assert (interface, protocol, target) == ("eth0", "tcp", "ACCEPT")
                    options = [("tcp", str(value.port)), ("conntrack", "NEW")]
                    comment = value.comment if self.is_ours else matches[2][1]["comment"]
                    assert [(name, *found.values()) for name, found in matches] == [
                        *options,
                        ("comment", comment),
                    ]

        values = self.rules.values()
        while True:
            yield work, check

    def read_alone(self) -> Iterator[Step]:
        """The same statements, of objects that have all of it at hand."""
        self.table().refresh()
        rules = [standin.copy_of(rule) for rule in self.chain().rules]
        while True:
            yield lambda: [said(rule) for rule in rules], ignore

    def read_dict(self) -> Iterator[Step]:
        """The same as dictionaries: `easy.dump_chain`, which both have."""

        def check(read: list[Any]) -> None:
            assert len(read) == self.order.count

        is_ipv6 = self.order.family == "ipv6"
        while True:
            yield lambda: self.iptc.easy.dump_chain("filter", "INPUT", ipv6=is_ipv6), check

    def insert(self) -> Iterator[Step]:
        """One rule inserted in front, committed; deleted again afterwards."""
        for value in self.rules.values():
            chain, rule = self.chain(), self.build(value)
            yield partial(chain.insert_rule, rule), partial(self.delete_first, chain)

    def insert_text(self) -> Iterator[Step]:
        """One rule given as text, inserted in front, committed; deleted again afterwards."""
        for spec in self.rules.specs():
            chain = self.chain()
            yield partial(chain.insert, spec), partial(self.delete_first, chain)

    def insert_new(self) -> Iterator[Step]:
        """One rule built, inserted in front, committed; deleted again afterwards."""

        def insert(chain: Any, value: Values) -> None:
            chain.insert_rule(self.build(value))

        for value in self.rules.values():
            chain = self.chain()
            yield partial(insert, chain, value), partial(self.delete_first, chain)

    def append_text(self) -> Iterator[Step]:
        """One rule after the other given as text, appended, committed; they stay."""
        chain = self.chain()
        for spec in self.rules.specs():
            yield partial(chain.append, spec), ignore

    def delete_first(self, chain: Any, _: object = None) -> None:
        if self.is_ours:
            chain.delete(index=0)
        else:
            chain.delete_rule(chain.rules[0])

    def delete(self) -> Iterator[Step]:
        """One rule deleted by what it says, out of the middle of `first`; put back in front."""

        def put_back(chain: Any, rule: Any, _: object) -> None:
            chain.insert_rule(rule)

        for value in self.middle():
            chain, rule = self.chain(), self.build(value)
            yield partial(chain.delete_rule, rule), partial(put_back, chain, rule)

    def delete_index(self) -> Iterator[Step]:
        """One rule deleted by its position in the middle of `first`; put back there."""

        def put_back(chain: Any, rule: Any, _: object) -> None:
            chain.insert(rule, index=at)

        at = self.order.first // 2
        while True:
            chain = self.chain()
            rule = chain.rules[at]
            yield partial(chain.delete, index=at), partial(put_back, chain, rule)

    def replace(self) -> Iterator[Step]:
        """One rule replaced in the middle of `first`."""
        for value in self.rules.values():
            chain, rule = self.chain(), self.build(value)
            yield partial(chain.replace_rule, rule, self.order.first // 2), ignore

    def delete_half(self) -> Iterator[Step]:
        """`first` rules gone through, and every second deleted on the way, in one transaction."""

        def ours() -> None:
            with table.transaction():
                for rule in chain.rules[::2]:
                    chain.delete_rule(rule)

        def theirs() -> None:
            table.autocommit = False
            for rule in chain.rules[::2]:
                chain.delete_rule(rule)
            table.commit()
            table.autocommit = True

        table, chain = self.table(), self.chain()
        yield (ours if self.is_ours else theirs), ignore

    def middle(self) -> list[Values]:
        """`count` rules out of the middle of the `first` that are there."""
        start = self.order.first // 2
        return Rules(self.family, self.order.kind, self.order.count, start).values()

    def contains(self) -> Iterator[Step]:
        """`rule in chain` of `first` rules: one that is there, built just before."""
        table, chain = self.table(), self.chain()
        table.refresh()
        step = max(1, self.order.first // max(1, self.order.warm))
        values = Rules(self.family, self.order.kind, self.order.first).values()
        for at in range(self.order.warm + 1):
            # From all over the chain, in no order.
            rule = self.build(values[(at * 7919 * step) % len(values)])
            yield partial(self.is_in, rule, chain), must_be(True)

    def contains_not(self) -> Iterator[Step]:
        """`rule in chain` of `first` rules: one that is not there, built just before."""
        table, chain = self.table(), self.chain()
        table.refresh()
        for value in self.rules.values():
            rule = self.build(value)
            yield partial(self.is_in, rule, chain), must_be(False)

    def is_in(self, rule: Any, chain: Any) -> bool:
        return rule in (chain if self.is_ours else chain.rules)

    def counters(self) -> Iterator[Step]:
        """Packets and bytes of `count` rules, which `chain.counters` reads afresh: one buffer."""

        def check(counters: Any) -> None:
            assert len(counters) == self.order.count, len(counters)

        chain = self.chain()
        while True:
            yield chain.counters, check

    def counters_objects(self) -> Iterator[Step]:
        """The same, out of objects: what both libraries have."""

        def work() -> Any:
            table.refresh()
            return [tuple(rule.get_counters()) for rule in chain.rules]

        def check(counters: Any) -> None:
            assert len(counters) == self.order.count, len(counters)

        table, chain = self.table(), self.chain()
        while True:
            yield work, check

    def chains(self) -> Iterator[Step]:
        """`count` chains made in one transaction, each with a rule, and jumped to."""

        def work() -> None:
            with table.transaction():
                for number in range(self.order.count):
                    made = table.create_chain(f"chain-{number}")
                    made.append("-j RETURN")
                    chain.append(f"-j chain-{number}")

        table, chain = self.table(), self.chain()
        while True:
            yield work, ignore

    def chain_lookup(self) -> Iterator[Step]:
        """Each of `count` chains looked up by name, and its rules read."""

        def work() -> int:
            table = self.table()
            return sum(
                len(self.iptc.Chain(table, f"chain-{number}").rules)
                for number in range(self.order.count)
            )

        self.table().refresh()
        while True:
            yield work, must_be(self.order.count)

    def kube_change(self) -> Iterator[Step]:
        """One service changed after the other, by objects, each in one transaction.

        `count` services with `first` endpoints each are in table nat.
        """

        def work(changed: rulesets.Service) -> None:
            by_chain: dict[str, list[str]] = {chain: [] for chain in changed.chains}
            for line in changed.lines():
                name, rule = line[3:].split(" ", 1)
                by_chain[name].append(rule)
            with table.transaction():
                for name, rules in by_chain.items():
                    chain = self.iptc.Chain(table, name)
                    chain.flush()
                    chain.extend(rules)

        table = self.table_class("nat")
        services = rulesets.kube_services(self.order.count, self.order.first)
        for changed in rulesets.kube_changes(services, self.order.warm + 1):
            yield partial(work, changed), ignore

    def kube_change_text(self) -> Iterator[Step]:
        """The same by `restore(text, flush=False)`."""
        table = self.table_class("nat")
        services = rulesets.kube_services(self.order.count, self.order.first)
        for changed in rulesets.kube_changes(services, self.order.warm + 1):
            text = rulesets.kube_change_text(changed)
            yield partial(table.restore, text, flush=False, counters=False), ignore


def ignore(_: Any) -> None:
    """There is nothing to look at and nothing to tidy up."""


def must_be(wanted: object) -> Callable[[Any], None]:
    """What looks whether a step's result is this."""

    def check(found: object) -> None:
        assert found == wanted, f"{found!r} instead of {wanted!r}"

    return check


def said(rule: Any) -> tuple[Any, ...]:
    """All that a rule says."""
    matches = [(match.name, match.parameters) for match in rule.matches]
    target = rule.target
    return (
        rule.src,
        rule.dst,
        rule.in_interface,
        rule.out_interface,
        rule.protocol,
        matches,
        target.name,
        # python-iptables cannot say the options of a verdict, of which there are none.
        target.standard_target or target.parameters,
        rule.get_counters(),
    )


# -- memory --------------------------------------------------------------------------------------------


def resident() -> int:
    """Bytes of memory that this process has."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def memory(worker: Worker, how: str) -> dict[str, int]:
    """Bytes by which this process grows for holding `count` rules, the table's own included.

    What libxtables and its extensions need is no matter of how many rules there are: they are
    loaded before.

    Args:
        how: "listed": as `chain.rules` gives them; "read": each has been looked at; "built".
    """
    order = worker.order
    values = Rules(worker.family, order.kind, order.count if how == "built" else 1).values()
    said(worker.build(values[0]))
    gc.collect()
    before = resident()
    built = [worker.build(value) for value in values] if how == "built" else []
    held = built or worker.chain().rules
    if how == "read":
        for rule in held:
            said(rule)
    gc.collect()
    assert len(held) == order.count
    return {"bytes": resident() - before}


def do(order: Order) -> dict[str, Any]:
    """Do the work; seconds of the first time and of each of the next ones."""
    worker = Worker(order)
    if order.work.startswith("memory_"):
        return memory(worker, order.work.removeprefix("memory_"))
    times: list[dict[str, float]] = []
    for step, finish in getattr(worker, order.work)():
        seconds, result = timed(step)
        times.append(seconds)
        finish(result)
        del result
        if len(times) > order.warm:
            break
    return {"cold": times[0], "warm": times[1:]}


def lacks(order: Order) -> str:
    """What the library has not got yet of that work, or ""."""
    if order.module == "pyiptc":
        chain = importlib.import_module(order.module).Chain
        needed = {"counters": "counters", "extend_template": "extend_template"}
        name = needed.get(order.work.removesuffix("_packed"))
        if name is not None and not hasattr(chain, name):
            return f"Chain.{name}"
    return ""


def main() -> int:
    order = Order(**json.loads(sys.argv[1]))
    missing = lacks(order)
    print(json.dumps({"missing": missing} if missing else do(order)))
    return 0


def order_text(order: Order) -> str:
    """An order as a word of a command line."""
    return json.dumps(asdict(order))


if __name__ == "__main__":
    sys.exit(main())
