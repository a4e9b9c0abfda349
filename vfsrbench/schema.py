"""What a results file says. One Parquet file a job: a row a frame, a column a metric, and this record.

The record is JSON under the Parquet metadata key `vfsrbench`. Columns: `frame` (int32, from 0), `name`
(the frame's file name or number), then one float64 column a frame or pair metric, named by its id; NaN
where there is no value. Readers accept every schema up to their own.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

SCHEMA = 1
METADATA_KEY = b"vfsrbench"
Status = Literal["ok", "failed", "skipped", "oom"]


class JobRecord(BaseModel):
    """Everything about one job (method, split, clip) but its frame values."""

    # NaN and infinity are written as strings: JSON has no word for them, and null would not be a float
    model_config = ConfigDict(extra="ignore", ser_json_inf_nan="strings")

    schema_version: int = SCHEMA
    key: str
    restore_key: str
    status: Status
    reason: str = ""

    method: str
    method_title: str = ""
    method_licence: str = ""
    method_version: int = 1
    options: dict[str, bool | int | float | str] = {}
    parameters: int | None = None

    dataset: str
    split: str
    split_status: str = ""
    recipe_digest: str = ""
    seed: int = 0
    clip: str
    aligned: bool = False
    canonical: bool = True
    demo: bool = False

    frames: int = 0
    fps: float = 25.0
    height: int = 0
    width: int = 0
    gt_digest: str = ""
    """The ground truth's frames; where there is none (`reference`), the enlarged input's."""
    reference: bool = True
    lq_digest: str = ""
    restored_digest: str = ""

    metrics: dict[str, int] = {}
    """Metric id -> its version, for all metrics that were asked for."""
    clip_values: dict[str, float] = {}
    """Metric id -> the clip's value (NaN if none); also metrics without frame values."""
    missing: dict[str, int] = {}
    """Metric id -> number of frames without a value though one was due (no face found, say)."""
    unavailable: dict[str, str] = {}
    """Metric id -> why the whole column is n/a (weights not there, clip too short)."""

    broken: list[str] = []
    """Those unavailable metrics that raised an error: `--retry-failed` tries them again."""

    weights: dict[str, str] = {}
    """Checkpoint name -> SHA-256."""
    licences_accepted: dict[str, str] = {}
    """Checkpoint name -> date on which its licence was accepted."""
    profile: str = "strict"
    untrained: bool = False
    warnings: list[str] = []
    clamped: float = 0.0
    """The part of the method's values that lay far outside [0, 1] (see `runtime.reach`)."""

    restore_seconds: float = 0.0
    score_seconds: float = 0.0
    peak_memory: int = 0
    device: str = ""
    window: int | None = None
    """Frames a call of the method's restore got at most (after halving, if memory ran out)."""
    versions: dict[str, str] = {}
    finished: str = ""
    """When the job ended, UTC, ISO 8601: of two results of one job the later one counts."""

    @property
    def frames_per_second(self) -> float:
        """Restored frames a second; 0 where the method restored nothing (stored outputs)."""
        return self.frames / self.restore_seconds if self.restore_seconds else 0.0
