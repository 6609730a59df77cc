"""Every rule of the matrix, whole and damaged: printed as libxtables prints it, from memory too."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

import pyiptc
from parity.cases import ACCEPTED, Case
from parity.running import any_warning
from pyiptc import _blob, _kernel, _print, errors, printing
from pyiptc.enums import Kind
from pyiptc.pure import PURE_TEXT
from support.family import Family
from text.test_savefile import ruleset, tables

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("netns")]

DAMAGED = 40
"""Of each payload that is not always printed by libxtables."""
HEADER = _blob.PAYLOAD_HEADER


def entries(family: Family) -> Iterator[tuple[Case, _blob.Entry]]:
    """The matrix's rules that are no jumps and need no set."""
    for case in ACCEPTED:
        if case.family != family.name:
            continue
        with any_warning():
            try:
                entry = family.Rule.parse(case.arguments)._as_is()
            except errors.XTablesError:
                continue
        yield case, entry


def damaged(payload: bytes, generator: random.Random) -> Iterator[bytes]:
    """The payload, and others like it with some of their data changed."""
    yield payload
    places = range(HEADER, len(payload))
    for _ in range(DAMAGED if places else 0):
        other = bytearray(payload)
        for at in generator.sample(places, generator.choice((1, 1, 2, len(places) // 2 + 1))):
            other[at] = generator.choice((0, 0xFF, other[at] ^ 1, generator.randrange(256)))
        yield bytes(other)


@pytest.mark.any_backend
def test_what_is_not_asked_is_the_same(family: Family) -> None:
    """From memory or without libxtables at all; and only the allow-list is remembered."""
    direct, asking = (_print.Printer(family.nfproto, caches) for caches in (True, False))
    generator = random.Random(5)
    seen = set()
    for case, entry in entries(family):
        with any_warning():
            assert direct.entry_text(entry) == asking.entry_text(entry), case.id
        kinds = [Kind.MATCH] * len(entry.matches) + [Kind.TARGET]
        for kind, payload in zip(kinds, [*entry.matches, entry.target]):
            name = _blob.payload_name(payload)
            if name not in PURE_TEXT and name not in ("tcp", "udp", "comment"):
                continue
            seen.add(name)
            for made in damaged(payload, generator):
                asked = asking.part_text(kind, entry.head, made)
                assert direct.part_text(kind, entry.head, made) == asked, (case.id, made)
                assert direct.part_text(kind, entry.head, made) == asked, (case.id, made)
        # An alias (`state`) is another word for an extension of the list.
        names = {name for name, _ in direct.remembered}
        assert names <= PURE_TEXT, case.id
    assert len(seen) > 25
    assert asking.remembered == []
    assert len(direct.remembered) <= 2 * _print.REMEMBERED_COUNT


@pytest.mark.any_backend
def test_a_whole_table(family: Family) -> None:
    """Saved with caches and without; each rule as it is printed alone."""
    pyiptc.restore(ruleset(family), family.name, counters=True, backend="legacy")
    asking = _print.Printer(family.nfproto, False)
    with _kernel.Socket(family.nfproto) as socket:
        for name in tables(ruleset(family)):
            data = _kernel.read(socket, name)
            saved = data.save(asking, True)
            assert saved == "*" + tables(ruleset(family))[name]
            assert data.save(printing.printer(family.nfproto), True) == saved
            lines = [line.partition("] ")[2] for line in saved.splitlines() if line[0] == "["]
            assert lines == [
                f"-A {chain} {printing.entry_text(entry)}".rstrip()
                for chain in data.chains()
                for entry in data.entries(chain)
            ]


@pytest.mark.any_backend
def test_a_table_of_the_other_family(family: Family) -> None:
    with _kernel.Socket(family.nfproto) as socket:
        data = _kernel.read(socket, "filter")
    with pytest.raises(errors.BlobError, match=f"a table of family {family.nfproto}"):
        data.save(printing.printer(10 if family.nfproto == 2 else 2), False)
