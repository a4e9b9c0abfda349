"""Every metric passes every check of the checker; a metric without a case fails."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from tests.vfsrbench.metrics import checker, clips
from tests.vfsrbench.metrics.checker import Case
from vfsrbench import plugins
from vfsrbench.metrics.base import TruthInfo

EXACT = TruthInfo("moving", "digest", total=24, exact_flow=clips.motion)


def case_of(metric_id: str) -> Case:
    metric = plugins.build_metric(plugins.choose_metric(metric_id, catalogue()))
    perfect = {"psnr": float("inf"), "ssim": 1.0}.get(metric_id.split("_")[0])
    return Case(metric, clips.moving, clips.noisy, perfect, EXACT, reference="self" not in metric_id)


@cache
def catalogue() -> plugins.Catalogue:
    return plugins.metrics()


WITHOUT_WEIGHTS = sorted(e.card.id for e in catalogue() if not e.card.weights and not e.card.derived)


@pytest.mark.parametrize("check", checker.CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("metric_id", WITHOUT_WEIGHTS)
def test_check(metric_id: str, check: Callable[[Case], None]) -> None:
    check(case_of(metric_id))
