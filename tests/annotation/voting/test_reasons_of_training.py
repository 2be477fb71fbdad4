import json

import pytest
from django.http import HttpResponse

from annotation.importing import load
from annotation.interchange.side_words import side_named
from annotation.models import Pair
from annotation.models.voting import Stage
from annotation.sample_study import FOLDER
from annotation.views import worker_session
from annotation.voting import training
from tests.annotation import exchange
from tests.builders import NOW, add_golden_pairs, build_study, build_worker, rng

NOTE = b"with the answers swapped"


@pytest.mark.parametrize(
    ("reason", "names"),
    [
        ("System A followed the prompt better.", True),
        ("Model B is right.", True),
        ("A is shorter.", True),
        ("The answer should have been B.", True),
        ("The second answer is charming, but not true.", True),
        ("The first one is longer.", True),
        ("The latter is wrong.", True),
        ("It is the left answer.", True),
        ("The one on the right is wrong.", True),
        ("Option 2 is wrong.", True),
        ("二つ目の回答は間違っています。", True),
        ("左の回答は正しい。", True),
        ("後者は表になっていません。", True),
        ("回答Aのほうが短い。", True),
        ("Ｂは間違いです。", True),
        ("Aは正しい。", True),
        ("{y} is charming, but not true: {x} is.", False),
        ("{x}のほうが短い。", False),
        ("Both numbers are right, and being right comes first.", False),
        ("どちらも正しいので、引き分けです。", False),
        ("A good haiku has three lines.", False),
        ("Both are wrong.", False),
        ("", False),
        (None, False),
    ],
)
def test_a_reason_that_names_a_pane_is_told(reason, names):
    assert Pair(reason=reason).reason_names_sides() is names


@pytest.mark.django_db
@pytest.mark.parametrize(("left", "noted"), [("x", False), ("y", True)])
def test_a_reason_that_names_a_pane_is_put_right_where_the_sides_are_swapped(client, left, noted):
    study = build_study()
    add_golden_pairs(study, ["x", "x"])
    Pair.objects.update(reason="System A followed the prompt better.")
    worker = build_worker(study, stage=Stage.TRAINING)
    shown = training.current(worker, NOW, rng())
    worker.training_answers.update(left=left)
    training.answer(worker, shown.pk, 1, NOW)
    kept = worker_session.remember(HttpResponse(), worker).cookies[worker_session.COOKIE]
    client.cookies[worker_session.COOKIE] = kept.value
    page = client.get("/s/haiku/training/")
    assert (NOTE in page.content) is noted


@pytest.mark.django_db
@pytest.mark.parametrize(("left", "told"), [("x", b"B is charming, A is true"), ("y", b"A is charming, B is true")])
def test_placeholders_name_the_sides_as_shown(client, left, told):
    study = build_study()
    add_golden_pairs(study, ["x", "x"])
    Pair.objects.update(reason="{y} is charming, {x} is true")
    worker = build_worker(study, stage=Stage.TRAINING)
    shown = training.current(worker, NOW, rng())
    worker.training_answers.update(left=left)
    training.answer(worker, shown.pk, 1, NOW)
    kept = worker_session.remember(HttpResponse(), worker).cookies[worker_session.COOKIE]
    client.cookies[worker_session.COOKIE] = kept.value
    page = client.get("/s/haiku/training/").content
    assert told in page
    assert NOTE not in page


def test_no_reason_of_the_sample_names_a_side_otherwise():
    rows = [json.loads(line) for line in (FOLDER / "pairs-training.jsonl").read_text().splitlines()]
    assert not [row for row in rows if side_named(row["reason"] or "")]
    assert any("{x}" in row["reason"] for row in rows)


@pytest.mark.django_db
def test_an_upload_flags_words_that_could_be_sides(tmp_path):
    pairs = [
        exchange.golden_pair(-1, "left", "The second answer is wrong."),
        exchange.golden_pair(-2, "left", "{y} is."),
    ]
    folder = exchange.write(tmp_path, pairs_training=exchange.jsonl(pairs))
    report = load.load([folder], study_slug="trees")
    assert report.side_words == {-1: "second answer"}
    (told,) = load.told_side_words(report.as_json()["side_words"])
    assert "Pair -1" in told
    assert "{x}" in told
