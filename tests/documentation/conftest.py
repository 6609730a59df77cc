"""What the examples of the documentation run in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support import undertest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of this directory needs the kernel."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.kernel)


@pytest.fixture
def iptc(netns: object) -> Iterator[Any]:
    """The module, under the name that the examples call it."""
    module = undertest.load()
    undertest.forget_tables(module)
    yield module
    for name in ("filter", "nat", "mangle"):
        assert module.Table(name).autocommit is True
