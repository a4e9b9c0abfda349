"""Every metric passes every check of the checker; a metric without a case fails.

Metrics with networks run with random weights in the official layout: what is checked does not depend on
what a network has learnt. dlib's files are the trained ones, on a face; without them its metrics are skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.vfsrbench.metrics import checker, clips, dlib_references
from tests.vfsrbench.metrics.checker import Case
from tests.vfsrbench.metrics.random_weights import metric, weights_of
from vfsrbench import plugins
from vfsrbench.faces.arcface_align import ARCFACE_112
from vfsrbench.metric import TruthInfo

FACE = 128
PERFECT = {"psnr": np.inf, "ssim": 1.0, "lpips": 0.0, "tlp": 0.0, "ids": 1.0, "tl": 1.0, "tg": 1.0}
PERFECT |= {"dists": 0.0, "akd": 0.0, "tof": 0.0, "idd": 0.0, "idlq": 1.0}
INFO = TruthInfo("checked", "digest", total=24, exact_flow=clips.motion)
OPINIONS = ("musiq", "clipiqa", "liqe", "maniqa")  # a network's, with random weights here
ALONE = (
    "ewarp_self",
    "ewarp_evalcrafter",
    "legacy_vidd",
    "niqe",
    *OPINIONS,
)  # these never look at the ground truth
LONG = ("psnr", "ssim", "ssim_vt")  # memory: 100 frames against 900
OWN_TESTS = {"legacy_fvd_bfvr", "legacy_deg_vqfr"}
OWN_TESTS |= {"dover", "dover_technical", "dover_aesthetic", "dover_mean5"}
"""Metrics whose rule (one value a clip, pairs left out) the checks do not fit; see test_legacy.py and
test_dover.py."""
HEAVY = (
    "vgg",
    "dists",
    "adaface",
    "gray",
    "resnet18",
    "legacy_vidd",
    "evalcrafter",
    "ir_se50",
    "iresnet",
    "detected",
    "akd_awing",
    "akd_relative",
    "akd_fan",
    "raft",
    "legacy_ids",
    "bfvr",
    "idd_dlib",
    "ids_dlib",
    *OPINIONS,
)


FLAT = ("psnr_clip", "ssim_vt", "lpips_alex", "ewarp_gt")
"""A mean, a strip, a network, frames before: whose memory is looked at in the plain suite."""
QUICK = [check for check in checker.CHECKS if check is not checker.check_flat_memory]


def landmarks(frames: int) -> NDArray[np.float64]:
    """Five points of a face that fills the clip and moves with it."""
    steps = np.arange(frames)[:, None, None] * np.array(clips.STEP)
    return ARCFACE_112[None] + 8 + steps * 0.5


def dlib_case(metric_id: str) -> Case:
    if dlib_references.lacking():
        pytest.skip(dlib_references.lacking())
    chosen = dlib_references.dlib_metric(metric_id)
    info = dlib_references.face_info()
    perfect = PERFECT.get(metric_id.split("_")[0])
    clip = dlib_references.face_frames
    return Case(chosen, clip, clips.noisy, perfect, info, frames=4, long=(16, 32))


def case_of(metric_id: str) -> Case:
    if "dlib" in metric_id:
        return dlib_case(metric_id)
    chosen = metric(metric_id)
    perfect = PERFECT.get(metric_id.split("_")[0])
    info = replace(INFO, landmarks=landmarks(1000))
    case = Case(chosen, clips.moving, clips.noisy, perfect, info, reference=not metric_id.startswith(ALONE))
    case = replace(case, taught=not metric_id.startswith(OPINIONS))
    if metric_id in LONG:
        return case
    case = replace(case, frames=6, long=(24, 72))
    if metric_id == "niqe":
        return replace(case, clip=partial(clips.moving, size=192))
    if metric_id.startswith("maniqa"):  # of whose 20 crops one takes seconds
        one = type(chosen)(chosen.card.model_copy(update={"params": {**chosen.card.params, "crops": 1}}))
        one.load(weights_of(one.card), torch.device("cpu"))
        return replace(case, metric=one, clip=partial(clips.moving, size=FACE), frames=3, long=(8, 16))
    if metric_id.startswith("liqe"):  # smaller ones are refused
        return replace(case, clip=partial(clips.moving, size=256))
    if metric_id == "ewarp_evalcrafter":  # likewise
        return replace(case, clip=partial(clips.moving, size=256), long=(16, 32))
    return replace(case, clip=partial(clips.moving, size=FACE)) if chosen.card.weights else case


def checked(heavy: bool) -> list[str]:
    cards = [entry.card for entry in plugins.metrics() if entry.card.derived is None]
    ids = [card.id for card in cards if card.level != "split" and card.id not in OWN_TESTS]
    return [i for i in ids if any(part in i for part in HEAVY) is heavy]


@pytest.mark.parametrize("check", QUICK, ids=lambda check: check.__name__)
@pytest.mark.parametrize("metric_id", checked(heavy=False))
def test_check(metric_id: str, check: Callable[[Case], None]) -> None:
    check(case_of(metric_id))


@pytest.mark.parametrize(
    "metric_id",
    [i if i in FLAT else pytest.param(i, marks=pytest.mark.slow) for i in checked(heavy=False)],
)
def test_memory_is_flat(metric_id: str) -> None:
    checker.check_flat_memory(case_of(metric_id))


@pytest.mark.slow
@pytest.mark.parametrize("check", checker.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("metric_id", checked(heavy=True))
def test_check_large_networks(metric_id: str, check: Callable[[Case], None]) -> None:
    check(case_of(metric_id))


@pytest.mark.gpu
@pytest.mark.parametrize("metric_id", [*checked(heavy=False), *checked(heavy=True)])
def test_the_gpu_gives_what_the_cpu_gives(metric_id: str) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    if "dlib" in metric_id or not metric(metric_id).card.weights:
        pytest.skip("runs on the CPU in any case")
    checker.check_gpu(case_of(metric_id), metric(metric_id, device="cuda"))


def test_every_metric_is_checked_somewhere() -> None:
    cards = [entry.card for entry in plugins.metrics()]
    elsewhere = {c.id for c in cards if c.derived or c.level == "split"} | OWN_TESTS
    assert {c.id for c in cards} == elsewhere | set(checked(False)) | set(checked(True))
