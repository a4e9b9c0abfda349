"""Keys follow content: what changes a result changes its key, and nothing else does."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.vfsrbench.boards import method_folder, moving, write_clip
from vfsrbench.errors import InputError
from vfsrbench.hashing.code import folder_digest
from vfsrbench.hashing.facts import array_digest
from vfsrbench.io.clip import Clip
from vfsrbench.io.digest_cache import ClipDigests
from vfsrbench.method_spec import choose_method
from vfsrbench.plugins import Entry, metrics
from vfsrbench.runs.keys import (
    code_facts,
    job_key,
    method_facts,
    metric_facts,
    metric_key,
    restore_key,
    score_key,
)
from vfsrbench.weights.resolve import Weights

NONE = Weights()


def facts(folder: str) -> dict:
    return method_facts(choose_method(folder), NONE)


def test_a_methods_key_follows_its_code_options_and_weights_not_its_place(tmp_path: Path):
    options = '[options.w]\ntype = "float"\ndefault = 0.5\nhelp = "x"'
    one = method_folder(tmp_path / "a", "m", more=options)
    other = str(shutil.copytree(one, tmp_path / "elsewhere"))
    os.utime(Path(other) / "code.py", (0, 0))
    assert facts(one) == facts(other)
    assert facts(one) != facts(one + "[w=0.7]") and facts(one) == facts(one + "[w=0.5]")
    assert method_facts(choose_method(one), Weights(hashes={"net": "abc"})) != facts(one)
    (Path(other) / "__pycache__").mkdir()
    (Path(other) / "__pycache__" / "code.pyc").write_bytes(b"x")
    (Path(other) / "notes.md").write_text("x")
    assert facts(one) == facts(other), "caches and notes change nothing"
    (Path(other) / "code.py").write_text("# a comment\n" + (Path(one) / "code.py").read_text())
    assert facts(one) == facts(other), "neither do comments"
    (Path(other) / "code.py").write_text((Path(one) / "code.py").read_text() + "\nMORE = 1")
    assert facts(one) != facts(other)
    (Path(one) / "sub").mkdir()
    (Path(one) / "sub" / "net.py").write_text("x = 1")
    before = folder_digest(Path(one), {".py"})
    (Path(one) / "sub" / "net.py").rename(Path(one) / "sub" / "net2.py")
    assert folder_digest(Path(one), {".py"}) != before


def test_missing_weights_are_in_the_key_but_not_the_place_where_they_are_missed():
    method = choose_method("codeformer")
    here = method_facts(method, Weights(missing="put them into /a"))
    assert here == method_facts(method, Weights(missing="put them into /b"))
    assert here != method_facts(method, Weights(hashes={"codeformer": "abc"}))


def test_an_installed_metric_of_somebody_elses_follows_its_modules(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    package = tmp_path / "their_metrics"
    (package / "cards").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "code.py").write_text("from their_metrics.formula import f\n")
    (package / "formula.py").write_text("def f(x):\n    return x\n")
    (package / "unused.py").write_text("")
    shipped = metrics()["psnr"]
    (package / "cards" / "theirs.toml").write_text(shipped.path.read_text())
    card = shipped.card.model_copy(update={"factory": "their_metrics.code:Metric"})
    entry = Entry(card, package / "cards" / "theirs.toml")
    monkeypatch.syspath_prepend(str(tmp_path))
    base = code_facts(entry)
    (package / "formula.py").write_text("# a comment\ndef f(x):\n    return x\n")
    (package / "unused.py").write_text("X = 1")
    (package / "cards" / "others.toml").write_text("")
    assert code_facts(entry) == base
    (package / "formula.py").write_text("def f(x):\n    return 2 * x\n")
    assert code_facts(entry) != base
    assert "their_metrics" not in sys.modules


def test_a_derived_metric_follows_its_source():
    known, derived = metrics(), metrics()["sigma_ids_ir_se50"]
    assert derived.card.derived is not None
    source = known[derived.card.derived.metric]
    one = metric_facts(derived, NONE, metric_facts(source, Weights(hashes={"net": "a"})))
    other = metric_facts(derived, NONE, metric_facts(source, Weights(hashes={"net": "b"})))
    assert one != other and code_facts(derived) == {}


def test_keys_are_stable_and_depend_on_all_they_are_given():
    base = restore_key({"v": 1}, {"gt": "a"})
    assert base == restore_key({"v": 1}, {"gt": "a"})
    assert len({base, restore_key({"v": 2}, {"gt": "a"}), restore_key({"v": 1}, {"gt": "b"})}) == 3
    job = job_key(base, {"d": 1})
    psnr = metric_key({"id": "psnr", "version": 1})
    keys = {
        score_key(job, psnr),
        score_key(job, metric_key({"id": "psnr", "version": 2})),
        score_key(job_key(base, {"d": 2}), psnr),
        score_key(job_key("x", {"d": 1}), psnr),
    }
    assert len({job, psnr, *keys}) == 6


def test_array_digests_tell_shape_and_type_apart():
    flat = np.arange(6.0)
    assert len({array_digest(a) for a in (flat, flat.reshape(2, 3), flat.astype("f4"), flat + 1)}) == 4


def test_a_clips_digest_is_remembered_by_its_files_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = write_clip(tmp_path / "clip", moving(4))
    digests = ClipDigests(tmp_path / "cache")
    first = digests.of(Clip.open(folder))
    assert first == Clip.open(folder).digest()
    decoded: list[str] = []
    digest = Clip.digest
    monkeypatch.setattr(Clip, "digest", lambda self: decoded.append(self.name) or digest(self))
    moved = folder.rename(tmp_path / "other")
    assert digests.of(Clip.open(moved)) == first and not decoded
    assert digests.of(Clip.open(moved).head(3)) != first and len(decoded) == 1
    picture, clip = moved / "00000001.png", Clip.open(moved)
    stamp = picture.stat()
    shutil.copy(moved / "00000002.png", picture)
    os.utime(picture, (stamp.st_atime, stamp.st_mtime))
    assert digests.of(Clip.open(moved)) != first, "a changed picture is noticed whatever its date"
    picture.write_bytes(b"")
    with pytest.raises(InputError, match=r"00000001\.png"):
        digests.of(clip)
