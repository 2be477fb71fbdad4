"""Every sentence of a board has a code and a condition, is there where it is true, and absent where it is false."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from ranking.methods.board import rate
from ranking.methods.settings import Settings
from ranking.pages import text
from ranking.pages.statements import STATEMENTS, About, one, said
from tests.ranking.drawn_votes import draw, make

VERDICT = {"level": 3, "best": "model 0", "worst_place": 4, "help": "votes", "factor": 3.0}


def group(**changes: Any) -> dict[str, Any]:
    row = {"rank_low": 1, "best": 0.2, "low": 1.0, "comparisons": 160}
    rows = [{"model": f"model {number}", "rank": 1 + number, **row} for number in range(5)]
    about = {"rows": rows, "clusters": "both", "prompts": 12, "raters": 20, "prior": False, "notices": []}
    about |= {"degrees": 10.5, "effective_prompts": 11.5, "effective_raters": 19.0, "gradient": 1e-12}
    return {**about, "verdict": VERDICT, "verdict_here": {**VERDICT, "worst_place": 2}, **changes}


FACTS = {
    "votes": 400,
    "prompts": 12,
    "pairs": 100,
    "raters": 20,
    "people": 20,
    "people_votes": 400,
    "judges": 0,
    "judge_votes": 0,
    "prompts_per_model": [12, 12],
    "offered": 100,
    "covered": 90,
    "excluded_raters": 0,
    "excluded_votes": 0,
    "first": "2026-03-01T00:00:00+00:00",
    "last": "2026-03-01T00:00:00+00:00",
    "ties": 0.2,
    "agreement": {"value": 0.7},
    "both_orders": 0,
    "position": {"p": 0.2},
}
SIDE = {"value": 340.0, "low": 333.0, "high": 351.0, "model": "model 1", "change": 12.0, "first": ""}

BOARD = About(
    group=group(),
    groups=[group()],
    facts=FACTS,
    read={"inconsistent": 0, "one_order": False, "side": None},
    filters={"inconsistent": "drop"},
    settings={"ties": None, "simultaneous": False, "anchor": None, "baseline": None, "first_place": False},
    comparisons=400,
)


def on(**changes: Any) -> About:
    """The board with another group."""
    other = group(**changes)
    return replace(BOARD, group=other, groups=[other])


def facts(**changes: Any) -> About:
    return replace(BOARD, facts={**FACTS, **changes})


def told(**changes: Any) -> About:
    return on(verdict={**VERDICT, **changes})


def here(**changes: Any) -> About:
    return on(verdict_here={**VERDICT, **changes})


def asked(**changes: Any) -> About:
    return replace(BOARD, settings={**BOARD.settings, **changes})


def judged(about: About = BOARD, **read: Any) -> About:
    return replace(about, raters="gpt9", read={**BOARD.read, **read})


def flat(*notices: str, ranks: tuple[int, ...] = (1, 2, 3)) -> About:
    rows = [{"model": f"model {number}", "rank": rank, "comparisons": 160} for number, rank in enumerate(ranks)]
    return on(rows=rows, clusters=None, verdict=None, verdict_here=None, notices=list(notices))


ALL = replace(BOARD, raters="all")

# By code: a board of which the sentence is true, and boards of which it is false.
CASES: dict[str, tuple[About, tuple[About, ...]]] = {
    "no-order": (
        flat("not-every-pair"),
        (BOARD, flat(), flat("adaptive"), on(rows=group()["rows"][:1], verdict=None, notices=["not-every-pair"])),
    ),
    "one-model": (on(rows=group()["rows"][:1], verdict=None), (BOARD, flat())),
    "shared-first": (flat(ranks=(1, 1, 3)), (BOARD, flat())),
    "first-without-width": (flat("no-width"), (BOARD, flat(), flat("no-width", ranks=(1, 1, 3)))),
    "first-by-counts": (flat("counts-alone"), (BOARD, flat("uneven"))),
    "first-without-intervals": (flat(), (BOARD, flat("counts-alone"), flat("no-width"), flat(ranks=(1, 1)))),
    "none-apart": (told(level=5, worst_place=5), (BOARD, told(level=1, worst_place=1), flat())),
    "ranks-first": (told(level=1, worst_place=1), (BOARD, told(level=1, worst_place=2), flat())),
    "ahead-of-second": (told(level=1, worst_place=2), (BOARD, told(level=1, worst_place=1))),
    "top-not-apart": (BOARD, (told(level=5, worst_place=5), told(level=1, worst_place=1), flat())),
    "same-here": (
        on(verdict={**VERDICT, "level": 1, "worst_place": 1}, verdict_here={**VERDICT, "level": 1, "worst_place": 1}),
        (here(level=1, worst_place=1), told(level=1, worst_place=1), on(verdict_here=None)),
    ),
    "first-here": (here(level=1, worst_place=1), (BOARD, on(verdict_here=None), flat())),
    "none-apart-here": (here(level=5, worst_place=5), (BOARD, on(verdict_here=None))),
    "anywhere-here": (here(level=3, worst_place=5), (BOARD, here(level=5, worst_place=5))),
    "among-here": (BOARD, (here(level=1, worst_place=1), here(worst_place=5), on(verdict_here=None))),
    "assumed": (on(prior=True), (BOARD, flat())),
    "too-close": (told(factor=1001.0), (BOARD, told(help=None), flat())),
    "more-votes": (BOARD, (told(help=None), told(help="prompts"), told(factor=1001.0))),
    "prompts-not-votes": (told(help="prompts"), (BOARD, on(clusters="prompt", verdict={**VERDICT, "help": "prompts"}))),
    "more-prompts": (
        on(clusters="prompt", verdict={**VERDICT, "help": "prompts"}),
        (BOARD, told(help="prompts"), on(clusters="prompt", prompts=None, verdict={**VERDICT, "help": "prompts"})),
    ),
    "scope-both": (BOARD, (on(clusters="prompt"), on(clusters=None))),
    "scope-prompt": (on(clusters="prompt"), (BOARD, on(clusters=None))),
    "scope-worker": (on(clusters="worker"), (BOARD, on(clusters=None))),
    "scope-independent": (on(clusters="none"), (BOARD, on(clusters=None))),
    "means-both": (BOARD, (on(clusters="prompt"), on(clusters=None))),
    "means-prompt": (on(clusters="prompt"), (BOARD, on(clusters=None))),
    "means-worker": (on(clusters="worker"), (BOARD, on(clusters=None))),
    "means-independent": (on(clusters="none"), (BOARD, on(clusters=None))),
    "means-no-intervals": (on(clusters=None), (BOARD,)),
    "range-together": (asked(simultaneous=True), (BOARD, flat())),
    "range-alone": (BOARD, (asked(simultaneous=True), flat())),
    "chance-of-first": (BOARD, (facts(prompts=5), flat())),
    "points": (BOARD, (replace(BOARD, method="eigen"),)),
    "points-anchored": (asked(anchor=["model 1", 900.0]), (BOARD, replace(BOARD, method="eigen"))),
    "points-centred": (
        BOARD,
        (
            asked(anchor=["model 1", 900.0]),
            replace(BOARD, method="eigen"),
            # Medians of rounds have another mean than the ratings of each round.
            replace(BOARD, method="elo-bootstrap"),
            replace(BOARD, method="elo-median"),
        ),
    ),
    "points-of-medians": (
        replace(BOARD, method="elo-bootstrap"),
        (BOARD, replace(BOARD, method="elo"), replace(asked(anchor=["model 1", 900.0]), method="elo-bootstrap")),
    ),
    "few-prompts-here": (facts(prompts=9), (BOARD, replace(BOARD, facts={}))),
    "all-prompts": (BOARD, (facts(prompts_per_model=[2, 12]), facts(prompts=9), facts(prompts_per_model=None))),
    "some-prompts": (facts(prompts_per_model=[2, 2]), (BOARD, facts(prompts=9), facts(prompts_per_model=None))),
    "people": (BOARD, (ALL, judged())),
    "only-crowd": (facts(crowds=1), (BOARD, facts(crowds=0))),
    "went-in-as-given": (BOARD, (facts(votes=500), facts(weighted=3))),
    "went-in-weighted": (facts(weighted=3), (BOARD,)),
    "went-in-merged": (
        replace(ALL, facts={**FACTS, "votes": 500, "judges": 1}),
        (BOARD, ALL, facts(votes=500, judges=1), replace(ALL, facts={**FACTS, "votes": 500})),
    ),
    "went-in-without-ties": (asked(ties="drop"), (BOARD, replace(asked(ties="drop"), facts={**FACTS, "ties": 0.0}))),
    "covered": (facts(covered=100), (BOARD, facts(offered=None))),
    "more-planned": (BOARD, (facts(covered=100), replace(BOARD, closed=True), facts(offered=None))),
    "never-covered": (replace(BOARD, closed=True), (BOARD, replace(facts(covered=100), closed=True))),
    "excluded": (facts(excluded_raters=1), (BOARD,)),
    "nobody-excluded": (BOARD, (facts(excluded_raters=1), replace(BOARD, facts={}))),
    "simulated": (replace(BOARD, simulated=3), (BOARD,)),
    "no-dates": (facts(first=None), (BOARD, replace(BOARD, facts={}))),
    "unmet": (replace(BOARD, unmet=["owl"]), (BOARD, replace(asked(baseline="model 1"), unmet=["owl"]))),
    "unmet-by-baseline": (replace(asked(baseline="model 1"), unmet=["owl"]), (BOARD, replace(BOARD, unmet=["owl"]))),
    "people-agree": (BOARD, (facts(agreement={"value": None}), judged(), ALL)),
    "one-vote-a-pair": (
        facts(agreement={"value": None}),
        (BOARD, judged(facts(agreement={"value": None})), facts(agreement={"value": None}, crowds=1)),
    ),
    "unknown-people-agree": (
        facts(agreement={"value": None}, crowds=1),
        (facts(crowds=1), facts(agreement={"value": None}), judged(facts(agreement={"value": None}, crowds=1))),
    ),
    "judge-agrees": (judged(), (BOARD, judged(facts(agreement={"value": None})), ALL)),
    "judge-alone": (judged(facts(agreement={"value": None})), (BOARD, judged(), facts(agreement={"value": None}))),
    "both-orders": (judged(facts(both_orders=7)), (BOARD, judged())),
    "sides-of-a-mix": (ALL, (BOARD, replace(ALL, facts={**FACTS, "position": None}))),
    "sides-untested": (facts(position={"p": None}), (BOARD, facts(position=None), ALL)),
    "sides-differ": (facts(position={"p": 0.049}), (BOARD, facts(position={"p": 0.05}), facts(position={"p": None}))),
    "sides-not-shown": (
        facts(position={"p": 0.05}),
        (facts(position={"p": 0.049}), facts(position={"p": None}), replace(ALL, facts=FACTS)),
    ),
    "ties-modelled": (replace(BOARD, method="davidson"), (BOARD, asked(ties="drop"))),
    "ties-dropped": (asked(ties="drop"), (BOARD, replace(BOARD, method="davidson"))),
    "ties-halved": (BOARD, (asked(ties="drop"), replace(BOARD, method="davidson"))),
    "held-if-independent": (on(clusters="none"), (BOARD, flat())),
    "meant-to-hold": (on(prior=True), (BOARD, on(correction="CR3"), flat(), on(clusters="none"))),
    "held-if-sampled": (
        BOARD,
        (
            on(prior=True),
            on(notices=["no-spread"]),
            on(degrees=1.0),
            # Those of shares and of a bootstrap.
            on(correction="CR1"),
            on(correction=None),
            flat(),
        ),
    ),
    "effective-even": (
        BOARD,
        (
            on(notices=["uneven-prompts"]),
            on(notices=["bootstrap-uneven"]),
            # Intervals for prompts do not look at how the raters contribute, nor the other way round.
            *(on(clusters=clusters) for clusters in ("none", "prompt", "worker")),
        ),
    ),
    "effective-even-prompts": (
        on(clusters="prompt"),
        (BOARD, on(clusters="worker"), on(clusters="prompt", notices=["uneven-prompts"])),
    ),
    "effective-even-raters": (
        on(clusters="worker"),
        (BOARD, on(clusters="prompt"), on(clusters="worker", notices=["uneven-raters"])),
    ),
    "effective-uneven": (on(notices=["uneven-raters"]), (BOARD, on(notices=["uneven"]))),
    "optimum": (BOARD, (on(gradient=None), on(gradient=1e-3))),
    "apart": (replace(BOARD, groups=[group(), group()]), (BOARD,)),
    "connected": (BOARD, (replace(BOARD, unmet=["owl"]), replace(BOARD, groups=[group(), group()]))),
    "ranked-connected": (replace(BOARD, unmet=["owl"]), (BOARD,)),
    "preliminary": (replace(BOARD, preliminary=True), (BOARD,)),
    "nothing-rated": (replace(BOARD, group={}, groups=[]), (BOARD,)),
    "too-few-to-rank": (replace(BOARD, unmet=["owl"]), (BOARD,)),
    "normal-prior": (on(prior_deviation=120.4), (BOARD, on(prior_deviation=None), on(prior=True))),
    "contradictions-tied": (
        replace(judged(inconsistent=7), filters={"inconsistent": "tie"}),
        (BOARD, judged(inconsistent=7)),
    ),
    "contradictions-dropped": (
        judged(inconsistent=7),
        (BOARD, replace(judged(inconsistent=7), filters={"inconsistent": "tie"})),
    ),
    "one-order-changes": (
        judged(one_order=True, side=SIDE),
        (BOARD, judged(one_order=True, side={**SIDE, "first": "owl"}), judged(side={**SIDE, "change": 0.1})),
    ),
    "one-order-changes-first": (
        judged(one_order=True, side={**SIDE, "first": "owl"}),
        (BOARD, judged(one_order=True, side=SIDE)),
    ),
    "one-order-unknown": (
        judged(one_order=True),
        (
            BOARD,
            judged(one_order=True, side=SIDE),
            replace(judged(), read={"one_order": True}),
            replace(judged(one_order=True), settings={"first_place": True}),
        ),
    ),
}


@pytest.mark.parametrize(("start", "said_of_it"), [(None, "is 1,000,"), (1200.0, "is 1,200,"), (0.0, "is 0,")])
def test_the_mean_of_elo_is_where_its_models_start(start, said_of_it):
    assert said_of_it in one("points", replace(asked(start=start), method="elo"))


@pytest.mark.parametrize(("scale", "said_of_it"), [(None, "400 points"), (2000.0, "2,000 points"), (0.5, "0.5 points")])
def test_the_scale_of_elo_is_told_as_it_was_given(scale, said_of_it):
    assert f"a lead of {said_of_it} means odds" in one("points", replace(asked(scale=scale), method="elo"))


def codes(about: About) -> list[str]:
    return [each.code for each in STATEMENTS if each.when(about)]


def test_codes_are_unique_and_every_one_is_tried():
    known = [each.code for each in STATEMENTS]
    assert len({*known, *text.NOTICES}) == len(known) + len(text.NOTICES)
    assert {*known} == CASES.keys()


@pytest.mark.parametrize("code", CASES)
def test_a_sentence_is_there_where_it_is_true_and_absent_where_it_is_false(code):
    true, false = CASES[code]
    (statement,) = (each for each in STATEMENTS if each.code == code)
    found = {each.code: each.text for each in said(statement.part, true)}
    assert code in found
    assert found[code]
    assert "%(" not in found[code]
    assert "%%" not in found[code]
    for about in false:
        assert code not in codes(about)


@pytest.mark.parametrize("about", [each for case in CASES.values() for each in (case[0], *case[1])])
def test_no_two_sentences_of_a_board_contradict_one_another(about):
    alternatives = "scope question coverage agreement position ties intervals effective advice connected"
    for part in alternatives.split():
        assert len(list(said(part, about))) <= 1, part
    every = {each.code for each in said("summary", about)}
    assert "no-order" not in every or every == {"no-order"}
    summary = {each.code for each in said("summary", about)}
    assert len(summary & {"one-model", "none-apart", "ranks-first", "ahead-of-second", "top-not-apart"}) <= 1


def notices(votes, source="people", **settings) -> set[str]:
    found = rate(votes, Settings(**settings), source)
    return {*found.notices, *(word for part in found.groups for word in part.ratings.notices)}


def lopsided(**changes):
    votes = draw(3, rows=1500, prompts=30, raters=30)
    most = np.random.default_rng(0).random(len(votes)) < 0.8
    return replace(votes, **{name: np.where(most, 0, getattr(votes, name)) for name in changes})


def test_uneven_clusters_are_noticed_and_even_ones_are_not():
    assert not notices(lopsided())
    assert notices(lopsided(prompt=True)) == {"uneven-prompts"}
    assert notices(lopsided(rater=True)) == {"uneven-raters"}
    assert notices(lopsided(rater=True), clusters="prompt") == set()
    assert notices(lopsided(rater=True), clusters="none") == set()
    few = {"clusters": "worker", "rounds": 20}
    assert notices(lopsided(rater=True), intervals="bootstrap", **few) == {"bootstrap-uneven"}
    assert notices(lopsided(), intervals="bootstrap", **few) == set()


@pytest.mark.parametrize("method", ["eigen", "pagerank"])
def test_a_first_rank_from_counts_alone_is_noticed(method):
    tied = make([(0, 1, 1)] * 30 + [(0, 2, 1)] * 30 + [(1, 2, 1)] * 5)
    assert "counts-alone" in notices(tied, method=method)
    even = make([(0, 1, 1)] * 5 + [(0, 2, 1)] * 5 + [(1, 2, 1)] * 5)
    assert "counts-alone" not in notices(even, method=method)
    # The model that wins was compared most, but that is a small part of its lead.
    won = [(1, 0, 2)] * 9 + [(0, 2, 1)] * 9 + [(1, 2, 2)] * 9 + [(0, 1, 2), (2, 1, 2)]
    assert "counts-alone" not in notices(make(won), method=method)


def test_ranks_do_not_follow_from_intervals_without_width():
    from ranking.board_data import sheet

    one = make([(0, 1, 2)], prompt=[0], rater=[0])
    for settings in (
        Settings(method="elo-bootstrap", redraw="resample", rounds=50),
        Settings(intervals="bootstrap", clusters="none", rounds=50),
    ):
        (found,) = sheet(rate(one, settings, "people"))["groups"]
        assert "no-width" in found["notices"]
        for row in found["rows"]:
            assert (row["rank_low"], row["rank_high"], row["alike"], row["best"]) == (None, None, None, None)
    (several,) = sheet(rate(draw(1), Settings(method="elo-bootstrap", redraw="resample", rounds=50), "people"))[
        "groups"
    ]
    assert several["rows"][0]["rank_high"] is not None
