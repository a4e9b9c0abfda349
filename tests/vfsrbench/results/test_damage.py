"""Damaged files of a workspace: named, set aside, made again; no number changes, no traceback."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.vfsrbench.boards import board_file, data_set, method_folder, run_with, scores, small_board
from vfsrbench.board import Board
from vfsrbench.cli import main
from vfsrbench.results.schema import JobRecord
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.progress import Silent
from vfsrbench.runs.summary import RunSummary

KINDS = {
    "digest": "cache/digests/*.json",
    "split note": "splits/bi-x4/one.*.json",
    "degraded frame": "splits/bi-x4/one.*/00000002.png",
    "kept note": "restored/bi-x4/m/one.json",
    "kept frame": "restored/bi-x4/m/one/00000002.png",
    "kept video": "restored/bi-x4/m/one.mkv",
    "strip of the ground truth": "slices/auto/_truth/one.*.npz",
    "strip of degraded frames": "slices/auto/bi-x4/_degraded/one.*.npz",
    "strip of restored frames": "slices/auto/bi-x4/m/one.*.npz",
}
IN_REPORTS = ("strip", "kept", "degraded", "split")
PLACES = 4
"""Bits flipped a kind here; the slow campaign goes through whole files."""


def run(board: Board, workspace: Path, **more: object) -> RunSummary:
    return run_with(board, workspace, progress=Silent(), **more)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Board, dict[str, Path]]:
    """A board, and a workspace in which it was run, for each way of keeping frames."""
    root = tmp_path_factory.mktemp("damage")
    data = data_set(root / "data", ["one"], frames=5)
    board = small_board(data, [method_folder(root, "m")], splits=["bi-x4"])
    places = {}
    for keep in ("png", "video"):
        assert run(board, root / keep, keep=keep).counts == {"ok": 1}
        # what a metric keeps of the ground truth: none of this board's quick metrics does
        import numpy as np

        from vfsrbench.results.workspace import Workspace

        Workspace(root / keep).truth_cache("0" * 64).put("flow", {"values": np.arange(60.0)})
        places[keep] = root / keep
    return board, places


def flips(path: Path, places: int) -> Iterator[str]:
    """Flip one bit at each of so many places of a file, one after the other."""
    whole = path.read_bytes()
    for number in range(places):
        place = number * (len(whole) - 1) // max(1, places - 1)
        broken = bytearray(whole)
        broken[place] ^= 1 << (number % 8)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(broken)
        yield f"bit {number % 8} of byte {place} of {path.name}"
    path.write_bytes(whole)


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_changes_no_number_and_is_mended(
    kind: str, made: tuple[Board, dict[str, Path]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board, places = made
    keep = "video" if kind == "kept video" else "png"
    place = tmp_path / "w"
    shutil.copytree(places[keep], place)
    expected, (path,) = scores(place), place.glob(KINDS[kind])
    toml = board_file(tmp_path / "board.toml", board)
    for what in flips(path, PLACES):
        shutil.rmtree(place / "damaged", ignore_errors=True)
        before = path.read_bytes()
        named = False
        if kind.startswith(IN_REPORTS):
            code = main.run(
                [
                    "report",
                    str(toml),
                    "-w",
                    str(place),
                    "--out",
                    str(tmp_path / "out"),
                    "--html",
                    str(tmp_path / "site"),
                ]
            )
            said = capsys.readouterr().err
            assert code == 0 and "Traceback" not in said, what
            named = "is damaged" in said
        # the digest of frames is looked at by every run; degraded frames by one that restores again
        summary = run(board, place, keep=keep, force=kind.startswith(("split", "degraded")))
        assert summary.exit_code == 0 and scores(place) == expected, what
        named = named or bool(summary.damaged)
        assert named, f"{what}: nobody said so"
        assert path.read_bytes() != before, f"{what}: not mended"
        assert list((place / "damaged").rglob("*.damaged")), f"{what}: not set aside"


def test_a_damaged_array_of_the_ground_truth_is_computed_again(tmp_path: Path) -> None:
    cache = Workspace(tmp_path / "w").truth_cache("0" * 64)
    values = np.arange(60.0).reshape(20, 3)
    cache.put("flow", {"values": values})
    (path,) = (tmp_path / "w").glob("cache/truth/*/*.npz")
    for what in flips(path, 40):
        assert cache.get("flow") is None, what
        assert not path.exists() and list((tmp_path / "w" / "damaged").rglob("flow.npz*.damaged")), what
    found = cache.get("flow")
    assert found is not None and np.array_equal(found["values"], values)


def test_an_end_of_file_is_no_ctrl_c(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    def ends(*arguments: object, **more: object) -> None:
        raise EOFError("Ran out of input")

    monkeypatch.setattr("reports.compare.compare", ends)
    assert main.run(["compare", "somewhere"]) == 1
    said = capsys.readouterr().err
    assert "ended too early (Ran out of input)" in said and "stopped" not in said


def test_reused_frames_are_held_against_a_manifest_and_say_the_same(tmp_path: Path) -> None:
    data = data_set(tmp_path / "data", ["one"], frames=4)
    board = small_board(data, [method_folder(tmp_path, "m")], splits=["bi-x4"])
    assert main.run(["degrade", str(tmp_path / "lq"), "--split", "bi-x4", "--dataset", str(data)]) == 0
    manifest = tmp_path / "lq" / "bi-x4" / "manifest.json"
    content = json.loads(manifest.read_text())
    (plain,) = run(board, tmp_path / "a", keep="png").records.values()
    assert plain.lq_digest == content["clips"]["one"]["digest"]

    codes: list[int] = []

    def again(name: str, **changes: str) -> JobRecord:
        """The record of a run that reuses the frames of the one before, against a changed manifest."""
        entry = content["clips"]["one"] | changes
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(content | {"clips": {"one": entry}}))
        summary = run(board, tmp_path / "a", keep="png", manifests=[path])
        codes.append(summary.exit_code)
        (record,) = summary.records.values()
        fresh = run(board, tmp_path / name, manifests=[path])
        (other,) = fresh.records.values()
        assert (summary.exit_code, record.status, record.reason) == (
            fresh.exit_code,
            other.status,
            other.reason,
        )
        for field in ("lq_digest", "canonical", "restored_digest", "warnings", "window", "gt_digest"):
            assert getattr(record, field) == getattr(other, field), field
        return record

    same = again("same")
    assert same.canonical and same.lq_digest == plain.lq_digest and not same.warnings
    differing = again("after", digest="1" * 64)
    assert not differing.canonical and "non-canonical" in differing.warnings[0]
    for name, changes in (
        ("both", {"digest": "1" * 64, "before_codec_digest": "2" * 64}),
        ("before", {"before_codec_digest": "2" * 64}),
    ):
        refused, code = again(name, **changes), codes.pop()
        assert refused.status == "failed" and "before the codec" in refused.reason
        assert code == 3
    assert again("once more").status == "ok", "the frames were not to blame: they are still there"


def test_a_record_does_not_depend_on_which_jobs_ran_beside_it(tmp_path: Path) -> None:
    data = data_set(tmp_path / "data", ["one"], frames=4)
    copy = method_folder(tmp_path, "copy", more='source = "gt"')
    broken = method_folder(tmp_path, "broken", "raise ValueError('no')")
    board = small_board(data, [method_folder(tmp_path, "m"), copy, broken], splits=["bi-x4"])
    together = {j.method: r for j, r in run(board, tmp_path / "a").records.items()}
    for method in (copy, broken):
        alone = run(small_board(data, [method], splits=["bi-x4"]), tmp_path / f"{Path(method).name}-alone")
        (record,) = alone.records.values()
        assert record.lq_digest == together[record.method].lq_digest == ""
        assert record.canonical == together[record.method].canonical
