"""`vfsrbench new` and `check`: a method to start from, and the conformance test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vfsrbench.boards import method_folder
from tests.vfsrbench.cli.commands import fails, works
from vfsrbench.cli import main
from vfsrbench.results.frame_table import load_results


@pytest.mark.parametrize("kind", ["image", "video"])
def test_a_new_method_keeps_its_contract_and_runs_on_a_board(capsys, board: str, tmp_path: Path, kind: str):
    text = works(capsys, "new", "my-method", "--kind", kind, "--into", tmp_path / "mine")
    folder = tmp_path / "mine" / "my-method"
    assert f"vfsrbench check {folder}" in text
    checked = works(capsys, "check", folder, "--side", "16")
    assert checked.count("ok ") >= 9 and "FAILED" not in checked
    works(capsys, "run", board, "-w", tmp_path / "w", "--engine", "serial", "--no-report", "--method", folder)
    _, records, _ = load_results([tmp_path / "w" / "results"])
    assert {(r.method, r.status) for r in records} == {("m", "ok"), ("my-method", "ok")}
    assert "is there already" in fails(capsys, "new", "my-method", "--into", tmp_path / "mine")
    for name in ("../up", "", "a/b", "-x"):
        fails(capsys, "new", "--into", tmp_path, "--", name)


@pytest.mark.parametrize("name", ["oracle", "recompressed"])
def test_what_is_given_the_ground_truth_keeps_its_contract_at_that_size(capsys, name: str):
    checked = works(capsys, "check", name, "--side", "16")
    assert checked.count("ok ") >= 9 and "FAILED" not in checked


BROKEN = {
    "out = out * 255": "values in [0, 1]",
    "frames.mul_(0.5)": "leaves its input as it is",
    "out = torch.rand(out.shape)": "draws from its generator alone",
    "out = out if len(frames) > 1 else out[:0]": "restores one frame",
    "out = out - out.mean(0, keepdim=True) + 0.5": "frames do not see each other",
    "out = out + 0.1 * out.mean()": "frames do not see each other",
    "out = out + 0.1 * out.std()": "frames do not see each other",
    "import numpy; out = out * float(numpy.random.rand())": "numpy's global seed",
    "import random; out = out * random.random()": "Python's global seed",
    "torch.backends.cudnn.benchmark = True": "changed, when it restores: cudnn.benchmark",
    "torch.set_default_dtype(torch.float64)": "changed, when it restores: default dtype",
    "torch.use_deterministic_algorithms(True)": "changed, when it restores: deterministic algorithms",
    "torch.set_grad_enabled(True)": "changed, when it restores: grad mode",
    "torch.backends.cuda.matmul.fp32_precision = 'tf32'": "restores: float32 precision (TF32)",
    "torch.manual_seed(3)": "seeds or draws from, when it restores: torch's",
    "import numpy; numpy.random.seed(3)": "seeds or draws from, when it restores: numpy's",
    "import random; random.seed(3)": "seeds or draws from, when it restores: Python's",
    "out = out + (0.2 if getattr(self, 'seen', 0) else 0); self.seen = 1": "gives the same when loaded anew",
}


@pytest.mark.parametrize("act", BROKEN)
def test_check_finds_what_is_broken(capsys, tmp_path: Path, act: str):
    folder = method_folder(tmp_path, "m", act, kind="image")
    assert main.run(["check", folder, "--side", "16"]) == 3
    failed = [line for line in capsys.readouterr().out.splitlines() if line.startswith("FAILED")]
    assert any(BROKEN[act] in line for line in failed), failed


TF32, SEED = "torch.backends.cuda.matmul.allow_tf32 = True", "torch.manual_seed(0)"
IN_LOAD, IN_INIT = "def load(self, weights, device)", "def __init__(self, *given)"
LEAVES = [
    ("", TF32, "changed, when it is loaded: float32 precision (TF32)"),
    (IN_INIT, TF32, "changed, when it is loaded: float32 precision (TF32)"),
    ("", "torch.set_default_device('meta')", "changed, when it is loaded: default device"),
    (IN_LOAD, SEED, "seeds or draws from, when it is loaded: torch's"),
    (IN_INIT, SEED, "seeds or draws from, when it is loaded: torch's"),
    ("", SEED, "seeds or draws from, when it is imported: torch's"),
    ("", "import random; random.seed(0)", "seeds or draws from, when it is imported: Python's"),
    ("", "import numpy; numpy.random.seed(0)", "seeds or draws from, when it is imported: numpy's"),
]


@pytest.mark.parametrize(("where", "line", "found"), LEAVES)
def test_check_names_what_a_method_leaves_when_it_is_imported_or_loaded(
    capsys, tmp_path: Path, where: str, line: str, found: str
):
    folder = method_folder(tmp_path, "m", kind="image")
    code = tmp_path / "m" / "code.py"
    if where:
        init = "super().__init__(*given); " if where == IN_INIT else ""
        line = f"class Method(Method):\n    {where}:\n        {init}{line}"
    code.write_text(f"{code.read_text()}\n{line}\n")
    assert main.run(["check", folder, "--side", "16"]) == 3
    failed = [text for text in capsys.readouterr().out.splitlines() if text.startswith("FAILED")]
    assert len(failed) == 1 and found in failed[0]


@pytest.mark.parametrize("dependent", [True, False])
def test_check_tries_whether_the_window_shows_in_the_result(capsys, tmp_path: Path, dependent: bool):
    """A mean over time: a smaller window gives other frames, and the card has to say so."""
    more = "window = 6\nwindow_dependent = " + str(dependent).lower()
    folder = method_folder(tmp_path, "m", "out = out * 0.5 + 0.5 * out.mean(0, keepdim=True)", more=more)
    assert main.run(["check", folder, "--side", "16"]) == (0 if dependent else 3)
    said = capsys.readouterr().out
    assert ("FAILED  half the window gives the same" in said) == (not dependent)


def test_layers_built_at_random_are_no_seeding(capsys, tmp_path: Path):
    folder = method_folder(tmp_path, "m", kind="image")
    code = tmp_path / "m" / "code.py"
    load = "def load(self, weights, device):\n        self.net = torch.nn.Linear(3, 3)"
    code.write_text(f"{code.read_text()}\n    {load}\n")
    assert main.run(["check", folder, "--side", "16"]) == 0, capsys.readouterr().out


WITH_WEIGHTS = """
import torch
from vfsrbench.predictor import ImagePredictor

class Method(ImagePredictor):
    def load(self, weights, device):
        super().load(weights, device)
        self.net = torch.nn.Conv2d(3, 3, 1)
        self.net.load_state_dict(torch.load(weights["net"], weights_only=True)["params"], strict={strict})

    def restore_batch(self, frames):
        size = (self.clip.out_height, self.clip.out_width)
        return torch.nn.functional.interpolate(self.net(frames), size=size)
"""


UNSTRICT = """
from vfsrbench.predictor import ImagePredictor

class Method(ImagePredictor):
    loaded = []

    def load(self, weights, device):
        super().load(weights, device)
        {more}

    def restore_batch(self, frames):
        return frames
"""


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            "self.loaded.append(1); assert len(self.loaded) < 2, 'one at a time'",
            "does not load the whole files",
        ),
        ("assert weights['net'].parent.name == 'weights', 'wrong folder'", "the error does not name it"),
    ],
)
def test_an_error_that_has_nothing_to_do_with_the_tensor_is_no_strictness(
    capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: str, said: str
):
    import torch

    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "weights").mkdir()
    folder = method_folder(tmp_path, "m", kind="image", more='[[weights]]\nname = "mine"')
    (tmp_path / "m" / "code.py").write_text(UNSTRICT.format(more=more))
    torch.save({"params": {"body.weight": torch.zeros(3)}}, tmp_path / "weights" / "mine.pth")
    assert main.run(["check", folder, "--side", "16"]) == 3
    assert said in capsys.readouterr().out


@pytest.mark.parametrize("strict", [True, False])
def test_check_damages_a_checkpoint_and_expects_it_to_be_refused(
    capsys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strict: bool
):
    import torch

    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "weights").mkdir()
    folder = method_folder(tmp_path, "m", kind="image", more='[[weights]]\nname = "mine"')
    (tmp_path / "m" / "code.py").write_text(WITH_WEIGHTS.format(strict=strict))
    assert "nothing was checked: weights 'mine' are not here" in fails(capsys, "check", folder)
    state = {"weight": torch.full((3, 3, 1, 1), 1 / 3), "bias": torch.zeros(3)}
    torch.save({"params": state}, tmp_path / "weights" / "mine.pth")
    assert main.run(["check", folder, "--side", "16"]) == (0 if strict else 3)
    assert ("FAILED  loads mine.pth strictly" in capsys.readouterr().out) == (not strict)


def test_a_checkpoint_that_is_no_tensors_says_what_to_save(capsys, tmp_path: Path):
    """Not torch's advice to run whatever is in the file."""
    import torch

    folder = method_folder(tmp_path, "m", kind="image", more='[[weights]]\nfile = "net.pth"')
    (tmp_path / "m" / "code.py").write_text(WITH_WEIGHTS.format(strict=True))
    said = {}
    for what in (torch.nn.PReLU(), b"no pickle at all"):
        path = tmp_path / "m" / "net.pth"
        path.write_bytes(what) if isinstance(what, bytes) else torch.save(what, path)
        assert main.run(["check", folder, "--side", "16"]) == 3
        (said[type(what)],) = [x for x in capsys.readouterr().out.splitlines() if x.startswith("FAILED")]
    assert "holds torch.nn.modules.activation.PReLU, not only tensors" in said[torch.nn.PReLU]
    assert said[torch.nn.PReLU].endswith('torch.save(model.state_dict(), "net.pth")')
    assert all("weights_only" not in line for line in said.values()) and "copy it again" in said[bytes]
