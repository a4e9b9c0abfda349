"""`[published]`: papers' figures beside ours."""

from __future__ import annotations

from degradations.reading.typed_toml import FrozenModel


class PublishedUse(FrozenModel):
    """A paper's figures, shown beside ours.

    Attributes:
        file: Its name in `reports/published/`, without `.csv`.
        table: One table of it.
        dataset: One data set of it.
        metrics: Our metric id -> its name in that file, where they differ.
        splits: The board's split -> its name in that file, where they differ.

    Example:
        >>> PublishedUse(file="keep", metrics={"lpips_alex": "LPIPS"}).metrics["lpips_alex"]
        'LPIPS'
    """

    file: str
    table: str | None = None
    dataset: str | None = None
    metrics: dict[str, str] = {}
    splits: dict[str, str] = {}
