"""Random weights in an official layout."""

from __future__ import annotations

from pathlib import Path

import pytest

from vfsrbench.card import WeightUse
from vfsrbench.errors import InputError
from vfsrbench.runtime.checkpoint import load_checkpoint
from vfsrbench.weights.manifest import load_manifest
from vfsrbench.weights.random_init import build_network, write_untrained
from vfsrbench.weights.resolve import resolve_weights


def test_the_same_file_each_time_and_it_loads_strictly(tmp_path: Path) -> None:
    entry = load_manifest()["retinaface_mobile025"]
    path = write_untrained(entry, tmp_path)
    assert path.name == "retinaface_mobile025.untrained.safetensors"
    again = write_untrained(entry, tmp_path / "again")
    assert path.read_bytes() == again.read_bytes()
    load_checkpoint(build_network(entry), path)


def test_scores_made_with_it_are_marked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path))
    write_untrained(load_manifest()["retinaface_mobile025"], tmp_path)
    assert resolve_weights([WeightUse(name="retinaface_mobile025")]).untrained


def test_a_layout_that_is_not_known_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no network of that layout"):
        write_untrained(load_manifest()["w600k_r50"], tmp_path)
