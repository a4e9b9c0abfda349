"""What the public API computes of frames is what a board stores of them, to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import vfsrbench as vb
from tests.vfsrbench.metrics import random_weights
from vfsrbench.metric import SplitMetric
from vfsrbench.plugins import build_metric, choose_metric
from vfsrbench.results.load import find_results
from vfsrbench.results.schema import JobRecord
from vfsrbench.results.workspace import Workspace

METHOD = "unsharp"
CLIPS = ("demo-calm", "demo-fast")
FRAME = ("psnr", "ssim", "ewarp_dis", "ids_w600k_r50", "niqe")
CLIP = ("sigma_ids_w600k_r50", "tl_id_w600k_r50")
SPLIT = ("kid_gt",)
FRAMES = 3


def board() -> vb.Board:
    return vb.boards()["demo"].replace(
        dataset={"layout": "demo", "clips": list(CLIPS), "frames": FRAMES},
        splits=["vfhq-mild"],
        methods=[METHOD],
        metrics=[*FRAME, *CLIP, *SPLIT],
        versus=None,
        sort_by=None,
        figures={},
    )


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The board's workspace, its frames and records."""
    for name in ("w600k_r50", "fid_inception"):
        random_weights.weights_file(name)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("VFSRBENCH_WEIGHTS", str(random_weights.folder()))
        place = tmp_path_factory.mktemp("w")
        summary = vb.run_board(board(), place, engine="serial", keep="png")
        assert not summary.problems, summary.problems
        yield place, *vb.load_results(place)


def restored(place: Path, clip: str) -> Path:
    (folder,) = (f for f in (place / "restored").rglob(clip) if METHOD in f.parts)
    return folder


def stored(ran: Any, clip: str) -> tuple[pd.DataFrame, JobRecord]:
    """As the store has it: `load_results` leaves out what random weights made."""
    found = find_results([ran[0] / "results"])  # NIQE brings the rows of references with it
    (result,) = (f.whole for f in found if (f.record.clip, f.record.method) == (clip, METHOD))
    return pd.DataFrame({"name": result.frame_names, **result.values}), result.record


@pytest.mark.parametrize("clip", CLIPS)
def test_a_clips_scores_are_those_of_the_board(ran: Any, clip: str) -> None:
    rows, record = stored(ran, clip)
    demo = vb.Dataset.open("demo", frames=FRAMES)[clip]
    table = vb.score(restored(ran[0], clip), demo.gt, [*FRAME, *CLIP], landmarks=demo.landmarks)
    assert list(table)[2:] == list(FRAME)
    for metric in FRAME:
        assert np.array_equal(table[metric], rows[metric], equal_nan=True), metric
        assert not np.isnan(table[metric][1:]).any(), metric
    assert table["name"].tolist() == rows["name"].tolist()
    assert table.attrs["clip"] == {m: record.clip_values[m] for m in (*FRAME, *CLIP)}


def test_a_metric_alone_says_the_same(ran: Any) -> None:
    demo = vb.Dataset.open("demo", frames=FRAMES)
    functions = {metric: vb.metric(metric) for metric in ("ssim", "ewarp_dis", "sigma_ids_w600k_r50")}
    for clip in CLIPS:
        _, record = stored(ran, clip)
        sides = restored(ran[0], clip), demo[clip].gt
        for metric, function in functions.items():
            found = function(*sides, landmarks=demo[clip].landmarks)
            assert found == record.clip_values[metric], (metric, clip)


def test_niqe_needs_no_ground_truth(ran: Any) -> None:
    for clip in CLIPS:
        rows, record = stored(ran, clip)
        table = vb.score(restored(ran[0], clip), metrics="niqe")
        assert table["niqe"].tolist() == rows["niqe"].tolist()
        assert vb.metric("niqe")(restored(ran[0], clip)) == record.clip_values["niqe"]


def test_a_split_metric_over_lists_combines_the_features_that_the_board_stored(ran: Any) -> None:
    place, records = ran[0], [record for record in ran[2] if record.method == METHOD]
    store = Workspace.open(place).store
    by_clip = {record.clip: store.read_features(record, "kid_gt") for record in records}
    sides = [found for clip in CLIPS if (found := by_clip[clip]) is not None]
    metric = build_metric(choose_metric("kid_gt"))
    assert isinstance(metric, SplitMetric) and len(sides) == 2
    expected = metric.combine([own for own, _ in sides], [gt for _, gt in sides])["value"]
    own = [restored(place, clip) for clip in CLIPS]
    gt = [clip.gt for clip in vb.Dataset.open("demo", clips=CLIPS, frames=FRAMES)]
    assert expected != 0
    assert vb.metric("kid_gt")(own, gt) == expected
    psnr = np.mean([record.clip_values["psnr"] for record in records])
    assert vb.score(own, gt, ["kid_gt", "psnr"]).attrs["split"] == {"kid_gt": expected, "psnr": psnr}


def test_degrading_and_restoring_gives_the_boards_frames(ran: Any) -> None:
    for clip in CLIPS:
        gt = vb.Dataset.open("demo", frames=FRAMES)[clip].gt
        assert gt is not None
        made = vb.restore(vb.degrade(gt, "vfhq-mild"), "unsharp", device="cpu")
        assert (
            made.digest()
            == vb.Clip.open(restored(ran[0], clip)).digest()
            == stored(ran, clip)[1].restored_digest
        )
