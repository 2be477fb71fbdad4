"""`manage.py erase STUDY --id ID`: erases what tells who a worker is, and on request withdraws their votes."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from annotation.management.arguments import study_called
from annotation.models import Study, Worker
from annotation.studies.lifecycle import NotPossible
from annotation.voting import erasure


class Command(BaseCommand):
    """Erases the personal data of one worker of a study and prints how much it was."""

    help = (
        "Erases what tells who a worker is: the participant ID, the platform's parameters, the device and texts. "
        "Their votes stay under their number, unless --withdraw is given. This cannot be undone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study", metavar="STUDY", help="the study's address (slug)")
        who = parser.add_mutually_exclusive_group(required=True)
        who.add_argument("--id", metavar="ID", help="the worker's participant ID")
        who.add_argument("--worker", type=int, metavar="N", help="the worker's number in the study")
        parser.add_argument("--withdraw", action="store_true", help="withdraw their votes as well")

    def handle(self, *args: Any, **options: Any) -> None:
        study = study_called(options["study"])
        worker = _worker(study, options["id"], options["worker"])
        try:
            erased = erasure.erase(worker, timezone.now(), withdraw=options["withdraw"])
        except NotPossible as refusal:
            raise CommandError(str(refusal)) from refusal
        for label, number in erasure.told(erased):
            self.stdout.write(f"{label}: {number:,}")


def _worker(study: Study, external_id: str | None, number: int | None) -> Worker:
    """Returns the worker with this participant ID or `number`.

    Raises:
        CommandError: there is none.
    """
    workers = study.workers.filter(rater__simulated=False)
    found = workers.filter(external_id=external_id) if number is None else workers.filter(number=number)
    worker = found.first()
    if worker is not None:
        return worker
    if number is not None:
        raise CommandError(f"Study “{study.slug}” has no worker {number}.")
    if external_id and erasure.was_erased(study, external_id):
        raise CommandError("This worker’s data has already been erased. Use --worker N to withdraw votes.")
    raise CommandError(f"Study “{study.slug}” has no worker with this participant ID.")
