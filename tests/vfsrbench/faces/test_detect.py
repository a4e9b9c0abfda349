from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from degradations.errors import InputError
from tests.parity import parity
from vfsrbench.faces.detect import FaceDetector, choose_face, detect_landmarks
from vfsrbench.faces.networks.retinaface import MEAN_BGR, retinaface_mobile025
from vfsrbench.faces.networks.retinaface_decode import anchors

RED = (255, 0, 0)


class RedFinder(nn.Module):
    """Stands in for trained weights: calls the finest anchors that lie on saturated red faces, and keeps
    the pictures it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        self.seen.append(x)
        height, width = x.shape[2:]
        priors = anchors(height, width)
        levels = x + torch.tensor(MEAN_BGR).view(1, 3, 1, 1)
        cells = 2 * math.ceil(height / 8) * math.ceil(width / 8)
        scores = torch.zeros(len(x), len(priors), 2)
        column = (priors[:cells, 0] * width).long().clamp(max=width - 1)
        row = (priors[:cells, 1] * height).long().clamp(max=height - 1)
        red = (levels[:, 2, row, column] > 250) & (levels[:, :2, row, column].amax(1) < 5)
        scores[:, :cells, 1] = red * 0.9
        landmarks = torch.zeros(len(x), len(priors), 10)
        landmarks[..., 2] = 30  # the right eye far from the nose, so that the face is large enough
        return torch.zeros(len(x), len(priors), 4), scores, landmarks


def _frames(height: int, width: int, centres: list[tuple[int, int] | None]) -> np.ndarray:
    frames = np.zeros((len(centres), height, width, 3), np.uint8)
    for frame, centre in zip(frames, centres, strict=True):
        if centre is not None:
            x, y = centre
            frame[y - 6 : y + 6, x - 6 : x + 6] = RED
    return frames


def test_faces_come_back_in_the_frames_pixels_and_order() -> None:
    # 160 px are enlarged four times; a batch of two splits the three frames
    frames = _frames(160, 200, [(50, 40), None, (150, 120)])
    detector = FaceDetector(RedFinder(), batch=2)
    found = detector.detect(frames)
    assert [len(rows) > 0 for rows in found] == [True, False, True]
    for rows, (x, y) in zip((found[0], found[2]), ((50, 40), (150, 120)), strict=True):
        middle = rows[:, :4].reshape(-1, 2, 2).mean((0, 1))
        assert np.abs(middle - [x, y]).max() < 3
        assert rows[:, 4].tolist() == pytest.approx([0.9] * len(rows), abs=1e-6)


@pytest.mark.parametrize(("size", "shrink", "want"), [(320, False, 640), (800, False, 800), (800, True, 640)])
def test_small_frames_are_enlarged_and_large_ones_shrunk_on_request(
    size: int, shrink: bool, want: int
) -> None:
    network = RedFinder()
    FaceDetector(network, shrink=shrink).detect(_frames(size, size + 40, [None]))
    assert network.seen[0].shape[2:] == (want, int((size + 40) * want / size))


def test_the_network_sees_bgr_less_the_mean() -> None:
    network = RedFinder()
    frames = np.full((1, 640, 640, 3), 0, np.uint8)
    frames[...] = (10, 20, 30)
    FaceDetector(network).detect(frames)
    assert network.seen[0][0, :, 5, 5].tolist() == [30 - 104, 20 - 117, 10 - 123]


def test_padding_adds_room_and_changes_no_coordinates() -> None:
    network = RedFinder()
    frames = _frames(640, 640, [(200, 300)])
    plain = FaceDetector(network).detect(frames)[0]
    padded = FaceDetector(network).detect(frames, padding=0.5)[0]
    assert network.seen[1].shape[2:] == (1280, 1280)
    assert network.seen[1][0, :, 3, 3].abs().max() == 0  # the mean's colour
    assert np.abs(plain[:, :4].mean(0) - padded[:, :4].mean(0)).max() <= 4


def test_results_do_not_depend_on_the_batch() -> None:
    golden = parity.load(Path(parity.__file__).parent / "retinaface_mobile025.json")
    network = retinaface_mobile025()
    network.load_state_dict(parity.state_dict(golden))
    frames = np.random.RandomState(0).randint(0, 256, (3, 64, 64, 3)).astype(np.uint8)
    together = FaceDetector(network, batch=3).detect(frames, threshold=0.51)
    alone = FaceDetector(network, batch=1).detect(frames, threshold=0.51)
    assert sum(map(len, together)) > 0
    for ours, theirs in zip(together, alone, strict=True):
        assert np.allclose(ours, theirs, atol=1e-2)


def _face(box: tuple[float, float, float, float], eyes: float = 30.0) -> list[float]:
    """A row whose "eye distance" in the official tools' sense is `eyes`."""
    points = np.arange(10, dtype=float)
    points[1], points[3] = 0, 0
    points[2], points[4] = 0, eyes
    return [*box, 0.9, *points]


def test_largest_counts_only_what_is_inside_the_frame() -> None:
    outside, inside = _face((-500, 0, 60, 100)), _face((100, 100, 190, 190))
    inside[5] = 77.0
    faces = np.array([outside, inside])
    assert choose_face(faces, 200, 200)[0, 0] == 77.0
    assert choose_face(faces, 200, 1200, "centre")[0, 0] == 77.0


def test_centre_takes_the_nearest_box() -> None:
    big, central = _face((0, 0, 150, 150)), _face((90, 90, 120, 120))
    central[5] = 55.0
    assert choose_face(np.array([big, central]), 200, 200, "centre")[0, 0] == 55.0
    assert choose_face(np.array([big, central]), 200, 200, "largest")[0, 0] != 55.0


def test_tiny_faces_and_none_are_nan() -> None:
    assert np.isnan(choose_face(np.empty((0, 15)), 100, 100)).all()
    assert np.isnan(choose_face(np.array([_face((0, 0, 50, 50), eyes=4.9)]), 100, 100)).all()
    assert np.isfinite(choose_face(np.array([_face((0, 0, 50, 50), eyes=5.0)]), 100, 100)).all()


def test_landmarks_of_a_clip_have_gaps_where_no_face_is() -> None:
    frames = _frames(160, 200, [(50, 40), None, (150, 120)])
    points = detect_landmarks(FaceDetector(RedFinder()), frames)
    assert points.shape == (3, 5, 2)
    assert np.isfinite(points[[0, 2]]).all() and np.isnan(points[1]).all()


def test_only_8_bit_frames() -> None:
    with pytest.raises(InputError, match="uint8"):
        FaceDetector(RedFinder()).detect(np.zeros((1, 64, 64, 3)))  # type: ignore[arg-type]
