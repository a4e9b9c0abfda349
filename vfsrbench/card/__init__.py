"""The typed facts of methods and metrics. Cards are data (TOML): reading them never imports torch."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from vfsrbench.card.method import MethodCard, Tool
from vfsrbench.card.metric import Derived, MetricCard, Threshold
from vfsrbench.card.parts import Factory, Name, Option, Title, Track, Value, WeightUse

__all__ = [
    "Derived",
    "Factory",
    "MethodCard",
    "MetricCard",
    "Name",
    "Option",
    "Threshold",
    "Title",
    "Tool",
    "Track",
    "Value",
    "WeightUse",
    "placed",
]

Card = TypeVar("Card", MethodCard, MetricCard)


def placed(card: Card, folder: Path) -> Card:
    """The card with whole paths of the checkpoints that lie beside it.

    Args:
        card: As it was read.
        folder: Where its file lies.

    Example:
        >>> card = MethodCard.model_validate({"name": "mine", "title": "Mine", "kind": "image",
        ...     "class": "method:Method", "description": "", "weights": [{"file": "net.pth"}]})
        >>> placed(card, Path("/methods/mine")).weights[0].file
        '/methods/mine/net.pth'
    """
    if not any(use.file for use in card.weights):
        return card
    uses = (u.replace(file=str(folder / Path(u.file).expanduser())) if u.file else u for u in card.weights)
    return card.replace(weights=tuple(uses))
