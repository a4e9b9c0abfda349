"""The face tools as they are loaded from the weights folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.vfsrbench.metrics.dlib_references import lacking
from vfsrbench.card import WeightUse
from vfsrbench.datasets.demo.clips import demo_clip
from vfsrbench.errors import InputError
from vfsrbench.faces.face_tools import load_finder, load_masks
from vfsrbench.faces.finding.choice import LANDMARKS_FILE, RETINAFACE_FILE
from vfsrbench.runtime.device import choose_device
from vfsrbench.weights.resolve import resolve_weights

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


def test_only_the_finder_that_was_asked_for_is_called_missing(root: Path) -> None:
    said = {}
    for choice in ("auto", "retinaface", "dlib"):
        with pytest.raises(InputError, match="finding faces: ") as error:
            load_finder(CPU, choice)  # type: ignore[arg-type]
        said[choice] = str(error.value)
    assert "retinaface_r50" in said["auto"] and "or by dlib: " in said["auto"]
    assert "dlib" not in said["retinaface"] and "retinaface" not in said["dlib"]


@pytest.mark.skipif(bool(lacking()), reason=lacking() or "nothing is missing")
def test_dlib_finds_faces_where_retinaface_is_not_here() -> None:
    if not resolve_weights([WeightUse(name=RETINAFACE_FILE)]).missing:
        pytest.skip("RetinaFace's weights are here")
    finder = load_finder(CPU)
    assert finder.name == "dlib" and LANDMARKS_FILE in finder.weights and not finder.untrained
    assert np.isfinite(finder(demo_clip("demo-talking", 1).read(0, 1))).all()
    assert np.isnan(finder(np.full((1, 96, 96, 3), 90, np.uint8))).all()


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
