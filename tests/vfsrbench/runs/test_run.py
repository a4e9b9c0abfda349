"""A board from start to end: every job ends in a record, a failure costs itself, done work stays done."""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest
import torch

from degradations.recipe import load_recipe
from tests.vfsrbench.boards import data_set, method_folder, moving, run_with, scores, small_board, write_clip
from vfsrbench.board import Board
from vfsrbench.card import MethodCard
from vfsrbench.errors import DiskError, InputError
from vfsrbench.io.clip import Clip
from vfsrbench.io.raw import RawWriter
from vfsrbench.predictor import Predictor
from vfsrbench.results.board_note import protocols
from vfsrbench.results.store import read_result
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.progress import Silent
from vfsrbench.runs.run import run_board
from vfsrbench.runs.summary import RunSummary
from vfsrbench.runs.worker.outcome import Ended


class Listener(Silent):
    """Remembers what a run did."""

    def __init__(self) -> None:
        self.ends: list[Ended] = []
        self.steps: list[tuple[str, str]] = []

    def working(self, task, event) -> None:
        if event.done == event.total:
            self.steps.append((task.clip.name, event.step))

    def ended(self, ended: Ended) -> None:
        self.ends.append(ended)


def run(board, workspace: Path, **more) -> tuple[RunSummary, Listener]:
    listener = Listener()
    return run_with(board, workspace, progress=listener, **more), listener


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name + path.parent.name: path.read_bytes() for path in folder.rglob("*.parquet")}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return data_set(tmp_path / "data")


def test_every_job_has_a_record_that_says_all_about_it(tmp_path: Path, data: Path):
    board = small_board(data, [method_folder(tmp_path, "m")], seed=7)
    summary, listener = run(board, tmp_path / "w")
    assert summary.counts == {"ok": 4} and summary.exit_code == 0 and len(listener.ends) == 4
    record = next(r for j, r in summary.records.items() if (j.split, j.clip) == ("bi-x8", "two"))
    assert (record.frames, record.height, record.width, record.seed) == (11, 32, 32, 7)
    assert record.gt_digest == Clip.open(data / "two").digest()
    assert record.split_status in {"official", "extrapolated"} and len(record.recipe_digest) == 64
    assert record.metrics == {"psnr": 1, "ewarp_dis": 1} and 5 < record.clip_values["psnr"] < 60
    assert record.restore_seconds > 0 and record.peak_memory > 0 and record.window == 11
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


def test_stored_outputs_are_scored_as_a_method(tmp_path: Path, data: Path):
    kept, _ = run(small_board(data, [method_folder(tmp_path, "m")]), tmp_path / "w", keep="png")
    stored = {}
    for job in kept.jobs:
        folder = tmp_path / "w" / "restored" / job.split / "m" / job.clip
        stored[job.split, job.clip] = Clip.open(folder).read(0, 11)
        write_clip(
            tmp_path / "theirs" / job.split / job.clip, Clip.open(folder).read(0, 12 - (job.clip == "two"))
        )
    board = small_board(data, [method_folder(tmp_path / "again", "m")])
    summary, _ = run(board, tmp_path / "v", outputs={"theirs": tmp_path / "theirs"})
    assert summary.counts == {"ok": 8} and summary.board.methods == ("m", "theirs")
    found = scores(tmp_path / "v")
    for split in ("bi-x4", "bi-x8"):
        for clip in ("one", "two"):
            assert found["theirs", split, clip] == found["m", split, clip]
    record = next(r for j, r in summary.records.items() if j.method == "theirs")
    assert record.restore_seconds == 0 and record.frames_per_second == 0
    assert not run(board, tmp_path / "v", outputs={"theirs": tmp_path / "theirs"})[1].ends


def test_outputs_that_do_not_fit_are_input_errors(tmp_path: Path, data: Path):
    board = small_board(data, [method_folder(tmp_path, "m")], splits=["bi-x4"])
    short = data_set(tmp_path / "short", frames=10)
    with pytest.raises(InputError, match="10 frames, its ground truth has 12"):
        run(board, tmp_path / "w", outputs={"x": short})
    large = data_set(tmp_path / "large", side=64)
    with pytest.raises(InputError, match="64x64"):
        run(board, tmp_path / "w", outputs={"x": large})
    with pytest.raises(InputError, match="twice"):
        run(board, tmp_path / "w", outputs={"m": data})
    with pytest.raises(InputError, match="no folder 'bi-x4'"):
        run(small_board(data, board.methods), tmp_path / "w", outputs={"x": data})


class Doubler(Predictor):
    def restore(self, frames, generator):
        return torch.nn.functional.interpolate(frames, scale_factor=4)


def test_a_python_object_is_a_method_in_this_process_alone(tmp_path: Path, data: Path):
    card = MethodCard.model_validate(
        {"name": "mine", "title": "Mine", "kind": "video", "class": "x:Y", "description": "d"}
    )
    board = small_board(data, [method_folder(tmp_path, "m")], splits=["bi-x4"])
    summary, _ = run(board, tmp_path / "w", methods=[Doubler(card, {})])
    assert summary.counts == {"ok": 4}
    _, listener = run(board, tmp_path / "w", methods=[Doubler(card, {})])
    assert {e.job.method for e in listener.ends} == {"mine"}, "nothing tells what an object would do again"
    with pytest.raises(InputError, match="serial"):
        run_board(board, tmp_path / "w", methods=[Doubler(card, {})])


class Listening(Doubler):
    def start_clip(self, info):
        super().start_clip(info)
        HEARD[info.name] = info


HEARD: dict = {}


def test_methods_are_told_what_the_recipe_drew_for_the_clip(tmp_path: Path, data: Path):
    card = MethodCard.model_validate(
        {"name": "mine", "title": "Mine", "kind": "video", "class": "x:Y", "description": "d"}
    )
    board = small_board(data, [method_folder(tmp_path, "m")], splits=["flair-motion"], seed=4)
    run(board, tmp_path / "w", methods=[Listening(card, {})])
    for name, info in HEARD.items():
        again = load_recipe("flair-motion").apply(Clip.open(data / name).frames(), name, 4)
        assert info.recipe == "flair-motion"
        assert info.drawn == again.parameters
    assert len(HEARD) == 2


def test_pairs_bring_their_own_degraded_clips(tmp_path: Path):
    root = tmp_path / "pairs"
    frames = moving(6)
    write_clip(root / "GT" / "c", frames)
    write_clip(root / "LQ" / "c", frames[:, ::4, ::4])
    board = small_board(
        root, [method_folder(tmp_path, "m")], splits=["LQ"], dataset={"layout": "pairs", "path": str(root)}
    )
    summary, _ = run(board, tmp_path / "w")
    (record,) = summary.records.values()
    assert (record.status, record.split_status, record.recipe_digest) == ("ok", "given", "")
    assert record.lq_digest == Clip.open(root / "LQ" / "c").digest()


def test_degraded_clips_are_kept_and_made_again_when_damaged(tmp_path: Path, data: Path):
    board = small_board(data, [method_folder(tmp_path, "m")], splits=["bi-x4"])
    _, listener = run(board, tmp_path / "w")
    first = scores(tmp_path / "w")
    assert ("one", "degrading bi-x4") in listener.steps
    _, listener = run(board, tmp_path / "w", force=True)
    assert ("one", "degrading bi-x4") not in listener.steps
    (picture,) = (tmp_path / "w" / "splits" / "bi-x4").glob("one.*/00000000.png")
    write_clip(tmp_path / "black", np.zeros((1, 8, 8, 3), np.uint8))
    picture.write_bytes((tmp_path / "black" / "00000000.png").read_bytes())
    _, listener = run(board, tmp_path / "w", force=True)
    assert ("one", "degrading bi-x4") in listener.steps and scores(tmp_path / "w") == first


def test_names_of_the_field_work_everywhere(tmp_path: Path):
    name = "Clip+-1Jouc19Ixo+P0+C1+F4196-4320"
    data = data_set(tmp_path / "data", [name])
    options = '[options.cfa]\ntype = "bool"\ndefault = true\nhelp = "x"'
    method = method_folder(tmp_path, "keep", more=options) + "[cfa=false]"
    summary, _ = run(small_board(data, [method], splits=["bi-x4"]), tmp_path / "w", keep="png")
    (record,) = summary.records.values()
    assert (record.status, record.clip, record.method) == ("ok", name, "keep[cfa=false]")
    assert record.options == {"cfa": False} and record.method_title == "keep [cfa=false]"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"methods": ["bicubik"]}, "unknown method 'bicubik'"),
        ({"metrics": ["pnsr"]}, "did you mean 'psnr'"),
        ({"splits": ["vfhq-mil"]}, "did you mean .*'vfhq-mild'"),
        ({"splits": ["bi-x4", "bi-x4"]}, "twice"),
        ({"dataset": {"layout": "foldr", "path": "x"}}, "did you mean 'folder'"),
        ({"dataset": {"layout": "folder", "path": "nowhere"}}, "nowhere"),
        ({"dataset": {"layout": "folder"}}, "path"),
    ],
)
def test_a_board_that_cannot_be_is_an_input_error_before_any_work(
    tmp_path: Path, data: Path, change, message
):
    board = small_board(data, [method_folder(tmp_path, "m")], **change)
    with pytest.raises(InputError, match=message) as caught:
        run(board, tmp_path / "w")
    assert "\n" not in str(caught.value) and not list((tmp_path / "w" / "results").iterdir())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"methods": ()}, "'methods'"),
        ({"metrics": ()}, "'metrics'"),
        ({"seed": -1}, "'seed'"),
        ({"average": "median"}, "'average'"),
        ({"metods": ("m",)}, "did you mean 'methods'"),
    ],
)
def test_a_changed_board_is_checked_as_its_file_is(tmp_path: Path, data: Path, change, said: str):
    board = small_board(data, [method_folder(tmp_path, "m")])
    with pytest.raises(InputError, match=said) as caught:
        board.replace(**change)
    assert "\n" not in str(caught.value)
    if "metods" not in change:
        with pytest.raises(InputError, match=said):
            run(board.model_copy(update=change), tmp_path / "w")
    same = board.replace(seed=3)
    assert same.seed == 3 and type(same) is Board and same.replace(seed=0) == board


def test_clips_that_no_split_can_divide_or_read_are_input_errors_at_once(tmp_path: Path):
    odd = write_clip(tmp_path / "odd" / "c", moving(3, side=36)).parent
    board = small_board(odd, [method_folder(tmp_path, "m")])
    with pytest.raises(InputError, match="'c' is 36x36, but split 'bi-x8'"):
        run(board, tmp_path / "w")
    (odd / "c" / "00000001.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"00000001\.png"):
        run(board, tmp_path / "w")


def test_clips_with_landmarks_are_aligned_after_degradation_if_the_board_says_so(tmp_path: Path):
    data = data_set(tmp_path / "data", ["face"], frames=3, side=64)
    points = np.array([[24, 26], [40, 26], [32, 35], [26, 43], [38, 43]], float)
    (data.parent / "meta_info").mkdir()
    lines = [
        f"{t:08d}.png " + " ".join(f"{v:.2f}" for v in (points + t).ravel()) for t in range(3)
    ]  # each frame's face lies one pixel further
    (data.parent / "meta_info" / "face.txt").write_text("\n".join(lines))
    method = method_folder(tmp_path, "m", "(Path(self.clip.name + '.size')).write_text(str(frames.shape))")
    dataset = {"layout": "folder", "path": str(data)}
    board = small_board(data, [method], splits=["bi-x4"], metrics=["psnr", "ewarp_dis"])
    with_alignment = small_board(
        data, [method], splits=["bi-x4"], metrics=["psnr"], dataset={**dataset, "align": True}
    )
    with chdir(tmp_path):
        plain, _ = run(board, tmp_path / "w")
        assert (tmp_path / "face.size").read_text() == "torch.Size([3, 3, 16, 16])"
        aligned, _ = run(with_alignment, tmp_path / "w", keep="png")
        assert (tmp_path / "face.size").read_text() == "torch.Size([3, 3, 128, 128])"
    (before,), (after,) = plain.records.values(), aligned.records.values()
    assert (before.aligned, before.height) == (False, 64) and (after.aligned, after.height) == (True, 512)
    assert before.lq_digest == after.lq_digest, "the degradation comes first"
    assert before.gt_digest != after.gt_digest
    restored = Clip.open(tmp_path / "w" / "restored" / "bi-x4" / "m" / "face")
    assert (restored.height, restored.width) == (512, 512)
    assert Clip.open(data / "face").digest() == before.gt_digest
    (data.parent / "meta_info" / "face.txt").write_text("\n".join(lines[:2]))
    with pytest.raises(InputError, match="1 of 3 frames have no landmarks"):
        run(with_alignment, tmp_path / "w")


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
        if len(calls) == 3:  # the first clip is done, both methods of it
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
    assert ("one", "scoring 1 restored clips") in pieces.steps
    assert not list((tmp_path / "v" / "scratch").iterdir())
