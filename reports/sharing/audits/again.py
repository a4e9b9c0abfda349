"""Jobs of a bundle done again, in a workspace that goes away afterwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reports.bundles.reading import Bundle
from reports.sharing.audits.degraded import recipe_here
from vfsrbench import plugins
from vfsrbench.board import DatasetUse, ScoreBoard
from vfsrbench.errors import InputError
from vfsrbench.method_spec import choose_method
from vfsrbench.results.job import Result
from vfsrbench.results.schema import JobRecord
from vfsrbench.results.workspace import Workspace
from vfsrbench.runtime.precision import check_profile

Done = Mapping[tuple[str, str], Result]
"""(method, clip) -> what came of it here."""


@dataclass(frozen=True)
class Again:
    """What jobs of one split are done with."""

    bundle: Bundle
    use: DatasetUse
    split: str
    folder: Path
    progress: Callable[[str], None]


def scored_again(
    again: Again, rows: Mapping[str, Sequence[JobRecord]], outputs: Mapping[str, Path] | None
) -> dict[tuple[str, str], Result | str]:
    """What scoring gives here, or why there is nothing, by (method, clip).

    Args:
        again: The split, and where to work.
        rows: The jobs, by method.
        outputs: Where their restored clips lie; None: they are restored again.
    """
    found: dict[tuple[str, str], Result | str] = {}
    groups: dict[tuple[str, bool], list[str]] = {}
    for method, records in rows.items():
        problem = "" if outputs is not None else _unable(again, method)
        if problem:
            found |= {(method, record.clip): problem for record in records}
        else:
            groups.setdefault((records[0].profile, bool(records[0].cropped)), []).append(method)
    for number, ((profile, cropped), methods) in enumerate(groups.items()):
        folders = None if outputs is None else {method: outputs[method] for method in methods}
        again.progress(f"{'restoring' if folders is None else 'scoring'} {', '.join(methods)}, {again.split}")
        place = again.folder / str(number)
        try:
            made = _run(again, place, methods, folders, profile, cropped)
        except InputError as error:
            made = {(method, record.clip): str(error) for method in methods for record in rows[method]}
        found |= made
    return found


def _unable(again: Again, method: str) -> str:
    """Why a method cannot be run here; empty if it may be."""
    try:
        chosen = choose_method(method)
    except InputError as error:
        return f"cannot be restored here: {error}"
    recipe = again.bundle.protocol.recipes.get(again.split)
    if recipe and chosen.card.source != "gt" and recipe_here(again.bundle, again.split) is None:
        return "cannot be restored here: the split's recipe is not known"
    return ""


def _run(
    again: Again,
    place: Path,
    methods: Sequence[str],
    outputs: Mapping[str, Path] | None,
    profile: str,
    cropped: bool,
) -> dict[tuple[str, str], Result | str]:
    from vfsrbench.runs.jobs import Options
    from vfsrbench.runs.run import run_board

    here = plugins.metrics().cards
    metrics = tuple(m for m in again.bundle.board.metrics if m in here)
    board = ScoreBoard.of(again.bundle.board).replace(
        dataset=again.use,
        splits=(again.split,),
        methods=() if outputs is not None else tuple(methods),
        metrics=metrics,
        sort_by=None,
        table={},
    )
    options = Options(outputs=dict(outputs or {}), profile=check_profile(profile), crop_gt=cropped)
    summary = run_board(board, place, options, engine="serial")
    store = Workspace(place).store
    found: dict[tuple[str, str], Result | str] = {}
    for job, record in summary.records.items():
        made = store.read(*job.place)
        if record.status == "ok" and made is not None:
            found[job.method, job.clip] = made
        else:
            found[job.method, job.clip] = f"has no result here: {record.reason or record.status}"
    return found
