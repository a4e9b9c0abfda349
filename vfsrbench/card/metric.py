"""The card of a metric."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from degradations.reading.limits import MOST_FRAMES, MOST_NAME
from degradations.reading.typed_toml import FrozenModel, spelled
from vfsrbench.card.parts import Factory, Title, Value, Version, WeightUse, named_weights


class Derived(FrozenModel):
    """A clip value computed from the frame values of another metric.

    Attributes:
        metric: The other metric's id, written `from` in TOML.
        how: `std`: the deviation over the clip's frames.
        factor: The result is multiplied by it.

    Example:
        >>> Derived(metric="psnr", how="std").factor
        1.0
    """

    metric: str = Field(validation_alias="from", serialization_alias="from")
    how: Literal["std"]
    factor: float = 1.0


class Threshold(FrozenModel):
    """A value of a metric that has a meaning: figures over time show it as a line.

    Attributes:
        value: In the metric's unit.
        beyond: What values on its worse side say, in a few words.

    Example:
        >>> import vfsrbench as vb
        >>> vb.metrics()["idd_dlib"].threshold
        Threshold(value=0.6, beyond='another person')
    """

    value: float
    beyond: Annotated[str, Field(min_length=1, max_length=60)]


class MetricCard(FrozenModel):
    """What is known of a metric without running it.

    Attributes:
        id: As on the command line and in results.
        title: As in tables.
        short: As in narrow headings, `_` before a subscript (`E_warp`); empty: the title up to its first
            bracket.
        unit: Of its values, after `factor`s like 1e-3; empty: none.
        direction: Whether `higher` or `lower` is better; `none`: neither.
        level: `frame`: a value for each frame; `pair`: for each frame but the first (it looks back);
            `clip`: one for a clip; `split`: one for all clips of a split, from features kept a clip.
        factory: `module:Class`, written `class` in TOML; none for derived metrics.
        definition: The formula in words.
        source: The paper, equation, or code that it follows.
        checked_against: The implementation that its values are compared with.
        version: Raised when its values change.
        context: The number of frames before a frame that its value needs.
        min_frames: Shorter clips have no value.
        cap: Replaces +inf in means.
        digits: Decimals in tables.
        reference: Whether it compares with the ground truth; false: it looks at restored frames alone.
        gameable: Whether restored frames can score well without being like the truth; no board may be sorted
            by such a metric.
        needs: What clips must have. `input`: the degraded frames, enlarged, instead of ground truth.
        weights: The checkpoints that it loads.
        params: Constants of the formula; part of the key of results.
        threshold: A value that has a meaning, for figures.
        derived: How it follows from another metric.
        extra: The installation extra that it needs.
        legacy: Whether it reproduces published code whose result differs from the definition.

    Example:
        >>> import vfsrbench as vb
        >>> card = vb.metrics()["psnr"]
        >>> card.unit, card.direction, card.level, card.cap
        ('dB', 'higher', 'frame', 100.0)
    """

    id: Annotated[
        str,
        Field(max_length=MOST_NAME),
        spelled("[a-z][a-z0-9_]*", "small letters, digits and _, a letter first"),
    ]
    title: Title
    short: Title = ""
    unit: str = ""
    direction: Literal["higher", "lower", "none"]
    level: Literal["frame", "pair", "clip", "split"]
    factory: Factory | None = Field(default=None, validation_alias="class", serialization_alias="class")
    definition: str
    source: str
    checked_against: str
    version: Version = 1
    context: int = Field(default=0, ge=0, le=MOST_FRAMES)
    min_frames: int = Field(default=1, ge=1, le=MOST_FRAMES)
    cap: float | None = None
    digits: int = Field(default=4, ge=0, le=12)
    reference: bool = True
    gameable: bool = False
    needs: tuple[Literal["landmarks", "exact_flow", "input"], ...] = ()
    weights: tuple[WeightUse, ...] = ()
    params: dict[str, Value] = {}
    threshold: Threshold | None = None
    derived: Derived | None = None
    extra: str = ""
    legacy: bool = False

    @model_validator(mode="before")
    @classmethod
    def _weights_have_names(cls, data: Any) -> Any:
        return named_weights(data, "id")

    @model_validator(mode="after")
    def _consistent(self) -> MetricCard:
        if (self.factory is None) == (self.derived is None):
            raise ValueError("a metric has either a class or a derived section")
        if self.derived is not None and self.level != "clip":
            raise ValueError('a derived metric has one value a clip: level = "clip"')
        return self
