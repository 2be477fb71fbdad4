"""Registration of annotation with Django: its URL converter and its sections on a study's overview."""

from django.apps import AppConfig
from django.urls import register_converter
from django.urls.converters import IntConverter
from django.utils.translation import gettext_lazy as _


class Whole(IntConverter):
    """`<whole:number>` in a URL; numbers in exchange files can be negative."""

    regex = "-?[0-9]+"


class AnnotationConfig(AppConfig):
    """Registers `<whole:number>` and the overview's sections on data, pairs, workers and export."""

    name = "annotation"
    verbose_name = _("annotation")

    def ready(self) -> None:
        register_converter(Whole, "whole")
        from annotation import overview, study_sections

        for section in (
            study_sections.Section("data", _("Data"), 10, "study-data", overview.data),
            study_sections.Section("pairs", _("Pairs"), 20, "study-pairs", overview.pairs),
            study_sections.Section("workers", _("Workers"), 30, "study-workers", overview.workers),
            study_sections.Section("export", _("Export"), 60, "study-export", overview.export),
        ):
            study_sections.register(section)
