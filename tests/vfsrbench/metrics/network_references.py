"""Metrics with networks against plain scripts, with the same random weights on both sides.

That the networks are the official ones is shown by their own golden packs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tests.vfsrbench.metrics import clips
from tests.vfsrbench.metrics import plain_scripts as plain
from tests.vfsrbench.metrics.checker import scores
from tests.vfsrbench.metrics.outcome import Outcome, Reference
from tests.vfsrbench.metrics.plain_scripts import FRAMES, LANDMARKS, SIDE, Values
from tests.vfsrbench.metrics.random_weights import metric
from vfsrbench import plugins
from vfsrbench.card import MetricCard
from vfsrbench.metric import Frames, SplitMetric, TruthInfo, Window
from vfsrbench.runtime.precision import Profile

INFO = TruthInfo("clip", "", FRAMES, landmarks=LANDMARKS)
PROFILES: tuple[Profile, ...] = ("strict", "fast")


LARGE = {"ewarp_evalcrafter": 256, "liqe": 256, "liqe_mix": 256}
"""Metrics that refuse frames as small as the others are compared on."""


@cache
def pair(side: int = SIDE) -> tuple[Frames, Frames]:
    """Restored and ground-truth frames."""
    truth = clips.moving(FRAMES, side)
    return clips.noisy(truth, 0.5), truth


def against(metric_id: str, want: Callable[[Frames, Frames], Values], frames: slice = slice(None)) -> Outcome:
    """Frame values of the metric against `want(restored, truth)`, which works frame by frame."""
    restored, truth = pair(LARGE.get(metric_id, SIDE))
    got = scores(metric(metric_id), restored, truth, 3, INFO)[frames]
    wanted = want(restored, truth)[frames]
    assert np.isfinite(wanted).all() and np.ptp(wanted) > 0
    return Outcome(float(np.abs(got - wanted).max()), len(wanted))


def steadiness(metric_id: str, figure: Callable[[Values], float]) -> Outcome:
    """A clip metric that is a ratio of one figure of the restored and of the ground-truth embeddings."""
    restored, truth = pair()
    ours, theirs = plain.both("w600k_r50", restored, truth)
    got = metric(metric_id).finish(scores(metric(metric_id), restored, truth, 3, INFO))
    return Outcome(abs(got - figure(ours) / figure(theirs)), 1)


def feature_sets(
    metric_id: str, frames: int, profile: Profile = "strict", device: str = "cpu"
) -> tuple[list[NDArray[Any]], list[NDArray[Any]]]:
    """Features of both sides of two clips."""
    chosen = metric(metric_id, profile, device)
    assert isinstance(chosen, SplitMetric)
    sides: tuple[list[NDArray[Any]], list[NDArray[Any]]] = ([], [])
    for clip in range(2):
        truth = clips.moving(2 * frames, 64)[clip * frames : (clip + 1) * frames]
        info = replace(INFO, total=frames)
        for side, pictures in zip(sides, (clips.noisy(truth, 0.5), truth), strict=True):
            window = Window(pictures, 0, 0, info)
            chosen.prepare(window)
            side.append(chosen.features(window))
    return sides


def split_value(metric_id: str, want: Callable[[NDArray[Any], NDArray[Any]], float], frames: int) -> Outcome:
    """Relative deviation: these values have no natural size with random weights."""
    restored, truth = feature_sets(metric_id, frames)
    chosen = metric(metric_id)
    assert isinstance(chosen, SplitMetric)
    got = chosen.combine(restored, truth)["value"]
    wanted = want(np.concatenate(restored), np.concatenate(truth))
    return Outcome(abs(got - wanted) / abs(wanted), 1)


def last_frame() -> Outcome:
    """legacy_ids_bfvr: the clip's value is ids_detected of its last frame (of 24 at most)."""
    restored, truth = pair()
    got = metric("legacy_ids_bfvr")
    value = got.finish(scores(got, restored, truth, 3, INFO))
    return Outcome(abs(value - plain.detected("ir_se50")(restored, truth)[-1]), 1)


@cache
def longer_pair() -> tuple[Frames, Frames]:
    """Restored and ground-truth frames for legacy_fvd_bfvr, which looks at 24."""
    truth = clips.moving(26, 64)
    return clips.noisy(truth, 0.5), truth


def first_frames() -> Outcome:
    """legacy_fvd_bfvr against the logits of two calls; relative."""
    from vfsrbench.metrics.networks.i3d import i3d_input

    network = plain.filled("i3d")
    with torch.inference_mode():
        a, b = (network(i3d_input(plain.batch(x[:24])[None]))[0].double().numpy() for x in longer_pair())
    want = float(((a - b) ** 2).sum())
    return Outcome(abs(_first_frames_value("strict", "cpu") - want) / want, 1)


def _first_frames_value(profile: Profile, device: str) -> float:
    chosen = metric("legacy_fvd_bfvr", profile, device)
    return chosen.finish(scores(chosen, *longer_pair(), 16, replace(INFO, total=26)))


def fast_deviations() -> dict[str, float]:
    """Metric id -> how far the fast profile lies from the strict one, on the device at hand, for metrics
    with networks. In the metric's unit; relative for distributions (split metrics, legacy_fvd_bfvr)."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    cards = [entry.card for entry in plugins.metrics() if entry.card.weights]
    # dlib has one arithmetic
    return {card.id: fast_deviation(card, device) for card in cards if "dlib" not in card.id}


def fast_deviation(card: MetricCard, device: str) -> float:
    """The largest over this metric's values; ValueError when it has none."""
    distribution = card.level == "split" or card.id == "legacy_fvd_bfvr"
    values = _distribution_value if distribution else _frame_values
    strict, fast = (np.atleast_1d(values(card.id, profile, device)) for profile in PROFILES)
    difference = np.abs(strict - fast)
    if distribution:
        difference /= np.abs(strict)
    known = difference[np.isfinite(difference)]
    if not len(known) or not np.array_equal(np.isfinite(strict), np.isfinite(fast)):
        raise ValueError(f"{card.id}: no values, or not of the same frames: {strict} and {fast}")
    return float(known.max())


def _frame_values(metric_id: str, profile: Profile, device: str) -> Values:
    restored, truth = pair(LARGE.get(metric_id, SIDE))
    chosen = metric(metric_id, profile, device)
    values = scores(chosen, restored, truth, FRAMES, INFO)
    return np.array([chosen.finish(values)]) if chosen.card.level == "clip" else values


def _distribution_value(metric_id: str, profile: Profile, device: str) -> float:
    if metric_id == "legacy_fvd_bfvr":
        return _first_frames_value(profile, device)
    chosen = metric(metric_id, profile, device)
    assert isinstance(chosen, SplitMetric)
    return chosen.combine(*feature_sets(metric_id, 32 if metric_id == "fvd" else 4, profile, device))["value"]


EXACT, FLOAT32 = 1e-9, 2e-5
RELATIVE = "relative deviation"
SAMPLED = "crops are sampled in float32 here, in float64 there"


def _ids(backend: str, heavy: bool) -> Reference:
    return Reference(lambda: against(f"ids_{backend}", plain.ids(backend)), FLOAT32, SAMPLED, heavy)


def _akd(detector: str, heavy: bool) -> Reference:
    return Reference(lambda: against(f"akd_{detector}", plain.akd(detector)), 1e-3, "pixels", heavy)


def _pairs(metric_id: str, want: Callable[[Frames, Frames], Values], heavy: bool = False) -> Reference:
    return Reference(lambda: against(metric_id, want, slice(1, None)), FLOAT32, "", heavy)


NETWORK_REFERENCES: dict[str, Reference] = {
    "lpips_alex": Reference(lambda: against("lpips_alex", plain.lpips("alex", "alexnet")), FLOAT32),
    "lpips_vgg": Reference(lambda: against("lpips_vgg", plain.lpips("vgg", "vgg16")), FLOAT32, "", True),
    "tlp_alex": _pairs("tlp_alex", plain.tlp),
    "ids_w600k_r50": _ids("w600k_r50", False),
    "ids_glintr100": _ids("glintr100", False),
    "ids_resnet18_gray": _ids("resnet18_gray", False),
    "ids_ir_se50": _ids("ir_se50", True),
    "ids_iresnet50": _ids("iresnet50", True),
    "ids_iresnet100": _ids("iresnet100", True),
    "ids_detected_w600k_r50": Reference(
        lambda: against("ids_detected_w600k_r50", plain.detected("w600k_r50")), 1e-3, "", True
    ),
    "ids_detected_ir_se50": Reference(
        lambda: against("ids_detected_ir_se50", plain.detected("ir_se50")), 1e-3, "", True
    ),
    "vidd_w600k_r50": _pairs("vidd_w600k_r50", plain.vidd("w600k_r50")),
    "vidd_resnet18": _pairs("vidd_resnet18", plain.vidd("resnet18_gray")),
    "tl_id_w600k_r50": Reference(lambda: steadiness("tl_id_w600k_r50", plain.local_figure), FLOAT32, SAMPLED),
    "tg_id_w600k_r50": Reference(
        lambda: steadiness("tg_id_w600k_r50", plain.global_figure), FLOAT32, SAMPLED
    ),
    "akd_2d106": _akd("2d106", False),
    "akd_awing98": _akd("awing98", True),
    "akd_fan68": _akd("fan68", True),
    "akd_relative_awing98": Reference(
        lambda: against("akd_relative_awing98", plain.relative_akd("awing98")), 1e-5, "", True
    ),
    "tof_dis": _pairs("tof_dis", plain.tof(plain.dis_by_hand)),
    "tof_raft": _pairs("tof_raft", plain.tof(plain.raft_by_hand), True),
    "fid_gt": Reference(lambda: split_value("fid_gt", plain.frechet, 4), 1e-4, RELATIVE, True),
    "kid_gt": Reference(lambda: split_value("kid_gt", plain.kid, 4), 1e-6, RELATIVE),
    "fvd": Reference(lambda: split_value("fvd", plain.frechet, 32), 1e-4, RELATIVE, True),
    "legacy_lpips_bfvr": Reference(lambda: against("legacy_lpips_bfvr", plain.script_lpips), 1e-4, "", True),
    "legacy_ids_bfvr": Reference(last_frame, 1e-3, "", True),
    "legacy_fvd_bfvr": Reference(first_frames, 1e-4, RELATIVE, True),
    "legacy_psnr_fos": Reference(lambda: against("legacy_psnr_fos", plain.corrected("psnr")), EXACT),
    "legacy_ssim_fos": Reference(lambda: against("legacy_ssim_fos", plain.corrected("ssim")), EXACT),
    "legacy_deg_vqfr": Reference(lambda: against("legacy_deg_vqfr", plain.angle), 1e-3),
}
