"""Django configuration of the rankings."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class RankingConfig(AppConfig):
    """Registers the Results section of studies when Django starts."""

    name = "ranking"
    verbose_name = _("ranking")

    def ready(self) -> None:
        from annotation import study_sections
        from ranking import study_section

        study_sections.register_tool(study_sections.Tool(_("Plan votes"), "plans"))
        study_sections.register(
            study_sections.Section(
                "results", pgettext_lazy("what a study found", "Results"), 50, "leaderboard", study_section.look
            )
        )
