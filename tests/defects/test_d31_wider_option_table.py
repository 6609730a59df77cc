"""D31: options were looked up in a table whose layout iptables 1.8.11 changed without a new name.

Promised: libxtables reads its own tables, so that every option is found whatever their layout is.
"""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from support import features, isolated, wider_xtables
from support.oracle import Oracle

SET_AND_READ = """
for value, name in (("3", "ttl_lt"), ("4", "ttl_gt"), ("5", "ttl_eq"), ("!6", "ttl_eq")):
    match = iptc.Rule().create_match("ttl")
    match.set_parameter(name, value)
    print(match.parameters)
"""

SHIM = Path(__file__).parents[2] / "csrc"


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


def test_c_sources_need_no_layout_of_the_table(tmp_path: Path) -> None:
    """They compile where the struct has no members: no step into a table is possible then."""
    features.require("gcc")
    header = wider_xtables.HEADER.read_text()
    opaque = re.sub(r"struct xt_option_entry \{.*?\};", "", header, flags=re.DOTALL)
    assert opaque != header
    (tmp_path / "xtables.h").write_text(opaque)
    includes = (f"-I{tmp_path}", f"-I{SHIM}")
    sources = [str(source) for source in SHIM.rglob("*.c")]
    assert sources
    done = subprocess.run(
        ["gcc", "-std=gnu11", "-fsyntax-only", *includes, *sources],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
