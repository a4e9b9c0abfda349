"""SECNet learns: a small one, trained for 200 steps, beats bicubic enlargement on frames it never saw."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from baselines.secnet.network import SECNet
from baselines.secnet.samples import Sampling
from baselines.secnet.train import RECIPE, Settings, train
from baselines.secnet.upsample import PhasedBicubic
from baselines.secnet.validate import validation_psnr
from degradations.recipe import load_recipe
from vfsrbench.datasets.dataset import open_dataset
from vfsrbench.io.clip import Clip

CPU = torch.device("cpu")
SMALL = {"channels": 16, "motion_width": 4, "local_blocks": 2, "blocks": 2, "past": 2, "previous": 1}
STEPS = 200
HELD_OUT, SCORED = 6, 4


class Bicubic(torch.nn.Module):
    """Enlargement that puts every small pixel where the BD recipe took it from."""

    def steps(self, lq: torch.Tensor) -> Iterator[Any]:
        base = PhasedBicubic(0.0)
        return (SimpleNamespace(output=base(frame)) for frame in lq.unbind(1))


@pytest.mark.slow
def test_training_beats_shift_compensated_bicubic(tmp_path: Path) -> None:
    clips = [c.gt for c in open_dataset("demo", None, frames=24).clips()]
    seen, held_out = [], []
    for clip in filter(None, clips):
        frames = clip.read(0, len(clip))
        seen.append(Clip.from_array(frames[:-HELD_OUT], clip.name))
        held_out.append(Clip.from_array(frames[-HELD_OUT:], clip.name))
    settings = Settings(
        SMALL, Sampling(frames=3, crop=48), batch=2, pretrain_steps=0, steps=STEPS, rate=2e-3,
        validate_every=STEPS, save_every=STEPS, validation_frames=SCORED,
    )  # fmt: skip
    train(seen, held_out, tmp_path / "net.pth", settings, CPU)
    net = SECNet(**SMALL)
    net.load_state_dict(torch.load(tmp_path / "net.pth", weights_only=True)["params"])
    learnt, plain = (
        validation_psnr(method, held_out, load_recipe(RECIPE), SCORED, crop=256, device=CPU)  # type: ignore[arg-type]
        for method in (net, Bicubic())
    )
    assert learnt >= plain + 0.5
