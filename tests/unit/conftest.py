"""Fixtures of the unit tests."""

from __future__ import annotations

from typing import cast

import pytest

from unit.recorded import ALL, Recorded


@pytest.fixture(params=ALL.values(), ids=list(ALL))
def blob(request: pytest.FixtureRequest) -> Recorded:
    """Each recorded table in turn."""
    return cast(Recorded, request.param)
