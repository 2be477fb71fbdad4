"""How far the drawing of an adaptive study is, for its pages."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Count, F, Max, Sum

from annotation import draw_strategies
from annotation.drawing import batches
from annotation.models import Draw, DrawBatch, LanguageModel, Pair, Study

LATELY: Final = timedelta(minutes=10)
"""How long a late draw counts as a sign that the background does not draw."""


@dataclass(frozen=True, slots=True)
class Share:
    """The draws of one strategy. `label` is in English; translated where it is shown."""

    label: str
    draws: int
    share: float


@dataclass(frozen=True, slots=True)
class Progress:
    """What an adaptive study has drawn, and what can be handed out now."""

    draws: int
    late: int
    """Draws that a worker's request made itself."""
    open: int
    at_work: int
    last_batch: datetime | None
    """When the background last drew."""
    sleeping: bool
    """Whether requests had to draw lately, and the background has not drawn since."""
    possible: int
    """The pairs that can be drawn."""
    strategies: list[Share]


def progress(study: Study, at: datetime) -> Progress:
    """Returns the progress of an adaptive `study`, in seven queries."""
    draws = Draw.objects.filter(batch__study=study).order_by()
    by_strategy: dict[str, int] = dict(draws.filter(batch__late=False).values_list("strategy").annotate(Count("pk")))
    total, late = sum(by_strategy.values()), draws.filter(batch__late=True).count()
    drawer = draw_strategies.registered()
    labels: dict[str, str] = {each.name: each.label for each in drawer.strategies} if drawer else {}
    now = batches.supply(study, at)
    ready = DrawBatch.objects.filter(study=study, late=False).aggregate(last=Max("created_at"))["last"]
    return Progress(
        draws=total + late,
        late=late,
        open=now.open,
        at_work=now.at_work,
        last_batch=ready,
        sleeping=is_sleeping(study, at),
        possible=possible(study),
        strategies=[
            Share(labels.get(name, name), number, number / total)
            for name, number in sorted(by_strategy.items(), key=lambda item: (-item[1], item[0]))
        ],
    )


def is_sleeping(study: Study, at: datetime) -> bool:
    """Returns whether the newest batch is one that a request had to draw, lately."""
    newest = DrawBatch.objects.filter(study=study).order_by("-number").first()
    return newest is not None and newest.late and newest.created_at > at - LATELY


def possible(study: Study) -> int:
    """Returns how many pairs `study` can draw: every two models on every prompt that both answered."""
    answers = study.answers().order_by().values_list("prompt").annotate(Count("pk"))
    return sum(number * (number - 1) // 2 for _prompt, number in answers)


def is_exhausted(study: Study) -> bool:
    """Returns whether every pair that can be drawn has been drawn as often as the study allows."""
    places = Pair.objects.within(study).filter(taken__gte=F("wanted")).aggregate(sum=Sum("taken"))["sum"] or 0
    return places >= possible(study) * study.overlap > 0


def new_models(study: Study) -> list[LanguageModel]:
    """Returns the models of the prompt set with answers that came after those chosen for the study; none if the study
    compares all models of its prompt set."""
    chosen = study.language_models.aggregate(last=Max("pk"))["last"]
    if chosen is None:
        return []
    return list(study.prompt_set.models.filter(pk__gt=chosen, results__sample=0).distinct().order_by("pk"))
