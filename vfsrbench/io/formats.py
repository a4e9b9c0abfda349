"""Which files are clips, which are frames, and which may lie beside them.

What is not known here is named to the user (`check_known`): a frame or a clip that is left out in silence
shifts every figure. So the lists say what is read and what is harmless, never what is unknown.
"""

from __future__ import annotations

from pathlib import Path

from vfsrbench.errors import InputError


def _suffixes(words: str) -> frozenset[str]:
    return frozenset(f".{word}" for word in words.split())


VIDEO_SUFFIXES = _suffixes(
    "3gp asf avi flv gif m2ts m4v mkv mov mp4 mpeg mpg mts ogv ts webm wmv y4m",
)
PICTURE_SUFFIXES = _suffixes("bmp jfif jpe jpeg jpg pbm pgm png pnm ppm tga tif tiff webp")
_SIDECARS = _suffixes(
    # facts, text, tables, code
    "cff cfg css csv docx htm html ini ipynb json jsonl log lst m md ods odt pdf py rst sh toml tsv txt url "
    "xlsx xml yaml yml "
    # arrays, landmarks, features, weights
    "ckpt h5 hdf5 lmdb mat mdb npy npz onnx parquet pickle pkl pt pth pts safetensors "
    # sound, subtitles
    "aac ac3 aif aiff ass flac m4a mp3 oga ogg opus srt sub vtt wav wma "
    # archives, checksums
    "7z bz2 gz md5 rar sha1 sha256 tar tgz torrent xz zip zst"
)
_NAMES = frozenset(
    {"thumbs.db", "desktop.ini", "readme", "license", "licence", "copying", "makefile", "notice"}
)


def is_sidecar(path: Path) -> bool:
    """Whether a file may lie beside frames or clips: hidden, or of a kind that is never one."""
    name = path.name.lower()
    return name.startswith(".") or name in _NAMES or path.suffix.lower() in _SIDECARS


def check_known(path: Path) -> None:
    """InputError for a file that is neither read nor known as harmless."""
    suffix = path.suffix.lower()
    if suffix in PICTURE_SUFFIXES or suffix in VIDEO_SUFFIXES or is_sidecar(path):
        return
    what = f"{suffix[1:]} files are not read" if suffix else "it has no suffix that says what it is"
    raise InputError(
        f"{path}: {what}; convert it (pictures to PNG, videos to MKV or MP4), or move it away if it is no "
        "frame or clip"
    )
