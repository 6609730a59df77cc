"""docs/errors.rst says what each failing call becomes; here they fail, and it must be so.

PYIPTC_WRITE_DOCS=1 writes the document anew: ./bootstrap test tests/isolated/test_errno_table.py
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

import pyiptc
from isolated import errno_table
from isolated.errno_table import SECTIONS, Outcome, Row
from support import features, isolated
from support.family import FAMILIES
from support.faults import Call

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.any_backend,
]

DOCUMENT = Path(__file__).parents[2] / "docs" / "errors.rst"


@pytest.fixture(scope="module")
def measured(faulty: dict[str, str]) -> dict[str, list[Row]]:
    features.require(features.LINK_NAMESPACE)
    script = "from isolated import errno_table\nerrno_table.main()"
    env = {**faulty, "PYIPTC_BACKEND": "legacy"}  # where a row does not say another one
    found = {}
    for family in FAMILIES:
        printed = isolated.output(script, family, env=env, prelude=False, timeout=120)
        found[family] = [row_of(value) for value in json.loads(printed)]
    return found


def row_of(value: dict[str, Any]) -> Row:
    libiptc = None if value["libiptc"] is None else Outcome(**value["libiptc"])
    return Row(value["section"], value["number"], Outcome(**value["outcome"]), libiptc)


def test_document(measured: dict[str, list[Row]]) -> None:
    made = errno_table.render(measured["ipv4"])
    if os.environ.get("PYIPTC_WRITE_DOCS") == "1":
        DOCUMENT.write_text(made, encoding="utf-8")
    assert DOCUMENT.read_text(encoding="utf-8") == made


def test_families_are_alike(measured: dict[str, list[Row]]) -> None:
    def exceptions(rows: list[Row]) -> list[tuple[object, ...]]:
        return [
            (row.section, row.number, row.outcome.exception, row.libiptc and row.libiptc.exception)
            for row in rows
        ]

    assert exceptions(measured["ipv4"]) == exceptions(measured["ipv6"])


def test_all_are_ours(measured: dict[str, list[Row]]) -> None:
    """No bare OSError, and nothing silent but what may be."""
    silent = set()
    for row in measured["ipv4"]:
        for found in (row.outcome, row.libiptc):
            if found is None:
                continue
            if not found.exception:
                silent.add(SECTIONS[row.section].function)
                continue
            assert found.message
            if found.exception != "ImportError":
                cls = getattr(pyiptc, found.exception)
                assert issubclass(cls, (pyiptc.IPTCError, pyiptc.LibraryWarning))
    assert silent == {
        *("pyiptc_get_revision", "pyiptc_netns_cookie", "pyiptc_get_nft_revision"),
        *("netlink_request", "NFT_MSG_GETTABLE", "NFT_MSG_GETRULE_RESET"),
    }


def test_rows_are_those_of_the_messages() -> None:
    """Whatever is sent to nf_tables is let fail."""
    tried = {section.option for section in SECTIONS if section.call == Call.MESSAGE}
    sent = errno_table.messages()
    assert {"GETGEN", "GETCHAIN", "NEWRULE", "DELCHAIN"} < sent
    assert tried - {*errno_table.BATCHES, "COMPAT_GET", "GETRULE_RESET"} == sent


def test_rows_are_those_of_the_contract() -> None:
    """A call that the contract has, or an error that it names, has a row, or a reason."""
    contract = errno_table.contract()
    assert len(contract) == 10
    tried: dict[str, set[str]] = {}
    for section in SECTIONS:
        tried.setdefault(section.function, set()).update(section.numbers.split())
    nft = {section.function for section in SECTIONS if section.handle == errno_table.NFT}
    assert tried.keys() - {"open", "flock", *nft} == contract.keys()
    for function, numbers in contract.items():
        elsewhere = {name for where, name in errno_table.ELSEWHERE if where == function}
        assert numbers <= tried[function] | elsewhere, function
