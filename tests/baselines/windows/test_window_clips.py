"""DicFace and PGTFormer as methods: windows of the harness, draws, rounding, options, files, conformance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from baselines.dicface.adapter import draw_weights
from baselines.pgtformer.adapter import check_indices
from tests.baselines.face.test_face_methods import as_tensor, clip, info, restore
from tests.baselines.windows.small import CPU, SIDE, method
from vfsrbench.errors import InputError
from vfsrbench.io.clip import Clip
from vfsrbench.method_spec import choose_method
from vfsrbench.plugins import methods
from vfsrbench.restoration.conformance import check_method
from vfsrbench.restoration.faces import needs_face_search
from vfsrbench.restoration.method_use import MethodUse
from vfsrbench.restoration.restore import InMemory, restore_clip
from vfsrbench.windows import smaller, smallest_window


@pytest.mark.parametrize(
    ("spec", "count", "windows"),
    [
        ("dicface", 6, [5]),
        pytest.param("dicface[protocol=official]", 10, [9], marks=pytest.mark.slow),
        pytest.param("pgtformer", 4, [3], marks=pytest.mark.slow),
        pytest.param("dicface", 51, [24, 12], marks=pytest.mark.slow),
        pytest.param("dicface[protocol=official,max_length=10]", 31, [24, 12], marks=pytest.mark.slow),
        pytest.param("pgtformer", 31, [24, 12], marks=pytest.mark.slow),
    ],
)
def test_windows_of_the_harness_change_nothing(
    dicface: Any, pgtformer: Any, spec: str, count: int, windows: list[int]
) -> None:
    """The card's window, what it becomes when memory runs out, and the least that it may become."""
    net = dicface if spec.startswith("dicface") else pgtformer
    pictures = clip(count, SIDE, SIDE)
    whole = method(spec, net)
    whole.card = whole.card.model_copy(update={"window": None})
    want = restore(whole, pictures).astype(int)
    for window in windows:
        cut = method(spec, net)
        overlap = (
            cut.card.overlap if window == 24 else smaller(2 * window, cut.card.overlap, cut.card.context)[1]
        )
        cut.card = cut.card.model_copy(update={"window": window, "overlap": overlap})
        difference = np.abs(restore(cut, pictures) - want)
        assert difference.max() <= 1  # a value on the border of two levels may round either way
        assert (difference > 0).mean() < 1e-3


@pytest.mark.parametrize(
    ("spec", "context"),
    [
        ("dicface", 2),
        ("dicface[max_length=5]", 2),
        ("dicface[protocol=official,max_length=5]", 2),
        ("dicface[protocol=official]", 4),
        ("dicface[protocol=official,max_length=10]", 4),
        ("pgtformer", 1),
    ],
)
def test_less_memory_keeps_what_a_frame_needs(spec: str, context: int) -> None:
    card = choose_method(spec).build().card
    assert (card.context, smallest_window(card.context)) == (context, 2 * context + 1)
    window, overlap = card.window or 0, card.overlap
    while window > smallest_window(card.context):
        window, overlap = smaller(window, overlap, card.context)
        assert overlap >= 2 * context and window > overlap
    assert window == 2 * context + 1


def test_draws_follow_the_generator_and_not_the_batch(dicface: Any) -> None:
    alpha = torch.rand(4, 6, 1024, generator=torch.Generator().manual_seed(1)) + 0.01
    one, same = (draw_weights(alpha, torch.Generator().manual_seed(5)) for _ in range(2))
    assert torch.equal(one, same)
    torch.testing.assert_close(one.sum(-1), torch.ones(4, 6))
    generator = torch.Generator().manual_seed(5)
    parts = torch.cat([draw_weights(part, generator) for part in alpha.split(1)])
    torch.testing.assert_close(parts, one)


def test_draws_have_the_distributions_mean_and_spread() -> None:
    """Dirichlet: mean p = alpha / sum, variance p (1 - p) / (sum + 1)."""
    alpha = torch.tensor([0.02, 0.5, 1.0, 3.0, 7.0])
    draws = draw_weights(alpha.expand(4, 5000, 5), torch.Generator().manual_seed(0)).flatten(0, 1).double()
    mean = alpha / alpha.sum()
    variance = mean * (1 - mean) / (alpha.sum() + 1)
    torch.testing.assert_close(draws.mean(0).float(), mean, atol=5e-3, rtol=0.05)
    torch.testing.assert_close(draws.var(0).float(), variance, atol=3e-4, rtol=0.1)


def test_a_run_draws_by_its_seed(dicface: Any) -> None:
    pictures = clip(2, SIDE, SIDE)
    mean, drawn = (restore(method(f"dicface[sample={s}]", dicface), pictures) for s in ("mean", "draw"))
    assert not np.array_equal(mean, drawn)
    predictor, other = method("dicface[sample=draw]", dicface), InMemory()
    source = Clip.from_array(pictures, "clip")
    restore_clip(predictor, source, info(pictures), other, seed=1, device=CPU)
    assert np.array_equal(restore(predictor, pictures), drawn)
    assert not np.array_equal(np.concatenate(other.parts), drawn)


class Ramp:
    """Gives back what it sees."""

    side = SIDE

    def restore(self, x: Tensor, *given: Any, **options: Any) -> Tensor:
        return x


def test_pgtformer_rounds_and_the_official_tool_cuts_off() -> None:
    ramp = np.arange(SIDE * SIDE * 3).reshape(1, SIDE, SIDE, 3).astype(np.uint8)
    assert np.array_equal(restore(method("pgtformer", Ramp()), ramp), ramp)  # type: ignore[arg-type]
    between = (as_tensor(ramp) + 0.7 / 255).clamp(0, 1)
    levels = {}
    for rounding in ("nearest", "truncate"):
        predictor = method(f"pgtformer[rounding={rounding}]", Ramp())  # type: ignore[arg-type]
        predictor.start_clip(info(ramp))
        levels[rounding] = predictor.restore(between, torch.Generator()) * 255
    assert torch.equal(levels["nearest"].round(), (between * 255).round())
    assert torch.equal(levels["truncate"].round(), (between * 255).floor())


def test_pgtformer_enlarges_as_its_training_set_was() -> None:
    """Bilinear with corners aligned: the corners' values stay."""
    predictor = method("pgtformer", Ramp())  # type: ignore[arg-type]
    pictures = clip(1, 16, 24)
    big = restore(predictor, pictures)
    assert big.shape == (1, SIDE, SIDE, 3)
    assert np.array_equal(big[0, :: SIDE - 1, :: SIDE - 1], pictures[0, ::15, ::23])


def test_pgtformers_w_reaches_the_network(pgtformer: Any) -> None:
    pictures = clip(1, SIDE, SIDE)
    full, half = (restore(method(spec, pgtformer), pictures) for spec in ("pgtformer", "pgtformer[w=0.5]"))
    assert not np.array_equal(full, half)


def test_grey_faces_stay_grey_but_where_colour_is_the_task(dicface: Any) -> None:
    pictures = clip(2, SIDE, SIDE, grey=True)
    grey, colour = (restore(method(f"dicface[task={t}]", dicface), pictures) for t in ("bfr", "color"))
    assert np.ptp(grey, axis=-1).max() == 0
    assert np.ptp(colour, axis=-1).max() > 0


def test_a_max_length_that_centred_windows_cannot_have_is_refused() -> None:
    with pytest.raises(InputError, match=r"max_length=10 belongs to .* write dicface\[protocol=official,max"):
        choose_method("dicface[max_length=10]").build()
    for spec in ("dicface[max_length=7]", "dicface[sample=mode]", "pgtformer[w=2]", "pgtformer[rounding=up]"):
        with pytest.raises(InputError):
            choose_method(spec)


def test_each_task_has_its_checkpoint() -> None:
    card = methods()["dicface"].card
    for task in ("bfr", "color", "inpainting"):
        chosen = choose_method(f"dicface[task={task}]")
        assert [u.name for u in card.weights_for(dict(chosen.options))] == [f"dicface-{task}"]


def test_pgtformer_needs_no_face_found() -> None:
    video = Clip.from_array(np.zeros((1, 36, 64, 3), np.uint8), "video")
    assert needs_face_search(methods()["dicface"].card, video)
    assert not needs_face_search(methods()["pgtformer"].card, video)


def test_a_file_with_other_windows_is_refused(pgtformer: Any) -> None:
    state = pgtformer.state_dict()
    check_indices(state, "good.pth")
    name = next(key for key in state if key.endswith("relative_position_index"))
    with pytest.raises(InputError, match=r"bad.pth: encoder.*windows of 3x4x4"):
        check_indices(state | {name: state[name].flip(0)}, "bad.pth")


@pytest.mark.parametrize(("spec", "tensors"), [("dicface", 632), ("pgtformer", 961)])
def test_files_load_strictly(spec: str, tensors: int, tmp_path: Path) -> None:
    """A file of another network or with tensors missing is refused in one line."""
    path = tmp_path / "net.pth"
    torch.save({"params_ema": {"feat_emb.bias": torch.zeros(512), "strange": torch.zeros(1)}}, path)
    with pytest.raises(InputError, match=rf"{tensors - 1} missing \(.*strange") as refused:
        choose_method(spec).build().load({"net": path}, CPU)
    assert "\n" not in str(refused.value)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "kind"), [("dicface", "SmallDicFace"), ("pgtformer", "SmallPGTFormer")])
def test_conformance(name: str, kind: str) -> None:
    chosen = choose_method(name)
    changes = {"factory": f"tests.baselines.windows.small:{kind}", "weights": (), "window": 6}
    card = chosen.card.model_copy(update=changes)
    use = MethodUse(replace(chosen, entry=replace(chosen.entry, card=card)))
    found = list(check_method(use, CPU, side=SIDE))
    assert len(found) > 8
    assert [f for f in found if f.verdict == "FAILED"] == []
