"""`make test-weights`: what is run with which files, what is recorded, and why the rest is skipped."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from benchmarks import official_weights, shown_table
from benchmarks.shown import demo_run
from benchmarks.shown.choice import Missing, variants
from benchmarks.shown.demo_run import Setting, blind, lost, run_demo
from benchmarks.shown.facts import Run
from benchmarks.shown.files import FACTS, load_facts
from benchmarks.shown.official import NotUsable
from benchmarks.shown.official import official_weights as official_files
from benchmarks.shown.scores import Scores
from tests.benchmarks.recorded import NCNN, a_run
from vfsrbench import plugins
from vfsrbench.card import WeightUse
from vfsrbench.method_spec import choose_method
from vfsrbench.weights.manifest import load_manifest
from vfsrbench.weights.random_init import build_network, untrained_state, write_untrained
from vfsrbench.weights.resolve import resolve_weights

# --- official files ------------------------------------------------------------------------------------


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of checkpoints."""
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(folder))
    return folder


def test_random_weights_are_refused(weights: Path) -> None:
    use = WeightUse(name="realesrgan-x4plus")
    write_untrained(load_manifest()["realesrgan-x4plus"], weights)
    assert not resolve_weights([use]).missing, "the harness itself takes them"
    with pytest.raises(NotUsable, match="random weights"):
        official_files([use])
    setting = Setting(torch.device("cpu"), frames=1, only=("realesrgan",))
    (found,) = run_demo(setting)
    assert isinstance(found, Missing) and "random weights" in found.why


def test_random_weights_under_an_official_name_are_refused(weights: Path) -> None:
    known, unverified = (load_manifest()[name] for name in ("realesrgan-x4plus", "retinaface_mobile025"))
    assert known.sha256 and unverified.provenance == "unverified"
    write_untrained(known, weights).rename(weights / known.file)
    with pytest.raises(NotUsable, match="not here: realesrgan-x4plus"):
        official_files([WeightUse(name=known.name)])
    state = {k: v.contiguous() for k, v in untrained_state(build_network(unverified)).items()}
    save_file(state, weights / f"{unverified.name}.safetensors")
    with pytest.raises(NotUsable, match="random weights, though its name does not say so"):
        official_files([WeightUse(name=unverified.name)])
    # anything else under that name may be the real one: it is used, but nothing vouches for it
    name = next(name for name, value in state.items() if value.is_floating_point())
    save_file({**state, name: state[name] + 1}, weights / f"{unverified.name}.safetensors")
    _, (file,) = official_files([WeightUse(name=unverified.name)])
    assert file.vouched == "unverified"


def test_what_is_missing_is_named_without_places(weights: Path) -> None:
    with pytest.raises(NotUsable) as error:
        official_files([WeightUse(name="keep-v1"), WeightUse(name="pwcnet", optional=True)])
    assert str(error.value) == "not here: keep-v1"
    with pytest.raises(NotUsable, match=f"not here: realesrgan-x4plus or {NCNN}"):
        official_files(choose_method("realesrgan").card.weights)


def test_each_set_of_files_of_a_method_is_run_once() -> None:
    assert variants(choose_method("gfpgan")) == ["gfpgan", "gfpgan[version=1.3]", "gfpgan[version=1.2]"]
    assert len(variants(choose_method("edvr"))) == 4 and variants(choose_method("bicubic")) == ["bicubic"]


# --- the run -------------------------------------------------------------------------------------------


def test_a_small_selection_is_run_and_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if resolve_weights(plugins.metrics()["idd_dlib"].card.weights).missing:
        pytest.skip("dlib's files are not here")
    before = FACTS.read_bytes(), shown_table.PAGE.read_bytes(), shown_table.README.read_bytes()
    path = tmp_path / "facts.json"
    names = [
        "--only",
        "recompressed",
        "codeformer",
        "psnr",
        "idd_dlib",
        "ewarp_gt",
        "sigma_idd_dlib",
    ]
    few = ["--clips", "hopper-fast", "--frames", "2", "--facts", str(path), "--device", "cpu"]
    assert official_weights.main([*names, *few]) == 0
    facts = load_facts(path)
    runs = {run.spec: run for run in facts.runs}
    assert sorted(runs) == ["ewarp_gt", "idd_dlib", "psnr", "recompressed", "sigma_idd_dlib"]
    idd = runs["idd_dlib"]
    assert idd.trained and idd.figures["oracle"] == 0 and 0.2 < idd.figures["bicubic"] < 0.6
    assert {file.name for file in idd.weights} == {"dlib-face-recognition", "dlib-landmarks-68"}
    assert all(load_manifest()[file.name].sha256 == file.sha256 for file in idd.weights)
    assert runs["sigma_idd_dlib"].weights == idd.weights, "of its source"
    assert 0 < runs["recompressed"].figures["idd_dlib"] < idd.figures["bicubic"]
    assert runs["ewarp_gt"].figures["bicubic"] > 0, "the demo's exact flow is used"
    assert runs["ewarp_gt"].version == plugins.choose_metric("ewarp_gt").card.version
    assert (idd.clips, idd.frames, idd.origin.device.split()[0]) == (("hopper-fast",), 2, "CPU")
    assert "--frames 2" in idd.origin.command and str(tmp_path) not in idd.origin.command
    told = capsys.readouterr().out
    assert "skipped codeformer: not here: codeformer\n" in told and "`vfsrbench weights fetch NAME`" in told
    assert "come in packages: idd_dlib, sigma_idd_dlib\n" in told
    assert f"shown_table.py --add {path}" in told
    table = (tmp_path / "table.md").read_text()
    assert "| `idd_dlib` |" in table and "vfhq-mild: 1 clips of 2" in table
    assert before == (FACTS.read_bytes(), shown_table.PAGE.read_bytes(), shown_table.README.read_bytes())


def test_with_no_files_everything_is_skipped_with_its_reason(
    tmp_path: Path, weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = ["--only", "keep", "gfpgan", "idd_dlib", "lpips_alex", "--device", "cpu"]
    assert official_weights.main([*few, "--facts", str(tmp_path / "facts.json")]) == 0
    told = capsys.readouterr().out.splitlines()
    assert "skipped keep: not here: keep-v1" in told and "skipped gfpgan: not here: gfpgan-1.4" in told
    assert "skipped lpips_alex: not here: alexnet" in told
    assert any(line.startswith("skipped idd_dlib: ") and "dlib-face-recognition" in line for line in told)
    assert "without files: 0; skipped: 4; failed: none" in told
    assert not (tmp_path / "facts.json").exists()


def test_a_run_that_is_cut_keeps_what_it_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "facts.json"

    def cut(setting: Setting) -> Iterator[Run]:
        yield a_run()
        raise KeyboardInterrupt

    monkeypatch.setattr(official_weights, "run_demo", cut)
    with pytest.raises(KeyboardInterrupt):
        official_weights.main(["--facts", str(path)])
    assert load_facts(path).runs == (a_run(),)


def test_a_network_that_cannot_be_loaded_has_failed_and_the_others_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # imported before the patch: a module imported under it would keep the broken reader
    from baselines.realesrgan import adapter, half_precision

    if resolve_weights(choose_method("realesrgan").card.weights).missing:
        pytest.skip("Real-ESRGAN's file is not here")

    def broken(*arguments: object) -> None:
        raise RuntimeError("no such layer")

    monkeypatch.setattr(demo_run, "OF_METHODS", ("psnr",))
    monkeypatch.setattr(half_precision, "read_half_precision", broken)
    if hasattr(adapter, "read_half_precision"):
        monkeypatch.setattr(adapter, "read_half_precision", broken)
    arguments = [
        "--only",
        "realesrgan",
        "nearest",
        "--clips",
        "hopper-fast",
        "--frames",
        "1",
        "--device",
        "cpu",
    ]
    assert official_weights.main([*arguments, "--facts", str(tmp_path / "facts.json")]) == 3
    runs = {run.spec: run for run in load_facts(tmp_path / "facts.json").runs}
    assert "no such layer" in runs["realesrgan"].failed and not runs["nearest"].failed
    assert "method realesrgan: FAILED" in capsys.readouterr().out


def test_files_in_a_folder_are_found_and_used_in_place(
    tmp_path: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VFSRBENCH_WEIGHTS")
    there = resolve_weights([WeightUse(name="dlib-face-recognition")])
    points = resolve_weights([WeightUse(name="dlib-landmarks-68")])
    if there.missing or points.missing:
        pytest.skip("dlib's files are not here")
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(weights))
    elsewhere = tmp_path / "models" / "deep"
    elsewhere.mkdir(parents=True)
    (elsewhere / "renamed.dat").symlink_to(there.paths["net"])
    (elsewhere / "points.dat").symlink_to(points.paths["net"])
    path = tmp_path / "facts.json"
    arguments = ["--only", "idd_dlib", "--clips", "hopper-fast", "--frames", "1"]
    arguments += ["--device", "cpu", "--facts", str(path), "--in", str(elsewhere.parent)]
    assert official_weights.main(arguments) == 0 and not path.exists(), "the licence is not accepted"
    assert official_weights.main([*arguments, "--accept-licence"]) == 0
    assert load_facts(path).runs[0].trained
    assert not list(weights.glob("*.dat")), "nothing is copied"


def test_a_network_that_runs_but_sees_nothing_has_failed() -> None:
    card = plugins.choose_metric("idd_dlib").card
    assert blind(card, True, {"oracle": 0.0, "bicubic": 0.4}) == ""
    assert "no better than bicubic" in blind(card, True, {"oracle": 0.4, "bicubic": 0.4})
    assert blind(card, True, {"oracle": 0.0}) == "no value"
    plain = Scores({("psnr", "bicubic"): 19.1})
    assert lost(True, {"psnr": 9.0}, plain).startswith("PSNR 9.0 dB")
    assert not lost(True, {"psnr": 12.0}, plain) and not lost(False, {"psnr": 9.0}, plain)


def test_mistakes_are_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--only", "kep", "--facts", str(tmp_path / "facts.json")]
    assert official_weights.main(arguments) == 2
    assert capsys.readouterr().err.startswith("error: kep: neither a method nor a metric")
    (tmp_path / "facts.json").write_text("[]")
    assert official_weights.main(arguments) == 2
    assert "no file of facts" in capsys.readouterr().err
