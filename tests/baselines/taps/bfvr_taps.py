"""The taps of BFVR-STC's golden packs: tap name -> tensor; "out" is what the network returns (first)."""

from __future__ import annotations

from typing import Any

from baselines.bfvr_stc.network import BFVRSTC
from tests.baselines.taps.code_taps import Taps, recorded
from tests.parity import parity

ENCODER = {
    "enc_512": 2, "enc_256": 3, "enc_128": 6, "enc_64": 9, "enc_attn": 11, "enc_mid": 16, "lq_feat": 18,
}  # fmt: skip
GENERATOR = {
    "gen_mid": 3, "gen_64a": 7, "gen_64b": 11, "gen_128": 12, "gen_128_res": 14, "gen_256": 15, "gen_512": 18,
    "gen_512_res": 20,
}  # fmt: skip


def bfvr_stc(net: BFVRSTC, case: dict[str, Any]) -> Taps:
    blocks = {tap: f"encoder.blocks.{index}" for tap, index in ENCODER.items()}
    blocks |= {tap: f"generator.blocks.{index}" for tap, index in GENERATOR.items()}
    last = len(net.s_ft_layers) - 1
    layers = {"s_0": "s_ft_layers.0", "s_last": f"s_ft_layers.{last}"}
    layers |= {"t_0": "t_ft_layers.0", "t_last": f"t_ft_layers.{last}"}
    paths = [*blocks.values(), *layers.values(), "generator", "quantize.SA"]
    with recorded(net, paths) as calls:
        restored = net(**parity.inputs(case))
    taps = {tap: calls[path][0].result for tap, path in blocks.items()}
    taps |= {tap: calls[path][0].result.transpose(0, 1) for tap, path in layers.items()}
    taps |= {"sa": calls["quantize.SA"][0].result, "quant": calls["generator"][0].given[0]}
    taps |= {"x_t": calls["t_ft_layers.0"][0].given[0].transpose(0, 1), "out": restored.frames}
    taps |= {"top_idx_s": restored.spatial.argmax(-1), "top_idx_t": restored.temporal.argmax(-1)}
    return taps | {"logits_s": restored.spatial, "logits_t": restored.temporal}


def latent(net: BFVRSTC, case: dict[str, Any]) -> Taps:
    """The inputs are latents and no layer stands before the heads."""
    with recorded(net, ["quantize.SA", "t_idx_pred_layer"]) as calls:
        logits_s, logits_t = net.predict(parity.inputs(case)["x"])
    taps = {"sa": calls["quantize.SA"][0].result}
    taps["x_t"] = calls["t_idx_pred_layer"][0].given[0].transpose(0, 1)
    return taps | {"logits_s": logits_s, "logits_t": logits_t}
