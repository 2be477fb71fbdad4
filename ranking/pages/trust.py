"""The panel “Can you trust this?”: facts about a snapshot, each with an explanation."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.voting import coverage
from ranking.models import Leaderboard
from ranking.pages import text
from ranking.pages.statements import About, one, written
from ranking.votes.reader import ALL, PEOPLE

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
    it = About.of(snapshot)
    yield Line(_("Scope of intervals"), _scope(it), one("scope", it))
    if it.facts:
        yield from _size(it)
        yield from _left_out(it)
        yield from _agreement(it)
        yield from _place(it)
        yield from _ties(it)
    yield from _unmet(it)
    yield from _numerics(it)
    yield from _connected(it)


def _scope(it: About) -> str:
    return _("none") if it.clusters is None else str(text.ABOUT[it.clusters])


def _size(it: About) -> Iterator[Line]:
    facts = it.facts
    prompts, pairs, votes = facts["prompts"], facts["pairs"], facts["votes"]
    yield Line(_("Prompts"), written(prompts), one("prompts", it))
    if it.raters == PEOPLE:
        yield Line(_("People"), written(facts["raters"]), one("people", it))
    elif it.raters == ALL and "people" in facts:
        yield Line(_("People and judges"), _from_whom(facts), one("people", it))
    values = {"pairs": written(pairs), "votes": written(votes), "each": written(votes / pairs, 1) if pairs else "0"}
    value = _("%(pairs)s, with %(votes)s votes (%(each)s per pair)") % values
    yield Line(_("Pairs"), value, _("A pair is two answers to the same prompt, shown side by side."))
    if votes != it.comparisons or it.raters == ALL:
        value = _("%(comparisons)s, from %(votes)s votes") % {
            "comparisons": written(it.comparisons),
            "votes": written(votes),
        }
        yield Line(_("Comparisons used"), value, one("went-in", it))
    if facts.get("offered"):
        yield _coverage(it)
    yield _dates(it)


def _coverage(it: About) -> Line:
    """Says how many of the planned votes are received; boards from before that was counted say it of pairs."""
    facts = it.facts
    if facts.get("planned"):
        share = facts["received"] / facts["planned"]
        words, of = _("%(percent)s%% of %(number)s planned votes"), facts["planned"]
    else:
        share = facts["covered"] / facts["offered"]
        words, of = _("%(percent)s%% of %(number)s pairs have all their planned votes"), facts["offered"]
    return Line(
        _("Coverage"), words % {"percent": written(coverage.percent(share)), "number": written(of)}, one("coverage", it)
    )


def _percent_of(share: float) -> str:
    """Formats a share in per cent, never rounding a part to nothing or to the whole."""
    if 0 < share < 0.005:
        return "< 1"
    return "> 99" if 0.995 <= share < 1 else written(100 * share)


def _from_whom(facts: dict[str, Any]) -> str:
    """Says how many votes came from people, from crowds of unknown size if there are any, and from judges."""
    people, crowds, judges = facts["people"], facts.get("crowds", 0), facts["judges"]
    # Boards from before the votes of crowds were counted apart have them among those of people.
    of_crowds = facts.get("crowd_votes", 0)
    told = [
        (
            ngettext("%(votes)s votes by %(number)s person", "%(votes)s votes by %(number)s people", people),
            facts["people_votes"] - of_crowds,
            people,
        ),
        (
            ngettext("%(votes)s verdicts by %(number)s judge", "%(votes)s verdicts by %(number)s judges", judges),
            facts["judge_votes"],
            judges,
        ),
    ]
    if of_crowds:
        crowd = ngettext("%(votes)s votes by %(number)s crowd", "%(votes)s votes by %(number)s crowds", crowds)
        told.insert(1, (crowd, of_crowds, crowds))
    return ", ".join(words % {"votes": written(votes), "number": written(number)} for words, votes, number in told)


def _dates(it: About) -> Line:
    term, facts = _("First and last vote"), it.facts
    if facts["first"] is None:
        return Line(term, _("unknown"), one("dates", it))
    first, last = (datetime.fromisoformat(facts[end]).date().isoformat() for end in ("first", "last"))
    return Line(term, first if first == last else f"{first} – {last}")


def _left_out(it: About) -> Iterator[Line]:
    raters, votes = it.facts["excluded_raters"], it.facts["excluded_votes"]
    value = _("none")
    if raters:
        value = ngettext(
            "%(votes)s votes by %(number)s excluded rater", "%(votes)s votes by %(number)s excluded raters", raters
        ) % {"votes": written(votes), "number": written(raters)}
    yield Line(_("Excluded votes"), value, one("excluded", it))
    if it.simulated:
        yield Line(_("Simulated votes"), written(it.simulated), one("simulated", it))


def _unmet(it: About) -> Iterator[Line]:
    if unmet := it.unmet:
        means = one("unmet", it)
        if len(unmet) <= MANY_NAMES:
            yield Line(_("Models not ranked"), ", ".join(unmet), means)
        else:
            number = ngettext("%(number)s model", "%(number)s models", len(unmet)) % {"number": written(len(unmet))}
            yield Line(_("Models not ranked"), number, means, tuple(unmet))


def _agreement(it: About) -> Iterator[Line]:
    facts = it.facts
    found, strict = facts.get("agreement"), facts.get("agreement_without_ties")
    if found is None or strict is None:
        return
    term, means = _("Agreement with people") if it.is_judge else _("Agreement among people"), one("agreement", it)
    value = _("unknown") if found["value"] is None else text.percent(found)
    if strict["value"] is not None:
        value = _("%(share)s, or %(strict)s without ties") % {"share": value, "strict": text.percent(strict)}
    yield Line(term, value, means)
    if facts.get("both_orders"):
        yield Line(
            _("Same verdict in both orders"),
            _("%(percent)s%% of %(number)s")
            % {
                "percent": _percent_of(facts["consistent"] / facts["both_orders"]),
                "number": written(facts["both_orders"]),
            },
            one("orders", it),
        )


def _place(it: About) -> Iterator[Line]:
    found = it.facts["position"]
    if found is None:
        return
    values = {side: written(100 * found[side]["value"]) for side in ("left", "tie", "right")}
    value = _("left %(left)s%%, tie %(tie)s%%, right %(right)s%%") % values
    yield Line(_("Position bias"), value, one("position", it))


def _ties(it: About) -> Iterator[Line]:
    if it.facts["ties"] is not None:
        yield Line(_("Ties"), _("%(percent)s%%") % {"percent": written(100 * it.facts["ties"])}, one("ties", it))


def _numerics(it: About) -> Iterator[Line]:
    if not it.groups:
        return
    group = it.group
    if it.clusters is not None:
        yield Line(_("Interval method"), _made(it), one("intervals", it))
    yield from _effective(it)
    if any(part["prior"] for part in it.groups):
        yield Line(_("Assumption"), _("each model given half a tie against the mean"), text.notice("prior"))
    if optimum := text.converged(group):
        yield Line(_("Convergence"), optimum, one("convergence", it))
    for found in group["coefficients"]:
        yield Line(text.coefficient_name(found["name"]), text.coefficient(found), text.about_coefficient(found))


def _effective(it: About) -> Iterator[Line]:
    """Yields the effective numbers of prompts and raters, which older boards do not contain."""
    values = {"prompts": _("%(worth)s of %(number)s prompts"), "raters": _("%(worth)s of %(number)s raters")}
    found = [
        value % {"worth": written(worth, 1), "number": written(it.group[what])}
        for what, value in values.items()
        if (worth := it.group.get(f"effective_{what}")) is not None
    ]
    if found:
        yield Line(_("Effective numbers"), ", ".join(found), one("effective", it))


def _made(it: About) -> str:
    group = it.group
    if group["correction"] is None:
        return _("bootstrap, %(rounds)s rounds") % {"rounds": written(it.settings["rounds"])}
    if group["degrees"] is None:
        return _("sandwich estimator, %(correction)s, normal distribution") % {"correction": group["correction"]}
    return _("sandwich estimator, %(correction)s, t distribution with %(degrees)s degrees of freedom") % {
        "correction": group["correction"],
        "degrees": written(group["degrees"], 1),
    }


def _connected(it: About) -> Iterator[Line]:
    models = sum(len(group["rows"]) for group in it.groups)
    if not models:
        return
    if len(it.groups) > 1:
        value = ngettext("%(number)s group", "%(number)s groups", len(it.groups)) % {"number": len(it.groups)}
    elif it.unmet:
        value = ngettext("%(number)s ranked model connected", "all %(number)s ranked models connected", models) % {
            "number": written(models)
        }
    else:
        value = ngettext("%(number)s model connected", "all %(number)s models connected", models) % {
            "number": written(models)
        }
    yield Line(_("Connectivity"), value, one("connected", it))
