"""Writers that are killed, one after the other, while they write.

    python -m races.killed ipv4 KILLS atomic|torn

Prints as JSON what was found. A `torn` writer makes two commits of what should be one: it shows
that a state between two valid ones would be found.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import signal
import sys
import time
import traceback
from dataclasses import asdict, dataclass, field
from typing import Any

from races.ledger import comments, read
from support import undertest
from support.family import FAMILIES, Family, on_nft
from support.oracle import Oracle

State = dict[str, list[str]]
"""The comments of the rules in each chain that is written to."""

CHAINS = ("INPUT", "work")
BALLAST = 300
"""Rules that are only there, so that a commit takes time."""
LONGEST = 0.03
"""Seconds that a writer lives."""


@dataclass
class Found:
    """What came of all kills."""

    kills: int = 0
    inside: int = 0
    """Kills while something was being committed."""
    done: int = 0
    """Those of them after which it was in the kernel all the same."""
    torn: list[str] = field(default_factory=list)
    """States that were neither the one before nor the one after."""
    wrong: list[str] = field(default_factory=list)
    """Whatever else should not be."""


class Writer:
    """Goes from one state to the next, and says so before and after, until it is killed."""

    def __init__(self, family: Family, state: State, pipe: int, kind: str) -> None:
        self.iptc = undertest.load()
        self.table = family.Table("filter")
        self.state, self.pipe, self.kind = state, pipe, kind
        self.random = random.Random(os.getpid())
        self.number = 0

    def run(self) -> None:
        edits = (self.renew, self.restore, self.append, self.insert, self.delete, self.replace)
        while True:
            new: State = {name: list(there) for name, there in self.state.items()}
            edit = self.random.choice(edits)
            edit(new)

    def chain(self, name: str) -> Any:
        return self.iptc.Chain(self.table, name)

    def say(self, what: str, state: State) -> None:
        os.write(self.pipe, f"{what} {json.dumps(state)}\n".encode())
        self.state = state

    def new(self) -> str:
        self.number += 1
        return f"{os.getpid()}-{self.number}"

    def renew(self, new: State) -> None:
        """All rules of both chains are others, in one transaction."""
        for name in CHAINS:
            new[name] = [self.new() for _ in range(4)]
        self.say("try", new)
        if self.kind == "torn":
            self.fill(new)
        else:
            with self.table.transaction():
                self.fill(new)
        self.say("did", new)

    def fill(self, new: State) -> None:
        for name, there in new.items():
            self.chain(name).flush()
            self.chain(name).extend([text(comment) for comment in there])

    def restore(self, new: State) -> None:
        """The same, by a save file."""
        for name in CHAINS:
            new[name] = [self.new() for _ in range(3)]
        self.say("try", new)
        self.table.restore(save_file(new), flush=False)
        self.say("did", new)

    def append(self, new: State) -> None:
        new["INPUT"].append(self.new())
        self.say("try", new)
        self.chain("INPUT").append(text(new["INPUT"][-1]))
        self.say("did", new)

    def insert(self, new: State) -> None:
        new["INPUT"].insert(0, self.new())
        self.say("try", new)
        self.chain("INPUT").ensure(text(new["INPUT"][0]), index=0)
        self.say("did", new)

    def delete(self, new: State) -> None:
        if new["INPUT"]:
            gone = new["INPUT"].pop(self.random.randrange(len(new["INPUT"])))
            self.say("try", new)
            self.chain("INPUT").delete(text(gone))
            self.say("did", new)

    def replace(self, new: State) -> None:
        if new["work"]:
            place = self.random.randrange(len(new["work"]))
            new["work"][place] = self.new()
            self.say("try", new)
            with self.table.transaction():
                self.chain("work").replace(text(new["work"][place]), place)
            self.say("did", new)


def text(comment: str) -> str:
    return f"-m comment --comment {comment} -j ACCEPT"


def save_file(state: State) -> str:
    lines = [f"-F {name}" for name in state]
    lines += [f"-A {name} {text(comment)}" for name, there in state.items() for comment in there]
    return "\n".join(["*filter", *lines, "COMMIT", ""])


class Nursery:
    """Has writers and kills them, and looks at what is left after each."""

    def __init__(self, family: Family, kind: str) -> None:
        self.family, self.kind = family, kind
        self.oracle = Oracle()
        self.found = Found()
        ballast = [
            f"-A ballast -p tcp -m tcp --dport {port + 1} -j DROP" for port in range(BALLAST)
        ]
        lines = ["*filter", ":ballast - [0:0]", ":work - [0:0]", *ballast, "COMMIT", ""]
        self.oracle.restore(family, "\n".join(lines))
        self.table = family.Table("filter")
        self.seen = self.look()

    def look(self) -> State:
        _, lines = read(self.oracle.save(self.family, "filter"))
        left = len(lines.get("ballast", []))
        if left != BALLAST:
            self.found.wrong.append(f"of the ballast {left} rules are left")
        return {name: comments(lines.get(name, [])) for name in CHAINS}

    def kill_one(self) -> None:
        said = self.live_and_die()
        before, after = self.seen, self.seen
        is_inside = False
        for line in said:
            what, _, rest = line.partition(" ")
            if what == "error":
                self.found.wrong.append(rest)
                continue
            before, after = (after if what == "try" else json.loads(rest)), json.loads(rest)
            is_inside = what == "try"
        self.check_lock()
        self.seen = self.look()
        self.found.kills += 1
        self.found.inside += is_inside
        self.found.done += is_inside and self.seen == after
        if self.seen not in (before, after):
            self.found.torn.append(f"{self.seen}, not {before} and not {after}")
        self.go_on()

    def live_and_die(self) -> list[str]:
        """What the writer said in its short life."""
        reader, pipe = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reader)
            try:
                Writer(self.family, self.seen, pipe, self.kind).run()
            except BaseException:
                os.write(pipe, f"error {traceback.format_exc()!r}\n".encode())
            os._exit(1)
        os.close(pipe)
        time.sleep(random.uniform(0, LONGEST))
        os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        with open(reader, encoding="ascii") as said:
            lines = said.read().splitlines(True)
        if not os.WIFSIGNALED(status):
            self.found.wrong.append(f"a writer ended by itself: {status}")
        return [line for line in lines if line.endswith("\n")]

    def check_lock(self) -> None:
        """Whether anybody can have it at once; nf_tables has none."""
        if on_nft():
            return
        with open(os.environ["XTABLES_LOCKFILE"]) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.found.wrong.append("the lock is held by the dead")

    def go_on(self) -> None:
        """Edit at once, in this process and by the tool."""
        self.table.wait = 0
        chain = undertest.load().Chain(self.table, "FORWARD")
        try:
            chain.append(text("next"))
            self.oracle.delete(self.family, "filter", "FORWARD", text("next"))
        except Exception as error:
            self.found.wrong.append(repr(error))


def main() -> None:
    family, kills, kind = sys.argv[1:]
    nursery = Nursery(FAMILIES[family], kind)
    for _ in range(int(kills)):
        nursery.kill_one()
    json.dump(asdict(nursery.found), sys.stdout)


if __name__ == "__main__":
    main()
