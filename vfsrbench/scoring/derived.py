"""Metrics that follow from other metrics."""

from __future__ import annotations

from collections.abc import Sequence

from vfsrbench.card import MetricCard
from vfsrbench.metrics.functional.temporal_std import video_sigma
from vfsrbench.plugins import Registry, choose_metric
from vfsrbench.scoring.scores import Scores, Wanted


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


def derive(scores: Scores, cards: Sequence[MetricCard], wanted: Wanted) -> None:
    """Add the wanted metrics that are derived from others' frame values, new or known."""
    caps = {card.id: card.cap for card in cards}
    for card in cards:
        if card.derived is None or card.id not in wanted.metrics:
            continue
        source = card.derived.metric
        known = scores if source in wanted.metrics else wanted
        if source in known.unavailable:
            scores.unavailable[card.id] = known.unavailable[source]
        else:
            scores.clip_values[card.id] = (
                video_sigma(known.values[source], caps[source]) * card.derived.factor
            )
