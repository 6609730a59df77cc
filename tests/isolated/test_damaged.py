"""No crash on any payload that some other tool left in the kernel: `damaged.py` changes each byte."""

from __future__ import annotations

import json

import pytest

from support import isolated
from support.family import FAMILIES

pytestmark = pytest.mark.kernel


@pytest.mark.parametrize("family", FAMILIES)
def test_damaged_payloads(family: str) -> None:
    """Printed or opaque; and there are enough of them."""
    script = "from isolated import damaged\ndamaged.main()"
    found = json.loads(isolated.output(script, family, prelude=False, timeout=180))
    assert found["found"] == {}
    assert found["count"] > 30_000
