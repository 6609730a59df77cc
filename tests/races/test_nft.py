"""Writers of all kinds in one namespace's nf_tables, where nobody takes a lock."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from races import scale, writers
from races.ledger import Change, Ledger, judge
from races.writers import Edit, ToolWriter
from support import isolated
from support.family import Family
from support.oracle import Oracle

pytestmark = [pytest.mark.kernel, pytest.mark.only_backend("nft", "lock")]

SCRIPT = """
import json, logging, sys
from races import writers
from support.family import FAMILIES

class Again(logging.Handler):
    seen = 0
    def emit(self, record):
        self.seen += "once more" in record.getMessage()

again = Again()
logging.getLogger("pyiptc").addHandler(again)
logging.getLogger("pyiptc").setLevel(logging.INFO)
family, seconds, name = sys.argv[1:]
writer = writers.LibraryWriter(name, FAMILIES[family], is_alone=True)
writer.run(float(seconds))
json.dump([writer.ledger.as_json(), again.seen], sys.stdout)
"""


def library_writer(family: Family, seconds: float, name: str) -> tuple[Ledger, int]:
    """What a process of the library was told, and how often it had to do edits again."""
    printed = isolated.output(
        *(SCRIPT, family.name, str(seconds), name),
        env={"PYIPTC_BACKEND": "nft"},
        timeout=3 * seconds + 30,
        own_namespace=False,
    )
    ledger, again = json.loads(printed)
    return Ledger.from_json(ledger), again


class CommandWriter(ToolWriter):
    """One command at a time: iptables-nft-restore 1.8.9 crashes where others come in between."""

    def do_at_once(self, edits: Sequence[Edit]) -> None:
        for edit in edits:
            self.do(edit)

    def fail(self, edits: Sequence[Edit]) -> None:
        line = Edit("delete", Change("INPUT", f"{self.name}-0", None, 0)).line()
        done = self.oracle.iptables(self.family, *line.split(), check=False)
        assert done.returncode == 1


class NftWriter(threading.Thread):
    """Adds rules to a table of its own, each of which is a new generation."""

    def __init__(self, oracle: Oracle, seconds: float) -> None:
        super().__init__()
        self.oracle = oracle
        self.seconds = seconds
        self.number = 0

    def run(self) -> None:
        until = time.monotonic() + self.seconds
        self.oracle.nft("add table inet other; add chain inet other mine")
        while time.monotonic() < until:
            self.oracle.nft("add", "rule", "inet", "other", "mine", "tcp dport", str(self.number))
            self.number += 1
            time.sleep(0.02)


def test_writers_of_nf_tables(family: Family, oracle: Oracle) -> None:
    """Two processes of the library, iptables-nft and nft: nothing is lost, and nothing refused."""
    other = NftWriter(oracle, scale.SECONDS)
    tool = CommandWriter("t0", family, oracle)
    other.start()
    with ThreadPoolExecutor(2) as pool:
        processes = [
            pool.submit(library_writer, family, scale.SECONDS, f"p{number}") for number in range(2)
        ]
        writers.run_threads([tool], scale.SECONDS)
    found = [process.result() for process in processes]
    other.join()
    ledgers = [tool.ledger, *(ledger for ledger, _ in found)]
    assert judge(oracle.save(family, "filter"), ledgers, writers.text) == []
    assert min(ledger.commits for ledger in ledgers) >= scale.COMMITS
    assert sum(again for _, again in found) > 0
    listed = oracle.nft("list", "chain", "inet", "other", "mine").stdout
    ports = [int(line.split()[-1]) for line in listed.splitlines() if "dport" in line]
    assert ports == list(range(other.number))
