"""The checkpoints of cards in reach that no manifest knows: files of the user's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from vfsrbench.card import MethodCard, MetricCard, WeightUse
from vfsrbench.errors import InputError
from vfsrbench.plugins import folder_method, methods, metric_weights, metrics
from vfsrbench.weights.manifest import Manifest
from vfsrbench.weights.resolve import hash_of, is_untrained, noted_as, place_of_use


@dataclass(frozen=True)
class CardWeight:
    """A checkpoint that cards name and no manifest does.

    `users` are the methods and metrics whose cards name it, `licence` is the first one's.
    """

    use: WeightUse
    users: tuple[str, ...]
    licence: str = ""

    @property
    def name(self) -> str:
        return self.use.name

    def place(self, root: Path) -> Path | None:
        """The file in use; None if it is not here."""
        return place_of_use(root, self.use, self.name, None)

    def sha256(self, root: Path, path: Path, again: bool = False) -> str:
        """The SHA-256 of the file at `path`; `again`: read in any case."""
        return hash_of(root, noted_as(self.use, self.name, path), path, again)

    def state(self, root: Path) -> str:
        """Whether it is here, in a word."""
        path = self.place(root)
        return "no" if path is None else "untrained" if is_untrained(path) else "yes"

    @property
    def how(self) -> str:
        """How the file comes."""
        return f"on its card: {self.use.file}" if self.use.file else "by hand"


@dataclass(frozen=True)
class Reach:
    """What cards in reach need: `weights` by name, and `of`, the names by method or metric."""

    weights: dict[str, CardWeight]
    of: dict[str, tuple[str, ...]]


def weights_in_reach(manifest: Manifest, folders: Sequence[Path] = ()) -> Reach:
    """The checkpoints that no manifest has, of every card in reach.

    Args:
        manifest: The published checkpoints.
        folders: Folders of methods, beside the installed ones and those in the current folder.

    Raises:
        InputError: A folder that was named has no card, or something is wrong on it.
    """
    weights: dict[str, CardWeight] = {}
    of: dict[str, tuple[str, ...]] = {}
    for card in (*_installed(), *_lying_here(), *(folder_method(folder).card for folder in folders)):
        label = card.name if isinstance(card, MethodCard) else card.id
        uses = card.weights if isinstance(card, MethodCard) else metric_weights(card)
        own = [use for use in uses if use.name not in manifest.entries]
        for use in own:
            known = weights.get(use.name)
            licence = card.licence if isinstance(card, MethodCard) else ""
            if known is None:
                weights[use.name] = CardWeight(use, (label,), licence)
            elif label not in known.users:
                weights[use.name] = CardWeight(known.use, (*known.users, label), known.licence)
        if own and label not in of:
            of[label] = tuple(dict.fromkeys(use.name for use in own))
    return Reach(weights, of)


def _installed() -> Iterable[MethodCard | MetricCard]:
    return [*methods().cards.values(), *metrics().cards.values()]


def _lying_here() -> Iterator[MethodCard]:
    """Cards of methods in the current folder, and in folders right in it; what is no card is left out."""
    here = Path.cwd()
    for path in sorted((here, *here.iterdir())):
        if (path / "card.toml").is_file():
            try:
                yield folder_method(path).card
            except InputError:
                continue
