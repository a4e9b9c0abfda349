"""Who beats whom, clip by clip: counted by hand, in the file and on the page."""

from __future__ import annotations

import csv
import io
import math
import re
from pathlib import Path

import numpy as np
import pytest

from reports import build_report
from reports.inputs.results import read_results
from reports.tables.leaderboard import Sources, build_tables
from reports.tables.model import Table
from reports.tables.wins import wins_csv, wins_lines
from tests.reports import synthetic

CLIPS = [f"clip-{i}" for i in range(7)]
SOURCES = Sources(cards=synthetic.CARDS, reference_rows=frozenset({"oracle"}), clips=CLIPS)


def values_of(method: str, clip: str) -> dict[str, np.ndarray]:
    """Bicubic is the better one on every other clip, by much."""
    values = synthetic.frame_values(method, "vfhq-mild", clip, 12)
    lift = 2.0 if method == "bicubic" and int(clip[-1]) % 2 else 0.0
    return values | {"psnr": values["psnr"] + lift}


def clip_means(method: str, metric: str) -> list[float]:
    return [float(np.nanmean(values_of(method, clip)[metric])) for clip in CLIPS]


@pytest.fixture
def table(tmp_path: Path) -> Table:
    """Nearest lacks the last clip."""
    for method in synthetic.LEVEL:
        for clip in CLIPS[: 6 if method == "nearest" else 7]:
            synthetic.write_result(tmp_path, method, "vfhq-mild", clip, values=values_of(method, clip))
    found, _ = read_results([tmp_path])
    return build_tables(synthetic.board(splits=["vfhq-mild"]), found, SOURCES, resamples=100)[0]


def test_the_matrix_is_a_count_of_clips(table: Table) -> None:
    assert [w.column.id for w in table.wins] == ["psnr", "ssim", "ewarp_dis"]
    for wins in table.wins:
        assert set(wins.methods) == {"bicubic", "nearest", "lanczos"}, "reference rows take no part"
        for i, a in enumerate(wins.methods):
            for j, b in enumerate(wins.methods):
                pairs = list(zip(clip_means(a, wins.column.id), clip_means(b, wins.column.id), strict=True))
                if "nearest" in (a, b):
                    pairs = pairs[:6]
                better = [x < y if wins.column.direction == "lower" else x > y for x, y in pairs]
                if a == b:
                    assert math.isnan(wins.rates[i][j])
                else:
                    assert wins.rates[i][j] == pytest.approx(sum(better) / len(better))
    close = table.wins[0].rates
    assert any(0 < rate < 1 for rates in close for rate in rates), "bicubic and lanczos share the clips"


def test_ties_count_one_half(tmp_path: Path) -> None:
    levels = {"bicubic": (30.0, 30.0, 30.0, 31.0), "lanczos": (30.0, 30.0, 31.0, 30.0)}
    for method, values in levels.items():
        for clip, level in zip(CLIPS, values, strict=False):
            synthetic.write_result(tmp_path, method, "vfhq-mild", clip, values={"psnr": np.full(12, level)})
    found, _ = read_results([tmp_path])
    wins = build_tables(synthetic.board(metrics=["psnr"]), found, SOURCES, resamples=100)[0].wins[0]
    assert wins.rates[0][1] == wins.rates[1][0] == 0.5
    assert wins_lines(wins)[0][1] == ["", "50", "50"]


def test_the_file_and_the_page_say_the_same(tmp_path: Path) -> None:
    synthetic.write_board(tmp_path / "results")
    made = build_report(synthetic.board(), tmp_path, tmp_path / "out", formats=("png",))
    path = tmp_path / "out" / "tables" / "vfhq-mild-wins.csv"
    assert path in made.files
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    assert len(rows) == 3 * 3 * 2
    for row in rows:
        means = {
            m: [synthetic.frame_values(m, "vfhq-mild", c, 12)[row["metric"]] for c in synthetic.CLIPS]
            for m in (row["method"], row["against"])
        }
        own, other = ([np.nanmean(v) for v in means[m]] for m in (row["method"], row["against"]))
        sign = -1 if row["metric"] == "ewarp_dis" else 1
        count = sum(sign * a > sign * b for a, b in zip(own, other, strict=True))
        assert float(row["wins"]) == pytest.approx(count / 3, abs=1e-5)
    page = made.index.read_text()
    assert "tables/vfhq-mild-wins.csv" in page
    cells = re.findall(r"<tr><td>1 (.*?)</td>(.*?)</tr>", page)
    assert cells[0][0] == "Bicubic"
    expected = {r["against"]: f"{100 * float(r['wins']):.0f}" for r in rows[:6] if r["method"] == "bicubic"}
    shown = re.findall(r"<td>(.*?)</td>", cells[0][1])
    assert shown[:3] == ["", expected["nearest"], expected["lanczos"]]
    assert wins_csv(made.tables[:1]) == path.read_text()


def test_one_method_alone_has_no_rival(tmp_path: Path) -> None:
    synthetic.write_result(tmp_path, "bicubic", "vfhq-mild", CLIPS[0])
    found, _ = read_results([tmp_path])
    assert build_tables(synthetic.board(), found, SOURCES, resamples=100)[0].wins == ()
