"""What a results file says. One Parquet file a job: a row a frame, a column a metric, and this record.

The record is JSON under the Parquet metadata key `vfsrbench`. Columns: `frame` (int32, from 0), `name`
(the frame's file name or number), then one float64 column a frame or pair metric, named by its id; NaN
where there is no value. The metadata key `vfsrbench.sha256` has the SHA-256 of the whole file, taken with
64 zeros in its own place.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

SCHEMA = 2
METADATA_KEY = b"vfsrbench"
Status = Literal["ok", "failed", "skipped", "oom"]


class Score(BaseModel):
    """How the values of one metric came about. They count as long as `key` is that of the metric at hand."""

    key: str
    checksum: str = ""
    """SHA-256 over the column's id and float64 values; empty where a metric has no frame values."""
    run: str = ""
    weights: dict[str, str] = {}
    """Checkpoint name -> SHA-256, of those that the metric loaded."""
    licences_accepted: dict[str, str] = {}
    untrained: bool = False
    """Some of them are random: the column means nothing, and no board shows it."""
    finder: str = ""
    """What found the face on the ground truth (retinaface, dlib); empty where landmarks came with the clip,
    or the metric asks for none."""
    seconds: float = 0.0
    """The metric's share of the time that scoring took: metrics are computed together."""
    device: str = ""
    versions: dict[str, str] = {}
    """Where they differ from the record's: the metric was computed later, with other packages."""
    features: str = ""
    """File of the restored clip's features, beside the results (metrics over a split)."""
    gt_features: str = ""
    """File of the ground truth's features, below `_truth`."""


class JobRecord(BaseModel):
    """Everything about one job (method, split, clip) but its frame values."""

    # NaN and infinity are written as strings: JSON has no word for them, and null would not be a float
    model_config = ConfigDict(extra="ignore", ser_json_inf_nan="strings")

    schema_version: int = SCHEMA
    key: str
    """Names the results file: the restored frames, and the ground truth they are compared with."""
    restore_key: str
    run: str = ""
    """Identity of the run that wrote the file last."""
    status: Status
    reason: str = ""

    method: str
    method_title: str = ""
    method_licence: str = ""
    method_version: int = 1
    track: Literal["", "none", "photo"] = ""
    """What the method is given beside the degraded clip (`MethodCard.reference`); empty: any track."""
    imported: dict[str, str] = {}
    """Of outputs that `vfsrbench import` took: what their manifest says of how they were made."""
    options: dict[str, bool | int | float | str] = {}
    parameters: int | None = None

    dataset: str
    split: str
    split_status: str = ""
    recipe_digest: str = ""
    seed: int = 0
    clip: str
    aligned: bool = False
    finder: str = ""
    """What found the points that the clip is aligned by; empty where they came with it."""
    fit: str = ""
    """How the ground truth was cropped before anything else (`crop4`: its centre, to multiples of 4); empty
    where it was not."""
    canonical: bool = True
    demo: bool = False

    frames: int = 0
    fps: float = 25.0
    height: int = 0
    width: int = 0
    gt_digest: str = ""
    """The ground truth's frames; where there is none (`reference`), the enlarged input's."""
    cropped: str = ""
    """What was kept of the ground truth (of which `gt_digest` names all), where it was cut to outputs."""
    reference: bool = True
    lq_digest: str = ""
    restored_digest: str = ""

    names_checksum: str = ""
    """SHA-256 over the frames' names."""
    scores: dict[str, Score] = {}
    """Metric id -> how it was computed."""
    metrics: dict[str, int] = {}
    """Metric id -> its version, for all metrics that were asked for so far."""
    only: list[str] = []
    """Of a reference row that no board named: the metrics that it stands beside. It has no others."""
    clip_values: dict[str, float] = {}
    """Metric id -> the clip's value (NaN if none); also metrics without frame values."""
    missing: dict[str, int] = {}
    """Metric id -> number of frames without a value though one was due (no face found, say)."""
    unavailable: dict[str, str] = {}
    """Metric id -> why the whole column is n/a (weights not there, clip too short)."""

    broken: list[str] = []
    """Those unavailable metrics that raised an error: `--retry-failed` tries them again."""

    weights: dict[str, str] = {}
    """Checkpoint name -> SHA-256: the method's and its metrics'."""
    licences_accepted: dict[str, str] = {}
    """Checkpoint name -> date on which its licence was accepted."""
    profile: str = "strict"
    untrained: bool = False
    """The method's weights are random, or those of what found the face to align by: no board takes the row.
    Those of a metric are its column's own matter
    (`Score.untrained`)."""
    warnings: list[str] = []
    findings: list[str] = []
    """What is off about the restored frames against the ground truth's: place, time, colours, borders."""
    geometry: dict[str, float] = {}
    """The numbers behind the findings; empty where the frames were not looked at."""
    guard: int = 0
    """The version of what looked at them (`vfsrbench.geometry.guard`); 0 where nothing did."""
    clamped: float = 0.0
    """The part of the method's values that lay far outside [0, 1] (see `runtime.reach`)."""

    restore_seconds: float = 0.0
    """Time inside the method, without its loading, and without the window before that warmed it up."""
    warmed_up: bool = False
    """Its first window was restored once before the clock ran (on a GPU, once a worker and method)."""
    score_seconds: float = 0.0
    peak_memory: int = 0
    """Bytes that the method took: its networks, and what restoring needed beside them at its peak."""
    device: str = ""
    """The device that restored the clip; `Score.device` has those that scored it."""
    window: int | None = None
    """Frames a call of the method's restore got at most (after halving, if memory ran out)."""
    smaller_windows: bool = False
    """Memory ran out, and the smaller window changed what this method gives: another protocol."""
    versions: dict[str, str] = {}
    finished: str = ""
    """When the file was written, UTC, ISO 8601."""

    @property
    def frames_per_second(self) -> float:
        """Restored frames a second; 0 where the method restored nothing (stored outputs)."""
        return self.frames / self.restore_seconds if self.restore_seconds else 0.0
