"""Jumps, levels, persons, speed, grids: each drawn from results whose answer is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from reports import build_report
from reports.figures import grids, jumps, overview, persons, style
from reports.inputs.frames import Frames
from reports.inputs.results import Grid, read_results
from reports.tables.leaderboard import Sources, build_tables, column
from tests.reports import synthetic
from vfsrbench.board import DatasetUse
from vfsrbench.results.workspace import Workspace

PSNR = column("psnr", synthetic.CARDS["psnr"])


def test_the_worst_jump_is_the_largest_change_within_reach() -> None:
    steady = np.linspace(0.7, 0.75, 30)
    jumpy = steady.copy()
    jumpy[12:] -= 0.08
    jumpy[14:] -= 0.1  # 0.18 within three frames
    found = jumps.worst_jump({"steady": steady, "jumpy": jumpy})
    assert found is not None and found.method == "jumpy"
    assert found.first <= 11 and found.last >= 14 and found.last - found.first <= jumps.REACH
    assert found.size == pytest.approx(abs(jumpy[found.last] - jumpy[found.first]))


def test_jumps_skip_gaps_and_may_not_exist() -> None:
    holed = np.array([0.5, np.nan, 0.9, np.nan, np.nan])
    found = jumps.worst_jump({"m": holed})
    assert found == jumps.Jump("m", 0, 2, pytest.approx(0.4))
    assert jumps.worst_jump({"m": np.array([0.5]), "n": np.array([np.nan, 1.0])}) is None


def test_of_equal_jumps_the_shortest_counts() -> None:
    found = jumps.worst_jump({"m": np.array([0.0, 0.0, 1.0, 1.0, 1.0])})
    assert found is not None and (found.first, found.last) == (1, 2)


@pytest.mark.parametrize(
    ("clip", "person"),
    [
        ("id10270+5r0dWxy17C8+00001", "id10270"),
        ("03-01-05-02-01-01-24", "24"),
        ("Clip+-1Jouc19Ixo+P0+C1+F4196-4320", "-1Jouc19Ixo+P0"),
        ("Clip+a+b+P12+C0+F1-2", "a+b+P12"),
        ("talking", "talking"),
        ("invalid1234", "invalid1234"),
    ],
)
def test_persons_are_told_from_names(clip: str, person: str) -> None:
    assert persons.person_of(clip) == person


def test_scores_by_person_are_means_over_their_clips_hardest_first(tmp_path: Path) -> None:
    levels = {"id0001+a": 30.0, "id0001+b": 20.0, "id0002+a": 22.0}
    for clip, level in levels.items():
        values = {"psnr": np.full(3, level)}
        synthetic.write_result(tmp_path, "bicubic", "vfhq-mild", clip, frames=3, values=values)
    results, _ = read_results([tmp_path])
    found = persons.by_person(Grid.of(results, "vfhq-mild", ["bicubic"], list(levels)), "psnr", ["bicubic"])
    assert found.persons == ("id0002", "id0001")
    assert found.values["bicubic"].tolist() == [22.0, 25.0]


def test_a_person_with_a_missing_clip_has_no_mean(tmp_path: Path) -> None:
    for method in ("bicubic", "lanczos"):
        for clip in ("id0001+a", "id0001+b", "id0002+a"):
            if (method, clip) != ("lanczos", "id0001+b"):
                synthetic.write_result(tmp_path, method, "vfhq-mild", clip)
    results, _ = read_results([tmp_path])
    clips = ["id0001+a", "id0001+b", "id0002+a"]
    methods = ["bicubic", "lanczos"]
    found = persons.by_person(Grid.of(results, "vfhq-mild", methods, clips), "psnr", methods)
    values = dict(zip(found.persons, found.values["lanczos"], strict=True))
    assert np.isnan(values["id0001"]) and np.isfinite(values["id0002"])


def test_the_front_holds_methods_that_none_beats_in_both() -> None:
    points = {"slow-best": (1.0, 30.0), "beaten": (2.0, 25.0), "middle": (5.0, 28.0), "fast": (50.0, 20.0)}
    assert overview.best_of_both(points, "higher") == ["slow-best", "middle", "fast"]
    lower = {m: (x, -y) for m, (x, y) in points.items()}
    assert overview.best_of_both(lower, "lower") == ["slow-best", "middle", "fast"]


def test_levels_draw_every_method_and_leave_reference_rows_out(tmp_path: Path) -> None:
    results, _ = read_results([synthetic.write_board(tmp_path)])
    sources = Sources(cards=synthetic.CARDS, reference_rows=frozenset({"oracle"}))
    tables = build_tables(synthetic.board(), results, sources, resamples=300)
    looks = style.looks([*synthetic.LEVEL], ["oracle"])
    files = overview.draw_levels(tables, ["psnr"], looks, tmp_path / "levels", ("png",))
    pixels = np.asarray(Image.open(files[0]).convert("RGB")).reshape(-1, 3).astype(int)
    for method in ("bicubic", "nearest", "lanczos"):
        colour = [int(looks[method].colour[i : i + 2], 16) for i in (1, 3, 5)]
        assert (np.abs(pixels - colour).max(axis=1) < 12).sum() > 60, method
    assert overview.draw_levels(tables[:1], ["psnr"], looks, tmp_path / "one", ("png",)) == []


def test_the_detail_is_where_pictures_differ() -> None:
    base = np.full((100, 120, 3), 100, np.uint8)
    other = base.copy()
    other[60:70, 70:80] = 200
    left, top, side = grids.telling_box([base, other])
    assert side == 20 and left <= 70 and left + side >= 80 and top <= 60 and top + side >= 70
    small = base[::4, ::4]
    assert np.array_equal(grids.enlarge(other[::4, ::4], 100, 120)[61, 71], other[60, 68])
    assert grids.enlarge(small, 100, 120).shape == base.shape


def test_grids_with_missing_pictures_still_stand(tmp_path: Path) -> None:
    red = np.full((64, 64, 3), (200, 20, 20), np.uint8)
    rows = [grids.GridRow("a", {"One": red, "Two": red // 2}), grids.GridRow("b", {"One": red})]
    files = grids.draw_grid(rows, tmp_path / "grid", ("png",))
    pixels = np.asarray(Image.open(files[0]).convert("RGB")).astype(int)
    found = (np.abs(pixels - (200, 20, 20)).max(axis=2) < 6).mean()
    assert 0.3 < found < 0.7, "two full cells and their details of four"
    assert grids.draw_grid([], tmp_path / "none") == []


@pytest.fixture
def kept_workspace(tmp_path: Path) -> Path:
    synthetic.write_board(tmp_path / "results")
    synthetic.write_strips(tmp_path)
    synthetic.write_frames(tmp_path, tmp_path / "data")
    return tmp_path


def test_frames_are_found_again_by_the_record(kept_workspace: Path) -> None:
    frames = Frames(Workspace(kept_workspace), DatasetUse(layout="folder", path=str(kept_workspace / "data")))
    record = synthetic.records(kept_workspace)[0]
    for found, digest in (
        (frames.truth(record), record.gt_digest),
        (frames.degraded(record), record.lq_digest),
        (frames.restored(record), record.restored_digest),
    ):
        assert found is not None and found.digest() == digest
    other = record.model_copy(update={"restored_digest": "0" * 64})
    assert frames.restored(other) is None, "frames of another restoration are not this one's"
    nowhere = Frames(Workspace(kept_workspace), DatasetUse(layout="folder", path="/nowhere"))
    assert nowhere.truth(record) is None and nowhere.restored(record) is not None


def test_what_is_not_shown_any_more_has_a_reason(kept_workspace: Path) -> None:
    record = synthetic.records(kept_workspace)[0]
    data = kept_workspace / "data"

    def said() -> list[str]:
        frames = Frames(Workspace(kept_workspace), DatasetUse(layout="folder", path=str(data)))
        assert frames.truth(record) is None and frames.losses is not None
        return frames.losses.lines

    last = max((data / record.clip).iterdir())
    last.rename(kept_workspace / "last.png")
    assert said() == [
        f"no frames of {record.clip} are shown: it has {record.frames - 1} now, {record.frames} then"
    ]
    (data / record.clip).rename(data / "renamed")
    assert said() == [f"no frames of {record.clip} are shown: the data set does not have it any more"]
    data.rename(kept_workspace / "gone")
    (line,) = said()
    assert line.startswith("no frames of the data set are shown: ")


def test_a_board_that_wants_every_figure_gets_them(kept_workspace: Path) -> None:
    wanted = {
        "curves": ["psnr"],
        "averages": ["ssim"],
        "jumps": ["psnr"],
        "levels": ["psnr", "ssim"],
        "persons": ["psnr"],
        "speed": ["psnr"],
        "grids": 2,
    }
    board = synthetic.board(
        figures=wanted, dataset={"layout": "folder", "path": str(kept_workspace / "data")}
    )
    report = build_report(board, kept_workspace, kept_workspace / "out", formats=("png",))
    names = {p.name for p in report.files if p.suffix == ".png"}
    kinds = {n.split("-")[0].removesuffix(".png") for n in names}
    assert kinds == {"curves", "averages", "jump", "levels", "persons", "speed", "slices", "grid"}
    text = report.index.read_text()
    assert "Worst jump" in text and "Over all levels" in text and "Frames and details" in text
    wide, high = Image.open(kept_workspace / "out" / "figures" / "jump-vfhq-mild-psnr.png").size
    assert wide > 1.5 * high, "the two frames stand beside the curve"
