"""benchmarks/method_speed.py: rows for every length, batch and profile, and the page it writes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import method_speed
from benchmarks.random_weights import write_method_weights
from vfsrbench.method_spec import choose_method

COLUMNS = method_speed.HEADER.splitlines()[0].count("|") - 1


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_table_has_every_length_batch_and_profile(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.md"
    given = "--methods bicubic basicvsr --lengths 2,4 --batches 1,2 --size 64 --in-process --write"
    method_speed.main([*given.split(), str(page)])
    written = page.read_text()
    assert "`python benchmarks/method_speed.py --methods bicubic basicvsr --lengths 2,4" in written
    rows = [cells(line) for line in written.splitlines() if line.startswith("| `")]
    lines = capsys.readouterr().out.splitlines()
    assert [cells(line) for line in lines if line.startswith("| `")][-len(rows) :] == rows
    assert all(len(row) == COLUMNS for row in rows)
    for method in ("`bicubic`", "`basicvsr`"):
        for profile in ("strict", "fast"):
            own = [row for row in rows if row[:2] == [method, profile]]
            assert [int(row[3]) for row in own][:2] == [2, 4]
            assert float(own[0][7]) == 1.0
            for row in own:
                seconds, rate, memory = float(row[4]), float(row[5]), float(row[8])
                assert seconds > 0 and float(row[6]) > 0
                assert rate == pytest.approx(1 / seconds, rel=0.01)
                # what the method added: nothing to speak of for an interpolation
                assert memory > 10 if method == "`basicvsr`" else memory >= 0
                assert (row[9] != "") == (profile == "fast")
    assert [row[2] for row in rows if row[0] == "`basicvsr`"] == ["2", "4", "2", "4"]
    image = [row[2] for row in rows if row[:2] == ["`bicubic`", "strict"]]
    assert image in (["1", "1 (best)"], ["1", "1", "2 (best)"])
    assert all(row[9] == "same" for row in rows if row[:2] == ["`bicubic`", "fast"])
    assert all(5 < float(row[9]) < 80 for row in rows if row[:2] == ["`basicvsr`", "fast"])


def test_the_same_command_again_replaces_its_section(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    for lengths in ("1", "2", "1"):
        given = f"--methods bicubic --lengths {lengths} --batches 1 --size 16 --in-process --write"
        method_speed.main([*given.split(), str(page)])
    assert page.read_text().count("\n## ") == 2


def test_weights_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    found = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        write_method_weights(choose_method("basicvsr"), tmp_path / name)
        found.append((tmp_path / name / "basicvsr-reds4.untrained.pth").read_bytes())
    assert found[0] == found[1]


def test_longer_clips_begin_with_shorter_ones() -> None:
    short, long = method_speed.drifting(2, 16).read(0, 2), method_speed.drifting(4, 16).read(0, 2)
    np.testing.assert_array_equal(short, long)
    assert not np.array_equal(short[0], short[1])


def test_psnr_of_clips() -> None:
    black = np.zeros((2, 4, 4, 3), np.uint8)
    assert method_speed.psnr(black, black) == float("inf")
    assert method_speed.psnr(black, black + np.uint8(255)) == pytest.approx(0.0)
    assert method_speed.psnr(black, black + np.uint8(1)) == pytest.approx(48.1308, abs=1e-4)


def test_unknown_method_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="no method could be measured"):
        method_speed.main(["--methods", "bicubicc", "--lengths", "1"])
    assert "bicubic" in capsys.readouterr().err
