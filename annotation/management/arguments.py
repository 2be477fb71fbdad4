"""Arguments that several commands share."""

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from annotation.models import Study


def study_called(slug: str) -> Study:
    """Returns the study with the address `slug`.

    Raises:
        CommandError: no study has it; the message lists the studies.
    """
    try:
        return Study.objects.select_related("prompt_set").get(slug=slug)
    except Study.DoesNotExist as missing:
        known = ", ".join(Study.objects.order_by("slug").values_list("slug", flat=True)[:20])
        if not known:
            raise CommandError(
                _("Study “%(slug)s” was not found. There are no studies yet.") % {"slug": slug}
            ) from missing
        words = {"slug": slug, "known": known}
        raise CommandError(_("Study “%(slug)s” was not found. Available studies: %(known)s.") % words) from missing
