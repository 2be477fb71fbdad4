"""The join links of a study."""

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _

from annotation.models import Study
from annotation.studies import signed_ids

PROLIFIC = "PROLIFIC_PID"


def join_link(request: HttpRequest, study: Study) -> str:
    """Returns the absolute URL by which workers join the study."""
    return request.build_absolute_uri(reverse("join", args=[study.slug]))


def join_links(request: HttpRequest, study: Study) -> list[tuple[str, str]]:
    """Returns (label, link) for each platform, with the platform's placeholders in the link."""
    plain = join_link(request, study)
    parameter = study.id_parameter
    links = [(_("No platform (each worker gets a number)"), plain)]
    if parameter == PROLIFIC:
        names = (PROLIFIC, "STUDY_ID", "SESSION_ID")
        query = "&".join(f"{name}={{{{%{name}%}}}}" for name in names)
        links.append((_("Prolific study URL (Prolific fills in the IDs)"), f"{plain}?{query}"))
    elif parameter:
        links.append((_("Other platform (replace ID with the participant ID)"), f"{plain}?{parameter}=ID"))
    if study.id_signed and parameter:
        signed = f"{plain}?{parameter}=ID&{signed_ids.PARAMETER}=SIGNATURE"
        return [(_("Signed IDs (replace ID and SIGNATURE for each participant)"), signed)]
    return links
