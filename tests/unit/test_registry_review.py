"""Which tables are open, asked while other threads open more."""

from __future__ import annotations

import sys
import threading

import pytest

from pyiptc import namespace, registry


class Opened:
    """A table, as far as the registry looks."""

    family = 2

    class _Here(namespace.Namespace):
        def __init__(self) -> None:
            self._fd = None
            self.cookie = 1

    namespace = _Here()

    def _knows_chain(self, name: str) -> bool:
        return False


def test_tables_are_opened_while_others_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespace, "current_cookie", lambda table=None: 1)
    failed: list[BaseException] = []
    done = threading.Event()

    def look() -> None:
        try:
            while not done.is_set():
                registry.open_tables(2)
        except RuntimeError as error:
            failed.append(error)

    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    looking = [threading.Thread(target=look) for _ in range(2)]
    for thread in looking:
        thread.start()
    try:
        for _ in range(100):
            opened = [Opened() for _ in range(200)]
            for table in opened:
                registry.register(table)
    finally:
        done.set()
        for thread in looking:
            thread.join()
        sys.setswitchinterval(interval)
    assert not failed


def test_a_closed_table_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(namespace, "current_cookie", lambda table=None: 1)
    table = Opened()
    registry.register(table)
    assert table in registry.open_tables(2)
    registry.unregister(table)
    registry.unregister(table)
    assert table not in registry.open_tables(2)
