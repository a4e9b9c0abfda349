"""Each method: cold start, repeatability, difference to the CPU, waits, speed and memory by batch."""

from __future__ import annotations

import time
from functools import partial

import numpy as np
import torch

from benchmarks.arithmetic.methods import untrained_root
from benchmarks.arithmetic.subjects import method_subjects
from benchmarks.gpu_steps.session import PROFILES, Facts, Found, Session
from benchmarks.gpu_steps.waits import waits_by_line
from benchmarks.method_speed import Run, Task, drifting, psnr
from benchmarks.random_weights import write_method_weights
from vfsrbench.method_spec import Method, choose_method
from vfsrbench.predictor import ClipInfo, Predictor
from vfsrbench.restoration.method_use import MethodUse
from vfsrbench.restoration.predictor_cache import PredictorCache
from vfsrbench.restoration.restore import restore_window, start_clip
from vfsrbench.runtime.memory import free_memory
from vfsrbench.runtime.precision import Profile
from vfsrbench.weights.resolve import resolve_weights

REDUCED = ("edvr", "bicubic")
ON_CPU_TOO = 10
"""Frames of a video method's clip; networks with a memory are at their full cost by then."""


def specs() -> list[str]:
    """Every method with weights, the cheapest first: a run that is cut has most of them."""
    return [subject.spec for subject in method_subjects()]


def run(session: Session) -> Found:
    for spec in session.methods or (REDUCED if session.reduced else specs()):
        yield spec, partial(facts_of, spec, session)


def facts_of(spec: str, session: Session) -> Facts:
    """All that is measured of one method, which is loaded once a profile."""
    facts: Facts = {}
    with untrained_root() as root:
        method = choose_method(spec)
        write_method_weights(method, root)
        strict: np.ndarray | None = None
        for profile in PROFILES:
            start = time.perf_counter()
            predictor = load(method, session.device, profile)
            session.wait()
            loading = time.perf_counter() - start
            run = Run(_task(spec, profile, session), predictor, session.device)
            frames = run.task.lengths[0]
            run.set_batch(1)
            first, second = run.once(frames), run.once(frames)
            facts[profile] = {
                "load_s": round(loading, 3),
                "first_clip_s": round(first.report.seconds, 4),
                "second_clip_s": round(second.report.seconds, 4),
                "repeatable": bool(np.array_equal(first.restored, second.restored)),
                "waits": waits_by_line(session, lambda run=run, frames=frames: run.once(frames)),
                "speed": speed(run),
            }
            if strict is None:
                strict = second.restored
            else:
                facts[profile]["psnr_to_strict"] = _finite(psnr(second.restored, strict))
            del predictor, run
            free_memory()
        if session.cuda and "flair" not in spec:
            facts["cpu"] = against_cpu(method, session)
    return facts


def load(method: Method, device: torch.device, profile: Profile) -> Predictor:
    weights = resolve_weights(method.card.weights_for(dict(method.options)))
    return PredictorCache(device, profile).need(MethodUse(method, weights))


def _task(spec: str, profile: Profile, session: Session) -> Task:
    image = choose_method(spec).card.kind == "image"
    frames = 2 if session.reduced else 32 if image else 5 if "flair" in spec else ON_CPU_TOO
    batches = (1, 2) if session.reduced else (1, 4, 16, 32)
    return Task(
        spec, profile, (frames,), batches, session.size, str(session.device), 1 if session.reduced else 2
    )


def speed(run: Run) -> list[Facts]:
    """Frames a second and peak memory by frames a call."""
    frames = run.task.lengths[0]
    image = run.predictor.card.kind == "image"
    found = []
    for batch in [b for b in run.task.batches if b <= frames] if image else [frames]:
        run.set_batch(batch)
        once = run.best_of(frames)
        facts = {
            "frames_a_call": once.report.window,
            "frames_s": float(f"{frames / once.report.seconds:.4g}"),
            "peak_mib": round(once.report.peak_memory / 2**20),
        }
        found.append(facts | ({"halved": once.report.halved} if once.report.halved else {}))
        if once.report.halved:  # larger batches do not fit either
            break
    return found


def against_cpu(method: Method, session: Session) -> Facts:
    """The same frames on card and CPU, both strict: the largest difference in levels, and the PSNR."""
    frames = 1 if method.card.kind == "image" else 2
    restored = [once(method, device, frames, session) for device in (session.device, torch.device("cpu"))]
    card, cpu = (part.astype(np.int16) for part in restored)
    return {"largest_levels": int(np.abs(card - cpu).max()), "psnr": _finite(psnr(*restored))}


def once(method: Method, device: torch.device, frames: int, session: Session) -> np.ndarray:
    predictor = load(method, device, "strict")
    side = max(1, session.size // 4)
    clip = drifting(frames, side)
    info = ClipInfo(clip.name, frames, clip.fps, side, side, session.size, session.size)
    start_clip(predictor, info, 0, device)
    return restore_window(predictor, clip.read(0, frames), info, 0, device)


def _finite(value: float) -> float | str:
    return round(value, 2) if np.isfinite(value) else "same"
