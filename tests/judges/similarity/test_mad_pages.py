"""The pages of a MAD competition, for users who can see the study."""

import csv
import io

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from annotation.models import PairRun, Result
from annotation.pair_making import background
from judges.models import SimilarityRun
from judges.similarity import runs
from judges.similarity.runs import similarity_life
from judges.similarity.terms import Terms
from tests.builders import NOW
from tests.judges.conftest import QUICK, make_judge
from tests.judges.similarity.conftest import compared

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def mine(bare, owner, colleague):
    bare.owner = owner
    bare.save()
    bare.colleagues.add(colleague)
    return bare


def form(**changed):
    return {"measure": "lexical", "top": 2, "spread": 0, "judge": "", "length_ratio": "", "words": ""} | changed


def page(study):
    return reverse("study-mad", args=[study.slug])


def test_from_the_measure_to_the_pairs(mine, as_user, colleague):
    client = as_user(colleague)
    pairs = client.get(reverse("study-pairs", args=[mine.slug])).content.decode()
    assert page(mine) in pairs
    told = client.post(page(mine), form(estimate="")).content.decode()
    assert "Pairs of answers to compare" in told
    assert not SimilarityRun.objects.exists()
    started = client.post(page(mine), form(start="", length_ratio=4, not_empty="on"))
    run = SimilarityRun.objects.get()
    assert started.headers["Location"] == reverse("study-mad-run", args=[mine.slug, run.pk])
    assert (run.user, run.options["filters"]) == (colleague, {"not-empty": None, "length-ratio": 4.0})
    waiting = client.get(started.headers["Location"]).content.decode()
    assert "Make pairs" not in waiting
    similarity_life.work(run.pk)
    shown = client.get(started.headers["Location"]).content.decode()
    assert "6 pairs of answers were chosen" in shown
    assert "no draw probability" in shown
    assert "Length ratio below" in shown
    made = client.post(reverse("study-mad-pairs", args=[mine.slug, run.pk]))
    asked = PairRun.objects.get()
    assert made.headers["Location"] == reverse("study-pair-run", args=[mine.slug, asked.pk])
    background.run(asked.pk, NOW)
    done = client.get(made.headers["Location"]).content.decode()
    assert "6 pairs added" in done
    assert mine.pairs.count() == 6


def test_the_table_of_two_models_and_the_downloads(mine, as_user, owner, stand_in):
    run = compared(mine, Terms("sentences", {"words": 3}, top=1), make_judge(stand_in().url))
    client, table = as_user(owner), run.tables.first()
    shown = client.get(reverse("study-mad-table", args=[mine.slug, run.pk, table.pk])).content.decode()
    assert "Precision" in shown
    assert table.model_x.name in shown
    scores = client.get(reverse("study-mad-scores-csv", args=[mine.slug, run.pk]))
    rows = list(csv.DictReader(io.StringIO(scores.getvalue().decode("utf-8-sig"))))
    assert len(rows) == 12
    assert sum(row["place"] == "1" for row in rows) == 3
    assert {row["state"] for row in rows} == {"scored"}
    listed = client.get(reverse("study-mad-calls", args=[mine.slug, run.pk])).content.decode()
    assert listed.count("<bdi>Quillfinch-") == 12
    calls = client.get(reverse("study-mad-calls-csv", args=[mine.slug, run.pk]))
    assert len(list(csv.DictReader(io.StringIO(calls.getvalue().decode("utf-8-sig"))))) == 12


def test_a_run_is_paused_continued_and_cancelled(mine, as_user, owner):
    client, run = as_user(owner), runs.start(mine, Terms(), None, NOW, detach=False)
    for change, state in (("pause", "paused"), ("resume", "running"), ("cancel", "cancelled")):
        client.post(reverse(f"study-mad-run-{change}", args=[mine.slug, run.pk]))
        run.refresh_from_db()
        assert run.state == state


@pytest.mark.parametrize("wrong", [{"measure": "psychic"}, {"top": 0}, {"spread": -1}, {"words": "many"}])
def test_what_makes_no_sense_is_said_on_the_form(mine, as_user, owner, wrong):
    answer = as_user(owner).post(page(mine), form(start="", **wrong))
    assert answer.status_code == 200
    assert "field faulty" in answer.content.decode()
    assert not SimilarityRun.objects.exists()


def test_a_measure_that_asks_needs_a_judge(mine, as_user, owner):
    answer = as_user(owner).post(page(mine), form(start="", measure="embedding")).content.decode()
    assert "Choose the judge" in answer
    assert not SimilarityRun.objects.exists()


def test_nothing_is_shown_to_a_stranger(mine, as_user, django_user_model):
    run = compared(mine)
    client = as_user(django_user_model.objects.create_user("stranger"))
    table = run.tables.first()
    for name, *place in (
        ("study-mad",),
        ("study-mad-run", run.pk),
        ("study-mad-table", run.pk, table.pk),
        ("study-mad-scores-csv", run.pk),
        ("study-mad-calls", run.pk),
        ("study-mad-calls-csv", run.pk),
    ):
        assert client.get(reverse(name, args=[mine.slug, *place])).status_code == 404
    assert client.post(reverse("study-mad-pairs", args=[mine.slug, run.pk])).status_code == 404


def command(name, *words):
    out = io.StringIO()
    call_command(name, *words, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_the_commands_compare_choose_and_make(bare, stand_in):
    server = stand_in()
    make_judge(server.url, "embedder", price_in=1)
    said = command("similarity", bare.slug, "--measure", "embedding", "--judge", "embedder", "--dry-run")
    assert "12 calls (0 already done)" in said
    assert server.ledger["requests"] == 0
    said = command("similarity", bare.slug, "--measure", "embedding", "--judge", "embedder")
    assert "12 pairs of answers scored" in said
    assert "Quillfinch-0" in said
    said = command("mad", bare.slug, "--measure", "embedding", "--judge", "embedder", "--top", "1", "--words", "2")
    assert "words 2: dropped 0" in said
    assert "3 pairs chosen; 3 added" in said
    assert server.ledger["requests"] == 12
    assert bare.pairs.count() == 3
    rows = list(csv.reader(io.StringIO(command("similarity", bare.slug, "--csv"))))
    assert len(rows) == 1 + 12
    assert "0 added, 3 already there" in command(
        "mad", bare.slug, "--measure", "embedding", "--judge", "embedder", "--top=1"
    )


def test_the_commands_refuse_what_cannot_be(bare):
    for words, said in (
        (["similarity", bare.slug, "--measure", "judge"], "Choose the judge"),
        (["similarity", bare.slug, "--judge", "nobody"], "No judge is named"),
        (["mad", bare.slug, "--lambda", "-1"], "Lambda"),
        (["mad", bare.slug, "--detach"], "--no-pairs"),
    ):
        with pytest.raises(CommandError, match=said):
            command(*words)


def test_a_command_continues_a_run_with_the_same_terms_and_no_other(bare, stand_in):
    run = runs.start(bare, Terms(), None, NOW, detach=False)
    similarity_life.pause(run)
    with pytest.raises(CommandError, match="other options"):
        command("mad", bare.slug, "--top", "3")
    command("mad", bare.slug)
    assert SimilarityRun.objects.count() == 1
    assert SimilarityRun.objects.get().state == "done"


def test_a_study_without_answers_says_so(bare):
    Result.objects.filter(prompt_set=bare.prompt_set).delete()
    with pytest.raises(CommandError, match="Upload answers"):
        command("similarity", bare.slug)


def test_a_kill_while_sending_pays_for_nothing_twice_but_what_was_in_flight(bare, stand_in):
    server = stand_in()
    judge = make_judge(server.url, price_in=1, parallel=1)
    run = runs.start(bare, Terms("embedding"), judge, NOW, detach=False)
    similarity_life.work(run.pk, patience=QUICK, seconds=-1.0)
    first = server.ledger["requests"]
    similarity_life.work(run.pk, patience=QUICK)
    run.refresh_from_db()
    assert run.state == "done"
    assert server.ledger["requests"] == 12
    assert first <= 12
