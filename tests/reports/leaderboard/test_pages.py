"""The pages of a leaderboard, and its exports."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from reports.leaderboard.config import Config, read_config
from reports.leaderboard.exports.hub import hub_files
from reports.leaderboard.exports.results_csv import results_csv
from reports.leaderboard.exports.writing import write_export
from reports.leaderboard.filing import submit
from reports.leaderboard.pages.build import build_site, write_pages
from reports.leaderboard.pages.papers import spreads, transcribed
from reports.leaderboard.tree import FolderTree
from tests.reports.leaderboard.conftest import Repository
from tests.reports.leaderboard.made_up import EVIL, config, entries
from vfsrbench.errors import InputError


def test_papers_disagree_on_keep() -> None:
    """The figures that the transcribed papers print of KEEP on one test set, blind."""
    found = next(s for s in spreads(transcribed(), "keep") if (s.metric, s.dataset) == ("fvd", "VFHQ-Test"))
    assert found.sentence == "158 to 399 in 3 papers" and (found.low, found.high) == (158.46, 399.239)


def test_no_board_is_sorted_by_a_metric_that_can_be_gamed_alone(tmp_path: Path) -> None:
    made_up = config()

    def page(*metrics: str) -> str:
        boards = {n: r.replace(metrics=metrics, sort_by=None) for n, r in made_up.boards.items()}
        changed = Config(made_up.settings, boards)
        rows = entries(changed)
        for entry in rows:
            entry.cells.update(dict.fromkeys(("musiq_koniq", "niqe"), entry.cells["psnr"]))
        built = write_pages(changed, rows, {}, tmp_path / "-".join(metrics), [])
        return built.index.read_text(encoding="utf-8")

    both = page("niqe", "psnr")
    names = re.findall(r'<a href="methods/[^"]*">([^<]*)</a><small>', both)
    assert names[0] == "Method 3", "by PSNR, higher first, though NIQE is the first column"
    assert both.count("There is no order by NIQE alone: frames unlike the truth can score well.") == 2
    alone = page("musiq_koniq", "niqe")
    names = re.findall(r'<a href="methods/[^"]*">([^<]*)</a><small>', alone)
    assert names[0] == "KEEP" and alone.count("<td>–</td></tr>") == 2, "by name, and nobody leads"


def test_a_board_in_the_order_of_such_a_metric_is_refused(board: Repository) -> None:
    (path,) = (board.root / "boards").glob("*.toml")
    text = path.read_text(encoding="utf-8").replace("metrics = [", 'metrics = ["niqe", ')
    path.write_text(
        re.sub(r"^sort_by = .*$|\\A", 'sort_by = "niqe"', text, count=1, flags=re.M), encoding="utf-8"
    )
    with pytest.raises(InputError, match="no board is sorted by it alone"):
        read_config(FolderTree(board.root))


def test_the_pages_say_everything_and_escape_it(tmp_path: Path) -> None:
    made_up = config()
    built = write_pages(made_up, entries(made_up), {}, tmp_path / "out", [f"left {EVIL}"])
    assert (built.boards, built.methods, built.rows) == (2, 4, 10)
    home = built.index.read_text(encoding="utf-8")
    rows = re.findall(r'<tr data-division="([^"]*)" data-year="(\d+)" data-licence="([^"]*)"', home)
    assert len(rows) == 10 and ("official weights", "2020", "Apache-2.0") in rows
    assert re.search(r"papers 264\.9\d* – 399\.2\d*<", home) and 'tr class="published"' in home
    keep = (tmp_path / "out" / "methods" / "keep.html").read_text(encoding="utf-8")
    wanted = ("KEEP FVD: 158 to 399 in 3 papers", "Somebody, Something", "12 M", "2 GiB", "(pack keep;")
    assert [said for said in (*wanted, "2 laboratories lie") if said not in keep] == []
    assert "imported outputs" in home
    pages = [path.read_text(encoding="utf-8") for path in (tmp_path / "out").rglob("*.html")]
    assert len(pages) == 5
    for page in pages:
        assert EVIL not in page and "javascript:" not in re.sub(r">[^<]*<", "><", page)
        assert not re.search(r'(src|href)="(https?:)?//(?!example)', page), "nothing is fetched"


def test_a_site_is_built_again_and_writes_over_nothing_of_others(
    board: Repository, bundles: dict[str, Path], tmp_path: Path
) -> None:
    submit(board.root, bundles["east/bicubic"], "east")
    submit(board.root, bundles["south/lanczos"], "south")
    board.commit("rows")
    submit(board.root, bundles["east/bicubic"], "north", replace=True)
    board.commit("north again")
    built = build_site(board.root, board.root / "public")
    assert (built.methods, built.rows) == (1, 2)
    assert built.left_out == (
        "submissions/south/lanczos.vfsr.zip: has another ground truth of 1 clip ('ben')",
    )
    page = (board.root / "public" / "methods" / "bicubic.html").read_text(encoding="utf-8")
    history = page.split('id="history"')[1]
    assert history.count("<tr>") - history.count("<thead>") == 3, "north handed in twice, east once"
    assert "bi-x4: 2 laboratories lie at most this far apart: PSNR 0, SSIM 0" in page
    first = built.index.read_bytes()
    assert build_site(board.root, board.root / "public").index.read_bytes() == first, (
        "and is not read as input"
    )
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "index.html").write_text("mine")
    with pytest.raises(InputError, match="did not make"):
        build_site(board.root, tmp_path / "taken")
    with pytest.raises(InputError):
        build_site(board.root, board.root / "submissions")


def test_exports(board: Repository, tmp_path: Path) -> None:
    made_up = config()
    files = hub_files(made_up, entries(made_up))
    text = files["lab-0/keep/.eval_results/board-0.yaml"]
    first = text.split("- dataset:")[1].splitlines()
    assert first[1:4] == ['    id: "owner/name"', '    task_id: "board-0-bfr-psnr"', "  value: 25.0"]
    assert text.count("- dataset:") == 4 and '  date: "2026-11-01"' in text
    rows = list(csv.DictReader(io.StringIO(results_csv(made_up, entries(made_up)))))
    assert len(rows) == 10 and rows[0]["Model"] == "KEEP (lab-0)" and float(rows[0]["PSNR"]) == 25.0
    assert rows[0]["Dataset"] == "Board 0 (bfr)" and rows[0]["Paper title"] == "Somebody, Something"
    out = tmp_path / "x.tex"
    write_export(board.root, "latex", out, (), False, lambda what: None)
    assert r"\toprule" in out.read_text() and "Bicubic" in out.read_text()
    with pytest.raises(InputError, match="--replace"):
        write_export(board.root, "latex", out, (), False, lambda what: None)
    with pytest.raises(InputError, match="hub_dataset is empty"):
        write_export(board.root, "hf", tmp_path / "hub", (), False, lambda what: None)
