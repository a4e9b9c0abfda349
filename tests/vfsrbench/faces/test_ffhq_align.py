from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d

from degradations.errors import InputError
from vfsrbench.faces.ffhq_align import (
    BORDER_RGB,
    FFHQ_512,
    Alignment,
    align_clip_landmarks,
    fill_missing,
    smooth_over_time,
    warp_affine,
)
from vfsrbench.faces.similarity import transform_points


def _clip_landmarks(frames: int = 30, seed: int = 0) -> np.ndarray:
    rng = np.random.RandomState(seed)
    drift = np.cumsum(rng.normal(0, 2, (frames, 1, 2)), axis=0)
    return FFHQ_512 * 0.5 + 40 + drift + rng.normal(0, 1, (frames, 5, 2))


@pytest.mark.parametrize("frames", [1, 7, 20, 90])
def test_smoothing_is_scipys(frames):
    values = _clip_landmarks(frames)
    assert np.allclose(smooth_over_time(values, 5), gaussian_filter1d(values, 5, axis=0), rtol=0, atol=1e-10)
    assert (smooth_over_time(values, 0) == values).all()


def test_missing_frames_are_interpolated_and_ends_held():
    points = _clip_landmarks(6)
    holed = points.copy()
    holed[[0, 3, 5]] = np.nan
    filled = fill_missing(holed)
    assert np.allclose(filled[3], (points[2] + points[4]) / 2)
    assert (filled[0] == points[1]).all() and (filled[5] == points[4]).all()
    assert (filled[[1, 2, 4]] == points[[1, 2, 4]]).all()


def test_filling_comes_before_smoothing_and_found_is_told():
    holed = _clip_landmarks(30)
    holed[10:14] = np.nan
    alignment = align_clip_landmarks(holed)
    assert np.allclose(alignment.landmarks, gaussian_filter1d(fill_missing(holed), 5, axis=0), atol=1e-10)
    assert alignment.found.sum() == 26 and not alignment.found[10:14].any()


def test_eyes_land_on_the_template():
    exact = np.stack([FFHQ_512 * 0.5 + [i, 40] for i in range(8)])
    alignment = align_clip_landmarks(exact, sigma=0)
    assert np.allclose(transform_points(alignment.matrices, exact), FFHQ_512, atol=1e-9)


def test_smoothing_steadies_the_transforms():
    jittery = FFHQ_512 * 0.5 + np.random.RandomState(1).normal(0, 2, (60, 5, 2))
    shaky = align_clip_landmarks(jittery, sigma=0).matrices
    steady = align_clip_landmarks(jittery).matrices
    assert np.abs(np.diff(steady, axis=0)).mean() < 0.2 * np.abs(np.diff(shaky, axis=0)).mean()


def test_windows_give_the_frames_of_the_whole(tmp_path):
    frames = np.random.RandomState(0).randint(0, 256, (6, 90, 120, 3)).astype(np.uint8)
    alignment = align_clip_landmarks(_clip_landmarks(6) * 0.3, source_size=(90, 120))
    whole = alignment.apply(frames)
    assert whole.shape == (6, 512, 512, 3)
    assert (alignment.apply(frames[4:], start=4) == whole[4:]).all()
    assert (whole == warp_affine(frames, alignment.matrices, (512, 512), BORDER_RGB)).all()


def test_saved_transforms_come_back_bit_for_bit(tmp_path):
    holed = _clip_landmarks(9)
    holed[2] = np.nan
    alignment = align_clip_landmarks(holed, sigma=2.5, source_size=(480, 640))
    alignment.save(tmp_path / "clip.json")
    back = Alignment.load(tmp_path / "clip.json")
    for name in ("matrices", "landmarks", "found"):
        assert (getattr(back, name) == getattr(alignment, name)).all()
    assert (back.size, back.source_size, back.sigma) == ((512, 512), (480, 640), 2.5)
    assert [p.name for p in tmp_path.iterdir()] == ["clip.json"]


def test_bad_input_is_one_clear_line(tmp_path):
    with pytest.raises(InputError, match="no face was found in any of the clip's 3 frames"):
        align_clip_landmarks(np.full((3, 5, 2), np.nan))
    with pytest.raises(InputError, match=r"\(T, 5, 2\)"):
        align_clip_landmarks(np.zeros((3, 4, 2)))
    alignment = align_clip_landmarks(_clip_landmarks(3), source_size=(90, 120))
    with pytest.raises(InputError, match="alignment has 3 frames"):
        alignment.apply(np.zeros((4, 90, 120, 3), np.uint8))
    with pytest.raises(InputError, match="120x90"):
        alignment.apply(np.zeros((3, 96, 120, 3), np.uint8))
    with pytest.raises(InputError, match="no such file"):
        Alignment.load(tmp_path / "missing.json")
    (tmp_path / "other.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(InputError, match="format"):
        Alignment.load(tmp_path / "other.json")
    (tmp_path / "half.json").write_text('{"format": 1, "size": [512, 512]}')
    with pytest.raises(InputError, match="complete"):
        Alignment.load(tmp_path / "half.json")


def _digest() -> str:
    """Over the transforms of a clip with gaps and one aligned frame."""
    holed = _clip_landmarks(60)
    holed[20:31] = np.nan
    alignment = align_clip_landmarks(holed)
    picture = np.random.RandomState(0).randint(0, 256, (1, 200, 300, 3)).astype(np.uint8)
    return hashlib.sha256(alignment.matrices.tobytes() + alignment.apply(picture).tobytes()).hexdigest()


def test_same_bits_without_wide_vector_instructions():
    code = (
        "import importlib.util, sys; spec = importlib.util.spec_from_file_location('t', sys.argv[1]); "
        "t = importlib.util.module_from_spec(spec); spec.loader.exec_module(t); print(t._digest())"
    )
    narrow = "AVX2 FMA3 AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR X86_V3 X86_V4"
    environment = os.environ | {"NPY_DISABLE_CPU_FEATURES": narrow}
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, __file__],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == _digest()


def test_alignment_needs_no_torch():
    code = (
        "import sys, vfsrbench.faces.ffhq_align, vfsrbench.faces.pair_align; "
        "sys.exit('torch' in sys.modules or 'cv2' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
