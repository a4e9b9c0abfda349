"""What is written down about a job: the parts that are known before it runs, and how it ended."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from vfsrbench.restoration.method_use import MethodUse, Row
from vfsrbench.results.job import Job
from vfsrbench.results.schema import JobRecord, Status
from vfsrbench.runs.jobs import ClipFacts, Setup
from vfsrbench.runtime.versions import versions


def base_record(setup: Setup, clip: ClipFacts, job: Job) -> dict[str, Any]:
    """The fields of a job's record that do not depend on how it ends."""
    use, split = setup.methods[job.method], setup.splits[job.split]
    facts: dict[str, Any] = {
        "key": job.key,
        "restore_key": job.restore_key,
        "run": setup.run,
        "method": job.method,
        "dataset": setup.dataset,
        "split": job.split,
        "split_status": split.status,
        "recipe_digest": split.digest,
        "seed": setup.board.seed,
        "clip": job.clip,
        "aligned": clip.truth.aligned,
        "finder": clip.truth.finder,
        "fit": clip.cropped,
        "demo": setup.board.dataset.layout == "demo",
        "frames": clip.frames,
        "fps": clip.fps,
        "height": clip.truth.height,
        "width": clip.truth.width,
        "gt_digest": clip.truth.digest,
        "reference": clip.truth.reference,
        "metrics": {m: setup.metric_versions[m] for m in setup.metrics_of(job.method)},
        "only": list(setup.beside.get(job.method, ())),
        "profile": setup.options.profile,
        "versions": versions(),
        **_method_facts(use),
    }
    if crop := clip.crops.get((job.method, job.split)):
        facts |= {"frames": crop.frames, "height": crop.height, "width": crop.width, "cropped": str(crop)}
    found_by = clip.truth.found_by
    if found_by is not None:  # what is aligned by random weights means as little as what they restore
        facts["untrained"] |= found_by.untrained
        facts["weights"] |= found_by.weights
        facts["licences_accepted"] |= found_by.accepted
    return facts


def _method_facts(use: Row) -> dict[str, Any]:
    if not isinstance(use, MethodUse):
        facts = {"method_title": use.id, "untrained": False, "weights": {}, "licences_accepted": {}}
        made = use.manifest
        if made is None:
            return {**facts, "track": use.track}
        return {
            **facts,
            "method_title": made.title if use.id == made.method else f"{made.title} ({use.id})",
            "method_licence": made.licence,
            "track": use.track,
            "imported": made.facts(),
            "weights": dict(made.weights),
            "parameters": made.parameters,
        }
    card = use.method.card
    return {
        "track": "" if use.from_gt or card.stands_for else card.reference,
        "method_title": card.title if use.id == card.name else f"{card.title} {use.id[len(card.name) :]}",
        "method_licence": card.licence,
        "method_version": card.version,
        "options": dict(use.method.options),
        "untrained": use.weights.untrained,
        "weights": dict(use.weights.hashes),
        "licences_accepted": dict(use.weights.accepted),
    }


def ended(facts: dict[str, Any], status: Status, reason: str = "", **more: Any) -> JobRecord:
    """The record of a job that ends now."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return JobRecord(**{**facts, **more, "status": status, "reason": reason, "finished": now})
