"""DicFace's test set: found under its names, aligned as its script does, run and reported as vfhq-blind."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.vfsrbench.boards import moving, write_clip
from vfsrbench.cli import main
from vfsrbench.datasets.dataset import Dataset, open_dataset
from vfsrbench.datasets.reference import gt_facts, gt_side, lq_side
from vfsrbench.errors import InputError
from vfsrbench.faces.ffhq_align import FFHQ_512

CLIPS = ("Clip+-1Jouc19Ixo+P0+C1+F4196-4320", "Clip+_HebIzK_LP4+P2+C1+F16589-16715")
TEMPLATE = np.array(
    [
        [192.98138, 239.94708],
        [318.90277, 240.1936],
        [256.63416, 314.01935],
        [201.26117, 371.41043],
        [313.08905, 371.15118],
    ]
)


def made_up(root: Path, lq_side: int = 512, frames: int = 3, lq_name: str = "bfr_512") -> Path:
    """Two clips of that layout; the faces lie turned, smaller, and elsewhere than the template."""
    rng = np.random.default_rng(0)
    for seed, name in enumerate(CLIPS):
        clean = moving(frames, 512, seed)
        write_clip(root / "gt_512" / name, clean)
        small = np.stack([cv2.resize(f, (lq_side, lq_side), interpolation=cv2.INTER_AREA) for f in clean])
        write_clip(root / lq_name / name, small)
        turn = np.array([[0.8, -0.1], [0.1, 0.8]])
        points = [FFHQ_512 @ turn.T + [70 + t, 30] + rng.normal(0, 1.5, (5, 2)) for t in range(frames)]
        (root / "ldmk_512").mkdir(exist_ok=True)
        lines = [" ".join(f"{v:.4f}" for v in p.ravel()) for p in points]
        (root / "ldmk_512" / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return root


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_up(tmp_path_factory.mktemp("set"))


def by_their_script(frames: NDArray[np.uint8], points: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Steps of warp_images.py and its face helper, plainly: enlarge to 512, LMEDS to the template, warp."""
    out = []
    for frame, five in zip(frames, points, strict=True):
        if min(frame.shape[:2]) < 512:
            factor = 512 / min(frame.shape[:2])
            frame = cv2.resize(frame, (0, 0), fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
        matrix = cv2.estimateAffinePartial2D(five, TEMPLATE, method=cv2.LMEDS)[0]
        border = (132, 133, 135)  # theirs is BGR
        out.append(
            cv2.warpAffine(frame, matrix, (512, 512), borderMode=cv2.BORDER_CONSTANT, borderValue=border)
        )
    return np.stack(out)


@pytest.mark.parametrize("side", [512, 128])
def test_both_sides_are_aligned_as_their_script_does_it(side: int, tmp_path: Path) -> None:
    place = made_up(tmp_path / "set", side)
    for clip in open_dataset("dicface-test", place):
        assert clip.gt is not None and clip.landmarks is not None and set(clip.lq) == {"bfr"}
        lq = clip.lq["bfr"]
        assert (lq.height, lq.width) == (512, 512)
        facts = gt_facts(clip, clip.gt.digest(), align=True)
        stored = np.stack(
            [
                cv2.imread(str(path))[..., ::-1]
                for path in sorted((place / "bfr_512" / clip.name).glob("*.png"))
            ]
        )
        pairs = (
            (gt_side(clip, facts)[0].array(), by_their_script(clip.gt.array(), clip.landmarks)),
            (lq_side(clip, facts, lq).array(), by_their_script(stored, clip.landmarks)),
        )
        for ours, theirs in pairs:
            apart = np.abs(ours.astype(int) - theirs.astype(int))
            # OpenCV's warp rounds places to 1/32 pixel; a pixel's shift would be tens of levels
            assert apart.max() <= 3 and apart.mean() < 0.4, (apart.max(), apart.mean())


def test_names_of_their_scripts_and_further_versions(root: Path, tmp_path: Path) -> None:
    other = tmp_path / "set"
    for ours, theirs in (
        ("gt_512", "TEST_DATA"),
        ("bfr_512", "LR_Blind"),
        ("ldmk_512", "vfhq_test_landmarks"),
    ):
        shutil.copytree(root / ours, other / theirs)
    shutil.copytree(root / "bfr_512", other / "vfhq_test_color_input")
    found = open_dataset("dicface-test", other)
    assert found.names == CLIPS
    clip = found[0]
    assert set(clip.lq) == {"bfr", "color"}
    assert np.array_equal(clip.landmarks, open_dataset("dicface-test", root)[0].landmarks)  # type: ignore[arg-type]


def test_the_first_frames_have_their_landmarks(root: Path) -> None:
    whole, first = (Dataset.open("dicface-test", root, frames=n)[0] for n in (None, 2))
    assert whole.landmarks is not None and first.landmarks is not None and first.gt is not None
    assert len(first.gt) == len(first.landmarks) == 2
    assert np.array_equal(first.landmarks, whole.landmarks[:2])


@pytest.mark.parametrize("gone", ["ldmk", "gt", "lq", "lines", "one"])
def test_what_is_missing_is_named(gone: str, tmp_path: Path) -> None:
    place = made_up(tmp_path / "set", 32)
    landmarks = place / "ldmk_512" / f"{CLIPS[1]}.txt"
    message = ""
    if gone == "ldmk":
        landmarks.unlink()
        message = r"F16589-16715' has no landmarks; ldmk_512/.*txt was expected"
    elif gone == "lines":
        landmarks.write_text("\n".join(landmarks.read_text().splitlines()[:2]))
        message = "has 2 lines, clip .* has 3 frames"
    elif gone == "one":
        shutil.rmtree(place / "bfr_512" / CLIPS[0])
        message = "is in ground truth but not in bfr"
    else:
        shutil.rmtree(place / {"gt": "gt_512", "lq": "bfr_512"}[gone])
        message = "unpack gt_512, bfr_512"
    with pytest.raises(InputError, match=message):
        list(open_dataset("dicface-test", place))


def test_the_blind_board_from_run_to_report(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A weight-free method in the place of the board's; the papers' figures stand beside it as a spread."""
    work, out = tmp_path / "w", tmp_path / "report"
    chosen = ["--dataset", root, "--method", "bicubic", "--only-method", "bicubic"]
    metrics = ["--metric", "psnr", "--metric", "ssim", "--metric", "ewarp_dis"]
    run = ["run", "vfhq-blind", "-w", work, "--engine", "serial", "--no-report", *chosen, *metrics]
    assert main.run([str(a) for a in run]) == 0
    report = ["report", "vfhq-blind", "-w", work, "--out", out, "--only-method", "bicubic"]
    assert main.run([str(a) for a in report]) == 0
    said = capsys.readouterr().out
    assert "VFHQ-Test, blind" in said and "bfr" in said
    (table,) = json.loads((out / "leaderboard.json").read_text())
    assert table["split"] == "bfr" and table["status"] == "given"
    (row,) = table["rows"]
    assert (row["method"], row["done"], row["total"]) == ("bicubic", 2, 2)
    assert row["cells"]["psnr"]["published"] == {
        "figures": [["VFHQ (Xie et al., CVPR Workshops 2022)", 26.842]]
    }
    papers = {p["method"]: p["values"] for p in table["published"]}
    keep, svfr, pgtformer = papers["keep"], papers["svfr"], papers["pgtformer"]
    assert sorted(v for _, v in keep["fvd"]["figures"]) == [158.46, 264.9, 399.239]
    assert sorted(v for _, v in svfr["psnr"]["figures"]) == [26.73, 29.563]
    assert sorted(v for _, v in pgtformer["fvd"]["figures"]) == [87.81, 107.6, 154.857]
    assert sorted(v for _, v in pgtformer["psnr"]["figures"]) == [28.996, 29.03, 29.66, 30.74]
    markdown = (out / "leaderboard.md").read_text()
    assert "158.46 – 399.24" in markdown and "lowest and the highest that papers print" in markdown
