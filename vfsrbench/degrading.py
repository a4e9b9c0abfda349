"""Degraded splits as folders to share: PNG frames for each clip, and a manifest that proves them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from degradations.manifest import (
    MANIFEST,
    ClipEntry,
    Manifest,
    check_clip_name,
    clip_entry,
    new_manifest,
    read_manifest,
    write_manifest,
)
from degradations.recipe import Recipe
from vfsrbench.board import DatasetUse
from vfsrbench.clip import Clip, write_png_folder
from vfsrbench.dataset import open_dataset
from vfsrbench.engines.base import Emit, Engine, Event, Listen
from vfsrbench.errors import InputError
from vfsrbench.files import whole_file
from vfsrbench.store import slug

_NOTES = ".clips"


@dataclass(frozen=True)
class DegradeTask:
    """One clip through one recipe, into `folder` (the split's)."""

    recipe: Recipe
    clip: str
    folder: Path
    seed: int


@dataclass(frozen=True)
class StartDegrading:
    """Makes the work of a worker (an engine's `Start`)."""

    dataset: DatasetUse

    def __call__(self) -> Callable[[DegradeTask, Emit], ClipEntry | str]:
        def work(task: DegradeTask, emit: Emit) -> ClipEntry | str:
            try:
                return _degrade(task, self.dataset, emit)
            except InputError as error:
                return str(error)

        return work


def degrade_splits(
    recipes: Sequence[Recipe],
    dataset: DatasetUse,
    out: Path,
    seed: int,
    engine: Engine,
    listen: Listen = lambda task, event: None,
    force: bool = False,
) -> dict[str, Manifest]:
    """Degrade all clips of a data set with each recipe into `out`/<recipe>/<clip>, with a manifest each.

    Clips that are there already, made alike, are checked and kept; `force` makes them again. Each clip is
    degraded whole, so the frames do not depend on the engine. InputError when a clip cannot be degraded,
    or when a folder holds a split of another recipe or seed.
    """
    names = open_dataset(dataset.layout, dataset.path, dataset.clips, dataset.frames).names
    tasks = []
    for recipe in recipes:
        folder = out / recipe.name
        if not force:
            _check_folder(folder, recipe, seed)
        tasks += [DegradeTask(recipe, check_clip_name(name), folder, seed) for name in names]
        if force:
            for name in names:
                _note(folder, name).unlink(missing_ok=True)
    entries: dict[str, dict[str, ClipEntry]] = {recipe.name: {} for recipe in recipes}
    with closing(engine.run(StartDegrading(dataset), tasks, listen, _lost)) as outcomes:
        for outcome in outcomes:
            if outcome.crash:
                raise RuntimeError(f"a worker failed at {outcome.task.clip}:\n{outcome.crash}")
            if isinstance(outcome.result, str):
                raise InputError(outcome.result)
            entries[outcome.task.recipe.name][outcome.task.clip] = outcome.result
    manifests = {}
    for recipe in recipes:
        manifests[recipe.name] = new_manifest(recipe, seed, entries[recipe.name])
        write_manifest(out / recipe.name, manifests[recipe.name])
    return manifests


def _check_folder(folder: Path, recipe: Recipe, seed: int) -> None:
    if not (folder / MANIFEST).is_file():
        return
    found = read_manifest(folder)
    if (found.recipe.digest, found.seed) != (recipe.digest(), seed):
        raise InputError(
            f"{folder}: holds a split made with another recipe or seed ({found.recipe.name} version "
            f"{found.recipe.version}, seed {found.seed}); choose another folder, or --force to replace it"
        )


def _lost(task: DegradeTask, event: Event | None, how: str) -> Any:
    raise InputError(f"clip {task.clip!r} could not be degraded: {how}, twice")


def _degrade(task: DegradeTask, use: DatasetUse, emit: Emit) -> ClipEntry:
    """The clip's entry; the frames are made unless they are there already, whole and made alike."""
    gt = open_dataset(use.layout, use.path, [task.clip], use.frames).clips()[0].gt
    if gt is None:
        raise InputError(f"clip {task.clip!r} has no clean frames to degrade")
    emit(Event(None, "reading", 0, len(gt)))
    truth_digest = gt.digest()
    folder = task.folder / task.clip
    kept = _kept(task, folder, truth_digest, gt)
    if kept is not None:
        return kept
    making = task.recipe.stream(gt.frames(), gt.name, task.seed, gt.fps)
    size = (0, 0)

    def counted() -> Any:
        nonlocal size
        for done, frame in enumerate(making, start=1):
            size = (frame.shape[0], frame.shape[1])
            yield frame
            emit(Event(None, "degrading", done, len(gt)))

    write_png_folder(folder, counted(), gt.frame_names, replace=True)
    entry = clip_entry(
        making,
        frames=len(gt),
        size=size,
        truth_size=(gt.height, gt.width),
        truth_digest=truth_digest,
        fps=gt.fps,
    )
    note = {"recipe": task.recipe.digest(), "seed": task.seed, "entry": entry.model_dump(mode="json")}
    with whole_file(_note(task.folder, task.clip)) as temporary:
        temporary.write_text(json.dumps(note))
    return entry


def _kept(task: DegradeTask, folder: Path, truth_digest: str, gt: Clip) -> ClipEntry | None:
    try:
        note = json.loads(_note(task.folder, task.clip).read_text())
        entry = ClipEntry.model_validate(note["entry"])
        alike = (note["recipe"], note["seed"]) == (task.recipe.digest(), task.seed)
        alike = alike and (entry.truth_digest, entry.fps) == (truth_digest, gt.fps)
        if alike and Clip.open(folder).digest() == entry.digest:
            return entry
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return None


def _note(folder: Path, clip: str) -> Path:
    return folder / _NOTES / f"{slug(clip)}.json"
