"""How much is done: as much as a run of the whole suite has time for, or all that was promised."""

from __future__ import annotations

import os

FULL = os.environ.get("PYIPTC_RACES") == "full"

SECONDS = float(os.environ.get("PYIPTC_RACE_SECONDS") or (60 if FULL else 4))
"""How long writers write."""

COMMITS = 200 if SECONDS >= 60 else 5
"""What each of them has to get in, at least."""

KILLS = 200 if FULL else 40
NAMESPACES = 500 if FULL else 40
FLOOD_SECONDS = 20 if FULL else 2
