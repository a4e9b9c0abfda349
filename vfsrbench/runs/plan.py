"""What a run needs: every job (method, split, clip) with its keys, and what of it is done already."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vfsrbench.board import Board, Restriction
from vfsrbench.card import MethodCard, MetricCard
from vfsrbench.datasets.dataset import DatasetClip, dataset_of
from vfsrbench.datasets.found_landmarks import FoundBy
from vfsrbench.datasets.importing.manifest import read_imports
from vfsrbench.errors import DamagedFile, InputError, did_you_mean
from vfsrbench.faces.finding.choice import Finder, chosen_finder, metric_uses
from vfsrbench.hashing.code import our_sources
from vfsrbench.hashing.facts import Facts, digest_of
from vfsrbench.io.raw import DecodedFrames
from vfsrbench.method_spec import choose_method, restrictions, stand_ins
from vfsrbench.plugins import Registry, SkippedPlugin, methods, metrics
from vfsrbench.predictor import Predictor
from vfsrbench.restoration.method_use import MethodUse, Row, StoredOutputs
from vfsrbench.results.job import Job
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs import keys
from vfsrbench.runs.clip_facts import describe_clips
from vfsrbench.runs.due import DueJobs, work_lines
from vfsrbench.runs.jobs import ClipFacts, Options, Setup, Task
from vfsrbench.runs.sources.known_syntax import known_syntax
from vfsrbench.runs.worker.units import divided
from vfsrbench.scoring.derived import with_sources
from vfsrbench.splits.fit import fitted, indivisible, misfit_line
from vfsrbench.splits.split import Split, find_split, lq_facts
from vfsrbench.weights.resolve import Weights, resolve_weights

ProgressCallback = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Plan:
    """A run before it starts.

    `missing_metrics` says why a metric is n/a; `broken` names the plugins that were skipped. `damaged` has
    the results files that were found damaged: their jobs are done again, and the files set aside then.
    """

    setup: Setup
    clips: tuple[ClipFacts, ...]
    metrics: tuple[MetricCard, ...]
    jobs: tuple[Job, ...]
    missing_metrics: Mapping[str, str]
    broken: tuple[SkippedPlugin, ...]
    damaged: tuple[DamagedFile, ...] = ()
    misfit: str = ""
    """The clips whose sides splits cannot divide, in one line; empty if there are none."""

    @property
    def open(self) -> tuple[Job, ...]:
        """The jobs that are still to be done."""
        return tuple(job for job in self.jobs if job.state == "open")

    def tasks(self, workers: int = 1, shares: Path = Path()) -> list[Task]:
        """The open jobs by clip, or by parts of clips where there are few for `workers`; the most work first,
        so that no worker is left with it at the end. `shares`: where parts of a clip's frames hand in what
        they have, as long as the run lasts."""
        by_clip: dict[str, list[Job]] = {}
        for job in self.open:
            by_clip.setdefault(job.clip, []).append(job)
        found = [Task(clip, tuple(by_clip[clip.name])) for clip in self.clips if clip.name in by_clip]
        return divided(found, workers, shares)

    def failing(self) -> list[tuple[str, str]]:
        """(clip, why) for all that will fail, each reason once a clip, but for what `misfit` says."""
        found = {
            (clip.name, why): None
            for clip in self.clips
            for (method, split), why in clip.problems.items()
            if method or not (split and indivisible(clip.height, clip.width, self.setup.splits[split]))
        }
        return list(found)

    def work(self) -> list[str]:
        """What the open jobs take, in a line for each kind of work."""
        return work_lines(self.jobs, self.setup.metric_keys, keeps=self.setup.options.keep != "none")


def make_plan(
    board: Board,
    workspace: Workspace,
    options: Options | None = None,
    objects: Sequence[Predictor] = (),
    on_progress: ProgressCallback = lambda step, done, total: None,
    decoded: DecodedFrames | None = None,
) -> Plan:
    """The plan of a board. Nothing is computed but digests of the clips.

    `objects` are methods beside the board's; their results are never reused, as nothing says what is in
    them. `on_progress` is called with (step, done, total). InputError for anything that is wrong with the
    board, the data set or the outputs.
    """
    with known_syntax(our_sources(), workspace.cache / "syntax.json"):
        return _plan(board, workspace, options or Options(), objects, on_progress, decoded)


def _plan(
    board: Board,
    workspace: Workspace,
    options: Options,
    objects: Sequence[Predictor],
    on_progress: ProgressCallback,
    decoded: DecodedFrames | None,
) -> Plan:
    board = board.replace()  # `model_copy` and `model_construct` check nothing
    if options.crop_gt and board.dataset.align:
        raise InputError(
            f"board {board.name!r} aligns its clips to one size, so --crop-gt has nothing to crop"
        )
    known_methods, known_metrics = methods(), metrics()
    cards = with_sources(board.metrics, known_metrics)
    board.check_order(known_metrics.cards)
    board = board.replace(dataset=fitted(board.dataset, board.splits))
    uses = _uses(board, options, objects, known_methods)
    on_progress("opening the clips", 0, 0)
    dataset, unopened = dataset_of(board.dataset).usable()
    splits = _splits(board, dataset.clips(), needed=any(isinstance(use, MethodUse) for use in uses.values()))
    beside = _beside(cards, uses, known_methods)
    board = _with_split_names(board, splits)
    restricted = restrictions(board, known_methods)
    _check_clips(restricted, {clip.name for clip in dataset.clips()} | unopened.keys())
    finder = chosen_finder(board.dataset.finder)
    found_by = FoundBy.of(finder, board.dataset.finder)
    facts = describe_clips(
        dataset, unopened, board, uses, splits, options, workspace, found_by, on_progress, decoded
    )
    metric_weights = {card.id: resolve_weights(metric_uses(card, finder)) for card in cards}
    setup = Setup(
        board=board,
        dataset=dataset.name,
        workspace=workspace.root,
        options=options,
        methods={**uses, **beside},
        splits=splits,
        metric_versions={card.id: card.version for card in cards},
        metric_keys=metric_keys_of(cards, known_metrics, finder, metric_weights),
        sources={card.id: card.derived.metric for card in cards if card.derived is not None},
        finder=finder,
        run=uuid.uuid4().hex,
        restricted=restricted,
        beside=dict.fromkeys(beside, _gameable(cards)),
    )
    due = DueJobs(setup, workspace)
    jobs: list[Job] = []
    damaged: list[DamagedFile] = []
    for clip in facts:
        for split in splits.values():
            for use in setup.methods.values():
                if not setup.runs(use.id, split.name, clip.name):
                    continue
                if use.id in beside and not _is_there(beside[use.id], split, clip):
                    continue
                job = _job(use, split, clip, setup)
                planned, damage = due.planned(job)
                damaged += [damage] if damage is not None else []
                jobs.append(planned)
    if not any(job.method in uses for job in jobs):
        raise InputError(
            f"board {board.name!r}: it runs {', '.join(uses)} on other splits or clips alone (its `restrict`)"
        )
    return Plan(
        setup=setup,
        clips=tuple(facts),
        metrics=tuple(cards),
        jobs=tuple(jobs),
        missing_metrics={m: w.missing for m, w in metric_weights.items() if w.missing},
        broken=(*known_methods.broken, *known_metrics.broken),
        damaged=tuple(damaged),
        misfit=misfit_line(dataset.clips(), splits.values(), alone=True),
    )


def metric_keys_of(
    cards: Iterable[MetricCard],
    known: Registry[MetricCard],
    finder: Finder,
    weights: Mapping[str, Weights] | None = None,
) -> dict[str, str]:
    """Each metric's key, by its id; what makes its source's is in a derived metric's, too.

    Args:
        cards: The metrics, sources first.
        known: All metrics.
        finder: What finds faces for them.
        weights: Each one's, if they were looked for already.
    """
    found: dict[str, Facts] = {}
    for card in cards:
        own = resolve_weights(metric_uses(card, finder)) if weights is None else weights[card.id]
        source = found[card.derived.metric] if card.derived is not None else None
        found[card.id] = keys.metric_facts(known[card.id], own, source)
    return {metric: keys.metric_key(facts) for metric, facts in found.items()}


def _uses(
    board: Board, options: Options, objects: Sequence[Predictor], known: Registry[MethodCard]
) -> dict[str, Row]:
    uses: list[Row] = []
    specs: list[str | Predictor] = [*board.methods, *objects]
    for spec in specs:
        method = choose_method(spec, known)
        if method.card.source != "gt":
            board.check_track(method.id, method.card.reference)
        weights = resolve_weights(method.card.weights_for(dict(method.options)))
        uses.append(MethodUse(method, weights, keys.method_facts(method, weights)))
    uses += [_stored(name, path, board, known) for name, path in options.outputs.items()]
    found: dict[str, Row] = {}
    for use in uses:
        if use.id in found:
            raise InputError(
                f"method {use.id!r} is on the board twice; rename one of them or change an option"
            )
        found[use.id] = use
    return found


def _beside(
    cards: Sequence[MetricCard], uses: Mapping[str, Row], known: Registry[MethodCard]
) -> dict[str, MethodUse]:
    """The reference rows that such metrics are read beside, but for those that the board has anyway."""
    chosen = [choose_method(name, known) for name in stand_ins(cards, known)]
    return {
        method.id: MethodUse(method, Weights(), keys.method_facts(method, Weights()))
        for method in chosen
        if method.id not in uses
    }


def _gameable(cards: Sequence[MetricCard]) -> tuple[str, ...]:
    """The metrics of reference rows beside the board, sources of derived ones first."""
    own = {card.id for card in cards if card.gameable}
    own |= {card.derived.metric for card in cards if card.derived is not None and card.id in own}
    return tuple(card.id for card in cards if card.id in own)


def _is_there(row: MethodUse, split: Split, clip: ClipFacts) -> bool:
    """Whether there is what a reference row shows: ground truth, or degraded frames."""
    if row.from_gt:
        return clip.truth.reference
    return split.recipe is not None or split.name in clip.lq


def _stored(name: str, path: Path, board: Board, known: Registry[MethodCard]) -> StoredOutputs:
    """Stored outputs with what is known of their method: from their manifests, or a card of their name."""
    manifests = read_imports(path, board.splits)
    manifest = next(iter(manifests.values()), None)
    card = known.entries[name].card if name in known.entries else None
    of_card = card.reference if card is not None and card.kind == "outputs" else ""
    track = of_card if manifest is None else manifest.reference
    board.check_track(name, track)
    return StoredOutputs(name, path, manifests, track)


def _splits(board: Board, clips: Sequence[DatasetClip], needed: bool) -> dict[str, Split]:
    """The board's splits. Where nothing is restored they need not exist: stored outputs have any names."""
    found: dict[str, Split] = {}
    for name in board.splits:
        try:
            split = find_split(name, clips)
        except InputError:
            if needed:
                raise
            split = Split(name)
        if split.name in found:
            raise InputError(
                f"split {split.name!r} is on the board twice; leave one out or rename its recipe"
            )
        found[split.name] = split
    return found


def _with_split_names(board: Board, splits: Mapping[str, Split]) -> Board:
    """The board with the names of its splits, which may be given as paths of recipes."""
    names = dict(zip(board.splits, splits, strict=True))
    restrict = {
        method: r if r.splits is None else r.replace(splits=tuple(names[split] for split in r.splits))
        for method, r in board.restrict.items()
    }
    return board.replace(splits=tuple(splits), restrict=restrict)


def _check_clips(restricted: Mapping[str, Restriction], known: Set[str]) -> None:
    for method, restriction in restricted.items():
        for clip in restriction.clips or ():
            if clip not in known:
                raise did_you_mean(f"clip in the restriction of {method!r}", clip, known)


def _job(use: Row, split: Split, clip: ClipFacts, setup: Setup) -> Job:
    seed, profile = setup.board.seed, setup.options.profile
    from_gt = isinstance(use, MethodUse) and use.from_gt
    if isinstance(use, StoredOutputs):
        made = {} if use.manifest is None else {"import": use.manifest.facts()}
        restored = digest_of("outputs", {"frames": clip.outputs[use.id, split.name], **made})
    else:
        # the seed and the clip's name choose what a method draws
        fed: dict[str, Any] = {"truth": clip.truth.digest, "seed": seed, "clip": clip.name}
        if not from_gt and split.given:
            fed["lq"] = clip.lq[split.name]
        elif not from_gt:
            fed["lq"] = lq_facts(split, clip.name, clip.gt_digest, seed, clip.fps)
        restored = keys.restore_key(use.facts, {**fed, "profile": profile})
    truth = {**clip.truth.for_key(), "profile": profile}
    if crop := clip.crops.get((use.id, split.name)):
        truth["cropped"] = crop.for_key()
    if clip.cropped:
        truth["fit"] = clip.cropped
    if split.name in clip.published and not from_gt:
        truth["published"] = asdict(clip.published[split.name])
    return Job(use.id, split.name, clip.name, restored, keys.job_key(restored, truth))
