"""Every metric gives the figures of the implementation named on its card."""

from __future__ import annotations

import pytest

from tests.vfsrbench.metrics.references import REFERENCES
from vfsrbench import plugins


@pytest.mark.parametrize("metric_id", sorted(REFERENCES))
def test_deviation_stays_below_the_limit(metric_id: str) -> None:
    reference = REFERENCES[metric_id]
    outcome = reference.run()
    assert outcome.values >= 3
    assert outcome.worst <= reference.limit


def test_every_metric_has_a_reference() -> None:
    cards = [entry.card for entry in plugins.metrics()]
    assert sorted(c.id for c in cards if c.derived is None) == sorted(REFERENCES)
