"""The sample study."""

import json
from collections import Counter

import pytest

from annotation.models import Comparison, LanguageModel, Pair, Purpose, Result, ResultFlag, Study
from annotation.sample_study import FOLDER, install_sample
from annotation.studies import lifecycle


def rows(name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (FOLDER / name).read_text(encoding="utf-8").splitlines()]


@pytest.mark.django_db
def test_it_is_opened_with_all_pairs_and_public_results() -> None:
    study = install_sample()
    assert (study.slug, study.status, study.public) == ("sample", "open", True)
    assert study.name == "Sixteen prompts, five models"
    assert Result.objects.count() == 80
    assert Pair.objects.within(study).count() == 16 * 10
    assert set(Pair.objects.votable().values_list("wanted", flat=True)) == {study.overlap}
    assert Pair.objects.filter(purpose=Purpose.TRAINING).exclude(reason="").count() == 6
    assert Pair.objects.filter(purpose=Purpose.CHECK).count() == 6


@pytest.mark.django_db
def test_no_votes_are_invented_in_it() -> None:
    install_sample()
    assert not Comparison.objects.exists()
    assert not list(FOLDER.glob("*comparisons*"))


@pytest.mark.django_db
def test_installing_it_again_changes_nothing_that_was_set_since() -> None:
    study = install_sample()
    lifecycle.change_settings(study, {"overlap": 7})
    lifecycle.pause(study)
    pairs = Pair.objects.count()
    again = install_sample()
    assert (again.pk, again.overlap, again.status) == (study.pk, 7, "paused")
    assert Pair.objects.count() == pairs
    assert Study.objects.count() == 1


@pytest.mark.django_db
def test_an_interrupted_installation_is_finished_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    class PowerCut(Exception):
        pass

    def cut(*_args: object) -> None:
        raise PowerCut

    with monkeypatch.context() as patched:
        patched.setattr("annotation.sample_study.lifecycle.start", cut)
        with pytest.raises(PowerCut):
            install_sample()
    assert install_sample().status == "open"
    assert Pair.objects.votable().count() == 160


@pytest.mark.django_db
def test_no_answer_gives_its_model_away() -> None:
    install_sample()
    assert not ResultFlag.objects.exclude(kind=ResultFlag.Kind.IDENTICAL).exists()
    told = "\n".join([*Result.objects.values_list("text", flat=True), *map(str, rows("prompts.jsonl"))]).lower()
    for name, org, api_id in LanguageModel.objects.values_list("name", "org", "api_id"):
        assert name.lower() not in told
        assert name.split()[0].lower() not in told
        assert str(org).lower() not in told
        assert str(api_id).lower() not in told


def test_golden_answers_stand_on_both_sides() -> None:
    for name in ("pairs-training.jsonl", "pairs-check.jsonl"):
        goldens = Counter(row["golden"] for row in rows(name))
        assert goldens["left"] >= 2
        assert goldens["right"] >= 2


def test_it_shows_what_pages_must_be_able_to_show() -> None:
    answers = [str(row["result"]) for row in rows("results.jsonl")]
    prompts = rows("prompts.jsonl")
    assert {row.get("lang") for row in prompts} == {None, "ja", "ar"}
    assert any(row.get("turns") for row in prompts)
    for sign in ("\n- ", "|---|", "```python", "```sql", "```js", "```html", "$x", "\\(", "<form>", "1. "):
        assert any(sign in answer for answer in answers), sign
    assert max(map(len, answers)) > 1000


def test_every_model_answers_every_prompt_and_every_turn() -> None:
    turns = {row["id"]: len(row.get("turns", [])) for row in rows("prompts.jsonl")}  # type: ignore[arg-type]
    models = {row["id"]: row["name"] for row in rows("models.jsonl")}
    answered = Counter()
    for row in rows("results.jsonl"):
        assert models[row["model"]] == row["name"]
        assert len(row.get("turns", [])) == turns[row["prompt"]]  # type: ignore[arg-type]
        answered[row["prompt"], row["model"]] += 1
    assert set(answered.values()) == {1}
    assert len(answered) == len(turns) * len(models) == 80


def test_the_folder_says_its_licence() -> None:
    assert "CC0" in (FOLDER / "README.md").read_text(encoding="utf-8")
