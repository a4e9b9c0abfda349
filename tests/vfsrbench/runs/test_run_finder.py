"""Boards over clips that come without landmarks: what finds the face, and what is said of it."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from rich.console import Console

from reports.material import gather
from reports.site.provenance import facts
from reports.tables.formats import to_latex, to_markdown
from reports.tables.terminal import print_tables
from tests.vfsrbench.boards import board_file, run_with, small_board, write_clip
from tests.vfsrbench.metrics.dlib_references import lacking
from vfsrbench.board import Board
from vfsrbench.cli.main import run
from vfsrbench.datasets.demo.clips import demo_clip
from vfsrbench.errors import InputError
from vfsrbench.faces.face_tools import load_finder
from vfsrbench.faces.ffhq_align import FFHQ_512
from vfsrbench.faces.networks.dlib_faces import DlibDetector
from vfsrbench.results.schema import JobRecord

METRICS = ("psnr", "idd_dlib", "sigma_idd_dlib")
needs_dlib = pytest.mark.skipif(bool(lacking()), reason=lacking() or "nothing is missing")


def _tilted() -> np.ndarray:
    turn = np.asarray(cv2.getRotationMatrix2D((256, 256), 20, 0.6))
    return np.stack([cv2.warpAffine(f, turn, (544, 512)) for f in demo_clip("demo-talking", 2).read(0, 2)])


def _board(root: Path, finder: str = "auto", align: bool = False) -> Board:
    if not (root / "data").exists():
        write_clip(root / "data" / "talk", _tilted())
    board = small_board(root / "data", ["nearest"], splits=["bi-x4"], metrics=METRICS)
    return board.replace(dataset=board.dataset.replace(finder=finder, align=align))


def _aligned_file(root: Path) -> Path:
    file = board_file(root / "board.toml", _board(root))
    file.write_text(file.read_text() + "align = true\n")
    return file


def _record(board: Board, workspace: Path) -> JobRecord:
    (record,) = run_with(board, workspace).records.values()
    assert record.status == "ok", record.reason
    return record


@needs_dlib
def test_the_finder_is_in_key_record_site_and_every_tables_note(tmp_path: Path) -> None:
    board = _board(tmp_path, "dlib")
    record = _record(board, tmp_path / "w")
    assert {m: s.finder for m, s in record.scores.items()} == dict(
        zip(METRICS, ("", "dlib", "dlib"), strict=True)
    )
    said = dict(facts(record))
    assert said["Faces found by"] == "idd_dlib dlib, sigma_idd_dlib dlib" and said["Aligned"] == "no"
    (table,) = gather(board, tmp_path / "w").tables
    titles = ", ".join(column.title for column in table.columns[1:])
    note = f"{titles}: dlib found the face on the ground truth of 1 clip that came without landmarks."
    assert note in table.notes
    part = "dlib found the face on the ground truth of 1 clip"
    printed = Console(file=io.StringIO(), width=200)
    print_tables([table], printed)
    forms = (to_markdown(table), to_latex(table), printed.file.getvalue())  # type: ignore[attr-defined]
    assert [part in form for form in forms] == [True] * 3

    again = _record(_board(tmp_path, "retinaface"), tmp_path / "w")
    assert again.scores["psnr"] == record.scores["psnr"], "what looks for no face is not due again"
    assert again.scores["idd_dlib"].key != record.scores["idd_dlib"].key
    if "idd_dlib" not in again.clip_values:  # RetinaFace's weights are not here: dlib does not take its place
        assert again.scores["idd_dlib"].finder == ""
        assert "vfsrbench weights fetch retinaface_r50" in again.unavailable["idd_dlib"]


@needs_dlib
def test_clips_are_aligned_by_points_that_are_found_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = _board(tmp_path, "dlib", align=True)
    record = _record(board, tmp_path / "w")
    assert record.aligned and record.finder == "dlib" and (record.height, record.width) == (512, 512)
    assert "dlib-landmarks-68" in record.weights and record.scores["idd_dlib"].finder == "dlib"
    assert dict(facts(record))["Aligned"] == "yes, by points that dlib found"
    material = gather(board, tmp_path / "w")
    assert "Alignment, " in next(note for note in material.tables[0].notes if "dlib found" in note)
    truth = material.frames.truth(record)
    assert truth is not None and (truth.height, truth.width) == (512, 512)
    points = load_finder(torch.device("cpu"), "dlib")(truth.read(0, 2))
    eyes, template = (places[..., 1, :] - places[..., 0, :] for places in (points, FFHQ_512))
    assert np.linalg.norm(eyes - template, axis=-1).max() < 8, "upright, as large as the template"

    monkeypatch.setattr("vfsrbench.faces.face_tools.load_finder", lambda *given: pytest.fail("found twice"))
    more = board.replace(metrics=("psnr", "ssim"))
    assert _record(more, tmp_path / "w").gt_digest == record.gt_digest


@pytest.mark.parametrize("finder", ["auto", "retinaface", "dlib"])
def test_a_board_that_can_find_no_face_to_align_by_is_refused(
    finder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path / "weights"))
    file = str(_aligned_file(tmp_path))
    assert run(["run", file, "-w", str(tmp_path / "w"), "--finder", finder]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert "clip 'talk' comes without landmarks" in line and "or set align = false" in line
    assert ("retinaface_r50" in line) == (finder != "dlib")
    assert ("dlib" in line) == (finder != "retinaface")


@needs_dlib
def test_a_clip_without_any_face_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """dlib's network, which looks where its frontal detector finds none and takes seconds, finds none either
    (test_face_tools.py)."""
    boxes = DlibDetector._boxes
    frontal_alone = lambda self, *given: [] if self._network else boxes(self, *given)  # noqa: E731
    monkeypatch.setattr(DlibDetector, "_boxes", frontal_alone)
    board = _board(tmp_path, "dlib", align=True)
    write_clip(tmp_path / "data" / "wall", np.full((2, 512, 544, 3), 90, np.uint8))
    records = {r.clip: r for r in run_with(board, tmp_path / "w").records.values()}
    assert records["talk"].status == "ok" and records["wall"].status == "failed"
    assert "clip 'wall': no face was found in any of the clip's 2 frames" in records["wall"].reason


def test_clips_without_ground_truth_are_not_aligned_in_silence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    board = _board(tmp_path, align=True)
    real = board.replace(
        dataset=board.dataset.replace(layout="real"), splits=("lq",), metrics=("ewarp_self_dis",)
    )
    with pytest.raises(InputError, match=r"'talk' has no ground truth.*vfsrbench align.*align = false"):
        run_with(real, tmp_path / "w")
    file = str(_aligned_file(tmp_path))
    arguments = ["run", file, "-w", str(tmp_path / "w"), "--layout", "real", "--metric", "ewarp_self_dis"]
    assert run([*arguments, "--dry-run"]) == 0
    assert "clips without ground truth are not aligned" in capsys.readouterr().err


def test_the_finder_is_chosen_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(board_file(tmp_path / "board.toml", _board(tmp_path)))
    for finder, wanted in (("dlib", "dlib-mmod-detector"), ("retinaface", "retinaface_r50")):
        assert run(["run", file, "-w", str(tmp_path / "w"), "--dry-run", "--finder", finder]) == 0
        say = capsys.readouterr().out
        (line,) = [line for line in say.splitlines() if line.startswith(wanted)]
        assert "(no landmarks come with talk)" in line
    assert run(["run", file, "-w", str(tmp_path / "w"), "--finder", "eyes"]) == 2
