"""The typed facts of methods and metrics. Cards are data (TOML): reading them never imports torch."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from degradations.reading.limits import MOST_FRAMES, MOST_NAME, MOST_SCALE, MOST_SIDE
from degradations.reading.typed_toml import FrozenModel

Value = bool | int | float | str
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$", max_length=MOST_NAME)]
Version = Annotated[int, Field(ge=0, le=1_000_000)]
Side = Annotated[int, Field(ge=1, le=MOST_SIDE)]
Factory = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]


class Option(FrozenModel):
    """One option of a method, chosen as `name[option=value]`.

    A `file` is a path (or nothing); results are keyed by the file's content, not by its path.
    """

    type: Literal["bool", "int", "float", "str", "file"]
    default: Value
    help: str
    min: float | None = None
    max: float | None = None
    choices: tuple[Value, ...] = ()


class WeightUse(FrozenModel):
    """A checkpoint that a method loads, by its name in the weights manifest.

    `when` restricts it to certain option values (`{version = "1.4"}`); `role` is the key under which
    `Predictor.load` receives its path. An `optional` one is left out where the file is not here.
    `alternatives` are other checkpoints that serve as well, the preferred one first: the first one that is
    here is loaded, and results are keyed by its hash.
    """

    name: str
    alternatives: tuple[str, ...] = ()
    role: str = "net"
    when: dict[str, Value] = {}
    optional: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The checkpoint and its alternatives, the preferred one first."""
        return (self.name, *self.alternatives)


class MethodCard(FrozenModel):
    """What is known of a method without running it.

    `source` says what the method is fed: the degraded clip, or (reference rows only) the ground truth.
    `window` is the largest number of frames a call of `restore` takes (none: the whole clip), `overlap`
    how many frames neighbouring windows share, `tail` what becomes of the last one: `short` keeps it
    short, `shift` moves it back to full length. `stateful` methods carry state from window to window.
    `scale` is the enlargement (none: to whatever size the ground truth has). `variant` is the option that
    `name:value` sets.

    Example:
        >>> import vfsrbench as vb
        >>> card = vb.methods()["keep"]
        >>> card.kind, card.input_size, card.window, card.options["max_length"].default
        ('video', (512, 512), 20, 20)
    """

    name: Name
    title: str
    kind: Literal["image", "video"]
    factory: Factory = Field(validation_alias="class", serialization_alias="class")
    description: str
    year: int | None = Field(default=None, ge=1900, le=2200)
    paper: str = ""
    url: str = ""
    licence: str = "Apache-2.0"
    commercial: bool | None = None
    trained_on: str = ""
    source: Literal["lq", "gt"] = "lq"
    scale: int | None = Field(default=None, ge=1, le=MOST_SCALE)
    input_size: tuple[Side, Side] | None = None
    window: int | None = Field(default=None, ge=1, le=MOST_FRAMES)
    overlap: int = Field(default=0, ge=0, le=MOST_FRAMES)
    tail: Literal["short", "shift"] = "short"
    stateful: bool = False
    batch: int = Field(default=8, ge=1, le=MOST_FRAMES)
    version: Version = 1
    variant: str = ""
    options: dict[str, Option] = {}
    weights: tuple[WeightUse, ...] = ()
    deviations: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> MethodCard:
        if self.window is not None and self.overlap >= self.window:
            raise ValueError("overlap must be smaller than window")
        if self.variant and self.variant not in self.options:
            raise ValueError(f"variant names the unknown option {self.variant!r}")
        for use in self.weights:
            unknown = set(use.when) - set(self.options)
            if unknown:
                raise ValueError(f"weights {use.name!r} depend on the unknown option {unknown.pop()!r}")
        return self

    def weights_for(self, options: dict[str, Value]) -> tuple[WeightUse, ...]:
        """The checkpoints that these option values need."""
        return tuple(u for u in self.weights if all(options.get(k) == v for k, v in u.when.items()))


class Derived(FrozenModel):
    """A clip value computed from the frame values of another metric."""

    metric: str = Field(validation_alias="from", serialization_alias="from")
    how: Literal["std"]
    factor: float = 1.0


class MetricCard(FrozenModel):
    """What is known of a metric without running it.

    `level`: `frame` gives a value for each frame; `pair` for each frame but the first (it looks back);
    `clip` one for a clip; `split` one for all clips of a split together, from features kept a clip.
    `context` is the number of frames before a frame that its value needs. `cap` replaces +inf in means.
    `reference` says that it compares with the ground truth: false where it looks at restored frames alone.

    Example:
        >>> import vfsrbench as vb
        >>> card = vb.metrics()["psnr"]
        >>> card.unit, card.direction, card.level, card.cap
        ('dB', 'higher', 'frame', 100.0)
    """

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=MOST_NAME)]
    title: str
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
    needs: tuple[Literal["landmarks", "exact_flow"], ...] = ()
    weights: tuple[WeightUse, ...] = ()
    params: dict[str, Value] = {}
    derived: Derived | None = None
    extra: str = ""
    legacy: bool = False

    @model_validator(mode="after")
    def _consistent(self) -> MetricCard:
        if (self.factory is None) == (self.derived is None):
            raise ValueError("a metric has either a class or a derived section")
        return self


_SPEC = re.compile(r"^(?P<name>[^\[\]]+?)(\[(?P<options>[^\[\]]*)\])?$")


def split_spec(spec: str) -> tuple[str, dict[str, str]] | None:
    """`name[a=1,b=2]` as name and raw option texts; `name[flag]` reads as flag=true. None if malformed."""
    match = _SPEC.match(spec.strip())
    if match is None:
        return None
    options: dict[str, str] = {}
    for part in filter(None, (p.strip() for p in (match["options"] or "").split(","))):
        key, _, value = part.partition("=")
        options[key.strip()] = value.strip() if value else "true"
    return match["name"].strip(), options
