"""What every parity test gets: the namespace, and a look at what C code printed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from parity.cases import Case
from parity.printed import Tool
from support import undertest
from support.oracle import Oracle

pytest.register_assert_rewrite("parity.foreign")


@pytest.fixture(autouse=True)
def _nothing_printed(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Neither Python nor C code writes to the process's standard output or error."""
    undertest.forget_tables(undertest.load())
    yield
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def tool(case: Case, oracle: Oracle, netns: object) -> Tool:
    """The tool, in a namespace that is ready for the case of the test."""
    tool = Tool(oracle, case)
    tool.prepare()
    return tool
