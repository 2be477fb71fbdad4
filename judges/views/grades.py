"""Pages of judge verdicts: tables of scores and pairs, and the prompts one by one.

The tables are as public as the study's leaderboard. The prompt pages show answers with their models' names, so the
public sees them only when a public study is closed, and nobody votes on the prompt set in any other study. Voters
cannot look anything up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe
from django_htmx.http import HttpResponseClientRefresh

from annotation.models import LanguageModel, Status, Study
from annotation.studies.prompt_sets import why_private
from annotation.views.access import answers_for, may_read_answers, results_for
from annotation.views.downloads import csv_download, download
from annotation.views.paging import paged
from judges.results import charts, judgments, question_browser, score_tables
from judges.results.question_browser import PromptFilter
from judges.results.score_tables import PAIR_COLUMNS, SCORE_COLUMNS, Tables
from judges.statistics.score_tables import HIGHEST, LOWEST, ModelScores, Score

CHARTED: Final = 6
"""Maximum models in a chart, so that it stays readable."""

LISTED: Final = 200
"""Prompts per page of the list."""

BESIDE: Final = 12
"""Maximum models for the head-to-head tables on the page; the CSV always has them."""


@dataclass(frozen=True, slots=True)
class Bar:
    """A model's bar in a score chart: series number from 1; width and interval ends in percent of the chart's width."""

    score: Score
    series: int
    width: float
    low: float | None
    high: float | None


def _share(value: float) -> float:
    return round(100 * (value - LOWEST) / (HIGHEST - LOWEST), 2)


def _bars(models: Sequence[ModelScores], category: str) -> list[Bar]:
    found = []
    for place, model in enumerate(models[:CHARTED]):
        score = model.categories.get(category)
        if score is None or score.mean is None:
            continue
        ends = score.interval
        found.append(
            Bar(
                score,
                place + 1,
                _share(score.mean),
                _share(ends.low) if ends else None,
                _share(ends.high) if ends else None,
            )
        )
    return found


@require_safe
def grades(request: HttpRequest, slug: str) -> HttpResponse:
    """Shows the scores and pairs of one judge, by default the first."""
    study, runs_it = results_for(request, slug)
    found = score_tables.shown(study, request.GET.get("judge", ""), beside=BESIDE)
    if request.headers.get("HX-Request"):
        # The waiting page polls until the tables are ready.
        return HttpResponse(status=204) if found is None else HttpResponseClientRefresh()
    if found and request.GET.get("judge") and not found.tables:
        raise Http404
    context = {
        "study": study,
        "runs_it": runs_it,
        "may_read": may_read_answers(request.user, study),
        "private": why_private(request.user, study) if study.status == Status.CLOSED else "",
        "waits": found is None,
        **(_shown(found) if found else {}),
    }
    return render(request, "judges/grades.html", context)


def _shown(found: Tables) -> dict[str, Any]:
    """Returns the context of the only judge's table, if there is one."""
    judges = [(name, "?" + urlencode({"judge": name})) for name in found.judges]
    return {"judges": judges} | next((_table(found, judge) for judge in found.tables), {})


def _table(found: Tables, judge: str) -> dict[str, Any]:
    models, standings = found.tables[judge].scores, found.tables[judge].standings
    categories = sorted({category for model in models for category in model.categories})
    turns = sorted({turn for model in models for turn in model.turns})
    return {
        "judge": judge,
        "computed_at": found.computed_at,
        "several_choices": any(model.overall.deviation is not None for model in models),
        "without": any(model.overall.without for model in models),
        "turns": turns,
        "scores": [(found.models[model.model], model, [model.turns.get(turn) for turn in turns]) for model in models],
        "categories": categories,
        "by_category": [
            (found.models[model.model], [model.categories.get(category) for category in categories]) for model in models
        ],
        "chart": [(category, bars) for category in categories if (bars := _bars(models, category))],
        "legend": [(place, found.models[model.model]) for place, model in enumerate(models[:CHARTED], 1)],
        "left_out": max(0, len(models) - CHARTED),
        "each": 2 < len(standings) <= BESIDE,
        "standings": [
            (
                found.models[each.model],
                each.overall,
                [(found.models[model], standing) for model, standing in each.against.items()],
            )
            for each in standings
        ],
    }


def _files(request: HttpRequest, slug: str) -> Tables:
    """Returns all tables of the study.

    Raises:
        Http404: the visitor may not see them, or they are not computed yet.
    """
    study, _runs_it = results_for(request, slug)
    found = score_tables.shown(study)
    if found is None:
        raise Http404
    return found


@require_safe
def scores_csv(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Downloads the scores of single answers as CSV."""
    found = _files(request, slug)
    rows = ([row[column] for column in SCORE_COLUMNS] for row in found.score_rows())
    return csv_download(SCORE_COLUMNS, rows, f"{found.study.slug}-scores.csv")


@require_safe
def scores_svg(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Downloads the chart of a judge's scores by category, by default the first judge's."""
    study, _runs_it = results_for(request, slug)
    found = score_tables.shown(study, request.GET.get("judge", ""), beside=BESIDE)
    table = _shown(found) if found else {}
    if not table.get("scores"):
        raise Http404
    chart = [(category, [(bar, f"{bar.score.mean:.2f}") for bar in bars]) for category, bars in table["chart"]]
    legend = [(place, model.name) for place, model in table["legend"]]
    return download([charts.scores(table["judge"], chart, legend)], f"{study.slug}-scores.svg", "image/svg+xml")


@require_safe
def pairs_csv(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Downloads the wins and losses in judged pairs as CSV."""
    found = _files(request, slug)
    rows = ([row[column] for column in PAIR_COLUMNS] for row in found.pair_rows())
    return csv_download(PAIR_COLUMNS, rows, f"{found.study.slug}-judged-pairs.csv")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a visitor asked to see, parsed from the address: the filters and the two models."""

    filters: PromptFilter
    models: list[LanguageModel]
    all_models: list[LanguageModel]
    query: dict[str, str]

    @classmethod
    def of(cls, study: Study, get: QueryDict) -> "Asked":
        known = question_browser.answering(study)
        by_number = {str(model.number): model for model in known}
        named = [by_number[str(get[key])] for key in ("a", "b") if str(get.get(key)) in by_number]
        if len({model.pk for model in named}) == 2 or (named and len(known) == 1):
            models = named
        else:
            by_key = {model.pk: model for model in known}
            first = [by_key[key] for key in question_browser.first_choice(study, known)]
            models = (named + [model for model in first if model not in named])[:2]
        category = get.get("category") if get.get("category") in question_browser.categories(study) else None
        judge = get.get("judge") if get.get("judge") in judgments.judges(study) else None
        filters = PromptFilter(category, tuple(model.pk for model in models), judge, "disagreement" in get)
        query = {key: str(model.number) for key, model in zip("ab", models, strict=False)}
        query |= {"category": category} if category else {}
        query |= {"judge": judge} if judge else {}
        query |= {"disagreement": "on"} if filters.disagreement else {}
        return cls(filters, models, known, query)

    def address(self, **more: str) -> str:
        return "?" + urlencode({**self.query, **more})

    def context(self, study: Study) -> dict[str, Any]:
        return {
            "filters": self.filters,
            "models": self.models,
            "all_models": self.all_models,
            "shown": list(zip("ab", self.models, strict=False)),
            "categories": question_browser.categories(study),
            "judges": judgments.judges(study),
            "query": self.address(),
        }


@require_safe
def questions(request: HttpRequest, slug: str) -> HttpResponse:
    """Lists a study's prompts with the judges' verdicts on two models' answers."""
    study, runs_it = answers_for(request, slug)
    asked = Asked.of(study, request.GET)
    lines = paged(request, question_browser.lines(study, asked.filters), LISTED)
    context = {"study": study, "runs_it": runs_it, "lines": lines, **asked.context(study)}
    return render(request, "judges/questions.html", context)


@require_safe
def question(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Shows one prompt, with links to the previous and the next one."""
    study, runs_it = answers_for(request, slug)
    prompt = get_object_or_404(study.prompts(), number=number)
    asked = Asked.of(study, request.GET)
    numbers = [line.prompt.number for line in question_browser.lines(study, asked.filters)]
    place = numbers.index(number) if number in numbers else None
    choices = [_choice(request.GET.get(f"choice_{key}", "")) for key in "ab"][: len(asked.models)]
    found = question_browser.question(study, prompt, asked.filters.models, choices, asked.filters.judge)
    context = {
        "study": study,
        "runs_it": runs_it,
        "question": found,
        "prompt": prompt,
        "place": None if place is None else place + 1,
        "number": len(numbers),
        "previous": _address(study, numbers[place - 1], asked) if place else "",
        "next": _address(study, numbers[place + 1], asked) if place is not None and place + 1 < len(numbers) else "",
        "choices": _choices(asked, found.choices, choices),
        **asked.context(study),
    }
    return render(request, "judges/question.html", context)


def _choice(wanted: str) -> int:
    return int(wanted) if wanted.isdecimal() and len(wanted) < 10 else 0


def _choices(asked: Asked, there: list[list[int]], wanted: list[int]) -> list[list[tuple[int, str, bool]]]:
    """Returns, per model with several answers, each answer's number from 1, its address and whether it is shown."""
    now = {f"choice_{key}": str(choice) for key, choice in zip("ab", wanted, strict=False)}
    return [
        [
            (sample + 1, asked.address(**{**now, f"choice_{key}": str(sample)}), sample == choice)
            for sample in samples
            if len(samples) > 1
        ]
        for key, samples, choice in zip("ab", there, wanted, strict=False)
    ]


def _address(study: Study, number: int, asked: Asked) -> str:
    return reverse("question", args=[study.slug, number]) + asked.address()
