"""What a judge would be sent, on real answers of a study, before anything is."""

from annotation.models import Pair, Result, Study
from judges.judging import questions
from judges.models import Template
from judges.prompting.readers import READERS
from judges.prompting.templates import Filled, fill


def preview(template: Template, study: Study, reader: str = "") -> Filled | None:
    """`template` on the study's first pair, or first answer; None where it has none."""
    templates = template.templates
    markers = READERS[reader].markers if reader else None
    if templates.kind == "single":
        result = Result.objects.filter(prompt__in=study.prompts()).select_related("prompt").order_by("pk").first()
        return None if result is None else fill(templates, questions.subject_of_result(result, 0), markers)
    pair = Pair.objects.within(study).select_related("prompt", "result_x", "result_y", "study").order_by("key").first()
    return None if pair is None else fill(templates, questions.subject_of_pair(pair, "x", 0), markers)
