"""Registration of annotation with Django: its URL converter and its sections on a study's overview."""

from django.apps import AppConfig
from django.urls import register_converter
from django.urls.converters import IntConverter
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop


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
        from annotation.exporting import arena_hard, layouts, own, preferences, study_formats
        from annotation.exporting import battles as battles_out
        from annotation.importing import registry
        from annotation.importing.rows.answers import AnswerRows
        from annotation.importing.rows.battles import BattleRows
        from annotation.importing.rows.votes import VoteRows
        from annotation.interchange.formats import answer, battle, battles, mad, vote
        from annotation.models import BattleRow

        for section in (
            study_sections.Section("data", _("Data"), 10, "study-data", overview.data),
            study_sections.Section("pairs", _("Pairs"), 20, "study-pairs", overview.pairs),
            study_sections.Section("workers", _("Workers"), 30, "study-workers", overview.workers),
            study_sections.Section("export", _("Export"), 60, "study-export", overview.export),
        ):
            study_sections.register(section)
        registry.register({battle.KIND: gettext_noop("Battles")}, BattleRows, (BattleRow,), of_the_study=(battle.KIND,))
        for layout in (*own.OWN, *battles_out.LAYOUTS, arena_hard.LAYOUT, *preferences.LAYOUTS):
            layouts.register(layout)
        registry.register({answer.KIND: gettext_noop("Answers by text")}, AnswerRows, ())
        registry.register({vote.KIND: gettext_noop("Votes without texts")}, VoteRows, (), of_the_study=(vote.KIND,))
        study_formats.register(mad.FORMAT, battles_out.MAD_WRITER)
        study_formats.register(battles.FORMAT, battles_out.BATTLES_WRITER)
