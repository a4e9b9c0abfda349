"""docs/metrics.md says what the cards say."""

from __future__ import annotations

from pathlib import Path

from benchmarks.metrics_table import generated, with_fast
from tests.vfsrbench.metrics.network_references import fast_deviation
from vfsrbench import plugins

PAGE = (Path(__file__).parents[3] / "docs" / "metrics.md").read_text(encoding="utf-8")


def test_every_metric_stands_in_the_page_as_on_its_card() -> None:
    written = set(PAGE.splitlines())
    for line in generated({}, {}).splitlines():
        if not line.startswith("| `"):  # rows of the table carry deviations, which are found by running
            assert line in written, f"run benchmarks/metrics_table.py: missing {line[:80]!r}"


def test_every_deviation_was_found_by_running() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `")]
    for entry in plugins.metrics():
        row = next(
            line for line in rows if line.startswith(f"| `{entry.card.id}` |") and line.count("|") == 9
        )
        assert entry.card.derived or row.split("|")[-3].strip(), row


def test_the_fast_profile_is_measured() -> None:
    card = plugins.choose_metric("lpips_alex").card
    assert 0 < fast_deviation(card, "cpu") < 1e-4  # the distance itself stays in float32
    row = next(line for line in PAGE.splitlines() if line.startswith("| `lpips_alex` |"))
    assert row.split("|")[-2].strip() not in ("", "same", "0")


def test_one_metrics_fast_profile_is_written_alone() -> None:
    after = with_fast(PAGE, {"lpips_alex": 0.123, "psnr": 0.0})
    changed = [(a, b) for a, b in zip(PAGE.splitlines(), after.splitlines(), strict=True) if a != b]
    ((old, new),) = changed  # psnr has one arithmetic: its row says so already
    assert old.startswith("| `lpips_alex` |") and new == old.rpartition("| ")[0] + "| 2e-1 |"
