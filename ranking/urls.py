from django.urls import path

from ranking import views

urlpatterns = [
    path("leaderboard/<slug:slug>/", views.leaderboard, name="leaderboard"),
    path("leaderboard/<slug:slug>/wins/", views.wins, name="leaderboard-wins"),
    path("leaderboard/<slug:slug>/agreement/", views.agreement, name="leaderboard-agreement"),
    path("leaderboard/<slug:slug>/models/<int:number>/", views.one_model, name="leaderboard-model"),
    path("leaderboard/<slug:slug>/board.csv", views.as_csv, name="leaderboard-csv"),
    path("leaderboard/<slug:slug>/board.json", views.as_json, name="leaderboard-json"),
    path("leaderboard/<slug:slug>/compute/", views.compute, name="leaderboard-compute"),
    path("leaderboard/<slug:slug>/boards/<int:number>/", views.one_board, name="leaderboard-board"),
    path("leaderboard/<slug:slug>/boards/<int:number>/board.csv", views.as_csv, name="leaderboard-board-csv"),
    path("leaderboard/<slug:slug>/boards/<int:number>/board.json", views.as_json, name="leaderboard-board-json"),
]
