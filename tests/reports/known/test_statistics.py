"""Statistics that are kept are those that would be computed, and no others."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reports.known.statistics import Statistics
from vfsrbench.results import stats

RNG = np.random.default_rng(7)
SERIES = {name: RNG.normal(20 + i / 5, 1, 7) for i, name in enumerate(("a", "b", "c"))}
WEIGHTS = {name: RNG.integers(1, 9, 7).astype(float) for name in SERIES}
HOW = {"seed": 3, "resamples": 200}


@pytest.fixture
def none_computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which statistics were computed."""
    names: list[str] = []
    for name in ("summarise", "ranks", "compare"):
        real = getattr(stats, name)

        def noting(*given: object, name: str = name, real: object = real, **how: object) -> object:
            names.append(name)
            return real(*given, **how)  # type: ignore[operator]

        monkeypatch.setattr(stats, name, noting)
    return names


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["clips", "frames"])
def test_kept_ones_are_the_same_to_the_last_bit(
    tmp_path: Path, weights: dict[str, np.ndarray] | None, none_computed: list[str]
) -> None:
    holed = dict(SERIES, c=np.where(np.arange(7) == 2, np.nan, SERIES["c"]))
    own = None if weights is None else weights["a"]
    expected = (
        stats.summarise(SERIES["a"], own, **HOW),
        stats.ranks(holed, "lower", weights, **HOW),
        stats.compare(holed, "b", "higher", weights, **HOW),
    )
    none_computed.clear()
    for time in range(2):
        known = Statistics(3, 200, tmp_path / "note.json")
        found = (
            known.summarise(SERIES["a"], own),
            known.ranks(holed, "lower", weights),
            known.compare(holed, "b", "higher", weights),
        )
        known.keep()
        assert found == expected and list(found[2]) == ["a", "c"]
        assert none_computed == ["summarise", "ranks", "compare"], time


def test_whatever_changes_they_are_computed_again(tmp_path: Path, none_computed: list[str]) -> None:
    def ranks(series: dict[str, np.ndarray], seed: int = 3, resamples: int = 200, how: str = "lower") -> None:
        known = Statistics(seed, resamples, tmp_path / "note.json")
        known.ranks(series, how)
        known.keep()

    nudged = dict(SERIES, a=np.nextafter(SERIES["a"], 99))
    for asked in (
        lambda: ranks(SERIES),
        lambda: ranks(nudged),
        lambda: ranks(SERIES, seed=4),
        lambda: ranks(SERIES, resamples=201),
        lambda: ranks(SERIES, how="higher"),
    ):
        before = len(none_computed)
        asked()
        asked()
        assert len(none_computed) == before + 1
    (tmp_path / "note.json").write_text("{")
    ranks(SERIES)
    assert len(none_computed) == 6, "a damaged note counts as none"


def test_code_and_libraries_are_part_of_their_names(
    tmp_path: Path, none_computed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from reports.known import statistics

    def once() -> None:
        known = Statistics(0, 50, tmp_path / "note.json")
        known.ranks(SERIES, "lower")
        known.keep()

    once()
    monkeypatch.setattr(statistics, "library_versions", lambda: {"numpy": "0", "scipy": "0"})
    once()
    monkeypatch.setattr(statistics, "module_digest", lambda *names: "other code")
    once()
    assert len(none_computed) == 3
