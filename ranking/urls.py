from django.urls import path, register_converter
from django.urls.converters import IntConverter

from ranking import views, views_pairs, views_reports


class Whole(IntConverter):
    """A whole number: those of the exchange files may be negative."""

    regex = "-?[0-9]+"

    def to_url(self, value: str | int) -> str:
        return str(int(value))


register_converter(Whole, "whole")

urlpatterns = [
    path("leaderboard/<slug:slug>/", views.leaderboard, name="leaderboard"),
    path("leaderboard/<slug:slug>/wins/", views.wins, name="leaderboard-wins"),
    path("leaderboard/<slug:slug>/agreement/", views_reports.agreement, name="leaderboard-agreement"),
    path("leaderboard/<slug:slug>/agreement.csv", views_reports.agreement_csv, name="leaderboard-agreement-csv"),
    path("leaderboard/<slug:slug>/agreement.json", views_reports.agreement_json, name="leaderboard-agreement-json"),
    path("leaderboard/<slug:slug>/columns/", views_reports.all_columns, name="leaderboard-columns"),
    path("leaderboard/<slug:slug>/columns.csv", views_reports.columns_csv, name="leaderboard-columns-csv"),
    path("leaderboard/<slug:slug>/columns.json", views_reports.columns_json, name="leaderboard-columns-json"),
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
