"""Comparisons with weights and soft verdicts, and votes of a crowd whose members are not known."""

from pathlib import Path

import pytest

from annotation.exporting import export
from annotation.importing import load, undo
from annotation.models import Comparison, Pair, Rater, RaterKind, Study, Worker
from tests.annotation import exchange
from tests.builders import NOW

pytestmark = pytest.mark.django_db

HEADER = "id,prompt,model_x,model_y,winner,left,right,weight,share\n"
SOFT = HEADER + (
    "0,5,7,3,left,Alder 7B,'=Birch,2.5,0.875\n"
    "0,5,3,7,right,'=Birch,Alder 7B,,0.25\n"
    "4,5,12,7,tie,command,Alder 7B,0.1,\n"
)
CROWD = (
    "id,prompt,model_x,model_y,worker,winner,left,right,rater\n"
    "0,5,7,3,,left,Alder 7B,'=Birch,crowd:arena\n"
    "0,5,7,3,,left,Alder 7B,'=Birch,crowd:arena\n"
    "0,5,3,7,,left,'=Birch,Alder 7B,crowd:arena\n"
    "4,5,12,7,,tie,command,Alder 7B,crowd\n"
)


def loaded(*paths: Path) -> load.Report:
    return load.load(list(paths), study_slug="trees")


def written(study: Study, **wishes: object) -> str:
    return "".join(export.export(study, "comparisons", **wishes))  # type: ignore[arg-type]


def faults(text: str, path: Path) -> list[str]:
    path.write_text(text)
    with pytest.raises(load.FaultyFiles) as error:
        loaded(path)
    return [load.worded(fault) for fault in error.value.faults.listed]


@pytest.fixture
def trees(tmp_path: Path) -> Study:
    loaded(exchange.write(tmp_path / "in"))
    return Study.objects.select_related("prompt_set").get(slug="trees")


@pytest.fixture
def soft(tmp_path: Path) -> Path:
    path = tmp_path / "owl-comparisons.csv"
    # Two orders of one pair are two answers.
    path.write_text(SOFT.replace("weight,share\n", "weight,share,repetition\n").replace("0.25\n", "0.25,1\n"))
    text = path.read_text().splitlines()
    path.write_text("\n".join(line if line.count(",") == 9 else f"{line},0" for line in text) + "\n")
    return path


def test_weights_and_shares_are_stored_for_x_and_exported_for_the_left_model(trees: Study, soft: Path) -> None:
    loaded(soft)
    rows = Comparison.objects.filter(rater__name="owl").order_by("pk")
    assert list(rows.values_list("left", "winner", "weight", "share")) == [
        ("x", "x", 2.5, 0.875),
        ("y", "x", None, 0.75),
        ("x", "tie", 0.1, None),
    ]
    lines = written(trees, raters="owl").splitlines()
    assert lines[0].endswith(",weight,share")
    assert [line.split(",")[-2:] for line in lines[1:]] == [["2.5", "0.875"], ["", "0.25"], ["0.1", ""]]
    assert "weight,share" in written(trees, raters="all", full=True).splitlines()[0]
    assert "weight" not in written(trees).splitlines()[0]


def test_the_same_rows_again_change_nothing_and_another_weight_is_refused(
    trees: Study, soft: Path, tmp_path: Path
) -> None:
    loaded(soft)
    assert loaded(soft).counts["comparisons"].unchanged == 3
    exported = tmp_path / "again" / "owl-comparisons.csv"
    exported.parent.mkdir()
    exported.write_text(written(trees, raters="owl"))
    assert loaded(exported).counts["comparisons"].unchanged == 3
    soft.write_text(soft.read_text().replace("2.5", "2"))
    with pytest.raises(load.FaultyFiles) as error:
        loaded(soft)
    (fault,) = error.value.faults.listed
    assert "another weight, share or kind of tie" in load.worded(fault)


@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ("0,0.9", "Expected a weight above 0"),
        ("-1,", "Expected a weight above 0"),
        ("nan,", "Expected a number"),
        ("two,", "Expected a number"),
        (",1.5", "Expected a share from 0 to 1"),
        (",0.25", "The winner is left, but the left model’s share is"),
    ],
)
def test_a_weight_or_share_that_cannot_be_is_refused(trees: Study, tmp_path: Path, cells: str, reason: str) -> None:
    text = HEADER + f"0,5,7,3,left,Alder 7B,'=Birch,{cells}\n"
    (fault,) = faults(text, tmp_path / "owl-comparisons.csv")
    assert reason in fault


def test_an_undo_copies_weight_and_share(trees: Study, soft: Path) -> None:
    loaded(soft)
    row = Comparison.objects.filter(rater__name="owl").earliest("pk")
    row.withdraw(NOW)
    row.refresh_from_db()
    assert row.superseded_by is not None
    assert (row.superseded_by.withdrawn, row.superseded_by.weight, row.superseded_by.share) == (True, 2.5, 0.875)


def test_a_crowd_is_one_rater_a_source_and_its_rows_differ_by_number(trees: Study, tmp_path: Path) -> None:
    workers, raters = Worker.objects.count(), Rater.objects.count()
    taken = Pair.objects.get(study=trees, number=0).taken
    path = tmp_path / "comparisons.csv"
    path.write_text(CROWD)
    upload = loaded(path).upload
    assert upload is not None
    assert Worker.objects.count() == workers
    assert Rater.objects.count() == raters + 2
    crowd = Rater.objects.get(name="crowd:arena")
    assert crowd.kind == RaterKind.CROWD
    assert sorted(crowd.comparisons.values_list("pair__number", "trial", "winner")) == [
        (0, 0, "x"),
        (0, 1, "x"),
        (0, 2, "y"),
    ]
    assert Pair.objects.get(study=trees, number=0).taken == taken + 3
    assert loaded(path).counts["comparisons"].unchanged == 4
    # They count as people, in exports too.
    assert written(trees).count("crowd:arena") == 3
    assert "crowd:arena" not in written(trees, raters="crowd:arena").splitlines()[0]
    undo.undo(upload)
    assert Pair.objects.get(study=trees, number=0).taken == taken
    assert not Rater.objects.filter(kind=RaterKind.CROWD).exists()


def test_another_file_of_a_crowd_says_what_to_do_where_its_votes_differ(trees: Study, tmp_path: Path) -> None:
    path = tmp_path / "comparisons.csv"
    path.write_text(CROWD)
    loaded(path)
    (fault,) = faults(
        "".join(CROWD.splitlines(keepends=True)[:1]) + "0,5,7,3,,tie,Alder 7B,'=Birch,crowd:arena\n", path
    )
    assert "crowd:NAME" in fault


def test_no_judge_can_be_called_like_a_crowd(trees: Study, tmp_path: Path) -> None:
    path = tmp_path / "crowd:x-comparisons.csv"
    path.write_text(HEADER + "0,5,7,3,left,Alder 7B,'=Birch,,\n")
    with pytest.raises(load.FaultyFiles, match="Which judge"):
        loaded(path)
