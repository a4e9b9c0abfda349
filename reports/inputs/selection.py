"""Which of a workspace's results stand in a board's report, one a job; and why the others do not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from reports.inputs.results import AT
from vfsrbench.board import Board, DatasetUse, Restriction
from vfsrbench.card import MetricCard
from vfsrbench.datasets.dataset import dataset_name
from vfsrbench.errors import InputError
from vfsrbench.results.board_note import Protocol
from vfsrbench.results.load import StoredResult, written_at
from vfsrbench.results.schema import JobRecord
from vfsrbench.runs.keys import score_key


@dataclass(frozen=True)
class Wanted:
    """What a report is of: a board, the protocol that results must have, the installed metrics, (`only`)
    the methods it is narrowed to, by their ids or their names without options, (`restricted`, by id) those
    that the board does not run on everything, and (`beside`) its metrics' reference rows, which stay."""

    board: Board
    protocol: Protocol
    cards: Mapping[str, MetricCard] = field(default_factory=dict)
    only: Sequence[str] = ()
    restricted: Mapping[str, Restriction] = field(default_factory=dict)
    beside: frozenset[str] = frozenset()


@dataclass
class Selection:
    """The results of a report, and what was left out: reason -> how many."""

    results: list[StoredResult] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)

    def lines(self) -> list[str]:
        """What was left out, a line a reason."""
        return [f"left out: {_counted(count, why)}" for why, count in sorted(self.left_out.items())]


def _counted(count: int, reason: str) -> str:
    one = reason.replace("results", "result", 1).replace("values", "value", 1)
    return f"{count} {one if count == 1 else reason}"


def last_protocol(
    protocols: Sequence[Protocol], board: Board, said: frozenset[str] = frozenset()
) -> Protocol | None:
    """The protocol of the last run that agrees with what was said on the command line; None if there were no
    runs, or their notes are gone.

    Args:
        protocols: Those of the board's runs, the last one at the end.
        board: The board with what was said.
        said: Which of `dataset`, `frames`, `seed` and `scale` were said.

    Raises:
        InputError: The board was run, but never so.
    """
    found = [p for p in protocols if _differs(p, board, said) == ""]
    if protocols and not found:
        last, never = protocols[-1], _differs(protocols[-1], board, said)
        raise InputError(
            f"board {board.name!r} was not run with {never} in this workspace; "
            f"its last run had the data set {last.name!r}, seed {last.seed}"
        )
    return found[-1] if found else None


def _differs(protocol: Protocol, board: Board, said: frozenset[str]) -> str:
    """What of the things said a protocol does not have; empty if it has them all."""
    use = board.dataset
    checks = {
        "dataset": (protocol.name, dataset_name(use), f"the data set {dataset_name(use)!r}"),
        "frames": (protocol.use.frames, use.frames, f"--frames {use.frames}"),
        "scale": (protocol.use.scale, use.scale, f"--scale {use.scale}"),
        "seed": (protocol.seed, board.seed, f"--seed {board.seed}"),
    }
    return next((what for name, (had, wants, what) in checks.items() if name in said and had != wants), "")


def as_run(board: Board, protocol: Protocol, said: frozenset[str]) -> Board:
    """The board with the data set and the seed of its last run, where nothing else was said."""
    use: DatasetUse = board.dataset
    if "dataset" not in said:
        asked = use.clips
        if use.layout != protocol.use.layout:  # the board's own clips are not there
            asked = tuple(clip for clip in asked if clip in protocol.clips) or protocol.use.clips
        chosen: dict[str, Any] = {"clips": asked}
        if "frames" in said:
            chosen["frames"] = use.frames
        use = protocol.use.replace(**chosen)
    else:
        frames = {} if "frames" in said else {"frames": protocol.use.frames}
        use = use.replace(fit=protocol.use.fit, **frames)
    return board.replace(dataset=use, seed=protocol.seed)


def implied(results: Sequence[StoredResult], board: Board) -> Protocol:
    """The protocol of results that come without a board's note: of what differs between them, the newest.

    Their data set is the board's if they have it, else that of the newest.
    """
    ordered = sorted((r.record for r in results), key=written_at)
    name = dataset_name(board.dataset)
    if ordered and name not in {record.dataset for record in ordered}:
        name = ordered[-1].dataset
    own = [r for r in ordered if r.dataset == name and r.split in board.splits and r.seed == board.seed]
    return Protocol(
        name=name,
        seed=board.seed,
        use=board.dataset,
        recipes={r.split: r.recipe_digest for r in own},
        clips={r.clip: r.gt_digest for r in own},
    )


def select(results: Iterable[StoredResult], wanted: Wanted) -> Selection:
    """The results that fit, one a job, in the order of data set, split, method and clip.

    Of several results of one job the one that the board's last run planned counts, else the one written
    last. Values of a metric's other version, code or weights are left out; the rest of that result stays.
    """
    found = Selection()
    jobs: dict[tuple[str, str, str, str], list[StoredResult]] = {}
    for result in results:
        reason = _misfit(result.record, wanted)
        if reason:
            found.left_out[reason] += 1
        else:
            r = result.record
            jobs.setdefault((r.dataset, r.split, r.method, r.clip), []).append(result)
    for place in sorted(jobs):
        best = _best(jobs[place], wanted.protocol)
        if len(jobs[place]) > 1:
            planned = best.record.key == wanted.protocol.keys.get(place[1:])
            how = "that the board's last run planned" if planned else "written last"
            found.left_out[f"other results of {place[2]}: the one {how} is shown"] += len(jobs[place]) - 1
        found.results.append(_with_current_values(best, wanted, found.left_out))
    return found


def _misfit(record: JobRecord, wanted: Wanted) -> str:
    """Why a result does not belong in the report; empty if it does."""
    board, protocol = wanted.board, wanted.protocol
    if record.dataset != protocol.name:
        return f"results of the data set {record.dataset!r}: the report is of {protocol.name!r}"
    if record.only and not set(record.only) & set(board.metrics):
        return "results of reference rows that stand beside other metrics than the board's"
    method = record.method.partition(AT)[0]
    names = {record.method, method, method.partition("[")[0]}
    if wanted.only and not names & set(wanted.only) and method not in wanted.beside:
        return "results of methods that were not asked for"
    if record.split not in board.splits:
        return f"results of the split {record.split!r}, which is not on the board: --split shows it"
    if record.seed != board.seed:
        return f"results of seed {record.seed}: --seed {record.seed} shows them"
    if board.dataset.clips and record.clip not in board.dataset.clips:
        return "results of other clips than those that are asked for"
    if method in wanted.restricted and not wanted.restricted[method].allows(record.split, record.clip):
        return f"results of {record.method} where the board does not run it"
    if record.recipe_digest != protocol.recipes.get(record.split, record.recipe_digest):
        return f"results of another version of the recipe {record.split!r}"
    if record.track not in ("", board.reference):
        return (
            f"results of methods with reference = {record.track!r}, which never stand beside those with "
            f"{board.reference!r}"
        )
    if record.clip not in protocol.clips:
        return "results of clips that the board's runs did not have"
    if record.gt_digest != protocol.clips[record.clip]:
        return "results of other frames of the same clips (changed files, another --frames, or alignment)"
    return ""


def _best(results: Sequence[StoredResult], protocol: Protocol) -> StoredResult:
    record = results[0].record
    planned = protocol.keys.get((record.split, record.method, record.clip))
    return max(results, key=lambda r: (r.record.key == planned, written_at(r.record)))


def _with_current_values(result: StoredResult, wanted: Wanted, left_out: Counter[str]) -> StoredResult:
    """The result without the values of metrics as they are not any more."""
    record = result.record
    hidden: dict[str, str] = {}
    for metric in sorted(set(wanted.board.metrics) & record.metrics.keys()):
        card = wanted.cards.get(metric)
        if card is not None and record.metrics[metric] != card.version:
            hidden[metric] = (
                f"values of {metric} version {record.metrics[metric]}, {card.version} is installed: "
                "`vfsrbench run` computes them"
            )
        elif not result.origin and _is_old(record, metric, wanted.protocol):
            hidden[metric] = f"values of {metric} by other code or weights: `vfsrbench run` computes them"
    if not hidden:
        return result
    left_out.update(hidden.values())
    values = {m: v for m, v in record.clip_values.items() if m not in hidden}
    return replace(
        result,
        record=record.model_copy(update={"clip_values": values}),
        hidden=result.hidden | hidden.keys(),
    )


def _is_old(record: JobRecord, metric: str, protocol: Protocol) -> bool:
    """Whether a score was computed by another metric than the board's last run had."""
    score = record.scores.get(metric)
    if score is None or metric not in protocol.metric_keys:
        return False
    return score.key != score_key(record.key, protocol.metric_keys[metric])
