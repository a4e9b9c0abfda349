"""`vfsrbench evaluate`: two folders, a table, and names for what is missing."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from tests.vfsrbench.boards import moving, write_clip
from vfsrbench.cli.main import run
from vfsrbench.io.names import slug

LINE = ["--metric", "PSNR", "--metric", "ssim"]


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ground truth of three clips, results of them."""
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("a", "b", "c")):
        frames = moving(5, 32, seed)
        write_clip(tmp_path / "gt" / name, frames)
        write_clip(tmp_path / "mine" / name, frames // 2 + 10 * seed)
    return tmp_path


def test_the_values_are_those_of_the_api_and_of_the_files(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import vfsrbench as vb

    assert run(["evaluate", "mine", "--gt", "gt", *LINE, "--csv", "o/s.csv", "--json", "o/s.json"]) == 0
    said = capsys.readouterr()
    names = ("a", "b", "c")
    table = vb.score([f"mine/{n}" for n in names], [f"gt/{n}" for n in names], ["psnr", "ssim"], device="cpu")
    rows = list(csv.DictReader(Path("o/s.csv").read_text().splitlines()))
    assert [row["clip"] for row in rows] == [*names, "mean of 3 of 3 clips"]
    found = json.loads(Path("o/s.json").read_text())
    assert (found["scored"], found["of"]) == (3, 3)
    for metric in ("psnr", "ssim"):
        for row in rows[:3]:
            assert float(row[metric]) == table.attrs["clips"][row["clip"]][metric]
            by_frame = found["clips"][row["clip"]]["by_frame"][metric]
            assert by_frame == table[table["clip"] == row["clip"]][metric].tolist()
        assert float(rows[3][metric]) == found["mean"][metric] == table.attrs["split"][metric]
        assert f"{table.attrs['split'][metric]:.{vb.metrics()[metric].digits}f}" in said.out
    assert found["clips"]["a"]["frames"][0] == "00000000"


def test_what_is_missing_is_named_and_the_rest_is_scored(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folders / "mine" / "b" / "00000001.png").unlink()
    (folders / "mine" / "b" / "00000003.png").unlink()
    (folders / "mine" / "c").rename(folders / "mine" / "other")
    assert run(["evaluate", "mine", "--gt", "gt", *LINE, "--csv", "s.csv"]) == 3
    said = capsys.readouterr()
    assert "mean of 1 of 3 clips" in said.out
    (line,) = [line for line in said.err.splitlines() if line.startswith("b: left out: ")]
    assert "has 3 frames, its ground truth has 5 (missing: 00000001, 00000003)" in line
    (line,) = [line for line in said.err.splitlines() if line.startswith("c: left out: ")]
    assert "no output for clip 'c'" in line
    assert "without ground truth, not scored: other" in said.err
    assert list(csv.reader(Path("s.csv").read_text().splitlines()))[-1][0] == "mean of 1 of 3 clips"


def test_names_with_spaces_and_accents_go_all_the_way(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As the pages say it: degrade, restore, evaluate; and what earlier versions called otherwise."""
    for number, name in enumerate(("Anna Müller", "Grüße (2)", "x~0123abcd", "-y", "con")):
        write_clip(folders / "own" / name, moving(2, 32, number))
    assert run(["degrade", "lq", "--split", "bi-x4", "--dataset", "own", "--engine", "serial"]) == 0
    assert run(["restore", "lq/bi-x4", "out", "--method", "nearest"]) == 0
    assert {"Anna Müller", "Grüße (2)", slug("x~0123abcd"), slug("-y")} < {
        p.name for p in Path("out").iterdir()
    }
    assert run(["evaluate", "out", "--gt", "own", "--metric", "psnr"]) == 0
    assert "mean of 5 of 5 clips" in capsys.readouterr().out
    Path("out/Anna Müller").rename(Path("out") / slug("Anna Müller"))
    assert run(["evaluate", "out", "--gt", "own", "--metric", "psnr"]) == 0
    assert "not scored" not in capsys.readouterr().err


def test_ground_truth_of_odd_sizes_is_cropped_as_it_was_for_degrading(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clip(folders / "own" / "odd", moving(2, 35)[:, :33])
    centre = moving(2, 35)[:, :32, 1:33]
    write_clip(folders / "part" / "odd", centre)
    line = ["--gt", "own", "--metric", "psnr"]
    assert run(["evaluate", "part", *line]) == 2
    assert "--crop-gt" in capsys.readouterr().err
    for outputs in ("part", "own"):
        assert run(["evaluate", outputs, *line, "--fit", "crop4", "--json", "s.json", "--csv", "s.csv"]) == 0
        said = capsys.readouterr()
        assert (
            "odd: ground truth cropped to 32x32, the centre, of 35x33" in said.err and " 100.000" in said.out
        )
        assert (
            json.loads(Path("s.json").read_text())["clips"]["odd"]["cropped"] == "32x32, the centre, of 35x33"
        )
    assert run(["evaluate", "part", *line, "--crop-gt"]) == 0
    assert "odd: ground truth cropped to 2 frames of 32x32, top left, of " in capsys.readouterr().err
    for wrong in ("crop", "refuse", "crop0"):
        assert run(["evaluate", "part", *line, "--fit", wrong]) == 2
        assert "such as --fit crop4" in capsys.readouterr().err


def test_two_single_clips_need_no_common_name(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["evaluate", "mine/a", "--gt", "gt/b", *LINE]) == 0
    assert "mean of 1 of 1 clip" in capsys.readouterr().out
    assert run(["evaluate", "mine/a", "--gt", "gt", *LINE]) == 3, "one of several goes by its name"
    assert "mean of 1 of 3 clips" in capsys.readouterr().out


def test_a_frame_that_is_too_much_and_a_wrong_size_are_told(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_clip(folders / "more" / "a", moving(6, 32))
    write_clip(folders / "more" / "b", moving(5, 16))
    write_clip(folders / "more" / "c", moving(5, 32))
    assert run(["evaluate", "more", "--gt", "gt", *LINE]) == 3
    text = capsys.readouterr().err
    assert "(more: 00000005)" in text and "is 16x16, its ground truth is 32x32" in text


def test_nothing_to_score_is_one_line_with_all_reasons(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folders / "none").mkdir()
    write_clip(folders / "none" / "x", np.zeros((5, 32, 32, 3), np.uint8))
    assert run(["evaluate", "none", "--gt", "gt", *LINE]) == 2
    text = capsys.readouterr().err.splitlines()[-1]
    assert all(f"no output for clip {name!r}" in text for name in ("a", "b", "c"))


def test_files_of_the_user_s_stay(folders: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folders / "s.csv").write_text("mine")
    assert run(["evaluate", "mine", "--gt", "gt", *LINE, "--csv", "s.csv"]) == 2
    assert (folders / "s.csv").read_text() == "mine"
    for _ in range(2):  # ours is replaced
        assert run(["evaluate", "mine", "--gt", "gt", *LINE, "--csv", "t.csv"]) == 0
