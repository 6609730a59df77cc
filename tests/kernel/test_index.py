"""Rules that are looked for: what an index says is what looking at each of them says."""

from __future__ import annotations

import random
from typing import Any

import pytest

from pyiptc.identity import key_of, mask_of, unordered
from support.family import Family

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("netns")]

TEXTS = [
    "-j ACCEPT",
    "-j one",
    "-j two",
    "-g one",
    "",
    "-i eth0 -j DROP",
    "-i eth+ -j DROP",
    "-i eth01 -j DROP",
    "-j MARK --set-mark 1",
    "-j MARK --set-mark 2",
    "-m limit --limit 1/sec -j ACCEPT",
    "-m limit --limit 2/sec -j ACCEPT",
    *(f"-p tcp -m tcp --dport {port} -m comment --comment x -j ACCEPT" for port in range(1, 30)),
    *(f"-p tcp -m comment --comment x -m tcp --dport {port} -j ACCEPT" for port in range(1, 30)),
    "-m comment --comment x -m comment --comment y -j DROP",
    "-m comment --comment y -m comment --comment x -j DROP",
    "-m comment --comment x -m comment --comment x -j DROP",
]


class Model:
    """A chain beside a list of its entries, which is gone through each time."""

    def __init__(self, family: Family) -> None:
        table: Any = family.Table("filter")
        self.data = table._data.as_read()
        self.data.create_chain("one")
        self.data.create_chain("two")
        self.all = [family.Rule.parse(text)._compile(self.data.has_chain) for text in TEXTS]
        self.entries: list[Any] = []
        self.keys = {entry: key_of(entry) for entry in self.all}

    def found(self, entry: Any, occurrence: int) -> int:
        key = self.keys[entry]
        same = [at for at, other in enumerate(self.entries) if self.keys[other] == key]
        if same:
            return same[min(occurrence, len(same) - 1)]
        for at, other in enumerate(self.entries):
            if len(entry.matches) > 1 and unordered(self.keys[other]) == unordered(key):
                return at
        return -1

    def check(self, entry: Any, occurrence: int) -> int:
        found: int = self.data.seek("INPUT", entry, mask_of(entry), occurrence)
        assert found == self.found(entry, occurrence)
        same = sum(self.keys[other] == self.keys[entry] for other in self.entries)
        count = self.data.count_same("INPUT", entry, mask_of(entry))
        assert count == (same or int(found >= 0))
        return found

    def step(self, choose: random.Random) -> None:
        entry = choose.choice(self.all)
        at = choose.choice([0, len(self.entries), choose.randint(0, len(self.entries))])
        what = choose.random()
        if what < 0.35:
            self.data.insert("INPUT", at, entry)
            self.entries.insert(at, entry)
        elif what < 0.45 and at < len(self.entries):
            self.data.replace("INPUT", at, entry)
            self.entries[at] = entry
        elif what < 0.7:
            found = self.check(entry, choose.choice([0, 0, 1, 3]))
            if found >= 0:
                self.data.delete("INPUT", found)
                del self.entries[found]
        else:
            self.check(entry, choose.choice([0, 0, 1, 3]))


@pytest.mark.parametrize("seed", range(2))
def test_any_edits(family: Family, seed: int) -> None:
    """Each is made often enough that there is an index most of the time."""
    model, choose = Model(family), random.Random(seed)
    for _ in range(1500):
        model.step(choose)
    assert model.data.entries("INPUT") == model.entries
    model.data.flush("INPUT")
    model.entries.clear()
    for entry in model.all:
        model.check(entry, 0)


def test_a_place_that_is_halved_too_often(family: Family) -> None:
    """New rules between the same two, again and again: their order is numbered anew."""
    model = Model(family)
    for entry in (model.all[0], model.all[-1]):
        model.data.append("INPUT", entry)
        model.entries.append(entry)
    for step in range(300):
        entry = model.all[step % len(model.all)]
        model.data.insert("INPUT", 1, entry)
        model.entries.insert(1, entry)
        for other in model.all[::20]:
            model.check(other, step % 3)
    assert model.data.entries("INPUT") == model.entries
