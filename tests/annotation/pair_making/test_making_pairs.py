"""`make_pairs` and its command: which pairs are added to a study, and which are not."""

import io
import json

import pytest
from django.core.management import CommandError, call_command
from django.forms import ChoiceField
from django.utils import translation

from annotation.forms.pairs import PairsForm
from annotation.models import LanguageModel, Pair, Prompt, PromptSet, Result, Study
from annotation.pair_making import make
from annotation.pairing.registry import STRATEGIES
from annotation.problems import Problem
from annotation.stored_problems import told
from annotation.studies import lifecycle
from annotation.studies.lifecycle import NotPossible
from tests.builders import MARK, add_golden_pairs, build_study
from tests.places import REAL_DATA, needs_real_data
from tests.together import together

REFERENCE = REAL_DATA / "llmfao"


def study_without_pairs(*, models: int = 4, prompts: int = 3) -> Study:
    study = build_study(models=models, prompts=prompts, opened=False)
    Pair.objects.all().delete()
    return study


def unordered(study: Study) -> set[frozenset[int]]:
    rows = Pair.objects.filter(study=study).values_list("result_x__number", "result_y__number")
    return {frozenset(row) for row in rows}


@pytest.mark.django_db
def test_all_makes_every_unordered_pair_numbered_from_zero() -> None:
    study = study_without_pairs()
    made = make.make_pairs(study, "all")
    assert (made.prompts, made.results, made.found, made.added, made.total) == (3, 12, 18, 18, 18)
    assert sorted(Pair.objects.values_list("number", flat=True)) == list(range(18))
    assert len(unordered(study)) == 18
    for pair in Pair.objects.select_related("result_x", "result_y"):
        assert pair.result_x is not None
        assert pair.result_y is not None
        assert (pair.prompt_id, pair.model_x_id) == (pair.result_x.prompt_id, pair.result_x.model_id)
        assert (pair.prompt_id, pair.model_y_id) == (pair.result_y.prompt_id, pair.result_y.model_id)
        assert pair.seed == 0
        assert 0 <= pair.key < 1


@pytest.mark.django_db
def test_run_again_it_adds_nothing() -> None:
    study = study_without_pairs()
    make.make_pairs(study, "neighbours", neighbours=2)
    before = list(Pair.objects.values_list())
    made = make.make_pairs(study, "neighbours", neighbours=2)
    assert made.added == 0
    assert made.known == made.found == len(before)
    assert list(Pair.objects.values_list()) == before


@pytest.mark.django_db
def test_only_missing_pairs_are_added_whichever_side_they_stood_on() -> None:
    study = study_without_pairs()
    make.make_pairs(study, "all", seed=1)
    kept = Pair.objects.order_by("number")[5]
    Pair.objects.exclude(pk=kept.pk).delete()
    made = make.make_pairs(study, "all", seed=2)
    assert made.added == 17
    assert len(unordered(study)) == 18
    assert Pair.objects.get(pk=kept.pk).seed == 1
    assert min(Pair.objects.exclude(pk=kept.pk).values_list("number", flat=True)) == 6


@pytest.mark.django_db
def test_numbers_follow_the_highest_in_the_study_and_pass_over_golden_pairs() -> None:
    study = study_without_pairs()
    golden = add_golden_pairs(study, ["x", "y"])[0]
    Pair.objects.filter(pk=golden.pk).update(number=70)
    make.make_pairs(study, "all")
    assert min(Pair.objects.votable().values_list("number", flat=True)) == 71


@pytest.mark.django_db
def test_sides_follow_the_seed_and_not_the_strategy_or_the_other_prompts() -> None:
    def sides(study: Study) -> dict[frozenset[int], int]:
        rows = Pair.objects.filter(study=study).values_list("result_x__number", "result_y__number")
        return {frozenset((x % MARK, y % MARK)): x % MARK for x, y in rows}

    study = study_without_pairs(models=8, prompts=6)
    found = {}
    for strategy, seed in (("all", 3), ("all", 4), ("neighbours", 3)):
        make.make_pairs(study, strategy, seed=seed)
        found[strategy, seed] = sides(study)
        Pair.objects.all().delete()
    first = study.prompt_set.prompts.order_by("pk")[0]
    first.results.all().delete()
    make.make_pairs(study, "all", seed=3)
    for other in (sides(study), found["neighbours", 3]):
        assert other.items() <= found["all", 3].items()
    assert len(found["all", 3]) == 168
    differing = sum(found["all", 3][pair] != found["all", 4][pair] for pair in found["all", 3])
    # Two independent coins differ on half of 168 pairs, with a standard deviation of 6.5.
    assert 84 - 5 * 6.5 < differing < 84 + 5 * 6.5


@pytest.mark.django_db
def test_filters_do_not_keep_pairs_from_being_made_but_from_being_offered() -> None:
    study = study_without_pairs()
    study = lifecycle.change_settings(study, {"exclude_types": ["code"], "overlap": 2})
    make.make_pairs(study, "all")
    study = lifecycle.start(study)
    assert Pair.objects.filter(prompt__type="code", wanted=0).count() == 6
    assert Pair.objects.filter(prompt__type="prose", wanted=2).count() == 12


@pytest.mark.django_db
def test_pairs_made_for_an_open_study_are_offered_at_once() -> None:
    study = build_study(models=3, prompts=2, overlap=2)
    Pair.objects.filter(number=MARK + 30_000).delete()
    make.make_pairs(study, "all")
    assert set(Pair.objects.values_list("wanted", flat=True)) == {2}
    assert Pair.objects.count() == 6


@pytest.mark.django_db
def test_only_models_of_the_study_take_part() -> None:
    study = study_without_pairs()
    chosen = list(study.prompt_set.models.order_by("pk")[:2])
    study = lifecycle.change_settings(study, {"language_models": chosen})
    made = make.make_pairs(study, "all")
    assert made.added == 3
    assert set(Pair.objects.values_list("model_x", flat=True)) | set(
        Pair.objects.values_list("model_y", flat=True)
    ) == {model.pk for model in chosen}


@pytest.mark.django_db
def test_of_several_samples_the_first_takes_part() -> None:
    study = study_without_pairs(models=2, prompts=1)
    first = Result.objects.order_by("pk")[0]
    Result.objects.create(
        prompt_set=first.prompt_set, number=1, prompt=first.prompt, model=first.model, sample=1, text="Another."
    )
    assert make.make_pairs(study, "all").added == 1
    assert not Pair.objects.filter(result_x__sample=1).exists()
    assert not Pair.objects.filter(result_y__sample=1).exists()


@pytest.mark.django_db
def test_answers_to_follow_up_turns_count_in_the_distance() -> None:
    study = study_without_pairs(models=3, prompts=1)
    last = Result.objects.order_by("pk")[2]
    last.turns = ["z" * 50]
    last.save()
    make.make_pairs(study, "neighbours", neighbours=1)
    assert all(last.number in pair for pair in unordered(study))


@pytest.mark.django_db
def test_an_unconnected_prompt_is_named_with_its_groups_and_nothing_is_stored() -> None:
    study = study_without_pairs(models=4, prompts=2)
    prompt = study.prompt_set.prompts.order_by("pk")[1]
    for result, text in zip(prompt.results.order_by("pk"), ["aaaa", "bbbb", "aabb", "bbaa"], strict=True):
        result.text = text
        result.save()
    with pytest.raises(NotPossible) as refusal:
        make.make_pairs(study, "neighbours", neighbours=1)
    said = str(refusal.value)
    assert said == refusal.value.problem.text
    again = Problem.stored(said, refusal.value.problem.data)
    with translation.override("ja"):
        japanese = told(again)
        assert japanese == str(refusal.value)
    assert japanese.splitlines()[1:3] == said.splitlines()[1:3], "the groups"
    assert not set(japanese.splitlines()[::3]) & set(said.splitlines()[::3])
    assert f"{prompt.number} (prompt-1)" in said
    assert "Quillfinch-0, Quillfinch-1\n" in said
    assert "Quillfinch-2, Quillfinch-3\n" in said
    assert not Pair.objects.exists()
    assert make.make_pairs(study, "neighbours", neighbours=2).added > 0


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"strategy": "best"}, "neighbours, random, all"),
        ({"strategy": "all", "per_prompt": 3}, "only be set for the strategy “random”"),
        ({"strategy": "random", "per_prompt": 0}, "Neighbours and pairs per prompt must be at least 1"),
        ({"strategy": "neighbours", "neighbours": 0}, "Neighbours and pairs per prompt must be at least 1"),
        ({"strategy": "all", "seed": -1}, "seed"),
    ],
)
def test_options_that_make_no_sense_are_refused(asked: dict[str, int | str], said: str) -> None:
    with pytest.raises(NotPossible, match=said):
        make.make_pairs(study_without_pairs(), **asked)  # type: ignore[arg-type]


@pytest.mark.django_db
def test_a_study_without_results_is_told_to_load_them() -> None:
    prompt_set = PromptSet.objects.create(slug="empty", name="Empty")
    with pytest.raises(NotPossible, match="Upload answers first"):
        make.make_pairs(lifecycle.create_study("empty", prompt_set), "all")


@pytest.mark.django_db
def test_progress_counts_the_prompts() -> None:
    seen: list[tuple[int, int]] = []
    make.make_pairs(study_without_pairs(prompts=3), "all", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.django_db(transaction=True)
def test_two_runs_at_once_add_each_pair_once() -> None:
    study = study_without_pairs(models=5, prompts=6)
    together(2, lambda _index: make.make_pairs(study, "all"))
    assert Pair.objects.count() == 60
    assert len(unordered(study)) == 60


@pytest.mark.django_db
def test_the_command_says_what_it_made() -> None:
    study = study_without_pairs()
    out = io.StringIO()
    call_command("pairs", study.slug, strategy="random", per_prompt=4, seed=5, stdout=out)
    assert "12 pairs from 12 answers to 3 prompts; 12 added, 0 already there" in out.getvalue()


@pytest.mark.django_db
def test_the_command_turns_a_refusal_into_one_clear_error() -> None:
    with pytest.raises(CommandError, match="only be set for the strategy “random”"):
        call_command("pairs", study_without_pairs().slug, strategy="all", per_prompt=4)
    with pytest.raises(CommandError, match=r"Study “nowhere” was not found\. Available studies: haiku"):
        call_command("pairs", "nowhere", strategy="all")


@pytest.mark.reference
@needs_real_data("llmfao")
@pytest.mark.django_db
def test_the_real_study_gets_its_3236_pairs_and_offers_the_2139_of_the_crowd() -> None:
    def rows(name: str) -> list[dict[str, object]]:
        return [json.loads(line) for line in (REFERENCE / name).read_text(encoding="utf-8").splitlines()]

    prompt_set = PromptSet.objects.create(slug="llmfao", name="LLMFAO")
    models = {
        row["id"]: LanguageModel.objects.create(prompt_set=prompt_set, number=row["id"], name=row["name"])
        for row in rows("models.jsonl")
    }
    prompts = {
        row["id"]: Prompt.objects.create(
            prompt_set=prompt_set, number=row["id"], text=row["text"], type=row["type"], slug=row["slug"]
        )
        for row in rows("prompts.jsonl")
    }
    Result.objects.bulk_create(
        Result(
            prompt_set=prompt_set,
            number=row["id"],
            prompt=prompts[row["prompt"]],
            model=models[row["model"]],
            text=str(row["result"]).replace("\0", ""),
        )
        for row in rows("results.jsonl")
    )
    study = lifecycle.create_study("llmfao", prompt_set)
    assert make.make_pairs(study, "neighbours", neighbours=3).added == 3236
    study = lifecycle.change_settings(study, {"exclude_types": ["code"], "exclude_slugs": ["cot-sally", "svg"]})
    offered = Pair.objects.within(study).values_list("prompt__number", "model_x__number", "model_y__number")
    crowd = {(row["prompt"], frozenset((row["model_x"], row["model_y"]))) for row in rows("pairs-crowd.jsonl")}
    assert {(prompt, frozenset(pair)) for prompt, *pair in offered} == crowd
    assert len(crowd) == 2139


def test_the_page_offers_every_strategy() -> None:
    field = PairsForm.base_fields["strategy"]
    assert isinstance(field, ChoiceField)
    assert [name for name, _label in field.choices] == list(STRATEGIES)  # type: ignore[union-attr]
