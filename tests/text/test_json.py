"""Tables as dictionaries and JSON; tables put back; host names; no program and no lock left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

import pyiptc
from support import features, isolated
from support.family import Family
from support.oracle import Oracle
from text.test_savefile import ruleset, tables

pytestmark = [pytest.mark.kernel, pytest.mark.usefixtures("netns")]

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "ruleset.schema.json").read_text())


def test_a_ruleset_survives_json(oracle: Oracle, family: Family) -> None:
    pyiptc.restore(ruleset(family), family.name)
    described = json.loads(json.dumps(pyiptc.to_dict(family.name)))
    jsonschema.validate(described, SCHEMA)
    for name in described:
        family.Table(name).flush()
    pyiptc.restore(described, family.name)
    assert tables(oracle.save(family.name, counters=True)) == tables(ruleset(family))
    table = family.Table("filter")
    table.restore(table.to_dict(), counters=False)
    assert set(table.save(counters=True).split("[")[1:]) != set()
    assert "[9:900]" not in oracle.save(family.name, "filter", counters=True)


@pytest.mark.parametrize(
    ("table", "error"),
    [
        ({}, TypeError),
        ({"chains": []}, TypeError),
        ({"chains": {"INPUT": {}}}, TypeError),
        ({"chains": {"INPUT": {"rules": [], "polcy": "DROP"}}}, pyiptc.RuleError),
        ({"chains": {"INPUT": {"rules": [{"tcpp": {}}]}}}, pyiptc.RuleError),
        ({"chains": {"INPUT": {"rules": [{"target": "nosuch"}]}}}, pyiptc.RuleError),
        ({"chains": {"INPUT": {"rules": [], "policy": "RETURN"}}}, pyiptc.IPTCError),
    ],
)
def test_a_wrong_dictionary_changes_nothing(
    oracle: Oracle, table: Any, error: type[Exception]
) -> None:
    oracle.append("ipv4", "filter", "INPUT", "-j DROP")
    before = oracle.save("ipv4", "filter")
    with pytest.raises(error):
        pyiptc.Table("filter").restore(table)
    assert oracle.save("ipv4", "filter") == before


@pytest.mark.only_backend("legacy", "atomic restore")
def test_earlier_tables_are_put_back(oracle: Oracle, family: Family) -> None:
    pyiptc.restore(ruleset(family), family.name)
    wrong = "*mangle\n-A INPUT -j ACCEPT\nCOMMIT\n*filter\n-A INPUT -j nosuch\nCOMMIT\n"
    with pytest.raises(pyiptc.PartialCommitError) as caught:
        pyiptc.restore(wrong, family.name, atomic=True)
    assert (caught.value.committed, caught.value.restored) == ([], ["mangle"])
    assert tables(oracle.save(family.name, counters=True)) == tables(ruleset(family))
    assert len(family.chain("mangle", "INPUT")) == 0


def test_host_names_are_looked_up_only_where_asked(oracle: Oracle) -> None:
    features.require(features.LINK_NAMESPACE)
    with pytest.raises(pyiptc.XTablesError, match=r"`localhost' not found: .* resolve=True"):
        pyiptc.Rule.parse("-s localhost -j DROP")
    # More than one rule where the name is in the hosts file twice, as in iptables.
    rules = pyiptc.Rule.parse_all("-s localhost -j DROP", resolve=True)
    assert {str(rule) for rule in rules} == {"-s 127.0.0.1/32 -j DROP"}
    with pytest.raises(pyiptc.XTablesError):
        pyiptc.Rule.parse("-s localhost -j DROP")


WITHOUT_PROGRAMS = """
from support import seccomp
seccomp.forbid_execve()
text = "*filter\\n:INPUT DROP [0:0]\\n:x - [0:0]\\n-A INPUT -p tcp --dport 22 -j x\\nCOMMIT\\n"
iptc.restore(text)
rule = iptc.Rule.parse("-p tcp --dport 22 -j x")
assert rule in iptc.Chain(iptc.Table("filter"), "INPUT")
print("-A INPUT -p tcp -m tcp --dport 22 -j x" in iptc.save())
"""


def test_no_program_is_needed() -> None:
    assert isolated.output(WITHOUT_PROGRAMS, env={"PATH": ""}) == "True\n"
