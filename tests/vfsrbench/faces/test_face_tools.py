"""The face tools as they are loaded from the weights folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from vfsrbench.errors import InputError
from vfsrbench.faces.face_tools import load_finder, load_masks
from vfsrbench.runtime.device import choose_device

CPU = torch.device("cpu")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path))
    return tmp_path


def test_missing_weights_are_named_with_their_remedy(root: Path) -> None:
    with pytest.raises(InputError, match=r"finding faces: .*weights fetch retinaface_r50"):
        load_finder(CPU)
    with pytest.raises(InputError, match=r"weights fetch parsenet.*parsing_parsenet\.pth"):
        load_masks(CPU)


def test_the_device_is_one_that_is_there() -> None:
    assert choose_device().type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.slow
def test_files_in_the_official_layout_are_loaded_and_used(root: Path) -> None:
    from vfsrbench.weights.manifest import load_manifest
    from vfsrbench.weights.random_init import write_untrained

    manifest = load_manifest()
    for name in ("retinaface_r50", "parsenet"):
        write_untrained(manifest[name], root)
    points = load_finder(CPU)(np.full((2, 512, 512, 3), 90, np.uint8))
    assert points.shape == (2, 5, 2)
    masks = load_masks(CPU)(np.full((1, 512, 512, 3), 90, np.uint8))
    assert masks.shape == (1, 512, 512) and masks.min() >= 0 and masks.max() <= 1
