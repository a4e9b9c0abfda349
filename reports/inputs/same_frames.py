"""The same frames scored with and without a split: results that name no split go where their frames are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from vfsrbench.results.load import StoredResult
from vfsrbench.results.schema import JobRecord

Frames = tuple[str, str, str]
"""Clip, and the digests of its ground truth and its restored frames."""
Groups = Sequence[Sequence[StoredResult]]
_OF_SPLIT = ("split", "split_status", "recipe_digest", "seed", "lq_digest", "canonical")
_BY_METRIC = ("clip_values", "metrics", "scores", "missing")


def join_same_frames(groups: Groups) -> list[list[StoredResult]]:
    """Results by place of origin, those without a split moved into the one that has the same frames.

    A method's results move together, and only if all their frames are in one split and no other. Where it
    has that split itself, its result there gets the values that it lacks, and there is one row.

    Args:
        groups: The results of each place.

    Returns:
        The same, in the same order.
    """
    known: dict[Frames, dict[str, list[StoredResult]]] = {}
    for result in (r for results in groups for r in results if _is_done(r) and not _is_free(r.record)):
        known.setdefault(_frames(result), {}).setdefault(result.record.split, []).append(result)
    added: dict[int, list[JobRecord]] = {}
    kept = [_moved(list(results), known, added) for results in groups]
    return [[_with_values(r, added.get(id(r), [])) for r in results] for results in kept]


def _moved(
    results: list[StoredResult],
    known: dict[Frames, dict[str, list[StoredResult]]],
    added: dict[int, list[JobRecord]],
) -> list[StoredResult]:
    free: dict[str, list[StoredResult]] = {}
    for result in results:
        if _is_free(result.record):
            free.setdefault(result.record.method, []).append(result)
    kept = [r for r in results if not _is_free(r.record)]
    for method, own in free.items():
        splits = [set(known.get(_frames(r), {})) for r in own if _is_done(r)]
        shared = set.intersection(*splits) if splits and len(splits) == len(own) else set()
        if len(shared) != 1:
            kept += own
            continue
        split = shared.pop()
        for result in own:
            twins = known[_frames(result)][split]
            same = [twin for twin in twins if twin.record.method == method]
            for twin in same:
                added.setdefault(id(twin), []).append(result.record)
            if not same:
                facts = {name: getattr(twins[0].record, name) for name in _OF_SPLIT}
                kept.append(replace(result, record=result.record.model_copy(update=facts)))
    return kept


def _with_values(result: StoredResult, others: Sequence[JobRecord]) -> StoredResult:
    record = result.record
    for other in others:
        merged = {name: {**getattr(other, name), **getattr(record, name)} for name in _BY_METRIC}
        reasons = {**other.unavailable, **record.unavailable}
        merged["unavailable"] = {m: why for m, why in reasons.items() if m not in merged["clip_values"]}
        record = record.model_copy(update=merged)
    return replace(result, record=record) if others else result


def _is_done(result: StoredResult) -> bool:
    return result.record.status == "ok" and bool(result.record.restored_digest)


def _is_free(record: JobRecord) -> bool:
    """Whether outputs were scored without saying from which degraded clips they were made."""
    return record.reference and not record.recipe_digest and not record.lq_digest


def _frames(result: StoredResult) -> Frames:
    return result.record.clip, result.record.gt_digest, result.record.restored_digest
