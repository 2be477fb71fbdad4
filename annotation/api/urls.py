"""URLs of the studies' API, below /api/."""

from django.urls import path

from annotation.api import exports, prompt_sets, views

urlpatterns = [
    path("prompt-sets/", prompt_sets.PromptSets.as_view(), name="api-prompt-sets"),
    path("prompt-sets/<slug:slug>/", prompt_sets.OnePromptSet.as_view(), name="api-prompt-set"),
    path("studies/", views.Studies.as_view(), name="api-studies"),
    path("studies/<slug:slug>/", views.OneStudy.as_view(), name="api-study"),
    path("studies/<slug:slug>/models/", views.Models.as_view(), name="api-models"),
    path("studies/<slug:slug>/prompts/", views.Prompts.as_view(), name="api-prompts"),
    path("studies/<slug:slug>/results/", views.Results.as_view(), name="api-results"),
    path("studies/<slug:slug>/pairs/", views.Pairs.as_view(), name="api-pairs"),
    path("studies/<slug:slug>/comparisons/", views.Comparisons.as_view(), name="api-comparisons"),
    path("studies/<slug:slug>/training-answers/", views.TrainingAnswers.as_view(), name="api-training-answers"),
    path("studies/<slug:slug>/workers/", views.Workers.as_view(), name="api-workers"),
    path("studies/<slug:slug>/exports/", exports.Exports.as_view(), name="api-exports"),
    path("studies/<slug:slug>/exports/<int:number>/", exports.OneExport.as_view(), name="api-export"),
    path("studies/<slug:slug>/exports/<int:number>/file/", exports.ExportFile.as_view(), name="api-export-file"),
    path("studies/<slug:slug>/exports/<int:number>/cancel/", exports.CancelExport.as_view(), name="api-export-cancel"),
]
