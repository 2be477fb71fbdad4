from django.apps import AppConfig
from django.urls import register_converter
from django.urls.converters import IntConverter
from django.utils.translation import gettext_lazy as _


class Whole(IntConverter):
    """`<whole:number>` in an address: numbers of the exchange files may be negative."""

    regex = "-?[0-9]+"


class AnnotationConfig(AppConfig):
    name = "annotation"
    verbose_name = _("annotation")

    def ready(self) -> None:
        register_converter(Whole, "whole")
        from annotation import sections
        from annotation.services import spine

        for section in (
            sections.Section("data", _("Data"), 10, "study-data", spine.data),
            sections.Section("pairs", _("Pairs"), 20, "study-pairs", spine.pairs),
            sections.Section("workers", _("Workers"), 30, "study-workers", spine.workers),
            sections.Section("export", _("Export"), 60, "study-export", spine.export),
        ):
            sections.register(section)
