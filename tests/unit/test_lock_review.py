"""What is no lock file."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pyiptc import lock
from pyiptc.errors import AccessError


def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "lock"
    os.mkfifo(pipe)
    with pytest.raises(AccessError, match="not a regular file"), lock.held(str(pipe)):
        pass
