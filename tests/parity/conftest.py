"""What every parity test gets: the namespace, and a look at what C code printed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from parity.cases import Case
from parity.printed import Tool
from support import undertest
from support.oracle import Oracle

HERE = Path(__file__).parent
pytest.register_assert_rewrite("parity.foreign")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this directory needs the kernel."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.kernel)


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
