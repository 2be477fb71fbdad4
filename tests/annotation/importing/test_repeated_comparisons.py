"""A judge's repeated answers, by turn, order and sample, survive an export and an import."""

import csv
import io
from pathlib import Path

import pytest

from annotation.exporting import export
from annotation.importing import load
from annotation.models import Comparison, Pair, Rater, Study
from tests.annotation import exchange

pytestmark = pytest.mark.django_db

HEADER = "id,prompt,model_x,model_y,winner,left,right,turn,repetition\n"
BOTH_ORDERS = HEADER + (
    "0,5,7,3,left,Alder 7B,'=Birch,0,0\n"
    "0,5,3,7,left,'=Birch,Alder 7B,0,1\n"
    "0,5,7,3,tie,Alder 7B,'=Birch,0,2\n"
    "0,5,3,7,right,'=Birch,Alder 7B,0,3\n"
    "4,5,12,7,left,command,Alder 7B,1,0\n"
    "4,5,12,7,right,command,Alder 7B,2,0\n"
)


def loaded(*paths: Path, study: str = "trees", **options: object) -> load.Report:
    return load.load(list(paths), study_slug=study, **options)  # type: ignore[arg-type]


def written(study: Study, **wishes: object) -> str:
    return "".join(export.export(study, "comparisons", **wishes))  # type: ignore[arg-type]


def faults(error: pytest.ExceptionInfo[load.FaultyFiles]) -> list[str]:
    return [load.worded(fault) for fault in error.value.faults.listed]


@pytest.fixture
def trees(tmp_path: Path) -> Study:
    haiku, reversing = exchange.PROMPTS
    prompts = exchange.jsonl([haiku | {"turns": ["And in French?"]}, reversing])
    loaded(exchange.write(tmp_path / "in", prompts=prompts))
    return Study.objects.select_related("prompt_set").get(slug="trees")


@pytest.fixture
def both(tmp_path: Path) -> Path:
    path = tmp_path / "owl-comparisons.csv"
    path.write_text(BOTH_ORDERS)
    return path


def test_orders_samples_and_turns_come_back_as_they_were(trees: Study, both: Path) -> None:
    loaded(both)
    assert written(trees, raters="owl") == BOTH_ORDERS
    kept = Comparison.objects.filter(rater__name="owl").order_by("pk")
    assert list(kept.values_list("pair__number", "turn", "trial", "left", "winner")) == [
        (0, 0, 0, "x", "x"),
        (0, 0, 1, "y", "y"),
        (0, 0, 2, "x", "tie"),
        (0, 0, 3, "y", "x"),
        (4, 1, 0, "x", "x"),
        (4, 2, 0, "x", "y"),
    ]


def test_the_same_file_again_changes_nothing(trees: Study, both: Path) -> None:
    loaded(both)
    report = loaded(both)
    assert report.upload is None
    assert report.counts["comparisons"].unchanged == 6


def test_another_answer_at_the_same_time_is_a_fault(trees: Study, both: Path) -> None:
    loaded(both)
    both.write_text(HEADER + "0,5,3,7,tie,'=Birch,Alder 7B,0,1\n")
    with pytest.raises(load.FaultyFiles) as error:
        loaded(both)
    assert faults(error) == ["owl-comparisons.csv:2: winner: This rater already answered this pair with left, not tie."]


def test_everybodys_comparisons_come_back_together(trees: Study, both: Path, tmp_path: Path) -> None:
    loaded(both)
    everybody = tmp_path / "all-comparisons.csv"
    everybody.write_text(written(trees, raters="all"))
    corpus = [tmp_path / "in" / name for name in exchange.CORPUS]
    loaded(*corpus, tmp_path / "in" / "pairs.jsonl", everybody, study="copy", prompt_set_slug="copy")
    assert written(Study.objects.get(slug="copy"), raters="all") == everybody.read_text()


def test_who_answered_every_pair_once_is_written_without_the_columns(trees: Study, both: Path) -> None:
    loaded(both)
    assert written(trees, raters="robin") == exchange.JUDGE
    assert written(trees) == exchange.CROWD


def test_a_file_without_the_columns_finds_what_a_judge_said_in_one_drawn_order(trees: Study, tmp_path: Path) -> None:
    pair = Pair.objects.get(study=trees, number=4)
    owl = Rater.objects.create(study=trees, kind="judge", name="owl")
    Comparison.objects.create(study=trees, pair=pair, rater=owl, trial=1, left="y", winner="y")
    rows = list(csv.reader(io.StringIO(written(trees, raters="owl"))))
    path = tmp_path / "owl-comparisons.csv"
    path.write_text("".join(",".join(row[:7]) + "\n" for row in rows))
    assert loaded(path).upload is None
    path.write_text(path.read_text().replace(",left,", ",right,"))
    with pytest.raises(load.FaultyFiles):
        loaded(path)


def test_a_person_answers_a_pair_once(trees: Study, tmp_path: Path) -> None:
    path = tmp_path / "more-comparisons.csv"
    path.write_text("id,prompt,model_x,model_y,worker,winner,turn,repetition\n9,2,3,12,5,left,0,1\n")
    with pytest.raises(load.FaultyFiles) as error:
        loaded(path)
    assert faults(error) == [
        "more-comparisons.csv:2: repetition: People answer each pair once, as a whole. Set this to 0."
    ]


@pytest.mark.parametrize(("turn", "repetition"), [("-1", "0"), ("0", "-1"), ("32768", "0"), ("0", "2147483648")])
def test_what_no_database_keeps_is_a_fault(trees: Study, tmp_path: Path, turn: str, repetition: str) -> None:
    path = tmp_path / "owl-comparisons.csv"
    path.write_text(HEADER + f"0,5,7,3,left,Alder 7B,'=Birch,{turn},{repetition}\n")
    with pytest.raises(load.FaultyFiles) as error:
        loaded(path)
    (told,) = faults(error)
    assert "Expected a whole number from 0 to" in told


def test_a_turn_that_the_prompt_does_not_have_is_refused(trees: Study, tmp_path: Path) -> None:
    path = tmp_path / "owl-comparisons.csv"
    path.write_text(HEADER + "0,5,7,3,left,Alder 7B,'=Birch,3,0\n9,2,3,12,right,'=Birch,command,2,0\n")
    with pytest.raises(load.FaultyFiles) as error:
        loaded(path)
    assert faults(error) == [
        "owl-comparisons.csv:2: turn: Prompt 5 has 2 turns, so turn 3 does not exist.",
        "owl-comparisons.csv:3: turn: Prompt 2 has 1 turns, so turn 2 does not exist.",
    ]
