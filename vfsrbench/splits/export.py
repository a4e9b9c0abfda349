"""Degraded splits as folders to share: PNG frames for each clip, and a manifest that proves them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from degradations.manifest import (
    MANIFEST,
    ClipEntry,
    Manifest,
    check_clip_name,
    manifest_text,
    new_manifest,
    read_manifest,
)
from degradations.recipe import Recipe
from vfsrbench.board import DatasetUse
from vfsrbench.datasets.dataset import dataset_of
from vfsrbench.datasets.layouts import REAL
from vfsrbench.engines.base import Engine, Event, EventListener, EventSink, Outcome
from vfsrbench.errors import DamagedFile, DiskError, InputError
from vfsrbench.io.names import check_unique, slug
from vfsrbench.io.safety.lease import sweep_beside
from vfsrbench.io.safety.ownership import check_replaceable
from vfsrbench.io.safety.targets import check_out_folder, check_own_file, own_file, read_places
from vfsrbench.splits.degraded import Degradation, DegradedPlace, adopt, degrade_once
from vfsrbench.splits.fit import REFUSE, misfit_line
from vfsrbench.splits.split import Split

_NOTES = ".clips"


@dataclass(frozen=True)
class DegradeTask:
    """One clip through one recipe, into `folder` (the split's)."""

    recipe: Recipe
    clip: str
    folder: Path
    seed: int
    force: bool = False

    @property
    def place(self) -> DegradedPlace:
        """The frames below `folder`, and their note."""
        note = self.folder / _NOTES / f"{slug(self.clip)}.json"
        return DegradedPlace(self.folder / self.clip, note, self.folder)


@dataclass(frozen=True)
class _Done:
    """A clip's entry, and the notes on how its clean frames are read."""

    entry: ClipEntry
    notes: tuple[str, ...]


@dataclass(frozen=True)
class DegradingFactory:
    """Makes the work of a worker (an engine's `WorkerFactory`)."""

    dataset: DatasetUse

    def __call__(self) -> Callable[[DegradeTask, EventSink], _Done | InputError]:
        def work(task: DegradeTask, send_event: EventSink) -> _Done | InputError:
            try:
                return _degrade(task, self.dataset, send_event)
            except InputError as error:
                return error

        return work


@dataclass(frozen=True)
class Degraded:
    """What `degrade_splits` made: a manifest a split, of all clips that are there, and why others are not.
    `notes`: clip -> what a user should know of how it is read and what its pictures do not keep."""

    manifests: dict[str, Manifest]
    failed: tuple[FailedClip, ...] = ()
    notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class FailedClip:
    """A clip that could not be degraded, and why; `details` is the traceback of an unexpected error."""

    split: str
    clip: str
    reason: str
    details: str = ""


def degrade_splits(
    recipes: Sequence[Recipe],
    dataset: DatasetUse,
    out: Path,
    seed: int,
    engine: Engine,
    on_event: EventListener = lambda task, event: None,
    force: bool = False,
) -> Degraded:
    """Degrade all clips of a data set with each recipe into `out`/<recipe>/<clip>, with a manifest each.

    Clips that are there already, made alike, are checked and kept; `force` makes them again. Each clip is
    degraded whole, so the frames do not depend on the engine. A clip that fails is reported, the others go
    on, and the manifest says what is there: of earlier calls, too, with the same recipe and seed.
    InputError when `out` overlaps the data set, or when a folder holds a split of another recipe or seed or
    files that we did not make; then nothing is touched. DiskError when the disk is full: what is done is
    kept, and what was there before.
    """
    check_out_folder(out, [dataset.path])
    check_unique(((recipe.name, None) for recipe in recipes), "recipes")
    if dataset.layout == REAL:
        raise InputError(f"clips of layout {REAL!r} have no clean frames to degrade; choose another --layout")
    opened = dataset_of(dataset)
    if dataset.fit == REFUSE:
        splits = [Split(recipe.name, recipe) for recipe in recipes]
        if misfit := misfit_line(opened.usable()[0].clips(), splits):
            raise InputError(misfit)
    read = [place for found in opened.found for place in (found.gt, *found.lq.values()) if place is not None]
    sources = [place for source in read for place in read_places(source)]
    tasks, earlier = [], {}
    for recipe in recipes:
        folder = out / recipe.name
        check_out_folder(folder, [dataset.path, *sources])
        earlier[recipe.name] = _earlier(folder, recipe, seed, force)
        check_own_file(folder / MANIFEST, folder)
        tasks += [DegradeTask(recipe, check_clip_name(name), folder, seed, force) for name in opened.names]
    for task in tasks:
        _check_task(task)
    for place in {at for t in tasks for at in (t.folder, t.folder / _NOTES, (t.folder / t.clip).parent)}:
        sweep_beside(place)
    for recipe in recipes:
        _adopt(recipe, seed, out / recipe.name, earlier[recipe.name])
    entries: dict[str, dict[str, ClipEntry]] = {recipe.name: {} for recipe in recipes}
    failed: list[FailedClip] = []
    notes: dict[str, tuple[str, ...]] = {}
    try:
        with closing(
            engine.run(DegradingFactory(dataset), tasks, on_event, partial(_lost, failed))
        ) as outcomes:
            for outcome in outcomes:
                split, clip = outcome.task.recipe.name, outcome.task.clip
                if isinstance(outcome.result, _Done):
                    entries[split][clip] = outcome.result.entry
                    notes[clip] = outcome.result.notes
                elif isinstance(outcome.result, DiskError):
                    raise outcome.result
                else:
                    failed.append(FailedClip(split, clip, _reason(outcome), outcome.crash))
    finally:  # also after Ctrl-C: what is done is vouched for
        made = {r.name: _write_manifest(r, seed, out, entries[r.name], earlier[r.name]) for r in recipes}
    manifests = {name: manifest for name, manifest in made.items() if manifest}
    return Degraded(manifests, tuple(failed), {clip: notes[clip] for clip in opened.names if clip in notes})


def _write_manifest(
    recipe: Recipe, seed: int, out: Path, entries: dict[str, ClipEntry], earlier: dict[str, ClipEntry]
) -> Manifest | None:
    """The manifest of what lies in the split's folder; none where nothing does. An entry of an earlier call
    holds as long as its clip's own note says the same."""
    folder = out / recipe.name
    there = {name: entry for name, entry in earlier.items() if (folder / name).is_dir()}
    kept = {
        name: entry
        for name, entry in there.items()
        if name not in entries and _noted(DegradeTask(recipe, name, folder, seed)) == entry
    }
    if not kept and not entries:
        return None
    manifest = new_manifest(recipe, seed, {**kept, **entries})
    with own_file(folder / MANIFEST, folder) as temporary:
        temporary.write_text(manifest_text(manifest), encoding="utf-8")
    return manifest


def _adopt(recipe: Recipe, seed: int, folder: Path, earlier: dict[str, ClipEntry]) -> None:
    """Give clips of the manifest a note that have none of today's form, where their frames are those that the
    manifest says."""
    for name, entry in earlier.items():
        task = DegradeTask(recipe, name, folder, seed)
        if _noted(task) is None and task.place.folder.is_dir():
            adopt(task.place, recipe, seed, entry)


def _reason(outcome: Outcome) -> str:
    """Why a clip could not be degraded, in a line."""
    if outcome.crash:
        return f"a worker failed: {outcome.crash.strip().splitlines()[-1]}"
    return str(outcome.result)


def _check_task(task: DegradeTask) -> None:
    """InputError if something that we did not make is where the clip or its note go."""
    if task.force or _noted(task) is None:
        check_replaceable(task.folder / task.clip, mend=True)
        check_own_file(task.place.note, task.folder, mend=True)


def _earlier(folder: Path, recipe: Recipe, seed: int, force: bool) -> dict[str, ClipEntry]:
    """The clips of the folder's manifest. InputError if it is that of another recipe or seed."""
    if not (folder / MANIFEST).is_file():
        return {}
    found = read_manifest(folder)
    if (found.recipe.digest, found.seed) == (recipe.digest(), seed):
        return dict(found.clips)
    if not force:
        raise InputError(
            f"{folder}: holds a split made with another recipe or seed ({found.recipe.name} version "
            f"{found.recipe.version}, seed {found.seed}); choose another folder, or --force to replace it"
        )
    return {}


def _lost(failed: list[FailedClip], task: DegradeTask, event: Event | None, how: str) -> None:
    failed.append(FailedClip(task.recipe.name, task.clip, f"its worker died twice: {how}"))


def _degrade(task: DegradeTask, use: DatasetUse, send_event: EventSink) -> _Done:
    """The clip's entry; the frames are made unless they are there already, whole and made alike."""
    gt = dataset_of(use, [task.clip]).clips()[0].gt
    if gt is None:
        raise InputError(f"clip {task.clip!r} has no clean frames to degrade")
    send_event(Event(None, "reading", 0, len(gt)))
    entry = degrade_once(
        Degradation(task.recipe, gt, gt.digest(), task.seed),
        task.place,
        lambda done: send_event(Event(None, "degrading", done, len(gt))),
        force=task.force,
    )
    return _Done(entry, (*gt.notes, *gt.lost_in_pictures))


def _noted(task: DegradeTask) -> ClipEntry | None:
    """What the clip's note says, if its frames were made by this recipe and seed; None if it is damaged."""
    try:
        note = task.place.read()
    except DamagedFile:
        return None
    alike = note is not None and (note.recipe, note.seed) == (task.recipe.digest(), task.seed)
    return note.entry if note is not None and alike else None
