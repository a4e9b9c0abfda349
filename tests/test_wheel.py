"""The wheel holds all that the installed package needs, and works far from the repository."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("vfsrbench", "degradations", "baselines", "reports")
LEFT = {".pyc"}
NEEDED = (
    "baselines/keep/card.toml",
    "baselines/bicubic/card.toml",
    "degradations/recipes/vfhq-mild.toml",
    "reports/boards/keep-table1.toml",
    "reports/published/secnet.csv",
    "reports/figures/style/vfsrbench.mplstyle",
    "reports/figures/style/methods.toml",
    "reports/leaderboard/pages/assets/home.js",
    "reports/leaderboard/pages/templates/home.html",
    "reports/site/templates/index.html",
    "reports/site/assets/clip.js",
    "reports/site/assets/site.css",
    "reports/site/vendor/sortable/sortable.min.js",
    "reports/site/vendor/sortable/LICENSE.txt",
    "vfsrbench/metrics/cards/psnr.toml",
    "vfsrbench/py.typed",
    "vfsrbench/templates/leaderboard/submission.yml.txt",
)
KINDS = {
    "method cards": ("baselines/*/card.toml", 30),
    "metric cards": ("vfsrbench/metrics/cards/*.toml", 40),
    "manifests of weights": ("**/weights.toml", 2),
    "recipes": ("degradations/recipes/*.toml", 23),
    "boards": ("reports/boards/*.toml", 16),
    "published figures": ("reports/published/*.csv", 7),
    "templates of `new`": ("vfsrbench/templates/*.txt", 3),
    "templates of pages": ("reports/site/templates/*.html", 1),
    "assets": ("reports/site/assets/*", 3),
    "vendored files": ("reports/site/vendor/*/*", 2),
    "looks of figures": ("reports/figures/style/*.mplstyle", 1),
    "data of metrics": ("vfsrbench/metrics/functional/data/*.json", 1),
    "marks of typed packages": ("*/py.typed", 1),
}
"""Files that are read beside the code, by kind: their pattern, and the least number that there may be."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that nothing is left in the repository and nothing old is packed."""
    source, out = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    build = ["wheel", "-q", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(out), str(source)]
    done = subprocess.run([sys.executable, "-m", "pip", *build], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (made,) = out.glob("vfsrbench-*.whl")
    return made


@pytest.fixture(scope="module")
def away(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel installed into a folder of its own, beside the dependencies of this environment."""
    place = tmp_path_factory.mktemp("installed")
    install = ["install", "-q", "--no-deps", "--no-index", "--target", str(place), str(wheel)]
    subprocess.run([sys.executable, "-m", "pip", *install], check=True, capture_output=True)
    return place


def run(away: Path, cwd: Path, *arguments: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(away), "PYTHONSAFEPATH": "1", "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_file_of_the_packages_is_in_the_wheel(wheel: Path) -> None:
    packed = set(zipfile.ZipFile(wheel).namelist())
    wanted = {
        path.relative_to(ROOT).as_posix()
        for name in PACKAGES
        for path in (ROOT / name).rglob("*")
        if path.is_file() and path.suffix not in LEFT
    }
    assert sorted(wanted - packed) == []
    assert sorted(set(NEEDED) - packed) == [], "a file that the program reads was moved: mend this list"
    own = {name for name in packed if not name.partition("/")[0].endswith(".dist-info")}
    assert sorted(own - wanted) == [], "nothing else goes along"
    assert any(name.endswith("licenses/LICENSE") for name in packed)


@pytest.mark.parametrize("kind", KINDS)
def test_the_wheel_holds_as_many_of_each_kind_as_the_repository(wheel: Path, kind: str) -> None:
    pattern, least = KINDS[kind]

    def counted(names: Iterable[str]) -> int:
        return sum(fits(name, pattern) for name in names)

    here = [
        p.relative_to(ROOT).as_posix() for name in PACKAGES for p in (ROOT / name).rglob("*") if p.is_file()
    ]
    assert counted(zipfile.ZipFile(wheel).namelist()) == counted(here) >= least


def fits(name: str, pattern: str) -> bool:
    """Whether a path has the pattern's form; `*` stays within a folder, `**/` is any way down."""
    regex = re.escape(pattern).replace(r"\*\*/", "(?:.*/)?").replace(r"\*", "[^/]*")
    return re.fullmatch(regex, name) is not None


API = """
import vfsrbench as vb

assert "demo" in vb.boards() and "bicubic" in vb.methods() and "psnr" in vb.metrics()
assert "vfhq-mild" in vb.recipes() and "folder" in vb.datasets()
gt = vb.Dataset.open("demo", frames=2)["demo-calm"].gt
restored = vb.restore(vb.degrade(gt, "bi-x4"), "bicubic", device="cpu")
print(vb.score(restored, gt, "psnr").attrs["clip"]["psnr"])
board = vb.boards()["demo"].replace(
    dataset={"layout": "demo", "clips": ["demo-calm"], "frames": 2}, splits=["bi-x4"], methods=["bicubic"],
    metrics=["psnr"], versus=None, sort_by=None, figures={})
assert vb.run_board(board, "w", workers=1).counts == {"ok": 1}
assert vb.report(board, "w", formats=["png"]).index.is_file()
frames, _ = vb.load_results("w")
print(frames["psnr"].mean())
"""


def test_the_public_api_works_far_from_the_repository(away: Path, tmp_path: Path) -> None:
    alone, on_a_board = map(float, run(away, tmp_path, "-c", API).split())
    assert alone == pytest.approx(on_a_board, abs=1e-9) and 20 < alone < 60


def test_entry_points_of_the_wheel_are_those_of_the_project(wheel: Path) -> None:
    packed = zipfile.ZipFile(wheel)
    (name,) = (n for n in packed.namelist() if n.endswith(".dist-info/entry_points.txt"))
    found = configparser.ConfigParser(delimiters=("=",))
    found.read_string(packed.read(name).decode())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {**project["entry-points"], "console_scripts": project["scripts"]}
    assert {group: dict(found[group]) for group in found.sections()} == wanted


def test_the_installed_package_works_far_from_the_repository(away: Path, tmp_path: Path) -> None:
    names = ", ".join(PACKAGES)
    code = f"import {names}\nfor package in ({names}): print(package.__file__)"
    found = run(away, tmp_path, "-c", code).splitlines()
    assert len(found) == 4 and all(path.startswith(str(away)) for path in found)
    text = run(away, tmp_path, "-m", "vfsrbench", "list")
    for name in ("keep", "bicubic", "psnr", "vfhq-mild", "keep-table1", "celebv-hq"):
        assert name in text
    text = run(away, tmp_path, "-m", "vfsrbench", "report", "secnet-table2", "--html", "site")
    assert "published figures only" in " ".join(text.split())
    for name in ("index.html", "leaderboard.csv", "assets/sortable.min.js", "assets/sortable.LICENSE.txt"):
        assert (tmp_path / "site" / name).stat().st_size > 0, name
    run(away, tmp_path, "-m", "vfsrbench", "new", "mymethod")
    assert (tmp_path / "mymethod" / "card.toml").is_file()
