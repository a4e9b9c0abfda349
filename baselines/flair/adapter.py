"""FLAIR as a method: windows of ten frames, each sampled from its own noise, tied to the window before."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.adapters.compiled import compile_parts
from baselines.adapters.vsr import fit_input, pad_by_reflection
from baselines.flair.diffusion.consistency import exact
from baselines.flair.diffusion.sampler import Walk, noised, sample
from baselines.flair.diffusion.schedule import consistency_weights, keep_weights, make_schedule
from baselines.flair.diffusion.tasks import TASKS, find_degradation
from baselines.flair.enhance import FaceEnhancer, Placement, Restorer
from baselines.flair.faces import background_weights
from baselines.flair.unet.network import FlairUNet
from degradations.errors import InputError
from vfsrbench.card import MethodCard, Value
from vfsrbench.faces.networks.parsenet import ParseNet
from vfsrbench.faces.networks.retinaface import retinaface_resnet50
from vfsrbench.predictor import ClipInfo, Predictor
from vfsrbench.runtime.checkpoint import load_checkpoint
from vfsrbench.runtime.device import queued
from vfsrbench.runtime.precision import arithmetic, round_weights
from vfsrbench.windows import first_window, smaller


@dataclass(frozen=True)
class Seen:
    """The window before: its degraded frames, and what each sampling made of them, in [-1, 1]."""

    frames: Tensor
    samples: tuple[Tensor, ...]


@dataclass(frozen=True)
class Condition:
    """What holds for all steps of a window: the enlarged frames (n, 3, h, w), the degraded ones, what the
    network is given beside x_t, and where the faces are."""

    enlarged: Tensor
    degraded: Tensor
    given: dict[str, Any]
    faces: tuple[Placement, ...]


class FlairPredictor(Predictor):
    """Plain FLAIR. Subclasses add an enhancement. Options: see the card."""

    def __init__(self, card: MethodCard, options: Mapping[str, Value]) -> None:
        """InputError for options that contradict each other. With `image`, windows do not see each other."""
        super().__init__(card.model_copy(update={"stateful": not options["image"]}), options)
        if int(options["start"]) >= int(options["K"]):
            raise InputError(f"FLAIR: start={options['start']} is none of the {options['K']} steps")
        self.seen: Seen | None = None
        self.enhancer: FaceEnhancer | None = None
        self.parser: nn.Module | None = None
        self.net: Any = None
        self._task = ""

    def network(self, config: str) -> nn.Module:
        """The network of that configuration, without weights."""
        return FlairUNet(config)

    def restorer(self, weights: Mapping[str, Path]) -> Restorer | None:
        """What enhances faces: none here."""
        return None

    def load(self, weights: Mapping[str, Path], device: torch.device) -> None:
        """Roles: the tasks' names (read when a clip first needs them), "parser", "detector", "enhancer"."""
        super().load(weights, device)
        self.files = dict(weights)
        self.nets: dict[str, Any] = {}  # by task
        if "parser" in weights:
            self.parser = self.loaded(ParseNet(), weights["parser"])
        restorer = self.restorer(weights)
        if restorer is not None:
            assert self.parser is not None
            detector = self.loaded(retinaface_resnet50(), weights["detector"])
            self.enhancer = FaceEnhancer(detector, self.parser, self._profiled(restorer))

    def loaded(self, net: nn.Module, path: Path, **how: Any) -> nn.Module:
        """The network with its weights, on the device."""
        load_checkpoint(net, path, **how)
        return net.eval().requires_grad_(False).to(self.device)

    def rounded(self, net: nn.Module) -> nn.Module:
        """The network as the profile holds it. For networks that run in the profile's arithmetic only."""
        if self.profile == "fast":
            round_weights(net)
        return net

    def _profiled(self, restorer: Restorer) -> Restorer:
        def run(faces: Tensor) -> Tensor:
            with arithmetic(self.profile, self.device):
                return restorer(faces)

        return run

    def start_clip(self, info: ClipInfo) -> None:
        """Chooses the degradation, hence the network and its schedule. Nothing is known of other clips."""
        super().start_clip(info)
        self.seen, self._window = None, 0
        self.degradation = find_degradation(str(self.options["degradation"]), info.recipe, info.drawn)
        self.task = TASKS[self.degradation.task]
        self._use(self.degradation.task)
        self.walk = self._walk()

    def restore(self, frames: Tensor, generator: torch.Generator) -> Tensor:
        """One window (T, 3, h, w) in [0, 1] -> (T, 3, H, W): the mean of `sa` samplings."""
        with exact(self.device):
            degraded = self._fitted(frames) * 2 - 1
            shared = self._shared(degraded)
            condition = self._condition(degraded)
            count, samples = int(self.options["sa"]), []
            for number in range(count):
                known = self.seen.samples[number][-shared:] if shared and self.seen else None
                label = f"{self.clip.name} {number + 1}/{count}" if count > 1 else self.clip.name
                samples.append(self._sampled(condition, known, generator, label))
            self._window = self._window or len(frames)
            self.seen = Seen(degraded, tuple(samples))
            mean = torch.stack(samples).mean(0)
        return (mean[..., : self.clip.out_height, : self.clip.out_width] + 1) / 2

    def _walk(self) -> Walk:
        options, task = self.options, self.task
        schedule = make_schedule(task.network, int(options["K"]))
        gammas = consistency_weights(schedule, self.degradation.noise, task.zeta, str(options["gamma"]))
        start = None if int(options["start"]) < 0 else int(options["start"])
        rho = task.rho if float(options["eta"]) < 0 else float(options["eta"])
        keep, tau = float(options.get("keep", 1)), int(options.get("tau", 5))
        keeps = keep_weights(len(schedule), task.keep if keep < 0 else keep, tau, start)
        return Walk(schedule, gammas, keeps, rho, tau, start)

    def _use(self, task: str) -> None:
        """Put the task's network on the device; the others wait in the computer's memory."""
        if task == self._task:
            return
        if self._task:
            self.nets[self._task].cpu()
        if task not in self.nets:
            if task not in self.files:
                raise InputError(f"FLAIR: this clip needs the weights flair-{task}, which were not loaded")
            self.nets[task] = self.rounded(self.loaded(self.network(TASKS[task].network), self.files[task]))
            compile_parts(self, self.nets[task])
        self.net, self._task = self.nets[task].to(self.device), task

    def _fitted(self, frames: Tensor) -> Tensor:
        """The degraded frames in the size that the task shrinks to, with sides that the network takes."""
        factor, net = self.degradation.model.factor, self.nets[self._task]
        inner = (-(-self.clip.out_height // factor), -(-self.clip.out_width // factor))
        multiple, least = max(1, int(net.multiple) // factor), -(-int(net.least) // factor)
        return pad_by_reflection(fit_input(frames, *inner), multiple, least)

    def _shared(self, degraded: Tensor) -> int:
        """How many of the window's first frames the window before ended with."""
        if self.seen is None or self.options["image"]:
            return 0
        window = first_window(self.card, self.clip.frames)
        overlap = min(self.card.overlap, window - 1)
        while window > self._window:  # the harness halves windows when memory runs out
            window, overlap = smaller(window, overlap)
        same = overlap > 0 and torch.equal(self.seen.frames[-overlap:], degraded[:overlap])
        return overlap if same else 0

    def _condition(self, degraded: Tensor) -> Condition:
        size = [side * self.degradation.model.factor for side in degraded.shape[-2:]]
        bicubic = F.interpolate(degraded, size, mode="bicubic", align_corners=False).clamp(-1, 1)
        enlarged = bicubic
        if self.task.enlarge == "area":  # which is repetition
            enlarged = F.interpolate(degraded, size, mode="nearest")
        given: dict[str, Any] = {"enable_cross_frames": not self.options["image"]}
        if self.options["image"]:
            given["low_res_input"] = enlarged[:, None]  # every frame a clip of its own
        else:
            given["low_res_input"] = enlarged[None]
            given["flows"] = self.nets[self._task].flows_of(bicubic[None], size)
            if self.parser is not None and self.options["anneal"] and self.task.background < 1:
                parsed = torch.cat([self.parser(frame[None]) for frame in enlarged])
                given["vsrpp_weights"] = background_weights(parsed, self.task.background)[None]
        faces: tuple[Placement, ...] = ()
        if self.enhancer is not None:
            faces = self.enhancer.place(self.enhancer.find(enlarged), enlarged)
        return Condition(enlarged, degraded, given, faces)

    def _sampled(
        self, condition: Condition, known: Tensor | None, generator: torch.Generator, label: str
    ) -> Tensor:
        shape, device = condition.enlarged.shape, self.device

        def draw() -> Tensor:
            # on the CPU, for the same numbers on every device; the device has the step before to do meanwhile
            return queued(torch.randn(shape, generator=generator), device)

        def correction(x: Tensor) -> Tensor:
            return self.degradation.model.correction(x, condition.degraded)

        def enhance(x: Tensor) -> Tensor:
            assert self.enhancer is not None
            return self.enhancer.enhance(x, condition.faces)

        return sample(
            noised(condition.enlarged, self.walk, draw),
            self.walk,
            self._predictor(condition),
            draw,
            correction if self.options["dc"] else None,
            None if self.enhancer is None else enhance,
            known,
            label=label,
        )

    def _predictor(self, condition: Condition) -> Callable[[Tensor, int], Tensor]:
        schedule = self.walk.schedule

        def predict(x: Tensor, index: int) -> Tensor:
            bicubic = self.task.network == "bicubic"
            level = math.sqrt(schedule.alpha_bar[index]) if bicubic else float(schedule.steps[index])
            with arithmetic(self.profile, self.device):
                noise = self.net(x, x.new_full((len(x),), level), **condition.given)
            return noise[:, :3].float()

        return predict


class FlairCodeFormer(FlairPredictor):
    """FLAIR + CodeFormer."""

    def restorer(self, weights: Mapping[str, Path]) -> Restorer:
        from baselines.codeformer.network import CodeFormer

        net = self.rounded(self.loaded(CodeFormer(), weights["enhancer"]))
        return lambda faces: net(faces, w=1.0, adain=True)[0]


class FlairRestoreFormerPP(FlairPredictor):
    """FLAIR + RestoreFormer++."""

    def restorer(self, weights: Mapping[str, Path]) -> Restorer:
        from baselines.restoreformer.adapter import RestoreFormerPPPredictor
        from baselines.restoreformer.network import RestoreFormerPP

        leave = RestoreFormerPPPredictor.leave
        net = self.rounded(self.loaded(RestoreFormerPP(), weights["enhancer"], leave=leave))
        return lambda faces: net(faces).image
