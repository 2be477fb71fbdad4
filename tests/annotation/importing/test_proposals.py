"""What a file is, is seen from its content; a dry run shows it, and what loading would do."""

import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from annotation.importing import load, uploads
from annotation.importing.proposals import Choice, Proposal, propose
from annotation.interchange.faults import Fault
from annotation.interchange.format import Named
from annotation.interchange.reading import Reading, Source, look
from annotation.interchange.registry import FORMATS
from annotation.models import Comparison, LanguageModel, Pair, Prompt, Rater, Result, Study, Upload, UploadState
from tests.annotation import exchange
from tests.annotation.exchange import CROWD, MODELS, PAIRS, PROMPTS, RESULTS, TRAINING, jsonl
from tests.annotation.interchange.reading import workbooks

KINDS = {"models": MODELS, "prompts": PROMPTS, "results": RESULTS, "pairs": PAIRS}


def proposed(path: Path, content: str | bytes, choice: Choice | None = None) -> Proposal:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return propose(Source(path.name, path), choice)


def best(found: Proposal) -> tuple[str, str]:
    assert found.best is not None
    return found.best.format, found.best.kind


@pytest.mark.parametrize("name", ["My Prompts (1).jsonl", "x", "export.json", "download.txt"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_is_recognised_by_its_columns(tmp_path: Path, kind: str, name: str) -> None:
    for content in (jsonl(KINDS[kind]), json.dumps(KINDS[kind], indent=2), json.dumps({"data": KINDS[kind]})):
        assert best(proposed(tmp_path / name, content)) == ("llmfao", kind)


def test_comparisons_are_recognised_whatever_separates_them_and_however_they_are_called(tmp_path: Path) -> None:
    for separator in ",;\t|":
        found = proposed(tmp_path / "Export (2)", CROWD.replace(",", separator))
        assert best(found) == ("llmfao", "comparisons")
        assert found.reading.separator == separator


def test_training_and_check_pairs_have_the_same_columns_and_are_asked_about(tmp_path: Path) -> None:
    found = proposed(tmp_path / "x.jsonl", jsonl(TRAINING))
    assert found.best is not None
    assert found.best.asks == ("kind",)
    told = proposed(tmp_path / "x.jsonl", jsonl(TRAINING), Choice(kind="check"))
    assert best(told) == ("llmfao", "check")
    assert told.best is not None
    assert told.best.asks == ()
    assert best(proposed(tmp_path / "my training (1).jsonl", jsonl(TRAINING))) == ("llmfao", "training")


def test_whose_comparisons_they_are_is_asked_and_never_guessed(tmp_path: Path) -> None:
    content = "id,prompt,model_x,model_y,winner\n0,5,7,3,left\n"
    found = proposed(tmp_path / "votes.csv", content)
    assert found.best is not None
    assert (found.best.asks, found.best.judge) == (("rater",), "")
    found = proposed(tmp_path / "gpt4-comparisons (1).csv", content)
    assert found.best is not None
    assert (found.best.asks, found.best.judge) == ((), "gpt4")
    for column in ("Worker", "", "annotator"):
        text = f"id,prompt,model_x,model_y,winner,{column}\n0,5,7,3,left,1\n"
        found = proposed(tmp_path / "gpt4-comparisons.csv", text)
        assert found.best is not None
        assert found.best.asks == ("rater",)


def test_a_file_that_a_format_refuses_is_not_loaded_as_another_one(tmp_path: Path, db: None) -> None:
    path = tmp_path / "full.csv"
    path.write_text("id,prompt,model_x,model_y,winner,worker,row,purpose,model_a,model_b\n0,5,7,3,left,1,1,vote,a,b\n")
    for choice in (None, Choice(kind="comparisons")):
        found = propose(Source("full.csv", path), choice)
        assert found.fault is not None
        assert "full export" in found.fault.reason
        with pytest.raises(load.FaultyFiles, match="full export"):
            load.load([path], study_slug="trees", choice=choice)


@pytest.mark.parametrize("late", ["worker", "rater", "annotator", ""])
def test_a_column_that_comes_late_does_not_make_peoples_votes_a_judges(tmp_path: Path, trees: Study, late: str) -> None:
    row = {"id": 0, "prompt": 5, "model_x": 7, "model_y": 3, "winner": "left"}
    if late:
        path = tmp_path / "owl-comparisons.jsonl"
        path.write_text(jsonl([*[row] * 30, row | {late: "8"}]))
    else:
        path = tmp_path / "owl-comparisons.csv"
        rows = ["0,5,7,3,left,\n"] * 30
        path.write_text("id,prompt,model_x,model_y,winner,\n" + "".join(rows) + "0,5,7,3,left,8\n")
    before = counted()
    with pytest.raises(load.FaultyFiles) as error:
        load.load([path], study_slug="trees")
    assert counted() == before
    (fault,) = error.value.faults.listed
    assert "name it worker" in load.worded(fault)
    assert fault.line == 31 + (not late)


def test_another_encoding_is_proposed_with_its_lines(tmp_path: Path) -> None:
    found = proposed(tmp_path / "x.csv", "id,text\n1,Größe\n".encode("cp1252"))
    assert found.reading.encoding == "windows-1252"
    assert [change.decoded for change in found.changed] == ["1,Größe"]
    assert found.rows[0].values == {"id": "1", "text": "Größe"}


def test_a_choice_and_a_proposal_survive_being_stored() -> None:
    choice = Choice("llmfao", "prompts", Reading("utf-16", ";", "x", {"a": "b"}), "m", "r")
    assert Choice.from_json(json.loads(json.dumps(choice.as_json()))) == choice
    assert Choice.from_json({}) == Choice()


def test_a_file_of_no_format_says_what_columns_it_has(tmp_path: Path, db: None) -> None:
    (tmp_path / "x.csv").write_text("colour,taste\nred,sweet\n")
    with pytest.raises(load.FaultyFiles, match='"colour", "taste"'):
        load.load([tmp_path / "x.csv"], study_slug="trees")


def test_an_example_of_every_format_is_recognised_as_itself(tmp_path: Path) -> None:
    battle = {"model_a": "x", "model_b": "y", "winner": "tie", "data": {"instruction": "q"}}
    assert best(proposed(tmp_path / "a.json", json.dumps([battle]))) == ("battles", "battles")
    mad = {"instruction": "q", "input": "", "output": "tie", "response_1": "a", "response_2": "b"}
    assert best(proposed(tmp_path / "x-vs-y (1).jsonl", json.dumps(mad) + "\n")) == ("mad", "battles")
    answer = {
        "question_id": 1,
        "answer_id": "a",
        "model_id": "m",
        "choices": [{"index": 0, "turns": ["a"]}],
        "tstamp": 1,
    }
    assert best(proposed(tmp_path / "my answers.jsonl", json.dumps(answer) + "\n")) == ("mt-bench", "answers")
    question = {"question_id": 81, "category": "writing", "turns": ["a", "b"]}
    assert best(proposed(tmp_path / "q (1).jsonl", json.dumps(question) + "\n")) == ("mt-bench", "questions")


WORDS = sorted(
    {
        *(
            "id",
            "text",
            "name",
            "model",
            "prompt",
            "result",
            "winner",
            "model_x",
            "model_y",
            "worker",
            "rater",
            "golden",
        ),
        *("model_a", "model_b", "data", "instruction", "output", "response_1", "response_2", "question_id", "turns"),
        *("choices", "score", "judgment", "g1_winner", "model_1", "model_2", "row", "purpose", "result_x", "result_y"),
        *("messages", "chosen", "rejected", "conversation_a", "conversation_b", "games", "samples", "generator"),
    }
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3),
    max_leaves=5,
)


@given(st.lists(st.dictionaries(st.sampled_from(WORDS), JSON, max_size=8), min_size=1, max_size=4), st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
def test_no_recogniser_or_reader_fails_or_drops_a_row_in_silence(
    tmp_path: Path, objects: list[dict[str, Any]], data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(["x.jsonl", "x-vs-y.jsonl", "question.jsonl", "comparisons.csv", "results.json"]))
    path = tmp_path / name
    path.write_text("".join(json.dumps(row) + "\n" for row in objects))
    file = Source(name, path)
    head = look(file)
    if isinstance(head, Fault):
        return
    for known in FORMATS.values():
        named = known.recognised(head)
        assert named is None or isinstance(named, Fault | Named)
        if isinstance(named, Named):
            assert named.kind in known.kinds
            found = list(known.read(file, named.kind, None))
            told = {each.line for each in found}
            whole = not isinstance(found[0], Fault) or found[0].line != 1 or len(objects) == 1
            assert told >= {*range(1, len(objects) + 1)} or not whole or head.layout == "csv"


# Loading.


@pytest.fixture
def trees(tmp_path: Path, db: None) -> Study:
    load.load([exchange.write(tmp_path / "trees")], study_slug="trees")
    return Study.objects.get(slug="trees")


def counted() -> list[int]:
    return [model.objects.count() for model in (Study, Upload, LanguageModel, Prompt, Result, Pair, Comparison, Rater)]


def run(*arguments: Any, **options: Any) -> str:
    out = io.StringIO()
    call_command("load", *map(str, arguments), stdout=out, stderr=out, **options)
    return out.getvalue()


@pytest.mark.django_db
def test_excels_files_are_loaded_like_any_others(tmp_path: Path) -> None:
    folder = exchange.write(tmp_path / "in")
    path = folder / "crowd-comparisons.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_text().replace(",", ";").replace("\n", "\r\n").encode())
    load.load([folder], study_slug="a")
    assert Comparison.objects.filter(rater__kind="worker").count() == CROWD.count("\n") - 1
    for number, content in enumerate(
        (
            CROWD.replace(",", "\t").encode("utf-16"),
            ("sep=,\n" + CROWD).encode(),
            ("\n" + CROWD).encode(),
            CROWD.replace("\n", "\r").encode(),
            "".join(line + ",,\n" for line in CROWD.splitlines()).encode(),
            gzip.compress(CROWD.encode()),
        )
    ):
        path = tmp_path / f"crowd {number}.csv"
        path.write_bytes(content)
        report = load.load([path], study_slug="a")
        assert (report.counts["comparisons"].new, report.upload) == (0, None)
        assert report.counts["comparisons"].unchanged == CROWD.count("\n") - 1
        assert report.unknown == {}


@pytest.mark.django_db
def test_a_study_can_come_as_spreadsheets_and_parquet(tmp_path: Path) -> None:
    def cells(rows: list[dict[str, Any]]) -> list[list[Any]]:
        keys = [*dict.fromkeys(key for row in rows for key in row)]
        plain = [[row.get(key) for key in keys] for row in rows]
        return [[*keys], *[[json.dumps(c) if isinstance(c, list) else c for c in row] for row in plain]]

    folder = tmp_path / "in"
    folder.mkdir()
    workbooks.write(folder / "models.xlsx", {"Sheet1": cells(MODELS)})
    workbooks.write(folder / "prompts.xlsx", {"Sheet1": cells(PROMPTS)})
    keys = [*dict.fromkeys(key for row in RESULTS for key in row)]
    parquet.write_table(pa.table({key: [row.get(key) for row in RESULTS] for key in keys}), folder / "results.parquet")
    workbooks.write(folder / "pairs.xlsx", {"Sheet1": cells(PAIRS)})
    header, *lines = [line.split(",") for line in CROWD.splitlines()]
    typed = [[int(c) if c.lstrip("-").isdigit() else c.removeprefix("'") for c in row] for row in lines]
    workbooks.write(folder / "crowd-comparisons.xlsx", {"Sheet1": [header, *typed]})
    load.load([folder], study_slug="tables")
    load.load([exchange.write(tmp_path / "plain")], study_slug="plain")
    for model, columns in ((Prompt, ("number", "text", "turns")), (Result, ("number", "text", "duration"))):
        tables, plain = (
            list(model.objects.filter(prompt_set__slug=slug).order_by("number").values_list(*columns))
            for slug in ("tables", "plain")
        )
        assert tables == plain
    assert Comparison.objects.filter(pair__study__slug="tables", rater__kind="worker").count() == len(lines)


@pytest.mark.django_db
def test_a_file_in_another_encoding_is_refused_until_it_is_chosen(tmp_path: Path) -> None:
    path = tmp_path / "prompts.csv"
    path.write_bytes("id;text\n1;Größe\n2;déjà vu\n".encode("cp1252"))
    with pytest.raises(load.FaultyFiles) as error:
        load.load([path], study_slug="s")
    told = [load.worded(fault) for fault in error.value.faults.listed]
    assert "prompts.csv:2: text: This cell is not valid UTF-8" in told[0]
    assert "--encoding windows-1252" in told[-1]
    assert not Study.objects.exists()
    run(path, study="s", encoding="windows-1252")
    assert list(Prompt.objects.order_by("number").values_list("text", flat=True)) == ["Größe", "déjà vu"]


def test_a_dry_run_stores_nothing_and_shows_what_would_be(tmp_path: Path, db: None) -> None:
    folder = exchange.write(tmp_path / "in")
    before = counted()
    told = run(folder, study="new", dry_run=True)
    assert counted() == before
    assert "crowd-comparisons.csv: comparisons, as llmfao (csv, utf-8, ',')" in told
    assert f"models: {len(MODELS)} new, 0 unchanged" in told
    assert "Pair 1, as workers would see it:" in told
    assert "  A " in told
    assert "Nothing was saved, because of --dry-run." in told
    load.load([folder], study_slug="new")
    assert f"models: 0 new, {len(MODELS)} unchanged" in run(folder, study="new", dry_run=True)


def test_a_dry_run_shows_every_error_with_its_row(tmp_path: Path, trees: Study) -> None:
    path = tmp_path / "models.jsonl"
    path.write_text(jsonl([{"id": 99, "name": "New"}, {"id": 100, "name": 5}]))
    out = io.StringIO()
    with pytest.raises(CommandError, match="1 error found"):
        call_command("load", str(path), study="trees", dry_run=True, stdout=out, stderr=out)
    assert "models: 1 new, 0 unchanged" in out.getvalue()
    assert "models.jsonl:2: name: Expected text, not 5." in out.getvalue()
    assert '{"id": 100, "name": 5}' in out.getvalue()


def test_pairs_of_a_dry_run_are_those_of_the_files_or_of_stored_answers(tmp_path: Path, trees: Study) -> None:
    path = tmp_path / "results.jsonl"
    model = {**MODELS[0], "id": 99, "name": "Newcomer"}
    (tmp_path / "models.jsonl").write_text(jsonl([model]))
    path.write_text(jsonl([exchange.result(900, model, PROMPTS[0], "Mine.")]))
    with pytest.MonkeyPatch.context():
        files = load.looks(
            [(Source("models.jsonl", tmp_path / "models.jsonl"), True), (Source("results.jsonl", path), True)]
        )
        found = load.dry_run(load.recognise(files, None), "trees")
    (pair,) = found.pairs
    assert pair.prompt[0] == PROMPTS[0]["text"]
    assert pair.left == ("Mine.",)
    assert pair.right[0] in {row["result"] for row in RESULTS if row["prompt"] == PROMPTS[0]["id"]}
    assert json.loads(json.dumps(found.as_json()))["pairs"] == [pair.as_json()]


def test_the_format_can_be_said_and_is_found_out_otherwise(tmp_path: Path, db: None) -> None:
    mad = {"instruction": "q", "input": "", "output": "y", "response_1": "a", "response_2": "b"}
    (tmp_path / "x-vs-y (2).jsonl").write_text(json.dumps(mad) + "\n")
    load.load([tmp_path / "x-vs-y (2).jsonl"], study_slug="mad")
    assert set(LanguageModel.objects.values_list("name", flat=True)) == {"x", "y"}
    with pytest.raises(load.FaultyFiles, match="is not recognised"):
        load.load([tmp_path / "x-vs-y (2).jsonl"], study_slug="other", format_name="llmfao")


def test_columns_of_other_names_can_be_given_theirs(tmp_path: Path, db: None) -> None:
    path = tmp_path / "Fragen.csv"
    path.write_text("Nummer;Frage\n1;Warum?\n")
    run(path, study="s", column=["Nummer=id", "Frage=text"])
    assert Prompt.objects.get().text == "Warum?"
    with pytest.raises(CommandError, match="THEIRS=OURS"):
        run(path, study="s", column=["Nummer"])


def test_a_sheet_can_be_chosen_and_a_kind(tmp_path: Path, db: None) -> None:
    book = workbooks.write(tmp_path / "b.xlsx", {"One": [["a"]], "Prompts": [["id", "text"], [1, "Why?"]]})
    run(book, study="s", sheet="Prompts")
    assert Prompt.objects.get().text == "Why?"
    with pytest.raises(load.FaultyFiles, match="no kind"):
        load.load([book], study_slug="s", choice=Choice(kind="songs", reading=Reading(sheet="Prompts")))


def test_an_archive_is_unpacked_whatever_it_is_called(tmp_path: Path, db: None) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("prompts.jsonl", jsonl(PROMPTS))
    with zipfile.ZipFile(tmp_path / "download", "w") as archive:
        archive.writestr("in/models.jsonl", jsonl(MODELS))
        archive.writestr("in/more.zip", inner.getvalue())
    report = load.load([tmp_path / "download"], study_slug="s")
    assert report.counts["models"].new == len(MODELS)
    assert [*report.counts] == ["models"]
    assert [name.rpartition("/")[2] for name in report.skipped] == ["more.zip"]


@pytest.mark.django_db
def test_an_upload_is_read_as_was_chosen_for_each_file(trees: Study, settings: Any, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path / "data"
    content = "id;text\n77;Größe\n".encode("cp1252")
    upload = uploads.submit(trees, None, [SimpleUploadedFile("x.csv", content)])
    choice = Choice(kind="prompts", reading=Reading("windows-1252"))
    Upload.objects.update(options={"choices": {"x.csv": choice.as_json()}})
    uploads.run(upload.pk)
    upload.refresh_from_db()
    assert upload.state == UploadState.STORED, upload.report
    assert Prompt.objects.get(number=77).text == "Größe"
