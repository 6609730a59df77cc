"""Fixtures of the races: those of the kernel's tests and of the faults."""

from __future__ import annotations

from isolated.conftest import faulty
from kernel.conftest import bench

__all__ = ["bench", "faulty"]
