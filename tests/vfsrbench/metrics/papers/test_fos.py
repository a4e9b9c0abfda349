"""VIDD as FOS against the authors' code: what is fed, embeddings, values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.baselines.taps import taps
from tests.parity import parity
from tests.vfsrbench.metrics import clips
from tests.vfsrbench.metrics.checker import scores
from tests.vfsrbench.metrics.random_weights import metric
from vfsrbench import plugins
from vfsrbench.errors import InputError
from vfsrbench.faces.networks.arcface_resnet18 import ArcFaceResNet18
from vfsrbench.faces.networks.ir_se50 import IRSE50
from vfsrbench.metric import TruthInfo
from vfsrbench.metrics.functional.identity import cosine
from vfsrbench.metrics.papers.fos import RawDrift

PACK = taps.pack("vidd_fos")
CASES = {case["name"]: case for case in PACK["cases"]}
CARD = plugins.metrics()["legacy_vidd_fos"].card


def metric_of(case: dict, folder: Path) -> RawDrift:
    """The metric, loaded from a file of the pack's tensors."""
    backbone = case["backbone"]
    path = folder / "recognizer.pth"
    torch.save(parity.state_dict({**PACK, "tensors": PACK[f"tensors_{backbone}"]}), path)
    built = RawDrift(CARD.replace(params={"backend": backbone.removeprefix("arcface_")}))
    built.load({"recognizer": path}, torch.device("cpu"))
    return built


def frames_of(case: dict) -> dict[str, np.ndarray]:
    return {k: np.ascontiguousarray(v.transpose(0, 2, 3, 1)) for k, v in parity.u8_inputs(case).items()}


@pytest.mark.parametrize(
    "name",
    [
        "resnet18, noise",
        *(pytest.param(n, marks=pytest.mark.slow) for n in ("resnet18, rolling", "ir_se50, rolling")),
    ],
)
def test_pictures_embeddings_and_values_are_the_authors(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    chosen, frames = metric_of(case, tmp_path), frames_of(case)
    restored, truth = (torch.from_numpy(chosen.embeddings(frames[k])) for k in ("restored", "truth"))
    seen = {"prepared": torch.from_numpy(chosen.fed(frames["restored"]))}
    seen |= {"embedding": restored, "embedding_truth": truth}
    differences = taps.differences(seen, case["outputs"])
    assert max(differences.values()) < 1e-4, differences
    want = case["values"]
    assert (1 - cosine(restored, truth)).tolist() == pytest.approx(want["idd"], abs=1e-5)
    for size in (1, 2, len(restored)):
        info = TruthInfo("clip", "", len(restored))
        values = scores(chosen, frames["restored"], frames["truth"], size, info)
        assert np.isnan(values[0]) and chosen.finish(values) == pytest.approx(want["vidd"], rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    "backbone, build", [("arcface_resnet18", ArcFaceResNet18), ("arcface_ir_se50", IRSE50)]
)
def test_the_networks_are_those_of_the_pack(backbone: str, build: type) -> None:
    with torch.device("meta"):
        assert taps.layout(build()) == taps.pack_layout({"tensors": PACK[f"tensors_{backbone}"]})


def test_a_frozen_face_does_not_drift_and_the_truth_is_never_looked_at() -> None:
    chosen, info = metric("legacy_vidd_fos"), TruthInfo("clip", "", 3)
    frames = clips.moving(3)
    frozen = np.repeat(frames[:1], 3, axis=0)
    assert chosen.finish(scores(chosen, frozen, frames, 3, info)) < 1e-4
    own = scores(chosen, frames, frames, 3, info)
    assert (own[1:] > 0.01).all()
    assert scores(chosen, frames, frozen, 3, info).tobytes() == own.tobytes()


def test_another_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"resnet81.*did you mean 'resnet18'"):
        RawDrift(CARD.replace(params={"backend": "resnet81"})).load(
            {"recognizer": tmp_path / "none"}, torch.device("cpu")
        )
