"""manage.py leaderboard: a board at once, CSV alone on standard output."""

import csv
import io
import json
from collections.abc import Callable

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from annotation.models import Comparison, LanguageModel
from ranking.boards import snapshots
from ranking.methods.settings import Settings
from ranking.votes.reader import Filters
from tests.builders import NOW, build_study
from tests.ranking.casting import judge, person, vote, voted_study

pytestmark = pytest.mark.django_db

HEADER = "model,rating,low,high,rank,rank_low,rank_high,comparisons,wins,ties,losses"


@pytest.fixture
def run() -> Callable[..., tuple[str, str]]:
    def run(*arguments: str) -> tuple[str, str]:
        out, err = io.StringIO(), io.StringIO()
        call_command("leaderboard", *arguments, stdout=out, stderr=err)
        return out.getvalue(), err.getvalue()

    return run


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_csv_has_the_models_from_the_first_rank_to_the_last_in_full_precision(run):
    study = voted_study()
    out, err = run(study.slug, "--csv")
    assert out.splitlines()[0] == HEADER
    assert err == ""
    table = rows(out)
    assert [row["model"] for row in table] == [f"Quillfinch-{index}" for index in range(4)]
    assert [row["rank"] for row in table] == ["1", "2", "3", "4"]
    ratings = [float(row["rating"]) for row in table]
    assert np.mean(ratings) == pytest.approx(1000, abs=1e-9)
    assert all(len(row["rating"].partition(".")[2]) > 8 for row in table)
    for row in table:
        assert float(row["low"]) < float(row["rating"]) < float(row["high"])
        assert int(row["wins"]) + int(row["ties"]) + int(row["losses"]) == int(row["comparisons"]) == 6 * 12 * 3
        assert int(row["rank_low"]) <= int(row["rank"]) <= int(row["rank_high"])


def test_a_study_without_votes_says_what_to_do(run):
    build_study()
    with pytest.raises(CommandError, match="share its join link") as error:
        run("haiku", "--csv")
    assert error.value.returncode == 1


def test_models_without_comparisons_are_left_out(run):
    study = voted_study()
    LanguageModel.objects.create(prompt_set=study.prompt_set, number=1, name="Never asked")
    assert "Never asked" not in run(study.slug, "--csv")[0]


def test_a_judge_is_asked_for_by_name(run):
    study = voted_study()
    rater = judge(study)
    for pair in study.pairs.all():
        vote(rater, pair, "y")
    vote(rater, study.pairs.first(), "x", turn=1)
    out, err = run(study.slug, "--raters", "gpt9", "--csv")
    assert [row["model"] for row in rows(out)] == [f"Quillfinch-{index}" for index in (3, 2, 1, 0)]
    assert "half a tie" in err
    with pytest.raises(CommandError, match="people, all, gpt9"):
        run(study.slug, "--raters", "gpt8")


def test_unknown_studies_and_contradictory_options_fail_in_words(run):
    study = voted_study()
    with pytest.raises(CommandError, match=r"Study “nowhere” was not found\. Available studies: haiku"):
        run("nowhere")
    with pytest.raises(CommandError, match="davidson"):
        run(study.slug, "--ties", "model", "--method", "bradley-terry")
    with pytest.raises(CommandError, match="Nobody is not on this leaderboard"):
        run(study.slug, "--anchor", "Nobody=1000")
    with pytest.raises(CommandError, match=r"^Nobody at all is not on this leaderboard"):
        run(study.slug, "--anchor", "Nobody at all=1000")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--rounds", "5"], "Rounds apply only to a bootstrap"),
        (["--rounds", "1000"], "Rounds apply only to a bootstrap"),
        (["--method", "elo", "--correction", "CR1"], "elo has no correction setting"),
        (["--method", "elo", "--correction", "CR3"], "elo has no correction setting"),
        (["--method", "elo", "--intervals", "sandwich"], "elo has no sandwich intervals"),
        (["--clusters", "none", "--correction", "CR1"], "CR1 is for votes in clusters"),
        (["--clusters", "none", "--correction", "CR3"], "CR3 is for votes in clusters"),
        (["--intervals", "bootstrap", "--correction", "CR3"], "Bootstrap intervals have none"),
        (["--inconsistent", "tie"], "applies only to judges"),
        (["--reading", "tie-allowed"], "its two readings do not apply"),
        (["--raters", "all", "--clusters", "both"], "have no intervals"),
        (["--raters", "all", "--simultaneous"], "have no intervals"),
        (["--method", "newman", "--ties", "drop"], "probability of their own"),
        (["--method", "davidson", "--ties", "half"], "probability of their own"),
        (["--method", "newman", "--ties", "model"], "works only with the method davidson"),
        (["--raters", "all", "--method", "elo-bootstrap", "--redraw", "resample"], "have no intervals"),
        (["--method", "elo", "--seed", "0"], "the seed has no effect"),
        (["--raters", "all", "--seed", "3"], "the seed has no effect"),
        (["--intervals", "bootstrap", "--rounds", "1"], "at least two rounds"),
        (["--method", "elo", "--covariance", "--json"], "no covariance"),
        (["--intervals", "bootstrap", "--rounds", "9", "--covariance", "--json"], "no covariance"),
        (["--covariance"], "requires --json"),
        (["--covariance", "--csv"], "requires --json"),
    ],
)
def test_an_option_that_would_change_nothing_is_refused(run, options, told):
    study = voted_study()
    with pytest.raises(CommandError, match=told):
        run(study.slug, *options)


def test_a_filter_may_be_spelt_out_as_it_is_by_default(run):
    study = voted_study()
    assert run(study.slug, "--csv", "--inconsistent", "drop", "--reading", "forced") == run(study.slug, "--csv")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--method", "elo"),
        ("--raters", "people"),
        ("--category", "haiku"),
        ("--ties", "half"),
        ("--reading", "forced"),
        ("--inconsistent", "drop"),
        ("--intervals", "sandwich"),
        ("--clusters", "both"),
        ("--correction", "CR3"),
        ("--simultaneous", None),
        ("--anchor", "Quillfinch-1=1000"),
        ("--first-place", None),
        ("--rounds", "1000"),
        ("--redraw", "permute"),
        ("--baseline", "Quillfinch-1"),
        ("--seed", "0"),
    ],
)
def test_a_stored_board_is_computed_again_as_it_was_asked_for_and_not_otherwise(run, option, value):
    study = build_study()
    with pytest.raises(CommandError, match=f"Remove {option}\\.$"):
        run(study.slug, "--recompute", "1", option, *([value] if value else []))


def test_a_judges_position_bias_that_is_estimated_is_not_said_to_be_unknown(run):
    study = build_study(models=3, prompts=12)
    rater = judge(study)
    for number, pair in enumerate(study.pairs.order_by("pk")):
        vote(rater, pair, "y" if number % 3 else "x", left="xy"[number % 2])
    told = run(study.slug, "--raters", "gpt9", "--first-place")[1]
    assert "Every pair was shown in one order only." in told
    assert "could not be estimated" not in told


def test_a_stored_board_computed_again_comes_in_every_form(run):
    study = voted_study()
    snapshots.ask(study, Filters(), Settings(method="davidson"), "1", 1, NOW)
    stored = study.leaderboards.get()
    assert snapshots.fill(stored.pk, NOW)
    again = run(study.slug, "--recompute", str(stored.pk), "--csv")[0]
    assert again == run(study.slug, "--method", "davidson", "--csv")[0]
    result = json.loads(run(study.slug, "--recompute", str(stored.pk), "--json", "--covariance")[0])
    assert result["settings"]["method"] == "davidson"
    assert len(result["groups"][0]["covariance"]) == 4
    assert "Comparisons: 432" in run(study.slug, "--recompute", str(stored.pk))[0]
    assert "version" not in run(study.slug, "--recompute", str(stored.pk))[1]
    study.leaderboards.update(version="1")
    assert "stored with version 1 of the ranking methods" in run(study.slug, "--recompute", str(stored.pk))[1]


def test_models_that_did_not_meet_the_baseline_are_named(run):
    study = voted_study()
    against = ("--method", "baseline-win-rate", "--baseline", "Quillfinch-0", "--csv")
    out, err = run(study.slug, *against)
    assert len(rows(out)) == 4
    assert "Not ranked" not in err
    apart = study.pairs.filter(model_x__name="Quillfinch-0", model_y__name="Quillfinch-3")
    assert apart.exists()
    Comparison.objects.filter(pair__in=apart).delete()
    out, err = run(study.slug, *against)
    assert {row["model"] for row in rows(out)} == {"Quillfinch-0", "Quillfinch-1", "Quillfinch-2"}
    assert "Not ranked (fewer than two comparisons with Quillfinch-0): Quillfinch-3." in err


def test_the_range_of_other_orders_is_called_no_interval(run):
    study = voted_study()
    permuted = run(study.slug, "--method", "elo-bootstrap", "--redraw", "permute", "--rounds", "5", "--csv")[1]
    assert "They are not confidence intervals" in permuted
    resampled = run(study.slug, "--method", "elo-bootstrap", "--redraw", "resample", "--rounds", "5", "--csv")[1]
    assert "They are not confidence intervals" not in resampled


def test_an_anchor_is_held_at_its_value(run):
    study = voted_study()
    table = rows(run(study.slug, "--anchor", "Quillfinch-2=1500", "--csv")[0])
    free = rows(run(study.slug, "--csv")[0])
    held = next(row for row in table if row["model"] == "Quillfinch-2")
    assert float(held["rating"]) == float(held["low"]) == float(held["high"]) == 1500
    moved = [float(one["rating"]) - float(other["rating"]) for one, other in zip(table, free, strict=True)]
    assert np.ptp(moved) < 1e-9


def test_the_table_says_that_it_converged_and_what_the_intervals_are_about(run):
    study = voted_study()
    out, _err = run(study.slug)
    assert "Quillfinch-0" in out
    assert "Converged" in out
    assert "prompts and raters like these (12 prompts, 6 raters)" in out
    assert "Comparisons: 432" in out


def test_simulated_votes_are_told_of(run):
    study = voted_study()
    study.raters.filter(pk=study.raters.first().pk).update(simulated=True)
    out, err = run(study.slug, "--csv")
    assert "SIMULATED: 72" in err
    assert out.splitlines()[0] == HEADER


def test_groups_never_compared_with_one_another_are_ranked_apart(run):
    study = build_study(models=4, prompts=12)
    rater = person(study)
    names = [f"Quillfinch-{index}" for index in range(4)]
    for pair in study.pairs.select_related("model_x", "model_y"):
        if {pair.model_x.name, pair.model_y.name} in ({names[0], names[1]}, {names[2], names[3]}):
            vote(rater, pair, "x" if pair.pk % 3 else "y")
    out, err = run(study.slug, "--csv")
    assert "groups with no comparisons between them" in err
    table = rows(out)
    assert out.splitlines()[0] == HEADER + ",group"
    assert [(row["rank"], row["group"]) for row in table] == [("1", "1"), ("2", "1"), ("1", "2"), ("2", "2")]


def test_a_name_that_a_spreadsheet_would_run_is_defused(run):
    study = voted_study()
    LanguageModel.objects.filter(name="Quillfinch-1").update(name='=HYPERLINK("x")')
    out, _err = run(study.slug, "--csv")
    assert any(row["model"] == '\'=HYPERLINK("x")' for row in rows(out))


@pytest.mark.parametrize("options", [(), ("--anchor", "Quillfinch-2=1234"), ("--method", "davidson", "--seed", "5")])
def test_the_covariance_is_that_of_the_ratings_shown(run, options):
    group = json.loads(run(voted_study().slug, "--json", "--covariance", *options)[0])["groups"][0]
    errors = np.sqrt(np.diag(group["covariance"]))
    assert errors == pytest.approx([row["error"] for row in group["rows"]], abs=1e-9)
    reach = group["critical"] * errors
    assert [row["high"] - row["rating"] for row in group["rows"]] == pytest.approx(reach, abs=1e-9)


def test_json_has_the_settings_the_digest_and_on_request_the_covariance(run):
    study = voted_study()
    plain = json.loads(run(study.slug, "--json")[0])
    assert plain["settings"]["method"] == "bradley-terry"
    assert len(plain["digest"]) == 64
    assert "covariance" not in plain["groups"][0]
    full = json.loads(run(study.slug, "--json", "--covariance")[0])["groups"][0]
    errors = np.sqrt(np.diag(full["covariance"]))
    assert errors == pytest.approx([row["error"] for row in full["rows"]])
    assert plain["groups"][0]["rows"][0]["org"] == "Ostrava Labs 0"


def test_nothing_is_stored(run):
    study = voted_study()
    run(study.slug, "--csv")
    assert not study.leaderboards.exists()
    assert Comparison.objects.count() == 432
