"""One libxtables for each family, or one at all."""

from __future__ import annotations

import os
from typing import Any

import pytest

from pyiptc import _xtables
from pyiptc.errors import UnsupportedError

#: With the names that are nobody else's.
module: Any = _xtables


def test_one_family_where_the_c_library_has_no_namespaces(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second would be the same files, and drop the first one's extensions."""
    monkeypatch.delenv("PYIPTC_SINGLE_INSTANCE", raising=False)
    monkeypatch.setattr(module, "_instances", {10: object()})
    monkeypatch.setattr(module, "has_namespaces", lambda: False)
    with pytest.raises(UnsupportedError, match="use two processes"):
        _xtables.instance(2)


def test_a_child_does_not_wait_for_its_parents_threads() -> None:
    with module._instances_lock:
        child = os.fork()
        if child == 0:
            os._exit(0 if module._instances_lock.acquire(blocking=False) else 1)
        assert os.waitpid(child, 0)[1] == 0
