"""`vfsrbench bundle` as a user calls it, and `report` and `compare` with what it writes."""

from __future__ import annotations

import json
from pathlib import Path
from zipfile import ZipFile

import pytest

from reports.bundles.verdicts import file_beside
from tests.reports.sharing import labs
from tests.reports.sharing.tampering import TAMPERINGS, tampered
from vfsrbench.cli.main import run

BOARD = """
name = "labs"
title = "Two labs"
version = 1
splits = ["bi-x4"]
methods = ["bicubic", "nearest", "oracle"]
metrics = ["psnr", "ssim", "ewarp_dis"]
sort_by = "psnr"
[dataset]
layout = "folder"
"""


@pytest.fixture
def board(tmp_path: Path) -> str:
    (tmp_path / "labs.toml").write_text(BOARD)
    return str(tmp_path / "labs.toml")


def test_make_check_compare_report(board: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = labs.lab()
    out, where = tmp_path / "north.vfsr.zip", ["-w", str(root / "workspace")]
    assert run(["bundle", board, "-o", str(out), *where, "--method", "bicubic", "--quiet"]) == 0
    assert "3 results" in capsys.readouterr().out
    assert run(["bundle", "make", board, "-o", str(out), *where]) == 2, "it is there already"
    assert "--replace" in capsys.readouterr().err
    assert run(["bundle", "check", str(out), "--dataset", str(root / "data"), "--save", "--quiet"]) == 0
    said = capsys.readouterr().out
    assert "bi-x4  bicubic  consistent" in said and "3 degraded clips made again" in said
    assert said.rstrip().endswith("it holds") and "not checked" in said
    assert file_beside(out).is_file()
    assert run(["compare", "--bundle", str(out), str(root / "workspace" / "results"), "--format", "md"]) == 0
    table = capsys.readouterr().out
    assert "Bicubic (OpenCV) @ north \\[consistent\\]" in table and "clips that a paired t-test" in table


@pytest.mark.slow
def test_the_site_has_the_badge(board: str, tmp_path: Path) -> None:
    root = labs.lab()
    out, where = tmp_path / "north.vfsr.zip", ["-w", str(root / "workspace")]
    assert run(["bundle", board, "-o", str(out), *where, "--method", "bicubic", "--quiet"]) == 0
    assert run(["bundle", "check", str(out), "--save", "--quiet"]) == 0
    html = tmp_path / "site"
    how = ["--html", str(html), "--bundle", str(out), "--quiet"]
    assert run(["report", board, *where, "--dataset", str(root / "data"), *how]) == 0
    page = (html / "index.html").read_text()
    assert '<span class="badge">consistent</span>' in page and "Bicubic (OpenCV) @ north" in page


def test_a_tampered_bundle_and_a_trap_end_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from reports.sharing.writing import write_bundle

    root = labs.lab()
    honest = tmp_path / "a.vfsr.zip"
    write_bundle(labs.board(root / "data"), root / "workspace", honest)
    mean = next(how for how in TAMPERINGS if how.what == "a mean")
    changed = tampered(honest, tmp_path / "b.vfsr.zip", mean)
    assert run(["bundle", "check", str(changed), "--format", "json"]) == 2
    found = json.loads(capsys.readouterr().out)
    row = next(row for row in found["rows"] if row["method"] == "bicubic")
    assert row["verdict"] == "contradicted" and "psnr: mean" in row["problems"][0]
    assert run(["bundle", "check", str(changed)]) == 2
    assert "problem: bicubic, bi-x4: psnr: mean" in capsys.readouterr().out
    with ZipFile(tmp_path / "c.zip", "w") as trap:
        trap.writestr("../evil.json", "{}")
    assert run(["bundle", "check", str(tmp_path / "c.zip")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    assert run(["compare", "--bundle", str(tmp_path / "c.zip")]) == 2
