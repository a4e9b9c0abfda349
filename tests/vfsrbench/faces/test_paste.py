from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from degradations.errors import InputError
from vfsrbench.faces import paste
from vfsrbench.faces.ffhq_align import FFHQ_512, similarity_from_points
from vfsrbench.faces.networks.parsenet import ParseNet
from vfsrbench.faces.paste import FaceParser, fading_square, paste_faces, region_mask, way_back
from vfsrbench.faces.warp import warp_affine

# facexlib's and KEEP's map of the 19 regions
WANTED = [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 0, 0]
TURNED = similarity_from_points((FFHQ_512 @ [[0.6, 0.1], [-0.1, 0.6]] + [60, 40])[None])


def _smooth(height: int, width: int, seed: int) -> np.ndarray:
    noise = np.random.RandomState(seed).randint(0, 256, (height, width, 3)).astype(np.uint8)
    return cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 6), None, 20, 235, cv2.NORM_MINMAX)


def _shift(x: int, y: int) -> np.ndarray:
    """An alignment that takes the face from (x, y) of the frame as it is."""
    return np.array([[[1.0, 0, -x], [0, 1, -y]]])


def _helper(frame: np.ndarray, face: np.ndarray, matrix: np.ndarray, mask: Any, upscale: int) -> np.ndarray:
    """The official helper's steps on whole frames, with OpenCV's own warping."""
    height, width = frame.shape[0] * upscale, frame.shape[1] * upscale
    back = cv2.invertAffineTransform(matrix) * upscale
    back[:, 2] += 0.5 * upscale if upscale > 1 else 0

    def carried(picture: np.ndarray) -> np.ndarray:
        return cv2.warpAffine(picture, back, (width, height))

    covered = cv2.erode(carried(np.ones(face.shape[:2], np.float32)), np.ones((2 * upscale,) * 2))
    edge = int(covered.sum() ** 0.5) // 20
    soft = cv2.GaussianBlur(cv2.erode(covered, np.ones((2 * edge,) * 2)), (2 * edge + 1,) * 2, 0)
    if mask is not None:
        soft = np.minimum(soft, carried(mask.astype(np.float64)))
    behind = cv2.resize(frame, (width, height))
    blend = soft[..., None] * covered[..., None] * carried(face) + (1 - soft[..., None]) * behind
    return blend.astype(np.uint8)


def _oval() -> np.ndarray:
    regions = np.zeros((512, 512), np.uint8)
    cv2.ellipse(regions, (256, 270), (130, 170), 0, 0, 360, 1, -1)
    return region_mask(regions)


@pytest.mark.parametrize("upscale", [1, 2])
@pytest.mark.parametrize("masked", [False, True])
def test_as_the_official_helper(upscale: int, masked: bool) -> None:
    frame, face = _smooth(420, 560, 1), _smooth(512, 512, 2)
    mask = _oval() if masked else None
    ours = paste_faces(frame[None], face[None], TURNED, None if mask is None else mask[None], upscale)[0]
    theirs = _helper(frame, face, TURNED[0], mask, upscale)
    difference = np.abs(ours.astype(int) - theirs)
    # OpenCV 5 does not round positions to 1/32 pixel, OpenCV 4 does, as we do
    assert difference.max() <= (2 if int(cv2.__version__[0]) >= 5 else 1)
    assert difference.mean() < 0.1
    assert np.abs(ours.astype(int) - cv2.resize(frame, ours.shape[1::-1])).max() > 50


def test_the_centre_is_the_restored_face_and_the_rest_is_the_frame() -> None:
    frame, face = _smooth(620, 700, 3), _smooth(512, 512, 4)
    out = paste_faces(frame[None], face[None], _shift(90, 50))[0]
    assert (out[50 + 52 : 50 + 460, 90 + 52 : 90 + 460] == face[52:460, 52:460]).all()
    outside = np.ones(frame.shape[:2], bool)
    # the helper's squares of even sides reach one row and one column further on this side
    outside[50:563, 90:603] = False
    assert (out[outside] == frame[outside]).all()


def test_the_border_fades_as_a_gaussian_sums_up() -> None:
    frame, face = np.zeros((620, 700, 3), np.uint8), np.full((512, 512, 3), 200, np.uint8)
    row = paste_faces(frame[None], face[None], _shift(90, 50))[0, 300, :, 0]
    # the first column goes, then a twentieth of 511 px: 25 on this side, 24 on the other
    kernel = cv2.getGaussianKernel(51, 0)[:, 0]
    share = np.cumsum(kernel)
    assert np.abs(row[90 + 26 - 25 : 90 + 26 + 26] - (200 * share - 0.5)).max() <= 0.51
    right = row[90 + 512 - 25 - 25 : 90 + 512 - 25 + 26]
    assert np.abs(right - (200 * share[::-1] - 0.5)).max() <= 0.51


def test_a_face_that_fills_the_frame_replaces_it() -> None:
    frame, face = _smooth(512, 512, 5), _smooth(512, 512, 6)
    out = paste_faces(frame[None], face[None], np.eye(2, 3)[None])[0]
    assert (out == face).all()


def test_masks_only_take_away() -> None:
    frame, face = _smooth(620, 700, 7)[None], _smooth(512, 512, 8)[None]
    at = _shift(90, 50)
    assert (paste_faces(frame, face, at, np.zeros((1, 512, 512), np.float32)) == frame).all()
    full, bare = (paste_faces(frame, face, at, mask) for mask in (np.ones((1, 512, 512), np.float32), None))
    assert (full[:, 50:562, 90:602] == bare[:, 50:562, 90:602]).all()
    out = paste_faces(frame, face, at, _oval()[None])[0]
    assert (out[50 + 240 : 50 + 300, 90 + 226 : 90 + 286] == face[0, 240:300, 226:286]).all()
    assert (out[50:65, 90:600] == frame[0, 50:65, 90:600]).all()  # inside the square, far from the oval


def test_an_unchanged_face_leaves_the_frame_as_it_was() -> None:
    frame = _smooth(420, 560, 9)
    face = warp_affine(frame, TURNED[0], (512, 512))
    out = paste_faces(frame[None], face[None], TURNED)[0]
    assert np.abs(out.astype(int) - frame).max() <= 6  # resampled twice


def test_working_on_a_part_gives_the_whole_frames_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    face, mask = _smooth(512, 512, 10)[None], _oval()[None]
    matrices = [TURNED, TURNED + np.array([[0, 0, 150.0], [0, 0, -60]]), _shift(300, -100)]
    frame = _smooth(420, 560, 11)[None]
    parts = [paste_faces(frame, face, m, k) for m in matrices for k in (None, mask)]
    monkeypatch.setattr(paste, "_touched", lambda back, face, size: (tuple(size), (0, 0)))
    wholes = [paste_faces(frame, face, m, k) for m in matrices for k in (None, mask)]
    for part, whole in zip(parts, wholes, strict=True):
        assert (part == whole).all() and (part != frame).any()


def test_a_face_beside_the_frame_leaves_it() -> None:
    frame, face = _smooth(100, 120, 12)[None], _smooth(512, 512, 13)[None]
    assert (paste_faces(frame, face, _shift(130, 0)) == frame).all()
    assert (paste_faces(frame, face, _shift(0, -700)) == frame).all()


def test_a_face_of_few_pixels_is_no_error() -> None:
    frame, face = _smooth(64, 64, 14)[None], np.full((1, 512, 512, 3), 255, np.uint8)
    out = paste_faces(frame, face, np.array([[[64.0, 0, -64 * 20], [0, 64, -64 * 20]]]))
    changed = np.argwhere((out != frame).any(-1)[0])
    assert len(changed) and changed.min() >= 20 and changed.max() < 29


def test_enlarged_frames_hold_the_face_half_the_factor_further() -> None:
    assert way_back(_shift(90, 50)[0]).tolist() == [[1, 0, 90], [0, 1, 50]]
    assert way_back(_shift(90, 50)[0], 3).tolist() == [[3, 0, 271.5], [0, 3, 151.5]]
    frame = _smooth(300, 320, 15)[None]
    out = paste_faces(frame, _smooth(512, 512, 16)[None], _shift(400, 0), upscale=2)
    assert (out[0] == cv2.resize(frame[0], (640, 600))).all()


def test_frames_do_not_see_each_other() -> None:
    frames = np.stack([_smooth(420, 560, seed) for seed in (17, 18)])
    faces = np.stack([_smooth(512, 512, seed) for seed in (19, 20)])
    matrices = np.concatenate([TURNED, _shift(20, 10)])
    masks = np.stack([_oval(), np.ones((512, 512), np.float32)])
    together = paste_faces(frames, faces, matrices, masks)
    for i in range(2):
        one = slice(i, i + 1)
        assert (paste_faces(frames[one], faces[one], matrices[one], masks[one]) == together[one]).all()


def test_the_soft_square_stays_between_nothing_and_all() -> None:
    covered, soft = fading_square(way_back(TURNED[0]), (512, 512), (420, 560), (0, 0), 1)
    assert covered.min() == 0 and covered.max() == 1
    assert soft.min() >= 0 and 1 - 1e-6 < soft.max() <= 1 + 1e-6
    assert (soft <= covered + 1e-6).mean() > 0.99


def test_every_region_is_pasted_or_not_as_the_official_map_says() -> None:
    for region, wanted in enumerate(WANTED):
        mask = region_mask(np.full((64, 64), region, np.uint8))
        assert mask[10:-10, 10:-10] == pytest.approx(wanted, abs=1e-6)


def test_masks_are_soft_and_end_before_the_crops_border() -> None:
    regions = np.zeros((512, 512), np.uint8)
    regions[:, 256:] = 1
    mask = region_mask(regions)
    assert mask.min() == 0 and mask.max() <= 1
    assert not mask[:10].any() and not mask[-10:].any() and not mask[:, -10:].any()
    row = mask[256]
    assert row[255] + row[256] == pytest.approx(1, abs=1e-6)
    # two Gaussians of 11 are one of 15.6
    assert row[256 + 16] == pytest.approx(0.855, abs=0.005)
    assert (np.diff(row[10:-10]) >= -1e-6).all()


class Colours(nn.Module):
    """Stands in for trained weights: red is skin, blue is hair, the rest background."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Parameter(torch.zeros(1))
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> Tensor:
        self.seen.append(x)
        logits = x.new_zeros(len(x), 19, *x.shape[2:])
        logits[:, 1], logits[:, 17] = x[:, 0], x[:, 2]
        return logits


def test_the_parser_sees_rgb_from_minus_one_to_one() -> None:
    faces = np.zeros((3, 512, 512, 3), np.uint8)
    faces[0, ..., 0], faces[1, ..., 2] = 255, 255
    network = Colours()
    masks = FaceParser(network, batch=2).masks(faces)
    assert [len(x) for x in network.seen] == [2, 1]
    assert network.seen[0][0, :, 0, 0].tolist() == [1, -1, -1]
    assert masks.shape == (3, 512, 512) and masks.dtype == np.float32
    assert masks[0, 10:-10, 10:-10].min() > 0.999 and not masks[1:].any()
    assert FaceParser(network).masks(faces[:0]).shape == (0, 512, 512)


@pytest.mark.slow
def test_a_whole_parsenet_makes_masks() -> None:
    torch.manual_seed(0)
    masks = FaceParser(ParseNet()).masks(_smooth(512, 512, 21)[None])
    assert masks.shape == (1, 512, 512) and masks.min() >= 0 and masks.max() <= 1


def test_bad_input_is_refused() -> None:
    frame, face = _smooth(64, 64, 22)[None], _smooth(512, 512, 23)[None]
    with pytest.raises(InputError, match="2 matrices"):
        paste_faces(frame, face, np.zeros((2, 2, 3)))
    with pytest.raises(InputError, match="upscale"):
        paste_faces(frame, face, TURNED, upscale=0)
    with pytest.raises(InputError, match="inverted"):
        paste_faces(frame, face, np.zeros((1, 2, 3)))
    with pytest.raises(InputError, match="512"):
        FaceParser(Colours()).masks(frame)
