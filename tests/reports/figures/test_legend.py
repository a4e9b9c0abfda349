"""Words on figures: legends fit, long names are broken."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.figures import style
from reports.figures.legend import Legend, broken


def legend_lines(names: list[str]) -> list[Line2D]:
    return [Line2D([], [], label=name) for name in names]


def test_a_legend_fits_under_its_figure() -> None:
    names = ["Bicubic + Richardson-Lucy", "Nearest neighbour", "A method of some research group [window=12]"]
    wide, narrow = (Legend(legend_lines(names), inches, "beyond the scale: x") for inches in (12.0, 2.0))
    assert wide.columns == 3 and narrow.columns == 1
    assert wide.high < narrow.high
    for legend, inches in ((wide, 12.0), (narrow, 2.0)):
        with style.drawing():
            canvas = Figure(figsize=(inches, 1.5 + legend.high), layout="constrained")
            canvas.subplots()
            legend.draw(canvas)
            canvas.draw_without_rendering()
            box = canvas.legends[0].get_window_extent()
        assert box.x0 >= 0 and box.x1 <= canvas.bbox.width and box.y0 >= -1
        assert box.height == pytest.approx(legend.high * canvas.dpi, rel=0.25), "as high as it says"
    assert "\n" in str(narrow.handles[2].get_label()) and "\n" not in str(wide.handles[2].get_label())


def test_names_break_between_words_where_they_can() -> None:
    assert broken("Bicubic + Richardson-Lucy", 18) == "Bicubic +\nRichardson-Lucy"
    assert broken("w" * 10, 4) == "wwww\nwwww\nww"
    assert broken("", 4) == ""
