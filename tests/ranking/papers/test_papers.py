"""What a paper takes from a board: charts and tables as files, a citation, methods, and how to recompute it."""

import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import asdict
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from annotation.models import Comparison, LanguageModel, Rater, RaterKind, Status, Study, Worker
from annotation.models.voting import Stage
from ranking.boards import snapshots
from ranking.boards.compute import compute
from ranking.methods.settings import Settings
from ranking.models import Leaderboard
from ranking.papers import escapes, files, methods_text
from ranking.reports import agreement
from ranking.votes import evidence
from ranking.votes.reader import Filters, cut
from tests.annotation.study_pages import text_of
from tests.builders import NOW, build_study
from tests.ranking.casting import judge, vote, voted_study

pytestmark = pytest.mark.django_db

SVG = "{http://www.w3.org/2000/svg}"

HOSTILE = (
    r"</script><script>alert(1)</script>",
    r"\input{/etc/passwd} 100% & $x_1^2$ #5 ~ {",
    '=cmd|" /C calc"!A1',
    "| a | `b` *c* <img src=x> [d](e)",
)


def computed(study: Study, **settings) -> Leaderboard:
    Study.objects.filter(pk=study.pk).update(public=True)
    for pk in snapshots.recompute_changed(NOW):
        snapshots.fill(pk, NOW)
    study.refresh_from_db()
    wanted = {"method": "bradley-terry", "raters": "people"} | settings
    return Leaderboard.objects.filter(study=study, **wanted).order_by("pk").last()


def address(board: Leaderboard, name: str = "") -> str:
    return reverse("leaderboard-paper", args=[board.study.slug, board.pk]) + name


def fetched(client: Client, board: Leaderboard, name: str) -> str:
    response = client.get(address(board, name))
    assert response.status_code == 200, name
    return response.getvalue().decode()


@pytest.fixture
def client() -> Client:
    client = Client()
    client.force_login(User.objects.create_superuser("admin"))
    return client


@pytest.fixture
def board() -> Leaderboard:
    return computed(voted_study())


@pytest.fixture
def hostile() -> Leaderboard:
    """A board whose study, models and judge have names that mean something wherever they end."""
    study = voted_study()
    Study.objects.filter(pk=study.pk).update(name=HOSTILE[0] + HOSTILE[1], organiser=HOSTILE[1])
    for model, name in zip(LanguageModel.objects.order_by("pk"), HOSTILE, strict=True):
        LanguageModel.objects.filter(pk=model.pk).update(name=name)
    robin = judge(study, HOSTILE[2])
    for pair in study.pairs.all():
        vote(robin, pair, "x")
    return computed(Study.objects.get(pk=study.pk))


def test_the_script_recomputes_the_board_from_its_download(client, board, tmp_path):
    for name in ("votes.csv", "recompute_board.py"):
        (tmp_path / name).write_text(fetched(client, board, name), encoding="utf-8")
    csv = client.get(reverse("leaderboard-board-csv", args=[board.study.slug, board.pk])).getvalue()
    (tmp_path / "board.csv").write_bytes(csv)
    done = subprocess.run(
        [sys.executable, "-I", "recompute_board.py", "votes.csv", "board.csv"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    *rows, last = done.stdout.splitlines()
    assert float(last.removeprefix("largest difference: ")) < 0.001
    assert [row.split(maxsplit=1)[1] for row in rows] == [row["model"] for row in board.sheet["groups"][0]["rows"]]
    assert len(files.SCRIPT.read_text().splitlines()) < 40


def test_the_script_recomputes_a_judge_s_board_whatever_the_models_are_called(client, hostile, tmp_path):
    robin = Leaderboard.objects.get(study=hostile.study, method="bradley-terry", raters=HOSTILE[2])
    if not files.can_be_recomputed(robin):
        # Only wins: the board needed an assumption, and the page says so.
        assert "recompute_board.py" not in text_of(client.get(address(robin)))
        robin = hostile
    (tmp_path / "votes.csv").write_text(fetched(client, robin, "votes.csv"), encoding="utf-8", newline="")
    csv = client.get(reverse("leaderboard-board-csv", args=[robin.study.slug, robin.pk])).getvalue()
    (tmp_path / "board.csv").write_bytes(csv)
    done = subprocess.run(
        [sys.executable, "-I", files.SCRIPT, "votes.csv", "board.csv"],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert float(done.stdout.splitlines()[-1].removeprefix("largest difference: ")) < 0.001


def test_the_script_is_not_offered_for_boards_that_it_does_not_recompute(client, board):
    elo = Leaderboard.objects.get(study=board.study, method="elo", raters="people")
    page = text_of(client.get(address(elo)))
    assert "Download script" not in page
    assert "This board is not one of them." in page
    assert "Download script" in text_of(client.get(address(board)))


def test_votes_are_for_who_may_read_them(client, board):
    stranger = Client()
    Study.objects.filter(pk=board.study.pk).update(status=Status.OPEN)
    assert stranger.get(address(board)).status_code == 200
    assert stranger.get(address(board, "board.tex")).status_code == 200
    assert stranger.get(address(board, "votes.csv")).status_code == 404
    assert "Download votes" not in text_of(stranger.get(address(board)))
    Study.objects.filter(pk=board.study.pk).update(status=Status.CLOSED)
    assert stranger.get(address(board, "votes.csv")).status_code == 200
    Study.objects.filter(pk=board.study.pk).update(public=False)
    assert stranger.get(address(board)).status_code == 404
    assert stranger.get(address(board, "board.tex")).status_code == 404


def test_votes_are_only_given_out_if_they_are_all_still_there(client, board):
    raters = list(Rater.objects.filter(study=board.study).order_by("pk"))
    assert client.get(address(board, "votes.csv")).status_code == 200
    Worker.objects.filter(rater=raters[0]).update(stage=Stage.DONE, outcome="withdrawn")
    refused = client.get(address(board, "votes.csv"))
    assert refused.status_code == 409
    assert "votes have since been withdrawn" in refused.content.decode()
    Worker.objects.filter(rater=raters[0]).update(outcome="completed")
    Comparison.objects.filter(rater=raters[1]).delete()
    refused = client.get(address(board, "votes.csv"))
    assert refused.status_code == 409
    assert "no longer stored" in refused.content.decode()
    assert client.get(address(board, "board.tex")).status_code == 200


def test_what_is_no_file_is_not_found(client, board):
    assert client.get(address(board, "board.doc")).status_code == 404


def drawings(client: Client, board: Leaderboard) -> dict[str, str]:
    """All charts of the board and of its study's report, by what they are."""
    slug = board.study.slug
    report = reverse("leaderboard-agreement-svg", args=[slug])
    model = board.study.prompt_set.models.first()
    asked = {
        "board": address(board, "board.svg"),
        "wins": address(board, "wins.svg"),
        "people": f"{report}?chart=position",
        "model": reverse("leaderboard-model-svg", args=[slug, model.number]),
    }
    for rater in board.study.raters.filter(kind="judge"):
        for chart in ("scatter", "position"):
            asked[f"{rater.name} {chart}"] = f"{report}?{urlencode({'chart': chart, 'rater': rater.name})}"
    found = {}
    for name, path in asked.items():
        response = client.get(path)
        assert response.status_code == 200, (name, path)
        assert response.headers["Content-Type"] == "image/svg+xml"
        found[name] = response.getvalue().decode()
    return found


def test_every_chart_stands_alone_as_svg_whatever_names_are_in_it(client, hostile):
    drawn = drawings(client, hostile)
    assert len(drawn) == 6
    for name, drawing in drawn.items():
        root = ET.fromstring(drawing)  # noqa: S314  our own
        elements = {element.tag.removeprefix(SVG) for element in root.iter()}
        assert elements <= {"svg", "title", "desc", "rect", "text", "line", "circle", "polygon", "polyline"}, name
        assert root.find(f"{SVG}title").text, name
        # No stylesheet, no class, nothing from elsewhere.
        assert not re.search(r"class=|style=|href=|url\(", re.sub(r">[^<]*<", "><", drawing)), name
    drawing = ET.fromstring(drawn["board"])  # noqa: S314  our own
    words = [text.text for text in drawing.iter(f"{SVG}text")]
    assert HOSTILE[2] in words


def test_latex_holds_names_as_text(client, hostile):
    table = fetched(client, hostile, "board.tex")
    report = client.get(reverse("leaderboard-agreement-latex", args=[hostile.study.slug])).getvalue().decode()
    for written in (table, report):
        assert "\\input" not in written
        assert written.count("\\begin{") == written.count("\\end{") == 2
        # Outside of our own commands, nothing is left that LaTeX would read as anything but text.
        bare = re.sub(r"\\(textbackslash|text[a-z]+|ldots)\{\}|\\[&%$#_{}\\]|\{[\[\]*]\}", "", written)
        rows = [line for line in bare.splitlines() if line.startswith("    ") and "\\" not in line]
        assert rows
        for row in rows:
            assert not re.search(r"[$#^~<>\"`|{}%\\]", row), row


def test_no_row_begins_with_what_the_end_of_the_row_before_takes():
    # LaTeX skips blanks and ends of lines when it looks for a star or an option.
    assert escapes.latex("*judge") == "{*}judge"
    assert escapes.latex("[judge]") == "{[}judge{]}"


def test_braces_of_bibtex_are_balanced_and_its_fields_are_text(client, hostile):
    page = client.get(address(hostile)).content.decode()
    import html

    entry = html.unescape(re.search(r"(@misc.*?\n\}\n)", html.unescape(page), re.S)[1])
    depth = 0
    for letter in entry:
        depth += {"{": 1, "}": -1}.get(letter, 0)
        assert depth >= 0
    assert depth == 0
    assert "\\input" not in entry
    assert re.fullmatch(r"@misc\{[A-Za-z0-9-]+,", entry.splitlines()[0])


def test_markdown_holds_names_as_text(client, hostile):
    from markdown_it import MarkdownIt

    table = fetched(client, hostile, "board.md")
    shown = MarkdownIt("commonmark", {"html": True}).enable("table").render(table)
    assert "<script>" not in shown
    assert "<img" not in shown
    assert "<a " not in shown
    assert shown.count("<tr>") == 5
    assert shown.count("<td") == 4 * (table.splitlines()[2].count(" | ") + 1)


def test_no_cell_of_the_votes_is_a_formula(client, hostile):
    for line in fetched(client, hostile, "votes.csv").splitlines()[1:]:
        assert not line.startswith(("=", '"='))
        assert ",=" not in line


def test_the_page_escapes_what_it_shows(client, hostile):
    page = client.get(address(hostile)).content.decode()
    assert "<script>alert" not in page
    assert "<img src=x>" not in page


def test_the_methods_say_what_the_board_was_made_from(board):
    said = methods_text.paragraph(board)
    facts = board.sheet["facts"]
    models = len(board.sheet["groups"][0]["rows"])
    assert f"{models} models were rated from {board.comparisons} comparisons by 6 people" in said
    assert f"on {facts['pairs']} pairs of answers to 12 prompts" in said
    assert "Bradley-Terry" in said
    assert "A tie counts as half a win" in said
    assert "CR3" in said
    assert board.digest[:12] in said
    assert "%" not in said.replace("% are ties", "").replace("95%", "")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"ties": "drop"}, "Ties are left out."),
        ({"method": "davidson"}, "Ties have a probability of their own."),
        ({"method": "elo"}, "There are no intervals."),
        ({"anchor": ("Quillfinch-0", 1200.0)}, "Quillfinch-0 is fixed at 1,200."),
        ({"first_place": True}, "advantage of the left position"),
        ({"method": "baseline-win-rate", "baseline": "Quillfinch-0"}, "win rates against Quillfinch-0"),
        ({"simultaneous": True}, "for all models at once"),
    ],
)
def test_the_methods_of_other_boards_say_how_they_differ(settings, said):
    from ranking.boards import requests

    study = voted_study()
    asked = Settings(**settings)
    requests.ask_for(study, Filters(), asked, NOW)
    for pk in snapshots.recompute_changed(NOW):
        snapshots.fill(pk, NOW)
    board = Leaderboard.objects.of(study, Filters(), asked).newest()
    assert said in methods_text.paragraph(board)
    assert not files.can_be_recomputed(board) or settings == {"simultaneous": True}


def test_the_methods_say_where_elo_starts():
    board = made(voted_study(), Settings("elo", start=0.0))
    assert "at most 4 points per vote and start at 0." in methods_text.paragraph(board)


def test_the_methods_do_not_count_a_crowd_as_a_person():
    study = build_study(models=3, prompts=4)
    crowd = Rater.objects.create(study=study, kind=RaterKind.CROWD, name="crowd:arena")
    for place, pair in enumerate(study.pairs.votable()):
        vote(crowd, pair, "xy"[place % 2])
    assert "comparisons by people on" in methods_text.paragraph(made(study))


def test_the_methods_say_that_weights_count():
    study = voted_study()
    assert "have a weight" not in methods_text.paragraph(made(study))
    Comparison.objects.update(weight=2.0)
    assert "Some comparisons have a weight and count that many times as much." in methods_text.paragraph(made(study))
    Comparison.objects.update(weight=None, share=0.7, winner="x")
    assert "have a weight" not in methods_text.paragraph(made(study))


def test_the_methods_leave_out_no_soft_verdicts():
    study = voted_study()
    robin = judge(study)
    for pair in study.pairs.votable():
        vote(robin, pair, "x", share=0.8)
        vote(robin, pair, "y", share=0.4, left="y", trial=1)
    said = methods_text.paragraph(made(study, raters="gpt9"))
    assert "contradict each other" not in said
    Comparison.objects.filter(rater=robin).update(share=None, winner="x")
    assert "contradict each other are left out" in methods_text.paragraph(made(study, raters="gpt9"))


def test_the_methods_say_that_a_normal_prior_pulls_ratings():
    board = made(voted_study())
    board.sheet["groups"][0]["prior_deviation"] = 123.0
    assert "Its standard deviation, 123 points, is estimated from the votes." in methods_text.paragraph(board)


def test_the_methods_tell_of_intervals_if_any_group_has_them():
    board = made(voted_study())
    (group,) = board.sheet["groups"]
    without = {**group, "rows": [{**row, "low": None, "high": None} for row in group["rows"]]}
    board.sheet["groups"] = [without, group]
    assert "95% intervals are for prompts and raters like these" in methods_text.paragraph(board)


def made(study: Study, settings: Settings | None = None, raters: str = "people") -> Leaderboard:
    """A board of the study as it is now, which is not stored."""
    asked, filters, line = settings or Settings(), Filters(raters), cut(study)
    found = compute(study, filters, asked, line)
    found.sheet["facts"] = evidence.facts(study, filters, line, asked.baseline)
    return Leaderboard(
        study=study,
        raters=raters,
        method=asked.method,
        filters=asdict(filters),
        settings=asdict(asked),
        comparisons=found.sheet["comparisons"],
        simulated=found.read.simulated,
        sheet=found.sheet,
        finished_at=NOW,
        digest=found.read.digest,
    )


def test_agreement_comes_as_tables(client, hostile):
    report = Leaderboard.objects.newest_report(hostile.study, agreement.METHOD)
    table = client.get(reverse("leaderboard-agreement-markdown", args=[hostile.study.slug])).getvalue().decode()
    lines = [line for line in agreement.lines(report.sheet) if line[1] == "all" and line[3] is not None]
    assert table.count("\n|") - 2 * len({line[0] for line in lines}) == len(lines)


def test_a_chart_that_is_not_there_is_not_found(client, board):
    report = reverse("leaderboard-agreement-svg", args=[board.study.slug])
    for query in ({}, {"chart": "scatter"}, {"chart": "position", "rater": "nobody"}, {"chart": "__class__"}):
        assert client.get(report, query).status_code == 404
