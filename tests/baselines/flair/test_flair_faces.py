"""FLAIR's faces: alignment, crops, mask and paste against the released code; enhancement of whole windows."""

from __future__ import annotations

import cv2
import numpy as np
import torch

from baselines.flair.enhance import FaceEnhancer
from baselines.flair.faces import carried, face_masks
from tests.baselines.taps import flair_taps
from tests.baselines.taps import taps as tap_tools
from tests.baselines.taps.flair_tools import FaceInTheMiddle, LeftIsBackground
from vfsrbench.faces.ffhq_align import FFHQ_512
from vfsrbench.faces.networks.retinaface import MEAN_BGR
from vfsrbench.faces.similarity import transform_points

CASE = tap_tools.pack("flair_face")["cases"][0]


def test_alignment_crops_masks_and_pasted_frames_are_the_released_codes() -> None:
    """To 2e-4 of each tap's spread; the released code's own OpenCV versions differ by more."""
    differences = tap_tools.differences(flair_taps.faces(None, CASE), CASE["outputs"])
    assert {tap: d for tap, d in differences.items() if not d <= 2e-4} == {}


def test_masks_leave_out_what_is_no_face() -> None:
    """Skin is pasted, hair, hat, neck, necklace and cloth are not."""
    logits = torch.zeros(6, 19, 200, 200)
    for picture, region in enumerate((1, 13, 14, 15, 17, 18)):
        logits[picture, region] = 1
    masks = face_masks(logits)
    assert (masks[:2, 0, 60:140, 60:140] > 0.9).all()
    assert (masks[2:] == 0).all()
    assert (masks[:, 0, :10] == 0).all()
    assert (masks[:, 0, :, -10:] == 0).all()


def enhancer(side: int = 160) -> FaceEnhancer:
    return FaceEnhancer(
        FaceInTheMiddle(0), LeftIsBackground(skin=True), lambda faces: torch.ones_like(faces), side
    )


def test_faces_are_searched_in_the_frames_own_size_with_rgb_in_bgrs_place() -> None:
    model = enhancer()
    frame = torch.tensor([1.0, 0.0, 0.5]).view(1, 3, 1, 1).expand(1, 3, 160, 160)
    matrices = model.find(frame)
    assert isinstance(model.detector, FaceInTheMiddle)
    seen = model.detector.seen[0]
    assert seen.shape == (1, 3, 160, 160)
    expected = np.array([255, 127.5, 191.25]) - MEAN_BGR
    np.testing.assert_allclose(seen[0, :, 80, 80], expected, atol=1e-3)
    # the points found lie where the template of the crop's side is
    np.testing.assert_allclose(
        transform_points(matrices[0], FFHQ_512 * 160 / 512), FFHQ_512 * 160 / 512, atol=0.01
    )


def test_only_faces_are_enhanced_and_only_in_frames_that_have_one() -> None:
    model = enhancer()
    frames = torch.zeros(6, 3, 160, 160)
    frames[2] = -1  # the stand-in sees no face here
    matrices = model.find(frames)
    assert np.isfinite(matrices).all((1, 2)).tolist() == [True, True, False, True, True, True]
    out = model.enhance(frames, model.place(matrices, frames))
    assert torch.equal(out[2], frames[2])
    for frame in (0, 5):
        assert (out[frame, :, 70:90, 70:90] > 0.9).all()
        assert torch.equal(out[frame, :, :5], frames[frame, :, :5])
    nobody = model.enhance(frames, model.place(np.full((6, 2, 3), np.nan), frames))
    assert torch.equal(nobody, frames)


def test_pictures_are_carried_as_opencvs_cubic_warp_does_it() -> None:
    picture = np.random.RandomState(0).rand(40, 50).astype(np.float32)
    matrix = np.array([[0.9, 0.2, 3.3], [-0.2, 0.9, 7.7]])
    ours = carried(torch.from_numpy(picture)[None, None], matrix[None], (45, 60))[0, 0].numpy()
    theirs = cv2.warpAffine(picture, matrix, (60, 45), flags=cv2.INTER_CUBIC)
    # OpenCV 4 rounds positions to 1/32 pixel, OpenCV 5 does not
    assert np.abs(ours - theirs).max() < (1e-4 if cv2.__version__ >= "5" else 0.1)
