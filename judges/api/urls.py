from django.urls import path

from judges.api import views

urlpatterns = [
    path("judges/", views.Judges.as_view(), name="api-judges"),
    path("judges/<int:number>/", views.OneJudge.as_view(), name="api-judge"),
    path("studies/<slug:slug>/judge-runs/", views.Runs.as_view(), name="api-judge-runs"),
    path("studies/<slug:slug>/judge-runs/<int:number>/", views.OneRun.as_view(), name="api-judge-run"),
    path("studies/<slug:slug>/judge-runs/<int:number>/pause/", views.Pause.as_view(), name="api-judge-run-pause"),
    path("studies/<slug:slug>/judge-runs/<int:number>/resume/", views.Resume.as_view(), name="api-judge-run-resume"),
    path("studies/<slug:slug>/judge-runs/<int:number>/cancel/", views.Cancel.as_view(), name="api-judge-run-cancel"),
    path("studies/<slug:slug>/judge-runs/<int:number>/calls/", views.Calls.as_view(), name="api-judge-calls"),
    path("studies/<slug:slug>/judge-calls/<int:number>/", views.OneCall.as_view(), name="api-judge-call"),
]
