"""The taps of FLAIR's golden packs: both networks, data consistency, the sampler and the faces.

`unet` runs a case of a network; the others need none and ignore their first argument.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.flair.diffusion.consistency import Bicubic, Blur, ForwardModel
from baselines.flair.diffusion.jpeg import encode, jpeg_round_trip
from baselines.flair.diffusion.sampler import Walk, sample
from baselines.flair.diffusion.schedule import consistency_weights, keep_weights, make_schedule
from baselines.flair.diffusion.tasks import TASKS
from baselines.flair.faces import background_weights, carried, crop_faces, face_masks, paste_faces
from baselines.flair.unet import bicubic_unet, blur_unet
from baselines.layers.resample import weight_matrix
from degradations.imaging.jpeg import dct, quantization_tables
from tests.baselines.taps import taps as tap_tools
from tests.baselines.taps.flair_tools import official_kernel
from tests.parity import parity
from vfsrbench.faces.ffhq_align import similarity_from_points
from vfsrbench.faces.similarity import invert

Taps = dict[str, Any]
DEMOS = {"x8_bicubic": "x8", "x16_bicubic": "x16", "gaussian": "gaussian", "jpeg": "jpeg"}
SCHEDULES = {"face_bicubic": "bicubic", "face_blur": "blur"}


def unet(net: nn.Module, case: dict[str, Any]) -> Taps:
    """The noise predicted, the modules' outputs, and the flows that both networks find inside."""
    flows: dict[int, Any] = {}
    plain = bicubic_unet.level_flows

    def recorded(spynet: nn.Module, frames: Tensor) -> Any:
        return flows.setdefault(frames.shape[-2], plain(spynet, frames))

    with (
        patch.object(bicubic_unet, "level_flows", recorded),
        patch.object(blur_unet, "level_flows", recorded),
        tap_tools.tapped(net, case["outputs"], last=True) as found,
    ):
        taps: Taps = {"out": net(**parity.inputs(case))}
    for size, (ahead, back) in flows.items():
        level = "downs.1" if size == 128 else "downs.3"
        taps |= {f"{level}.flow_forward": ahead, f"{level}.flow_backward": back}
        taps |= {f"flow_forward_{size}": ahead, f"flow_backward_{size}": back}
    return found | taps  # the network has a module that is called out, too


def released_model(name: str) -> ForwardModel:
    """The degradation of a demo, or of a case of the pack `flair_dc`, as the released code has it."""
    if "bicubic" in name:
        return Bicubic(16 if name.startswith("x16") else 8, real=True)
    return Blur(official_kernel(), quality=60 if name.startswith("jpeg") else None)


def consistency(_: Any, case: dict[str, Any]) -> Taps:
    given = parity.inputs(case)
    if "roundtrip" in case["name"]:
        quality = int(case["name"].removeprefix("jpeg").removesuffix("_roundtrip"))
        luma, chroma = encode(given["x"], quality)
        table = dict(zip(("q_luma", "q_chroma"), quantization_tables(quality)[:2], strict=True))
        taps = {"out": jpeg_round_trip(given["x"], quality), "luma": luma, "chroma": chroma, "dct8": dct()}
        return taps | {name: steps.ravel() for name, steps in table.items()}
    model, x, y = released_model(case["name"]), given["x"], given["y"]
    degraded = model.forward(x)
    taps = {"out": model.correction(x, y), "Ax": degraded, "Apinv_y": model.inverse(y)}
    if isinstance(model, Blur):
        # the released code holds it turned, for convolution, with an empty row and column
        kernel = F.pad(model.weights[0, 0].flip(0, 1), (0, 1, 0, 1))
        taps |= {"inv_hTh": model.unblur[0, 0], "ds_kernel": kernel, "inv_filtered_y": unblurred(model, y)}
    else:
        shrinking = weight_matrix(x.shape[-1], y.shape[-1], "matlab", real=True)
        middle = shrinking[len(shrinking) // 2]
        taps["kernel"] = middle[middle.nonzero()[0, 0] :][: 4 * model.factor]
        taps["singular_values_1d"] = torch.linalg.svdvals(shrinking)
    if "DEAx" in case["outputs"]:
        taps |= {"DEAx": degraded, "Ax": Blur(official_kernel()).forward(x)}
    return taps


def unblurred(model: Blur, y: Tensor) -> Tensor:
    """(A A')^-1 y, the first half of the inverse."""
    half = model.unblur.shape[-1] // 2
    padded = F.pad(y, (half,) * 4, mode="replicate").flatten(0, 1)[:, None]
    return F.conv2d(padded, model.unblur.to(y))[:, 0].unflatten(0, y.shape[:2])


def official_walk(demo: str, start: int | None = None) -> Walk:
    """The demo's own settings, as the pack states them."""
    settings = tap_tools.pack("flair_sampler")["config"][demo]
    schedule = make_schedule(TASKS[DEMOS[demo]].network)
    zeta = None if settings["zeta"] == -1 else settings["zeta"]
    return Walk(
        schedule,
        consistency_weights(schedule, settings["noise_level"], zeta),
        keep_weights(len(schedule), settings["w"], settings["tau"], start),
        settings["rho"],
        settings["tau"],
        start,
    )


def recorded_noise(case: dict[str, Any]) -> Callable[[], Tensor]:
    count = iter(range(1000))
    shape, root = case["inputs"]["x_T"]["shape"], 3**0.5

    def draw() -> Tensor:
        seed = case["noise_seed"] + next(count)
        recipe = {"shape": shape, "seed": seed, "low": -root, "high": root, "kind": "noise"}
        return torch.from_numpy(parity.make_array(recipe))

    return draw


def sampler(_: Any, case: dict[str, Any]) -> Taps:
    """Up to 100 steps with the pack's stand-ins for network and enhancer, and the real consistency."""
    given, demo = parity.inputs(case), case["task"]
    walk = official_walk(demo, None if case["t_start"] < 0 else case["t_start"])
    model, enlarged, degraded = released_model(demo), given["low_res_input"][0], given["y"][0]

    def predict(x: Tensor, index: int) -> Tensor:
        bicubic = demo.endswith("bicubic")
        level = walk.schedule.alpha_bar[index] ** 0.5 if bicubic else walk.schedule.steps[index] / 1000
        return 0.6 * x + 0.2 * enlarged + 0.1 * level

    taps: Taps = {}

    def watch(index: int, clean: Tensor, x: Tensor) -> None:
        taps[f"x0_{index}"], taps[f"sample_{index}"] = clean.clone(), x.clone()

    taps["out"] = sample(
        given["x_T"],
        walk,
        predict,
        recorded_noise(case),
        lambda x: model.correction(x, degraded),
        lambda x: 0.9 * x - 0.05,
        given["prev_recon"][0] if "prev_recon" in given else None,
        watch,
    )
    return taps


def tables(golden: dict[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Name -> the sampler's table and the released one, of every schedule and demo."""
    pairs: dict[str, tuple[Any, Any]] = {}
    for name, network in SCHEDULES.items():
        schedule, table = make_schedule(network), golden["tables"][name]
        before = np.array([schedule.alpha_bar_before(i) for i in range(len(schedule))])
        pairs[f"{name}.timestep_map"] = (schedule.steps, table["timestep_map"])
        pairs[f"{name}.alphas_cumprod"] = (schedule.alpha_bar, table["alphas_cumprod"])
        pairs[f"{name}.betas"] = (1 - np.array(schedule.alpha_bar) / before, table["betas"])
        if "noise_level_input" in table:
            pairs[f"{name}.noise_level_input"] = (np.sqrt(schedule.alpha_bar), table["noise_level_input"])
    for demo in DEMOS:
        walk, table = official_walk(demo), golden["tables"][demo]
        pairs[f"{demo}.gamma_by_index"] = (walk.gammas, table["gamma_by_index"])
        pairs[f"{demo}.keep_weight_by_index"] = (walk.keeps, table["keep_weight_by_index"])
    return pairs


def faces(_: Any, case: dict[str, Any]) -> Taps:
    given, matrices = parity.inputs(case), np.array(case["affine"])
    masks = face_masks(given["logits"])
    weights = background_weights(given["logits"], 0.93)
    size = (given["frames"].shape[-2], given["frames"].shape[-1])
    back, points = invert(matrices), np.array(case["landmarks"])
    return {
        "out": paste_faces(given["frames"], given["faces"], masks, matrices),
        "affine": similarity_from_points(points),
        "inv_faces": (carried(given["faces"] + 1, back, size) - 1).clamp(-1, 1),
        "crops": crop_faces(given["frames"], matrices, given["faces"].shape[-1]),
        "inv_mask": carried(masks, back, size),
        "weights_x8": weights,
        "weights_x8_half": F.interpolate(weights, (256, 256)),
    }
