"""URLs of the API of leaderboards and reports."""

from django.urls import path

from ranking.api import views

urlpatterns = [
    path("studies/<slug:slug>/leaderboards/", views.Leaderboards.as_view(), name="api-leaderboards"),
    path("studies/<slug:slug>/leaderboards/<int:number>/", views.OneLeaderboard.as_view(), name="api-leaderboard"),
    path("studies/<slug:slug>/agreement/", views.Agreement.as_view(), name="api-agreement"),
]
