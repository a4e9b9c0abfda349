"""Reference rows of metrics that frames unlike the truth can score well in, in every form of a table."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from reports.inputs.results import read_results
from reports.material import gather
from reports.site.table_html import to_html
from reports.tables.formats import to_csv, to_latex, to_markdown
from reports.tables.layout import print_cell
from reports.tables.leaderboard import Sources, build_tables
from reports.tables.model import Table
from reports.tables.terminal import print_tables
from tests.reports import synthetic
from tests.vfsrbench.boards import data_set, run_with, small_board
from vfsrbench import plugins

ROWS = ("oracle", "input")
CARDS = synthetic.CARDS | {"ewarp_dis": synthetic.CARDS["ewarp_dis"].replace(gameable=True)}
SOURCES = Sources(cards=CARDS, reference_rows=frozenset(ROWS), clips=synthetic.CLIPS)
COLUMNS = ["psnr", "ewarp_dis"]


def write(folder: Path, holes: tuple[str, ...] = ()) -> Path:
    """Two methods, and the two rows beside them; `holes`: clips without any value of PSNR."""
    for clip in synthetic.CLIPS:
        for method in ("bicubic", "nearest"):
            values = synthetic.frame_values(method, "vfhq-mild", clip, 12)
            if clip in holes:
                values["psnr"] = np.full(12, np.nan)
            synthetic.write_result(folder, method, "vfhq-mild", clip, values=values)
        for method, level in zip(ROWS, (0.25, 0.125), strict=True):
            values = {"ewarp_dis": np.array([np.nan, *[level] * 11])}
            synthetic.write_result(
                folder,
                method,
                "vfhq-mild",
                clip,
                values=values,
                only=["ewarp_dis"],
                method_title=method.title(),
            )
    return folder


def table(folder: Path) -> Table:
    found, _ = read_results([folder])
    return build_tables(synthetic.board(metrics=COLUMNS), found, SOURCES, resamples=200)[0]


def test_they_stand_at_the_foot_without_place_or_mark(tmp_path: Path) -> None:
    made = table(write(tmp_path))
    assert [row.method for row in made.rows] == ["bicubic", "nearest", *ROWS]
    for name in ROWS:
        row = made.row(name)
        assert row.is_reference and row.completeness == "3 of 3 clips"
        own = row.cells["ewarp_dis"]
        assert own.value in (0.25, 0.125) and own.mark == "" and own.rank is None, (
            "they are the lowest of all"
        )
        assert not row.cells["psnr"].asked
    assert {made.row(m).cells["ewarp_dis"].mark for m in ("bicubic", "nearest")} == {"best", "second"}
    assert all(set(wins.methods) == {"bicubic", "nearest"} for wins in made.wins)
    assert (
        "EWARP-DIS: read beside the reference rows (Oracle; Input), which take no place or mark."
        in made.notes
    )


def test_every_form_has_them_and_says_at_the_heading_that_there_is_no_order(tmp_path: Path) -> None:
    made = table(write(tmp_path))
    said = "no order by EWARP-DIS alone"
    out = io.StringIO()
    print_tables([made], Console(file=out, width=160))
    markdown, latex, html, printed = to_markdown(made), to_latex(made), to_html(made), out.getvalue()
    assert all(said in " ".join(text.replace("\\-", "-").split()) for text in (markdown, latex, printed))
    for text in (markdown, latex, printed):
        lines = {
            name: next(line for line in text.splitlines() if name.title() in line and "0." in line)
            for name in ROWS
        }
        assert "0.250" in lines["oracle"] and "0.125" in lines["input"]
        assert "of 3 " not in lines["oracle"].split("0.250")[0], (
            "no figure of a metric that it is not scored by"
        )
    assert html.index('<tbody class="reference">') > html.index('<tbody class="method">')
    assert html.count('<tr class="reference">') == 2
    records = list(csv.DictReader(io.StringIO(to_csv([made]))))
    marked = {r["method"]: (r["reference_row"], r["psnr"], r["ewarp_dis"]) for r in records}
    assert marked["oracle"] == ("True", "", "0.25") and marked["input"] == ("True", "", "0.125")
    assert marked["bicubic"][0] == "False"


def test_a_clip_without_a_value_for_any_method_is_not_held_against_them(tmp_path: Path) -> None:
    made = table(write(tmp_path, holes=("fast",)))
    assert made.row("bicubic").cells["psnr"].value is not None
    assert any("1 clip has no value with any method" in note for note in made.notes)


def test_a_report_keeps_them_where_they_belong(tmp_path: Path) -> None:
    data = data_set(tmp_path / "data", frames=4)
    board = small_board(data, ["nearest", "bicubic"], metrics=["psnr", "ewarp_self_dis"], splits=["bi-x4"])
    run_with(board, tmp_path / "w")
    one = gather(board, tmp_path / "w", only=["bicubic"])
    assert [row.method for row in one.tables[0].rows] == ["bicubic", *ROWS]
    assert one.reference_rows == set(ROWS)
    own = {m: one.tables[0].row(m).cells["ewarp_self_dis"].value for m in ("bicubic", *ROWS)}
    assert own["input"] == own["bicubic"] != own["oracle"], "bicubic is how the input is enlarged"
    plain = gather(board.replace(metrics=["psnr"]), tmp_path / "w")
    assert {row.method for row in plain.tables[0].rows} == {"nearest", "bicubic"}
    assert any("reference rows that stand beside other metrics" in line for line in plain.skipped)


def test_a_metric_that_they_are_not_asked_for_is_a_dash_and_no_count(tmp_path: Path) -> None:
    made = table(write(tmp_path))
    cell = made.row("oracle").cells["psnr"]
    assert cell.value is None and not cell.unavailable
    with_value = replace(cell, asked=True)
    assert print_cell(cell, made.columns[0], False).text == "–"
    assert print_cell(with_value, made.columns[0], False).text == "0 of 3"


@pytest.mark.parametrize("name", ROWS)
def test_the_rows_are_those_of_the_cards(name: str) -> None:
    assert plugins.methods()[name].card.stands_for == {"oracle": "gt", "input": "input"}[name]


def test_a_chosen_part_of_the_board_keeps_them_where_they_are_needed(tmp_path: Path) -> None:
    found, _ = read_results([write(tmp_path)])
    sources = replace(SOURCES, beside=frozenset(ROWS))

    def rows(**style: object) -> list[str]:
        board = synthetic.board(metrics=COLUMNS, table={"methods": ["bicubic"], **style})
        return [row.method for row in build_tables(board, found, sources, resamples=200)[0].rows]

    assert rows() == ["bicubic", *ROWS]
    assert rows(columns=["psnr"]) == ["bicubic"], "no column that they stand beside"
    own = synthetic.board(metrics=COLUMNS, table={"caption": "Mine"})
    made = build_tables(own, found, sources, resamples=200)[0]
    for text in (made.caption, to_latex(made)):
        assert "Mine" in text and "no order by EWARP-DIS alone" in text


def test_what_is_off_about_a_row_stands_beside_its_name_in_every_form(tmp_path: Path) -> None:
    said = "shifted by (1.5, 0.0) px"
    for clip in synthetic.CLIPS:
        off = {"findings": [said, "one frame late"], "guard": 1} if clip == synthetic.CLIPS[1] else {}
        synthetic.write_result(tmp_path, "bicubic", "vfhq-mild", clip, **off)
        synthetic.write_result(tmp_path, "nearest", "vfhq-mild", clip)
    made = table(tmp_path)
    assert {row.method: row.off for row in made.rows} == {"bicubic": said, "nearest": ""}
    out = io.StringIO()
    print_tables([made], Console(file=out, width=200))
    texts = [to_markdown(made), to_latex(made), to_html(made), out.getvalue()]
    for text in texts:
        assert f"Bicubic ({said})" in text and "Nearest (" not in text
    assert (
        f"bicubic: against the ground truth 1 of 3 clips is off; {synthetic.CLIPS[1]}: {said}, one frame"
        in (" ".join(made.notes))
    )
    records = {r["method"]: r["off"] for r in csv.DictReader(io.StringIO(to_csv([made])))}
    assert records == {"bicubic": said, "nearest": ""}
