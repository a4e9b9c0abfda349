"""Finding checkpoints: official names, a user's own place, wrong files, untrained files."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from degradations.reading import typed_toml
from vfsrbench import plugins
from vfsrbench.card import WeightUse
from vfsrbench.errors import InputError
from vfsrbench.weights import manifest
from vfsrbench.weights.manifest import Manifest, WeightFile, load_manifest, needed_by
from vfsrbench.weights.receipts import Receipt, accept_licence, read_receipt, update_receipt
from vfsrbench.weights.resolve import resolve_weights

BODY = b"numbers"
SHA = hashlib.sha256(BODY).hexdigest()
ENTRY = WeightFile(
    name="net",
    file="official-name.pth",
    title="a network",
    urls=("https://example.org/official-name.pth",),
    sha256=SHA,
    hash_source="third-party",
    licence="research only",
    commercial=False,
)
MANIFEST = Manifest({"net": ENTRY})
USES = (WeightUse(name="net", role="backbone"),)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", ["official-name.pth", "net.pth", "net.safetensors"])
def test_a_file_is_found_by_its_official_or_its_short_name(root: Path, name: str) -> None:
    (root / name).write_bytes(BODY)
    found = resolve_weights(USES, MANIFEST)
    assert found.missing == ""
    assert found.paths == {"backbone": root / name}
    assert found.hashes == {"net": SHA}
    assert not found.untrained


def test_nothing_to_find_says_which_file_from_where_and_where_to(root: Path) -> None:
    found = resolve_weights(USES, MANIFEST)
    assert "weights 'net' are not here: run `vfsrbench weights fetch net`" in found.missing
    assert "get official-name.pth from https://example.org/official-name.pth" in found.missing
    assert str(root / "official-name.pth") in found.missing
    assert found.paths == {}


def test_a_file_that_is_not_the_published_one_is_not_used(root: Path) -> None:
    (root / "official-name.pth").write_bytes(BODY + b"!")
    found = resolve_weights(USES, MANIFEST)
    assert found.missing.startswith("weights 'net': ")
    assert SHA[:12] in found.missing
    assert found.paths == {}


def test_a_file_that_changes_is_hashed_again(root: Path) -> None:
    path = root / "official-name.pth"
    path.write_bytes(BODY)
    assert resolve_weights(USES, MANIFEST).missing == ""
    path.write_bytes(BODY[::-1])
    os.utime(path, ns=(1, path.stat().st_mtime_ns + 10**9))
    assert "not the published file" in resolve_weights(USES, MANIFEST).missing


def test_a_file_is_not_read_twice_when_it_has_not_changed(root: Path) -> None:
    path = root / "official-name.pth"
    path.write_bytes(BODY)
    resolve_weights(USES, MANIFEST)
    update_receipt(root, "net", sha256="f" * 64)  # what a second reading would put right
    assert "not the published file" in resolve_weights(USES, MANIFEST).missing


def test_a_user_may_point_elsewhere(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("mine") / "whatever.pth"
    elsewhere.write_bytes(BODY)
    update_receipt(root, "net", path=str(elsewhere))
    assert resolve_weights(USES, MANIFEST).paths == {"backbone": elsewhere}
    elsewhere.unlink()
    assert f"{elsewhere} is gone" in resolve_weights(USES, MANIFEST).missing


def test_untrained_weights_are_used_and_flagged(root: Path) -> None:
    (root / "net.untrained.safetensors").write_bytes(b"random")
    found = resolve_weights(USES, MANIFEST)
    assert found.missing == ""
    assert found.untrained
    (root / "official-name.pth").write_bytes(BODY)  # the real file goes first
    assert not resolve_weights(USES, MANIFEST).untrained


def test_an_optional_file_may_be_missing_but_not_wrong(root: Path) -> None:
    uses = [WeightUse(name="net", role="extra", optional=True)]
    assert resolve_weights(uses, MANIFEST) == resolve_weights([])
    (root / "official-name.pth").write_bytes(b"another")
    assert "not the published file" in resolve_weights(uses, MANIFEST).missing


def test_a_checkpoint_that_no_manifest_lists_is_found_by_name(root: Path) -> None:
    (root / "mine.onnx").write_bytes(b"x")
    found = resolve_weights([WeightUse(name="mine")], MANIFEST)
    assert found.paths == {"net": root / "mine.onnx"}
    assert "put the file into" in resolve_weights([WeightUse(name="other")], MANIFEST).missing


def test_the_date_of_acceptance_goes_with_the_results(root: Path) -> None:
    (root / "official-name.pth").write_bytes(BODY)
    assert resolve_weights(USES, MANIFEST).accepted == {}
    accept_licence(root, ENTRY)
    assert set(resolve_weights(USES, MANIFEST).accepted) == {"net"}


def test_a_damaged_receipt_is_no_obstacle(root: Path) -> None:
    (root / "official-name.pth").write_bytes(BODY)
    (root / ".receipts").mkdir()
    (root / ".receipts" / "net.json").write_text("[not, what")
    assert resolve_weights(USES, MANIFEST).hashes == {"net": SHA}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_root_that_cannot_be_written_still_serves(root: Path) -> None:
    (root / "official-name.pth").write_bytes(BODY)
    root.chmod(0o555)
    try:
        assert resolve_weights(USES, MANIFEST).hashes == {"net": SHA}
    finally:
        root.chmod(0o755)


def test_the_shipped_manifest_is_sound() -> None:
    manifest = load_manifest()
    assert manifest.broken == ()
    files = [entry.file for entry in manifest]
    assert len(set(files)) == len(files)
    for entry in manifest:
        for url in entry.urls:
            assert url.startswith("https://"), entry.name
        if entry.prefix and entry.sha256:
            assert entry.sha256.startswith(entry.prefix), entry.name
        assert entry.commercial is True or entry.needs_consent


def test_every_checkpoint_on_a_card_is_in_the_manifest() -> None:
    assert sorted(set(needed_by()) - set(load_manifest().entries)) == []


def test_networks_of_the_manifest_can_be_imported() -> None:
    import importlib

    for entry in load_manifest():
        if entry.network is not None:
            module, _, name = entry.network.partition(":")
            assert callable(getattr(importlib.import_module(module), name)), entry.name


def test_an_entry_must_say_where_its_hash_comes_from() -> None:
    with pytest.raises(ValueError, match="sha256 and hash_source go together"):
        WeightFile(name="a", file="a", title="", urls=("https://x",), sha256=SHA, licence="MIT")
    with pytest.raises(ValueError, match="say where the file is"):
        WeightFile(name="a", file="a", title="", licence="MIT")
    with pytest.raises(ValueError, match="library and extra go together"):
        WeightFile(name="a", file="a", title="", urls=("https://x",), licence="MIT", library="dlib")


def test_a_file_that_no_installed_library_reads_is_missing_though_it_is_here(root: Path) -> None:
    (root / ENTRY.file).write_bytes(BODY)
    for library, why in (("json", ""), ("no_such_library", "no_such_library is not installed: run `pip")):
        entry = ENTRY.model_copy(update={"library": library, "extra": "some"})
        found = resolve_weights(USES, Manifest({"net": entry}))
        assert found.missing.startswith(why) and bool(found.missing) == bool(why)
        assert found.paths == {"backbone": root / ENTRY.file}
        assert found.extra == ("some" if why else "")
    (root / ENTRY.file).unlink()
    lacking = resolve_weights(USES, Manifest({"net": entry})).missing
    assert "'vfsrbench[some]'`; then: weights 'net' are not here" in lacking


def test_an_unknown_name_suggests_a_near_one() -> None:
    with pytest.raises(InputError, match="did you mean 'net'"):
        MANIFEST["nett"]


def test_metrics_and_methods_find_their_weights_missing_not_replaced(root: Path) -> None:
    for entry in plugins.metrics():
        if entry.card.weights:
            assert resolve_weights(entry.card.weights).missing, entry.card.id


def test_a_licence_accepted_while_a_file_is_hashed_is_not_lost(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process accepts in the middle of the hashing: both facts are on the receipt afterwards."""
    path = root / "official-name.pth"
    path.write_bytes(BODY)
    genuine = hashlib.file_digest

    def slow(*given: Any) -> Any:
        accept_licence(root, MANIFEST["net"])
        return genuine(*given)

    with monkeypatch.context() as patch:
        patch.setattr(hashlib, "file_digest", slow)
        resolve_weights(USES, MANIFEST)
    receipt = read_receipt(root, "net")
    assert receipt.accepted
    assert receipt.sha256 == SHA


def test_many_changes_at_once_all_arrive(root: Path) -> None:
    """Four processes, a field each of one receipt: none undoes another's."""
    code = "import sys; from pathlib import Path; from vfsrbench.weights.resolve import update_receipt as u\n"
    code += "for i in range(20): u(Path(sys.argv[1]), 'net', **{sys.argv[2]: f'{i}'})"
    fields = ("path", "url", "licence", "accepted")
    running = [subprocess.Popen([sys.executable, "-c", code, str(root), f]) for f in fields]
    assert [p.wait() for p in running] == [0] * 4
    receipt = read_receipt(root, "net")
    assert [getattr(receipt, f) for f in fields] == ["19"] * 4


def test_a_file_that_changes_while_it_is_hashed_is_not_remembered(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = root / "official-name.pth"
    path.write_bytes(BODY)
    genuine = hashlib.file_digest

    def changed(file: Any, name: str) -> Any:
        found = genuine(file, name)
        path.write_bytes(BODY + b"more")
        return found

    with monkeypatch.context() as patch:
        patch.setattr(hashlib, "file_digest", changed)
        resolve_weights(USES, MANIFEST)
    assert read_receipt(root, "net").sha256 == ""
    assert "not the published file" in resolve_weights(USES, MANIFEST).missing


def test_no_flipped_bit_in_a_receipt_changes_a_hash(root: Path) -> None:
    path = root / "official-name.pth"
    path.write_bytes(BODY)
    accept_licence(root, MANIFEST["net"])
    resolve_weights(USES, MANIFEST)
    note = root / ".receipts" / "net.json"
    good, whole = note.read_bytes(), read_receipt(root, "net")
    for at in range(len(good)):
        note.write_bytes(good[:at] + bytes([good[at] ^ (1 << at % 8)]) + good[at + 1 :])
        assert read_receipt(root, "net") in (whole, Receipt()), f"byte {at}"
    assert resolve_weights(USES, MANIFEST).hashes == {"net": SHA}


def test_the_manifest_is_parsed_once_and_again_when_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many methods and metrics ask; a package of the user's that changes is read again."""
    package = tmp_path / "mine"
    package.mkdir()
    place = package / "weights.toml"
    entry = '[[weights]]\nname = "mynet"\nfile = "a.pth"\ntitle = "T"\nlicence = "MIT"\n'
    place.write_text(entry + 'urls = ["https://example.org/a.pth"]\n')
    monkeypatch.setattr(manifest, "_files", lambda: iter([place]))
    genuine, read = typed_toml.read_toml, []
    monkeypatch.setattr("degradations.reading.typed_toml.read_toml", lambda p: read.append(p) or genuine(p))
    for _ in range(5):
        assert [e.name for e in load_manifest()] == ["mynet"]
    assert read == [place]
    place.write_text(entry + 'urls = ["file:///etc/passwd"]\n')
    assert load_manifest().entries == {}
    assert "urls begin with https:// or http://, not 'file:///etc/passwd'" in load_manifest().broken[0]
    missing = resolve_weights([WeightUse(name="mynet", role="r")]).missing
    assert f"not read: {place}" in missing


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"[[weights",
        b"weights = 3",
        b"a = " + b"[" * 5000,
        b'[[weights]]\nname = "x"',
        b"a\x00b = 1",
    ],
)
def test_a_damaged_manifest_of_the_users_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    place = tmp_path / "weights.toml"
    place.write_bytes(content)
    folder = tmp_path / "sub" / "weights.toml"
    folder.mkdir(parents=True)
    monkeypatch.setattr(manifest, "_files", lambda: iter([place, folder]))
    found = load_manifest()
    assert found.entries == {}
    assert [text.startswith(str(p)) for text, p in zip(found.broken, (place, folder), strict=True)] == [
        True
    ] * 2
    assert not any("\n" in text for text in found.broken)
