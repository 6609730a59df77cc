"""Plots of how work grows, as SVG, both axes logarithmic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Optional

from .suite import COLD, PEER, PYIPTC, WARM, median

#: What is done again and again goes by its warm time.
REPEATED = ("contains", "counters", "delete", "replace")


def draw(group: Sequence[Mapping[str, Any]], title: str, path: Path) -> None:
    """Draw results of the same work, by how much there was."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    # The same results make the same file; letters stay letters.
    pyplot.rcParams.update({"svg.hashsalt": "pyiptc", "svg.fonttype": "none", "font.size": 9})
    figure, axes = pyplot.subplots(figsize=(7.5, 4.5), layout="constrained")
    names = list(dict.fromkeys(name for result in group for name in result["contenders"]))
    for at, name in enumerate(names):
        points = [
            (result["axis"][1], time)
            for result in group
            if (time := _time(result, name)) is not None
        ]
        color = pyplot.get_cmap("tab20")(at % 20)
        axes.plot(*zip(*points), label=name, marker="o", markersize=3, color=color, **_style(name))
    # Nothing is on a logarithmic axis where nothing was there.
    if any(result["axis"][1] == 0 for result in group):
        axes.set_xscale("symlog", linthresh=1000)
    else:
        axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(group[0]["axis"][0])
    axes.set_ylabel("seconds")
    axes.set_title(title, fontsize=9)
    axes.grid(True, which="major", linewidth=0.3)
    axes.legend(fontsize=7, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _time(result: Mapping[str, Any], name: str) -> Optional[float]:
    is_repeated = "one by one" in name or result["name"].startswith(REPEATED)
    return median(result, name, WARM if is_repeated else COLD, "wall")


def _style(name: str) -> dict[str, Any]:
    """Ours strong, the peer's dashed, the others dotted."""
    if name.startswith(PYIPTC):
        return {"linewidth": 2}
    return {"linewidth": 1, "linestyle": "--" if name.startswith(PEER) else ":"}
