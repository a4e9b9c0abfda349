"""The site without a browser: pages, links, data, media, and names that mean harm."""

from __future__ import annotations

import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest

from reports import build_report
from reports.material import gather
from reports.report import Report
from reports.site import worst
from reports.site.clip_data import plain
from reports.site.media import Media, write_mp4
from reports.site.site import worst_clip
from tests.reports import synthetic
from vfsrbench.io.clip import Clip

EVIL = '</script><script>alert("1")</script><b>x</b>'
SPLITS = ("vfhq-mild", "vfhq-heavy")


class Page(HTMLParser):
    """Addresses, scripts and JSON of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.scripts: list[dict[str, str | None]] = []
        self.tags: list[str] = []
        self.json: dict[str, object] = {}
        self._in: str | None = None
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append(tag)
        self.addresses += [v for k, v in attrs if k in {"href", "src", "poster"} and v]
        if tag == "script":
            self.scripts.append(found)
            self._in = found.get("id") or "script" if found.get("type") == "application/json" else None

    def handle_data(self, data: str) -> None:
        if self._in is not None:
            self.json[self._in] = json.loads(data)
            self._in = None


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    workspace = tmp_path_factory.mktemp("site")
    synthetic.write_board(workspace / "results")
    evil = {"method_title": EVIL, "warnings": [EVIL]}
    synthetic.write_result(workspace / "results", "evil", "vfhq-mild", "calm", **evil)
    failed = {"status": "failed", "reason": EVIL, "clip_values": {}}
    synthetic.write_result(workspace / "results", "evil", "vfhq-mild", "fast", **failed)
    synthetic.write_strips(workspace)
    synthetic.write_frames(workspace, workspace / "data")
    return workspace


@pytest.fixture(scope="module")
def board(place: Path) -> object:
    return synthetic.board(title=EVIL, dataset={"layout": "folder", "path": str(place / "data")})


@pytest.fixture(scope="module")
def site(place: Path, board: object) -> Report:
    return build_report(board, place, place / "out", site=True, formats=("png",))  # type: ignore[arg-type]


def test_every_address_leads_to_a_file_of_the_site(site: Report) -> None:
    root = site.index.parent.resolve()
    pages = [p for p in site.files if p.suffix == ".html" and "tables" not in p.parts]
    assert len(pages) == 3 + len(SPLITS) * len(synthetic.CLIPS)
    for page in pages:
        addresses = Page(page).addresses
        assert len(addresses) > 5
        for address in addresses:
            parts = urlsplit(address)
            assert not parts.netloc and parts.scheme in {"", "data"}, f"{page.name}: {address}"
            if parts.scheme == "" and parts.path:
                target = (page.parent / unquote(parts.path)).resolve()
                assert target.is_file() and target.is_relative_to(root), f"{page.name}: {address}"


def test_names_cannot_break_out(site: Report) -> None:
    for page in (p for p in site.files if p.suffix == ".html"):
        found = Page(page)
        assert all(s.get("src") or s.get("type") == "application/json" for s in found.scripts), page.name
        assert "alert" not in re.sub(r"<script type=.*?</script>", "", page.read_text(), flags=re.S) or (
            "&lt;/script&gt;" in page.read_text()
        )
        assert "b" not in found.tags or page.name == "worst.html"
    jobs = Page(site.index.parent / "provenance.html").json["jobs-data"]
    assert any(job["title"] == EVIL for job in jobs), "the name itself arrives unharmed"  # type: ignore[attr-defined]


def test_the_clips_page_holds_every_value_and_track(site: Report) -> None:
    page = Page(site.index.parent / "clips" / "vfhq-mild" / "calm.html")
    data = page.json["clip-data"]
    assert isinstance(data, dict)
    expected = synthetic.frame_values("bicubic", "vfhq-mild", "calm", 12)
    assert data["values"]["psnr"]["bicubic"] == pytest.approx(expected["psnr"], abs=1e-5)
    assert data["values"]["psnr"]["oracle"] == ["Infinity"] * 12
    assert data["values"]["ewarp_dis"]["bicubic"][0] is None
    tracks = {t["id"]: t for t in data["tracks"]}
    assert set(tracks) == {"_truth", "_degraded", *synthetic.LEVEL, "evil"}
    assert all(t["video"] for name, t in tracks.items() if name != "oracle")
    assert tracks["oracle"]["video"] is None, "the ground truth itself is not shown twice"
    assert tracks["_degraded"]["small"]
    assert {name for name, t in tracks.items() if "strip" not in t} == {"oracle"}


def test_the_board_page_leads_to_the_worst_clip_and_knows_each(site: Report) -> None:
    page = Page(site.index)
    wanted = "clips/vfhq-mild/fast.html#method=bicubic&metric=psnr"  # the fast clip is the hard one
    assert wanted in page.addresses
    assert "provenance.html#method=bicubic&split=vfhq-mild" in page.addresses
    data = page.json["script"]
    assert isinstance(data, dict) and len(data["clips"]) == 3


def test_a_failed_job_shows_on_its_clips_page(site: Report) -> None:
    text = (site.index.parent / "clips" / "vfhq-mild" / "fast.html").read_text()
    assert "evil: failed" in text and "&lt;/script&gt;" in text


def test_videos_show_the_frames_in_their_colours(tmp_path: Path) -> None:
    """Also with odd sides, which 4:2:0 video cannot have."""
    frames = np.zeros((6, 33, 47, 3), np.uint8)
    for t in range(6):
        frames[t] = (40 * t, 200 - 30 * t, 90)
    middle = write_mp4(tmp_path / "v.mp4", Clip.from_array(frames, "v", fps=30.0))
    assert np.array_equal(middle, frames[3])
    back = Clip.open(tmp_path / "v.mp4")
    assert (len(back), back.fps, back.height, back.width) == (6, 30.0, 34, 48)
    shown = back.read(0, 6)[:, 5:28, 5:40].mean(axis=(1, 2))
    assert np.abs(shown - frames[:, 0, 0]).max() < 4


def test_media_are_made_once(place: Path, board: object, site: Report) -> None:
    media = site.index.parent / "media"
    before = {p.name: p.stat().st_mtime_ns for p in media.iterdir()}
    build_report(board, place, place / "out", site=True, formats=("png",))  # type: ignore[arg-type]
    assert {p.name: p.stat().st_mtime_ns for p in media.iterdir()} == before
    files, size = Media(media).weight()
    assert files == len(before) and size == sum(p.stat().st_size for p in media.iterdir())
    assert f"{files} files, {size / 2**20:.1f} MiB" in site.index.read_text()


def test_without_kept_frames_the_pages_say_so(place: Path, tmp_path: Path) -> None:
    for kind in ("results", "slices"):
        (tmp_path / kind).symlink_to(place / kind)
    made = build_report(synthetic.board(), tmp_path, tmp_path / "out", site=True, formats=("png",))
    text = (made.index.parent / "clips" / "vfhq-mild" / "calm.html").read_text()
    assert "run with --keep video" in text and "--keep video" in made.index.read_text()
    data = Page(made.index.parent / "clips" / "vfhq-mild" / "calm.html").json["clip-data"]
    assert isinstance(data, dict) and data["values"]["psnr"] and any("strip" in t for t in data["tracks"])


def test_where_to_look_first(place: Path, board: object) -> None:
    material = gather(board, place)  # type: ignore[arg-type]
    table = material.tables[0]
    grid = material.grid(table)
    column = table.columns[0]
    found = worst.worst_results(table, grid, column)
    values = {m: grid.clip_values(m, "psnr") for m in ("bicubic", "nearest", "lanczos")}
    assert found[0].method == "nearest" and "oracle" not in {f.method for f in found}
    assert max(Counter(f.method for f in found).values()) == worst.MOST_A_METHOD, "one does not crowd out all"
    gaps = [values[f.method][grid.clips.index(f.clip)] for f in found if f.method in values]
    assert all(np.isfinite(gaps))
    apart = worst.disagreements(table, grid, column)
    spread = {c: np.ptp([v[i] for v in values.values()]) for i, c in enumerate(grid.clips)}
    assert apart[0].clip == max(spread, key=lambda c: spread[c])
    jumped = worst.jumps(table, grid, column)
    assert len({f.method for f in jumped}) == len(jumped) >= 3
    assert worst_clip(grid, "nearest", column) == grid.clips[int(np.nanargmin(values["nearest"]))]


def test_numbers_for_json() -> None:
    assert (
        plain(float("nan")) is None and plain(float("inf")) == "Infinity" and plain(0.1234567891) == 0.123457
    )


def test_a_clip_s_page_begins_with_the_persons_identity(tmp_path: Path) -> None:
    from dataclasses import replace

    from reports.material import gather
    from reports.site.clip_data import clip_data

    synthetic.write_board(tmp_path / "results")
    material = gather(synthetic.board(), tmp_path)
    table = material.tables[0]
    grid = material.grid(table)
    last = table.columns[-1]
    renamed = replace(table, columns=(*table.columns[:-1], replace(last, id="idd_dlib")))
    for result in grid.cells.values():
        result.values["idd_dlib"] = result.values[last.id]
    data = clip_data(material, renamed, grid, synthetic.CLIPS[0], [])
    assert data["metrics"][0]["id"] == "idd_dlib"
    assert [m["id"] for m in data["metrics"][1:]] == [c.id for c in table.columns[:-1]]


def test_a_page_says_what_it_cannot_show(tmp_path: Path) -> None:
    synthetic.write_board(tmp_path / "results")
    synthetic.write_strips(tmp_path)
    made = build_report(synthetic.board(), tmp_path, tmp_path / "out", site=True, formats=("png",))
    page = (made.index.parent / "clips" / "vfhq-mild" / "calm.html").read_text()
    assert "Not shown: ground truth and input, not found where the run read them." in page
    for what in ("ground truth", "input"):
        said = f"Not shown on 6 pages: the {what}, not found where the run read it."
        assert said in made.index.read_text(), "the board's page says so, too"


def test_a_ground_truth_of_other_frames_is_not_shown_as_the_runs(tmp_path: Path) -> None:
    for clip in ("calm", "fast"):
        synthetic.write_result(tmp_path / "results", "bicubic", "vfhq-mild", clip)
    synthetic.write_frames(tmp_path, tmp_path / "data")
    third, fourth = sorted((tmp_path / "data" / "calm").glob("*.png"))[3:5]
    third.write_bytes(fourth.read_bytes())
    board = synthetic.board(dataset={"layout": "folder", "path": str(tmp_path / "data")}, figures={})
    made = build_report(board, tmp_path, tmp_path / "out", site=True)
    assert any("not those any more that the run read" in line for line in made.skipped)
    pages = {
        c: (tmp_path / "out" / "clips" / "vfhq-mild" / f"{c}.html").read_text() for c in ("calm", "fast")
    }
    assert "Not shown: ground truth" in pages["calm"] and "Not shown" not in pages["fast"]
    facts = Page(tmp_path / "out" / "provenance.html").json["jobs-data"][0]["facts"]  # type: ignore[index]
    digests = {synthetic.moving_clip(c).digest() for c in ("calm", "fast")}
    assert dict(facts)["Ground truth (SHA-256)"] in digests, "what the run read is remembered"


def test_the_boards_page_is_one_with_clips_pages_and_without(
    place: Path, board: object, site: Report
) -> None:
    plain = build_report(board, place, place / "plain").index  # type: ignore[arg-type]
    whole = Page(site.index)
    page = Page(plain)
    assert [s.get("src") for s in page.scripts] == [s.get("src") for s in whole.scripts]
    led = {a for a in whole.addresses if a.startswith("clips/") or a == "worst.html"}
    assert led and set(page.addresses) == set(whole.addresses) - led
    assert not (plain.parent / "clips").exists() and (plain.parent / "provenance.html").is_file()
    texts = [re.sub(r"<nav.*?</nav>|href=\"[^\"]*\"", "", p.read_text()) for p in (plain, site.index)]
    parts = [re.search(r'<section id="vfhq-mild">.*?<div class="scroll".*?</table>', t, re.S) for t in texts]
    shown = [re.sub(r"</?(a|span)\b[^>]*>", "", p[0]) for p in parts if p is not None]
    assert len(shown) == 2 and shown[0] == shown[1], "one table"
    assert "--html FOLDER" in texts[0] and "--html FOLDER" not in texts[1]


def test_a_plain_report_keeps_a_site_whole(tmp_path: Path) -> None:
    synthetic.write_result(tmp_path / "results", "bicubic", "vfhq-mild", "calm")
    board = synthetic.board(figures={})
    for site in (True, False):
        made = build_report(board, tmp_path, tmp_path / "out", site=site)
        assert "worst.html" in Page(made.index).addresses
        assert tmp_path / "out" / "clips" / "vfhq-mild" / "calm.html" in made.files


def test_the_page_knows_how_scripts_draw_the_methods(site: Report) -> None:
    data = json.loads(re.findall(r'"application/json">(.*)</script>', site.index.read_text())[0])
    looks = {m["id"]: (m["colour"], m["marker"], m["weight"]) for m in data["methods"]}
    assert looks["evil"][2] == "strong" and looks["bicubic"][2] == "muted", "the user's own stands out"
    assert len(set(looks.values())) == len(looks)
    clip = Page(site.index.parent / "clips" / "vfhq-mild" / "calm.html").json["clip-data"]
    assert isinstance(clip, dict)
    assert {t["id"]: t["weight"] for t in clip["tracks"] if "weight" in t}["evil"] == "strong"
