"""The panel “Can you trust this?”: facts about a snapshot, each with an explanation."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.models import Status
from ranking.methods.ratings import FEW_ONE_WAY, NO_WIDTH
from ranking.methods.registry import METHODS
from ranking.models import Leaderboard
from ranking.pages import text
from ranking.pages.text import written
from ranking.votes.reader import ALL, PEOPLE

DOUBTS: Final = frozenset({"correction-fell-back", "replicates-with-prior", "no-spread", FEW_ONE_WAY, NO_WIDTH})
"""Notices which mean that some intervals may be too narrow."""

MANY_NAMES: Final = 5
"""Most names shown in a line. More are counted, and listed in a collapsed section."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the panel. If `names` is given, the value is only their number."""

    term: str
    value: str
    means: str = ""
    names: tuple[str, ...] = ()


def lines(snapshot: Leaderboard) -> Iterator[Line]:
    """Yields the lines, from the data of the board to its intervals."""
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
    term = _("Scope of intervals")
    match groups[0]["clusters"] if groups else None:
        case "both":
            means = _("Each interval is for the rating that all prompts and all raters like these would give.")
            yield Line(term, _("prompts and raters like these"), means)
        case "worker":
            means = _("Each interval is for the rating that all raters like these would give on exactly these prompts.")
            yield Line(term, _("raters like these on exactly these prompts"), means)
        case "prompt":
            means = _("Each interval is for the rating over all prompts like these. It does not cover other raters.")
            yield Line(term, _("prompts like these"), means)
        case "none":
            means = _(
                "Votes are treated as independent, although they share prompts and raters. The intervals are "
                "probably too narrow."
            )
            yield Line(term, _("votes assumed independent"), means)
        case _:
            yield Line(
                term,
                _("none"),
                _("There are no intervals, so this leaderboard does not show how certain its ranks are."),
            )


def _size(snapshot: Leaderboard, facts: dict[str, Any]) -> Iterator[Line]:
    prompts, pairs, votes = facts["prompts"], facts["pairs"], facts["votes"]
    yield Line(
        _("Prompts"),
        written(prompts),
        _("Fewer than 10 prompts are too few to draw conclusions about prompts like these.")
        if prompts < 10
        else _("Models are judged by their answers to these prompts, so the ranking is only as broad as they are."),
    )
    if snapshot.raters == PEOPLE:
        yield Line(_("People"), written(facts["raters"]), _("People who voted and are not excluded."))
    elif snapshot.raters == ALL:
        yield Line(_("People and judges"), written(facts["raters"]), _("Every vote counts the same, whoever gave it."))
    values = {"pairs": written(pairs), "votes": written(votes), "each": written(votes / pairs, 1) if pairs else "0"}
    value = _("%(pairs)s, with %(votes)s votes (%(each)s per pair)") % values
    yield Line(_("Pairs"), value, _("A pair is two answers to the same prompt, shown side by side."))
    if facts.get("offered"):
        yield _coverage(snapshot, facts)
    yield _dates(facts)


def _coverage(snapshot: Leaderboard, facts: dict[str, Any]) -> Line:
    """Says how many of the planned votes are received; boards from before that was counted say it of pairs."""
    if facts.get("planned"):
        share = facts["received"] / facts["planned"]
        text, of = _("%(percent)s%% of %(number)s planned votes"), facts["planned"]
    else:
        share = facts["covered"] / facts["offered"]
        text, of = _("%(percent)s%% of %(number)s pairs have all their planned votes"), facts["offered"]
    if share == 1:
        note = _("Every pair has all its planned votes.")
    elif snapshot.study.status == Status.CLOSED:
        note = _("The study is closed, so no more votes come.")
    else:
        note = _("More votes are planned, so ranks may change.")
    # Never 100 while a vote is missing, as on the study's page.
    percent = 100 if share == 1 else min(99, int(100 * share))
    return Line(_("Coverage"), text % {"percent": written(percent), "number": written(of)}, note)


def _dates(facts: dict[str, Any]) -> Line:
    term = _("First and last vote")
    if facts["first"] is None:
        return Line(term, _("unknown"), _("The votes have no timestamps."))
    first, last = (datetime.fromisoformat(facts[end]).date().isoformat() for end in ("first", "last"))
    return Line(term, first if first == last else f"{first} – {last}")


def _left_out(snapshot: Leaderboard, facts: dict[str, Any]) -> Iterator[Line]:
    raters, votes = facts["excluded_raters"], facts["excluded_votes"]
    if raters:
        value = ngettext(
            "%(votes)s votes by %(number)s excluded rater", "%(votes)s votes by %(number)s excluded raters", raters
        ) % {"votes": written(votes), "number": written(raters)}
        yield Line(
            _("Excluded votes"), value, _("Excluded by the study’s checks or manually. The export gives the reason.")
        )
    else:
        yield Line(_("Excluded votes"), _("none"), _("No rater who voted here was excluded."))
    if simulated := snapshot.simulated:
        yield Line(
            _("Simulated votes"),
            written(simulated),
            _("These votes were generated by a program. They say nothing about any model."),
        )


def _unmet(snapshot: Leaderboard) -> Iterator[Line]:
    if unmet := snapshot.sheet["unmet"]:
        baseline = snapshot.settings["baseline"]
        if baseline is None:
            means = _("No comparisons of these models count towards this leaderboard.")
        else:
            means = _("These models have fewer than two comparisons with %(baseline)s.") % {"baseline": baseline}
        if len(unmet) <= MANY_NAMES:
            yield Line(_("Models not ranked"), ", ".join(unmet), means)
        else:
            number = ngettext("%(number)s model", "%(number)s models", len(unmet)) % {"number": written(len(unmet))}
            yield Line(_("Models not ranked"), number, means, tuple(unmet))


def _agreement(snapshot: Leaderboard, facts: dict[str, Any]) -> Iterator[Line]:
    found, strict = facts.get("agreement"), facts.get("agreement_without_ties")
    if found is None or strict is None:
        return
    if snapshot.raters == PEOPLE:
        term = _("Agreement among people")
        means = _(
            "How often two people’s votes on the same pair match. Without ties, random votes would match half the time."
        )
        nothing = _("No pair has votes from two people, so agreement cannot be measured.")
    else:
        term = _("Agreement with people")
        means = _(
            "How often the judge’s verdict matches a person’s vote. Without ties, random verdicts would match "
            "half the time."
        )
        nothing = _("No person has voted on the pairs that this judge compared.")
    if found["value"] is None:
        yield Line(term, _("unknown"), nothing)
        return
    value = text.percent(found)
    if strict["value"] is not None:
        value = _("%(share)s, or %(strict)s without ties") % {"share": value, "strict": text.percent(strict)}
    yield Line(term, value, means)
    if facts.get("both_orders"):
        yield Line(
            _("Same verdict in both orders"),
            _("%(percent)s%% of %(number)s")
            % {
                "percent": written(100 * facts["consistent"] / facts["both_orders"]),
                "number": written(facts["both_orders"]),
            },
            _("The judge compared these pairs in both orders, with the sides swapped."),
        )


def _place(snapshot: Leaderboard, facts: dict[str, Any]) -> Iterator[Line]:
    found = facts["position"]
    if found is None:
        return
    values = {side: written(100 * found[side]["value"]) for side in ("left", "tie", "right")}
    if found["p"] is None:
        means = _("Not tested. A test needs a difference between the sides, and at least two raters or prompts.")
    elif found["p"] < 0.05:
        means = _(
            "Chance is unlikely to explain this preference for one side. It favours no model if sides were "
            "assigned at random."
        )
    else:
        means = _("The difference between the sides could be due to chance.")
    yield Line(_("Position bias"), _("left %(left)s%%, tie %(tie)s%%, right %(right)s%%") % values, means)


def _ties(snapshot: Leaderboard, facts: dict[str, Any]) -> Iterator[Line]:
    if facts["ties"] is None:
        return
    if METHODS[snapshot.method].own_ties:
        means = _("This method gives ties a probability of their own.")
    elif snapshot.settings["ties"] == "drop":
        means = _("Ties are left out.")
    else:
        means = _("Each tie counts as half a win for both models.")
    yield Line(_("Ties"), _("%(percent)s%%") % {"percent": written(100 * facts["ties"])}, means)


def _numerics(snapshot: Leaderboard, groups: list[dict[str, Any]]) -> Iterator[Line]:
    if not groups:
        return
    group = groups[0]
    if group["clusters"] is not None:
        yield Line(_("Interval method"), _made(snapshot, group), _meant(groups))
    if any(part["prior"] for part in groups):
        yield Line(_("Assumption"), _("each model given half a tie against the mean"), text.notice("prior"))
    if optimum := text.converged(group):
        yield Line(
            _("Convergence"),
            optimum,
            _("At the optimum the gradient is zero. Below 1e-6, the displayed values do not change."),
        )
    for found in group["coefficients"]:
        yield Line(text.coefficient_name(found["name"]), text.coefficient(found), text.about_coefficient(found))


def _meant(groups: list[dict[str, Any]]) -> str:
    """Returns how reliable the intervals of a board are."""
    if groups[0]["clusters"] == "none":
        return _("95% of such intervals would contain the true rating if no two votes shared a prompt or a rater.")
    if any(group["prior"] or DOUBTS & {*group["notices"]} for group in groups):
        return _(
            "95% of such intervals are meant to contain the true rating. The notices above the table say where "
            "they may not."
        )
    return _("95% of such intervals contain the true rating.")


def _made(snapshot: Leaderboard, group: dict[str, Any]) -> str:
    if group["correction"] is None:
        return _("bootstrap, %(rounds)s rounds") % {"rounds": written(snapshot.settings["rounds"])}
    values = {"correction": group["correction"], "degrees": group["degrees"]}
    if group["degrees"] is None:
        return _("sandwich estimator, %(correction)s, normal distribution") % values
    return _("sandwich estimator, %(correction)s, t distribution with %(degrees)s degrees of freedom") % values


def _connected(snapshot: Leaderboard, groups: list[dict[str, Any]]) -> Iterator[Line]:
    models = sum(len(group["rows"]) for group in groups)
    if not models:
        return
    if len(groups) > 1:
        value = ngettext("%(number)s group", "%(number)s groups", len(groups)) % {"number": len(groups)}
        yield Line(
            _("Connectivity"),
            value,
            _(
                "No comparisons connect these groups, so models in different groups cannot be ranked against each "
                "other."
            ),
        )
    else:
        value = ngettext("%(number)s model connected", "all %(number)s models connected", models) % {
            "number": written(models)
        }
        yield Line(
            _("Connectivity"),
            value,
            _("Comparisons connect every model with every other, directly or through other models."),
        )
