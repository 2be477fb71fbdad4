from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class JudgesConfig(AppConfig):
    name = "judges"
    verbose_name = _("judges")

    def ready(self) -> None:
        from annotation import sections
        from judges import spine

        sections.register(sections.Section("judges", _("Judges"), 40, "study-judges", spine.look))
