"""Checkpoints of every form are loaded strictly; what is wrong with a file is said in one line."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from vfsrbench.errors import InputError
from vfsrbench.runtime.checkpoint import load_checkpoint, read_checkpoint


def network() -> nn.Module:
    """Two parts, one of them called "generator" as in KEEP."""
    return nn.ModuleDict({"encoder": nn.Linear(3, 4), "generator": nn.Linear(4, 2)})


def weights() -> dict[str, Tensor]:
    torch.manual_seed(0)
    return {name: torch.randn_like(value) for name, value in network().state_dict().items()}


def loaded(source: Any, **options: Any) -> dict[str, Tensor]:
    net = network()
    load_checkpoint(net, source, **options)
    return dict(net.state_dict())


def same(a: Mapping[str, Tensor], b: Mapping[str, Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def message(call: Callable[[], Any]) -> str:
    with pytest.raises(InputError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("key", ["params_ema", "params", "state_dict"])
def test_wrappers_are_opened(tmp_path: Path, key: str) -> None:
    torch.save({key: weights(), "iter": 3}, tmp_path / "net.pth")
    assert same(loaded(tmp_path / "net.pth"), weights())


def test_the_averaged_weights_are_preferred() -> None:
    plain = {name: value + 1 for name, value in weights().items()}
    assert same(loaded({"params": plain, "params_ema": weights()}), weights())


@pytest.mark.parametrize("prefix", ["module.", "generator.", "module.generator."])
def test_a_prefix_that_all_names_share_is_taken_off(prefix: str) -> None:
    assert same(loaded({prefix + name: value for name, value in weights().items()}), weights())


def test_a_part_that_is_called_like_a_prefix_keeps_its_name() -> None:
    assert same(loaded(weights()), weights())


def test_other_networks_in_the_file_can_be_left() -> None:
    both = {f"generator.{name}": value for name, value in weights().items()}
    both["discriminator.weight"] = torch.zeros(1)
    assert same(loaded({"state_dict": both}, leave=["discriminator."]), weights())
    assert "unexpected" in message(lambda: loaded({"state_dict": both}))


def test_names_can_be_translated() -> None:
    old = {name.replace("encoder.", "enc."): value for name, value in weights().items()}
    assert same(loaded(old, rename={"enc.": "encoder."}), weights())


def test_safetensors_and_the_old_format(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file(weights(), tmp_path / "net.safetensors")
    torch.save(weights(), tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    assert same(loaded(tmp_path / "net.safetensors"), weights())
    assert same(loaded(tmp_path / "old.pth"), weights())


def test_missing_unexpected_and_misshapen_tensors_are_counted_and_named() -> None:
    wrong = weights()
    wrong["encoder.weight"] = torch.zeros(5, 3)
    wrong["head.weight"] = wrong.pop("generator.weight")
    text = message(lambda: loaded(wrong, where="x.pth"))
    assert "x.pth: does not fit ModuleDict: of 4 tensors" in text
    assert "1 missing (generator.weight)" in text
    assert "1 unexpected (head.weight)" in text
    assert "1 of another shape (encoder.weight [5, 3] for [4, 3])" in text


def test_only_the_first_names_are_shown() -> None:
    text = message(lambda: loaded({f"part.{i}": torch.zeros(1) for i in range(9)}))
    assert "4 missing (encoder.weight, encoder.bias, generator.weight, ...)" in text
    assert "9 unexpected (part.0, part.1, part.2, ...)" in text


@pytest.mark.parametrize("suffix", [".pth", ".old.pth", ".safetensors"])
def test_a_truncated_file_is_called_so(tmp_path: Path, suffix: str) -> None:
    from safetensors.torch import save_file

    path = tmp_path / f"net{suffix}"
    if suffix == ".safetensors":
        save_file(weights(), path)
    else:
        torch.save(weights(), path, _use_new_zipfile_serialization=suffix == ".pth")
    for size in (path.stat().st_size * 9 // 10, path.stat().st_size // 2, 70, 10):
        path.write_bytes(path.read_bytes()[:size])
        assert f"({size} bytes, truncated or damaged" in message(lambda: loaded(path))


class Malicious:
    """Runs code when it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.target,)


@pytest.mark.parametrize("how", ["torch", "pickle", "new pickle"])
def test_code_in_a_file_is_refused_and_not_run(tmp_path: Path, how: str) -> None:
    path, target = tmp_path / "net.pth", tmp_path / "was-run"
    payload = {"params": Malicious(target), **weights()}
    if how == "torch":
        torch.save(payload, path)
    else:
        path.write_bytes(pickle.dumps(payload, protocol=2 if how == "pickle" else 4))
    text = message(lambda: loaded(path))
    assert not target.exists()
    if how == "new pickle":  # nothing that torch reads at all
        assert "not a readable checkpoint" in text
    else:
        assert "not only tensors, and loading it would run its code; refused" in text


def test_web_pages_pointers_and_empty_files_are_called_so(tmp_path: Path) -> None:
    path = tmp_path / "net.pth"
    for content, expected in (
        (b"<!DOCTYPE html><html>quota exceeded</html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "pointer"),
        (b"", "empty"),
        (b"just some words", "truncated or damaged"),
    ):
        path.write_bytes(content)
        assert expected in message(lambda: read_checkpoint(path))
    assert "no such checkpoint file" in message(lambda: read_checkpoint(tmp_path / "none.pth"))


def test_files_without_tensors_are_called_so(tmp_path: Path) -> None:
    torch.save([torch.zeros(1)], tmp_path / "list.pth")
    torch.save({"epoch": 3}, tmp_path / "dict.pth")
    assert "holds a list" in message(lambda: loaded(tmp_path / "list.pth"))
    assert "no tensors by name in it (found epoch)" in message(lambda: loaded(tmp_path / "dict.pth"))
