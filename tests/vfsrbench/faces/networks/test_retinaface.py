"""RetinaFace and its decoding against facexlib's golden figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.baselines.taps import taps
from tests.parity import parity
from vfsrbench.faces.networks.retinaface import retinaface_mobile025, retinaface_resnet50
from vfsrbench.faces.networks.retinaface_decode import anchors, decode, decode_boxes, decode_landmarks

BUILDERS: dict[str, Callable[[], nn.Module]] = {
    "retinaface": retinaface_resnet50,
    "retinaface_mobile025": retinaface_mobile025,
}


def _collect(net: nn.Module, case: dict[str, Any]) -> dict[str, Tensor]:
    x = parity.inputs(case)["x"]
    with torch.no_grad(), taps.tapped(net, case["outputs"]) as seen:
        boxes, scores, landmarks = net(x)
        for level, features in enumerate(net.fpn(net.body(x))):
            seen[f"fpn{level}"] = features
        seen["class_logits"] = net.raw(x)[1]
    height, width = x.shape[2:]
    priors = anchors(height, width)
    size = torch.tensor([width, height], dtype=torch.float32)
    seen |= {"out": boxes, "conf": scores, "landmarks": landmarks, "priors": priors}
    # the pack clamps the offsets so that exp stays finite under random weights
    seen["boxes_px_item0"] = decode_boxes(boxes[0].clamp(-20, 20), priors) * size.repeat(2)
    seen["landmarks_px_item0"] = decode_landmarks(landmarks[0], priors) * size.repeat(5)
    return seen


@pytest.mark.parametrize("name", BUILDERS)
def test_every_tensor_and_tap_is_the_official_networks(name: str) -> None:
    golden = taps.pack(name)
    net = taps.filled(BUILDERS[name], golden)
    assert taps.layout(net) == taps.pack_layout(golden)
    for case in golden["cases"]:
        seen = _collect(net, case)
        differences = taps.differences({tap: seen[tap] for tap in case["outputs"]}, case["outputs"])
        assert max(differences.values()) < 1e-4, (case["name"], differences)


def _outputs(height: int, width: int, found: dict[int, tuple[float, list[float]]]) -> tuple[Tensor, ...]:
    """Network outputs in which only the given anchors are faces: anchor -> (score, box offsets)."""
    count = len(anchors(height, width))
    boxes, scores = torch.zeros(1, count, 4), torch.zeros(1, count, 2)
    scores[..., 0] = 1.0
    for anchor, (score, offsets) in found.items():
        scores[0, anchor] = torch.tensor([1 - score, score])
        boxes[0, anchor] = torch.tensor(offsets)
    return boxes, scores, torch.zeros(1, count, 10)


def test_a_face_is_where_its_anchor_is() -> None:
    # the first cell of the coarsest level of 64x96: centre (16, 16), sides 256 and 512
    first = 2 * (8 * 12 + 4 * 6)
    faces = decode(_outputs(64, 96, {first: (0.9, [0.5, 0.0, 0.0, 0.0])}), 64, 96)
    assert len(faces) == 1 and faces[0].shape == (1, 15)
    # moved right by 0.1 * 0.5 of its side
    want = torch.tensor([16 + 12.8 - 128, 16 - 128, 16 + 12.8 + 128, 16 + 128, 0.9] + [16.0] * 10)
    assert torch.allclose(faces[0][0], want, atol=1e-3)


def test_suppression_keeps_the_best_of_overlapping_faces_and_all_distant_ones() -> None:
    # same cell of the finest level; its second anchor moved onto the first; one face far away
    shrink = [0.0, 0.0, -3.4657, -3.4657]  # half the size: log(0.5) / 0.2
    found = {0: (0.85, [0.0] * 4), 1: (0.95, shrink), 100: (0.9, [0.0] * 4), 101: (0.5, [0.0] * 4)}
    faces = decode(_outputs(64, 96, found), 64, 96)[0]
    assert faces[:, 4].tolist() == pytest.approx([0.95, 0.9])


def test_no_face_is_an_empty_list_of_faces() -> None:
    assert decode(_outputs(64, 96, {}), 64, 96)[0].shape == (0, 15)


def test_overlap_counts_both_ends_of_a_box() -> None:
    """Two 16 px boxes 7 px apart: intersection over union 0.391 of their lengths, 0.417 of their pixels."""
    found = {0: (0.9, [0.0] * 4), 2: (0.8001, [-1 / 1.6, 0.0, 0.0, 0.0])}  # 8 px to the right, back by 1
    assert len(decode(_outputs(64, 96, found), 64, 96, overlap=0.4)[0]) == 1
