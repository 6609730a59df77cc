"""How tests run over cases: their parameters, and what C libraries say meanwhile."""

from __future__ import annotations

import contextlib
import re
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from parity.cases import Case
from support import undertest


def each(cases: list[Case]) -> pytest.MarkDecorator:
    """Run a test with each case; what the machine may cause to be said about one is ignored."""
    return pytest.mark.parametrize("case", [_parameter(case) for case in cases])


def _parameter(case: Case) -> Any:
    marks = [pytest.mark.filterwarnings(f"ignore:.*{case.noise}")] if case.noise else []
    if case.only_legacy:
        marks.append(pytest.mark.only_backend("legacy", case.only_legacy))
    return pytest.param(case, id=case.id, marks=marks)


def expected_warning(case: Case) -> AbstractContextManager[Any]:
    """Wait for the warning that the case must give; others are errors."""
    if case.warning:
        return pytest.warns(undertest.load().errors.LibraryWarning, match=re.escape(case.warning))
    return contextlib.nullcontext()


@contextlib.contextmanager
def any_warning() -> Iterator[None]:
    """Let C libraries say what they like."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
