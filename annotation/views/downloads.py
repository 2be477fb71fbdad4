"""Streamed file downloads, such as the CSV of every table."""

from collections.abc import Iterable, Iterator

from django.http import StreamingHttpResponse

from annotation.interchange.tables import csv_line

type Cell = str | float | bool | None


class Download(StreamingHttpResponse):
    """A file to download; one made `for_people` opens right in Excel, by a byte-order mark."""

    for_people = False


def download(
    lines: Iterable[str], name: str, content_type: str = "text/csv; charset=utf-8", *, for_people: bool = False
) -> Download:
    """Streams `lines` as the file `name`."""
    response = Download(
        lines,
        headers={
            "Content-Type": content_type,
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-store",
        },
    )
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
