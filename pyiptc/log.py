# SPDX-License-Identifier: GPL-2.0-or-later
"""Loggers that import :mod:`logging` when there is something to say: it takes long."""

from __future__ import annotations

from typing import Any

__all__ = ["Log"]


class Log:
    """A logger, by its name."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def debug(self, message: str, *args: Any) -> None:
        """For who looks for a fault."""
        self._say("DEBUG", message, args)

    def info(self, message: str, *args: Any) -> None:
        """What took longer than usual."""
        self._say("INFO", message, args)

    def warning(self, message: str, *args: Any) -> None:
        """What may be wrong."""
        self._say("WARNING", message, args)

    def _say(self, level: str, message: str, args: tuple[Any, ...]) -> None:
        import logging

        # Three frames up is who says it.
        logging.getLogger(self._name).log(getattr(logging, level), message, *args, stacklevel=3)
