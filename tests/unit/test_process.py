"""Which processes are refused: a stand-in says what kernel and process are."""

from __future__ import annotations

import io
import os
from typing import Any

import pytest

import pyiptc
from pyiptc import process


def stand_in(monkeypatch: pytest.MonkeyPatch, bits: int, machine: str, symbols: str) -> None:
    real = os.uname()
    monkeypatch.setattr(process, "bits", lambda: bits)
    monkeypatch.setattr(os, "uname", lambda: os.uname_result((*real[:4], machine)))

    def opened(path: str, **more: Any) -> io.StringIO:
        assert path == "/proc/kallsyms"
        if not symbols:
            raise PermissionError(1, "no")
        return io.StringIO(symbols)

    monkeypatch.setattr(process, "open", opened, raising=False)


WIDE, NARROW = "0000000000000000 A fixed_percpu_data\n", "00000000 T _stext\n"


@pytest.mark.parametrize(
    ("machine", "symbols"),
    [("x86_64", ""), ("aarch64", NARROW), ("i686", WIDE), ("armv8l", WIDE)],
)
def test_narrow_process_of_a_wide_kernel(
    machine: str, symbols: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused, also where uname was asked to say otherwise."""
    stand_in(monkeypatch, 32, machine, symbols)
    assert process.kernel_bits() == 64
    for _ in range(2):
        with pytest.raises(pyiptc.UnsupportedError, match="32-bit process") as caught:
            process.check_width()
    assert "64-bit Python" in str(caught.value)
    assert caught.value.errno is not None
    words = pyiptc.capabilities()["missing"]
    assert any("64-bit process" in word for word in words)


@pytest.mark.parametrize(
    ("bits", "machine", "symbols"),
    [(32, "i686", NARROW), (32, "armv7l", ""), (64, "x86_64", ""), (64, "aarch64", WIDE)],
)
def test_others(bits: int, machine: str, symbols: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch, bits, machine, symbols)
    process.check_width()


def test_this_one() -> None:
    assert process.bits() in (32, 64)
    assert process.kernel_bits() in (process.bits(), 64)
    process.check_width()


@pytest.mark.parametrize(("value", "on"), [(None, True), ("1", True), ("", True), ("0", False)])
def test_caches_can_be_turned_off(
    value: str | None, on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYIPTC_CACHES", raising=False)
    if value is not None:
        monkeypatch.setenv("PYIPTC_CACHES", value)
    assert process.caches() is on
