"""Every test of this directory that talks to the kernel has a namespace; C code prints nothing."""

from __future__ import annotations

from parity.conftest import _nothing_printed, tool

__all__ = ["_nothing_printed", "tool"]
