"""What there is to choose from: methods, metrics, recipes, boards, data sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

from vfsrbench.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from degradations.shipped import RecipeFacts
    from vfsrbench.board import Board
    from vfsrbench.card import MethodCard, MetricCard

T = TypeVar("T")


class UnknownName(InputError, KeyError):
    """A name that is not listed: an `InputError` for users, a `KeyError` for `in` and `get`."""

    def __str__(self) -> str:
        return str(self.args[0])


class Listing(Mapping[str, T], Generic[T]):
    """Facts by name. Its repr has a line for each name, to be read by people.

    Example:
        >>> Listing("metric", {"psnr": 1, "ssim_y": 2}, lambda number: f"number {number}")
        psnr    number 1
        ssim_y  number 2
    """

    def __init__(
        self,
        kind: str,
        facts: Mapping[str, T],
        describe: Callable[[T], str],
        named: Callable[[str], str] = str,
    ) -> None:
        """`kind` is what is listed, for messages; `describe` says in a few words what a name stands for, and
        `named` finds the name that is meant by another spelling."""
        self._named = named
        self._kind = kind
        self._facts = dict(facts)
        self._describe = describe

    def __getitem__(self, name: str) -> T:
        if name not in self._facts:
            try:
                return self._facts[self._named(str(name))]
            except InputError as error:  # several are meant
                raise UnknownName(error) from None
            except KeyError:
                pass
            raise UnknownName(did_you_mean(self._kind, str(name), self._facts))
        return self._facts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._facts)

    def __len__(self) -> int:
        return len(self._facts)

    def __repr__(self) -> str:
        width = max(map(len, self._facts), default=0)
        return "\n".join(f"{name:{width}}  {self._describe(fact)}" for name, fact in self._facts.items())


def methods() -> Mapping[str, MethodCard]:
    """Every installed method's card, by name.

    Example:
        >>> import vfsrbench as vb
        >>> vb.methods()["keep"].kind
        'video'
    """
    from vfsrbench import plugins

    return Listing(
        "method", {entry.card.name: entry.card for entry in plugins.methods()}, lambda card: card.title
    )


def metrics() -> Mapping[str, MetricCard]:
    """Every installed metric's card, by id.

    Example:
        >>> import vfsrbench as vb
        >>> vb.metrics()["psnr"].unit
        'dB'
    """
    from vfsrbench import plugins

    better = {"higher": ", higher is better", "lower": ", lower is better", "none": ""}

    def describe(card: MetricCard) -> str:
        unit = f" ({card.unit})" if card.unit else ""
        return f"{card.title}{unit}{better[card.direction]}"

    known = plugins.metrics()
    return Listing("metric", {entry.card.id: entry.card for entry in known}, describe, known.named)


def recipes() -> Mapping[str, RecipeFacts]:
    """Every shipped recipe, by name.

    Example:
        >>> import vfsrbench as vb
        >>> vb.recipes()["vfhq-mild"].status
        'official'
    """
    from degradations.shipped import list_recipes

    return Listing(
        "recipe", {recipe.name: recipe for recipe in list_recipes()}, lambda recipe: recipe.description
    )


def boards() -> Mapping[str, Board]:
    """Every installed board, by name.

    Example:
        >>> import vfsrbench as vb
        >>> vb.boards()["demo"].dataset.layout
        'demo'
    """
    from vfsrbench.board import load_board
    from vfsrbench.plugins import board_files

    found = {name: load_board(path) for name, path in board_files().items()}
    return Listing("board", found, lambda board: board.title)


def datasets() -> Mapping[str, str]:
    """Every layout of data sets that `Dataset.open` and boards can read, with a line about each.

    Example:
        >>> import vfsrbench as vb
        >>> "vfhq-test" in vb.datasets()
        True
    """
    from vfsrbench.datasets.layouts import describe_layouts

    return Listing("data set layout", describe_layouts(), str)
