"""A board from start to end: every job ends in a record, a failure costs itself, done work stays done."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.vfsrbench.boards import method_folder, moving, scores, small_board, write_clip
from tests.vfsrbench.runs.recording import contents, run
from vfsrbench.errors import DiskError, InputError
from vfsrbench.io.clip import Clip
from vfsrbench.io.raw import RawWriter
from vfsrbench.results.board_note import protocols
from vfsrbench.results.store import read_result
from vfsrbench.results.workspace import Workspace


def test_every_job_has_a_record_that_says_all_about_it(tmp_path: Path, data: Path):
    board = small_board(data, [method_folder(tmp_path, "m")], seed=7)
    summary, listener = run(board, tmp_path / "w")
    assert summary.counts == {"ok": 4} and summary.exit_code == 0 and len(listener.ends) == 4
    record = next(r for j, r in summary.records.items() if (j.split, j.clip) == ("bi-x8", "two"))
    assert (record.frames, record.height, record.width, record.seed) == (11, 32, 32, 7)
    assert record.gt_digest == Clip.open(data / "two").digest()
    assert record.split_status in {"official", "extrapolated"} and len(record.recipe_digest) == 64
    assert record.metrics == {"psnr": 1, "ewarp_dis": 2} and 5 < record.clip_values["psnr"] < 60
    assert record.restore_seconds > 0 and record.peak_memory >= 0 and record.window == 11
    assert record.device.startswith(("CPU", "NVIDIA")) and {"torch", "numpy", "vfsrbench"} <= set(
        record.versions
    )
    assert record.method_licence == "MIT" and record.parameters is None and not record.demo
    path = Workspace(tmp_path / "w").store.path("bi-x8", "m", "two", record.key)
    frames = read_result(path)
    assert list(frames.frame_names) == [f"{t:08d}" for t in range(11)]
    assert np.isnan(frames.values["ewarp_dis"][0]) and np.isfinite(frames.values["psnr"]).all()
    assert record.clip_values["psnr"] == frames.values["psnr"].mean()
    (protocol,) = protocols(Workspace(tmp_path / "w"), "small")
    assert len(protocol.keys) == 4 and protocol.clips["two"] == record.gt_digest


def test_a_second_run_does_nothing_and_force_gives_the_same_again(tmp_path: Path, data: Path):
    board = small_board(data, [method_folder(tmp_path, "m")])
    run(board, tmp_path / "w")
    first, files = scores(tmp_path / "w"), contents(tmp_path / "w" / "results")
    assert len(first) == 4
    assert not run(board, tmp_path / "w")[1].ends and contents(tmp_path / "w" / "results") == files
    assert len(run(board, tmp_path / "w", force=True)[1].ends) == 4
    assert contents(tmp_path / "w" / "results") != files and scores(tmp_path / "w") == first


def test_only_what_a_change_touches_is_done_again(tmp_path: Path, data: Path):
    one, other = method_folder(tmp_path, "one"), method_folder(tmp_path, "other", mode="nearest")
    run(small_board(data, [one]), tmp_path / "w")

    def ends(board) -> list[tuple[str, str, str]]:
        return sorted((e.job.method, e.job.split, e.job.clip) for e in run(board, tmp_path / "w")[1].ends)

    assert [e[0] for e in ends(small_board(data, [one, other]))] == ["other"] * 4
    assert [e[:2] for e in ends(small_board(data, [one], splits=["bi-x4", "bi-x16"]))] == [
        ("one", "bi-x16")
    ] * 2
    assert len(ends(small_board(data, [one], seed=1))) == 4
    assert ends(small_board(data, [one], metrics=["psnr"])) == [], "fewer metrics are there already"
    assert ends(small_board(data, [one])) == [], "the earlier results are still there"
    write_clip(data / "three", moving(4, seed=9))
    assert ends(small_board(data, [one])) == [("one", "bi-x4", "three"), ("one", "bi-x8", "three")]
    code = Path(other) / "code.py"
    code.write_text(code.read_text().replace("nearest", "bicubic"))
    assert [e[0] for e in ends(small_board(data, [one, other]))] == ["other"] * 6


BAD = {
    "raises": "raise KeyError('layer3')",
    "nan": "out = out * float('nan')",
    "shape": "out = out[:, :, 1:]",
    "short": "out = out[:-1]",
    "quits": "raise SystemExit(3)",
}
REASONS = {
    "raises": "KeyError: 'layer3'",
    "nan": "NaN",
    "shape": "shape",
    "short": "frames for the",
    "quits": "SystemExit",
    "broken": "cannot be imported",
    "hungry": "out of memory",
    "weighty": "no-such-checkpoint",
    "times8": "enlarges by 8, this split needs 4",
}


def test_methods_that_fail_are_recorded_with_their_reason_and_the_others_go_on(tmp_path: Path, data: Path):
    folders = [method_folder(tmp_path, name, act) for name, act in BAD.items()]
    folders.append(method_folder(tmp_path, "hungry", "raise torch.cuda.OutOfMemoryError('CUDA')"))
    folders.append(method_folder(tmp_path, "weighty", more='[[weights]]\nname = "no-such-checkpoint"'))
    folders.append(method_folder(tmp_path, "times8", more="scale = 8"))
    folders.append(method_folder(tmp_path, "broken"))
    (tmp_path / "broken" / "code.py").write_text("import no_such_module")
    folders.append(method_folder(tmp_path, "good"))
    board = small_board(data, folders, splits=["bi-x4"], metrics=["psnr"])
    summary, _ = run(board, tmp_path / "w")
    assert summary.exit_code == 3 and summary.log.is_file()
    found = {job.method: record for job, record in summary.records.items()}
    assert {m: r.status for m, r in found.items()} == {
        **dict.fromkeys([*BAD, "broken"], "failed"),
        "hungry": "oom",
        "weighty": "skipped",
        "times8": "skipped",
        "good": "ok",
    }
    for method, reason in REASONS.items():
        assert reason in found[method].reason and "\n" not in found[method].reason
    assert len(summary.problems) == 18 and "layer3" in summary.log.read_text()


def test_failed_jobs_wait_for_retry_failed(tmp_path: Path, data: Path):
    marker = tmp_path / "fixed"
    act = f"if not Path({str(marker)!r}).exists(): raise OSError('no GPU today')"
    board = small_board(data, [method_folder(tmp_path, "m", act), method_folder(tmp_path, "n")])
    assert run(board, tmp_path / "w")[0].counts == {"failed": 4, "ok": 4}
    marker.touch()
    again, listener = run(board, tmp_path / "w")
    assert again.exit_code == 3 and not listener.ends
    mended, listener = run(board, tmp_path / "w", retry_failed=True)
    assert mended.counts == {"ok": 8} and {e.job.method for e in listener.ends} == {"m"}


def test_a_metric_that_raises_is_a_hole_and_an_exit_code(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
):
    from vfsrbench.metrics.warping import WarpingError

    board = small_board(data, [method_folder(tmp_path, "m")], splits=["bi-x4"])
    with monkeypatch.context() as patch:
        patch.setattr(WarpingError, "prepare", lambda self, truth: 1 / 0)
        summary, _ = run(board, tmp_path / "w")
    assert summary.counts == {"ok": 2} and summary.exit_code == 3
    assert all("ZeroDivisionError" in why for _, why in summary.problems)
    record = next(iter(summary.records.values()))
    assert set(record.clip_values) == {"psnr"} and record.broken == ["ewarp_dis"]
    assert not run(board, tmp_path / "w")[1].ends
    assert run(board, tmp_path / "w", retry_failed=True)[0].exit_code == 0


def test_the_ground_truth_is_restored_once_for_all_splits(tmp_path: Path, data: Path):
    method = method_folder(tmp_path, "copy", more='source = "gt"')
    summary, listener = run(small_board(data, [method]), tmp_path / "w")
    assert summary.counts == {"ok": 4}
    assert sum(step == "restoring" for _, step in listener.steps) == 2, "once a clip"
    assert all(r.clip_values["psnr"] == 100.0 for r in summary.records.values())
    assert not (tmp_path / "w" / "splits").exists(), "nothing had to be degraded"


def test_restored_frames_are_kept_and_spare_the_method_when_scores_are_due_again(tmp_path: Path, data: Path):
    count = tmp_path / "count"
    count.write_text("")
    act = f"open({str(count)!r}, 'a').write('x')"
    board = small_board(data, [method_folder(tmp_path, "m", act)], splits=["bi-x4"])
    first, _ = run(board, tmp_path / "w", keep="png")
    assert len(count.read_text()) == 2
    folder = tmp_path / "w" / "restored" / "bi-x4" / "m"
    for job, record in first.records.items():
        assert Clip.open(folder / job.clip).digest() == record.restored_digest
        assert sorted(p.name for p in (folder / job.clip).glob("*.png"))[0] == "00000000.png"
    more = small_board(data, board.methods, splits=["bi-x4"], metrics=["psnr", "ssim"])
    second, _ = run(more, tmp_path / "w")
    assert len(count.read_text()) == 2 and second.counts == {"ok": 2}
    for job, record in second.records.items():
        before = next(r for j, r in first.records.items() if j.clip == job.clip)
        assert record.restored_digest == before.restored_digest
        assert record.clip_values["psnr"] == before.clip_values["psnr"]
    (folder / "one" / "00000003.png").unlink()
    run(more, tmp_path / "w", force=False, keep="video")
    assert len(count.read_text()) == 3, "the damaged clip was restored again, the other one reused"
    assert Clip.open(folder / "two.mkv").digest() == next(
        r.restored_digest for j, r in second.records.items() if j.clip == "two"
    )
    assert not (folder / "two").exists()


def test_a_full_disk_is_noticed_before_the_work(tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(Workspace, "free_bytes", lambda self: 100_000)
    with pytest.raises(InputError, match=r"needs up to .* of disk, 0\.1 MiB are free"):
        run(small_board(data, [method_folder(tmp_path, "m")]), tmp_path / "w")
    file = tmp_path / "file"
    file.touch()
    for place in (file, file / "w"):
        with pytest.raises(InputError, match="--workspace"):
            run(small_board(data, [str(tmp_path / "m")]), place)


def test_a_disk_that_fills_up_while_working_stops_the_run_and_the_next_one_goes_on(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
):
    folders = [method_folder(tmp_path, name) for name in ("a", "b")]
    board = small_board(data, folders, splits=["bi-x4"])
    calls: list[int] = []
    write = RawWriter.write

    def fill(self, frames):
        calls.append(len(frames))
        if len(calls) == 5:  # both ground truths are kept, the first clip is done with both methods
            raise DiskError(f"{self.path.parent}: cannot be written (No space left on device)")
        write(self, frames)

    with monkeypatch.context() as patch:
        patch.setattr(RawWriter, "write", fill)
        with pytest.raises(InputError, match="No space left"):
            run(board, tmp_path / "w")
    assert len(scores(tmp_path / "w")) == 2
    summary, listener = run(board, tmp_path / "w")
    assert summary.counts == {"ok": 4} and len(listener.ends) == 2


def test_an_error_of_ours_fails_its_clip_and_the_others_go_on(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
):
    from vfsrbench.runs.worker import clip_inputs

    degrade = clip_inputs.degraded_clip

    def broken(split, clip, *more):
        return 1 / 0 if clip.name == "one" else degrade(split, clip, *more)

    monkeypatch.setattr(clip_inputs, "degraded_clip", broken)
    summary, _ = run(small_board(data, [method_folder(tmp_path, "m")]), tmp_path / "w")
    assert summary.counts == {"ok": 2, "failed": 2} and summary.exit_code == 3
    assert {job.clip for job, r in summary.records.items() if r.status == "failed"} == {"one"}
    assert all("internal error: ZeroDivisionError" in why for _, why in summary.problems)
    assert "Traceback" in summary.log.read_text()


def test_restored_clips_are_scored_in_parts_when_the_disk_must_be_spared(
    tmp_path: Path, data: Path, monkeypatch: pytest.MonkeyPatch
):
    folders = [
        method_folder(tmp_path, name, mode=mode) for name, mode in (("a", "nearest"), ("b", "bicubic"))
    ]
    board = small_board(data, folders)
    _, listener = run(board, tmp_path / "w")
    monkeypatch.setattr("vfsrbench.runs.worker.task_runner.SCRATCH_BYTES", 1)
    _, pieces = run(board, tmp_path / "v")
    assert scores(tmp_path / "w") == scores(tmp_path / "v")
    assert ("one", "scoring 4 restored clips") in listener.steps
    assert ("one", "scoring 1 restored clip") in pieces.steps
    assert not list((tmp_path / "v" / "scratch").iterdir())


def test_a_summary_says_where_the_time_of_this_run_went(tmp_path: Path, data: Path) -> None:
    slow = method_folder(tmp_path, "slow", act="time.sleep(0.2)")
    board = small_board(data, ["bicubic", slow], splits=["bi-x4"])
    first, _ = run(board, tmp_path / "w")
    assert list(first.restoring) == ["slow", "bicubic"] and first.restoring["slow"] >= 0.2
    assert 0 < first.scoring < first.seconds
    again, _ = run(board, tmp_path / "w")
    assert (again.restoring, again.scoring) == ({}, 0.0), "nothing was done again"
    more, _ = run(board.replace(metrics=["psnr", "ssim"]), tmp_path / "w")
    assert 0 < more.scoring < more.seconds and list(more.restoring) == ["slow", "bicubic"], (
        "frames were not kept"
    )
