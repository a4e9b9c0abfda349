"""Outputs that are smaller or shorter than their ground truth: refused with both
numbers, cropped on request."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import vfsrbench as vb
from tests.vfsrbench.metrics import clips
from vfsrbench.board import Board, DatasetUse, ScoreBoard
from vfsrbench.cli.main import run
from vfsrbench.datasets.crop import Crop, crop_to, cropped, cropped_truth
from vfsrbench.errors import InputError
from vfsrbench.io.clip import Clip
from vfsrbench.metric import Frames, TruthInfo

FRAMES, SIDE = 6, 96


@pytest.fixture
def gt() -> Frames:
    return clips.moving(FRAMES, SIDE)


def _made(gt: Frames, frames: int = FRAMES, height: int = SIDE, width: int = SIDE) -> Frames:
    return np.clip(gt[:frames, :height, :width].astype(int) + 3, 0, 255).astype(np.uint8)


def _write(frames: Frames, place: Path) -> Path:
    Clip.from_array(frames, place.name).write(place)
    return place


@pytest.fixture
def folders(gt: Frames, tmp_path: Path) -> dict[str, Path]:
    """A data set of two clips, and outputs by name: whole ones, smaller and shorter ones, larger ones."""
    _write(gt, tmp_path / "gt" / "one")
    _write(gt[:, ::-1], tmp_path / "gt" / "two")
    for name, sizes in {"whole": {}, "small": {"height": 90}, "short": {"frames": 5, "width": 88}}.items():
        _write(_made(gt, **sizes), tmp_path / name / "one")
        _write(_made(gt[:, ::-1]), tmp_path / name / "two")
    _write(np.pad(_made(gt), ((0, 0), (0, 4), (0, 0), (0, 0))), tmp_path / "large" / "one")
    _write(_made(gt[:, ::-1]), tmp_path / "large" / "two")
    return {name: tmp_path / name for name in ("gt", "whole", "small", "short", "large")}


def _board(gt: Path, metrics: tuple[str, ...] = ("psnr", "ssim")) -> Board:
    base = Board(
        name="crop",
        title="Crop",
        version=1,
        dataset=DatasetUse(layout="folder", path=str(gt)),
        splits=("outputs",),
        methods=("any",),
        metrics=metrics,
    )
    return ScoreBoard.of(base)


# --- the part that is kept -----------------------------------------------------------------------------


def test_the_top_left_and_the_first_frames_are_kept(gt: Frames) -> None:
    whole = Clip.from_array(gt, "one")
    crop = crop_to(Clip.from_array(_made(gt, 5, 90, 88)), whole, "outputs")
    assert crop == Crop(5, 90, 88, f"{FRAMES} frames of {SIDE}x{SIDE}")
    assert np.array_equal(cropped(whole, crop).array(), gt[:5, :90, :88])
    assert crop_to(whole, whole, "outputs") is None
    with pytest.raises(InputError, match=r"6 frames of 100x96, the .* has 6 frames of 96x96.*larger"):
        crop_to(Clip.from_array(np.zeros((6, 96, 100, 3), np.uint8)), whole, "outputs")
    with pytest.raises(InputError, match=r"7 frames of 88x96, the .* has 6 frames of 96x96.*longer"):
        crop_to(Clip.from_array(np.zeros((7, 96, 88, 3), np.uint8)), whole, "outputs")


def test_what_is_known_of_the_ground_truth_is_cut_alike(gt: Frames) -> None:
    points = np.arange(FRAMES * 10, dtype=float).reshape(FRAMES, 5, 2)
    info = TruthInfo("one", "digest", FRAMES, landmarks=points, exact_flow=lambda a, b: _flow())
    crop = Crop(5, 90, 88, "more")
    part, known = cropped_truth(Clip.from_array(gt), info, crop)
    assert (len(part), known.total, known.landmarks.shape) == (5, 5, (5, 5, 2))  # type: ignore[union-attr]
    assert np.array_equal(known.landmarks, points[:5])  # type: ignore[arg-type]
    vectors, valid = known.exact_flow(0, 1)  # type: ignore[misc]
    assert np.array_equal(vectors, _flow()[0][:, :90, :88]) and valid.shape == (90, 88)
    assert known.digest not in (
        "digest",
        cropped_truth(Clip.from_array(gt), info, Crop(5, 90, 87, ""))[1].digest,
    )


def _flow() -> tuple[np.ndarray, np.ndarray]:
    return np.arange(2 * SIDE * SIDE, dtype=np.float32).reshape(2, SIDE, SIDE), np.ones((SIDE, SIDE), bool)


# --- Python --------------------------------------------------------------------------------------------


def test_scores_in_python(gt: Frames) -> None:
    short = _made(gt, 5, 90, 88)
    with pytest.raises(InputError, match="restored has 5 frames, gt has 6"):
        vb.score(short, gt, metrics=["psnr"])
    with pytest.raises(InputError, match="restored is 88x90, gt is 96x96"):
        vb.score(short, gt[:5], metrics=["psnr"])
    table = vb.score(short, gt, metrics=["psnr", "ssim"], crop_gt=True)
    want = vb.score(short, gt[:5, :90, :88], metrics=["psnr", "ssim"])
    assert table.equals(want) and len(table) == 5
    assert table.attrs["clip"] == want.attrs["clip"]
    assert table.attrs["cropped"] == "5 frames of 88x90, top left, of 6 frames of 96x96"
    assert want.attrs["cropped"] == ""
    with pytest.raises(InputError, match="larger or longer"):
        vb.score(gt, gt[:, :90], metrics=["psnr"], crop_gt=True)


def test_one_metric_as_a_function(gt: Frames) -> None:
    short = _made(gt, height=90)
    assert vb.metric("psnr", crop_gt=True)(short, gt) == vb.metric("psnr")(short, gt[:, :90])
    for name in ("psnr", "ssim"):
        with pytest.raises(InputError, match=r"96x90.*96x96"):
            vb.metric(name)(short, gt)


def test_lists_say_by_clip_what_was_cut(gt: Frames) -> None:
    pairs = [Clip.from_array(_made(gt, 5), "one"), Clip.from_array(_made(gt), "two")]
    truths = [Clip.from_array(gt, "one"), Clip.from_array(gt, "two")]
    table = vb.score(pairs, truths, metrics=["psnr"], crop_gt=True)
    assert table.attrs["cropped"] == {"one": "5 frames of 96x96, top left, of 6 frames of 96x96", "two": ""}
    assert len(table) == 11


# --- boards and verbs ----------------------------------------------------------------------------------


def test_runs_refuse_with_both_numbers_and_crop_on_request(folders: dict[str, Path], tmp_path: Path) -> None:
    board, outputs = _board(folders["gt"]), {n: folders[n] for n in ("whole", "small", "short")}
    summary = vb.run_board(board, tmp_path / "w", engine="serial", outputs=outputs)
    reasons = {(r.method, r.clip): r.reason for r in summary.records.values() if r.status != "ok"}
    assert set(reasons) == {("small", "one"), ("short", "one")}
    assert "is 96x90, its ground truth is 96x96" in reasons["small", "one"]
    assert "has 5 frames, its ground truth has 6" in reasons["short", "one"]

    again = vb.run_board(board, tmp_path / "w", engine="serial", outputs=outputs, crop_gt=True)
    records = {(r.method, r.clip): r for r in again.records.values()}
    assert {r.status for r in records.values()} == {"ok"}
    small, short, whole = (records[name, "one"] for name in ("small", "short", "whole"))
    assert small.cropped == "6 frames of 96x90, top left, of 6 frames of 96x96"
    assert (short.frames, short.height, short.width) == (5, 96, 88) and not whole.cropped
    assert not records["small", "two"].cropped and small.gt_digest == whole.gt_digest
    gt, made = (Clip.open(folders[name] / "one").array() for name in ("gt", "short"))
    assert short.clip_values["psnr"] == vb.metric("psnr")(made, gt[:5, :, :88])
    assert small.guard and not small.findings

    cells = vb.report(board, tmp_path / "w", tmp_path / "report", outputs=outputs, site=True)
    rows = {row.method: row for row in cells.tables[0].rows}
    assert rows["small"].cropped == small.cropped and not rows["whole"].cropped
    text = (tmp_path / "report" / "leaderboard.md").read_text()
    assert "small (ground truth cropped)" in text and "whole (ground" not in text
    assert "--crop-gt cut the ground truth to its outputs in 1 of 2 clips" in text
    csv = (tmp_path / "report" / "leaderboard.csv").read_text()
    assert "gt_cropped" in csv.splitlines()[0] and small.cropped.split(",")[0] in csv


def test_the_part_is_in_the_key(folders: dict[str, Path], tmp_path: Path) -> None:
    """The same outputs against a ground truth that has their size give another key than against a part."""
    gt = Clip.open(folders["gt"] / "one").array()
    _write(gt[:, :90], tmp_path / "gt90" / "one")
    _write(gt[:, ::-1], tmp_path / "gt90" / "two")
    keys = []
    for place, more in ((folders["gt"], {"crop_gt": True}), (tmp_path / "gt90", {})):
        done = vb.run_board(
            _board(place, ("psnr",)),
            tmp_path / "w",
            engine="serial",
            outputs={"small": folders["small"]},
            **more,
        )
        keys.append({r.clip: (r.key, r.clip_values["psnr"]) for r in done.records.values()})
    assert keys[0]["one"][0] != keys[1]["one"][0] and keys[0]["one"][1] == keys[1]["one"][1]
    assert keys[0]["two"] == keys[1]["two"]


def test_boards_that_align_and_larger_outputs_are_refused(folders: dict[str, Path], tmp_path: Path) -> None:
    board = _board(folders["gt"])
    aligned = board.replace(dataset=board.dataset.replace(align=True))
    with pytest.raises(InputError, match="aligns its clips"):
        vb.run_board(aligned, tmp_path / "w", engine="serial", outputs={"a": folders["small"]}, crop_gt=True)
    summary = vb.run_board(
        board, tmp_path / "w", engine="serial", outputs={"a": folders["large"]}, crop_gt=True
    )
    reason = next(r.reason for r in summary.records.values() if r.status != "ok")
    assert "6 frames of 96x100, the ground truth has 6 frames of 96x96" in reason


def test_the_verbs(folders: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*arguments: str) -> tuple[int, str]:
        code = run(list(arguments))
        shown = capsys.readouterr()
        return code, " ".join((shown.out + shown.err).split())

    data = ("--dataset", str(folders["gt"]), "--layout", "folder")
    code, text = said("check-outputs", f"a={folders['small']}", *data)
    assert code == 3 and "is 96x90, its ground truth is 96x96" in text
    code, text = said("check-outputs", f"a={folders['small']}", *data, "--crop-gt")
    assert code == 0 and "nothing off; against the ground truth's 6 frames of 96x90, top left" in text
    more = ("--workspace", str(tmp_path / "w"), "--engine", "serial", "--metric", "psnr")
    code, text = said("score", "--outputs", f"a={folders['short']}", *data, *more)
    assert code == 3 and "has 5 frames, its ground truth has 6" in text
    code, text = said("score", "--outputs", f"a={folders['short']}", *data, *more, "--crop-gt")
    assert code == 0 and "a (ground truth cropped)" in text
    code, text = said("import", "svfr", str(folders["small"]), "--out", str(tmp_path / "taken"), *data)
    assert code == 2 and "90 rows where 96 are to be scored" in text
