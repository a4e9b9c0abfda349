"""The two sides of a gate: results of one method, from a workspace, a folder of results or a bundle."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reports.bundles.reading import read_bundle
from reports.inputs.results import read_results
from vfsrbench import plugins
from vfsrbench.errors import InputError, did_you_mean
from vfsrbench.io.safety.paths import expanded
from vfsrbench.results.load import StoredResult, latest
from vfsrbench.results.schema import JobRecord
from vfsrbench.results.workspace import Workspace

Job = tuple[str, str]
"""Split and clip."""


@dataclass(frozen=True)
class Side:
    """One method's jobs; `name` as it was given."""

    name: str
    method: str
    jobs: dict[Job, JobRecord]

    def on(self, splits: Collection[str]) -> Side:
        """The same, on these splits alone."""
        return replace(self, jobs={job: record for job, record in self.jobs.items() if job[0] in splits})


def find_side(text: str, places: Sequence[Path], splits: Sequence[str] = (), like: str = "") -> Side:
    """The results that `METHOD`, `PLACE` or `METHOD@PLACE` stands for.

    Args:
        text: What the user says. A place is a workspace, a folder of results, a results file or a bundle.
        places: Where a method is looked for that comes without a place.
        splits: These alone; empty: all.
        like: The other side's method, which is taken where a place has several.

    Raises:
        InputError: There is no such place or method, or it is not clear which.
    """
    method, at, place = text.rpartition("@")
    if expanded(text).exists():
        found, method = _results([expanded(text)]), ""
    elif at and expanded(place).exists():
        found = _results([expanded(place)])
    else:
        found, method = _results(places), text
    kept = [r for r in latest(found) if not splits or r.record.split in splits]
    names = {r.record.method for r in kept}
    if not names:
        raise InputError(f"{text}: no results there{f' of {chr(44).join(splits)}' if splits else ''}")
    if not method:
        method = _only(text, names, like)
    if method not in names:
        raise did_you_mean("method of these results", method, names)
    own = [r.record for r in kept if r.record.method == method]
    datasets = sorted({r.dataset for r in own})
    if len(datasets) > 1 or len({r.seed for r in own}) > 1:
        raise InputError(
            f"{text}: {method!r} has results of several data sets or seeds: name a bundle, or one place"
        )
    return Side(text, method, {(r.split, r.clip): r for r in own})


def _only(text: str, names: set[str], like: str) -> str:
    installed = plugins.methods().entries
    own = {n for n in names if n not in installed or installed[n].card.source != "gt"}
    own = {n for n in own if n not in installed or not installed[n].card.stands_for}
    if like in own:
        return like
    if len(own) == 1:
        return next(iter(own))
    raise InputError(
        f"{text}: has the methods {', '.join(sorted(own or names))}; say which, as METHOD@{text}"
    )


def _results(places: Sequence[Path]) -> list[StoredResult]:
    found: list[StoredResult] = []
    for place in places:
        if place.is_file() and place.suffix == ".zip":
            found += read_bundle(place).results
        else:
            store = Workspace(place).store.root
            found += read_results([store if store.is_dir() else place])[0]
    return found
