"""The scatter plot: whole intervals, the line of equal ratings, and names that lie over nothing."""

from itertools import combinations

import pytest
from django.template.loader import render_to_string
from hypothesis import given
from hypothesis import strategies as st

from ranking.pages.scatter import MOST, Box, Scatter, _places, scatter

CORRELATIONS = (("spearman", "Spearman"),)

RATING = st.floats(-2000, 4000)


def plot(people: list[list[float | None]], judge: list[list[float | None]], names: list[str] | None = None) -> Scatter:
    models = names or [f"Model {number}" for number in range(len(people))]
    boards = {"spearman": 0.5, "pairs": 9, "people": people, "judge": judge, "models": models}
    found = scatter(boards, CORRELATIONS)
    assert found is not None
    return found


def boxes(found: Scatter) -> list[Box]:
    """The names' boxes, found again from where they stand."""
    return [next(box for name, box in _places(dot) if name == dot.name) for dot in found.dots if dot.name]


def test_both_axes_cover_every_interval():
    found = plot([[1000, 900, 1100], [900, 850, 950]], [[1000, -400, 2900], [900, 800, 1000]])
    for dot in found.dots:
        for end in (dot.x_low, dot.x_high, dot.y_low, dot.y_high):
            assert end is not None
            assert 0 <= end <= 100
    assert found.across.high - found.across.low < found.up.high - found.up.low


def test_the_diagonal_joins_equal_ratings():
    found = plot([[1000, 900, 1100], [900, 850, 950]], [[1300, 1000, 1600], [900, 800, 1000]])
    assert found.diagonal is not None
    x0, y0, x1, y1 = found.diagonal

    def rating(x: float, y: float) -> tuple[float, float]:
        across = found.across.low + x / 100 * (found.across.high - found.across.low)
        return across, found.up.low + (100 - y) / 100 * (found.up.high - found.up.low)

    for x, y in ((x0, y0), (x1, y1)):
        by_people, by_judge = rating(x, y)
        assert by_people == pytest.approx(by_judge, abs=0.1)
    # The judge rates the first model higher than people do, so that it is above the line.
    first = found.dots[0]
    assert first.y < y0 + (first.x - x0) * (y1 - y0) / (x1 - x0)


def test_intervals_are_only_spoken_of_where_there_are_some():
    bare = [[1000, None, None], [900, None, None]]
    assert not plot(bare, bare).has_intervals
    assert plot(bare, [[1000, 950, 1050], [900, 850, 950]]).has_intervals
    judge = {"name": "gpt9"}
    for found, words in ((plot(bare, bare), False), (plot([[1000, 900, 1100], [900, 800, 1000]], bare), True)):
        html = render_to_string("ranking/scatter.html", {"scatter": found, "judge": judge, "study": {"slug": "haiku"}})
        assert ("95% intervals" in html) is words


def test_axes_without_a_common_rating_have_no_diagonal():
    assert plot([[100, 90, 110], [105, 95, 115]], [[1000, 990, 1010], [1005, 995, 1015]]).diagonal is None


@given(st.lists(st.tuples(RATING, RATING), min_size=2, max_size=30))
def test_no_name_lies_over_another_or_over_a_dot(ratings):
    found = plot([[x, None, None] for x, _y in ratings], [[y, None, None] for _x, y in ratings])
    drawn = boxes(found)
    assert len(drawn) == len(found.dots) - found.unnamed
    assert all(box.is_inside for box in drawn)
    assert not any(one.meets(other) for one, other in combinations(drawn, 2))
    assert not any(box.meets(dot.box) for box in drawn for dot in found.dots)


def test_a_few_models_all_have_their_names():
    people = [[1000 + 50 * number, None, None] for number in range(5)]
    assert plot(people, [[1000 + 40 * number, None, None] for number in range(5)]).unnamed == 0


def test_a_long_name_is_cut_in_the_plot_alone():
    name = "a model with a very long name indeed"
    dot = plot([[1000, None, None]] * 2, [[1000, None, None], [1100, None, None]], [name, "b"]).dots[0]
    assert dot.model == name
    assert dot.name is not None
    assert len(dot.name.text) == MOST


def test_too_few_models_have_no_plot():
    assert scatter({"spearman": None}, CORRELATIONS) is None
