"""PostgreSQL writes the plain file of comparisons by itself: to the byte what is written from rows elsewhere."""

import pytest
from django.db import connection

from annotation.exporting import comparisons, layouts
from annotation.exporting.selection import Selection
from annotation.models import Comparison, LanguageModel, Rater, Study
from tests.annotation.study_pages import give_votes, study_of
from tests.builders import NOW

pytestmark = pytest.mark.django_db

NAMES = (
    *("=cmd", "'=cmd", '"q", x', "a\nb\rc", "\\.", " spaced ", "'+1", "-", "@x", "\ttab", "名前", "'plain", "NULL"),
    "\\N",
)


@pytest.fixture
def study(owner):
    found = study_of(owner)
    give_votes(found, 4)
    judge = Rater.objects.create(study=found, kind="judge", name='="robot"')
    Comparison.objects.bulk_create(
        Comparison(study=found, pair=pair, rater=judge, left=left, trial=trial, winner=winner, answered_at=NOW)
        for pair in found.pairs.order_by("pk")
        for trial, (left, winner) in enumerate((("x", "x"), ("y", "x"), ("y", "tie")))
    )
    return found


@pytest.mark.parametrize("raters", ["people", "all", '="robot"'])
@pytest.mark.parametrize("start", range(0, len(NAMES), 2))
def test_names_are_written_alike_whatever_is_in_them(study, raters, start):
    models = LanguageModel.objects.order_by("pk")
    for model, name in zip(models, NAMES[start:], strict=False):
        LanguageModel.objects.filter(pk=model.pk).update(name=name)
    counted = comparisons.chosen(study, raters).counted()
    columns = comparisons.plain_columns(study, counted, raters, simulated=False)
    copied = comparisons.copied(counted, columns)
    assert (copied is not None) == (connection.vendor == "postgresql")
    by_rows = "".join(comparisons.plain_table(study, counted).csv(columns))
    assert "".join(copied or [by_rows]) == by_rows
    told: list[int] = []
    asked = layouts.request("comparisons", "csv", Selection(raters=raters))
    assert b"".join(asked.chunks(study, told.append)).decode() == by_rows
    assert told[-1] == counted.count()


def test_the_scale_is_read_alike(study):
    Comparison.objects.update(scale_name=Study.ScaleName.EIGHT, value=4)
    counted = comparisons.chosen(study, "all").counted()
    columns = comparisons.plain_columns(study, counted, "all", simulated=False)
    by_rows = "".join(comparisons.plain_table(study, counted, ties=True).csv(columns))
    assert "".join(comparisons.copied(counted, columns, ties=True) or [by_rows]) == by_rows
    assert {row.split(",")[5] for row in by_rows.splitlines()[1:]} == {"tie"}


def test_numbers_that_the_two_write_differently_are_written_from_rows(study):
    Comparison.objects.update(weight=2.0, share=0.1)
    counted = comparisons.chosen(study, "people").counted()
    columns = comparisons.plain_columns(study, counted, "people", simulated=False)
    assert comparisons.copied(counted, columns) is None
    assert ",2.0,0." in "".join(comparisons.plain_table(study, counted).csv(columns))
