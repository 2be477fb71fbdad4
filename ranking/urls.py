"""URLs of leaderboards, reports and the pair browser."""

from django.urls import path

from ranking.views import boards, goals, pairs, papers, plans, reports

urlpatterns = [
    path("plans/", plans.index, name="plans"),
    path("plans/<int:number>/", plans.page, name="plan"),
    path("plans/<int:number>/delete/", plans.delete, name="plan-delete"),
    path("plans/<int:number>/plan.json", plans.as_json, name="plan-json"),
    path("plans/<int:number>/votes.svg", plans.curve_svg, name="plan-svg"),
    path("plans/<int:number>/votes.csv", plans.curve_csv, name="plan-csv"),
    path("plans/<int:number>/ranks.csv", plans.ranks_csv, name="plan-ranks-csv"),
    path("studies/<slug:slug>/goal/", goals.page, name="study-goal"),
    path("leaderboard/<slug:slug>/", boards.board_page, name="leaderboard"),
    path("leaderboard/<slug:slug>/wins/", boards.wins, name="leaderboard-wins"),
    path("leaderboard/<slug:slug>/wins.csv", boards.wins_csv, name="leaderboard-wins-csv"),
    path("leaderboard/<slug:slug>/agreement/", reports.agreement_report, name="leaderboard-agreement"),
    path("leaderboard/<slug:slug>/agreement.csv", reports.agreement_csv, name="leaderboard-agreement-csv"),
    path("leaderboard/<slug:slug>/agreement.json", reports.agreement_json, name="leaderboard-agreement-json"),
    path("leaderboard/<slug:slug>/agreement.svg", papers.agreement_chart, name="leaderboard-agreement-svg"),
    path(
        "leaderboard/<slug:slug>/agreement.tex", papers.agreement_table, {"form": "tex"}, "leaderboard-agreement-latex"
    ),
    path(
        "leaderboard/<slug:slug>/agreement.md", papers.agreement_table, {"form": "md"}, "leaderboard-agreement-markdown"
    ),
    path("leaderboard/<slug:slug>/columns/", reports.all_columns, name="leaderboard-columns"),
    path("leaderboard/<slug:slug>/columns.csv", reports.columns_csv, name="leaderboard-columns-csv"),
    path("leaderboard/<slug:slug>/columns.json", reports.columns_json, name="leaderboard-columns-json"),
    path("leaderboard/<slug:slug>/models/<whole:number>/", boards.one_model, name="leaderboard-model"),
    path("leaderboard/<slug:slug>/models/<whole:number>/wins.csv", boards.wins_csv, name="leaderboard-model-csv"),
    path("leaderboard/<slug:slug>/models/<whole:number>/ratings.svg", papers.model_chart, name="leaderboard-model-svg"),
    path("leaderboard/<slug:slug>/pairs/", pairs.pair_list, name="leaderboard-pairs"),
    path("leaderboard/<slug:slug>/pairs/found.csv", pairs.pairs_csv, name="leaderboard-pairs-csv"),
    path("leaderboard/<slug:slug>/pairs/<whole:number>/", pairs.one_pair, name="leaderboard-pair"),
    path("leaderboard/<slug:slug>/board.csv", boards.as_csv, name="leaderboard-csv"),
    path("leaderboard/<slug:slug>/board.json", boards.as_json, name="leaderboard-json"),
    path("leaderboard/<slug:slug>/compute/", boards.compute, name="leaderboard-compute"),
    path("leaderboard/<slug:slug>/boards/<int:number>/", boards.one_board, name="leaderboard-board"),
    path("leaderboard/<slug:slug>/boards/<int:number>/board.csv", boards.as_csv, name="leaderboard-board-csv"),
    path("leaderboard/<slug:slug>/boards/<int:number>/board.json", boards.as_json, name="leaderboard-board-json"),
    path("leaderboard/<slug:slug>/boards/<int:number>/paper/", papers.paper, name="leaderboard-paper"),
    path(
        "leaderboard/<slug:slug>/boards/<int:number>/paper/<str:name>",
        papers.paper_file,
        name="leaderboard-paper-file",
    ),
]
