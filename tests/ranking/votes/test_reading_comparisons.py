"""What goes into a board: counted comparisons of the raters asked for, as they stood under the line."""

from collections import Counter
from datetime import timedelta

import numpy as np
import pytest

from annotation.models import Comparison, Pair, Purpose
from annotation.voting import leaving
from ranking.boards import counting
from ranking.methods.tally import tally
from ranking.votes import reader
from ranking.votes.reader import Filters, UnknownCategory, UnknownRater, cut, read
from tests.builders import NOW, add_golden_pairs, build_study
from tests.ranking.casting import judge, person, vote, voted_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def study():
    return build_study(models=3, prompts=2)


def got(study, raters="people", **filters):
    """How often each model beat or tied each other, by name."""
    found = read(study, Filters(raters=raters, **filters), cut(study))
    votes = found.votes
    word = {2: "beat", 1: "tied", 0: "lost to"}
    names = [name.removeprefix("Quillfinch-") for name in votes.names]
    return Counter(
        f"{names[x]} {word[outcome]} {names[y]}" for x, y, outcome in zip(votes.x, votes.y, votes.outcome, strict=True)
    )


def test_people_and_judges_are_read_apart(study):
    pair = study.pairs.first()
    vote(person(study), pair, "x")
    vote(judge(study), pair, "y")
    assert got(study) == {"0 beat 1": 1}
    assert got(study, "gpt9") == {"0 lost to 1": 1}
    assert got(study, "all") == {"0 beat 1": 1, "0 lost to 1": 1}


def test_only_comparisons_in_force_on_votable_pairs_by_included_raters_count(study):
    pair = study.pairs.filter(purpose=Purpose.VOTE).first()
    (training,) = add_golden_pairs(study, ["x"])
    (check,) = add_golden_pairs(study, ["x"], Purpose.CHECK)
    counted, excluded, undoing, changing = person(study), person(study, excluded_at=NOW), person(study), person(study)
    vote(counted, pair, "x")
    vote(counted, training, "y")
    vote(counted, check, "y")
    vote(excluded, pair, "y")
    first = vote(undoing, pair, "y")
    Comparison.objects.filter(pk=first.pk).update(superseded_by=vote(undoing, pair, "y", withdrawn=True))
    second = vote(changing, study.pairs.all()[1], "y")
    later = Comparison.objects.bulk_create(
        [Comparison(study=study, pair=second.pair, rater=changing, winner="tie", left="x", trial=1)]
    )[0]
    Comparison.objects.filter(pk=second.pk).update(superseded_by=later)
    assert got(study) == {"0 beat 1": 1, "0 tied 2": 1}


def test_another_study_does_not_enter(study):
    other = build_study("limericks")
    vote(person(other), other.pairs.first(), "x")
    assert got(study) == {}


def test_unknown_names_fail_and_list_the_known_ones(study):
    vote(judge(study), study.pairs.first(), "x")
    with pytest.raises(UnknownRater, match="people, all, gpt9"):
        got(study, "gpt8")
    with pytest.raises(UnknownCategory, match="code, prose"):
        got(study, category="verse")


def test_a_category_keeps_its_prompts(study):
    rater = person(study)
    for pair in study.pairs.all():
        vote(rater, pair, "x")
    assert sum(got(study, category="code").values()) == 3
    assert sum(got(study).values()) == 6


def test_a_judge_asked_in_both_orders_gives_one_outcome(study):
    rater, (first, second, third) = judge(study), study.pairs.all()[:3]
    for pair, winners in ((first, "xx"), (second, "xy")):
        vote(rater, pair, winners[0], left="x", trial=0)
        vote(rater, pair, winners[1], left="y", trial=1)
    vote(rater, third, "y", left="y")
    assert got(study, "gpt9") == {"0 beat 1": 1, "1 lost to 2": 1}
    assert got(study, "gpt9", inconsistent="tie") == {"0 beat 1": 1, "0 tied 2": 1, "1 lost to 2": 1}
    found = read(study, Filters("gpt9"), cut(study))
    assert found.inconsistent == 1
    assert sorted(found.votes.left) == [-1, 0]


def test_several_samples_of_a_judge_are_one_outcome_by_plurality(study):
    rater, (first, second) = judge(study), study.pairs.all()[:2]
    for trial, winner in enumerate(["x", "x", "y"]):
        vote(rater, first, winner, trial=trial)
    for trial, winner in enumerate(["x", "y"]):
        vote(rater, second, winner, trial=trial)
    assert got(study, "gpt9") == {"0 beat 1": 1}


def test_turns_of_a_conversation_are_outcomes_of_their_own(study):
    rater, pair = judge(study), study.pairs.first()
    vote(rater, pair, "x", turn=0)
    vote(rater, pair, "y", turn=1)
    assert got(study, "gpt9") == {"0 beat 1": 1, "0 lost to 1": 1}


def test_the_middle_of_1_to_8_is_a_tie_where_ties_are_allowed(study):
    rater = person(study)
    for pair, value, winner in zip(study.pairs.all(), (1, 4, 5, 8), "xxyy", strict=False):
        vote(rater, pair, winner, value=value, scale_name="eight")
    assert sum(count for words, count in got(study).items() if "tied" in words) == 0
    assert sum(count for words, count in got(study, reading="tie-allowed").items() if "tied" in words) == 2


def test_a_three_on_five_levels_is_not_mistaken_for_the_middle_of_1_to_8(study):
    vote(person(study), study.pairs.first(), "y", value=4, scale_name="five")
    assert got(study, reading="tie-allowed") == {"0 lost to 1": 1}


def test_simulated_comparisons_are_counted(study):
    vote(person(study, simulated=True), study.pairs.first(), "x")
    vote(person(study), study.pairs.first(), "x")
    assert read(study, Filters(), cut(study)).simulated == 1
    assert counting.read(study, Filters(), cut(study)).simulated == 1


def test_counting_in_sql_comes_to_the_same():
    study = voted_study()
    line = cut(study)
    one, other = read(study, Filters(), line), counting.read(study, Filters(), line)
    assert one.votes.names == other.votes.names
    assert len(other.votes) < len(one.votes) == other.votes.total
    for name in ("wins", "ties"):
        assert (getattr(tally(one.votes), name) == getattr(tally(other.votes), name)).all()


def test_what_stood_under_a_line_can_be_read_again():
    study = voted_study()
    line = cut(study)
    before = read(study, Filters(), line)
    rater = study.raters.first()
    undone = rater.comparisons.first()
    Comparison.objects.filter(pk=undone.pk).update(
        superseded_by=vote(rater, undone.pair, undone.winner, withdrawn=True)
    )
    vote(person(study), undone.pair, "y")
    leaving.exclude(study.raters.last(), "by hand", NOW)
    assert read(study, Filters(), line).digest == before.digest
    now = read(study, Filters(), cut(study))
    assert now.digest != before.digest


def test_the_digest_does_not_depend_on_the_order_of_rows_but_with_elo_it_does():
    study = voted_study()
    line = cut(study)
    plain = read(study, Filters(), line).digest
    in_order = read(study, Filters(), line, in_order=True).digest
    Comparison.objects.filter(pk=study.comparisons.last().pk).update(answered_at=NOW - timedelta(days=1))
    assert read(study, Filters(), line).digest == plain
    assert read(study, Filters(), line, in_order=True).digest != in_order


def test_votes_without_times_are_in_the_order_they_were_stored(study):
    rater = person(study)
    vote(rater, study.pairs.all()[0], "x")
    assert read(study, Filters(), cut(study), in_order=True).in_time
    Comparison.objects.bulk_create(
        [Comparison(study=study, pair=study.pairs.all()[1], rater=rater, winner="y", left="x")]
    )
    found = read(study, Filters(), cut(study), in_order=True)
    assert not found.in_time
    assert found.votes.outcome.tolist() == [2, 0]


def test_one_order_a_pair_is_noticed(study):
    pair, rater = study.pairs.first(), person(study)
    vote(rater, pair, "x", left="x")
    assert read(study, Filters(), cut(study)).one_order
    vote(person(study), pair, "x", left="y")
    assert not read(study, Filters(), cut(study)).one_order


@pytest.mark.parametrize("change", ["vote", "exclude", "undo"])
def test_any_change_of_the_comparisons_changes_their_state(change):
    study = voted_study(people=2)
    before = reader.state(study)
    match change:
        case "vote":
            vote(person(study), study.pairs.first(), "x")
        case "exclude":
            leaving.exclude(study.raters.first(), "by hand", NOW)
        case "undo":
            row = study.comparisons.first()
            Comparison.objects.filter(pk=row.pk).update(superseded_by=vote(row.rater, row.pair, "x", withdrawn=True))
    assert reader.state(study) != before


def test_prompts_and_raters_are_coded_without_gaps():
    study = voted_study(people=3)
    votes = read(study, Filters(), cut(study)).votes
    assert np.unique(votes.prompt).tolist() == list(range(12))
    assert np.unique(votes.rater).tolist() == list(range(3))
    assert Pair.objects.filter(study=study).count() == 72
