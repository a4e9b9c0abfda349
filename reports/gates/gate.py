"""NEW against OLD: a verdict a rule, from paired bootstrap intervals over clips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from reports.gates.policy import Policy, Rule
from reports.gates.sides import Job, Side
from vfsrbench.card import MetricCard
from vfsrbench.errors import InputError, all_of, did_you_mean
from vfsrbench.results import stats
from vfsrbench.results.power.clips_needed import clips_for
from vfsrbench.results.schema import JobRecord

Verdict = Literal["GO", "NO-GO", "INCONCLUSIVE"]
EXIT_CODES: Mapping[Verdict, int] = {"GO": 0, "NO-GO": 1, "INCONCLUSIVE": 2}


@dataclass(frozen=True)
class Outcome:
    """What a rule says on a split. `gain` is NEW minus OLD, turned so that more is better; `bound` what is
    asked for; `left_out` counts clips on which neither has a value; `needed` clips would decide it."""

    metric: str
    split: str
    verdict: Verdict
    gain: float
    low: float
    high: float
    bound: float
    clips: int
    left_out: int = 0
    reason: str = ""
    needed: int | None = None


@dataclass(frozen=True)
class Decision:
    """All rules together: NO-GO if one says so, else INCONCLUSIVE if one is."""

    new: str
    old: str
    outcomes: tuple[Outcome, ...]

    @property
    def verdict(self) -> Verdict:
        said = {outcome.verdict for outcome in self.outcomes}
        return "NO-GO" if "NO-GO" in said else "INCONCLUSIVE" if "INCONCLUSIVE" in said else "GO"


def decide(new: Side, old: Side, policy: Policy, cards: Mapping[str, MetricCard]) -> Decision:
    """Hold NEW against OLD.

    Args:
        new: The results in question.
        old: Those that they are compared with.
        policy: The rules.
        cards: The installed metrics.

    Returns:
        A verdict a rule and split. Equal results and policies give equal decisions.

    Raises:
        InputError: The two are not paired, or of different protocols; a rule names what cannot be compared.
    """
    splits = sorted({split for split, _ in new.jobs} | {split for split, _ in old.jobs})
    asked = {split for rule in policy.rules.values() for split in rule.splits or splits}
    check_paired(new.on(asked), old.on(asked))
    outcomes = []
    for metric, rule in policy.rules.items():
        card = _card(metric, cards)
        for split in rule.splits:
            if split not in splits:
                raise did_you_mean(f"split of the rule for {metric}", split, splits)
        for split in rule.splits or splits:
            outcomes.append(_outcome(new, old, card, rule, split, policy))
    return Decision(new.name, old.name, tuple(outcomes))


def check_paired(new: Side, old: Side) -> None:
    """InputError unless both have results of the same clips, under one protocol."""
    reasons = []
    for one, other in ((new, old), (old, new)):
        alone = sorted(one.jobs.keys() - other.jobs.keys())
        if alone:
            reasons.append(f"only {one.name} has {_listed(alone)}")
    if reasons:
        raise InputError(f"the results are not paired: {'; '.join(reasons)}")
    raise_for = []
    for job in sorted(new.jobs):
        a, b = new.jobs[job], old.jobs[job]
        raise_for += [f"{job[1]}, {job[0]}: {text}" for text in _differences(a, b)]
        for side, record in ((new, a), (old, b)):
            if record.status != "ok":
                raise_for.append(
                    f"{job[1]}, {job[0]}: {side.name} has no result ({record.reason or record.status})"
                )
            elif record.untrained:
                raise_for.append(f"{job[1]}, {job[0]}: {side.name} ran with random weights")
    if raise_for:
        raise InputError(f"the results cannot be compared: {all_of(raise_for)}")


def _differences(one: JobRecord, other: JobRecord) -> Iterator[str]:
    said = {
        "data set": "dataset",
        "seed": "seed",
        "recipe": "recipe_digest",
        "ground truth": "gt_digest",
        "profile": "profile",
        "crop of the ground truth": "cropped",
        "track": "track",
    }
    for what, name in said.items():
        a, b = getattr(one, name), getattr(other, name)
        if a != b and not (name == "track" and "" in (a, b)):
            yield f"another {what}"
    if one.lq_digest and other.lq_digest and one.lq_digest != other.lq_digest:
        yield "other degraded frames"


def _card(metric: str, cards: Mapping[str, MetricCard]) -> MetricCard:
    if metric not in cards:
        raise did_you_mean("metric of a rule", metric, cards)
    card = cards[metric]
    if card.level == "split":
        raise InputError(f"rule for {metric}: it is over the whole split, and clips cannot be paired in it")
    if card.direction == "none":
        raise InputError(f"rule for {metric}: neither higher nor lower values of it are better")
    return card


def _outcome(new: Side, old: Side, card: MetricCard, rule: Rule, split: str, policy: Policy) -> Outcome:
    jobs = sorted(job for job in new.jobs if job[0] == split)
    pairs, left_out = _pairs(new, old, card.id, jobs)
    sign = 1.0 if card.direction == "higher" else -1.0
    gains = stats.paired_difference(sign * pairs[:, 0], sign * pairs[:, 1])
    nan = float("nan")
    facts = (card.id, split)
    if len(gains) < policy.least_clips:
        gain = float(gains.mean()) if len(gains) else nan
        reason = f"fewer than {policy.least_clips} clips (least_clips)"
        return Outcome(*facts, "INCONCLUSIVE", gain, nan, nan, rule.bound, len(gains), left_out, reason)
    draws = stats.bootstrap_means(gains, seed=policy.seed, resamples=policy.resamples)
    interval = stats.percentile_interval(draws, policy.level)
    strict = rule.better_by is not None
    enough = interval.low > rule.bound if strict else interval.low >= rule.bound
    verdict: Verdict = "GO" if enough else "NO-GO" if interval.high < rule.bound else "INCONCLUSIVE"
    needed = None
    if verdict == "INCONCLUSIVE" and np.ptp(gains) > 0:
        needed = clips_for((float(gains.mean()) - rule.bound) / float(gains.std(ddof=1)))
    return Outcome(
        *facts,
        verdict,
        gain=float(gains.mean()),
        low=interval.low,
        high=interval.high,
        bound=rule.bound,
        clips=len(gains),
        left_out=left_out,
        needed=needed,
    )


def _pairs(new: Side, old: Side, metric: str, jobs: list[Job]) -> tuple[stats.Floats, int]:
    """Both sides' values a clip; and how many clips have none on either side."""
    rows, problems, left_out = [], [], 0
    for job in jobs:
        a, b = new.jobs[job], old.jobs[job]
        values = [record.clip_values.get(metric, float("nan")) for record in (a, b)]
        if any(metric not in record.clip_values for record in (a, b)):
            lacking = new.name if metric not in a.clip_values else old.name
            why = (a if lacking == new.name else b).unavailable.get(metric, "it was not scored by it")
            problems.append(f"{metric}: {lacking} has no value on {job[1]}, {job[0]} ({why})")
        elif a.metrics.get(metric) != b.metrics.get(metric):
            problems.append(f"{metric}: versions {a.metrics.get(metric)} and {b.metrics.get(metric)}")
        elif _weights(a, metric) != _weights(b, metric):
            problems.append(f"{metric}: computed with other weights, or another finder of faces")
        elif np.isnan(values).all():
            left_out += 1
        elif not np.isfinite(values).all():
            problems.append(f"{metric}: {job[1]}, {job[0]} has a value on one side only: unpaired")
        else:
            rows.append(values)
    if problems:
        raise all_of(problems)
    return np.array(rows, dtype=np.float64).reshape(-1, 2), left_out


def _weights(record: JobRecord, metric: str) -> tuple[dict[str, str], str]:
    score = record.scores.get(metric)
    return ({}, "") if score is None else (score.weights, score.finder)


def _listed(jobs: list[Job]) -> str:
    shown = "; ".join(f"{clip} ({split})" for split, clip in jobs[:3])
    return shown + (f" and {len(jobs) - 3} more" if len(jobs) > 3 else "")
