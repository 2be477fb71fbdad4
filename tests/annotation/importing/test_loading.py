"""Loading is all or nothing and in order of reference; loading the same files again changes nothing."""

import io
import os
import zipfile
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from annotation.importing import load
from annotation.models import (
    Comparison,
    LanguageModel,
    Pair,
    Prompt,
    PromptSet,
    Purpose,
    Rater,
    Result,
    ResultFlag,
    Study,
    Upload,
    UploadState,
    Worker,
)
from annotation.studies import lifecycle
from annotation.studies.lifecycle import NotPossible
from tests.annotation import exchange
from tests.builders import build_study, build_worker

pytestmark = pytest.mark.django_db

TABLES = (LanguageModel, Prompt, Result, Pair, Rater, Worker, Comparison, Study, PromptSet, Upload, ResultFlag)


def stored() -> list[list[tuple[object, ...]]]:
    return [list(table._default_manager.order_by("pk").values_list()) for table in TABLES]


def loaded(*paths: Path, study: str = "trees", **options: object) -> load.Report:
    return load.load(paths, study_slug=study, **options)  # type: ignore[arg-type]


def test_a_folder_becomes_a_study_with_everything_in_it(tmp_path: Path) -> None:
    report = loaded(exchange.write(tmp_path))
    study = Study.objects.get(slug="trees")
    assert study.prompt_set.slug == "trees"
    assert {kind: counts.new for kind, counts in report.counts.items()} == {
        "models": 3,
        "prompts": 2,
        "results": 6,
        "pairs": 3,
        "training": 3,
        "check": 1,
        "comparisons": 6,
    }
    assert list(study.prompt_set.models.values_list("number", flat=True)) == [7, 3, 12]
    result = Result.objects.get(number=110)
    assert (result.text, result.duration, result.rate) == (exchange.RESULTS[3]["result"], 12.5, None)
    assert list(study.pairs.values_list("number", "purpose", "golden")) == [
        (0, "vote", ""),
        (4, "vote", ""),
        (9, "vote", ""),
        (-1, "training", "x"),
        (-2, "training", "y"),
        (-3, "training", "tie"),
        (-11, "check", "x"),
    ]
    assert report.upload is not None
    assert report.upload.state == UploadState.STORED


def test_who_stood_on_the_left_is_stored_and_who_won_by_the_pairs_sides(tmp_path: Path) -> None:
    loaded(exchange.write(tmp_path))
    people = Comparison.objects.filter(rater__kind="worker")
    told = people.values_list("pair__number", "rater__worker__number", "left", "winner")
    assert list(told.order_by("pk")) == [(0, 0, "x", "x"), (0, 1, "y", "y"), (4, 0, "x", "tie"), (9, 1, "x", "y")]
    judge = Comparison.objects.filter(rater__name="robin")
    assert list(judge.values_list("pair__number", "left", "winner").order_by("pk")) == [(0, "x", "y"), (4, "x", "tie")]


def test_the_same_files_again_change_nothing(tmp_path: Path) -> None:
    exchange.write(tmp_path)
    loaded(tmp_path)
    before = stored()
    report = loaded(tmp_path)
    assert stored() == before
    assert report.upload is None
    assert all(counts.new == 0 for counts in report.counts.values())


@pytest.mark.parametrize("order", ["models prompts results pairs", "pairs results prompts models"])
def test_files_are_taken_in_order_of_reference_however_they_are_named(tmp_path: Path, order: str) -> None:
    exchange.write(tmp_path)
    loaded(*(tmp_path / f"{name}.jsonl" for name in order.split()))
    assert Pair.objects.count() == 3


def test_files_may_come_one_after_the_other(tmp_path: Path) -> None:
    exchange.write(tmp_path)
    for name in exchange.FILES:
        loaded(tmp_path / name)
    assert Comparison.objects.count() == 6
    assert Upload.objects.count() == len(exchange.FILES)


def test_compressed_files_are_accepted(tmp_path: Path) -> None:
    for path in list(exchange.write(tmp_path).iterdir()):
        exchange.pack(path)
    loaded(tmp_path)
    assert Comparison.objects.count() == 6
    assert Rater.objects.filter(name="robin").exists()


def test_unknown_files_of_a_folder_are_skipped_and_listed(tmp_path: Path) -> None:
    exchange.write(tmp_path)
    (tmp_path / "README.md").write_text("hello")
    (tmp_path / "inner").mkdir()
    assert loaded(tmp_path).skipped == ("README.md", "inner")


def test_a_name_that_is_no_text_is_listed_all_the_same(tmp_path: Path) -> None:
    exchange.write(tmp_path)
    (tmp_path / os.fsdecode(b"\xff\x1b.txt")).write_text("")
    out = io.StringIO()
    call_command("load", str(tmp_path), study="trees", stdout=out)
    assert "skipped: \ufffd\ufffd.txt\n" in out.getvalue()


def test_a_file_of_an_unknown_name_that_is_named_outright_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("hello")
    with pytest.raises(load.FaultyFiles, match="No format recognises this file"):
        loaded(tmp_path / "README.md")
    with pytest.raises(load.FaultyFiles, match="File not found"):
        loaded(tmp_path / "models.jsonn")
    with pytest.raises(load.FaultyFiles, match="cannot be read"):
        loaded(tmp_path / "models.jsonl")
    with pytest.raises(load.FaultyFiles, match="No file to load was found"):
        loaded(tmp_path)
    assert not Study.objects.exists()


def test_columns_that_are_not_read_are_reported(tmp_path: Path) -> None:
    models = [{**row, "colour": "red"} for row in exchange.MODELS]
    report = loaded(exchange.write(tmp_path, models=exchange.jsonl(models)))
    assert report.unknown == {"models.jsonl": ["colour"]}


def test_keys_may_stand_in_any_order_and_repeated_ones_be_left_out(tmp_path: Path) -> None:
    results = [{key: row[key] for key in ("result", "prompt", "model", "id")} for row in exchange.RESULTS]
    models = [dict(reversed(row.items())) for row in exchange.MODELS]
    loaded(exchange.write(tmp_path, models=exchange.jsonl(models), results=exchange.jsonl(results)))
    assert Result.objects.count() == 6


def test_a_second_result_of_a_model_to_a_prompt_is_its_next_sample(tmp_path: Path) -> None:
    second = exchange.result(500, exchange.MODELS[0], exchange.PROMPTS[0], "Another answer.")
    third = exchange.result(400, exchange.MODELS[0], exchange.PROMPTS[0], "A third.")
    other = exchange.pair(77, exchange.PROMPTS[0], 7, 3, result_x="Another answer.")
    exchange.write(
        tmp_path,
        results=exchange.jsonl([*exchange.RESULTS, second]),
        pairs=exchange.jsonl([*exchange.PAIRS, other]),
    )
    loaded(tmp_path)
    (tmp_path / "results.jsonl").write_text(exchange.jsonl([third]))
    loaded(tmp_path / "results.jsonl")
    samples = Result.objects.filter(model__number=7, prompt__number=5).order_by("sample")
    assert list(samples.values_list("number", "sample")) == [(100, 0), (500, 1), (400, 2)]
    assert Pair.objects.get(number=77).result_x == samples[1]


def test_our_own_columns_are_kept(tmp_path: Path) -> None:
    models = [{**exchange.MODELS[0], "licence": "MIT", "price": 0.5, "released": "2025-01-31"}, *exchange.MODELS[1:]]
    prompts = [{**exchange.PROMPTS[0], "turns": ["And now?"], "references": ["a", "b"], "lang": "ja"}]
    results = [{**exchange.RESULTS[0], "turns": ["This."]}]
    exchange.write(
        tmp_path,
        models=exchange.jsonl(models),
        prompts=exchange.jsonl(prompts),
        results=exchange.jsonl(results),
        **{name.partition(".")[0].replace("-", "_"): None for name in exchange.FILES if name not in exchange.CORPUS},
    )
    loaded(tmp_path)
    model = LanguageModel.objects.get(number=7)
    assert (model.licence, model.price, str(model.released)) == ("MIT", 0.5, "2025-01-31")
    prompt = Prompt.objects.get()
    assert (prompt.turns, prompt.references, prompt.lang) == (["And now?"], ["a", "b"], "ja")
    assert Result.objects.get().turns == ["This."]
    assert loaded(tmp_path).upload is None


def test_ids_are_only_unique_within_their_study_or_prompt_set(tmp_path: Path) -> None:
    exchange.write(tmp_path)
    loaded(tmp_path)
    loaded(tmp_path, study="other")
    loaded(tmp_path, study="third", prompt_set_slug="trees")
    assert PromptSet.objects.count() == 2
    assert Result.objects.count() == 12
    assert Comparison.objects.count() == 18


def test_a_study_keeps_its_prompt_set(tmp_path: Path) -> None:
    exchange.write(tmp_path)
    loaded(tmp_path)
    loaded(tmp_path, prompt_set_slug="trees")
    with pytest.raises(NotPossible, match="uses the prompt set “trees”, not “other”"):
        loaded(tmp_path, prompt_set_slug="other")
    with pytest.raises(NotPossible):
        loaded(tmp_path, study="no slug")


def test_people_who_voted_elsewhere_are_workers_who_have_completed(tmp_path: Path) -> None:
    loaded(exchange.write(tmp_path))
    workers = Worker.objects.order_by("number")
    assert list(workers.values_list("number", "stage", "outcome", "votes", "joined_at")) == [
        (0, "done", "completed", 2, None),
        (1, "done", "completed", 2, None),
    ]


def test_loaded_votes_of_people_count_as_taken_and_those_of_judges_do_not(tmp_path: Path) -> None:
    loaded(exchange.write(tmp_path))
    assert list(Pair.objects.votable().values_list("number", "taken", "wanted")) == [(0, 2, 2), (4, 1, 1), (9, 1, 1)]
    lifecycle.start(Study.objects.get())
    assert list(Pair.objects.votable().values_list("taken", "wanted")) == [(2, 3), (1, 3), (1, 3)]
    more = exchange.CROWD + "".join(f"4,5,12,7,{worker},left,command,Alder 7B\n" for worker in range(10, 15))
    (tmp_path / "crowd-comparisons.csv").write_text(more)
    loaded(tmp_path)
    assert list(Pair.objects.votable().values_list("taken", "wanted")) == [(2, 3), (6, 6), (1, 3)]


def test_pairs_loaded_into_an_open_study_are_offered_within_its_filters(tmp_path: Path) -> None:
    exchange.write(
        tmp_path, pairs=exchange.jsonl(exchange.PAIRS[:1]), crowd_comparisons=None, robin_crowd_comparisons=None
    )
    loaded(tmp_path)
    study = lifecycle.start(lifecycle.change_settings(Study.objects.get(), {"exclude_types": ["code"]}))
    (tmp_path / "pairs.jsonl").write_text(exchange.jsonl(exchange.PAIRS))
    loaded(tmp_path)
    assert dict(Pair.objects.votable().values_list("number", "wanted")) == {0: study.overlap, 4: study.overlap, 9: 0}


def test_a_comparison_on_a_pair_that_no_file_defines_makes_the_pair(tmp_path: Path) -> None:
    report = loaded(exchange.write(tmp_path, pairs=None))
    assert report.pairs_made == 3
    pair = Pair.objects.get(number=0)
    assert (pair.model_x.number, pair.model_y.number) == (7, 3)
    assert pair.result_x is not None
    assert pair.result_x.number == 100
    assert Comparison.objects.count() == 6


def test_a_judge_is_named_by_the_file_or_by_whoever_loads_it(tmp_path: Path) -> None:
    exchange.write(tmp_path)
    loaded(tmp_path)
    loaded(tmp_path / "robin-crowd-comparisons.csv", rater="wren")
    assert set(Rater.objects.filter(kind="judge").values_list("name", flat=True)) == {"robin", "wren"}


@pytest.mark.parametrize("name", ["people", "all"])
def test_reserved_names_are_no_judges(tmp_path: Path, name: str) -> None:
    exchange.write(tmp_path)
    with pytest.raises(load.FaultyFiles, match="Which judge made these comparisons"):
        loaded(tmp_path, rater=name)
    (tmp_path / "robin-crowd-comparisons.csv").rename(tmp_path / f"{name}-comparisons.csv")
    with pytest.raises(load.FaultyFiles, match="Which judge made these comparisons"):
        loaded(tmp_path)


def test_a_rater_is_refused_for_several_judges_files_and_for_none(tmp_path: Path) -> None:
    exchange.write(tmp_path)
    with pytest.raises(load.FaultyFiles, match="none of these files contains the comparisons of a single judge"):
        loaded(tmp_path / "models.jsonl", rater="robin")
    (tmp_path / "wren-comparisons.csv").write_text(exchange.JUDGE)
    with pytest.raises(load.FaultyFiles, match="several of these files contain the comparisons of a single judge"):
        loaded(tmp_path, rater="robin")
    (tmp_path / "robin-crowd-comparisons.csv").rename(tmp_path / "comparisons.csv")
    with pytest.raises(load.FaultyFiles, match="Which judge made these comparisons"):
        loaded(tmp_path / "comparisons.csv")


def test_people_and_judges_may_stand_in_one_file_with_a_rater_column(tmp_path: Path) -> None:
    both = (
        "id,prompt,model_x,model_y,worker,winner,left,right,rater\n"
        "0,5,7,3,8,left,Alder 7B,'=Birch,people\n"
        "0,5,7,3,,right,Alder 7B,'=Birch,'+robin\n"
    )
    loaded(exchange.write(tmp_path, crowd_comparisons=both, robin_crowd_comparisons=None))
    assert Worker.objects.get().number == 8
    assert Rater.objects.get(kind="judge").name == "+robin"


def test_a_file_cannot_add_votes_in_the_name_of_somebody_who_came_by_the_link(tmp_path: Path) -> None:
    study = build_study(opened=True)
    worker = build_worker(study)
    pair = study.pairs.order_by("pk")[0]
    row = f"{pair.number},{pair.prompt.number},{pair.model_x.number},{pair.model_y.number},{worker.number},left"
    path = tmp_path / "crowd-comparisons.csv"
    path.write_text(f"id,prompt,model_x,model_y,worker,winner\n{row}\n")
    with pytest.raises(load.FaultyFiles, match="joined this study through its link"):
        loaded(path, study=study.slug)


def test_an_answer_that_names_its_model_is_flagged(tmp_path: Path) -> None:
    results = [
        {**exchange.RESULTS[0], "result": "I am Alder 7B, made by Ostrava Labs."},
        *exchange.RESULTS[1:],
    ]
    exchange.write(tmp_path, results=exchange.jsonl(results), pairs=exchange.jsonl(exchange.PAIRS[2:]))
    report = loaded(tmp_path)
    assert report.flagged == 1
    flag = ResultFlag.objects.get()
    assert (flag.result.number, flag.kind) == (100, "names-itself")
    assert "Alder" in flag.found


def test_the_random_keys_of_pairs_can_be_drawn_again_from_the_uploads_seed(tmp_path: Path) -> None:
    exchange.write(tmp_path)
    report = loaded(tmp_path)
    assert report.upload is not None
    loaded(tmp_path, study="other", seed=report.upload.options["seed"])
    keys = [list(Pair.objects.filter(study__slug=slug).values_list("key", flat=True)) for slug in ("trees", "other")]
    assert keys[0] == keys[1]
    assert len(set(keys[0])) == 7


@pytest.mark.parametrize("folder", ["", "llmfao/"])
def test_an_archive_of_exchange_files_is_a_folder_whether_or_not_they_lie_in_one(tmp_path: Path, folder: str) -> None:
    with zipfile.ZipFile(tmp_path / "trees.zip", "w") as archive:
        for name, text in exchange.FILES.items():
            archive.writestr(folder + name, text)
        archive.writestr(f"{folder}notes.txt", "")
    report = loaded(tmp_path / "trees.zip")
    assert Comparison.objects.count() == 6
    assert list(Rater.objects.filter(kind="judge").values_list("name", flat=True)) == ["robin"]
    assert report.skipped == (f"{folder}notes.txt",)


def test_the_ending_of_a_file_may_be_in_capitals(tmp_path: Path) -> None:
    exchange.write(tmp_path)
    exchange.pack(tmp_path / "models.jsonl").rename(tmp_path / "MODELS.JSONL.GZ")
    loaded(tmp_path)
    assert LanguageModel.objects.count() == 3


def test_columns_that_are_not_read_are_told_in_bounded_space(tmp_path: Path) -> None:
    models = [{**model, "note\u001b[2J": 1, "k" * 5000: 1} for model in exchange.MODELS]
    prompts = [
        {**prompt, **{f"{index}-{place}": 1 for index in range(40)}} for place, prompt in enumerate(exchange.PROMPTS)
    ]
    exchange.write(tmp_path, models=exchange.jsonl(models), prompts=exchange.jsonl(prompts))
    unknown = loaded(tmp_path).unknown
    assert unknown["models.jsonl"] == ["k" * 80, "note\N{REPLACEMENT CHARACTER}[2J"]
    assert len(unknown["prompts.jsonl"]) == 51
    assert unknown["prompts.jsonl"][-1] == "…"


def test_progress_counts_the_bytes_of_both_readings(tmp_path: Path) -> None:
    exchange.write(tmp_path)
    told: list[tuple[int, int]] = []
    loaded(tmp_path, tell=lambda done, total: told.append((done, total)))
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert told[-1] == (2 * size, 2 * size)
    assert told == sorted(told)


def test_the_command_reports_on_standard_output(tmp_path: Path) -> None:
    exchange.write(tmp_path)
    (tmp_path / "notes.txt").write_text("")
    out = io.StringIO()
    call_command("load", str(tmp_path), study="trees", stdout=out)
    assert "models: 3 new, 0 unchanged\n" in out.getvalue()
    assert "skipped: notes.txt\n" in out.getvalue()
    assert "load --undo" in out.getvalue()


def test_the_command_lists_faults_with_file_line_and_field(tmp_path: Path) -> None:
    exchange.write(tmp_path, models='{"id": "seven", "name": ""}\n')
    errors = io.StringIO()
    with pytest.raises(CommandError, match=r"errors found\. Nothing was saved"):
        call_command("load", str(tmp_path), study="trees", stderr=errors)
    assert 'models.jsonl:1: id: Expected a whole number, not "seven".\n' in errors.getvalue()
    assert "models.jsonl:1: name: The name cannot be empty.\n" in errors.getvalue()


@pytest.mark.parametrize("arguments", [["--study", "a"], ["x.jsonl"], ["--undo", "1", "x"], ["--undo", "99"]])
def test_the_command_refuses_what_does_not_go_together(arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        call_command("load", *arguments)


def test_check_pairs_take_no_places(tmp_path: Path) -> None:
    loaded(exchange.write(tmp_path))
    lifecycle.start(Study.objects.get())
    assert Pair.objects.exclude(purpose=Purpose.VOTE).filter(wanted=0).count() == 4
