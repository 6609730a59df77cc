"""What a program does with a chain in which another tool left a rule that is not understood.

The chain has three rules, the middle one is the stranger. Only the library is used here, so that
the work can also be done in a process with other extensions; what it did the tool says afterwards.
"""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable
from typing import Any

from support import undertest
from support.family import FAMILIES


def chains(family: str) -> tuple[Any, Any]:
    """Chain INPUT with the stranger, and chain OUTPUT, which is empty."""
    return FAMILIES[family].chain("filter", "INPUT"), FAMILIES[family].chain("filter", "OUTPUT")


def drop(family: str) -> Any:
    """A rule like any other."""
    rule = FAMILIES[family].Rule()
    rule.create_target("DROP")
    return rule


def read_it(family: str) -> None:
    """It is listed, equals itself only, and hides nothing."""
    chain, _ = chains(family)
    first, stranger, last = chain.rules
    assert stranger == chain.rules[1]
    assert stranger in chain.rules
    assert hash(stranger) == hash(chain.rules[1])
    assert stranger not in (first, last)
    assert [rule.matches[0].mark for rule in (first, last)] == ["0x1", "0x3"]
    assert [found.name for found in FAMILIES[family].Table("filter").chains] == [
        "INPUT",
        "FORWARD",
        "OUTPUT",
    ]
    assert "mark" in str(first)
    assert str(stranger)
    assert repr(stranger)


def dump_it(family: str) -> None:
    """It does not keep its neighbours from being dumped as dictionaries."""
    easy = undertest.load().easy
    first, _, last = easy.dump_chain("filter", "INPUT", ipv6=family == "ipv6")
    assert [rule["mark"] for rule in (first, last)] == [{"mark": "0x1"}, {"mark": "0x3"}]


def edit_others(family: str) -> None:
    """Rules before it and after it are deleted, replaced, appended."""
    chain, _ = chains(family)
    chain.delete_rule(chain.rules[0])
    chain.replace_rule(drop(family), 1)
    chain.append_rule(drop(family))
    chain.insert_rule(drop(family))


def edit_batch(family: str) -> None:
    """It takes another place in one commit."""
    chain, _ = chains(family)
    chain.table.autocommit = False
    stranger = chain.rules[1]
    chain.delete_rule(stranger)
    chain.insert_rule(stranger)
    chain.table.commit()
    chain.table.autocommit = True


def move_it(family: str) -> None:
    """It goes to another chain."""
    chain, output = chains(family)
    stranger = chain.rules[1]
    output.insert_rule(stranger)
    chain.delete_rule(stranger)


def copy_it(family: str) -> None:
    """Copies of it are sent."""
    chain, output = chains(family)
    stranger = chain.rules[1]
    for made in (
        copy.copy(stranger),
        copy.deepcopy(stranger),
        pickle.loads(pickle.dumps(stranger)),
    ):
        assert made == stranger
        output.append_rule(made)


def replace_it(family: str) -> None:
    """Another rule takes its place."""
    chain, _ = chains(family)
    chain.replace_rule(drop(family), 1)


def delete_it(family: str) -> None:
    """The rule that was read is the one that goes."""
    chain, _ = chains(family)
    chain.delete_rule(chain.rules[1])


def edit_chains(family: str) -> None:
    """Other chains, policies and counters change round it."""
    chain, output = chains(family)
    table = chain.table
    made = table.create_chain("made")
    made.append_rule(drop(family))
    made.rename("renamed")
    output.set_policy("DROP")
    chain.zero_counters()
    table.flush_entries("renamed")
    table.delete_chain("renamed")
    output.set_policy("ACCEPT")


DROP = "-A INPUT -j DROP"
EFFECTS: dict[Callable[[str], None], list[str]] = {
    read_it: ["first", "stranger", "last"],
    dump_it: ["first", "stranger", "last"],
    edit_others: [DROP, "stranger", DROP, DROP],
    edit_batch: ["stranger", "first", "last"],
    move_it: ["first", "last", "elsewhere"],
    copy_it: ["first", "stranger", "last", "elsewhere", "elsewhere", "elsewhere"],
    replace_it: ["first", DROP, "last"],
    delete_it: ["first", "last"],
    edit_chains: ["first", "stranger", "last"],
}
"""What the tool prints after each: its own lines of before by name, and lines as they are."""
