"""DOVER of restored clips: how good a video looks, technically and aesthetically."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vfsrbench.metric import Frames, Metric, Window
from vfsrbench.metrics.networks.dover import DOVER, aesthetic_share, fused, technical_share
from vfsrbench.metrics.pixels import check_frames, check_size
from vfsrbench.metrics.quality.dover_views import (
    CLIPS,
    LENGTH,
    PIECE,
    SIDE,
    enlarged,
    fragments,
    frames_of,
    pieces_of,
    shrunk,
)
from vfsrbench.runtime.device import queued
from vfsrbench.runtime.network import loaded, runner, shared
from vfsrbench.runtime.precision import Profile

TECHNICAL, AESTHETIC = "technical", "aesthetic"
BRANCHES = {"overall": (TECHNICAL, AESTHETIC), TECHNICAL: (TECHNICAL,), AESTHETIC: (AESTHETIC,)}
"""By value: the branches that it is made of."""
Rows = NDArray[Any]
VIEW = np.dtype([("aesthetic", "?"), ("draw", "<u2"), ("place", "<u2"), ("pixels", "u1", (SIDE, SIDE, 3))])
"""A frame of a view: of which one, of which draw, and its place in it."""
_KNOWN = 32


class Dover(Metric):
    """DOVER of a clip. Role `network`: its file.

    On the card: `params.value`, one of overall, technical and aesthetic; `params.seed`, from which frames and
    pieces are drawn; `params.draws`, how often (seed, seed + 1, ...): the value is their mean.
    """

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        super().load(weights, device)
        path, profile = weights["network"], self.profile
        key = ("dover opinions", path, str(device), profile)
        self.opinions = shared(key, lambda: Opinions(path, device, profile))
        self.branches = BRANCHES[str(self.card.params["value"])]
        first = int(self.card.params["seed"])
        self.seeds = range(first, first + int(self.card.params["draws"]))

    def score(self, restored: Window, gt: Window, state: Any) -> Rows:
        """The frames of views that this window has, rows of `VIEW` in any number, for `finish`."""
        check_frames(restored)
        check_size(restored, PIECE, self.card.id)
        parts = [self._views(restored, branch, draw) for branch in self.branches for draw in self._draws]
        return np.concatenate(parts)

    def finish(self, values: Rows) -> float:
        return float(np.mean([self._value(values[values["draw"] == draw]) for draw in self._draws]))

    @property
    def _draws(self) -> range:
        return range(len(self.seeds))

    def _views(self, window: Window, branch: str, draw: int) -> Rows:
        """Likewise of one branch and draw; made once for all values that need them."""
        make = {TECHNICAL: _technical, AESTHETIC: _aesthetic}[branch]
        seed = self.seeds[draw]
        found = window.memo(("dover", branch, seed), partial(make, window, seed))
        rows = np.zeros(len(found), VIEW)
        rows["aesthetic"], rows["draw"] = branch == AESTHETIC, draw
        for row, (place, pixels) in zip(rows, found, strict=True):
            row["place"], row["pixels"] = place, pixels
        return rows

    def _value(self, rows: Rows) -> float:
        """The value of one draw."""
        raw = {branch: self._raw(rows, branch) for branch in self.branches}
        if len(raw) == 2:
            return fused(raw[TECHNICAL], raw[AESTHETIC])
        return technical_share(raw[TECHNICAL]) if TECHNICAL in raw else aesthetic_share(raw[AESTHETIC])

    def _raw(self, rows: Rows, branch: str) -> float:
        own = rows[rows["aesthetic"] == (branch == AESTHETIC)]
        pixels = own["pixels"][np.argsort(own["place"], kind="stable")]
        clips = CLIPS if branch == TECHNICAL else 1
        return self.opinions.raw(branch, pixels.reshape(clips, LENGTH, SIDE, SIDE, 3))


class Opinions:
    """The network, and what it said of the views that it saw last: several values are made of the same."""

    def __init__(self, path: Path, device: torch.device, profile: Profile) -> None:
        self.runner = runner(("dover", path), partial(loaded, DOVER, path), device, profile)
        self._known: dict[tuple[str, bytes], float] = {}

    def raw(self, branch: str, clips: Frames) -> float:
        """A branch's raw value of clips (N, T, 224, 224, 3), uint8: the mean over all their places."""
        clips = np.ascontiguousarray(clips)
        key = branch, hashlib.sha256(clips.data).digest()
        if key not in self._known:
            if len(self._known) >= _KNOWN:
                del self._known[next(iter(self._known))]
            pixels = queued(torch.from_numpy(clips), self.runner.device)
            said = self.runner(pixels, 1, partial(_opinion, branch))
            self._known[key] = float(said.double().mean().cpu())
        return self._known[key]


def _opinion(branch: str, network: nn.Module, clips: Tensor) -> Tensor:
    assert isinstance(network, DOVER)
    view = network.normalized(clips)
    return network.technical(view) if branch == TECHNICAL else network.aesthetic(view)


def _technical(window: Window, seed: int) -> list[tuple[int, Frames]]:
    """Places of the technical view whose frames a window scores, and their pixels."""
    numbers, _ = frames_of(window.truth.total, seed)
    rows, columns = pieces_of(*window.frames.shape[1:3], seed)
    found = []
    for number in window.scored:
        places = np.flatnonzero(numbers == number)
        if not len(places):
            continue
        frame = enlarged(window.frames[number - window.start])
        views = {
            clip: fragments(frame, rows[..., clip], columns[..., clip]) for clip in {*(places // LENGTH)}
        }
        found += [(int(place), views[place // LENGTH]) for place in places]
    return found


def _aesthetic(window: Window, seed: int) -> list[tuple[int, Frames]]:
    """Likewise of the aesthetic view."""
    _, numbers = frames_of(window.truth.total, seed)
    found = []
    for number in window.scored:
        places = np.flatnonzero(numbers == number)
        if len(places):
            view = shrunk(window.frames[number - window.start])
            found += [(int(place), view) for place in places]
    return found
