"""Identity and landmarks by dlib's trained networks, on the demo's two people.

That the values are dlib's own is shown in test_references.py, by dlib_references.py.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.vfsrbench.metrics.dlib_references import CLIP, FRAMES, dlib_weights, enlarged, gt_clip, lacking
from vfsrbench import plugins
from vfsrbench.datasets.demo.clips import demo_clip, demo_landmarks
from vfsrbench.errors import InputError
from vfsrbench.faces.networks.dlib_faces import DlibLandmarks, DlibRecognizer
from vfsrbench.io.clip import Clip
from vfsrbench.metric import TruthInfo
from vfsrbench.scoring.scorer import Scorer
from vfsrbench.scoring.scores import Scores

CPU = torch.device("cpu")
METRICS = ("idd_dlib", "ids_dlib", "akd_dlib68", "idd_detected_dlib", "sigma_idd_dlib")
SAME_PERSON = 0.6  # dlib's own bound


@pytest.fixture(scope="module")
def trained() -> None:
    if lacking():
        pytest.skip(lacking())


@pytest.fixture(scope="module")
def levels(trained: None) -> dict[str, Scores]:
    """Scores of the ground truth itself, and of bicubic enlargements from mild to heavy."""
    gt = gt_clip()
    scorer = Scorer(METRICS, plugins.metrics(), CPU)
    info = TruthInfo(CLIP, gt.digest(), len(gt), gt.fps, demo_landmarks(CLIP, FRAMES))
    found, _ = scorer.score(gt, info, [gt, enlarged("vfhq-mild"), enlarged("vfhq-heavy")])
    assert not any(one.unavailable for one in found)
    return dict(zip(("gt", "mild", "heavy"), found, strict=True))


def test_identity_and_landmarks_fall_with_the_level(levels: dict[str, Scores]) -> None:
    for metric in ("idd_dlib", "akd_dlib68"):
        same, mild, heavy = (levels[name].values[metric] for name in ("gt", "mild", "heavy"))
        assert (same == 0.0).all() and 0 < mild.max() < heavy.min(), metric
    cosines = [levels[name].values["ids_dlib"].mean() for name in ("gt", "mild", "heavy")]
    assert cosines == sorted(cosines, reverse=True) and cosines[0] == pytest.approx(1.0)
    assert levels["mild"].values["idd_dlib"].max() < SAME_PERSON
    assert levels["gt"].clip_values["sigma_idd_dlib"] == 0.0 < levels["mild"].clip_values["sigma_idd_dlib"]


def test_a_frame_in_which_the_detector_finds_no_face_is_counted(levels: dict[str, Scores]) -> None:
    values = {name: one.values["idd_detected_dlib"] for name, one in levels.items()}
    assert (values["gt"] == 0.0).all() and (values["mild"] > 0).all() and (values["mild"] < SAME_PERSON).all()
    # on heavy frames dlib's frontal detector may find nothing: then there is no value rather than a poor one
    gone = np.isnan(values["heavy"])
    assert (values["heavy"][~gone] > values["mild"].max()).all()
    assert levels["heavy"].missing == ({"idd_detected_dlib": int(gone.sum())} if gone.any() else {})
    assert not levels["mild"].missing and not levels["gt"].missing


def test_two_people_are_farther_apart_than_a_mild_restoration(levels: dict[str, Scores]) -> None:
    scorer = Scorer(("idd_dlib",), plugins.metrics(), CPU)
    first, second = demo_clip(CLIP, 1), demo_clip("hopper-talking", 1)
    info = TruthInfo("pair", first.digest(), 1, 25.0, demo_landmarks(CLIP, 1))
    (found,), _ = scorer.score(first, info, [second])
    assert found.values["idd_dlib"][0] > SAME_PERSON > levels["mild"].values["idd_dlib"].max()


def test_points_that_came_with_no_clip_are_found_by_dlib(levels: dict[str, Scores]) -> None:
    gt = gt_clip()
    scorer = Scorer(("idd_dlib",), plugins.metrics(), CPU)
    info = TruthInfo("bare", gt.digest(), 1)
    (found,), _ = scorer.score(Clip.from_array(gt.read(0, 1), "bare"), info, [_first(enlarged("vfhq-mild"))])
    assert found.values["idd_dlib"][0] == pytest.approx(levels["mild"].values["idd_dlib"][0], abs=0.1)


def _first(clip: Clip) -> Clip:
    return Clip.from_array(clip.read(0, 1), "bare")


def test_a_frame_without_a_face_has_no_value(trained: None) -> None:
    blank = Clip.from_array(np.full((1, 128, 128, 3), 90, np.uint8), "blank")
    scorer = Scorer(("idd_detected_dlib",), plugins.metrics(), CPU)
    (found,), _ = scorer.score(blank, TruthInfo("blank", blank.digest(), 1), [blank])
    assert np.isnan(found.values["idd_detected_dlib"]).all() and found.missing == {"idd_detected_dlib": 1}


def test_a_batch_gives_what_single_chips_give(trained: None) -> None:
    recognize = DlibRecognizer(dlib_weights().paths["recognizer"])
    chips = np.random.default_rng(0).integers(0, 256, (3, 150, 150, 3), dtype=np.uint8)
    assert np.array_equal(recognize.embed(list(chips)), np.concatenate([recognize.embed([c]) for c in chips]))


def test_a_wrong_file_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("dlib", reason="needs dlib: pip install 'vfsrbench[identity]'")
    (tmp_path / "x.dat").write_bytes(b"not dlib's")
    with pytest.raises(InputError, match=r"x\.dat: is no such file of dlib"):
        DlibLandmarks(tmp_path / "x.dat")


WITHOUT_DLIB = """
import json, sys
from pathlib import Path

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("dlib", "_dlib_pybind11"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
import vfsrbench as vb
from vfsrbench.cli import main

board, place = sys.argv[1:]
assert main.run(["list", "metrics"]) == 0
run = ["run", board, "-w", place, "--engine", "serial", "--no-report"]
assert main.run([*run, "--dry-run"]) == 0
code = main.run(run)
_, records = vb.load_results(Path(place))
found = [
    {"unavailable": r.unavailable, "broken": r.broken, "psnr": r.clip_values.get("psnr")} for r in records
]
print("FOUND", json.dumps([code, found]))
"""


def test_without_dlib_its_columns_say_what_brings_them_and_all_else_works(tmp_path: Path) -> None:
    from tests.vfsrbench.boards import board_file, data_set, small_board

    metrics = ["psnr", "idd_dlib", "sigma_idd_dlib"]
    data = data_set(tmp_path / "data", clips=("one",), frames=2)
    board = small_board(data, ["nearest"], splits=["bi-x4"], metrics=metrics)
    file = board_file(tmp_path / "board.toml", board)
    script = tmp_path / "without.py"
    script.write_text(WITHOUT_DLIB)
    ran = subprocess.run(
        [sys.executable, str(script), str(file), str(tmp_path / "w")],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert ran.returncode == 0, ran.stderr
    (listed,) = [line for line in ran.stdout.splitlines() if line.startswith("idd_dlib ")]
    assert listed.endswith(" library") and "library: `pip install 'vfsrbench[identity]'` for " in ran.stdout
    assert "Traceback" not in ran.stdout + ran.stderr
    assert "a library is missing; get it with: pip install 'vfsrbench[identity]'" in ran.stdout
    code, records = json.loads(ran.stdout.split("FOUND ")[1])
    assert code == 0 and len(records) == 1 and records[0]["psnr"] > 10 and records[0]["broken"] == []
    for metric in ("idd_dlib", "sigma_idd_dlib"):
        reason = records[0]["unavailable"][metric]
        assert reason.startswith("dlib is not installed: run `pip install 'vfsrbench[identity]'`")
