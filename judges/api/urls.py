"""URLs of the API of judges and model answers."""

from django.urls import path

from judges.api import answers, benchmarks, evolve, grades, panels, schedules, views

urlpatterns = [
    path("judges/", views.Judges.as_view(), name="api-judges"),
    path("judges/<int:number>/", views.OneJudge.as_view(), name="api-judge"),
    path("judges/<int:number>/benchmarks/", benchmarks.Benchmarks.as_view(), name="api-judge-benchmarks"),
    path("judges/<int:number>/benchmarks/<int:run>/", benchmarks.OneBenchmark.as_view(), name="api-judge-benchmark"),
    path(
        "judges/<int:number>/benchmarks/<int:run>/calls/",
        benchmarks.BenchmarkCalls.as_view(),
        name="api-judge-benchmark-calls",
    ),
    path(
        "judges/<int:number>/benchmarks/<int:run>/calls/<int:call>/",
        benchmarks.OneBenchmarkCall.as_view(),
        name="api-judge-benchmark-call",
    ),
    path("studies/<slug:slug>/grades/", grades.Grades.as_view(), name="api-grades"),
    path("studies/<slug:slug>/judge-runs/", views.Runs.as_view(), name="api-judge-runs"),
    path("studies/<slug:slug>/judge-runs/<int:number>/", views.OneRun.as_view(), name="api-judge-run"),
    path("studies/<slug:slug>/judge-runs/<int:number>/pause/", views.Pause.as_view(), name="api-judge-run-pause"),
    path("studies/<slug:slug>/judge-runs/<int:number>/resume/", views.Resume.as_view(), name="api-judge-run-resume"),
    path("studies/<slug:slug>/judge-runs/<int:number>/cancel/", views.Cancel.as_view(), name="api-judge-run-cancel"),
    path("studies/<slug:slug>/judge-runs/<int:number>/calls/", views.Calls.as_view(), name="api-judge-calls"),
    path("studies/<slug:slug>/judge-calls/<int:number>/", views.OneCall.as_view(), name="api-judge-call"),
    path("studies/<slug:slug>/judge-schedules/", schedules.Schedules.as_view(), name="api-judge-schedules"),
    path("studies/<slug:slug>/panels/", panels.Panels.as_view(), name="api-panels"),
    path("studies/<slug:slug>/panels/<int:number>/", panels.OnePanel.as_view(), name="api-panel"),
    path("studies/<slug:slug>/answer-runs/", answers.Runs.as_view(), name="api-answer-runs"),
    path("studies/<slug:slug>/answer-runs/<int:number>/", answers.OneRun.as_view(), name="api-answer-run"),
    path("studies/<slug:slug>/answer-runs/<int:number>/calls/", answers.Calls.as_view(), name="api-answer-calls"),
    path("studies/<slug:slug>/answer-calls/<int:number>/", answers.OneCall.as_view(), name="api-answer-call"),
    path("prompt-sets/<slug:slug>/evolved/", evolve.EvolvedPrompts.as_view(), name="api-evolved-prompts"),
]
