"""A disk that is full while a report is written: one line, and the old report as it was, byte by byte."""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reports import build_report
from tests.reports import synthetic
from tests.small_disk import fill, mounted
from vfsrbench.errors import InputError

MiB = 1 << 20


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("board")
    for method in ("bicubic", "lanczos"):
        synthetic.write_result(place / "results", method, "vfhq-mild", "calm")
    synthetic.write_strips(place)
    synthetic.write_frames(place, place / "data")
    return place


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 3 MB of its own."""
    with mounted(tmp_path / "disk", 3 << 20) as place:
        yield place


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("site", [False, True])
def test_an_old_report_stays_whole(workspace: Path, small_disk: Path, site: bool) -> None:
    """At every stage, from no room at all to almost enough: tables, figures, media, pages, assets."""
    data = {"layout": "folder", "path": str(workspace / "data")}
    facts = {"dataset": data, "splits": ("vfhq-mild",), "figures": {"curves": ["psnr"]}}
    board = synthetic.board(**facts)
    out = small_disk / "report"
    build_report(board, workspace, out, site=site)
    old = contents(out)
    size = sum(map(len, old.values()))
    failed = 0
    for left in (0, 12 << 10, size // 4, size * 3 // 4):
        filler = fill(small_disk, left)
        try:
            build_report(synthetic.board(title="New", **facts), workspace, out, site=site)
        except InputError as error:
            failed += 1
            assert "No space left on device" in str(error)
            assert "\n" not in str(error)
            assert contents(out) == old, f"with {left} bytes left"
        finally:
            filler.unlink()
        if "New" in (out / "index.html").read_text():
            break
    assert failed >= 3
    build_report(synthetic.board(title="New", **facts), workspace, out, site=site)
    assert "New" in (out / "index.html").read_text()
    assert not list(out.glob(".*.part"))


@pytest.mark.parametrize("limit", [600, 20_000])
def test_a_file_that_may_not_grow_is_one_line(workspace: Path, tmp_path: Path, limit: int) -> None:
    """Without any right to mount: the system's limit on a file's size, through the real command."""
    board = tmp_path / "board.toml"
    board.write_text(
        'name = "b"\ntitle = "B"\nversion = 1\nmethods = ["bicubic"]\nmetrics = ["psnr", "ssim"]\n'
        'splits = ["vfhq-mild"]\n[dataset]\nlayout = "demo"\n[figures]\ncurves = ["psnr"]\n'
    )
    command = [sys.executable, "-m", "vfsrbench", "report", str(board), "--workspace", str(workspace)]
    command += ["--out", str(tmp_path / "out"), "--results", str(workspace / "results")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    old = contents(tmp_path / "out")

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=limited)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.strip().split("\n")[-1].startswith("vfsrbench: ")
    assert "File too large" in done.stderr
    assert contents(tmp_path / "out") == old


def test_a_report_that_is_stopped_leaves_nothing(workspace: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    build_report(synthetic.board(splits=("vfhq-mild",)), workspace, out, formats=("png",))
    old = contents(out)

    def stop(what: str) -> None:
        if what.endswith("figures"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_report(
            synthetic.board(title="New", splits=("vfhq-mild",)),
            workspace,
            out,
            formats=("png",),
            progress=stop,
        )
    assert contents(out) == old


def test_media_of_an_earlier_site_are_not_made_again(workspace: Path, tmp_path: Path) -> None:
    data = {"layout": "folder", "path": str(workspace / "data")}
    board = synthetic.board(dataset=data, splits=("vfhq-mild",))
    first = build_report(board, workspace, tmp_path / "out", formats=("png",), site=True)
    times = {p: p.stat().st_mtime_ns for p in (tmp_path / "out" / "media").iterdir()}
    again = build_report(board, workspace, tmp_path / "out", formats=("png",), site=True)
    assert times
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "out" / "media").iterdir()} == times
    assert again.files == first.files
    assert all(p.is_file() for p in again.files)
