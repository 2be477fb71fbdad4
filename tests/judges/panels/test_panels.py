"""Panels follow their members exactly once, also under concurrency."""

from collections.abc import Callable
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from annotation.exporting import export
from annotation.importing import undo
from annotation.models import Comparison, Pair, Rater, RaterKind, Study, Upload, UploadState
from annotation.studies.lifecycle import NotPossible
from judges import verdicts
from judges.judging import runs
from judges.judging.planning import Plan
from judges.models import Panel, PanelDecision
from judges.panels import panels
from judges.panels.panels import PanelSpec
from judges.prompting.readers import READERS
from ranking.reports import agreement
from ranking.votes import reader as read_for_boards
from ranking.votes.reader import Filters
from tests.builders import NOW
from tests.judges.conftest import make_judge, run_judge
from tests.together import together

STATES = PanelDecision.State


def add_judge(study: Study, name: str, words: str = "", **more: Any) -> Rater:
    """Creates an imported judge with its verdicts on the study's pairs, in order: x, y, t, or - for none."""
    rater = Rater.objects.create(study=study, kind=RaterKind.JUDGE, name=name, **more)
    say(rater, words)
    return rater


def say(rater: Rater, words: str, *, left: str = "x", trial: int = 0) -> None:
    for pair, word in zip(Pair.objects.filter(study=rater.study_id).order_by("pk"), words, strict=False):
        if word != "-":
            Comparison.objects.create(
                study_id=rater.study_id,
                pair=pair,
                rater=rater,
                left=left,
                trial=trial,
                winner={"t": "tie"}.get(word, word),
                answered_at=NOW,
            )


def panel_of(study: Study, *names: str, name: str = "panel", **spec: Any) -> Panel:
    panel = panels.create(study, name, PanelSpec(names, **spec), NOW)
    panels.make(panel.pk)
    panel.refresh_from_db()
    return panel


def words_of(panel: Panel) -> str:
    """Returns the panel's verdicts in force on the pairs, in order."""
    said = dict(Comparison.objects.in_force().filter(rater=panel.rater_id).values_list("pair", "winner"))
    return "".join(said.get(pair.pk, "-")[0] for pair in Pair.objects.filter(study=panel.study_id).order_by("pk"))


@pytest.fixture
def judged(study: Study) -> Study:
    add_judge(study, "ann", "xxyt-x")
    add_judge(study, "bob", "xyyx-x")
    add_judge(study, "cas", "yxyyx-")
    return study


def test_a_panel_says_what_most_of_its_members_say(judged: Study) -> None:
    panel = panel_of(judged, "ann", "bob", "cas")
    assert words_of(panel) == "xxyt--------"
    states = panel.tally["states"]
    assert states == {STATES.DECIDED: 3, STATES.TIE: 1, STATES.SENIOR: 0, STATES.OUT: 0, STATES.FEW: 2}


def test_each_members_answer_is_kept_with_the_decision(judged: Study) -> None:
    panel = panel_of(judged, "ann", "bob", "cas")
    first, *_more, last = PanelDecision.objects.in_force().filter(panel=panel).order_by("pair")
    assert [word for word, _share in first.ballots] == ["x", "x", "y"]
    assert (first.winner, first.divided) == ("x", True)
    assert [word for word, _share in last.ballots] == ["x", "x", "absent"]
    assert (last.state, last.comparison) == (STATES.FEW, None)
    assert panel.tally["members"][2]["absent"] == 1
    assert panel.tally["members"][0]["alike"] == 4  # of the four decided: x, x, y and the tie


def test_a_panel_counts_as_one_rater_and_never_beside_its_members(judged: Study) -> None:
    panel = panel_of(judged, "ann", "bob", "cas")
    line = read_for_boards.cut(judged)
    alone = read_for_boards.read(judged, Filters("panel"), line)
    assert len(alone.votes) == 4
    assert not alone.one_order  # a panel sees no order
    everybody = read_for_boards.read(judged, Filters("all"), line)
    assert len(everybody.votes) == 15
    panels.end(panel, NOW)
    assert read_for_boards.read(judged, Filters("all"), read_for_boards.cut(judged)).digest == (everybody.digest)


def test_a_panel_has_no_lean_to_a_side(judged: Study) -> None:
    panel_of(judged, "ann", "bob", "cas")
    found = agreement.report(judged, read_for_boards.cut(judged))["judges"]
    assert found["panel"]["position"]["number"] == 0
    assert found["panel"]["position"]["lean"]["value"] is None
    assert found["ann"]["position"]["number"] == 5


def test_a_panels_comparisons_leave_by_its_name_and_not_with_everybodys(judged: Study) -> None:
    panel_of(judged, "ann", "bob", "cas")
    alone = "".join(export.export(judged, "comparisons", raters="panel"))
    assert alone.count("\n") == 1 + 4
    everybody = "".join(export.export(judged, "comparisons", raters="all"))
    assert "panel" not in everybody
    assert everybody.count("\n") == 1 + 15


def test_what_is_judged_later_joins_and_what_changes_is_superseded(judged: Study) -> None:
    panel = panel_of(judged, "ann", "bob", "cas")
    before = set(Comparison.objects.filter(rater=panel.rater_id).values_list("pk", flat=True))
    bob = Rater.objects.get(study=judged, name="bob")
    first, _second, _third, fourth = Comparison.objects.filter(rater=bob).order_by("pk")[:4]
    fourth.withdraw(NOW)
    say(bob, "----y")
    made = panels.make(panel.pk)
    assert made is not None
    assert words_of(panel) == "xxy---------"  # now the fourth has too few replies; the fifth still does
    assert made.changed == 2
    gone = Comparison.objects.get(pk__in=before, pair=fourth.pair_id)
    assert gone.superseded_by is not None
    assert gone.superseded_by.withdrawn
    kept = Comparison.objects.get(pair=first.pair_id, rater=panel.rater_id)
    assert kept.pk in before
    say(bob, "---y", trial=2)
    panels.make(panel.pk)
    assert words_of(panel) == "xxyy--------"
    assert PanelDecision.objects.filter(panel=panel, pair=fourth.pair_id).count() == 3


def test_a_changed_ballot_that_changes_no_winner_keeps_the_comparison(judged: Study) -> None:
    panel = panel_of(judged, "ann", "bob", "cas")
    cas = Rater.objects.get(study=judged, name="cas")
    first = Comparison.objects.filter(rater=cas).order_by("pk")[0]
    ours = Comparison.objects.get(rater=panel.rater_id, pair=first.pair_id)
    first.withdraw(NOW)
    say(cas, "x")
    panels.make(panel.pk)
    decision = PanelDecision.objects.in_force().get(panel=panel, pair=first.pair_id)
    assert (decision.comparison_id, decision.divided) == (ours.pk, False)


def test_making_it_again_changes_nothing(judged: Study) -> None:
    panel = panel_of(judged, "ann", "bob", "cas")
    rows = Comparison.objects.count(), PanelDecision.objects.count()
    made = panels.make(panel.pk)
    assert made is not None
    assert made.changed == 0
    assert (Comparison.objects.count(), PanelDecision.objects.count()) == rows


def test_an_excluded_member_has_not_answered(judged: Study) -> None:
    panel = panel_of(judged, "ann", "bob", "cas", least=2)
    assert words_of(panel) == "xxyt-x------"
    Rater.objects.filter(study=judged, name="bob").update(excluded_at=NOW)
    assert panel.seen != panels.state_of(panel)
    panels.make(panel.pk)
    assert words_of(panel) == "txyt--------"


def test_members_judge_no_models_of_their_own_maker_where_the_panel_says_so(judged: Study) -> None:
    makers = {"ann": "ostrava labs 0"}
    panel = panel_of(judged, "ann", "bob", "cas", spares_own=True, makers=makers, splits="out")
    spared = PanelDecision.objects.in_force().filter(panel=panel)
    for decision in spared.select_related("pair__model_x", "pair__model_y"):
        own = "Ostrava Labs 0" in {decision.pair.model_x.org, decision.pair.model_y.org}
        assert (decision.ballots[0][0] == "spared") == own
    # Without Ann the first pair is one against one; the third stays y.
    assert words_of(panel)[0] == "-"
    assert words_of(panel)[2] == "y"


def test_the_maker_is_known_where_a_model_of_the_study_is_the_judge(study: Study) -> None:
    add_judge(study, "Quillfinch-1", "xx")
    add_judge(study, "bob", "xx")
    panel = panel_of(study, "Quillfinch-1", "bob")
    assert [member.organisation for member in panels.members_of(panel)] == ["Ostrava Labs 1", ""]


@pytest.mark.django_db(transaction=True)
def test_the_mean_takes_probabilities_levels_and_plain_verdicts(study: Study, stand_in: Callable[..., Any]) -> None:
    url = stand_in().url
    for reader in ("logprobs", "levels"):
        run_judge(study, make_judge(url, reader, reader=reader, orders="both"))
    add_judge(study, "ann", "x" * 12)
    panel = panel_of(study, "logprobs", "levels", "ann", rule="mean")
    for decision in PanelDecision.objects.in_force().filter(panel=panel):
        shares = [share for _word, share in decision.ballots]
        assert decision.mean == pytest.approx(sum(shares) / 3, abs=1e-5)
        soft = Comparison.objects.in_force().filter(pair=decision.pair_id, rater__name="logprobs")
        by_hand = [each.verdict.share if each.left == "x" else 1 - each.verdict.share for each in soft]
        assert shares[0] == pytest.approx(sum(by_hand) / 2, abs=1e-5)
        assert shares[1] in {0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1}
        assert shares[2] == 1
        assert decision.winner == ("x" if decision.mean > 0.5 else "y" if decision.mean < 0.5 else "tie")


@pytest.mark.django_db(transaction=True)
def test_a_judge_can_be_named_before_it_has_judged(study: Study, stand_in: Callable[..., Any]) -> None:
    url = stand_in().url
    first, second = make_judge(url, "first"), make_judge(url, "second", temperature=1.0)
    panel = panel_of(study, "first", "second")
    assert words_of(panel) == "-" * 12
    run_judge(study, first)
    run_judge(study, second)
    assert panels.sweep(NOW) == 1
    panels.make(panel.pk)
    assert words_of(panel) != "-" * 12
    assert panels.sweep(NOW) == 0


@pytest.mark.django_db(transaction=True)
def test_a_reader_that_finds_something_else_in_kept_replies_changes_the_panel(
    study: Study, stand_in: Callable[..., Any]
) -> None:
    judge = make_judge(stand_in().url, "first", reader="llmfao", orders="one")
    run_judge(study, judge)
    add_judge(study, "bob", "x" * 12)
    panel = panel_of(study, "first", "bob", splits="senior", senior="first")
    before = words_of(panel)
    assert set(before) - {"-"} > {"x"}
    said = Comparison.objects.in_force().filter(rater__name="first").count()
    assert verdicts.reread(study, judge.current, READERS["bracketed"], NOW).changed == said > 0
    panels.make(panel.pk)
    assert words_of(panel) == "-" * 12
    verdicts.reread(study, judge.current, READERS["llmfao"], NOW)
    panels.make(panel.pk)
    assert words_of(panel) == before


def test_a_panel_whose_member_is_at_work_is_left_until_it_has_ended(study: Study, stand_in: Callable[..., Any]) -> None:
    add_judge(study, "bob", "x" * 12)
    judge = make_judge(stand_in().url, "first")
    panel = panel_of(study, "first", "bob")
    say(Rater.objects.get(name="bob"), "x", trial=2)
    runs.start(study, judge.current, Plan(), NOW, detach=False)
    assert panels.sweep(NOW) == 0
    judge.current.runs.update(state="done")
    assert panels.sweep(NOW) == 1
    Panel.objects.filter(pk=panel.pk).update(claimed_at=NOW)
    assert panels.sweep(NOW) == 0
    assert panels.sweep(NOW + timedelta(hours=1)) == 1


def test_an_ended_panel_says_nothing_and_follows_nobody(judged: Study) -> None:
    panel = panel_of(judged, "ann", "bob", "cas")
    assert panels.end(panel, NOW)
    assert not panels.end(panel, NOW)
    assert words_of(panel) == "-" * 12
    assert panels.make(panel.pk) is None
    say(Rater.objects.get(name="ann"), "x", trial=2)
    assert panels.sweep(NOW) == 0
    assert PanelDecision.objects.filter(panel=panel).count() == 6


@pytest.mark.parametrize(
    ("name", "spec", "reason"),
    [
        ("people", {}, "cannot be used as a panel name"),
        ("  ", {}, "cannot be used as a panel name"),
        ("ann", {}, "already has a rater"),
        ("p", {"judges": ["ann"]}, "at least two members"),
        ("p", {"judges": ["ann", "ann"]}, "at least two members"),
        ("p", {"judges": ["ann", "zoe"]}, "No judge of pairs is named “zoe”"),
        ("p", {"judges": ["ann", "\0"]}, "No judge of pairs is named"),
        ("p", {"splits": "senior"}, "senior judge is required"),
        ("p", {"senior": "ann"}, "senior judge is required"),
        ("p", {"splits": "senior", "senior": "cas"}, "member of the panel"),
        ("p", {"least": 3}, "larger than the panel"),
        ("p", {"least": 0}, "greater than or equal to 1"),
        ("p", {"margin": 0.1}, "applies only to the mean"),
        ("p", {"rule": "mean", "margin": 0.7}, "less than or equal"),
        ("p", {"rule": "dice"}, "not a valid choice"),
        ("p", {"makers": {"cas": "Acme"}}, "“cas” is not a member"),
    ],
)
def test_what_makes_no_panel_is_refused(judged: Study, name: str, spec: dict[str, Any], reason: str) -> None:
    with pytest.raises(NotPossible, match=reason):
        panels.create(judged, name, PanelSpec(**{"judges": ["ann", "bob"], **spec}), NOW)
    assert not Panel.objects.exists()
    assert Rater.objects.filter(study=judged).count() == 3


def test_a_panel_is_no_member_of_a_panel(judged: Study) -> None:
    panel_of(judged, "ann", "bob")
    with pytest.raises(NotPossible, match="itself a panel"):
        panels.create(judged, "more", PanelSpec(["panel", "cas"]), NOW)


def test_a_judge_that_grades_single_answers_is_no_member(judged: Study) -> None:
    make_judge("http://127.0.0.1:9/v1", "grader", reader="rating")
    with pytest.raises(NotPossible, match="grader"):
        panels.create(judged, "p", PanelSpec(["ann", "grader"]), NOW)
    assert "grader" not in panels.candidates(judged)


def test_an_upload_whose_judge_sits_in_a_panel_is_not_undone(judged: Study) -> None:
    upload = Upload.objects.create(study=judged, state=UploadState.STORED)
    Rater.objects.filter(name="ann").update(upload=upload)
    Comparison.objects.filter(rater__name="ann").update(upload=upload)
    panel_of(judged, "ann", "bob")
    with pytest.raises(NotPossible, match="1 panel members"):
        undo.undo(upload)


def test_the_command_makes_tells_and_ends_a_panel(judged: Study) -> None:
    out = StringIO()
    call_command("panel", "haiku", "jury", "--judges", "ann", "bob", "cas", "--senior", "ann", stdout=out)
    assert "Member: ann, senior" in out.getvalue()
    assert "3 decided" in out.getvalue()
    assert "1 split: decided by the senior judge" in out.getvalue()
    again = StringIO()
    call_command("panel", "haiku", "jury", stdout=again)
    assert "0 decisions added or changed" in again.getvalue()
    with pytest.raises(CommandError, match="cannot be changed"):
        call_command("panel", "haiku", "jury", "--judges", "ann", "bob")
    for rule in (["--splits", "out"], ["--margin", "0"], ["--spare-own"], ["--maker", "ann=Ann"]):
        with pytest.raises(CommandError, match="cannot be changed"):
            call_command("panel", "haiku", "jury", *rule)
    call_command("panel", "haiku", "jury", "--end", stdout=out)
    with pytest.raises(CommandError, match="No active panel"):
        call_command("panel", "haiku", "jury", "--end")
    with pytest.raises(CommandError, match="has ended"):
        call_command("panel", "haiku", "jury")
    with pytest.raises(CommandError, match="--judges"):
        call_command("panel", "haiku", "nobody")


@pytest.mark.django_db(transaction=True)
def test_two_that_make_it_at_once_make_it_once(judged: Study) -> None:
    panel = panels.create(judged, "panel", PanelSpec(["ann", "bob", "cas"]), NOW)
    together(4, lambda _index: panels.make(panel.pk))
    assert words_of(panel) == "xxyt--------"
    assert Comparison.objects.filter(rater=panel.rater_id).count() == 4
    assert PanelDecision.objects.filter(panel=panel).count() == 6


def test_a_process_taken_for_dead_stores_nothing_more(judged: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    panel = panels.create(judged, "panel", PanelSpec(["ann", "bob", "cas"]), NOW)
    later = NOW + timedelta(days=1)
    state_of = panels.state_of

    def slow(panel: Panel) -> str:
        Panel.objects.filter(pk=panel.pk).update(claimed_at=later)  # another process takes over in the meantime
        return state_of(panel)

    monkeypatch.setattr(panels, "state_of", slow)
    assert panels.make(panel.pk, clock=lambda: NOW) is None
    assert not Comparison.objects.filter(rater=panel.rater_id).exists()
    panel.refresh_from_db()
    assert (panel.claimed_at, panel.seen) == (later, "")


def test_an_unfinished_panel_is_taken_up_by_who_finds_it(judged: Study) -> None:
    panel = panels.create(judged, "panel", PanelSpec(["ann", "bob", "cas"]), NOW)
    Panel.objects.filter(pk=panel.pk).update(claimed_at=NOW)
    assert panels.make(panel.pk, clock=lambda: NOW) is None
    assert panels.make(panel.pk, clock=lambda: NOW + timedelta(hours=1)) is not None
    assert words_of(panel) == "xxyt--------"
