"""AdaFace against the authors' code: names, taps, alignment, and their training checkpoints."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from tests.baselines.taps import taps
from tests.parity import parity
from vfsrbench.errors import InputError
from vfsrbench.faces.arcface_align import inverse_fit_matrices
from vfsrbench.faces.networks.adaface import AdaFace, adaface_ir50, adaface_ir101, load_adaface, own_tensors
from vfsrbench.weights.manifest import load_manifest
from vfsrbench.weights.validate import count_fitting

BUILDERS: dict[str, Callable[[], AdaFace]] = {"adaface_ir50": adaface_ir50, "adaface_ir101": adaface_ir101}


@pytest.mark.parametrize("name", BUILDERS)
def test_names_and_shapes_are_the_authors(name: str) -> None:
    with torch.device("meta"):
        assert taps.layout(BUILDERS[name]()) == taps.pack_layout(taps.pack(name))


@pytest.mark.slow
@pytest.mark.parametrize("name", BUILDERS)
def test_taps_lengths_and_cosine_are_the_authors(name: str) -> None:
    golden = taps.pack(name)
    net = taps.filled(BUILDERS[name], golden)
    for case in golden["cases"]:
        seen = {}
        if "u8" in case:
            frame = np.clip(np.rint(parity.make_array(case["u8"]["frame"])), 0, 255).astype(np.uint8)
            picture = np.ascontiguousarray(frame.transpose(1, 2, 0))
            matrices = inverse_fit_matrices(np.asarray(case["points"], np.float32))
            assert np.abs(matrices - case["values"]["matrix"]).max() < 1e-5
            official = np.asarray(case["values"]["matrix"])  # 1e-6 moves a few pixels by a grey level
            crops = np.stack([cv2.warpAffine(picture, m, (112, 112)) for m in official])
            x = (torch.from_numpy(crops[..., ::-1].copy()).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5
            seen = {"crops": torch.from_numpy(crops), "prepared": x}
        else:
            x = parity.inputs(case)["x"]
        with torch.no_grad(), taps.tapped(net, case["outputs"]) as inner:
            out, length = net.with_length(x)
        seen |= inner | {"out": out}
        differences = taps.differences(seen, case["outputs"])
        assert max(differences.values()) < 1e-4, differences
        assert length.flatten().tolist() == pytest.approx(case["values"]["norm"], rel=1e-4)
        assert float(out[0] @ out[1]) == pytest.approx(case["values"]["cosine"], abs=1e-5)


class Small(torch.nn.Module):
    """Stands for the network: reading a file does not depend on it."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(3, 2)


class Danger:
    """What runs code when it is read by plain pickle."""

    def __reduce__(self) -> tuple:
        return (threading.Thread.__init__, (None,))


class Trainer(dict):
    """As a trainer's own kind of dictionary."""


def test_a_training_checkpoint_gives_its_tensors_and_runs_nothing(tmp_path: Path) -> None:
    tensors = {f"model.{k}": torch.rand(v.shape) for k, v in Small().state_dict().items()}
    content = {"state_dict": {**tensors, "head.kernel": torch.rand(2, 5)}, "callbacks": {Trainer: Danger()}}
    content["hyper_parameters"] = Trainer(epochs=3)
    path = tmp_path / "adaface.ckpt"
    torch.save(content, path)
    network = load_adaface(Small(), path)
    assert torch.equal(network.get_parameter("layer.weight"), tensors["model.layer.weight"])
    assert set(own_tensors(path)) == set(Small().state_dict()), "and `weights` sees that it fits"
    torch.save({"state_dict": {"model.other": torch.rand(2)}}, path)
    with pytest.raises(InputError):
        load_adaface(Small(), path)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match=r"adaface\.ckpt"):
        load_adaface(Small(), path)


def test_weights_counts_the_tensors_of_a_training_checkpoint(tmp_path: Path) -> None:
    entry = load_manifest()["adaface_ir50"]
    with torch.device("meta"):
        layout = adaface_ir50().state_dict()
    content = {f"model.{name}": torch.zeros(()).expand(value.shape) for name, value in layout.items()}
    content["model.body.0.res_layer.0.num_batches_tracked"] = torch.tensor(0)
    torch.save(
        {"state_dict": {**content, "head.kernel": torch.rand(2, 5)}, "trainer": Danger()}, tmp_path / "a.ckpt"
    )
    assert count_fitting(entry, tmp_path / "a.ckpt") == len(layout)
    del content["model.output_layer.3.bias"]
    torch.save({"state_dict": content}, tmp_path / "b.ckpt")
    with pytest.raises(InputError, match=r"b\.ckpt: does not fit AdaFace.*output_layer\.3\.bias"):
        count_fitting(entry, tmp_path / "b.ckpt")
