"""Columns that other apps register appear in tables of raters."""

from collections.abc import Collection, Mapping

import pytest

from annotation import rater_columns
from annotation.models import PromptSet, Study


@pytest.fixture
def columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Empties the registry for each test."""
    monkeypatch.setattr(rater_columns, "_columns", [])


@pytest.fixture
def study() -> Study:
    return Study(slug="haiku", prompt_set=PromptSet(slug="haiku"))


def cost(study: Study, raters: Collection[int]) -> Mapping[int, str]:
    return {rater: f"{study.slug} {rater}" for rater in raters if rater > 1}


def nothing(_study: Study, _raters: Collection[int]) -> Mapping[int, str]:
    return {}


def test_a_column_says_what_is_known_of_the_raters_asked_about(columns: None, study: Study) -> None:
    rater_columns.register("Cost", cost)
    (fact,) = rater_columns.known(study, [1, 2])
    assert (fact.title, fact.texts) == ("Cost", {2: "haiku 2"})


def test_a_column_with_nothing_to_say_is_left_out(columns: None, study: Study) -> None:
    rater_columns.register("Cost", cost)
    rater_columns.register("Nothing", nothing)
    assert [fact.title for fact in rater_columns.known(study, [1])] == []


def test_columns_stand_in_the_order_of_their_registration(columns: None, study: Study) -> None:
    rater_columns.register("Second to none", lambda _study, raters: dict.fromkeys(raters, "a"))
    rater_columns.register("Cost", cost)
    assert [fact.title for fact in rater_columns.known(study, [2])] == ["Second to none", "Cost"]


def test_one_and_the_same_column_twice_is_refused(columns: None) -> None:
    rater_columns.register("Cost", cost)
    with pytest.raises(ValueError, match="already registered"):
        rater_columns.register("Price", cost)
