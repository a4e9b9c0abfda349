"""Each metric against what an independent implementation gave: the packs' figures, or the package itself.

`REFERENCES` maps a metric id to a function that runs the comparison and returns the largest deviation found.
The tests hold it under `limit`; benchmarks/metrics_table.py prints it in docs/metrics.md.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.parity import parity
from tests.vfsrbench.metrics.checker import scores
from tests.vfsrbench.metrics.dlib_references import DLIB_REFERENCES
from tests.vfsrbench.metrics.dover_references import DOVER_REFERENCES
from tests.vfsrbench.metrics.functional.test_niqe import PACK as NIQE_PACK
from tests.vfsrbench.metrics.functional.test_niqe import _picture as niqe_picture
from tests.vfsrbench.metrics.network_references import NETWORK_REFERENCES
from tests.vfsrbench.metrics.outcome import Outcome, Reference
from tests.vfsrbench.metrics.paper_references import PAPER_REFERENCES
from tests.vfsrbench.metrics.quality_references import QUALITY_REFERENCES
from tests.vfsrbench.metrics.random_weights import metric
from vfsrbench.metric import Frames, TruthInfo
from vfsrbench.metrics.estimators.flow import Flow
from vfsrbench.metrics.warping import carrier, visible

PACKS = Path(parity.__file__).parent


def deviation(got: float, want: Any) -> float:
    """|got - want|; 0 for two infinities, infinite for one."""
    wanted = float(want)
    if np.isinf(got) or np.isinf(wanted):
        return 0.0 if got == wanted else float("inf")
    return abs(got - wanted)


# --- PSNR and SSIM -------------------------------------------------------------------------------------


def picture_cases() -> Iterator[tuple[dict[str, Any], Frames, Frames]]:
    """Values, restored and ground-truth frames (T, H, W, 3) of each case of metrics_psnr_ssim."""
    for case in parity.load(PACKS / "metrics_psnr_ssim.json")["cases"]:
        recipe = case["inputs"]
        truth = _u8(parity.make_array(recipe["gt"]))
        restored = _spoilt(truth, recipe)
        for name, array in (("gt", truth), ("pred", restored)):
            assert zlib.crc32(np.ascontiguousarray(array)) == case["crc32"][name], case["name"]
        frames = [a if a.ndim == 4 else a[None] for a in (restored, truth)]
        ours, theirs = (np.ascontiguousarray(f.transpose(0, 2, 3, 1)) for f in frames)
        yield case["values"], ours, theirs


def _u8(array: NDArray[Any]) -> NDArray[np.uint8]:
    return np.clip(np.rint(array), 0, 255).astype(np.uint8)


def _spoilt(truth: NDArray[np.uint8], recipe: dict[str, Any]) -> NDArray[np.uint8]:
    how = recipe["pred"]
    if how == "same":
        return truth
    if how == "noise":
        return _u8(truth.astype(np.float32) + parity.make_array(recipe["noise"]))
    if how == "shift":
        return np.roll(truth, recipe["shift"], axis=-1)
    if how == "other":
        return _u8(parity.make_array(recipe["other"]))
    assert how == "scale"
    return _u8(truth.astype(np.float32) * np.float32(recipe["gain"]) + np.float32(recipe["offset"]))


def frame_values(metric_id: str, keys: tuple[str, ...], clip_key: str = "") -> Outcome:
    """Over all cases: frame values against those of every library under `keys` and a clip's list."""
    worst, compared = 0.0, 0
    for values, restored, truth in picture_cases():
        got = scores(metric(metric_id), restored, truth, 8, TruthInfo("case", "", len(truth)))
        wanted = [[values[key]] for key in keys if key in values]
        if clip_key in values:
            wanted.append(values[clip_key])
        for want in wanted:
            worst = max(worst, *(deviation(a, b) for a, b in zip(got, want, strict=True)))
            compared += len(want)
    return Outcome(worst, compared)


def clip_values(metric_id: str, key: str) -> Outcome:
    """Over all clips of the pack: the clip's value against the one under `key`."""
    worst, compared = 0.0, 0
    for values, restored, truth in picture_cases():
        if key in values:
            got = scores(metric(metric_id), restored, truth, 5, TruthInfo("case", "", len(truth)))
            worst = max(worst, deviation(metric(metric_id).finish(got), values[key]))
            compared += 1
    return Outcome(worst, compared)


# --- warping error -------------------------------------------------------------------------------------


def warp_cases() -> Iterator[tuple[dict[str, Any], NDArray[np.float32], Flow, Flow]]:
    """Each case of metrics_warp: the case, its frames (T, H, W, 3) in [0, 1], forward and backward flow."""
    for case in parity.load(PACKS / "metrics_warp.json")["cases"]:
        recipe = case["inputs"]
        frames = parity.make_array(recipe["frames"]).transpose(0, 2, 3, 1)
        forward, backward = (_given_flow(recipe[k], frames.shape[1:3]) for k in ("fw", "bw"))
        yield case, frames, Flow(forward), Flow(backward)


def _given_flow(spec: dict[str, Any], size: tuple[int, int]) -> NDArray[np.float32]:
    shift = np.array([spec.get("dx", 0), spec.get("dy", 0)], np.float32)[:, None, None]
    if spec["how"] in ("recipe", "blur"):
        field = parity.make_array(spec["recipe"])
        if spec["how"] == "blur":
            side = (spec["k"], spec["k"])
            field = np.stack([cv2.blur(plane, side, borderType=cv2.BORDER_REPLICATE) for plane in field])
        return (field + shift).astype(np.float32)
    field = np.broadcast_to(shift, (2, *size)).copy()
    if spec["how"] == "patch":
        top, bottom, left, right = spec["box"]
        field[:, top:bottom, left:right] = np.array([spec["dx2"], spec["dy2"]])[:, None, None]
    return field


def warp_deviation() -> Outcome:
    """Pair errors x 1e3 with given flows; the masks must agree pixel for pixel."""
    worst, compared = 0.0, 0
    for case, frames, forward, backward in warp_cases():
        seen = visible(forward, backward)
        assert (~seen).sum() == case["pairs"][0]["occluded_either"], case["name"]
        assert zlib.crc32((~seen).astype(np.uint8)) == case["pairs"][0]["mask_crc32"], case["name"]
        carry = carrier(forward, seen)
        compared += len(case["pairs"])
        for t, pair in enumerate(case["pairs"]):
            got = carry.error(255.0 * frames[t].astype(float), 255.0 * frames[t + 1].astype(float))
            if not seen.any():  # no value here; the official code says 0
                assert np.isnan(got) and pair["lai_squared"] == 0
            else:
                worst = max(worst, 1e3 * deviation(got, pair["lai_squared"]))
    return Outcome(worst, compared)


def niqe_deviation() -> Outcome:
    """The pack's pictures in colour, with all of their pixels."""
    worst, compared = 0.0, 0
    for case in NIQE_PACK["cases"]:
        want = case["values"]["y"]
        picture = niqe_picture(case["spec"])[None]
        got = scores(metric("niqe"), picture, picture, 1, TruthInfo("case", "", 1))[0]
        if isinstance(want, str):  # too few blocks: the official code raises, here there is no value
            assert np.isnan(got)
        else:
            worst, compared = max(worst, deviation(got, want)), compared + 1
    return Outcome(worst, compared)


_WARP = Reference(warp_deviation, 1e-4, "the reference works in float32; masks equal in every pixel")

REFERENCES: dict[str, Reference] = {
    "psnr": Reference(lambda: frame_values("psnr", ("basicsr_psnr", "skimage_psnr"), "psnr_per_frame"), 1e-9),
    "psnr_y": Reference(lambda: frame_values("psnr_y", ("basicsr_psnr_y",)), 1e-9),
    "psnr_clip": Reference(lambda: clip_values("psnr_clip", "psnr_of_video_mse_db"), 1e-9),
    "ssim": Reference(
        lambda: frame_values("ssim", ("basicsr_ssim", "skimage_ssim_gaussian"), "ssim_per_frame"), 1e-9
    ),
    "ssim_y": Reference(lambda: frame_values("ssim_y", ("basicsr_ssim_y",)), 1e-9),
    "ssim_vt": Reference(lambda: clip_values("ssim_vt", "ssim_vt"), 1e-9),
    "ewarp_dis": _WARP,
    "ewarp_gt": _WARP,
    "ewarp_self_dis": _WARP,
    "ewarp_raft": _WARP,
    "ewarp_self_raft": _WARP,
    "niqe": Reference(niqe_deviation, 2e-3, "the reference halves the picture in float32"),
    **NETWORK_REFERENCES,
    **QUALITY_REFERENCES,
    **DLIB_REFERENCES,
    **PAPER_REFERENCES,
    **DOVER_REFERENCES,
}
