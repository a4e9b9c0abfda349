"""The public API as users call it: forms of clips, values, errors, names."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch

import vfsrbench as vb
from tests.vfsrbench.boards import data_set, method_folder, moving, small_board, write_clip
from vfsrbench.io.clip_argument import as_clip

GT = moving(6, 48)
RESTORED = np.clip(GT.astype(int) + np.arange(6)[:, None, None, None] - 2, 0, 255).astype(np.uint8)


def tensor(frames: np.ndarray[Any, Any], dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return (torch.from_numpy(frames).permute(0, 3, 1, 2).float() / 255).to(dtype)


@pytest.fixture
def forms(tmp_path: Path) -> dict[str, Any]:
    """The restored frames in every form that is taken."""
    clip = vb.Clip.from_array(RESTORED, "mine")
    clip.write(tmp_path / "video.mkv")
    folder = write_clip(tmp_path / "folder", RESTORED)
    return {
        "clip": clip,
        "folder": folder,
        "folder as text": str(folder),
        "video": tmp_path / "video.mkv",
        "pictures": sorted(folder.iterdir()),
        "pictures as text": [str(path) for path in sorted(folder.iterdir())],
        "array": RESTORED,
        "float32": tensor(RESTORED),
        "float64": tensor(RESTORED, torch.float64),
        "float16": tensor(RESTORED, torch.float16),
        "with a gradient": tensor(RESTORED).requires_grad_(),
    }


def test_every_form_of_a_clip_gives_the_same_scores(forms: dict[str, Any], tmp_path: Path) -> None:
    expected = vb.score(RESTORED, GT, ["psnr", "ssim", "ewarp_dis"])
    assert list(expected) == ["frame", "name", "psnr", "ssim", "ewarp_dis"]
    assert expected["ewarp_dis"].isna().tolist() == [True] + 5 * [False]
    gt = write_clip(tmp_path / "gt", GT)
    for name, form in forms.items():
        found = vb.score(form, gt, ["psnr", "ssim", "ewarp_dis"])
        assert found.equals(expected), name
        assert found.attrs == expected.attrs, name
        assert vb.metric("psnr")(form, gt) == expected.attrs["clip"]["psnr"], name


def test_every_form_is_degraded_and_restored(forms: dict[str, Any]) -> None:
    expected = vb.degrade(vb.Clip.from_array(RESTORED, "x"), "vfhq-mild", seed=3)
    for name, form in forms.items():
        lq = vb.degrade(form, "vfhq-mild", seed=3, name="x")
        assert np.array_equal(lq.array(), expected.array()) and lq.name == "x", name
        restored = vb.restore(form, "nearest", scale=2, device="cpu")
        assert np.array_equal(restored.array()[:, ::2, ::2], RESTORED), name


def test_a_clips_name_and_the_seed_choose_the_random_numbers() -> None:
    def made(**how: Any) -> bytes:
        return vb.degrade(GT, "vfhq-mild", **how).array().tobytes()

    assert made() == made(seed=0, name="gt") != made(seed=1)
    assert (
        made(name="other") != made() != vb.degrade(vb.Clip.from_array(GT, "a"), "vfhq-mild").array().tobytes()
    )


class AsGiven(vb.Predictor):
    """Gives the same values whatever it is fed."""

    values: torch.Tensor

    def restore(self, frames: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        return self.values[: len(frames)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64])
def test_tensors_are_rounded_as_the_harness_rounds(dtype: torch.dtype) -> None:
    """Halves go to the even neighbour, in float32: the values are midpoints between grey levels."""
    values = ((torch.arange(8 * 8 * 3) % 255 + 0.5) / 255).reshape(1, 3, 8, 8).to(dtype)
    card = vb.MethodCard(
        name="given", title="", kind="video", factory="tests:AsGiven", description="", scale=1
    )
    method = AsGiven(card, {})
    method.values = values
    through_harness = vb.restore(np.zeros((1, 8, 8, 3), np.uint8), method, device="cpu").array()
    given = as_clip(values, "restored").array()
    assert np.array_equal(given, through_harness)
    expected = np.rint(values.to(torch.float32).numpy() * np.float32(255)).astype(np.uint8)
    assert np.array_equal(given, expected.transpose(0, 2, 3, 1))
    if dtype == torch.float32:
        ties = (values.numpy() * np.float32(255)) % 1 == 0.5
        assert ties.sum() > 20 and (given.transpose(0, 3, 1, 2)[ties] % 2 == 0).all()


@pytest.mark.gpu
def test_tensors_on_the_gpu_are_taken() -> None:
    found = vb.score(tensor(RESTORED).cuda(), tensor(GT).cuda(), ["psnr"], device="cuda")
    assert found.attrs["clip"] == vb.score(RESTORED, GT, ["psnr"]).attrs["clip"]


class Brighter(vb.Metric):
    """A user's own."""

    loads = 0

    def load(self, weights: Any, device: torch.device) -> None:
        super().load(weights, device)
        type(self).loads += 1

    def score(self, restored: Any, truth: Any, state: Any) -> Any:
        sides = [window.frames[window.lead :].mean(axis=(1, 2, 3)) for window in (restored, truth)]
        return sides[0] - sides[1]


def own_card(level: Literal["frame", "clip", "split"]) -> vb.MetricCard:
    return vb.MetricCard(
        id="brighter",
        title="Brighter",
        direction="none",
        level=level,
        factory="mine:Brighter",
        definition="Difference of the means.",
        source="here",
        checked_against="numpy",
    )


BAD: dict[str, tuple[Any, str]] = {
    "nothing": (None, "restored: a clip is a Clip, a path"),
    "a number": (3, "got int"),
    "an empty list": ([], "got a list of nothing"),
    "a missing path": ("nowhere", "restored: nowhere: no such folder or video"),
    "a missing picture": (["nowhere.png"], "restored: nowhere.png"),
    "one frame": (RESTORED[0], "frame[None]"),
    "colours first": (RESTORED.transpose(0, 3, 1, 2), "transpose(0, 2, 3, 1)"),
    "no frames": (RESTORED[:0], "T >= 1"),
    "four colours": (np.zeros((6, 48, 48, 4), np.uint8), "(T, H, W, 3)"),
    "float frames": (RESTORED / 255.0, "uint8 RGB, got float64"),
    "16 bits": (RESTORED.astype(np.uint16), "got uint16"),
    "colours last": (torch.from_numpy(RESTORED) / 255.0, "permute(0, 3, 1, 2)"),
    "a batch": (tensor(RESTORED)[None], "clip[0]"),
    "8-bit tensor": (torch.from_numpy(RESTORED).permute(0, 3, 1, 2), "got torch.uint8"),
    "0 to 255": (tensor(RESTORED) * 255, "must lie in [0, 1], got 0 to 255"),
    "-1 to 1": (tensor(RESTORED) * 2 - 1, "must lie in [0, 1], got -1"),
    "NaN": (torch.full((6, 3, 48, 48), float("nan")), "got NaN"),
    "infinite": (torch.full((6, 3, 48, 48), float("inf")), "got inf to inf"),
    "too short": (RESTORED[:2], "restored has 2 frames, gt has 6"),
    "too small": (RESTORED[:, :32], "restored is 48x32, gt is 48x48"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_wrong_clip_is_one_clear_line_that_names_the_argument(kind: str) -> None:
    value, words = BAD[kind]
    with pytest.raises(vb.InputError) as caught:
        vb.score(value, GT)
    message = str(caught.value)
    assert words in message and message.startswith("restored") and "\n" not in message
    if not kind.startswith("too"):
        for name, call in {
            "gt": lambda: vb.score(GT, value if value is not None else 0),
            "lq": lambda: vb.restore(value, "bicubic"),
        }.items():
            with pytest.raises(vb.InputError, match=f"^{name}: "):
                call()


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: vb.score(RESTORED, GT, ["psnrr"]), "did you mean 'psnr'"),
        (lambda: vb.score(RESTORED, GT, []), "metrics: give at least one id"),
        (lambda: vb.score(RESTORED, GT, 3), "metrics: give ids"),  # type: ignore[arg-type]
        (lambda: vb.score(RESTORED), "metric 'psnr' compares with the ground truth; give gt"),
        (lambda: vb.score(RESTORED, GT, profile="quick"), "profile: must be strict or fast"),  # type: ignore[arg-type]
        (lambda: vb.score(RESTORED, GT, device="tpu"), "device 'tpu': use cpu, cuda"),
        (lambda: vb.score(RESTORED, GT, landmarks=[[1, 2]]), "landmarks: must be (T, 5, 2) with T = 6"),
        (lambda: vb.score(RESTORED, GT, landmarks="here"), "landmarks: must be numbers"),
        (lambda: vb.metric("psnr").per_frame(RESTORED), "give gt"),
        (lambda: vb.metric(Brighter(own_card("clip"))).per_frame(RESTORED, GT), "has no value a frame"),
        (lambda: vb.metric(Brighter(own_card("split")))(RESTORED, GT), "give restored and gt as lists"),
        (lambda: vb.score(RESTORED, GT, Brighter(own_card("split"))), "give restored and gt as lists"),
        (lambda: vb.metric("ewarp_dis")(RESTORED[:1], GT[:1]), "for clip 'gt': the clip has 1 frame,"),
        (lambda: vb.score([RESTORED, RESTORED], [GT]), "gt: give a list of 2 clips"),
        (lambda: vb.score([RESTORED], GT), "gt: give a list of 1 clip,"),
        (lambda: vb.score([RESTORED, "nowhere"], [GT, GT]), "restored[1]: nowhere"),
        (lambda: vb.score([RESTORED], [GT], landmarks=3), "landmarks: give a list of 1"),
        (lambda: vb.score(2 * [RESTORED], 2 * [vb.Clip.from_array(GT, "a")]), "two clips are called 'a'"),
        (lambda: vb.degrade(GT, "vfhq-mid"), "did you mean 'vfhq-mild'"),
        (lambda: vb.degrade(GT, 3), "recipe: give a name"),  # type: ignore[arg-type]
        (lambda: vb.degrade(GT, "bi-x4", seed=-1), "seed: must be a whole number"),
        (lambda: vb.degrade(GT[:, :47], "bi-x4"), "clip 'gt' is 48x47"),
        (lambda: vb.restore(GT, "bicubik"), "did you mean 'bicubic'"),
        (lambda: vb.restore(GT, Path("bicubic")), "no card.toml there"),
        (lambda: vb.restore(GT, 3), "method: give a name"),  # type: ignore[arg-type]
        (lambda: vb.restore(GT, "bicubic", scale=0), "scale: must be a whole number from 1"),
        (lambda: vb.restore(GT, "bicubic", scale=2.5), "scale: must be a whole number"),  # type: ignore[arg-type]
        (lambda: vb.restore(GT, "bicubic", seed=True), "seed: must be a whole number"),
        (lambda: vb.load_results("nowhere"), "nowhere: no such results"),
        (lambda: vb.load_results([]), "no results there"),
        (lambda: vb.run_board("demoo"), "did you mean 'demo'"),
        (lambda: vb.run_board(3), "board: give a name, a path or a Board"),  # type: ignore[arg-type]
        (lambda: vb.run_board(Path("demo")), "no such board file"),
        (lambda: vb.run_board("demo", keep="x"), "keep: must be one of"),  # type: ignore[arg-type]
        (lambda: vb.run_board("demo", workers=0), "workers: must be a whole number from 1"),
        (lambda: vb.run_board("demo", methods="bicubic"), "methods: give a list of Predictor"),  # type: ignore[arg-type]
        (lambda: vb.Clip.from_array([1]), "frames must be a numpy array, got list"),  # type: ignore[arg-type]
        (lambda: vb.metrics()["psnrr"], "unknown metric 'psnrr': did you mean 'psnr'"),
        (lambda: vb.Dataset.open("folders", "x"), "did you mean 'folder'"),
        (lambda: vb.Dataset.open("demo")["demo-clam"], "did you mean 'demo-calm'"),
    ],
)
def test_a_wrong_argument_is_one_clear_line(
    call: Any, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(vb.InputError) as caught:
        call()
    assert words in str(caught.value) and "\n" not in str(caught.value)
    assert not any(tmp_path.iterdir()), "nothing is left behind"


def test_missing_weights_say_how_to_get_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path))
    for call in (
        lambda: vb.score(RESTORED, GT, "lpips_alex"),
        lambda: vb.metric("lpips_alex"),
        lambda: vb.restore(GT, "keep"),
    ):
        with pytest.raises(vb.InputError, match=r"vfsrbench weights fetch (alexnet|keep-v1)"):
            call()


def test_one_metric_may_be_given_as_plain_text() -> None:
    assert vb.score(RESTORED, GT, "psnr").equals(vb.score(RESTORED, GT, ["psnr"]))
    assert list(vb.score(RESTORED, GT, ("psnr", "psnr"))) == ["frame", "name", "psnr"]


def test_values_of_clips_stand_beside_the_table() -> None:
    table = vb.score(RESTORED, GT, [Brighter(own_card("clip")), "psnr", "ewarp_dis"])
    assert list(table) == ["frame", "name", "psnr", "ewarp_dis"]
    assert set(table.attrs["clip"]) == {"brighter", "psnr", "ewarp_dis"}
    assert table.attrs["clip"]["psnr"] == vb.metric("psnr")(RESTORED, GT)
    assert vb.metric("psnr").per_frame(RESTORED, GT).tolist() == table["psnr"].tolist()


def test_what_has_no_value_is_told() -> None:
    with pytest.warns(UserWarning, match="clip 'gt' has no ewarp_dis: the clip has 1 frame,") as caught:
        table = vb.score(RESTORED[:1], GT[:1], ["psnr", "ewarp_dis"])
    assert caught[0].filename == __file__
    assert table["ewarp_dis"].isna().all() and set(table.attrs["unavailable"]) == {"ewarp_dis"}
    assert vb.score(RESTORED, metrics="niqe").attrs["missing"] == {"niqe": 6}, "too small for two blocks"


def test_lists_of_clips_are_scored_together(tmp_path: Path) -> None:
    write_clip(tmp_path / "gt" / "a", GT)
    write_clip(tmp_path / "gt" / "b", GT[:4])
    write_clip(tmp_path / "mine" / "a", RESTORED)
    vb.Clip.from_array(RESTORED[:4]).write(tmp_path / "mine" / "b.mkv")
    restored, gt = ([str(p) for p in sorted((tmp_path / side).iterdir())] for side in ("mine", "gt"))
    table = vb.score(restored, gt, ["psnr", "ewarp_dis"])
    assert list(table) == ["clip", "frame", "name", "psnr", "ewarp_dis"]
    assert table["clip"].tolist() == 6 * ["a"] + 4 * ["b"]
    a, b = (vb.score(r, g, ["psnr", "ewarp_dis"]) for r, g in zip(restored, gt, strict=True))
    assert table["psnr"].tolist() == [*a["psnr"], *b["psnr"]]
    assert table.attrs["clips"] == {"a": a.attrs["clip"], "b": b.attrs["clip"]}
    mean = (a.attrs["clip"]["psnr"] + b.attrs["clip"]["psnr"]) / 2
    assert table.attrs["split"]["psnr"] == vb.metric("psnr")(restored, gt) == pytest.approx(mean)


def test_a_metric_is_loaded_once_and_may_be_an_object_of_the_users() -> None:
    card = own_card("frame")
    Brighter.loads = 0
    function = vb.metric(Brighter(card))
    one = function(RESTORED, GT)
    assert one == function(RESTORED, GT) == pytest.approx((RESTORED.astype(float) - GT).mean())
    assert Brighter.loads == 1 and function.card is card and repr(function) == "MetricFunction('brighter')"
    table = vb.score(RESTORED, GT, [Brighter(card), "psnr"])
    assert list(table)[2:] == ["brighter", "psnr"] and table.attrs["clip"]["brighter"] == one


def test_a_data_set_is_opened_and_walked_through(tmp_path: Path) -> None:
    data_set(tmp_path / "data", ("one", "two"), frames=4)
    found = vb.Dataset.open("folder", str(tmp_path / "data"), frames=2)
    assert len(found) == 2 and repr(found) == "Dataset('data', layout='folder', 2 clips)"
    assert [clip.name for clip in found] == list(found.names) == ["one", "two"]
    assert found[-1].name == "two"
    gt = found["two"].gt
    assert gt is not None and len(gt) == 2
    assert np.array_equal(gt.array(), moving(3, seed=1)[:2])
    assert [c.name for c in vb.Dataset.open("folder", tmp_path / "data", clips=["two"])] == ["two"]


def test_a_board_is_run_read_and_reported(tmp_path: Path) -> None:
    board = small_board(data_set(tmp_path / "data", ("one",), 4), ["bicubic"], splits=["bi-x4"])
    card = vb.MethodCard(name="blur", title="Blur", kind="image", factory="x:Nearest", description="")

    class Nearest(vb.ImagePredictor):
        def restore_batch(self, frames: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.interpolate(frames, size=(self.clip.out_height, self.clip.out_width))

    outputs = {"stored": str(write_clip(tmp_path / "stored" / "one", moving(4)).parent)}
    work = str(tmp_path / "w")
    summary = vb.run_board(board, work, methods=[Nearest(card, {})], outputs=outputs, force=False)
    assert summary.counts == {"ok": 3} and not summary.problems
    frames, records = vb.load_results(work)
    assert {r.method for r in records} == set(frames["method"]) == {"bicubic", "blur", "stored"}
    assert np.isinf(frames.loc[frames["method"] == "stored", "psnr"]).all()
    assert frames.attrs["skipped"] == []
    again, _ = vb.load_results([Path(work) / "results", Path(work)])
    assert again.equals(frames), "the same results count once"
    written = vb.report(board, work, formats=["png"])
    assert written.index == Path(work) / "report" / "small" / "index.html" and written.index.is_file()
    assert len(written.tables) == 1 and all(path.is_file() for path in written.files)
    elsewhere = vb.report(board, work, tmp_path / "out", results=[Path(work) / "results"], formats=["png"])
    assert elsewhere.index == tmp_path / "out" / "index.html"


def test_a_folder_of_a_method_is_a_path(tmp_path: Path) -> None:
    folder = Path(method_folder(tmp_path, "mine", mode="nearest"))
    assert np.array_equal(vb.restore(GT, folder, scale=1, device="cpu").array(), GT)
    assert np.array_equal(vb.restore(GT, str(folder), scale=1, device="cpu").array(), GT)


def test_names_are_there_and_told() -> None:
    assert dir(vb) == sorted(vb.__all__)
    assert all(getattr(vb, name) is not None for name in vb.__all__)
    with pytest.raises(AttributeError, match="module 'vfsrbench' has no attribute 'skore'"):
        vb.skore  # noqa: B018
    assert "psnr" in vb.metrics() and "bicubic" in vb.methods() and "bi-x4" in vb.recipes()
    assert "demo" in vb.boards() and "folder" in vb.datasets()
    assert "\npsnr " in repr(vb.metrics()) and "PSNR (dB), higher is better" in repr(vb.metrics())
    assert vb.metrics().get("nowhere") is None and "nowhere" not in vb.metrics()


@pytest.mark.parametrize("first", ["vfsrbench.metric", "vfsrbench.metrics", "vfsrbench.datasets.dataset"])
def test_functions_that_share_a_modules_name_work_whatever_is_imported(first: str) -> None:
    code = (
        f"import {first}, vfsrbench as vb, inspect\n"
        "assert callable(vb.metric) and 'psnr' in vb.metrics() and 'demo' in vb.datasets()\n"
        "assert 'device' in inspect.signature(vb.metric).parameters\n"
        "from vfsrbench.metric import Metric; assert Metric is vb.Metric\n"
        "from vfsrbench import datasets, metrics; assert 'psnr' in metrics() and 'demo' in datasets()\n"
        "import sys; assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
