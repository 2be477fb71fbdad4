"""A problem is stored in English with its code, and told in whatever language it is read in."""

import pytest
from django.utils import translation

from annotation.models import PairRun
from annotation.pair_making import problems as pair_problems
from annotation.problems import NO_PROBLEM, SENTENCES, Problem, kind
from annotation.stored_problems import Counted, columns, commonest, told
from tests.builders import build_study
from tests.told_problems import assert_told_in_both_languages, kinds

BUSY = "The endpoint is busy."


@pytest.fixture
def words():
    """Kinds that exist for one test; each is said with a sentence of the catalogues."""
    kinds = {
        "empty": kind("test-empty", "The file is empty."),
        "lines": kind("test-lines", "%(lines)s"),
        "prompt": kind("test-prompt", "No model in the files or the study has the ID %(number)s."),
    }
    yield kinds
    for each in kinds.values():
        del SENTENCES[each.code]


def test_a_problem_is_said_in_english_and_told_in_the_language_of_the_reader(words):
    found = words["prompt"](number=7)
    assert str(found) == "No model in the files or the study has the ID 7."
    assert told(found) == str(found)
    with translation.override("ja"):
        assert str(words["prompt"](number=7)) == str(found)
        assert not told(found).isascii()
        assert "7" in told(found)


def test_what_is_stored_comes_back_with_everything_within(words):
    found = words["lines"](lines=[words["empty"](), words["prompt"](number=words["prompt"](number=3)), Problem(BUSY)])
    again = Problem.stored(found.text, found.data)
    assert again.data == found.data
    with translation.override("ja"):
        assert told(again) == told(found)
        assert told(again).splitlines()[0] == told(words["empty"]())
        assert told(again).splitlines()[2] == BUSY


def test_words_of_others_have_no_code_and_stay_as_they_came():
    assert columns(Problem(BUSY)) == {"problem": BUSY, "problem_data": None}
    with translation.override("ja"):
        assert told(Problem(BUSY)) == BUSY


def test_nothing_wrong_is_no_problem():
    assert not NO_PROBLEM
    assert columns(NO_PROBLEM) == {"problem": "", "problem_data": None}


@pytest.mark.parametrize(
    "data",
    [
        {"code": "of-a-later-version", "params": {}},
        {"code": "test-prompt", "params": {}},
        {"code": "test-prompt", "params": {"name": "x"}},
        {"code": "test-lines", "params": {"lines": [{"code": "of-a-later-version", "params": {}}]}},
    ],
)
def test_what_another_version_stored_keeps_its_text(words, data):
    with translation.override("ja"):
        assert told(Problem.stored("It did not work.", data)) == "It did not work."


def test_a_code_is_given_once(words):
    with pytest.raises(ValueError, match="test-empty"):
        kind("test-empty", "Something else.")


@pytest.mark.parametrize(
    "found",
    [each for each in kinds(pair_problems) if each not in {pair_problems.UNCONNECTED, pair_problems.GROUP}],
    ids=lambda found: found.code,
)
def test_every_problem_of_making_pairs_has_a_sentence_in_both_languages(found):
    assert_told_in_both_languages(found)


@pytest.mark.django_db
def test_a_row_is_told_by_its_code_and_without_one_by_its_text(words):
    study = build_study()
    coded = PairRun.objects.create(study=study, strategy="all", **columns(words["prompt"](number=7)))
    old = PairRun.objects.create(
        study=study, strategy="all", problem="No model in the files or the study has the ID 7."
    )
    coded.refresh_from_db()
    assert coded.told_problem == old.told_problem == coded.problem
    with translation.override("ja"):
        assert coded.told_problem == told(words["prompt"](number=7)) != coded.problem
        assert old.told_problem == old.problem


@pytest.mark.django_db
def test_problems_are_counted_by_code_and_without_one_by_text(words):
    study = build_study()
    found = [NO_PROBLEM, Problem(BUSY), Problem(BUSY), words["empty"]()]
    found += [words["prompt"](number=number) for number in range(3)]
    PairRun.objects.bulk_create(PairRun(study=study, strategy="all", **columns(problem)) for problem in found)
    assert commonest(PairRun.objects.all()) == [
        Counted("No model in the files or the study has the ID ….", 3),
        Counted(BUSY, 2),
        Counted("The file is empty.", 1),
    ]
    assert commonest(PairRun.objects.all(), 1) == [Counted("No model in the files or the study has the ID ….", 3)]
    assert commonest(PairRun.objects.filter(problem="")) == []


@pytest.mark.django_db
def test_where_all_rows_say_the_same_it_is_told_in_full(words):
    study, problem = build_study(), words["prompt"](number=7)
    PairRun.objects.bulk_create(PairRun(study=study, strategy="all", **columns(problem)) for _each in range(2))
    assert commonest(PairRun.objects.all()) == [Counted("No model in the files or the study has the ID 7.", 2)]


@pytest.mark.django_db
def test_the_column_of_codes_is_null_where_there_is_none():
    PairRun.objects.create(study=build_study(), strategy="all", problem="x")
    PairRun.objects.update(**columns(NO_PROBLEM))
    PairRun.objects.create(study=PairRun.objects.get().study, strategy="all", **columns(Problem(BUSY)))
    assert PairRun.objects.filter(problem_data__isnull=True).count() == 2
