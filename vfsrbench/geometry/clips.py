"""The guard over whole clips."""

from __future__ import annotations

from vfsrbench.geometry.guard import Guard, Report
from vfsrbench.io.clip import Clip

WINDOW = 16


def report_on(restored: Clip, gt: Clip) -> Report:
    """What is off about a restored clip against its ground truth: the same frames, the same size.

    Args:
        restored: The restored clip.
        gt: Its ground truth.

    Returns:
        Findings and their numbers.

    Example:
        >>> from vfsrbench.datasets.demo.clips import demo_clip
        >>> gt = demo_clip("demo-calm", 8)
        >>> report_on(gt, gt).findings
        ()
    """
    guard = Guard(gt.height, gt.width, len(gt))
    for (start, _, truth), (_, _, own) in zip(gt.windows(WINDOW), restored.windows(WINDOW), strict=True):
        guard.keep(guard.see(start, own, truth))
    return guard.report()
