"""How a study's results stand, for its page."""

from datetime import datetime

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from annotation.models import Study
from annotation.snapshots import State
from annotation.study_sections import SectionState
from ranking.models import Leaderboard
from ranking.pages.options import Asked


def look(study: Study, at: datetime) -> SectionState:
    """The phrase of the Results section: how many models are ranked by how many votes of people."""
    asked = Asked()
    boards = Leaderboard.objects.of(study, asked.filters(), asked.settings())
    newest = boards.finished().newest()
    if newest is None or newest.state == State.IMPOSSIBLE:
        if boards.unfinished().exists():
            return SectionState(_("Computing the first leaderboard"), tone="busy")
        return SectionState(newest.why_not if newest else _("No votes yet"), tone="empty")
    models = sum(len(group["rows"]) for group in newest.sheet["groups"])
    phrases = [
        ngettext("%(number)s model ranked", "%(number)s models ranked", models) % {"number": models},
        ngettext("from %(number)s vote", "from %(number)s votes", newest.comparisons)
        % {"number": number_format(newest.comparisons, force_grouping=True)},
    ]
    if len(newest.sheet["groups"]) > 1:
        return SectionState(_("Models form groups with no comparisons between them"), tone="attention")
    return SectionState(" ".join(phrases))
