from django.urls import path, register_converter

from judges import benchmark_views, grading, panel_views, probe_views, views

register_converter(grading.Signed, "signed")

urlpatterns = [
    path("judges/", views.judges, name="judges"),
    path("judges/new/", views.new, name="judge-new"),
    path("judges/<int:number>/", views.judge, name="judge"),
    path("judges/<int:number>/anew/", views.anew, name="judge-anew"),
    path("judges/<int:number>/benchmarks/", benchmark_views.benchmarks, name="judge-benchmarks"),
    path("judges/<int:number>/benchmarks/<int:run>/", benchmark_views.benchmark, name="judge-benchmark"),
    path("judges/<int:number>/benchmarks/<int:run>.csv", benchmark_views.benchmark_csv, name="judge-benchmark-csv"),
    path("judges/<int:number>/benchmarks/<int:run>.json", benchmark_views.benchmark_json, name="judge-benchmark-json"),
    path("judges/templates/", views.templates, name="judge-templates"),
    path("judges/templates/new/", views.new_template, name="judge-template-new"),
    path("judges/templates/<int:number>/", views.template, name="judge-template"),
    path("studies/<slug:slug>/panels/", panel_views.study_panels, name="study-panels"),
    path("studies/<slug:slug>/panels/<int:number>/", panel_views.panel, name="study-panel"),
    path("studies/<slug:slug>/panels/<int:number>/decisions.csv", panel_views.panel_csv, name="study-panel-csv"),
    path("studies/<slug:slug>/panels/<int:number>/make/", panel_views.make, name="study-panel-make"),
    path("studies/<slug:slug>/panels/<int:number>/end/", panel_views.end, name="study-panel-end"),
    path("studies/<slug:slug>/judges/", views.study_judges, name="study-judges"),
    path("studies/<slug:slug>/judges/runs/<int:number>/", views.run, name="study-judge-run"),
    path("studies/<slug:slug>/judges/runs/<int:number>/calls/", views.calls, name="study-judge-calls"),
    path("studies/<slug:slug>/judges/runs/<int:number>/calls.csv", views.calls_csv, name="study-judge-calls-csv"),
    path(
        "studies/<slug:slug>/judges/runs/<int:number>/pause/",
        views.change_run,
        {"change": "pause"},
        name="study-judge-run-pause",
    ),
    path(
        "studies/<slug:slug>/judges/runs/<int:number>/resume/",
        views.change_run,
        {"change": "resume"},
        name="study-judge-run-resume",
    ),
    path(
        "studies/<slug:slug>/judges/runs/<int:number>/cancel/",
        views.change_run,
        {"change": "cancel"},
        name="study-judge-run-cancel",
    ),
    path("studies/<slug:slug>/judges/schedules/", probe_views.schedule, name="study-judge-schedule"),
    path(
        "studies/<slug:slug>/judges/schedules/<int:number>/off/",
        probe_views.schedule_off,
        name="study-judge-schedule-off",
    ),
    path("studies/<slug:slug>/judges/<int:number>/steadiness/", probe_views.probes, name="study-judge-probes"),
    path(
        "studies/<slug:slug>/judges/<int:number>/steadiness/rounds.csv",
        probe_views.rounds_csv,
        name="study-judge-rounds-csv",
    ),
    path("studies/<slug:slug>/judges/calls/<int:number>/", views.call, name="study-judge-call"),
    path("grades/<slug:slug>/", grading.grades, name="grades"),
    path("grades/<slug:slug>/scores.csv", grading.scores_csv, name="grades-scores-csv"),
    path("grades/<slug:slug>/pairs.csv", grading.pairs_csv, name="grades-pairs-csv"),
    path("grades/<slug:slug>/questions/", grading.questions, name="questions"),
    path("grades/<slug:slug>/questions/<signed:number>/", grading.question, name="question"),
]
