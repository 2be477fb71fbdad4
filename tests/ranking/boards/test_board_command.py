"""manage.py board: a leaderboard of files, equal to that of a study into which they are loaded."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from annotation.importing import load
from annotation.importing.proposals import Choice
from annotation.models import Study
from ranking.board_data import rows
from ranking.boards import compute
from ranking.methods.settings import Settings
from ranking.votes.reader import Filters
from tests.annotation.interchange.formats.layouts import HELD, LAYOUTS
from tests.annotation.interchange.reading.workbooks import write

COMPARISONS = """id,prompt,model_x,model_y,worker,winner,left,right
0,1,1,2,1,left,ash,birch
1,1,2,3,1,right,birch,cedar
2,1,1,3,2,tie,ash,cedar
3,2,2,1,2,left,birch,ash
4,2,3,2,3,left,cedar,birch
5,2,3,1,3,right,cedar,ash
"""

COMPARED = ("rating", "low", "high", "rank", "comparisons", "wins", "ties", "losses")

BATTLE = '{"model_a": "%s", "model_b": "%s", "winner": "%s", "judge": "%s", "data": %s}'


def battle(first: str, second: str, winner: str, judge: str, prompt: str) -> str:
    texts = json.dumps({"instruction": prompt, "response_1": f"{first}: yes", "response_2": f"{second}: no"})
    return BATTLE % (first, second, winner, judge, texts)


def battles(judges: tuple[str, ...]) -> str:
    """Three models on twelve prompts: ash wins most, cedar least; a judge sees each pair in both orders."""
    lines = []
    for prompt in range(12):
        for number, judge in enumerate(judges):
            for first, second, winner in (("ash", "birch", 0), ("birch", "cedar", 0), ("cedar", "ash", 1)):
                upset = (prompt + number) % 5 == 0
                word = "tie" if (prompt + number) % 7 == 3 else ("model_a", "model_b")[winner ^ upset]
                lines.append(battle(first, second, word, judge, f"prompt {prompt}"))
                turned = {"model_a": "model_b", "model_b": "model_a", "tie": "tie"}[word]
                if prompt % 3:
                    lines.append(battle(second, first, turned if prompt % 4 else word, judge, f"prompt {prompt}"))
    return "[" + ",\n".join(lines) + "]"


@pytest.fixture
def run() -> Callable[..., tuple[str, str]]:
    def run(*arguments: str | Path) -> tuple[str, str]:
        out, err = io.StringIO(), io.StringIO()
        call_command("board", *map(str, arguments), stdout=out, stderr=err)
        return out.getvalue(), err.getvalue()

    return run


@pytest.fixture
def votes(tmp_path: Path) -> Path:
    path = tmp_path / "comparisons.csv"
    path.write_text(COMPARISONS, encoding="utf-8")
    return path


def rated(text: str) -> dict[str, tuple[float, ...]]:
    """Rating and interval of each model on a board printed as JSON."""
    (group,) = json.loads(text)["groups"]
    return {row["model"]: tuple(row[name] for name in COMPARED if row[name] is not None) for row in group["rows"]}


def test_the_board_is_printed_with_the_models_by_rank(run, votes):
    out, err = run(votes, "--ties", "half")
    assert out.startswith("Bradley-Terry · people")
    lines = [line.split() for line in out.splitlines()]
    assert {"ash", "birch", "cedar"} <= {word for line in lines for word in line}
    assert "Comparisons: 6" in out
    assert "skipped" not in err


def test_csv_and_json_have_the_same_numbers_and_json_the_digests_of_the_files(run, votes):
    table = list(csv.DictReader(io.StringIO(run(votes, "--csv")[0])))
    data = json.loads(run(votes, "--json")[0])
    (group,) = data["groups"]
    assert [(row["model"], float(row["rating"])) for row in table] == [
        (row["model"], row["rating"]) for row in group["rows"]
    ]
    (file,) = data["files"]
    assert (file["name"], file["comparisons"]) == ("comparisons.csv", 6)
    assert len(file["sha256"]) == 64


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("judges", "filters", "options"),
    [
        (("worker:1", "worker:2", "worker:3"), Filters(), []),
        (("human", "author_2"), Filters(), []),
        (("gpt-4", "claude"), Filters(raters="gpt-4"), ["--raters", "gpt-4"]),
        (("gpt-4", "claude"), Filters(raters="claude", inconsistent="tie"), ["--inconsistent", "tie"]),
        (("gpt-4", "worker:1", "human"), Filters(raters="all"), ["--raters", "all"]),
        (("gpt-4", "worker:1", "human"), Filters(), []),
    ],
)
@pytest.mark.parametrize("settings", [Settings(), Settings(ties="drop"), Settings(method="davidson")])
def test_it_is_the_board_of_a_study_that_the_files_are_loaded_into(run, tmp_path, judges, filters, options, settings):
    path = tmp_path / "battles.json"
    path.write_text(battles(judges), encoding="utf-8")
    load.load([path], study_slug="loaded", format_name="battles")
    stored = compute.compute(Study.objects.get(slug="loaded"), filters, settings)
    raters = [] if "--raters" in options else ["--raters", filters.raters]
    told = [f"--method={settings.method}", *([f"--ties={settings.ties}"] if settings.ties else [])]
    found = rated(run(path, "--format", "battles", "--json", *raters, *options, *told)[0])
    (group,) = stored.sheet["groups"]
    assert found.keys() == {row["model"] for row in group["rows"]}
    for row in group["rows"]:
        expected = tuple(row[name] for name in COMPARED if row[name] is not None)
        assert found[row["model"]] == pytest.approx(expected, abs=1e-4)


def test_without_people_the_judge_with_most_verdicts_is_counted_and_the_others_are_named(run, tmp_path):
    path = tmp_path / "battles.json"
    few = battle("ash", "birch", "tie", "claude", "one more")
    path.write_text(battles(("gpt-4",)).removesuffix("]") + f",{few}]", encoding="utf-8")
    out, err = run(path, "--format", "battles")
    assert out.startswith("Bradley-Terry · gpt-4")
    assert "Not counted: the verdicts of claude." in err


def test_names_come_from_a_file_of_models(run, votes, tmp_path):
    plain = [",".join(line.split(",")[:6]) for line in COMPARISONS.splitlines()]
    votes.write_text("\n".join(plain) + "\n", encoding="utf-8")
    models = tmp_path / "models.jsonl"
    models.write_text("".join(f'{{"id": {number}, "name": "Model {number}"}}\n' for number in (1, 2, 3)))
    assert rated(run(votes, models, "--json")[0]).keys() == {"Model 1", "Model 2", "Model 3"}
    assert rated(run(votes, "--json")[0]).keys() == {"1", "2", "3"}


def test_a_category_is_that_of_the_file_of_prompts(run, votes, tmp_path):
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text('{"id": 1, "text": "a", "type": "code"}\n{"id": 2, "text": "b", "type": "prose"}\n')
    data = json.loads(run(votes, prompts, "--json", "--category", "code")[0])
    assert data["comparisons"] == 3
    with pytest.raises(CommandError, match="Choose from: code, prose"):
        run(votes, prompts, "--category", "poems")


def test_equal_rows_count_once_and_contradictory_ones_are_refused(run, votes):
    votes.write_text(COMPARISONS + COMPARISONS.splitlines()[1] + "\n", encoding="utf-8")
    out, err = run(votes)
    assert "Comparisons: 6" in out
    assert "1 row repeats an earlier row" in err
    votes.write_text(COMPARISONS + "0,1,1,2,1,right,ash,birch\n", encoding="utf-8")
    out_, err_ = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError, match="1 error found"):
        call_command("board", str(votes), stdout=out_, stderr=err_)
    assert out_.getvalue() == ""
    assert "comparisons.csv:8: This rater already answered this pair differently, in line 2" in err_.getvalue()


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("6,3,1,1,4,left,ash,ash", "comparisons.csv:8: The two models must be different."),
        ("6,3,1,2,,left,ash,birch", "comparisons.csv:8: A worker number is required."),
        ("6,3,1,2,4,first,ash,birch", "comparisons.csv:8: winner: Expected left, right or tie"),
        ("6,3,1,2,4,left,oak,birch", 'comparisons.csv:8: Model 1 is named "ash", not "oak".'),
    ],
)
def test_a_row_with_an_error_is_named_and_no_board_is_printed(votes, row, told):
    votes.write_text(COMPARISONS + row + "\n", encoding="utf-8")
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(CommandError, match="1 error found"):
        call_command("board", str(votes), stdout=out, stderr=err)
    assert told in err.getvalue()
    assert out.getvalue() == ""


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (["--raters", "gpt-4"], "No judge in these files is named “gpt-4”"),
        (["--raters", "people", "--inconsistent", "tie"], "both orders|one order|no effect|contradict"),
        (["--ties", "model", "--method", "elo"], "davidson|Davidson"),
        (["--covariance"], "--covariance requires --json"),
    ],
)
def test_options_that_make_no_sense_are_refused(run, votes, arguments, match):
    with pytest.raises(CommandError, match=match):
        run(votes, *arguments)


def test_files_without_votes_say_what_they_hold(run, tmp_path):
    models = tmp_path / "models.jsonl"
    models.write_text('{"id": 1, "name": "ash"}\n', encoding="utf-8")
    with pytest.raises(CommandError, match=r"only: models\)"):
        run(models)


def test_a_file_that_is_not_there_is_named(run, tmp_path):
    err = io.StringIO()
    with pytest.raises(CommandError):
        call_command("board", str(tmp_path / "nothing.csv"), stderr=err)
    assert "nothing.csv" in err.getvalue()


def test_no_database_is_asked(run, votes):
    # Without the mark of a database, any query fails this test.
    assert run(votes)[0]
    assert connections["default"].connection is None or not connections["default"].in_atomic_block


def test_style_is_measured_in_the_texts_of_battles(run, tmp_path):
    path = tmp_path / "battles.json"
    lines = []
    for number in range(40):
        long, short = "word " * (5 + number), "word"
        texts = {"instruction": f"p{number}", "response_1": long if number % 2 else short}
        texts["response_2"] = short if number % 2 else long
        row = {"model_a": "ash", "model_b": ("birch", "cedar")[number % 3 == 0], "judge": "human", "data": texts}
        row["winner"] = ("model_b", "model_a", "tie")[number % 5 % 3 if number % 4 else (number // 4) % 3]
        lines.append(json.dumps(row))
    path.write_text("[" + ",".join(lines) + "]", encoding="utf-8")
    data = json.loads(run(path, "--format", "battles", "--method", "style-controlled", "--json")[0])
    assert "style: words" in {found["name"] for found in data["groups"][0]["coefficients"]}


HOSTILE = '</style><script>alert(1)</script><img src=x onerror="alert(1)">\\u001b]0;title\\u0007{{ 7 }}'


def test_the_page_is_self_contained_and_shows_hostile_names_as_text(run, tmp_path):
    path = tmp_path / "battles.json"
    path.write_text(battles(("worker:1", "worker:2")).replace("ash", HOSTILE.replace('"', '\\"')), encoding="utf-8")
    page = tmp_path / "board.html"
    out, _err = run(path, "--format", "battles", "--html", page)
    html = page.read_text(encoding="utf-8")
    assert "<script" not in html
    assert "<img" not in html
    assert html.count("</style>") == 1
    assert "&lt;script&gt;alert(1)" in html
    assert "{{ 7 }}" in html
    assert "http" not in html.replace("http-equiv", "")
    assert "default-src 'none'" in html
    assert "\x1b" not in out


def test_rows_of_several_groups_are_told_apart(run, tmp_path):
    path = tmp_path / "battles.json"
    lines = [battle(*models, "model_a", "human", f"p{n}") for n in range(3) for models in (("a", "b"), ("c", "d"))]
    path.write_text("[" + ",".join(lines) + "]", encoding="utf-8")
    data = json.loads(run(path, "--format", "battles", "--json")[0])
    assert len(rows(data)) == 4
    assert len(data["groups"]) == 2


WITH_VOTES = [name for name, (_known, _kind, held) in HELD.items() if {"battles", "votes"} & held.keys()]


@pytest.mark.django_db
@pytest.mark.parametrize("name", WITH_VOTES)
def test_every_layout_gives_the_board_of_a_study_that_it_is_loaded_into(run, name):
    path = LAYOUTS / name
    load.load([path], study_slug="loaded", format_name=HELD[name][0], choice=Choice(model="asked"))
    study = Study.objects.get(slug="loaded")
    if not study.comparisons.exists():
        with pytest.raises(CommandError, match="no votes or verdicts"):
            run(path, "--format", HELD[name][0])
        return
    out = json.loads(run(path, "--json", "--model", "asked")[0])
    stored = compute.compute(study, Filters(raters=out["filters"]["raters"]), Settings())
    assert out["comparisons"] == stored.sheet["comparisons"]
    assert [notice for group in out["groups"] for notice in group["notices"]] == [
        notice for group in stored.sheet["groups"] for notice in group["notices"]
    ]
    for group, other in zip(out["groups"], stored.sheet["groups"], strict=True):
        found = {row["model"]: [row[name] for name in COMPARED] for row in group["rows"]}
        expected = {row["model"]: [row[name] for name in COMPARED] for row in other["rows"]}
        assert found.keys() == expected.keys()
        for model, numbers in found.items():
            given = [(one, two) for one, two in zip(numbers, expected[model], strict=True) if two is not None]
            assert [one for one, _two in given] == pytest.approx([two for _one, two in given], abs=1e-4)


def test_a_table_of_two_models_and_who_won_is_a_board_of_people(run, tmp_path):
    path = tmp_path / "My votes (1).csv"
    lines = ["left;right;winner", *["ash;birch;left", "birch;cedar;tie", "cedar;ash;ash", "ash;cedar;"] * 3]
    path.write_text("\n".join(lines), encoding="utf-8")
    out, err = run(path)
    assert out.startswith("Bradley-Terry · people")
    assert "Comparisons: 9" in out
    assert "rows without a winner: 3" in err
    data = json.loads(run(path, "--json", "--method", "elo")[0])
    assert data["comparisons"] == 9
    assert "file-order" in data["notices"]


def test_several_columns_of_winners_are_several_raters(run, tmp_path):
    path = tmp_path / "votes.csv"
    lines = ["model_a,model_b,winner_human,winner_gpt-4", *["ash,birch,model_a,tie", "birch,ash,ash,model_a"] * 4]
    path.write_text("\n".join(lines), encoding="utf-8")
    people, err = run(path, "--json")
    assert json.loads(people)["comparisons"] == 8
    assert "Not counted: the verdicts of gpt-4." in err
    assert json.loads(run(path, "--json", "--raters", "gpt-4")[0])["filters"]["raters"] == "gpt-4"


def test_a_file_that_is_read_as_columns_gives_the_board_of_its_rows(run, tmp_path):
    plain, quoted = tmp_path / "plain.csv", tmp_path / "quoted.csv"
    lines = ["model_a,model_b,winner,annotator,prompt,weight"]
    models = ("ash", "birch", "cedar")
    for number in range(240):
        first, second = models[number % 3], models[(number + 1 + number // 3 % 2) % 3]
        winner = ("model_a", "tie", first, "model_b", second)[number * 7 % 5]
        lines.append(f"{first},{second},{winner},p{number % 11},q{number // 11},{1 + number % 2}")
    plain.write_text("\n".join(lines) + "\n", encoding="utf-8")
    # Apostrophes for quotation marks are not plain.
    quoted.write_text("\n".join("'" + line.replace(",", "','") + "'" for line in lines) + "\n", encoding="utf-8")
    one, other = (json.loads(run(path, "--json")[0]) for path in (plain, quoted))
    for row, same in zip(rows(one), rows(other), strict=True):
        assert [row[name] for name in COMPARED] == pytest.approx([same[name] for name in COMPARED], abs=1e-6)
    assert one["groups"][0]["clusters"] == "both"


@pytest.mark.parametrize("layout", ["xlsx", "json"])
def test_other_layouts_of_the_same_table_give_the_same_board(run, tmp_path, layout):
    table = [["model_a", "model_b", "winner"], ["ash", "birch", "model_a"], ["birch", "ash", "tie"]] * 1
    path = tmp_path / f"votes.{layout}"
    if layout == "xlsx":
        write(path, {"Votes": table})
    else:
        path.write_text(json.dumps([dict(zip(table[0], row, strict=True)) for row in table[1:]]), encoding="utf-8")
    assert rated(run(path, "--json")[0]).keys() == {"ash", "birch"}


def test_votes_that_may_be_on_other_answers_all_count_and_are_told(run, tmp_path):
    path = tmp_path / "votes.csv"
    lines = ["model_a,model_b,winner,annotator,prompt", *["a,b,model_a,p1,q1", "b,a,model_a,p1,q1", "a,b,tie,p2,q1"]]
    path.write_text("\n".join(lines), encoding="utf-8")
    out, err = run(path)
    assert "Comparisons: 3" in out
    assert "1 vote is on a prompt and two models on which the same person has another vote" in err
