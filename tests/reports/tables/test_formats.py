"""One model, six forms: the same figures, marks and gaps in each, and nothing that breaks out of its form."""

from __future__ import annotations

import io
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from reports.inputs.results import read_results
from reports.site.table_html import to_html
from reports.tables import formats, layout
from reports.tables.leaderboard import Sources, build_tables
from reports.tables.model import Papers, PublishedRow, Table
from reports.tables.published import Figure, PrintedTable, Published
from reports.tables.terminal import print_tables
from tests.reports import synthetic

EVIL = '<script>alert("x")</script> & co_50% $1 | #2'


def make(folder: Path, published: Published | None = None, **changes: object) -> list[Table]:
    results, _ = read_results([folder])
    sources = Sources(cards=synthetic.CARDS, reference_rows=frozenset({"oracle"}), published=published)
    return build_tables(synthetic.board(**changes), results, sources, resamples=400)


@pytest.fixture
def tables(tmp_path: Path) -> list[Table]:
    return make(synthetic.write_board(tmp_path))


@pytest.fixture
def holed(tmp_path: Path) -> Table:
    for method in ("bicubic", "lanczos"):
        for clip in synthetic.CLIPS:
            bad = method == "bicubic" and clip == "calm"
            changes = {"status": "oom", "reason": "16 GiB", "clip_values": {}} if bad else {}
            synthetic.write_result(tmp_path, method, "vfhq-mild", clip, **changes)
    return make(tmp_path)[0]


def test_frame_and_csv_hold_the_figures_in_full(tables: list[Table]) -> None:
    frame = formats.to_frame(tables)
    assert len(frame) == 8 and list(frame["split"].unique()) == ["vfhq-mild", "vfhq-heavy"]
    cell = tables[0].row("lanczos").cells["psnr"]
    row = frame[(frame.split == "vfhq-mild") & (frame.method == "lanczos")].iloc[0]
    assert row["psnr"] == cell.value and cell.summary.interval is not None
    assert (row["psnr_low"], row["psnr_high"]) == (cell.summary.interval.low, cell.summary.interval.high)
    back = pd.read_csv(io.StringIO(formats.to_csv(tables)))
    assert back["psnr"].tolist() == pytest.approx(frame["psnr"].tolist(), rel=1e-15)
    assert back["split_status"].tolist()[-1] == "extrapolated"


def test_json_is_plain_and_has_no_nan(holed: Table) -> None:
    data = json.loads(formats.to_json([holed]), parse_constant=lambda name: pytest.fail(name))
    row = next(r for r in data[0]["rows"] if r["method"] == "bicubic")
    assert row["cells"]["psnr"]["summary"]["mean"] is None
    assert row["cells"]["psnr"]["summary"]["n"] == 2 and row["done"] == 2


def test_incomplete_rows_print_no_mean_unless_asked(holed: Table) -> None:
    assert "| 2 of 3 |" in formats.to_markdown(holed)
    known = holed.row("bicubic").cells["psnr"].summary.known_mean
    assert f"{known:.2f}" not in formats.to_markdown(holed)
    assert f"{known:.2f} (2 of 3)" in formats.to_markdown(holed, partial=True)
    assert np.isnan(formats.to_frame([holed]).set_index("method").loc["bicubic", "psnr"])


def test_markdown_marks_best_and_second(tables: list[Table]) -> None:
    text = formats.to_markdown(tables[0])
    best = tables[0].row("lanczos").cells["psnr"].value
    second = tables[0].row("bicubic").cells["psnr"].value
    assert f"| **{best:.2f}** |" in text and f"| <u>{second:.2f}</u> |" in text
    assert "PSNR ↑" in text and "EWARP-DIS ↓" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    first = rows[: 2 + len(tables[0].rows)]
    assert len({line.count("|") for line in first}) == 1


def test_latex_is_booktabs_with_marks_and_escapes(tables: list[Table]) -> None:
    evil = replace(tables[0], rows=(replace(tables[0].rows[0], title=EVIL), *tables[0].rows[1:]))
    text = formats.to_latex(evil)
    assert all(rule in text for rule in (r"\toprule", r"\midrule", r"\bottomrule"))
    assert re.search(r"\\textbf\{\d+\.\d\d\}", text) and re.search(r"\\underline\{\d+\.\d\d\}", text)
    assert r"PSNR $\uparrow$" in text and r"co\_50\% \$1 \textbar{} \#2" in text
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert {len(re.findall(r"(?<!\\)&", line)) for line in rows} == {len(layout.lay_out(evil).heads) - 1}
    assert text.count("{") - text.count(r"\{") == text.count("}") - text.count(r"\}")
    assert text.isascii(), [c for c in text if not c.isascii()]
    low = tables[0].row("lanczos").cells["psnr"].summary.interval
    assert low is not None and f"{low.low:.2f} -- {low.high:.2f}" in formats.to_latex(evil, intervals=True)


def test_a_latex_row_may_begin_with_any_sign(tables: list[Table]) -> None:
    for title, begin in (("[x] <b>|", r"{[}x] \textless{}b\textgreater{}\textbar{} & "), ("*a", "{*}a & ")):
        odd = replace(tables[0], rows=(replace(tables[0].rows[0], title=title), *tables[0].rows[1:]))
        assert any(line.startswith(begin) for line in formats.to_latex(odd).splitlines()), title


def test_html_escapes_names(tables: list[Table]) -> None:
    evil = replace(tables[0], rows=(replace(tables[0].rows[0], title=EVIL), *tables[0].rows[1:]))
    text = to_html(evil)
    assert "<script" not in text and "&lt;script&gt;" in text
    assert "<script" not in formats.to_markdown(evil)
    assert len(re.findall(r"<tr", text)) == 1 + len(evil.rows)


def test_terminal_shows_the_board_and_its_notes(tables: list[Table], holed: Table) -> None:
    out = io.StringIO()
    print_tables([tables[1], holed], Console(file=out, width=160))
    text = out.getvalue()
    assert "vfhq-heavy, extrapolated recipe, 3 demo clips" in text
    assert "Lanczos" in text and "Rank" in text and "2 of 3" in text
    assert "bicubic: 1 of 3 clips without a result" in text
    narrow = io.StringIO()
    print_tables(tables, Console(file=narrow, width=60))
    assert max(map(len, narrow.getvalue().splitlines())) <= 60


def test_a_narrow_terminal_shows_every_figure_unbroken(tables: list[Table]) -> None:
    out = io.StringIO()
    print_tables(tables[:1], Console(file=out, width=38))
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= 38
    for row in tables[0].rows:
        for column in tables[0].columns:
            assert layout.number(row.cells[column.id].value, column.digits) in text


def published() -> Published:
    where = "made up for this test"
    figures = [
        Figure("P", "Table 1", "D", "vfhq-mild", method, method.upper(), "PSNR", value, where)
        for method, value in (("lanczos", 26.0), ("rival", 31.5))
    ]
    return Published((PrintedTable(tuple(figures), "P, Table 1", {"psnr": "PSNR"}),))


def test_published_figures_stand_beside_ours_with_the_difference(tmp_path: Path) -> None:
    table = make(synthetic.write_board(tmp_path), published())[0]
    cell = table.row("lanczos").cells["psnr"]
    assert cell.published == Papers((("P", 26.0),)) and cell.value is not None
    assert cell.gap == pytest.approx(cell.value - 26.0)
    assert table.published == (PublishedRow("rival", "RIVAL", {"psnr": Papers((("P", 31.5),))}),)
    gap = f"{cell.gap:+.2f}".replace("-", "−")
    assert f"(26.00, {gap})" in formats.to_markdown(table)
    assert "*RIVAL*" in formats.to_markdown(table) and r"\textit{RIVAL}" in formats.to_latex(table)
    assert 'class="published' in to_html(table)
    frame = formats.to_frame([table]).set_index("method")
    assert frame.loc["lanczos", "psnr_published"] == 26.0
    assert "psnr_published_high" not in frame
    assert "rival" not in frame.index, "what we did not measure never mixes with what we did"


def test_numbers_as_people_write_them() -> None:
    assert layout.number(-0.126, 2, sign=True) == "−0.13"
    assert layout.number(float("inf"), 2) == "∞" and layout.number(float("nan"), 2) == "–"
    assert (layout.count(5_334_792), layout.size(3 * 2**30), layout.size(700 * 2**20)) == (
        "5.33 M",
        "3 GiB",
        "700 MiB",
    )


def test_papers_that_do_not_agree_show_their_spread(tmp_path: Path) -> None:
    """The lowest and highest figure, who prints which, and no difference from ours."""
    (first,) = published().tables
    other = [
        Figure("Q", "Table 9", "D", "other name", "lanczos", "Lanczos", "psnr", 24.5, "read there"),
        Figure("Q", "Table 9", "D", "other name", "rival", "Rival", "psnr", 29.25, "read there"),
        Figure("Q", "Table 9", "D", "another split", "rival", "Rival", "psnr", 1.0, "read there"),
    ]
    again = PrintedTable(tuple(other), "Q, Table 9", splits={"vfhq-mild": "other name"})
    table = make(synthetic.write_board(tmp_path), Published((first, again, first)))[0]
    cell = table.row("lanczos").cells["psnr"]
    assert cell.published == Papers((("P", 26.0), ("Q", 24.5))) and cell.gap is None
    (row,) = table.published
    assert (row.label, row.values["psnr"].low, row.values["psnr"].high) == ("RIVAL", 29.25, 31.5)
    assert table.published_source == "P, Table 1; Q, Table 9"
    markdown = formats.to_markdown(table)
    assert "(24.50 – 26.00)" in markdown and "29.25 – 31.50" in markdown and formats.SPREAD in markdown
    assert "24.50 -- 26.00" in formats.to_latex(table) and "29.25 -- 31.50" in formats.to_latex(table)
    page = to_html(table)
    assert "papers 24.50 – 26.00" in page and "P: 26; Q: 24.5" in page and "P: 31.5; Q: 29.25" in page
    frame = formats.to_frame([table]).set_index("method")
    low, high = frame.loc["lanczos", "psnr_published"], frame.loc["lanczos", "psnr_published_high"]
    assert (low, high) == (24.5, 26.0)
