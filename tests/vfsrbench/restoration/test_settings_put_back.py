"""Methods that change torch's settings, at import, in the constructor, or in a call, in the old interface or
the new one: the next method computes as if they had never run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.vfsrbench.boards import method_folder
from tests.vfsrbench.process_state import answers
from tests.vfsrbench.restoration.test_restore import go, ramp
from vfsrbench.method_spec import choose_method
from vfsrbench.restoration.method_use import MethodUse
from vfsrbench.restoration.predictor_cache import PredictorCache
from vfsrbench.runtime.state.precision_switches import has_new

CPU = torch.device("cpu")
OLD = [
    "torch.backends.cuda.matmul.allow_tf32 = not torch.backends.cuda.matmul.allow_tf32",
    "torch.backends.cudnn.allow_tf32 = not torch.backends.cudnn.allow_tf32",
    "torch.set_float32_matmul_precision('medium')",
]
NEW = [
    "torch.backends.fp32_precision = 'tf32'",
    "torch.backends.cuda.matmul.fp32_precision = 'tf32'",
    "torch.backends.cudnn.fp32_precision = 'ieee'",
    "torch.backends.cudnn.conv.fp32_precision = 'ieee'",
    "torch.backends.cudnn.rnn.fp32_precision = 'ieee'",
    "torch.backends.mkldnn.matmul.fp32_precision = 'bf16'",
]
OTHERS = [
    "torch.backends.cudnn.benchmark = True",
    "torch.backends.cudnn.deterministic = True",
    "torch.use_deterministic_algorithms(True, warn_only=True)",
    "torch.set_default_dtype(torch.float64)",
    "torch.set_default_device('meta')",
    "torch.set_grad_enabled(not torch.is_grad_enabled())",
    "torch.set_num_threads(torch.get_num_threads() + 1)",
    "torch.manual_seed(0)",
    "import numpy; numpy.random.seed(0)",
    "import random; random.seed(0)",
]
LINES = [*OLD, *(NEW if has_new() else []), *OTHERS]
CHANGES: dict[str, Callable[[], object]] = {
    line: (lambda line=line: exec(line, {"torch": torch}))  # type: ignore[misc]
    for line in LINES
    if "seed" not in line
}
PLACES = {
    "import": "{line}",
    "constructor": "class Method(Method):\n    def __init__(self, *given):\n"
    "        super().__init__(*given)\n        {line}",
    "load": "class Method(Method):\n    def load(self, *given):\n"
    "        super().load(*given)\n        {line}",
    "start_clip": "class Method(Method):\n    def start_clip(self, info):\n        super().start_clip(info)\n"
    "        {line}",
    "restore": "class Method(Method):\n    def restore(self, *given):\n        {line}\n"
    "        with torch.device('cpu'):\n            return super().restore(*given).float()",
}


def seen() -> tuple[object, ...]:
    """Settings as a method would read them, in both interfaces; that they disagree is one more."""
    backends = torch.backends
    found: list[object] = []
    reads: list[Callable[[], object]] = [
        torch.get_float32_matmul_precision,
        lambda: backends.cudnn.allow_tf32,
        lambda: backends.cuda.matmul.allow_tf32,
        lambda: (backends.cudnn.benchmark, backends.cudnn.deterministic, backends.cudnn.enabled),
        torch.are_deterministic_algorithms_enabled,
        torch.get_default_dtype,
        lambda: str(torch.get_default_device()),
        torch.is_grad_enabled,
        torch.get_num_threads,
    ]
    if has_new():
        cudnn, mkldnn = backends.cudnn, backends.mkldnn
        nodes = (backends, cudnn, cudnn.conv, cudnn.rnn, backends.cuda.matmul, mkldnn, mkldnn.matmul)
        reads += [lambda node=node: node.fp32_precision for node in nodes]  # type: ignore[misc]
    return (*found, *answers(reads))


LOOK = """
from tests.vfsrbench.restoration.test_settings_put_back import seen
import random, numpy
FOUND = []
class Method(Method):
    def load(self, *given):
        super().load(*given)
        FOUND.append(("load", seen()))
    def start_clip(self, info):
        super().start_clip(info)
        FOUND.append(("start", seen(), float(torch.rand(1)), numpy.random.rand(), random.random()))
    def restore(self, frames, generator):
        FOUND.append(("restore", seen(), float(torch.rand(1)), numpy.random.rand(), random.random()))
        kernel = torch.ones(3, 1, 3, 3, device=frames.device) / 9
        out = torch.nn.functional.conv2d(frames, kernel, padding=1, groups=3)
        return (out.flatten(2) @ torch.eye(64)).unflatten(2, (8, 8))
"""


def innocent(root: Path, name: str) -> tuple[np.ndarray, list[object]]:
    """What a method sees and makes that changes nothing."""
    folder = method_folder(root, name)
    code = root / name / "code.py"
    code.write_text(code.read_text() + LOOK)
    predictor = PredictorCache(CPU).get(MethodUse(choose_method(folder)))
    out, _ = go(predictor, ramp(), root)
    found: list[object] = vars(__import__("sys").modules[type(predictor).__module__])["FOUND"]
    return out, found


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.filterwarnings("ignore")
def test_the_next_method_computes_as_if_it_were_the_first(place: str, tmp_path: Path) -> None:
    before = seen()
    first, expected = innocent(tmp_path, "alone")
    settings = {found[0]: found[1] for found in expected}  # type: ignore[index]
    assert list(settings) == ["load", "start", "restore"]
    for one in settings.values():
        assert one[:3] == ("highest", False, False), "no TF32 in strict, wherever a method computes"
    for number, line in enumerate(LINES):
        folder = method_folder(tmp_path, f"m{number}")
        code = tmp_path / f"m{number}" / "code.py"
        code.write_text(f"{code.read_text()}\n{PLACES[place].format(line=line)}\n")
        predictor = PredictorCache(CPU).get(MethodUse(choose_method(folder)))
        go(predictor, ramp(), tmp_path)
        assert seen() == before, line
        after, found = innocent(tmp_path, f"after{number}")
        assert np.array_equal(first, after) and found == expected, line
