"""Finding checkpoints: official names, a user's own place, wrong files, untrained files."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from vfsrbench import plugins
from vfsrbench.card import WeightUse
from vfsrbench.errors import InputError
from vfsrbench.weights import accept_licence, read_receipt, resolve_weights, write_receipt
from vfsrbench.weights_manifest import Manifest, WeightFile, load_manifest, needed_by

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
    receipt = read_receipt(root, "net")
    receipt.sha256 = "f" * 64  # what a second reading would put right
    write_receipt(root, "net", receipt)
    assert "not the published file" in resolve_weights(USES, MANIFEST).missing


def test_a_user_may_point_elsewhere(root: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("mine") / "whatever.pth"
    elsewhere.write_bytes(BODY)
    receipt = read_receipt(root, "net")
    receipt.path = str(elsewhere)
    write_receipt(root, "net", receipt)
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


def test_an_unknown_name_suggests_a_near_one() -> None:
    with pytest.raises(InputError, match="did you mean 'net'"):
        MANIFEST["nett"]


def test_metrics_and_methods_find_their_weights_missing_not_replaced(root: Path) -> None:
    for entry in plugins.metrics():
        if entry.card.weights:
            assert resolve_weights(entry.card.weights).missing, entry.card.id
