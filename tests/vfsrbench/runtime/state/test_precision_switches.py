"""torch's precision switches: whatever was set, in either interface or both, is put back to the letter."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from tests.vfsrbench.process_state import answers
from vfsrbench.runtime.precision import arithmetic
from vfsrbench.runtime.state.precision_switches import PrecisionSwitches, has_new, kept_precision, set_tf32

CPU = torch.device("cpu")
backends = torch.backends


def _new_switches() -> list[Any]:
    cudnn, mkldnn = backends.cudnn, backends.mkldnn
    return [
        backends,
        *(cudnn, mkldnn, backends.cuda.matmul, mkldnn.matmul),
        *(cudnn.conv, cudnn.rnn, mkldnn.conv, mkldnn.rnn),
    ]


def seen() -> tuple[object, ...]:
    """All that a method could read, old and new; an error where the two disagree."""
    found: list[object] = [one.fp32_precision for one in _new_switches()] if has_new() else []
    reads: list[Callable[[], object]] = [
        torch.get_float32_matmul_precision,
        lambda: backends.cudnn.allow_tf32,
        lambda: backends.cuda.matmul.allow_tf32,
    ]
    return (*found, *answers(reads))


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    before = PrecisionSwitches.read()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    before.write()


OLD: dict[str, Callable[[], object]] = {
    "matmul on": lambda: setattr(backends.cuda.matmul, "allow_tf32", True),
    "matmul off": lambda: setattr(backends.cuda.matmul, "allow_tf32", False),
    "cudnn on": lambda: setattr(backends.cudnn, "allow_tf32", True),
    "cudnn off": lambda: setattr(backends.cudnn, "allow_tf32", False),
    "highest": lambda: torch.set_float32_matmul_precision("highest"),
    "high": lambda: torch.set_float32_matmul_precision("high"),
    "medium": lambda: torch.set_float32_matmul_precision("medium"),
}


def _new_settings() -> list[Callable[[], object]]:
    def setter(one: Any, value: str) -> Callable[[], object]:
        return lambda: setattr(one, "fp32_precision", value)

    if not has_new():
        return []
    return [setter(one, value) for one in _new_switches() for value in ("ieee", "tf32", "bf16", "none")]


def test_switches_in_any_state_are_read_without_a_change_and_put_back():
    draw = random.Random(0)
    settings = [*OLD.values(), *_new_settings()]
    refused = 0
    for _ in range(1500):
        for _ in range(draw.randint(1, 5)):
            try:
                draw.choice(settings)()
            except RuntimeError:  # a value that this switch does not take
                refused += 1
        before = seen()
        switches = PrecisionSwitches.read()
        assert seen() == before
        with arithmetic(draw.choice(["strict", "fast"]), CPU):
            assert not [one for one in seen() if isinstance(one, str) and one.startswith("PyTorch")]
            try:
                draw.choice(settings)()
            except RuntimeError:
                refused += 1
        assert seen() == before and PrecisionSwitches.read() == switches
    assert refused > 0 or not has_new()


@pytest.mark.parametrize("setting", OLD)
def test_a_mix_of_both_interfaces_is_put_right_and_back(setting: str):
    if has_new():
        backends.cuda.matmul.fp32_precision = "tf32"
        backends.cudnn.conv.fp32_precision = "ieee"
    before = seen()
    with kept_precision():
        OLD[setting]()
        with arithmetic("fast", CPU):
            assert backends.cuda.matmul.allow_tf32 and backends.cudnn.allow_tf32
        with arithmetic("strict", CPU):
            assert not backends.cuda.matmul.allow_tf32 and not backends.cudnn.allow_tf32
            assert torch.get_float32_matmul_precision() == "highest"
    assert seen() == before


def test_tf32_is_the_gpu_s_affair():
    if not has_new():
        pytest.skip("before torch 2.9 there are no switches for the CPU")
    for allowed in (True, False):
        set_tf32(allowed)
        wanted = "tf32" if allowed else "ieee"
        assert [one.fp32_precision for one in _new_switches()[3:]] == [
            *(wanted, "ieee"),
            *(wanted, wanted, "ieee", "ieee"),
        ]


def test_a_block_that_raises_puts_them_back():
    before = seen()
    with pytest.raises(KeyError), kept_precision():
        OLD["high"]()
        raise KeyError
    assert seen() == before


def test_without_the_new_interface_the_old_one_serves(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("vfsrbench.runtime.state.precision_switches.has_new", lambda: False)
    OLD["cudnn on"]()
    OLD["highest"]()
    before = backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    with arithmetic("fast", CPU):
        assert backends.cudnn.allow_tf32 and backends.cuda.matmul.allow_tf32
    with arithmetic("strict", CPU):
        assert not backends.cudnn.allow_tf32 and not backends.cuda.matmul.allow_tf32
    assert before == (backends.cudnn.allow_tf32, torch.get_float32_matmul_precision())
