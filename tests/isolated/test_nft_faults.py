"""Every call to nf_tables that may fail, and every message that it may refuse.

The kernel's answers are made where the shim receives them: see `support.faults`.
"""

from __future__ import annotations

import errno
import json

import pytest

from isolated import faulty as cases
from isolated.faulty import Case, Result
from isolated.test_faults import Results, check_refused, check_usable, each
from pyiptc.transaction import RETRIES
from support import isolated
from support.family import FAMILIES
from support.faults import Call

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.only_backend("nft", "system calls"),
]

CLASSES = {errno.EPERM: "AccessError", errno.EOPNOTSUPP: "UnsupportedError"}
READ_TRIES = 100
"""READ_TRIES of csrc/handle_nft.c."""


@pytest.fixture(scope="module")
def results(faulty: dict[str, str]) -> Results:
    """What came of all cases, in both families; each family is one process."""
    script = "from isolated import faulty\nfaulty.main()"
    found: Results = {}
    for family in FAMILIES:
        printed = isolated.output(script, family, "nft", env=faulty, prelude=False, timeout=300)
        found[family] = {name: Result(**value) for name, value in json.loads(printed).items()}
    return found


def check_pending(case: Case, result: Result) -> None:
    assert result.is_pending == (case.action == "batch")


def told(case: Case) -> Case:
    """The same with the errno that the exception has."""
    number = case.number
    if case.call == Call.SOCKET and number == errno.EPROTONOSUPPORT:
        number = errno.EOPNOTSUPP
    if case.name.startswith("nft: message GETGEN") and number == errno.EINVAL:
        number = errno.EOPNOTSUPP
    if case.call == Call.RECVFROM and number == errno.EAGAIN:
        number = errno.ETIMEDOUT
    return Case(case.call, case.option, number, case.action, backend="nft")


@each([*cases.NFT_SOCKET, *cases.NFT_READ])
def test_cannot_read(family: str, case: Case, results: Results) -> None:
    result = results[family][case.name]
    wanted = told(case)
    check_refused(wanted, result, CLASSES.get(wanted.number, "KernelError"), "OSError")
    check_pending(case, result)


@each(cases.NFT_TORN)
def test_changes_all_the_time(family: str, case: Case, results: Results) -> None:
    """Each dump is torn by somebody else's change: there is a bound."""
    result = results[family][case.name]
    assert result.calls == READ_TRIES
    check_refused(Case(case.call, case.option, errno.EAGAIN, case.action), result, "ConflictError")
    assert "changes faster than it can be read" in result.words


@each(cases.NFT_TORN_AGAIN)
def test_again(family: str, case: Case, results: Results) -> None:
    """A dump that was torn is read again, a call that a signal has ended is made again.

    `take` checks that what torn dumps have taken is in the sum.
    """
    result = results[family][case.name]
    assert result.error is None, result.words
    assert result.calls > case.times
    assert result.is_unchanged == (case.action in ("open", "refresh"))
    check_usable(result)


@each(cases.NFT_BATCH)
def test_cannot_commit(family: str, case: Case, results: Results) -> None:
    """All or nothing; and the message says which part the kernel refused."""
    result = results[family][case.name]
    cls = CLASSES.get(case.number, "KernelError")
    if case.name.startswith("nft: message DELCHAIN: EBUSY"):
        check_refused(Case(case.call, case.option, errno.EMLINK, ""), result, "ChainInUseError")
        return
    check_refused(case, result, cls, "OSError")
    check_pending(case, result)
    assert ("INPUT" if case.action != "other" else "OUTPUT") in result.words


@each(cases.NFT_CONFLICT)
def test_others_are_always_faster(family: str, case: Case, results: Results) -> None:
    """ERESTART: tried again, but not for ever."""
    result = results[family][case.name]
    assert result.calls == 1 + RETRIES["nft"]
    check_refused(Case(case.call, case.option, errno.EAGAIN, case.action), result, "ConflictError")
    check_pending(case, result)


@each(cases.NFT_CONFLICT_AGAIN)
def test_others_were_faster(family: str, case: Case, results: Results) -> None:
    result = results[family][case.name]
    assert result.error is None, result.words
    assert result.calls == case.times + 1
    assert not result.is_unchanged
    check_usable(result)


@each(cases.NFT_ECHO_LOST)
def test_echo_is_lost(family: str, case: Case, results: Results) -> None:
    """ENOBUFS, and what came before: handles are not known then, and read when they are needed."""
    result = results[family][case.name]
    assert result.error is None, result.words
    assert not result.is_unchanged
    check_usable(result)


@each(cases.NFT_ANSWER_LOST)
def test_answer_is_lost(family: str, case: Case, results: Results) -> None:
    """Never yes to what nobody has confirmed: an exception that says so, and then all is read again."""
    result = results[family][case.name]
    assert result.error is not None
    assert result.error.split()[0] == "KernelError"
    assert result.number == case.number
    assert "the change may be in" in result.words
    assert result.is_done
    assert result.counted == [[3, 4], [5, 6], [0, 0]]
    check_usable(result)


@each(cases.NFT_RESET)
def test_rules_with_their_counters(family: str, case: Case, results: Results) -> None:
    """Counters are set to zero after the commit: where they cannot, that is told."""
    result = results[family][case.name]
    assert result.error is not None
    assert result.error.split()[0] == "CountersLostError"
    assert result.number == case.number
    assert "counters were not set to zero" in result.words
    assert result.counted == [[3, 4], [5, 6]]
    check_usable(result)


@each(cases.NFT_TAKE)
def test_counters_that_cannot_be_taken(family: str, case: Case, results: Results) -> None:
    result = results[family][case.name]
    check_refused(case, result, CLASSES.get(case.number, "KernelError"), "OSError")
    assert result.counted == [[3, 4], [5, 6]]


@each(cases.NFT_TAKE_TORN)
def test_counters_that_are_always_torn(family: str, case: Case, results: Results) -> None:
    """They are zero by then, and that is told."""
    result = results[family][case.name]
    assert result.calls == READ_TRIES
    assert result.error is not None
    assert result.error.split()[0] == "CountersLostError"
    assert result.counted == [[0, 0], [0, 0]]
    check_usable(result)


@pytest.mark.only_backend("nft", "zeroing")
@each(cases.NFT_OLDER)
def test_kernel_without_reset(family: str, case: Case, results: Results) -> None:
    """Before Linux 6.2: rules are replaced by the same with counters of zero. `take` has read them."""
    result = results[family][case.name]
    assert result.error is None, result.words
    assert result.calls > 0
    assert result.counted == [[0, 0], [0, 0]]
    assert result.is_replaced == [True, True]
    check_usable(result)


def test_every_case_is_judged(results: Results) -> None:
    for found in results.values():
        assert list(found) == [case.name for case in cases.NFT_CASES]
