"""Videos as they come: the face found, aligned, restored by any method, and pasted back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from vfsrbench.card import MethodCard
from vfsrbench.datasets.demo.clips import demo_clip, demo_landmarks
from vfsrbench.errors import InputError, JobFailure
from vfsrbench.faces.align_clips import enlarged
from vfsrbench.faces.ffhq_align import Alignment
from vfsrbench.io.clip import Clip
from vfsrbench.io.safety.ownership import NOTE
from vfsrbench.method_spec import choose_method
from vfsrbench.predictor import Predictor
from vfsrbench.restoration.faces import (
    FaceOptions,
    FaceTools,
    needs_face_search,
    restore_video,
    restore_videos,
)
from vfsrbench.restoration.method_use import MethodUse

CPU = torch.device("cpu")
X, Y, FRAMES = 70, 40, 3  # where the demo portrait stands in the wide frames
PARTS = [NOTE, "alignment.json", "cropped_faces", "final_results", "restored_faces"]

Find = Callable[[NDArray[np.uint8]], NDArray[np.float64]]


def _card(**facts: object) -> MethodCard:
    base = {"name": "m", "title": "M", "kind": "video", "class": "m:M", "description": "a test's method"}
    return MethodCard.model_validate({**base, **facts})


class Negative(Predictor):
    """Turns faces into their negatives, two frames at a time, and remembers its windows."""

    def __init__(self, **facts: object) -> None:
        super().__init__(_card(window=2, input_size=[512, 512], **facts), {})
        self.windows: list[int] = []

    def restore(self, frames: Tensor, generator: torch.Generator) -> Tensor:
        assert frames.shape[1:] == (3, 512, 512)
        self.windows.append(len(frames))
        return 1 - frames


class SkippedPlugin(Negative):
    def restore(self, frames: Tensor, generator: torch.Generator) -> Tensor:
        raise RuntimeError("no luck today")


@pytest.fixture(scope="module")
def video() -> Clip:
    """The demo portrait in wide frames."""
    noise = np.random.RandomState(0).randint(0, 256, (600, 700, 3)).astype(np.uint8)
    frames = np.repeat(cv2.GaussianBlur(noise, (0, 0), 7)[None], FRAMES, 0)
    frames[:, Y : Y + 512, X : X + 512] = demo_clip("demo-calm", FRAMES).read(0, FRAMES)
    return Clip.from_array(frames, "talk", fps=12.5)


def _known(points: NDArray[np.float64]) -> Find:
    """A detector that knows the points of every frame, in order."""
    left = iter(points)
    return lambda frames: np.array([next(left) for _ in frames])


def _find(scale: float = 1.0) -> Find:
    return _known((demo_landmarks("demo-calm", FRAMES) + np.array([X, Y])) * scale)


def _folder(path: Path, *parts: str) -> NDArray[np.uint8]:
    clip = Clip.open(path.joinpath(*parts))
    return clip.read(0, len(clip))


def _loaded(name: str) -> Predictor:
    method = choose_method(name)
    predictor = method.build()
    predictor.load({}, CPU)
    return predictor


def test_a_method_that_changes_nothing_leaves_the_video_as_it_was(video: Clip, tmp_path: Path) -> None:
    done = restore_video(video, _loaded("bicubic"), FaceTools(_find()), tmp_path, FaceOptions(CPU))
    assert done.path == tmp_path / "talk" and done.video == tmp_path / "talk" / "talk.mp4"
    assert (done.frames, done.missing, done.reason) == (FRAMES, 0, "")
    assert sorted(p.name for p in done.path.iterdir()) == [*PARTS, "talk.mp4"]
    cropped, restored = (_folder(done.path, part) for part in ("cropped_faces", "restored_faces"))
    assert cropped.shape == (FRAMES, 512, 512, 3) and (restored == cropped).all()
    source = video.read(0, FRAMES)
    assert (cropped == Alignment.load(done.path / "alignment.json").apply(source)).all()
    final = _folder(done.path, "final_results")
    away = np.abs(final.astype(int) - source)
    assert away.mean() < 1 and np.percentile(away, 99) < 8  # sampled twice
    assert (final[:, :20] == source[:, :20]).all() and (final[:, :, -20:] == source[:, :, -20:]).all()
    assert (final != source).any()
    shown = Clip.open(done.video)
    assert (len(shown), shown.height, shown.width, shown.fps) == (FRAMES, 600, 700, 12.5)
    assert np.abs(shown.read(0, FRAMES).astype(int) - final).mean() < 2


def test_the_restored_face_stands_where_the_face_was(video: Clip, tmp_path: Path) -> None:
    predictor = Negative()
    done = restore_video(video, predictor, FaceTools(_find()), tmp_path, FaceOptions(CPU, form="png"))
    assert predictor.windows == [2, 1]  # the card's window, not the clip at once
    assert done.path is not None and done.video is None
    final, source = _folder(done.path, "final_results").astype(int), video.read(0, FRAMES).astype(int)
    points = demo_landmarks("demo-calm", FRAMES) + np.array([X, Y])
    for number, face in enumerate(np.rint(points).astype(int)):
        for x, y in face:
            around = np.s_[number, y - 5 : y + 6, x - 5 : x + 6]
            assert np.abs(final[around] - (255 - source[around])).mean() < 6
    assert (final[:, :20] == source[:, :20]).all()


def test_masks_are_made_from_the_restored_faces_and_hold(video: Clip, tmp_path: Path) -> None:
    seen: list[NDArray[np.uint8]] = []

    def left_half(faces: NDArray[np.uint8]) -> NDArray[np.float32]:
        seen.append(faces)
        masks = np.zeros((len(faces), 512, 512), np.float32)
        masks[:, :, :250] = 1
        return masks

    done = restore_video(
        video, Negative(), FaceTools(_find(), left_half), tmp_path, FaceOptions(CPU, form="png")
    )
    assert done.path is not None
    assert (np.concatenate(seen) == _folder(done.path, "restored_faces")).all()
    final, source = _folder(done.path, "final_results").astype(int), video.read(0, FRAMES).astype(int)
    left, right = (np.rint(demo_landmarks("demo-calm", FRAMES)[0, i] + [X, Y]).astype(int) for i in (0, 1))
    assert np.abs(final[0, left[1], left[0]] - (255 - source[0, left[1], left[0]])).max() < 25
    assert (final[0, right[1], right[0]] == source[0, right[1], right[0]]).all()


def test_small_videos_are_enlarged_and_larger_ones_on_request(video: Clip, tmp_path: Path) -> None:
    small = Clip.from_array(
        np.stack([cv2.resize(frame, (350, 300)) for frame in video.frames()]), "small", fps=25
    )
    done = restore_video(
        small,
        _loaded("bicubic"),
        FaceTools(_find(512 / 600)),
        tmp_path,
        FaceOptions(CPU, form="png", upscale=2),
    )
    assert done.path is not None
    final = _folder(done.path, "final_results")
    assert final.shape == (FRAMES, 1024, 1194, 3)
    background = cv2.resize(enlarged(small).read(0, 1)[0], (1194, 1024))
    assert (final[0, :40] == background[:40]).all()
    assert np.abs(final[0].astype(int) - background).mean() < 4  # the face moves by a pixel, see `paste`


def test_the_video_without_loss_holds_the_pictures(video: Clip, tmp_path: Path) -> None:
    done = restore_video(video, Negative(), FaceTools(_find()), tmp_path, FaceOptions(CPU, form="video"))
    assert done.video is not None and done.video.name == "talk.mkv" and done.path is not None
    assert (_folder(done.video) == _folder(done.path, "final_results")).all()


def test_a_second_run_takes_the_firsts_place(video: Clip, tmp_path: Path) -> None:
    restore_video(video, Negative(), FaceTools(_find()), tmp_path, FaceOptions(CPU, form="video"))
    before = _folder(tmp_path, "talk", "final_results")
    restore_video(video, _loaded("bicubic"), FaceTools(_find()), tmp_path, FaceOptions(CPU, form="png"))
    assert sorted(p.name for p in (tmp_path / "talk").iterdir()) == PARTS
    assert (_folder(tmp_path, "talk", "final_results") != before).any()
    assert [p.name for p in tmp_path.iterdir()] == ["talk"]


def test_smoothing_and_gaps(video: Clip, tmp_path: Path) -> None:
    points = demo_landmarks("demo-calm", FRAMES) + np.array([X, Y])
    points[1] = np.nan
    done = restore_video(
        video, Negative(), FaceTools(_known(points)), tmp_path, FaceOptions(CPU, form="png", sigma=0)
    )
    alignment = Alignment.load(tmp_path / "talk" / "alignment.json")
    assert done.missing == 1 and alignment.found.tolist() == [True, False, True]
    assert np.allclose(alignment.landmarks[1], (points[0] + points[2]) / 2)


def _use(predictor: Predictor) -> MethodUse:
    method = choose_method(predictor)
    return MethodUse(method)


def test_one_video_without_a_face_does_not_stop_the_others(video: Clip, tmp_path: Path) -> None:
    nothing = np.full((FRAMES, 5, 2), np.nan)
    points = np.concatenate([nothing, demo_landmarks("demo-calm", FRAMES) + np.array([X, Y])])
    empty = Clip.from_array(video.read(0, FRAMES), "empty")
    told: list[str] = []
    first, second = restore_videos(
        _use(Negative()),
        [empty, video],
        tmp_path,
        FaceTools(_known(points)),
        FaceOptions(CPU),
        on_progress=lambda what, done, total: told.append(what),
    )
    assert first.path is None and "clip 'empty': no face was found" in first.reason
    assert second.reason == "" and second.video is not None
    assert [p.name for p in tmp_path.iterdir()] == ["talk"]  # nothing half done is left
    steps = ["finding faces", "aligning", "restoring", "pasting", "writing the video"]
    assert list(dict.fromkeys(told)) == ["empty: finding faces", *(f"talk: {step}" for step in steps)]


def test_a_method_that_fails_is_reported(video: Clip, tmp_path: Path) -> None:
    with pytest.raises(JobFailure, match="no luck today"):
        restore_video(video, SkippedPlugin(), FaceTools(_find()), tmp_path, FaceOptions(CPU))
    (done,) = restore_videos(_use(SkippedPlugin()), [video], tmp_path, FaceTools(_find()), FaceOptions(CPU))
    assert "no luck today" in done.reason and not list(tmp_path.iterdir())


def test_methods_that_enlarge_are_refused(video: Clip, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="enlarges by 4"):
        restore_video(video, Negative(scale=4), FaceTools(_find()), tmp_path, FaceOptions(CPU))


@pytest.mark.parametrize(
    ("height", "width", "wild"),
    [(512, 512, False), (128, 128, False), (720, 1280, True), (600, 600, True), (512, 640, True)],
)
def test_what_looks_like_a_video_in_the_wild(height: int, width: int, wild: bool) -> None:
    clip = Clip.from_array(np.zeros((1, height, width, 3), np.uint8), "c")
    assert needs_face_search(_card(input_size=[512, 512]), clip) == wild
    assert not needs_face_search(_card(), clip)


@pytest.mark.weights
def test_keep_with_the_official_weights(video: Clip, tmp_path: Path) -> None:
    from vfsrbench.faces.face_tools import load_finder, load_masks
    from vfsrbench.restoration.files import usable_method
    from vfsrbench.runtime.device import choose_device

    device = choose_device()
    try:
        finder: Any = load_finder(device)
        use, masks = usable_method("keep"), load_masks(device)
    except InputError as lacking:
        pytest.skip(str(lacking))
    found = finder(video.read(0, FRAMES))
    known = demo_landmarks("demo-calm", FRAMES) + np.array([X, Y])
    assert np.linalg.norm(found - known, axis=-1).mean() < 12
    tools = FaceTools(finder, masks)
    (done,) = restore_videos(use, [video], tmp_path, tools, FaceOptions(device))
    assert done.reason == "" and done.missing == 0 and done.path is not None
    final = _folder(done.path, "final_results").astype(int)
    assert (final[:, :20] == video.read(0, FRAMES)[:, :20]).all()
    assert 1 < np.abs(final - video.read(0, FRAMES)).mean() < 30
