"""Do the records agree with the protocol, the manifests and each other?"""

from __future__ import annotations

from collections.abc import Iterator

from reports.bundles import schema
from reports.bundles.reading import Bundle
from reports.sharing.checks.findings import Finding, Known, row_of
from vfsrbench.results.schema import JobRecord


def check_records(bundle: Bundle, known: Known) -> Iterator[Finding]:
    """What of the jobs contradicts what the bundle says of them all."""
    yield from _head(bundle)
    fed: dict[tuple[str, str], str] = {}
    for result in bundle.results:
        record = result.record
        for problem in _contradictions(bundle, record):
            yield Finding(problem, row_of(record), clip=record.clip)
        if record.status != "ok" or not record.lq_digest:
            continue
        place = (record.split, record.clip)
        if fed.setdefault(place, record.lq_digest) != record.lq_digest:
            yield Finding(
                "other degraded frames than those of other methods", row_of(record), clip=record.clip
            )


def _head(bundle: Bundle) -> Iterator[Finding]:
    head, protocol = bundle.head, bundle.protocol
    said = {
        "board": (head.board, bundle.board.name),
        "title": (head.title, bundle.board.title),
        "dataset": (head.dataset, protocol.name),
        "seed": (head.seed, protocol.seed),
        "clips": (head.clips, bundle.table.clips),
        "board's seed": (bundle.board.seed, protocol.seed),
    }
    for name, (one, other) in said.items():
        if one != other:
            yield Finding(f"{schema.HEAD} says {name} {one!r}, other files {other!r}")
    for clip in sorted(set(bundle.table.clips) - protocol.clips.keys()):
        yield Finding(f"the protocol does not have the clip {clip!r}")
    for split, manifest in bundle.manifests.items():
        if manifest.recipe.digest != protocol.recipes.get(split):
            yield Finding(f"the recipe of {split} is not the one of the protocol")
        if manifest.seed != protocol.seed:
            yield Finding(
                f"the manifest of {split} has the seed {manifest.seed}, the protocol {protocol.seed}"
            )


def _contradictions(bundle: Bundle, record: JobRecord) -> Iterator[str]:
    protocol = bundle.protocol
    said = {
        "data set": (record.dataset, protocol.name),
        "seed": (record.seed, protocol.seed),
        "recipe": (record.recipe_digest, protocol.recipes.get(record.split, record.recipe_digest)),
        "ground truth": (record.gt_digest, protocol.clips.get(record.clip)),
    }
    for name, (one, other) in said.items():
        if one != other:
            yield f"its {name} is not that of the protocol"
    if record.aligned != protocol.use.align:
        yield "it is aligned and the protocol is not, or the other way round"
    truth = protocol.truth.get(record.clip, {})
    for name in () if record.cropped or record.status != "ok" else ("aligned", "height", "width"):
        if name in truth and truth[name] != getattr(record, name):
            yield f"its {name} is not that of the ground truth"
    if record.split not in bundle.board.splits:
        yield f"the board has no split {record.split!r}"
    if record.status != "ok":
        return
    if record.untrained:
        yield "random weights restored it"
    if not record.restored_digest:
        yield "no digest names its restored frames"
    manifest = bundle.manifests.get(record.split)
    entry = None if manifest is None else manifest.clips.get(record.clip)
    if entry is None or not record.lq_digest:
        return
    if entry.digest != record.lq_digest:
        yield "its degraded frames are not those of the manifest"
    if not record.aligned and not record.fit and entry.truth_digest != record.gt_digest:
        yield "the manifest was made from another ground truth"
