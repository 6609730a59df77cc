"""Very many rules as text, through files: restored, saved, and handed to the tool and back.

20,000 of them usually; with ``PYIPTC_LARGE=1`` it is 100,000.
"""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import pyiptc
from support.family import Family, on_nft
from support.oracle import Oracle, as_restored

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("netns")]

COUNT = 100_000 if os.environ.get("PYIPTC_LARGE") == "1" else 20_000
CHAINS = 40
SEED = 3


def some_rule(generator: random.Random, family: Family, chain: int) -> str:
    """What follows ``-A CHAIN``, as it is printed; jumps lead to later chains only."""
    choose = generator.choice
    number = generator.randrange(1, 65536)
    words = []
    if generator.random() < 0.6:
        address = (
            f"2001:db8::{number:x}/128" if family.is_ipv6 else f"10.{chain}.{number >> 8}.1/32"
        )
        words.append(choose(("-s", "! -s", "-d")) + f" {address}")
    if generator.random() < 0.3:
        words.append(choose(("-i eth+", "-i lo", "! -i wlan0")))
    if generator.random() < 0.5:
        protocol = choose(("tcp", "udp"))
        words.append(f"-p {protocol} -m {protocol} {choose(('--dport', '! --sport'))} {number}")
    if generator.random() < 0.3:
        words.append(f"-m conntrack --ctstate {choose(('NEW', 'RELATED,ESTABLISHED'))}")
    if generator.random() < 0.2:
        words.append(f"-m mark --mark {number:#x}/0xffff")
    if generator.random() < 0.3:
        text = choose(
            ("plain", "two words", r"it\'s", r"say \"hi\"", r"C:\\temp", "zażółć", "! --x")
        )
        words.append(f'-m comment --comment "{text} {number}"')
    first = chain + 1
    if on_nft():
        # It allows 16 jumps one after the other, and follows each of them anew.
        first = CHAINS // 2 if chain < CHAINS // 2 else CHAINS
    later = f"chain{generator.randrange(first, CHAINS)}" if first < CHAINS else "RETURN"
    target = choose(("-j ACCEPT", "-j DROP", f"-j {later}", f'-j LOG --log-prefix "{number} "', ""))
    return " ".join([*words, *([target] if target else [])])


def ruleset(family: Family, count: int) -> Iterator[str]:
    """The lines of table filter with that many rules in many chains, always the same."""
    generator = random.Random(SEED)
    yield "*filter\n:INPUT DROP [1:100]\n:FORWARD ACCEPT [2:200]\n:OUTPUT ACCEPT [3:300]\n"
    # The kernel's order is the one of names.
    order = sorted(range(CHAINS), key=lambda chain: f"chain{chain}")
    yield from (f":chain{chain} - [0:0]\n" for chain in order)
    for index in range(10):
        yield f"[{index}:{index * 100}] -A INPUT -j chain{index}\n"
    share = (count - 10) // CHAINS
    for chain in order:
        for _ in range(share):
            packets = generator.randrange(1 << 40)
            rule = some_rule(generator, family, chain)
            yield f"[{packets}:{packets * 60}] -A chain{chain} {rule}".rstrip() + "\n"
    yield "COMMIT\n"


@pytest.fixture
def file(tmp_path: Path, family: Family) -> Path:
    path = tmp_path / "rules"
    with path.open("w", encoding="utf-8") as lines:
        lines.writelines(ruleset(family, COUNT))
    return path


def saved_by_tool(oracle: Oracle, family: Family) -> str:
    return oracle.save(family, "filter", counters=True)


def test_restored_saved_and_exchanged(oracle: Oracle, family: Family, file: Path) -> None:
    """Each side prints what was put in, whichever side put it in."""
    text = file.read_text("utf-8")
    assert text.count("\n[") >= COUNT - 50
    table = family.Table("filter")

    with file.open(encoding="utf-8") as lines:
        pyiptc.restore(lines, family.name)
    ours = table.save(counters=True)
    assert ours == text
    assert saved_by_tool(oracle, family) == text

    pyiptc.restore("*filter\nCOMMIT\n", family.name)
    with file.open("rb") as given:
        command = [f"{family.tool}-restore", "-c", "-w", "30"]
        subprocess.run(command, stdin=given, env=oracle.env, check=True, timeout=300)
    there = as_restored(family, text)
    assert table.save(counters=True) == there
    with file.open("rb") as raw_lines:
        pyiptc.restore(raw_lines, family.name, test=True)
    assert saved_by_tool(oracle, family) == there
