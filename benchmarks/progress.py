"""A line on standard error that says how far it is."""

from __future__ import annotations

import sys
import time


class Progress:
    """Which case of how many, who is at work, and how long it may still take."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._started = time.monotonic()
        self._is_terminal = sys.stderr.isatty()

    def show(self, case: str, contender: str, what: str) -> None:
        """Somebody is at work; shown on a terminal only."""
        if self._is_terminal:
            text = f"{self._position(self._done + 1)} {case}: {contender}, {what}{self._left()}"
            sys.stderr.write(f"\r\033[K{text[:118]}")
            sys.stderr.flush()

    def finished(self, line: str) -> None:
        """A case is done; *line* is what came out."""
        self._done += 1
        if self._is_terminal:
            sys.stderr.write("\r\033[K")
        print(f"{self._position(self._done)} {line}", file=sys.stderr, flush=True)

    def _position(self, number: int) -> str:
        return f"[{number:3}/{self._total}]"

    def _left(self) -> str:
        spent = time.monotonic() - self._started
        if self._done == 0:
            return f" ({spent:.0f} s so far)"
        left = spent / self._done * (self._total - self._done)
        return f" ({spent:.0f} s so far, about {left:.0f} s left)"
