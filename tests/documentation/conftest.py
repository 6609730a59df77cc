"""What the examples of the documentation run in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from support import undertest


@pytest.fixture
def iptc(netns: object) -> Iterator[Any]:
    """The module, under the name that the examples call it."""
    module = undertest.load()
    undertest.forget_tables(module)
    yield module
    for name in ("filter", "nat", "mangle"):
        assert module.Table(name).autocommit is True
