"""Why there is no board is stored in English with its code, and told in the reader's language."""

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

from annotation.models import Study
from annotation.stored_problems import columns
from ranking import problems
from ranking.boards import snapshots
from ranking.methods.settings import Contradiction, Settings
from ranking.models import Leaderboard, State
from ranking.votes.reader import Filters
from tests.builders import NOW, build_study
from tests.told_problems import assert_told_in_both_languages, kinds


@pytest.mark.parametrize("found", kinds(problems), ids=lambda found: found.code)
def test_every_problem_has_a_sentence_in_both_languages(found):
    assert_told_in_both_languages(found)


def test_an_exception_says_its_problem_in_english():
    with translation.override("ja"), pytest.raises(Contradiction) as refusal:
        Settings(seed=-1)
    assert str(refusal.value) == refusal.value.problem.text == "The seed is -1. It must be 0 or higher."


@pytest.fixture
def board(db):
    """A board that cannot be computed, asked for and tried in Japanese."""
    study = build_study()
    with translation.override("ja"):
        snapshots.ask(study, Filters(category="prose"), Settings(), "1", 1, NOW)
        board = Leaderboard.objects.get()
        assert snapshots.fill(board.pk, NOW)
    board.refresh_from_db()
    return board


def page(board, language):
    Study.objects.filter(pk=board.study_id).update(public=True)
    address = reverse("leaderboard", args=[board.study.slug]) + "?category=prose"
    return Client(headers={"accept-language": language}).get(address).content.decode()


def test_a_board_that_cannot_be_computed_keeps_english_and_its_code(board):
    english = "No comparisons by these raters on prompts in the category “prose” count towards this leaderboard."
    assert (board.state, board.problem) == (State.IMPOSSIBLE, english)
    assert board.problem_data == {"code": "none-of-type", "params": {"type": "prose"}}
    assert english in page(board, "en")
    japanese = page(board, "ja")
    with translation.override("ja"):
        assert board.told_problem in japanese
    assert english not in japanese


def test_a_board_from_before_codes_shows_its_text_in_every_language(board):
    Leaderboard.objects.update(problem_data=None)
    assert board.problem in page(board, "en")
    assert board.problem in page(board, "ja")


def test_whoever_reads_a_page_is_told_of_votes_and_not_of_a_command_line(board):
    Leaderboard.objects.update(**columns(problems.NOBODY_VOTED(study="haiku")))
    assert "No votes from people count towards this leaderboard yet." in page(board, "en")
    assert "--raters" not in page(board, "en")
