"""Methods that did not run: one line, not empty rows, in every form."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from reports.inputs.results import read_results
from reports.site.table_html import to_html
from reports.tables import formats
from reports.tables.leaderboard import Sources, build_tables
from reports.tables.model import Table
from reports.tables.published import Figure, PrintedTable, Published
from reports.tables.terminal import print_tables
from tests.reports import synthetic
from vfsrbench.board import Board
from vfsrbench.plugins import find_board

SKIPPED = {"status": "skipped", "clip_values": {}, "restore_seconds": 0.0}
WEIGHTS = "weights 'x' are not here: `vfsrbench weights fetch x`"


def make(folder: Path, board: Board, published: Published | None = None) -> Table:
    for clip in synthetic.CLIPS:
        synthetic.write_result(folder, "bicubic", "vfhq-mild", clip)
        for method in ("keep", "codeformer[w=0.7]"):
            synthetic.write_result(folder, method, "vfhq-mild", clip, reason=WEIGHTS, **SKIPPED)
        synthetic.write_result(
            folder, "photo-of", "vfhq-mild", clip, reason="enlarges by 2, not 4", **SKIPPED
        )
        bad = {"status": "failed", "reason": "returned NaN", "clip_values": {}}
        synthetic.write_result(folder, "nearest", "vfhq-mild", clip, **bad)
    found, _ = read_results([folder])
    sources = Sources(cards=synthetic.CARDS, published=published)
    return build_tables(board, found, sources, resamples=50)[0]


def test_what_did_not_run_is_one_line_a_reason(tmp_path: Path) -> None:
    table = make(tmp_path, synthetic.board(splits=["vfhq-mild"], metrics=["psnr"]))
    assert [r.method for r in table.rows] == ["bicubic", "nearest"], "what failed stays: that is news"
    assert table.not_run == ("codeformer[w=0.7]", "keep", "photo-of")
    lines = [note for note in table.notes if note.startswith("not run")]
    assert len(lines) == 2 and lines[1] == "not run: photo-of (enlarges by 2, not 4)"
    assert lines[0].startswith("not run: codeformer[w=0.7], keep (weights: `vfsrbench weights fetch ")
    out = io.StringIO()
    print_tables([table], Console(file=out, width=100))
    for text in (formats.to_markdown(table), formats.to_latex(table), to_html(table), out.getvalue()):
        assert text.count("0 of 3") <= 2, "of the failed row alone"
        assert "Keep" not in text
    assert "not run: codeformer" in out.getvalue() and "not run: codeformer" in formats.to_markdown(table)


def test_the_command_names_an_installed_board(tmp_path: Path) -> None:
    board = find_board("keep-table1").replace(metrics=["psnr"], figures={}, versus="keep", published=())
    table = make(tmp_path, board.replace(methods=[*board.methods, "codeformer[w=0.7]"]))
    assert table.versus is None, "it did not run"
    line = next(note for note in table.notes if note.startswith("not run"))
    assert re.match(r"not run: keep, codeformer\[w=0.7\] \(weights: `vfsrbench weights fetch ", line)
    assert line.endswith("--board keep-table1`)")


def test_papers_figures_of_what_did_not_run_are_shown(tmp_path: Path) -> None:
    figure = Figure("P", "T", "D", "vfhq-mild", "keep", "KEEP", "psnr", 27.99, "here")
    table = make(
        tmp_path,
        synthetic.board(splits=["vfhq-mild"], metrics=["psnr"]),
        Published((PrintedTable((figure,), "P, T"),)),
    )
    assert [row.label for row in table.published] == ["KEEP"]


def test_nothing_but_skipped_methods_is_a_table_without_rows(tmp_path: Path) -> None:
    synthetic.write_result(tmp_path, "keep", "vfhq-mild", "calm", reason=WEIGHTS, **SKIPPED)
    found, _ = read_results([tmp_path])
    (table,) = build_tables(synthetic.board(metrics=["psnr"]), found, Sources(cards=synthetic.CARDS))
    assert table.rows == () and table.notes[0].startswith("not run: keep (weights: `vfsrbench weights fetch ")
    with pytest.raises(StopIteration):
        table.row("keep")
    assert "not run: keep" in formats.to_markdown(table) and r"\end{tabular}" in formats.to_latex(table)
