"""Tables of nf_tables: pyiptc beside iptables-nft, nft, and the bare messages."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from . import rulesets, suite
from .rulesets import COMPLEX, IPV4_NFT, Rules
from .running import BenchmarkError, Ground, find_tool, run
from .suite import PROCESS, PYIPTC, WARM, Case, Contender, Goal, Samples, library, messages, tool

FLOOR = "bare messages"
FORK = "iptables-nft -A"
RESTORE = "iptables-nft-restore"
SAVE = "iptables-nft-save -t filter -c"
READ = "pyiptc, read"


def cases(scale: float) -> Iterator[Case]:
    """All of them; *scale* below 1 makes them smaller."""
    for existing in (0, 1000, 10_000):
        yield append(existing, int(existing * scale), "INPUT")
    for existing in (1000, 10_000):
        yield append(existing, int(existing * scale), "FORWARD")
    for count in (10_000, 50_000):
        yield restore(count, max(20, int(count * scale)))
    for count in (10_000, 50_000):
        yield read(count, max(20, int(count * scale)))


def cleared(ground: Ground) -> None:
    """nf_tables has nothing."""
    run([find_tool("nft"), "flush", "ruleset"])


def filled(rules: Rules, chain: str) -> Callable[[Ground], None]:
    """Have these rules in a chain of table filter, and nothing else in nf_tables."""

    def prepare(ground: Ground) -> None:
        cleared(ground)
        if rules.count > 0:
            ground.load(rules.family, suite.text_of(rules, chain)(ground))

    return prepare


def has(*wanted: tuple[Rules, str]) -> Callable[[Ground], None]:
    """Table filter must have these rules in these chains and no others, as iptables-nft prints them."""

    def check(ground: Ground) -> None:
        found = ground.saved(IPV4_NFT)
        lines = [line for rules, chain in wanted for line in rules.lines(chain)]
        # Chains stand in the order in which they were made.
        if sorted(found) != sorted(lines):
            raise AssertionError(f"{len(found)} rules instead of {len(lines)}, or other ones")
        for rules, chain in wanted:
            if [line for line in found if line.startswith(f"-A {chain} ")] != rules.lines(chain):
                raise AssertionError(f"rules of {chain} are in another order")

    return check


def append(size: int, existing: int, chain: str) -> Case:
    """One rule appended to INPUT, where *chain* has *existing* ones."""
    there = Rules(IPV4_NFT, COMPLEX, existing)
    times = 10 if existing >= 5000 else 20
    new = Rules(IPV4_NFT, COMPLEX, times, existing)
    where = f"nft-append-{size}" if chain == "INPUT" else f"nft-append-elsewhere-{size}"
    title = "there" if chain == "INPUT" else "in another chain"
    options: dict[str, Any] = {
        "kind": COMPLEX,
        "count": times,
        "first": existing,
        "warm": times - 1,
        "backend": "nft",
    }

    return Case(
        name=f"target.{where}",
        title=f"one autocommitted append of a complex rule to nf_tables, {existing} rules {title}",
        contenders=[
            library(PYIPTC, work="append_text", **options),
            suite.forks(FORK, IPV4_NFT, [["-A", "INPUT", *words] for words in new.words()]),
            nft_one(there, new, chain),
            messages("append", new, label=FLOOR),
        ],
        prepare=filled(there, chain),
        check=has((there, chain), (new, "INPUT")) if chain != "INPUT" else _grown(there, new),
        goals=[Goal("one append to nf_tables", 0.2, FORK, phase=WARM)],
        rounds=3,
        shape={"rules": existing, "kind": COMPLEX, "chain": chain},
    )


def _grown(there: Rules, new: Rules) -> Callable[[Ground], None]:
    return has((Rules(IPV4_NFT, COMPLEX, there.count + new.count), "INPUT"))


def nft_one(there: Rules, new: Rules, chain: str) -> Contender:
    """``nft -f`` with one rule, for each anew, in a table of its own beside as many of nft's rules."""

    def work(ground: Ground) -> Samples:
        path, name = find_tool("nft"), f"nft-one-{chain}-{there.count}"
        base = f"{rulesets.nft_table(there.family)}add chain ip bench FORWARD\n{there.nft(chain)}"
        run([path, "-f", str(ground.file(name, base))])
        added = [
            ground.file(f"{name}-{number}", Rules(new.family, new.kind, 1, number).nft())
            for number in range(new.first, new.first + new.count)
        ]
        samples = [run([path, "-f", str(file)], is_read=False).sample for file in added]
        return {PROCESS: [*samples, *_counted(path, there.count + new.count)]}

    return Contender("nft -f", work, check=lambda _: None)


def nft_file(rules: Rules) -> Contender:
    """``nft -f`` with all rules, in a table of its own."""

    def work(ground: Ground) -> Samples:
        path, name = find_tool("nft"), f"nft-all-{rules.count}"
        run([path, "-f", str(ground.file("nft-none", rulesets.nft_table(rules.family)))])
        sample = run([path, "-f", str(ground.file(name, rules.nft()))], is_read=False).sample
        return {PROCESS: [sample, *_counted(path, rules.count)]}

    return Contender("nft -f", work, check=lambda _: None)


def _counted(path: str, wanted: int) -> list[Any]:
    """No samples, where nft has as many rules as it should."""
    found = run([path, "list", "table", "ip", "bench"]).stdout.count(" saddr ")
    if found != wanted:
        raise BenchmarkError(f"nft -f: {found} rules instead of {wanted}")
    return []


def restore(size: int, count: int) -> Case:
    rules = Rules(IPV4_NFT, COMPLEX, count)
    text = suite.text_of(rules)
    return Case(
        name=f"target.nft-restore-{size}",
        title=f"{count} complex rules by restore(text) into nf_tables",
        contenders=[
            library(PYIPTC, work="restore", text=text, backend="nft"),
            tool(RESTORE, stdin=text),
            nft_file(rules),
            messages("load", rules, label=FLOOR),
        ],
        prepare=cleared,
        check=has((rules, "INPUT")),
        goals=[Goal("restore into nf_tables", 0.8, RESTORE)],
        rounds=3,
        shape={"rules": count, "kind": COMPLEX},
    )


def read(size: int, count: int) -> Case:
    """All of it as Python objects, and as a text: the tool has only the text."""
    rules = Rules(IPV4_NFT, COMPLEX, count)
    return Case(
        name=f"target.nft-read-{size}",
        title=f"{count} complex rules of nf_tables read, and saved with counters",
        contenders=[
            library(PYIPTC, label=READ, work="read", count=count, backend="nft"),
            library(PYIPTC, work="save", count=count, backend="nft"),
            tool(*SAVE.split()),
            messages("dump", rules, label=FLOOR),
        ],
        prepare=filled(rules, "INPUT"),
        check=has((rules, "INPUT")),
        goals=[
            Goal("save of nf_tables", 1.0, SAVE),
            Goal("read of nf_tables", 2.0, SAVE, contender=READ),
        ],
        rounds=3,
        shape={"rules": count, "kind": COMPLEX},
    )
