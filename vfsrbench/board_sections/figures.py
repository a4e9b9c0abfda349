"""`[figures]`: what a report draws."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from degradations.reading.typed_toml import FrozenModel


class Figures(FrozenModel):
    """What the report draws: each names the board's metrics to draw it for.

    Attributes:
        curves: Values over time, clip by clip.
        averages: The same, averaged over clips.
        jumps: One clip with its worst jump and the two frames.
        levels: Against the splits.
        persons: By person.
        speed: Against frames a second.
        grids: The number of frames a split shown with magnified details.
        slice_column: The column of the temporal slices: a fraction of the width, or `auto`, through an eye, a
            corner of the mouth or the hairline of the ground truth, and where its landmarks are not known,
            through what moves most.

    Example:
        >>> Figures(curves=("psnr", "ssim"), speed=("psnr",)).of(("ssim",)).curves
        ('ssim',)
    """

    curves: tuple[str, ...] = ()
    averages: tuple[str, ...] = ()
    jumps: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    persons: tuple[str, ...] = ()
    speed: tuple[str, ...] = ()
    grids: int = Field(default=0, ge=0, le=100)
    slice_column: Annotated[float, Field(ge=0, le=1)] | Literal["auto"] = "auto"

    def of(self, metrics: tuple[str, ...]) -> Figures:
        """The figures that remain when the board has other metrics.

        Args:
            metrics: Metric ids.
        """
        named = ("curves", "averages", "jumps", "levels", "persons", "speed")
        kept = {name: tuple(m for m in getattr(self, name) if m in metrics) for name in named}
        return self.replace(**kept)
