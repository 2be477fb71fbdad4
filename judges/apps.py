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
        from annotation.prompt_set_sections import SetSection
        from annotation.prompt_set_sections import register as register_for_sets
        from annotation.studies.lifecycle import HALTS
        from annotation.studies.prompt_sets import SET_HALTS
        from annotation.study_sections import Section, register
        from judges import study_sections
        from judges.answers import runs as answer_runs
        from judges.benchmark_files import export_mt_bench, import_rows, import_scores
        from judges.evolve import runs as evolve_runs
        from judges.formats import mt_bench
        from judges.judging import runs as judging_runs
        from judges.results import rater_costs
        from judges.similarity import runs as similarity_runs
        from judges.similarity import selection

        register(Section("answers", _("Answers"), 15, "study-answers", study_sections.look_at_answers))
        register(Section("judges", _("Judges"), 40, "study-judges", study_sections.look_at_judging))
        register_for_sets(
            SetSection("evolve", _("Evolve prompts"), "prompt-set-evolve", study_sections.look_at_evolved)
        )
        registry.register(mt_bench.FORMAT)
        import_rows.register()
        import_scores.register()
        study_formats.register(mt_bench.FORMAT, export_mt_bench.WRITER)
        rater_costs.register()
        selection.register()
        halts = (judging_runs.halt, answer_runs.halt, similarity_runs.halt)
        HALTS.extend(halt for halt in halts if halt not in HALTS)
        SET_HALTS.extend(halt for halt in (evolve_runs.halt,) if halt not in SET_HALTS)
