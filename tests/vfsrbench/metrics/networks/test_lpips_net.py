"""Our LPIPS against its golden packs and against the `lpips` package itself."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from degradations.errors import InputError
from tests.baselines.taps import taps
from tests.parity import parity
from vfsrbench.metrics.networks.lpips_net import LPIPS

PACKS = {
    "lpips_alex": "alex",
    "lpips_vgg": "vgg",
    "lpips_squeeze": "squeeze",
    "lpips_alex_filled": "alex",
    "lpips_vgg_filled": "vgg",
}


def _filled(name: str) -> LPIPS:
    golden = taps.pack(name)
    net = LPIPS(PACKS[name])
    assert taps.layout(net) == taps.pack_layout(golden)
    state = parity.state_dict(golden)
    heads = {key: value for key, value in state.items() if key.startswith("lin")}
    # the package names its heads twice; a filled pack fills one of the names
    state |= {f"lins.{key[3]}.{key.split('.', 1)[1]}": value for key, value in heads.items()}
    own = net.state_dict()
    net.load_state_dict({key: state.get(key, value) for key, value in own.items()})
    return net


def _collect(net: LPIPS, case: dict[str, Any]) -> dict[str, Tensor]:
    images = parity.inputs(case)
    a, b = images["in0"], images["in1"]
    if not case["normalize"]:
        a, b = (a + 1) / 2, (b + 1) / 2
    fa, fb = net.features(a), net.features(b)
    scaled = net.scaling_layer(2 * a - 1)
    seen = {"out": net(a, b)[:, None, None, None], "scaled_input": scaled}
    seen["spatial"] = net.spatial(fa, fb, (a.shape[2], a.shape[3]))
    for number, layer in enumerate(net.layers(fa, fb)):
        seen[f"layer{number}"] = layer.mean((2, 3), keepdim=True)
    for number, raw in enumerate(net.net(scaled)):
        seen[f"feature{number}"] = raw
    return seen


@pytest.mark.parametrize("name", PACKS)
def test_every_tap_is_the_packages(name: str) -> None:
    net = _filled(name)
    for case in taps.pack(name)["cases"]:
        differences = taps.differences(_collect(net, case), case["outputs"])
        for tap, difference in differences.items():
            # a distance's spread over a few pairs lies far below its mean: see the pack's notes
            small = tap == "out" or tap.startswith("layer")
            assert difference < (1e-3 if small else 1e-5), (case["name"], tap, difference)


@pytest.mark.parametrize("backbone", ["alex", "vgg", "squeeze"])
def test_drop_in_for_the_package_on_random_weights(backbone: str) -> None:
    lpips = pytest.importorskip("lpips")
    torch.manual_seed(0)
    theirs = lpips.LPIPS(net=backbone, pnet_rand=True, verbose=False).eval()
    ours = LPIPS(backbone)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    generator = torch.Generator().manual_seed(1)
    a, b = (torch.rand(3, 3, 64, 80, generator=generator) for _ in range(2))
    with torch.no_grad():
        expected = theirs(a, b, normalize=True)[:, 0, 0, 0]
        spatial = lpips.LPIPS(net=backbone, pnet_rand=True, verbose=False, spatial=True).eval()
        spatial.load_state_dict(theirs.state_dict())
        expected_map = spatial(a, b, normalize=True)
    assert torch.allclose(ours(a, b), expected, rtol=1e-5, atol=1e-7)
    maps = ours.spatial(ours.features(a), ours.features(b), (64, 80))
    assert torch.allclose(maps, expected_map, rtol=1e-4, atol=1e-6)


def test_features_are_shared_without_changing_the_distance() -> None:
    net = _filled("lpips_alex")
    pictures = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    truth = net.features(pictures[:1])
    assert torch.equal(net.compare(truth, net.features(pictures[1:2])), net(pictures[:1], pictures[1:2]))
    together = net.compare(truth, net.features(pictures[1:]))
    alone = torch.cat([net(pictures[:1], picture[None]) for picture in pictures[1:]])
    assert torch.allclose(together, alone, rtol=1e-5)
    assert net.compare(truth, truth).item() == 0


def test_the_packages_own_heads_are_loaded_and_train_changes_nothing() -> None:
    net = LPIPS("alex").train()
    assert not net.training and not any(p.requires_grad for p in net.parameters())
    heads = [float(head.model[1].weight.sum()) for head in net.lins]  # type: ignore[index,union-attr]
    assert all(total > 0 for total in heads)
    assert min(float(head.model[1].weight.min()) for head in net.lins) >= 0  # type: ignore[index,union-attr]


def test_torchvisions_file_is_the_backbone() -> None:
    from torchvision.models import alexnet

    torch.manual_seed(0)
    file = alexnet(weights=None).state_dict()
    net = LPIPS("alex")
    net.load_backbone(file)
    assert torch.equal(net.get_parameter("net.slice5.10.weight"), file["features.10.weight"])
    names = taps.pack("lpips_alex")["torchvision_names"]
    assert all(torch.equal(net.get_parameter(ours), file[theirs]) for ours, theirs in names.items())


@pytest.mark.parametrize("backbone", ["vgg", "squeeze"])
def test_backbones_are_named_as_torchvision_names_them(backbone: str) -> None:
    net = LPIPS(backbone)
    names = taps.pack(f"lpips_{backbone}")["torchvision_names"]
    file = {theirs: torch.rand(net.get_parameter(ours).shape) for ours, theirs in names.items()}
    net.load_backbone(file | {"classifier.1.weight": torch.zeros(3)})
    assert all(torch.equal(net.get_parameter(ours), file[theirs]) for ours, theirs in names.items())


def test_another_networks_file_is_refused() -> None:
    net = LPIPS("squeeze")
    alex = LPIPS("alex").net.state_dict()
    file = {f"features.{name.split('.', 1)[1]}": value for name, value in alex.items()}
    with pytest.raises(InputError, match="not the squeeze backbone"):
        net.load_backbone(file)
    right = {f"features.{name.split('.', 1)[1]}": value for name, value in net.net.state_dict().items()}
    with pytest.raises(InputError, match=r"'features\.99\.weight' does not belong"):
        net.load_backbone(right | {"features.99.weight": torch.zeros(1)})


def test_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match="did you mean 'alex'"):
        LPIPS("alexnet")
    with pytest.raises(InputError, match="at least 31 pixels a side, got 30x64"):
        LPIPS("alex").features(torch.zeros(1, 3, 64, 30))
