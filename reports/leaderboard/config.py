"""What a leaderboard's maintainers say: `leaderboard.toml`, and a file a board in `boards/`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import Field

from degradations.reading.text import parse_toml
from degradations.reading.typed_toml import FrozenModel, parse
from reports.bundles.reading import Bundle
from reports.leaderboard.tree import Tree, text_of
from vfsrbench import plugins
from vfsrbench.board import PublishedUse
from vfsrbench.errors import InputError

FILE, BOARDS, SUBMISSIONS = "leaderboard.toml", "boards", "submissions"
Division = Literal["official", "open"]
_SHA256 = r"^[0-9a-f]{64}$"


class Correction(FrozenModel):
    """A row that may change by more than epsilon, and why: what maintainers agreed to."""

    lab: str
    method: str
    reason: str
    board: str = ""


class Settings(FrozenModel):
    """`leaderboard.toml`.

    Attributes:
        title: Of the home page.
        description: A sentence below it.
        url: Where the site is published; exports name it as their source.
        epsilon: By what part of itself a value of a row that stands may change.
        epsilons: The same for single metrics.
        boards: The order in which boards are shown; others follow by name.
        divisions: What the divisions are called.
        maintainers: Logins that may change more than one laboratory's files.
        official: SHA-256 -> what it is, of checkpoints that count as official beside those known here.
        corrections: Rows whose change is known and agreed to.
    """

    format: Literal[1] = 1
    title: str
    description: str = ""
    url: Annotated[str, Field(pattern=r"^(https?://\S+)?$")] = ""
    epsilon: float = Field(default=1e-3, ge=0, le=1)
    epsilons: dict[str, Annotated[float, Field(ge=0, le=1)]] = {}
    boards: tuple[str, ...] = ()
    divisions: dict[Division, str] = {"official": "official weights", "open": "open"}
    maintainers: tuple[str, ...] = ()
    official: dict[Annotated[str, Field(pattern=_SHA256)], str] = {}
    corrections: tuple[Correction, ...] = ()

    def epsilon_of(self, metric: str) -> float:
        """What a metric's values may change by, as a part of themselves."""
        return self.epsilons.get(metric, self.epsilon)


class Rules(FrozenModel):
    """`boards/NAME.toml`: a board, and the protocol that its rows must have.

    Attributes:
        title: Of the board.
        description: A sentence below it.
        dataset: The data set's name.
        seed: Of the degradations.
        metrics: The columns.
        sort_by: The metric that rows are sorted by; none that frames unlike the truth can score well in.
            Default: the first that compares with the ground truth, else the methods' names.
        divisions: Those that it takes.
        hub_dataset: The data set's name on the Hugging Face Hub; exports of that form need it.
        task: What exports call it.
        recipes: Split -> the digest of its recipe.
        clips: Clip -> the digest of its ground truth.
        profile: That of the results (`strict`, `fast`); empty: any.
        versions: Metric -> its version.
        weights: Metric -> checkpoint -> SHA-256.
        published: Papers' figures to stand beside, as in boards (docs/boards.md).
    """

    title: str
    description: str = ""
    dataset: str
    seed: int
    metrics: tuple[str, ...] = Field(min_length=1)
    sort_by: str | None = None
    divisions: tuple[Division, ...] = ("official", "open")
    hub_dataset: str = ""
    task: str = "Video face super-resolution"
    recipes: dict[str, str] = Field(min_length=1)
    clips: dict[str, str] = Field(min_length=1)
    profile: str = ""
    versions: dict[str, int] = {}
    weights: dict[str, dict[str, str]] = {}
    published: tuple[PublishedUse, ...] = ()


class Lab(FrozenModel):
    """`submissions/LAB/lab.toml`: who may change the folder."""

    title: str
    url: str = ""
    owners: tuple[str, ...] = ()


@dataclass(frozen=True)
class Config:
    """All that is configured: the settings, and boards in the order in which they are shown."""

    settings: Settings
    boards: Mapping[str, Rules]


def read_config(tree: Tree) -> Config:
    """The configuration of a leaderboard.

    Raises:
        InputError: There is none, or a key is wrong.
    """
    if FILE not in tree.files:
        raise InputError(f"{tree}: there is no {FILE}; `vfsrbench new leaderboard DIR` writes one")
    settings = parse(Settings, parse_toml(text_of(tree, FILE), FILE), FILE)
    found: dict[str, Rules] = {}
    for name in sorted(tree.files):
        path = PurePosixPath(name)
        if path.parent == PurePosixPath(BOARDS) and path.suffix == ".toml":
            found[path.stem] = parse(Rules, parse_toml(text_of(tree, name), name), name)
            _check_order(found[path.stem], name)
    if lost := [name for name in settings.boards if name not in found]:
        raise InputError(f"{FILE}: there is no {BOARDS}/{lost[0]}.toml")
    order = [*settings.boards, *(name for name in found if name not in settings.boards)]
    return Config(settings, {name: found[name] for name in order})


def _check_order(rules: Rules, name: str) -> None:
    """Refuse rows in the order of a metric that frames unlike the truth can score well in."""
    card = plugins.metrics().cards.get(rules.sort_by or "")
    if card is not None and card.gameable:
        raise InputError(
            f"{name}: sort_by = {rules.sort_by!r}: frames unlike the truth can score well in it, so no board "
            "is sorted by it alone; choose a metric that compares with the ground truth, or leave sort_by out"
        )


def read_lab(tree: Tree, lab: str) -> Lab | None:
    """What a laboratory says of itself; None if it has no folder yet."""
    name = f"{SUBMISSIONS}/{lab}/lab.toml"
    return parse(Lab, parse_toml(text_of(tree, name), name), name) if name in tree.files else None


def rules_from(bundle: Bundle) -> str:
    """The file of a board, from a bundle whose protocol its rows are to have."""
    protocol, board = bundle.protocol, bundle.board
    versions = {m: v for r in bundle.results for m, v in r.record.metrics.items() if m in board.metrics}
    weights = {
        metric: score.weights
        for r in bundle.results
        for metric, score in r.record.scores.items()
        if metric in board.metrics and score.weights
    }
    profiles = {r.record.profile for r in bundle.results if r.record.profile}
    facts: dict[str, Any] = {
        "title": board.title,
        "description": board.description.strip(),
        "dataset": protocol.name,
        "seed": protocol.seed,
        "metrics": list(board.metrics),
        **({"sort_by": board.sort_by} if board.sort_by else {}),
        **({"profile": profiles.pop()} if len(profiles) == 1 else {}),
        "divisions": ["official", "open"],
        "hub_dataset": "",
    }
    lines = [f"{key} = {_toml(value)}" for key, value in facts.items()]
    splits = {row.split for row in bundle.table.rows}
    tables: dict[str, dict[str, Any]] = {
        "recipes": {s: d for s, d in sorted(protocol.recipes.items()) if s in splits},
        "clips": {clip: protocol.clips[clip] for clip in bundle.table.clips},
        "versions": dict(sorted(versions.items())),
        **{
            f"weights.{_key(metric)}": dict(sorted(found.items()))
            for metric, found in sorted(weights.items())
        },
    }
    for name, table in tables.items():
        lines += ["", f"[{name}]", *(f"{_key(key)} = {_toml(value)}" for key, value in table.items())]
    shipped = plugins.board_files()
    uses = plugins.find_board(board.name).published if board.name in shipped else ()
    for use in uses:
        said = use.model_dump(exclude_defaults=True, exclude_none=True)
        lines += ["", "[[published]]", *(f"{key} = {_toml(value)}" for key, value in said.items())]
    return "\n".join(lines) + "\n"


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _toml(name)


def _toml(value: Any) -> str:
    """A value as TOML has it; JSON's strings are TOML's, too, once DEL is spelled out."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{_key(k)} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
