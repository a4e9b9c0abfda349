from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import nn

from tests.vfsrbench.references import reference
from vfsrbench.faces.networks.parsenet import REGIONS, Block, Convolution, ParseNet

FILE_SIZE = 85_331_193  # of the published parsing_parsenet.pth


def _convolution(name: str, inputs: int, outputs: int, norm: bool) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.conv2d.weight", (outputs, inputs, 3, 3)
    if not norm:
        yield f"{name}.conv2d.bias", (outputs,)
        return
    for part in ("weight", "bias", "running_mean", "running_var"):
        yield f"{name}.norm.norm.{part}", (outputs,)
    yield f"{name}.norm.norm.num_batches_tracked", ()


def _block(name: str, inputs: int, outputs: int, shortcut: bool) -> Iterator[tuple[str, tuple[int, ...]]]:
    if shortcut:
        yield from _convolution(f"{name}.shortcut_func", inputs, outputs, norm=False)
    yield from _convolution(f"{name}.conv1", inputs, outputs, norm=True)
    yield from _convolution(f"{name}.conv2", outputs, outputs, norm=True)


def _published() -> Iterator[tuple[str, tuple[int, ...]]]:
    """The names and shapes of facexlib's ParseNet at 512, written out."""
    yield from _convolution("encoder.0", 3, 64, norm=False)
    for i, (a, b) in enumerate([(64, 128), (128, 256), (256, 256), (256, 256)], start=1):
        yield from _block(f"encoder.{i}", a, b, shortcut=True)
    for i in range(10):
        yield from _block(f"body.{i}", 256, 256, shortcut=False)
    for i, (a, b) in enumerate([(256, 256), (256, 256), (256, 128), (128, 64)]):
        yield from _block(f"decoder.{i}", a, b, shortcut=True)
    yield from _convolution("out_img_conv", 64, 3, norm=False)
    yield from _convolution("out_mask_conv", 64, 19, norm=False)


def test_names_and_shapes_are_the_published_files() -> None:
    state = ParseNet().state_dict()
    assert {name: tuple(value.shape) for name, value in state.items()} == dict(_published())
    numbers = sum(value.numel() * value.element_size() for value in state.values())
    # what torch.save adds to every tensor, and no more
    assert 100 * len(state) < FILE_SIZE - numbers < 400 * len(state)
    assert len(REGIONS) == 19


def test_borders_are_reflected_and_not_black() -> None:
    layer = Convolution(1, 1)
    with torch.no_grad():
        layer.conv2d.weight.zero_()
        layer.conv2d.weight[0, 0, 0, 0] = 1.0  # the pixel above and to the left
        layer.conv2d.bias.zero_()
    x = torch.arange(16.0).view(1, 1, 4, 4)
    out = layer(x)[0, 0]
    assert out[1:, 1:].equal(x[0, 0, :-1, :-1])
    assert out[0, 0] == x[0, 0, 1, 1] and out[0, 2] == x[0, 0, 1, 1]


def test_norm_comes_before_the_activation_of_slope_a_fifth() -> None:
    layer = Convolution(1, 1, norm=True, active=True).eval()
    with torch.no_grad():
        layer.conv2d.weight.zero_()
        layer.conv2d.weight[0, 0, 1, 1] = 1.0
        layer.norm["norm"].running_mean.fill_(10.0)
    out = layer(torch.tensor([[[[10.0, 20.0], [0.0, 10.0]]]])).flatten()
    assert out.tolist() == pytest.approx([0, 10, -2, 0], abs=1e-3)


@pytest.mark.parametrize(("scale", "first", "second"), [("down", 8, 4), ("up", 16, 16), ("same", 8, 8)])
def test_a_block_grows_in_its_first_convolution_and_shrinks_in_its_second(
    scale: str, first: int, second: int
) -> None:
    block = Block(4, 4, scale).eval()  # type: ignore[arg-type]
    x = torch.rand(1, 4, 8, 8)
    assert block.conv1(x).shape[-1] == first and block(x).shape[-1] == second
    assert isinstance(block.shortcut_func, nn.Identity) == (scale == "same")


def _random(seed: int) -> ParseNet:
    """Random weights, norms included."""
    torch.manual_seed(seed)
    network = ParseNet().eval()
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if value.is_floating_point():
                value.copy_(torch.rand_like(value) * 0.1 + ("running_var" in name) - 0.05)
    return network


def test_faces_do_not_see_each_other() -> None:
    network = _random(0)
    faces = torch.rand(2, 3, 32, 48) * 2 - 1
    with torch.no_grad():
        together = network(faces)
        alone = torch.cat([network(face[None]) for face in faces])
    assert together.shape == (2, 19, 32, 48)
    assert (together - alone).abs().max() <= 1e-5 * together.abs().max()
    assert (together[0] - together[1]).abs().max() > 1e-3 * together.abs().max()


@pytest.mark.slow
def test_equal_to_facexlib() -> None:
    theirs_module = reference("facexlib.parsing.parsenet")
    theirs = theirs_module.ParseNet(in_size=512, out_size=512, parsing_ch=19).eval()
    ours = _random(1)
    theirs.load_state_dict(ours.state_dict())
    x = torch.rand(1, 3, 64, 96) * 2 - 1
    with torch.no_grad():
        want, have = theirs(x)[0], ours(x)
    assert (want - have).abs().max() <= 1e-5 * want.abs().max()
