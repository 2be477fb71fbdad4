"""Layouts of other tools: what is written is read again and written the same, and every text is escaped."""

import csv
import io
import json

import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from annotation.exporting import jobs, layouts
from annotation.exporting.layouts import LAYOUTS
from annotation.exporting.selection import Selection
from annotation.importing.load import load
from annotation.models import Comparison, Pair, Rater, RaterKind, Study
from annotation.models.corpus import LanguageModel, Prompt, Result
from annotation.studies.lifecycle import NotPossible
from tests.annotation.interchange.formats.layouts import LAYOUTS as FOLDER
from tests.builders import NOW, build_study, build_worker

pytestmark = pytest.mark.django_db

OTHERS = [name for name, layout in LAYOUTS.items() if layout.with_texts and layout.filters and name != "full"]

HOSTILE = (
    "</script><script>alert(1)</script>",
    r"\input{/etc/passwd} % $ \\ ~",
    '=cmd|"/C calc"!A1',
    '"quoted", \n\r\n\ttabbed\u2028 – 赤 \N{GRINNING FACE} \\.',
    "'=twice",
    "- item: {a: b} # yaml",
)


@pytest.fixture(autouse=True)
def own_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path / "data"


def written(study, layout, file_format="", **filters):
    study = Study.objects.select_related("prompt_set").get(pk=study.pk)
    return b"".join(layouts.request(layout, file_format, Selection(**filters)).chunks(study))


@pytest.fixture
def study():
    """A study with votes of people, a judge in both orders, ties, and texts and names that mean something elsewhere."""
    study = build_study("hostile", models=3, prompts=4)
    for rows, field in ((LanguageModel, "name"), (Prompt, "text"), (Result, "text")):
        for number, row in enumerate(rows.objects.order_by("pk")):
            rows.objects.filter(pk=row.pk).update(**{field: f"{HOSTILE[number % 6]}{'' if number < 6 else number}"})
    Prompt.objects.filter(pk__in=Prompt.objects.order_by("pk")[:2].values("pk")).update(type=HOSTILE[2])
    pairs = list(study.pairs.order_by("pk"))
    judge = Rater.objects.create(study=study, kind=RaterKind.JUDGE, name=HOSTILE[2])
    rows = []
    for number in range(3):
        worker = build_worker(study)
        for place, pair in enumerate(pairs):
            winner = ("x", "y", "x", "tie")[(place + number) % 4]
            kind = "bad" if winner == "tie" and number == 1 else ""
            rows.append(
                Comparison(
                    study=study,
                    pair=pair,
                    rater=worker.rater,
                    winner=winner,
                    tie_kind=kind,
                    left="xy"[number % 2],
                    answered_at=NOW,
                )
            )
    for pair in pairs:
        for trial, left in enumerate("xy"):
            rows.append(
                Comparison(study=study, pair=pair, rater=judge, winner="x", left=left, trial=trial, answered_at=NOW)
            )
    Comparison.objects.bulk_create(rows)
    return study


def lines_of(found):
    """The lines of a JSONL file. Texts hold line ends that only some programs know, such as U+2028."""
    return found.decode().split("\n")[:-1]


def votes_of(study, **filters):
    return Selection(**filters).real(study).count()


@pytest.mark.parametrize("raters", ["people", "all", HOSTILE[2]])
@pytest.mark.parametrize("layout", OTHERS)
def test_out_in_and_out_is_the_same_to_the_byte(study, layout, raters, tmp_path):
    for file_format in ("jsonl", "json"):
        first = written(study, layout, file_format, raters=raters)
        assert first.count(b"\n") > 4
        folder = tmp_path / f"in-{file_format}"
        folder.mkdir()
        name = layouts.request(layout, file_format, Selection(raters="people")).file_name
        (folder / name).write_bytes(first)
        known = layout.removesuffix("-by-vote")
        # Preferences do not say who had them.
        whose = "crowd:people" if known == "preferences" else None
        load([folder], study_slug=f"again-{file_format}", format_name=known, rater=whose, seed=1)
        again = Study.objects.get(slug=f"again-{file_format}")
        assert written(again, layout, file_format, raters="all") == first


@pytest.mark.parametrize("file_format", ["csv", "parquet"])
@pytest.mark.parametrize("layout", [name for name in OTHERS if "csv" in LAYOUTS[name].formats])
def test_tables_are_read_again_and_written_the_same(study, layout, file_format, tmp_path):
    first = written(study, layout, file_format, raters="all")
    folder = tmp_path / "in"
    folder.mkdir()
    (folder / layouts.request(layout, file_format, Selection()).file_name).write_bytes(first)
    known = layout.removesuffix("-by-vote")
    whose = "crowd:people" if known == "preferences" else None
    load([folder], study_slug="again", format_name=known, rater=whose, seed=1)
    again = written(Study.objects.get(slug="again"), layout, file_format, raters="all")
    assert again == first


@pytest.mark.parametrize(
    ("layout", "file"),
    [
        ("chatbot-arena", "chatbot_arena/battles-33k.jsonl"),
        ("arena-140k", "arena_140k/battles.jsonl"),
        ("alpaca-eval", "alpaca_eval/annotations.json"),
        ("arena-hard", "arena_hard/judgments.jsonl"),
    ],
)
def test_a_file_of_another_tool_comes_out_as_it_went_in(layout, file, tmp_path):
    given = FOLDER / file
    load([given], study_slug="theirs", format_name=layout, seed=1)
    found = written(Study.objects.get(slug="theirs"), layout, given.suffix[1:], raters="all")
    if given.suffix == ".jsonl":
        assert found.decode() == given.read_text("utf-8")
    else:
        assert json.loads(found) == json.loads(given.read_text("utf-8"))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("file_format", ["csv", "jsonl", "json", "parquet"])
def test_every_layout_holds_hostile_texts_in_every_file_format(study, layout, file_format):
    if file_format not in LAYOUTS[layout].formats:
        with pytest.raises(NotPossible):
            written(study, layout, file_format)
        return
    found = written(study, layout, file_format)
    if file_format == "csv":
        # No cell can be run by a spreadsheet, and rows end where the lines of the reader do.
        rows = list(csv.DictReader(io.StringIO(found.decode(), newline="")))
        for row in rows:
            assert None not in row
            for cell in row.values():
                assert not cell.startswith(("=", "+", "@", "\t", "\r"))
                assert not cell.startswith("-") or cell[1:].replace(".", "").isdigit()
    elif file_format == "parquet":
        rows = pq.read_table(io.BytesIO(found)).to_pylist()
    elif file_format == "json":
        rows = json.loads(found)
    else:
        rows = [json.loads(line) for line in lines_of(found)]
    assert rows
    if layout not in {"full"}:
        told = json.dumps(rows)
        assert json.dumps(HOSTILE[2])[1:-1] in told or json.dumps(json.dumps(HOSTILE[2]))[3:-3] in told


@pytest.mark.parametrize("layout", OTHERS)
def test_all_file_formats_have_the_same_rows(study, layout):
    names = [column.name for column in LAYOUTS[layout].columns(study, Selection())]
    lines = [json.loads(line) for line in lines_of(written(study, layout, "jsonl"))]
    assert json.loads(written(study, layout, "json")) == lines
    if "parquet" not in LAYOUTS[layout].formats:
        return
    table = pq.read_table(io.BytesIO(written(study, layout, "parquet")))
    assert table.column_names == names
    assert len(table) == len(lines)
    assert written(study, layout, "csv").decode().splitlines()[0] == ",".join(names)


@pytest.mark.parametrize("layout", OTHERS)
def test_rows_follow_the_filters_of_the_board(study, layout):
    per_vote = layout not in {"arena-hard", "preferences", "preferences-by-vote"}
    for filters in ({}, {"raters": "all"}, {"raters": HOSTILE[2]}, {"category": HOSTILE[2]}):
        number = len(lines_of(written(study, layout, "jsonl", **filters)))
        if per_vote:
            assert number == votes_of(study, **filters)
        else:
            assert 0 < number <= votes_of(study, **filters)
    with pytest.raises(NotPossible):
        written(study, layout, raters="nobody")
    with pytest.raises(NotPossible):
        written(study, layout, category="none")


def test_the_middle_of_the_scale_is_read_as_asked(study):
    Comparison.objects.filter(winner="x").update(scale_name="eight", value=4)
    forced = written(study, "chatbot-arena", "jsonl").decode()
    read = written(study, "chatbot-arena", "jsonl", reading="tie-allowed").decode()
    ties = Comparison.objects.by_people().filter(winner="tie").count()
    assert forced.count('"winner": "tie') == ties
    assert read.count('"winner": "tie') == ties + Comparison.objects.by_people().filter(winner="x").count()


def test_a_tie_of_two_bad_answers_says_so(study):
    assert '"winner": "tie (bothbad)"' in written(study, "chatbot-arena", "jsonl").decode()
    assert '"winner": "both_bad"' in written(study, "arena-140k", "jsonl").decode()


def test_simulated_votes_are_never_written_as_real_ones(study):
    Rater.objects.filter(kind=RaterKind.WORKER).update(simulated=True)
    for layout in OTHERS:
        assert not written(study, layout, "jsonl")


def test_a_majority_weighs_votes_and_halves_ties():
    study = build_study("majority", models=2, prompts=4)
    workers = [build_worker(study) for _number in range(4)]
    clear, even, weighed, soft = study.pairs.order_by("pk")

    def vote(place, pair, winner, **fields):
        Comparison.objects.create(study=study, pair=pair, rater=workers[place].rater, winner=winner, left="y", **fields)

    for place, winner in enumerate(("x", "tie", "y", "x")):
        vote(place, clear, winner)
    for place, winner in enumerate(("x", "y", "tie")):
        vote(place, even, winner)
    for place, winner in enumerate(("x", "x", "y")):
        vote(place, weighed, winner, weight=3.0 if winner == "y" else 1.0)
    vote(0, soft, "x", share=0.6)
    vote(1, soft, "y", share=0.1)
    rows = [json.loads(line) for line in lines_of(written(study, "preferences", "jsonl"))]
    chosen = {row["prompt"]: row["chosen_model"] for row in rows}
    assert chosen == {
        clear.prompt.text: clear.model_x.name,
        weighed.prompt.text: weighed.model_y.name,
        soft.prompt.text: soft.model_y.name,
    }
    assert len(lines_of(written(study, "preferences-by-vote", "jsonl"))) == 3 + 2 + 3 + 2


def test_two_games_of_a_judge_share_a_row(study):
    rows = [json.loads(line) for line in lines_of(written(study, "arena-hard", "jsonl", raters=HOSTILE[2]))]
    assert len(rows) == study.pairs.count()
    assert {len([game for game in row["games"] if game]) for row in rows} == {2}


def test_a_study_without_texts_has_no_layout_with_texts(study):
    study.prompt_set.textless = True
    study.prompt_set.save()
    for layout in OTHERS:
        with pytest.raises(NotPossible, match="have no texts"):
            written(study, layout)
    assert written(study, "comparisons")


def test_a_job_writes_any_layout(study, admin_user):
    for layout in LAYOUTS:
        asked = layouts.request(layout, "", Selection())
        export = jobs.export(study, admin_user, asked)
        export.refresh_from_db()
        assert (export.state, export.done) == ("ready", export.total), layout
        assert jobs.path(export).read_bytes() == b"".join(asked.chunks(study))
    assert export.expires_at > timezone.now()


def test_conversations_of_several_turns_are_whole():
    study = build_study("turns", models=2, prompts=1)
    Prompt.objects.update(turns=["And then?"])
    Result.objects.update(turns=["Then this."])
    pair = Pair.objects.get()
    worker = build_worker(study)
    Comparison.objects.create(study=study, pair=pair, rater=worker.rater, winner="x", left="x")
    (row,) = map(json.loads, written(study, "chatbot-arena", "jsonl").splitlines())
    assert [message["role"] for message in row["conversation_a"]] == ["user", "assistant"] * 2
    assert row["conversation_a"][3]["content"] == "Then this."
    assert not written(study, "alpaca-eval", "jsonl"), "one turn only, as the page says"


def test_the_command_writes_what_the_page_does(study, tmp_path, capsysbinary):
    for layout, file_format in (("chatbot-arena", "jsonl"), ("alpaca-eval", "csv"), ("comparisons", "parquet")):
        path = tmp_path / f"out.{file_format}"
        call_command("export", "hostile", layout=layout, file_format=file_format, output=path, raters="all")
        assert path.read_bytes() == written(study, layout, file_format, raters="all")
    call_command("export", "hostile", layout="arena-140k")
    assert capsysbinary.readouterr().out == written(study, "arena-140k")
    for wrong in ({"layout": "models", "raters": "all"}, {"layout": "comparisons", "full": True}, {"category": "x"}):
        with pytest.raises(CommandError):
            call_command("export", "hostile", **wrong)
