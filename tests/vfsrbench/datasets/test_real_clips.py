"""Clips without ground truth, from start to end: restored, scored by what needs none, reported."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from degradations.imaging.resize import resize
from degradations.numerics.grid import whole
from tests.vfsrbench.boards import method_folder, moving, scores, small_board, write_clip
from vfsrbench import plugins
from vfsrbench.board import Board
from vfsrbench.cli import main
from vfsrbench.datasets.dataset import open_dataset
from vfsrbench.datasets.reference import GtFacts
from vfsrbench.errors import InputError
from vfsrbench.io.clip import Clip
from vfsrbench.io.upscaled import upscaled
from vfsrbench.metric import TruthInfo
from vfsrbench.metrics.functional.niqe import niqe
from vfsrbench.results.schema import JobRecord
from vfsrbench.results.store import read_result
from vfsrbench.results.workspace import Workspace
from vfsrbench.runs.plan import make_plan
from vfsrbench.runs.run import run_board
from vfsrbench.scoring.one_pass import NO_REFERENCE
from vfsrbench.scoring.scorer import Scorer

METRICS = ["niqe", "ewarp_self_dis", "psnr"]


@pytest.fixture
def lq(tmp_path: Path) -> Path:
    """Two degraded clips that become 200x200: four blocks of NIQE."""
    for seed, name in enumerate(("one", "two")):
        write_clip(tmp_path / "lq" / name, moving(4 - seed, 100, seed), first=10)
    return tmp_path / "lq"


def real_board(data: Path, scale: int | None = 2, **more: object) -> Board:
    dataset = {"layout": "real", "path": str(data), "scale": scale}
    facts = {"splits": ["lq"], "metrics": METRICS, "dataset": dataset}
    return small_board(data, ["bicubic", "oracle"], **{**facts, **more})


def say(*arguments: object, code: int = 0) -> None:
    assert main.run([str(a) for a in arguments]) == code


def tracks(site: Path, clip: str) -> list[dict]:
    """What the page of a clip shows, by the data in it."""
    (page,) = (p for p in site.rglob("*.html") if p.stem.startswith(clip) or p.parent.name.startswith(clip))
    text = page.read_text()
    data = text[text.index('id="clip-data"') :]
    return json.loads(data[data.index(">") + 1 : data.index("</script>")])["tracks"]


def test_a_board_runs_and_is_reported_without_ground_truth(
    tmp_path: Path, lq: Path, capsys: pytest.CaptureFixture[str]
):
    place, common = tmp_path / "w", ("--layout", "real", "--dataset", lq, "--scale", 2)
    what = [f"--metric={m}" for m in METRICS]
    methods = [f"--only-method={m}" for m in ("bicubic", "nearest", "oracle")]
    stored = ("--outputs", f"mine={tmp_path / 'mine'}")
    for name, seed in (("one", 0), ("two", 1)):
        frames = moving(4 - seed, 200, seed + 7)
        write_clip(tmp_path / "mine" / name, frames, first=10)
    run = ("run", "demo", "-w", place, "--engine", "serial", "--keep", "png")
    say(*run, *common, *what, *methods, *stored, code=3)  # the reference row is skipped
    said = capsys.readouterr()
    assert "their split is lq" in said.err and "oracle, lq, one: skipped: is fed the ground truth" in said.err

    records = {}
    for path in (place / "results").rglob("*.parquet"):
        result = read_result(path)
        record = records[result.record.method, result.record.clip] = result.record
        assert not record.reference and (record.height, record.width) == (200, 200)
        if record.method == "input":  # stands beside, and is what bicubic makes here
            assert set(record.metrics) == {"niqe", "ewarp_self_dis"} and not record.broken
            continue
        if record.method == "oracle":
            assert record.status == "skipped" and not record.clip_values
            continue
        assert record.status == "ok" and record.unavailable == {"psnr": NO_REFERENCE} and not record.broken
        folder = tmp_path / "mine" if record.method == "mine" else place / "restored" / "lq" / record.method
        restored = Clip.open(folder / record.clip).read(0, record.frames)
        np.testing.assert_array_equal(result.values["niqe"], [niqe(frame) for frame in restored])
        assert np.isfinite(result.values["ewarp_self_dis"][1:]).all() and np.isfinite(
            record.clip_values["niqe"]
        )
    assert len(records) == 10
    for clip in ("one", "two"):
        assert records["input", clip].restored_digest == records["bicubic", clip].restored_digest
    source = Clip.open(lq / "one").read(0, 1)[0]
    bicubic = Clip.open(place / "restored/lq/bicubic/one").read(0, 1)[0].astype(int)
    assert np.abs(bicubic - whole(resize(source, 200, 200, "cubic"))).max() <= 1
    assert records["bicubic", "one"].lq_digest == Clip.open(lq / "one").digest()

    before = scores(place)
    say(*run, *common, *what, *methods, *stored, "--no-report", code=3)
    assert "10 jobs, 0 to do" in capsys.readouterr().err and scores(place) == before

    site = tmp_path / "site"
    say("report", "demo", "-w", place, *common, *what, *stored, "--html", site)
    shown = tracks(site, "one")
    assert shown[0]["title"] == "Input" and not shown[0].get("small")
    assert {t["id"] for t in shown} == {"_input", "bicubic", "nearest", "mine", "input"}
    assert all(t["video"] and t["strip"] for t in shown)


def test_what_needs_no_ground_truth_never_looks_at_it(lq: Path):
    clip = Clip.open(lq / "one")
    restored = Clip.from_array(moving(4, 200, 5), "one")
    known = plugins.metrics()
    free = [e.card.id for e in known if not e.card.reference]
    assert {"ewarp_self_dis", "ewarp_self_raft", "niqe", "musiq_koniq", "clipiqa"} <= set(free)
    assert not {"psnr", "idd_dlib", "fid_gt"} & set(free)
    scorer = Scorer(["niqe", "ewarp_self_dis", "psnr"], known, torch.device("cpu"))
    info = TruthInfo("one", "", 4, reference=False)
    ((one,), _) = scorer.score(upscaled(clip, 2), info, [restored])
    black = Clip.from_array(np.zeros((4, 200, 200, 3), np.uint8), "one")
    ((other,), _) = scorer.score(black, info, [restored])
    assert one.clip_values == other.clip_values and set(one.values) == {"niqe", "ewarp_self_dis"}
    ((judged,), _) = scorer.score(black, replace(info, reference=True), [restored])
    assert judged.clip_values["niqe"] == one.clip_values["niqe"] and "psnr" in judged.clip_values


def test_keys_follow_the_scale_and_say_nothing_new_where_there_is_ground_truth(tmp_path: Path, lq: Path):
    place = Workspace.open(tmp_path / "w")
    jobs = {scale: make_plan(real_board(lq, scale), place).jobs for scale in (None, 1, 2)}
    assert jobs[None] == jobs[1]
    for small, large in zip(jobs[1], jobs[2], strict=True):
        assert small.key != large.key and small.restore_key != large.restore_key
    clean = small_board(lq, ["bicubic"], splits=["bi-x4"])
    assert not {j.key for j in make_plan(clean, place).jobs} & {j.key for j in jobs[1]}
    facts = GtFacts("d", 8, 9, False, "", False)
    old = {"digest": "d", "height": 8, "width": 9, "aligned": False, "landmarks": "", "exact_flow": False}
    assert facts.for_key() == old
    assert replace(facts, reference=False).for_key() == {**old, "reference": False}
    assert JobRecord(
        key="k", restore_key="r", status="ok", method="m", dataset="d", split="s", clip="c"
    ).reference


def test_a_board_whose_metrics_all_need_ground_truth_says_so(
    tmp_path: Path, lq: Path, capsys: pytest.CaptureFixture[str]
):
    board = real_board(lq, methods=["bicubic"], metrics=["psnr"])
    summary = run_board(board, tmp_path / "w", engine="serial")
    assert summary.exit_code == 0
    assert all(r.unavailable == {"psnr": NO_REFERENCE} for r in summary.records.values())
    say("run", "demo", "--layout", "real", "--dataset", lq, "-w", tmp_path / "v", code=2)
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert "--metric niqe" in line and not (tmp_path / "v").exists()


def test_scoring_takes_metrics_that_fit_and_names_the_size_asked_for(
    tmp_path: Path, lq: Path, capsys: pytest.CaptureFixture[str]
):
    for seed, name in enumerate(("one", "two")):
        write_clip(tmp_path / "mine" / name, moving(4 - seed, 200, seed), first=10)
    score = ("score", "--layout", "real", "--dataset", lq, "--outputs", f"mine={tmp_path / 'mine'}")
    more = ("--engine", "serial", "-w", tmp_path / "w")
    say(*score, *more, code=2)
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert "is 200x200, but 100x100 is asked for" in line and "--scale" in line
    say(*score, *more, "--scale", 2)
    assert all({"niqe", "ewarp_self_dis"} <= set(found) for found in scores(tmp_path / "w").values())
    (tmp_path / "mine" / "one" / "00000013.png").unlink()
    say(*score, *more, "--scale", 2, code=3)
    assert "one: failed: " in (said := capsys.readouterr().err) and "has 3 frames, its input has 4" in said
    shutil.rmtree(tmp_path / "mine" / "two")
    say(*score, *more, "--scale", 2, code=2)
    assert "has 3 frames, its input has 4" in capsys.readouterr().err


def test_what_cannot_be_done_without_ground_truth_is_refused(tmp_path: Path, lq: Path):
    with pytest.raises(
        InputError, match=r"'bi-x4' cannot be made from clips without ground truth.*--split lq"
    ):
        make_plan(real_board(lq, splits=["bi-x4"]), Workspace.open(tmp_path / "w"))
    with pytest.raises(InputError, match=r"scale = 2 is for clips without ground truth.*'folder'"):
        open_dataset("folder", lq, scale=2)
    with pytest.raises(InputError, match="at least 1"):
        open_dataset("real", lq, scale=0)


def test_a_method_that_enlarges_otherwise_is_skipped(tmp_path: Path, lq: Path):
    four = method_folder(tmp_path, "four", more="scale = 4")
    board = real_board(lq, methods=[four], metrics=["ewarp_self_dis"])
    summary = run_board(board, tmp_path / "w", engine="serial")
    reasons = {r.reason for r in summary.records.values() if r.method != "input"}
    assert summary.counts == {"skipped": 2, "ok": 2} and reasons == {"enlarges by 4, asked for is --scale 2"}


def test_the_enlarged_clip_is_made_as_it_is_read(lq: Path):
    clip = Clip.open(lq / "one")
    large = upscaled(clip, 3)
    assert (len(large), large.height, large.width, large.frame_names) == (4, 300, 300, clip.frame_names)
    frames = clip.read(1, 3)
    np.testing.assert_array_equal(large.read(1, 3), [whole(resize(f, 300, 300, "cubic")) for f in frames])
    assert upscaled(clip, 1) is clip
    (only,) = open_dataset("real", lq, ["one"], 2, 2).clips()
    assert (
        only.gt is None
        and not only.reference
        and (len(only.gt_or_upscaled), only.gt_or_upscaled.width) == (2, 200)
    )
