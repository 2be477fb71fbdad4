from django.urls import path

from judges import views

urlpatterns = [
    path("judges/", views.judges, name="judges"),
    path("judges/new/", views.new, name="judge-new"),
    path("judges/<int:number>/", views.judge, name="judge"),
    path("judges/<int:number>/anew/", views.anew, name="judge-anew"),
    path("judges/templates/", views.templates, name="judge-templates"),
    path("judges/templates/new/", views.new_template, name="judge-template-new"),
    path("judges/templates/<int:number>/", views.template, name="judge-template"),
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
    path("studies/<slug:slug>/judges/calls/<int:number>/", views.call, name="study-judge-call"),
]
