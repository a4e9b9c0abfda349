"""Windows cover every frame once, and take each from where it is deepest inside."""

from __future__ import annotations

import pytest

from vfsrbench.windows import method_windows, smaller


@pytest.mark.parametrize("tail", ["short", "shift"])
@pytest.mark.parametrize(("total", "window", "overlap"), [(1, 4, 1), (10, 4, 0), (10, 4, 3), (23, 7, 2)])
def test_every_frame_is_kept_once_and_in_order(total, window, overlap, tail):
    spans = method_windows(total, window, overlap, tail)
    kept = [t for s in spans for t in range(s.keep_from, s.keep_to)]
    assert kept == list(range(total))
    assert all(s.start <= s.keep_from < s.keep_to <= s.stop <= total for s in spans)
    assert all(len(s) <= window for s in spans)


def test_a_shared_frame_comes_from_the_window_where_it_is_furthest_from_a_border():
    for tail in ("short", "shift"):
        spans = method_windows(30, 8, 5, tail)
        every = [(s, s + 8) for s in range(0, 22, 3)] + [(24, 30) if tail == "short" else (22, 30)]
        for span in spans:
            for t in range(span.keep_from, span.keep_to):

                def depth(start, stop, t=t):
                    return min(t - start if start else 99, stop - 1 - t if stop < 30 else 99)

                best = max(depth(a, b) for a, b in every if a <= t < b)
                assert depth(span.start, span.stop) == best


def test_without_overlap_windows_are_blocks():
    assert [(s.start, s.stop) for s in method_windows(10, 4)] == [(0, 4), (4, 8), (8, 10)]
    assert [(s.start, s.stop) for s in method_windows(10, 4, 0, "shift")] == [(0, 4), (4, 8), (6, 10)]
    assert [(s.keep_from, s.keep_to) for s in method_windows(10, 4, 0, "shift")] == [(0, 4), (4, 7), (7, 10)]


def test_no_window_takes_the_whole_clip():
    assert [(s.start, s.stop) for s in method_windows(9, None)] == [(0, 9)]


def test_a_smaller_window_keeps_its_overlap_in_proportion_and_ends_at_one():
    assert smaller(20, 4) == (10, 2)
    assert smaller(3, 2) == (1, 0)
    assert smaller(1, 0) == (1, 0)
