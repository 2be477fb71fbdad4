"""The panel “Can you trust this?”: what a snapshot says about itself, each line with what it means."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ranking.methods.ratings import FEW_ONE_WAY, NO_WIDTH
from ranking.methods.registry import METHODS
from ranking.models import Leaderboard
from ranking.pages import text
from ranking.pages.text import written
from ranking.votes.reader import ALL, PEOPLE

DOUBTS: Final = frozenset({"correction-fell-back", "replicates-with-prior", "no-spread", FEW_ONE_WAY, NO_WIDTH})
"""Notices of a board some of whose intervals may be too narrow."""

MANY_NAMES: Final = 5
"""More names than these are counted, and folded away."""


@dataclass(frozen=True, slots=True)
class Line:
    """`names`: of whom the value is only the number."""

    term: str
    value: str
    means: str = ""
    names: tuple[str, ...] = ()


def lines(snapshot: Leaderboard) -> Iterator[Line]:
    """From what the board was made of to how its intervals were."""
    facts: dict[str, Any] = snapshot.sheet.get("facts", {})
    groups: list[dict[str, Any]] = snapshot.sheet["groups"]
    yield from _question(groups)
    if facts:
        yield from _size(snapshot, facts)
        yield from _left_out(snapshot, facts)
        yield from _agreement(snapshot, facts)
        yield from _place(snapshot, facts)
        yield from _ties(snapshot, facts)
    yield from _unmet(snapshot)
    yield from _numerics(snapshot, groups)
    yield from _connected(snapshot, groups)


def _question(groups: list[dict[str, Any]]) -> Iterator[Line]:
    term = _("Question answered")
    match groups[0]["clusters"] if groups else None:
        case "both":
            means = _("An interval is for the rating that all prompts and all people of this kind would lead to.")
            yield Line(term, _("prompts and raters like these"), means)
        case "worker":
            means = _("An interval is for the rating that all people of this kind would lead to, asked exactly these.")
            yield Line(term, _("raters like these, on exactly these prompts"), means)
        case "prompt":
            means = _("An interval is for the rating that this judge would give over all prompts of this kind.")
            yield Line(term, _("prompts like these"), means)
        case "none":
            means = _("As if no two votes shared a prompt or a rater. They do, so the intervals are likely too narrow.")
            yield Line(term, _("independent votes"), means)
        case _:
            yield Line(term, _("none"), _("There are no intervals, so the board says nothing of how sure it is."))


def _size(snapshot: Leaderboard, facts: dict[str, Any]) -> Iterator[Line]:
    prompts, pairs, votes = facts["prompts"], facts["pairs"], facts["votes"]
    yield Line(
        _("Prompts"),
        written(prompts),
        _("Fewer than 10 say nothing of prompts like these.")
        if prompts < 10
        else _("Each model is judged by its answers to these; a ranking can only be as broad as they are."),
    )
    if snapshot.raters == PEOPLE:
        yield Line(_("People"), written(facts["raters"]), _("Who voted and is not excluded."))
    elif snapshot.raters == ALL:
        yield Line(_("People and judges"), written(facts["raters"]), _("Each vote counts alike, whoever gave it."))
    values = {"pairs": written(pairs), "votes": written(votes), "each": written(votes / pairs, 1) if pairs else "0"}
    value = _("%(pairs)s, with %(votes)s votes: %(each)s a pair") % values
    yield Line(_("Pairs"), value, _("A pair is two answers to the same prompt, shown side by side."))
    if facts.get("offered"):
        share = facts["covered"] / facts["offered"]
        yield Line(
            _("Coverage"),
            _("%(percent)s %% of %(pairs)s pairs have all the votes wanted")
            % {"percent": written(100 * share), "pairs": written(facts["offered"])},
            _("Each was seen as often as it was meant to be.")
            if share == 1
            else _("More votes will come, and places may change."),
        )
    yield _dates(facts)


def _dates(facts: dict[str, Any]) -> Line:
    term = _("First and last vote")
    if facts["first"] is None:
        return Line(term, _("unknown"), _("The votes were loaded without times."))
    first, last = (datetime.fromisoformat(facts[end]).date().isoformat() for end in ("first", "last"))
    return Line(term, first if first == last else f"{first} – {last}")


def _left_out(snapshot: Leaderboard, facts: dict[str, Any]) -> Iterator[Line]:
    raters, votes = facts["excluded_raters"], facts["excluded_votes"]
    if raters:
        value = ngettext(
            "%(votes)s votes of %(number)s excluded rater", "%(votes)s votes of %(number)s excluded raters", raters
        ) % {"votes": written(votes), "number": written(raters)}
        yield Line(_("Left out"), value, _("By the study’s checks, or by hand; the export says why."))
    else:
        yield Line(_("Left out"), _("nobody"), _("No rater with votes here was excluded."))
    if simulated := snapshot.simulated:
        yield Line(
            _("Simulated"),
            written(simulated),
            _("Votes that a program made up. They say nothing of any model."),
        )


def _unmet(snapshot: Leaderboard) -> Iterator[Line]:
    if unmet := snapshot.sheet["unmet"]:
        baseline = snapshot.settings["baseline"]
        if baseline is None:
            means = _("No comparison of these models counts towards this board.")
        else:
            means = _("They met %(baseline)s less than twice.") % {"baseline": baseline}
        if len(unmet) <= MANY_NAMES:
            yield Line(_("Models left out"), ", ".join(unmet), means)
        else:
            number = ngettext("%(number)s model", "%(number)s models", len(unmet)) % {"number": written(len(unmet))}
            yield Line(_("Models left out"), number, means, tuple(unmet))


def _agreement(snapshot: Leaderboard, facts: dict[str, Any]) -> Iterator[Line]:
    found, strict = facts.get("agreement"), facts.get("agreement_without_ties")
    if found is None or strict is None:
        return
    if snapshot.raters == PEOPLE:
        term = _("Agreement among people")
        means = _("How often two people say the same of a pair; of pairs where neither says tie, half would be chance.")
        nothing = _("No pair has two votes, so nobody’s vote was checked by another’s.")
    else:
        term = _("Agreement with people")
        means = _("How often its verdict is a person’s; where neither says tie, half would be chance.")
        nothing = _("People have not voted on the pairs of this judge.")
    if found["value"] is None:
        yield Line(term, _("unknown"), nothing)
        return
    value = text.percent(found)
    if strict["value"] is not None:
        value = _("%(share)s, ties aside %(strict)s") % {"share": value, "strict": text.percent(strict)}
    yield Line(term, value, means)
    if facts.get("both_orders"):
        yield Line(
            _("Same verdict in both orders"),
            _("%(percent)s %% of %(number)s")
            % {
                "percent": written(100 * facts["consistent"] / facts["both_orders"]),
                "number": written(facts["both_orders"]),
            },
            _("The judge saw these pairs twice, with the sides exchanged."),
        )


def _place(snapshot: Leaderboard, facts: dict[str, Any]) -> Iterator[Line]:
    found = facts["position"]
    if found is None:
        return
    values = {side: written(100 * found[side]["value"]) for side in ("left", "tie", "right")}
    if found["p"] is None:
        means = _("One rater or prompt alone says nothing of whether that is chance.")
    elif found["p"] < 0.05:
        means = _("A lean that chance does not explain. Where the sides were drawn at random it favours no model.")
    else:
        means = _("Chance explains the difference between the sides.")
    yield Line(_("Left or right"), _("left %(left)s %%, tie %(tie)s %%, right %(right)s %%") % values, means)


def _ties(snapshot: Leaderboard, facts: dict[str, Any]) -> Iterator[Line]:
    if facts["ties"] is None:
        return
    if METHODS[snapshot.method].own_ties:
        means = _("They have a probability of their own in this method.")
    elif snapshot.settings["ties"] == "drop":
        means = _("They are left out.")
    else:
        means = _("Each counts half a win to both models.")
    yield Line(_("Ties"), _("%(percent)s %%") % {"percent": written(100 * facts["ties"])}, means)


def _numerics(snapshot: Leaderboard, groups: list[dict[str, Any]]) -> Iterator[Line]:
    if not groups:
        return
    group = groups[0]
    if group["clusters"] is not None:
        yield Line(_("How intervals were made"), _made(snapshot, group), _meant(groups))
    if any(part["prior"] for part in groups):
        yield Line(_("Assumption"), _("half a tie of every model against the mean"), text.notice("prior"))
    if optimum := text.converged(group):
        yield Line(_("Optimum"), optimum, _("At the best fit it is zero; below 1e-6 nothing changes in what is shown."))
    for found in group["coefficients"]:
        yield Line(text.coefficient_name(found["name"]), text.coefficient(found), text.about_coefficient(found))


def _meant(groups: list[dict[str, Any]]) -> str:
    """How far the intervals of a board can be relied on."""
    if groups[0]["clusters"] == "none":
        return _("95 % of such intervals would hold the truth if no two votes shared a prompt or a rater.")
    if any(group["prior"] or DOUBTS & {*group["notices"]} for group in groups):
        return _("95 % of such intervals are meant to hold the truth; the notices by the table say where they may not.")
    return _("95 % of such intervals hold the truth.")


def _made(snapshot: Leaderboard, group: dict[str, Any]) -> str:
    if group["correction"] is None:
        return _("by %(rounds)s rounds of redrawing") % {"rounds": written(snapshot.settings["rounds"])}
    values = {"correction": group["correction"], "degrees": group["degrees"]}
    if group["degrees"] is None:
        return _("sandwich, %(correction)s, normal") % values
    return _("sandwich, %(correction)s, t with %(degrees)s degrees of freedom") % values


def _connected(snapshot: Leaderboard, groups: list[dict[str, Any]]) -> Iterator[Line]:
    models = sum(len(group["rows"]) for group in groups)
    if not models:
        return
    if len(groups) > 1:
        value = ngettext("%(number)s group", "%(number)s groups", len(groups)) % {"number": len(groups)}
        yield Line(_("Connected"), value, _("Comparisons do not join them, so nothing is said across them."))
    else:
        value = ngettext("all %(number)s model", "all %(number)s models", models) % {"number": written(models)}
        yield Line(_("Connected"), value, _("Comparisons join each with every other, directly or by way of others."))
