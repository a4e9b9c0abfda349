"""Keys follow code: a changed layer redoes what uses it, a comment nothing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from vfsrbench.hashing.code import (
    BESIDE_SCORES,
    OWN_PACKAGES,
    PLUMBING,
    RESTORE_CODE,
    SCORE_CODE,
    SourceTree,
    our_sources,
)
from vfsrbench.plugins import methods, metrics

ROOT = Path(__file__).resolve().parents[3]


@cache
def modules() -> dict[str, str]:
    """Method or metric -> the module of its class."""
    cards = [*((e.card.name, e.card) for e in methods()), *((e.card.id, e.card) for e in metrics())]
    return {name: str(card.factory).partition(":")[0] for name, card in cards if card.factory}


@pytest.fixture(scope="module")
def shared_tree(tmp_path_factory: pytest.TempPathFactory) -> SourceTree:
    """A copy of our packages, that each test leaves as it was."""
    return copied(tmp_path_factory.mktemp("packages"))


@pytest.fixture(scope="module")
def before(shared_tree: SourceTree) -> dict[str, str]:
    """The digests of the copy."""
    return digests(shared_tree)


@pytest.fixture
def tree(tmp_path: Path) -> SourceTree:
    """A copy of our packages, of this test alone."""
    return copied(tmp_path)


def copied(tmp_path: Path) -> SourceTree:
    for package in OWN_PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    return SourceTree({package: tmp_path / package for package in OWN_PACKAGES})


def digests(tree: SourceTree) -> dict[str, str]:
    found = {name: tree.digest([module]) for name, module in modules().items()}
    found |= {"restore": tree.digest(RESTORE_CODE), "score": tree.digest(SCORE_CODE, stop=BESIDE_SCORES)}
    return {**found, "recipes": tree.digest(["degradations.recipe"])}


def changed(tree: SourceTree, before: dict[str, str], module: str, old: str, new: str) -> set[str]:
    """What has another digest when this text in a module is replaced (and put back afterwards)."""
    path = tree.find(module)
    assert path is not None
    text = path.read_text()
    assert old in text, f"{module} has no {old!r}"
    path.write_text(text.replace(old, new, 1))
    after = digests(tree)
    path.write_text(text)
    return {name for name in before if before[name] != after[name]}


def test_a_changed_layer_changes_what_uses_it_and_nothing_else(
    shared_tree: SourceTree, before: dict[str, str]
):
    users = {n for n, m in modules().items() if "baselines.layers.flow.spynet" in our_sources().closure([m])}
    assert {"basicvsr", "realbasicvsr"} <= users and "codeformer" not in users and "psnr" not in users
    assert (
        changed(shared_tree, before, "baselines.layers.flow.spynet", "class ", "EXTRA = 1\n\n\nclass ")
        == users
    )
    of_ssim = changed(shared_tree, before, "vfsrbench.metrics.ssim", "class ", "EXTRA = 1\n\n\nclass ")
    assert "ssim" in of_ssim and "psnr" not in of_ssim
    assert changed(shared_tree, before, "degradations.numerics.gaussian", "def ", "EXTRA = 1\n\n\ndef ") >= {
        "recipes"
    }
    assert "restore" in changed(shared_tree, before, "vfsrbench.windows", "def ", "EXTRA = 1\n\n\ndef ")


def test_comments_docstrings_and_layout_change_nothing(shared_tree: SourceTree, before: dict[str, str]):
    first = "from __future__ import annotations\n"
    for module in ("baselines.layers.flow.spynet", "vfsrbench.scoring.scorer", "degradations.imaging.resize"):
        path = shared_tree.find(module)
        assert path is not None
        docstring = path.read_text().split('"""')[1]
        assert changed(shared_tree, before, module, first, f"{first}\n\n# a comment\n") == set()
        assert changed(shared_tree, before, module, docstring, "Another docstring.") == set()
        assert changed(shared_tree, before, module, first, f"{first}EXTRA = 1\n") != set()


def test_data_files_that_a_module_names_belong_to_it(tree: SourceTree, tmp_path: Path):
    before = digests(tree)
    data = tmp_path / "vfsrbench" / "metrics" / "functional" / "data" / "niqe.json"
    data.write_text(data.read_text().replace("1", "2", 1))
    tree = SourceTree({package: tmp_path / package for package in OWN_PACKAGES})
    after = digests(tree)
    assert {name for name in before if before[name] != after[name]} == {"niqe"}


def test_imports_are_followed_as_python_would(tmp_path: Path):
    package = tmp_path / "pkg"
    (package / "sub").mkdir(parents=True)
    files = {
        "__init__": "",
        "sub/__init__": "from . import near",
        "sub/near": "",
        "sub/deep": "def f():\n    from ..far import thing\n    import pkg.lazy",
        "far": "if TYPE_CHECKING:\n    import pkg.types\nelse:\n    import pkg.other",
        "lazy": "import importlib\nimportlib.import_module('pkg.named')",
        "types": "",
        "other": "",
        "named": "",
        "unused": "",
    }
    for name, text in files.items():
        (package / f"{name}.py").write_text(text)
    found = SourceTree({"pkg": package}).closure(["pkg.sub.deep"])
    followed = ("far", "lazy", "named", "other", "sub", "sub.deep", "sub.near")
    assert found == {"pkg", *(f"pkg.{name}" for name in followed)}


def test_closures_stay_small_and_the_list_of_plumbing_is_of_modules_that_exist():
    sources = our_sources()
    sizes = {name: len(sources.closure([module])) for name, module in modules().items()}
    wide = {name for name, size in sizes.items() if size > 56}
    assert all(name.startswith("flair") for name in wide), wide  # it degrades and restores faces itself
    assert max(sizes.values()) < 110
    assert len(sources.closure(SCORE_CODE, BESIDE_SCORES)) < 25
    assert len(sources.closure(RESTORE_CODE)) < 18
    for module in (*PLUMBING, *BESIDE_SCORES, *SCORE_CODE, *RESTORE_CODE):
        assert sources.find(module) is not None, module


def test_digests_are_quick_and_need_no_torch():
    code = (
        "import sys, time\n"
        "from vfsrbench.plugins import methods, metrics\n"
        "from vfsrbench.runs.keys import code_facts\n"
        "from vfsrbench.hashing.code import restore_code, score_code\n"
        "entries = [*methods(), *metrics()]\n"
        "began = time.process_time()\n"
        "facts = [code_facts(e) for e in entries], restore_code(), score_code()\n"
        "print(time.process_time() - began, 'torch' in sys.modules, 'cv2' in sys.modules)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    seconds, torch, cv2 = said.stdout.split()
    assert (torch, cv2) == ("False", "False") and float(seconds) < 2
