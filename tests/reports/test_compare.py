"""Results of any origin side by side, and metrics over a whole split."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stdout
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from reports.compare import compare, place_labels
from reports.inputs.losses import Losses
from reports.inputs.results import read_results
from reports.inputs.split_values import combine_splits
from reports.tables.leaderboard import Sources, build_tables
from tests.reports import synthetic
from vfsrbench.cli.main import run
from vfsrbench.errors import InputError
from vfsrbench.io.safety.damaged import DamagedPieces
from vfsrbench.metrics.functional.frechet import frechet_of_features
from vfsrbench.plugins import metrics
from vfsrbench.results import store as store_module
from vfsrbench.results.schema import Score
from vfsrbench.results.stats import Interval
from vfsrbench.results.store import Result as Stored
from vfsrbench.results.store import Store, read_record


def test_folders_from_anywhere_make_one_table_a_split(tmp_path: Path) -> None:
    for folder, method in (("a", "bicubic"), ("b", "lanczos")):
        for clip in synthetic.CLIPS:
            synthetic.write_result(tmp_path / folder, method, "vfhq-mild", clip)
    tables, skipped = compare([tmp_path / "a", tmp_path / "b"], versus="bicubic")
    assert not skipped and [t.split for t in tables] == ["vfhq-mild"]
    assert {r.method for r in tables[0].rows} == {"bicubic", "lanczos"}
    versus = tables[0].row("lanczos").cells["psnr"].versus
    assert versus is not None and versus.difference < 0


def test_the_same_method_from_two_places_stays_apart(tmp_path: Path) -> None:
    for folder, level in (("old", 20.0), ("new", 30.0)):
        for clip in synthetic.CLIPS:
            values = {"psnr": np.full(4, level)}
            synthetic.write_result(tmp_path / folder, "mine", "vfhq-mild", clip, frames=4, values=values)
    tables, _ = compare([tmp_path / "old", tmp_path / "new"])
    found = {r.method: r.cells["psnr"].value for r in tables[0].rows}
    assert found == {"mine @ new": 30.0, "mine @ old": 20.0}


def test_folders_of_one_name_are_told_apart_by_their_way(tmp_path: Path) -> None:
    for folder, level in (("w1", 20.0), ("w2", 30.0)):
        for clip in synthetic.CLIPS:
            values = {"psnr": np.full(4, level)}
            place = tmp_path / folder / "results"
            synthetic.write_result(place, "mine", "vfhq-mild", clip, frames=4, values=values)
    places = [tmp_path / "w1" / "results", tmp_path / "w2" / "results"]
    tables, _ = compare([*places, places[0]])
    found = {r.method: r.cells["psnr"].value for r in tables[0].rows}
    assert found == {"mine @ w1/results": 20.0, "mine @ w2/results": 30.0}
    assert list(place_labels([Path("/a/b"), Path("/c/d")]).values()) == ["b", "d"]


def test_a_reference_row_from_two_places_is_still_one(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        for method in ("oracle", "lanczos"):
            for clip in synthetic.CLIPS:
                synthetic.write_result(tmp_path / folder, method, "vfhq-mild", clip)
    tables, _ = compare([tmp_path / "a", tmp_path / "b"])
    assert {r.method for r in tables[0].rows if r.is_reference} == {"oracle @ a", "oracle @ b"}


def test_what_cannot_be_compared_is_one_clear_line(tmp_path: Path) -> None:
    synthetic.write_result(tmp_path / "a", "m", "vfhq-mild", "calm")
    synthetic.write_result(tmp_path / "b", "m", "vfhq-mild", "calm", dataset="other")
    with pytest.raises(InputError, match=r"different data sets .*; --dataset takes those of one"):
        compare([tmp_path / "a", tmp_path / "b"])
    synthetic.write_result(tmp_path / "c", "m", "vfhq-mild", "calm", seed=7)
    with pytest.raises(InputError, match=r"different seeds .*; --seed takes those of one"):
        compare([tmp_path / "a", tmp_path / "c"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no results in"):
        compare([tmp_path / "empty"])


def test_one_of_several_data_sets_and_seeds_is_chosen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`demo`, `run` and boards of one's own share one workspace."""
    for number, (dataset, seed) in enumerate((("one", 0), ("other", 0), ("other", 7))):
        synthetic.write_result(tmp_path, f"m{number}", "vfhq-mild", "calm", dataset=dataset, seed=seed)
    for options in ("--dataset one", "--dataset other --seed 7"):
        assert run(["compare", str(tmp_path), *options.split(), "--format", "csv"]) == 0
    said = capsys.readouterr().out
    assert ",m0," in said and ",m2," in said and ",m1," not in said
    assert run(["compare", str(tmp_path), "--dataset", "oter"]) == 2
    assert "did you mean 'other'" in capsys.readouterr().err


def test_the_verb_prints_every_form(tmp_path: Path) -> None:
    synthetic.write_board(tmp_path / "r")
    seen = {}
    for form in ("terminal", "csv", "json", "md", "tex"):
        out = io.StringIO()
        with redirect_stdout(out):
            assert run(["compare", str(tmp_path / "r"), "--metric", "psnr", "--format", form]) == 0
        seen[form] = out.getvalue()
    assert "Lanczos" in seen["terminal"] and seen["csv"].startswith("split,method,title,psnr")
    assert len(json.loads(seen["json"])) == 2
    assert "| Lanczos |" in seen["md"] and r"\toprule" in seen["tex"]
    assert run(["compare", str(tmp_path / "nowhere")]) == 2


def test_a_metric_over_the_split_is_combined_from_the_clips_features(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    store = Store(tmp_path / "store")
    pairs = {c: (rng.normal(0, 1, (9, 2048)), rng.normal(0.2, 1, (9, 2048))) for c in ("calm", "talking")}
    for clip, (restored, truth) in pairs.items():
        source = synthetic.write_result(tmp_path / "source", "bicubic", "vfhq-mild", clip)
        record = read_record(source)
        place = (record.split, record.method, record.clip, record.key)
        gt = store.write_truth_features(record.gt_digest, "fid_gt", "k" * 64, truth.astype(np.float32))
        ours = store.write_features(place, "fid_gt", "k" * 64, restored.astype(np.float32))
        scores = {"fid_gt": Score(key="k", features=ours, gt_features=gt)}
        record = record.model_copy(update={"scores": scores})
        store.write(Stored(record, ["0"], {"psnr": np.array([1.0])}))
    board = synthetic.board(metrics=["psnr", "fid_gt"], figures={})
    results, _ = read_results([tmp_path / "store"])
    losses = Losses(DamagedPieces(tmp_path))
    found = combine_splits(board, results, store, metrics(), losses)
    sides = [np.concatenate([pairs[c][i].astype(np.float32) for c in ("calm", "talking")]) for i in (0, 1)]
    expected = frechet_of_features(*sides)
    assert dict(found.reasons) == {}
    value = found.values["vfhq-mild", "bicubic", "fid_gt"]
    assert value.value == pytest.approx(expected, rel=1e-6)
    assert value.n == 18 and value.interval is None
    sources = Sources(cards=metrics().cards, clips=list(pairs), split_values=found.values)
    (table,) = build_tables(board, results, sources)
    assert any("from n = 18 samples a row" in note for note in table.notes)
    bounds = Interval(0.5, 1.5)
    given = {key: replace(v, interval=bounds) for key, v in found.values.items()}
    (table,) = build_tables(board, results, replace(sources, split_values=given))
    assert table.rows[0].cells["fid_gt"].summary.interval == bounds
    # another method on the same clips: the ground truth's features are not read again
    for result in results:
        record = result.record
        place = (record.split, "twin", record.clip, record.key)
        ours = store.write_features(place, "fid_gt", "k" * 64, pairs[record.clip][0].astype(np.float32))
        twin = {"fid_gt": record.scores["fid_gt"].model_copy(update={"features": ours})}
        record = record.model_copy(update={"method": "twin", "scores": twin})
        store.write(Stored(record, ["0"], {"psnr": np.array([1.0])}))
    read: list[str] = []
    plain = store_module.read_arrays
    monkeypatch.setattr(store_module, "read_arrays", lambda path: read.append(path.name) or plain(path))
    both, _ = read_results([tmp_path / "store"])
    twins = combine_splits(board, both, store, metrics(), losses).values
    assert twins["vfhq-mild", "twin", "fid_gt"] == twins["vfhq-mild", "bicubic", "fid_gt"]
    assert len(read) == 6 and len(set(read)) >= 4, "four of restored clips, two of the ground truth"
    lone = [replace(r, record=r.record.model_copy(update={"scores": {}})) for r in results]
    assert not combine_splits(board, lone, store, metrics(), losses).values, "no features, no value"
