"""The judge of ledgers sees whatever can go wrong with a rule."""

from __future__ import annotations

import pytest

from races.ledger import CHAINS, Change, Ledger, judge
from races.writers import text

PUT = [
    Change(CHAINS, None, "w0.leaf", 0),
    Change("INPUT", None, "w0-1", 0),
    Change("INPUT", None, "w0-2", 1),
    Change("INPUT", None, "w0-3", 0),
    Change("INPUT", "w0-1", "w0-4", 1),
    Change("INPUT", "w0-2", None, 2),
]
"""What leaves 3 and 4, in this order."""

OTHER = text("w0-3").replace("--dport 4", "--dport 5")


def saved(*comments: str, chains: str = ":w0.leaf - [0:0]\n") -> str:
    rules = "".join(f"-A INPUT {text(comment)}\n" for comment in comments)
    return f"*filter\n:INPUT ACCEPT [0:0]\n{chains}{rules}COMMIT\n"


def ledgers() -> list[Ledger]:
    first, second = Ledger("w0"), Ledger("w1")
    first.tell(*PUT)
    second.tell(Change("INPUT", None, "w1-1", 0))
    return [first, second]


@pytest.mark.parametrize("place", range(3))
def test_all_is_well(place: int) -> None:
    """Where others have their rules is theirs to say."""
    rules = ["w0-3", "w0-4"]
    rules.insert(place, "w1-1")
    assert judge(saved(*rules), ledgers(), text) == []


@pytest.mark.parametrize(
    ("table", "finding"),
    [
        (saved("w0-3", "w1-1"), "INPUT: w0-4 is lost"),
        (saved("w0-3", "w0-4"), "INPUT: w1-1 is lost"),
        (
            saved("w0-3", "w0-4", "w1-1", "w0-2"),
            "INPUT: w0-2 was deleted, or is of another chain",
        ),
        (
            saved("w0-1", "w0-3", "w0-4", "w1-1"),
            "INPUT: w0-1 was deleted, or is of another chain",
        ),
        (saved("w0-3", "w0-4", "w0-3", "w1-1"), "INPUT: w0-3 is in 2 times"),
        (saved("w0-3", "w0-4", "w2-1", "w1-1"), "INPUT: w2-1 is nobody's"),
        (
            saved("w0-4", "w0-3", "w1-1"),
            "INPUT: of w0 there are ['w0-4', 'w0-3'] and not ['w0-3', 'w0-4']",
        ),
        (
            saved("w0-3", "w0-4", "w1-1").replace(text("w0-3"), OTHER),
            f"INPUT: w0-3 is {OTHER!r} and not {text('w0-3')!r}",
        ),
        (saved("w0-3", "w0-4", "w1-1", chains=""), "chain w0.leaf is lost"),
        (
            saved("w0-3", "w0-4", "w1-1", chains=":w0.leaf - [0:0]\n:w1.x - [0:0]\n"),
            "chain w1.x should not be",
        ),
    ],
)
def test_what_is_wrong(table: str, finding: str) -> None:
    assert judge(table, ledgers(), text) == [finding]


def test_what_a_writer_saw() -> None:
    told = ledgers()
    told[1].complaints.append("it vanished")
    assert judge(saved("w0-3", "w0-4", "w1-1"), told, text) == ["w1: it vanished"]


def test_ledgers_travel() -> None:
    told = ledgers()[0]
    told.complaints.append("a complaint")
    told.conflicts = 3
    assert Ledger.from_json(told.as_json()) == told
