"""A metric's threshold is a line with its words in figures over time, whatever the values are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reports.figures import curves, jumps, style
from reports.tables.leaderboard import column
from reports.tables.model import Column, Threshold
from vfsrbench import plugins

LOOKS = style.looks(["bicubic"])
RED = tuple(int(curves.THRESHOLD[i : i + 2], 16) for i in (1, 3, 5))


def figure(of: Column, low: float, high: float) -> curves.Curves:
    series = {"bicubic": np.linspace(low, high, 12), "lanczos": np.linspace(high, low, 12)}
    titles = {"bicubic": "Bicubic", "lanczos": "Lanczos"}
    return curves.Curves(of, [curves.Panel("clip", series)], titles, style.looks(titles))


def red_rows(path: Path) -> np.ndarray:
    """How many pixels of each row of a picture have the line's colour."""
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return (np.abs(pixels - RED).max(axis=-1) < 30).sum(axis=1)


@pytest.mark.parametrize(("low", "high"), [(0.3, 0.5), (0.7, 0.9), (0.5, 0.7)])
def test_the_scale_holds_the_line_and_its_words(low: float, high: float) -> None:
    scale = curves.find_scale(
        figure(Column("idd", "IDD", threshold=Threshold(0.6, "another person")), low, high)
    )
    assert scale.low <= min(low, 0.6) and scale.high >= max(high, 0.6)
    assert scale.high - 0.6 >= 0.1 * (scale.high - scale.low), "room for the words above the line"
    plain = curves.find_scale(figure(Column("idd", "IDD"), low, high))
    assert plain.low == pytest.approx(low - 0.012) and plain.high == pytest.approx(high + 0.012)


def test_curves_and_jumps_draw_it(tmp_path: Path) -> None:
    card = plugins.metrics()["idd_dlib"].card
    made = figure(column("idd_dlib", card), 0.3, 0.5)
    assert made.column.threshold == Threshold(0.6, "another person")
    (drawn,) = curves.draw_curves(made, tmp_path / "curves", ("png",))
    jump = jumps.worst_jump(made.panels[0].series)
    assert jump is not None
    (jumped,) = jumps.draw_jump(jumps.JumpFigure(made, jump, {}), tmp_path / "jump", ("png",))
    for path in (drawn, jumped):
        rows = red_rows(path)
        assert rows.max() > 300 and (rows > 10).sum() > 6, "a line across, and words"
    without = figure(Column("idd_dlib", "IDD"), 0.3, 0.5)
    (plain,) = curves.draw_curves(without, tmp_path / "plain", ("png",))
    assert red_rows(plain).max() == 0


def test_the_words_stand_where_no_curve_runs(tmp_path: Path) -> None:
    of = column("idd_dlib", plugins.metrics()["idd_dlib"].card)

    def side(values: np.ndarray) -> str:
        drawn = curves.Curves(of, [curves.Panel("clip", {"bicubic": values})], {"bicubic": "B"}, LOOKS)
        (path,) = curves.draw_curves(drawn, tmp_path / "side", ("png",))
        pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
        red = np.abs(pixels - RED).max(axis=-1) < 30
        red[np.argsort(red.sum(axis=1))[-6:]] = False  # the line itself
        where = np.flatnonzero(red.any(axis=0)).mean() / red.shape[1]
        return "right" if where > 0.5 else "left"

    low, over = np.full(8, 0.4), np.full(4, 0.62)
    assert side(np.concatenate([low, low])) == side(np.concatenate([over, low])) == "right"
    assert side(np.concatenate([low, over])) == "left"
