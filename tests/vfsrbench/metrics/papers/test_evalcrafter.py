"""E*warp as EvalCrafter against the authors' code: flows, warped frames, values."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.baselines.taps import taps
from tests.parity import parity
from tests.vfsrbench.metrics import clips
from tests.vfsrbench.metrics.checker import scores
from tests.vfsrbench.metrics.random_weights import metric, weights_file
from vfsrbench import plugins
from vfsrbench.errors import InputError
from vfsrbench.metric import TruthInfo, Window
from vfsrbench.metrics.estimators.flow import Flow
from vfsrbench.metrics.estimators.raft import load_raft
from vfsrbench.metrics.estimators.raft_names import torchvision_names
from vfsrbench.metrics.papers.evalcrafter import HalvedWarpingError, halved, pair_error
from vfsrbench.metrics.warping import carrier, visible

PACK = taps.pack("ewarp_evalcrafter")
CARD = plugins.metrics()["ewarp_evalcrafter"].card


def metric_of_the_pack(folder: Path) -> HalvedWarpingError:
    """The metric, loaded from a file under the authors' names."""
    path = folder / "raft-things.pth"
    torch.save({f"module.{name}": value for name, value in parity.state_dict(PACK).items()}, path)
    built = HalvedWarpingError(CARD)
    built.load({"flow": path}, torch.device("cpu"))
    return built


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(PACK["cases"])))
def test_flows_warped_frames_and_values_are_the_authors(number: int, tmp_path: Path) -> None:
    case = PACK["cases"][number]
    chosen = metric_of_the_pack(tmp_path)
    frames = np.ascontiguousarray(parity.u8_inputs(case)["video"].transpose(0, 2, 3, 1))
    info = TruthInfo("clip", "", len(frames))
    images = halved(Window(frames, 0, 0, info).tensor("cpu"))
    forward, backward = chosen.flows(images)
    pictures = images.permute(0, 2, 3, 1).numpy()
    everywhere = np.ones(pictures.shape[1:3], bool)
    warped = [
        carrier(f, everywhere).matrix @ p.reshape(-1, 3) for f, p in zip(forward, pictures[1:], strict=True)
    ]
    seen = {
        "flow_forward": np.stack([f.vectors for f in forward]).transpose(0, 2, 3, 1),
        "flow_backward": np.stack([f.vectors for f in backward]).transpose(0, 2, 3, 1),
        "warped": np.stack(warped).reshape(-1, *pictures.shape[1:]).transpose(0, 3, 1, 2),
    }
    differences = taps.differences({k: torch.from_numpy(v) for k, v in seen.items()}, case["outputs"])
    assert max(differences.values()) < 1e-4, differences
    want = case["values"]
    hidden = [int((~visible(*both)).sum()) for both in zip(forward, backward, strict=True)]
    assert everywhere.size == want["pixels"] and hidden == pytest.approx(want["occluded"], abs=3)
    for size in (1, len(frames)):
        values = scores(chosen, frames, frames, size, info)
        assert np.isnan(values[0])
        assert chosen.finish(values) == pytest.approx(1e3 * want["error"], rel=1e-4)


def test_sums_over_channels_and_visible_pixels_by_the_number_of_pixels() -> None:
    before, after = np.random.default_rng(0).random((2, 16, 24, 3), np.float32)
    vectors = np.zeros((2, 16, 24), np.float32)
    vectors[0, :, 12:] = 2.0  # a boundary, and a half that comes back elsewhere
    forward, still = Flow(vectors), Flow(np.zeros_like(vectors))
    seen = visible(forward, still)
    assert seen[:, :11].all() and not seen[:, 12:].any()
    want = np.square(after - before, dtype=np.float64)[seen].sum() / seen.sum()
    assert pair_error(forward, still, before, after) == pytest.approx(want, rel=1e-6)
    far = Flow(np.full_like(vectors, 3.0))  # both ways the same: nothing is visible
    assert pair_error(far, far, before, after) == 0


def test_halved_pictures_keep_what_pads_them() -> None:
    ramp = torch.arange(263 * 294, dtype=torch.float32).view(1, 1, 263, 294).expand(-1, 3, -1, -1)
    small = halved(ramp)
    assert small.shape == (1, 3, 136, 152)  # 131x147 before: 2 above, 3 below, 2 on the left, 3 on the right
    assert torch.equal(small[..., 0, :], small[..., 2, :]) and torch.equal(
        small[..., 133, :], small[..., 132, :]
    )
    assert not torch.equal(small[..., 3, :], small[..., 2, :])
    assert small[0, 0, 2, 2] == ramp[0, 0, :2, :2].mean()


def test_small_frames_are_refused_and_the_files_of_both_kinds_are_read(tmp_path: Path) -> None:
    chosen, frames = metric("ewarp_evalcrafter"), clips.moving(2, 128)
    with pytest.raises(InputError, match="at least 256x256"):
        scores(chosen, frames, frames, 2, TruthInfo("clip", "", 2))
    tensors = parity.state_dict(PACK)
    path = tmp_path / "raft-things.pth"
    torch.save({f"module.{name}": value for name, value in tensors.items()}, path)
    network = load_raft(path)
    assert set(network.state_dict()) == set(torchvision_names(tensors))
    assert torch.equal(
        network.get_parameter("feature_encoder.convnormrelu.0.weight"), tensors["fnet.conv1.weight"]
    )
    assert load_raft(weights_file("raft_things"))
    torch.save({"fnet.conv1.weight": tensors["fnet.conv1.weight"]}, path)
    with pytest.raises(InputError, match="does not fit"):
        load_raft(path)
