"""Counters that are read and zeroed while packets flow: none is lost, none is counted twice."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest

from races import scale, writers
from races.ledger import judge
from races.test_ledgers import library_writers
from races.writers import ToolWriter
from support import isolated
from support.family import Family, on_nft
from support.oracle import Oracle
from support.traffic import Link

pytestmark = pytest.mark.kernel

FLOODS = {7001: 10, 7002: 33}
"""Ports, and bytes in each datagram to them."""


def size(family: Family, payload: int) -> int:
    """Bytes of one datagram, as a rule counts them."""
    return (40 if family.is_ipv6 else 20) + 8 + payload


def flood(family: Family, port: int, seconds: float) -> int:
    script = "from races import flood\nflood.main()"
    args = (family.name, str(port), str(FLOODS[port]), str(seconds))
    printed = isolated.output(
        script, *args, prelude=False, own_namespace=False, timeout=seconds + 30
    )
    return int(printed)


class Reader:
    """Sums what it reads of chain OUTPUT."""

    def __init__(self, family: Family) -> None:
        self.chain = family.chain("filter", "OUTPUT")
        self.packets = self.bytes = self.reads = 0

    def read(self) -> None:
        counters = self.chain.counters(zero=True)
        self.packets += sum(counters[at].packets for at in range(len(counters)))
        self.bytes += sum(counters[at].bytes for at in range(len(counters)))
        self.reads += 1

    def read_apart(self) -> None:
        """As it was done before there was `zero=True`."""
        self.chain.table.refresh()
        self.packets += sum(rule.counters.packets for rule in self.chain.rules)
        self.chain.zero_counters()
        self.reads += 1


@contextmanager
def repeated(action: Callable[[], object]) -> Iterator[None]:
    """Do something over and over in another thread, until the block ends."""
    stop, failures = threading.Event(), list[BaseException]()

    def loop() -> None:
        try:
            while not stop.is_set():
                action()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=loop)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    assert failures == []


def put_counting_rules(family: Family) -> None:
    chain = family.chain("filter", "OUTPUT")
    chain.extend([f"-p udp -m udp --dport {port} -j ACCEPT" for port in FLOODS])


def test_sum_is_what_was_sent(family: Family, oracle: Oracle) -> None:
    """Two floods, two readers, and writers of both kinds, also in the chain that is read."""
    put_counting_rules(family)
    readers = [Reader(family), Reader(family)]
    tool = ToolWriter("t0", family, oracle)
    seconds, other = scale.FLOOD_SECONDS, "-p udp -m udp --dport 9 -j DROP"

    def edit() -> None:
        oracle.insert(family, "filter", "OUTPUT", other)
        readers[0].chain.append(other)
        oracle.delete(family, "filter", "OUTPUT", other)
        readers[0].chain.delete(other)
        time.sleep(0.01)

    with ThreadPoolExecutor(8) as pool:
        with ExitStack() as stack:
            for action in (readers[0].read, readers[1].read, edit):
                stack.enter_context(repeated(action))
            floods = {port: pool.submit(flood, family, port, seconds) for port in FLOODS}
            process = pool.submit(library_writers, family, seconds, "p0")
            tool.run(seconds)
            sent = {port: running.result() for port, running in floods.items()}
            ledgers = [*process.result(), tool.ledger]
        readers[0].read()
    assert min(sent.values()) > 1000
    assert min(reader.reads for reader in readers) > 10
    assert sum(reader.packets for reader in readers) == sum(sent.values())
    expected = sum(count * size(family, FLOODS[port]) for port, count in sent.items())
    assert sum(reader.bytes for reader in readers) == expected
    written = oracle.save(family, "filter").replace("-A OUTPUT", "# OUTPUT")
    assert judge(written, ledgers, writers.text) == []
    assert min(ledger.commits for ledger in ledgers) > scale.COMMITS


def test_reading_and_zeroing_apart_loses_packets(family: Family) -> None:
    """The flood is dense enough to tell, if not in each second of a busy machine."""
    put_counting_rules(family)
    reader = Reader(family)
    sent = 0
    for _ in range(30):
        with repeated(reader.read_apart):
            sent += flood(family, 7001, 1)
        reader.read()
        if reader.packets != sent:
            break
    assert reader.packets < sent


# -- rules that remember -------------------------------------------------------------------------------

PORT = 7003


def read(chain: Any) -> None:
    """What must disturb nothing."""
    for _ in range(3):
        chain.counters(zero=True)
        chain.counters()


def commit(chain: Any) -> None:
    """What makes ip_tables start such rules again: that the tests below would notice it."""
    chain.append("-p tcp -m tcp --dport 1 -j DROP")


BETWEEN = pytest.mark.parametrize(("between", "is_kept"), [(read, True), (commit, False)])


def udp_through(link: Link, family: Family, count: int) -> int:
    return link.send_udp(count, family=family.name, port=PORT, payload=b"pyiptc")


def only(chain: Any, match: str) -> None:
    """Accept datagrams only as long as something matches."""
    chain.append(f"-p udp -m udp --dport {PORT} {match} -j ACCEPT")
    chain.append(f"-p udp -m udp --dport {PORT} -j DROP")


@pytest.mark.differs("rules that remember")
@BETWEEN
def test_quota(between: Callable[[Any], None], is_kept: bool, family: Family, veth: Link) -> None:
    chain = family.chain("filter", "INPUT")
    only(chain, f"-m quota --quota {50 * size(family, 6)}")
    assert udp_through(veth, family, 30) == 30
    between(chain)
    assert udp_through(veth, family, 30) == (20 if is_kept or on_nft() else 30)


@pytest.mark.differs("rules that remember")
@BETWEEN
def test_limit(between: Callable[[Any], None], is_kept: bool, family: Family, veth: Link) -> None:
    chain = family.chain("filter", "INPUT")
    only(chain, "-m limit --limit 1/hour --limit-burst 10")
    assert udp_through(veth, family, 6) == 6
    between(chain)
    assert udp_through(veth, family, 6) == (4 if is_kept or on_nft() else 6)


@pytest.mark.differs("rules that remember")
@BETWEEN
def test_connlimit(
    between: Callable[[Any], None], is_kept: bool, family: Family, veth: Link
) -> None:
    chain = family.chain("filter", "INPUT")
    chain.append(
        f"-p tcp -m tcp --dport {PORT} --syn -m connlimit --connlimit-above 2 "
        "-j REJECT --reject-with tcp-reset"
    )
    with ExitStack() as stack:
        listener = stack.enter_context(veth.near.socket(family.name, socket.SOCK_STREAM, port=PORT))
        listener.listen()

        def connect() -> bool:
            client = veth.far.socket(family.name, socket.SOCK_STREAM)
            stack.enter_context(client)
            client.settimeout(5)
            return client.connect_ex(listener.getsockname()[:2]) == 0

        assert [connect(), connect()] == [True, True]
        between(chain)
        assert connect() == (not (is_kept or on_nft()))
