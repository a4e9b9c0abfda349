"""Every metric gives the figures of the implementation named on its card."""

from __future__ import annotations

import pytest

from tests.vfsrbench.metrics.references import REFERENCES
from vfsrbench import plugins


@pytest.mark.parametrize("metric_id", sorted(name for name, r in REFERENCES.items() if not r.heavy))
def test_deviation_stays_below_the_limit(metric_id: str) -> None:
    within_limit(metric_id)


@pytest.mark.slow
@pytest.mark.parametrize("metric_id", sorted(name for name, r in REFERENCES.items() if r.heavy))
def test_deviation_of_large_networks_stays_below_the_limit(metric_id: str) -> None:
    within_limit(metric_id)


def within_limit(metric_id: str) -> None:
    unmet = REFERENCES[metric_id].unmet()
    if unmet:
        pytest.skip(unmet)
    outcome = REFERENCES[metric_id].run()
    assert outcome.values >= 1
    assert outcome.worst <= REFERENCES[metric_id].limit


def test_every_metric_has_a_reference() -> None:
    cards = [entry.card for entry in plugins.metrics()]
    assert sorted(c.id for c in cards if c.derived is None) == sorted(REFERENCES)
