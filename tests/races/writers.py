"""Writers: random changes of one table, each by its own rules only, told to a ledger.

    python -m races.writers ipv4 SECONDS w0 [w1 …]

runs writers of pyiptc, each in a thread of its own where there are several, and prints their
ledgers as JSON.
"""

from __future__ import annotations

import contextlib
import copy
import json
import random
import shlex
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from races.ledger import CHAINS, Change, Ledger, apply, comments
from support import undertest
from support.family import FAMILIES, Family
from support.oracle import Oracle, ToolError

SHARED = ("INPUT", "FORWARD")
"""Chains that all writers write to."""

ENOUGH = 12
"""Rules that a writer has at once, about."""


OPTIONS = {
    "append": "-A",
    "insert": "-I",
    "replace": "-R",
    "delete": "-D",
    "delete_at": "-D",
    "new_chain": "-N",
    "remove_chain": "-X",
}


class _OnPurposeError(Exception):
    """What a block raises so that nothing is committed."""


@dataclass(frozen=True)
class Edit:
    """An edit, one of `OPTIONS`, and what it means for the ledger."""

    how: str
    change: Change
    index: int = 0

    @property
    def chain(self) -> str:
        return self.change.chain

    @property
    def comment(self) -> str:
        """Of the rule that is put in, or that is taken out."""
        name = self.change.new or self.change.old
        assert name is not None
        return name

    def line(self) -> str:
        """As the command line has it."""
        option = OPTIONS[self.how]
        if self.chain == CHAINS:
            return f"{option} {self.comment}"
        number = f" {self.index + 1}" if self.how in ("insert", "replace", "delete_at") else ""
        rule = "" if self.how == "delete_at" else f" {text(self.comment)}"
        return f"{option} {self.chain}{number}{rule}"


def text(comment: str) -> str:
    """The rule of this comment, as `iptables-save` prints it."""
    writer, number = comment.split("-")
    at = int(number)
    target = ("-j ACCEPT", "-j DROP", "-j RETURN", f"-j {_leaf(writer)}", "")[at % 5]
    words = f"-p tcp -m tcp --dport {at % 60000 + 1} -m comment --comment {comment} {target}"
    return words.strip()


def _own(writer: str) -> str:
    """The chain in which there are rules of one writer only, so that positions are safe."""
    return f"{writer}.own"


def _leaf(writer: str) -> str:
    """An empty chain that rules jump to."""
    return f"{writer}.leaf"


class Writer:
    """Does something, and tells its ledger what came of it."""

    def __init__(self, name: str, family: Family) -> None:
        self.name = name
        self.family = family
        self.ledger = Ledger(name)
        self.random = random.Random(name)
        self._number = 0

    # -- what a kind of writer can do ----------------------------------------------------------------

    def do(self, edit: Edit) -> None:
        """One edit, by itself."""
        raise NotImplementedError

    def do_at_once(self, edits: Sequence[Edit]) -> None:
        """Several edits with one commit."""
        raise NotImplementedError

    def fail(self, edits: Sequence[Edit]) -> None:
        """Try several edits with one commit, of which nothing comes."""
        raise NotImplementedError

    def look(self, chain: str) -> list[str]:
        """The comments of the rules that a chain has now."""
        raise NotImplementedError

    def has(self, chain: str, comment: str) -> bool:
        """Whether there is such a rule now."""
        raise NotImplementedError

    # -- the loop ------------------------------------------------------------------------------------

    def run(self, seconds: float) -> Ledger:
        """Write for a while, or until something is wrong."""
        until = time.monotonic() + seconds
        chains = [
            Edit("new_chain", Change(CHAINS, None, chain, place))
            for place, chain in enumerate((_leaf(self.name), _own(self.name)))
        ]
        for chain in chains:
            with self.told(chain):
                self.do(chain)
        while time.monotonic() < until and not self.ledger.complaints:
            self.step()
        return self.ledger

    def step(self) -> None:
        kind = self.random.choices(
            (self.one, self.several, self.nothing, self.check, self.probe), (10, 3, 1, 1, 1)
        )[0]
        kind()

    def one(self) -> None:
        (edit,) = self.picked(1)
        with self.told(edit):
            self.do(edit)

    def several(self) -> None:
        edits = self.picked(self.random.randint(2, 6))
        with self.told(*edits):
            self.do_at_once(edits)

    def nothing(self) -> None:
        edits = self.picked(self.random.randint(1, 4))
        with self.told():
            self.fail(edits)

    def check(self) -> None:
        """Whether the rules are there, in their order."""
        chain = self.random.choice((*SHARED, _own(self.name)))
        with self.told():
            self.expect(chain, self.look(chain))

    def expect(self, chain: str, found: Sequence[str]) -> None:
        """Complain where the writer's rules are not among these as they must be."""
        seen = [comment for comment in found if comment.startswith(f"{self.name}-")]
        own = self.ledger.has.get(chain, [])
        if seen != own:
            self.ledger.complaints.append(f"{chain} had {seen} and not {own}")

    def probe(self) -> None:
        """Whether one of its rules is there, and one that it has deleted is not."""
        chain = self.random.choice((*SHARED, _own(self.name)))
        own = self.ledger.has.get(chain, [])
        with self.told():
            for comment in (*own[:1], f"{self.name}-{self._number}"):
                if self.has(chain, comment) != (comment in own):
                    self.ledger.complaints.append(f"{comment} in {chain}: {comment not in own}")

    @contextlib.contextmanager
    def told(self, *picked: Edit, may_conflict: bool = False) -> Iterator[list[Edit]]:
        """Enter in the ledger what becomes of edits; the block may add some."""
        edits = list(picked)
        try:
            yield edits
        except Exception as error:
            if may_conflict and isinstance(error, undertest.load().ConflictError):
                self.ledger.conflicts += 1
                return
            lines = "; ".join(edit.line() for edit in edits)
            self.ledger.complaints.append(f"{lines}: {type(error).__name__}: {error}")
        else:
            # With a complaint the ledger is no longer what must be.
            if not self.ledger.complaints:
                self.ledger.tell(*(edit.change for edit in edits))

    # -- edits ---------------------------------------------------------------------------------------

    def picked(self, count: int) -> list[Edit]:
        """Edits that can be done one after the other."""
        has, edits = copy.deepcopy(self.ledger.has), list[Edit]()
        for _ in range(count):
            edits.append(self._pick(has))
            apply(has, edits[-1].change)
        return edits

    def _pick(self, has: dict[str, list[str]]) -> Edit:
        if self.random.random() < 0.06:
            return self._chain(has)
        own = _own(self.name)
        chain = self.random.choice((*SHARED, own))
        there = has.get(chain, [])
        is_full = sum(map(len, has.values())) >= self.random.randint(2, ENOUGH)
        if not there or not is_full:
            return self._put(chain, there)
        place = self.random.randrange(len(there))
        old = there[place]
        if chain == own and self.random.random() < 0.7:
            if self.random.random() < 0.5:
                return Edit("replace", Change(chain, old, self.new(), place), place)
            return Edit("delete_at", Change(chain, old, None, place), place)
        return Edit("delete", Change(chain, old, None, place))

    def _put(self, chain: str, there: list[str]) -> Edit:
        if self.random.random() < 0.4:
            return Edit("append", Change(chain, None, self.new(), len(there)))
        last = len(there) if chain == _own(self.name) else 0
        place = self.random.randint(0, last)
        return Edit("insert", Change(chain, None, self.new(), place), place)

    def _chain(self, has: dict[str, list[str]]) -> Edit:
        """A chain that comes and goes, beside the two that stay."""
        if len(has[CHAINS]) > 2:
            return Edit("remove_chain", Change(CHAINS, has[CHAINS][2], None, 2))
        return Edit("new_chain", Change(CHAINS, None, f"{self.name}.{self._number}", 2))

    def new(self) -> str:
        """The comment of a rule that there never was."""
        self._number += 1
        return f"{self.name}-{self._number}"


class ToolWriter(Writer):
    """A loop of `iptables-legacy -w`; runs in the namespace of its thread."""

    def __init__(self, name: str, family: Family, oracle: Oracle) -> None:
        super().__init__(name, family)
        self.oracle = oracle

    def do(self, edit: Edit) -> None:
        self.oracle.iptables(self.family, *shlex.split(edit.line()))

    def do_at_once(self, edits: Sequence[Edit]) -> None:
        self.oracle.restore(self.family, save_file(edits), flush=False)

    def fail(self, edits: Sequence[Edit]) -> None:
        wrong = Edit("delete", Change("INPUT", f"{self.name}-0", None, 0))
        with contextlib.suppress(ToolError):
            self.do_at_once([*edits, wrong])
            raise AssertionError("a rule was deleted that there never was")

    def look(self, chain: str) -> list[str]:
        return comments(self.oracle.lines(self.family, "filter", chain))

    def has(self, chain: str, comment: str) -> bool:
        return self.oracle.check(self.family, "filter", chain, text(comment))


def save_file(edits: Sequence[Edit]) -> str:
    """What `iptables-restore -n` does edits with."""
    return "\n".join(["*filter", *(edit.line() for edit in edits), "COMMIT", ""])


class LibraryWriter(Writer):
    """Uses the library in all the ways that there are to the same end."""

    def __init__(self, name: str, family: Family, *, is_alone: bool) -> None:
        super().__init__(name, family)
        self.iptc = undertest.load()
        self.table = family.Table("filter")
        self.is_alone = is_alone
        """Whether no other thread uses the table's object, so that what it shows stays."""

    def step(self) -> None:
        if self.random.random() < 0.1:
            self.by_position()
        else:
            super().step()

    def chain(self, name: str) -> Any:
        return self.iptc.Chain(self.table, name)

    def rule(self, comment: str) -> Any:
        """A rule, text or words."""
        words = text(comment)
        form = self.random.randrange(3)
        return (words, words.split(), self.family.Rule.parse(words) if form == 2 else None)[form]

    # -- one edit --------------------------------------------------------------------------------------

    def do(self, edit: Edit) -> None:
        getattr(self, f"_{edit.how}")(edit)

    def _append(self, edit: Edit) -> None:
        chain, rule = self.chain(edit.chain), self.rule(edit.comment)
        form = self.random.randrange(3)
        if form == 0:
            chain.append(rule)
        elif form == 1:
            chain.extend([rule])
        else:
            self._is(chain.ensure(rule), True)
            if self.random.random() < 0.2 and self.is_alone and self.table.autocommit:
                self._is(chain.ensure(rule), False)

    def _insert(self, edit: Edit) -> None:
        chain, rule = self.chain(edit.chain), self.rule(edit.comment)
        if self.random.random() < 0.3:
            self._is(chain.ensure(rule, index=edit.index), True)
        else:
            chain.insert(rule, edit.index)

    def _replace(self, edit: Edit) -> None:
        self.chain(edit.chain).replace(self.rule(edit.comment), edit.index)

    def _delete(self, edit: Edit) -> None:
        chain, rule = self.chain(edit.chain), self.rule(edit.comment)
        form = self.random.randrange(3)
        if form == 0:
            chain.delete(rule)
        elif form == 1:
            self._is(chain.discard(rule), True)
        else:
            (read,) = [rule for rule in chain.rules if edit.comment in rule.comments]
            chain.delete(read)

    def _delete_at(self, edit: Edit) -> None:
        self.chain(edit.chain).delete(index=edit.index)

    def _new_chain(self, edit: Edit) -> None:
        self.table.create_chain(edit.comment)

    def _remove_chain(self, edit: Edit) -> None:
        self.table.delete_chain(edit.comment)

    def _is(self, answer: bool, expected: bool) -> None:
        if answer is not expected:
            self.ledger.complaints.append(f"the answer was {answer}")

    # -- several ---------------------------------------------------------------------------------------

    def do_at_once(self, edits: Sequence[Edit]) -> None:
        form = self.random.randrange(4)
        if form == 0:
            self.table.restore(save_file(edits), flush=False)
        elif form == 1 and self.is_alone:
            self._with_autocommit_off(edits)
        else:
            with self.table.transaction():
                for edit in edits:
                    self.do(edit)

    def _with_autocommit_off(self, edits: Sequence[Edit]) -> None:
        self.table.autocommit = False
        try:
            for edit in edits:
                self.do(edit)
            self.table.commit()
        finally:
            self.table.refresh()
            self.table.autocommit = True

    def fail(self, edits: Sequence[Edit]) -> None:
        wrong = Edit("delete", Change("INPUT", f"{self.name}-0", None, 0))
        form = self.random.randrange(3)
        if form == 0:
            with contextlib.suppress(self.iptc.RestoreError):
                self.table.restore(save_file([*edits, wrong]), flush=False)
                raise AssertionError("a rule was deleted that there never was")
            return
        with (
            contextlib.suppress(_OnPurposeError, self.iptc.RuleNotFoundError),
            self.table.transaction(),
        ):
            for edit in edits:
                self.do(edit)
            if form == 1:
                raise _OnPurposeError
            self.chain("INPUT").delete(self.rule(wrong.comment))

    # -- positions in shared chains --------------------------------------------------------------------

    def by_position(self) -> None:
        """An edit by index where others write, too: of the rules that were seen, or not at all."""
        chain = self.random.choice(SHARED)
        if self.is_alone:
            if self.random.random() < 0.7:
                self.table.refresh()
            with self.told(may_conflict=True) as edits:
                edits.append(self._at_a_position(chain))
                self.do(edits[0])
        else:
            # What the object shows is what all threads see, and any of them may refresh it.
            with self.told() as edits, self.table.transaction():
                edits.append(self._at_a_position(chain))
                self.do(edits[0])

    def _at_a_position(self, chain: str) -> Edit:
        seen = [(rule.comments or [""])[0] for rule in self.chain(chain).rules]
        self.expect(chain, seen)
        own = [at for at, comment in enumerate(seen) if comment.startswith(f"{self.name}-")]
        how = self.random.choice(("insert", "replace", "delete_at")) if own else "insert"
        if how == "insert":
            index = self.random.randint(0, len(seen))
            place = sum(1 for at in own if at < index)
            return Edit(how, Change(chain, None, self.new(), place), index)
        place = self.random.randrange(len(own))
        new = self.new() if how == "replace" else None
        return Edit(how, Change(chain, seen[own[place]], new, place), own[place])

    # -- looks -----------------------------------------------------------------------------------------

    def look(self, chain: str) -> list[str]:
        self.table.refresh()
        return [(rule.comments or [""])[0] for rule in self.chain(chain).rules]

    def has(self, chain: str, comment: str) -> bool:
        self.table.refresh()
        return self.rule(comment) in self.chain(chain)


def main() -> None:
    family, seconds, *names = sys.argv[1:]
    is_alone = len(names) == 1
    writers = [LibraryWriter(name, FAMILIES[family], is_alone=is_alone) for name in names]
    if is_alone:
        writers[0].run(float(seconds))
    else:
        run_threads(writers, float(seconds))
    json.dump([writer.ledger.as_json() for writer in writers], sys.stdout)


def run_threads(writers: Sequence[Writer], seconds: float) -> None:
    """Let each writer write in a thread of its own."""
    threads = [threading.Thread(target=writer.run, args=(seconds,)) for writer in writers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
