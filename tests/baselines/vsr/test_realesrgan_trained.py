"""Real-ESRGAN with its trained weights on a demo clip: sharper than bicubic, and not nearer to the person."""

from __future__ import annotations

import pytest

import vfsrbench as vb
from tests.vfsrbench.metrics.dlib_references import lacking
from vfsrbench import plugins
from vfsrbench.weights.resolve import resolve_weights

CLIP, FRAMES = "demo-talking", 2
# measured on this clip: PSNR in dB, identity distance by dlib; bicubic is the same clip enlarged
VALUES = {"realesrgan": (24.247, 0.4078), "bicubic": (23.084, 0.3930), "richardson-lucy": (24.252, 0.3890)}


@pytest.fixture(scope="module")
def scores() -> dict[str, tuple[float, float]]:
    missing = resolve_weights(plugins.methods()["realesrgan"].card.weights).missing or lacking()
    if missing:
        pytest.skip(missing)
    clip = vb.Dataset.open("demo", frames=FRAMES)[CLIP]
    assert clip.gt is not None
    degraded, found = vb.degrade(clip.gt, "vfhq-mild"), {}
    for method in VALUES:
        table = vb.score(
            vb.restore(degraded, method), clip.gt, metrics=["psnr", "idd_dlib"], landmarks=clip.landmarks
        )
        found[method] = table.attrs["clip"]["psnr"], table.attrs["clip"]["idd_dlib"]
    return found


def test_its_values_on_a_demo_clip(scores: dict[str, tuple[float, float]]) -> None:
    for method, (psnr, distance) in VALUES.items():
        assert scores[method][0] == pytest.approx(psnr, abs=0.01), method
        assert scores[method][1] == pytest.approx(distance, abs=0.003), method


def test_it_is_sharper_than_bicubic_and_farther_from_the_person(
    scores: dict[str, tuple[float, float]],
) -> None:
    assert scores["realesrgan"][0] > scores["bicubic"][0] + 1.0
    assert sorted(scores, key=lambda m: scores[m][1]) == ["richardson-lucy", "bicubic", "realesrgan"]
    assert scores["realesrgan"][1] < 0.6, "dlib still takes it for the same person"
