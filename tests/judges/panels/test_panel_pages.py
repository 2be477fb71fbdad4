"""Pages of panels and benchmarks: access, content, and creating and ending panels."""

import csv
import json
from io import StringIO
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client

from annotation import rater_columns
from annotation.models import Comparison, Pair, Rater, RaterKind, Study
from judges.benchmarks import runs, sets
from judges.benchmarks.planning import Terms
from judges.benchmarks.runs import benchmark_life
from judges.models import Judge, Panel, PanelDecision
from judges.panels import panels
from judges.panels.panels import PanelSpec
from judges.results import rater_costs
from tests.annotation.study_pages import study_of
from tests.builders import NOW, build_study
from tests.judges.conftest import QUICK, make_judge, run_judge

pytestmark = pytest.mark.django_db


@pytest.fixture
def judged(owner: User, colleague: User) -> Study:
    """A study with pairs compared by two imported judges; the second disagrees on every third pair."""
    study = study_of(owner, colleague)
    for name in ("ann", "bob"):
        rater = Rater.objects.create(study=study, kind=RaterKind.JUDGE, name=name)
        for index, pair in enumerate(Pair.objects.filter(study=study, purpose="vote").order_by("pk")):
            winner = "y" if name == "bob" and index % 3 == 0 else "x"
            Comparison.objects.create(study=study, pair=pair, rater=rater, left="x", winner=winner, answered_at=NOW)
    return study


@pytest.fixture
def panel(judged: Study) -> Panel:
    made = panels.create(judged, "jury", PanelSpec(["ann", "bob"], splits="out"), NOW)
    panels.make(made.pk)
    made.refresh_from_db()
    return made


def page(client: Client, path: str) -> str:
    response = client.get(path)
    assert response.status_code == 200
    return response.content.decode()


FORM = {"name": "jury", "judges": ["ann", "bob"], "rule": "majority", "splits": "tie", "contradictions": "abstain"}


def test_a_panel_is_made_on_its_page(judged: Study, colleague: User, as_user) -> None:
    client = as_user(colleague)
    assert "Create panel" in page(client, f"/studies/{judged.slug}/panels/")
    response = client.post(
        f"/studies/{judged.slug}/panels/", {**FORM, "spares_own": "on", "makers": "ann = Acme\n\nbob=Beta, Inc"}
    )
    made = Panel.objects.get()
    assert response.headers["Location"] == f"/studies/{judged.slug}/panels/{made.pk}/"
    assert (str(made), made.user, made.spares_own) == ("jury", colleague, True)
    assert [member.organisation for member in panels.members_of(made)] == ["Acme", "Beta, Inc"]
    waiting = page(client, response.headers["Location"])
    assert "Computing the panel’s verdicts" in waiting
    assert "hx-get" in waiting
    panels.make(made.pk)
    assert "hx-get" not in page(client, response.headers["Location"])


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"name": "ann"}, "This study already has a rater named"),
        ({"judges": ["ann"]}, "at least two members"),
        ({"judges": ["ann", "zoe"]}, "zoe"),
        ({"splits": "senior"}, "senior judge is required"),
        ({"makers": "Acme"}, "equals sign"),
        ({"margin": "0.2"}, "A margin applies only to the mean"),
        ({"rule": "dice"}, "dice"),
    ],
)
def test_what_makes_no_panel_is_said_on_the_form(judged: Study, owner: User, as_user, wrong: dict, words: str) -> None:
    response = as_user(owner).post(f"/studies/{judged.slug}/panels/", {**FORM, **wrong})
    assert response.status_code == 200
    assert words in response.content.decode()
    assert not Panel.objects.exists()


def test_the_page_shows_rules_members_and_decisions(panel: Panel, owner: User, as_user) -> None:
    client = as_user(owner)
    whole = page(client, f"/studies/haiku/panels/{panel.pk}/")
    for words in ("left out of the results", "ann", "bob", "split: left out", "100.0%"):
        assert words in whole
    divided = page(client, f"/studies/haiku/panels/{panel.pk}/?state=divided")
    assert divided.count('<th scope="row" class="number">') == panel.tally["states"]["out"] > 0
    assert "?state=divided" in whole
    PanelDecision.objects.update(divided=False)
    assert "?state=divided" not in page(client, f"/studies/haiku/panels/{panel.pk}/")
    assert page(client, f"/studies/haiku/panels/{panel.pk}/?state=nonsense&page=99")
    part = client.get(f"/studies/haiku/panels/{panel.pk}/", headers={"HX-Request": "true"}).content.decode()
    assert part.strip().startswith("<section")


def test_the_decisions_leave_as_csv_with_each_members_word(panel: Panel, owner: User, as_user) -> None:
    response = as_user(owner).get(f"/studies/haiku/panels/{panel.pk}/decisions.csv")
    rows = list(csv.DictReader(StringIO(response.getvalue().decode())))
    assert len(rows) == sum(panel.tally["states"].values())
    assert {(row["state"], row["winner"], row["ann"], row["bob"]) for row in rows} == {
        ("decided", "x", "x", "x"),
        ("out", "", "x", "y"),
    }


def test_a_panel_is_ended_after_a_question(panel: Panel, owner: User, as_user) -> None:
    client = as_user(owner)
    asked = page(client, f"/studies/haiku/panels/{panel.pk}/end/")
    assert f"This withdraws its {panel.tally['states']['decided']} comparisons" in asked
    client.post(f"/studies/haiku/panels/{panel.pk}/end/")
    assert "has ended" in page(client, f"/studies/haiku/panels/{panel.pk}/")
    assert not Comparison.objects.in_force().filter(rater=panel.rater_id).exists()


def test_the_background_is_asked_to_count_anew(panel: Panel, owner: User, as_user) -> None:
    response = as_user(owner).post(f"/studies/haiku/panels/{panel.pk}/make/", follow=True)
    assert "being recomputed" in response.content.decode()


def test_a_stranger_finds_no_panel(panel: Panel, outsider: User, as_user) -> None:
    client = as_user(outsider)
    for path in ("", "end/", "decisions.csv"):
        assert client.get(f"/studies/haiku/panels/{panel.pk}/{path}").status_code == 404
    assert client.post(f"/studies/haiku/panels/{panel.pk}/end/").status_code == 404
    panel.refresh_from_db()
    assert panel.ended_at is None


# Costs of judges, side by side.


@pytest.mark.django_db(transaction=True)
def test_judges_and_panels_stand_side_by_side_with_what_they_cost(stand_in, study: Study) -> None:
    url = stand_in(latency=0.01).url
    for name, price in (("small", "1"), ("other", "2")):
        run_judge(study, make_judge(url, name, price_in=price, price_out="10", temperature=0.0))
    run_judge(study, make_judge(stand_in(lasting=1.0, lasting_kinds=("unreadable",)).url, "mute"))
    both = panels.create(study, "both", PanelSpec(["small", "other"]), NOW)
    panels.make(both.pk)
    half_known = Rater.objects.create(study=study, kind=RaterKind.JUDGE, name="elsewhere")
    mixed = panels.create(study, "mixed", PanelSpec(["small", "elsewhere"]), NOW)
    panels.make(mixed.pk)
    raters = {str(rater): rater.pk for rater in study.raters.all()}
    found = rater_costs.records(study, list(raters.values()))
    small, other, pair, mute = (found[raters[name]] for name in ("small", "other", "both", "mute"))
    spent = dict(Judge.objects.values_list("name", "spent"))
    assert (small.cost, other.cost) == (spent["small"], spent["other"])
    assert (small.asked, small.verdicts, small.in_vain) == (24, 24, 0)
    assert small.a_verdict == spent["small"] / 24
    assert (mute.verdicts, mute.in_vain, mute.a_verdict) == (0, 1, None)
    assert pair.cost == spent["small"] + spent["other"]
    assert pair.asked == 12
    assert pair.seconds == max(small.seconds, other.seconds) >= 0.01
    # The cost of an imported judge is unknown, alone and in a panel.
    assert half_known.pk not in found
    assert raters["mixed"] not in found
    told = {str(fact.title): fact.texts for fact in rater_columns.known(study, list(raters.values()))}
    assert told["Cost"].keys() == {raters[name] for name in ("small", "other", "both", "mute")}
    assert told["No verdict"][raters["mute"]] == "100.0%"
    assert [line.rater.name for line in rater_costs.side_by_side(study)] == ["other", "small", "both", "mixed"]


@pytest.mark.django_db(transaction=True)
def test_a_judges_cost_is_that_of_the_study_alone(stand_in, study: Study) -> None:
    judge = make_judge(stand_in().url, "small", price_in="1")
    elsewhere = build_study("elsewhere", prompts=2)
    run_judge(study, judge)
    run_judge(elsewhere, judge)
    one, other = (
        rater_costs.records(each, list(each.raters.values_list("pk", flat=True))) for each in (study, elsewhere)
    )
    assert [record.asked for record in one.values()] == [24]
    assert [record.asked for record in other.values()] == [12]
    judge.refresh_from_db()
    assert sum(record.cost for record in (*one.values(), *other.values())) == judge.spent


# Benchmarks.


@pytest.fixture
def benchmark(stand_in, tmp_path: Path, transactional_db: None):
    file = tmp_path / "known.jsonl"
    rows = [{"prompt": f"Q{n}?", "chosen": f"long answer {n} " * 9, "rejected": f"short {n}"} for n in range(8)]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    judge = make_judge(stand_in(length_bias=50.0).url, "judy")
    run = runs.start(judge.current, [sets.keep(file)], Terms(seed=3), NOW, detach=False)
    benchmark_life.work(run.pk, patience=QUICK)
    return run


def test_benchmarks_are_shown_to_whoever_has_signed_in(benchmark, outsider: User, as_user) -> None:
    judge = benchmark.version.judge_id
    client = as_user(outsider)
    for path in (f"/judges/{judge}/benchmarks/", f"/judges/{judge}/benchmarks/{benchmark.pk}/"):
        shown = page(client, path)
        for words in ("known", "judy", "100.0%", "seed 3", "done"):
            assert words in shown
    table = client.get(f"/judges/{judge}/benchmarks/{benchmark.pk}.csv").getvalue().decode()
    assert table.splitlines()[1].startswith("known,8,8,0,0,0,0,8,1.0,")
    told = client.get(f"/judges/{judge}/benchmarks/{benchmark.pk}.json").json()
    assert told["results"][0]["accuracy_ties_half"] == 1
    assert "key" not in json.dumps(told)
    other = make_judge("http://127.0.0.1:9/v1", "other")
    assert "No benchmarks yet" in page(client, f"/judges/{other.pk}/benchmarks/")
    assert client.get(f"/judges/{other.pk}/benchmarks/{benchmark.pk}/").status_code == 404
