"""What is wrong with one clip costs that clip alone; frames that change under a run are noticed."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.vfsrbench.boards import data_set, method_folder, moving, scores, small_board, write_clip
from tests.vfsrbench.runs.recording import run
from vfsrbench.errors import DiskError, InputError

CLIPS = ("one", "two", "three")


def outcome(summary) -> dict[str, str]:
    return {job.clip: record.status for job, record in summary.records.items()}


def reason(summary, clip: str) -> str:
    return next(record.reason for job, record in summary.records.items() if job.clip == clip)


def pairs(root: Path) -> Path:
    for index, name in enumerate(CLIPS):
        frames = moving(6, seed=index)
        write_clip(root / "GT" / name, frames)
        write_clip(root / "LQ" / name, frames[:, ::4, ::4])
    return root


def pair_board(root: Path, method: str, **more: object):
    return small_board(
        root,
        [method],
        splits=["LQ"],
        dataset={"layout": "pairs", "path": str(root)},
        metrics=["psnr"],
        **more,
    )


@pytest.mark.parametrize("frame", [0, 3])
@pytest.mark.parametrize("side", ["GT", "LQ"])
def test_a_damaged_frame_fails_its_clip_and_mending_it_makes_it_due(tmp_path: Path, side: str, frame: int):
    root, method = pairs(tmp_path / "pairs"), method_folder(tmp_path, "m")
    picture = root / side / "two" / f"{frame:08d}.png"
    whole = picture.read_bytes()
    picture.write_bytes(whole[:20])
    summary, _ = run(pair_board(root, method), tmp_path / "w")
    assert outcome(summary) == {"one": "ok", "two": "failed", "three": "ok"} and summary.exit_code == 3
    assert picture.name in reason(summary, "two") and "\n" not in reason(summary, "two")
    again, listener = run(pair_board(root, method), tmp_path / "w")
    assert not listener.ends and again.counts == {"ok": 2, "failed": 1}
    picture.write_bytes(whole)
    mended, listener = run(pair_board(root, method), tmp_path / "w")
    assert mended.counts == {"ok": 3} and [end.job.clip for end in listener.ends] == ["two"]


def test_a_clip_whose_size_a_split_refuses_fails_on_that_split_alone(tmp_path: Path):
    data = data_set(tmp_path / "data", ["one"])
    write_clip(data / "odd", moving(4, side=36))  # a multiple of 4, not of 8
    summary, _ = run(small_board(data, [method_folder(tmp_path, "m")]), tmp_path / "w")
    found = {(job.clip, job.split): record for job, record in summary.records.items()}
    assert {place: r.status for place, r in found.items()} == {
        ("one", "bi-x4"): "ok",
        ("one", "bi-x8"): "ok",
        ("odd", "bi-x4"): "ok",
        ("odd", "bi-x8"): "failed",
    }
    assert "36x36" in found["odd", "bi-x8"].reason


def test_stored_results_of_one_clip_that_are_missing_or_damaged_fail_that_clip(tmp_path: Path):
    data = data_set(tmp_path / "data", CLIPS)
    theirs = tmp_path / "theirs"
    shutil.copytree(data, theirs)
    shutil.rmtree(theirs / "two")
    (theirs / "three" / "00000002.png").write_bytes(b"\x89PNG")
    board = small_board(data, [method_folder(tmp_path, "m")], splits=["bi-x4"], metrics=["psnr"])
    summary, _ = run(board, tmp_path / "w", outputs={"x": theirs})
    found = {(job.method, job.clip): r for job, r in summary.records.items()}
    assert [found["m", clip].status for clip in CLIPS] == ["ok"] * 3
    assert [found["x", clip].status for clip in CLIPS] == ["ok", "failed", "failed"]
    assert "no output for clip 'two'" in found["x", "two"].reason
    assert "00000002.png" in found["x", "three"].reason


def test_what_is_wrong_with_every_clip_is_the_boards_affair(tmp_path: Path):
    root = pairs(tmp_path / "pairs")
    for clip in CLIPS:
        (root / "LQ" / clip / "00000001.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"00000001\.png"):
        run(pair_board(root, method_folder(tmp_path, "m")), tmp_path / "w")


def test_a_size_that_the_encoder_refuses_fails_its_clip_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """No size is too large for FFV1 that fits a test, so the encoder's answer is given for it."""
    from vfsrbench.io import clip as clips

    data, write = data_set(tmp_path / "data", CLIPS), clips.write_video

    def refuses(path, frames, fps, *more):
        if path.stem == "two":
            raise InputError(f"{path}: cannot be written: frames of 32x32 are refused")
        write(path, frames, fps, *more)

    monkeypatch.setattr(clips, "write_video", refuses)
    board = small_board(data, [method_folder(tmp_path, "m")], splits=["bi-x4"], metrics=["psnr"])
    summary, _ = run(board, tmp_path / "w", keep="video")
    assert outcome(summary) == {"one": "ok", "two": "failed", "three": "ok"}


def test_only_the_disk_is_fatal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    from vfsrbench.io import clip as clips

    def full(path, frames, fps, *more):
        raise DiskError(f"{path}: cannot be written: No space left on device")

    monkeypatch.setattr(clips, "write_video", full)
    data = data_set(tmp_path / "data", CLIPS)
    board = small_board(data, [method_folder(tmp_path, "m")], splits=["bi-x4"], metrics=["psnr"])
    with pytest.raises(InputError, match="No space left"):
        run(board, tmp_path / "w", keep="video")
    assert not scores(tmp_path / "w")


def changing(tmp_path: Path, picture: Path, clip: str) -> str:
    """A method that, at work on one clip, changes a picture that was looked at when the run was planned."""
    write_clip(tmp_path / "other", np.full((1, 32, 32, 3), 200, np.uint8))
    source = str(tmp_path / "other" / "00000000.png")
    act = f"self.clip.name == {clip!r} and Path({str(picture)!r}).write_bytes(Path({source!r}).read_bytes())"
    return method_folder(tmp_path, "m", act)


@pytest.mark.parametrize("what", ["the ground truth", "stored"])
def test_frames_that_change_while_the_run_goes_on_fail_the_job(tmp_path: Path, what: str):
    data = data_set(tmp_path / "data", CLIPS)
    theirs = tmp_path / "theirs"
    shutil.copytree(data, theirs)
    place = data if what == "the ground truth" else theirs
    method = changing(tmp_path, place / "two" / "00000004.png", "two")
    board = small_board(data, [method], splits=["bi-x4"], metrics=["psnr"])
    summary, _ = run(board, tmp_path / "w", outputs={"x": theirs})
    found = {(job.method, job.clip): r for job, r in summary.records.items()}
    changed = ["x"] if what == "stored" else ["m", "x"]
    for (name, clip), record in found.items():
        assert record.status == ("failed" if clip == "two" and name in changed else "ok")
        assert record.status == "ok" or "changed while the run was going on" in record.reason
    # what was written before is nothing to go on with: the next run looks at the frames anew
    again, _ = run(board, tmp_path / "w", outputs={"x": theirs})
    assert again.counts == {"ok": 6}


def test_a_degraded_clip_of_a_changed_ground_truth_is_not_kept(tmp_path: Path):
    from degradations.recipe import load_recipe
    from vfsrbench.io.clip import Clip
    from vfsrbench.splits.degraded import Degradation, degrade_clip

    data = data_set(tmp_path / "data", ["one"])
    clip = Clip.open(data / "one")
    with pytest.raises(InputError, match="changed while the run was going on"):
        degrade_clip(Degradation(load_recipe("bi-x4"), clip, "0" * 64, 0), tmp_path / "lq")
    assert not (tmp_path / "lq").exists()
    assert degrade_clip(Degradation(load_recipe("bi-x4"), clip, clip.digest(), 0), tmp_path / "lq").digest
