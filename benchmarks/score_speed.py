"""Scoring a clip: 6 methods x 3 splits, LPIPS (AlexNet), IDS, SSIM and PSNR, here and by a plain script.

    python benchmarks/score_speed.py [--frames 8] [--threads 1] [--rounds 2] [--profile strict]

The plain script calls the packages frame by frame: `lpips`, onnxruntime with OpenCV's warp (insightface's
steps), scikit-image. Two cases: the face's five points come with the data; or they have to be found, which
the script does in both pictures of every pair (RetinaFace ResNet-50, facexlib's default) and vfsrbench once
on the ground truth. Both sides run in one process, in turns, with the same threads and the same random
weights (so what is found is thrown away, and the known points are used); the scores are compared before
the times are.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
warnings.simplefilter("ignore")

METHODS, SPLITS, SIZE = 6, 3, 512
CLIP = "demo-talking"
METRICS = ("lpips_alex", "ids_w600k_r50", "ssim", "psnr")
AGREE = {"lpips_alex": 1e-4, "ids_w600k_r50": 2e-3, "ssim": 1e-6, "psnr": 1e-6}
"""IDS: OpenCV's warp rounds the crop to 8 bits, ours does not."""

Frames = NDArray[np.uint8]
Scores = list[dict[str, float]]
Spent = tuple[float, float]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--profile", choices=["strict", "fast"], default="strict")
    given = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = str(given.threads)
    import cv2
    import torch

    torch.set_num_threads(given.threads)
    cv2.setNumThreads(given.threads)
    with tempfile.TemporaryDirectory() as folder:
        write_weights(Path(folder))
        os.environ["VFSRBENCH_WEIGHTS"] = folder
        truth, points, restored = clips(given.frames)
        for found in (False, True):
            detector = Detector() if found else None
            plain = PlainScript(Path(folder), given.threads, points, detector)
            ours = Ours(points, given.profile, detector)
            if not found:
                compare(ours(truth, restored[:1]), plain(truth, restored[:1]), given.profile)
            times: dict[str, list[Spent]] = {"plain script": [], "vfsrbench": []}
            for _ in range(given.rounds):
                times["plain script"].append(spent(lambda plain=plain: plain(truth, restored)))
                times["vfsrbench"].append(spent(lambda ours=ours: ours(truth, restored)))
            report(times, found, given)


def spent(work: Callable[[], Any]) -> Spent:
    """CPU seconds of all threads, which other work on the machine disturbs little; wall seconds."""
    start = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - start[0], time.perf_counter() - start[1]


def report(times: dict[str, list[Spent]], found: bool, given: argparse.Namespace) -> None:
    scored = METHODS * SPLITS * given.frames
    print(
        f"{METHODS * SPLITS} restored versions of {given.frames} frames {SIZE}x{SIZE}, {given.threads} "
        f"threads, {given.profile}, points {'to be found' if found else 'given'}"
    )
    best = {name: [min(column) for column in zip(*rounds, strict=True)] for name, rounds in times.items()}
    print(f"  best of {given.rounds} rounds     CPU s   ms a frame    wall s   ms a frame")
    for name, (cpu, wall) in best.items():
        print(f"  {name:<18} {cpu:8.1f} {1e3 * cpu / scored:12.0f} {wall:9.1f} {1e3 * wall / scored:12.0f}")
    cpu, wall = (a / b for a, b in zip(best["plain script"], best["vfsrbench"], strict=True))
    print(f"  times as fast      {cpu:8.2f} {'':12} {wall:9.2f}", flush=True)


def compare(ours: Scores, plain: Scores, profile: str) -> None:
    """Same numbers first: SystemExit when a mean deviates by more than the two roundings allow."""
    for mine, theirs in zip(ours, plain, strict=True):
        for name in METRICS:
            difference = abs(mine[name] - theirs[name])
            print(
                f"  {name:<14} {mine[name]:10.6f}   plain {theirs[name]:10.6f}   differs by {difference:.1e}"
            )
            if profile == "strict" and difference > AGREE[name]:
                raise SystemExit(f"{name}: {mine[name]} here, {theirs[name]} in the plain script")


def clips(frames: int) -> tuple[Frames, NDArray[np.float64], list[Frames]]:
    """A demo clip, its five points, and 18 spoilt versions of it."""
    import cv2

    from vfsrbench.datasets.demo.clips import demo_clip, demo_landmarks

    truth = demo_clip(CLIP, frames).read(0, frames)
    versions = []
    for index in range(METHODS * SPLITS):
        blurred = np.stack([cv2.GaussianBlur(f, (0, 0), 0.6 + 0.2 * index) for f in truth])
        noise = np.random.default_rng(index).integers(-6, 7, truth.shape)
        versions.append(np.clip(blurred + noise, 0, 255).astype(np.uint8))
    return truth, demo_landmarks(CLIP, frames), versions


def write_weights(folder: Path) -> None:
    """Random weights: AlexNet's features, and ArcFace's ResNet-50 as an ONNX file like insightface's."""
    import torch

    from vfsrbench.faces.networks.iresnet import iresnet50
    from vfsrbench.weights.manifest import load_manifest
    from vfsrbench.weights.random_init import untrained_state, write_untrained

    write_untrained(load_manifest()["alexnet"], folder, "features.")
    network = iresnet50()
    network.load_state_dict(untrained_state(network))
    torch.onnx.export(
        network.eval(),
        (torch.zeros(1, 3, 112, 112),),
        str(folder / "w600k_r50.untrained.onnx"),
        input_names=["input"],
        output_names=["output"],
        dynamic_axes={"input": {0: "n"}, "output": {0: "n"}},
        dynamo=False,
    )


class Detector:
    """RetinaFace with random weights: called for its time."""

    def __init__(self) -> None:
        from vfsrbench.faces.detect import FaceDetector
        from vfsrbench.faces.networks.retinaface import retinaface_resnet50
        from vfsrbench.weights.random_init import untrained_state

        network = retinaface_resnet50()
        network.load_state_dict(untrained_state(network))
        self.detector = FaceDetector(network)

    def __call__(self, frames: Frames) -> None:
        self.detector.detect(frames, threshold=0.97)


class Ours:
    """The harness's scorer: the ground truth passes once, all versions with it."""

    def __init__(self, points: NDArray[np.float64], profile: Any, detector: Detector | None) -> None:
        import torch

        from vfsrbench.plugins import metrics
        from vfsrbench.scoring.scorer import Scorer

        self.points, self.detector = points, detector
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.scorer = Scorer(METRICS, metrics(), device, profile)
        if self.scorer.unavailable:
            raise SystemExit(str(self.scorer.unavailable))

    def __call__(self, truth: Frames, restored: list[Frames]) -> Scores:
        from vfsrbench.io.clip import Clip
        from vfsrbench.metric import TruthInfo

        if self.detector is not None:
            self.detector(truth)
        info = TruthInfo(CLIP, "", len(truth), landmarks=self.points)
        found, _ = self.scorer.score(
            Clip(_InMemory(truth), CLIP, 25.0), info, [Clip(_InMemory(f), CLIP, 25.0) for f in restored]
        )
        return [scores.clip_values for scores in found]


class _InMemory:
    """Frames in memory as a clip's source."""

    names = None

    def __init__(self, frames: Frames) -> None:
        self.frames = frames
        self.length, self.height, self.width = frames.shape[:3]

    def read(self, start: int, stop: int) -> Frames:
        return self.frames[start:stop]


class PlainScript:
    """Packages called frame by frame, both pictures each time, as evaluation scripts do."""

    def __init__(
        self, folder: Path, threads: int, points: NDArray[np.float64], detector: Detector | None
    ) -> None:
        import lpips
        import onnxruntime
        from safetensors.torch import load_file

        self.points, self.detector = points, detector
        self.lpips = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False).eval()
        state = load_file(folder / "alexnet.untrained.safetensors")
        for part in self.lpips.net.children():
            for index, layer in part.named_children():
                own = {
                    k.rpartition(".")[2]: v for k, v in state.items() if k.startswith(f"features.{index}.")
                }
                if own:
                    layer.load_state_dict(own)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        model = str(folder / "w600k_r50.untrained.onnx")
        self.session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def __call__(self, truth: Frames, restored: list[Frames]) -> Scores:
        return [self._version(truth, version) for version in restored]

    def _version(self, truth: Frames, restored: Frames) -> dict[str, float]:
        rows = [self._frame(a, b, p) for a, b, p in zip(restored, truth, self.points, strict=True)]
        return dict(zip(METRICS, np.mean(rows, axis=0).tolist(), strict=True))

    def _frame(self, a: Frames, b: Frames, points: NDArray[np.float64]) -> list[float]:
        from skimage.metrics import peak_signal_noise_ratio, structural_similarity

        how = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "channel_axis": 2}
        return [
            self._lpips(a, b),
            float(self._embed(a, points) @ self._embed(b, points)),
            float(structural_similarity(b, a, data_range=255, **how)),
            float(peak_signal_noise_ratio(b, a, data_range=255)),
        ]

    def _lpips(self, a: Frames, b: Frames) -> float:
        import torch

        x, y = (torch.from_numpy(f).permute(2, 0, 1)[None].float() / 127.5 - 1 for f in (a, b))
        with torch.no_grad():
            return float(self.lpips(x, y))

    def _embed(self, frame: Frames, points: NDArray[np.float64]) -> NDArray[np.float64]:
        import cv2

        from vfsrbench.faces.arcface_align import arcface_matrices

        if self.detector is not None:
            self.detector(frame[None])
        crop = cv2.warpAffine(frame, arcface_matrices(points[None])[0], (112, 112), borderValue=0.0)
        blob = cv2.dnn.blobFromImage(crop, 1 / 127.5, (112, 112), (127.5,) * 3, swapRB=False)
        found = self.session.run(None, {"input": blob})[0][0].astype(np.float64)
        return np.asarray(found / np.linalg.norm(found))


if __name__ == "__main__":
    main()
