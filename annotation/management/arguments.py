"""What the arguments of several commands mean."""

from django.core.management.base import CommandError
from django.utils.translation import gettext as _

from annotation.models import Study


def study_called(slug: str) -> Study:
    """The study whose address is `slug`.

    Raises:
        CommandError: there is none; it names those there are.
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
