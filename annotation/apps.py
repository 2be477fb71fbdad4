from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AnnotationConfig(AppConfig):
    name = "annotation"
    verbose_name = _("annotation")

    def ready(self) -> None:
        from annotation import sections
        from annotation.services import spine

        for section in (
            sections.Section("data", _("Data"), 10, "study-data", spine.data),
            sections.Section("pairs", _("Pairs"), 20, "study-pairs", spine.pairs),
            sections.Section("workers", _("Workers"), 30, "study-workers", spine.workers),
            sections.Section("export", _("Export"), 60, "study-export", spine.export),
        ):
            sections.register(section)
