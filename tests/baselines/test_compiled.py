"""Methods with the option `compiled`: the same result, recorded, and a line where nothing is compiled."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import nn

from baselines.adapters.compiled import compile_parts
from baselines.adapters.ready import ready
from baselines.basicvsr.network import BasicVSR
from baselines.basicvsrpp.network import BasicVSRPlusPlus
from baselines.codeformer.network import CodeFormer
from baselines.edvr.network import EDVR
from baselines.keep.adapter import COMPILED as KEEPS_PARTS
from baselines.keep.network import KEEP
from baselines.realbasicvsr.network import RealBasicVSR
from baselines.restoreformer.network import RestoreFormer, RestoreFormerPP
from baselines.secnet.adapter import COMPILED as SECNETS_PARTS
from baselines.secnet.network import SECNet
from baselines.vqfr.network import VQFR
from tests.baselines.face.test_codeformer import small_network
from tests.baselines.face.test_face_methods import CPU, SIDE, Frames, clip, info
from vfsrbench.io.clip import Clip
from vfsrbench.method_spec import choose_method
from vfsrbench.plugins import methods
from vfsrbench.predictor import Predictor
from vfsrbench.restoration.restore import InMemory, Restoration, restore_clip
from vfsrbench.runs.keys import method_facts
from vfsrbench.runtime.precision import Profile
from vfsrbench.weights.resolve import Weights


def seeded(build: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    def made() -> nn.Module:
        torch.manual_seed(0)
        return build().eval().requires_grad_(False)

    return made


NETS: dict[str, tuple[Callable[[], nn.Module], tuple[str, ...] | None]] = {
    "codeformer": (lambda: small_network(CodeFormer), ("",)),
    "restoreformer": (seeded(RestoreFormer), None),
    "restoreformerpp": (seeded(RestoreFormerPP), None),
    "vqfr": (seeded(lambda: VQFR(side=SIDE)), None),
    "keep": (lambda: small_network(KEEP, layout="v1"), KEEPS_PARTS),
    "basicvsr": (seeded(lambda: BasicVSR(8, 1)), None),
    "basicvsrpp": (seeded(lambda: BasicVSRPlusPlus(16, 1)), None),
    "realbasicvsr": (seeded(lambda: RealBasicVSR(8, 1, 1)), None),
    "edvr": (seeded(lambda: EDVR(16, num_blocks_extraction=1, num_blocks_reconstruction=1)), None),
    "secnet": (
        seeded(lambda: SECNet(channels=8, motion_width=4, local_blocks=1, blocks=2, past=2)),
        SECNETS_PARTS,
    ),
}
"""A small network of each method, and the parts that it compiles; None: those that the adapter names."""


def method(spec: str, profile: Profile = "strict") -> Any:
    """The method as the harness loads it, with a small network."""
    predictor: Any = choose_method(spec).build()
    build, parts = NETS[spec.partition("[")[0]]
    predictor.device, predictor.profile = CPU, profile
    net = build()
    side = getattr(net, "side", None)
    predictor.net = ready(copy.deepcopy(net), CPU, profile)
    if side is not None:
        predictor.net.side = SIDE
    compile_parts(predictor, predictor.net, predictor.compiled if parts is None else parts)
    return predictor


def restored(predictor: Predictor, frames: Frames) -> tuple[NDArray[np.uint8], Restoration]:
    sink = InMemory()
    report = restore_clip(predictor, Clip.from_array(frames, "clip"), info(frames), sink, seed=0, device=CPU)
    return sink.frames(), report


def test_which_methods_have_the_option() -> None:
    """All of them alike, and off unless it is asked for."""
    cards = {name: entry.card for name, entry in methods().entries.items() if entry.card.factory is not None}
    found = {name: card.options["compiled"] for name, card in cards.items() if "compiled" in card.options}
    flair = {name for name in cards if name.startswith("flair")}
    assert set(found) == set(NETS) | flair
    for option in found.values():
        assert option.default == "false"
        assert option.choices == ("false", "true", "reduce-overhead")


@pytest.mark.parametrize("choice", ["true", "reduce-overhead"])
def test_the_choice_is_in_the_methods_name_and_key(choice: str) -> None:
    plain, chosen = (choose_method(spec) for spec in ("keep", f"keep[compiled={choice}]"))
    assert chosen.id == f"keep[compiled={choice}]"
    facts = [method_facts(method, Weights()) for method in (plain, chosen)]
    assert facts[1]["options"] == {**facts[0]["options"], "compiled": choice}


def test_cuda_graphs_on_a_cpu_do_nothing_and_records_say_so() -> None:
    frames = clip(2, 16, 16)
    plain, silent = restored(method("edvr"), frames)
    same, report = restored(method("edvr[compiled=reduce-overhead]"), frames)
    assert np.array_equal(same, plain)
    assert report.warnings == ["compiled=reduce-overhead does nothing on a CPU"]
    assert not silent.warnings


@pytest.mark.slow  # compiles: up to a minute each
@pytest.mark.parametrize(
    ("name", "profile"),
    [*((name, "strict") for name in NETS), ("basicvsr", "fast")],
)
def test_compiled_networks_give_the_same(name: str, profile: Profile) -> None:
    frames = clip(3, 16, 16)
    plain, _ = restored(method(name, profile), frames)
    compiled, report = restored(method(f"{name}[compiled=true]", profile), frames)
    assert report.warnings == []  # it was compiled
    apart = np.abs(plain.astype(int) - compiled)
    if profile == "strict":
        assert apart.max() <= 2
    assert apart.mean() < 2


class Heard:
    """A network, and the logits that it gave."""

    def __init__(self, net: Any) -> None:
        self.net, self.side = net, net.side
        self.logits: list[torch.Tensor] = []

    def __call__(self, *given: Any, **options: Any) -> Any:
        found = self.net(*given, **options)
        self.logits.append(found[1].float())
        return found


@pytest.mark.slow  # compiles
def test_compiled_codeformer_is_in_fast_as_near_to_strict_as_its_operations_one_by_one() -> None:
    """Its pictures cannot be compared: untrained, its logits lie so near to each other that bfloat16 chooses
    other codes of the book, whoever computes."""

    def logits(spec: str, profile: Profile) -> torch.Tensor:
        predictor = method(spec, profile)
        predictor.net = Heard(predictor.net)
        _, report = restored(predictor, clip(3, 16, 16))
        assert report.warnings == []  # it was compiled
        return torch.cat(predictor.net.logits)

    strict = logits("codeformer", "strict")
    plain, compiled = (
        (logits(spec, "fast") - strict).abs() / strict.std()
        for spec in ("codeformer", "codeformer[compiled=true]")
    )
    assert 0 < compiled.mean() < 1.2 * plain.mean() < 0.05
    assert compiled.max() < 1.2 * plain.max()
