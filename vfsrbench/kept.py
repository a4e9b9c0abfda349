"""Restored clips that a run keeps: `restored/<split>/<method>/<clip>`, and a note of what made them."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path

from vfsrbench.clip import Clip, write_png_folder, write_video
from vfsrbench.files import whole_file
from vfsrbench.jobs import Job, Keep
from vfsrbench.store import slug
from vfsrbench.workspace import Workspace


@dataclass(frozen=True)
class KeptNote:
    """What made the frames: the key, their digest, and how the restoration went."""

    restore_key: str
    digest: str
    seconds: float = 0.0
    peak_memory: int = 0
    window: int | None = None
    device: str = ""
    parameters: int | None = None
    warnings: list[str] = field(default_factory=list)


def is_there(workspace: Workspace, job: Job, keep: Keep) -> bool:
    """Whether the job's restored frames are kept in that form."""
    note = read_note(workspace, job)
    return note is not None and note.restore_key == job.restore_key and _place(workspace, job, keep).exists()


def read_note(workspace: Workspace, job: Job) -> KeptNote | None:
    """The note of what is kept for this method, split and clip, whatever made it."""
    try:
        return KeptNote(**json.loads(_note(workspace, job).read_text()))
    except (OSError, ValueError, TypeError):
        return None


def reopen(workspace: Workspace, job: Job, fps: float) -> tuple[Clip, KeptNote] | None:
    """The kept frames, if this job would make the same ones, and they are whole."""
    note = read_note(workspace, job)
    if note is None or note.restore_key != job.restore_key:
        return None
    for keep in ("png", "video"):
        try:
            clip = Clip.open(_place(workspace, job, keep), job.clip, fps)
            if clip.digest() == note.digest:
                return clip, note
        except ValueError:  # not there, or damaged
            continue
    return None


def keep_frames(workspace: Workspace, job: Job, keep: Keep, clip: Clip, note: KeptNote) -> None:
    """Write the frames as pictures or as a lossless video, instead of what was kept before.

    `clip` may be what is kept already, in this form or the other.
    """
    place = _place(workspace, job, keep)
    if clip.path == place:
        return
    if keep == "png":
        write_png_folder(place, clip.frames(), clip.frame_names, replace=True)
    else:
        write_video(place, clip.frames(), clip.fps)
    with whole_file(_note(workspace, job)) as temporary:
        temporary.write_text(json.dumps(asdict(note)))
    _remove(_place(workspace, job, "png" if keep == "video" else "video"))


def _place(workspace: Workspace, job: Job, keep: str) -> Path:
    folder = workspace.restored / slug(job.split) / slug(job.method)
    return folder / (f"{slug(job.clip)}.mkv" if keep == "video" else slug(job.clip))


def _note(workspace: Workspace, job: Job) -> Path:
    return _place(workspace, job, "png").with_name(f"{slug(job.clip)}.json")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
