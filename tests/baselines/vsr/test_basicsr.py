"""The bridge to BasicSR: how a method is named, how networks are fed, what is said of mistakes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import torch
from torch import Tensor, nn

from baselines.basicsr_bridge import library
from baselines.edvr.adapter import circle
from vfsrbench.errors import InputError
from vfsrbench.method_spec import Method, choose_method
from vfsrbench.predictor import ClipInfo
from vfsrbench.runs import keys
from vfsrbench.weights.resolve import resolve_weights

CPU = torch.device("cpu")
ROOT = Path(__file__).parents[3]


class Scaled(nn.Module):
    """Doubles the size; its one weight multiplies the picture."""

    def __init__(self, gain: float = 1.0) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.tensor(gain))

    def enlarge(self, x: Tensor) -> Tensor:
        return self.gain * x.repeat_interleave(2, -1).repeat_interleave(2, -2)


class Window(Scaled):
    """The mean of its frames, with the frame number weighing."""

    def __init__(self, num_frame: int = 5) -> None:
        super().__init__()
        self.num_frame = num_frame

    def forward(self, x: Tensor) -> Tensor:
        _, t, _, _, _ = x.shape
        assert t == self.num_frame
        weights = torch.arange(1.0, t + 1).view(1, t, 1, 1, 1)
        return self.enlarge((x * weights).sum(1) / weights.sum())


class Recurrent(Scaled):
    """Each frame is the mean of all up to it."""

    def forward(self, x: Tensor) -> Tensor:
        _, t, _, _, _ = x.shape
        return self.enlarge(x.cumsum(1) / torch.arange(1.0, t + 1).view(1, t, 1, 1, 1))


class Picture(Scaled):
    """Takes pictures alone, and returns something beside them."""

    def forward(self, x: Tensor) -> tuple[Tensor, None]:
        _, _, _, _ = x.shape
        return self.enlarge(x), None


class Odd(Scaled):
    """No restoration: a number for every picture."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(1).mean(1)


class Registry(dict[str, type[nn.Module]]):
    """As much of basicsr's as is used."""


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A package called basicsr with the classes above."""
    modules = {name: ModuleType(name) for name in ("basicsr", "basicsr.archs", "basicsr.utils")}
    registry = Registry({c.__name__: c for c in (Window, Recurrent, Picture, Odd)})
    registry["Window_basicsr"] = registry.pop("Window")
    found = SimpleNamespace(ARCH_REGISTRY=registry)
    for name, module in {**modules, "basicsr.utils.registry": found}.items():
        monkeypatch.setitem(sys.modules, name, module)
    yield


def weights(folder: Path, gain: float = 1.0) -> Path:
    path = folder / f"gain-{gain}.pth"
    torch.save({"params": {"gain": torch.tensor(gain)}}, path)
    return path


def restore(spec: str, frames: Tensor, size: tuple[int, int]) -> Tensor:
    method = choose_method(spec).build()
    method.load({}, CPU)
    t, _, h, w = frames.shape
    method.start_clip(ClipInfo("c", t, 25.0, h, w, *size))
    return method.restore(frames, torch.Generator())


def clip(t: int = 7) -> Tensor:
    return torch.rand(t, 3, 18, 22, generator=torch.Generator().manual_seed(0))


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("arch", ["Window", "Recurrent", "Picture"])
@pytest.mark.parametrize("t", [7, 1])
def test_networks_are_fed_as_they_want_it(arch: str, t: int, tmp_path: Path) -> None:
    frames = clip(t)
    got = restore(f"basicsr:{arch}[checkpoint={weights(tmp_path, 0.5)},least=1]", frames, (36, 44))
    if arch == "Window":
        share = torch.arange(1.0, 6).view(5, 1, 1, 1) / 15
        small = torch.stack([(frames[circle(i, t, 2)] * share).sum(0) for i in range(t)])
    elif arch == "Recurrent":
        small = frames.cumsum(0) / torch.arange(1.0, t + 1).view(t, 1, 1, 1)
    else:
        small = frames
    expected = 0.5 * small.repeat_interleave(2, -1).repeat_interleave(2, -2)
    torch.testing.assert_close(got, expected)


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("where", ["text", "json", "toml-file", "json-file"])
def test_options_reach_the_network(where: str, tmp_path: Path) -> None:
    (tmp_path / "o.toml").write_text("num_frame = 3\n")
    (tmp_path / "o.json").write_text('{"num_frame": 3}')
    given = {
        "text": "options=num_frame=3", "json": 'options={"num_frame": 3}',
        "toml-file": f"options_file={tmp_path / 'o.toml'}",
        "json-file": f"options_file={tmp_path / 'o.json'}",
    }[where]  # fmt: skip
    frames = clip()
    got = restore(f"basicsr:Window[checkpoint={weights(tmp_path)},{given}]", frames, (36, 44))
    share = torch.arange(1.0, 4).view(3, 1, 1, 1) / 6
    small = torch.stack([(frames[circle(i, 7, 1)] * share).sum(0) for i in range(7)])
    torch.testing.assert_close(got[..., ::2, ::2], small)


@pytest.mark.usefixtures("fake")
def test_mistakes_are_named(tmp_path: Path) -> None:
    path = weights(tmp_path)
    frames = clip(2)
    for spec, message in {
        f"basicsr:Windw[checkpoint={path}]": "unknown architecture of basicsr 'Windw': did you mean 'Window'",
        f"basicsr:Window[checkpoint={path},options=num_frames=3]": "option of Window 'num_frames': did you",
        f"basicsr:Window[checkpoint={path},options=num_frame]": "neither TOML nor a JSON object",
        f"basicsr:Odd[checkpoint={path}]": "takes neither frames nor pictures",
        "basicsr:Window": r"no weights; give them as basicsr:ARCH\[checkpoint=FILE\]",
        "basicsr:Window[checkpoint=none.pth]": "none.pth: no such file",
    }.items():
        with pytest.raises(InputError, match=message):
            restore(spec, frames, (36, 44))


def test_the_stand_in_is_gone_after_the_import() -> None:
    before = sys.modules.get(library.GONE)
    with pytest.raises(KeyError), library.torchvision_of_then():
        from torchvision.transforms.functional_tensor import rgb_to_grayscale

        assert rgb_to_grayscale(torch.ones(3, 2, 2)).shape == (1, 2, 2)
        raise KeyError
    assert sys.modules.get(library.GONE) is before


def test_without_basicsr_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "basicsr", None)
    with pytest.raises(InputError, match=r"not installed; pip install 'vfsrbench\[basicsr\]'"):
        restore(f"basicsr:EDVR[checkpoint={weights(tmp_path)}]", clip(2), (72, 88))


def test_variants_are_options() -> None:
    method = choose_method("basicsr:EDVR[frames=5]")
    assert method.id == "basicsr[arch=EDVR,frames=5]"
    assert choose_method(method.id).options == method.options
    with pytest.raises(InputError, match="'bicubic' has no variants, so ':x'"):
        choose_method("bicubic:x")
    with pytest.raises(InputError, match="give its arch once"):
        choose_method("basicsr:EDVR[arch=DUF]")
    with pytest.raises(InputError, match="give its arch once"):
        choose_method("basicsr:")
    with pytest.raises(InputError, match=r"unknown method 'basicr': did you mean 'basicsr'"):
        choose_method("basicr:EDVR")


def test_results_are_keyed_by_the_checkpoints_content(tmp_path: Path) -> None:
    def facts(path: Path) -> object:
        method: Method = choose_method(f"basicsr:EDVR[checkpoint={path}]")
        return keys.method_facts(method, resolve_weights(()))

    first, again, other = (tmp_path / name for name in "abc")
    first.write_bytes(b"1")
    again.write_bytes(b"1")
    other.write_bytes(b"2")
    assert facts(first) == facts(again) != facts(other)


BESIDE = """
import sys, torch
sys.path.append(sys.argv[1])
from pathlib import Path
from baselines.basicsr_bridge.library import GONE, architectures
from baselines.adapters.vsr import openmmlab_names
from vfsrbench.runtime.checkpoint import load_checkpoint
from vfsrbench.method_spec import choose_method
from vfsrbench.predictor import ClipInfo

assert {"EDVR", "BasicVSR", "IconVSR", "SwinIR"} <= set(architectures()) and GONE not in sys.modules
frames = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(0))
from baselines.basicvsr.network import BasicVSR
from baselines.edvr.network import EDVR
for name, options, build in (
    ("BasicVSR", "num_block=30", lambda: BasicVSR(64, 30)),
    ("EDVR", "num_feat=64", lambda: EDVR(64, num_blocks_reconstruction=10)),
):
    torch.manual_seed(0)
    theirs = choose_method(f"basicsr:{name}[options={options}]").build()
    net = theirs.network()
    for parameter in net.parameters():  # offsets and masks start at zero
        parameter.data += 0.01 * torch.randn(parameter.shape)
    path = Path(sys.argv[2]) / f"{name}.pth"
    torch.save({"params": net.state_dict()}, path)
    theirs = choose_method(f"basicsr:{name}[options={options},checkpoint={path}]").build()
    theirs.load({}, torch.device("cpu"))
    ours = choose_method(name.lower()).build()
    ours.net = build().eval()
    load_checkpoint(ours.net, openmmlab_names(torch.load(path, weights_only=True), ours.net))
    got = []
    for method in (theirs, ours):
        method.start_clip(ClipInfo("c", 3, 25.0, 64, 64, 256, 256))
        with torch.no_grad():
            got.append(method.restore(frames, torch.Generator()))
    difference, spread = (got[0] - got[1]).abs().max().item(), got[0].std().item()
    print(name, theirs.feeding, difference, spread)
    assert difference < 1e-4 and spread > 1e-2
"""


@pytest.mark.slow
def test_basicsr_computes_what_ours_do(tmp_path: Path) -> None:
    """The packages are put into a folder of their own; torch stays as it is."""
    place = tmp_path / "site"
    install = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(place)]
    packages = ["addict", "future", "lmdb", "pyyaml", "yapf"]
    subprocess.run([*install, *packages], check=True)
    subprocess.run([*install, "--no-build-isolation", "basicsr==1.4.2"], check=True)
    beside = [sys.executable, "-c", BESIDE, str(place), str(tmp_path)]
    done = subprocess.run(beside, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    print(done.stdout)
