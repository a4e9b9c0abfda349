"""Leases: one holder at a time, told by the file system's clock alone."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from vfsrbench.engines.base import Event
from vfsrbench.fleet.plan import leases as leases_module
from vfsrbench.fleet.plan.leases import Held, LeaseLost, Leases, Owner, create

ME = Owner("run", "host", 7, "cpu")


@pytest.fixture
def leases(tmp_path: Path) -> Leases:
    return Leases(tmp_path, silence=60)


def taken(leases: Leases, unit: str, number: int = 1) -> Held:
    held = leases.take(unit, number, ME)
    assert held is not None
    return held


def grab(folder: str, winners: str, name: int) -> None:
    """Try to take fifty units, in step with all others."""
    leases = Leases(Path(folder), silence=60)
    while not Path(folder, "go").exists():
        time.sleep(0.001)
    me = Owner("run", "host", name)
    won = [str(unit) for unit in range(50) if leases.take(str(unit), 1, me) is not None]
    Path(winners, str(name)).write_text(" ".join(won))


def test_of_many_processes_that_take_a_unit_at_once_exactly_one_has_it(tmp_path: Path) -> None:
    folder, winners = tmp_path / "leases", tmp_path / "winners"
    folder.mkdir()
    winners.mkdir()
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=grab, args=(str(folder), str(winners), n)) for n in range(8)]
    for process in processes:
        process.start()
    (folder / "go").touch()
    for process in processes:
        process.join(60)
    won = [unit for path in winners.iterdir() for unit in path.read_text().split()]
    assert sorted(won, key=int) == [str(unit) for unit in range(50)], "each once, by whomever"
    assert not [path for path in folder.iterdir() if path.name.endswith(".part")]


def test_a_taken_unit_is_refused_until_its_lease_runs_out(leases: Leases) -> None:
    first = taken(leases, "3")
    assert leases.take("3", 1, ME) is None
    seen = leases.look("3", 1)
    assert seen is not None and not seen.silent and seen.owner == ME and 0 <= seen.age < 30
    first.close()
    os.utime(leases.folder / "3.1", (0, leases.now() - 61))
    assert leases.look("3", 1).silent
    second = taken(leases, "3", 2)
    with pytest.raises(LeaseLost):
        first.confirm()
    with pytest.raises(LeaseLost):
        first.on_event(Event(0, "restoring"))
    second.confirm()
    second.close()


def test_no_machine_clock_counts(leases: Leases, monkeypatch: pytest.MonkeyPatch) -> None:
    held = taken(leases, "0")
    held.close()
    for wrong in (0.0, 4e9):
        monkeypatch.setattr(time, "time", lambda wrong=wrong: wrong)
        assert not leases.look("0", 1).silent
    # a server whose clock is years off stamps both files: only their difference counts
    disk = time.time_ns() * 0 + 1_000_000_000
    monkeypatch.setattr(leases, "now", lambda: disk + 59.0)
    os.utime(leases.folder / "0.1", (0, disk))
    assert not leases.look("0", 1).silent and leases.look("0", 1).age == 59
    monkeypatch.setattr(leases, "now", lambda: disk + 61.0)
    assert leases.look("0", 1).silent
    # stamped before the server's clock was set back
    os.utime(leases.folder / "0.1", (0, disk + 500))
    assert leases.look("0", 1).silent


def test_signs_of_life_keep_a_lease_and_end_with_its_holder(tmp_path: Path) -> None:
    leases = Leases(tmp_path, silence=0.8)
    held = taken(leases, "0")
    held.on_event(Event(2, "restoring", 1, 9))
    time.sleep(1.2)
    seen = leases.look("0", 1)
    assert not seen.silent and seen.held > 1 and seen.event == Event(2, "restoring", 1, 9)
    held.close()
    time.sleep(0.9)
    assert leases.look("0", 1).silent


def test_a_process_that_stood_still_asks_before_it_goes_on(leases: Leases, monkeypatch) -> None:
    held = taken(leases, "0")
    held.on_event(Event(0, "restoring", 0, 9))
    other = taken(leases, "0", 2)
    held.on_event(Event(0, "restoring", 1, 9))  # its thread has not looked yet: a step is not asked about
    now = leases_module._running_time()
    monkeypatch.setattr(leases_module, "_running_time", lambda: now + 100)
    with pytest.raises(LeaseLost):
        held.on_event(Event(0, "restoring", 2, 9))
    held.close()
    other.close()


def test_what_was_given_back_is_open_at_once_and_deaths_are_counted(leases: Leases) -> None:
    assert leases.listing().open_now("0")
    held = taken(leases, "0")
    assert not leases.listing().open_now("0")
    held.leave("stopped")
    assert leases.listing().open_now("0")
    taken(leases, "0", 2).close()  # dies
    taken(leases, "0", 3).leave("its GPU was lost", well=False)
    last = taken(leases, "0", 4)
    assert leases.lost_tries("0", 4) == 2
    last.close()


@pytest.mark.parametrize("content", [b"", b"{", b'{"owner": 3}', b"\xff\x00", b"[]"])
def test_a_damaged_lease_is_named_and_runs_out_like_any_other(leases: Leases, content: bytes) -> None:
    held = taken(leases, "12")
    held.close()
    (leases.folder / "12.1").write_bytes(content)
    seen = leases.look("12", 1)
    assert seen.owner is None and not seen.silent
    assert str(leases.folder / "12.1") in seen.damage and "damaged" in seen.damage
    os.utime(leases.folder / "12.1", (0, leases.now() - 61))
    assert leases.look("12", 1).silent


def test_where_there_are_no_links_one_process_alone_makes_the_file(tmp_path: Path, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert create(tmp_path / "a", b"first") and not create(tmp_path / "a", b"second")
    assert (tmp_path / "a").read_bytes() == b"first"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_link_whose_answer_was_lost_counts_as_made(tmp_path: Path, monkeypatch) -> None:
    real = os.link

    def link(source: Path, target: Path) -> None:
        real(source, target)
        raise FileExistsError(17, "File exists")  # NFS asked again

    monkeypatch.setattr(os, "link", link)
    assert create(tmp_path / "a", b"mine")
    assert not create(tmp_path / "a", b"not mine") and (tmp_path / "a").read_bytes() == b"mine"
