"""Which finder of faces is taken, by what is here."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.vfsrbench.metrics.dlib_references import lacking
from vfsrbench import plugins
from vfsrbench.errors import InputError
from vfsrbench.faces.face_tools import load_finder
from vfsrbench.faces.finding import choice
from vfsrbench.faces.finding.choice import (
    DLIB,
    LANDMARKS_FILE,
    RETINAFACE,
    RETINAFACE_FILE,
    chosen_finder,
    found_by,
    metric_uses,
    why_no_finder,
)
from vfsrbench.runs.keys import metric_facts, metric_key
from vfsrbench.weights.manifest import load_manifest
from vfsrbench.weights.resolve import Weights, resolve_weights

CPU = torch.device("cpu")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A weights folder with nothing in it but, if they can be used, dlib's 68 landmarks."""
    if not lacking():
        file = resolve_weights(choice.FINDERS[DLIB]).paths[choice.DLIB_POINTS]
        (tmp_path / load_manifest()[LANDMARKS_FILE].file).symlink_to(file)
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path))
    return tmp_path


needs_dlib = pytest.mark.skipif(bool(lacking()), reason=lacking() or "nothing is missing")


def _untrained(root: Path, name: str) -> None:
    (root / f"{name}.untrained.safetensors").write_bytes(b"random")


def test_with_neither_here_one_line_says_what_brings_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path))
    assert chosen_finder() == RETINAFACE
    line = why_no_finder()
    assert "\n" not in line and "vfsrbench weights fetch retinaface_r50" in line
    assert "or by dlib: " in line and LANDMARKS_FILE in line
    assert "dlib" not in why_no_finder("retinaface") and RETINAFACE not in why_no_finder("dlib")
    with pytest.raises(InputError, match=r"finder.*did you mean 'dlib'"):
        load_finder(CPU, "dlip")  # type: ignore[arg-type]


@needs_dlib
def test_auto_takes_retinaface_where_its_weights_are_else_dlib(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (chosen_finder(), chosen_finder("retinaface"), chosen_finder("dlib")) == (DLIB, RETINAFACE, DLIB)
    _untrained(root, RETINAFACE_FILE)
    assert chosen_finder() == DLIB, "random weights are no reason to take RetinaFace"
    real = choice.finder_weights
    monkeypatch.setattr(choice, "finder_weights", lambda f: Weights() if f == RETINAFACE else real(f))
    assert (chosen_finder(), chosen_finder("dlib")) == (RETINAFACE, DLIB)


@needs_dlib
def test_a_metric_is_loaded_with_the_finder_that_is_taken(root: Path) -> None:
    card = plugins.metrics()["ids_resnet18_gray"].card
    names = {finder: [use.name for use in metric_uses(card, finder)] for finder in (DLIB, RETINAFACE)}  # type: ignore[misc]
    assert names == {
        DLIB: ["arcface_resnet18", LANDMARKS_FILE, choice.MMOD_FILE],
        RETINAFACE: ["arcface_resnet18"],  # RetinaFace is not here: clips with landmarks need none
    }
    _untrained(root, RETINAFACE_FILE)
    assert [use.name for use in metric_uses(card, RETINAFACE)] == ["arcface_resnet18", RETINAFACE_FILE]


@needs_dlib
def test_the_finder_is_in_the_key_also_where_hashes_do_not_tell(root: Path) -> None:
    """idd_dlib loads dlib's landmarks in any case: the same hashes, whoever finds the face."""
    entry = plugins.metrics()["idd_dlib"]
    same = Weights(paths={"recognizer": root, "points": root}, hashes={"x": "1", LANDMARKS_FILE: "2"})
    by_dlib = Weights(paths={**same.paths, choice.DLIB_POINTS: root}, hashes=same.hashes)
    by_retinaface = Weights(paths={**same.paths, choice.DETECTOR: root}, hashes=same.hashes)
    kinds = (same, by_dlib, by_retinaface)
    assert [found_by(entry.card, w) for w in kinds] == ["", DLIB, RETINAFACE]
    assert len({metric_key(metric_facts(entry, w)) for w in kinds}) == 3


def test_a_metric_that_looks_in_each_picture_keeps_its_own_detector() -> None:
    card = plugins.metrics()["ids_detected_w600k_r50"].card
    assert metric_uses(card, DLIB) == list(card.weights)
    assert found_by(card, Weights(paths={choice.DETECTOR: Path()})) == ""
