"""What the arguments of several commands mean."""

from django.core.management.base import CommandError

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
        there_are = f"there are {known}" if known else "there is none yet"
        raise CommandError(f"No study has the address {slug}: {there_are}.") from missing
