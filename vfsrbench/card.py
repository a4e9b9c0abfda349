"""The typed facts of methods and metrics. Cards are data (TOML): reading them never imports torch."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from degradations.reading.limits import MOST_FRAMES, MOST_NAME, MOST_SCALE, MOST_SIDE
from degradations.reading.typed_toml import FrozenModel
from vfsrbench.io.foreign_text import one_line

Value = bool | int | float | str
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$", max_length=MOST_NAME)]
Title = Annotated[str, AfterValidator(one_line)]
"""A name as it is shown, without signs that act on a terminal or a page."""
Version = Annotated[int, Field(ge=0, le=1_000_000)]
Side = Annotated[int, Field(ge=1, le=MOST_SIDE)]
Track = Literal["none", "photo"]
"""What a method is given beside the degraded clip: nothing, or a reference photograph of the person."""
Factory = Annotated[str, Field(pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")]


class Option(FrozenModel):
    """One option of a method, chosen as `name[option=value]`.

    Attributes:
        type: Of its values. A `file` is a path (or nothing); results are keyed by the file's content, not
            by its path.
        default: The value when none is given.
        help: One line for `vfsrbench list methods`.
        min: The smallest number.
        max: The largest number.
        choices: All values that are allowed; empty: any of the type.

    Example:
        >>> Option(type="int", default=20, help="Frames a window", min=1, max=100).default
        20
    """

    type: Literal["bool", "int", "float", "str", "file"]
    default: Value
    help: str
    min: float | None = None
    max: float | None = None
    choices: tuple[Value, ...] = ()


class WeightUse(FrozenModel):
    """A checkpoint that a method loads, by its name in the weights manifest.

    Attributes:
        name: Of the checkpoint.
        alternatives: Other checkpoints that serve as well, the preferred one first: the first one that is
            here is loaded, and results are keyed by its hash.
        role: The key under which `Predictor.load` receives its path.
        when: Restricts it to certain option values (`{version = "1.4"}`).
        optional: It is left out where the file is not here.

    Example:
        >>> WeightUse(name="gfpgan-1.4", when={"version": "1.4"}).role
        'net'
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


class Tool(FrozenModel):
    """What the command of a method that is scored by its outputs does to clips.

    Attributes:
        size: To their size.
        length: To their number of frames.
        rate: To their frame rate.
        undo: What `vfsrbench import --undo` takes back of it.

    Example:
        >>> Tool(size="kept", length="made 8n + 1", rate="kept", undo=("frames8n1",)).undo
        ('frames8n1',)
    """

    size: str
    length: str
    rate: str
    undo: tuple[str, ...] = ()


class MethodCard(FrozenModel):
    """What is known of a method without running it.

    Attributes:
        name: As on the command line.
        title: As in tables.
        kind: `image`: frames do not see each other; `video`: they do; `outputs`: it is not run here, what
            its own tool made is imported (docs/import.md).
        factory: `module:Class`, written `class` in TOML; none for `outputs`.
        licence: Of code and weights; `commercial` says whether it allows commercial use, if known.
        source: What the method is fed: the degraded clip (`lq`), or, reference rows only, the ground
            truth (`gt`).
        stands_for: Reference rows only: it shows what the ground truth (`gt`), or the degraded clip, enlarged
            (`input`), scores. Boards with metrics that frames unlike the truth can score well in (`gameable`)
            have these rows for those metrics, whether or not they name them.
        reference: The track: whether it needs a reference photograph of the person (`photo`).
        tool: For `outputs`: what its command does to size, length and frame rate.
        scale: The enlargement; none: to whatever size the ground truth has.
        input_size: (height, width) in pixels of the frames that it takes; none: any.
        aligned: Whether frames of that size hold an aligned face; false: a whole picture, a face anywhere.
        window: The largest number of frames a call of `restore` takes; none: the whole clip.
        overlap: How many frames neighbouring windows share.
        context: How many frames before and after it a frame's result depends on, where that is exact: smaller
            windows, when memory runs out, share at least twice as many, and give the same.
        tail: The last window: `short` leaves it short, `shift` moves it back to full length.
        stateful: Whether it carries state from window to window.
        window_dependent: Whether a frame's result depends on how long its window is (propagation over time).
            When memory does not suffice for a window, a smaller one is another protocol then.
        batch: Frames a call, for methods of kind `image`.
        version: Raised when its results change for a reason that its code does not show.
        variant: The option that `name:value` sets.
        options: What users may choose.
        weights: The checkpoints that it loads.
        parameters: Learned numbers of its networks, with the default options.
        gmacs: 1e9 multiply-accumulates (convolutions, matrices, attention) for a frame inside a long clip.
        deviations: Where it differs from the paper or the official code, a line each.

    Example:
        >>> import vfsrbench as vb
        >>> card = vb.methods()["keep"]
        >>> card.kind, card.input_size, card.window, card.options["max_length"].default
        ('video', (512, 512), 20, 20)
    """

    name: Name
    title: Title
    kind: Literal["image", "video", "outputs"]
    factory: Factory | None = Field(default=None, validation_alias="class", serialization_alias="class")
    description: str
    year: int | None = Field(default=None, ge=1900, le=2200)
    paper: str = ""
    url: str = ""
    licence: str = "Apache-2.0"
    commercial: bool | None = None
    trained_on: str = ""
    source: Literal["lq", "gt"] = "lq"
    stands_for: Literal["gt", "input"] | None = None
    reference: Track = "none"
    tool: Tool | None = None
    scale: int | None = Field(default=None, ge=1, le=MOST_SCALE)
    input_size: tuple[Side, Side] | None = None
    aligned: bool = True
    window: int | None = Field(default=None, ge=1, le=MOST_FRAMES)
    overlap: int = Field(default=0, ge=0, le=MOST_FRAMES)
    context: int = Field(default=0, ge=0, le=MOST_FRAMES)
    tail: Literal["short", "shift"] = "short"
    stateful: bool = False
    window_dependent: bool = False
    batch: int = Field(default=8, ge=1, le=MOST_FRAMES)
    version: Version = 1
    variant: str = ""
    options: dict[str, Option] = {}
    weights: tuple[WeightUse, ...] = ()
    parameters: int | None = Field(default=None, ge=0)
    gmacs: float | None = Field(default=None, ge=0)
    deviations: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> MethodCard:
        if self.window is not None and self.overlap >= self.window:
            raise ValueError("overlap must be smaller than window")
        if self.window is not None and self.overlap < 2 * self.context:
            raise ValueError("overlap must be at least twice the context")
        if self.stands_for is not None and (self.stands_for == "gt") != (self.source == "gt"):
            raise ValueError('stands_for = "gt" goes with source = "gt", "input" with "lq"')
        imported = self.kind == "outputs"
        if imported == (self.factory is not None):
            raise ValueError(
                "a card of kind 'outputs' has no class" if imported else "missing key 'class' (module:Class)"
            )
        if imported != (self.tool is not None):
            raise ValueError("a section 'tool' is what cards of kind 'outputs' have, and they alone")
        if self.variant and self.variant not in self.options:
            raise ValueError(f"variant names the unknown option {self.variant!r}")
        for use in self.weights:
            unknown = set(use.when) - set(self.options)
            if unknown:
                raise ValueError(f"weights {use.name!r} depend on the unknown option {unknown.pop()!r}")
        return self

    def weights_for(self, options: dict[str, Value]) -> tuple[WeightUse, ...]:
        """The checkpoints that these option values need.

        Args:
            options: A value for every option on the card.
        """
        return tuple(u for u in self.weights if all(options.get(k) == v for k, v in u.when.items()))


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

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=MOST_NAME)]
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

    @model_validator(mode="after")
    def _consistent(self) -> MetricCard:
        if (self.factory is None) == (self.derived is None):
            raise ValueError("a metric has either a class or a derived section")
        if self.derived is not None and self.level != "clip":
            raise ValueError('a derived metric has one value a clip: level = "clip"')
        return self


_SPEC = re.compile(r"^(?P<name>[^\[\]]+?)(\[(?P<options>[^\[\]]*)\])?$")


def split_spec(spec: str) -> tuple[str, dict[str, str]] | None:
    """Split `name[a=1,b=2]`; `name[flag]` reads as flag=true.

    Args:
        spec: A method as users write it.

    Returns:
        The name and the raw texts of options; None if the spec is malformed.

    Example:
        >>> split_spec("keep[max_length=10,fast]")
        ('keep', {'max_length': '10', 'fast': 'true'})
    """
    match = _SPEC.match(spec.strip())
    if match is None:
        return None
    options: dict[str, str] = {}
    for part in filter(None, (p.strip() for p in (match["options"] or "").split(","))):
        key, _, value = part.partition("=")
        options[key.strip()] = value.strip() if value else "true"
    return match["name"].strip(), options
