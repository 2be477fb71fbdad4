"""What a board says of itself so that one can trust it: counted when it is made, told in sentences."""

from datetime import timedelta
from itertools import combinations

import pytest
from django.template.loader import render_to_string
from django.urls import reverse

from annotation.models import Comparison, Pair, Study
from annotation.voting import coverage, leaving
from ranking.boards import snapshots
from ranking.methods.settings import Settings
from ranking.models import Leaderboard
from ranking.pages import agreement, trust
from ranking.pages.statements import About
from ranking.votes import reader
from ranking.votes.evidence import facts
from ranking.votes.reader import Filters
from tests.builders import NOW, add_golden_pairs, build_study
from tests.ranking.casting import judge, person, vote, voted_study, voting_study

pytestmark = pytest.mark.django_db


def counted(study: Study, raters: str = "people", **filters):
    return facts(study, Filters(raters=raters, **filters), reader.cut(study))


def lines(study: Study, raters: str = "people", **settings) -> dict[str, trust.Line]:
    snapshots.recompute_changed(NOW)
    board = Leaderboard.objects.of(study, Filters(raters=raters), Settings(**settings)).newest()
    if board is None:
        snapshots.ask(study, Filters(raters=raters), Settings(**settings), "", 1, NOW)
        board = Leaderboard.objects.of(study, Filters(raters=raters), Settings(**settings)).get()
    snapshots.fill(board.pk, NOW)
    board.refresh_from_db()
    return {line.term: line for line in trust.lines(board)}


def test_the_size_of_what_went_in_is_counted():
    study = voted_study()
    found = counted(study)
    assert (found["votes"], found["raters"], found["prompts"], found["pairs"]) == (432, 6, 12, 72)
    assert counted(study, category="code")["prompts"] == 6
    assert counted(study, category="code")["votes"] == 216


def test_a_board_against_one_model_is_of_its_comparisons_alone():
    study = voted_study()
    found = facts(study, Filters(), reader.cut(study), "Quillfinch-0")
    assert (found["votes"], found["pairs"]) == (216, 36)
    told = lines(study, method="baseline-win-rate", baseline="Quillfinch-0")
    assert told["Pairs"].value == "36, with 216 votes (6.0 per pair)"
    assert "Coverage" not in told


def test_agreement_place_and_ties_are_what_a_loop_over_the_votes_counts():
    study = voted_study()
    by_pair: dict[int, list[str]] = {}
    left = tie = 0
    for row in Comparison.objects.all():
        by_pair.setdefault(row.pair_id, []).append(row.winner)
        left += row.winner == row.left
        tie += row.winner == "tie"
    both = [(one, other) for votes in by_pair.values() for one, other in combinations(votes, 2)]
    strict = [(one, other) for one, other in both if "tie" not in (one, other)]
    found = counted(study)
    assert found["agreement"]["number"] == len(both)
    assert found["agreement"]["value"] == pytest.approx(sum(one == other for one, other in both) / len(both))
    assert found["agreement_without_ties"]["value"] == pytest.approx(
        sum(one == other for one, other in strict) / len(strict)
    )
    assert found["position"]["left"]["value"] == pytest.approx(left / 432)
    assert found["ties"] == pytest.approx(tie / 432)


def test_the_agreement_of_a_judge_is_that_of_its_verdicts_with_every_vote():
    study = voted_study(people=2)
    rater = judge(study)
    said = {}
    for number, pair in enumerate(study.pairs.order_by("pk")):
        said[pair.pk] = vote(rater, pair, ("x", "y", "tie")[number % 3]).winner
    people = Comparison.objects.exclude(rater=rater)
    found = counted(study, "gpt9")
    assert found["agreement"]["value"] == pytest.approx(sum(row.winner == said[row.pair_id] for row in people) / 144)
    assert found["raters"] == 1
    assert "offered" not in found


def test_verdicts_in_both_orders_that_contradict_one_another_are_told():
    study = voted_study(people=1)
    rater = judge(study)
    pairs = list(study.pairs.order_by("pk"))
    for number, pair in enumerate(pairs):
        vote(rater, pair, "x", left="x", trial=0)
        vote(rater, pair, "y" if number < 18 else "x", left="y", trial=1)
    found = counted(study, "gpt9")
    assert (found["both_orders"], found["consistent"]) == (72, 54)
    assert lines(study, "gpt9")["Same verdict in both orders"].value == "75% of 72"


def test_coverage_is_of_the_pairs_that_people_are_offered():
    study = voted_study()
    half = Pair.objects.filter(prompt__type="code")
    half.update(wanted=7)
    assert (counted(study)["offered"], counted(study)["covered"]) == (72, 36)
    assert lines(study)["Coverage"].value == "90% of 360 planned votes"
    assert coverage.totals(study).share == 324 / 360, "as on the study's page"
    half.update(wanted=0, taken=0)
    assert (counted(study)["offered"], counted(study)["covered"]) == (36, 36)


def test_who_is_excluded_is_told_and_not_counted():
    study = voted_study()
    leaving.exclude(study.raters.first(), "by hand", NOW)
    found = counted(study)
    assert (found["excluded_raters"], found["excluded_votes"], found["raters"]) == (1, 72, 5)
    assert lines(study)["Excluded votes"].value == "72 votes by 1 excluded rater"


def test_dates_are_of_the_first_and_the_last_vote():
    study = voted_study()
    vote(person(study), study.pairs.first(), "x")
    Comparison.objects.filter(pk=Comparison.objects.latest("pk").pk).update(answered_at=NOW + timedelta(days=9))
    assert lines(study)["First and last vote"].value == "2026-03-01 – 2026-03-10"
    Comparison.objects.update(answered_at=None)
    assert counted(study)["first"] is None


def test_training_pairs_are_no_part_of_it():
    study = voted_study()
    before = counted(study)
    (pair,) = add_golden_pairs(study, ["x"])
    vote(person(study), pair, "y")
    assert counted(study) == before


def test_the_question_is_named_for_people_and_for_a_judge():
    study = voted_study()
    rater = judge(study)
    for number, pair in enumerate(study.pairs.all()):
        vote(rater, pair, "x" if number % 4 else "y")
    assert lines(study)["Scope of intervals"].value == "prompts and raters like these"
    assert lines(study, clusters="worker")["Scope of intervals"].value == "raters like these on exactly these prompts"
    assert lines(study, "gpt9")["Scope of intervals"].value == "prompts like these"
    assert lines(study, "all")["Scope of intervals"].value == "none"
    assert lines(study, method="eigen")["Scope of intervals"].value == "none"


def test_how_intervals_were_made_is_told():
    study = voted_study()
    assert (
        lines(study)["Interval method"].value == "sandwich estimator, CR3, t distribution with 5.0 degrees of freedom"
    )
    assert lines(study, clusters="none")["Interval method"].value == "sandwich estimator, CR0, normal distribution"
    assert lines(study, method="elo-bootstrap", redraw="resample")["Interval method"].value == (
        "bootstrap, 1,000 rounds"
    )
    assert lines(study)["Interval method"].means.startswith(
        "About 95% of such intervals contain the true rating, if these prompts and raters are a random sample"
    )
    assert lines(study)["Effective numbers"].value == "12.0 of 12 prompts, 6.0 of 6 raters"
    assert "if no two votes shared" in lines(study, clusters="none")["Interval method"].means
    assert "Interval method" not in lines(study, method="elo")
    assert "Preference for the left answer" in lines(study, first_place=True)


def test_an_assumption_that_was_needed_is_told():
    study = build_study(models=3, prompts=12)
    rater = person(study)
    for pair in study.pairs.all():
        vote(rater, pair, "x")
    found = lines(study)
    assert found["Assumption"].value == "each model given half a tie against the mean"
    assert "They may not if" in found["Interval method"].means
    assert found["Connectivity"].value == "all 3 models connected"


def test_the_panel_is_on_the_page_and_asks_the_comparisons_nothing(client, django_assert_max_num_queries):
    study = voted_study()
    Study.objects.update(public=True)
    for pk in snapshots.recompute_changed(NOW):
        snapshots.fill(pk, NOW)
    with django_assert_max_num_queries(7) as queries:
        html = client.get(reverse("leaderboard", args=[study.slug])).content.decode()
    assert "Can you trust this?" in html
    assert "432 votes · 72 pairs · 12 prompts · 6 raters" in html
    # A look at whether a judge compared anything is all there is.
    assert not any("annotation_comparison" in query["sql"] and "EXISTS" not in query["sql"] for query in queries)


def test_a_board_of_few_votes_is_preliminary_below_the_sites_number(client, settings):
    study = voted_study()
    Study.objects.update(public=True)
    for pk in snapshots.recompute_changed(NOW):
        snapshots.fill(pk, NOW)
    address = reverse("leaderboard", args=[study.slug])
    assert "Preliminary" not in client.get(address).content.decode()
    settings.PRELIMINARY_VOTES = 217  # Each of the four models has 216.
    assert "Preliminary" in client.get(address).content.decode()


def test_how_likely_a_model_is_the_best_is_shown_only_where_prompts_outnumber_models(client):
    few = voted_study("few", models=4, prompts=4, people=7)
    for study, shown in ((voting_study(), True), (few, False)):
        Study.objects.update(public=True)
        for pk in snapshots.recompute_changed(NOW):
            snapshots.fill(pk, NOW)
        html = client.get(reverse("leaderboard", args=[study.slug])).content.decode()
        assert ("estimated probability that the model ranks first" in html) == shown


def test_of_models_that_are_all_alike_none_is_likely_the_best(client):
    study = build_study(models=3, prompts=12)
    Study.objects.update(public=True)
    for rater in [person(study) for _index in range(4)]:
        for pair in study.pairs.all():
            vote(rater, pair, "tie")
    for pk in snapshots.recompute_changed(NOW):
        snapshots.fill(pk, NOW)
    html = client.get(reverse("leaderboard", args=[study.slug])).content.decode()
    assert "Several models share rank 1." in html
    assert "estimated probability that the model ranks first" not in html


def test_a_board_without_models_says_so_and_nothing_of_how_they_hang_together():
    study = build_study(models=3, prompts=4)
    rater = person(study)
    for pair in study.pairs.all():
        vote(rater, pair, "tie")
    assert "Connectivity" in lines(study)
    assert "Connectivity" not in lines(study, ties="drop")


def test_boards_of_other_methods_over_the_same_comparisons_share_what_was_counted(monkeypatch):
    study = voted_study()
    counts: list[Filters] = []
    monkeypatch.setattr(snapshots, "facts", lambda *asked: counts.append(asked[1]) or facts(*asked))
    for _round in range(2):
        for pk in snapshots.recompute_changed(NOW):
            snapshots.fill(pk, NOW)
        vote(person(study), study.pairs.first(), "x")
    # Once a round, for two methods.
    assert [asked.raters for asked in counts] == ["people", "people"]
    newest = Leaderboard.objects.filter(raters="people", number=2)
    assert {board.sheet["facts"]["votes"] for board in newest} == {433}


def test_many_models_that_are_left_out_are_counted_and_their_names_folded_away():
    study = voted_study()
    told = lines(study, method="baseline-win-rate", baseline="Quillfinch-0")
    assert "Models not ranked" not in told
    board = Leaderboard.objects.get(method="baseline-win-rate")
    names = [f"Quillfinch-{number}" for number in range(9)]
    board.sheet["unmet"] = names[:5]
    (line,) = (line for line in trust.lines(board) if line.term == "Models not ranked")
    assert (line.value, line.names) == (", ".join(names[:5]), ())
    board.sheet["unmet"] = names
    (line,) = (line for line in trust.lines(board) if line.term == "Models not ranked")
    assert (line.value, line.names) == ("9 models", tuple(names))
    html = render_to_string("ranking/about.html", {"board": {"reasons": [line]}, "snapshot": board, "study": study})
    assert html.index("9 models") < html.index("<details") < html.index("Quillfinch-8")


def test_the_shares_of_places_are_rounded_alike_on_both_pages():
    """33 + 39 + 29 is not 100, and none of the three is made false to have it so."""
    share = {"low": None, "high": None, "number": 1000}
    found = {"left": {"value": 0.326, **share}, "tie": {"value": 0.386, **share}, "right": {"value": 0.288, **share}}
    place = agreement._place({**found, "lean": {"value": 0.038, **share}, "p": 0.02})
    assert (place.left, place.tie, place.right) == (33, 39, 29)
    assert (place.left + place.between, place.start_right + place.right) == (place.start_right, 100)
    told = [line.value for line in trust._place(About(facts={"position": {**found, "p": 0.02}}))]
    assert told == ["left 33%, tie 39%, right 29%"]
