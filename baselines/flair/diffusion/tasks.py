"""What FLAIR needs of a degradation: which network, which forward model, the demos' settings.

The four tasks are the released ones. A split whose recipe FLAIR's model of degradations covers (eq. 10) is
inverted as it was made, clip by clip; for any other split the task is a choice, see `BLIND`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from baselines.flair.diffusion.consistency import Bicubic, Blur, ForwardModel
from degradations.errors import InputError, did_you_mean
from degradations.imaging import kernels
from degradations.operators.base import Operator
from degradations.operators.blur import Blur as BlurOperator
from degradations.operators.blur import make_kernel
from degradations.operators.compress import Jpeg
from degradations.operators.noise import GaussianNoise
from degradations.operators.sampling import Resize, Subsample
from degradations.recipe import Recipe, load_recipe
from degradations.shipped import list_recipes


@dataclass(frozen=True)
class Task:
    """One released demo. `keep` is its weight w at step tau, `zeta` None means gamma = 1 throughout,
    `background` how much of the background's features goes on from frame to frame (eq. 5), `enlarge` how
    degraded frames become the condition."""

    network: str
    recipe: str
    keep: float
    rho: float
    zeta: float | None
    background: float
    enlarge: str


TASKS = {
    "x8": Task("bicubic", "bi-x8", 0.85, 0.85, None, 0.93, "bicubic"),
    "x16": Task("bicubic", "bi-x16", 0.7, 0.85, None, 0.98, "bicubic"),
    "gaussian": Task("blur", "flair-gauss", 0.75, 0.25, 1.0, 1.0, "area"),
    "jpeg": Task("blur", "flair-jpeg60", 0.5, 0.5, 1.0, 1.0, "area"),
}
BLIND = "jpeg"
"""What is assumed of a split that is none of FLAIR's: the released model whose degradation has the most
parts (blur, noise, compression), as the paper's real-world videos suggest. A choice, not a published fact."""
BICUBIC_FACTORS = {4: "x8", 8: "x8", 16: "x16"}
"""The paper tunes the bicubic network for these factors; the file for x4 was not released."""
BLUR_FACTOR = 4
BORDERS = ("replicate", "reflect101")


@dataclass(frozen=True)
class Degradation:
    """A task's name, the forward model to invert, and its noise in grey levels of 255."""

    task: str
    model: ForwardModel
    noise: float


def find_degradation(choice: str, recipe: str = "", drawn: Mapping[str, Any] | None = None) -> Degradation:
    """The degradation that is assumed for a clip.

    `choice` is a task's name, or "auto": then it follows from the split's `recipe` (empty or unknown for
    splits of the user's own) and from what that recipe drew for the clip.
    """
    if choice == "auto":
        shipped = {facts.name for facts in list_recipes()}
        found = covered(load_recipe(recipe), drawn) if recipe in shipped else None
        if found is not None:
            return found
        choice = BLIND
    if choice not in TASKS:
        raise did_you_mean("FLAIR task", choice, [*TASKS, "auto"])
    found = covered(load_recipe(TASKS[choice].recipe))
    assert found is not None
    return found


def covered(recipe: Recipe, drawn: Mapping[str, Any] | None = None) -> Degradation | None:
    """The recipe as FLAIR's model of degradations, None if it is not of that kind.

    Covered are MATLAB's bicubic shrinking by 4, 8 or 16; and one blur kernel a clip, every fourth pixel,
    perhaps noise of a fixed strength, perhaps JPEG by FLAIR's model. Rounding to 8 bits is not modelled.
    InputError when the kernel is drawn for each clip and `drawn` does not say which it was.
    """
    if any(op.probability < 1 for op in recipe.operators):
        return None
    by_kind = {op.op: op for op in recipe.operators}
    kinds = [op.op for op in recipe.operators if op.op != "quantize"]
    if kinds == ["resize"]:
        return _bicubic(by_kind["resize"])
    if len(kinds) != len(set(kinds)) or kinds[:2] != ["blur", "subsample"]:
        return None
    if kinds[2:] not in ([], ["gaussian-noise"], ["jpeg"], ["gaussian-noise", "jpeg"]):
        return None
    return _blurred(recipe, by_kind, drawn)


def _bicubic(resize: Operator) -> Degradation | None:
    assert isinstance(resize, Resize)
    if resize.method != "matlab" or resize.factor not in BICUBIC_FACTORS:
        return None
    factor = int(resize.factor)
    return Degradation(BICUBIC_FACTORS[factor], Bicubic(factor), 0.0)


def _blurred(
    recipe: Recipe, by_kind: Mapping[str, Operator], drawn: Mapping[str, Any] | None
) -> Degradation | None:
    blur, subsample = by_kind["blur"], by_kind["subsample"]
    noise, jpeg = by_kind.get("gaussian-noise"), by_kind.get("jpeg")
    assert isinstance(blur, BlurOperator)
    assert isinstance(subsample, Subsample)
    if subsample.step != BLUR_FACTOR or blur.draw != "clip" or blur.border not in BORDERS:
        return None
    sigma, quality = 0.0, None
    if isinstance(noise, GaussianNoise):
        if not isinstance(noise.sigma, float) or noise.grey:
            return None
        sigma = noise.sigma
    if isinstance(jpeg, Jpeg):
        if jpeg.coder != "flair" or not isinstance(jpeg.quality, int):
            return None
        quality = jpeg.quality
    kernel = _kernel(recipe, blur, drawn)
    model = Blur(kernel.weights(), subsample.step, subsample.phase, blur.border, quality)
    return Degradation("gaussian" if quality is None else "jpeg", model, sigma)


def _kernel(recipe: Recipe, blur: BlurOperator, drawn: Mapping[str, Any] | None) -> kernels.Kernel:
    """The clip's kernel, as the blur operator makes it."""
    if blur.kind == "given":
        return kernels.given(blur.weights or [])
    if blur.kind == "isotropic" and isinstance(blur.size, int) and isinstance(blur.sigma, float):
        return make_kernel("isotropic", blur.size, {"sigma": blur.sigma})
    place = next(i for i, op in enumerate(recipe.operators) if op.op == "blur")
    noted = (drawn or {}).get("operators", [])
    if place >= len(noted) or "kind" not in noted[place]:
        raise InputError(
            f"FLAIR: {recipe.name} draws a kernel for each clip, and which one it was is not known here; "
            f"choose the degradation, for example flair[degradation=gaussian]"
        )
    return make_kernel(noted[place]["kind"], noted[place]["size"], noted[place])
