"""D31: options were looked up in a table whose layout iptables 1.8.11 changed without a new name.

Promised: libxtables reads its own tables, so that every option is found whatever their layout is.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from support import isolated, undertest, wider_xtables
from support.oracle import Oracle

SET_AND_READ = """
for value, name in (("3", "ttl_lt"), ("4", "ttl_gt"), ("5", "ttl_eq"), ("!6", "ttl_eq")):
    match = iptc.Rule().create_match("ttl")
    match.set_parameter(name, value)
    print(match.parameters)
"""

WALKS = re.compile(r"\bxt_option_entry\b|x6_options\s*(\[|->|\+)|\*\s*[\w.>-]*x6_options")
"""The struct by name, or a step into a table: `x6_options[1]`, `x6_options->`, `*m->x6_options`."""


@pytest.mark.kernel
def test_every_option_of_a_wider_table(tmp_path: Path) -> None:
    wider = wider_xtables.build(tmp_path)
    assert isolated.output(SET_AND_READ, env=wider).splitlines() == [
        "{'ttl_lt': '3'}",
        "{'ttl_gt': '4'}",
        "{'ttl_eq': '5'}",
        "{'ttl_eq': '!6'}",
    ]


@pytest.mark.kernel
def test_iptables_works_with_the_wider_table(tmp_path: Path) -> None:
    """What is asked of the library here is no more than what the tool does."""
    wider = {**wider_xtables.build(tmp_path), "LD_LIBRARY_PATH": str(tmp_path)}
    rules = ["-m ttl --ttl-lt 3", "-m ttl --ttl-gt 4", "-m ttl --ttl-eq 5", "-m ttl ! --ttl-eq 6"]
    tool = Oracle(env=wider)
    for rule in rules:
        tool.append("ipv4", "filter", "INPUT", rule)
    assert tool.lines("ipv4", "filter") == [f"-A INPUT {rule}" for rule in rules]


def sources() -> Iterator[Path]:
    """The source files of the module under test, and of its C part where that is beside us."""
    spec = importlib.util.find_spec(undertest.name())
    assert spec is not None
    assert spec.origin is not None
    for suffix in ("py", "pyx", "pxd"):
        yield from Path(spec.origin).parent.rglob(f"*.{suffix}")
    shim = Path(__file__).parents[2] / "csrc"
    for suffix in ("c", "h"):
        yield from shim.rglob(f"*.{suffix}") if undertest.name() == "pyiptc" else ()


def test_no_source_walks_an_option_table() -> None:
    comment = re.compile(r"/\*.*?\*/", re.DOTALL)
    walking = [path.name for path in sources() if WALKS.search(comment.sub("", path.read_text()))]
    assert walking == []
