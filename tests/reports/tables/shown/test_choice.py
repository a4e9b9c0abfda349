"""What a table shows: a board's `[table]`, the options of `report` and `compare`, one model behind both."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from reports.inputs.results import read_results
from reports.tables.leaderboard import Sources, build_tables, column
from reports.tables.model import Table
from reports.tables.shown.choice import shown_board
from reports.tables.shown.headings import column_facts, short_heads
from tests.reports import synthetic
from vfsrbench.board import load_board
from vfsrbench.cli.main import run
from vfsrbench.errors import InputError
from vfsrbench.plugins import metrics

SOURCES = Sources(cards=synthetic.CARDS, reference_rows=frozenset({"oracle"}))
BOARD = """\
name = "synthetic"
title = "Synthetic board"
version = 1
splits = ["vfhq-mild", "vfhq-heavy"]
methods = ["bicubic", "nearest", "lanczos", "oracle"]
metrics = ["psnr", "ssim", "ewarp_dis"]
sort_by = "psnr"
[dataset]
layout = "demo"
"""
STYLE = """
[table]
columns = ["SSIM", "psnr"]
methods = ["nearest", "lanczos"]
splits = ["vfhq-heavy"]
digits = { psnr = 1 }
facts = false
caption = "Ours against theirs"
label = "tab:main"
highlight = "lanczos"
"""
OPTIONS = (
    "--columns", "SSIM,psnr", "--methods", "nearest,lanczos", "--splits", "vfhq-heavy", "--digits", "psnr=1",
    "--no-facts", "--caption", "Ours against theirs", "--label", "tab:main", "--highlight", "lanczos",
)  # fmt: skip


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("w")
    synthetic.write_board(place / "results")
    (place / "plain.toml").write_text(BOARD)
    (place / "styled.toml").write_text(BOARD + STYLE)
    return place


def shown(workspace: Path, **style: object) -> list[Table]:
    found, _ = read_results([workspace / "results"])
    return build_tables(synthetic.board(sort_by="psnr", table=style), found, SOURCES, resamples=100)


def printed(*arguments: object) -> str:
    out = io.StringIO()
    with redirect_stdout(out):
        assert run([str(a) for a in arguments]) == 0
    return out.getvalue()


def test_the_board_and_the_options_say_the_same(workspace: Path, tmp_path: Path) -> None:
    texts = []
    for name, options in (("styled", ()), ("plain", OPTIONS)):
        out = tmp_path / name
        printed("report", workspace / f"{name}.toml", "-w", workspace, "--out", out, *options)
        assert sorted(p.name for p in (out / "tables").iterdir()) == [
            f"vfhq-heavy{end}" for end in ("-wins.csv", ".csv", ".html", ".json", ".md", ".tex")
        ]
        texts.append(
            [(out / "tables" / f"vfhq-heavy.{end}").read_text() for end in ("md", "tex", "csv", "html")]
        )
    assert texts[0] == texts[1]
    markdown, latex, csv, html = texts[0]
    lines = [line for line in markdown.splitlines() if line.startswith("| ")]
    assert lines[0] == "| Method | SSIM ↑ | PSNR ↑ (dB) |"
    assert re.fullmatch(r"\| Nearest \| <u>0\.\d{4}</u> \| <u>\d\d\.\d</u> \|", lines[1])
    assert re.fullmatch(r"\| \*\*Lanczos\*\* \| \*\*0\.\d{4}\*\* \| \*\*\d\d\.\d\*\* \|", lines[2])
    assert len(lines) == 6 and "Bicubic" not in markdown and "**Ours against theirs**" in markdown
    assert r"\label{tab:main}" in latex and r"\caption{Ours against theirs. " in latex
    assert r"\textbf{Lanczos} & \textbf{0." in latex
    assert "Rank" not in latex + markdown + html and "Memory" not in latex + markdown + html
    assert 'class="method highlight"' in html
    assert csv.startswith("split,method,title,ssim,ssim_low") and "bicubic" not in csv


def test_compare_takes_the_same_options(workspace: Path) -> None:
    text = printed("compare", workspace / "results", "--format", "md", *OPTIONS)
    assert "| Method | SSIM ↑ | PSNR ↑ (dB) |" in text and "vfhq-mild" not in text
    assert text.index("Nearest") < text.index("**Lanczos**") and "Rank" not in text


def test_columns_by_family_and_case() -> None:
    four = ["ids_dlib", "psnr", "sigma_ids_dlib", "ids_ir_se50"]
    board = synthetic.board(metrics=four, figures={}, table={"columns": ["IDS", "PSNR"]})
    assert shown_board(board, {}).metrics == ("ids_dlib", "ids_ir_se50", "psnr")
    drawn = synthetic.board(figures={"curves": ["psnr", "ssim"]}, table={"columns": ["ssim"]})
    assert shown_board(drawn, {}).figures.curves == ("ssim",)


def test_rows_in_any_order(workspace: Path) -> None:
    def order(**style: object) -> list[str]:
        return [row.method for row in shown(workspace, **style)[0].rows]

    assert order() == ["lanczos", "bicubic", "nearest", "oracle"]
    assert order(order="board") == ["bicubic", "nearest", "lanczos", "oracle"]
    assert order(order="name") == ["bicubic", "lanczos", "nearest", "oracle"]
    assert order(order="ewarp_dis", columns=["ssim"]) == ["lanczos", "bicubic", "nearest", "oracle"]
    assert order(methods=["oracle", "nearest", "bicubic"]) == ["nearest", "bicubic", "oracle"]
    assert order(methods=["nearest", "bicubic"], order="psnr") == ["bicubic", "nearest"]


def test_marks_and_places_are_among_what_is_shown(workspace: Path) -> None:
    row = shown(workspace, methods=["bicubic", "nearest"])[0].row("bicubic")
    assert row.cells["psnr"].mark == "best" and row.cells["psnr"].rank is not None
    assert row.cells["psnr"].rank.worst <= 2
    rough = shown(workspace, digits=0)[0]
    assert {rough.row(m).cells["psnr"].mark for m in ("bicubic", "lanczos")} == {"best"}


@pytest.mark.parametrize(
    ("style", "message"),
    [
        ({"columns": ["psmr"]}, "did you mean 'psnr'"),
        ({"methods": ["bicubik"]}, "did you mean 'bicubic'"),
        ({"highlight": "lanczoz"}, "did you mean 'lanczos'"),
        ({"splits": ["vfhq-mid"]}, "did you mean 'vfhq-mild'"),
        ({"order": "nane"}, "did you mean 'name'"),
        ({"digits": {"pnsr": 2}}, "did you mean 'psnr'"),
        ({"digits": 13}, "digits"),
        ({"label": "a b"}, "label"),
        ({"colums": []}, "did you mean 'table.columns'|did you mean 'columns'"),
    ],
)
def test_what_is_not_there_is_one_clear_line(workspace: Path, style: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        shown(workspace, **style)


def test_no_order_by_a_metric_that_frames_unlike_the_truth_do_well_in(workspace: Path) -> None:
    found, _ = read_results([workspace / "results"])
    opinion = Sources(cards=synthetic.CARDS | {"ssim": synthetic.CARDS["ssim"].replace(gameable=True)})
    with pytest.raises(InputError, match="a metric without a reference"):
        build_tables(synthetic.board(table={"order": "ssim"}), found, opinion)


def test_digits_on_the_command_line_are_a_number_or_by_metric(workspace: Path) -> None:
    places = ["compare", str(workspace / "results"), "--format", "md", "--columns", "psnr,ssim"]
    assert re.search(r"\| \*\*\d\d\.\d\*\* \| \*\*0\.\d\*\* \|", printed(*places, "--digits", "1"))
    assert re.search(r"\| \*\*\d\d\*\* \| \*\*0\.\d\d\*\* \|", printed(*places, "--digits", "psnr=0,ssim=2"))
    for wrong in ("x", "psnr=", "1,psnr=2", "-1"):
        assert run([*places, f"--digits={wrong}"]) == 2


def test_a_board_file_with_a_table(workspace: Path) -> None:
    style = load_board(workspace / "styled.toml").table
    assert (style.digits, style.highlight, style.facts) == ({"psnr": 1}, ("lanczos",), False)


def test_short_headings_of_all_metrics_are_short_and_apart() -> None:
    cards = metrics().cards
    columns = [column(m, cards[m]) for m in cards]
    heads = short_heads(columns)
    assert len(set(heads)) == len(heads)
    alone = {c.id: short_heads([c])[0] for c in columns}
    wanted = {
        "psnr": "PSNR", "ssim": "SSIM", "lpips_alex": "LPIPS", "ids_w600k_r50": "IDS", "akd_awing98": "AKD",
        "sigma_ids_w600k_r50": "σ_IDS", "ewarp_raft": "E_warp", "psnr_y": "PSNR_Y",
    }  # fmt: skip
    assert {m: alone[m] for m in wanted} == wanted
    assert max(map(len, alone.values())) <= 12
    told = dict(column_facts([column(m, cards[m]) for m in ("psnr", "sigma_ids_w600k_r50", "ewarp_raft")]))
    assert column_facts([column("ssim_vt", cards["ssim_vt"])]) == [("SSIM_vt", "(over time slices)")]
    assert told == {"PSNR": "in dB", "σ_IDS": "(w600k_r50) in 1e-2", "E_warp": "(RAFT) in 1e-3"}


def test_the_users_own_methods_stand_out_where_nobody_says_which_do(tmp_path: Path) -> None:
    synthetic.write_board(tmp_path)
    for clip in synthetic.CLIPS:
        for split in ("vfhq-mild", "vfhq-heavy"):
            synthetic.write_result(tmp_path, "mine", split, clip)
            synthetic.write_result(tmp_path, "tool", split, clip, imported={"tool": "SVFR"})
    found, _ = read_results([tmp_path])

    def out(**style: object) -> set[str]:
        tables = build_tables(synthetic.board(table=style), found, SOURCES, resamples=10)
        return {row.method for table in tables for row in table.rows if row.highlighted}

    assert out() == {"mine"}, "imported outputs are another tool's"
    assert out(highlight="nearest") == {"nearest"} and out(highlight="none") == set()
    assert out(methods=("mine",)) == set(), "alone, nothing stands out"
