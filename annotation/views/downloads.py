"""File downloads: streamed ones, such as the CSV of every table, and files written in the background."""

from collections.abc import Iterable, Iterator

from django.http import FileResponse, Http404, StreamingHttpResponse
from django.utils import timezone
from django.utils.http import content_disposition_header

from annotation.exporting import jobs
from annotation.exporting.file_formats import FILE_FORMATS
from annotation.interchange.tables import csv_line
from annotation.models import Export

type Cell = str | float | bool | None

HEADERS = {"Cache-Control": "private, no-store"}


class Download(StreamingHttpResponse):
    """A file to download; one made `for_people` opens right in Excel, by a byte-order mark."""

    for_people = False


def download(
    lines: Iterable[str | bytes], name: str, content_type: str = "text/csv; charset=utf-8", *, for_people: bool = False
) -> Download:
    """Streams `lines` as the file `name`."""
    # In a header, letters beyond ASCII need an encoding of their own: a judge's name may have them.
    disposition = content_disposition_header(as_attachment=True, filename=name) or "attachment"
    response = Download(lines, headers=HEADERS | {"Content-Type": content_type, "Content-Disposition": disposition})
    response.for_people = for_people
    return response


def csv_download(
    columns: Iterable[str], rows: Iterable[Iterable[Cell]], name: str, *, for_people: bool = False
) -> Download:
    """Streams `rows` as a CSV file with the header `columns`."""

    def lines() -> Iterator[str]:
        yield csv_line(columns)
        for row in rows:
            yield csv_line(row)

    return download(lines(), name, for_people=for_people)


def stored_file(export: Export) -> FileResponse:
    """Sends the file of an export.

    Raises:
        Http404: it has none, or none any more.
    """
    if not export.has_file(timezone.now()):
        raise Http404
    try:
        file = jobs.path(export).open("rb")
    except FileNotFoundError:
        raise Http404 from None
    headers = HEADERS | {"Content-Type": FILE_FORMATS[export.format].media}
    return FileResponse(file, as_attachment=True, filename=export.file_name, headers=headers)
