"""The card of a method."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, model_validator

from degradations.reading.limits import MOST_FRAMES, MOST_SCALE
from degradations.reading.typed_toml import FrozenModel
from vfsrbench.card.parts import (
    Factory,
    Name,
    Option,
    Side,
    Title,
    Track,
    Value,
    Version,
    WeightUse,
    named_weights,
)

_WAY = {"input": "read from", "output": "written to"}


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
        factory: `module:Class`, written `class` in TOML; none for `outputs` and where there is a `command`.
        command: A command line instead of a class, such as `python infer.py {input} {output}`: it is started
            in the card's folder and reads and writes folders of pictures (docs/add-a-method.md).
        time_limit: Seconds that one call of the command may take.
        files: Files and folders that the command runs, relative to the card: results are keyed by their
            content, as by that of the card's folder and of files that stand in the command itself.
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
    command: str = ""
    time_limit: float = Field(default=3600, gt=0, le=30 * 86400)
    files: tuple[str, ...] = ()
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

    @model_validator(mode="before")
    @classmethod
    def _weights_have_names(cls, data: Any) -> Any:
        return named_weights(data, "name")

    @model_validator(mode="after")
    def _consistent(self) -> MethodCard:
        if self.window is not None and self.overlap >= self.window:
            raise ValueError("overlap must be smaller than window")
        if self.window is not None and self.overlap < 2 * self.context:
            raise ValueError("overlap must be at least twice the context")
        if self.stands_for is not None and (self.stands_for == "gt") != (self.source == "gt"):
            raise ValueError('stands_for = "gt" goes with source = "gt", "input" with "lq"')
        imported = self.kind == "outputs"
        if imported and (self.factory is not None or self.command):
            raise ValueError("a card of kind 'outputs' has no class and no command")
        if not imported and (self.factory is None) == (not self.command):
            raise ValueError(
                "'class' and 'command' stand for each other: leave one out"
                if self.command
                else "missing key 'class' (module:Class), or 'command'"
            )
        self._check_command()
        if imported != (self.tool is not None):
            raise ValueError("a section 'tool' is what cards of kind 'outputs' have, and they alone")
        if self.variant and self.variant not in self.options:
            raise ValueError(f"variant names the unknown option {self.variant!r}")
        for use in self.weights:
            unknown = set(use.when) - set(self.options)
            if unknown:
                raise ValueError(f"weights {use.name!r} depend on the unknown option {unknown.pop()!r}")
        return self

    @property
    def placeholders(self) -> frozenset[str]:
        """What may stand in braces in `command`."""
        fixed = {"input", "output", "folder", "seed", "device", "clip", "fps", "width", "height", "scale"}
        return frozenset({*fixed, *self.options, *(use.role for use in self.weights)})

    def _check_command(self) -> None:
        if not self.command:
            if self.files:
                raise ValueError("'files' are what a command runs: there is no command")
            return
        named = set(re.findall(r"\{(\w*)\}", self.command))
        for word in ("input", "output"):
            if word not in named:
                raise ValueError(f"the command has no {{{word}}}, where frames are {_WAY[word]}")
        if unknown := sorted(named - self.placeholders):
            known = ", ".join(sorted(self.placeholders))
            raise ValueError(f"the command has {{{unknown[0]}}}, which means nothing here; known: {known}")

    def weights_for(self, options: dict[str, Value]) -> tuple[WeightUse, ...]:
        """The checkpoints that these option values need.

        Args:
            options: A value for every option on the card.
        """
        return tuple(u for u in self.weights if all(options.get(k) == v for k, v in u.when.items()))
