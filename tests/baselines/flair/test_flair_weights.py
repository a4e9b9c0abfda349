"""FLAIR's files: which ones a method needs, whether they fit, what they are loaded into."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

from baselines.codeformer.network import CodeFormer
from baselines.flair.unet.network import FlairUNet
from baselines.restoreformer.network import RestoreFormerOutput, RestoreFormerPP
from vfsrbench.cli.verbs.weights.verb import app
from vfsrbench.errors import InputError
from vfsrbench.faces.networks.parsenet import ParseNet
from vfsrbench.faces.networks.retinaface import retinaface_resnet50
from vfsrbench.method_spec import choose_method

CPU = torch.device("cpu")
TASKS = {"x8": "bicubic", "x16": "bicubic", "gaussian": "blur", "jpeg": "blur"}


def test_one_degradation_needs_one_file() -> None:
    for task in TASKS:
        method = choose_method(f"flair[degradation={task}]")
        names = {use.name for use in method.card.weights_for(dict(method.options))}
        assert names - {"parsenet"} == {f"flair-{task}"}


@pytest.mark.parametrize("task", ["x8", "gaussian"])
def test_weights_check_opens_files_that_nobody_hashed(
    task: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names and shapes are held against the real network, which takes no memory."""
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path))
    name = {"x8": "flair_x8_bicubic.pt", "gaussian": "flair_gaussian.pt"}[task]
    with torch.device("meta"):
        net = FlairUNet(TASKS[task])
    # one number for each tensor on the disk
    state = {k: torch.tensor(0.01).expand(v.shape) for k, v in net.state_dict().items()}
    torch.save(state, tmp_path / name)
    said = CliRunner().invoke(app, ["check", f"flair-{task}"])
    assert said.exit_code == 0
    assert f"{len(state)} tensors fit by name and shape" in said.output
    del state["noise_level_mlp.1.weight" if task == "x8" else "time_embed.0.weight"]
    torch.save(state, tmp_path / name)
    problem = CliRunner().invoke(app, ["check", f"flair-{task}"]).exception
    assert isinstance(problem, InputError)
    assert "1 missing" in str(problem)


def test_weights_check_of_the_method_says_what_to_fetch_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path))
    message = str(CliRunner().invoke(app, ["check", "flair"]).exception)
    for name in ("flair_x8_bicubic.pt", "flair_x16_bicubic.pt", "flair_gaussian.pt", "flair_jpeg.pt"):
        assert f"get {name} from https://drive.google.com" in message
        assert str(tmp_path / name) in message


@pytest.mark.parametrize(
    ("spec", "network", "how"),
    [
        ("flair+codeformer", CodeFormer, {"w": 1.0, "adain": True}),
        ("flair+restoreformerpp", RestoreFormerPP, {}),
    ],
)
def test_enhancers_are_loaded_with_their_own_files(
    spec: str, network: type[nn.Module], how: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def forward(self: nn.Module, faces: Tensor, **options: Any) -> Any:
        calls.append((self, options))
        return RestoreFormerOutput(faces * 0.5, faces, {})

    monkeypatch.setattr(network, "forward", forward)
    paths = {}
    for role, build in (("parser", ParseNet), ("detector", retinaface_resnet50), ("enhancer", network)):
        with torch.device("meta"):
            state = build().state_dict()
        # one number for each tensor on the disk
        torch.save({k: torch.ones((), dtype=v.dtype).expand(v.shape) for k, v in state.items()},
                   tmp_path / f"{role}.pth")  # fmt: skip
        paths[role] = tmp_path / f"{role}.pth"
    predictor = choose_method(spec).build()
    predictor.load(paths, CPU)
    assert predictor.enhancer.side == 512
    assert predictor.enhancer.parser is predictor.parser
    faces = torch.rand(1, 3, 8, 8)
    assert torch.equal(predictor.enhancer.restorer(faces), faces * 0.5)
    ((net, options),) = calls
    assert options == how
    for module in (net, predictor.parser, predictor.enhancer.detector):
        assert all((value == 1).all() for value in module.state_dict().values())
        assert not module.training
