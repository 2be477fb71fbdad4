"""Files in the layouts of other tools load into a study: votes, answers and pairs, found again when loaded twice."""

import json
from collections import Counter

import pytest
from django.core.management import CommandError, call_command

from annotation.importing.load import FaultyFiles, load, told_passed_over
from annotation.importing.proposals import Choice, propose
from annotation.importing.undo import undo
from annotation.models import Comparison, Pair, Prompt, Rater, Result, Study
from judges.models import Judgment
from ranking.boards import compute
from ranking.methods.settings import Settings
from ranking.votes.reader import Filters
from tests.annotation.interchange.formats.layouts import HELD, LAYOUTS, RUN, source

pytestmark = pytest.mark.django_db

VOTES = {
    "alpaca_eval/annotations.json": 6,
    "alpaca_eval/people.json": 4,
    "arena_140k/battles.jsonl": 6,
    "arena_140k/battles.parquet": 6,
    "arena_55k/plain-texts.csv": 3,
    "arena_55k/train.csv": 6,
    "arena_hard/judgments.jsonl": 7,
    "arena_hard/older-judgments.jsonl": 6,
    "chatbot_arena/battles-100k.parquet": 6,
    "chatbot_arena/battles-33k.jsonl": 6,
    "chatbot_arena/older.json": 6,
    "comparia/reactions.jsonl": 4,
    "comparia/votes-with-texts.jsonl": 5,
    "comparia/votes.jsonl": 5,
    "comparia/votes.parquet": 5,
    "mt_bench_people/gpt4.jsonl": 2,
    "mt_bench_people/human.jsonl": 5,
}
"""By file, the votes in it."""

CHOICE = Choice(model="quill-7b")
"""Who the baseline was, or whose answers these are, where a file does not say."""


def loaded(*names, slug="study", choice=CHOICE):
    report = load([LAYOUTS / name for name in names], study_slug=slug, choice=choice, seed=1)
    return Study.objects.get(slug=slug), report


def won(study):
    """The models of each vote and who won, as shown."""
    found = Comparison.objects.filter(study=study).order_by("pk").select_related("pair__model_x", "pair__model_y")
    sides = {"x": "model_x", "y": "model_y"}
    return [
        (
            getattr(vote.pair, sides[vote.left]).name,
            getattr(vote.pair, sides["y" if vote.left == "x" else "x"]).name,
            "tie" if vote.winner == "tie" else "left" if vote.winner == vote.left else "right",
        )
        for vote in found
    ]


@pytest.mark.parametrize("name", HELD)
def test_a_file_is_proposed_as_what_it_is(name):
    best = propose(source(name)).best
    assert best is not None
    assert (best.format, best.kind) == HELD[name][:2]


@pytest.mark.parametrize("name", VOTES)
def test_votes_make_a_board(name):
    study, _report = loaded(name)
    assert Comparison.objects.filter(study=study).count() == VOTES[name]
    judge = study.raters.filter(kind="judge").first()
    board = compute.compute(study, Filters(raters=judge.name if judge else "people"), Settings())
    assert {row["model"] for group in board.sheet["groups"] for row in group["rows"]} == {
        model for models in won(study) for model in models[:2]
    }


@pytest.mark.parametrize("name", [name for name in HELD if name not in VOTES])
def test_files_without_votes_bring_what_can_be_voted_on(name):
    if not HELD[name][2] or "older-answers" in name:
        return
    study, _report = loaded(name)
    prompts, answers = study.prompt_set.prompts.count(), study.prompt_set.results.count()
    assert prompts
    assert answers or "question" in name or name == "comparia/conversations.jsonl"


@pytest.mark.parametrize("name", [*VOTES, "inspect/birds.eval", "promptfoo/results.json", "alpaca_eval/outputs.json"])
def test_loading_a_file_again_changes_nothing(name):
    study, first = loaded(name)
    assert first.upload is not None

    def counts():
        return [model.objects.count() for model in (Prompt, Result, Pair, Comparison, Rater, Judgment)]

    before = counts()
    _study, again = loaded(name)
    assert again.upload is None
    assert counts() == before
    undo(first.upload)
    assert not Comparison.objects.exists()
    assert not Judgment.objects.exists()
    assert not Result.objects.filter(prompt_set=study.prompt_set).exists()


def test_ties_of_bad_answers_are_kept_apart():
    study, _report = loaded("chatbot_arena/battles-33k.jsonl")
    found = Comparison.objects.filter(study=study, winner="tie").order_by("pk").values_list("tie_kind", flat=True)
    assert [*found] == ["", "bad"]


def test_battles_without_texts_are_a_set_without_texts():
    study, _report = loaded("chatbot_arena/older.json")
    assert study.prompt_set.textless
    assert won(study)[:2] == [("quill-7b", "fern-2", "left"), ("fern-2", "quill-7b", "tie")]


def test_conversations_give_the_categories_of_votes_without_texts():
    study, report = loaded("comparia/conversations.jsonl", "comparia/votes.jsonl")
    types = study.prompt_set.prompts.values_list("type", flat=True)
    assert Counter(types) == {"Environment": 3, "Education": 3}
    assert report.passed_over == {"votes-without-verdict": 1}
    assert told_passed_over(report.passed_over) == ["votes without a verdict: 1"]


def test_reactions_and_votes_on_one_conversation_are_votes_on_one_prompt():
    study, _report = loaded("comparia/votes.jsonl", "comparia/reactions.jsonl")
    assert study.prompt_set.prompts.count() == 5
    assert Counter(Comparison.objects.filter(study=study).values_list("turn", flat=True)) == {0: 5, 1: 3, 2: 1}


def test_a_judges_two_games_are_two_votes_on_a_pair():
    study, _report = loaded("arena_hard/judgments.jsonl")
    pairs = Counter(Comparison.objects.filter(study=study).values_list("pair", flat=True))
    assert sorted(pairs.values()) == [1, 2, 2, 2]
    weights = Comparison.objects.filter(study=study).order_by("pk").values_list("weight", flat=True)
    assert [*weights] == [3, None, None, None, None, 3, 3]
    assert Rater.objects.get(study=study).name == "judge-4"


def test_older_answers_of_arena_hard_join_their_questions():
    names = ["older-questions", "older-answers-fern-2", "older-answers-quill-7b", "older-judgments"]
    study, _report = loaded(*(f"arena_hard/{name}.jsonl" for name in names))
    assert study.prompt_set.prompts.count() == 4
    assert study.prompt_set.results.count() == 8
    assert Comparison.objects.filter(study=study).count() == 6
    with pytest.raises(FaultyFiles) as caught:
        loaded("arena_hard/older-answers-fern-2.jsonl", slug="alone")
    assert "Load the file with the questions too" in caught.value.faults.listed[0].reason


def test_a_question_that_a_file_leaves_open_is_asked():
    for name, field in (("arena_hard/older-judgments.jsonl", "baseline"),):
        with pytest.raises(FaultyFiles) as caught:
            loaded(name, choice=None)
        assert caught.value.faults.listed[0].field == field


def test_the_baseline_is_entered_where_a_model_is():
    name = source("arena_hard/older-judgments.jsonl")
    assert propose(name).best.asks == ("baseline", "model")
    assert propose(name, Choice(model="gpt-4")).best.asks == ()


def test_shares_are_those_of_the_first_output():
    study, _report = loaded("alpaca_eval/annotations.json")
    found = Comparison.objects.filter(study=study, share__isnull=False).order_by("pk")
    shares = [vote.share if vote.left == "x" else 1 - vote.share for vote in found]
    assert shares == [pytest.approx(4e-7, abs=1e-9), 0.75]


def test_scores_are_judgments_of_the_answers():
    study, report = loaded("inspect/birds.eval")
    found = Judgment.objects.filter(study=study).values_list("judge", "result__sample", "score", "state")
    assert Counter(found) == Counter(
        [
            ("match", 0, 1.0, "ok"),
            ("match", 0, 1.0, "ok"),
            ("match", 0, 0.25, "ok"),
            ("match", 1, 0.0, "ok"),
            ("match", 1, 0.0, "ok"),
            ("rubric/correct", 0, 1.0, "ok"),
            ("rubric/style", 0, 0.5, "ok"),
        ]
    )
    assert study.prompt_set.results.count() == 5
    assert report.passed_over == {"samples-without-output": 1}


def test_a_run_of_a_harness_is_one_folder():
    study, report = loaded(RUN, choice=None)
    assert {*study.prompt_set.models.values_list("name", flat=True)} == {"acme/quill-7b"}
    assert study.prompt_set.results.count() == 4
    assert report.passed_over == {"empty-replies": 1}


def test_votes_on_a_turn_are_votes_on_that_turn():
    study, _report = loaded("mt_bench_people/human.jsonl")
    assert study.prompt_set.prompts.get().turns == ["And one that swims?"]
    assert Counter(Comparison.objects.filter(study=study).values_list("turn", flat=True)) == {1: 3, 2: 2}


def test_one_row_that_is_wrong_stores_nothing(tmp_path):
    rows = [json.loads(line) for line in (LAYOUTS / "arena_140k/battles.jsonl").read_text("utf-8").splitlines()]
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*rows, rows[0] | {"winner": "nobody"}]), "utf-8")
    with pytest.raises(FaultyFiles) as caught:
        load([path], study_slug="study", seed=1)
    assert [(fault.line, fault.field) for fault in caught.value.faults.listed] == [(7, "winner")]
    assert not Study.objects.exists()


@pytest.mark.parametrize(("said", "weight"), [([], 3), (["--strong-weight", "2.5"], 2.5)])
def test_the_command_sets_the_weight_of_a_strong_verdict(said, weight):
    call_command("load", str(LAYOUTS / "arena_hard/judgments.jsonl"), "--study", "study", *said)
    assert {*Comparison.objects.values_list("weight", flat=True)} == {None, weight}


def test_the_command_takes_a_baseline_and_refuses_a_weight_of_nothing(capsys):
    path = str(LAYOUTS / "arena_hard/older-judgments.jsonl")
    with pytest.raises(CommandError):
        call_command("load", path, "--study", "study")
    assert "Which model were the others compared with" in capsys.readouterr().err
    with pytest.raises(CommandError, match="weight"):
        call_command("load", path, "--study", "study", "--model", "gpt-4", "--strong-weight", "0")
    call_command("load", path, "--study", "study", "--model", "gpt-4")
    assert Study.objects.get().prompt_set.models.filter(name="gpt-4").exists()
