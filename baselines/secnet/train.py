"""Train SECNet: `python -m baselines.secnet.train --data CLIPS --out FILE`.

First the local fusion alone, then the whole network (section III-A). The best network by validation PSNR
is written to FILE; FILE.state holds what is needed to go on after a break, FILE.png the curve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from tqdm import tqdm

from baselines.secnet.losses import ALPHA, GAMMA, clip_loss
from baselines.secnet.network import SECNet
from baselines.secnet.samples import Sampling, training_batch
from baselines.secnet.validate import validation_psnr
from degradations.errors import InputError
from degradations.recipe import load_recipe
from vfsrbench.io.clip import Clip
from vfsrbench.io.safety.targets import check_own_file, own_file
from vfsrbench.runtime.device import choose_device

RECIPE = "secnet-bd4"


@dataclass(frozen=True)
class Settings:
    """What is trained and how long. Defaults are the paper's; they decide the weights, bit for bit."""

    net: dict[str, Any] = field(default_factory=dict)
    sampling: Sampling = field(default_factory=Sampling)
    batch: int = 4
    pretrain_steps: int = 200_000
    steps: int = 150_000
    rate: float = 1e-4
    alpha: float = ALPHA
    gamma: float = GAMMA
    validate_every: int = 200
    validation_frames: int = 16
    save_every: int = 1000


def train(
    clips: Sequence[Clip],
    held_out: Sequence[Clip],
    out: Path,
    settings: Settings,
    device: torch.device,
    stop_after: int | None = None,
) -> list[tuple[int, float]]:
    """Train, or go on where a state file stands. -> (step, validation PSNR) of every validation so far.

    `stop_after` ends the call after so many steps in all, with a state file, as a kill would.
    """
    torch.manual_seed(settings.sampling.seed)
    for suffix in ("", ".state", ".png"):
        check_own_file(_beside(out, suffix), out.parent, mend=suffix == ".state")
    net = SECNet(**settings.net).to(device)
    optimizer = torch.optim.Adam(net.parameters(), lr=settings.rate)
    recipe = load_recipe(RECIPE)
    step, curve = _resume(out, settings, net, optimizer)
    total = settings.pretrain_steps + settings.steps
    end = total if stop_after is None else min(stop_after, total)
    with tqdm(total=total, initial=step, desc="SECNet", unit="step") as bar:
        while step < end:
            pretrain = step < settings.pretrain_steps and net.local is not None
            bar.set_description("SECNet, local fusion" if pretrain else "SECNet, all")
            lq, gt = training_batch(clips, recipe, settings.sampling, step, settings.batch)
            loss = _loss(net, lq.to(device), gt.to(device), settings, pretrain)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            step += 1
            bar.update()
            if step % settings.validate_every == 0 or step == total:
                psnr = _validate(net, held_out, settings, recipe, device, pretrain)
                curve.append((step, psnr))
                bar.set_postfix(psnr=f"{psnr:.2f} dB", loss=f"{loss.item():.2e}")
                # a network whose refinement is still untrained is no candidate
                if not pretrain and psnr >= max(p for s, p in curve if s > settings.pretrain_steps):
                    _write({"params": net.state_dict(), "config": settings.net}, out)
            if step % settings.save_every == 0 or step == end:
                _save(out, settings, net, optimizer, step, curve)
    if curve:
        with own_file(_beside(out, ".png"), out.parent) as temporary:
            draw_curve(curve, settings.pretrain_steps, temporary)
    return curve


def _loss(
    net: SECNet, lq: torch.Tensor, gt: torch.Tensor, settings: Settings, pretrain: bool
) -> torch.Tensor:
    if not pretrain:
        return clip_loss(net, lq, gt, settings.alpha).total(settings.gamma)
    refine, net.refine = net.refine, None  # the local fusion alone, on the same parameters
    try:
        return clip_loss(net, lq, gt, settings.alpha).total(settings.gamma)
    finally:
        net.refine = refine


def _validate(
    net: SECNet, clips: Sequence[Clip], settings: Settings, recipe: Any, device: torch.device, pretrain: bool
) -> float:
    refine = net.refine
    if pretrain:
        net.refine = None
    try:
        crop = settings.sampling.crop
        return validation_psnr(net, clips, recipe, settings.validation_frames, crop, device)
    finally:
        net.refine = refine


def _beside(out: Path, suffix: str) -> Path:
    return out.with_name(out.name + suffix)


def _write(content: dict[str, Any], path: Path) -> None:
    """All or nothing: a kill leaves the file before it."""
    with own_file(path, path.parent, mend=True) as temporary:
        torch.save(content, temporary)


def _save(
    out: Path,
    settings: Settings,
    net: SECNet,
    optimizer: torch.optim.Optimizer,
    step: int,
    curve: list[tuple[int, float]],
) -> None:
    state = {"net": net.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
    _write({**state, "curve": curve, "settings": asdict(settings)}, _beside(out, ".state"))


def _resume(
    out: Path, settings: Settings, net: SECNet, optimizer: torch.optim.Optimizer
) -> tuple[int, list[tuple[int, float]]]:
    path = _beside(out, ".state")
    if not path.exists():
        return 0, []
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise InputError(
            f"{path}: not a readable training state ({error}); remove it to start anew"
        ) from None
    if state["settings"] != asdict(settings):
        changed = [k for k, v in asdict(settings).items() if state["settings"].get(k) != v]
        raise InputError(f"{path}: was made with other settings ({', '.join(changed)}); choose another --out")
    net.load_state_dict(state["net"])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"]), [(int(s), float(p)) for s, p in state["curve"]]


def draw_curve(curve: Sequence[tuple[int, float]], pretrain_steps: int, path: Path) -> None:
    """Validation PSNR against the step, as a PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.subplots()
    steps, values = zip(*curve, strict=True)
    axes.plot(steps, values, color="#0072b2", linewidth=1.5, marker="." if len(curve) < 40 else "")
    if 0 < pretrain_steps < max(steps):
        axes.axvline(pretrain_steps, color="0.6", linewidth=1, linestyle="--")
        axes.annotate(
            "whole network", (pretrain_steps, max(values)), xytext=(4, 0), textcoords="offset points"
        )
    axes.set(xlabel="step", ylabel="validation PSNR (dB)", title="SECNet")
    figure.savefig(path, dpi=150)


def main(
    data: Annotated[Path, typer.Option(help="a folder of clips (folders of pictures, or videos)")],
    out: Annotated[Path, typer.Option(help="the checkpoint to write")],
    held_out: Annotated[int, typer.Option(help="the last so many clips are for validation")] = 1,
    layout: Annotated[
        str, typer.Option(help="how the data set is laid out; see `vfsrbench list datasets`")
    ] = "folder",
    steps: int = 150_000,
    pretrain_steps: int = 200_000,
    batch: int = 4,
    frames: int = 8,
    crop: int = 256,
    max_stride: int = 2,
    rate: float = 1e-4,
    validate_every: int = 200,
    save_every: int = 1000,
    seed: int = 0,
    device: Annotated[
        str | None, typer.Option(help="cpu, cuda, cuda:1, ...; none: a GPU, if there is one")
    ] = None,
    channels: int = 64,
    motion_width: int = 32,
    local_blocks: int = 6,
    blocks: int = 8,
    previous: int = 2,
    past: int = 6,
    sequence: str = "fused",
    attention: str = "spatial",
) -> None:
    """Train SECNet on clips degraded by Gaussian blur and subsampling."""
    from vfsrbench.datasets.dataset import open_dataset

    try:
        clips = [c.gt for c in open_dataset(layout, str(data)).clips() if c.gt is not None]
        if len(clips) <= held_out or held_out < 1:
            raise InputError(
                f"{data}: {len(clips)} clips, more than the {held_out} for validation are needed"
            )
        if crop % 4:
            raise InputError(f"--crop {crop}: a multiple of 4 is needed")
        net = {
            "channels": channels, "motion_width": motion_width, "local_blocks": local_blocks,
            "blocks": blocks, "previous": previous, "past": past, "sequence": sequence,
            "attention": attention,
        }  # fmt: skip
        settings = Settings(
            net, Sampling(frames, crop, max_stride, seed), batch, pretrain_steps, steps, rate,
            validate_every=validate_every, save_every=save_every,
        )  # fmt: skip
        place = choose_device(device)
        out.parent.mkdir(parents=True, exist_ok=True)
        curve = train(clips[:-held_out], clips[-held_out:], out, settings, place)
    except InputError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from None
    whole = [psnr for step, psnr in curve if step > pretrain_steps]  # FILE holds the best of these
    if whole:
        typer.echo(f"best validation PSNR {max(whole):.2f} dB; the network is in {out}")
    else:
        typer.echo(f"the local fusion alone was trained; {out} comes with the whole network (--steps)")


if __name__ == "__main__":
    typer.run(main)
