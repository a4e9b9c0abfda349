"""Small boards for tests: tiny clips, tiny methods in folders of their own, and boards of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vfsrbench.board import Board
from vfsrbench.predictor import Predictor
from vfsrbench.results.load import result_files
from vfsrbench.results.schema import JobRecord
from vfsrbench.results.store import Result, read_result, write_result
from vfsrbench.runs.jobs import Options
from vfsrbench.runs.progress import Progress
from vfsrbench.runs.run import run_board
from vfsrbench.runs.summary import RunSummary

SIDE = 32
CARD = """
name = "{name}"
title = "{name}"
kind = "{kind}"
class = "code:Method"
description = "a test's method"
licence = "MIT"
{more}
"""
CODE = """
import os, signal, time
from pathlib import Path
import torch
from vfsrbench.predictor import Predictor

class Method(Predictor):
    def restore(self, frames, generator):
        size = (self.clip.out_height, self.clip.out_width)
        out = torch.nn.functional.interpolate(frames, size=size, mode="{mode}")
        {act}
        return out
"""


def moving(frames: int, side: int = SIDE, seed: int = 0) -> NDArray[np.uint8]:
    """A smooth random texture that moves one pixel a frame: uint8 (T, side, side, 3)."""
    rng = np.random.default_rng(seed)
    rough = rng.integers(0, 256, (side // 4, (side + frames) // 4 + 1, 3)).astype(np.float32)
    wide = cv2.resize(rough, (side + frames, side), interpolation=cv2.INTER_CUBIC)
    wide = np.clip(np.rint(wide), 0, 255).astype(np.uint8)
    return np.stack([wide[:, t : t + side] for t in range(frames)])


def write_clip(folder: Path, frames: NDArray[np.uint8], first: int = 0) -> Path:
    """The frames as 00000000.png and so on."""
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames, start=first):
        cv2.imwrite(str(folder / f"{number:08d}.png"), frame[..., ::-1])
    return folder


def data_set(root: Path, clips: Sequence[str] = ("one", "two"), frames: int = 12, side: int = SIDE) -> Path:
    """A folder of clips, the second one frame shorter than the first, and so on."""
    for index, name in enumerate(clips):
        write_clip(root / name, moving(frames - index, side, seed=index))
    return root


def method_folder(
    root: Path, name: str, act: str = "pass", mode: str = "bilinear", kind: str = "video", more: str = ""
) -> str:
    """A method's folder; `act` is a line of code that sees `frames`, `generator` and changes `out`."""
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "card.toml").write_text(CARD.format(name=name, kind=kind, more=more))
    (folder / "code.py").write_text(CODE.format(mode=mode, act=act))
    return str(folder)


def board_file(path: Path, board: Board) -> Path:
    """The board as a TOML file."""
    use = board.dataset
    path.write_text(
        f"name = {json.dumps(board.name)}\ntitle = {json.dumps(board.title)}\nversion = 1\n"
        f"splits = {json.dumps(board.splits)}\nmethods = {json.dumps(board.methods)}\n"
        f"metrics = {json.dumps(board.metrics)}\n[dataset]\nlayout = {json.dumps(use.layout)}\n"
        f"path = {json.dumps(use.path)}\n"
    )
    return path


def scores(workspace: Path) -> dict[tuple[str, str, str], dict[str, bytes]]:
    """Every number of a workspace's results, to the bit, by method, split and clip."""
    found = {}
    for path in result_files([workspace / "results"]):
        result = read_result(path)
        record = result.record
        values = {m: v.tobytes() for m, v in result.values.items()}
        clip = {f"{m} of clip": np.float64(v).tobytes() for m, v in record.clip_values.items()}
        digest = {"": record.restored_digest.encode()}
        found[record.method, record.split, record.clip] = {**values, **clip, **digest}
    return found


def small_board(data: Path, methods: Sequence[str] = (), /, **more: object) -> Board:
    """A board over `data` with two quick splits and two quick metrics, unless told otherwise."""
    facts: dict[str, object] = {
        "name": "small",
        "title": "Small",
        "version": 1,
        "dataset": {"layout": "folder", "path": str(data)},
        "splits": ["bi-x4", "bi-x8"],
        "methods": list(methods),
        "metrics": ["psnr", "ewarp_dis"],
    }
    return Board.model_validate({**facts, **more})


TIMES = ("run", "finished", "restore_seconds", "score_seconds", "peak_memory")


def contents(workspace: Path) -> dict[str, bytes]:
    """Every results file of a workspace to the byte, with times, memory and the run's identity left out."""
    found = {}
    for path in result_files([workspace / "results"]):
        result = read_result(path)
        plain = {"run": "", "seconds": 0.0}
        scores = {m: s.model_copy(update=plain) for m, s in result.record.scores.items()}
        blank = {name: JobRecord.model_fields[name].default for name in TIMES}
        record = result.record.model_copy(update={**blank, "scores": scores})
        place = path.relative_to(workspace).as_posix()
        copy = path.with_name("copy.bin")
        write_result(copy, Result(record, result.frame_names, result.values))
        found[place] = copy.read_bytes()
        copy.unlink()
    return found


def run_with(
    board: Board,
    workspace: Path,
    *,
    methods: Sequence[Predictor] = (),
    progress: Progress | None = None,
    **options: Any,
) -> RunSummary:
    """`run_board` in this process, with the run's options as keywords."""
    return run_board(
        board, workspace, Options(**options), engine="serial", methods=methods, progress=progress
    )
