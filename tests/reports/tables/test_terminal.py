"""Tables in a pipe: in one piece, with their marks, at the width that is asked for."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from reports.inputs.results import read_results
from reports.tables.layout import number
from reports.tables.leaderboard import Sources, build_tables
from reports.tables.model import Table
from reports.tables.terminal import PAPERS, SIGNS, Page, print_tables
from tests.reports import synthetic
from tests.reports.made_up import made_up_tables

MANY = [f"m{i}" for i in range(14)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return synthetic.write_board(tmp_path_factory.mktemp("r"))


def made(folder: Path, **changes: object) -> Table:
    found, _ = read_results([folder])
    cards = synthetic.CARDS | {m: synthetic.card(m) for m in MANY}
    sources = Sources(cards=cards, reference_rows=frozenset({"oracle"}))
    return build_tables(synthetic.board(**changes), found, sources, resamples=50)[0]


def piped(*tables: Table) -> str:
    out = io.StringIO()
    with redirect_stdout(out):
        print_tables(tables)
    return out.getvalue()


def test_marks_are_signs_in_a_pipe(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    table = made(folder, table={"highlight": "nearest"})
    text = piped(table)
    for mark, sign in (("best", "*"), ("second", "+")):
        for column in table.columns:
            row = next(r for r in table.rows if r.cells[column.id].mark == mark)
            figure = number(row.cells[column.id].value, column.digits) + sign
            assert any(row.title in line and figure in line.split() for line in text.splitlines())
    assert SIGNS in text and "> Nearest" in text
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text


def test_a_terminal_has_bold_instead(folder: Path) -> None:
    out = io.StringIO()
    print_tables([made(folder)], Console(file=out, width=120, force_terminal=True, color_system="standard"))
    assert "\x1b[1;32m" in out.getvalue() and "\x1b[4m" in out.getvalue() and SIGNS not in out.getvalue()


def test_a_pipe_never_gets_a_table_in_two(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Facts go first, then names are folded; figures may take more than 80 columns, and stay in one line."""
    monkeypatch.delenv("COLUMNS", raising=False)
    text = piped(made(folder, metrics=["psnr", "ssim", "ewarp_dis", *MANY]))
    rows = [line for line in text.splitlines() if line.startswith("Lanczos")]
    assert len(rows) == 1 and len(rows[0].split()) == 1 + 3 + 3 * 14, rows
    assert "Memory" not in text and "Licence" not in text
    assert sum("Method" in line for line in text.splitlines()) == 1


@pytest.mark.parametrize("name", ["demo", "keep-table1"])
def test_shipped_boards_fit_eighty_columns(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    table = made_up_tables(name)[0]
    lines = piped(table).splitlines()
    grid = lines[1 : next(i for i, line in enumerate(lines) if "·" in line)]
    assert max(map(len, grid)) <= 80
    words = {word for row in table.rows for word in row.title.split() if len(word) <= 16}
    assert words <= {word for line in grid for word in line.split()}, "no word of a name is broken"
    if name == "keep-table1":
        at = next(i for i, line in enumerate(grid) if line.startswith("KEEP"))
        assert grid[at + 1].split()[0] == "27.999" and grid[at + 2].split()[0].startswith("−")
        assert PAPERS in "\n".join(lines)


def test_columns_says_how_wide(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert max(map(len, piped(made(folder)).splitlines())) <= 60
    monkeypatch.setenv("COLUMNS", "200")
    assert "Memory" in piped(made(folder))


def test_long_names_are_folded_before_figures_are(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    table = made(folder)
    long = replace(
        table, rows=tuple(replace(r, title=f"{r.title} with a very long name") for r in table.rows)
    )
    page = Page.of(long, False, signs=True)
    assert page.parts(44) == [[1, 2, 3]] and page.parts(20) != [[1, 2, 3]]
    text = piped(long)
    assert max(map(len, text.splitlines()[:-3])) <= 80
    for row in table.rows:
        assert number(row.cells["psnr"].value, 2) in text
