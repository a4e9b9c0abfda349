"""Random numbers depend on their names alone, and are even."""

from __future__ import annotations

import numpy as np

from degradations.numerics.streams import Stream


def test_a_stream_is_its_names() -> None:
    names = [
        ("vfhq-mild@1", 0, "clip", "recipe/1:gaussian-noise", 7),
        ("vfhq-mild@2", 0, "clip", "recipe/1:gaussian-noise", 7),
        ("vfhq-mild@1", 1, "clip", "recipe/1:gaussian-noise", 7),
        ("vfhq-mild@1", 0, "Clip", "recipe/1:gaussian-noise", 7),
        ("vfhq-mild@1", 0, "clip", "recipe/3:gaussian-noise", 7),
        ("vfhq-mild@1", 0, "clip", "recipe/1:gaussian-noise", 8),
        ("vfhq-mild@1", 0, "clip", "recipe/1:gaussian-noise", None),
    ]
    firsts = {name: int(Stream(*name).words(1, 64)[0]) for name in names}
    assert len(set(firsts.values())) == 7
    assert firsts == {name: int(Stream(*name).words(1, 64)[0]) for name in names}


def test_the_numbers_never_change() -> None:
    """Recipes' versions promise their frames for good: a change here needs new versions of all of them."""
    stream = Stream("golden", 1, None)
    assert stream.words(3, 64).tolist() == [859934450006776706, 10271256584011410305, 18332215027269057304]
    assert [stream.integer(0, 9) for _ in range(8)] == [8, 0, 3, 3, 6, 8, 3, 4]
    assert stream.unit() == 0.9977038977560153


def test_names_with_the_same_text_are_told_apart() -> None:
    assert Stream("a", 1).words(1, 64)[0] != Stream("a", "1").words(1, 64)[0]
    assert Stream("a", "b").words(1, 64)[0] != Stream('a","b').words(1, 64)[0]


def test_numbers_are_even_and_in_range() -> None:
    stream = Stream("even")
    units = np.array([stream.unit() for _ in range(20_000)])
    assert units.min() >= 0 and units.max() < 1
    assert abs(units.mean() - 0.5) < 0.01
    counts = np.bincount([stream.integer(3, 7) for _ in range(10_000)], minlength=8)
    assert counts[:3].sum() == 0 and abs(counts[3:] - 2000).max() < 200
    chosen = [stream.choice({"a": 0.1, "b": 0.0, "c": 0.9}) for _ in range(5_000)]
    assert chosen.count("b") == 0 and abs(chosen.count("a") - 500) < 90


def test_every_order_comes_up() -> None:
    stream = Stream("order")
    orders = [tuple(stream.order("abc")) for _ in range(600)]
    assert len(set(orders)) == 6
    assert min(orders.count(order) for order in set(orders)) > 60


def test_words_do_not_depend_on_how_they_are_asked_for() -> None:
    assert Stream("w").words(8, 16).tolist() == Stream("w").words(2, 64).view("<u2").tolist()
