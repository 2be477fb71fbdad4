from django.urls import path

from ranking import views

urlpatterns = [
    path("leaderboard/<slug:slug>/", views.leaderboard, name="leaderboard"),
    path("leaderboard/<slug:slug>/board.csv", views.as_csv, name="leaderboard-csv"),
    path("leaderboard/<slug:slug>/board.json", views.as_json, name="leaderboard-json"),
]
