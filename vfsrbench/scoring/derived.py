"""Metrics that follow from other metrics."""

from __future__ import annotations

from collections.abc import Sequence

from vfsrbench.card import MetricCard
from vfsrbench.plugins import Registry, choose_metric


def with_sources(ids: Sequence[str], known: Registry[MetricCard]) -> list[MetricCard]:
    """The cards of these metrics and of those that they are derived from, each once, sources first."""
    cards: dict[str, MetricCard] = {}

    def add(metric_id: str) -> None:
        card = choose_metric(metric_id, known).card
        if card.derived is not None:
            add(card.derived.metric)
        cards[card.id] = card

    for metric_id in ids:
        add(metric_id)
    return list(cards.values())
