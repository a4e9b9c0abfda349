"""The same pixels on every machine: other processors, other versions of the libraries, other threads."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from degradations.imaging.yuv.frame import rgb_to_frame
from tests.degradations.imaging.frame_digests import pattern
from tests.degradations.test_same_everywhere import without

ROOT = Path(__file__).parents[3]
GOLDENS = json.loads(Path(__file__).with_name("frame_goldens.json").read_text())
ON_X86 = pytest.mark.skipif(
    platform.machine() not in ("x86_64", "AMD64"), reason="the features are those of x86"
)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """H.264 in 4:2:0, 176x144."""
    path = tmp_path_factory.mktemp("video") / "v.mp4"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 176, 144, "yuv420p"
        for start in range(4):
            planes = [pattern(144, 176 + start, 8, seed)[:, start:] for seed in range(3)]
            rgb = np.stack(planes, axis=2).astype(np.uint8)
            container.mux(stream.encode(rgb_to_frame(rgb)))
        container.mux(stream.encode())
    return path


def run(
    *arguments: str, environment: dict[str, str] | None = None, python: str = sys.executable
) -> dict[str, dict[str, str]]:
    done = subprocess.run(
        [python, "-m", "tests.degradations.imaging.frame_digests", *arguments],
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=True,
    )
    result: dict[str, dict[str, str]] = json.loads(done.stdout)
    return result


@pytest.fixture(scope="module")
def usual(video: Path) -> dict[str, dict[str, str]]:
    """On this machine, with one thread."""
    return run(str(video), "--threads", "1")


def test_goldens(usual: dict[str, dict[str, str]]) -> None:
    """A difference means that videos are no longer the pixels that published scores were measured on."""
    assert usual["made"] == GOLDENS


@ON_X86
def test_a_processor_without_features(video: Path, usual: dict[str, dict[str, str]]) -> None:
    plain = run(
        str(video),
        "--plain",
        environment={**without("AVX512", "V4", "AVX2", "FP16", "AVX", "V3"), "OPENCV_IPP": "disabled"},
    )
    assert plain["made"] == GOLDENS
    assert plain["video"]["exact"] == usual["video"]["exact"]
    assert plain["video"]["swscale"] != usual["video"]["swscale"], "nothing was switched off"


def test_threads(video: Path, usual: dict[str, dict[str, str]]) -> None:
    assert run(str(video), "--threads", "4") == usual


OTHER_VERSIONS = {
    "12.3": ["numpy==1.26.4", "av==12.3.0", "opencv-python-headless==4.10.0.84"],
    "13": ["numpy==2.0.2", "av==13.1.0", "opencv-python-headless==4.10.0.84"],
    "14": ["numpy==2.1.3", "av==14.2.0", "opencv-python-headless==4.11.0.86"],
    "15": ["numpy==2.2.6", "av==15.1.0", "opencv-python-headless==4.12.0.88"],
    "16": ["numpy==2.3.5", "av==16.0.1", "opencv-python-headless==4.13.0.92"],
    "17": ["numpy>=2.4", "av==17.0.0", "opencv-python-headless==4.13.0.92"],
    "18": ["numpy>=2.4", "av>=18", "opencv-python-headless>=5"],
}


@pytest.mark.slow
@pytest.mark.parametrize("versions", OTHER_VERSIONS)
def test_other_versions_of_the_libraries(
    versions: str, video: Path, usual: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    if sys.version_info >= (3, 13) and versions == "12.3":
        pytest.skip("these versions have no wheels for this Python")
    venv.create(tmp_path / "venv", with_pip=True)
    python = str(tmp_path / "venv" / ("Scripts" if os.name == "nt" else "bin") / "python")
    subprocess.run([python, "-m", "pip", "install", "-q", *OTHER_VERSIONS[versions]], check=True)
    made = run(str(video), python=python)
    assert made["made"] == GOLDENS
    assert made["video"]["exact"] == usual["video"]["exact"]
