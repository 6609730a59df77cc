"""What else there is to know: how all of it grows, and what stands beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from . import rulesets, suite
from .rulesets import COMPLEX, IPV4, IPV6, SIMPLE, Family, Rules
from .running import BenchmarkError, Ground, find_tool, run
from .suite import PEER, PYIPTC, Case, Contender, Goal, Samples, forks, library, native, tool

LIBIPTC = "C, libiptc"
FLOOR = "C, bare system calls"
EXISTING = (0, 1000, 10_000, 100_000)
SIZES = (1000, 10_000, 100_000)


def cases(scale: float) -> Iterator[Case]:
    """All of them; *scale* below 1 makes them smaller."""

    def size(count: int) -> int:
        return count if scale == 1 else max(4, int(count * scale))

    for family in (IPV4, IPV6):
        for kind in (SIMPLE, COMPLEX):
            for existing in EXISTING:
                there = Rules(family, kind, int(existing * scale))
                yield adding(f"add.{family}-{kind}-{existing}", there, size(1000))
    for existing in EXISTING[1:]:
        there = Rules(IPV4, COMPLEX, size(existing))
        yield deleting(f"delete.one-{existing}", there)
        yield replacing(f"replace.one-{existing}", there)
        yield finding(f"contains.{existing}", there)
    yield deleting_half("delete.half", Rules(IPV4, COMPLEX, size(10_000)))
    for count in SIZES:
        rules = Rules(IPV4, COMPLEX, size(count))
        yield restoring(f"restore.{count}", rules)
        yield saving(f"save.{count}", rules)
        yield reading(f"read.{count}", rules)
        yield counting(f"counters.{count}", rules)
        yield building(f"objects.{count}", rules)
    for count in (200, 2000, 20_000):
        yield chains(f"chains.{count}", size(count))
    yield kube_restore("kube.restore", size(2000))
    yield kube_change("kube.change", size(2000))
    yield template("template", size(100_000))


# -- adding ------------------------------------------------------------------------------------------


def adding(name: str, there: Rules, count: int) -> Case:
    """Rules added to those that are there: one by one, and *count* at once."""
    family, kind, first = there.family, there.kind, there.count
    few = min(count, 3 if first >= 50_000 else 10 if first >= 5000 else 50)
    one_by_one, at_once = Rules(family, kind, few, first), Rules(family, kind, count, first)
    stays, grown = suite.has(there), suite.has(there, at_once)
    options: dict[str, Any] = {"family": family.name, "kind": kind, "first": first}
    text = suite.text_of(at_once)

    def ours(label: str, work: str, **more: Any) -> Contender:
        return library(
            PYIPTC, label=label, work=work, per=count, check=grown, **options, count=count, **more
        )

    peers = max(1, few // 5)
    return Case(
        name=name,
        title=f"{kind} rules of {family} added to {first}: one by one, or {count} at once",
        contenders=[
            library(
                PYIPTC,
                label="pyiptc, one by one",
                work="insert_new",
                check=stays,
                count=few,
                warm=few - 1,
                **options,
            ),
            ours("pyiptc, objects in a transaction", "objects"),
            ours("pyiptc, text in a transaction", "batch"),
            ours("pyiptc, chain.extend", "extend"),
            ours("pyiptc, restore", "restore", text=text),
            native("insert", one_by_one, label="C, libiptc, one by one", check=stays),
            native("append", at_once, label=LIBIPTC, per=count, check=grown),
            tool(f"{family.tool}-restore", "-n", stdin=text, per=count, check=grown),
            forks(
                f"{family.tool} -A",
                family,
                [["-w", "-A", "INPUT", *words] for words in one_by_one.words()],
                check=suite.has(there, one_by_one),
            ),
            nft(there, at_once),
            library(
                PEER,
                label="python-iptables, one by one",
                work="insert_new",
                count=peers,
                warm=peers - 1,
                rounds=1,
                check=stays,
                **options,
            ),
            library(
                PEER,
                label="python-iptables, at once",
                work="objects",
                count=max(1, count // 10),
                per=max(1, count // 10),
                rounds=1,
                check=suite.has(there, Rules(family, kind, max(1, count // 10), first)),
                **options,
            ),
        ],
        prepare=suite.filled(there),
        rounds=2 if first >= 50_000 else 3,
        axis=("rules there", first),
        shape={"family": family.name, "kind": kind, "there": first, "added": count},
    )


def nft(there: Rules, new: Rules, label: str = "nft -f") -> Contender:
    """The same with nftables: rules added to a chain of a table of its own."""

    def work(ground: Ground) -> Samples:
        path, shape = find_tool("nft"), f"{there.family}-{there.kind}"
        base = rulesets.nft_table(there.family, there.nft())
        run([path, "-f", str(ground.file(f"nft-{shape}-base-{there.count}", base))])
        added = ground.file(f"nft-{shape}-{new.first}-{new.count}", new.nft())
        sample = run([path, "-f", str(added)], is_read=False).sample
        listed = run([path, "list", "chain", there.family.nft, "bench", "INPUT"]).stdout
        run([path, "delete", "table", there.family.nft, "bench"])
        found = listed.count(" saddr ")
        if found != there.count + new.count:
            raise BenchmarkError(f"nft -f: {found} rules instead of {there.count + new.count}")
        return {suite.PROCESS: [sample]}

    return Contender(label, work, new.count, check=suite.has(there))


# -- deleting, replacing, finding -------------------------------------------------------------------


def _one(there: Rules) -> dict[str, Any]:
    times = min(3 if there.count >= 50_000 else 10, there.count // 2)
    return {"kind": there.kind, "count": times, "first": there.count, "warm": times - 1}


def deleting(name: str, there: Rules) -> Case:
    """One rule deleted, out of the middle, by what it says and by its position."""
    options = _one(there)
    middle = Rules(there.family, there.kind, options["count"], there.count // 2)
    return Case(
        name=name,
        title=f"one of {there.count} rules deleted, autocommitted",
        contenders=[
            library(PYIPTC, work="delete", **options),
            library(PYIPTC, label="pyiptc, by position", work="delete_index", **options),
            native("delete", middle, label=LIBIPTC),
            forks(
                "iptables-legacy -D",
                there.family,
                [["-w", "-D", "INPUT", *words] for words in middle.words()],
            ),
            library(PEER, work="delete", kind=there.kind, count=1, first=there.count, rounds=1),
        ],
        prepare=suite.filled(there),
        rounds=2,
        axis=("rules there", there.count),
        shape={"there": there.count, "kind": there.kind},
    )


def replacing(name: str, there: Rules) -> Case:
    """One rule replaced by another, in the middle."""
    options = _one(there)
    new = Rules(there.family, there.kind, options["count"], there.count)
    at = str(there.count // 2 + 1)
    return Case(
        name=name,
        title=f"one of {there.count} rules replaced, autocommitted",
        contenders=[
            library(PYIPTC, work="replace", **options),
            forks(
                "iptables-legacy -R",
                there.family,
                [["-w", "-R", "INPUT", at, *words] for words in new.words()],
            ),
            library(PEER, work="replace", kind=there.kind, count=1, first=there.count, rounds=1),
        ],
        prepare=suite.filled(there),
        rounds=2,
        axis=("rules there", there.count),
        shape={"there": there.count, "kind": there.kind},
    )


def finding(name: str, there: Rules) -> Case:
    """Whether a rule is in a chain: one that is, one that is not."""
    times = min(there.count, 100)
    options: dict[str, Any] = {
        "kind": there.kind,
        "count": times,
        "first": there.count,
        "warm": times - 1,
    }
    some = Rules(there.family, there.kind, min(there.count // 2, 5), there.count // 2)
    return Case(
        name=name,
        title=f"rule in chain of {there.count} rules",
        contenders=[
            library(PYIPTC, work="contains", **options),
            library(PYIPTC, label="pyiptc, rule not there", work="contains_not", **options),
            forks(
                "iptables-legacy -C",
                there.family,
                [["-w", "-C", "INPUT", *words] for words in some.words()],
            ),
        ],
        prepare=suite.filled(there),
        check=suite.has(there),
        rounds=2,
        axis=("rules there", there.count),
        shape={"there": there.count, "kind": there.kind},
    )


def deleting_half(name: str, there: Rules) -> Case:
    """Every second rule deleted while the chain is gone through."""
    few = Rules(there.family, there.kind, max(2, there.count // 100))
    lines = there.lines()

    def gone(ground: Ground) -> None:
        if ground.saved(IPV4) != lines[1::2]:
            raise AssertionError("other rules are left than every second one")

    def deletions(ground: Ground) -> Any:
        commands = "\n".join(f"-D {line.removeprefix('-A ')}" for line in lines[::2])
        return ground.file(f"{name}-{there.count}", f"*filter\n{commands}\nCOMMIT\n")

    per = len(lines[::2])

    def theirs() -> Contender:
        base = library(PEER, work="delete_half", kind=few.kind, first=few.count)

        def work(ground: Ground) -> Samples:
            ground.load(IPV4, suite.text_of(few)(ground))
            return base.work(ground)

        return Contender(PEER, work, len(few.lines()[::2]), 1, lambda _: None)

    return Case(
        name=name,
        title=f"{per} of {there.count} rules deleted while going through them, one commit",
        contenders=[
            library(PYIPTC, work="delete_half", kind=there.kind, first=there.count, per=per),
            tool("iptables-legacy-restore", "-n", stdin=deletions, per=per),
            theirs(),
        ],
        prepare=suite.filled(there),
        check=gone,
        rounds=2,
        shape={"there": there.count, "kind": there.kind},
    )


# -- all rules at once -------------------------------------------------------------------------------


def empty(ground: Ground) -> None:
    """Table filter has no rules."""
    ground.empty(IPV4)


def _grown(rules: Rules) -> dict[str, Any]:
    return {
        "rounds": 2 if rules.count >= 50_000 else 3,
        "axis": ("rules", rules.count),
        "shape": {"rules": rules.count, "kind": rules.kind},
    }


def restoring(name: str, rules: Rules) -> Case:
    text = suite.text_of(rules)
    nothing = Rules(rules.family, rules.kind, 0)
    return Case(
        name=name,
        title=f"{rules.count} rules restored",
        contenders=[
            library(PYIPTC, work="restore", kind=rules.kind, text=text, warm=1),
            tool("iptables-legacy-restore", stdin=text),
            native("append", rules, label=LIBIPTC),
            native("replace", rules, label=FLOOR),
            _whole(nft(nothing, rules)),
        ],
        prepare=empty,
        check=suite.has(rules),
        **_grown(rules),
    )


def _whole(contender: Contender) -> Contender:
    """The time of all rules, not that of one."""
    return Contender(contender.name, contender.work, 1, contender.rounds, contender.check)


def saving(name: str, rules: Rules) -> Case:
    return Case(
        name=name,
        title=f"{rules.count} rules saved with counters",
        contenders=[
            library(PYIPTC, work="save", kind=rules.kind, count=rules.count, warm=1),
            tool("iptables-legacy-save", "-t", "filter", "-c"),
            native("get", rules, label=FLOOR, count=5),
        ],
        prepare=suite.filled(rules),
        **_grown(rules),
    )


def reading(name: str, rules: Rules) -> Case:
    peer = [library(PEER, work="read", count=rules.count, rounds=1)]
    return Case(
        name=name,
        title=f"{rules.count} rules read: addresses, matches with options, target, counters",
        contenders=[
            library(PYIPTC, work="read", count=rules.count, warm=1),
            tool("iptables-legacy-save", "-t", "filter", "-c"),
            native("get", rules, label=FLOOR, count=5),
            *(peer if rules.count <= 10_000 else []),
        ],
        prepare=suite.filled(rules),
        **_grown(rules),
    )


def counting(name: str, rules: Rules) -> Case:
    return Case(
        name=name,
        title=f"counters of {rules.count} rules, refreshed",
        contenders=[
            library(PYIPTC, work="counters", count=rules.count, warm=5),
            library(
                PYIPTC,
                label="pyiptc, of objects",
                work="counters_objects",
                count=rules.count,
                warm=2,
            ),
            tool("iptables-legacy-save", "-t", "filter", "-c"),
            native("get", rules, label=FLOOR, count=5),
        ],
        prepare=suite.filled(rules),
        **_grown(rules),
    )


def building(name: str, rules: Rules) -> Case:
    peer = [library(PEER, work="objects", count=rules.count, rounds=1)]
    return Case(
        name=name,
        title=f"{rules.count} rules from Rule objects and options, in one transaction",
        contenders=[
            library(PYIPTC, work="objects", count=rules.count, warm=1),
            tool("iptables-legacy-restore", "-n", stdin=suite.text_of(rules)),
            native("append", rules, label=LIBIPTC),
            native("replace", rules, label=FLOOR),
            *(peer if rules.count <= 10_000 else []),
        ],
        prepare=empty,
        check=suite.has(rules),
        **_grown(rules),
    )


# -- many chains -------------------------------------------------------------------------------------


def chains(name: str, count: int) -> Case:
    """Chains made, filled, jumped to, looked up."""
    names = [f"chain-{number}" for number in range(count)]
    lines = [f":{chain} - [0:0]" for chain in names]
    lines += [line for chain in names for line in (f"-A {chain} -j RETURN", f"-A INPUT -j {chain}")]
    text = "\n".join(["*filter", *lines, "COMMIT", ""])

    def path(ground: Ground) -> Any:
        return ground.file(f"chains-{count}", text)

    return Case(
        name=name,
        title=f"{count} chains made in one transaction, each with a rule and a jump to it",
        contenders=[
            library(PYIPTC, work="chains", count=count),
            library(PYIPTC, label="pyiptc, restore", work="restore", text=path),
            _after(
                path, library(PYIPTC, label="pyiptc, look-up", work="chain_lookup", count=count)
            ),
            tool("iptables-legacy-restore", stdin=path),
            _after(path, tool("iptables-legacy-save", "-t", "filter")),
        ],
        prepare=empty,
        check=as_restored(IPV4, "filter", path),
        rounds=2,
        axis=("chains", count),
        shape={"chains": count},
    )


def _after(path: Callable[[Ground], Any], contender: Contender) -> Contender:
    """A contender that finds the rules of a file there."""

    def work(ground: Ground) -> Samples:
        ground.load(IPV4, path(ground))
        return contender.work(ground)

    return Contender(contender.name, work, contender.count, contender.rounds, contender.check)


def as_restored(
    family: Family, table: str, *texts: Callable[[Ground], Any]
) -> Callable[[Ground], None]:
    """The table must be what the tool makes of texts, the first with and the others without flush."""
    expected: list[str] = []

    def check(ground: Ground) -> None:
        found = ground.saved(family, table)
        if not expected:
            for number, text in enumerate(texts):
                restore = find_tool(f"{family.tool}-restore")
                run([restore, *(["-n"] if number else [])], stdin=text(ground))
            expected.extend(ground.saved(family, table))
        if found != expected:
            differing = sum(one != other for one, other in zip(found, expected))
            raise AssertionError(
                f"{len(found)} lines instead of {len(expected)}, {differing} of them other ones"
            )

    return check


# -- as in a cluster ---------------------------------------------------------------------------------

ENDPOINTS = 10


def _kube(count: int) -> Callable[[Ground], Any]:
    """A file with the rules of that many services."""

    def path(ground: Ground) -> Any:
        services = rulesets.kube_services(count, ENDPOINTS)
        return ground.file(f"kube-{count}", rulesets.kube_text(services))

    return path


def kube_restore(name: str, count: int) -> Case:
    path = _kube(count)
    return Case(
        name=name,
        title=f"{count} services with {ENDPOINTS} endpoints each restored into table nat",
        contenders=[
            library(PYIPTC, work="restore_nat", text=path, warm=1),
            tool("iptables-legacy-restore", stdin=path),
        ],
        prepare=lambda ground: ground.empty(IPV4, "nat"),
        check=as_restored(IPV4, "nat", path),
        rounds=2,
        shape={"services": count, "endpoints": ENDPOINTS},
    )


def kube_change(name: str, count: int) -> Case:
    """One service changes, and nothing else."""
    path, times = _kube(count), min(3, count)

    def change(number: int) -> Callable[[Ground], Any]:
        def text(ground: Ground) -> Any:
            services = rulesets.kube_services(count, ENDPOINTS)
            changed = [*rulesets.kube_changes(services, number + 1)][-1]
            content = rulesets.kube_change_text(changed)
            return ground.file(f"kube-{count}-change-{number}", content)

        return text

    def done(changes: int) -> Callable[[Ground], None]:
        return as_restored(IPV4, "nat", path, *(change(number) for number in range(changes)))

    options: dict[str, Any] = {
        "count": count,
        "first": ENDPOINTS,
        "warm": times - 1,
        "check": done(times),
    }
    return Case(
        name=name,
        title=f"one of {count} services with {ENDPOINTS} endpoints each changed",
        contenders=[
            library(PYIPTC, label="pyiptc, objects", work="kube_change", **options),
            library(PYIPTC, label="pyiptc, restore", work="kube_change_text", **options),
            tool("iptables-legacy-restore", "-n", stdin=change(0), check=done(1)),
        ],
        prepare=lambda ground: ground.load(IPV4, path(ground)),
        rounds=2,
        shape={"services": count, "endpoints": ENDPOINTS},
    )


# -- one shape, many addresses -----------------------------------------------------------------------


def template(name: str, count: int) -> Case:
    rules = Rules(IPV4, SIMPLE, count)
    options: dict[str, Any] = {"kind": SIMPLE, "count": count, "warm": 2}
    packed = "pyiptc, packed addresses"
    return Case(
        name=name,
        title=f'extend_template("-s {{}} -j DROP") with {count} addresses',
        contenders=[
            library(PYIPTC, work="extend_template", **options),
            library(PYIPTC, label=packed, work="extend_template_packed", **options),
            native("replace", rules, label=FLOOR),
            tool("iptables-legacy-restore", stdin=suite.text_of(rules)),
        ],
        prepare=empty,
        check=suite.has(rules),
        goals=[
            Goal("template, addresses as text", 1.5, FLOOR),
            Goal("template, packed addresses", 1.5, FLOOR, contender=packed),
        ],
        shape={"rules": count, "kind": SIMPLE},
    )
