"""What a run takes: stored outputs, objects, pairs, names, landmarks; and what it refuses."""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path

import numpy as np
import pytest
import torch

from degradations.recipe import load_recipe
from tests.vfsrbench.boards import data_set, method_folder, moving, scores, small_board, write_clip
from tests.vfsrbench.runs.recording import run
from vfsrbench.board import Board
from vfsrbench.card import MethodCard
from vfsrbench.errors import InputError
from vfsrbench.io.clip import Clip
from vfsrbench.predictor import Predictor
from vfsrbench.runs.run import run_board


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
