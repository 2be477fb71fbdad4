from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class JudgesConfig(AppConfig):
    name = "judges"
    verbose_name = _("judges")

    def ready(self) -> None:
        from annotation import sections
        from annotation.interchange import registry
        from annotation.services import writing
        from judges import answers_spine, mt_bench, spine
        from judges.services import facts, mt_bench_files, taking

        sections.register(sections.Section("answers", _("Answers"), 15, "study-answers", answers_spine.look))
        sections.register(sections.Section("judges", _("Judges"), 40, "study-judges", spine.look))
        registry.register(mt_bench.FORMAT)
        taking.register()
        writing.register(mt_bench.FORMAT.name, mt_bench_files.WRITER)
        facts.register()
