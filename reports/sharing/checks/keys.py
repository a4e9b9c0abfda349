"""Do the keys follow from what they name? A key that other code made cannot be computed here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from reports.bundles.reading import Bundle
from reports.sharing.checks.findings import Finding, Known, row_of
from reports.sharing.recipes import recipe_of
from vfsrbench.errors import InputError
from vfsrbench.hashing.facts import digest_of
from vfsrbench.method_spec import Method, choose_method
from vfsrbench.results.schema import JobRecord
from vfsrbench.runs import keys
from vfsrbench.splits.manifest_check import Published
from vfsrbench.splits.split import Split, lq_facts
from vfsrbench.weights.resolve import Weights

OTHER_CODE = "its key was made by other code than is here, or from what is not in the bundle"


def check_keys(bundle: Bundle, known: Known) -> Iterator[Finding]:
    """Keys of values, jobs and restorations. Those of a job and its values follow from the bundle alone,
    those of a restoration from the method's code, which is compared with what is installed here."""
    made = _RestoreKeys(bundle, known)
    for result in bundle.results:
        record, row = result.record, row_of(result.record)
        for text, problem in (*_of_scores(bundle, record), *_of_job(bundle, record), *made.of(record)):
            yield Finding(text, row, problem, record.clip)


def _of_scores(bundle: Bundle, record: JobRecord) -> Iterator[tuple[str, bool]]:
    for metric, score in record.scores.items():
        known = bundle.protocol.metric_keys.get(metric)
        if known is None:
            yield f"the key of {metric} is not in the protocol", False
        elif score.key != keys.score_key(record.key, known):
            yield f"the key of {metric} does not follow from those of the job and the metric", True


def _of_job(bundle: Bundle, record: JobRecord) -> Iterator[tuple[str, bool]]:
    truth = bundle.protocol.truth.get(record.clip)
    if truth is None or record.cropped:
        yield "the job's key cannot be computed: what it says of the ground truth is not in the bundle", False
        return
    if truth.get("digest") != record.gt_digest:
        yield "the protocol says other things of the ground truth than of its digest", True
        return
    facts = {**truth, "profile": record.profile} | ({"fit": record.fit} if record.fit else {})
    manifest = bundle.manifests.get(record.split)
    ways = [facts]
    if manifest is not None and record.clip in manifest.clips:
        entry = manifest.clips[record.clip]
        ways.append(facts | {"published": asdict(Published(entry.before_codec_digest, entry.digest))})
    if record.key not in {keys.job_key(record.restore_key, way) for way in ways}:
        yield "the job's key does not follow from the restoration's and the ground truth", True


class _RestoreKeys:
    """Computes keys of restorations as the code here does."""

    def __init__(self, bundle: Bundle, known: Known) -> None:
        self.bundle, self.known = bundle, known.methods
        self._recipes = {split: recipe_of(manifest) for split, manifest in bundle.manifests.items()}
        self._facts: dict[tuple[Any, ...], Mapping[str, Any] | None] = {}

    def of(self, record: JobRecord) -> Iterator[tuple[str, bool]]:
        """What is to be said of a restoration's key."""
        if record.imported and record.restored_digest:
            made = {"frames": record.restored_digest, "import": record.imported}
            whole = "…" not in "".join(map(str, record.imported.values()))
            if digest_of("outputs", made) != record.restore_key and whole:
                yield "the key of its outputs does not follow from their digest", True
            return
        if record.restored_digest and record.restore_key == digest_of(
            "outputs", {"frames": record.restored_digest}
        ):
            return
        found = self._key(record)
        if found != record.restore_key:
            yield OTHER_CODE, False

    def _key(self, record: JobRecord) -> str | None:
        try:
            method = choose_method(record.method, self.known)
        except InputError:
            return None
        facts = self._method(method, record)
        fed = self._fed(method, record)
        if facts is None or fed is None:
            return None
        return keys.restore_key(facts, {**fed, "profile": record.profile})

    def _method(self, method: Method, record: JobRecord) -> Mapping[str, Any] | None:
        uses = method.card.weights_for(dict(method.options))
        hashes = {name: record.weights[name] for use in uses for name in use.names if name in record.weights}
        if any(not use.optional and not set(use.names) & hashes.keys() for use in uses):
            return None
        place = (method.id, *sorted(hashes.items()))
        if place not in self._facts:
            try:
                self._facts[place] = keys.method_facts(method, Weights(hashes=hashes))
            except (InputError, OSError):
                self._facts[place] = None
        return self._facts[place]

    def _fed(self, method: Method, record: JobRecord) -> dict[str, Any] | None:
        fed: dict[str, Any] = {"truth": record.gt_digest, "seed": record.seed, "clip": record.clip}
        if method.card.source == "gt":
            return fed
        if not record.recipe_digest:
            return {**fed, "lq": record.lq_digest}
        manifest = self.bundle.manifests.get(record.split)
        recipe = self._recipes.get(record.split)
        if manifest is None or recipe is None or record.clip not in manifest.clips:
            return None
        truth = manifest.clips[record.clip].truth_digest
        split = Split(record.split, recipe)
        return {**fed, "lq": lq_facts(split, record.clip, truth, record.seed, record.fps)}
