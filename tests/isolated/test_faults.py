"""Every call that may fail, with every errno: told as one exception, and nothing is left or lost."""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from isolated import faulty as cases
from isolated.faulty import Case, Result
from pyiptc.transaction import RETRIES
from support import isolated
from support.family import FAMILIES

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.only_backend("legacy", "system calls"),
]

Results = dict[str, dict[str, Result]]


@pytest.fixture(scope="module")
def results(faulty: dict[str, str]) -> Results:
    """What came of all cases, in both families; each family is one process."""
    script = "from isolated import faulty\nfaulty.main()"
    found: Results = {}
    for family in FAMILIES:
        printed = isolated.output(script, family, env=faulty, prelude=False, timeout=120)
        found[family] = {name: Result(**value) for name, value in json.loads(printed).items()}
    return found


def each(group: Sequence[Case]) -> pytest.MarkDecorator:
    """Each case of a group in each family."""
    return pytest.mark.parametrize(
        ("family", "case"),
        [
            pytest.param(family, case, id=f"{family}-{case.name}")
            for family in FAMILIES
            for case in group
        ],
    )


def check_refused(case: Case, result: Result, cls: str, base: str = "IPTCError") -> None:
    """An exception of this class with the errno; the kernel and the process as before."""
    assert result.error is not None
    assert result.error.split()[0] == cls
    assert base in result.error.split()
    assert result.number == case.number
    assert result.calls > 0
    assert result.is_unchanged
    check_usable(result)


def check_usable(result: Result) -> None:
    assert result.left_open == ""
    assert result.works == ""


def check_not_sent(case: Case, result: Result) -> None:
    """A call that sends failed: tried again where the table may have changed, but not for ever."""
    if case.number == errno.EAGAIN:
        assert result.calls == 1 + RETRIES["legacy"]
        check_refused(case, result, "ConflictError")
    else:
        check_refused(case, result, KERNEL.get(case.number, "KernelError"), "OSError")


KERNEL = {
    errno.EPERM: "AccessError",
    errno.EACCES: "AccessError",
    errno.ENOPROTOOPT: "UnsupportedError",
    errno.EAFNOSUPPORT: "UnsupportedError",
}
READ: Mapping[int, str] = {**KERNEL, errno.ENOENT: "TableNotFoundError"}


@each([*cases.SOCKET, *cases.GET_INFO])
def test_cannot_open(family: str, case: Case, results: Results) -> None:
    result = results[family][case.name]
    check_refused(case, result, READ.get(case.number, "KernelError"), "OSError")
    assert result.words.startswith("can't initialize ")


@each([case for case in cases.GET_ENTRIES if case.number != errno.EAGAIN])
def test_cannot_read(family: str, case: Case, results: Results) -> None:
    result = results[family][case.name]
    check_refused(case, result, READ.get(case.number, "KernelError"), "OSError")
    assert result.is_pending == (case.action == "batch")


@each([case for case in cases.GET_ENTRIES if case.number == errno.EAGAIN])
def test_changes_all_the_time(family: str, case: Case, results: Results) -> None:
    """Somebody without the lock is always quicker: there is a bound."""
    result = results[family][case.name]
    assert result.calls == 100
    check_refused(case, result, "ConflictError")


@each(cases.CHANGED)
def test_read_again(family: str, case: Case, results: Results) -> None:
    """EAGAIN is retried inside."""
    result = results[family][case.name]
    assert result.error is None
    assert result.calls == case.times + 1
    assert result.is_done == (case.action in ("append", "batch"))
    check_usable(result)


@each(cases.COOKIE)
def test_older_kernel(family: str, case: Case, results: Results) -> None:
    """Before Linux 5.14 there is no cookie: the namespace's inode stands in for it."""
    result = results[family][case.name]
    assert result.error is None
    assert result.calls > 0
    check_usable(result)


@each(cases.REPLACE)
def test_cannot_commit(family: str, case: Case, results: Results) -> None:
    """The kernel has what it had, and edits that were pending still are."""
    result = results[family][case.name]
    check_not_sent(case, result)
    assert result.is_pending == (case.action == "batch")


@each(cases.COUNTERS_AFTER)
def test_rules_without_their_counters(family: str, case: Case, results: Results) -> None:
    """The second call fails: the rules are in, and that is told."""
    result = results[family][case.name]
    assert result.error is not None
    assert result.error.split()[0] == "CountersLostError"
    assert result.number == case.number
    assert result.is_done
    check_usable(result)


@each(cases.COUNTERS_ALONE)
def test_counters_that_cannot_be_set(family: str, case: Case, results: Results) -> None:
    """Without a replace nothing has happened."""
    check_not_sent(case, results[family][case.name])


@each(cases.LOCK_FILE)
def test_lock_file_cannot_be_opened(family: str, case: Case, results: Results) -> None:
    result = results[family][case.name]
    check_refused(case, result, "AccessError", "PermissionError")
    assert "lock file" in result.words
    assert result.is_pending == (case.action == "batch")


@each(cases.LOCK)
def test_lock_cannot_be_taken(family: str, case: Case, results: Results) -> None:
    """Not because somebody has it: file systems without locks say so."""
    result = results[family][case.name]
    assert result.error is not None
    check_refused(case, result, result.error.split()[0])
    assert result.is_pending == (case.action == "batch")


@each(cases.LOCKED)
def test_lock_is_waited_for(family: str, case: Case, results: Results) -> None:
    result = results[family][case.name]
    assert result.error is None
    assert result.calls > 1
    assert result.is_done
    check_usable(result)


@each(cases.ENTER)
def test_namespace_cannot_be_entered(family: str, case: Case, results: Results) -> None:
    result = results[family][case.name]
    assert result.error is not None
    check_refused(case, result, result.error.split()[0])


def test_every_case_is_judged(results: Results) -> None:
    for found in results.values():
        assert list(found) == [case.name for case in cases.CASES]


# -- revisions -------------------------------------------------------------------------------------

REVISIONS = """
import errno, json, sys, warnings
from support import faults
from support.family import FAMILIES

family, number, kind, name = sys.argv[1:]
number = getattr(errno, number)
option = (faults.GET_REVISION_MATCH if kind == "match" else faults.GET_REVISION_TARGET)[family]
found = {}
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    with faults.failing(faults.Call.GETSOCKOPT, number, option=option):
        rule = FAMILIES[family].Rule()
        rule.protocol = "tcp"
        try:
            made = rule.create_match(name) if kind == "match" else rule.create_target(name)
            found["revision"] = made.revision
        except iptc.XTablesError as error:
            found["error"] = str(error)
found["warnings"] = [f"{w.category.__name__}: {w.message}" for w in caught]
found["calls"] = faults.count(faults.Call.GETSOCKOPT, option)
print(json.dumps(found))
"""


def revision(faulty: dict[str, str], *args: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(isolated.output(REVISIONS, *args, env=faulty))
    assert found["calls"] > 0
    return found


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("kind", "name"), [("match", "multiport"), ("target", "MARK")])
@pytest.mark.parametrize("number", ["ENOENT", "EPROTONOSUPPORT"])
def test_kernel_knows_no_revision(
    family: str, kind: str, name: str, number: str, faulty: dict[str, str]
) -> None:
    """Revision 0 is left, so that it is the kernel which refuses the rule; the library says so."""
    found = revision(faulty, family, number, kind, name)
    if "error" in found:
        assert name in found["error"]
        return
    assert found["revision"] == 0
    assert any(name in warning for warning in found["warnings"])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("kind", "name"), [("match", "multiport"), ("target", "MARK")])
@pytest.mark.parametrize("number", ["EPERM", "EACCES", "ENOMEM"])
def test_revisions_cannot_be_asked(
    family: str, kind: str, name: str, number: str, faulty: dict[str, str]
) -> None:
    """Without the right to ask the newest is assumed, as by libxtables, and nothing is said."""
    found = revision(faulty, family, number, kind, name)
    assert found["revision"] > 0
    assert found["warnings"] == []
