"""Restored clips that a run keeps: `restored/<split>/<method>/<clip>`, and a note of what made them."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from vfsrbench.errors import DamagedFile
from vfsrbench.io.names import slug
from vfsrbench.io.safety.damaged import SetAside
from vfsrbench.io.safety.ownership import remove_made
from vfsrbench.io.safety.sealed import content_digest, read_note, reading, write_note
from vfsrbench.results.job import Job, Keep
from vfsrbench.results.workspace import Workspace

if TYPE_CHECKING:  # reports that show what they showed before decode nothing
    from vfsrbench.io.clip import Clip

_KIND = "kept-frames-1"


@dataclass(frozen=True)
class KeptNote:
    """What made the frames: the key, their digest, what was fed, and how the restoration went.

    `lq_digest` and `lq_digest_before_codec` are empty where the ground truth was fed. `form` and `files`
    say how the frames are kept, and the digest of those files.
    """

    restore_key: str
    digest: str
    seconds: float = 0.0
    peak_memory: int = 0
    window: int | None = None
    device: str = ""
    parameters: int | None = None
    warnings: list[str] = field(default_factory=list)
    lq_digest: str = ""
    lq_digest_before_codec: str = ""
    form: Keep = "none"
    files: str = ""
    clamped: float = 0.0
    smaller_windows: bool = False
    warmed_up: bool = False


def is_there(workspace: Workspace, job: Job, keep: Keep) -> bool:
    """Whether the job's restored frames are kept in that form."""
    note = kept_note(workspace, job)
    return (
        note is not None
        and (note.restore_key, note.form) == (job.restore_key, keep)
        and _place(workspace, job, keep).exists()
    )


def is_kept(workspace: Workspace, job: Job) -> bool:
    """Whether the job's restored frames are kept in any form."""
    return is_there(workspace, job, "png") or is_there(workspace, job, "video")


def files(workspace: Workspace, job: Job) -> list[Path]:
    """The note and what lies in either form: all that `look_at` reads of a job. Empty if there is nothing."""
    note, frames = _note(workspace, job), [_place(workspace, job, form) for form in ("png", "video")]
    there = [path for path in frames if path.exists()]
    return [note, *there] if there and note.is_file() else []


def kept_note(workspace: Workspace, job: Job, set_aside: SetAside | None = None) -> KeptNote | None:
    """The note of what is kept for this method, split and clip, whatever made it. A damaged one is set
    aside."""
    path = _note(workspace, job)
    try:
        with reading(path):
            return KeptNote(**read_note(path, _KIND))
    except FileNotFoundError:
        return None
    except DamagedFile as error:
        (set_aside or workspace.damaged.set_aside)(error)
        return None


def reopen(workspace: Workspace, job: Job, fps: float) -> tuple[Clip, KeptNote] | None:
    """The kept frames, if this job would make the same ones. Damaged frames are set aside."""
    from vfsrbench.io.clip import Clip

    note = kept_note(workspace, job)
    if note is None or note.restore_key != job.restore_key:
        return None
    place = _place(workspace, job, note.form)
    if not place.exists():
        return None
    try:
        with reading(place):
            clip = Clip.open(place, job.clip, fps)
            if clip.digest() != note.digest:
                raise DamagedFile(place, "its frames are not those that were written")
    except DamagedFile as error:
        workspace.damaged.set_aside(error)
        return None
    return clip, note


def look_at(workspace: Workspace, job: Job, digest: str, fps: float, set_aside: SetAside) -> Clip | None:
    """The kept frames with this digest, to be shown; None if they are not there, or damaged.

    Their files are compared with the note's checksum, which is quicker than to decode them all.
    """
    from vfsrbench.io.clip import Clip

    note = kept_note(workspace, job, set_aside)
    if note is None or note.digest != digest:
        return None
    place = _place(workspace, job, note.form)
    if not place.exists():
        return None
    try:
        with reading(place):
            if content_digest(place) != note.files:
                raise DamagedFile(place, "its checksum differs")
            return Clip.open(place, job.clip, fps)
    except DamagedFile as error:
        set_aside(error)
        return None


def keep_frames(workspace: Workspace, job: Job, keep: Keep, clip: Clip, note: KeptNote) -> None:
    """Write the frames as pictures or as a lossless video, instead of what was kept before.

    `clip` may be what is kept already, in this form or the other.
    """
    from vfsrbench.io.clip import write_png_folder, write_video

    place = _place(workspace, job, keep)
    if clip.path == place:
        return
    if keep == "png":
        write_png_folder(place, clip.frames(), clip.frame_names, replace=True, mend=True)
    else:
        write_video(place, clip.frames(), clip.fps)
    written = replace(note, form=keep, files=content_digest(place))
    write_note(_note(workspace, job), _KIND, asdict(written))
    _remove(_place(workspace, job, "png" if keep == "video" else "video"))


def _place(workspace: Workspace, job: Job, keep: str) -> Path:
    folder = workspace.restored / slug(job.split) / slug(job.method)
    return folder / (f"{slug(job.clip)}.mkv" if keep == "video" else slug(job.clip))


def _note(workspace: Workspace, job: Job) -> Path:
    return _place(workspace, job, "png").with_name(f"{slug(job.clip)}.json")


def _remove(path: Path) -> None:
    """Remove what was kept there; a file of the user's beside our frames stays."""
    if path.is_dir():
        remove_made(path)
    else:
        path.unlink(missing_ok=True)
