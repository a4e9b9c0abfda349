"""Which GPUs there are: by the variable that names them, by nvidia-smi, or by torch in a child process."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from vfsrbench.engines import gpus
from vfsrbench.engines.gpus import listed_devices, named_devices, visibility, visible_gpus

NAMES = [
    ("0", ["0"]),
    ("2, 5", ["2", "5"]),
    ("", []),
    ("-1", []),
    ("0,-1,1", ["0"]),
    ("3,1,-1", ["3", "1"]),
    ("NoDevFiles", []),
    ("0,NoDevFiles,1", ["0"]),
    ("1,1,0", ["1", "0"]),
    ("0,,1", ["0"]),
    ("GPU-8932f937-d72c-4106-c12f-20bd9faed9f6", ["GPU-8932f937-d72c-4106-c12f-20bd9faed9f6"]),
    ("GPU-89,GPU-77,GPU-89", ["GPU-89", "GPU-77"]),
    (
        "MIG-7c5a,MIG-GPU-63fe7c1b-a0d1-5f1e/1/0,MIG-7c5a",
        ["MIG-7c5a", "MIG-GPU-63fe7c1b-a0d1-5f1e/1/0"],
    ),
    ("GPU-89,1", ["GPU-89"]),
    ("1,GPU-89", ["1"]),
    ("none", []),
]


@pytest.mark.parametrize(("text", "devices"), NAMES)
def test_what_the_variable_names(
    text: str, devices: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    assert named_devices(text) == devices
    monkeypatch.setenv("PATH", str(tmp_path))  # no nvidia-smi
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", text)
    assert visible_gpus() == devices


LISTED = """GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-4e1ba0d6-d33d-2b2c-524d-9e3d8d2b8a78)
"""
DIVIDED = """GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-5d5ba0d6-d33d-2b2c-524d-9e3d8d2b8a77)
  MIG 1g.5gb      Device  0: (UUID: MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f)
  MIG 1g.5gb      Device  1: (UUID: MIG-cba663e8-9bed-5b25-b243-5985ef7c9beb)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-4e1ba0d6-d33d-2b2c-524d-9e3d8d2b8a78)
"""


def test_what_nvidia_smi_lists():
    assert listed_devices(LISTED.splitlines()) == ["0", "1"]
    parts = ["MIG-c6d4f1ef-42e4-5de3-91c7-45d71c87eb3f", "MIG-cba663e8-9bed-5b25-b243-5985ef7c9beb"]
    assert listed_devices(DIVIDED.splitlines()) == [*parts, "1"]
    assert listed_devices(["No devices found"]) == []


def program(folder: Path, name: str, text: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No variable says anything, and no program is found but those in this folder."""
    for name in ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    gpus._torch_count.cache_clear()
    return tmp_path / "bin"


def test_nvidia_smi_is_asked_and_numbers_beyond_it_are_none(alone: Path, monkeypatch: pytest.MonkeyPatch):
    program(alone, "nvidia-smi", f"#!/bin/sh\necho '{LISTED}'")
    assert visible_gpus() == ["0", "1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1,7,0")
    assert visible_gpus() == ["1"], "the driver stops at the first number that it does not have"


COUNTS = "#!/bin/sh\necho 'some library greets'\necho 'GPUs 3'\n"


def test_without_nvidia_smi_torch_counts_in_a_child(
    alone: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    driver = tmp_path / "dev" / "nvidia0"
    driver.parent.mkdir()
    monkeypatch.setattr(gpus, "_DEVICES", (str(tmp_path / "dev" / "nvidia[0-9]*"),))
    monkeypatch.setattr(sys, "executable", str(program(alone, "python", COUNTS)))
    if sys.platform == "linux":
        assert visible_gpus() == [], "where no driver shows itself nobody is asked"
    driver.touch()
    assert visible_gpus() == ["0", "1", "2"]
    program(alone, "nvidia-smi", "#!/bin/sh\nexit 9\n")
    assert visible_gpus() == ["0", "1", "2"], "nor where nvidia-smi fails"


@pytest.mark.parametrize("text", ["#!/bin/sh\nexit 1\n", "#!/bin/sh\necho nothing\n", "#!/bin/sh\nsleep 9\n"])
def test_a_child_that_fails_or_hangs_counts_none(alone: Path, text: str):
    assert gpus._torch_count(str(program(alone, "python", text)), 1) == 0
    gpus._torch_count.cache_clear()


def test_the_child_counts_what_torch_counts(alone: Path):
    import torch

    assert gpus._torch_count(sys.executable, 120) == torch.cuda.device_count()
    gpus._torch_count.cache_clear()


def test_amd_s_variable_counts_beside_amd_s_driver(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HIP_VISIBLE_DEVICES", "1,2")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setattr(gpus, "AMD", tmp_path / "kfd")
    assert visible_gpus() == ["0"] and visibility("0") == {"CUDA_VISIBLE_DEVICES": "0"}
    (tmp_path / "kfd").touch()
    monkeypatch.setenv("PATH", str(tmp_path))
    assert visible_gpus() == ["1", "2"] and visibility("2") == {"HIP_VISIBLE_DEVICES": "2"}
