from django.urls import path, register_converter
from django.urls.converters import IntConverter

from ranking import views, views_pairs


class Whole(IntConverter):
    """A whole number: those of the exchange files may be negative."""

    regex = "-?[0-9]+"

    def to_url(self, value: int) -> str:
        return str(int(value))


register_converter(Whole, "whole")

urlpatterns = [
    path("leaderboard/<slug:slug>/", views.leaderboard, name="leaderboard"),
    path("leaderboard/<slug:slug>/wins/", views.wins, name="leaderboard-wins"),
    path("leaderboard/<slug:slug>/agreement/", views.agreement, name="leaderboard-agreement"),
    path("leaderboard/<slug:slug>/models/<whole:number>/", views.one_model, name="leaderboard-model"),
    path("leaderboard/<slug:slug>/pairs/", views_pairs.pairs, name="leaderboard-pairs"),
    path("leaderboard/<slug:slug>/pairs/found.csv", views_pairs.pairs_csv, name="leaderboard-pairs-csv"),
    path("leaderboard/<slug:slug>/pairs/<whole:number>/", views_pairs.one_pair, name="leaderboard-pair"),
    path("leaderboard/<slug:slug>/board.csv", views.as_csv, name="leaderboard-csv"),
    path("leaderboard/<slug:slug>/board.json", views.as_json, name="leaderboard-json"),
    path("leaderboard/<slug:slug>/compute/", views.compute, name="leaderboard-compute"),
    path("leaderboard/<slug:slug>/boards/<int:number>/", views.one_board, name="leaderboard-board"),
    path("leaderboard/<slug:slug>/boards/<int:number>/board.csv", views.as_csv, name="leaderboard-board-csv"),
    path("leaderboard/<slug:slug>/boards/<int:number>/board.json", views.as_json, name="leaderboard-board-json"),
]
