"""Does a submission have the protocol of its board?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from reports.bundles.reading import Bundle
from reports.leaderboard.config import Rules
from vfsrbench import plugins
from vfsrbench.errors import counted

MOST_NAMED = 3


def method_of(bundle: Bundle) -> str:
    """The method that a bundle hands in: reference rows aside the only one; empty if there are several."""
    found = {row.method for row in bundle.table.rows if not row.reference_row}
    return found.pop() if len(found) == 1 else ""


def misfits(bundle: Bundle, rules: Rules) -> Iterator[str]:
    """Why a bundle cannot stand on a board, a line a reason."""
    protocol, board = bundle.protocol, bundle.board.name
    if protocol.name != rules.dataset:
        yield f"is of the data set {protocol.name!r}; the board {board} is of {rules.dataset!r}"
    if protocol.seed != rules.seed:
        yield f"is of seed {protocol.seed}; the board {board} is of seed {rules.seed}"
    splits = {row.split: protocol.recipes.get(row.split, "") for row in bundle.table.rows}
    yield from _differ("split", "recipe", splits, rules.recipes)
    clips = {clip: protocol.clips.get(clip, "") for clip in bundle.table.clips}
    yield from _differ("clip", "ground truth", clips, rules.clips)
    yield from _rows(bundle, rules)
    yield from _metrics(bundle, rules)
    yield from _made(bundle, rules)


def _differ(what: str, of: str, there: Mapping[str, str], wanted: Mapping[str, str]) -> Iterator[str]:
    lost = [name for name in wanted if name not in there]
    more = [name for name in there if name not in wanted]
    other = [name for name in wanted if name in there and there[name] != wanted[name]]
    if lost:
        yield f"leaves out {_named(what, lost)}"
    if more:
        yield f"has {_named(what, more)}, which the board does not have"
    if other:
        yield f"has another {of} of {_named(what, other)}"


def _named(what: str, names: list[str]) -> str:
    shown = ", ".join(map(repr, names[:MOST_NAMED]))
    rest = f" and {len(names) - MOST_NAMED} others" if len(names) > MOST_NAMED else ""
    return f"{counted(len(names), what)} ({shown}{rest})"


def _rows(bundle: Bundle, rules: Rules) -> Iterator[str]:
    known = plugins.methods().entries
    shown = {n for n, entry in known.items() if entry.card.source == "gt" or entry.card.stands_for}
    methods = sorted({row.method for row in bundle.table.rows if not row.reference_row})
    if len(methods) != 1:
        yield f"has {counted(len(methods), 'method')}; a submission has one: `vfsrbench bundle --method`"
    for row in bundle.table.rows:
        if row.reference_row and row.method.partition("[")[0] not in shown:
            yield f"calls {row.method!r} a reference row, which it is not"
        elif not row.reference_row and row.done != len(rules.clips):
            yield f"{row.split}: {row.method} has results of {row.done} of {len(rules.clips)} clips"


def _made(bundle: Bundle, rules: Rules) -> Iterator[str]:
    """Results that were made otherwise than a board's: they stand in no order with others."""
    records = [result.record for result in bundle.results]
    profiles = sorted({r.profile for r in records if r.profile and rules.profile} - {rules.profile})
    if profiles:
        yield f"has results of the profile {profiles[0]!r}; the board's is {rules.profile!r}"
    if cropped := sorted({r.clip for r in records if r.cropped}):
        yield f"was scored on a part of the ground truth of {_named('clip', cropped)}"
    if other := sorted({r.clip for r in records if not r.canonical}):
        yield f"has degraded clips that are not canonical: {_named('clip', other)}"


def _metrics(bundle: Bundle, rules: Rules) -> Iterator[str]:
    method = method_of(bundle)
    lost = [
        metric
        for metric in rules.metrics
        if any(metric not in row.cells for row in bundle.table.rows if row.method == method)
    ]
    if lost:
        yield f"leaves out {_named('metric', lost)}"
    found: dict[str, None] = {}
    for result in bundle.results:
        record = result.record
        for metric, version in rules.versions.items():
            if record.metrics.get(metric, version) != version:
                found[f"has values of {metric} by version {record.metrics[metric]}, not {version}"] = None
        for metric, weights in rules.weights.items():
            score = record.scores.get(metric)
            if score is not None and score.weights and score.weights != weights:
                found[f"has values of {metric} by other weights of the metric"] = None
    yield from found
