from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RankingConfig(AppConfig):
    name = "ranking"
    verbose_name = _("ranking")

    def ready(self) -> None:
        from annotation import sections
        from ranking import spine

        sections.register(sections.Section("results", _("Results"), 50, "leaderboard", spine.look))
