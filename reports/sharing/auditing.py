"""Looks at frames: clips are degraded, scored or restored again here and held against a bundle."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reports.bundles.draw import drawn_clips
from reports.bundles.reading import Bundle, BundledResult
from reports.sharing.audits.again import Again, scored_again
from reports.sharing.audits.comparing import compared
from reports.sharing.audits.degraded import degraded_again
from reports.sharing.audits.outputs import output_folders
from reports.sharing.checking import Audit
from reports.sharing.checks.findings import Finding, Where
from vfsrbench.board import DatasetUse
from vfsrbench.datasets.dataset import DEMO, Dataset, dataset_of
from vfsrbench.errors import InputError

TOLERANCE = 1e-3
"""Values that were computed here may differ by this part of the largest: other hardware, other libraries."""


@dataclass(frozen=True)
class Auditor:
    """What is to be done again.

    `dataset`: where the data set lies (the demo's clips are always here). `degrade`: whether the degraded
    clips are made again; None: where the data set is here. `outputs`: folders of restored clips, by the name
    of their row, "" for a folder of many rows. `count` clips, drawn by `seed`, are scored again where there
    are outputs (or frames in the bundle); with `restore` they are restored again, too.
    """

    dataset: Path | None = None
    layout: str | None = None
    degrade: bool | None = None
    outputs: Mapping[str, Path] = field(default_factory=dict)
    count: int = 0
    seed: int = 0
    restore: bool = False
    tolerance: float = TOLERANCE
    progress: Callable[[str], None] = lambda what: None

    def __call__(self, bundle: Bundle) -> Audit:
        """Audit a bundle.

        Raises:
            InputError: There is no data set for what is asked for, or it cannot be opened.
        """
        use = self._use(bundle)
        asked = self.restore or self.count or self.outputs or self.degrade
        if use is None:
            if asked:
                raise InputError(
                    f"{bundle.path}: scoring, restoring and degrading again take the data set: say where it "
                    "lies with --dataset"
                )
            return Audit()
        found = Audit(seed=self.seed)
        clips = bundle.table.clips
        data = dataset_of(use, clips)
        alike = tuple(self._same_truth(bundle, data, found))
        if self.degrade is not False:
            found.degraded = degraded_again(bundle, data, alike, found.findings, self.progress)
        if self.restore or self.outputs or self.count:
            found.clips = drawn_clips(alike, self.count or len(alike), self.seed)
            with tempfile.TemporaryDirectory(prefix="vfsrbench-audit-") as folder:
                self._again(bundle, use.replace(clips=found.clips), found, Path(folder))
        return found

    def _use(self, bundle: Bundle) -> DatasetUse | None:
        """The data set here; None if it is not."""
        use = bundle.protocol.use
        if self.dataset is not None:
            return use.replace(path=str(self.dataset), layout=self.layout or use.layout)
        return use if use.layout == DEMO else None

    def _same_truth(self, bundle: Bundle, data: Dataset, found: Audit) -> Iterator[str]:
        """The clips whose ground truth here is the one of the bundle."""
        from vfsrbench.datasets.reference import gt_frames_digest

        for clip in data.clips():
            self.progress(f"ground truth of {clip.name}")
            here = gt_frames_digest(clip, lambda frames: frames.digest())
            said = _truths(bundle, clip.name)
            if here in said or not said:  # then it is compared when the clip is scored again
                yield clip.name
                continue
            for row in _rows_with(bundle, clip.name):
                found.findings.append(
                    Finding("its ground truth is not that of the data set here", row, clip=clip.name)
                )

    def _again(self, bundle: Bundle, use: DatasetUse, found: Audit, folder: Path) -> None:
        """Score, and restore, the drawn clips of every row."""
        rows = _rows(bundle, found.clips)
        records = {where: [result.record for result in results] for where, results in rows.items()}
        places = output_folders(bundle, records, self.outputs, folder / "frames")
        for where in rows:
            if self.outputs and where not in places:
                text = "no outputs of this row are in the folders that are named"
                found.findings.append(Finding(text, where, problem=False))
        came = {w for w, place in places.items() if place.is_relative_to(folder)}
        scored = {
            w: [r for r in results if w not in came or bundle.has_frames(r.record)]
            for w, results in rows.items()
            if w in places
        }
        self._compare(bundle, use, scored, places, found, folder / "scored")
        if self.restore:
            self._compare(bundle, use, rows, None, found, folder / "restored")

    def _compare(
        self,
        bundle: Bundle,
        use: DatasetUse,
        rows: Mapping[Where, Sequence[BundledResult]],
        places: Mapping[Where, Path] | None,
        found: Audit,
        folder: Path,
    ) -> None:
        """Do jobs again, from outputs at these places or (None) from the degraded clips, and compare."""
        for number, split in enumerate(dict.fromkeys(split for split, _ in rows)):
            here = {method: results for (s, method), results in rows.items() if s == split}
            jobs = {method: [result.record for result in results] for method, results in here.items()}
            outputs = None if places is None else {method: places[split, method] for method in here}
            again = Again(bundle, use, split, folder / str(number), self.progress)
            made = scored_again(again, jobs, outputs)
            for method, results in here.items():
                where = (split, method)
                outcome = compared(results, made, self.tolerance, anew=places is None)
                found.findings += [finding.of(where) for finding in outcome.findings]
                if outcome.differences:
                    found.differences[where] = outcome.differences
                if outcome.whole:
                    (found.restored if places is None else found.scored).add(where)


def _truths(bundle: Bundle, clip: str) -> set[str]:
    """Digests that the clip's ground truth may have before it is aligned; none where nothing says."""
    said = {m.clips[clip].truth_digest for m in bundle.manifests.values() if clip in m.clips}
    if not bundle.protocol.use.align:
        said = {bundle.protocol.clips.get(clip, "")}
    return said


def _rows_with(bundle: Bundle, clip: str) -> list[Where]:
    return sorted({(r.record.split, r.record.method) for r in bundle.results if r.record.clip == clip})


def _rows(bundle: Bundle, clips: Sequence[str]) -> dict[Where, list[BundledResult]]:
    """The jobs on the drawn clips, by row."""
    found: dict[Where, list[BundledResult]] = {}
    for result in bundle.results:
        record = result.record
        if record.clip in clips and record.status == "ok":
            found.setdefault((record.split, record.method), []).append(result)
    return found
