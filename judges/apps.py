"""Django configuration of the judges."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class JudgesConfig(AppConfig):
    """Registers the study sections, file formats and rater columns of judges when Django starts."""

    name = "judges"
    verbose_name = _("judges")

    def ready(self) -> None:
        from annotation.exporting import study_formats
        from annotation.interchange import registry
        from annotation.studies.lifecycle import HALTS
        from annotation.study_sections import Section, register
        from judges import study_sections
        from judges.answers import runs as answer_runs
        from judges.benchmark_files import export_mt_bench, import_rows
        from judges.formats import mt_bench
        from judges.judging import runs as judging_runs
        from judges.results import rater_costs

        register(Section("answers", _("Answers"), 15, "study-answers", study_sections.look_at_answers))
        register(Section("judges", _("Judges"), 40, "study-judges", study_sections.look_at_judging))
        registry.register(mt_bench.FORMAT)
        import_rows.register()
        study_formats.register(mt_bench.FORMAT, export_mt_bench.WRITER)
        rater_costs.register()
        HALTS.extend(halt for halt in (judging_runs.halt, answer_runs.halt) if halt not in HALTS)
