"""Agreement and bias, on cases small enough to count by hand and against other implementations."""

import csv
import io
import json

import evalica
import numpy as np
import pandas as pd
import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.urls import reverse
from scipy import stats

from annotation import rater_columns
from annotation.models import Comparison, Rater, Study
from ranking.boards import snapshots
from ranking.models import Leaderboard
from ranking.reports import agreement as agreement_report
from ranking.statistics import agreement, bias
from ranking.statistics.agreement import Verdicts
from ranking.votes import reader
from tests.builders import NOW, build_study
from tests.ranking.casting import judge, person, vote, voted_study


def verdicts(rows):
    """Of rows of item, rater, prompt and value."""
    return Verdicts(*np.array(rows).T)


PEOPLE = verdicts(
    [
        # item 0: x x tie, item 1: y y, item 2: x y, item 3: a single vote
        (0, 0, 0, 1), (0, 1, 0, 1), (0, 2, 0, 0),
        (1, 0, 0, -1), (1, 1, 0, -1),
        (2, 0, 1, 1), (2, 2, 1, -1),
        (3, 1, 1, 0),
    ]
)  # fmt: skip


def test_people_agree_by_unordered_pairs_of_votes():
    found = agreement.among_people(PEOPLE)
    # Pairs of votes: three on item 0 of which one agrees, one on item 1 that agrees, one on item 2 that does not.
    assert found.with_ties.value == pytest.approx(2 / 5)
    assert found.with_ties.number == 5
    # Without ties: one on each of the three items, two agree.
    assert found.without_ties.value == pytest.approx(2 / 3)
    assert (found.items, found.votes) == (3, 7)


def test_alpha_is_evalicas_over_raters_and_items():
    rng = np.random.default_rng(0)
    rows = [
        (item, rater, item % 5, rng.integers(-1, 2)) for item in range(30) for rater in range(8) if rng.random() < 0.4
    ]
    data = np.full((8, 30), np.nan)
    for item, rater, _prompt, value in rows:
        data[rater, item] = value
    for distance in ("nominal", "interval"):
        ours = agreement.alpha(verdicts(rows), np.ones(len(rows), dtype=bool), distance)
        assert ours == pytest.approx(evalica.alpha(pd.DataFrame(data), distance=distance).alpha)


def test_a_judge_is_compared_with_every_vote_and_with_the_plurality():
    judged = verdicts([(0, 0, 0, 1), (1, 0, 0, 1), (2, 0, 1, 0), (3, 0, 1, 0), (9, 0, 1, 1)])
    found = agreement.with_people(judged, PEOPLE)
    # Item 0: 2 of 3, item 1: 0 of 2, item 2: 0 of 2, item 3: 1 of 1.
    assert found.with_ties.value == pytest.approx(3 / 8)
    # Without ties, only items 0 and 1 have both: 2 of 2 and 0 of 2.
    assert found.without_ties.value == pytest.approx(2 / 4)
    # The plurality is x, y, none, tie: the judge says x, x, tie, tie.
    assert found.plurality.value == pytest.approx(2 / 3)
    assert found.plurality_without_ties.value == pytest.approx(1 / 2)
    assert found.no_plurality == 1
    assert found.items == 4


def test_kappa_is_that_of_the_textbook():
    # Cohen (1960) by hand: 20 of 25 agree, chance (13 * 12 + 12 * 13) / 625.
    table = np.array([[10.0, 0, 3], [0, 0, 0], [2, 0, 10]])
    expected = (20 / 25 - 2 * 12 * 13 / 625) / (1 - 2 * 12 * 13 / 625)
    assert agreement.kappa(table) == pytest.approx(expected)
    # With two values used, both two steps apart, linear weights change nothing.
    assert agreement.kappa(table, linear=True) == pytest.approx(expected)
    closer = np.array([[10.0, 3, 0], [0, 0, 0], [2, 0, 10]])
    assert agreement.kappa(closer, linear=True) > agreement.kappa(closer)
    assert agreement.kappa(np.zeros((3, 3))) is None
    assert agreement.kappa(np.diag([5.0, 0, 0])) is None


def test_correlation_with_single_votes_is_pearsons_over_all_of_them():
    rng = np.random.default_rng(1)
    people = verdicts([(item, rater, item % 4, rng.integers(-1, 2)) for item in range(40) for rater in range(3)])
    judged = verdicts([(item, 0, item % 4, rng.integers(-1, 2)) for item in range(40)])
    found = agreement.with_people(judged, people)
    label = judged.value[people.item]
    assert found.correlation_single.value == pytest.approx(stats.pearsonr(label, people.value).statistic)
    mean = np.bincount(people.item, people.value) / 3
    assert found.correlation.value == pytest.approx(stats.pearsonr(judged.value, mean).statistic)


def test_intervals_leave_one_prompt_out():
    rng = np.random.default_rng(2)
    part, whole, cluster = rng.random(60), np.ones(60), rng.permutation(np.repeat(np.arange(6), 10))
    found = agreement.ratio(part, whole, cluster)
    left_out = [part[cluster != k].mean() for k in range(6)]
    error = np.sqrt(5 / 6 * ((np.array(left_out) - part.mean()) ** 2).sum())
    assert found.high - found.value == pytest.approx(stats.t.ppf(0.975, 5) * error)
    assert agreement.ratio(part, whole, cluster * 0).low is None
    # One prompt with most of the votes is worth hardly more than one prompt.
    uneven = agreement.ratio(part, whole, np.where(np.arange(60) < 54, 0, cluster))
    assert uneven.high - uneven.value == pytest.approx(stats.t.ppf(0.975, 1) * uneven.error)
    assert agreement.ratio(part[:0], whole[:0], cluster[:0]).value is None


def test_where_every_prompt_says_the_same_there_is_no_interval():
    rows = [(item, 0, item // 2, value) for item, value in enumerate([1, -1, 1, -1, 1, -1])]
    found = agreement.with_people(verdicts(rows), verdicts(rows))
    for share in (found.with_ties, found.plurality, found.kappa, found.kappa_linear, found.correlation):
        assert share.value == pytest.approx(1)
        assert (share.low, share.high, share.error) == (None, None, None)
        assert share.number == 6
    always = bias.position(np.ones(6, dtype=np.int64), np.repeat(np.arange(3), 2))
    assert (always.lean.value, always.lean.low, always.left.low) == (1, None, None)


def test_alpha_is_taken_over_the_votes_that_have_others_beside_them():
    alone = [(5, 0, 5, 1), (6, 1, 6, -1)]
    together = [(item, rater, item, (-1) ** (item + rater * (item > 3))) for item in range(5) for rater in range(2)]
    with_them, without = (agreement.among_people(verdicts(rows)) for rows in (together + alone, together))
    assert with_them.alpha_nominal == without.alpha_nominal
    assert with_them.alpha_nominal.number == with_them.votes == 10
    assert with_them.alpha_nominal.low is not None


def test_a_worker_is_compared_with_the_others_alone():
    found = agreement.leave_one_out(PEOPLE)
    # Worker 0: item 0 against x and tie, item 1 against y, item 2 against y (they said x).
    assert found[0] == (pytest.approx(2 / 4), 4)
    assert found[2] == (pytest.approx(0), 3)


def test_a_lean_to_one_side_is_tested_by_cluster():
    rng = np.random.default_rng(3)
    cluster = np.repeat(np.arange(20), 50)
    fair = bias.position(rng.integers(-1, 2, size=1000), cluster)
    leaning = bias.position(np.where(rng.random(1000) < 0.6, 1, -1), cluster)
    assert leaning.p < 0.001
    assert fair.p > 0.01
    assert leaning.left.value + leaning.tie.value + leaning.right.value == pytest.approx(1)
    # The same lean from one rater who always says left is no evidence of all.
    one = np.concatenate([np.ones(200), np.tile([1, -1], 400)]).astype(int)
    careless = bias.position(one, np.repeat(np.arange(5), 200))
    assert careless.lean.value == pytest.approx(0.2)
    assert careless.p > 0.3
    expected = stats.ttest_1samp([np.mean(one[start : start + 200]) for start in range(0, 1000, 200)], 0).pvalue
    assert careless.p == pytest.approx(expected)


def test_a_lean_without_any_exception_is_the_surest_of_all():
    cluster = np.repeat(np.arange(8), 5)
    always = bias.position(np.ones(40, dtype=np.int64), cluster)
    # As by a test of signs: all eight prompts the same way, one way or the other.
    assert always.p == pytest.approx(stats.binomtest(8, 8).pvalue)
    assert bias.position(np.zeros(40, dtype=np.int64), cluster).p is None
    assert bias.position(np.ones(40, dtype=np.int64), cluster * 0).p is None
    # Who never chooses the right, but calls ties, leans to the left: by how much may be chance.
    rarely = bias.position(np.repeat([0, 0, 0, 1], 10), np.repeat(np.arange(4), 10))
    assert rarely.lean.low < 0 < rarely.lean.value


def test_a_judge_in_both_orders_is_consistent_or_stands_by_a_place():
    rows = [
        # group, left (1: x there), winner: consistent, first both times, second both times, one order only
        (0, 1, 1), (0, -1, 1),
        (1, 1, 1), (1, -1, -1),
        (2, 1, -1), (2, -1, 1),
        (3, 1, 1),
    ]  # fmt: skip
    group, left, winner = np.array(rows).T
    found = bias.orders(group, left, winner, group)
    assert found.number == 3
    for share in (found.consistent, found.first_both_times, found.second_both_times):
        assert share.value == pytest.approx(1 / 3)


def test_every_sample_of_a_judge_counts_and_every_pair_once():
    rows = [
        # group 0: x twice and y once where x is on the left, x once and y once where y is
        (0, 1, 1), (0, 1, 1), (0, 1, -1), (0, -1, 1), (0, -1, -1),
        # group 1: consistent, one sample an order
        (1, 1, -1), (1, -1, -1),
        # group 2: one order only, asked twice
        (2, -1, 0), (2, -1, 0),
    ]  # fmt: skip
    group, left, winner = np.array(rows).T
    found = bias.orders(group, left, winner, group)
    assert found.number == 2
    # Of the 3 x 2 pairings of group 0, x meets x twice and y meets y once.
    assert found.consistent.value == pytest.approx((3 / 6 + 1) / 2)
    # The first place both times: x where it is on the left, y where y is.
    assert found.first_both_times.value == pytest.approx((2 / 6 + 0) / 2)
    assert found.second_both_times.value == pytest.approx((1 / 6 + 0) / 2)
    # Asked again in the same order: one of three pairs of samples, none of one, and one of one.
    again = bias.repeated(group, left, winner, group)
    assert (again.value, again.number) == (pytest.approx(2 / 5), 5)
    once = bias.repeated(group[5:7], left[5:7], winner[5:7], group[5:7])
    assert once.value is None


def test_the_longer_answer_wins_where_it_is_clearly_longer():
    found = bias.longer_wins(np.array([1, -1, 1, 0, 1]), np.array([100, 100, -200, 500, 20]), np.arange(5))
    assert found.number == 3
    assert found.value == pytest.approx(1 / 3)


def test_longer_by_no_more_than_thirty_characters_is_not_longer():
    assert bias.longer_wins(np.array([1, -1]), np.array([30, -30]), np.arange(2)).value is None
    assert bias.longer_wins(np.array([1, 1]), np.array([31, -31]), np.arange(2)).value == pytest.approx(0.5)


def test_a_histogram_has_a_place_for_every_value_of_the_scale():
    assert bias.histogram(np.array([1, 1, 4, 8]), 8) == [2, 0, 0, 1, 0, 0, 0, 1]


def test_linear_kappa_weighs_opposite_answers_twice_as_much_as_ties():
    table = np.array([[5.0, 1, 2], [0, 3, 1], [4, 0, 4]])
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / 20
    distance = np.array([[0, 1, 2], [1, 0, 1], [2, 1, 0]])
    assert agreement.kappa(table, linear=True) == pytest.approx(
        1 - (distance * table).sum() / (distance * expected).sum()
    )


def test_a_preference_for_a_maker_is_what_goes_beyond_people():
    org_x, org_y = np.array([0, 1, 0, 0]), np.array([1, 0, 0, 1])
    found = bias.family(org_x, org_y, np.array([1, -1, 1, 1]), np.array([0.0, -1.0, 0, 1.0]), np.arange(4), 0)
    # Maker 0 against others three times: one more half win than people gave, and none more, twice.
    assert found.number == 3
    assert found.value == pytest.approx(0.5 / 3)
    other = bias.family(org_x, org_y, np.array([1, -1, 1, 1]), np.array([0.0, -1.0, 0, 1.0]), np.arange(4), 1)
    assert other.value == pytest.approx(-0.5 / 3)


@pytest.mark.django_db
class TestTheCommand:
    @pytest.fixture
    def study(self):
        study = voted_study()
        rater = judge(study)
        for number, pair in enumerate(study.pairs.all()):
            for trial, left in enumerate("xy"):
                winner = "x" if number % 3 else left
                vote(rater, pair, winner, left=left, trial=trial)
        return study

    def test_json_and_csv_tell_of_people_and_of_each_judge(self, study):
        out = io.StringIO()
        call_command("agreement", study.slug, "--json", stdout=out)
        found = json.loads(out.getvalue())
        assert found["people"]["votes"] == 432
        judged = found["judges"]["gpt9"]
        assert judged["orders"]["number"] == 72
        assert judged["orders"]["consistent"]["value"] == pytest.approx(2 / 3)
        assert judged["orders"]["first_both_times"]["value"] == pytest.approx(1 / 3)
        assert judged["boards"]["models"] == [f"Quillfinch-{index}" for index in range(4)]
        assert judged["boards"]["spearman"] == pytest.approx(1)
        out = io.StringIO()
        call_command("agreement", study.slug, "--csv", stdout=out)
        rows = list(csv.DictReader(io.StringIO(out.getvalue())))
        assert list(rows[0]) == ["rater", "part", "statistic", "value", "low", "high", "number"]
        assert {row["rater"] for row in rows} == {"people", "gpt9"}
        assert any(row["part"] == "category code" for row in rows)

    def test_the_files_of_the_page_hold_what_the_command_prints(self, study, client):
        Study.objects.update(public=True)
        snapshots.recompute_changed(NOW)
        snapshots.fill(Leaderboard.objects.get(method=agreement_report.METHOD).pk, NOW)
        printed = io.StringIO()
        call_command("agreement", study.slug, "--csv", stdout=printed)
        told = client.get(reverse("leaderboard-agreement-csv", args=[study.slug])).getvalue().decode()
        assert list(csv.DictReader(io.StringIO(told))) == list(csv.DictReader(io.StringIO(printed.getvalue())))
        printed = io.StringIO()
        call_command("agreement", study.slug, "--json", stdout=printed)
        told = client.get(reverse("leaderboard-agreement-json", args=[study.slug])).json()
        assert {name: told[name] for name in ("people", "judges")} == {
            name: json.loads(printed.getvalue())[name] for name in ("people", "judges")
        }

    def test_the_page_puts_all_raters_side_by_side_and_says_what_is_not_known(self, study, client, monkeypatch):
        rater = judge(study, "panel")
        Rater.objects.filter(pk=rater.pk).update(derived=True)
        for pair in study.pairs.all():
            vote(rater, pair, "x")
        rows = list(study.comparisons.filter(rater__kind="worker"))
        for number, row in enumerate(rows):
            Comparison.objects.filter(pk=row.pk).update(scale_name="eight", value=1 + number % 8)
        Study.objects.update(public=True)
        snapshots.recompute_changed(NOW)
        snapshots.fill(Leaderboard.objects.get(method=agreement_report.METHOD).pk, NOW)
        monkeypatch.setattr(rater_columns, "_columns", [("Cost", lambda _study, raters: {max(raters): "0.5 cents"})])
        page = client.get(reverse("leaderboard-agreement", args=[study.slug]))
        html = page.content.decode()
        names = [str(row.name) for row in page.context["compared"].rows]
        assert names == ["People with one another", "gpt9", "panel"]
        assert "No left or right positions are recorded for this rater" in html
        assert page.context["people"].scale.left + page.context["people"].scale.right == 100
        assert [step.number for step in page.context["people"].scale.steps] == [54] * 8
        # What judges cost is shown to those who run the study.
        assert "0.5 cents" not in html
        client.force_login(User.objects.create_superuser("ada", password="a long enough word"))
        assert "0.5 cents" in client.get(reverse("leaderboard-agreement", args=[study.slug])).content.decode()

    def test_a_judge_without_exceptions_has_ratings_by_an_assumption_and_no_intervals_and_the_page_says_so(
        self, study, client
    ):
        lefty = judge(study, "lefty")
        for pair in study.pairs.all():
            for trial in (0, 2):
                vote(lefty, pair, "x", trial=trial)
        Study.objects.update(public=True)
        snapshots.recompute_changed(NOW)
        snapshots.fill(Leaderboard.objects.get(method=agreement_report.METHOD).pk, NOW)
        found = client.get(reverse("leaderboard-agreement-json", args=[study.slug])).json()["judges"]
        # Whom it puts first beat everybody, so no finite rating says how much better that model is.
        assert found["lefty"]["boards"]["prior"] == ["judge"]
        assert len(found["lefty"]["boards"]["judge"]) == 4
        html = client.get(reverse("leaderboard-agreement", args=[study.slug])).content.decode()
        assert "Finite ratings then need an assumption" in html
        assert "its verdicts match at a rate of 1.00 (no interval, 72 pairs of samples)" in html
        assert "Left minus right is +1.00 (no interval), which is statistically significant." in html

    def test_ratings_that_need_no_assumption_are_said_to_have_none(self, study):
        people = reader.single(study, reader.Filters(), reader.cut(study))
        assert agreement_report.side_by_side(people, people, agreement_report.About.of(study))["prior"] == []

    def test_superseded_verdicts_are_out(self, study):
        before = reader.single(study, reader.Filters(), reader.cut(study))
        row = study.comparisons.filter(rater__kind="worker").first()
        type(row).objects.filter(pk=row.pk).update(superseded_by=vote(row.rater, row.pair, "x", withdrawn=True))
        after = reader.single(study, reader.Filters(), reader.cut(study))
        assert len(after) == len(before) - 1

    def test_votes_are_coded_by_who_won_and_not_by_where(self):
        study = build_study()
        pair = study.pairs.first()
        vote(person(study), pair, "x", left="x")
        vote(person(study), pair, "x", left="y")
        found = agreement_report.report(study, reader.cut(study))["people"]
        assert found["among"]["with_ties"]["value"] == 1
        assert found["position"]["left"]["value"] == found["position"]["right"]["value"] == 0.5

    def test_nobody_there_says_so(self):
        build_study()
        with pytest.raises(CommandError, match="Study “haiku” has no comparisons yet"):
            call_command("agreement", "haiku")


def test_a_vote_is_held_against_the_plurality_of_the_others_and_never_against_itself():
    # Items: x x y; x y; tie tie tie; one vote alone.
    item = np.array([0, 0, 0, 1, 1, 2, 2, 2, 3])
    value = np.array([1, 1, -1, 1, -1, 0, 0, 0, 1])
    found = agreement.among_people(agreement.Verdicts(item, np.arange(9), item, value))
    # Of item 0 only y's others are clear (x, x), of item 1 both, of item 2 all three.
    assert found.plurality.number == 6
    assert found.plurality.value == pytest.approx(3 / 6)


def test_strict_and_absolute_majorities_differ_in_what_they_make_of_ties():
    # Votes for x, tie, y on four items, and what the judge says.
    counts = [(3, 0, 2), (2, 2, 1), (1, 3, 0), (2, 0, 2)]
    said = [1, 1, 0, 1]
    rows = [
        (item, value)
        for item, row in enumerate(counts)
        for value, number in zip((1, 0, -1), row, strict=True)
        for _n in range(number)
    ]
    item, value = np.array(rows).T
    people = agreement.Verdicts(item, np.arange(len(item)), item, value)
    judge = agreement.Verdicts(np.arange(4), np.zeros(4, dtype=int), np.arange(4), np.array(said))
    found = agreement.with_people(judge, people)
    # x leads in the first three without ties; the third judge says tie.
    assert (found.strict_majority.number, found.strict_majority.value) == (3, pytest.approx(2 / 3))
    # More than half of all votes: x in the first, tie in the third.
    assert (found.absolute_majority.number, found.absolute_majority.value) == (2, 1)


def test_ordinal_alpha_is_evalicas():
    rng = np.random.default_rng(5)
    item = np.repeat(np.arange(20), 3)
    value = rng.choice([1, 0, -1], 60, p=[0.6, 0.2, 0.2])
    found = agreement.among_people(agreement.Verdicts(item, np.arange(60), item, value))
    import evalica
    import pandas as pd

    table = pd.DataFrame(value.reshape(20, 3).T)
    assert found.alpha_ordinal.value == pytest.approx(evalica.alpha(table, distance="ordinal").alpha)
    assert found.alpha_ordinal.value != pytest.approx(found.alpha_nominal.value, abs=1e-6)
