"""SECNet: the published sizes, the paper's algorithms, what is reused between frames, and training."""

from __future__ import annotations

import math
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import typer
from typer.testing import CliRunner

from baselines.secnet import samples
from baselines.secnet.blocks import ConvLSTM
from baselines.secnet.losses import clip_loss
from baselines.secnet.network import ERFFNet, LFFNet, SECNet
from baselines.secnet.samples import Sampling, training_batch
from baselines.secnet.sequence import SequentialEncoding
from baselines.secnet.train import Settings, train
from baselines.secnet.train import main as command
from baselines.secnet.upsample import PhasedBicubic
from degradations.recipe import load_recipe
from vfsrbench.errors import InputError
from vfsrbench.io.clip import Clip, write_png_folder
from vfsrbench.method_spec import choose_method
from vfsrbench.predictor import ClipInfo

TINY: dict[str, Any] = {"channels": 8, "motion_width": 4, "local_blocks": 1, "blocks": 2, "past": 2}
CPU = torch.device("cpu")


def count(net: torch.nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def frames(t: int, height: int = 20, width: int = 24, n: int = 1) -> torch.Tensor:
    return torch.rand(n, t, 3, height, width, generator=torch.Generator().manual_seed(0))


def tiny(**changes: Any) -> SECNet:
    torch.manual_seed(0)
    return SECNet(**(TINY | changes)).eval()


@pytest.mark.parametrize(
    ("build", "published"), [(LFFNet, 3_382_405), (ERFFNet, 4_551_237), (SECNet, 5_334_792)]
)
def test_parameters_come_near_the_published_counts(build: Any, published: int) -> None:
    assert abs(count(build()) / published - 1) < 0.01


def convlstm(cell: ConvLSTM, x: torch.Tensor, h: torch.Tensor, c: torch.Tensor) -> tuple[Any, Any]:
    """The six lines below equation 5, each gate with its own kernels."""
    n = cell.channels
    e = x.shape[1]
    weight, bias = cell.gates.weight, cell.gates.bias

    def gate(k: int) -> torch.Tensor:
        rows = slice(k * n, (k + 1) * n)
        return (
            F.conv2d(x, weight[rows, :e], padding=1)
            + F.conv2d(h, weight[rows, e:], padding=1)
            + bias[rows, None, None]
        )

    a_i, a_f, a_g, a_o = gate(0).sigmoid(), gate(1).sigmoid(), gate(2).tanh(), gate(3).sigmoid()
    c = a_f * c + a_i * a_g
    return a_o * c.tanh(), c


@pytest.mark.parametrize("strategy", ["oneway", "cascaded", "fused"])
def test_sequential_encoding_is_the_papers_algorithm(strategy: str) -> None:
    torch.manual_seed(1)
    past, steps = 3, 6
    encoding = SequentialEncoding(4, strategy, past)
    sequence = list(torch.randn(steps, 1, 4, 6, 5))
    kept: list[torch.Tensor] = []
    state = None
    zero = torch.zeros(1, 4, 6, 5)
    h = c = zero
    for t in range(1, steps + 1):
        with torch.no_grad():
            got, kept, state = encoding(sequence[t - 1], kept, state)
            if strategy == "oneway":
                h, c = convlstm(encoding.cell, sequence[t - 1], h, c)
                want = h
            else:
                first = t - min(t, past + 1) + 1
                back: dict[int, torch.Tensor] = {}
                hb = cb = hf = cf = zero
                for k in range(t, first - 1, -1):
                    hb, cb = convlstm(encoding.backward_cell, sequence[k - 1], hb, cb)
                    back[k] = hb
                for k in range(first, t + 1):
                    fed = back[k]
                    if strategy == "fused":
                        fed = torch.cat([back[k], sequence[k - 1]], dim=1)
                    hf, cf = convlstm(encoding.forward_cell, fed, hf, cf)
                want = hf
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-6)
        assert len(kept) == (0 if strategy == "oneway" else min(t, past))


def test_the_base_puts_small_pixels_on_their_phase() -> None:
    """Phase 0 gives back what was subsampled; the centred phase is the usual bicubic inside."""
    generator = torch.Generator().manual_seed(0)
    small = torch.rand(1, 3, 12, 14, generator=generator)
    assert torch.allclose(PhasedBicubic(0.0)(small)[..., ::4, ::4], small, atol=1e-6)
    ramp = torch.arange(12.0).view(1, 1, 1, 12).expand(1, 1, 12, 12)
    inside = slice(12, 36)
    for phase in (0.0, 1.5):
        large = PhasedBicubic(phase)(ramp)[0, 0, 24, inside]
        expected = (torch.arange(48.0)[inside] - phase) / 4
        torch.testing.assert_close(large, expected, rtol=0, atol=1e-5)
    # torch's antialiased bicubic has a = -0.5; enlarging, it is the plain kernel
    ours = PhasedBicubic(1.5)(small)
    theirs = F.interpolate(small, scale_factor=4, mode="bicubic", align_corners=False, antialias=True)
    torch.testing.assert_close(ours[..., 8:-8, 8:-8], theirs[..., 8:-8, 8:-8], rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "changes",
    [
        {}, {"sequence": "oneway"}, {"sequence": "cascaded"}, {"sequence": "none"}, {"previous": 0},
        {"previous": 3}, {"past": 0}, {"attention": "none"}, {"attention": "channel+spatial"},
        {"attention": "nonlocal", "blocks": 4}, {"local": False}, {"recurrent": False}, {"reach": 1},
        {"blocks": 16}, {"blocks": 1},
    ],
)  # fmt: skip
def test_every_variant_runs_and_is_one_of_its_own(changes: dict[str, Any]) -> None:
    net = tiny(**changes)
    with torch.no_grad():
        out = net(frames(4))
        streamed = torch.stack(list(net.stream(frames(4).unbind(1))), dim=1)
    assert out.shape == (1, 4, 3, 80, 96)
    assert torch.equal(out, streamed)
    if changes:
        assert count(net) != count(tiny()) or changes in ({"past": 0},)


def test_unknown_variants_are_named() -> None:
    with pytest.raises(InputError, match=r"'fusd'.*did you mean 'fused'"):
        SECNet(sequence="fusd")
    with pytest.raises(InputError, match=r"'spatal'.*did you mean 'spatial'"):
        SECNet(attention="spatal")


def test_only_the_past_and_two_frames_ahead_matter() -> None:
    net = tiny()
    clip = frames(7)
    changed = clip.clone()
    changed[:, 5] = 0
    with torch.no_grad():
        before, after = net(clip), net(changed)
    assert torch.equal(before[:, :3], after[:, :3])
    assert not torch.equal(before[:, 3], after[:, 3])


def test_previous_outputs_and_features_are_used() -> None:
    clip = frames(5)
    for changes in ({"sequence": "none"}, {"previous": 0}, {"previous": 0, "sequence": "oneway"}):
        net = tiny(**changes)
        with torch.no_grad():
            whole = net(clip)
            alone = net.step(clip, 4, type(next(net.steps(clip)).memory)()).output
        assert not torch.allclose(whole[:, 4], alone, atol=1e-6)


@pytest.mark.parametrize("sequence", ["oneway", "fused"])
def test_what_is_kept_does_not_grow(sequence: str) -> None:
    net = tiny(sequence=sequence)

    def held(memory: Any) -> int:
        state = memory.state or ()
        return sum(x.numel() for x in (*memory.outputs, *memory.features, *state))

    with torch.no_grad():
        sizes = [held(step.memory) for step in net.steps(frames(9))]
    assert sizes[3] == sizes[8]


def test_the_recurrence_sends_no_gradient_into_the_flow() -> None:
    net = tiny(local=False)
    clip = frames(3)
    *_, last = net.steps(clip)
    last.output.sum().backward()
    assert all(p.grad is None or not p.grad.any() for p in net.motion.parameters())
    net.zero_grad()
    net = tiny()
    *_, last = net.steps(clip)
    last.initial.sum().backward()
    assert any(p.grad is not None and p.grad.any() for p in net.motion.parameters())


def test_losses_are_the_papers_sum() -> None:
    net = tiny()
    lq = frames(2, 8, 8)
    gt = torch.rand(1, 2, 3, 32, 32, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        loss = clip_loss(net, lq, gt)
        steps = list(net.steps(lq))
    output = np.mean([((s.output - gt[:, i]) ** 2).mean().item() for i, s in enumerate(steps)])
    motion = []
    for i, s in enumerate(steps):
        error = ((s.warped - lq[:, i : i + 1]) ** 2).mean()
        variation = (s.flows[..., 1:] - s.flows[..., :-1]).abs().mean()
        variation = variation + (s.flows[..., 1:, :] - s.flows[..., :-1, :]).abs().mean()
        motion.append((error + 0.01 * variation).item())
    assert math.isclose(loss.output.item(), output, rel_tol=1e-5)
    assert math.isclose(loss.motion.item(), float(np.mean(motion)), rel_tol=1e-5)
    total = loss.output + loss.initial + 0.1 * loss.motion
    assert math.isclose(loss.total().item(), total.item(), rel_tol=1e-6)


# training -------------------------------------------------------------------------------------------


def moving_clips() -> list[Clip]:
    """Three clips of smooth shapes with sharp edges, drifting: enough to learn edges from."""
    clips = []
    ys, xs = np.mgrid[0:96, 0:96].astype(np.float64)
    for c in range(3):
        rng = np.random.RandomState(c)
        discs = rng.uniform([0, 0, 4, 30], [96, 96, 18, 225], (30, 4))
        drift = rng.uniform(-1.2, 1.2, 2)
        pictures = []
        for t in range(10):
            picture = np.full((96, 96, 3), 120.0)
            for y, x, radius, level in discs:
                inside = (ys - y - drift[0] * t) ** 2 + (xs - x - drift[1] * t) ** 2 < radius**2
                picture[inside] = (level, 255 - level, (level * 1.7) % 255)
            pictures.append(picture)
        clips.append(Clip.from_array(np.stack(pictures).round().astype(np.uint8), f"clip-{c}"))
    return clips


def settings(**changes: Any) -> Settings:
    base: dict[str, Any] = {
        "net": TINY, "sampling": Sampling(frames=3, crop=32, max_stride=2, seed=5), "batch": 2,
        "pretrain_steps": 2, "steps": 4, "rate": 1e-3, "validate_every": 3, "save_every": 2,
        "validation_frames": 3,
    }  # fmt: skip
    return Settings(**(base | changes))


def test_batches_depend_on_their_number_alone() -> None:
    clips, recipe = moving_clips(), load_recipe("secnet-bd4")
    sampling = Sampling(frames=3, crop=32, seed=1)
    lq, gt = training_batch(clips, recipe, sampling, step=7, size=2)
    again = training_batch(clips, recipe, sampling, step=7, size=2)
    other = training_batch(clips, recipe, sampling, step=8, size=2)
    assert torch.equal(lq, again[0])
    assert torch.equal(gt, again[1])
    assert not torch.equal(gt, other[1])
    assert lq.shape == (2, 3, 3, 8, 8)
    assert gt.shape == (2, 3, 3, 32, 32)
    assert float(gt.max()) <= 1
    # an epoch visits every clip once
    seen = {clip_number(clips, sampling, i) for i in range(3)}
    assert seen == {0, 1, 2}


def clip_number(clips: list[Clip], sampling: Sampling, number: int) -> int:
    epoch, position = divmod(number, len(clips))
    return int(samples._generator(sampling.seed, 1, epoch).permutation(len(clips))[position])


def test_resuming_gives_the_same_weights(tmp_path: Path) -> None:
    clips = moving_clips()
    straight, broken = tmp_path / "a.pth", tmp_path / "b.pth"
    curve = train(clips[:2], clips[2:], straight, settings(), CPU)
    train(clips[:2], clips[2:], broken, settings(), CPU, stop_after=3)
    resumed = train(clips[:2], clips[2:], broken, settings(), CPU)
    a, b = (torch.load(p, weights_only=True) for p in (straight, broken))
    assert curve == resumed
    assert [s for s, _ in curve] == [3, 6]
    assert a["params"].keys() == b["params"].keys()
    assert all(torch.equal(a["params"][k], b["params"][k]) for k in a["params"])
    assert straight.with_name("a.pth.png").stat().st_size > 1000


def test_another_settings_state_is_refused(tmp_path: Path) -> None:
    clips = moving_clips()
    out = tmp_path / "a.pth"
    train(clips[:2], clips[2:], out, settings(), CPU, stop_after=1)
    with pytest.raises(InputError, match=r"other settings \(rate\)"):
        train(clips[:2], clips[2:], out, settings(rate=2e-3), CPU)
    out.with_name("a.pth.state").write_bytes(b"nothing")
    with pytest.raises(InputError, match="not a readable training state"):
        train(clips[:2], clips[2:], out, settings(), CPU)


@pytest.mark.parametrize("name", ["a.pth", "a.pth.state", "a.pth.png"])
def test_training_writes_over_nothing_that_it_did_not_make(tmp_path: Path, name: str) -> None:
    clips = moving_clips()
    (tmp_path / name).write_bytes(b"mine")
    with pytest.raises(InputError, match=rf"{name}: is there already, and vfsrbench did not make it"):
        train(clips[:2], clips[2:], tmp_path / "a.pth", settings(), CPU)
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [(name, b"mine")]


def test_pretraining_leaves_the_refinement_alone(tmp_path: Path) -> None:
    clips = moving_clips()
    out = tmp_path / "a.pth"
    torch.manual_seed(5)
    start = SECNet(**TINY).state_dict()
    train(clips[:2], clips[2:], out, settings(), CPU, stop_after=2)
    state = torch.load(out.with_name("a.pth.state"), weights_only=True)["net"]
    moved = {k.split(".")[0] for k, v in state.items() if not torch.equal(v, start[k])}
    assert moved == {"motion", "local"}


def test_clips_that_are_too_short_or_small_are_named() -> None:
    clips, recipe = moving_clips(), load_recipe("secnet-bd4")
    with pytest.raises(InputError, match="has 10 frames, 11 are needed"):
        training_batch(clips, recipe, Sampling(frames=11, crop=32), 0, 1)
    with pytest.raises(InputError, match="a crop of 128 pixels does not fit"):
        training_batch(clips, recipe, Sampling(frames=2, crop=128), 0, 1)


def test_trained_files_are_methods(tmp_path: Path) -> None:
    clips = moving_clips()
    out = tmp_path / "net.pth"
    train(clips[:2], clips[2:], out, settings(), CPU)
    method = choose_method("secnet").build()
    method.load({"net": out}, CPU)
    method.start_clip(ClipInfo("c", 3, 25.0, 10, 12, 40, 45))
    restored = method.restore(frames(3, 10, 12)[0], torch.Generator())
    assert restored.shape == (3, 3, 40, 45)
    torch.save({"params": {"x": torch.zeros(1)}}, tmp_path / "other.pth")
    with pytest.raises(InputError, match="does not say which SECNet it holds"):
        method.load({"net": tmp_path / "other.pth"}, CPU)


def test_the_command_tells_the_quality_of_the_network_that_it_wrote(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The best figure may be the local fusion's, from before the whole network was trained."""
    for clip in moving_clips():
        write_png_folder(tmp_path / "clips" / clip.name, clip.frames(), clip.frame_names)
    small = {"batch": 1, "frames": 3, "crop": 32, "channels": 4, "motion_width": 4, "local_blocks": 1}
    how = {**small, "blocks": 2, "validate_every": 1, "device": "cpu"}
    out = tmp_path / "net.pth"
    command(tmp_path / "clips", out, steps=2, pretrain_steps=2, **how)  # type: ignore[arg-type]
    curve = torch.load(out.with_name("net.pth.state"), weights_only=True)["curve"]
    best = max(psnr for step, psnr in curve if step > 2)
    assert f"best validation PSNR {best:.2f} dB; the network is in {out}" in capsys.readouterr().out


def test_the_command_of_the_page_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As docs/secnet.md has it, in small; the device is chosen."""
    monkeypatch.chdir(tmp_path)
    for clip in moving_clips():
        write_png_folder(tmp_path / "CLIPS" / clip.name, clip.frames(), clip.frame_names)
    page = (Path(__file__).parents[3] / "docs" / "secnet.md").read_text(encoding="utf-8")
    (line,) = (line for line in page.splitlines() if line.startswith("python -m baselines.secnet.train"))
    small = "--steps 0 --pretrain-steps 1 --batch 1 --frames 3 --crop 32 --channels 4 --motion-width 4"
    app = typer.Typer()
    app.command()(command)
    words = shlex.split(line, comments=True)[3:]
    done = CliRunner().invoke(app, [*words, *small.split(), "--local-blocks", "1", "--blocks", "2"])
    assert done.exit_code == 0, done.output
    assert "the local fusion alone was trained" in done.output and not Path("secnet.pth").exists()
