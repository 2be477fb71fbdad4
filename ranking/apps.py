"""Django configuration of the rankings."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class RankingConfig(AppConfig):
    """Registers the Results and Goal sections of studies, and what draws their pairs, when Django starts."""

    name = "ranking"
    verbose_name = _("ranking")

    def ready(self) -> None:
        from annotation import draw_strategies, study_sections
        from ranking import drawing, study_section
        from ranking.pages import goal

        study_sections.register_tool(study_sections.Tool(_("Plan votes"), "plans"))
        study_sections.register(
            study_sections.Section(
                "results", pgettext_lazy("what a study found", "Results"), 50, "leaderboard", study_section.look
            )
        )
        study_sections.register(
            study_sections.Section("goal", pgettext_lazy("of a study", "Goal"), 55, "study-goal", goal.section)
        )
        draw_strategies.register(drawing.DRAWER)
