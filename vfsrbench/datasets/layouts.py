"""Where the clips of a data set lie on disk: one function a layout, found by name (`plugins.layouts`).

A layout only finds paths; nothing is opened. Clips are called after their folder or file; names hold any
character that a file name can (YouTube ids begin with `-`), so nothing here takes them apart.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from vfsrbench import plugins
from vfsrbench.errors import InputError, did_you_mean
from vfsrbench.io.foreign_text import clean_name, raw_name
from vfsrbench.io.formats import PICTURE_SUFFIXES, VIDEO_SUFFIXES, check_known, is_sidecar
from vfsrbench.io.names import check_unique, natural_key
from vfsrbench.io.safety.paths import check_regular_file, is_there
from vfsrbench.io.safety.text import read_json, read_lines

_SPEAKER = re.compile(r"^id\d+$")
DEMO = "demo"
REAL = "real"
REAL_SPLIT = "lq"
"""The split of clips without ground truth: the clips as they are."""
_RAVDESS = re.compile(r"^\d\d(-\d\d){6}$")


@dataclass(frozen=True)
class Found:
    """A clip's places: ground truth, degraded versions by name, a landmarks file.

    With `enlarge` degraded frames whose shorter side is under 512 pixels are enlarged to it (bilinear).
    """

    name: str
    gt: Path | None
    lq: Mapping[str, Path] = field(default_factory=dict)
    landmarks: Path | None = None
    enlarge: bool = False


Layout = Callable[[Path], list[Found]]


Place = tuple[str, ...]  # the names on the way from a data set's root to a clip


def find_clips(root: Path) -> list[tuple[Place, Path]]:
    """Picture folders and videos at or below `root`, in natural order, with the names on the way to them.

    Hidden entries and known sidecars are left out. InputError when nothing is there, a folder holds both
    pictures and clips, or a file is neither read nor known to be no clip (see `vfsrbench.io.formats`).
    """
    if root.is_file():
        return [((clean_name(root.stem),), root)]
    if not root.is_dir():
        if is_there(root):
            check_regular_file(root, "folder or video")
        raise InputError(f"{root}: no such folder or video")
    found = _walk(root, (), ())
    if not found:
        raise InputError(f"{root}: holds no clips (folders of pictures, or videos)")
    return [(place or (clean_name(root.resolve().name),), path) for place, path in found]


def _walk(folder: Path, place: Place, above: tuple[tuple[int, int], ...]) -> list[tuple[Place, Path]]:
    """`above`: device and inode of the folders that lead here, to which a link may lead back."""
    pictures, below = False, []
    status = folder.stat()
    this = (status.st_dev, status.st_ino)
    if this in above:
        raise InputError(f"{folder}: is a link to a folder that it lies in; remove it")
    above = (*above, this)
    with os.scandir(folder) as entries:
        for entry in entries:
            suffix = Path(entry.name).suffix.lower()
            if entry.name.startswith("."):
                continue
            if entry.is_symlink() and not Path(entry.path).exists() and not is_sidecar(Path(entry.name)):
                check_regular_file(entry.path, "frame, clip or folder")
            if entry.is_dir():
                below.append((clean_name(entry.name), Path(entry.path)))
            elif suffix in VIDEO_SUFFIXES:
                below.append((clean_name(Path(entry.name).stem), Path(entry.path)))
            elif suffix in PICTURE_SUFFIXES:
                pictures = True
            else:
                check_known(Path(entry.path))
    inside: list[tuple[Place, Path]] = []
    for name, path in sorted(below, key=lambda item: natural_key(item[1].name)):
        inside += _walk(path, (*place, name), above) if path.is_dir() else [((*place, name), path)]
    if pictures and inside:
        raise InputError(
            f"{folder}: holds pictures and clips (such as {inside[0][1].name!r}) side by side; "
            "move the ones that do not belong there away"
        )
    return [(place, folder)] if pictures else inside


def by_name(clips: Iterable[tuple[str, Path]], root: Path) -> dict[str, Path]:
    """The clips as a mapping; InputError when two have one name, or names that a disk may not tell apart."""
    listed = list(clips)
    check_unique(listed, "clips", root)
    return dict(listed)


def _nested(root: Path) -> dict[str, Path]:
    """All clips below; a nested one is called after its whole way, joined by `+`."""
    return by_name((("+".join(place), path) for place, path in find_clips(root)), root)


def _leaves(root: Path) -> dict[str, Path]:
    """All clips below, called after the last folder or file alone."""
    return by_name(((place[-1], path) for place, path in find_clips(root)), root)


def _landmarks(name: str, places: Iterable[Path]) -> Path | None:
    files = (place / f"{n}.txt" for place in places for n in dict.fromkeys((name, raw_name(name))))
    return next((file for file in files if is_there(file)), None)


def folder(root: Path) -> list[Found]:
    """Clip folders or videos, also nested (`id/clip`); landmarks in `meta_info/<clip>.txt`."""
    places = (root / "meta_info", root.parent / "meta_info")
    return [Found(name, path, {}, _landmarks(name, places)) for name, path in _nested(root).items()]


def real(root: Path) -> list[Found]:
    """Degraded clips without ground truth (RFV-LQ, VideoLQ): clip folders or videos, also nested."""
    return [Found(name, None, {REAL_SPLIT: path}) for name, path in _nested(root).items()]


def pairs(root: Path) -> list[Found]:
    """`GT/<clip>` and `LQ/<clip>`; further degraded versions in folders whose names begin with LQ or LR."""
    _need_folder(root)
    folders = sorted((p for p in root.iterdir() if p.is_dir()), key=lambda p: natural_key(p.name))
    truth = [p for p in folders if p.name.lower() in {"gt", "hq", "hr"}]
    degraded = [p for p in folders if p.name.lower().startswith(("lq", "lr"))]
    if len(truth) != 1 or not degraded:
        raise InputError(f"{root}: pairs need one folder GT and at least one folder LQ, each with the clips")
    return _joined(_nested(truth[0]), {p.name: _nested(p) for p in degraded}, [root / "meta_info"], root)


def _joined(
    truth: Mapping[str, Path], degraded: Mapping[str, Mapping[str, Path]], meta: list[Path], root: Path
) -> list[Found]:
    """Clips matched by name; InputError names a clip that is on one side only."""
    for version, clips in degraded.items():
        for name in (*truth, *clips):
            if (name in truth) != (name in clips):
                there, missing = ("ground truth", version) if name in truth else (version, "ground truth")
                raise InputError(f"{root}: clip {name!r} is in {there} but not in {missing}")
    return [
        Found(name, path, {v: c[name] for v, c in degraded.items()}, _landmarks(name, meta))
        for name, path in truth.items()
    ]


def vfhq_test(root: Path) -> list[Found]:
    """VFHQ-Test as its authors, KEEP and DicFace pack it.

    Ground truth in `GT/Interval1_512x512_LANCZOS4` (or the only other `GT/<folder>`, `GT`, `TEST_DATA`,
    `extracted_cropped_face_results`), degraded versions in `Blind-LR/<version>`, `interval1_LR_Blind`,
    `LR_Blind` or `Test_LR`. `GT/global_meta_info.txt`, if there, says which clips belong to the set.
    """
    _need_folder(root)
    base = root / "VFHQ-Test" if (root / "VFHQ-Test").is_dir() else root
    gt_folder = _vfhq_gt(base)
    truth = _leaves(gt_folder)
    listed = _listed(gt_folder.parent / "global_meta_info.txt") or _listed(base / "global_meta_info.txt")
    if listed:
        missing = next((name for name in listed if name not in truth), None)
        if missing:
            raise InputError(f"{gt_folder}: clip {missing!r} is listed in global_meta_info.txt, not there")
        truth = {name: truth[name] for name in listed}
    versions = {path.name: _leaves(path) for path in _vfhq_degraded(base)}
    if listed:
        versions = {v: {n: p for n, p in clips.items() if n in truth} for v, clips in versions.items()}
    meta = [base / "meta_info", base / "GT" / "meta_info", base / "vfhq_test_landmarks"]
    return _joined(truth, versions, meta, base)


def _vfhq_gt(base: Path) -> Path:
    intervals = _subfolders(base / "GT", "interval")
    first = [p for p in intervals if p.name.lower().startswith("interval1_")] or intervals
    if len(first) > 1:
        names = ", ".join(p.name for p in first)
        raise InputError(f"{base}: several ground truths ({names}); keep one of them, or use layout 'folder'")
    places = [*first, base / "GT", base / "TEST_DATA", base / "extracted_cropped_face_results"]
    found = next((place for place in places if place.is_dir()), None)
    if found is None:
        raise InputError(f"{base}: no VFHQ-Test there; GT/Interval1_512x512_LANCZOS4/<clip> was expected")
    return found


def _vfhq_degraded(base: Path) -> list[Path]:
    blind = base / "Blind-LR"
    versions = _subfolders(blind, "")
    if versions and all(any(f.suffix.lower() in PICTURE_SUFFIXES for f in v.iterdir()) for v in versions):
        versions = [blind]  # the clips lie right there
    named = [base / name for name in ("interval1_LR_Blind", "LR_Blind", "Test_LR")]
    return [*versions, *(path for path in named if path.is_dir())]


def _subfolders(path: Path, prefix: str) -> list[Path]:
    if not path.is_dir():
        return []
    inside = (p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    return sorted((p for p in inside if p.name.lower().startswith(prefix)), key=lambda p: natural_key(p.name))


def _listed(path: Path) -> list[str]:
    """The clips of a `global_meta_info.txt`: the text before the first slash of every line."""
    if not is_there(path):
        return []
    lines = (line.strip() for line in read_lines(path, "list of clips"))
    return list(dict.fromkeys(line.split("/")[0] for line in lines if line))


def dicface_test(root: Path) -> list[Found]:
    """DicFace's test set: fixed degraded clips of VFHQ-Test, with landmarks of every frame.

    Ground truth in `gt_512`, degraded versions `bfr`, `color` and `inpainting` in `bfr_512`, `color_512` and
    `inpainting_512`, a file of ten numbers a line for each clip in `ldmk_512`; the names that its scripts use
    (`TEST_DATA`, `LR_Blind`, `vfhq_test_landmarks`, ...) serve too. Aligned as its warp_images.py does it:
    small frames are enlarged to 512 pixels first.
    """
    _need_folder(root)
    truth_folder = _first_folder(root, _DICFACE_GT)
    versions = {name: _first_folder(root, places) for name, places in _DICFACE_LQ.items()}
    degraded = {name: _leaves(place) for name, place in versions.items() if place is not None}
    if truth_folder is None or not degraded:
        raise InputError(
            f"{root}: no DicFace test set there; unpack gt_512, bfr_512 (or color_512, inpainting_512) and "
            "ldmk_512 side by side"
        )
    points = _first_folder(root, _DICFACE_LANDMARKS)
    files = {} if points is None else {clean_name(file.stem): file for file in points.rglob("*.txt")}
    found = _joined(_leaves(truth_folder), degraded, [], root)
    for clip in found:
        if clip.name not in files:
            raise InputError(
                f"{root}: clip {clip.name!r} has no landmarks; ldmk_512/{clip.name}.txt was expected"
            )
    return [replace(clip, landmarks=files[clip.name], enlarge=True) for clip in found]


_DICFACE_GT = ("gt_512", "TEST_DATA", "GT")
_DICFACE_LQ = {
    "bfr": ("bfr_512", "LR_Blind", "LQ"),
    "color": ("color_512", "vfhq_test_color_input"),
    "inpainting": ("inpainting_512", "vfhq_test_inpaint_input_512"),
}
_DICFACE_LANDMARKS = ("ldmk_512", "vfhq_test_landmarks")


def _first_folder(root: Path, names: Iterable[str]) -> Path | None:
    return next((root / name for name in names if (root / name).is_dir()), None)


def _celebv(root: Path, index: str) -> list[Found]:
    """`<key>.mp4` anywhere below; with the set's own index file beside, its keys alone are clips."""
    _need_folder(root)
    processed = next((p for p in (root / "processed", root) if p.is_dir()), root)
    listing = next((p for p in (root / index, root.parent / index) if is_there(p)), None)
    clips = _leaves(processed)
    if listing is not None:
        try:
            keys = frozenset(read_json(listing, "data set's index", strict=False)["clips"])
        except (KeyError, TypeError):
            raise InputError(f"{listing}: is not the data set's index (JSON with a key 'clips')") from None
        clips = {name: path for name, path in clips.items() if name in keys}
        if not clips:
            raise InputError(f"{root}: none of the clips there is listed in {listing.name}")
    return [Found(name, path) for name, path in clips.items()]


def celebv_hq(root: Path) -> list[Found]:
    """CelebV-HQ: `<key>.mp4`, with `celebvhq_info.json` if it is there."""
    return _celebv(root, "celebvhq_info.json")


def celebv_text(root: Path) -> list[Found]:
    """CelebV-Text: `<key>.mp4`, with `celebvtext_info.json` if it is there."""
    return _celebv(root, "celebvtext_info.json")


def voxceleb(root: Path) -> list[Found]:
    """VoxCeleb1 and 2: `id10001/<video>/00001.mp4` or frame folders, called `id10001+<video>+00001`."""
    found = []
    for place, path in find_clips(root):
        start = next((i for i, part in enumerate(place) if _SPEAKER.match(part)), None)
        if start is not None:
            found.append(("+".join(place[start:]), path))
    if not found:
        raise InputError(f"{root}: no VoxCeleb there; id10001/<video>/00001.mp4 was expected")
    return [Found(name, path) for name, path in by_name(found, root).items()]


def ravdess(root: Path) -> list[Found]:
    """RAVDESS: `Actor_01/01-01-01-01-01-01-01.mp4`; of a take stored with and without sound, one counts."""
    takes: dict[str, tuple[str, Path]] = {}
    for place, path in find_clips(root):
        name = place[-1]
        if not _RAVDESS.match(name) or name[:2] not in {"01", "02"}:
            continue
        take = name[3:]
        if take in takes and takes[take][0] == name:
            raise InputError(f"{root}: two clips are called {name!r} ({takes[take][1]} and {path})")
        if take not in takes or name < takes[take][0]:
            takes[take] = (name, path)
    if not takes:
        raise InputError(f"{root}: no RAVDESS there; Actor_01/01-01-01-01-01-01-01.mp4 was expected")
    return [Found(name, path) for name, path in by_name(takes.values(), root).items()]


def _need_folder(root: Path) -> None:
    if not root.is_dir():
        raise InputError(f"{root}: no such folder")


def find_layout(name: str) -> Layout:
    """The layout of that name, ours or another package's (`plugins.layouts`).

    Raises:
        InputError: There is no such layout, or its package cannot be imported.
    """
    known = plugins.layouts()
    if name not in known.points:
        raise did_you_mean("data set layout", name, [DEMO, *known.points])
    layout: Layout = known.load(name)
    return layout


def clips_of(name: str, root: Path) -> list[Found]:
    """The clips of a data set.

    Raises:
        InputError: The layout is unknown or broken, or the folder is not laid out so.
    """
    layout = find_layout(name)
    try:
        found = list(layout(root))
    except (InputError, OSError):
        raise
    except Exception as error:  # another package's code
        raise InputError(f"data set layout {name!r} failed: {type(error).__name__}: {error}") from error
    if not all(isinstance(clip, Found) and clip.name for clip in found):
        raise InputError(f"data set layout {name!r} is broken: it must return a list of named `Found`")
    if not found:
        raise InputError(f"{root}: data set layout {name!r} finds no clips there")
    check_unique(((clip.name, clip.gt) for clip in found), "clips", root)
    return found


def describe_layouts(skipped: list[plugins.SkippedPlugin] | None = None) -> dict[str, str]:
    """Every layout with a line about it, the bundled clips first.

    Args:
        skipped: Takes the layouts that cannot be imported.
    """
    found, broken = plugins.layouts().load_all()
    if skipped is not None:
        skipped += broken
    lines = {name: (layout.__doc__ or "").strip().partition("\n")[0] for name, layout in found.items()}
    return {DEMO: "Five rendered clips of two people that come with vfsrbench: no path needed."} | lines
