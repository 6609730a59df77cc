"""Writers of all kinds in one table: what each was told is what the kernel has."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Optional

import pytest

from races import scale, writers
from races.ledger import Ledger, judge
from races.writers import ToolWriter
from support import isolated
from support.family import IPV4, Family
from support.namespace import fresh_namespace
from support.oracle import Oracle

pytestmark = pytest.mark.kernel

SCRIPT = "from races import writers\nwriters.main()"


def library_writers(
    family: Family, seconds: float, *names: str, lock: Optional[str] = None
) -> list[Ledger]:
    """A process with one writer, or with a thread for each of several."""
    printed = isolated.output(
        *(SCRIPT, family.name, str(seconds), *names),
        env={} if lock is None else {"PYIPTC_LOCK": lock},
        timeout=3 * seconds + 30,
        own_namespace=False,
    )
    return [Ledger.from_json(value) for value in json.loads(printed)]


def write(
    family: Family, oracle: Oracle, seconds: float, lock: Optional[str] = None
) -> list[Ledger]:
    """Eight processes of the library and eight loops of the tool, in one table."""
    tools = [ToolWriter(f"t{number}", family, oracle) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        processes = [
            pool.submit(library_writers, family, seconds, f"p{number}", lock=lock)
            for number in range(8)
        ]
        writers.run_threads(tools, seconds)
    found = [ledger for process in processes for ledger in process.result()]
    return [*found, *(tool.ledger for tool in tools)]


def findings(family: Family, oracle: Oracle, ledgers: list[Ledger]) -> list[str]:
    return judge(oracle.save(family, "filter"), ledgers, writers.text)


def check_busy(ledgers: list[Ledger]) -> None:
    """Each writer got its turn."""
    commits = {ledger.writer: ledger.commits for ledger in ledgers}
    assert len(commits) == 16
    assert min(commits.values()) >= scale.COMMITS, commits


@pytest.mark.only_backend("legacy", "iptables-nft-restore")  # of nf_tables test_nft.py is
def test_processes_and_tools(family: Family, oracle: Oracle) -> None:
    ledgers = write(family, oracle, scale.SECONDS)
    assert findings(family, oracle, ledgers) == []
    check_busy(ledgers)


def test_threads(family: Family, oracle: Oracle) -> None:
    names = [f"p{number}" for number in range(16)]
    ledgers = library_writers(family, scale.SECONDS, *names)
    assert findings(family, oracle, ledgers) == []
    check_busy(ledgers)


@pytest.mark.only_backend("legacy", "lock")
def test_without_the_lock_something_is_lost(oracle: Oracle) -> None:
    """The same judge finds it, so it would find it with the lock, too."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with fresh_namespace() as namespace, namespace.entered():
            ledgers = write(IPV4, oracle, 1.5, lock="none")
            if any(words.endswith(" is lost") for words in findings(IPV4, oracle, ledgers)):
                return
    pytest.fail("nothing was lost in a minute")
