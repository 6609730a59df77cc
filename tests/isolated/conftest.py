"""Fixtures of what runs in processes of its own."""

from __future__ import annotations

import pytest

from support import faults


@pytest.fixture(scope="session")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment in which calls can be made to fail."""
    return faults.build(tmp_path_factory.mktemp("fault"))
