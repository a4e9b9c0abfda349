"""Results -> tables: means, marks, ranks, completeness, and what must never be printed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reports.inputs.results import read_results
from reports.tables import layout
from reports.tables.layout import ranked_column
from reports.tables.leaderboard import Sources, build_tables
from reports.tables.model import Table
from tests.reports import synthetic
from vfsrbench.errors import InputError
from vfsrbench.results.load import latest

SOURCES = Sources(cards=synthetic.CARDS, reference_rows=frozenset({"oracle"}))


def tables(folder: Path, sources: Sources = SOURCES, **changes: object) -> list[Table]:
    found, skipped = read_results([folder])
    assert not skipped
    return build_tables(synthetic.board(**changes), found, sources, resamples=500)


@pytest.fixture
def mild(tmp_path: Path) -> Table:
    return tables(synthetic.write_board(tmp_path))[0]


def test_one_table_a_split_in_the_boards_order(tmp_path: Path) -> None:
    found = tables(synthetic.write_board(tmp_path))
    assert [(t.split, t.status) for t in found] == [
        ("vfhq-mild", "official"),
        ("vfhq-heavy", "extrapolated"),
    ]
    assert "extrapolated recipe" in found[1].caption and "demo clips" in found[1].caption


def test_a_cell_is_the_mean_over_clips_of_the_mean_over_frames(mild: Table) -> None:
    per_clip = [
        synthetic.frame_values("bicubic", "vfhq-mild", clip, 12)["psnr"].mean() for clip in synthetic.CLIPS
    ]
    cell = mild.row("bicubic").cells["psnr"]
    assert cell.value == pytest.approx(np.mean(per_clip), abs=1e-12)
    assert cell.summary.interval is not None
    assert min(per_clip) <= cell.summary.interval.low < cell.value < cell.summary.interval.high


def test_frames_averaging_weighs_clips_by_their_frames(tmp_path: Path) -> None:
    for clip, frames, level in (("calm", 4, 20.0), ("fast", 12, 30.0)):
        values = {"psnr": np.full(frames, level)}
        synthetic.write_result(tmp_path, "bicubic", "vfhq-mild", clip, frames=frames, values=values)
    by_clip = tables(tmp_path, metrics=["psnr"])[0]
    by_frame = tables(tmp_path, metrics=["psnr"], average="frames")[0]
    assert by_clip.row("bicubic").cells["psnr"].value == 25.0
    assert by_frame.row("bicubic").cells["psnr"].value == 27.5


def test_infinite_psnr_is_capped_and_reference_rows_take_no_mark(mild: Table) -> None:
    oracle = mild.row("oracle")
    assert oracle.cells["psnr"].value == 100.0 and oracle.is_reference
    assert oracle.cells["psnr"].mark == "" and oracle.cells["psnr"].rank is None
    assert mild.row("lanczos").cells["psnr"].mark == "best"
    assert mild.row("bicubic").cells["psnr"].mark == "second"
    assert mild.row("lanczos").cells["ewarp_dis"].mark == "best"  # lower is better there
    assert mild.rows[-1].method == "oracle"


def test_equal_digits_share_the_mark(tmp_path: Path) -> None:
    for method, level in (("bicubic", 26.001), ("lanczos", 26.004), ("nearest", 24.0)):
        values = {"psnr": np.full(5, level)}
        synthetic.write_result(tmp_path, method, "vfhq-mild", "calm", frames=5, values=values)
    table = tables(tmp_path, metrics=["psnr"])[0]
    assert {r.method: r.cells["psnr"].mark for r in table.rows} == {
        "bicubic": "best",
        "lanczos": "best",
        "nearest": "second",
    }


def test_failed_job_leaves_no_mean_and_says_why(tmp_path: Path) -> None:
    for method in ("bicubic", "nearest", "lanczos"):
        for clip in synthetic.CLIPS:
            bad = method == "nearest" and clip == "fast"
            changes = {"status": "failed", "reason": "returned NaN", "clip_values": {}} if bad else {}
            synthetic.write_result(tmp_path, method, "vfhq-mild", clip, **changes)
    table = tables(tmp_path)[0]
    row = table.row("nearest")
    assert row.cells["psnr"].value is None and row.cells["psnr"].mark == ""
    assert row.cells["psnr"].rank is None
    assert (row.done, row.total, row.completeness) == (2, 3, "2 of 3 clips")
    assert any("nearest: 1 of 3 clips" in n and "returned NaN" in n for n in table.notes)
    assert table.row("bicubic").cells["psnr"].value is not None


def test_planned_clips_make_a_killed_run_incomplete(tmp_path: Path) -> None:
    synthetic.write_result(tmp_path, "bicubic", "vfhq-mild", "calm")
    planned = Sources(cards=synthetic.CARDS, clips=synthetic.CLIPS)
    cell = tables(tmp_path, planned)[0].row("bicubic").cells["psnr"]
    assert cell.value is None and (cell.summary.n, cell.summary.total) == (1, 3)


def test_clip_without_a_value_is_a_hole_unless_nobody_has_one(tmp_path: Path) -> None:
    """No face in the ground truth: not due for anyone. No face in one method's output: its own hole."""
    nothing, full = np.full(12, np.nan), np.linspace(0.6, 0.7, 12)
    for method in ("bicubic", "nearest"):
        for clip in synthetic.CLIPS:
            lost = clip == "fast" or (clip == "calm" and method == "nearest")
            synthetic.write_result(
                tmp_path,
                method,
                "vfhq-mild",
                clip,
                values={"psnr": nothing if lost else full},
                missing={"psnr": 12} if lost else {},
            )
    table = tables(tmp_path, metrics=["psnr"])[0]
    good, holed = table.row("bicubic").cells["psnr"], table.row("nearest").cells["psnr"]
    assert good.value == pytest.approx(0.65) and (good.summary.n, good.summary.total) == (2, 2)
    assert holed.value is None and (holed.summary.n, holed.summary.total, holed.missing) == (1, 2, 24)
    assert any("1 clip has no value with any method" in n for n in table.notes)
    assert any("frames without a value: bicubic 12, nearest 24" in n for n in table.notes)


def test_a_method_that_has_only_other_clips_is_not_on_the_board(tmp_path: Path) -> None:
    synthetic.write_result(tmp_path, "bicubic", "vfhq-mild", "calm")
    synthetic.write_result(tmp_path, "nearest", "vfhq-mild", "talking")
    table = tables(tmp_path, Sources(cards=synthetic.CARDS, clips=("calm",)))[0]
    assert [r.method for r in table.rows] == ["bicubic"]


def test_untrained_methods_are_refused_and_named(tmp_path: Path) -> None:
    synthetic.write_board(tmp_path)
    for clip in synthetic.CLIPS:
        synthetic.write_result(tmp_path, "random-net", "vfhq-mild", clip, untrained=True)
    table = tables(tmp_path)[0]
    assert "random-net" not in [r.method for r in table.rows]
    assert any("random-net ran with untrained weights" in n for n in table.notes)


def test_an_untrained_metric_costs_its_column_alone(tmp_path: Path) -> None:
    synthetic.write_board(tmp_path)
    scores = {"psnr": {"key": "a"}, "ssim": {"key": "b", "untrained": True}}
    for clip in synthetic.CLIPS:
        synthetic.write_result(tmp_path, "mixed", "vfhq-mild", clip, scores=scores)
    table = tables(tmp_path)[0]
    row = table.row("mixed")
    assert row.cells["psnr"].value is not None and not row.cells["psnr"].unavailable
    assert row.cells["ssim"].value is None and "untrained" in row.cells["ssim"].unavailable
    assert table.row("bicubic").cells["ssim"].value is not None
    assert any(note.startswith("SSIM: n/a, the metric's weights were untrained") for note in table.notes)
    assert not any("is not on the board" in note for note in table.notes)


def test_order_follows_the_board_then_names_or_the_metric(tmp_path: Path) -> None:
    synthetic.write_board(tmp_path)
    for clip in synthetic.CLIPS:
        synthetic.write_result(tmp_path, "aardvark", "vfhq-mild", clip)
    as_board = [r.method for r in tables(tmp_path)[0].rows]
    assert as_board == ["bicubic", "nearest", "lanczos", "aardvark", "oracle"]
    by_psnr = [r.method for r in tables(tmp_path, sort_by="psnr")[0].rows]
    assert by_psnr == ["lanczos", "bicubic", "aardvark", "nearest", "oracle"]
    by_warp = [r.method for r in tables(tmp_path, sort_by="ewarp_dis")[0].rows]
    assert by_warp == by_psnr


def test_speed_memory_and_versus(tmp_path: Path) -> None:
    table = tables(synthetic.write_board(tmp_path), versus="lanczos")[0]
    assert table.row("bicubic").speed == 24.0  # 3 clips of 12 frames in half a second each
    assert table.row("oracle").speed is None
    assert table.row("bicubic").memory == 3 * 2**30
    versus = table.row("nearest").cells["psnr"].versus
    assert versus is not None and versus.difference == pytest.approx(2.4, abs=0.4) and versus.wins == 1.0
    assert table.row("lanczos").cells["psnr"].versus is None
    with pytest.raises(InputError, match="did you mean 'lanczos'"):
        tables(tmp_path, versus="lanczoss")


def test_the_board_s_own_rival_need_not_have_run(tmp_path: Path) -> None:
    """`run demo --only-method nearest` and a report: nothing to test against, and no complaint."""
    for clip in synthetic.CLIPS:
        synthetic.write_result(tmp_path, "nearest", "vfhq-mild", clip)
    table = tables(tmp_path, versus="bicubic", methods=["bicubic", "nearest"])[0]
    assert table.versus is None and table.row("nearest").cells["psnr"].versus is None


def test_whole_column_unavailable(tmp_path: Path) -> None:
    for clip in synthetic.CLIPS:
        synthetic.write_result(
            tmp_path,
            "bicubic",
            "vfhq-mild",
            clip,
            values={"psnr": np.full(12, 30.0)},
            unavailable={"ewarp_dis": "the clips have one frame"},
        )
    table = tables(tmp_path, metrics=["psnr", "ewarp_dis"])[0]
    cell = table.row("bicubic").cells["ewarp_dis"]
    assert cell.value is None and cell.unavailable == "the clips have one frame"
    assert any("n/a, the clips have one frame" in n for n in table.notes)


def test_figures_do_not_depend_on_the_order_of_files(tmp_path: Path) -> None:
    synthetic.write_board(tmp_path)
    found, _ = read_results([tmp_path])
    forwards = build_tables(synthetic.board(), found, SOURCES, resamples=500)
    backwards = build_tables(synthetic.board(), found[::-1], SOURCES, resamples=500)
    assert forwards == backwards


def test_no_results_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="vfsrbench run synthetic"):
        tables(tmp_path)
    with pytest.raises(InputError, match="nowhere: no such results"):
        read_results([tmp_path / "nowhere"])


def test_of_two_results_of_a_job_the_later_counts_and_strangers_are_named(tmp_path: Path) -> None:
    for finished, level in (("2025-01-02", 30.0), ("2025-01-01", 10.0)):
        values = {"psnr": np.full(3, level)}
        synthetic.write_result(
            tmp_path, "bicubic", "vfhq-mild", "calm", frames=3, values=values, finished=finished
        )
    (tmp_path / "torn.parquet").write_bytes(b"PAR1")
    found, skipped = read_results([tmp_path])
    assert len(found) == 2
    assert [r.record.clip_values["psnr"] for r in latest(found)] == [30.0]
    assert len(skipped) == 2 and "torn.parquet" in skipped[0] and "2 of 3" in skipped[1]


def test_no_order_by_a_metric_that_never_sees_the_truth(tmp_path: Path) -> None:
    synthetic.write_board(tmp_path)
    opinion = synthetic.CARDS["psnr"].replace(gameable=True)
    sources = Sources(cards=synthetic.CARDS | {"psnr": opinion})
    with pytest.raises(InputError, match="sort_by = 'psnr', a metric without a reference"):
        tables(tmp_path, sources, sort_by="psnr")
    table = tables(tmp_path, sources)[0]
    assert "no order by PSNR alone" in table.caption
    ranked = ranked_column(table)
    assert ranked is not None and ranked.id == "ssim"
    plain = tables(tmp_path)[0]
    assert "no order" not in plain.caption
    ranked = ranked_column(plain)
    assert ranked is not None and ranked.id == "psnr"


def test_places_tests_and_marks_follow_the_averaging_rule(tmp_path: Path) -> None:
    """Lanczos is better on nine short clips, bicubic on the one long clip: over frames bicubic wins all."""
    rng = np.random.default_rng(1)
    for i in range(10):
        frames = 200 if i == 9 else 4
        for method, level in (("bicubic", 30.0 + 2.0 * (i == 9)), ("lanczos", 30.5)):
            values = {"psnr": level + rng.normal(0, 0.01, frames)}
            synthetic.write_result(tmp_path, method, "vfhq-mild", f"c{i}", frames=frames, values=values)
    how = {"metrics": ["psnr"], "versus": "lanczos"}
    by_clip, by_frame = (tables(tmp_path, **how, average=rule)[0] for rule in ("clips", "frames"))  # type: ignore[arg-type]
    for table, best in ((by_clip, "lanczos"), (by_frame, "bicubic")):
        cells = {m: table.row(m).cells["psnr"] for m in ("bicubic", "lanczos")}
        ranks = [c.rank for c in cells.values()]
        assert [m for m, c in cells.items() if c.mark == "best"] == [best]
        assert cells[best].rank is not None and cells[best].rank.best == min(r.best for r in ranks if r)
        versus = cells["bicubic"].versus
        assert (
            versus is not None and cells["lanczos"].value is not None and cells["bicubic"].value is not None
        )
        assert versus.difference == pytest.approx(cells["lanczos"].value - cells["bicubic"].value)
        assert (versus.difference > 0) == (best == "lanczos") == (versus.t > 0)


def test_a_value_that_no_clip_can_have_is_not_a_wall_of_counts(tmp_path: Path) -> None:
    for method in ("bicubic", "nearest"):
        values = {"psnr": np.full(1, 30.0), "ewarp_dis": np.full(1, np.nan)}
        synthetic.write_result(tmp_path, method, "vfhq-mild", "calm", frames=1, values=values)
    table = tables(tmp_path, metrics=["psnr", "ewarp_dis"])[0]
    shown = layout.lay_out(table)
    assert [line.cells[1].text for line in shown.lines] == ["n/a", "n/a"]
    assert "EWARP-DIS: n/a, no clip has a value with any method." in table.notes


def test_the_same_difference_on_all_clips_prints_no_t(tmp_path: Path) -> None:
    for clip, level in (("calm", 30.1), ("fast", 27.3), ("talking", 28.7)):
        for method, less in (("bicubic", 0.0), ("lanczos", 0.2)):
            values = {"psnr": np.full(3, level - less)}
            synthetic.write_result(tmp_path, method, "vfhq-mild", clip, frames=3, values=values)
    table = tables(tmp_path, metrics=["psnr"], versus="bicubic")[0]
    hint = next(line for line in layout.lay_out(table).lines if line.method == "lanczos").cells[0].hint
    assert "the same difference on all clips" in hint and "e+" not in hint and "wins 0%" in hint
