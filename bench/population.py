"""Studies of any number of pairs, made quickly, for the benches."""

from itertools import product
from unittest.mock import patch

from django.db import connection, transaction
from django.utils import timezone

from annotation.drawing import batches
from annotation.models import LanguageModel, Pair, Prompt, PromptSet, Rater, RaterKind, Result, Study, Worker
from annotation.models.voting import Stage
from annotation.pair_making import make
from annotation.studies import lifecycle

MODELS, PROMPTS = 10, 20
ANSWER = """Here is a way to do it:

1. **Read** the list once and keep the smallest number seen so far.
2. Compare each further number with it.

```python
def smallest(numbers):
    best = numbers[0]
    for number in numbers[1:]:
        best = min(best, number)
    return best
```

It looks at every number once, so it takes time in proportion to the length of the list. Sample {sample}.
"""


def make_study(slug: str, pairs: int, *, overlap: int = 5, most_votes: int = 1000) -> Study:
    """An open study of exactly `pairs` pairs over 200 results, every pair wanting `overlap` votes."""
    prompt_set = PromptSet.objects.create(slug=slug, name=slug)
    models = LanguageModel.objects.bulk_create(
        LanguageModel(prompt_set=prompt_set, number=index, name=f"model {index}") for index in range(MODELS)
    )
    prompts = Prompt.objects.bulk_create(
        Prompt(prompt_set=prompt_set, number=index, text=f"How do I find the smallest number? ({index})", type="code")
        for index in range(PROMPTS)
    )
    results = Result.objects.bulk_create(
        Result(
            prompt_set=prompt_set,
            number=index,
            prompt=prompts[index // MODELS],
            model=models[index % MODELS],
            text=ANSWER.format(sample=index),
        )
        for index in range(MODELS * PROMPTS)
    )
    study = lifecycle.create_study(slug, prompt_set)
    first = []
    for number in range(min(pairs, 900)):
        prompt, place = divmod(number, 45)
        x, y = [(x, y) for x in range(MODELS) for y in range(x + 1, MODELS)][place]
        result_x, result_y = results[prompt * MODELS + x], results[prompt * MODELS + y]
        first.append(
            Pair(
                study=study,
                number=number,
                prompt=prompts[prompt],
                model_x=result_x.model,
                model_y=result_y.model,
                result_x=result_x,
                result_y=result_y,
                key=number / 900,
            )
        )
    Pair.objects.bulk_create(first)
    _multiply(study, pairs)
    settings = {"overlap": overlap, "most_votes": most_votes, "least_votes": 1, "check_rate": 0.0}
    return lifecycle.start(lifecycle.change_settings(study, settings))


def make_fixed_and_adaptive(slug: str, *, models: int = 20, prompts: int = 40) -> tuple[Study, Study]:
    """Two open studies on the same answers: one whose every pair wants five votes, and one that draws its pairs."""
    prompt_set = PromptSet.objects.create(slug=slug, name=slug)
    answering = LanguageModel.objects.bulk_create(
        LanguageModel(prompt_set=prompt_set, number=index, name=f"model {index}") for index in range(models)
    )
    asked = Prompt.objects.bulk_create(
        Prompt(prompt_set=prompt_set, number=index, text=f"How do I find the smallest number? ({index})", type="code")
        for index in range(prompts)
    )
    Result.objects.bulk_create(
        Result(prompt_set=prompt_set, number=number, prompt=prompt, model=model, text=ANSWER.format(sample=number))
        for number, (prompt, model) in enumerate(product(asked, answering))
    )
    settings = {"overlap": 5, "most_votes": 100_000, "least_votes": 1, "check_rate": 0.0}
    fixed, adaptive = (lifecycle.create_study(f"{slug}-{kind}", prompt_set) for kind in ("fixed", "adaptive"))
    make.make_pairs(fixed, "all")
    fixed = lifecycle.start(lifecycle.change_settings(fixed, settings))
    adaptive = lifecycle.start(lifecycle.change_settings(adaptive, {**settings, "offering": "adaptive"}))
    return fixed, adaptive


def open_places(study: Study, count: int) -> None:
    """Draws `count` pairs of an adaptive study, as the background does a few at a time."""
    with patch.object(batches, "PER_WORKER", count), patch.object(batches, "MOST", count):
        batches.draw(study.pk, timezone.now())


def _multiply(study: Study, pairs: int) -> None:
    """Repeats the study's pairs under new numbers until there are `pairs`, inside the database."""
    columns = "study_id, purpose, prompt_id, model_x_id, model_y_id, result_x_id, result_y_id, wanted, taken, golden"
    draw = "random()" if connection.vendor == "postgresql" else "(random() / 18446744073709551616.0 + 0.5)"
    have = min(pairs, 900)
    with connection.cursor() as cursor:
        while have < pairs:
            more = min(have, pairs - have)
            cursor.execute(
                f"INSERT INTO annotation_pair (number, key, {columns}) "
                f"SELECT number + %s, {draw}, {columns} FROM annotation_pair WHERE study_id = %s AND number < %s",
                [have, study.pk, more],
            )
            have += more
        cursor.execute(f"UPDATE annotation_pair SET key = {draw} WHERE study_id = %s", [study.pk])


@transaction.atomic
def make_workers(study: Study, count: int) -> list[Worker]:
    """Workers of `study` who are ready to vote."""
    at = timezone.now()
    first = study.workers.count()
    return [
        Worker.objects.create(
            rater=Rater.objects.create(study=study, kind=RaterKind.WORKER),
            study=study,
            number=first + index,
            stage=Stage.VOTING,
            joined_at=at,
            trained_at=at,
        )
        for index in range(count)
    ]


def vacuum() -> None:
    """Fresh statistics, as autovacuum leaves them in a study that has been running."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
