"""A user's script type-checks against the package, and a wrong one does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SCRIPT = """
from pathlib import Path

import vfsrbench as vb

gt = vb.Clip.open(Path("clip"))
lq: vb.Clip = vb.degrade(gt, "vfhq-mild", seed=0)
restored = vb.restore(lq, "bicubic", scale=4)
table = vb.score(restored, gt, metrics=["psnr"])
value: float = vb.metric("psnr")(restored, gt)
part: vb.Clip = restored[2:7]
height: int = restored[3].shape[0]
for frame in restored:
    print(frame.mean())
frames, records = vb.load_results("demo")
status: str = records[0].status
counts: dict[str, int] = vb.run_board("demo", Path("w"), engine="serial", keep="png").counts
index: Path = vb.report("demo", "w").index
unit: str = vb.metrics()["psnr"].unit
title: str = vb.boards()["demo"].title
license: str = vb.methods()["bicubic"].licence
names: list[str] = [clip.name for clip in vb.Dataset.open("folder", "data")]
card = vb.MethodCard(name="m", title="M", kind="image", factory="m:M", description="")


class Own(vb.Predictor):
    def start_clip(self, info: vb.ClipInfo) -> None:
        super().start_clip(info)


try:
    vb.run_board(vb.boards()["demo"].replace(metrics=["psnr"]), methods=[])
except vb.InputError as error:
    print(error)
"""
WRONG = {
    "vb.score(1, 2, metrics=3)": "arg-type",
    'vb.degrade("clip", "vfhq-mild", sed=0)': "call-arg",
    'vb.run_board("demo", keep="pictures")': "arg-type",
    'vb.Clip.open("clip").hight': "attr-defined",
    "vb.skore": "attr-defined",
    'x: str = vb.metric("psnr")("a", "b")': "assignment",
}
# the libraries below are large; what the script says of them is not at stake
SETTINGS = """
[mypy]
[mypy-torch.*,pandas.*,pyarrow.*,scipy.*,cv2.*,av.*,matplotlib.*,PIL.*,psutil.*,requests.*,pooch.*]
follow_imports = skip
ignore_missing_imports = true
[mypy-vfsrbench.*,degradations.*,reports.*,baselines.*]
ignore_errors = true
"""


def test_scripts_are_checked_against_the_package(tmp_path: Path) -> None:
    (tmp_path / "mypy.ini").write_text(SETTINGS)
    (tmp_path / "right.py").write_text(SCRIPT)
    wrong = ["import vfsrbench as vb", *WRONG]
    (tmp_path / "wrong.py").write_text("\n".join(wrong) + "\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "mypy.ini", "right.py", "wrong.py"]
    done = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, env={**os.environ, "MYPYPATH": str(ROOT)}
    )
    lines = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert [line for line in lines if not line.startswith("wrong.py:")] == [], done.stderr
    for number, (text, kind) in enumerate(WRONG.items(), start=2):
        assert any(line.startswith(f"wrong.py:{number}: ") and f"[{kind}]" in line for line in lines), (
            text,
            lines,
        )
