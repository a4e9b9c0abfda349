"""Methods and metrics on the demo clips, with the files that are at hand: what a user would call, in a row.

Every metric scores the ground truth itself and a plain enlargement of each degraded clip; every method
restores the clips, and a few metrics score what came out. A method is run with its default options and,
where others ask for other files, with those too."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import torch

from benchmarks.shown.choice import Chosen, Missing, metric_ids, specs_of, usable
from benchmarks.shown.facts import Run, origin
from benchmarks.shown.scores import YARDSTICKS, Clips, Scores, scores_of
from vfsrbench import plugins
from vfsrbench.card import MetricCard
from vfsrbench.datasets.dataset import Dataset
from vfsrbench.errors import InputError, JobFailure, describe
from vfsrbench.io.clip import Clip
from vfsrbench.method_spec import choose_method
from vfsrbench.predictor import ClipInfo, Predictor
from vfsrbench.restoration.method_use import MethodUse
from vfsrbench.restoration.predictor_cache import PredictorCache
from vfsrbench.restoration.restore import InMemory, restore_clip
from vfsrbench.runtime.memory import free_memory
from vfsrbench.runtime.precision import Profile
from vfsrbench.runtime.versions import device_name
from vfsrbench.weights.resolve import resolve_weights

LOST = 10.0
"""dB below bicubic enlargement at which a restoration counts as failed."""
OF_METHODS = ("psnr", "ssim", "lpips_alex", "idd_dlib", "ids_w600k_r50", "akd_dlib68", "sigma_idd_dlib")
"""What is scored of a method, where it can be: enough to see that it restored the clips, and the person."""


@dataclass(frozen=True)
class Setting:
    """What is run. `only`: names of methods and metrics; empty: all. `command` makes the facts again."""

    device: torch.device
    frames: int = 4
    clips: tuple[str, ...] = ()
    recipe: str = "vfhq-mild"
    profile: Profile = "strict"
    only: tuple[str, ...] = ()
    command: str = ""


def run_demo(setting: Setting) -> Iterator[Run | Missing]:
    """Run all that can be run, and say of the rest what it lacks; each as soon as it is known.

    Raises:
        InputError: A name in `only` is neither a method nor a metric, or a clip is not known.
    """
    chosen = [*usable("method", specs_of(setting.only)), *usable("metric", metric_ids(setting.only))]
    yield from (one for one in chosen if isinstance(one, Missing))
    methods = [one for one in chosen if isinstance(one, Chosen) and one.kind == "method"]
    metrics = [one for one in chosen if isinstance(one, Chosen) and one.kind == "metric"]
    for frames, group in groupby(
        sorted(metrics, key=lambda m: _frames(m, setting)), lambda m: _frames(m, setting)
    ):
        yield from _metrics(setting, _clips(setting, frames), list(group))
    if methods:
        clips = _clips(setting, setting.frames)
        plain = _scores_of_method("bicubic", clips, setting)
        for method in methods:
            yield _method(setting, clips, method, plain)
            free_memory()


def _frames(metric: Chosen, setting: Setting) -> int:
    return max(setting.frames, plugins.choose_metric(metric.spec).card.min_frames)


def _clips(setting: Setting, frames: int) -> Clips:
    return Clips.of(list(Dataset.open("demo", clips=setting.clips, frames=frames)), frames, setting.recipe)


# --- metrics -------------------------------------------------------------------------------------------


def _metrics(setting: Setting, clips: Clips, metrics: Sequence[Chosen]) -> Iterator[Run]:
    """Metrics on clips of one length; those of the same files together, as they share what the files give."""
    restored = {"oracle": clips.gt, "bicubic": _restored("bicubic", clips, setting)}
    by_files = sorted(metrics, key=lambda m: [file.name for file in m.weights])
    for _, group in groupby(by_files, key=lambda m: [file.name for file in m.weights]):
        due = list(group)
        scores = scores_of([metric.spec for metric in due], clips, restored, setting.device, setting.profile)
        for metric in due:
            figures = {
                row: scores.means[metric.spec, row]
                for row in YARDSTICKS
                if (metric.spec, row) in scores.means
            }
            card = plugins.choose_metric(metric.spec).card
            reason = scores.unavailable.get(metric.spec) or blind(card, bool(metric.weights), figures)
            yield _fact(setting, clips, metric, figures, reason)


def blind(card: MetricCard, has_files: bool, figures: dict[str, float]) -> str:
    """Why a comparison of frames with the ground truth tells nothing; empty if it does."""
    if not has_files or card.level != "frame" or not card.reference or card.direction == "none":
        return ""
    if any(row not in figures for row in YARDSTICKS):
        return "no value"
    same, plain = (figures[row] for row in YARDSTICKS)
    if same > plain if card.direction == "higher" else same < plain:
        return ""
    return f"the ground truth itself has {same:.4g}, no better than bicubic enlargement with {plain:.4g}"


# --- methods -------------------------------------------------------------------------------------------


def _method(setting: Setting, clips: Clips, method: Chosen, plain: Scores) -> Run | Missing:
    """Restore all clips with a method, and score them."""
    try:
        scores = plain if method.spec == "bicubic" else _scores_of_method(method.spec, clips, setting)
    except InputError as error:
        if not method.weights:  # a library is missing, or an option that has no default
            return Missing("method", method.spec, str(error))
        return _fact(setting, clips, method, {}, str(error))
    except Exception as error:
        return _fact(setting, clips, method, {}, describe(error))
    figures = {metric: value for (metric, _), value in scores.means.items()}
    return _fact(setting, clips, method, figures, lost(bool(method.weights), figures, plain))


def lost(has_files: bool, figures: dict[str, float], plain: Scores) -> str:
    """Why a restoration has little to do with its clip; empty if it has. A network that is fed or filled
    wrongly runs all the same."""
    own, least = figures.get("psnr"), plain.means.get(("psnr", "bicubic"))
    if not has_files or own is None or least is None or own >= least - LOST:
        return ""
    return f"PSNR {own:.1f} dB, where bicubic enlargement has {least:.1f} dB"


def _scores_of_method(spec: str, clips: Clips, setting: Setting) -> Scores:
    restored = {spec: _restored(spec, clips, setting)}
    metrics = [one.spec for one in usable("metric", OF_METHODS) if isinstance(one, Chosen)]
    return scores_of(metrics, clips, restored, setting.device, setting.profile)


def _restored(spec: str, clips: Clips, setting: Setting) -> list[Clip]:
    """The clips by a method, which is loaded once."""
    method = choose_method(spec)
    use = MethodUse(method, resolve_weights(method.card.weights_for(dict(method.options))))
    predictor = PredictorCache(setting.device, setting.profile).need(use)
    sources = clips.gt if method.card.source == "gt" else clips.lq
    return [_one(predictor, source, gt, setting) for source, gt in zip(sources, clips.gt, strict=True)]


def _one(predictor: Predictor, source: Clip, gt: Clip, setting: Setting) -> Clip:
    info = ClipInfo(gt.name, len(source), source.fps, source.height, source.width, gt.height, gt.width)
    sink = InMemory()
    try:
        restore_clip(predictor, source, info, sink, seed=0, device=setting.device)
    except JobFailure as failure:
        raise InputError(failure.reason) from failure
    return Clip.from_array(sink.frames(), gt.name, gt.fps)


def _fact(setting: Setting, clips: Clips, one: Chosen, figures: dict[str, float], reason: str) -> Run:
    return Run(
        kind=one.kind,
        name=one.name,
        spec=one.spec,
        module=one.module,
        version=one.version,
        weights=one.weights,
        clips=clips.names,
        frames=clips.frames,
        recipe=setting.recipe,
        profile=setting.profile,
        figures={} if reason else dict(sorted(figures.items())),
        failed=reason,
        origin=origin(one.module, setting.command, device_name(setting.device)),
    )
