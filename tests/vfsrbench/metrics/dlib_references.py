"""dlib's metrics against dlib called plainly, frame by frame, with its trained files on a demo clip."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from degradations.recipe import load_recipe
from tests.vfsrbench.metrics.checker import scores
from tests.vfsrbench.metrics.outcome import Outcome, Reference
from vfsrbench import plugins
from vfsrbench.datasets.demo.clips import demo_clip, demo_landmarks
from vfsrbench.io.clip import Clip
from vfsrbench.metric import Frames, Metric, TruthInfo, Values
from vfsrbench.weights.resolve import Weights, resolve_weights

CLIP, FRAMES = "demo-talking", 2
FACE = 256  # pixels of `face_frames`


@cache
def dlib_weights() -> Weights:
    """The trained files by role; `missing` says why there are none."""
    return resolve_weights(plugins.metrics()["idd_dlib"].card.weights)


def lacking() -> str:
    """Why dlib's metrics cannot be computed here; empty if they can."""
    return dlib_weights().missing


@cache
def dlib_metric(metric_id: str) -> Metric:
    """The metric, loaded with the trained files; points that come with a clip are used."""
    import torch

    built = plugins.build_metric(plugins.choose_metric(metric_id))
    paths = dlib_weights().paths
    roles = {use.role for use in built.card.weights if not use.optional}
    built.load({role: paths[role] for role in roles}, torch.device("cpu"))
    return built


@cache
def gt_clip() -> Clip:
    return demo_clip(CLIP, FRAMES)


@cache
def enlarged(recipe: str, gt: Clip | None = None) -> Clip:
    """A clip degraded, and enlarged by bicubic interpolation; `gt_clip` if none is given."""
    truth = gt or gt_clip()
    lq = load_recipe(recipe).apply(truth.frames(), truth.name, 0, truth.fps).frames
    size = (truth.width, truth.height)
    large = [cv2.resize(frame, size, interpolation=cv2.INTER_CUBIC) for frame in lq]
    return Clip.from_array(np.stack(large), truth.name, truth.fps)


def face_info() -> TruthInfo:
    """Facts of `face_frames`."""
    return TruthInfo("face", "digest", 40, landmarks=_face_landmarks(40))


def face_frames(frames: int) -> Frames:
    """(frames, FACE, FACE, 3): a demo face that moves by one pixel a frame, down and to the right."""
    picture = cv2.resize(gt_clip().read(0, 1)[0], (FACE, FACE), interpolation=cv2.INTER_AREA)
    return np.stack([np.roll(picture, (t, t), (0, 1)) for t in range(frames)])


def _face_landmarks(frames: int) -> NDArray[np.float64]:
    first = demo_landmarks(CLIP, 1)[0] * FACE / gt_clip().width
    return first[None] + np.arange(frames, dtype=np.float64)[:, None, None]


# --- dlib, plainly -------------------------------------------------------------------------------------


def plain_shape(picture: Frames, points: NDArray[np.float64]) -> Any:
    """The landmarks in the box of the card's definition."""
    import dlib

    eyes = float(np.linalg.norm(points[1] - points[0]))
    centre = points.mean(axis=0) + np.array([0.0, 0.08 * eyes])
    left, top = np.rint(centre - 1.05 * eyes).astype(int)
    right, bottom = np.rint(centre + 1.05 * eyes).astype(int)
    return _predictor()(picture, dlib.rectangle(int(left), int(top), int(right), int(bottom)))


def plain_own_shape(picture: Frames) -> Any:
    """The landmarks by the five points of the largest face that the detector finds."""
    import dlib

    box = max(dlib.get_frontal_face_detector()(picture, 0), key=lambda found: found.area())
    return plain_shape(picture, plain_five(_predictor()(picture, box)))


def plain_five(shape: Any) -> NDArray[np.float64]:
    """Eye centres, nose tip, mouth corners of 68 points."""
    points = np.array([(point.x, point.y) for point in shape.parts()], float)
    groups = (range(36, 42), range(42, 48), (30,), (48,), (54,))
    return np.array([points[list(group)].mean(axis=0) for group in groups])


@cache
def _predictor() -> Any:
    import dlib

    return dlib.shape_predictor(str(dlib_weights().paths["points"]))


@cache
def _network() -> Any:
    import dlib

    return dlib.face_recognition_model_v1(str(dlib_weights().paths["recognizer"]))


def plain_embedding(picture: Frames, shape: Any) -> NDArray[np.float64]:
    return np.array(_network().compute_face_descriptor(picture, shape))


def _euclidean(own: NDArray[np.float64], gt: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(own - gt))


def _cosine(own: NDArray[np.float64], gt: NDArray[np.float64]) -> float:
    return float(own @ gt / np.linalg.norm(own) / np.linalg.norm(gt))


def _embedded(compare: Callable[..., float]) -> Callable[..., float]:
    def value(own: Frames, gt: Frames, points: NDArray[np.float64]) -> float:
        shape = plain_shape(gt, points)
        return compare(plain_embedding(own, shape), plain_embedding(gt, shape))

    return value


def _detected(own: Frames, gt: Frames, points: NDArray[np.float64]) -> float:
    return _euclidean(*(plain_embedding(picture, plain_own_shape(picture)) for picture in (own, gt)))


def _distance(own: Frames, gt: Frames, points: NDArray[np.float64]) -> float:
    ours, theirs = (plain_shape(picture, points).parts() for picture in (own, gt))
    return float(np.mean([np.hypot(a.x - b.x, a.y - b.y) for a, b in zip(ours, theirs, strict=True)]))


def _against(metric_id: str, plain: Callable[..., float]) -> Outcome:
    """Frame values of the metric on a mild restoration against those of single plain calls."""
    gt, restored = gt_clip().read(0, FRAMES), enlarged("vfhq-mild").read(0, FRAMES)
    points = demo_landmarks(CLIP, FRAMES)
    info = TruthInfo(CLIP, "", FRAMES, landmarks=points)
    got: Values = scores(dlib_metric(metric_id), restored, gt, FRAMES, info)
    want = np.array([plain(*one) for one in zip(restored, gt, points, strict=True)])
    assert np.isfinite(want).all() and np.ptp(want) > 0
    return Outcome(float(np.abs(got - want).max()), FRAMES)


def _reference(metric_id: str, plain: Callable[..., float], limit: float) -> Reference:
    return Reference(lambda: _against(metric_id, plain), limit, "trained files, a demo clip", unmet=lacking)


DLIB_REFERENCES: dict[str, Reference] = {
    "idd_dlib": _reference("idd_dlib", _embedded(_euclidean), 1e-5),
    "ids_dlib": _reference("ids_dlib", _embedded(_cosine), 1e-5),
    "idd_detected_dlib": _reference("idd_detected_dlib", _detected, 1e-5),
    "akd_dlib68": _reference("akd_dlib68", _distance, 1e-9),
}
