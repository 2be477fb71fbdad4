"""What a worker's browser does without JavaScript."""

from django.http import HttpResponse
from django.test import Client

from annotation.models import Assignment, Study


def join(client: Client, study: Study, query: str = "") -> HttpResponse:
    """Agrees to the consent of `study` as it was when fetched, and follows the redirect."""
    fields = {"answer": "agree", "version": study.consent_version}
    return client.post(f"/s/{study.slug}/consent/{query}", fields, follow=True)


def in_hand() -> int:
    """Returns the primary key of the only open assignment."""
    return Assignment.objects.get(state="open").pk


def vote(
    client: Client, study: Study, value: object = 1, pair: int | None = None, *, follow: bool = False, **fields: object
) -> HttpResponse:
    sent = {"pair": pair or in_hand(), "value": value, **fields}
    return client.post(f"/s/{study.slug}/vote/send/", sent, follow=follow)


def text_of(page: HttpResponse) -> str:
    return page.content.decode()
