"""URLs of judges, and of a study's judging, answers and panels."""

from collections.abc import Callable

from django.http import HttpResponseBase
from django.urls import URLPattern, path

from judges.views import answers, benchmarks, evolve, evolve_review, grades, judges, panels, similarity, steadiness
from judges.views.runs import CHANGES


def changes(run: str, view: Callable[..., HttpResponseBase], name: str) -> list[URLPattern]:
    """Returns the URL patterns of a run's actions; `run` is the path of the run and `name` its URL name."""
    return [path(f"{run}{word}/", view, {"change": word}, name=f"{name}-{word}") for word in CHANGES]


urlpatterns = [
    path("judges/", judges.judge_list, name="judges"),
    path("judges/new/", judges.new, name="judge-new"),
    path("judges/<int:number>/", judges.judge, name="judge"),
    path("judges/<int:number>/anew/", judges.anew, name="judge-anew"),
    path("judges/<int:number>/benchmarks/", benchmarks.benchmarks, name="judge-benchmarks"),
    path("judges/<int:number>/benchmarks/new/", benchmarks.new, name="judge-benchmark-new"),
    path("judges/<int:number>/benchmarks/<int:run>/", benchmarks.benchmark, name="judge-benchmark"),
    path("judges/<int:number>/benchmarks/<int:run>.csv", benchmarks.benchmark_csv, name="judge-benchmark-csv"),
    path("judges/<int:number>/benchmarks/<int:run>.json", benchmarks.benchmark_json, name="judge-benchmark-json"),
    path(
        "judges/<int:number>/benchmarks/<int:run>/pause/",
        benchmarks.change_benchmark,
        {"change": "pause"},
        name="judge-benchmark-pause",
    ),
    path(
        "judges/<int:number>/benchmarks/<int:run>/resume/",
        benchmarks.change_benchmark,
        {"change": "resume"},
        name="judge-benchmark-resume",
    ),
    path(
        "judges/<int:number>/benchmarks/<int:run>/cancel/",
        benchmarks.change_benchmark,
        {"change": "cancel"},
        name="judge-benchmark-cancel",
    ),
    path("judges/<int:number>/benchmarks/<int:run>/calls/", benchmarks.calls, name="judge-benchmark-calls"),
    path("judges/<int:number>/benchmarks/<int:run>/calls.csv", benchmarks.calls_csv, name="judge-benchmark-calls-csv"),
    path("judges/<int:number>/benchmarks/<int:run>/calls/<int:call>/", benchmarks.call, name="judge-benchmark-call"),
    path("judges/templates/", judges.template_list, name="judge-templates"),
    path("judges/templates/new/", judges.new_template, name="judge-template-new"),
    path("judges/templates/<int:number>/", judges.template, name="judge-template"),
    path("studies/<slug:slug>/panels/", panels.study_panels, name="study-panels"),
    path("studies/<slug:slug>/panels/<int:number>/", panels.panel, name="study-panel"),
    path("studies/<slug:slug>/panels/<int:number>/decisions.csv", panels.panel_csv, name="study-panel-csv"),
    path("studies/<slug:slug>/panels/<int:number>/make/", panels.make, name="study-panel-make"),
    path("studies/<slug:slug>/panels/<int:number>/end/", panels.end, name="study-panel-end"),
    path("studies/<slug:slug>/judges/", judges.study_judges, name="study-judges"),
    path("studies/<slug:slug>/judges/runs/<int:number>/", judges.run, name="study-judge-run"),
    path("studies/<slug:slug>/judges/runs/<int:number>/calls/", judges.calls, name="study-judge-calls"),
    path("studies/<slug:slug>/judges/runs/<int:number>/calls.csv", judges.calls_csv, name="study-judge-calls-csv"),
    *changes("studies/<slug:slug>/judges/runs/<int:number>/", judges.change_run, "study-judge-run"),
    path("studies/<slug:slug>/judges/schedules/", steadiness.schedule, name="study-judge-schedule"),
    path(
        "studies/<slug:slug>/judges/schedules/<int:number>/off/",
        steadiness.schedule_off,
        name="study-judge-schedule-off",
    ),
    path("studies/<slug:slug>/judges/<int:number>/steadiness/", steadiness.probes, name="study-judge-probes"),
    path(
        "studies/<slug:slug>/judges/<int:number>/steadiness/rounds-<int:place>.svg",
        steadiness.rounds_svg,
        name="study-judge-rounds-svg",
    ),
    path(
        "studies/<slug:slug>/judges/<int:number>/steadiness/rounds.csv",
        steadiness.rounds_csv,
        name="study-judge-rounds-csv",
    ),
    path("studies/<slug:slug>/judges/calls/<int:number>/", judges.call, name="study-judge-call"),
    path("studies/<slug:slug>/answers/", answers.study_answers, name="study-answers"),
    path("studies/<slug:slug>/answers/system/", answers.system_message, name="study-system-message"),
    path("studies/<slug:slug>/answers/sources/new/", answers.source, name="answer-source-new"),
    path("studies/<slug:slug>/answers/sources/<int:number>/", answers.source, name="answer-source"),
    path("studies/<slug:slug>/answers/runs/<int:number>/", answers.run, name="study-answer-run"),
    path("studies/<slug:slug>/answers/runs/<int:number>/turns/", answers.turns, name="study-answer-turns"),
    path("studies/<slug:slug>/answers/runs/<int:number>/turns.csv", answers.turns_csv, name="study-answer-turns-csv"),
    *changes("studies/<slug:slug>/answers/runs/<int:number>/", answers.change_run, "study-answer-run"),
    path("studies/<slug:slug>/answers/talks/<int:number>/", answers.talk, name="study-answer-talk"),
    path("prompt-sets/<slug:slug>/evolve/", evolve.evolve, name="prompt-set-evolve"),
    path("prompt-sets/<slug:slug>/evolve/lineage.jsonl", evolve.lineage_jsonl, name="prompt-set-lineage"),
    path("prompt-sets/<slug:slug>/evolve/runs/<int:number>/", evolve.run, name="prompt-set-evolve-run"),
    *changes("prompt-sets/<slug:slug>/evolve/runs/<int:number>/", evolve.change_run, "prompt-set-evolve-run"),
    path("prompt-sets/<slug:slug>/evolve/runs/<int:number>/calls/", evolve.calls, name="prompt-set-evolve-calls"),
    path(
        "prompt-sets/<slug:slug>/evolve/runs/<int:number>/calls.csv",
        evolve.calls_csv,
        name="prompt-set-evolve-calls-csv",
    ),
    path("prompt-sets/<slug:slug>/evolve/calls/<int:number>/", evolve.call, name="prompt-set-evolve-call"),
    path("prompt-sets/<slug:slug>/evolve/review/", evolve_review.page, name="prompt-set-review"),
    path("prompt-sets/<slug:slug>/evolve/review/<int:number>/accept/", evolve_review.accept, name="evolved-accept"),
    path("prompt-sets/<slug:slug>/evolve/review/<int:number>/reject/", evolve_review.reject, name="evolved-reject"),
    path("prompt-sets/<slug:slug>/evolve/review/<int:number>/undo/", evolve_review.undo, name="evolved-undo"),
    path(
        "prompt-sets/<slug:slug>/evolve/review/reject-duplicates/",
        evolve_review.reject_duplicates,
        name="evolved-reject-duplicates",
    ),
    path("studies/<slug:slug>/mad/", similarity.mad, name="study-mad"),
    path("studies/<slug:slug>/mad/runs/<int:number>/", similarity.run, name="study-mad-run"),
    *changes("studies/<slug:slug>/mad/runs/<int:number>/", similarity.change_run, "study-mad-run"),
    path("studies/<slug:slug>/mad/runs/<int:number>/pairs/", similarity.make_pairs, name="study-mad-pairs"),
    path("studies/<slug:slug>/mad/runs/<int:number>/scores.csv", similarity.scores_csv, name="study-mad-scores-csv"),
    path("studies/<slug:slug>/mad/runs/<int:number>/calls/", similarity.calls, name="study-mad-calls"),
    path("studies/<slug:slug>/mad/runs/<int:number>/calls.csv", similarity.calls_csv, name="study-mad-calls-csv"),
    path("studies/<slug:slug>/mad/runs/<int:number>/tables/<int:table>/", similarity.table, name="study-mad-table"),
    path("grades/<slug:slug>/", grades.grades, name="grades"),
    path("grades/<slug:slug>/scores.svg", grades.scores_svg, name="grades-scores-svg"),
    path("grades/<slug:slug>/scores.csv", grades.scores_csv, name="grades-scores-csv"),
    path("grades/<slug:slug>/pairs.csv", grades.pairs_csv, name="grades-pairs-csv"),
    path("grades/<slug:slug>/questions/", grades.questions, name="questions"),
    path("grades/<slug:slug>/questions/<whole:number>/", grades.question, name="question"),
]
