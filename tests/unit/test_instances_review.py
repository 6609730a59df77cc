"""The lock under which a libxtables is opened."""

from __future__ import annotations

import os
from typing import Any

from pyiptc import _xtables

#: With the names that are nobody else's.
module: Any = _xtables


def test_a_child_does_not_wait_for_its_parents_threads() -> None:
    with module._instances_lock:
        child = os.fork()
        if child == 0:
            os._exit(0 if module._instances_lock.acquire(blocking=False) else 1)
        assert os.waitpid(child, 0)[1] == 0
