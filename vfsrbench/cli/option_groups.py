"""Options that verbs share, as objects: a verb takes a group of them by one parameter (`grouped`)."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args, get_origin, get_type_hints

from vfsrbench.cli import options as o
from vfsrbench.cli.echo import say
from vfsrbench.errors import InputError, did_you_mean
from vfsrbench.io.foreign_text import clean_name

if TYPE_CHECKING:
    from vfsrbench.board import Board, DatasetUse
    from vfsrbench.engines.base import Engine
    from vfsrbench.runs.jobs import Options


@dataclass(frozen=True)
class Without:
    """Marks a group of which a verb does not have these options."""

    names: tuple[str, ...]


@dataclass(frozen=True)
class EngineChoice:
    """Where tasks are done."""

    engine: o.EngineName = "local"
    workers: o.Workers = None
    engine_option: o.EngineOptions = None
    wait: o.Wait = True

    def make(self) -> Engine:
        """The engine. InputError if there is none of that name, or it has no such option."""
        from vfsrbench.plugins import get_engine

        given = o.pairs(self.engine_option, "--engine-option")
        engine: Any = get_engine(self.engine, self.workers, given)
        if not self.wait:
            if not hasattr(engine, "wait"):
                raise InputError(
                    f"--no-wait: engine {self.engine!r} does the work itself; use --engine workers"
                )
            engine.wait = False
        return engine  # type: ignore[no-any-return]


@dataclass(frozen=True)
class HowToRun:
    """How a board is run, apart from where."""

    keep: o.Keep = "none"
    profile: o.ProfileName = "strict"
    force: o.Force = False
    retry_failed: o.RetryFailed = False
    outputs: o.Outputs = None
    manifest: o.Manifests = None
    allow_smaller_windows: o.SmallerWindows = False
    crop_gt: o.CropGt = False

    def options(self) -> Options:
        """The run's options. InputError for outputs in another form than NAME=PATH."""
        from vfsrbench.runs.jobs import Options

        return Options(
            keep=self.keep,
            force=self.force,
            retry_failed=self.retry_failed,
            outputs=o.parse_outputs(self.outputs),
            manifests=tuple(self.manifest or ()),
            profile=self.profile,
            smaller_windows=self.allow_smaller_windows,
            crop_gt=self.crop_gt,
        )


@dataclass(frozen=True)
class MethodChoice:
    """Methods beside the board's, or fewer of them."""

    method: o.Methods = None
    method_path: o.MethodPaths = None
    only_method: o.OnlyMethods = None

    def of(self, board: Board) -> tuple[str, ...]:
        """The methods to run: of the board's those in `only_method`, and the ones beside them. One that is
        named again runs once.

        InputError for a name in `only_method` that neither the board has nor a method beside it.
        """
        beside = o.all_methods(self.method, self.method_path)
        own = _only(board, self.only_method, beside) if self.only_method else list(board.methods)
        return (*own, *_new_names(beside, own))


@dataclass(frozen=True)
class BoardChanges:
    """What takes the place of a board's own data set, splits, metrics and seed."""

    dataset: o.DatasetPath = None
    layout: o.Layout = None
    clip: o.Clips = None
    frames: o.FrameCount = None
    split: o.Splits = None
    metric: o.Metrics = None
    seed: o.Seed = None
    scale: o.Scale = None
    finder: o.BoardFinder = None
    fit: o.Fit = None

    def of(self, board: Board, methods: MethodChoice | None = None) -> Board:
        """The changed board. Clips without ground truth have one split, whatever the board has.

        Raises:
            InputError: The board has no method of a name in `methods`.
        """
        from vfsrbench.datasets.layouts import REAL, REAL_SPLIT
        from vfsrbench.plugins import metric_ids

        chosen = (methods or MethodChoice()).of(board)
        update: dict[str, Any] = {"dataset": self._use(board.dataset), "methods": chosen}
        if self.split:
            update["splits"] = tuple(self.split)
        elif self.layout == REAL and board.dataset.layout != REAL and board.splits != (REAL_SPLIT,):
            update |= {"splits": (REAL_SPLIT,), "restrict": {}}  # restrictions name the board's splits
            say(
                f"clips without ground truth are not degraded: their split is {REAL_SPLIT}, not the board's "
                f"{', '.join(board.splits)}",
                err=True,
            )
        if self.layout == REAL and board.dataset.align:
            update["dataset"] = update["dataset"].replace(align=False)
            say(
                "clips without ground truth are not aligned, unlike the board's: see `vfsrbench align`",
                err=True,
            )
        if self.metric:
            metrics = metric_ids(self.metric)
            update |= {"metrics": metrics, "figures": board.figures.of(metrics)}
            if board.sort_by not in metrics:
                update["sort_by"] = None
        if self.seed is not None:
            update["seed"] = self.seed
        if board.versus is not None and board.versus not in chosen:
            update["versus"] = None
        return board.replace(**update)

    def given(self, *names: Literal["dataset", "frames", "seed", "scale"]) -> frozenset[str]:
        """Which of these options stood on the command line."""
        return frozenset(name for name in names if getattr(self, name) is not None)

    def _use(self, use: DatasetUse) -> DatasetUse:
        layout = self.layout
        if self.dataset is not None and layout is None and use.layout == "demo":
            layout = "folder"
        facts: dict[str, Any] = {
            "path": None if self.dataset is None else str(self.dataset),
            "layout": layout,
            "clips": tuple(map(clean_name, self.clip or ())) or None,
            "frames": self.frames,
            "scale": self.scale,
            "finder": self.finder,
            "fit": o.checked_fit(self.fit),
        }
        if layout not in (None, use.layout):  # another data set does not have the board's clips
            use = use.replace(clips=())
        return use.replace(**{name: value for name, value in facts.items() if value is not None})


def _only(board: Board, wanted: Sequence[str], beside: Sequence[str]) -> list[str]:
    """The board's methods of these names; a name without options stands for all its variants. A name of
    a method beside the board's, which runs anyhow, needs none on it."""
    from vfsrbench.method_spec import choose_method

    found: list[str] = []
    for name in wanted:
        matching = [m for m in board.methods if name in (m, m.partition("[")[0])]
        if not matching and not any(name in _names(choose_method(spec).id, spec) for spec in beside):
            raise did_you_mean(f"method of board {board.name!r}", name, board.methods)
        found += [m for m in matching if m not in found]
    return found


def _new_names(beside: Sequence[str], own: Sequence[str]) -> list[str]:
    """Those of the methods beside a board's that it does not run anyway, each once. Folders stay: what
    lies in one is another method, even where its name is taken."""
    from vfsrbench.io.safety.paths import is_path
    from vfsrbench.method_spec import choose_method

    def name(spec: str) -> str:
        try:
            return choose_method(spec).id
        except InputError:  # what is wrong with it, the run says
            return spec

    known = {name(spec) for spec in own if not is_path(spec)} if beside else set()
    found: dict[str, str] = {}
    for spec in beside:
        chosen = spec if is_path(spec) else name(spec)
        if is_path(spec) or chosen not in known:
            found.setdefault(chosen, spec)
    return list(found.values())


def _names(*known: str) -> set[str]:
    """Names, with their options and without."""
    return {name for given in known for name in (given, given.partition("[")[0])}


def grouped(verb: Callable[..., None]) -> Callable[..., None]:
    """A verb for Typer, with an option for each field of its parameters that are dataclasses.

    `Annotated[Group, Without(("seed",))]` leaves options of the group out: they have their defaults.
    """
    hints = get_type_hints(verb, include_extras=True)
    parameters: list[inspect.Parameter] = []
    groups: dict[str, tuple[Any, list[str]]] = {}
    for parameter in inspect.signature(verb).parameters.values():
        kind, left_out = _group(hints[parameter.name])
        if kind is None:
            parameters.append(_option(parameter.name, parameter.default, hints[parameter.name]))
            continue
        inner = get_type_hints(kind, include_extras=True)
        offered = [field for field in fields(kind) if field.name not in left_out]
        parameters += [_option(field.name, field.default, inner[field.name]) for field in offered]
        groups[parameter.name] = kind, [field.name for field in offered]

    def call(**given: Any) -> None:
        made = {name: kind(**{n: given.pop(n) for n in names}) for name, (kind, names) in groups.items()}
        verb(**given, **made)

    call.__name__, call.__doc__ = verb.__name__, verb.__doc__
    call.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    call.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    return call


def _group(hint: Any) -> tuple[Any, tuple[str, ...]]:
    """The dataclass of a parameter (None: a plain option), and which of its options are left out."""
    left_out: tuple[str, ...] = ()
    if get_origin(hint) is Annotated:
        hint, *marks = get_args(hint)
        left_out = tuple(name for mark in marks if isinstance(mark, Without) for name in mark.names)
    return (hint if isinstance(hint, type) and is_dataclass(hint) else None), left_out


def _option(name: str, default: Any, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
