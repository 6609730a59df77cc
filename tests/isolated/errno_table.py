"""What each call that fails becomes, as a document: for a process run with `support.faults`.

    python -m isolated.errno_table ipv4

Prints one JSON list: what came of each of `ROWS`. `render()` makes docs/errors.rst of it.

Calls of the legacy handle fail by the preloaded library. Those of libiptc are made in a link
namespace of its own, which that does not reach: there the kernel refuses them, by seccomp, in a
child for each.
"""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Optional

import pyiptc
from support import faults, seccomp
from support.family import FAMILIES, Family
from support.faults import ANY, Call
from support.oracle import Oracle

HEADER = Path(__file__).parents[2] / "csrc" / "pyiptc.h"
"""The contract."""

LEGACY, LIBIPTC, NFT = "legacy", "libiptc", "nft"


@dataclass(frozen=True)
class Section:
    """A call, when it is made, and the errors that it is let fail with."""

    function: str
    """Of the contract; of others the name of the system call."""
    title: str
    when: str
    call: Call
    option: str
    action: str
    numbers: str
    has_libiptc: bool = False
    """Whether libiptc makes the call itself."""
    handle: str = LEGACY
    skip: int = 0
    """Calls that succeed first."""


BATCHES = {
    "BATCH_BEGIN": "nf_tables: ``NFNL_MSG_BATCH_BEGIN``",
    "BATCH_EMPTY": "nf_tables: ``NFNL_MSG_BATCH_BEGIN``, with nothing behind it",
}
"""Titles of what are no messages of nf_tables itself."""

SECTIONS = [
    Section(
        "pyiptc_socket",
        "``socket()``",
        "A socket is opened for everything that a table does.",
        *(Call.SOCKET, "", "open", "EPERM EACCES EAFNOSUPPORT EMFILE ENFILE ENOBUFS ENOMEM"),
    ),
    Section(
        "pyiptc_get_info",
        "``IPT_SO_GET_INFO``",
        "A table is opened or read: the first call, and the third.",
        *(Call.GETSOCKOPT, "GET_INFO", "open"),
        "EPERM ENOENT ENOPROTOOPT EINVAL ENOMEM",
        has_libiptc=True,
    ),
    Section(
        "pyiptc_get_info",
        "``IPT_SO_GET_INFO``, with a name that is too long",
        "No table has a name of more than 31 bytes: the kernel is not asked.",
        *(Call.GETSOCKOPT, "GET_INFO", "long name", "ENAMETOOLONG"),
        has_libiptc=True,
    ),
    Section(
        "pyiptc_get_entries",
        "``IPT_SO_GET_ENTRIES``",
        "A table is opened or read: the second call. EAGAIN, another writer was in between, is "
        "tried again a hundred times.",
        *(Call.GETSOCKOPT, "GET_ENTRIES", "refresh", "EPERM ENOENT EINVAL ENOMEM EAGAIN"),
        has_libiptc=True,
    ),
    Section(
        "pyiptc_set_replace",
        "``IPT_SO_SET_REPLACE``",
        "A table is committed: the kernel takes all or nothing. After each of these exceptions it "
        "has what it had.",
        *(Call.SETSOCKOPT, "SET_REPLACE", "append"),
        "EPERM EINVAL ENOENT ELOOP ENOMEM E2BIG ENOSPC ENOPROTOOPT EAGAIN",
        has_libiptc=True,
    ),
    Section(
        "pyiptc_add_counters",
        "``IPT_SO_SET_ADD_COUNTERS``, after a replace",
        "The kernel has the new rules, and is given the old ones' counters back.",
        *(Call.SETSOCKOPT, "SET_ADD_COUNTERS", "append", "EPERM EINVAL EAGAIN ENOMEM"),
        has_libiptc=True,
    ),
    Section(
        "pyiptc_add_counters",
        "``IPT_SO_SET_ADD_COUNTERS`` alone",
        "Counters are set or zeroed; after each of these exceptions they are what they were.",
        *(Call.SETSOCKOPT, "SET_ADD_COUNTERS", "zero", "EPERM EINVAL EAGAIN ENOMEM"),
    ),
    Section(
        "pyiptc_get_revision",
        "``IPT_SO_GET_REVISION_MATCH``",
        "An extension is looked for the first time. Where the kernel cannot be asked, the newest "
        "revision that libxtables has is assumed, and the kernel is asked again the next time.",
        *(Call.GETSOCKOPT, "GET_REVISION_MATCH", "match"),
        "ENOENT EPROTONOSUPPORT ENOPROTOOPT EPERM ENOMEM",
    ),
    Section(
        "pyiptc_get_revision",
        "``IPT_SO_GET_REVISION_TARGET``",
        "As for a match.",
        *(Call.GETSOCKOPT, "GET_REVISION_TARGET", "target"),
        "ENOENT EPROTONOSUPPORT ENOPROTOOPT EPERM ENOMEM",
    ),
    Section(
        "pyiptc_netns_cookie",
        "``SO_NETNS_COOKIE``",
        "A table is looked up. Before Linux 5.14 the namespace's inode stands in for its cookie.",
        *(Call.GETSOCKOPT, "SO_NETNS_COOKIE", "open", "ENOPROTOOPT EINVAL"),
    ),
    Section(
        "pyiptc_setns",
        "``setns()``",
        "A network namespace is entered, for ``pyiptc.netns()`` and for tables of another one.",
        *(Call.SETNS, "", "enter", "EPERM EINVAL EBADF ENOMEM"),
    ),
    Section(
        "pyiptc_load_module",
        "``open()`` of ``/proc/sys/kernel/modprobe``",
        "``pyiptc.util.load_kernel(name, exc_if_failed=True)``. Where the kernel has no ip_tables "
        "and it cannot be loaded, opening a table fails with ENOPROTOOPT as above.",
        *(Call.OPEN, "/proc/sys/kernel/modprobe", "load", "ENOENT EACCES"),
    ),
    Section(
        "open",
        "``open()`` of the lock file",
        "An edit takes the xtables lock; after each of these exceptions nothing has changed.",
        *(Call.OPEN, "lock", "append", "EACCES EPERM EROFS ENOENT ELOOP EMFILE ENFILE ENOMEM"),
    ),
    Section(
        "flock",
        "``flock()``",
        "The lock is taken, here with ``wait=0``. EAGAIN: another process has it.",
        *(Call.FLOCK, "", "append", "EAGAIN ENOLCK EINVAL ENOSYS"),
    ),
    Section(
        "pyiptc_handle_libiptc",
        "libiptc",
        '``Table(…, handle="libiptc")``. ELIBACC: it cannot be loaded. EOPNOTSUPP: it cannot be '
        "used where libxtables has no link namespace of its own.",
        *(Call.OPEN, "", "start", "ELIBACC EOPNOTSUPP"),
    ),
    Section(
        "netlink_socket_open",
        "nf_tables: ``socket()``",
        "A netlink socket is opened for everything that a table of nf_tables does.",
        *(Call.SOCKET, "AF_NETLINK", "open"),
        "EPERM EACCES EPROTONOSUPPORT EAFNOSUPPORT EMFILE ENFILE ENOBUFS ENOMEM",
        handle=NFT,
    ),
    Section(
        "netlink_socket_open",
        "nf_tables: ``bind()``",
        "The socket gets an address.",
        *(Call.BIND, "", "open", "EADDRINUSE ENOMEM EPERM"),
        handle=NFT,
    ),
    Section(
        "netlink_request",
        "nf_tables: ``sendto()``",
        "A table is opened, read or committed; a signal (EINTR) ends no call.",
        *(Call.SENDTO, "", "open", "EPERM EINTR ENOBUFS EMSGSIZE ECONNREFUSED ENOMEM"),
        handle=NFT,
    ),
    Section(
        "netlink_request",
        "nf_tables: ``recvfrom()``",
        "The kernel's answer. EAGAIN: there was none for a minute. EMSGSIZE: it was cut short.",
        *(Call.RECVFROM, "", "open", "EAGAIN EINTR ENOBUFS EMSGSIZE ENOMEM"),
        handle=NFT,
    ),
    Section(
        "netlink_send_batch",
        "nf_tables: ``recvfrom()``, after a commit was sent",
        "The one case in which nobody can tell: the kernel has all of the change, or nothing. What "
        "the table has is read again the next time.",
        *(Call.RECVFROM, "", "append", "ENOBUFS EMSGSIZE ENOMEM"),
        handle=NFT,
        skip=1,
    ),
    *(
        Section(
            f"NFT_MSG_{name}" if name not in BATCHES else f"NFNL_MSG_{name}",
            BATCHES.get(name, f"nf_tables: ``NFT_MSG_{name}``"),
            *(when, Call.MESSAGE, name, action, numbers),
            handle=NFT,
        )
        for name, action, numbers, when in (
            (
                *("GETGEN", "open", "EPERM EINVAL EOPNOTSUPP ENOMEM"),
                "A table is opened or read: the first message. EINVAL: there is no nf_tables.",
            ),
            (
                *("BATCH_EMPTY", "open", "EPERM EINVAL EOPNOTSUPP ENOMEM ERESTART"),
                (
                    "The second message, which waits for a commit that is going on. ERESTART: others have "
                    "changed something since the first, which is asked for again then, a hundred times."
                ),
            ),
            (
                *("GETTABLE", "open", "EPERM ENOENT EOPNOTSUPP ENOMEM"),
                "The third message. ENOENT: the table has not been made yet.",
            ),
            (
                *("GETCHAIN", "open", "EPERM ENOMEM EINTR"),
                (
                    "A list of the chains. EINTR: others have changed something meanwhile "
                    "(NLM_F_DUMP_INTR), which is tried again a hundred times."
                ),
            ),
            (
                *("GETRULE", "refresh", "EPERM ENOMEM EINTR"),
                "A list of rules, when they are needed. EINTR as for chains.",
            ),
            (
                *("GETRULE_RESET", "take", "EPERM EINVAL EOPNOTSUPP ENOMEM EINTR"),
                (
                    "``counters(zero=True)``. EINVAL, EOPNOTSUPP: a kernel before Linux 6.2; then rules "
                    "are replaced by the same ones with counters of zero. EINTR as for chains: what was "
                    "torn has started again, and is added up."
                ),
            ),
            (
                *("BATCH_BEGIN", "append", "EPERM EINVAL EOPNOTSUPP ENOMEM ERESTART"),
                (
                    "A commit, all or nothing: after each of these exceptions, and of those below, the "
                    "kernel has what it had. ERESTART: others have changed what it was made for; it is "
                    "read again, and tried again a hundred times."
                ),
            ),
            (
                *("NEWTABLE", "other table", "EPERM EEXIST EINVAL ENOMEM"),
                "A table is made with the first chain or rule that it needs.",
            ),
            (
                *("NEWCHAIN", "chain", "EPERM EEXIST EINVAL ENOENT EOPNOTSUPP ENOMEM"),
                "A chain is made or renamed, or a policy is set.",
            ),
            (
                *("DELCHAIN", "delete chain", "EPERM EBUSY ENOENT EOPNOTSUPP ENOMEM"),
                "EBUSY: a rule jumps to it, or it is not empty.",
            ),
            (
                *("NEWRULE", "append"),
                "EPERM EINVAL ENOENT EOPNOTSUPP ELOOP EMLINK ENOSPC E2BIG ENOMEM",
                "A rule is put in.",
            ),
            (*("DELRULE", "flush", "EPERM ENOENT ENOMEM"), "Rules are taken out."),
        )
    ),
    Section(
        "reset_rule",
        "nf_tables: ``NFT_MSG_GETRULE_RESET``, after a commit",
        "``zero_counters()``: the first such message asks whether the kernel knows it, the second "
        "comes when the rest of the edits is in.",
        *(Call.MESSAGE, "GETRULE_RESET", "zero", "EPERM ENOMEM"),
        handle=NFT,
        skip=1,
    ),
    Section(
        "pyiptc_get_nft_revision",
        "nf_tables: ``NFNL_MSG_COMPAT_GET``",
        "An extension is looked for the first time with tables of nf_tables: which revision the "
        "kernel knows. Where it cannot tell, ip_tables is asked.",
        *(Call.MESSAGE, "COMPAT_GET", "match", "EPERM ENOENT EINVAL ENOMEM"),
        handle=NFT,
    ),
]

ELSEWHERE = {
    ("pyiptc_load_module", "EIO"): "tests/isolated/test_module.py",
    ("pyiptc_handle_libiptc", "EPROTO"): "tests/isolated/test_handles.py",
    ("pyiptc_handle_libiptc", "EAGAIN"): "IPT_SO_SET_REPLACE",
}
"""Errors of the contract that are not made here by a call that fails."""


@dataclass(frozen=True)
class Outcome:
    """What came of one call that failed."""

    exception: str
    message: str


@dataclass(frozen=True)
class Row:
    section: int
    number: str
    outcome: Outcome
    libiptc: Optional[Outcome] = None


# -- the contract ----------------------------------------------------------------------------------


def contract() -> dict[str, set[str]]:
    """The functions of the contract that make system calls, and the errors that it names."""
    text = HEADER.read_text(encoding="utf-8")
    part = text[text.index("---- sockopt.c") : text.index("---- nft_netlink.c")]
    found: dict[str, set[str]] = {}
    at = 0
    for prototype in re.finditer(r"^int (pyiptc_\w+)\(", part, re.MULTILINE):
        found[prototype[1]] = set(re.findall(r"-(E[A-Z0-9]+)\b", part[at : prototype.start()]))
        at = prototype.start()
    at = text.index("extern const struct pyiptc_handle pyiptc_handle_libiptc;")
    comment = text[text.rindex("/**", 0, at) : at]
    found["pyiptc_handle_libiptc"] = set(re.findall(r"-(E[A-Z0-9]+)\b", comment))
    return found


def messages() -> set[str]:
    """The messages that the shim sends to nf_tables, by its source."""
    sources = [path.read_text(encoding="utf-8") for path in HEADER.parent.glob("*nft*.c")]
    # Not the names in quotes; a new generation is only told of.
    return set(re.findall(r'(?<!")\bNFT_MSG_(\w+)', " ".join(sources))) - {"NEWGEN"}


# -- what fails ------------------------------------------------------------------------------------


class Bench:
    """A table of a handle, and what is done with it."""

    def __init__(self, family: Family, handle: str) -> None:
        self.family, self.handle = family, handle
        if handle == NFT:
            # Other rows have left something.
            Oracle().nft("flush", "ruleset")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pyiptc.BackendWarning)
            self.table = self.open()
        self.chain = pyiptc.Chain(self.table, "INPUT")
        self.rule = family.Rule.parse("-p tcp -j ACCEPT")

    def open(self, name: str = "filter") -> Any:
        return self.family.Table(name, handle=self.handle, wait=0)

    def prepare(self, action: str) -> None:
        """What an action needs to be there already."""
        if self.handle != NFT:
            # Else there are no counters to give back.
            self.chain.set_policy("ACCEPT", (1, 60))
            return
        with self.table.transaction():
            self.chain.extend([self.rule, self.rule])
            self.table.create_chain("unused")
        self.table.refresh()
        if action == "other table":
            self.open("raw")

    def do(self, action: str) -> None:
        if action == "open":
            self.table.close()
            self.open()
        elif action == "long name":
            self.open("x" * 32)
        elif action == "refresh":
            self.table.refresh()
        elif action == "append":
            self.chain.append(self.rule)
        elif action == "zero":
            self.chain.zero_counters()
        elif action == "take":
            assert self.chain.counters(zero=True).count == 2
        elif action == "other table":
            pyiptc.Chain(self.open("raw"), "OUTPUT").append(self.rule)
        elif action == "chain":
            self.table.create_chain("made")
        elif action == "delete chain":
            self.table.delete_chain("unused")
        elif action == "flush":
            self.chain.flush()
        elif action == "match":
            self.family.Rule().create_match("comment")
        elif action == "target":
            self.family.Rule().create_target("LOG")
        elif action == "enter":
            with pyiptc.netns(os.getpid()):
                pass
        else:
            del os.environ["PYIPTC_MODPROBE"]
            pyiptc.util.load_kernel("nothing", exc_if_failed=True)


def fault(family: Family, section: Section, number: int) -> AbstractContextManager[None]:
    """Let the call of a section fail in this process."""
    if section.action == "long name":
        return nullcontext()
    options: dict[str, int] = {
        "GET_INFO": faults.GET_INFO,
        "GET_ENTRIES": faults.GET_ENTRIES,
        "SET_REPLACE": faults.SET_REPLACE,
        "SET_ADD_COUNTERS": faults.SET_ADD_COUNTERS,
        "SO_NETNS_COOKIE": faults.SO_NETNS_COOKIE,
        "AF_NETLINK": 16,
        **{kind.name: kind for kind in faults.Message},
        "GET_REVISION_MATCH": faults.GET_REVISION_MATCH[family.name],
        "GET_REVISION_TARGET": faults.GET_REVISION_TARGET[family.name],
    }
    path = os.environ["XTABLES_LOCKFILE"] if section.option == "lock" else section.option
    call = section.call
    if call == Call.MESSAGE and number == errno.EINTR:
        call = Call.TEAR
    is_passing = number == errno.EINTR and call != Call.TEAR
    return faults.failing(
        call,
        number,
        option=options.get(section.option, ANY),
        path=path if section.call == Call.OPEN else None,
        skip=section.skip,
        times=1 if is_passing else faults.FOR_EVER,
    )


def refuse(family: Family, section: Section, number: int) -> AbstractContextManager[None]:
    """Let the kernel refuse the call of a section, in this process for good."""
    if section.action != "long name":
        seccomp.refuse_option(
            section.call == Call.SETSOCKOPT,
            41 if family.is_ipv6 else 0,
            faults.GET_INFO
            if section.option in ("GET_INFO", "SET_REPLACE")
            else faults.GET_ENTRIES,
            number,
        )
    return nullcontext()


def outcome(
    fail: Callable[[Family, Section, int], AbstractContextManager[None]],
    family: Family,
    section: Section,
    number: int,
    handle: str,
) -> Outcome:
    """Do what a section is about, and let it fail."""
    bench = Bench(family, handle)
    bench.prepare(section.action)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with fail(family, section, number):
                bench.do(section.action)
        except Exception as error:
            said = str(error).replace(os.environ["XTABLES_LOCKFILE"], "/run/xtables.lock")
            return Outcome(type(error).__name__, re.sub(r"'?/proc/\d+/", "/proc/PID/", said))
    for warning in caught:
        return Outcome(warning.category.__name__, str(warning.message))
    return Outcome("", "")


STARTED = """
import json, sys
from dataclasses import asdict
from isolated.errno_table import Outcome
from support.family import FAMILIES
try:
    FAMILIES[sys.argv[1]].Table("filter", handle="libiptc")
except Exception as error:
    words = str(error).split("; searched")[0].replace(sys.argv[2], "/usr/lib")
    print(json.dumps(asdict(Outcome(type(error).__name__, words))))
"""


def started(family: Family, name: str) -> Outcome:
    """Use libiptc in a process where that cannot work."""
    with tempfile.TemporaryDirectory() as directory:
        env = {**os.environ, "PYIPTC_SINGLE_INSTANCE": "1"}
        if name == "ELIBACC":
            for library in ("libip4tc.so.2", "libip6tc.so.2"):
                (Path(directory) / library).touch()
            env = {**os.environ, "IPTABLES_LIBDIR": directory}
        done = subprocess.run(
            [sys.executable, "-c", STARTED, family.name, directory],
            stdout=subprocess.PIPE,
            env=env,
            check=True,
        )
    return Outcome(**json.loads(done.stdout))


def in_child(work: Callable[[], Outcome]) -> Outcome:
    """Do something in a process of its own, for what cannot be undone."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, json.dumps(asdict(work())).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, encoding="utf-8") as file:
        printed = file.read()
    assert os.waitpid(child, 0)[1] == 0
    return Outcome(**json.loads(printed))


def rows(family: Family) -> Iterator[Row]:
    for index, section in enumerate(SECTIONS):
        for name in section.numbers.split():
            number = getattr(errno, name)
            if section.action == "start":
                yield Row(index, name, started(family, name))
                continue

            # B023: both are called before the loop goes on.
            def by_fault() -> Outcome:
                return outcome(fault, family, section, number, section.handle)  # noqa: B023

            def by_kernel() -> Outcome:
                return outcome(refuse, family, section, number, LIBIPTC)  # noqa: B023

            yield Row(
                index,
                name,
                in_child(by_fault),
                in_child(by_kernel) if section.has_libiptc else None,
            )


# -- the document ----------------------------------------------------------------------------------

INTRODUCTION = """\
==========================
Errors, call by call
==========================

.. Made by tests/isolated/test_errno_table.py, which lets every one of these calls fail; with
   PYIPTC_WRITE_DOCS=1 in the environment it writes this file anew.

Every call by which pyiptc reaches the kernel, each error that it can end with, and what is raised
then. All exceptions but ``ImportError`` are an ``IPTCError`` and have ``errno``; those of calls to
the kernel are an ``OSError`` too, ``AccessError`` is a ``PermissionError``, and ``LockTimeout`` a
``TimeoutError``. IPv4 and IPv6 do not differ, but for the names ``IP6T_SO_…``. Through libiptc
(``Table(…, handle="libiptc")``) the same is raised, in libiptc's words; where it is another exception,
that is in a column of its own. What begins with *nf_tables* is about ``Table(…, backend="nft")``.
"""


def render(found: list[Row]) -> str:
    lines = [INTRODUCTION]
    for index, section in enumerate(SECTIONS):
        mine = [row for row in found if row.section == index]
        lines += ["", section.title, "-" * len(section.title), "", *wrapped(section.when), ""]
        lines += [".. list-table::", "   :header-rows: 1", ""]
        differs = any(
            row.libiptc and row.libiptc.exception != row.outcome.exception for row in mine
        )
        lines += cells("errno", "raised", *(["with libiptc"] if differs else []), "which says")
        for row in mine:
            more = [raised(row.libiptc)] if differs and row.libiptc is not None else []
            said = f"``{row.outcome.message}``" if row.outcome.message else ""
            lines += cells(row.number, raised(row.outcome), *more, said)
    return "\n".join(lines) + "\n"


def wrapped(text: str) -> Iterator[str]:
    line = ""
    for word in text.split():
        if len(line) + len(word) > 99:
            yield line
            line = ""
        line = f"{line} {word}" if line else word
    yield line


def raised(found: Outcome) -> str:
    return f"``{found.exception}``" if found.exception else "nothing"


def cells(first: str, *others: str) -> list[str]:
    return [f"   * - {first}", *(f"     - {cell}".rstrip() for cell in others)]


def main() -> None:
    json.dump([asdict(row) for row in rows(FAMILIES[sys.argv[1]])], sys.stdout)


if __name__ == "__main__":
    main()
