"""Previews a judge's request with real answers of a study, without sending it."""

from annotation.models import Pair, Result, Study
from judges.judging import questions
from judges.models import Template
from judges.prompting.readers import READERS
from judges.prompting.templates import Filled, fill


def preview(template: Template, study: Study, reader: str = "") -> Filled | None:
    """Fills `template` with the study's first pair or answer; None if there is none."""
    templates = template.templates
    markers = READERS[reader].markers if reader else None
    if templates.kind == "single":
        result = Result.objects.filter(prompt__in=study.prompts()).select_related("prompt").order_by("pk").first()
        return None if result is None else fill(templates, questions.subject_of_result(study, result, 0), markers)
    pair = Pair.objects.within(study).select_related("prompt", "result_x", "result_y", "study").order_by("key").first()
    return None if pair is None else fill(templates, questions.subject_of_pair(pair, "x", 0), markers)
