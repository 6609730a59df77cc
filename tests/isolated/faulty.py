"""Calls that fail, for a process that is run with the library of `support.faults`.

    python -m isolated.faulty ipv4 [nft]

Prints one JSON object: what happened in each case of `CASES`, or of `NFT_CASES`, by its name.
"""

from __future__ import annotations

import errno
import json
import os
import re
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Optional

from support import faults, rawnft
from support.family import FAMILIES, Family
from support.faults import ANY, FOR_EVER, Call, Message
from support.oracle import Oracle
from support.rawtable import read_filter

RULES = """\
*filter
:INPUT ACCEPT [1:2]
:user - [0:0]
[3:4] -A INPUT -p tcp -m tcp --dport 1 -j user
[5:6] -A INPUT -p udp -m udp --dport 2 -j DROP
COMMIT
"""


@dataclass(frozen=True)
class Case:
    """A call that fails while something is done with a table."""

    call: Call
    option: int
    number: int
    action: str
    times: int = FOR_EVER
    is_lock_file: bool = False
    backend: str = "legacy"
    skip: int = 0
    """Calls that succeed first."""

    @property
    def name(self) -> str:
        option = NAMES.get((self.call, self.option), "")
        if self.call in (Call.MESSAGE, Call.TEAR):
            option = Message(self.option).name
        times = "" if self.times == FOR_EVER else f" {self.times} times"
        what = f"{self.call.name.lower()} {option}".strip()
        place = "" if self.backend == "legacy" else f"{self.backend}: "
        after = f" after {self.skip}" if self.skip else ""
        return f"{place}{what}: {errno.errorcode[self.number]}{times}{after}, {self.action}"


NAMES = {
    (Call.GETSOCKOPT, faults.GET_INFO): "GET_INFO",
    (Call.GETSOCKOPT, faults.GET_ENTRIES): "GET_ENTRIES",
    (Call.GETSOCKOPT, faults.SO_NETNS_COOKIE): "SO_NETNS_COOKIE",
    (Call.SETSOCKOPT, faults.SET_REPLACE): "SET_REPLACE",
    (Call.SETSOCKOPT, faults.SET_ADD_COUNTERS): "SET_ADD_COUNTERS",
}


def cases(call: Call, option: int, numbers: str, actions: str, **more: Any) -> list[Case]:
    return [
        Case(call, option, getattr(errno, number), action, **more)
        for number in numbers.split()
        for action in actions.split()
    ]


READS, WRITES = "open refresh", "append batch"
SOCKET = cases(
    Call.SOCKET, ANY, "EPERM EACCES EMFILE ENFILE EAFNOSUPPORT ENOBUFS ENOMEM", f"{READS} append"
)
GET_INFO = cases(
    Call.GETSOCKOPT, faults.GET_INFO, "EPERM ENOENT ENOPROTOOPT EINVAL ENOMEM", f"{READS} append"
)
GET_ENTRIES = cases(
    *(Call.GETSOCKOPT, faults.GET_ENTRIES, "EPERM ENOENT EINVAL ENOMEM EAGAIN"),
    f"{READS} {WRITES}",
)
CHANGED = cases(Call.GETSOCKOPT, faults.GET_ENTRIES, "EAGAIN", f"{READS} {WRITES}", times=3)
COOKIE = cases(Call.GETSOCKOPT, faults.SO_NETNS_COOKIE, "ENOPROTOOPT EINVAL", "namespace")
REPLACE = cases(
    *(Call.SETSOCKOPT, faults.SET_REPLACE),
    "EPERM EINVAL ENOENT ELOOP ENOMEM EAGAIN E2BIG ENOSPC",
    WRITES,
)
COUNTERS_AFTER = cases(
    Call.SETSOCKOPT, faults.SET_ADD_COUNTERS, "EPERM EINVAL EAGAIN ENOMEM", WRITES
)
COUNTERS_ALONE = cases(
    Call.SETSOCKOPT, faults.SET_ADD_COUNTERS, "EPERM EINVAL EAGAIN ENOMEM", "zero"
)
LOCK_FILE = cases(
    Call.OPEN, ANY, "EACCES EROFS ENOENT EMFILE ELOOP", f"{WRITES} zero", is_lock_file=True
)
LOCK = cases(Call.FLOCK, ANY, "ENOLCK EINVAL", WRITES)
LOCKED = cases(Call.FLOCK, ANY, "EAGAIN", WRITES, times=1)
ENTER = cases(Call.SETNS, ANY, "EPERM EINVAL ENOMEM", "elsewhere")

# -- nf_tables

NFT: dict[str, Any] = {"backend": "nft"}
NFT_WRITES = f"{WRITES} jump drop delete flush policy"

NFT_SOCKET = [
    *cases(Call.SOCKET, 16, "EPERM EMFILE EPROTONOSUPPORT ENOMEM", f"{READS} {WRITES}", **NFT),
    *cases(Call.BIND, ANY, "ENOMEM EADDRINUSE EPERM", f"{READS} {WRITES}", **NFT),
    *cases(Call.SENDTO, ANY, "EPERM ENOBUFS ECONNREFUSED", f"{READS} {WRITES}", **NFT),
    *cases(Call.RECVFROM, ANY, "ENOBUFS EMSGSIZE ENOMEM EAGAIN", READS, **NFT),
]
NFT_READ = [
    *cases(Call.MESSAGE, Message.GETGEN, "EPERM EINVAL ENOMEM", f"{READS} {WRITES}", **NFT),
    *cases(Call.MESSAGE, Message.BATCH_EMPTY, "EPERM EOPNOTSUPP ENOMEM", READS, **NFT),
    *cases(Call.MESSAGE, Message.GETTABLE, "EPERM EOPNOTSUPP ENOMEM", READS, **NFT),
    *cases(Call.MESSAGE, Message.GETCHAIN, "EPERM EOPNOTSUPP ENOMEM", READS, **NFT),
    *cases(Call.MESSAGE, Message.GETRULE, "EPERM ENOMEM", "refresh unread", **NFT),
    *cases(Call.MESSAGE, Message.GETRULE_RESET, "EPERM ENOMEM", "take zero", **NFT),
]
_TORN = [
    *((Message.GETCHAIN, action) for action in READS.split()),
    *((Message.GETRULE, action) for action in ("refresh", "unread")),
]
NFT_TORN = [
    *(case for kind, action in _TORN for case in cases(Call.TEAR, kind, "EINTR", action, **NFT)),
    *cases(Call.MESSAGE, Message.BATCH_EMPTY, "ERESTART", READS, **NFT),
]
NFT_TORN_AGAIN = [
    *(
        case
        for kind, action in _TORN
        for case in cases(Call.TEAR, kind, "EINTR", action, times=3, **NFT)
    ),
    *cases(Call.TEAR, Message.GETRULE_RESET, "EINTR", "take", times=3, **NFT),
    *cases(Call.MESSAGE, Message.BATCH_EMPTY, "ERESTART", READS, times=3, **NFT),
    *cases(Call.SENDTO, ANY, "EINTR", f"{READS} {WRITES}", times=3, **NFT),
    *cases(Call.RECVFROM, ANY, "EINTR", f"{READS} {WRITES}", times=3, **NFT),
]
NFT_BATCH = [
    case
    for kind, numbers, actions in (
        (Message.BATCH_BEGIN, "EPERM EOPNOTSUPP ENOMEM", NFT_WRITES),
        (Message.NEWTABLE, "EPERM ENOMEM", "other"),
        (Message.NEWCHAIN, "EPERM EINVAL EEXIST EOPNOTSUPP ENOMEM", "other jump policy"),
        (Message.DELCHAIN, "EPERM EBUSY ENOENT", "drop"),
        (Message.NEWRULE, "EPERM EINVAL ENOENT ELOOP EMLINK ENOSPC E2BIG ENOMEM", WRITES),
        (Message.DELRULE, "EPERM ENOENT", "delete flush"),
    )
    for case in cases(Call.MESSAGE, kind, numbers, actions, **NFT)
]
NFT_CONFLICT = cases(Call.MESSAGE, Message.BATCH_BEGIN, "ERESTART", NFT_WRITES, **NFT)
NFT_CONFLICT_AGAIN = [
    *cases(Call.MESSAGE, Message.BATCH_BEGIN, "ERESTART", NFT_WRITES, times=3, **NFT),
    # What has gone since, or come: asked again for what was read, and then it is not so.
    *cases(Call.MESSAGE, Message.NEWRULE, "ENOENT", "append", times=1, **NFT),
]
NFT_ECHO_LOST = cases(Call.RECVFROM, ANY, "ENOBUFS", "append jump policy", times=1, skip=1, **NFT)
NFT_ANSWER_LOST = cases(Call.RECVFROM, ANY, "ENOBUFS ENOMEM", "append jump", skip=1, **NFT)
# The first one only asks whether the kernel knows it.
NFT_RESET = cases(Call.MESSAGE, Message.GETRULE_RESET, "EPERM ENOMEM", "zero", skip=1, **NFT)
NFT_TAKE = cases(Call.MESSAGE, Message.GETRULE_RESET, "EPERM ENOMEM", "take", skip=1, **NFT)
NFT_TAKE_TORN = cases(Call.TEAR, Message.GETRULE_RESET, "EINTR", "take", **NFT)
NFT_OLDER = cases(Call.MESSAGE, Message.GETRULE_RESET, "EINVAL EOPNOTSUPP", "take zero", **NFT)

CASES = [
    *(*SOCKET, *GET_INFO, *GET_ENTRIES, *CHANGED, *COOKIE, *REPLACE, *COUNTERS_AFTER),
    *(*COUNTERS_ALONE, *LOCK_FILE, *LOCK, *LOCKED, *ENTER),
]
NFT_CASES = [
    *(*NFT_SOCKET, *NFT_READ, *NFT_TORN, *NFT_TORN_AGAIN, *NFT_BATCH, *NFT_CONFLICT),
    *(*NFT_CONFLICT_AGAIN, *NFT_ECHO_LOST, *NFT_ANSWER_LOST, *NFT_RESET, *NFT_TAKE),
    *(*NFT_TAKE_TORN, *NFT_OLDER),
]


@dataclass
class Result:
    """What came of a case."""

    error: Optional[str] = None
    """The classes of the exception, the first is its own; None where there was none."""
    number: Optional[int] = None
    words: str = ""
    calls: int = 0
    """How often the call was made that failed."""
    is_unchanged: bool = False
    """Whether the kernel has the same rules, policies and counters as before."""
    counted: list[list[int]] = field(default_factory=list)
    """Packets and bytes of the chain's rules, as the object has them."""
    is_replaced: list[bool] = field(default_factory=list)
    """Whether rules of nf_tables have other handles than before, in order."""
    is_done: bool = False
    """Whether it has what the action was to bring."""
    is_pending: bool = False
    """Whether the edits are still to be sent, and sending them again brings them."""
    left_open: str = ""
    works: str = ""
    """Why the object could not be used afterwards."""


class Bench:
    """A table with rules in it, made anew for each case."""

    counted = ((3, 4), (5, 6))

    def __init__(self, family: Family, backend: str = "legacy") -> None:
        import pyiptc

        os.environ["PYIPTC_BACKEND"] = backend
        self.iptc: Any = pyiptc
        self.is_nft = backend == "nft"
        self.family, self.oracle = family, Oracle()
        self.table = family.Table("filter")
        if self.is_nft:
            # ip6tables-nft-restore 1.8.9 sets no counters.
            self.oracle.nft("flush", "ruleset")
            self.table.restore(RULES)
        else:
            self.oracle.restore(family, RULES, counters=True)
        self.table.refresh()

    @property
    def chain(self) -> Any:
        return self.iptc.Chain(self.table, "INPUT")

    def rule(self, port: int, target: str = "DROP") -> Any:
        rule = self.family.Rule()
        rule.protocol = "tcp"
        rule.create_match("tcp").dport = str(port)
        rule.create_target(target)
        return rule

    def ports(self) -> list[str]:
        """What the chain has, by the tool; 80 and 81 are what actions add."""
        return [line for line in self.oracle.lines(self.family, "filter", "INPUT") if "8" in line]

    def state(self) -> object:
        """All that the kernel has of the table."""
        counted = self.oracle.save(self.family, "filter", counters=True)
        if self.is_nft:
            return rawnft.rules(self.family.name), counted
        return read_filter(self.family.name), counted

    def handles(self) -> list[str]:
        """Of the chain's rules, as nft lists them."""
        if not self.is_nft:
            return []
        where = ("ip6" if self.family.is_ipv6 else "ip", "filter", "INPUT")
        listed = self.oracle.nft("-a", "list", "chain", *where).stdout
        return re.findall(r"# handle (\d+)$", listed, re.MULTILINE)[1:]

    # -- actions -----------------------------------------------------------------------------------

    def open(self) -> None:
        self.table.close()
        try:
            self.table = self.family.Table("filter")
        finally:
            # What is tried afterwards needs a table.
            self.reopen = self.table._closed

    reopen = False

    def refresh(self) -> None:
        self.table.refresh()

    def append(self) -> None:
        self.chain.append(self.rule(80))

    def batch(self) -> None:
        self.table.autocommit = False
        self.chain.append(self.rule(80))
        self.chain.insert(self.rule(81))
        self.table.commit()

    def zero(self) -> None:
        self.chain.zero_counters()

    def jump(self) -> None:
        with self.table.transaction():
            self.table.create_chain("new8").append(self.rule(81))
            self.chain.append(self.rule(80, "new8"))

    def drop(self) -> None:
        with self.table.transaction():
            self.iptc.Chain(self.table, "INPUT").flush()
            self.table.delete_chain("user")

    def delete(self) -> None:
        self.chain.delete(index=1)

    def unread(self) -> None:
        """An edit that needs rules of which none was read."""
        self.open()
        self.delete()

    def flush(self) -> None:
        self.chain.flush()

    def policy(self) -> None:
        self.chain.set_policy("DROP")

    def other(self) -> None:
        """A table that is not there yet."""
        self.iptc.Chain(self.family.Table("raw"), "OUTPUT").append(self.rule(80))

    def take(self) -> None:
        """Read and zeroed."""
        assert tuple(map(tuple, self.chain.counters(zero=True))) == self.counted

    def namespace(self) -> None:
        assert self.iptc.namespace.current_cookie() > 0

    def elsewhere(self) -> None:
        with self.iptc.netns(os.getpid()):
            raise AssertionError("entered")


def run(family: Family, case: Case) -> Result:
    bench = Bench(family, case.backend)
    before, handles = bench.state(), bench.handles()
    if case.action == "other":
        family.Table("raw").refresh()
    opened = faults.descriptors()
    result = Result()
    action: Callable[[], None] = getattr(bench, case.action)
    path = os.environ["XTABLES_LOCKFILE"] if case.is_lock_file else None
    times = {"times": case.times, "skip": case.skip}
    with faults.failing(case.call, case.number, option=case.option, path=path, **times):
        try:
            action()
        except Exception as error:
            result.error = " ".join(cls.__name__ for cls in type(error).__mro__)
            result.number = getattr(error, "errno", None)
            result.words = str(error)
    result.calls = faults.count(case.call, case.option)
    result.is_unchanged = bench.state() == before
    result.is_replaced = [now != then for now, then in zip(bench.handles(), handles)]
    result.is_done = len(bench.ports()) > 0
    if bench.reopen:
        bench.table = family.Table("filter")
    result.left_open = "; ".join(sorted({*faults.descriptors()} ^ {*opened}))
    if not result.is_done and not bench.table.autocommit:
        bench.table.commit()
        result.is_pending = len(bench.ports()) == 2
    bench.table.refresh()
    result.counted = [[pair.packets, pair.bytes] for pair in bench.chain.counters()]
    bench.table.autocommit = True
    try:
        bench.chain.append(bench.rule(82))
        bench.chain.delete(bench.rule(82))
        bench.chain.flush()
    except Exception as error:
        result.works = repr(error)
    if bench.oracle.lines(bench.family, "filter", "INPUT"):
        result.works = result.works or "the chain is not empty"
    return result


def main() -> None:
    family = FAMILIES[sys.argv[1]]
    chosen = NFT_CASES if sys.argv[2:] == ["nft"] else CASES
    json.dump({case.name: asdict(run(family, case)) for case in chosen}, sys.stdout)


if __name__ == "__main__":
    main()
