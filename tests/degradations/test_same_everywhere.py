"""The same frames on every machine: golden digests, with and without wide vectors, with other libraries."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from degradations.shipped import list_recipes
from tests.degradations.digests import DEMO_CLIPS, GOLDENS, all_digests, demo_digests, digests

ROOT = Path(__file__).parents[2]
STORED = json.loads(GOLDENS.read_text())
NAMES = [facts.name for facts in list_recipes()]
# beyond the codec the bits of other processors' x264 are not known to be these
SAME_CODEC = platform.machine() in ("x86_64", "AMD64")
# the rate control of mpeg4 is not the same in all versions of FFmpeg
OTHER_FFMPEG = ("realbasicvsr", "bfvr-stc")


def test_every_recipe_has_a_golden_digest() -> None:
    assert sorted(STORED["synthetic"]) == NAMES
    assert sorted(STORED["demo"]) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_golden(name: str) -> None:
    """A difference here means that published splits can no longer be made: raise versions, or mend it."""
    before, after = digests(name)
    assert before == STORED["synthetic"][name][0]
    if SAME_CODEC:
        assert after == STORED["synthetic"][name][1]


def features() -> dict[str, list[str]]:
    """The processor features that OpenCV and NumPy would use if they may, by the library's own names."""
    import cv2
    import numpy._core._multiarray_umath as umath

    opencv = [part.lstrip("*") for part in cv2.getCPUFeaturesLine().split() if part.startswith("*")]
    return {"opencv": [f for f in opencv if not f.endswith("?")], "numpy": list(umath.__cpu_dispatch__)}


def without(*words: str) -> dict[str, str]:
    """The environment that keeps both libraries from using features with one of these words in their name."""
    found = features()
    opencv = [name for name in found["opencv"] if any(word in name for word in words)]
    numpy = [name for name in found["numpy"] if any(word in name for word in words)]
    return {"OPENCV_CPU_DISABLE": ",".join(opencv), "NPY_DISABLE_CPU_FEATURES": " ".join(numpy)}


def run(environment: dict[str, str], python: str = sys.executable) -> dict[str, list[str]]:
    done = subprocess.run(
        [python, "-m", "tests.degradations.digests"],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    result: dict[str, list[str]] = json.loads(done.stdout)
    return result


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the features are those of x86")
@pytest.mark.parametrize(
    ("words", "more"),
    [
        (("AVX512", "V4"), {}),
        (("AVX512", "V4", "AVX2", "FP16", "AVX", "V3"), {"OPENCV_IPP": "disabled", "JSIMD_FORCENONE": "1"}),
    ],
    ids=["without AVX-512", "without AVX2, IPP and the JPEG coder's vectors"],
)
def test_the_width_of_vectors_does_not_matter(words: tuple[str, ...], more: dict[str, str]) -> None:
    environment = {**without(*words), **more}
    if not environment["OPENCV_CPU_DISABLE"] and not environment["NPY_DISABLE_CPU_FEATURES"]:
        pytest.skip("this processor has none of these features")
    assert run(environment) == all_digests()


def test_the_features_are_really_switched_off() -> None:
    """Else the test above could not fail."""
    environment = without("AVX512", "V4", "AVX2", "FP16", "AVX", "V3")
    code = "import cv2, numpy; print(cv2.getCPUFeaturesLine())"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True
    )
    wanted = [name for name in environment["OPENCV_CPU_DISABLE"].split(",") if name]
    if not wanted:
        pytest.skip("this processor has none of these features")
    active = [part for part in done.stdout.split() if not part.endswith("?")]
    # AVX-512's word is printed without the mark, but is only dispatched where AVX2 is
    assert not [name for name in wanted if f"*{name}" in active and "512" not in name]


@pytest.mark.parametrize("clip", DEMO_CLIPS)
@pytest.mark.parametrize("name", NAMES)
def test_golden_on_the_demo_clips(name: str, clip: str) -> None:
    pytest.importorskip("vfsrbench.datasets.demo.clips")
    before, after = demo_digests(name, clip)
    assert before == STORED["demo"][name][clip][0]
    if SAME_CODEC:
        assert after == STORED["demo"][name][clip][1]


OTHER_VERSIONS = {
    "oldest": ["numpy==1.26.4", "av==12.3.0", "opencv-python-headless==4.10.0.84", "pydantic==2.6.4"],
    "between": ["numpy==2.2.6", "av==15.1.0", "opencv-python-headless==4.13.0.92", "pydantic>=2.6"],
}


@pytest.mark.slow
@pytest.mark.parametrize("versions", OTHER_VERSIONS)
def test_other_versions_of_the_libraries(versions: str, tmp_path: Path) -> None:
    if sys.version_info >= (3, 13) and versions == "oldest":
        pytest.skip("these versions have no wheels for this Python")
    folder = tmp_path / "venv"
    venv.create(folder, with_pip=True)
    python = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", *OTHER_VERSIONS[versions]], check=True)
    made = run({}, python)
    assert sorted(made) == NAMES
    for name, (before, after) in made.items():
        assert before == STORED["synthetic"][name][0], name
        if SAME_CODEC and name not in OTHER_FFMPEG:
            assert after == STORED["synthetic"][name][1], name
