"""Modules, names, files and sections that docs, comments, docstrings and tables mention are there."""

from __future__ import annotations

import ast
import io
import json
import re
import subprocess
import tokenize
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOPS = ("vfsrbench", "reports", "degradations", "baselines", "benchmarks", "tests", "docs")
OURS = r"(?:vfsrbench|reports|degradations|baselines|benchmarks|tests)"
DOTTED = re.compile(rf"(?<![\w./$]){OURS}(?:\.[A-Za-z_]\w*)+")
IMPORT = re.compile(rf"^\s*from ({OURS}[\w.]*) import ([\w, ]+)$", re.MULTILINE)  # in scripts that are text
FILE = re.compile(r"(?<![\w/.@:{}~<>-])[A-Za-z_][\w./*-]*\.(?:py|toml|md|ipynb|mplstyle)\b(?![\w/(])")
LINK = re.compile(r"\]\(([^)\s]+)\)")
# groups of entry points and endings of file names: dotted, and no modules
GROUPS = {"methods", "metrics", "boards", "commands", "engines", "layouts", "reporters"}
ELSEWHERE = {
    # of official repositories
    "guided_diffusion/sr3.py", "guided_diffusion/unet_new.py", "vfhq_real_degradation2_dataset.py",
    "degradations.py", "random_degradations.py", "inference_keep.py", "arcface_onnx.py", "landmark.py",
    "vfhq_dataset.py", "pip.py", "warp_images.py", "infer.py", "projects/inference_seedvr2_3b.py",
    "inference_script.py", "infer_flashvsr_v1.1_full.py", "examples/FaceVR/test_full_no_tile_face.py",
    "VRDiT/inference.py",
    # of examples, and what our verbs write
    "my.toml", "my-board.toml", "method.py", "mymethod/method.py", "myvideo/method.py", "myvideo/card.toml",
    "mywindows/method.py", "mywindows/card.toml", "policy.toml",
    "leaderboard.md", "x.toml", "board.toml", "facts.json", "shown/facts.json", "table.md", "shown/table.md",
    "leaderboard.toml", "lab.toml", "boards/BOARD.toml", "boards/NAME.toml", "submissions/README.md",
    "submissions/LAB/lab.toml", "submissions.md", "comment.md",
    "gpu.json", "gpu.md", "benchmarks/results/gpu.json", "/tmp/gpu.json",
}  # fmt: skip
ENDINGS = {
    "py",
    "toml",
    "csv",
    "json",
    "jsonl",
    "md",
    "html",
    "txt",
    "png",
    "mp4",
    "mkv",
    "log",
    "parquet",
    "mplstyle",
    "sha256",
}


def repository_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    if listed.returncode:  # an unpacked archive has no history
        return [p for top in TOPS for p in (ROOT / top).rglob("*") if p.is_file()]
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


FILES = repository_files()
NAMES = {str(path.relative_to(ROOT)) for path in FILES}
TEXTS = [p for p in FILES if p.suffix in {".py", ".md", ".toml", ".ipynb", ".html", ".js", ".css"}]


def prose(path: Path, *, strings: bool = True) -> list[tuple[int, str]]:
    """(line, text) of a file: of Python its comments, docstrings and (if `strings`) other strings."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        return [(n, "".join(cell["source"])) for n, cell in enumerate(json.loads(text)["cells"], start=1)]
    if path.suffix != ".py":
        return list(enumerate(text.splitlines(), start=1))
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    said = [(t.start[0], t.string) for t in tokens if t.type in (tokenize.COMMENT, tokenize.STRING)]
    return [(n, t) for n, t in said if strings or t.startswith(("#", '"""'))]


@cache
def defined(module: Path) -> frozenset[str]:
    """Names at the top level of a module; of a package also the strings of its tables, which load lazily."""
    found: set[str] = {"__path__", "__file__", "__name__"}
    waiting: list[ast.AST] = list(ast.parse(module.read_text(encoding="utf-8")).body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found.add((node.asname or node.name).split(".")[0])
        elif isinstance(node, ast.Constant):
            found |= {str(node.value)} if module.name == "__init__.py" else set()
        else:
            waiting += ast.iter_child_nodes(node)
    return frozenset(found)


def resolves(name: str) -> bool:
    """Whether a dotted name is a module, or something that a module defines."""
    parts = name.split(".")
    for count in range(len(parts), 0, -1):
        place = ROOT.joinpath(*parts[:count])
        for module in (place.with_suffix(".py"), place / "__init__.py"):
            if module.is_file():
                return count == len(parts) or parts[count] in defined(module)
        if place.is_dir() and count == len(parts):
            return True
    return False


def is_module_like(name: str) -> bool:
    first, last = name.split(".")[1], name.split(".")[-1]
    return last not in ENDINGS and not (
        name.startswith("vfsrbench.") and name.count(".") == 1 and first in GROUPS
    )


def test_dotted_names_exist() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {found}"
        for path in TEXTS
        for line, text in prose(path)
        for found in DOTTED.findall(text)
        if is_module_like(found) and not resolves(found)
    ]
    assert wrong == []


def exists(name: str) -> bool:
    """Whether a file's path, or the end of one, is in the repository or known to be elsewhere."""
    if name in ELSEWHERE or "NAME" in name:
        return True
    pattern = re.compile(r"(^|/)" + re.escape(name).replace(r"\*", "[^/]*") + "$")
    return any(pattern.search(known) for known in NAMES)


def test_files_exist() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {found}"
        for path in TEXTS
        for line, text in prose(path, strings="tests" not in path.parts)  # tests write files of any name
        for found in FILE.findall(text)
        if not exists(found)
    ]
    assert wrong == []


def test_imports_of_scripts_in_strings_exist() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {module}.{name.strip()}"
        for path in TEXTS
        for line, text in prose(path)
        for module, names in IMPORT.findall(text)
        for name in names.split(",")
        if not resolves(f"{module}.{name.split()[0]}")
    ]
    assert wrong == []


def test_the_checks_see_what_is_wrong() -> None:
    package, module = "vfsrbench", "vfsrbench.io.clip"
    assert resolves(f"{module}.Clip") and resolves(f"{package}.score") and resolves(f"{package}.io")
    assert not resolves(f"{package}.pictures") and not resolves(f"{module}.Clap")
    assert exists("vfsrbench/io/clip.py") and exists("codec.py") and exists("metrics/cards/*.toml")
    assert not exists("vfsrbench/clip.py") and not exists("video_clip.py")
    assert DOTTED.findall(f"see `{module}.Clip`, {package}.io.") == [f"{module}.Clip", f"{package}.io"]
    assert FILE.findall("`io/clip.py`, https://host/a.py, {name}/b.py") == ["io/clip.py"]
    assert IMPORT.findall(f"x = 1\nfrom {module} import Clip, A\n") == [(module, "Clip, A")]


def test_the_layout_page_names_every_folder() -> None:
    page = (ROOT / "docs" / "layout.md").read_text(encoding="utf-8")
    parts = dict(re.findall(r"^## (\w+)\n(.*?)(?=^## |\Z)", page, re.M | re.S))
    missing = []
    for package in ("vfsrbench", "degradations", "baselines", "reports"):
        for file in (ROOT / package).rglob("__init__.py"):
            folder = str(file.parent.relative_to(ROOT / package))
            method = package == "baselines" and (file.parent / "card.toml").exists()
            if folder != "." and not method and f"`{folder}/`" not in parts[package]:
                missing.append(f"{package}/{folder}")
    assert missing == []


def sections(page: Path) -> set[str]:
    """Anchors of a page's headings, as GitHub makes them."""
    heads = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", sorted(n for n in NAMES if n.endswith(".md")))
def test_links_lead_somewhere(page: str) -> None:
    here = ROOT / page
    wrong = []
    for target in LINK.findall(here.read_text(encoding="utf-8")):
        place, _, section = target.partition("#")
        if "://" in target:
            continue
        other = (here.parent / place) if place else here
        if not other.exists() or (section and section not in sections(other)):
            wrong.append(target)
    assert wrong == []
