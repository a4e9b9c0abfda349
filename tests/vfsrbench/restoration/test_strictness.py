"""Files loaded only when they are needed are tried by restoring, and skipped where they are not needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.vfsrbench.boards import method_folder
from vfsrbench.cli import main

LAZY = """
import torch
from vfsrbench.predictor import ImagePredictor


class Method(ImagePredictor):
    def load(self, weights, device):
        super().load(weights, device)
        self.paths, self.network = dict(weights), None

    def restore_batch(self, frames):
        if self.network is None:
            network = torch.nn.Conv2d(3, 3, 1, groups=3)
            state = torch.load(self.paths["{role}"], weights_only=True)
            network.load_state_dict(state, strict={strict})
            self.network = network
        return frames.repeat_interleave(4, 2).repeat_interleave(4, 3)
"""


@pytest.mark.parametrize(
    ("strict", "code", "line"),
    [
        (True, 0, "ok      loads used.pth strictly"),
        (False, 3, "FAILED  loads used.pth strictly: a checkpoint with a tensor missing was loaded"),
    ],
)
def test_a_file_loaded_late_is_tried_and_one_that_is_not_read_is_skipped(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    strict: bool,
    code: int,
    line: str,
) -> None:
    import torch

    monkeypatch.setenv("VFSRBENCH_WEIGHTS", str(tmp_path / "weights"))
    (tmp_path / "weights").mkdir()
    uses = "".join(f'[[weights]]\nname = "{name}"\nrole = "{name}"\n' for name in ("used", "other"))
    folder = method_folder(tmp_path, "m", kind="image", more=uses)
    (tmp_path / "m" / "code.py").write_text(LAZY.format(role="used", strict=strict))
    for name in ("used", "other"):
        state = {"body.weight": torch.zeros(3, 1, 1, 1)} if name == "other" else {}
        own = {"weight": torch.ones(3, 1, 1, 1), "bias": torch.zeros(3)}
        torch.save(state or own, tmp_path / "weights" / f"{name}.pth")
    assert main.run(["check", folder, "--side", "16"]) == code
    said = capsys.readouterr().out
    assert line in said
    assert "skipped loads other.pth strictly: it is not read for the clip that is tried" in said
