"""What a board's runs in a workspace had in common: `boards/<board>.json`, one protocol after the other.

Runs of one protocol (data set, seed, recipes, ground truth) add to each other: their results stand in one
table, whatever methods, clips and splits each of them had. A run of another protocol begins a new one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vfsrbench.board import Board, DatasetUse
from vfsrbench.errors import DamagedFile
from vfsrbench.io.safety.damaged import SetAside
from vfsrbench.io.safety.sealed import read_note, reading, write_note
from vfsrbench.results.workspace import Workspace

if TYPE_CHECKING:
    from vfsrbench.runs.plan import Plan

_KIND = "board-1"
Place = tuple[str, str, str]
"""A job without its key: split, method, clip."""


@dataclass(frozen=True)
class TableRules:
    """How a board makes its tables: their order, and what their means are over."""

    splits: tuple[str, ...]
    methods: tuple[str, ...]
    metrics: tuple[str, ...]
    sort_by: str | None
    average: Literal["clips", "frames"]

    @classmethod
    def of(cls, board: Board) -> TableRules:
        """A board's."""
        return cls(board.splits, board.methods, board.metrics, board.sort_by, board.average)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TableRules:
        """From the note."""
        names = {key: tuple(data[key]) for key in ("splits", "methods", "metrics")}
        return cls(**names, sort_by=data["sort_by"], average=data["average"])


@dataclass(frozen=True)
class Protocol:
    """What results must agree in to stand in one table.

    `name` is the data set's, `use` how it was opened (its clips and frames as the last run had them);
    `recipes` maps splits to their recipes' digests, `clips` clips to the digests of their ground truth.
    `keys` has the key that the last run to plan a job gave it; `metric_keys` those of the metrics.
    `truth` has what keys say of a clip's ground truth (`GtFacts.for_key`): they can be computed again.
    """

    name: str
    seed: int
    use: DatasetUse
    recipes: Mapping[str, str]
    clips: Mapping[str, str]
    keys: Mapping[Place, str] = field(default_factory=dict)
    metric_keys: Mapping[str, str] = field(default_factory=dict)
    truth: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan) -> Protocol:
        """The protocol of a run."""
        setup = plan.setup
        return cls(
            name=setup.dataset,
            seed=setup.board.seed,
            use=setup.board.dataset,
            recipes={name: split.digest for name, split in setup.splits.items()},
            clips={clip.name: clip.truth.digest for clip in plan.clips},
            keys={(job.split, job.method, job.clip): job.key for job in plan.jobs},
            metric_keys=setup.metric_keys,
            truth={clip.name: clip.truth.for_key() for clip in plan.clips},
        )

    def agrees(self, other: Protocol) -> bool:
        """Whether both can be one: nothing that they both name differs."""
        return (
            (self.name, self.seed, self.use.frames, self.use.align, self.use.scale, self.use.fit)
            == (other.name, other.seed, other.use.frames, other.use.align, other.use.scale, other.use.fit)
            and _agree(self.recipes, other.recipes)
            and _agree(self.clips, other.clips)
        )

    def and_then(self, later: Protocol) -> Protocol:
        """Both together; where jobs were planned twice, as the later run planned them."""
        return Protocol(
            name=later.name,
            seed=later.seed,
            use=later.use,
            recipes={**self.recipes, **later.recipes},
            clips={**self.clips, **later.clips},
            keys={**self.keys, **later.keys},
            metric_keys={**self.metric_keys, **later.metric_keys},
            truth={**self.truth, **later.truth},
        )

    def as_json(self) -> dict[str, Any]:
        """For the note."""
        return {
            "name": self.name,
            "seed": self.seed,
            "use": self.use.model_dump(mode="json"),
            "recipes": dict(self.recipes),
            "clips": dict(self.clips),
            "keys": [[*place, key] for place, key in self.keys.items()],
            "metric_keys": dict(self.metric_keys),
            "truth": {clip: dict(facts) for clip, facts in self.truth.items()},
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Protocol:
        """From the note."""
        keys = {(split, method, clip): key for split, method, clip, key in data["keys"]}
        return cls(**{**data, "use": DatasetUse.model_validate(data["use"]), "keys": keys})


def _agree(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return all(one[name] == other[name] for name in one.keys() & other.keys())


def note_run(workspace: Workspace, plan: Plan) -> None:
    """Add a run to its board's note. The protocol that it has becomes the last one."""
    board = plan.setup.board.name
    with workspace.lock(f"board {board}"):
        now = Protocol.of(plan)
        others = []
        for protocol in protocols(workspace, board):
            if protocol.agrees(now):
                now = protocol.and_then(now)
            else:
                others.append(protocol)
        content = {
            "board": asdict(TableRules.of(plan.setup.board)),
            "protocols": [p.as_json() for p in (*others, now)],
        }
        write_note(workspace.board_note(board), _KIND, content)


def table_rules(note: Path) -> TableRules | None:
    """The rules that the last run of a board noted; None where the note has none, or cannot be read."""
    try:
        with reading(note):
            content = read_note(note, _KIND)
            return TableRules.from_json(content["board"]) if "board" in content else None
    except (FileNotFoundError, DamagedFile):
        return None


def protocols(workspace: Workspace, board: str, set_aside: SetAside | None = None) -> list[Protocol]:
    """The protocols of a board's runs, the last run's at the end. A damaged note is handed to `set_aside`
    (default: the workspace's)."""
    path = workspace.board_note(board)
    try:
        with reading(path):
            return [Protocol.from_json(entry) for entry in read_note(path, _KIND)["protocols"]]
    except FileNotFoundError:
        return []
    except DamagedFile as error:
        (set_aside or workspace.damaged.set_aside)(error)
        return []
