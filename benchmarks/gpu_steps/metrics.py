"""Each metric's milliseconds a frame, and frames a second when all of them score together."""

from __future__ import annotations

import os
from functools import partial

import numpy as np

from benchmarks.gpu_steps.session import PROFILES, Facts, Found, Session
from tests.vfsrbench.metrics import clips, random_weights
from vfsrbench import plugins
from vfsrbench.card import MetricCard
from vfsrbench.io.clip import Clip
from vfsrbench.metric import Metric, SplitMetric, TruthInfo, Window
from vfsrbench.scoring.scorer import Scorer

REDUCED = ("psnr", "lpips_alex")
FRAMES = 8
FACE = ((0.38, 0.45), (0.62, 0.45), (0.5, 0.6), (0.4, 0.75), (0.6, 0.75))
"""Eyes, nose tip, mouth corners, in parts of the picture."""


def cards(session: Session) -> list[MetricCard]:
    """What is measured: all but derived ones and dlib's, which know no card."""
    found = [e.card for e in plugins.metrics() if not e.card.derived and "dlib" not in e.card.id]
    return [card for card in found if card.id in REDUCED] if session.reduced else found


def pair(session: Session, frames: int) -> tuple[np.ndarray, np.ndarray, TruthInfo]:
    """Restored and ground-truth frames, and the facts of the clip."""
    gt = clips.moving(frames, session.size)
    landmarks = np.broadcast_to(np.array(FACE) * session.size, (frames, 5, 2)).copy()
    return clips.noisy(gt, 0.5), gt, TruthInfo("clip", "", frames, landmarks=landmarks)


def run(session: Session) -> Found:
    for card in cards(session):
        if "exact_flow" not in card.needs:
            yield card.id, partial(facts_of, card, session)


def facts_of(card: MetricCard, session: Session) -> Facts:
    """Milliseconds a frame: of the ground truth's side, and of a restored clip's."""
    facts: Facts = {}
    for profile in PROFILES if card.weights else PROFILES[:1]:
        chosen = random_weights.metric(card.id, profile, str(session.device))
        frames = max(2 if session.reduced else FRAMES, card.min_frames)
        restored, gt, info = pair(session, frames)
        truth = Window(gt, 0, 0, info)
        state = chosen.prepare(truth)

        def prepared(chosen: Metric = chosen, gt: np.ndarray = gt, info: TruthInfo = info) -> object:
            window = Window(gt, 0, 0, info)
            return chosen.features(window) if isinstance(chosen, SplitMetric) else chosen.prepare(window)

        def scored(
            chosen: Metric = chosen,
            state: object = state,
            truth: Window = truth,
            restored: np.ndarray = restored,
            info: TruthInfo = info,
        ) -> object:
            window = Window(restored, 0, 0, info)
            split = isinstance(chosen, SplitMetric)
            return chosen.features(window) if split else chosen.score(window, truth, state)

        facts[profile] = {
            "gt_ms": round(1e3 * session.seconds(prepared) / frames, 3),
            "restored_ms": round(1e3 * session.seconds(scored) / frames, 3),
        }
    return facts


def together(session: Session) -> Found:
    """The scorer with every metric at once: frames a second, for some restored versions of a clip."""
    versions, frames = (1, 2) if session.reduced else (4, 16)
    chosen = [card for card in cards(session) if "exact_flow" not in card.needs]
    for card in chosen:
        random_weights.weights_of(card)
    restored, gt, info = pair(session, frames)
    before = os.environ.get("VFSRBENCH_WEIGHTS")
    os.environ["VFSRBENCH_WEIGHTS"] = str(random_weights.folder())
    try:
        for profile in PROFILES:
            scorer = Scorer([card.id for card in chosen], plugins.metrics(), session.device, profile)
            clip, outputs = Clip.from_array(gt, "gt"), [Clip.from_array(restored, "r")] * versions
            seconds = session.seconds(
                lambda scorer=scorer, clip=clip, outputs=outputs: scorer.score(clip, info, outputs), 1
            )
            yield (
                profile,
                {
                    "metrics": len(scorer.metrics),
                    "unavailable": sorted(scorer.unavailable),
                    "restored_frames_s": round(versions * frames / seconds, 3),
                    "window": scorer.window,
                },
            )
    finally:
        if before is None:
            del os.environ["VFSRBENCH_WEIGHTS"]
        else:
            os.environ["VFSRBENCH_WEIGHTS"] = before
