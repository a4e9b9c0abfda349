"""The whole report: every file it names is there, the page needs nothing from outside, names are harmless."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from reports import build_report
from tests.reports import synthetic
from vfsrbench.errors import InputError
from vfsrbench.plugins import board_files, find_board

EVIL = '<script>alert("1")</script>'


class Links(HTMLParser):
    """Everything a page points at, and the scripts in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.ids: set[str] = set()
        self.scripts: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script":
            self.scripts.append(dict(attrs))
        for name, value in attrs:
            if name in {"src", "href"} and value:
                self.targets.append(value)
            if name == "id" and value:
                self.ids.add(value)


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    results = synthetic.write_board(tmp_path / "results")
    synthetic.write_result(results, "evil", "vfhq-mild", "calm", method_title=EVIL)
    synthetic.write_strips(tmp_path)
    return tmp_path


def test_the_report_is_complete_and_stands_alone(workspace: Path) -> None:
    out = workspace / "report with space"
    report = build_report(synthetic.board(), workspace, out, formats=("png", "pdf"))
    assert report.index == out / "index.html" and not report.skipped
    assert all(path.is_file() and path.stat().st_size for path in report.files)
    names = {p.name for p in report.files}
    assert {"leaderboard.csv", "vfhq-mild.tex", "vfhq-heavy.md", "curves-vfhq-mild-psnr.png"} <= names
    assert {"slices-vfhq-heavy-fast.png", "slices-vfhq-heavy-fast.pdf"} <= names
    page = Links(report.index.read_text())
    for target in page.targets:
        if target == "data:,":  # no icon is asked for
            continue
        assert not re.match(r"[a-z]+:|//", target), f"{target} is fetched from outside"
        if target.startswith("#"):
            assert target[1:] in page.ids
        else:
            assert (out / unquote(target.partition("#")[0])).is_file(), target


def test_names_are_escaped_on_the_page(workspace: Path) -> None:
    text = build_report(synthetic.board(title=EVIL), workspace, workspace / "r", formats=("png",))
    page = text.index.read_text()
    for script in Links(page).scripts:
        own = str(script.get("src", "")).startswith("assets/")
        assert own or script == {"type": "application/json"}, "no script but ours, and data"
    assert "&lt;script&gt;" in page
    assert "extrapolated recipe" in page and "demo clips" in page


def test_a_report_without_slices_and_with_damage_still_stands(workspace: Path) -> None:
    for path in (workspace / "slices").rglob("*.npz"):
        path.unlink()
    (workspace / "results" / "torn.parquet").write_bytes(b"PAR1")
    report = build_report(synthetic.board(), workspace, workspace / "r", formats=("png",))
    assert not any("slices" in p.name for p in report.files)
    damaged, count = report.skipped
    assert "torn.parquet" in damaged and count == "25 of 26 results files could be read"
    assert not (workspace / "results" / "torn.parquet").exists(), "set aside: the next run makes it again"


def test_chosen_results_only(workspace: Path) -> None:
    chosen = [p for p in (workspace / "results").iterdir() if "bicubic-vfhq-mild" in p.name]
    report = build_report(synthetic.board(), workspace, workspace / "r", results=chosen, formats=("png",))
    assert [[r.method for r in t.rows] for t in report.tables] == [["bicubic"]]


def test_a_curve_of_an_unknown_metric_is_a_clear_error(workspace: Path) -> None:
    board = synthetic.board(figures={"curves": ["lpips"]})
    with pytest.raises(InputError, match="'lpips' is not among its metrics"):
        build_report(board, workspace, workspace / "r")


def test_all_shipped_boards_can_be_read_and_found() -> None:
    for name in board_files():
        assert find_board(name).name == name
    with pytest.raises(InputError, match="did you mean 'demo'"):
        find_board("demoo")
    with pytest.raises(InputError, match=r"nowhere\.toml: no such board file"):
        find_board("./nowhere.toml")


def test_importing_reports_pulls_in_neither_matplotlib_nor_torch() -> None:
    code = (
        "import sys, reports.boards, reports.report, reports.figures.curves, reports.figures.slices;"
        "sys.exit(any(m in sys.modules for m in ('matplotlib', 'torch', 'pandas', 'scipy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("change", [{"seed": -1}, {"metrics": ()}, {"average": "median"}])
def test_a_board_that_was_changed_past_its_checks_is_checked(
    tmp_path: Path, change: dict[str, object]
) -> None:
    synthetic.write_board(tmp_path / "results")
    board = synthetic.board().model_copy(update=change)
    with pytest.raises(InputError, match=f"key '{next(iter(change))}'"):
        build_report(board, tmp_path, tmp_path / "out")
    assert not (tmp_path / "out").exists()
