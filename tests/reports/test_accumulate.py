"""A workspace accumulates: a report shows all results that fit together, whichever run made them."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from reports.inputs.losses import Losses
from reports.inputs.results import read_results
from reports.inputs.split_values import combine_splits
from tests.reports import synthetic
from tests.vfsrbench.boards import board_file, data_set, method_folder, moving, small_board, write_clip
from vfsrbench.cli import main
from vfsrbench.io.clip import Clip
from vfsrbench.plugins import metrics
from vfsrbench.results.board_note import protocols
from vfsrbench.results.store import read_record
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.run import run_board


class House:
    """A data set, methods, a board's file and a workspace."""

    def __init__(self, root: Path) -> None:
        self.root, self.place = root, root / "w"
        self.data = data_set(root / "data", frames=4)
        self.board = small_board(self.data, [method_folder(root, "a")], splits=["bi-x4"], metrics=["psnr"])
        self.file = board_file(root / "board.toml", self.board)

    def run(self, *more: object) -> int:
        command = ["run", self.file, "-w", self.place, "--engine", "serial", *more]
        return main.run([str(part) for part in command])

    def report(self, *more: object) -> tuple[int, pd.DataFrame]:
        out = self.root / "out"
        code = main.run([str(p) for p in ["report", self.file, "-w", self.place, "--out", out, *more]])
        found = pd.read_csv(out / "leaderboard.csv") if code == 0 else pd.DataFrame()
        return code, found


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def methods(table: pd.DataFrame) -> list[str]:
    return sorted(table["method"])


def test_two_runs_with_other_methods_and_outputs_stand_in_one_table(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    other = method_folder(house.root / "more", "b", mode="nearest")
    assert house.run("--keep", "png") == 0
    assert house.run("--only-method", house.board.methods[0], "--method", other) == 0
    theirs = house.place / "restored" / "bi-x4" / "a"
    assert house.run("--outputs", f"theirs={theirs}") == 0
    assert "theirs" in capsys.readouterr().out
    own = pd.read_csv(house.place / "report" / "small" / "leaderboard.csv")
    assert methods(own) == ["a", "b", "theirs"], "the run's own report has all, too"
    assert house.run() == 0
    _, table = house.report()
    assert methods(table) == ["a", "b", "theirs"] and (table["clips"] == 2).all()
    by = table.set_index("method")["psnr"]
    assert by["a"] == by["theirs"] != by["b"]
    assert "left out" not in capsys.readouterr().err
    _, table = house.report("--only-method", "b", "--only-method", "theirs")
    assert methods(table) == ["b", "theirs"]
    assert "left out: 2 results of methods that were not asked for" in capsys.readouterr().err


def test_clips_of_several_runs_come_together(house: House) -> None:
    assert house.run("--clip", "one") == 0 and house.run("--clip", "two") == 0
    _, table = house.report()
    assert table["clips"].tolist() == [2]
    _, table = house.report("--clip", "one")
    assert table["clips"].tolist() == [1]


def test_a_damaged_result_leaves_n_of_all_clips_and_run_makes_it_again(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    assert house.run() == 0
    _, expected = house.report()
    (path,) = (house.place / "results" / "bi-x4" / "a").glob("two.*.parquet")
    broken = bytearray(path.read_bytes())
    broken[len(broken) // 2] ^= 2
    path.write_bytes(broken)
    capsys.readouterr()
    _, table = house.report()
    said = capsys.readouterr()
    assert table["clips"].tolist() == [1] and table["psnr"].isna().all() and "1 of 2" in said.out
    assert str(path) in said.err and "1 of 2 results files could be read" in said.err
    assert house.run() == 0
    _, again = house.report()
    assert again["psnr"].tolist() == expected["psnr"].tolist() and again["clips"].tolist() == [2]


def test_another_protocol_is_left_out_and_named_with_what_shows_it(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    assert house.run() == 0
    assert house.run("--seed", 5) == 0
    assert house.run("--frames", 3) == 0
    capsys.readouterr()
    code, three = house.report()
    said = capsys.readouterr().err
    assert code == 0 and "2 results of seed 5: --seed 5 shows them" in said
    assert "1 result of other frames of the same clips" in said, "the other clip has 3 frames anyway"
    code, five = house.report("--seed", 5)
    assert code == 0 and "3 results of seed 0: --seed 0 shows them" in capsys.readouterr().err
    first = [r for r in records(house.place) if r.seed == 5]
    assert five["psnr"][0] == pytest.approx(sum(r.clip_values["psnr"] for r in first) / 2)
    code, again = house.report("--frames", 3)
    assert code == 0 and again["psnr"].tolist() == three["psnr"].tolist()
    assert house.report("--frames", 2)[0] == 2
    assert "was not run with --frames 2 in this workspace" in capsys.readouterr().err
    assert house.run() == 0, "nothing to do, yet the board's last run is this one"
    capsys.readouterr()
    _, whole = house.report()
    assert whole["psnr"][0] != three["psnr"][0]


def records(place: Path) -> list:
    return [read_record(p) for p in sorted((place / "results").rglob("*.parquet"))]


def test_another_data_set_and_split_are_left_out(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    other = write_clip(house.root / "others" / "one", moving(3, seed=7)).parent
    assert house.run("--dataset", other) == 0
    assert house.run("--split", "bi-x8") == 0
    assert house.run() == 0
    capsys.readouterr()
    _, table = house.report()
    said = capsys.readouterr().err
    assert table["clips"].tolist() == [2] and set(table["split"]) == {"bi-x4"}
    assert "1 result of the data set 'others': the report is of 'data'" in said
    assert "2 results of the split 'bi-x8', which is not on the board" in said
    _, table = house.report("--dataset", other)
    assert table["clips"].tolist() == [1]
    _, table = house.report("--split", "bi-x4", "--split", "bi-x8")
    assert set(table["split"]) == {"bi-x4", "bi-x8"}


def test_of_two_results_of_a_method_the_one_that_was_planned_last_is_shown(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    gain = house.root / "a" / "gain.json"
    gain.write_text("1.0")
    code = gain.with_name("code.py")
    line = "out = out * float(Path(__file__).with_name('gain.json').read_text())"
    code.write_text(code.read_text().replace("pass", line))
    assert house.run() == 0
    _, before = house.report()
    gain.write_text("0.9")
    assert house.run() == 0
    capsys.readouterr()
    _, after = house.report()
    assert after["psnr"][0] != before["psnr"][0]
    assert "2 other results of a: the one that the board's last run planned is shown" in (
        capsys.readouterr().err
    )
    gain.write_text("1.0")
    assert house.run() == 0, "the first results are there still"
    _, again = house.report()
    assert again["psnr"].tolist() == before["psnr"].tolist()
    (house.place / "boards" / "small.json").unlink()
    capsys.readouterr()
    _, newest = house.report()
    assert newest["psnr"].tolist() == after["psnr"].tolist()
    assert "2 other results of a: the one written last is shown" in capsys.readouterr().err


def test_a_damaged_board_note_costs_nothing_but_itself(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    assert house.run() == 0
    note = house.place / "boards" / "small.json"
    whole = note.read_bytes()
    _, expected = house.report()
    for place in range(0, len(whole), max(1, len(whole) // 8)):
        broken = bytearray(whole)
        broken[place] ^= 1 << (place % 8)
        note.write_bytes(broken)
        code, table = house.report()
        assert code == 0 and table.equals(expected), place
    assert house.run() == 0 and len(protocols(Workspace(house.place), "small")) == 1


def test_values_of_another_version_or_code_of_a_metric_are_left_out(
    house: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert house.run() == 0
    note = Workspace(house.place)
    (protocol,) = protocols(note, "small")
    assert set(protocol.metric_keys) == {"psnr"}
    from vfsrbench.io.safety.sealed import read_note, write_note

    content = read_note(note.board_note("small"), "board-1")
    content["protocols"][0]["metric_keys"]["psnr"] = "0" * 64  # as if a later run had another PSNR
    write_note(note.board_note("small"), "board-1", content)
    capsys.readouterr()
    _, table = house.report()
    assert table["psnr"].isna().all()
    assert "2 values of psnr by other code or weights" in capsys.readouterr().err


def test_a_method_of_a_workspace_whose_note_is_gone_keeps_to_the_newest_frames(tmp_path: Path) -> None:
    place = tmp_path / "w" / "results"
    for clip in synthetic.CLIPS:
        synthetic.write_result(place, "bicubic", "vfhq-mild", clip, finished="2026-01-02T00:00:00+00:00")
        synthetic.write_result(
            place, "nearest", "vfhq-mild", clip, gt_digest="9" * 64, finished="2026-01-01T00:00:00+00:00"
        )
    from reports import build_report

    report = build_report(synthetic.board(), tmp_path / "w", tmp_path / "out", formats=("png",))
    assert [row.method for row in report.tables[0].rows] == ["bicubic"]
    assert any("3 results of other frames of the same clips" in line for line in report.skipped)


def test_damaged_features_cost_their_row_its_value_and_are_named(tmp_path: Path) -> None:
    import numpy as np

    from vfsrbench.results.schema import Score
    from vfsrbench.results.store import Result, Store

    rng = np.random.default_rng(0)
    place = Workspace(tmp_path / "w")
    store: Store = place.store
    for method in ("bicubic", "nearest"):
        source = synthetic.write_result(tmp_path / "source", method, "vfhq-mild", "calm")
        record = read_record(source)
        where = (record.split, record.method, record.clip, record.key)
        arrays = [rng.normal(0, 1, (9, 2048)).astype(np.float32) for _ in range(2)]
        gt = store.write_truth_features(record.gt_digest, "fid_gt", "k" * 64, arrays[0])
        ours = store.write_features(where, "fid_gt", "k" * 64, arrays[1])
        scores = {"fid_gt": Score(key="k", features=ours, gt_features=gt)}
        store.write(Result(record.model_copy(update={"scores": scores}), ["0"], {"psnr": np.array([1.0])}))
    (path,) = (tmp_path / "w" / "results" / "vfhq-mild" / "nearest").glob("*.npz")
    broken = bytearray(path.read_bytes())
    broken[500] ^= 1
    path.write_bytes(broken)
    losses = Losses(place.damaged)
    found, _ = read_results([tmp_path / "w" / "results"])
    board = synthetic.board(metrics=["psnr", "fid_gt"], figures={})
    values = combine_splits(board, found, store, metrics(), losses)
    assert set(values.values) == {("vfhq-mild", "bicubic", "fid_gt")} and not values.reasons
    assert [str(path) in line for line in losses.lines] == [True] and not path.exists()


def test_pictures_that_cannot_be_shown_have_a_reason(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    assert house.run("--keep", "png") == 0
    (house.data / "two" / "00000001.png").write_bytes(b"")
    capsys.readouterr()
    command = ["report", house.file, "-w", house.place, "--html", house.root / "site"]
    assert main.run([str(part) for part in command]) == 0
    said = capsys.readouterr().err
    assert "no video of Ground truth is shown: " in said and "00000001.png" in said


def test_a_protocol_survives_the_way_through_its_note(house: House) -> None:
    summary = run_board(house.board, house.place, engine="serial")
    (protocol,) = protocols(Workspace(house.place), "small")
    assert set(protocol.keys) == {(j.split, j.method, j.clip) for j in summary.jobs}
    assert protocol.clips["one"] == Clip.open(house.data / "one").digest()
    assert protocol.agrees(protocol) and protocol.and_then(protocol) == protocol
    assert json.loads(Workspace(house.place).board_note("small").read_text())["kind"] == "board-1"
