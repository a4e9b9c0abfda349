"""Names and titles of any kind in every form of a report: shown, escaped, and never acting."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from reports import build_report
from reports.figures import fonts, legend, style
from reports.inputs.results import read_results
from reports.tables import formats
from reports.tables.leaderboard import Sources, build_tables
from reports.tables.model import Table
from reports.tables.spreadsheet import csv_text, neutral
from reports.tables.terminal import print_tables
from tests.reports import synthetic
from vfsrbench import plugins
from vfsrbench.io.foreign_text import one_line

TITLES = (
    '=HYPERLINK("http://x","y")',
    "+1+2",
    "-a",
    "@SUM(A1)",
    "\tx",
    "x;=1+2",
    "＝1",
    "$x_1^2$ \\frac{a}{b} 50% #1 & ~",
    "中文 😀 ك",
    "esc\x1b[31m\nline\u202ereversed",
    "a" * 255,
    "&amp; <b>| `c` *d* [e](f) ~~g~~",
)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("board")
    for number, title in enumerate(TITLES):
        for key, clip in enumerate(("calm", "$a_b$ 中文 " + "x" * 240)):
            facts = {"method_title": title, "key": f"{number}-{key}"}
            synthetic.write_result(place / "results", f"m{number}", "vfhq-mild", clip, **facts)
    return place


@pytest.fixture(scope="module")
def table(workspace: Path) -> Table:
    results, _ = read_results([workspace / "results"])
    board = synthetic.board(splits=("vfhq-mild",))
    return build_tables(board, results, Sources(cards=synthetic.CARDS), resamples=50)[0]


FORMULAS = ("=1", "+a", "-a", "@a", "\ta", "\ra", "\na", " =1", "＝1", "＋1", "－1", "＠a", "-", "+")


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_run_is_neutralised(text: str) -> None:
    assert neutral(text) == f"'{text}"
    row = next(csv.reader(io.StringIO(csv_text([[text]]), newline="")))
    assert row[0].removeprefix("'") == text


@pytest.mark.parametrize("text", ["-0.5", "+1e-3", "-inf", "nan", "12", "-.5", "a=b", "3–4", "", "'x"])
def test_numbers_and_plain_text_stay(text: str) -> None:
    assert neutral(text) == text


def test_no_other_separator_opens_a_cell() -> None:
    assert csv_text([["x;=1", 'a"b', "c|d", -0.5, None, float("nan"), True, 3]]) == (
        '"x;=1","a""b","c|d",-0.5,,,True,3\n'
    )


def test_no_cell_of_a_board_is_a_formula(table: Table) -> None:
    rows = list(csv.reader(io.StringIO(formats.to_csv([table]), newline="")))
    assert len(rows) == len(table.rows) + 1
    for row in rows[1:]:
        for cell in row:
            assert not re.match(r"[=+\-@\t\r＝]", cell) or float(cell) is not None
    titles = {row[rows[0].index("title")].removeprefix("'") for row in rows[1:]}
    assert titles == {one_line(title) for title in TITLES}
    psnr = rows[0].index("psnr")
    assert [float(row[psnr]) for row in rows[1:]] == [row.cells["psnr"].value for row in table.rows]


def test_markdown_shows_names_as_they_are(table: Table) -> None:
    text = formats.to_markdown(table)
    assert r"\$x\_1^2\$ \\frac{a}{b} 50% \#1 &amp; \~" in text
    assert r"&amp;amp; &lt;b&gt;\| \`c\` \*d\* \[e\](f) \~\~g\~\~" in text
    assert "\x1b" not in text and "\u202e" not in text
    lines = [line for line in text.split("\n") if line.startswith("| ")]
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in lines[: len(table.rows)]}) == 1


def test_latex_is_what_every_engine_sets(table: Table, tmp_path: Path) -> None:
    text = formats.to_latex(table)
    assert r"\$x\_1\textasciicircum{}2\$ \textbackslash{}frac\{a\}\{b\} 50\% \#1 \& \textasciitilde{}" in text
    assert r"\textbackslash{}u4e2d\textbackslash{}u6587 \textbackslash{}U0001f600" in text
    assert not re.search(r"[^\x20-\x7e\n\u00a0-\u017f–—‘’“”„…€™]", text)
    if shutil.which("pdflatex") is None:
        return
    head = "\\documentclass{article}\\usepackage[utf8]{inputenc}\\usepackage{booktabs}\\begin{document}\n"
    (tmp_path / "a.tex").write_text(f"{head}{text}\\end{{document}}\n")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "a.tex"]
    done = subprocess.run(command, cwd=tmp_path, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout[-500:]


def test_a_terminal_shows_control_characters_escaped(table: Table) -> None:
    out = io.StringIO()
    noted = replace(table, notes=("a note\x1b[2J",))
    print_tables([noted], Console(file=out, width=400, force_terminal=False))
    text = out.getvalue()
    assert r"esc\x1b[31m\x0aline\u202ereversed" in text
    assert r"a note\x1b[2J" in text
    assert "\x1b" not in text


def test_figures_draw_any_name_without_a_warning(workspace: Path, tmp_path: Path) -> None:
    """No formula, no missing glyph, no collapsed axes: Python warns of nothing."""
    board = synthetic.board(splits=("vfhq-mild",))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = build_report(board, workspace, tmp_path / "out", formats=("png", "pdf"))
    figures = [p for p in report.files if p.suffix == ".png"]
    assert figures
    for path in figures:
        with Image.open(path) as image:
            assert image.width < 4000


def test_signs_that_no_font_has_are_spelled() -> None:
    with style.drawing():
        assert fonts.drawable("a\U000f0000b\ue123") == "a\\U000f0000b\\ue123"
        assert fonts.drawable("x\x1b\ny") == "x\\x1b\ny"
        assert fonts.drawable("ÅÖß ↑ σ²") == "ÅÖß ↑ σ²"
        known = any(ord("中") in fonts._signs(family) for family in fonts.families())
        assert fonts.drawable("中") == ("中" if known else "\\u4e2d")


def test_a_dollar_is_a_dollar_on_a_figure(tmp_path: Path) -> None:
    """`$x$` is as wide as its three signs, not as an italic x; and an odd one is no error."""
    from matplotlib.figure import Figure

    with style.drawing():
        pictures = []
        for name, text in (("a", "$xx$"), ("b", "$xx$ $"), ("c", "xx")):
            figure = Figure(figsize=(3, 1))
            figure.text(0.1, 0.5, text)
            (path,) = style.save(figure, tmp_path / name, ("png",))
            pictures.append(np.asarray(Image.open(path).convert("L")))
    widths = [p.shape[1] for p in pictures]
    assert widths[1] > widths[0] > widths[2]


def test_long_names_are_shortened_and_stay_apart() -> None:
    one, other = "a" * 100 + "1" + "b" * 100, "a" * 100 + "2" + "b" * 100
    short = fonts.shortened_apart([one, other, "c"], 24)
    assert len(set(short)) == 3 and max(map(len, short)) <= 24 and short[2] == "c"
    assert fonts.shortened("x" * 255, 30).count("x") == 29
    assert max(map(len, legend.broken("y" * 255, 20).split("\n"))) <= 20


def test_a_title_that_acts_is_shown_escaped_wherever_it_is_stated() -> None:
    facts = plugins.methods()["nearest"].card.replace(title="a\x1b[31mb\u202ec")
    assert facts.title == r"a\x1b[31mb\u202ec"
    named = synthetic.board(splits=("vfhq-mild",))
    assert type(named).model_validate({**named.model_dump(), "title": "x\u202ey"}).title == r"x\u202ey"


def test_no_form_of_a_board_holds_a_sign_that_acts(table: Table) -> None:
    for form in (formats.to_csv, formats.to_json):
        assert not re.search("[\x1b\u202e]", form([table]))
