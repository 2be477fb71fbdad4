"""Files of battles: read by content or name, and written again to the byte."""

import json
import zipfile

import numpy as np
import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from annotation.exporting import study_formats
from annotation.importing import uploads
from annotation.importing.load import FaultyFiles, load
from annotation.importing.undo import undo
from annotation.interchange.faults import Fault
from annotation.interchange.format import Record
from annotation.interchange.formats import battles, mad, remainder
from annotation.interchange.reading import Source, look, rows
from annotation.interchange.registry import FORMATS
from annotation.models import BattleRow, Comparison, Pair, Rater, RaterKind, Study
from tests.builders import build_study, build_worker

ROW = {
    "instruction": "Name a colour.",
    "input": "",
    "output": "alpha",
    "response_1": 'Red / "blue" – 赤',
    "response_2": "Green",
    "score": "0.25",
    "source": "seeds",
}


def write(folder, name, rows, **options):
    path = folder / name
    path.write_text("".join(json.dumps(row, **({"ensure_ascii": False} | options)) + "\n" for row in rows), "utf-8")
    return path


def written(study, name):
    """The files of an export, by name."""
    with zipfile.ZipFile(study_formats.archive(study, name)) as archive:
        return {each.partition("/")[2]: archive.read(each).decode() for each in archive.namelist()}


def loaded(tmp_path, slug, files, name, **options):
    folder = tmp_path / slug
    folder.mkdir()
    for file, content in files.items():
        (folder / file).write_text(content, "utf-8")
    load([folder], study_slug=slug, format_name=name, seed=1, **options)
    return Study.objects.get(slug=slug)


@pytest.fixture
def voted(db):
    """A study with people's votes, ties among them, one judge's, and pairs without a vote."""
    study = build_study("native", models=3, prompts=4)
    pairs = list(study.pairs.order_by("pk"))
    workers = [build_worker(study, f"w{number}") for number in range(2)]
    judge = Rater.objects.create(study=study, kind=RaterKind.JUDGE, name="strict judge")
    rng = np.random.default_rng(0)
    for pair in pairs[:9]:
        for rater in (*(worker.rater for worker in workers), judge):
            left = "xy"[rng.integers(2)]
            winner = ["x", "y", "tie"][rng.integers(3)]
            Comparison.objects.create(study=study, pair=pair, rater=rater, left=left, winner=winner, answered_at=None)
    return study


def test_formats_say_what_they_lose():
    for name in ("mad", "battles"):
        assert FORMATS[name].cannot_carry
        assert all(isinstance(each, str) and not each.endswith(".") for each in FORMATS[name].cannot_carry)


@pytest.mark.parametrize("name", ["mad", "battles"])
def test_what_a_study_writes_comes_back_to_the_byte(voted, tmp_path, name):
    first = written(voted, name)
    assert sum(content.count("\n") for content in first.values()) > 12
    again = loaded(tmp_path, "again", first, name)
    assert written(again, name) == first


def test_mad_files_hold_peoples_votes_and_pairs_without_one(voted):
    files = written(voted, "mad")
    assert sorted(files) == [f"Quillfinch-{x}-vs-Quillfinch-{y}.jsonl" for x, y in ((0, 1), (0, 2), (1, 2))]
    rows = [json.loads(line) for content in files.values() for line in content.splitlines()]
    assert len(rows) == 9 * 2 + 3
    assert sum(row["output"] == "" for row in rows) == 3
    assert list(rows[0]) == list(mad.COLUMNS)


def test_battles_hold_every_rater(voted):
    rows = json.loads(written(voted, "battles")["battles.json"])
    assert len(rows) == 9 * 3
    numbers = sorted(voted.workers.values_list("number", flat=True))
    assert {row["judge"] for row in rows} == {"strict judge", *(f"worker:{number}" for number in numbers)}
    assert {row["winner"] for row in rows} == {"model_a", "model_b", "tie"}


def test_battles_keep_raters_sides_and_winners(voted, tmp_path):
    again = loaded(tmp_path, "again", written(voted, "battles"), "battles")

    def votes(study):
        found = Comparison.objects.filter(study=study).select_related("rater__worker", "pair__model_x", "pair__model_y")
        return sorted(
            (
                vote.pair.prompt.text,
                vote.rater.name or f"worker {vote.rater.worker.number}",
                getattr(vote.pair, f"model_{vote.left}").name,
                "tie" if vote.winner == "tie" else getattr(vote.pair, f"model_{vote.winner}").name,
            )
            for vote in found
        )

    assert votes(again) == votes(voted)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"input": "Be brief."},
        {"score": 0.5},
        {"score": None},
        {"output": "tie"},
        {"output": "Tie"},
        {"output": ""},
        {"output": "beta"},
        {"extra": {"z": 1, "a": [True, None]}, "another": "x"},
        {"instruction": "日本語で。", "source": "日本"},
    ],
)
def test_a_strangers_file_comes_out_as_it_was(tmp_path, changed):
    content = json.dumps(ROW | changed, ensure_ascii=False) + "\n"
    study = loaded(tmp_path, "theirs", {"alpha-vs-beta.jsonl": content}, "mad")
    assert written(study, "mad") == {"alpha-vs-beta.jsonl": content}


@pytest.mark.django_db
def test_rows_written_otherwise_come_out_as_they_were(tmp_path):
    content = "".join(
        [
            json.dumps(ROW) + "\n",
            json.dumps(dict(reversed(ROW.items())), separators=(",", ":")) + "\n",
            json.dumps({key: ROW[key] for key in ROW if key not in {"input", "source"}}) + "\n",
        ]
    )
    study = loaded(tmp_path, "theirs", {"alpha-vs-beta.jsonl": content}, "mad")
    assert written(study, "mad")["alpha-vs-beta.jsonl"] == content
    assert Comparison.objects.filter(study=study).count() == 3


@pytest.mark.django_db
def test_a_vote_that_no_longer_counts_is_left_out(tmp_path):
    content = "".join(json.dumps(ROW | {"output": winner}) + "\n" for winner in ("alpha", "beta"))
    study = loaded(tmp_path, "theirs", {"alpha-vs-beta.jsonl": content}, "mad")
    Comparison.objects.filter(study=study).order_by("pk")[0].withdraw(study.created_at)
    assert written(study, "mad")["alpha-vs-beta.jsonl"].splitlines() == content.splitlines()[1:]


@pytest.mark.django_db
def test_votes_of_unknown_people_are_a_crowds_and_a_rater_can_be_named(tmp_path):
    file = write(tmp_path, "alpha-vs-beta.jsonl", [ROW, ROW])
    load([file], study_slug="crowd", format_name="mad", seed=1)
    rater = Rater.objects.get(study__slug="crowd")
    assert (rater.kind, rater.name) == (RaterKind.CROWD, "crowd:mad")
    load([file], study_slug="judge", format_name="mad", rater="gpt-4", seed=1)
    rater = Rater.objects.get(study__slug="judge")
    assert (rater.kind, rater.name, rater.comparisons.count()) == (RaterKind.JUDGE, "gpt-4", 2)


@pytest.mark.django_db
def test_loading_a_file_again_changes_nothing(tmp_path):
    file = write(tmp_path, "alpha-vs-beta.jsonl", [ROW, ROW | {"output": "", "instruction": "Another."}])
    load([file], study_slug="study", format_name="mad", seed=1)
    report = load([file], study_slug="study", format_name="mad", seed=1)
    assert report.upload is None
    assert (BattleRow.objects.count(), Comparison.objects.count(), Pair.objects.count()) == (2, 1, 2)


@pytest.mark.django_db
def test_the_same_prompt_in_several_files_is_one(tmp_path):
    one = write(tmp_path, "alpha-vs-beta.jsonl", [ROW])
    other = write(
        tmp_path, "beta-vs-gamma.jsonl", [ROW | {"output": "gamma", "response_1": "Green", "response_2": "Pink"}]
    )
    load([one, other], study_slug="study", format_name="mad", seed=1)
    study = Study.objects.get(slug="study")
    assert study.prompt_set.prompts.count() == 1
    assert study.prompt_set.results.count() == 3


@pytest.mark.django_db
def test_votes_join_the_prompts_and_answers_of_a_study(tmp_path):
    study = build_study("native")
    pair = study.pairs.select_related("prompt", "result_x", "result_y", "model_x", "model_y")[0]
    row = ROW | {
        "instruction": pair.prompt.text,
        "response_1": pair.result_y.text,
        "response_2": pair.result_x.text,
        "output": pair.model_x.name,
    }
    file = write(tmp_path, mad.file_name(pair.model_y.name, pair.model_x.name), [row])
    load([file], study_slug="native", format_name="mad")
    vote = Comparison.objects.get(study=study)
    assert (vote.pair, vote.left, vote.winner) == (pair, "y", "x")
    assert study.pairs.count() == 12


@pytest.mark.parametrize(
    "names", [("a", "b"), ("org/model:1", 'x"y'), ("a-vs-b", "c"), ("100%", ".hidden"), ("日本", "ü"), ("a%2Fb", "c")]
)
def test_a_files_name_holds_any_two_models(names):
    called = mad.file_name(*names)
    assert mad.models_of(called) == names
    assert not set('/\\:*?"<>|') & set(called)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"output": "gamma"}, "output"),
        ({"output": 1}, "output"),
        ({"instruction": None}, "instruction"),
        ({"response_2": 7}, "response_2"),
        ({"input": []}, "input"),
    ],
)
def test_errors_name_line_and_field(tmp_path, changed, field):
    file = write(tmp_path, "alpha-vs-beta.jsonl", [ROW, ROW | changed])
    _first, fault = mad.read(Source(file.name, file), "battles")
    assert isinstance(fault, Fault)
    assert (fault.line, fault.field) == (2, field)


BATTLE = {
    "model_a": "alpha",
    "model_b": "beta",
    "winner": "tie (bothbad)",
    "judge": "arena_user_12",
    "turn": 1,
    "anony": True,
    "language": "English",
    "tstamp": 1700000000.25,
    "source": "arena",
    "data": ROW | {"output": "tie"},
}


def test_battles_are_recognised_by_their_content(tmp_path):
    for name, content in (
        ("any name (1).json", json.dumps([BATTLE], indent=2)),
        ("x.json", json.dumps([BATTLE])),
        ("lines.jsonl", json.dumps(BATTLE)),
    ):
        path = tmp_path / name
        path.write_text(content)
        assert battles.FORMAT.recognised(look(Source(name, path))).kind == "battles"
    for content in ("[]", "{}", "[1]", json.dumps([{"a": 1}]), "", "not json"):
        path.write_text(content)
        head = look(Source("x.json", path))
        assert isinstance(head, Fault) or battles.FORMAT.recognised(head) is None


@pytest.mark.django_db
def test_battles_come_out_as_they_were(tmp_path):
    rows = [
        BATTLE,
        BATTLE | {"winner": "model_b", "judge": "gpt-4", "tstamp": None, "language": "Klingon"},
        BATTLE | {"judge": "crowd:mturk", "data": ROW | {"score": {"a": 1}, "category": "x"}},
        {key: value for key, value in BATTLE.items() if key not in {"anony", "turn"}} | {"conv_id": "abc"},
    ]
    content = "[\n" + ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) + "\n]\n"
    study = loaded(tmp_path, "arena", {"battles.json": content}, "battles")
    assert written(study, "battles")["battles.json"] == content
    kinds = dict(Rater.objects.filter(study=study).values_list("name", "kind"))
    assert kinds == {"crowd:arena_user_12": "crowd", "gpt-4": "judge", "crowd:mturk": "crowd"}
    first = Comparison.objects.filter(study=study).order_by("pk")[0]
    assert (first.winner, first.answered_at.timestamp()) == ("tie", 1700000000.25)


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"winner": "alpha"}, "winner"),
        ({"model_a": ""}, "model_a"),
        ({"data": "text"}, "data"),
        ({"data": {"instruction": "x", "response_1": "y"}}, "data.response_2"),
        ({"judge": "all"}, "judge"),
    ],
)
def test_errors_of_battles_name_their_field(tmp_path, changed, field):
    path = tmp_path / "b.json"
    path.write_text(json.dumps([BATTLE, BATTLE | changed], indent=1))
    _first, fault = battles.read(Source(path.name, path), "battles")
    assert isinstance(fault, Fault)
    assert fault.field == field
    assert fault.line > 20


@pytest.mark.django_db
def test_a_battle_of_a_model_with_itself_is_refused(tmp_path):
    path = tmp_path / "b.json"
    path.write_text(json.dumps([BATTLE | {"model_b": "alpha"}]))
    with pytest.raises(FaultyFiles):
        load([path], study_slug="self", format_name="battles")


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-9, 9)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.dictionaries(st.sampled_from([*mad.COLUMNS, "x", "data"]), JSON, max_size=9)


@given(OBJECTS, OBJECTS)
def test_a_remainder_gives_the_line_back(row, built):
    for text in (json.dumps(row), json.dumps(row, ensure_ascii=False), json.dumps(row, separators=(",", ":"))):
        extra = json.loads(json.dumps(remainder.rest(row, built, text, battles.ORDER), sort_keys=True))
        assert remainder.line(built, extra, battles.ORDER) == text


@given(
    st.lists(st.dictionaries(st.text(max_size=4), JSON, max_size=4), min_size=1, max_size=5),
    st.sampled_from([None, 0, 2]),
)
def test_a_list_is_read_object_by_object(tmp_path_factory, objects, indent):
    if any("\x00" in json.dumps(row) or "\\u0000" in json.dumps(row) or "\\ud" in json.dumps(row) for row in objects):
        return
    path = tmp_path_factory.mktemp("list") / "x.json"
    path.write_text(json.dumps(objects, indent=indent, ensure_ascii=False), "utf-8")
    assert [row.values for row in rows(Source("x.json", path))] == objects


@pytest.mark.parametrize("content", ["", "[", "[{}", '[{"a": 1}, 2]', "[{]}", '[{"a"}]', "[[1]]", "x", '["a"]'])
def test_what_is_no_list_of_objects_is_a_fault(tmp_path, content):
    path = tmp_path / "x.json"
    path.write_text(content)
    assert any(isinstance(each, Fault) for each in rows(Source("x.json", path)))


def test_records_are_of_one_kind(tmp_path):
    file = write(tmp_path, "alpha-vs-beta.jsonl", [ROW])
    (record,) = mad.read(Source(file.name, file), "battles")
    assert isinstance(record, Record)
    assert record.kind == "battles"


@pytest.mark.django_db
def test_undoing_an_upload_takes_its_rows_back(tmp_path):
    report = load([write(tmp_path, "alpha-vs-beta.jsonl", [ROW, ROW])], study_slug="undone", format_name="mad", seed=1)
    undo(report.upload)
    assert not BattleRow.objects.exists()
    assert not Comparison.objects.exists()
    assert not Pair.objects.exists()


@pytest.mark.django_db
def test_a_page_of_the_study_takes_the_files_and_offers_them(tmp_path, as_user, owner):
    study = build_study("paged")
    study.owner = owner
    study.save()
    shown = as_user(owner).get(reverse("study-export", args=["paged"])).content.decode()
    assert "who voted (after loading, all votes belong to one crowd)" in shown
    sent = as_user(owner).get(reverse("study-download", args=["paged", "battles"]))
    assert sent.headers["Content-Type"] == "application/zip"
    with (write(tmp_path, "alpha-vs-beta.jsonl", [ROW])).open("rb") as file:
        as_user(owner).post(reverse("study-data", args=["paged"]), {"exchange_files": [file]})
    upload = study.uploads.get()
    uploads.run(upload.pk)
    upload.refresh_from_db()
    assert upload.report["counts"]["battles"]["new"] == 1
